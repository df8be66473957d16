//! Publishers: who they are, what they may, and what they keep of their receivers.

use std::collections::BTreeSet;

use async_trait::async_trait;
use hither_protocol::{AccountName, PublisherId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{SecretHash, StoreError};

/// Publishers that may wait for approval at the same time.
pub const MAX_AWAITING: u64 = 1000;

/// A publisher, as the store knows it.
#[derive(Clone, Debug)]
pub struct PublisherRecord {
    /// Prefix and 16 digits.
    pub id: PublisherId,
    /// As shown to people.
    pub name: String,
    /// How its people can be reached; may be empty.
    pub contact: String,
    /// One, or two during rotation.
    pub secrets: Vec<SecretHash>,
    /// What it may do beside sending.
    pub rights: Permissions,
    /// Since when it may publish at all; `None` while it waits for an administrator.
    pub approved_at: Option<Timestamp>,
    /// Since when it may not publish.
    pub disabled_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl PublisherRecord {
    /// A publisher as an administrator adds it: approved, and with all rights.
    #[must_use]
    pub const fn new(
        id: PublisherId,
        name: String,
        secrets: Vec<SecretHash>,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            name,
            contact: String::new(),
            secrets,
            rights: Permissions::ALL,
            approved_at: Some(created_at),
            disabled_at: None,
            created_at,
        }
    }
}

/// What a publisher may do beside sending to its audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a right of its own, given and taken alone"
)]
pub struct Permissions {
    /// Whether it reaches only its audience, not every account.
    pub narrowed: bool,
    /// Send to everyone at once and to applications; never while it is narrowed.
    pub everyone: bool,
    /// Send urgent messages.
    pub urgent: bool,
    /// Send H5 pages.
    pub html: bool,
}

impl Permissions {
    /// As an administrator gives them.
    pub const ALL: Self = Self {
        narrowed: false,
        everyone: true,
        urgent: true,
        html: true,
    };
    /// As one who registered itself has them.
    pub const NONE: Self = Self {
        narrowed: true,
        everyone: false,
        urgent: false,
        html: false,
    };
}

/// Whom a narrowed publisher reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Audience {
    /// These accounts.
    #[serde(default)]
    pub accounts: BTreeSet<AccountName>,
    /// Subscribers of these topics, which need not exist yet.
    #[serde(default)]
    pub topics: BTreeSet<String>,
}

/// A change of what a publisher may.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a right of its own, given and taken alone"
)]
pub struct Change {
    /// Added to its audience, or taken from it.
    pub audience: Audience,
    /// Every account, or none but its audience.
    pub every_account: bool,
    /// Messages to everyone.
    pub everyone: bool,
    /// Urgent messages.
    pub urgent: bool,
    /// H5 pages.
    pub html: bool,
}

impl Change {
    /// What the second of two publishers may, and the first may not.
    #[must_use]
    pub fn between(less: (Permissions, &Audience), more: (Permissions, &Audience)) -> Self {
        let ((had, of), (has, to)) = (less, more);
        Self {
            audience: Audience {
                accounts: &to.accounts - &of.accounts,
                topics: &to.topics - &of.topics,
            },
            every_account: had.narrowed && !has.narrowed,
            everyone: has.everyone && !had.everyone,
            urgent: has.urgent && !had.urgent,
            html: has.html && !had.html,
        }
    }
}

/// What a publisher keeps of one receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiverRecord {
    /// Whose record it is.
    pub publisher: PublisherId,
    /// Its name, as shown to people.
    pub publisher_name: String,
    /// Names and values.
    pub values: Map<String, Value>,
    /// When it was last written.
    pub updated_at: Timestamp,
}

/// Who may publish, and what they keep of receivers.
#[async_trait]
pub trait Publishers: Send + Sync {
    /// Makes a publisher. One with narrowed rights reaches `audience`; all its accounts must
    /// exist. `TooMany` when too many wait for approval already.
    async fn register(
        &self,
        publisher: PublisherRecord,
        audience: Audience,
    ) -> Result<(), StoreError>;
    /// Makes a publisher without an audience of its own.
    async fn add_publisher(&self, publisher: PublisherRecord) -> Result<(), StoreError> {
        self.register(publisher, Audience::default()).await
    }
    /// One publisher.
    async fn publisher(&self, id: &PublisherId) -> Result<Option<PublisherRecord>, StoreError>;
    /// All of them, by id.
    async fn publishers(&self) -> Result<Vec<PublisherRecord>, StoreError>;
    /// Whom a publisher reaches while it is narrowed.
    async fn audience(&self, id: &PublisherId) -> Result<Audience, StoreError>;
    /// Lets one that waits for it publish.
    async fn approve(&self, id: &PublisherId) -> Result<(), StoreError>;
    /// Adds a secret; of three, the oldest goes.
    async fn rotate_secret(&self, id: &PublisherId, secret: SecretHash) -> Result<(), StoreError>;
    /// Forbids or allows publishing.
    async fn set_publisher_disabled(
        &self,
        id: &PublisherId,
        disabled: bool,
    ) -> Result<(), StoreError>;
    /// Adds to what a publisher may. Every account named must exist.
    async fn widen(&self, id: &PublisherId, more: Change) -> Result<(), StoreError>;
    /// Takes from what a publisher may.
    async fn narrow(&self, id: &PublisherId, less: Change) -> Result<(), StoreError>;

    /// Replaces what a publisher keeps of a receiver that it may reach.
    async fn put_record(
        &self,
        publisher: &PublisherId,
        account: &AccountName,
        values: Map<String, Value>,
    ) -> Result<(), StoreError>;
    /// What a publisher keeps of a receiver. `NotFound` for one that it may not reach.
    async fn record(
        &self,
        publisher: &PublisherId,
        account: &AccountName,
    ) -> Result<Option<ReceiverRecord>, StoreError>;
    /// What all publishers keep of an account, by publisher.
    async fn records(&self, account: &AccountName) -> Result<Vec<ReceiverRecord>, StoreError>;
    /// Erases what a publisher keeps of an account; `NotFound` where there is nothing.
    async fn erase_record(
        &self,
        publisher: &PublisherId,
        account: &AccountName,
    ) -> Result<(), StoreError>;
}
