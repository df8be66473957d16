//! What a publisher may know of what became of its message.

use async_trait::async_trait;
use hither_protocol::{AccountName, MessageId, PublisherId, Timestamp, WithdrawWhy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::StoreError;

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageStates {
    /// The commit's time; of one that waits, when it was accepted.
    pub created_at: Timestamp,
    /// When it comes to its receivers, while it waits for that.
    pub deliver_at: Option<Timestamp>,
    /// When it is withdrawn, or was.
    pub expires_at: Option<Timestamp>,
    /// When it was withdrawn, and why if that was noted.
    pub withdrawn: Option<(Timestamp, Option<WithdrawWhy>)>,
    /// What of it its publisher had no right to any more when its time came.
    pub refused: Vec<Refused>,
    /// How far it came with all receivers.
    pub counts: StateCounts,
    /// Accounts addressed by name, by name, and then clients addressed by token, by token; a part
    /// of them.
    pub receivers: Vec<ReceiverState>,
    /// Whether there are more after these.
    pub more: bool,
}

/// What of a scheduled message did not come, because it is judged by the rights at its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Refused {
    /// It came with the priority below.
    Urgent,
    /// It came without its page, or not at all where it said nothing else.
    Html,
    /// Not all of those it was for are left, and may still be reached.
    Receivers,
}

/// Receivers of a message, however they were addressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateCounts {
    /// As the publish was answered; of one that waited, as many as it came to.
    pub stored: u64,
    /// Accounts of which a device has it.
    pub delivered: u64,
    /// Accounts of which a device showed it.
    pub shown: u64,
    /// Accounts that read it and let publishers see that.
    pub read: u64,
}

/// Whom a publisher addressed itself, as it did. Accounts come before tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receiver {
    /// By name.
    Account(AccountName),
    /// A client by its message token. Whose it is stays hidden.
    Token(String),
}

/// What a message is to one receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiverState {
    /// The receiver.
    pub receiver: Receiver,
    /// Since when it is in the receiver's log.
    pub stored_at: Timestamp,
    /// When the client, or the account's first device, said that it has it.
    pub delivered_at: Option<Timestamp>,
    /// When the client, or the account's first device, showed it.
    pub shown_at: Option<Timestamp>,
    /// When it was read; never without the person's consent.
    pub read_at: Option<Timestamp>,
}

/// How far messages came.
#[async_trait]
pub trait States {
    /// What became of a publisher's message, with at most `limit` of the receivers that it
    /// addressed themselves, those after `after`. `NotFound` when it is not this publisher's.
    async fn states(
        &self,
        publisher: &PublisherId,
        id: MessageId,
        after: Option<Receiver>,
        limit: usize,
    ) -> Result<MessageStates, StoreError>;
}
