//! What people see of themselves, and administrators of everyone.

use async_trait::async_trait;
use hither_protocol::{
    AccountName, DeviceId, MessageId, Priority, PublisherRef, PushProvider, Settings, Timestamp,
};

use super::{AccountRecord, ClientId, DeviceRecord, StoreError};

/// The publisher that stands for the server itself. It has no secret and is in no list.
pub const SERVER_ITSELF: &str = "hither-0000000000000000";

/// A device with what signed in on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceSummary {
    /// The device.
    pub device: DeviceRecord,
    /// By name.
    pub applications: Vec<ApplicationSummary>,
    /// When one of them was last connected or signed in, if that was noted.
    pub seen_at: Option<Timestamp>,
    /// What reaches it while its stream is closed, if it is registered.
    pub push: Option<PushProvider>,
}

/// An application on a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationSummary {
    /// `hither` is the person's own inbox.
    pub name: String,
    /// Of its last sign-in.
    pub version: String,
    /// Whether its session is alive.
    pub signed_in: bool,
}

/// An account, with what an administrator looks for.
#[derive(Clone, Debug)]
pub struct AccountOverview {
    /// The account.
    pub account: AccountRecord,
    /// How many devices it has.
    pub devices: u64,
    /// When one of them was last connected or signed in, if that was noted.
    pub seen_at: Option<Timestamp>,
}

/// A message without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageOverview {
    /// The message.
    pub id: MessageId,
    /// Who sent it.
    pub publisher: PublisherRef,
    /// How urgent.
    pub priority: Priority,
    /// When it came; of one that waits, when it was accepted.
    pub created_at: Timestamp,
    /// When it comes, while it waits for that.
    pub deliver_at: Option<Timestamp>,
    /// When it is withdrawn.
    pub expires_at: Option<Timestamp>,
    /// Accounts it was stored for.
    pub receivers: u64,
    /// Accounts of which a device showed it.
    pub shown: u64,
    /// Accounts that read it.
    pub read: u64,
}

/// How much there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Accounts, also disabled ones.
    pub accounts: u64,
    /// Publishers, also disabled ones.
    pub publishers: u64,
    /// Bytes on the disk.
    pub bytes: u64,
    /// Bytes that the disk has left, where the system says so.
    pub free_bytes: Option<u64>,
}

/// People's own choices and devices, and the administrator's view.
#[async_trait]
pub trait People {
    /// What the account's person chose, if anything. `NotFound` where there is no such account.
    async fn settings(&self, account: &AccountName) -> Result<Option<Settings>, StoreError>;
    /// Replaces it; open streams learn it.
    async fn set_settings(
        &self,
        account: &AccountName,
        settings: Settings,
    ) -> Result<(), StoreError>;
    /// Replaces what was `held` and nothing else; `Changed` where it is something else by now.
    async fn replace_settings(
        &self,
        account: &AccountName,
        held: Option<Settings>,
        settings: Settings,
    ) -> Result<(), StoreError>;
    /// Sets a password and ends all sessions of the account but one; `NotFound` when `old` is not
    /// the present one's hash any more.
    async fn change_password(
        &self,
        account: &AccountName,
        old: String,
        new: String,
        keep: ClientId,
    ) -> Result<(), StoreError>;
    /// All devices of an account, by name.
    async fn devices(&self, account: &AccountName) -> Result<Vec<DeviceSummary>, StoreError>;
    /// Removes a device of an account: its sessions end, its message tokens are dead, and it never
    /// comes back under its id.
    async fn remove_device(&self, account: &AccountName, id: &DeviceId) -> Result<(), StoreError>;
    /// Notes that a client is there. Waits for nothing; written within a second or so.
    fn seen(&self, client: ClientId) -> Result<(), StoreError>;

    /// Accounts whose name contains `part`, by name, at most `limit`; and how many there are.
    async fn account_overviews(
        &self,
        part: &str,
        limit: usize,
    ) -> Result<(Vec<AccountOverview>, u64), StoreError>;
    /// The newest messages by `created_at`, newest first, at most `limit`.
    async fn recent_messages(&self, limit: usize) -> Result<Vec<MessageOverview>, StoreError>;
    /// How much there is.
    async fn extent(&self) -> Result<Extent, StoreError>;
}
