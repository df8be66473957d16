use std::collections::HashMap;

use async_trait::async_trait;
use hither_protocol::{AccountName, MessageId, PublisherId, Timestamp, TopicName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PublisherRecord, StoreError, Topic};

/// Topics that publishers own, on one server. Those that are nobody's do not count: each costs a
/// place of an account that subscribes to it.
pub const MAX_TOPICS: usize = 15_000;

/// Who may be given something to do with a topic.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Grantee {
    /// A person.
    Account(AccountName),
    /// A script or system.
    Publisher(PublisherId),
}

/// What a grant allows.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// Subscribing.
    Read,
    /// Publishing.
    Write,
}

/// What somebody may do with a topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// Subscribe.
    pub read: bool,
    /// Publish.
    pub write: bool,
    /// Say who else may.
    pub owns: bool,
}

/// One grant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Grant {
    /// To whom.
    pub to: Grantee,
    /// For what.
    pub may: Right,
}

/// A topic, as an administrator sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TopicSummary {
    /// Unique.
    pub name: TopicName,
    /// Nobody: the first publisher to use it.
    pub owner: Option<PublisherId>,
    /// Whether reading needs a grant.
    pub private: bool,
    /// Accounts.
    pub subscribers: u64,
    /// Beyond what the owner and, of a topic that is not private, every account may.
    pub grants: Vec<Grant>,
    /// When it was first named.
    pub created_at: Timestamp,
}

/// Who may publish to a topic and who may read it.
///
/// A publisher may write to and read what it owns; the first to use a free name owns it. Every
/// account may read what is not private. All else needs a grant.
#[async_trait]
pub trait TopicAccess: Send + Sync {
    /// What somebody may do; a name that nobody used is a topic like others, and free.
    async fn rights(&self, topic: &TopicName, who: &Grantee) -> Result<Rights, StoreError>;
    /// The topic, for a publisher that may write to it; a free one becomes its own. `Forbidden`
    /// where it may not, `TooManyTopics` beyond [`MAX_TOPICS`].
    async fn claim_topic(
        &self,
        topic: &TopicName,
        publisher: &PublisherId,
    ) -> Result<Topic, StoreError>;
    /// Whether reading needs a grant. Whoever is subscribed without one is not any more.
    async fn set_private(&self, topic: &TopicName, private: bool) -> Result<(), StoreError>;
    /// Gives a right; again is a no-op. `NotFound` without the account or publisher.
    async fn grant(&self, topic: &TopicName, grant: Grant) -> Result<(), StoreError>;
    /// Takes a right back. `NotFound` where it was not given.
    async fn revoke(&self, topic: &TopicName, grant: Grant) -> Result<(), StoreError>;
    /// All topics, by name.
    async fn topic_summaries(&self) -> Result<Vec<TopicSummary>, StoreError>;

    /// The publisher that an account's own messages come from; made as `proposed` where there is
    /// none.
    async fn publisher_of(
        &self,
        account: &AccountName,
        proposed: PublisherId,
    ) -> Result<PublisherRecord, StoreError>;

    /// The publisher's present message with this key, and the one that waits for its time.
    async fn keyed_messages(
        &self,
        publisher: &PublisherId,
        key: &str,
    ) -> Result<Vec<MessageId>, StoreError>;
    /// The keys of those of these messages that have one.
    async fn keys_of(
        &self,
        messages: Vec<MessageId>,
    ) -> Result<HashMap<MessageId, String>, StoreError>;
    /// Whether a message stands in a topic, or will once its time has come.
    async fn is_in_topic(&self, message: MessageId, topic: &TopicName) -> Result<bool, StoreError>;
    /// What only ntfy's clients understand of these messages, as JSON; of most there is nothing.
    async fn ntfy_fields(
        &self,
        messages: Vec<MessageId>,
    ) -> Result<HashMap<MessageId, String>, StoreError>;
}
