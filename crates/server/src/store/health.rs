//! How the store is doing.

use async_trait::async_trait;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;

use super::StoreError;

/// What the store counts by itself. Clones share their numbers.
#[derive(Clone, Debug)]
pub struct Measures {
    /// Duration of each commit.
    pub commit_seconds: Histogram,
    /// Commits of which nothing was stored.
    pub commits_failed: Counter,
}

impl Default for Measures {
    fn default() -> Self {
        Self {
            commit_seconds: crate::metrics::commit_buckets(),
            commits_failed: Counter::default(),
        }
    }
}

/// The store at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// Writes that wait for their commit.
    pub waiting: usize,
    /// Messages that wait for their time.
    pub scheduled: u64,
    /// What it takes on its disk.
    pub used_bytes: u64,
    /// What its disk has left for it.
    pub free_bytes: u64,
}

/// How a store is doing.
#[async_trait]
pub trait Health: Send + Sync {
    /// What it counts by itself.
    fn measures(&self) -> Measures;
    /// Answers where the store does both: a read, and a commit of nothing behind what is queued.
    async fn answers(&self) -> Result<(), StoreError>;
    /// How it is at this moment.
    async fn condition(&self) -> Result<Condition, StoreError>;
}
