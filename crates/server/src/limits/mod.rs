//! What one client can cost, and who counts it.

mod buckets;
mod places;
mod rate;

use core::net::IpAddr;
use core::time::Duration;
use std::sync::Arc;

use hither_protocol::{AccountName, PublisherId};

pub(crate) use self::buckets::{Buckets, TooSoon};
pub(crate) use self::places::{NoPlace, Place, Places};
pub(crate) use self::rate::Bucket;
pub use self::rate::{InvalidRate, Rate};

/// What one client can cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections and streams in all.
    pub connections: usize,
    /// Open connections and streams of one address.
    pub connections_per_address: usize,
    /// Open streams of one account.
    pub streams_per_account: usize,
    /// Requests of one address.
    pub requests_per_address: Rate,
    /// Requests of one account's clients.
    pub requests_per_account: Rate,
    /// Requests of one publisher.
    pub requests_per_publisher: Rate,
    /// Webhooks of one publisher: each costs the store a row for every event.
    pub webhooks_per_publisher: usize,
    /// Frames that a client may say on one stream.
    pub frames_per_stream: Rate,
    /// Publishers that register from one address.
    pub registrations_per_address: Rate,
    /// Failed sign-ins of one address, and of one account.
    pub failed_sign_ins: Rate,
    /// Passwords that are checked or wait for it at the same time.
    pub sign_ins: usize,
    /// From a connection to the end of its TLS handshake.
    pub handshake_within: Duration,
    /// From the beginning of a request to the end of its headers; also how long an idle
    /// connection is kept.
    pub headers_within: Duration,
    /// From the upgrade to the hello.
    pub hello_within: Duration,
    /// An open stream looks its session up again so often, which keeps it alive.
    pub session_again: Duration,
    /// A client that takes nothing for so long is too slow.
    pub drain_within: Duration,
    /// How long requests and streams may take to end when the server stops.
    pub stop_within: Duration,
    /// How often a subscription in ntfy's form that says nothing else says that it lives.
    pub keepalive: Duration,
    /// Live entries that wait for one stream; more are read from the store later.
    pub waiting_entries: usize,
    /// Entries read from the store at once.
    pub page_entries: usize,
}

impl Limits {
    /// What fits most.
    pub const DEFAULT: Self = Self {
        connections: 100_000,
        connections_per_address: 1000,
        streams_per_account: 20,
        requests_per_address: Rate::per_second(100).burst(1000),
        requests_per_account: Rate::per_second(50).burst(500),
        requests_per_publisher: Rate::per_second(200).burst(5000),
        webhooks_per_publisher: 5,
        frames_per_stream: Rate::per_second(100).burst(2000),
        registrations_per_address: Rate::per_hour(10).burst(10),
        failed_sign_ins: Rate::per_minute(10).burst(10),
        sign_ins: 256,
        handshake_within: Duration::from_secs(10),
        headers_within: Duration::from_secs(30),
        hello_within: Duration::from_secs(5),
        session_again: Duration::from_hours(24),
        drain_within: Duration::from_secs(10),
        stop_within: Duration::from_secs(5),
        keepalive: Duration::from_secs(45),
        waiting_entries: 64,
        page_entries: 64,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Counts what addresses, accounts and publishers do.
///
/// An address is an IPv4 address or an IPv6 network of 64 bits, which is what one household has.
/// This computer itself is not limited by address: a proxy that is not trusted would be everybody.
#[derive(Debug)]
pub(crate) struct Limiter {
    addresses: Buckets<IpAddr>,
    registrations: Buckets<IpAddr>,
    accounts: Buckets<AccountName>,
    publishers: Buckets<PublisherId>,
    places: Arc<Places>,
}

impl Limiter {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            addresses: Buckets::new(limits.requests_per_address),
            registrations: Buckets::new(limits.registrations_per_address),
            accounts: Buckets::new(limits.requests_per_account),
            publishers: Buckets::new(limits.requests_per_publisher),
            places: Places::new(limits.connections, limits.connections_per_address),
        }
    }

    /// A request of an address.
    pub(crate) fn address(&self, address: IpAddr) -> Result<(), TooSoon> {
        limited(address).map_or(Ok(()), |address| self.addresses.take(&address))
    }

    /// A publisher that registers from an address.
    pub(crate) fn registration(&self, address: IpAddr) -> Result<(), TooSoon> {
        limited(address).map_or(Ok(()), |address| self.registrations.take(&address))
    }

    /// A request of one of an account's clients.
    pub(crate) fn account(&self, account: &AccountName) -> Result<(), TooSoon> {
        self.accounts.take(account)
    }

    /// A request of a publisher.
    pub(crate) fn publisher(&self, publisher: &PublisherId) -> Result<(), TooSoon> {
        self.publishers.take(publisher)
    }

    /// A place for a connection or a stream, to be held as long as it is open.
    pub(crate) fn place(&self, address: IpAddr) -> Result<Place, NoPlace> {
        self.places.take(limited(address))
    }

    /// Places that are taken.
    pub(crate) fn places(&self) -> usize {
        self.places.taken()
    }

    /// A place for the connection of a trusted proxy, which stands for many addresses.
    pub(crate) fn place_of_proxy(&self) -> Result<Place, NoPlace> {
        self.places.take(None)
    }
}

/// By what an address is limited: nothing where it is this computer's own.
pub(crate) fn limited(address: IpAddr) -> Option<IpAddr> {
    let address = household(address);
    (!address.is_loopback()).then_some(address)
}

/// The address by which somebody is known.
pub(crate) fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into())
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_household_is_one_address() {
        for (one, other, same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("2001:db8::1", "2001:db8::ffff:1", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
        ] {
            let found = household(one.parse().unwrap()) == household(other.parse().unwrap());
            assert_eq!(found, same, "{one} {other}");
        }
    }

    #[test]
    fn this_computer_is_not_limited_by_address() {
        let limiter = Limiter::new(&Limits {
            requests_per_address: Rate::per_second(1).burst(1),
            connections_per_address: 1,
            ..Limits::default()
        });
        let mut kept = Vec::new();
        for (address, fine) in [("127.0.0.1", true), ("::1", true), ("192.0.2.1", false)] {
            let address = address.parse().unwrap();
            assert!(limiter.address(address).is_ok());
            assert_eq!(limiter.address(address).is_ok(), fine, "{address}");
            kept.push(limiter.place(address).unwrap());
            assert_eq!(limiter.place(address).is_ok(), fine, "{address}");
        }
    }
}
