//! The stream: JSON text frames over a WebSocket, each with a `type`.

use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Serialize};

use crate::times::{read_optional_time, read_time, write_optional_time, write_time};
use crate::{AccessToken, Cursor, DeviceId, Message, MessageId, Presence, Timestamp};

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientFrame {
    /// First frame, within 5 s of the upgrade.
    Hello {
        /// May be absent where a browser's session cookie on the upgrade stands for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        access_token: Option<AccessToken>,
        /// How far this device's history got. `None`: everything retained, silently.
        #[serde(default)]
        cursor: Option<Cursor>,
        /// The application's name and version.
        client: ClientInfo,
        /// Without it the connection is `unknown` until the device reports.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        presence: Option<Presence>,
    },
    /// On every transition.
    Presence {
        /// The new state.
        #[serde(flatten)]
        presence: Presence,
        /// As in `ping`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        echo: Option<Echo>,
    },
    /// Every `heartbeat_ms`, after a fresh reading of the sensor. Answered by `pong` once every
    /// frame sent before it has taken effect.
    Ping {
        /// Age of the last input, in milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_input_ms: Option<u64>,
        /// Of the last `pong` on this stream that said when it was sent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        echo: Option<Echo>,
    },
    /// Everything up to here is on this device's disk.
    Ack {
        /// The newest one stored.
        cursor: Cursor,
    },
    /// The pop-up is up.
    Shown {
        /// For these messages.
        #[serde(deserialize_with = "known")]
        ids: Vec<MessageId>,
        /// Whether it stays up until there has been input after it, however long that takes.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        stays: bool,
    },
    /// The person read them.
    Read {
        /// These messages.
        #[serde(deserialize_with = "known")]
        ids: Vec<MessageId>,
    },
    /// The person chose one of a message's actions.
    Action {
        /// The message.
        id: MessageId,
        /// The action's id.
        action: String,
    },
    /// A type this version does not know; skipped.
    #[serde(other)]
    Unknown,
}

/// Ids that can be a message's: others are unknown, and nothing follows from them.
fn known<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<MessageId>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Said {
        Id(MessageId),
        Other(#[expect(dead_code, reason = "it is skipped")] String),
    }
    let said = Vec::<Said>::deserialize(deserializer)?;
    let known = said.into_iter().filter_map(|said| match said {
        Said::Id(id) => Some(id),
        Said::Other(_) => None,
    });
    Ok(known.collect())
}

/// What the server says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    /// Identified.
    Welcome {
        /// This device's id.
        device_id: DeviceId,
        /// The server's wall time.
        #[serde(deserialize_with = "read_time", serialize_with = "write_time")]
        server_time: Timestamp,
        /// The account's timings.
        policy: Policy,
    },
    /// The account's timings changed.
    Policy {
        /// All of them.
        #[serde(flatten)]
        policy: Policy,
    },
    /// A log entry: store, then ack.
    Message {
        /// Its place in the log.
        cursor: Cursor,
        /// Whether this device rings at once; the first decision only.
        #[serde(flatten)]
        alert: FirstAlert,
        /// The message.
        message: Box<Message>,
    },
    /// A log entry: read on some device.
    Read {
        /// Its place in the log.
        cursor: Cursor,
        /// Unknown ids are no-ops.
        ids: Vec<MessageId>,
    },
    /// A log entry: gone.
    Withdraw {
        /// Its place in the log.
        cursor: Cursor,
        /// Unknown ids are no-ops.
        ids: Vec<MessageId>,
        /// What happened to them.
        why: WithdrawWhy,
    },
    /// Ring now for messages already delivered. No log entry, no cursor, never replayed.
    Alert {
        /// These messages.
        ids: Vec<MessageId>,
        /// One pop-up each, or one for all.
        style: AlertStyle,
        /// The rule that decided it.
        why: AlertWhy,
    },
    /// The backlog is done.
    Synced {
        /// How far it went.
        cursor: Cursor,
    },
    /// Retention removed something this device never saw.
    Gap {
        /// Entries before this moment may be missing.
        #[serde(deserialize_with = "read_time", serialize_with = "write_time")]
        since: Timestamp,
    },
    /// Answers a ping.
    Pong {
        /// When it was sent, in milliseconds by a clock of this stream's own; for the `echo`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sent_ms: Option<u64>,
    },
    /// Something is wrong; usually a close follows.
    Error {
        /// Stable, for programs.
        code: String,
        /// For people: what happened and what to do next.
        detail: String,
        /// When to try again, in milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
    },
    /// A type this version does not know; skipped.
    #[serde(other)]
    Unknown,
}

/// How long a frame took at most: it went out `held_ms` after a `pong` of `sent_ms` came in, so the
/// way there and back took what has passed on the server's clock, less that. No clocks are
/// compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Echo {
    /// As the pong said.
    pub sent_ms: u64,
    /// From its arrival to this frame, in milliseconds by the client's clock, rounded down.
    pub held_ms: u64,
}

/// Name and version of an application.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClientInfo {
    /// `hither` is the person's own inbox.
    pub name: String,
    /// A semantic version.
    pub version: String,
}

/// The account's timings, in milliseconds, and its quiet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Policy {
    /// Without input for so long a desktop is inactive.
    pub idle_after_ms: u64,
    /// A client pings so often.
    pub heartbeat_ms: u64,
    /// A client acks what it stored within this time.
    pub ack_within_ms: u64,
    /// What a client sums up by itself waits for the end of this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<Quiet>,
}

/// The span of time that goes on, or comes next, in which by the person's choice nothing rings but
/// what the server alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Quiet {
    /// When it begins; absent once it goes on.
    #[serde(
        default,
        deserialize_with = "read_optional_time",
        serialize_with = "write_optional_time",
        skip_serializing_if = "Option::is_none"
    )]
    pub from: Option<Timestamp>,
    /// When it ends; absent where that is not known.
    #[serde(
        default,
        deserialize_with = "read_optional_time",
        serialize_with = "write_optional_time",
        skip_serializing_if = "Option::is_none"
    )]
    pub until: Option<Timestamp>,
}

impl Quiet {
    /// Whether it goes on at that moment.
    #[must_use]
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            idle_after_ms: 180_000,
            heartbeat_ms: 30_000,
            ack_within_ms: 5_000,
            quiet: None,
        }
    }
}

/// Whether a delivered message rings on this device at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(from = "AlertWords", into = "AlertWords")]
pub enum FirstAlert {
    /// Pop up.
    Now,
    /// Into the history only, and into no summary: by the person's choices it rings nowhere.
    Never,
    /// Into the history only. Also what an unknown word means.
    Silent,
}

/// How it is said: whoever knows no more than the two words of `alert` is told enough.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct AlertWords {
    /// The first decision.
    alert: AlertWord,
    /// By the person's choices it rings nowhere, and counts in no summary.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    never: bool,
}

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum AlertWord {
    /// Pop up.
    Now,
    /// Into the history only. Also what an unknown word means.
    #[serde(other)]
    Silent,
}

impl From<FirstAlert> for AlertWords {
    fn from(alert: FirstAlert) -> Self {
        Self {
            alert: match alert {
                FirstAlert::Now => AlertWord::Now,
                FirstAlert::Never | FirstAlert::Silent => AlertWord::Silent,
            },
            never: alert == FirstAlert::Never,
        }
    }
}

impl From<AlertWords> for FirstAlert {
    fn from(AlertWords { alert, never }: AlertWords) -> Self {
        match alert {
            AlertWord::Now => Self::Now,
            AlertWord::Silent if never => Self::Never,
            AlertWord::Silent => Self::Silent,
        }
    }
}

/// One pop-up per message, or one for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AlertStyle {
    /// One pop-up for each message.
    Each,
    /// One pop-up for all of them. Also what an unknown word means.
    #[serde(other)]
    Summary,
}

/// Which rule of the router rings a message that is already delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AlertWhy {
    /// Shown on a desktop that nobody was at any more.
    Handover,
    /// The device alerted first did not say `shown`.
    NotShown,
    /// Nobody was reachable until this device came back.
    Waiting,
    /// The device's presence became known only after the message arrived.
    PresenceKnown,
    /// The server restarted and does not know whether anyone was alerted.
    Restarted,
    /// Quiet times held it back, and are over.
    QuietEnded,
    /// Nobody may have noticed it, and the person came to this desktop.
    Returned,
    /// A reason this version does not know.
    #[serde(other)]
    Other,
}

/// Why messages are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WithdrawWhy {
    /// The publisher took it back.
    Recalled,
    /// A newer version with the same key follows.
    Replaced,
    /// Its time is over. Also what an unknown word means.
    #[serde(other)]
    Expired,
}

/// Why the server closes a stream, and so what the client does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum CloseCode {
    /// The server restarts: come back, jittered.
    Restarting = 1012,
    /// This client reads too slowly: come back by cursor.
    TooSlow = 1013,
    /// A frame made no sense: a bug to report.
    Malformed = 4400,
    /// The access token is not valid: sign in again.
    SignInAgain = 4401,
    /// Revoked: sign out and wipe this account's history here.
    Revoked = 4403,
    /// No hello within 5 s.
    NoHello = 4408,
    /// This client connected again elsewhere: stop.
    Replaced = 4409,
    /// Unknown or foreign cursor: resync with none, keep the rows.
    UnknownCursor = 4410,
    /// A frame was too large.
    TooLarge = 4413,
    /// Too many frames: wait.
    TooMany = 4429,
}

impl CloseCode {
    /// Every code, for tables and tests.
    pub const ALL: [Self; 10] = [
        Self::Restarting,
        Self::TooSlow,
        Self::Malformed,
        Self::SignInAgain,
        Self::Revoked,
        Self::NoHello,
        Self::Replaced,
        Self::UnknownCursor,
        Self::TooLarge,
        Self::TooMany,
    ];

    /// Its number, for those who count.
    #[must_use]
    pub const fn digits(self) -> &'static str {
        match self {
            Self::Restarting => "1012",
            Self::TooSlow => "1013",
            Self::Malformed => "4400",
            Self::SignInAgain => "4401",
            Self::Revoked => "4403",
            Self::NoHello => "4408",
            Self::Replaced => "4409",
            Self::UnknownCursor => "4410",
            Self::TooLarge => "4413",
            Self::TooMany => "4429",
        }
    }

    /// What a close frame says beside it, for whoever looks at one.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Restarting => "restarting: come back",
            Self::TooSlow => "too slow: come back by cursor",
            Self::Malformed => "malformed frame",
            Self::SignInAgain => "sign in again",
            Self::Revoked => "revoked: sign out",
            Self::NoHello => "no hello in time",
            Self::Replaced => "this client connected again",
            Self::UnknownCursor => "unknown cursor: start over without one",
            Self::TooLarge => "frame too large",
            Self::TooMany => "too many: wait",
        }
    }

    /// The code on the wire as its meaning; `None` for any other.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|code| *code as u16 == number)
    }
}

/// A frame that is not JSON of a known shape.
#[derive(Debug, thiserror::Error)]
#[error("malformed frame: {0}")]
pub struct Malformed(#[from] serde_json::Error);

macro_rules! wire_text {
    ($frame:ty) => {
        impl $frame {
            /// Reads one text frame.
            pub fn parse(text: &str) -> Result<Self, Malformed> {
                // By itself serde would take the fields of an object from an array, too.
                if text.trim_ascii_start().starts_with('[') {
                    return Err(Malformed(serde_json::Error::custom("a frame is an object")));
                }
                Ok(serde_json::from_str(text)?)
            }

            /// Writes one text frame.
            #[must_use]
            pub fn to_text(&self) -> String {
                serde_json::to_string(self).expect("frames hold only text keys and finite numbers")
            }
        }
    };
}

wire_text!(ClientFrame);
wire_text!(ServerFrame);

/// A [`ServerFrame::Message`] on its way out, which shares its message with others'.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its place in the log.
    pub cursor: Cursor,
    /// Whether this device rings at once.
    pub alert: FirstAlert,
    /// The message.
    pub message: Arc<Message>,
}

/// As the frame is written.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Written<'a> {
    Message {
        cursor: &'a Cursor,
        #[serde(flatten)]
        alert: FirstAlert,
        message: &'a Message,
    },
}

impl Delivery {
    /// Writes one text frame.
    #[must_use]
    pub fn to_text(&self) -> String {
        let written = Written::Message {
            cursor: &self.cursor,
            alert: self.alert,
            message: &self.message,
        };
        serde_json::to_string(&written).expect("frames hold only text keys and finite numbers")
    }
}

impl From<Delivery> for ServerFrame {
    fn from(delivery: Delivery) -> Self {
        Self::Message {
            cursor: delivery.cursor,
            alert: delivery.alert,
            message: Box::new(Arc::unwrap_or_clone(delivery.message)),
        }
    }
}
