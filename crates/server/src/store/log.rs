//! The words of the log: who is written to, what an entry says, and who reads.

use core::time::Duration;
use std::sync::Arc;

use hither_protocol::{
    AccountName, DeviceId, Fields, Message, MessageId, Priority, PublisherId, Timestamp, TopicName,
    VersionRange, WithdrawWhy,
};

use super::{ClientId, Grantee};

/// The application whose clients are a person's own inbox.
pub const INBOX: &str = "hither";
/// The application of an administrator's sessions, which never slide. Nothing else may call itself
/// so.
pub const ADMINISTRATION: &str = "hither-admin";

/// A place in the store's one log; rises in commit order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

/// The store's own number of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicId(pub i64);

/// A message to be stored.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// The whole message; the commit fills in `created_at`, `expires_at`, `topic` and
    /// `application`.
    pub message: Message,
    /// The H5 page, kept beside the message.
    pub html: Option<String>,
    /// Whom it is for.
    pub to: Receivers,
    /// Whose right to write to the topics counts; a publisher makes free ones its own.
    pub by: Grantee,
    /// Not before that; a time that has passed is no wait.
    pub deliver_at: Option<Timestamp>,
    /// How long it is good, from the commit on that brings it. Zero: only for who is connected at
    /// that moment.
    pub ttl: Option<Duration>,
    /// The publisher's idempotency key and the SHA-256 of its request.
    pub idempotency: Option<(String, [u8; 32])>,
    /// What only ntfy's clients understand of it, as JSON.
    pub ntfy: Option<String>,
    /// What placeholders stand for. `None`: only what the publisher keeps of the receivers; where
    /// it keeps nothing of anybody, placeholders are text.
    pub fields: Option<Fields>,
}

/// Whom a message is for; several kinds may be given together.
#[derive(Clone, Debug, Default)]
pub struct Receivers {
    /// Their own inboxes; unknown and disabled ones are dropped.
    pub accounts: Vec<AccountName>,
    /// Their subscribers; unknown ones are made.
    pub topics: Vec<TopicName>,
    /// Exactly these clients; the dead ones are named in the answer.
    pub tokens: Vec<String>,
    /// Every account, also those made while the message is valid.
    pub everyone: bool,
    /// Clients of this application.
    pub application: Option<Application>,
}

impl Receivers {
    /// Accounts' own inboxes.
    #[must_use]
    pub fn accounts(accounts: Vec<AccountName>) -> Self {
        Self {
            accounts,
            ..Self::default()
        }
    }
}

/// The clients of an application whose version is in a range, now or later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// As clients say it when they sign in.
    pub name: String,
    /// Of semantic versions.
    pub versions: VersionRange,
}

impl Application {
    /// Whether a client of this application and version is meant.
    #[must_use]
    pub fn means(&self, name: &str, version: &str) -> bool {
        self.name == name && self.versions.matches(version)
    }
}

/// What became of a publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The message; of the first request where this one repeats it.
    pub id: MessageId,
    /// How many it has at this moment: accounts, and clients addressed by token or application.
    pub receivers: u64,
    /// Dead message tokens among the receivers.
    pub unknown_tokens: Vec<String>,
}

/// One of the logs that the store's one log is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Log {
    /// Of every account.
    Everyone,
    /// An account's own.
    Account(AccountName),
    /// Of a topic's subscribers.
    Topic(TopicId),
    /// Of one client, which belongs to this account.
    Client(AccountName, ClientId),
    /// Of an application's clients.
    Application(Application),
}

/// A new entry, with the logs it stands in.
#[derive(Clone, Debug)]
pub struct Appended {
    /// At least one.
    pub logs: Vec<Log>,
    /// Only for who is connected at this moment; it is in no page.
    pub fleeting: bool,
    /// The device that a message is about, and that does not get it.
    pub not_for: Option<DeviceId>,
    /// The same in all of them.
    pub entry: Arc<Entry>,
}

/// What happened at one position.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its place; the same in every log it stands in.
    pub position: Position,
    /// What happened.
    pub what: What,
}

/// What an entry says.
#[derive(Clone, Debug)]
pub enum What {
    /// A message arrived. `html.inline` or `html.href` is filled in as fits a frame.
    Message(Arc<Message>),
    /// Read on some device.
    Read(Vec<MessageId>),
    /// Gone.
    Withdraw(Vec<MessageId>, WithdrawWhy),
}

/// Whose logs are read as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A person: what reaches the inbox on all devices.
    Inbox(AccountName),
    /// A client: its own log and its application's; of the application `hither` the inbox too.
    Client(ClientId),
    /// What is addressed to a client itself: its own log and its application's.
    Address(ClientId),
}

/// Part of what a reader's logs say.
#[derive(Clone, Debug)]
pub struct Page {
    /// In order of position; messages already withdrawn or expired are left out.
    pub entries: Vec<Entry>,
    /// Everything up to here was looked at, at least the last entry's position.
    pub upto: Position,
    /// Whether there is more now.
    pub more: bool,
    /// Retention removed something in between: entries before this moment may be missing.
    pub gap: Option<Timestamp>,
}

/// A message that nobody is known to have been alerted for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The message.
    pub id: MessageId,
    /// Who sent it.
    pub publisher: PublisherId,
    /// How urgent.
    pub priority: Priority,
    /// The commit's time.
    pub created_at: Timestamp,
    /// No alert from then on.
    pub expires_at: Option<Timestamp>,
    /// The device that it is about, and that does not get it.
    pub not_for: Option<DeviceId>,
}

/// An unread message that popped up on desktops lately, and that nobody is known to have seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// The message.
    pub message: Pending,
    /// Where; one at least.
    pub shown: Vec<PoppedUp>,
}

/// A pop-up on a desktop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoppedUp {
    /// The desktop.
    pub on: DeviceId,
    /// When it said so last.
    pub at: Timestamp,
    /// Whether it stays up until there is input.
    pub stays: bool,
}
