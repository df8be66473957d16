//! How many subscriptions each client has open.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::{NtfyError, Why};
use crate::store::Grantee;

/// Open subscriptions of one account or publisher.
const MOST: usize = 30;

/// Who follows topics.
#[derive(Clone, Debug, Default)]
pub(crate) struct Followers(Arc<Mutex<BTreeMap<Grantee, usize>>>);

/// One open subscription; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    followers: Followers,
    of: Grantee,
}

impl Followers {
    pub(super) fn take(&self, of: &Grantee) -> Result<Place, NtfyError> {
        let mut open = self.lock();
        let count = open.entry(of.clone()).or_default();
        if *count >= MOST {
            let detail = format!("{MOST} are the most of one account or publisher");
            return Err(NtfyError::new(Why::TooManySubscriptions, detail));
        }
        *count += 1;
        Ok(Place {
            followers: self.clone(),
            of: of.clone(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Grantee, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.followers.lock();
        if let Some(count) = open.get_mut(&self.of) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.of);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back() {
        let followers = Followers::default();
        let ada = Grantee::Account("ada".parse().unwrap());
        let bob = Grantee::Account("bob".parse().unwrap());
        let mut taken: Vec<_> = (0..MOST).map(|_| followers.take(&ada).unwrap()).collect();
        let refused = followers.take(&ada).unwrap_err();
        assert_eq!(refused.why(), Why::TooManySubscriptions);
        assert!(followers.take(&bob).is_ok());
        taken.pop();
        assert!(followers.take(&ada).is_ok());
        drop(taken);
        assert!(followers.lock().is_empty());
    }
}
