//! Where a request goes.

use core::fmt;
use core::str::FromStr;

use hyper::Uri;
use hyper::header::HeaderValue;
use hyper::http::uri::{Authority, PathAndQuery, Scheme};

/// The longest address, in bytes.
pub(crate) const MAX_URL: usize = 2048;

/// An address that begins with `http://` or `https://`, without credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    is_secure: bool,
    authority: Authority,
    path: PathAndQuery,
}

/// A text that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "give an address of at most 2 KiB that begins with https:// or http:// and has no password"
)]
pub struct InvalidTarget;

impl Target {
    pub(crate) const fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// A name or an address, without brackets.
    pub(super) fn host(&self) -> &str {
        let host = self.authority.host();
        let inner = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        inner.unwrap_or(host)
    }

    pub(super) fn port(&self) -> u16 {
        let usual = if self.is_secure { 443 } else { 80 };
        self.authority.port_u16().unwrap_or(usual)
    }

    pub(super) fn host_header(&self) -> HeaderValue {
        HeaderValue::from_str(self.authority.as_str()).expect("an authority is printable ASCII")
    }

    pub(super) fn path(&self) -> Uri {
        Uri::from(self.path.clone())
    }
}

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        let uri: Uri = text.parse().map_err(|_| InvalidTarget)?;
        let parts = uri.into_parts();
        let is_secure = match parts.scheme {
            Some(scheme) if scheme == Scheme::HTTPS => true,
            Some(scheme) if scheme == Scheme::HTTP => false,
            _ => return Err(InvalidTarget),
        };
        let authority = parts.authority.ok_or(InvalidTarget)?;
        if text.len() > MAX_URL || !is_plain(&authority) {
            return Err(InvalidTarget);
        }
        let path = parts.path_and_query;
        Ok(Self {
            is_secure,
            authority,
            path: path.unwrap_or_else(|| PathAndQuery::from_static("/")),
        })
    }
}

/// A host and perhaps a port, nothing else.
fn is_plain(authority: &Authority) -> bool {
    let text = authority.as_str();
    let rest = text.strip_prefix(authority.host());
    let port = rest.and_then(|rest| rest.strip_prefix(':'));
    let is_whole = rest == Some("") || port.is_some_and(|port| port.parse::<u16>().is_ok());
    !authority.host().is_empty() && is_whole
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_secure { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_web_are_taken_apart() {
        for (text, host, port, path) in [
            ("https://example.org", "example.org", 443, "/"),
            ("http://example.org/a?b=c", "example.org", 80, "/a?b=c"),
            ("HTTPS://Example.org:8443/a#b", "Example.org", 8443, "/a"),
            ("http://[::1]:81/", "::1", 81, "/"),
            ("http://2130706433/", "2130706433", 80, "/"),
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!((target.host(), target.port()), (host, port), "{text}");
            assert_eq!(target.path().to_string(), path, "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let long = format!("https://example.org/{}", "a".repeat(MAX_URL));
        for text in [
            "",
            "/a",
            "example.org",
            "example.org:443",
            "https://",
            "https:///a",
            "file:///etc/passwd",
            "ftp://example.org/",
            "gopher://example.org/",
            "javascript:alert(1)",
            "https://me:secret@example.org/",
            "https://me@example.org/",
            "https://example.org:/",
            "https://example.org:65536/",
            "https://example.org:x/",
            "https://exam ple.org/",
            "https://example.org/a\r\nX: y",
            &long,
        ] {
            assert_eq!(text.parse::<Target>(), Err(InvalidTarget), "{text:?}");
        }
    }
}
