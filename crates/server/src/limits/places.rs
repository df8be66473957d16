//! Places for what is open: bounded in all, and for each address or whoever else it is counted for.

use core::hash::Hash;
use core::net::IpAddr;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// The server has as many as it may.
    Full,
    /// This one has as many as it may.
    TooMany,
}

#[derive(Debug)]
pub(crate) struct Places<K = IpAddr> {
    in_all: usize,
    for_each: usize,
    taken: Mutex<Taken<K>>,
}

#[derive(Debug)]
struct Taken<K> {
    in_all: usize,
    by_each: HashMap<K, usize>,
}

/// A place; free again when dropped.
#[derive(Debug)]
pub(crate) struct Place<K: Eq + Hash = IpAddr> {
    places: Arc<Places<K>>,
    of: Option<K>,
}

impl<K: Clone + Eq + Hash> Places<K> {
    pub(crate) fn new(in_all: usize, for_each: usize) -> Arc<Self> {
        Arc::new(Self {
            in_all,
            for_each,
            taken: Mutex::new(Taken {
                in_all: 0,
                by_each: HashMap::new(),
            }),
        })
    }

    /// Takes a place, counted for somebody unless that one is not limited.
    pub(crate) fn take(self: &Arc<Self>, of: Option<K>) -> Result<Place<K>, NoPlace> {
        let mut taken = self.lock();
        if taken.in_all >= self.in_all {
            return Err(NoPlace::Full);
        }
        if let Some(of) = &of {
            let count = taken.by_each.entry(of.clone()).or_default();
            if *count >= self.for_each {
                return Err(NoPlace::TooMany);
            }
            *count += 1;
        }
        taken.in_all += 1;
        drop(taken);
        Ok(Place {
            places: Arc::clone(self),
            of,
        })
    }

    pub(crate) fn taken(&self) -> usize {
        self.lock().in_all
    }
}

impl<K> Places<K> {
    fn lock(&self) -> MutexGuard<'_, Taken<K>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.in_all -= 1;
        let Some(of) = &self.of else {
            return;
        };
        if let Some(count) = taken.by_each.get_mut(of) {
            *count -= 1;
            if *count == 0 {
                taken.by_each.remove(of);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_come_back() {
        let places = Places::new(3, 2);
        let one = Some(IpAddr::from([192, 0, 2, 1]));
        let other = Some(IpAddr::from([192, 0, 2, 2]));
        let first = places.take(one).unwrap();
        let second = places.take(one).unwrap();
        assert_eq!(places.take(one).unwrap_err(), NoPlace::TooMany);
        let _third = places.take(other).unwrap();
        assert_eq!(places.take(None).unwrap_err(), NoPlace::Full);
        drop(first);
        let back = places.take(one).unwrap();
        drop((back, second));
        assert_eq!(places.lock().by_each.len(), 1);
    }
}
