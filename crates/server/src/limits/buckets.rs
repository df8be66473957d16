//! A bucket for each of many.

use core::hash::Hash;
use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hither_protocol::Instant;

use super::{Bucket, Rate};
use crate::accounts::clock;

/// How many are remembered at most.
const MAX_TRACKED: usize = 10_000;

/// It happened too often; one more is allowed after this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooSoon(pub(crate) Duration);

impl TooSoon {
    /// The wait in whole seconds, at least one.
    pub(crate) fn seconds(self) -> u64 {
        let seconds = self.0.as_millis().div_ceil(1000).max(1);
        u64::try_from(seconds).unwrap_or(u64::MAX)
    }
}

/// Limits how often each of many does something.
#[derive(Debug)]
pub(crate) struct Buckets<K> {
    rate: Rate,
    buckets: Mutex<HashMap<K, Bucket>>,
}

impl<K: Clone + Eq + Hash> Buckets<K> {
    pub(crate) fn new(rate: Rate) -> Self {
        Self {
            rate,
            buckets: Mutex::default(),
        }
    }

    /// Counts one.
    pub(crate) fn take(&self, key: &K) -> Result<(), TooSoon> {
        self.take_at(clock::now(), key)
    }

    /// Whether one could be counted for each key.
    pub(crate) fn has_room(&self, keys: &[K]) -> Result<(), TooSoon> {
        let now = clock::now();
        let buckets = self.lock();
        keys.iter().try_for_each(|key| {
            let mut bucket = buckets.get(key).copied().unwrap_or_default();
            bucket.take(self.rate, now).map_err(TooSoon)
        })
    }

    /// Counts one for each key, also where there is no room.
    pub(crate) fn charge(&self, keys: &[K]) {
        let now = clock::now();
        let mut buckets = self.lock();
        self.make_room(&mut buckets, now);
        for key in keys {
            buckets
                .entry(key.clone())
                .or_default()
                .charge(self.rate, now);
        }
    }

    fn take_at(&self, now: Instant, key: &K) -> Result<(), TooSoon> {
        if self.rate == Rate::OFF {
            return Ok(());
        }
        let mut buckets = self.lock();
        self.make_room(&mut buckets, now);
        let bucket = buckets.entry(key.clone()).or_default();
        bucket.take(self.rate, now).map_err(TooSoon)
    }

    /// Forgets who has everything back, and where that does not suffice, a quarter of all.
    fn make_room(&self, buckets: &mut HashMap<K, Bucket>, now: Instant) {
        if buckets.len() < MAX_TRACKED {
            return;
        }
        buckets.retain(|_, bucket| !bucket.refill(self.rate, now));
        if buckets.len() > MAX_TRACKED * 3 / 4 {
            let mut position = 0;
            buckets.retain(|_, _| {
                position += 1;
                position % 4 != 0
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_zero(Duration::from_secs(1000 + seconds))
    }

    #[test]
    fn each_has_its_own() {
        let buckets = Buckets::new(Rate::per_minute(6).burst(2));
        for key in ["ada", "bob"] {
            for _ in 0..2 {
                buckets.take_at(at(0), &key).unwrap();
            }
            let too_soon = buckets.take_at(at(1), &key);
            assert_eq!(too_soon, Err(TooSoon(Duration::from_secs(9))));
        }
    }

    #[test]
    fn memory_is_bounded() {
        let buckets = Buckets::new(Rate::per_minute(1).burst(1));
        for number in 0..3 * MAX_TRACKED {
            buckets.take_at(at(0), &number).unwrap();
        }
        assert!(buckets.lock().len() <= MAX_TRACKED);
        buckets.take_at(at(600), &0).ok();
    }
}
