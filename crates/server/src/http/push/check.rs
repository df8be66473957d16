//! Whether a registration can be pushed to.

use core::ops::RangeInclusive;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hither_protocol::{PushKeys, PushProvider, PushRegistration, Timestamp};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::rand::SystemRandom;
use serde_json::{Map, Value};

use super::super::{App, Failure, elsewhere};
use crate::accounts::clock;

/// The longest token of Firebase's, in bytes. It says of none how long it can be.
pub(crate) const MAX_TOKEN: usize = 2048;
/// The longest bundle id, in bytes.
pub(crate) const MAX_TOPIC: usize = 255;
/// Bytes of a device token of Apple's, which promises no length; it was always 32.
pub(crate) const APNS_TOKEN: RangeInclusive<usize> = 32..=100;
/// Bytes of the secret in RFC 8291.
const AUTH: usize = 16;

/// As browsers write it; padding does no harm.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What belongs to a provider.
const fn parts_of(provider: PushProvider) -> &'static [&'static str] {
    match provider {
        PushProvider::Webpush => &["endpoint", "keys", "expirationTime"],
        PushProvider::Apns => &["token", "environment", "topic"],
        PushProvider::Fcm => &["token"],
        PushProvider::Other => &[],
    }
}

/// A body that names one provider and says what belongs to another contradicts itself.
pub(super) fn parts(provider: PushProvider, body: &[u8]) -> Result<(), Failure> {
    let body: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    let own = parts_of(provider);
    let foreign = PushProvider::ALL
        .into_iter()
        .flat_map(parts_of)
        .find(|part| !own.contains(part) && body.get(**part).is_some_and(|it| !it.is_null()));
    match foreign {
        None => Ok(()),
        Some(part) => Err(Failure::invalid(format!(
            "{part} is no part of a registration with {provider}: leave it out, or name the \
             provider that it belongs to."
        ))),
    }
}

/// A registration as it is kept: each part is right, and written in one way only.
pub(super) async fn registration(
    app: &App,
    registration: PushRegistration,
) -> Result<PushRegistration, Failure> {
    Ok(match registration {
        PushRegistration::Webpush {
            endpoint,
            keys,
            expiration_time,
        } => PushRegistration::Webpush {
            keys: PushKeys {
                p256dh: p256dh(&keys.p256dh)?,
                auth: auth(&keys.auth)?,
            },
            expiration_time: still_good(expiration_time, clock::wall())?,
            endpoint: elsewhere::target(app, "endpoint", &endpoint)
                .await?
                .to_string(),
        },
        PushRegistration::Apns {
            token,
            environment,
            topic,
        } => PushRegistration::Apns {
            token: apns_token(&token)?,
            environment,
            topic: topic.map(bundle_id).transpose()?,
        },
        PushRegistration::Fcm { token } => PushRegistration::Fcm {
            token: fcm_token(token)?,
        },
    })
}

/// A point of the curve: it is tried out, as nothing can be encrypted with any other.
fn p256dh(text: &str) -> Result<String, Failure> {
    let decoded = BASE64URL.decode(text).ok();
    decoded
        .filter(|bytes| bytes.len() == 65 && bytes[0] == 4 && is_on_the_curve(bytes))
        .map(|bytes| BASE64URL.encode(bytes))
        .ok_or_else(|| {
            Failure::invalid(
                "keys.p256dh must be the subscription's public key as toJSON() gives it: 65 bytes \
                 in base64url, an uncompressed point of the curve P-256.",
            )
        })
}

fn is_on_the_curve(point: &[u8]) -> bool {
    let peer = UnparsedPublicKey::new(&ECDH_P256, point);
    EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new())
        .and_then(|own| agree_ephemeral(own, &peer, |_| ()))
        .is_ok()
}

fn auth(text: &str) -> Result<String, Failure> {
    let decoded = BASE64URL.decode(text).ok();
    decoded
        .filter(|bytes| bytes.len() == AUTH)
        .map(|bytes| BASE64URL.encode(bytes))
        .ok_or_else(|| {
            Failure::invalid(
                "keys.auth must be the subscription's secret as toJSON() gives it: 16 bytes in \
                 base64url.",
            )
        })
}

fn still_good(ends: Option<u64>, now: Timestamp) -> Result<Option<u64>, Failure> {
    let now = u64::try_from(now.as_millisecond()).unwrap_or_default();
    if ends.is_none_or(|ends| ends > now) {
        return Ok(ends);
    }
    Err(Failure::invalid(
        "expirationTime has passed: subscribe again, and register the new subscription.",
    ))
}

/// Apple's SDK gives bytes, and apps write them in capitals or not.
fn apns_token(text: &str) -> Result<String, Failure> {
    let whole = text.len().is_multiple_of(2) && APNS_TOKEN.contains(&(text.len() / 2));
    if whole && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    let (least, most) = (2 * APNS_TOKEN.start(), 2 * APNS_TOKEN.end());
    Err(Failure::invalid(format!(
        "token must be the device token that APNs gave the app, in hexadecimal: {least} to {most} \
         digits."
    )))
}

fn bundle_id(text: String) -> Result<String, Failure> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    if (1..=MAX_TOPIC).contains(&text.len()) && text.bytes().all(plain) {
        return Ok(text);
    }
    Err(Failure::invalid(format!(
        "topic must be the app's bundle id: 1 to {MAX_TOPIC} letters, digits, '.' and '-'."
    )))
}

fn fcm_token(text: String) -> Result<String, Failure> {
    if (1..=MAX_TOKEN).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(text);
    }
    Err(Failure::invalid(format!(
        "token must be the registration token that Firebase gave the app: 1 to {MAX_TOKEN} \
         printable ASCII characters."
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the example in RFC 8291.
    const POINT: &str =
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

    #[test]
    fn keys_are_those_that_something_can_be_encrypted_with() {
        assert_eq!(p256dh(POINT).unwrap(), POINT);
        assert_eq!(p256dh(&format!("{POINT}=")).unwrap(), POINT, "padded");
        let bytes = BASE64URL.decode(POINT).unwrap();
        let changed = |at: usize, to: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = to;
            BASE64URL.encode(bytes)
        };
        for wrong in [
            String::new(),
            POINT[..86].to_owned(),
            format!("{POINT}AA"),
            POINT.replace('_', "/"),
            changed(0, 2),
            changed(0, 0),
            changed(64, bytes[64] ^ 1),
            BASE64URL.encode([4; 65]),
            BASE64URL.encode([0; 65]),
        ] {
            assert!(p256dh(&wrong).is_err(), "{wrong}");
        }
        assert_eq!(auth(AUTH).unwrap(), AUTH);
        assert_eq!(auth(&format!("{AUTH}==")).unwrap(), AUTH);
        for wrong in ["", "BTBZMqHH6r4Tts7J_aSI", "BTBZMqHH6r4Tts7J_aSIggAA", "!"] {
            assert!(auth(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn tokens_are_written_in_one_way() {
        let token = "00FCaf".repeat(11)[..64].to_owned();
        assert_eq!(apns_token(&token).unwrap(), token.to_lowercase());
        assert!(apns_token(&"ab".repeat(100)).is_ok());
        for wrong in [
            String::new(),
            "ab".repeat(31),
            "ab".repeat(101),
            format!("{token}a"),
            format!("<{}>", &token[2..]),
            "0g".repeat(32),
            "é".repeat(32),
        ] {
            assert!(apns_token(&wrong).is_err(), "{wrong}");
        }
        let known = "fPYmM:APA91b-_".to_owned();
        assert_eq!(fcm_token(known.clone()).unwrap(), known);
        assert!(fcm_token("t".repeat(MAX_TOKEN)).is_ok());
        for wrong in ["", "a b", "a\n", "é", &"t".repeat(MAX_TOKEN + 1)] {
            assert!(fcm_token(wrong.to_owned()).is_err(), "{wrong:.20}");
        }
        assert!(bundle_id("org.example.Hither-2".to_owned()).is_ok());
        for wrong in ["", "a b", "a/b", "a_b", &"a".repeat(MAX_TOPIC + 1)] {
            assert!(bundle_id(wrong.to_owned()).is_err(), "{wrong:.20}");
        }
    }

    #[test]
    fn a_subscription_that_is_over_is_none() {
        let now = Timestamp::from_millisecond(1000).unwrap();
        for good in [None, Some(1001), Some(u64::MAX)] {
            assert_eq!(still_good(good, now).unwrap(), good);
        }
        for over in [0, 999, 1000] {
            assert!(still_good(Some(over), now).is_err());
        }
    }

    #[test]
    fn what_belongs_to_another_provider_contradicts_it() {
        use PushProvider::{Apns, Fcm, Webpush};
        for (provider, body, good) in [
            (
                Webpush,
                r#"{"endpoint": 1, "keys": 1, "expirationTime": 1}"#,
                true,
            ),
            (
                Webpush,
                r#"{"endpoint": 1, "token": null, "later": 1}"#,
                true,
            ),
            (Webpush, r#"{"endpoint": 1, "token": "t"}"#, false),
            (Apns, r#"{"token": 1, "environment": 1, "topic": 1}"#, true),
            (Apns, r#"{"token": 1, "endpoint": 1}"#, false),
            (Fcm, r#"{"token": 1}"#, true),
            (Fcm, r#"{"token": 1, "topic": 1}"#, false),
            (Fcm, r#"{"token": 1, "keys": {}}"#, false),
        ] {
            assert_eq!(parts(provider, body.as_bytes()).is_ok(), good, "{body}");
        }
    }
}
