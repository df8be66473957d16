//! Sign-in attempts, limited by address and by account.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hither_protocol::Instant;

use super::Failure;
use crate::accounts::clock;

/// How many addresses and accounts are remembered at most.
const MAX_TRACKED: usize = 10_000;

/// Counts failed sign-ins: each address and each account name has a bucket of attempts that
/// refills with time. An attempt that succeeds costs nothing.
#[derive(Debug)]
pub(crate) struct Attempts {
    burst: u32,
    refill: Duration,
    buckets: Mutex<HashMap<Key, Bucket>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Address(IpAddr),
    Account(String),
}

/// Used-up attempts, and when they were counted.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    used: u32,
    at: Instant,
}

/// An attempt under way.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    attempts: &'a Attempts,
    keys: [Key; 2],
}

impl Attempts {
    /// So many at once, and one more after each `refill`.
    pub(crate) fn new(burst: u32, refill: Duration) -> Self {
        Self {
            burst,
            refill,
            buckets: Mutex::default(),
        }
    }

    /// Begins an attempt, or says when the next one makes sense.
    pub(crate) fn begin(&self, address: IpAddr, account: &str) -> Result<Attempt<'_>, Failure> {
        self.begin_at(clock::now(), address, account)
    }

    fn begin_at(
        &self,
        now: Instant,
        address: IpAddr,
        account: &str,
    ) -> Result<Attempt<'_>, Failure> {
        let account = account.chars().take(64).collect();
        let keys = [Key::Address(address), Key::Account(account)];
        let mut buckets = self.lock();
        self.make_room(&mut buckets, now);
        if keys
            .iter()
            .any(|key| self.used(&buckets, key, now) >= self.burst)
        {
            return Err(Failure::too_many(
                "Too many failed sign-ins; wait a moment and try again.",
                self.refill.as_secs().max(1),
            ));
        }
        for key in &keys {
            let bucket = buckets
                .entry(key.clone())
                .or_insert(Bucket { used: 0, at: now });
            *bucket = self.refilled(*bucket, now);
            bucket.used += 1;
        }
        Ok(Attempt {
            attempts: self,
            keys,
        })
    }

    fn used(&self, buckets: &HashMap<Key, Bucket>, key: &Key, now: Instant) -> u32 {
        buckets
            .get(key)
            .map_or(0, |bucket| self.refilled(*bucket, now).used)
    }

    fn refilled(&self, bucket: Bucket, now: Instant) -> Bucket {
        let refills = now.since(bucket.at).as_millis() / self.refill.as_millis().max(1);
        let refills = u32::try_from(refills).unwrap_or(u32::MAX);
        if refills >= bucket.used {
            return Bucket { used: 0, at: now };
        }
        Bucket {
            used: bucket.used - refills,
            at: bucket.at + self.refill * refills,
        }
    }

    /// Forgets who has all attempts back, and where that does not suffice, anyone.
    fn make_room(&self, buckets: &mut HashMap<Key, Bucket>, now: Instant) {
        if buckets.len() < MAX_TRACKED {
            return;
        }
        buckets.retain(|_, bucket| self.refilled(*bucket, now).used > 0);
        let excess = (buckets.len() + 2).saturating_sub(MAX_TRACKED);
        let victims: Vec<Key> = buckets.keys().take(excess).cloned().collect();
        for victim in victims {
            buckets.remove(&victim);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    /// Gives the attempt back.
    pub(crate) fn succeeded(self) {
        let mut buckets = self.attempts.lock();
        for key in &self.keys {
            if let Some(bucket) = buckets.get_mut(key) {
                bucket.used = bucket.used.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(core::net::Ipv4Addr::LOCALHOST);

    fn at(seconds: u64) -> Instant {
        Instant::from_zero(Duration::from_secs(1000 + seconds))
    }

    #[test]
    fn failures_are_limited_by_account_and_come_back_with_time() {
        let attempts = Attempts::new(3, Duration::from_secs(10));
        let other = IpAddr::from([192, 0, 2, 1]);
        for _ in 0..3 {
            attempts.begin_at(at(0), HERE, "ada").unwrap();
        }
        assert!(attempts.begin_at(at(9), other, "ada").is_err());
        assert!(attempts.begin_at(at(10), other, "ada").is_ok());
        assert!(attempts.begin_at(at(10), other, "ada").is_err());
        assert!(attempts.begin_at(at(60), other, "ada").is_ok());
    }

    #[test]
    fn failures_are_limited_by_address() {
        let attempts = Attempts::new(2, Duration::from_secs(10));
        attempts.begin_at(at(0), HERE, "ada").unwrap();
        attempts.begin_at(at(0), HERE, "bob").unwrap();
        assert!(attempts.begin_at(at(0), HERE, "eve").is_err());
    }

    #[test]
    fn successes_cost_nothing() {
        let attempts = Attempts::new(2, Duration::from_secs(10));
        for _ in 0..50 {
            attempts.begin_at(at(0), HERE, "ada").unwrap().succeeded();
        }
    }

    #[test]
    fn memory_is_bounded() {
        let attempts = Attempts::new(2, Duration::from_secs(10));
        for number in 0..20_000_u32 {
            let _ = attempts.begin_at(at(0), IpAddr::from(number.to_be_bytes()), "ada");
            attempts.lock().remove(&Key::Account("ada".to_owned()));
        }
        assert!(attempts.lock().len() <= MAX_TRACKED);
    }
}
