//! What is shown, and what a person can ask for: the words between the companion and its screens.
//!
//! The only serialisable types of this crate. The UI's TypeScript is generated from them.

mod typescript;

use core::fmt;

use hither_protocol::{
    DeviceId, InactiveReason, MessageId, PresenceState, Priority, PublisherRef, Settings,
    Timestamp, Trace,
};
use serde::{Deserialize, Deserializer, Serialize, de};
use ts_rs::TS;

pub use typescript::typescript;

/// The end of a pause that has none: no clock reaches it.
pub const UNTIL_RESUMED: Timestamp = Timestamp::MAX;

/// Everything the tray and the window show, but for pages of the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct View {
    /// Absent when signed out.
    pub account: Option<AccountView>,
    /// The push connection.
    pub connection: ConnectionView,
    /// What this computer knows about the person.
    pub presence: PresenceView,
    /// What the history holds.
    pub glance: Glance,
    /// Alerts are paused until then; [`UNTIL_RESUMED`] when no end was chosen.
    #[ts(type = "string | null")]
    pub paused_until: Option<Timestamp>,
    /// Something the person should know, in plain words.
    pub notice: Option<Notice>,
    /// A sign-in is under way.
    pub signing_in: bool,
    /// The app lock; absent when none is set. While it is locked no screen gets any content.
    pub app_lock: Option<AppLockView>,
    /// Counts how often the server said that the account's settings changed: a screen that shows
    /// them asks again.
    #[serde(default)]
    pub settings_changes: u32,
}

/// When the app lock locks by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AppLockWhen {
    /// After so many seconds without input; less than a minute is taken as one.
    pub after_s: Option<u32>,
    /// With the screen.
    pub with_screen: bool,
}

/// The companion's own lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AppLockView {
    /// Only the passphrase opens it.
    pub locked: bool,
    /// When it locks by itself.
    pub when: AppLockWhen,
    /// A passphrase is being looked at.
    pub checking: bool,
    /// The last passphrase was wrong.
    pub wrong: bool,
    /// After too many wrong ones, none is looked at until then.
    #[ts(type = "string | null")]
    pub closed_until: Option<Timestamp>,
}

/// Who is signed in where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AccountView {
    /// Account name.
    pub name: String,
    /// `https://push.example.org`.
    pub server: String,
}

/// The state of the push connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ConnectionView {
    /// Nobody is signed in.
    SignedOut,
    /// A try is under way, or the backlog is.
    Connecting,
    /// Live: the backlog is done.
    Online,
    /// Waiting for the next try.
    Offline {
        /// Since when, wall time.
        #[ts(type = "string")]
        since: Timestamp,
        /// For people.
        why: String,
    },
}

/// What this computer knows about the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PresenceView {
    /// As reported to the server.
    #[ts(type = "\"active\" | \"inactive\" | \"unknown\"")]
    pub state: PresenceState,
    /// Why inactive.
    #[ts(
        type = "\"idle\" | \"locked\" | \"app_locked\" | \"suspended\" | \"session_switched\" | \"presenting\" | \"other\" | null"
    )]
    pub reason: Option<InactiveReason>,
}

/// The history in a few numbers and its newest unread lines.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
pub struct Glance {
    /// Unread messages.
    #[ts(type = "number")]
    pub unread: u64,
    /// Whether one of them is urgent.
    pub urgent: bool,
    /// The newest unread, newest first, at most 5.
    pub newest: Vec<Headline>,
}

/// One message in one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Headline {
    /// The message.
    #[ts(type = "string")]
    pub id: MessageId,
    /// Its title, or the body's first line when it has none.
    pub title: String,
    /// The body's first line, markup removed; empty when there is none.
    pub line: String,
    /// The publisher's name.
    pub publisher: String,
    /// 1 to 5.
    #[ts(type = "1 | 2 | 3 | 4 | 5")]
    pub priority: Priority,
    /// The server's commit time.
    #[ts(type = "string")]
    pub created_at: Timestamp,
    /// Whether it is read.
    pub read: bool,
    /// Whether there is an H5 page.
    pub rich: bool,
}

/// Something the person should know, with its next step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Notice {
    /// Name or password is not right.
    WrongCredentials,
    /// The server cannot be reached; the text says how far it got.
    Unreachable {
        /// For people.
        detail: String,
    },
    /// Too many tries: wait a while.
    TooManyTries,
    /// The server ended this session: sign in again.
    SignInAgain,
    /// This device was revoked and its history wiped.
    Revoked,
    /// The same device signed in elsewhere; this one stopped.
    ConnectedElsewhere,
    /// The disk is full: messages wait on the server.
    DiskFull,
    /// The history cannot be written.
    HistoryBroken {
        /// For people.
        detail: String,
    },
    /// No notification daemon shows pop-ups here.
    NoNotifications {
        /// For people.
        detail: String,
    },
    /// A passphrase for the app lock is too short or too long: 4 characters to 256 bytes.
    UnfitPassphrase,
    /// The server removed messages this computer never got.
    Gap {
        /// Messages before this moment may be missing.
        #[ts(type = "string")]
        since: Timestamp,
    },
}

/// What this computer can notice, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Diagnostics {
    /// As reported to the server.
    pub presence: PresenceView,
    /// Age of the last input that is known of, or of the end of a film, in milliseconds.
    #[ts(type = "number | null")]
    pub last_input_ms: Option<u64>,
    /// Everything that was tried, by topic and from the best to the last resort.
    pub sources: Vec<SourceView>,
}

/// Something that tells, or could not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SourceView {
    /// What it tells.
    pub topic: SourceTopic,
    /// What it is: `X11 idle counter`.
    pub name: String,
    /// Whether it is used.
    pub used: bool,
    /// Why it is not used, for people.
    pub reason: Option<String>,
}

/// What a source tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SourceTopic {
    /// When the last input was.
    Idle,
    /// Whether something keeps the screen awake for somebody who watches.
    Inhibition,
    /// Whether the person shows their screen to others.
    Presenting,
    /// Whether the screen is locked.
    Lock,
    /// Whether this session is in front.
    Session,
    /// When the computer sleeps and wakes.
    Sleep,
    /// When the network changes.
    Network,
}

/// What a device of the account is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DeviceName {
    /// The device.
    #[ts(type = "string")]
    pub id: DeviceId,
    /// As it called itself when it signed in.
    pub name: String,
    /// It is this computer.
    pub here: bool,
}

/// A password on its way to the server. `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Serialize, TS)]
pub struct Password(pub String);

/// What is no text is refused without being repeated, as errors end in logs.
impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer);
        text.map(Self)
            .map_err(|_| de::Error::custom("a password is text"))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// What a person can ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Command {
    /// Sign in.
    SignIn {
        /// As typed.
        server: String,
        /// As typed.
        account: String,
        /// As typed.
        password: Password,
    },
    /// Sign out; the history here goes.
    SignOut,
    /// Open the window, at a message if one is named.
    Open {
        /// The message.
        #[ts(type = "string | null")]
        id: Option<MessageId>,
    },
    /// The person has these on screen in a focused window, or said so. Counts only while the
    /// screen is unlocked and input was recent.
    MarkRead {
        /// The messages.
        #[ts(type = "string[]")]
        ids: Vec<MessageId>,
    },
    /// Everything unread is read.
    MarkAllRead,
    /// The person chose an action of a message.
    Act {
        /// The message.
        #[ts(type = "string")]
        id: MessageId,
        /// The action.
        action: String,
    },
    /// No pop-ups until then; `None` until resumed.
    Pause {
        /// Wall time.
        #[ts(type = "string | null")]
        until: Option<Timestamp>,
    },
    /// Pop-ups again.
    Resume,
    /// Set an app lock; nothing happens while one is set.
    SetAppLock {
        /// As typed; 4 characters to 256 bytes.
        passphrase: Password,
        /// When it locks by itself.
        when: AppLockWhen,
    },
    /// Change when the app lock locks by itself.
    ChangeAppLock {
        /// As typed.
        passphrase: Password,
        /// When it locks by itself.
        when: AppLockWhen,
    },
    /// Take the app lock away.
    RemoveAppLock {
        /// As typed.
        passphrase: Password,
    },
    /// Lock now, if an app lock is set.
    Lock,
    /// Open the app lock.
    Unlock {
        /// As typed.
        passphrase: Password,
    },
    /// Put the notice away.
    DismissNotice,
    /// End the companion.
    Quit,
}

/// What a screen asks of the history; answered by `client`, from what it and the engine know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Query {
    /// A page of headlines, newest first.
    Page {
        /// Rows older than this one; `None` begins at the newest.
        #[ts(type = "string | null")]
        before: Option<MessageId>,
        /// Only unread ones.
        unread_only: bool,
        /// At most so many, 1 to 200.
        limit: u32,
    },
    /// One message, whole.
    Message {
        /// The message.
        #[ts(type = "string")]
        id: MessageId,
    },
    /// One message with its H5 page, which is fetched first where it is on the server only.
    /// Answered by `Message`, or by `Failed` where the page cannot be had now.
    Rich {
        /// The message.
        #[ts(type = "string")]
        id: MessageId,
    },
    /// Fetches a file beside a message into the person's download folder, and shows the folder.
    Save {
        /// The message.
        #[ts(type = "string")]
        id: MessageId,
        /// Which of its attachments, from 0.
        attachment: u32,
    },
    /// What this computer can notice, and how.
    Diagnostics,
    /// Whose messages the history holds, as far as its newest rows say.
    Publishers,
    /// Why a message alerted where it did; asked of the server.
    Trace {
        /// The message.
        #[ts(type = "string")]
        id: MessageId,
    },
    /// What the account's person chose; asked of the server.
    Settings,
    /// Keeps what `to` changes of `was`, and nothing else; asked of the server. Answered by
    /// `Settings` with all that is kept now, or by `SettingsDiffer`.
    KeepSettings {
        /// As the screen was told.
        #[ts(type = "Settings")]
        was: Box<Settings>,
        /// As the person wants them.
        #[ts(type = "Settings")]
        to: Box<Settings>,
    },
}

/// The answer to a [`Query`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Answer {
    /// To `Page`.
    Page {
        /// Newest first.
        rows: Vec<Headline>,
        /// Whether older ones exist.
        more: bool,
    },
    /// To `Message`; absent when the history does not hold it (any more).
    Message {
        /// The message as the server sent it, with `read_at` as this history knows it.
        #[ts(type = "Message | null")]
        message: Option<Box<hither_protocol::Message>>,
    },
    /// To `Save`.
    Saved {
        /// Where it is.
        path: String,
    },
    /// To `Diagnostics`.
    Diagnostics {
        /// As of this moment.
        diagnostics: Diagnostics,
    },
    /// To `Publishers`, by name.
    Publishers {
        /// Each once, under its newest name.
        #[ts(type = "{ id: string; name: string }[]")]
        publishers: Vec<PublisherRef>,
    },
    /// To `Trace`.
    Trace {
        /// What was decided, oldest first; nothing yet for a message that has just come.
        #[ts(type = "Trace")]
        trace: Trace,
        /// The account's devices, for their names; one that was removed is not among them.
        devices: Vec<DeviceName>,
    },
    /// To `Settings` and `KeepSettings`.
    Settings {
        /// As the server keeps them.
        #[ts(type = "Settings")]
        settings: Box<Settings>,
    },
    /// To `KeepSettings`: another device changed the same choice meanwhile, and nothing was kept.
    SettingsDiffer {
        /// As the server keeps them.
        #[ts(type = "Settings")]
        settings: Box<Settings>,
    },
    /// The app lock is locked: no content, whoever asks.
    Locked,
    /// It could not be done.
    Failed {
        /// For people.
        detail: String,
    },
}
