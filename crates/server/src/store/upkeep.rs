use core::time::Duration;

use async_trait::async_trait;

use super::StoreError;

/// What is kept of each log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Entries not older than this.
    pub age: Duration,
    /// And at most so many, the newest.
    pub entries: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            age: Duration::from_hours(24 * 90),
            entries: 20_000,
        }
    }
}

/// What is to be done from time to time.
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// Withdraws the messages that expired. Answers for how long none will by the store's clock,
    /// unless one comes that is good for less.
    async fn expire(&self) -> Result<Option<Duration>, StoreError>;
    /// Removes from every log what need not be kept. A reader that did not get there yet finds a
    /// gap. Answers how many entries went. Revoked tokens that would have
    /// expired and topics that are nobody's go, too.
    async fn retain(&self, retention: Retention) -> Result<u64, StoreError>;
}
