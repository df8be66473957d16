//! The local history: every message this computer ever stored, in one SQLite file.
//!
//! One [`Writer`] with a thread of its own, which commits what it is handed; one [`Reader`] beside
//! it, so that a window never waits for a write.

mod read;
mod schema;
mod write;

#[cfg(test)]
mod contract;
#[cfg(test)]
pub(crate) mod testing;

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use hither_engine::Saved;
use hither_protocol::AccessToken;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::Credentials;

pub(crate) use read::{Asked, Reader, missing_href};
pub(crate) use write::{Store, Writer, Written};

const FILE: &str = "history.sqlite3";

/// The data folder could not be opened; named after the next step.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Talk to the one that runs.
    #[error("another Hither is running on this data folder")]
    InUse,
    /// Update.
    #[error("the history was written by a newer version of Hither: update this one")]
    Newer,
    /// Put it aside, or restore it from a backup; messages still on the server come again.
    #[error(
        "the history file is damaged ({0}): move {FILE} out of the data folder and start again; \
         messages that are still on the server come back"
    )]
    Damaged(String),
    /// Make it writable, or choose another one.
    #[error("the data folder cannot be used: {0}")]
    Folder(#[from] io::Error),
    /// Look at the disk. The text is for people.
    #[error("the history cannot be opened: {0}")]
    Unusable(String),
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::Damaged(error.to_string())
            }
            _ => Self::Unusable(error.to_string()),
        }
    }
}

/// An opened data folder.
pub(crate) struct History {
    /// What the disk knew.
    pub(crate) saved: Saved,
    /// Changes it.
    pub(crate) store: Store,
    /// Reads it.
    pub(crate) reader: Reader,
}

/// Opens the history in `folder`, making both where they are missing, readable for this person
/// only. The folder stays locked until the store is dropped.
pub(crate) fn open(folder: &Path, credentials: Box<dyn Credentials>) -> Result<History, OpenError> {
    private_folder(folder)?;
    let lock = lock(&folder.join("lock"))?;
    let path = folder.join(FILE);
    private_file(&path)?;

    let mut db = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update(None, "secure_delete", true)?;
    schema::migrate(&mut db)?;

    let reader = Reader::new(connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?);
    let mut saved = read::saved(&db)?;
    let mut store = Store::new(db, credentials, lock);
    store.finish_scrubbing();
    if let Some(account) = &mut saved.account {
        account.signed_in.access_token = store.token(&account.signed_in);
    }
    Ok(History {
        saved,
        store,
        reader,
    })
}

/// What stands for a token that is lost: the server answers it with "sign in again".
fn no_token() -> AccessToken {
    AccessToken::new(String::new())
}

fn connect(path: &PathBuf, access: OpenFlags) -> rusqlite::Result<Connection> {
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(core::time::Duration::from_secs(5))?;
    db.pragma_update(None, "cache_size", -512)?;
    Ok(db)
}

#[cfg(unix)]
fn private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};

    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    if folder.metadata()?.permissions().mode() & 0o077 != 0 {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// The folder's access list is the one of the person's local application data.
#[cfg(windows)]
fn private_folder(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)
}

/// Makes the file before SQLite does, whose own files take over its mode.
fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file)
}

fn lock(path: &Path) -> Result<File, OpenError> {
    let file = private_file(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}
