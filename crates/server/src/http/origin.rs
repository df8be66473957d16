//! Under which address people reach this server.

use core::str::FromStr;

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;

use super::Failure;

/// Scheme, host and port under which a server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    secure: bool,
    authority: String,
}

/// A text that is no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be http:// or https:// with a host and perhaps a port, and no path")]
pub struct InvalidOrigin;

impl Origin {
    /// What the operator set, else what the request itself was sent to.
    pub(crate) fn of(public: Option<&Self>, headers: &HeaderMap) -> Result<Self, Failure> {
        if let Some(public) = public {
            return Ok(public.clone());
        }
        headers
            .get(HOST)
            .and_then(|host| host.to_str().ok())
            .and_then(authority)
            .map(|authority| Self {
                secure: false,
                authority,
            })
            .ok_or_else(|| Failure::malformed("Send a Host header with the server's name."))
    }

    /// Whether browsers reach the server over TLS.
    pub(crate) const fn is_secure(&self) -> bool {
        self.secure
    }

    /// Where to open the stream.
    pub(crate) fn stream_url(&self) -> String {
        let scheme = if self.secure { "wss" } else { "ws" };
        format!("{scheme}://{}/v1/stream", self.authority)
    }

    /// The whole address of a path on this server.
    pub(crate) fn address(&self, path: &str) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.authority)
    }

    /// Whether a browser sent the request from one of this server's own pages.
    pub(crate) fn sent(&self, headers: &HeaderMap) -> bool {
        headers
            .get(ORIGIN)
            .and_then(|origin| origin.to_str().ok())
            .and_then(|origin| origin.parse::<Self>().ok())
            .is_some_and(|origin| origin == *self)
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let (scheme, rest) = text.split_once("://").ok_or(InvalidOrigin)?;
        let secure = match scheme {
            "http" => false,
            "https" => true,
            _ => return Err(InvalidOrigin),
        };
        let authority = authority(rest.strip_suffix('/').unwrap_or(rest)).ok_or(InvalidOrigin)?;
        Ok(Self { secure, authority })
    }
}

fn authority(text: &str) -> Option<String> {
    let authority: Authority = text.parse().ok()?;
    (!authority.as_str().contains('@')).then(|| authority.as_str().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_a_host_and_perhaps_a_port() {
        for text in [
            "http://h",
            "https://h.example:8443",
            "https://h/",
            "http://[::1]:7480",
        ] {
            assert!(text.parse::<Origin>().is_ok(), "{text}");
        }
        for text in [
            "",
            "h",
            "ftp://h",
            "https://",
            "https://u@h",
            "https://h/p",
            "https://h h",
        ] {
            assert_eq!(text.parse::<Origin>(), Err(InvalidOrigin), "{text}");
        }
    }

    #[test]
    fn only_the_same_scheme_host_and_port_are_own() {
        let own: Origin = "https://hither.example".parse().unwrap();
        let cases = [
            (Some("https://hither.example"), true),
            (Some("https://HITHER.example"), true),
            (Some("http://hither.example"), false),
            (Some("https://hither.example:8443"), false),
            (Some("https://hither.example.evil.example"), false),
            (Some("null"), false),
            (None, false),
        ];
        for (origin, expected) in cases {
            let mut headers = HeaderMap::new();
            if let Some(origin) = origin {
                headers.insert(ORIGIN, origin.parse().unwrap());
            }
            assert_eq!(own.sent(&headers), expected, "{origin:?}");
        }
    }
}
