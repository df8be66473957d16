//! Passwords that were right a moment ago, so that a script that polls with one does not cost a
//! slow hash each time.

use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use hither_protocol::{AccountName, Instant};
use sha2::{Digest, Sha256};

use crate::secret;
use crate::store::AccountRecord;

/// How long a password that was right is known to be.
const LASTS: Duration = Duration::from_mins(5);
/// Known passwords at once; with more, all are forgotten and checked again.
const MOST: usize = 1000;

/// What was right lately. Nothing in it leads back to a password without the key, which lives as
/// long as this process.
pub(crate) struct KnownPasswords {
    key: [u8; 32],
    known: Mutex<HashMap<[u8; 32], Known>>,
}

struct Known {
    /// The hash it was checked against: a password that was changed since is not known.
    phc: String,
    until: Instant,
}

impl Default for KnownPasswords {
    fn default() -> Self {
        Self {
            key: secret::key(),
            known: Mutex::default(),
        }
    }
}

impl KnownPasswords {
    pub(super) fn knows(&self, account: &AccountRecord, password: &str, now: Instant) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(&self.digest(&account.name, password))
            .is_some_and(|known| known.phc == account.password_hash && now < known.until)
    }

    pub(super) fn remember(&self, account: &AccountRecord, password: &str, now: Instant) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.retain(|_, known| now < known.until);
        }
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(
            self.digest(&account.name, password),
            Known {
                phc: account.password_hash.clone(),
                until: now + LASTS,
            },
        );
    }

    fn digest(&self, account: &AccountName, password: &str) -> [u8; 32] {
        Sha256::new()
            .chain_update(self.key)
            .chain_update(account.as_str())
            .chain_update([0])
            .chain_update(password)
            .finalize()
            .into()
    }
}

#[cfg(test)]
mod tests {
    use hither_protocol::Timestamp;

    use super::*;

    fn account(name: &str, phc: &str) -> AccountRecord {
        AccountRecord {
            name: name.parse().unwrap(),
            password_hash: phc.to_owned(),
            admin: false,
            disabled_at: None,
            created_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn at(seconds: u64) -> Instant {
        Instant::from_zero(Duration::from_secs(seconds))
    }

    #[test]
    fn a_password_is_known_for_a_while_and_until_it_is_changed() {
        let passwords = KnownPasswords::default();
        let ada = account("ada", "first");
        assert!(!passwords.knows(&ada, "right", at(0)));
        passwords.remember(&ada, "right", at(0));
        assert!(passwords.knows(&ada, "right", at(299)));
        assert!(!passwords.knows(&ada, "right", at(300)));
        assert!(!passwords.knows(&ada, "wrong", at(1)));
        assert!(!passwords.knows(&account("bob", "first"), "right", at(1)));
        assert!(!passwords.knows(&account("ada", "second"), "right", at(1)));
    }

    #[test]
    fn memory_is_bounded() {
        let passwords = KnownPasswords::default();
        let ada = account("ada", "phc");
        for number in 0..3 * MOST {
            passwords.remember(&ada, &number.to_string(), at(0));
        }
        assert!(passwords.known.lock().unwrap().len() <= MOST);
    }
}
