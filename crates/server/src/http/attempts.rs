//! Sign-in attempts, limited by address and by account.

use core::net::IpAddr;

use super::Failure;
use crate::limits::{Buckets, Rate, TooSoon, household};

/// Counts failed sign-ins of each address and each account name. An attempt that succeeds costs
/// nothing.
#[derive(Debug)]
pub(crate) struct Attempts(Buckets<Key>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Address(IpAddr),
    Account(String),
}

/// An attempt under way.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    attempts: &'a Attempts,
    keys: [Key; 2],
}

impl Attempts {
    pub(crate) fn new(failures: Rate) -> Self {
        Self(Buckets::new(failures))
    }

    /// Begins an attempt, or says when the next one makes sense.
    pub(crate) fn begin(&self, address: IpAddr, account: &str) -> Result<Attempt<'_>, Failure> {
        let account = account.chars().take(64).collect();
        let keys = [Key::Address(household(address)), Key::Account(account)];
        self.0.take_each(&keys).map_err(too_many)?;
        Ok(Attempt {
            attempts: self,
            keys,
        })
    }
}

impl Attempt<'_> {
    /// Gives the attempt back.
    pub(crate) fn succeeded(self) {
        for key in &self.keys {
            self.attempts.0.give_back(key);
        }
    }
}

fn too_many(too_soon: TooSoon) -> Failure {
    Failure::too_many(
        "Too many failed sign-ins; wait a moment and try again.",
        too_soon.seconds(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(core::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn failures_are_limited_by_account_and_by_address() {
        let attempts = Attempts::new(Rate::per_minute(1).burst(3));
        let other = IpAddr::from([192, 0, 2, 1]);
        for _ in 0..3 {
            attempts.begin(HERE, "ada").unwrap();
        }
        for (address, account, fine) in [
            (other, "ada", false),
            (HERE, "bob", false),
            (other, "bob", true),
        ] {
            let begun = attempts.begin(address, account);
            assert_eq!(begun.is_ok(), fine, "{address} {account}");
        }
    }

    #[test]
    fn successes_cost_nothing() {
        let attempts = Attempts::new(Rate::per_minute(1).burst(2));
        for _ in 0..50 {
            attempts.begin(HERE, "ada").unwrap().succeeded();
        }
    }
}
