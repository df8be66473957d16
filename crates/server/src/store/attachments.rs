use std::sync::Arc;

use async_trait::async_trait;
use hither_protocol::{PublisherId, Timestamp};
use uuid::Uuid;

use super::{StoreError, Stored};
use crate::attachments::{FileHash, Files};

/// A file that a publisher handed over for messages to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Names it in a publish.
    pub id: Uuid,
    /// Whose; nobody else may name it.
    pub publisher: PublisherId,
    /// Which file.
    pub file: FileHash,
    /// Bytes.
    pub size: u64,
    /// Fit for every file system.
    pub name: String,
    /// As the content says.
    pub media_type: String,
    /// Gone from then on, unless a message names it.
    pub expires_at: Timestamp,
}

/// How many bytes of files there may be; each content counts once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Of one publisher.
    pub publisher: u64,
    /// Of all together.
    pub total: u64,
}

/// Files beside messages: which there are, and what needs them.
#[async_trait]
pub trait Attachments {
    /// The files themselves.
    fn files(&self) -> Arc<Files>;

    /// Notes files that are at their place, all or none. The caller holds the files.
    /// `OverQuota` when there would be too much.
    async fn add_uploads(&self, uploads: Vec<Upload>, quota: Quota) -> Result<(), StoreError>;
    /// A publisher's upload that did not expire.
    async fn upload(&self, publisher: &PublisherId, id: Uuid)
    -> Result<Option<Upload>, StoreError>;
    /// Forgets uploads before their time; unknown ones are no-ops.
    async fn forget_uploads(&self, ids: Vec<Uuid>) -> Result<(), StoreError>;
    /// What a publish with this idempotency key and body was answered, when it came before.
    async fn answered(
        &self,
        publisher: &PublisherId,
        key: String,
        body: [u8; 32],
    ) -> Result<Option<Stored>, StoreError>;

    /// Forgets uploads that expired, and what messages needed that are gone, with the uploads that
    /// they alone named.
    async fn forget_outlived_attachments(&self) -> Result<(), StoreError>;
    /// Forgets files that nothing needs, at most so many, and answers which. The caller sees to it
    /// that nobody holds the files.
    async fn forget_files(&self, most: usize) -> Result<Vec<FileHash>, StoreError>;
    /// Those of these files that rows speak of.
    async fn known_files(&self, hashes: Vec<FileHash>) -> Result<Vec<FileHash>, StoreError>;
    /// Every file that rows speak of, and its size.
    async fn all_files(&self) -> Result<Vec<(FileHash, u64)>, StoreError>;
}
