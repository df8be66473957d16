//! Requests and answers under `/v1`. Errors are problem details (RFC 9457) with a stable `code`.

use core::fmt;
use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::times::{read_optional_time, read_time, write_optional_time, write_time};
use crate::{
    AccessToken, AccountName, Action, ClientInfo, Cursor, DeviceId, DeviceKind, Format, Message,
    MessageId, Presence, Priority, PushState, Timestamp,
};

/// The media type of every error's body.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Reads `null` as what the field is when it is left out, for `deserialize_with`: many programs write
/// `null` for what they do not say.
///
/// # Errors
/// Those of the value, where there is one.
pub fn null_as_default<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// `POST /v1/sessions`: a person signs in on a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CreateSession {
    /// Account name.
    pub account: String,
    /// Password as typed.
    pub password: String,
    /// The device it is typed on.
    pub device: DeviceRequest,
    /// The application that asks.
    pub application: ClientInfo,
}

/// The device in a sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeviceRequest {
    /// From an earlier sign-in of the same account here; absent the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<DeviceId>,
    /// As the person calls it.
    pub name: String,
    /// Operating system: `linux`, `windows`, `macos`, `android`, `ios`, `web`.
    pub platform: String,
    /// Decides routing.
    pub kind: DeviceKind,
}

/// 201 to a sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Session {
    /// Opaque; bound to account, device and application.
    pub access_token: AccessToken,
    /// Slides with use.
    #[serde(deserialize_with = "read_time", serialize_with = "write_time")]
    pub expires_at: Timestamp,
    /// To be kept and sent at the next sign-in.
    pub device_id: DeviceId,
    /// This client's address for publishers.
    pub message_token: String,
    /// Where to open the stream.
    pub stream_url: String,
}

/// `GET /v1/sessions/current`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CurrentSession {
    /// The account signed in.
    pub account: AccountName,
    /// This device.
    pub device_id: DeviceId,
    /// Where to open the stream now.
    pub stream_url: String,
    /// Slides with use.
    #[serde(deserialize_with = "read_time", serialize_with = "write_time")]
    pub expires_at: Timestamp,
}

/// `GET /v1/devices`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Devices {
    /// By name.
    pub devices: Vec<Device>,
}

/// A device of the account that asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Device {
    /// To revoke it by.
    pub id: DeviceId,
    /// As the person calls it.
    pub name: String,
    /// Operating system.
    pub platform: String,
    /// Decides routing.
    pub kind: DeviceKind,
    /// The device that asks.
    pub current: bool,
    /// What signed in on it, by name.
    pub applications: Vec<DeviceApplication>,
    /// When one of them was last connected or signed in; now, while it is online.
    #[serde(
        default,
        deserialize_with = "read_optional_time",
        serialize_with = "write_optional_time",
        skip_serializing_if = "Option::is_none"
    )]
    pub last_seen_at: Option<Timestamp>,
    /// Whether a stream of its inbox is open.
    pub online: bool,
    /// What an online desktop last said about its person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presence: Option<Presence>,
    /// How a phone is registered to be reached while its stream is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<PushState>,
}

/// An application on a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeviceApplication {
    /// `hither` is the person's own inbox.
    pub name: String,
    /// Of its last sign-in.
    pub version: String,
    /// Whether its session is alive.
    pub signed_in: bool,
}

/// `PUT /v1/account/password`; all other sessions of the account end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChangePassword {
    /// As it is.
    pub current: String,
    /// As it shall be.
    pub new: String,
}

/// `POST /v1/messages`: a publisher hands a message over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PublishRequest {
    /// Whom it is for.
    pub to: Recipients,
    /// One line.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub title: String,
    /// The text.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub body: String,
    /// How `body` is written.
    #[serde(default, deserialize_with = "null_as_default")]
    pub format: Format,
    /// An H5 page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// A link; http, https or mailto.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// 1 to 5.
    #[serde(default, deserialize_with = "null_as_default")]
    pub priority: Priority,
    /// Free words.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub tags: Vec<String>,
    /// Address of a picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// Buttons.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub actions: Vec<Action>,
    /// Files uploaded before, in the order in which they are listed.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub attachments: Vec<UploadRef>,
    /// Replaces the publisher's earlier message with the same key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Not before that; a time that has passed is no wait.
    #[serde(
        default,
        deserialize_with = "read_optional_time",
        serialize_with = "write_optional_time",
        skip_serializing_if = "Option::is_none"
    )]
    pub deliver_at: Option<Timestamp>,
    /// Seconds after which it is withdrawn, from when it comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_s: Option<u64>,
    /// What `{{name}}` in title, body and html stands for, before the receiver's record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Fields>,
}

/// Values by account and name.
pub type Fields = BTreeMap<String, BTreeMap<String, FieldValue>>;

/// What stands in the place of a `{{name}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum FieldValue {
    /// None: the receiver's record is asked.
    Null,
    /// As it is.
    Text(String),
    /// As JSON writes it.
    Number(serde_json::Number),
    /// `true` or `false`.
    Flag(bool),
    /// Nothing that can be filled in; refused where it would have to be.
    #[cfg_attr(feature = "schema", schemars(skip))]
    Other(serde_json::Value),
}

/// An upload, named in a publish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UploadRef {
    /// As the upload was answered.
    pub id: Uuid,
    /// The file's name in this message, when not the upload's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// 201 to `POST /v1/attachments`: a file for messages to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Uploaded {
    /// Names it in a publish.
    pub id: Uuid,
    /// File name, fit for every file system.
    pub name: String,
    /// As the server found it.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// Of its content, 64 digits `0-9a-f`.
    pub sha256: String,
    /// Gone from then on, unless a message names it.
    #[serde(deserialize_with = "read_time", serialize_with = "write_time")]
    pub expires_at: Timestamp,
}

/// Whom a message is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Recipients {
    /// These accounts' own inboxes.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub accounts: Vec<String>,
    /// Subscribers of these topics.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub topics: Vec<String>,
    /// Exactly these clients.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub tokens: Vec<String>,
    /// Every account.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "core::ops::Not::not"
    )]
    pub everyone: bool,
    /// Clients of an application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<ApplicationVersions>,
}

/// The clients of an application whose version is in a range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ApplicationVersions {
    /// As clients say it when they sign in.
    pub name: String,
    /// A range of semantic versions: `>=1.2, <2`. All of them by default.
    #[serde(default = "all_versions", deserialize_with = "versions")]
    pub versions: String,
}

fn all_versions() -> String {
    "*".to_owned()
}

fn versions<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let range = Option::deserialize(from)?;
    Ok(range.unwrap_or_else(all_versions))
}

/// 201 to a publish, after the commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Published {
    /// The new message.
    pub id: MessageId,
    /// How many it has at this moment: accounts, and clients addressed by token or application.
    pub receivers: u64,
    /// Dead message tokens among `to.tokens`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_tokens: Vec<String>,
}

/// `GET /v1/messages`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MessagesPage {
    /// Oldest first.
    pub messages: Vec<Message>,
    /// Where the next page begins.
    pub cursor: Cursor,
    /// Whether there is one now.
    pub more: bool,
    /// Whether retention removed something in between.
    pub gap: bool,
}

/// An error's body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// A few words, the same for every occurrence.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What happened here and what to do next.
    pub detail: String,
    /// Stable, for programs.
    pub code: ErrorCode,
}

macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal, $title:literal;)*) => {
        /// What went wrong, for programs. Codes never change their meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum ErrorCode {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
            /// A code this version does not know.
            #[serde(other, rename = "unknown")]
            Unknown,
        }

        impl ErrorCode {
            /// Every code that the server sends.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* Self::Unknown => "unknown" }
            }

            /// The HTTP status it comes with.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* Self::Unknown => 500 }
            }

            /// A few words, the same for every occurrence.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* Self::Unknown => "Unknown error" }
            }
        }
    };
}

error_codes! {
    /// The body or a parameter makes no sense; fix the request.
    Malformed = "malformed", 400, "Malformed request";
    /// Name or password is not right.
    WrongCredentials = "wrong_credentials", 401, "Name or password is not right";
    /// No valid access token or publisher secret came with the request.
    Unauthenticated = "unauthenticated", 401, "Not signed in";
    /// Signed in, but not for this.
    Forbidden = "forbidden", 403, "Not allowed";
    /// No such thing here.
    NotFound = "not_found", 404, "Not found";
    /// Not with this method.
    MethodNotAllowed = "method_not_allowed", 405, "Method not allowed";
    /// The name is taken.
    Taken = "taken", 409, "Already taken";
    /// Unknown or foreign cursor; start over without one.
    UnknownCursor = "unknown_cursor", 410, "Unknown cursor";
    /// It is not the version that `If-Match` names any more; read it again.
    Changed = "changed", 412, "Changed meanwhile";
    /// The body is too large.
    TooLarge = "too_large", 413, "Too large";
    /// The body is not JSON.
    UnsupportedMediaType = "unsupported_media_type", 415, "Unsupported media type";
    /// The part of a file that was asked for begins behind its end.
    RangeNotSatisfiable = "range_not_satisfiable", 416, "Range not satisfiable";
    /// Well-formed, but a value is out of bounds.
    Invalid = "invalid", 422, "Invalid value";
    /// No receiver that this publisher may reach.
    NoReceivers = "no_receivers", 422, "No receivers";
    /// The idempotency key was used with another body.
    IdempotencyMismatch = "idempotency_mismatch", 422, "Idempotency key used before";
    /// Too many requests; wait.
    TooMany = "too_many", 429, "Too many requests";
    /// A bug in the server, or a broken disk.
    Internal = "internal", 500, "Internal error";
    /// The server is shutting down or its store does not answer; try again.
    Unavailable = "unavailable", 503, "Unavailable";
    /// Too many bytes of attachments; nothing was stored.
    QuotaExceeded = "quota_exceeded", 507, "Quota exceeded";
    /// The server's disk is full; nothing was stored.
    StorageFull = "storage_full", 507, "Storage full";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
