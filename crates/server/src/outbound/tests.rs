use core::net::Ipv4Addr;
use core::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::*;

/// A server for one request: answers with `reply` and tells what it was asked.
struct Elsewhere {
    port: u16,
    asked: JoinHandle<String>,
}

impl Elsewhere {
    async fn new(reply: Vec<u8>) -> Self {
        Self::serving(reply, None).await
    }

    async fn serving(reply: Vec<u8>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = tokio::spawn(async move {
            let (socket, _) = listener.accept().await.unwrap();
            match tls {
                None => answer(socket, reply).await,
                Some(tls) => match tls.accept(socket).await {
                    Ok(stream) => answer(stream, reply).await,
                    Err(error) => error.to_string(),
                },
            }
        });
        Self { port, asked }
    }

    fn url(&self, scheme: &str, host: &str) -> Target {
        let url = format!("{scheme}://{host}:{}/hook?a=b", self.port);
        url.parse().unwrap()
    }
}

/// Answers once the request's body, which is `{}`, is there.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, reply: Vec<u8>) -> String {
    let mut asked = Vec::new();
    while !asked.ends_with(b"\r\n\r\n{}") {
        assert_ne!(stream.read_buf(&mut asked).await.unwrap(), 0, "cut off");
    }
    // Whoever asked need not listen to all of it.
    let _ = stream.write_all(&reply).await;
    let _ = stream.shutdown().await;
    String::from_utf8(asked).unwrap()
}

fn allowing(networks: &[&str]) -> Outbound {
    Outbound::new(networks.iter().map(|text| text.parse().unwrap()).collect())
}

async fn post(outbound: &Outbound, target: &Target) -> Result<Answer, OutboundError> {
    let mut headers = HeaderMap::new();
    headers.insert("webhook-id", "one".parse().unwrap());
    outbound
        .post(target, headers, Bytes::from_static(b"{}"))
        .await
}

fn reply(status: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn a_request_arrives_as_it_was_meant() {
    let elsewhere = Elsewhere::new(reply("202 Accepted", b"thanks")).await;
    let target = elsewhere.url("http", "127.0.0.1");
    let answer = post(&allowing(&["127.0.0.0/8"]), &target).await.unwrap();
    assert_eq!(
        (answer.status.as_u16(), &*answer.body),
        (202, &b"thanks"[..])
    );
    let asked = elsewhere.asked.await.unwrap().to_ascii_lowercase();
    assert!(asked.starts_with("post /hook?a=b http/1.1\r\n"), "{asked}");
    let host = format!("\r\nhost: 127.0.0.1:{}\r\n", elsewhere.port);
    for line in [
        &host,
        "\r\nwebhook-id: one\r\n",
        "\r\ncontent-length: 2\r\n",
    ] {
        assert!(asked.contains(line), "{asked}");
    }
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for host in [
        "localhost",
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "169.254.169.254",
    ] {
        let target = format!("http://{host}:{port}/").parse().unwrap();
        let answer = post(&allowing(&["10.9.0.0/16"]), &target).await;
        assert!(
            matches!(answer, Err(OutboundError::Private(_))),
            "{host}: {answer:?}"
        );
    }
    // A connection would be waiting here.
    let accepted = timeout(Duration::ZERO, listener.accept()).await;
    assert!(accepted.is_err(), "somebody connected");
}

#[test]
fn odd_ports_private_networks_and_plain_http_are_for_those_that_are_allowed() {
    let outbound = allowing(&["10.1.0.0/16", "fd00::/8", "8.8.4.4"]);
    for (scheme, to, reached) in [
        ("https", "8.8.8.8:80", "yes"),
        ("https", "8.8.8.8:443", "yes"),
        ("http", "8.8.8.8:80", "Plain"),
        ("https", "8.8.8.8:22", "Port"),
        ("https", "8.8.8.8:8080", "Port"),
        ("https", "8.8.8.8:0", "Port"),
        ("http", "8.8.4.4:25", "yes"),
        ("http", "10.1.2.3:8443", "yes"),
        ("https", "10.2.2.3:443", "Private"),
        ("https", "[::ffff:10.1.2.3]:8443", "yes"),
        ("https", "[::ffff:10.2.2.3]:443", "Private"),
        ("https", "[fd00::1]:9000", "yes"),
        ("https", "[fc00::1]:443", "Private"),
    ] {
        let target = format!("{scheme}://{to}/").parse().unwrap();
        let found = match outbound.may_reach(&target, to.parse().unwrap()) {
            Ok(()) => "yes",
            Err(OutboundError::Plain) => "Plain",
            Err(OutboundError::Port(_)) => "Port",
            Err(OutboundError::Private(_)) => "Private",
            Err(other) => panic!("{to}: {other}"),
        };
        assert_eq!(found, reached, "{scheme} {to}");
    }
}

/// A name whose owner has it lead inside once it was looked at.
#[tokio::test]
async fn what_is_connected_to_is_what_was_checked() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let rebinding: LookUp = |host, port| {
        assert_eq!(host, "rebinding.test");
        let first = ASKED.fetch_add(1, Ordering::SeqCst) == 0;
        let address = if first {
            [127, 0, 0, 1]
        } else {
            [127, 0, 0, 2]
        };
        Ok(vec![SocketAddr::from((address, port))])
    };
    let outbound = Outbound {
        ask: rebinding,
        ..allowing(&["127.0.0.1"])
    };
    let elsewhere = Elsewhere::new(reply("200 OK", b"")).await;
    let target = elsewhere.url("http", "rebinding.test");
    assert_eq!(post(&outbound, &target).await.unwrap().status, 200);
    assert_eq!(ASKED.load(Ordering::SeqCst), 1, "asked once");
    let refused = post(&outbound, &target).await;
    assert!(
        matches!(refused, Err(OutboundError::Private(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_name_that_leads_nowhere_is_told_apart() {
    let outbound = Outbound {
        ask: |_, _| Err(io::ErrorKind::NotFound.into()),
        ..allowing(&[])
    };
    let target = "https://nowhere.invalid/".parse().unwrap();
    for found in [
        outbound.check(&target).await,
        post(&outbound, &target).await.map(drop),
    ] {
        assert!(matches!(found, Err(OutboundError::Nowhere(_))), "{found:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let inside = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let there = inside.local_addr().unwrap();
    let redirect =
        format!("HTTP/1.1 307 Go\r\nLocation: http://{there}/\r\nContent-Length: 0\r\n\r\n");
    let elsewhere = Elsewhere::new(redirect.into_bytes()).await;
    let target = elsewhere.url("http", "127.0.0.1");
    let answer = post(&allowing(&["127.0.0.1"]), &target).await.unwrap();
    assert_eq!(answer.status.as_u16(), 307);
    let accepted = timeout(Duration::ZERO, inside.accept()).await;
    assert!(accepted.is_err(), "somebody followed");
}

#[tokio::test]
async fn an_answer_is_bounded() {
    let outbound = allowing(&["127.0.0.1"]);
    let largest = vec![b'x'; MAX_ANSWER];
    for (body, fits) in [
        (largest.clone(), true),
        ([largest, vec![b'x']].concat(), false),
    ] {
        // Once with its length said before, once until the end of the connection.
        let unsaid = [b"HTTP/1.1 200 OK\r\n\r\n", &*body].concat();
        for reply in [reply("200 OK", &body), unsaid] {
            let elsewhere = Elsewhere::new(reply).await;
            let answer = post(&outbound, &elsewhere.url("http", "127.0.0.1")).await;
            match answer {
                Ok(answer) => assert!(fits && answer.body.len() == MAX_ANSWER),
                Err(error) => {
                    assert!(!fits && matches!(error, OutboundError::TooLarge(StatusCode::OK)));
                }
            }
        }
    }
    let endless = format!(
        "HTTP/1.1 200 OK\r\nX: {}\r\n\r\n",
        "x".repeat(2 * MAX_HEADERS)
    );
    for nonsense in [
        endless.into_bytes(),
        b"220 mail ready\r\n".to_vec(),
        Vec::new(),
    ] {
        let elsewhere = Elsewhere::new(nonsense).await;
        let answer = post(&outbound, &elsewhere.url("http", "127.0.0.1")).await;
        assert!(
            matches!(answer, Err(OutboundError::Broken(_))),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn whoever_says_nothing_is_left() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let outbound = Outbound {
        within: Duration::from_millis(50),
        ..allowing(&["127.0.0.1"])
    };
    let target = format!("http://{}/", listener.local_addr().unwrap());
    let answer = post(&outbound, &target.parse().unwrap()).await;
    assert!(
        matches!(answer, Err(OutboundError::TooSlow(_))),
        "{answer:?}"
    );
    drop(listener);
    let answer = post(&allowing(&["127.0.0.1"]), &target.parse().unwrap()).await;
    assert!(
        matches!(answer, Err(OutboundError::Unreachable(_))),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_certificate_must_be_believed_and_for_the_name() {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let cases = [
        (roots.clone(), "localhost", true),
        (roots, "127.0.0.1", false),
        (RootCertStore::empty(), "localhost", false),
    ];
    for (roots, host, believed) in cases {
        let outbound = Outbound {
            tls: OnceLock::from(believing(roots)),
            ..allowing(&["127.0.0.0/8", "::1"])
        };
        let elsewhere = Elsewhere::serving(reply("200 OK", b""), Some(acceptor.clone())).await;
        let answer = post(&outbound, &elsewhere.url("https", host)).await;
        assert_eq!(answer.is_ok(), believed, "{host}: {answer:?}");
    }
}
