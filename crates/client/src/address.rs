//! Server addresses: as people type them, and as servers name them.

use ureq::http::Uri;
use ureq::http::uri::{Authority, Scheme};

/// Why an address cannot be used. The text is for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadAddress {
    #[error("\"{0}\" is not a server's address. Type its name, such as push.example.org")]
    Nonsense(String),
    #[error("Passwords are not sent over unencrypted http to another computer. Use https://{0}")]
    Unencrypted(String),
    #[error(
        "The server named a stream on another host or without encryption ({0}). Ask whoever runs it"
    )]
    ForeignStream(String),
}

/// A typed address in its one form: `https://push.example.org`, or `http://` on loopback.
pub(crate) fn normalise(typed: &str) -> Result<String, BadAddress> {
    let nonsense = || BadAddress::Nonsense(typed.trim().to_owned());
    let text = typed.trim().trim_end_matches('/').to_ascii_lowercase();
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme @ ("http" | "https"), rest)) => (Some(scheme), rest),
        Some(_) => return Err(nonsense()),
        None => (None, text.as_str()),
    };
    let authority: Authority = rest.parse().map_err(|_| nonsense())?;
    let host = authority.host();
    if host.is_empty() || rest.contains('@') || bad_port(&authority) {
        return Err(nonsense());
    }
    match scheme {
        None | Some("http") if is_loopback(host) => {
            Ok(format!("http://{}", without_port(&authority, 80)))
        }
        Some("http") => Err(BadAddress::Unencrypted(host.to_owned())),
        _ => Ok(format!("https://{}", without_port(&authority, 443))),
    }
}

/// Whether a stream at `stream_url` may be opened for an account on `server`: same host, and
/// encrypted wherever the server is.
pub(crate) fn check_stream(server: &str, stream_url: &str) -> Result<(), BadAddress> {
    let foreign = || BadAddress::ForeignStream(stream_url.to_owned());
    let server: Uri = server.parse().map_err(|_| foreign())?;
    let stream: Uri = stream_url.parse().map_err(|_| foreign())?;
    let encrypted = server.scheme() == Some(&Scheme::HTTPS);
    let same_host = match (server.host(), stream.host()) {
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
        _ => false,
    };
    match stream.scheme_str() {
        Some("wss") if same_host => Ok(()),
        Some("ws") if same_host && !encrypted => Ok(()),
        _ => Err(foreign()),
    }
}

/// Whether this names the computer itself.
pub(crate) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare
            .parse()
            .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

fn bad_port(authority: &Authority) -> bool {
    let has_port = authority.as_str().len() > authority.host().len();
    has_port && authority.port_u16().is_none_or(|port| port == 0)
}

fn without_port(authority: &Authority, default: u16) -> &str {
    if authority.port_u16() == Some(default) {
        authority.host()
    } else {
        authority.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_addresses_get_one_form() {
        for (typed, expected) in [
            ("push.example.org", "https://push.example.org"),
            (" https://Push.Example.org/ ", "https://push.example.org"),
            ("push.example.org:8443", "https://push.example.org:8443"),
            ("https://push.example.org:443", "https://push.example.org"),
            ("localhost:7480", "http://localhost:7480"),
            ("127.0.0.1", "http://127.0.0.1"),
            ("127.0.0.1:80", "http://127.0.0.1"),
            ("[::1]:7480", "http://[::1]:7480"),
            ("https://localhost", "https://localhost"),
            ("10.0.0.1", "https://10.0.0.1"),
        ] {
            assert_eq!(normalise(typed).as_deref(), Ok(expected), "{typed}");
        }
    }

    #[test]
    fn nonsense_is_refused_with_a_next_step() {
        for typed in [
            "",
            " ",
            "/",
            "ftp://x",
            "https://",
            "a b",
            "x/y",
            "user@host",
            "x?y",
            "x:port",
            "x:0",
            "x:99999",
            "http://",
            "例子.org",
            "ws://x",
            "\u{0}",
        ] {
            let refused = normalise(typed);
            assert!(
                matches!(refused, Err(BadAddress::Nonsense(_))),
                "{typed:?}: {refused:?}"
            );
        }
        let refused = normalise("http://push.example.org").unwrap_err();
        assert!(refused.to_string().contains("https://push.example.org"));
    }

    #[test]
    fn a_stream_stays_on_the_server_and_encrypted() {
        for (server, stream, fine) in [
            ("https://a.org", "wss://a.org/v1/stream", true),
            ("https://a.org", "wss://A.org:8443/v1/stream", true),
            ("https://a.org", "ws://a.org/v1/stream", false),
            ("https://a.org", "wss://b.org/v1/stream", false),
            ("https://a.org", "wss://a.org.b.org/v1/stream", false),
            ("https://a.org", "https://a.org/v1/stream", false),
            ("https://a.org", "", false),
            (
                "http://127.0.0.1:7480",
                "ws://127.0.0.1:7480/v1/stream",
                true,
            ),
            (
                "http://127.0.0.1:7480",
                "ws://127.0.0.2:7480/v1/stream",
                false,
            ),
        ] {
            assert_eq!(
                check_stream(server, stream).is_ok(),
                fine,
                "{server} {stream}"
            );
        }
    }
}
