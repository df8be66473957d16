//! What must not be lost, and the one trait behind which it is kept.
//!
//! Every write answers only after its commit is on disk. Writers share commits (group commit);
//! positions rise in commit order over the whole store, and a reader that saw one position never
//! sees a lower one appear later.

mod access;
mod attachments;
mod backup;
#[cfg(test)]
pub(crate) mod contract;
mod cursors;
mod folder;
mod health;
mod log;
mod people;
mod publishers;
mod push;
mod scheduled;
mod sqlite;
mod states;
mod topics;
mod trace;
mod upkeep;
mod webhooks;

use std::sync::Arc;

use async_trait::async_trait;
use hither_protocol::{
    AccountName, DeviceId, DeviceKind, Message, MessageId, PublisherId, PushProvider, Settings,
    Timestamp,
};
use tokio::sync::mpsc;

pub use access::{Grant, Grantee, MAX_TOPICS, Right, Rights, TopicAccess, TopicSummary};
pub use attachments::{Attachments, Quota, Upload};
pub use backup::{Backup, BackupError, BackupReport, CheckReport};
pub use cursors::{Cursors, UnknownCursor};
pub use folder::{DataFolder, FolderError, give_back};
pub use health::{Condition, Health, Measures};
pub use log::{
    ADMINISTRATION, Appended, Application, Entry, INBOX, Log, NewMessage, Page, Pending, PoppedUp,
    Position, Reader, Receivers, Stored, TopicId, Unseen, What,
};
pub use people::{
    AccountOverview, ApplicationSummary, DeviceSummary, Extent, MessageOverview, People,
    SERVER_ITSELF,
};
pub use publishers::{
    Audience, Change, MAX_AWAITING, Permissions, PublisherRecord, Publishers, ReceiverRecord,
};
pub use push::PushRegistrations;
pub use scheduled::{Lost, MAX_SCHEDULED, Refusal, Schedule};
pub use sqlite::{
    ArchiveError, OpenError, RestoreError, RestoreReport, SqliteStore, check, is_there, restore,
};
pub use states::{MessageStates, Receiver, ReceiverState, Refused, StateCounts, States};
pub use topics::{MAX_SUBSCRIPTIONS, Subscription, Topic, Topics};
pub use trace::{Decided, MAX_STEPS, Traces};
pub use upkeep::{Retention, Upkeep};
pub use webhooks::{
    DueWebhook, Event, EventType, LONGEST_WAIT, MAX_WAITING, NewWebhook, OLD_SECRET_FOR, Outcome,
    Wait, WebhookLoad, WebhookNumber, WebhookRecord, Webhooks,
};

pub use crate::template::Unfilled;

/// Tells the wall time. Commits are stamped with it; nothing depends on its order.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The machine's own clock.
#[must_use]
pub fn system_clock() -> Clock {
    Arc::new(Timestamp::now)
}

/// Which life of the store a cursor belongs to; a restore begins a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(pub u64);

/// SHA-256 of a random secret (access token or publisher secret), which needs no slow hash.
pub type SecretHash = [u8; 32];

/// Why the store did not do it, named after the next step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Try another name.
    #[error("already taken")]
    Taken,
    /// No such account, publisher, session or message.
    #[error("not found")]
    NotFound,
    /// Name others: none of the receivers is known, and nothing was stored.
    #[error("no receivers")]
    NoReceivers,
    /// Ask who may give the right.
    #[error("not allowed")]
    Forbidden,
    /// Ask who may enable the publisher; nothing was stored.
    #[error("publisher disabled")]
    Disabled,
    /// Give up some of what is there first.
    #[error("too many")]
    TooMany,
    /// Use a topic that is there.
    #[error("too many topics")]
    TooManyTopics,
    /// Give what is missing for the receivers' own texts; nothing was stored.
    #[error("{0}")]
    Unfilled(#[from] Unfilled),
    /// The idempotency key was used with another body.
    #[error("idempotency key used with another body")]
    IdempotencyMismatch,
    /// Look again: it is not what it was taken for any more, and nothing was stored.
    #[error("changed meanwhile")]
    Changed,
    /// Free space on the disk; nothing of the request was stored.
    #[error("disk full")]
    Full,
    /// Recall messages with attachments, or wait until some expire; nothing was stored.
    #[error("quota used up")]
    OverQuota,
    /// The store is shutting down: try again later.
    #[error("store closed")]
    Closed,
    /// Look at the disk and the log. The text is for operators.
    #[error("store broken: {0}")]
    Broken(String),
}

/// An account, as the store knows it.
#[derive(Clone, Debug)]
pub struct AccountRecord {
    /// Unique.
    pub name: AccountName,
    /// PHC string.
    pub password_hash: String,
    /// May use the admin page.
    pub admin: bool,
    /// Since when it may not sign in.
    pub disabled_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A sign-in that was already checked.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Who signed in.
    pub account: AccountName,
    /// The device; its row is made or updated. A client that was signed in before loses its
    /// earlier session.
    pub device: DeviceRecord,
    /// Access token of whoever was signed in there until now. Another account's session ends, and
    /// its message token is dead.
    pub replaces: Option<SecretHash>,
    /// Name and version of the application.
    pub application: (String, String),
    /// Of the new access token.
    pub token: SecretHash,
    /// Proposed for a client that has no live message token yet.
    pub message_token: String,
    /// Sliding.
    pub expires_at: Timestamp,
    /// Told to the account's other devices when nobody was signed in on this one, and one of them
    /// opened its inbox since somebody signed in there. This device never gets it.
    pub notice: Option<Box<NewMessage>>,
}

/// A device of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRecord {
    /// Scoped to the account.
    pub id: DeviceId,
    /// As the person calls it.
    pub name: String,
    /// Operating system.
    pub platform: String,
    /// Decides routing.
    pub kind: DeviceKind,
}

/// Whom an access token stands for: one client, i.e. (device, application, account).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The store's own number of the client.
    pub client: ClientId,
    /// From sign-in, never from what a channel states.
    pub account: AccountName,
    /// The device.
    pub device: DeviceRecord,
    /// Name of the application; `hither` is the person's own inbox.
    pub application: String,
    /// The application's version, as last said.
    pub version: String,
    /// The client's address for publishers.
    pub message_token: String,
    /// How far it acked.
    pub acked: Option<Position>,
    /// Sliding.
    pub expires_at: Timestamp,
}

impl Identity {
    /// A message as this client gets it. What is for a client of another application than the
    /// inbox says so; of a message for several clients each learns its own.
    #[must_use]
    pub fn told(&self, mut message: Arc<Message>) -> Arc<Message> {
        if self.application != INBOX {
            Arc::make_mut(&mut message).application = Some(self.application.clone());
        }
        message
    }
}

/// The store's own number of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub i64);

/// What a commit brought that open streams must learn.
#[derive(Clone, Debug)]
pub enum Committed {
    /// New log entries, in order of position.
    Entries(Vec<Appended>),
    /// A message waits for its time.
    Scheduled,
    /// An account subscribed to a topic: messages after this position are its own.
    Subscribed(AccountName, TopicId, Position),
    /// An account left a topic: messages after this position are not its own.
    Unsubscribed(AccountName, TopicId, Position),
    /// Somebody lost the right to read a topic.
    Access,
    /// A device says that its pop-up is up; told on each time.
    Shown {
        /// Whose device it is.
        account: AccountName,
        /// The device.
        on: DeviceId,
        /// The messages.
        ids: Vec<MessageId>,
        /// Whether it stays up until there is input after it.
        stays: bool,
    },
    /// These clients' sessions ended: signed out, revoked, password changed, signed in again.
    Ended(Vec<ClientId>),
    /// By which provider a device of an account is reached now while its stream is closed, if by
    /// any.
    Push(AccountName, DeviceId, Option<PushProvider>),
    /// The account's person chose something else.
    Settings(AccountName, Box<Settings>),
    /// Events for webhooks: so many wait now, and so many found no place.
    Events {
        /// What waits now.
        queued: u64,
        /// What was dropped.
        dropped: u64,
    },
}

/// The durable side of the server. One contract suite runs on every implementation.
#[async_trait]
pub trait Store:
    Attachments
    + Backup
    + Health
    + People
    + Publishers
    + PushRegistrations
    + Schedule
    + States
    + Topics
    + TopicAccess
    + Traces
    + Upkeep
    + Webhooks
    + Send
    + Sync
    + 'static
{
    /// Makes and reads the cursors that belong to this store.
    fn cursors(&self) -> Cursors;

    /// What commits brought, in their order, each handed over after its commit and before the
    /// write that caused it is answered. Can be taken once.
    fn commits(&self) -> Option<mpsc::UnboundedReceiver<Committed>>;

    /// Makes an account. `Taken` when the name is in use.
    async fn add_account(&self, account: AccountRecord) -> Result<(), StoreError>;
    /// One account.
    async fn account(&self, name: &AccountName) -> Result<Option<AccountRecord>, StoreError>;
    /// All of them, by name.
    async fn accounts(&self) -> Result<Vec<AccountRecord>, StoreError>;
    /// Sets a password and ends all sessions of the account.
    async fn set_password(&self, name: &AccountName, phc: String) -> Result<(), StoreError>;
    /// Replaces the hash of an unchanged password, so that sessions stay; nothing happens when
    /// `old` is not the present one.
    async fn renew_password_hash(
        &self,
        name: &AccountName,
        old: String,
        new: String,
    ) -> Result<(), StoreError>;
    /// Forbids or allows sign-in; forbidding ends all sessions.
    async fn set_account_disabled(
        &self,
        name: &AccountName,
        disabled: bool,
    ) -> Result<(), StoreError>;
    /// Removes the account with everything that is only its own.
    async fn remove_account(&self, name: &AccountName) -> Result<(), StoreError>;

    /// Begins a session; a client's earlier one ends. `Changed` where the account removed a device
    /// of this id.
    async fn create_session(&self, session: NewSession) -> Result<Identity, StoreError>;
    /// Whom a live token stands for; its expiry slides to `expires_at`, written at most once a day,
    /// unless the session is an administrator's.
    async fn identify(
        &self,
        token: &SecretHash,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Option<Identity>, StoreError>;
    /// Whether a dead token was revoked: its session ended before its time, and not because the
    /// same client signed in again. Known until the session would have expired.
    async fn is_revoked(&self, token: &SecretHash, now: Timestamp) -> Result<bool, StoreError>;
    /// Ends a session; the access and the message token are dead.
    async fn end_session(&self, client: ClientId) -> Result<(), StoreError>;

    /// Notes that a client runs another version of its application; what waits for that version
    /// comes into the client's log.
    async fn set_version(&self, client: ClientId, version: String) -> Result<(), StoreError>;

    /// Stores a message for its receivers, or until its time. Nothing was stored, and no topic
    /// claimed, with `NoReceivers`, with `Forbidden` and `TooManyTopics` as
    /// [`TopicAccess::claim_topic`] says, and with `TooMany` where as many of the publisher's wait
    /// as may.
    async fn publish(&self, new: NewMessage) -> Result<Stored, StoreError>;
    /// Takes a publisher's message back everywhere; again is a no-op. `NotFound` when it is not
    /// this publisher's.
    async fn recall(&self, publisher: &PublisherId, id: MessageId) -> Result<(), StoreError>;
    /// Marks messages of the reader read, and answers how many were not before; unknown ones are
    /// no-ops.
    async fn mark_read(
        &self,
        reader: &Reader,
        ids: Vec<MessageId>,
        at: Timestamp,
    ) -> Result<usize, StoreError>;
    /// Records that a device's pop-up was up, and answers for how many messages it had not been
    /// before. A repeat changes nothing, but is told on: a message
    /// may ring again on a device that showed it before. Whether the pop-up `stays` is told on and
    /// not kept.
    async fn mark_shown(
        &self,
        reader: &Reader,
        device: &DeviceId,
        ids: Vec<MessageId>,
        stays: bool,
        at: Timestamp,
    ) -> Result<usize, StoreError>;
    /// Records which action the person chose; a repeat is a no-op, and so is one that the message
    /// does not offer.
    async fn record_action(
        &self,
        reader: &Reader,
        device: &DeviceId,
        id: MessageId,
        action: String,
        at: Timestamp,
    ) -> Result<(), StoreError>;
    /// Records how far a client's own disk is, which it says in a stream. Never goes back. Need not be flushed at once: a
    /// lost ack only repeats what the client already has.
    async fn ack(&self, client: ClientId, upto: Position) -> Result<(), StoreError>;

    /// The newest position of the store.
    fn head(&self) -> Position;
    /// What a reader's logs say after a position and, where given, from a time of commit on; at
    /// most `limit` entries.
    async fn page(
        &self,
        reader: &Reader,
        after: Position,
        since: Option<Timestamp>,
        limit: usize,
    ) -> Result<Page, StoreError>;
    /// One message, with its `read_at`; `None` also when it is not for this reader.
    async fn message(&self, reader: &Reader, id: MessageId) -> Result<Option<Message>, StoreError>;
    /// The H5 page of a message for this reader.
    async fn html(&self, reader: &Reader, id: MessageId) -> Result<Option<String>, StoreError>;
    /// Unread, unexpired messages of an account's inbox that no device showed, oldest first; of
    /// those for everyone or a topic only the newest hundred count. None that came after `upto`.
    async fn pending(
        &self,
        account: &AccountName,
        now: Timestamp,
        upto: Position,
    ) -> Result<Vec<Pending>, StoreError>;
    /// Unread, unexpired messages of an account's inbox that popped up on desktops within the last
    /// week, no phone showed, and no [trace](Traces) says somebody saw; oldest first. At most the
    /// thousand that popped up last.
    async fn unseen(
        &self,
        account: &AccountName,
        now: Timestamp,
    ) -> Result<Vec<Unseen>, StoreError>;

    /// Commits what is queued and closes the files.
    async fn close(&self);
}
