//! Sign-in attempts, limited by address and by account.

use core::net::IpAddr;
use std::sync::Arc;

use super::Failure;
use crate::limits::{Buckets, Place, Places, Rate, TooSoon, limited};

/// Attempts under way at once from one address, and for one account.
const AT_ONCE: usize = 32;
/// When there is room for another one, in seconds.
const SOON_S: u64 = 1;

/// Counts failed sign-ins of each address and each account name. An attempt that does not fail
/// costs nothing, however many are under way; one that fails is paid for afterwards, also where
/// others used up the last chance meanwhile.
#[derive(Debug)]
pub(crate) struct Attempts {
    failures: Buckets<Key>,
    under_way: Arc<Places<Key>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Address(IpAddr),
    Account(String),
}

/// An attempt under way.
#[derive(Debug)]
#[must_use]
pub(crate) struct Attempt<'a> {
    attempts: &'a Attempts,
    keys: Vec<Key>,
    _places: Vec<Place<Key>>,
}

impl Attempts {
    pub(crate) fn new(failures: Rate) -> Self {
        Self {
            failures: Buckets::new(failures),
            under_way: Places::new(usize::MAX, AT_ONCE),
        }
    }

    /// Begins an attempt, or says when the next one makes sense.
    pub(crate) fn begin(&self, address: IpAddr, account: &str) -> Result<Attempt<'_>, Failure> {
        let account = Key::Account(account.chars().take(64).collect());
        let address = limited(address).map(Key::Address);
        let keys: Vec<_> = address.into_iter().chain([account]).collect();
        self.failures.has_room(&keys).map_err(too_many)?;
        let places = keys
            .iter()
            .map(|key| self.under_way.take(Some(key.clone())));
        let places = places.collect::<Result<_, _>>().map_err(|_| {
            Failure::too_many("Too many sign-ins at once; try again in a moment.", SOON_S)
        })?;
        Ok(Attempt {
            attempts: self,
            keys,
            _places: places,
        })
    }
}

impl Attempt<'_> {
    /// The password was wrong.
    pub(crate) fn failed(self) {
        self.attempts.failures.charge(&self.keys);
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
            attempts.begin(address(1), "ada").unwrap().failed();
        }
        for (last, account, fine) in [(2, "ada", false), (1, "bob", false), (2, "bob", true)] {
            let begun = attempts.begin(address(last), account);
            assert_eq!(begun.is_ok(), fine, "{last} {account}");
        }
    }

    #[test]
    fn what_fails_on_this_computer_counts_for_its_account_alone() {
        let attempts = Attempts::new(Rate::per_minute(1).burst(3));
        let here = IpAddr::from([127, 0, 0, 1]);
        for name in ["guess", "guess", "guess", "other"] {
            attempts.begin(here, name).unwrap().failed();
        }
        assert!(attempts.begin(here, "guess").is_err());
        assert!(attempts.begin(here, "ada").is_ok());
    }

    #[test]
    fn what_does_not_fail_costs_nothing_however_many_are_under_way() {
        let attempts = Attempts::new(Rate::per_minute(1).burst(2));
        for _ in 0..3 {
            let begin = |_| attempts.begin(address(1), "ada").unwrap();
            drop((0..AT_ONCE).map(begin).collect::<Vec<_>>());
        }
    }

    #[test]
    fn guesses_at_once_are_few_and_paid_for_afterwards() {
        let attempts = Attempts::new(Rate::per_hour(1).burst(2));
        let guess = || attempts.begin(address(1), "ada");
        let guesses: Vec<_> = (0..AT_ONCE).map(|_| guess().unwrap()).collect();
        assert!(guess().is_err());
        guesses.into_iter().for_each(Attempt::failed);
        let wait = guess().unwrap_err().retry_after_s();
        assert!(wait > Some((AT_ONCE as u64 - 3) * 3600), "{wait:?}");
    }
}
