//! What one client can cost.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hither_protocol::{ClientFrame, CloseCode, DeviceKind, ServerFrame};
use hither_server::store::{Publishers, Store};
use hither_server::{Limits, Rate, Registration, Settings, Tls};
use hyper::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message as Wire;

use crate::harness::{Answer, PASSWORD, PATIENCE, PUBLISHER, SECRET, Server, credentials, shows};

/// A server whose limits are others, and to which this computer speaks for others.
async fn limited(change: impl FnOnce(&mut Limits)) -> Server {
    let mut limits = Limits::default();
    change(&mut limits);
    Server::with(Settings {
        limits,
        trusted_proxies: vec!["127.0.0.1".parse().unwrap()],
        ..Settings::default()
    })
    .await
}

async fn get_for(server: &Server, address: &str, path: &str) -> Answer {
    let forwarded = [("x-forwarded-for", address)];
    server.request(Method::GET, path, &forwarded, "").await
}

fn assert_too_many(answer: &Answer) {
    assert_eq!(answer.problem(), (429, "too_many".to_owned()));
    assert_soon(answer);
}

fn assert_soon(answer: &Answer) {
    let wait: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{answer:?}");
}

#[tokio::test]
async fn requests_are_limited_by_the_address_behind_a_trusted_proxy() {
    let server = limited(|it| it.requests_per_address = Rate::per_minute(1).burst(2)).await;
    for _ in 0..2 {
        assert_eq!(get_for(&server, "192.0.2.1", "/healthz").await.status, 200);
    }
    assert_too_many(&get_for(&server, "192.0.2.1", "/healthz").await);
    assert_eq!(get_for(&server, "192.0.2.2", "/healthz").await.status, 200);
    let forged = get_for(&server, "192.0.2.9, 192.0.2.1", "/healthz").await;
    assert_too_many(&forged);
    for _ in 0..5 {
        let own = server.request(Method::GET, "/healthz", &[], "").await;
        assert_eq!(own.status, 200);
    }
}

#[tokio::test]
async fn nobody_speaks_for_others_without_being_trusted() {
    let server = Server::with(Settings {
        limits: Limits {
            requests_per_address: Rate::per_minute(1).burst(1),
            ..Limits::default()
        },
        ..Settings::default()
    })
    .await;
    for _ in 0..5 {
        assert_eq!(get_for(&server, "192.0.2.1", "/healthz").await.status, 200);
    }
}

#[tokio::test]
async fn requests_are_limited_by_account_and_by_publisher() {
    let server = limited(|it| {
        it.requests_per_account = Rate::per_minute(1).burst(2);
        it.requests_per_publisher = Rate::per_minute(1).burst(2);
    })
    .await;
    let ada = server.sign_in("ada", DeviceKind::Desktop).await;
    let bob = server.sign_in("bob", DeviceKind::Desktop).await;
    for _ in 0..2 {
        assert_eq!(server.get("/v1/tokens", &ada).await.status, 200);
        server.send("ada", "within").await;
    }
    assert_too_many(&server.get("/v1/tokens", &ada).await);
    assert_eq!(server.get("/v1/tokens", &bob).await.status, 200);
    let message = json!({ "to": { "accounts": ["ada"] }, "title": "beyond" });
    assert_too_many(&server.publish(&message).await);
    let stored = server.store.head();
    assert_eq!(stored.0, 2, "what was refused is not stored");
}

#[tokio::test]
async fn requests_in_ntfys_and_gotifys_form_count_like_all_others() {
    let server = limited(|it| {
        it.requests_per_account = Rate::per_minute(1).burst(3);
        it.requests_per_publisher = Rate::per_minute(1).burst(3);
    })
    .await;
    let token = format!("{PUBLISHER}.{SECRET}");
    let publisher = format!("Bearer {token}");
    let gotify = format!("/message?token={token}&message=within");
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    let ada = format!("Bearer {}", session.access_token.expose());
    let password = format!("Basic {}", STANDARD.encode(format!("ada:{PASSWORD}")));
    let ask = async |method, path: &str, who: &str| {
        let headers = [("authorization", who)];
        server.request(method, path, &headers, "").await
    };
    for (method, path, who) in [
        (Method::POST, "/alerts", publisher.as_str()),
        (Method::GET, "/alerts/json?poll=1", &publisher),
        (Method::POST, &gotify, ""),
        (Method::GET, "/alerts/json?poll=1", &ada),
        (Method::GET, "/alerts/auth", &password),
        (Method::GET, "/alerts/auth", &password),
    ] {
        let answer = ask(method, path, who).await;
        assert_eq!(answer.status, 200, "{path} {answer:?}");
    }
    for (method, path, who) in [
        (Method::POST, "/alerts", publisher.as_str()),
        (Method::PUT, "/", &publisher),
        (Method::GET, "/alerts/publish", &publisher),
        (Method::GET, "/alerts/sse", &publisher),
        (Method::DELETE, "/alerts/x", &publisher),
        (Method::GET, "/alerts/json", &ada),
        (Method::GET, "/alerts/raw", &password),
    ] {
        let answer = ask(method, path, who).await;
        assert_eq!(answer.status, 429, "{path} {answer:?}");
        assert_eq!(answer.json()["code"], 42901);
        assert_eq!(answer.json()["http"], 429);
        assert_soon(&answer);
    }
    let answer = ask(Method::POST, &gotify, "").await;
    assert_eq!(answer.status, 429, "{answer:?}");
    assert_eq!(answer.json()["errorCode"], 429);
    assert_soon(&answer);
    let stored = server.store.head();
    assert_eq!(stored.0, 2, "what was refused is not stored");
}

#[tokio::test]
async fn d1_registrations_of_one_address_are_limited() {
    for registration in [Registration::Open, Registration::Approval] {
        let server = Server::with(Settings {
            registration,
            trusted_proxies: vec!["127.0.0.1".parse().unwrap()],
            limits: Limits {
                registrations_per_address: Rate::per_minute(1).burst(2),
                ..Limits::default()
            },
            ..Settings::default()
        })
        .await;
        let register = async |address, name: &str| {
            let forwarded = [("x-forwarded-for", address)];
            let body = json!({ "name": name, "contact": "ops@shop.example" });
            server.post("/v1/publishers", &forwarded, &body).await
        };
        for (name, status) in [("", 422), ("One", 200), ("", 422), ("Two", 200)] {
            let answer = register("192.0.2.1", name).await;
            assert_eq!(answer.status / 100, status / 100, "{name} {answer:?}");
        }
        assert_too_many(&register("192.0.2.1", "Three").await);
        assert_eq!(register("192.0.2.2", "Other").await.status / 100, 2);
        let known = server.store.publishers().await.unwrap();
        assert_eq!(known.len(), 1 + 3, "{registration}");
    }
}

#[tokio::test]
async fn a_client_that_says_too_much_is_told_when_to_come_back() {
    let server = limited(|it| it.frames_per_stream = Rate::per_minute(1).burst(3)).await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    let (mut stream, _) = server.connect(&session, None).await;
    for _ in 0..2 {
        stream.ping().await;
    }
    stream.try_say(ping()).await;
    let frames = stream.ends_with(CloseCode::TooMany).await;
    let Some(ServerFrame::Error {
        code,
        retry_after_ms,
        ..
    }) = frames.last()
    else {
        panic!("{frames:?}")
    };
    assert_eq!(code, "too_many");
    assert!(retry_after_ms.unwrap() >= 1000);
    let (_, backlog) = server.connect(&session, None).await;
    assert!(backlog.frames.is_empty());
}

#[tokio::test]
async fn answers_to_log_entries_are_never_too_many() {
    let server = limited(|it| it.frames_per_stream = Rate::per_hour(1).burst(1)).await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    for number in 0..20 {
        server.send("ada", &number.to_string()).await;
    }
    let (mut stream, backlog) = server.connect(&session, None).await;
    for frame in &backlog.frames {
        let ServerFrame::Message {
            cursor, message, ..
        } = frame
        else {
            continue;
        };
        let (cursor, ids) = (cursor.clone(), vec![message.id]);
        stream.say(&ClientFrame::Ack { cursor }).await;
        stream.say(&shows(message.id)).await;
        stream.say(&ClientFrame::Read { ids }).await;
    }
    for _ in 0..20 {
        while !matches!(stream.next().await, ServerFrame::Read { .. }) {}
    }
}

fn ping() -> Wire {
    let ping = ClientFrame::Ping {
        last_input_ms: None,
        echo: None,
    };
    Wire::text(ping.to_text())
}

#[tokio::test]
async fn connections_are_limited_in_all_and_come_back() {
    let server = limited(|it| it.connections = 2).await;
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        socket
            .write_all(b"GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n")
            .await
            .unwrap();
        let mut answer = [0; 12];
        timeout(PATIENCE, socket.read_exact(&mut answer))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
        kept.push(socket);
    }
    let mut refused = TcpStream::connect(server.address).await.unwrap();
    let mut answer = Vec::new();
    // Closed or reset, whichever comes first.
    let _ = timeout(PATIENCE, refused.read_to_end(&mut answer))
        .await
        .expect("an end");
    assert!(answer.is_empty());
    drop(kept);
    let again = async {
        loop {
            let socket = TcpStream::connect(server.address).await.unwrap();
            if is_answered(socket).await {
                break;
            }
        }
    };
    timeout(PATIENCE, again).await.expect("a place again");
}

async fn is_answered(mut socket: TcpStream) -> bool {
    let asked = socket
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n")
        .await;
    let mut answer = [0; 12];
    asked.is_ok() && socket.read_exact(&mut answer).await.is_ok()
}

#[tokio::test]
async fn streams_of_one_address_are_limited_behind_a_proxy() {
    let server = limited(|it| it.connections_per_address = 1).await;
    let upgrade = |address| {
        [
            ("x-forwarded-for", address),
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-protocol", "hither.v1"),
        ]
    };
    let first = server.open_for("192.0.2.1").await;
    let answer = server
        .request(Method::GET, "/v1/stream", &upgrade("192.0.2.1"), "")
        .await;
    assert_too_many(&answer);
    server.open_for("192.0.2.2").await;
    drop(first);
    let again = async {
        while server
            .request(Method::GET, "/v1/stream", &upgrade("192.0.2.1"), "")
            .await
            .status
            != 101
        {}
    };
    timeout(PATIENCE, again).await.expect("a place again");
}

#[tokio::test]
async fn json_that_never_stops_nesting_does_no_harm() {
    let server = Server::start().await;
    let bearer = format!("Bearer {PUBLISHER}.{SECRET}");
    let headers = [
        ("content-type", "application/json"),
        ("authorization", bearer.as_str()),
    ];
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let deep = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        for (field, status) in [("title", 422), ("actions", 422), ("unknown", 201)] {
            let body = format!(r#"{{"to":{{"accounts":["ada"]}},"body":"b","{field}":{deep}}}"#);
            let answer = server
                .request(Method::POST, "/v1/messages", &headers, body)
                .await;
            assert_eq!(answer.status, status, "{field} {answer:?}");
        }
    }
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    let (mut stream, _) = server.connect(&session, None).await;
    let deep = format!(r#"{{"type":"new","x":{}}}"#, "[".repeat(10_000));
    stream.say_raw(Wire::text(deep)).await;
    stream.ends_with(CloseCode::Malformed).await;
}

#[tokio::test]
async fn headers_without_end_are_refused() {
    let server = Server::start().await;
    for headers in [
        vec![("x-large", "x".repeat(64 * 1024))],
        vec![("x-many", "x".to_owned()); 200],
    ] {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let answer = server.request(Method::GET, "/healthz", &headers, "").await;
        assert_eq!(answer.status, 431);
    }
}

#[tokio::test]
async fn more_sign_ins_than_places_are_asked_to_wait() {
    let server = limited(|it| it.sign_ins = 1).await;
    let slow = hither_server::secret::Passwords::default();
    let phc = slow.hash("slow".to_owned()).await;
    server
        .store
        .set_password(&"ada".parse().unwrap(), phc)
        .await
        .unwrap();
    let credentials = credentials("ada", DeviceKind::Desktop);
    let some = (0..8).map(|_| server.post("/v1/sessions", &[], &credentials));
    let answers = futures_util::future::join_all(some).await;
    let busy: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 503)
        .collect();
    assert!(!busy.is_empty(), "all had a place");
    for answer in busy {
        assert_eq!(answer.problem().1, "unavailable");
        assert!(!answer.header("retry-after").is_empty());
    }
}

#[tokio::test]
async fn a_handshake_that_never_comes_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (cert, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let server = Server::with(Settings {
        tls: Some(Tls::load(&cert, &key).unwrap()),
        limits: Limits {
            handshake_within: Duration::from_millis(50),
            ..Limits::default()
        },
        ..Settings::default()
    })
    .await;
    for said in ["", "GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n"] {
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        socket.write_all(said.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let ended = timeout(PATIENCE, socket.read_to_end(&mut answer)).await;
        assert!(ended.is_ok(), "the connection stays open");
        assert!(!String::from_utf8_lossy(&answer).contains("HTTP/1.1"));
    }
}
