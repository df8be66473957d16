use serde::{Deserialize, Serialize};

use crate::times::{read_optional_time, read_time, write_optional_time, write_time};
use crate::{MessageId, PublisherId, Timestamp};

/// A message as clients get it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Message {
    /// Primary key of every history.
    pub id: MessageId,
    /// Who sent it.
    pub publisher: PublisherRef,
    /// The application it is addressed to, when not the person's own inbox; by a message token,
    /// that of the client which reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// The topic it was published to, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// One line; empty when the publisher gave none.
    #[serde(default)]
    pub title: String,
    /// The text, in `format`. Always present, also beside an H5 page, which it summarises.
    #[serde(default)]
    pub body: String,
    /// How `body` is written; text as it is where the client does not know the format.
    #[serde(default, deserialize_with = "plain_if_unknown")]
    pub format: Format,
    /// The H5 page, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<Html>,
    /// Where a click on the message's own link leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// How urgent it is.
    #[serde(default)]
    pub priority: Priority,
    /// Free words for filters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Address of a picture for the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// What the person can choose; drawn as buttons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Action>,
    /// Files beside the message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// Names a piece of information of which only the newest version counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The server's commit time.
    #[serde(deserialize_with = "read_time", serialize_with = "write_time")]
    pub created_at: Timestamp,
    /// From then on it is withdrawn everywhere.
    #[serde(
        default,
        deserialize_with = "read_optional_time",
        serialize_with = "write_optional_time",
        skip_serializing_if = "Option::is_none"
    )]
    pub expires_at: Option<Timestamp>,
    /// When the person first read it, on any device.
    #[serde(
        default,
        deserialize_with = "read_optional_time",
        serialize_with = "write_optional_time",
        skip_serializing_if = "Option::is_none"
    )]
    pub read_at: Option<Timestamp>,
}

/// Who sent a message, as shown to people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PublisherRef {
    /// Stable.
    pub id: PublisherId,
    /// May change.
    pub name: String,
}

/// How a body is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Text as it is.
    #[default]
    Plain,
    /// `CommonMark`.
    Markdown,
}

fn plain_if_unknown<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Format, D::Error> {
    let word = String::deserialize(input)?;
    Ok(if word == "markdown" {
        Format::Markdown
    } else {
        Format::Plain
    })
}

/// An H5 page: inline when it is small, else to be fetched from `href`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Html {
    /// Bytes of the page.
    pub size: u64,
    /// The page itself, when it fits in a frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inline: Option<String>,
    /// Path on the server to fetch it from, when it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub href: Option<String>,
}

/// A choice offered with a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Action {
    /// Sent back when it is chosen.
    pub id: String,
    /// What the button says.
    pub label: String,
    /// Opened when it is chosen; http, https or mailto.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A file beside a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Attachment {
    /// File name as the publisher gave it; never a path.
    pub name: String,
    /// Media type, as the server found it.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// Path on the server to fetch it from.
    pub href: String,
    /// SHA-256 of its content, 64 digits `0-9a-f`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// How urgent a message is: 1 (min) to 5 (urgent) on the wire.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("minimum" = 1, "maximum" = 5)))]
#[serde(try_from = "u8", into = "u8")]
pub enum Priority {
    /// Never alerts; sorted last.
    Min = 1,
    /// Never alerts; only the badge changes.
    Low = 2,
    /// Alerts the one screen the person is at.
    #[default]
    Default = 3,
    /// As default, shown more prominently.
    High = 4,
    /// Alerts every device at once.
    Urgent = 5,
}

/// A priority outside 1 to 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("priority must be a whole number from 1 (min) to 5 (urgent)")]
pub struct UnknownPriority;

impl TryFrom<u8> for Priority {
    type Error = UnknownPriority;

    fn try_from(number: u8) -> Result<Self, UnknownPriority> {
        Ok(match number {
            1 => Self::Min,
            2 => Self::Low,
            3 => Self::Default,
            4 => Self::High,
            5 => Self::Urgent,
            _ => return Err(UnknownPriority),
        })
    }
}

impl From<Priority> for u8 {
    fn from(priority: Priority) -> Self {
        priority as Self
    }
}
