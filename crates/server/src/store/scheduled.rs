//! Messages that wait for their time.

use core::time::Duration;

use async_trait::async_trait;
use hither_protocol::{Message, TopicName};

use super::{Grantee, StoreError};

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
