//! Signatures in the Standard Webhooks form, so that a receiver knows who posts to it.

use core::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

use crate::secret;

/// What a webhook's events are signed with. Unlike other secrets it is kept as it is: a hash signs
/// nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey([u8; 32]);

impl SigningKey {
    /// 256 random bits.
    #[must_use]
    pub fn random() -> Self {
        Self(secret::key())
    }

    /// As its receiver needs it: `whsec_` and base64. Said once.
    #[must_use]
    pub fn expose(&self) -> String {
        format!("whsec_{}", STANDARD.encode(self.0))
    }

    /// For the store alone.
    pub(crate) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// `v1,` and the base64 of an HMAC-SHA256 over id, time and body.
    fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let mut signing = hmac::Context::with_key(&key);
        signing.update(format!("{id}.{seconds}.").as_bytes());
        signing.update(body);
        format!("v1,{}", STANDARD.encode(signing.sign()))
    }
}

impl From<[u8; 32]> for SigningKey {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// The header `webhook-signature`: one signature of each key, with spaces between.
pub(super) fn signatures(keys: &[SigningKey], id: &str, seconds: i64, body: &[u8]) -> String {
    let each: Vec<_> = keys.iter().map(|key| key.sign(id, seconds, body)).collect();
    each.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = *b"0123456789abcdef0123456789abcdef";

    /// Made with the package `standardwebhooks` of PyPI.
    #[test]
    fn a_signature_is_what_others_make() {
        let key = SigningKey::from(KEY);
        assert_eq!(
            key.expose(),
            "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
        );
        let body = br#"{"test": 2432232314}"#;
        let one = signatures(&[key], "evt_1", 1_614_265_330, body);
        assert_eq!(one, "v1,lGTx6/7aFtz/GMtSsBWNGeljiOrcaqMEqsQuSsrMNlU=");
    }

    #[test]
    fn every_key_signs_and_none_is_shown() {
        let keys = [SigningKey::random(), SigningKey::random()];
        assert_ne!(keys[0], keys[1]);
        let both = signatures(&keys, "evt_1", 1, b"{}");
        let expected = keys.clone().map(|key| key.sign("evt_1", 1, b"{}"));
        assert_eq!(both, expected.join(" "));
        assert_eq!(format!("{:?}", keys[0]), "SigningKey(…)");
    }

    #[test]
    fn whatever_changes_changes_the_signature() {
        let key = SigningKey::from(KEY);
        let usual = key.sign("evt_1", 1, b"{}");
        let other = SigningKey::random();
        for changed in [
            key.sign("evt_2", 1, b"{}"),
            key.sign("evt_1", 2, b"{}"),
            key.sign("evt_1", 1, b"{ }"),
            other.sign("evt_1", 1, b"{}"),
        ] {
            assert_ne!(changed, usual);
        }
    }
}
