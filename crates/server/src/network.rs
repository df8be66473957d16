//! Addresses of proxies, and for whom they speak.

use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// One address or a network: `127.0.0.1`, `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network(IpNet);

/// A text that is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("give addresses or networks, such as 127.0.0.1 or 10.0.0.0/8")]
pub struct InvalidNetwork;

impl Network {
    fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }
}

/// Who sends a request: the peer itself, or whom a trusted proxy names. Of several proxies in a
/// row, the nearest one that is not trusted counts: what stands before it could be made up.
pub(crate) fn client_address(trusted: &[Network], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let mut client = peer.to_canonical();
    let mut named = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .flat_map(|line| line.to_str().unwrap_or_default().split(','))
        .map(|word| word.trim().parse().ok().map(|it: IpAddr| it.to_canonical()));
    while is_trusted(trusted, client) {
        match named.next_back() {
            Some(Some(before)) => client = before,
            Some(None) | None => break,
        }
    }
    client
}

/// Whether this is the address of a trusted proxy.
pub(crate) fn is_trusted(trusted: &[Network], address: IpAddr) -> bool {
    let address = address.to_canonical();
    trusted.iter().any(|network| network.contains(address))
}

/// Whether somebody sent the request on for another.
pub(crate) fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.contains_key(FORWARDED_FOR) || headers.contains_key("forwarded")
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let one = text.parse().map(|it: IpAddr| it.to_canonical().into());
        let network = one.or_else(|_| text.parse::<IpNet>());
        network.map(Self).map_err(|_| InvalidNetwork)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() {
            self.0.addr().fmt(f)
        } else {
            self.0.fmt(f)
        }
    }
}

impl TryFrom<String> for Network {
    type Error = InvalidNetwork;

    fn try_from(text: String) -> Result<Self, InvalidNetwork> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let trusted = ["127.0.0.1", "10.0.0.0/8", "fd00::/8"].map(|text| text.parse().unwrap());
        for (peer, forwarded, client) in [
            ("192.0.2.1", &["198.51.100.1"][..], "192.0.2.1"),
            ("127.0.0.1", &[], "127.0.0.1"),
            ("127.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("::ffff:127.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("127.0.0.1", &["203.0.113.9, 198.51.100.1"], "198.51.100.1"),
            (
                "127.0.0.1",
                &["203.0.113.9", "198.51.100.1"],
                "198.51.100.1",
            ),
            ("127.0.0.1", &["203.0.113.9, 10.1.2.3"], "203.0.113.9"),
            ("127.0.0.1", &["10.1.2.3"], "10.1.2.3"),
            ("127.0.0.1", &["nonsense"], "127.0.0.1"),
            ("127.0.0.1", &["203.0.113.9, "], "127.0.0.1"),
            ("fd00::1", &["2001:db8::1"], "2001:db8::1"),
        ] {
            let mut headers = HeaderMap::new();
            for line in forwarded {
                headers.append(FORWARDED_FOR, line.parse().unwrap());
            }
            let found = client_address(&trusted, peer.parse().unwrap(), &headers);
            assert_eq!(
                found,
                client.parse::<IpAddr>().unwrap(),
                "{peer} {forwarded:?}"
            );
        }
    }

    #[test]
    fn networks_are_read_and_written() {
        for text in ["127.0.0.1", "10.0.0.0/8", "fd00::/8", "::1"] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), text);
        }
        for text in ["", "localhost", "10.0.0.0/33", "10.0.0/8"] {
            assert_eq!(text.parse::<Network>(), Err(InvalidNetwork), "{text}");
        }
    }
}
