//! Sign-in attempts, limited by address and by account.

use core::net::IpAddr;

use super::Failure;
use crate::limits::{Buckets, Rate, TooSoon, limited};

/// Counts failed sign-ins of each address and each account name. An attempt that succeeds costs
/// nothing, however many are under way; one that fails is paid for afterwards, also where others
/// used up the last chance meanwhile.
#[derive(Debug)]
pub(crate) struct Attempts(Buckets<Key>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Address(IpAddr),
    Account(String),
}

/// An attempt under way: it counts as failed unless it succeeds.
#[derive(Debug)]
#[must_use]
pub(crate) struct Attempt<'a> {
    attempts: &'a Attempts,
    keys: Vec<Key>,
}

impl Attempts {
    pub(crate) fn new(failures: Rate) -> Self {
        Self(Buckets::new(failures))
    }

    /// Begins an attempt, or says when the next one makes sense.
    pub(crate) fn begin(&self, address: IpAddr, account: &str) -> Result<Attempt<'_>, Failure> {
        let account = Key::Account(account.chars().take(64).collect());
        let address = limited(address).map(Key::Address);
        let keys: Vec<_> = address.into_iter().chain([account]).collect();
        self.0.has_room(&keys).map_err(too_many)?;
        let attempts = self;
        Ok(Attempt { attempts, keys })
    }
}

impl Attempt<'_> {
    /// It costs nothing.
    pub(crate) fn succeeded(mut self) {
        self.keys.clear();
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.attempts.0.charge(&self.keys);
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

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn failures_are_limited_by_account_and_by_address() {
        let attempts = Attempts::new(Rate::per_minute(1).burst(3));
        for _ in 0..3 {
            drop(attempts.begin(address(1), "ada").unwrap());
        }
        for (last, account, fine) in [(2, "ada", false), (1, "bob", false), (2, "bob", true)] {
            let begun = attempts.begin(address(last), account);
            assert_eq!(begun.is_ok(), fine, "{last} {account}");
            begun.map(Attempt::succeeded).ok();
        }
    }

    #[test]
    fn what_fails_on_this_computer_counts_for_its_account_alone() {
        let attempts = Attempts::new(Rate::per_minute(1).burst(3));
        let here = IpAddr::from([127, 0, 0, 1]);
        for name in ["guess", "guess", "guess", "other"] {
            drop(attempts.begin(here, name).unwrap());
        }
        assert!(attempts.begin(here, "guess").is_err());
        attempts.begin(here, "ada").unwrap().succeeded();
    }

    #[test]
    fn successes_cost_nothing_however_many_are_under_way() {
        let attempts = Attempts::new(Rate::per_minute(1).burst(2));
        for _ in 0..3 {
            let begin = || attempts.begin(address(1), "ada").unwrap();
            let under_way: Vec<_> = (0..20).map(|_| begin()).collect();
            under_way.into_iter().for_each(Attempt::succeeded);
        }
    }

    #[test]
    fn guesses_at_once_are_paid_for_afterwards() {
        let attempts = Attempts::new(Rate::per_hour(1).burst(2));
        let guess = || attempts.begin(address(1), "ada");
        drop((0..20).map(|_| guess().unwrap()).collect::<Vec<_>>());
        let wait = guess().unwrap_err();
        assert!(wait.retry_after_s() > Some(17 * 3600), "{wait:?}");
    }
}
