//! The app lock's passphrase: slow to hash, so that guessing from the file is slow.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use hither_engine::view::Password;

/// What the passphrase is checked against later, as a PHC string. Takes tens of milliseconds.
/// `None` where the system has no randomness or memory left.
pub(crate) fn hash(passphrase: &Password) -> Option<String> {
    // Argon2id over 19 MiB, twice.
    Argon2::default()
        .hash_password(passphrase.0.as_bytes())
        .inspect_err(|error| tracing::error!(%error, "the passphrase cannot be hashed"))
        .ok()
        .map(|hash| hash.to_string())
}

/// Whether this is the passphrase that `verifier` was made of.
pub(crate) fn is_right(verifier: &str, passphrase: &Password) -> bool {
    PasswordHash::new(verifier).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(passphrase.0.as_bytes(), &hash)
            .is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passphrase(text: &str) -> Password {
        Password(text.to_owned())
    }

    #[test]
    fn only_the_same_passphrase_is_right() {
        let verifier = hash(&passphrase("1234")).unwrap();
        assert!(!verifier.contains("1234"));
        assert_ne!(hash(&passphrase("1234")).unwrap(), verifier);
        for (tried, right) in [
            ("1234", true),
            ("12345", false),
            ("", false),
            ("１２３４", false),
        ] {
            assert_eq!(is_right(&verifier, &passphrase(tried)), right, "{tried}");
        }
        assert!(!is_right("damaged", &passphrase("1234")));
    }
}
