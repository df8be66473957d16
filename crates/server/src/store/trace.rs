use async_trait::async_trait;
use hither_protocol::{AccountName, MessageId, TraceStep};

use super::{Reader, StoreError};

/// Steps kept of one message for one account: the newest.
pub const MAX_STEPS: u32 = 50;

/// A decision about a message for one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// For whom it was decided.
    pub account: AccountName,
    /// About which message.
    pub id: MessageId,
    /// What, when and why.
    pub step: TraceStep,
}

/// Why messages alerted where they did.
#[async_trait]
pub trait Traces {
    /// Keeps decisions, in their order. Those about messages and accounts that are gone are left
    /// out.
    async fn add_steps(&self, decided: Vec<Decided>) -> Result<(), StoreError>;
    /// What was decided about a message of the reader's, oldest first. `NotFound` when the reader
    /// has no such message, or has it no more.
    async fn trace(&self, reader: &Reader, id: MessageId) -> Result<Vec<TraceStep>, StoreError>;
}
