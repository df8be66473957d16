//! Where publishers want to be told what becomes of their messages, and what is told.

use core::time::Duration;

use async_trait::async_trait;
use hither_protocol::{AccountName, MessageId, PublisherId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Refusal, StoreError};
use crate::webhooks::SigningKey;

/// Events that wait for one webhook; where so many do, further ones are dropped.
pub const MAX_WAITING: u64 = 10_000;
/// No wait for the next try is longer.
pub const LONGEST_WAIT: Duration = Duration::from_hours(24);
/// How long the secret before signs beside the present one.
pub const OLD_SECRET_FOR: Duration = Duration::from_hours(24);

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EventType {
    /// Of a scheduled message, something was refused at its time.
    #[serde(rename = "message.refused")]
    Refused,
    /// It is in the log of an account, or of a client that was addressed by its message token.
    #[serde(rename = "message.stored")]
    Stored,
    /// The first device of an account has it on its disk, or that client.
    #[serde(rename = "message.delivered")]
    Delivered,
    /// The first device of an account showed it, or that client.
    #[serde(rename = "message.shown")]
    Shown,
    /// The person read it, and lets publishers know.
    #[serde(rename = "message.read")]
    Read,
    /// The person chose one of its actions.
    #[serde(rename = "message.action")]
    Action,
    /// Its publisher took it back.
    #[serde(rename = "message.recalled")]
    Recalled,
    /// A newer message took its place.
    #[serde(rename = "message.replaced")]
    Replaced,
    /// Its time is over.
    #[serde(rename = "message.expired")]
    Expired,
    /// The publisher asked for it; sent whatever a webhook wants.
    #[serde(rename = "webhook.test")]
    Test,
}

impl EventType {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Refused,
        Self::Stored,
        Self::Delivered,
        Self::Shown,
        Self::Read,
        Self::Action,
        Self::Recalled,
        Self::Replaced,
        Self::Expired,
        Self::Test,
    ];

    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "message.refused",
            Self::Stored => "message.stored",
            Self::Delivered => "message.delivered",
            Self::Shown => "message.shown",
            Self::Read => "message.read",
            Self::Action => "message.action",
            Self::Recalled => "message.recalled",
            Self::Replaced => "message.replaced",
            Self::Expired => "message.expired",
            Self::Test => "webhook.test",
        }
    }
}

/// A webhook to be made.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    /// Unique.
    pub id: String,
    /// Where events are posted to.
    pub url: String,
    /// Which ones; `None`: all, also those of later versions.
    pub events: Option<Vec<EventType>>,
    /// What they are signed with.
    pub key: SigningKey,
}

/// A webhook, as its publisher may know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookRecord {
    /// Unique.
    pub id: String,
    /// Where events are posted to.
    pub url: String,
    /// Which ones; `None`: all.
    pub events: Option<Vec<EventType>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when nothing is sent, because its receiver said that it is gone.
    pub disabled_at: Option<Timestamp>,
    /// Since when nothing arrives.
    pub failing_since: Option<Timestamp>,
    /// Events that wait.
    pub waiting: u64,
    /// Events that never arrived, since it was made.
    pub dropped: u64,
    /// When the newest event arrived.
    pub delivered_at: Option<Timestamp>,
    /// When an event last did not arrive, and why.
    pub failure: Option<(Timestamp, String)>,
}

/// The store's own number of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WebhookNumber(pub i64);

/// A webhook for which something waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueWebhook {
    /// Which.
    pub webhook: WebhookNumber,
    /// Whose: the store's own number.
    pub publisher: i64,
    /// After which time something may be sent.
    pub ahead: Duration,
}

/// An event on its way.
#[derive(Clone, Debug)]
pub struct Event {
    /// The store's own number.
    pub number: i64,
    /// To which webhook, as its publisher knows it.
    pub webhook: String,
    /// The same in every try, and never another event's.
    pub id: String,
    /// Where to.
    pub url: String,
    /// One, or two for a while after a rotation.
    pub keys: Vec<SigningKey>,
    /// What happened.
    pub what: EventType,
    /// When it happened.
    pub at: Timestamp,
    /// To which message.
    pub message: Option<MessageId>,
    /// With whom, where it happened with one receiver.
    pub account: Option<AccountName>,
    /// With whom, where the receiver was addressed by a message token.
    pub token: Option<String>,
    /// What the person chose.
    pub action: Option<String>,
    /// What was refused; nothing of an event that an earlier version queued.
    pub refusal: Option<Refusal>,
    /// Tries of this event that failed.
    pub failures: u32,
    /// Tries of any event of the webhook that failed since one succeeded.
    pub webhook_failures: u32,
}

/// How a try ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It arrived.
    Delivered,
    /// Why it did not, and when it is tried again. After the first failure in a row the next event
    /// is tried at once; after further ones the whole webhook waits.
    Failed(String, Wait),
    /// The receiver wants no more: the webhook is disabled, and what waits for it dropped.
    Gone(String),
}

/// How long to wait after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// With the event that failed.
    pub event: Duration,
    /// With all events of the webhook, if another failed before.
    pub webhook: Duration,
}

/// All webhooks together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WebhookLoad {
    /// Events that wait.
    pub waiting: u64,
    /// Webhooks at which nothing arrives.
    pub failing: u64,
}

/// Webhooks and their events. An event is queued in the commit of what it tells.
#[async_trait]
pub trait Webhooks: Send + Sync {
    /// Makes a webhook. `TooMany` when its publisher has `most` of them.
    async fn add_webhook(
        &self,
        publisher: &PublisherId,
        new: NewWebhook,
        most: usize,
    ) -> Result<WebhookRecord, StoreError>;
    /// A publisher's webhooks, the oldest first.
    async fn webhooks(&self, publisher: &PublisherId) -> Result<Vec<WebhookRecord>, StoreError>;
    /// One of them.
    async fn webhook(&self, publisher: &PublisherId, id: &str)
    -> Result<WebhookRecord, StoreError>;
    /// Removes a webhook with what waits for it.
    async fn remove_webhook(&self, publisher: &PublisherId, id: &str) -> Result<(), StoreError>;
    /// Another key signs from now on, beside the one before for [`OLD_SECRET_FOR`].
    async fn rotate_webhook_key(
        &self,
        publisher: &PublisherId,
        id: &str,
        key: SigningKey,
    ) -> Result<(), StoreError>;
    /// Queues an event that tells nothing, enables a disabled webhook, and ends its wait.
    async fn test_webhook(&self, publisher: &PublisherId, id: &str) -> Result<(), StoreError>;

    /// Webhooks for which something waits.
    async fn due_webhooks(&self) -> Result<Vec<DueWebhook>, StoreError>;
    /// The next event that may be sent to a webhook at this moment, and is at most `age` old.
    async fn next_event(
        &self,
        webhook: WebhookNumber,
        age: Duration,
    ) -> Result<Option<Event>, StoreError>;
    /// Notes how a try ended. Answers how many events were dropped.
    async fn settle_event(&self, number: i64, outcome: Outcome) -> Result<u64, StoreError>;
    /// Drops events that are older than this; answers how many.
    async fn drop_events(&self, older_than: Duration) -> Result<u64, StoreError>;
    /// All webhooks together.
    async fn webhook_load(&self) -> Result<WebhookLoad, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_written_one_way() {
        for what in EventType::ALL {
            assert_eq!(serde_json::to_value(what).unwrap(), what.as_str());
        }
    }
}
