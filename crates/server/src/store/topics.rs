use async_trait::async_trait;
use hither_protocol::{AccountName, MessageId, Timestamp, TopicName};

use super::{Entry, Page, Position, StoreError, TopicId};

/// Live subscriptions of one account.
pub const MAX_SUBSCRIPTIONS: usize = 200;

/// A name that publishers publish to and accounts subscribe to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Never given out twice.
    pub id: TopicId,
    /// Unique.
    pub name: TopicName,
}

/// Which part of a topic's log is an account's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The topic.
    pub topic: TopicId,
    /// Messages after this position.
    pub since: Position,
    /// And up to this one; what becomes of them is told later too.
    pub until: Option<Position>,
}

impl Subscription {
    /// Whether an entry of the topic at this position is the account's.
    #[must_use]
    pub fn takes(&self, position: Position, message: bool) -> bool {
        position > self.since && (!message || self.until.is_none_or(|until| position <= until))
    }
}

/// Topics and who subscribes to them.
#[async_trait]
pub trait Topics: Send + Sync {
    /// The topic of this name, made if it is free.
    async fn ensure_topic(&self, name: &TopicName) -> Result<Topic, StoreError>;
    /// The topic of this name.
    async fn topic(&self, name: &TopicName) -> Result<Option<Topic>, StoreError>;
    /// All of them, by name.
    async fn topics(&self) -> Result<Vec<Topic>, StoreError>;

    /// Subscribes an account from the present position on; again is a no-op. A topic that is not
    /// there is made. `TooMany` beyond [`MAX_SUBSCRIPTIONS`].
    async fn subscribe(&self, account: &AccountName, topic: &TopicName) -> Result<(), StoreError>;
    /// Ends a subscription at the present position. `NotFound` without one. A topic that is
    /// nobody's goes with its last one.
    async fn unsubscribe(&self, account: &AccountName, topic: &TopicName)
    -> Result<(), StoreError>;
    /// What an account is subscribed to, by name.
    async fn subscriptions(&self, account: &AccountName) -> Result<Vec<Topic>, StoreError>;
    /// What of all topics' logs is an account's, also of those it left.
    async fn subscribed(&self, account: &AccountName) -> Result<Vec<Subscription>, StoreError>;

    /// What a topic's log says after a position and, where given, from a time of commit on.
    async fn topic_page(
        &self,
        topic: TopicId,
        after: Position,
        since: Option<Timestamp>,
        limit: usize,
    ) -> Result<Page, StoreError>;
    /// Where a message stands in a topic's log, if it is still kept there.
    async fn topic_position(
        &self,
        topic: TopicId,
        message: MessageId,
    ) -> Result<Option<Position>, StoreError>;
    /// The newest message of a topic's log, up to a position, that is still valid.
    async fn topic_latest(
        &self,
        topic: TopicId,
        upto: Position,
    ) -> Result<Option<Entry>, StoreError>;
}
