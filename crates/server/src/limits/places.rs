//! Places for what is open: bounded in all and for each address.

use core::net::IpAddr;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// The server has as many as it may.
    Full,
    /// This address has as many as it may.
    TooMany,
}

#[derive(Debug)]
pub(crate) struct Places {
    in_all: usize,
    per_address: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    in_all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A place; free again when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    address: Option<IpAddr>,
}

impl Places {
    pub(crate) fn new(in_all: usize, per_address: usize) -> Arc<Self> {
        Arc::new(Self {
            in_all,
            per_address,
            taken: Mutex::default(),
        })
    }

    /// Takes a place, counted for an address unless that is not limited.
    pub(crate) fn take(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Place, NoPlace> {
        let mut taken = self.lock();
        if taken.in_all >= self.in_all {
            return Err(NoPlace::Full);
        }
        if let Some(address) = address {
            let count = taken.by_address.entry(address).or_default();
            if *count >= self.per_address {
                return Err(NoPlace::TooMany);
            }
            *count += 1;
        }
        taken.in_all += 1;
        drop(taken);
        Ok(Place {
            places: Arc::clone(self),
            address,
        })
    }

    pub(crate) fn taken(&self) -> usize {
        self.lock().in_all
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.in_all -= 1;
        let Some(address) = self.address else {
            return;
        };
        if let Some(count) = taken.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                taken.by_address.remove(&address);
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
        assert_eq!(places.lock().by_address.len(), 1);
    }
}
