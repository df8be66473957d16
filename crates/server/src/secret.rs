//! Passwords, random secrets and how they are kept.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hither_protocol::{AccessToken, DeviceId};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::store::SecretHash;

/// No hash could be made: the system has no memory or no randomness to give.
#[derive(Debug, thiserror::Error)]
#[error("cannot hash a password: {0}")]
pub struct HashError(String);

/// A password as it is kept.
pub fn hash_password(password: &str) -> Result<String, HashError> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash: PasswordHash| hash.to_string())
        .map_err(|error| HashError(error.to_string()))
}

/// Whether a password is the kept one. Takes its time on purpose.
#[must_use]
pub fn verify_password(password: &str, phc: &str) -> bool {
    PasswordHash::new(phc).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

/// How a random secret is kept.
#[must_use]
pub fn hash(secret: &str) -> SecretHash {
    Sha256::digest(secret.as_bytes()).into()
}

/// Whether a random secret is the kept one.
#[must_use]
pub fn matches(secret: &str, kept: &SecretHash) -> bool {
    hash(secret).ct_eq(kept).into()
}

/// A new access token.
pub(crate) fn access_token() -> AccessToken {
    AccessToken::new(random("hat_", 32))
}

/// A new message token.
pub(crate) fn message_token() -> String {
    random("hmt_", 24)
}

/// A new device id.
pub(crate) fn device_id() -> DeviceId {
    random("d_", 12)
        .parse()
        .expect("base64url characters make a device id")
}

fn random(prefix: &str, bytes: usize) -> String {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random).expect("the system has randomness");
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(random))
}
