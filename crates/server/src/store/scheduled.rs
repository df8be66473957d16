//! Messages that wait for their time.

use core::time::Duration;

use async_trait::async_trait;
use hither_protocol::{Message, Timestamp, TopicName};
use serde::{Deserialize, Serialize};

use super::{Grantee, Refused, StoreError};

/// Messages of one publisher that may wait at the same time.
pub const MAX_SCHEDULED: u64 = 1000;

/// What waits for its time. It is in no log before, and nobody but its publisher learns of it.
#[async_trait]
pub trait Schedule: Send + Sync {
    /// Brings what is due to its receivers, each message once and in a commit with its log
    /// entries. Answers for how long nothing is due by the store's clock, unless one comes that
    /// is due sooner.
    async fn release(&self) -> Result<Option<Duration>, StoreError>;
    /// What somebody published that waits for a topic, soonest first; `created_at` is when it is
    /// due.
    async fn scheduled_in(
        &self,
        topic: &TopicName,
        by: &Grantee,
    ) -> Result<Vec<Message>, StoreError>;
}

/// Something of a scheduled message that a publish at its time would have been refused for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lost {
    /// Its priority.
    Urgent,
    /// Its page.
    Html,
    /// The right to send to everyone.
    Everyone,
    /// The right to send to applications.
    Application,
    /// The right to write to this topic.
    Topic(TopicName),
    /// Others that it was for, but not all.
    SomeReceivers,
    /// Everybody that it was for.
    AllReceivers,
}

impl Lost {
    /// What it is for whoever asks for the message.
    #[must_use]
    pub const fn refused(&self) -> Refused {
        match self {
            Self::Urgent => Refused::Urgent,
            Self::Html => Refused::Html,
            Self::Everyone
            | Self::Application
            | Self::Topic(_)
            | Self::SomeReceivers
            | Self::AllReceivers => Refused::Receivers,
        }
    }
}

/// What is told to webhooks of a message that lost something; nothing of what it said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// As its publisher gave it.
    pub key: Option<String>,
    /// When it was to come.
    pub deliver_at: Timestamp,
    /// One at least.
    pub lost: Vec<Lost>,
}
