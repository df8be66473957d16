//! How phones are reached while their stream is closed.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::DeviceKind;
use crate::http::null_as_default;

/// `PUT /v1/devices/current/push`: where this phone's push service takes what is for it. All of it
/// is secret: whoever knows it can have something pushed there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "provider", rename_all = "lowercase")]
pub enum PushRegistration {
    /// Web Push (RFC 8030): a browser's `PushSubscription.toJSON()`, or what a `UnifiedPush`
    /// distributor says.
    Webpush {
        /// Where it is posted to.
        endpoint: String,
        /// What it is encrypted with.
        keys: PushKeys,
        /// When the subscription ends, in milliseconds since 1970.
        #[serde(
            default,
            rename = "expirationTime",
            skip_serializing_if = "Option::is_none"
        )]
        expiration_time: Option<u64>,
    },
    /// Apple's service.
    Apns {
        /// The device token, in hexadecimal digits.
        token: String,
        /// Which of Apple's two the token is for.
        #[serde(default, deserialize_with = "null_as_default")]
        environment: ApnsEnvironment,
        /// The app's bundle id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        topic: Option<String>,
    },
    /// Firebase Cloud Messaging.
    Fcm {
        /// The registration token; opaque.
        token: String,
    },
}

impl PushRegistration {
    /// Through which service it leads.
    #[must_use]
    pub const fn provider(&self) -> PushProvider {
        match self {
            Self::Webpush { .. } => PushProvider::Webpush,
            Self::Apns { .. } => PushProvider::Apns,
            Self::Fcm { .. } => PushProvider::Fcm,
        }
    }

    /// What stands for the phone at its provider: two registrations with the same reach the same one.
    #[must_use]
    pub fn address(&self) -> &str {
        match self {
            Self::Webpush { endpoint, .. } => endpoint,
            Self::Apns { token, .. } | Self::Fcm { token } => token,
        }
    }
}

impl fmt::Debug for PushRegistration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PushRegistration({}, …)", self.provider())
    }
}

/// What is pushed to a browser, or through `UnifiedPush`, is encrypted with (RFC 8291). Secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PushKeys {
    /// A public key on the curve P-256, uncompressed, in base64url.
    pub p256dh: String,
    /// 16 bytes in base64url.
    pub auth: String,
}

impl fmt::Debug for PushKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PushKeys(…)")
    }
}

/// Which of Apple's two services a device token is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ApnsEnvironment {
    /// For apps from the store.
    #[default]
    Production,
    /// For apps that are being developed.
    Sandbox,
}

/// A service that brings something to a phone whose stream is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum PushProvider {
    /// Apple's.
    Apns,
    /// Google's.
    Fcm,
    /// The browser's, or a `UnifiedPush` distributor's.
    Webpush,
    /// One that a later version knows.
    #[serde(other)]
    Other,
}

impl PushProvider {
    /// All that this version knows.
    pub const ALL: [Self; 3] = [Self::Apns, Self::Fcm, Self::Webpush];

    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apns => "apns",
            Self::Fcm => "fcm",
            Self::Webpush => "webpush",
            Self::Other => "other",
        }
    }

    /// The only platform whose phones it reaches; `None`: whatever has a browser or a distributor.
    #[must_use]
    pub const fn platform(self) -> Option<&'static str> {
        match self {
            Self::Apns => Some("ios"),
            Self::Fcm => Some("android"),
            Self::Webpush | Self::Other => None,
        }
    }

    /// Whether it reaches devices like this one. Desktops are reached by their streams alone.
    #[must_use]
    pub fn fits(self, platform: &str, kind: DeviceKind) -> bool {
        let only = self.platform();
        kind == DeviceKind::Mobile && only.is_none_or(|only| only.eq_ignore_ascii_case(platform))
    }
}

impl fmt::Display for PushProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a phone is registered, without its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PushState {
    /// Through which service.
    pub provider: PushProvider,
    /// Whether this server can send to that service, so that the phone rings while its stream is
    /// closed.
    pub rings: bool,
}
