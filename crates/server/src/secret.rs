//! Random tokens and secrets, and what is kept of them; passwords and their slow hashes.

use std::sync::Arc;

use argon2::password_hash::phc::{ParamsString, PasswordHash};
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hither_protocol::{AccessToken, DeviceId, InvalidId, PublisherId};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use tokio::sync::Semaphore;

use crate::store::SecretHash;

const TOKEN_BYTES: usize = 32;
const MESSAGE_TOKEN: &str = "hither_mt_";
const PUBLISHER_DIGITS: u64 = 10_000_000_000_000_000;

/// A new access token: `hither_at_` and 256 random bits.
#[must_use]
pub fn access_token() -> AccessToken {
    AccessToken::new(prefixed("hither_at_"))
}

/// A new publisher secret: `hither_ps_` and 256 random bits.
#[must_use]
pub fn publisher_secret() -> String {
    prefixed("hither_ps_")
}

/// A new webhook id: `wh_` and 128 random bits.
#[must_use]
pub fn webhook_id() -> String {
    format!("wh_{}", URL_SAFE_NO_PAD.encode(random::<16>()))
}

/// A new message token: `hither_mt_` and 256 random bits. An address, not a key.
#[must_use]
pub fn message_token() -> String {
    prefixed(MESSAGE_TOKEN)
}

/// Whether a text may be a message token.
pub(crate) fn is_message_token(text: &str) -> bool {
    text.starts_with(MESSAGE_TOKEN)
}

/// A password nobody could guess, for an account whose administrator chose none: 120 bits.
#[must_use]
pub fn password() -> String {
    URL_SAFE_NO_PAD.encode(random::<15>())
}

/// A new device id: 128 random bits, so that two devices of an account never meet in one.
#[must_use]
pub fn device_id() -> DeviceId {
    URL_SAFE_NO_PAD
        .encode(random::<16>())
        .parse()
        .expect("22 characters of base64url are a device id")
}

/// Kinds of publishers that nobody registers: the server itself, and people who publish.
const OWN_KINDS: [&str; 2] = ["hither", "account"];

/// A new id of a publisher that registers: what kind of publisher it is, then 16 random digits.
pub fn publisher_id(kind: &str) -> Result<PublisherId, InvalidKind> {
    if OWN_KINDS.contains(&kind) {
        return Err(InvalidKind);
    }
    numbered(kind).map_err(|_| InvalidKind)
}

/// A new id for a person who publishes.
///
/// # Panics
///
/// Never.
#[must_use]
pub fn person_id() -> PublisherId {
    numbered("account").expect("it is a prefix of a publisher")
}

/// Say another kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "kind must be 2 to 16 letters a-z, and neither hither nor account, which are the server's own"
)]
pub struct InvalidKind;

fn numbered(kind: &str) -> Result<PublisherId, InvalidId> {
    let digits = u64::from_be_bytes(random()) % PUBLISHER_DIGITS;
    format!("{kind}-{digits:016}").parse()
}

/// What is stored of a random secret. It needs no slow hash: nobody guesses 256 bits.
#[must_use]
pub fn hash(secret: &str) -> SecretHash {
    Sha256::digest(secret).into()
}

/// Whether the secret is one of those known; takes the same time whichever it is.
#[must_use]
pub fn is_known(secret: &SecretHash, known: &[SecretHash]) -> bool {
    known
        .iter()
        .fold(Choice::from(0), |found, one| found | one.ct_eq(secret))
        .into()
}

fn prefixed(prefix: &str) -> String {
    let secret = URL_SAFE_NO_PAD.encode(random::<TOKEN_BYTES>());
    format!("{prefix}{secret}")
}

/// A key that this process alone knows.
#[must_use]
pub(crate) fn key() -> [u8; 32] {
    random()
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("a system that has started gives random numbers");
    bytes
}

/// A random number from 0 to 1.
pub(crate) fn fraction() -> f64 {
    f64::from(u32::from_be_bytes(random())) / f64::from(u32::MAX)
}

/// Argon2id: memory in KiB, passes, lanes.
const COST: (u32, u32, u32) = (19_456, 2, 1);
/// Compared with where there is no account, so that its absence takes as long as a wrong password.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Whether a password was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Wrong, or there is no such account.
    Wrong,
    /// Right.
    Right,
    /// Right, but its hash was made with other parameters: make a new one.
    RightButOutdated,
}

/// Hashes passwords, as many at once as there are cores; the rest wait their turn.
#[derive(Clone, Debug)]
pub struct Passwords {
    turns: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            turns: Arc::new(Semaphore::new(cores)),
        }
    }
}

impl Passwords {
    /// The PHC string to keep for a password.
    pub async fn hash(&self, password: String) -> String {
        self.in_turn(move || hash_password(&password)).await
    }

    /// Whether the password is the one that `phc` was made from. For an account that does not
    /// exist, or may not sign in, give `None`: it takes as long and is wrong.
    pub async fn verify(&self, password: String, phc: Option<String>) -> Verdict {
        self.in_turn(move || verify_password(&password, phc.as_deref()))
            .await
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let turn = Arc::clone(&self.turns)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        let work = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        work.await.expect("hashing does not panic")
    }
}

fn argon2() -> Argon2<'static> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).expect("the cost is within bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash_password(password: &str) -> String {
    argon2()
        .hash_password(password.as_bytes())
        .expect("a password of any length can be hashed")
        .to_string()
}

fn verify_password(password: &str, phc: Option<&str>) -> Verdict {
    let known = phc.and_then(|phc| PasswordHash::new(phc).ok());
    let nobody = PasswordHash::new(NOBODY).expect("it is a PHC string");
    let right = argon2()
        .verify_password(password.as_bytes(), known.as_ref().unwrap_or(&nobody))
        .is_ok();
    match known {
        Some(known) if right && is_current(&known) => Verdict::Right,
        Some(_) if right => Verdict::RightButOutdated,
        _ => Verdict::Wrong,
    }
}

fn is_current(hash: &PasswordHash) -> bool {
    let wanted = ParamsString::try_from(argon2().params());
    hash.algorithm == Algorithm::Argon2id.ident()
        && hash.version == Some(Version::V0x13.into())
        && wanted.is_ok_and(|wanted| hash.params == wanted)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn tokens_say_what_they_are_and_never_repeat() {
        let mut seen = HashSet::new();
        for _ in 0..100 {
            for (token, prefix) in [
                (access_token().expose().to_owned(), "hither_at_"),
                (publisher_secret(), "hither_ps_"),
                (message_token(), "hither_mt_"),
            ] {
                let secret = token.strip_prefix(prefix).expect("its prefix");
                let bytes = URL_SAFE_NO_PAD.decode(secret).unwrap();
                assert_eq!(bytes.len(), 32);
                assert!(seen.insert(token));
            }
            assert!(seen.insert(password()));
            assert!(seen.insert(device_id().to_string()));
            assert!(seen.insert(publisher_id("app").unwrap().to_string()));
        }
    }

    #[test]
    fn a_publisher_id_shows_its_kind() {
        let id = publisher_id("bank").unwrap();
        assert!(id.as_str().starts_with("bank-"), "{id}");
        assert_eq!(id.as_str().len(), "bank-".len() + 16);
        for kind in ["", "a", "Bank", "b4nk", "with-dash", "muchtoolongforakind"] {
            assert!(publisher_id(kind).is_err(), "{kind:?}");
        }
    }

    #[test]
    fn a_secret_is_known_by_its_hash() {
        let (old, new) = (publisher_secret(), publisher_secret());
        let known = [hash(&old), hash(&new)];
        assert!(is_known(&hash(&old), &known) && is_known(&hash(&new), &known));
        assert!(!is_known(&hash(&publisher_secret()), &known));
        assert!(!is_known(&hash(&old), &[]));
        assert!(!is_known(&hash(""), &known));
    }

    #[tokio::test]
    async fn a_password_is_verified() {
        let passwords = Passwords::default();
        let phc = passwords.hash("päss wörd".to_owned()).await;
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        let verify = |password: &str, phc: Option<&str>| {
            passwords.verify(password.to_owned(), phc.map(str::to_owned))
        };
        assert_eq!(verify("päss wörd", Some(&phc)).await, Verdict::Right);
        for (wrong, phc) in [
            ("pass word", Some(&*phc)),
            ("", Some(&phc)),
            ("", None),
            ("", Some("")),
            ("x", Some("not a hash")),
        ] {
            assert_eq!(verify(wrong, phc).await, Verdict::Wrong, "{wrong:?}");
        }
    }

    #[tokio::test]
    async fn an_outdated_hash_is_noticed() {
        let cheap = Params::new(8, 1, 1, None).unwrap();
        let phc = Argon2::new(Algorithm::Argon2id, Version::V0x13, cheap)
            .hash_password(b"old")
            .unwrap()
            .to_string();
        let passwords = Passwords::default();
        let right = passwords.verify("old".to_owned(), Some(phc.clone())).await;
        assert_eq!(right, Verdict::RightButOutdated);
        let wrong = passwords.verify("new".to_owned(), Some(phc)).await;
        assert_eq!(wrong, Verdict::Wrong);
    }

    #[test]
    fn nobody_costs_as_much_as_somebody() {
        let nobody = PasswordHash::new(NOBODY).unwrap();
        assert!(is_current(&nobody));
        let somebody = PasswordHash::new(&hash_password("x")).unwrap();
        let length = |hash: &PasswordHash| hash.hash.as_ref().map(|output| output.as_ref().len());
        assert_eq!(length(&nobody), length(&somebody));
    }
}
