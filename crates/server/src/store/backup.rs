use std::io;
use std::path::PathBuf;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::StoreError;

/// A copy of everything in one file, and a look at whether everything is in order.
#[async_trait]
pub trait Backup {
    /// Writes everything that was committed before into a new file, readable by its user only,
    /// while reads and writes go on.
    async fn backup(&self, file: PathBuf) -> Result<BackupReport, BackupError>;
    /// Reads everything and compares rows and files.
    async fn check(&self) -> Result<CheckReport, StoreError>;
    /// Ends both, where they are under way or come later: the server stops, and they take long. A
    /// backup leaves nothing.
    fn give_up(&self);
}

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupReport {
    /// Where it is.
    pub file: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Attachments in it.
    pub attachments: usize,
    /// Attachments that are damaged or missing on the server's disk, and so not in it.
    pub missing: usize,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// Accounts in the store.
    pub accounts: u64,
    /// Messages in the store.
    pub messages: u64,
    /// Attachments on disk that are as they should be.
    pub attachments: usize,
    /// Their bytes.
    pub attachment_bytes: u64,
    /// Files that no row speaks of: uploads under way, or what a crash left and the server removes.
    pub strays: usize,
    /// What is wrong, in words for operators. Empty when everything is in order.
    pub problems: Vec<String>,
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Choose another name, or remove that file.
    #[error("{} exists already; choose another name", .0.display())]
    Exists(PathBuf),
    /// Make room, or look at the folder's permissions.
    #[error("cannot write {}: {source}", file.display())]
    Io {
        /// The backup.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Make it again.
    #[error(
        "the server stopped before the backup was whole, so nothing is left of it; make it again"
    )]
    Stopped,
    /// Look at the store.
    #[error("cannot read the store: {0}")]
    Store(#[from] StoreError),
}
