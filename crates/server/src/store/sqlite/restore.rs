//! A backup becomes the store. Everything is unpacked and checked beside the present store before
//! anything of that is touched.

use std::fs;
use std::io;
use std::path::Path;

use rusqlite::Connection;
use serde::Serialize;

use super::archive::{self, ArchiveError, Unpacked};
use super::{ATTACHMENTS, DATABASE, OpenError, PATIENCE, backup, schema};
use crate::attachments::{flush_folder, make_private};
use crate::store::{DataFolder, StoreError};

/// Where a backup is until it is known to be whole.
const UNPACKING: &str = "restoring";

/// What a restore brought back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RestoreReport {
    /// Accounts.
    pub accounts: u64,
    /// Messages.
    pub messages: u64,
    /// Attachments.
    pub attachments: usize,
    /// Attachments that were damaged or missing when the backup was made.
    pub missing: usize,
}

/// Why a backup was not restored; the store is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Restore into another folder, or say that what is here may go.
    #[error(
        "the data folder holds accounts or publishers already; name an empty folder with --data, \
         or replace everything in this one with --force"
    )]
    NotEmpty,
    /// Use another file.
    #[error("this backup is not used: {0}")]
    Archive(#[from] ArchiveError),
    /// Use the version that made the backup, or a later one.
    #[error("this backup is not used: {0}")]
    Unfit(#[from] OpenError),
    /// Look at the disk and its permissions.
    #[error("cannot restore: {0}")]
    Io(#[from] io::Error),
    /// Look at the disk, and at the file.
    #[error("cannot restore: {0}")]
    Store(#[from] StoreError),
}

/// Makes a backup the store of a folder, in a new life: every client starts over, and keeps the
/// messages it has. `force` lets what is there go.
pub fn restore(
    folder: &DataFolder,
    file: &Path,
    force: bool,
) -> Result<RestoreReport, RestoreError> {
    if !force && !is_empty(&folder.path().join(DATABASE))? {
        return Err(RestoreError::NotEmpty);
    }
    let unpacking = folder.path().join(UNPACKING);
    clear(folder.path())?;
    make_private(&unpacking)?;
    let restored = unpack_and_replace(folder, file, &unpacking);
    clear(folder.path())?;
    restored
}

/// Removes what a restore that was cut off left in a data folder.
pub(super) fn clear(data: &Path) -> io::Result<()> {
    match fs::remove_dir_all(data.join(UNPACKING)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn is_empty(database: &Path) -> Result<bool, RestoreError> {
    if !database.exists() {
        return Ok(true);
    }
    let conn = Connection::open(database).map_err(StoreError::from)?;
    let sql = "SELECT EXISTS (SELECT 1 FROM accounts) OR EXISTS (
               SELECT 1 FROM publishers WHERE public_id <> 'hither-0000000000000000')";
    match conn.query_row(sql, [], |row| row.get::<_, bool>(0)) {
        Ok(furnished) => Ok(!furnished),
        // A database without these tables was never used; one that cannot be read may have been.
        Err(error) => Ok(error.to_string().contains("no such table")),
    }
}

fn unpack_and_replace(
    folder: &DataFolder,
    file: &Path,
    unpacking: &Path,
) -> Result<RestoreReport, RestoreError> {
    let unpacked = archive::unpack(file, unpacking)?;
    let report = examine(&unpacked)?;
    let files = folder.path().join(ATTACHMENTS);
    for hash in &unpacked.files {
        let place = files.join(hash.path());
        let inner = place.parent().unwrap_or(&place);
        make_private(inner)?;
        fs::rename(unpacked.file(hash), &place)?;
        flush_folder(inner)?;
    }
    let database = folder.path().join(DATABASE);
    set_aside(&database)?;
    fs::rename(unpacked.database(), &database)?;
    flush_folder(folder.path())?;
    Ok(report)
}

/// Whether the unpacked database fits this program and its files; begins its new life.
fn examine(unpacked: &Unpacked) -> Result<RestoreReport, RestoreError> {
    let mut conn = Connection::open(unpacked.database()).map_err(StoreError::from)?;
    conn.busy_timeout(PATIENCE).map_err(StoreError::from)?;
    if let Some(problem) = backup::problems_of(&conn)?.first() {
        return Err(ArchiveError::Damaged(problem.clone()).into());
    }
    schema::migrate(&mut conn)?;
    let rows = super::attachments::all_files(&conn)?;
    let is_here = |hash| unpacked.files.contains(hash) || unpacked.missing.contains(hash);
    if let Some((hash, _)) = rows.iter().find(|(hash, _)| !is_here(hash)) {
        let problem = format!("attachment {hash} is not in it");
        return Err(ArchiveError::Damaged(problem).into());
    }
    schema::begin_new_life(&mut conn)?;
    let report = RestoreReport {
        accounts: backup::count(&conn, "accounts")?,
        messages: backup::count(&conn, "messages")?,
        attachments: unpacked.files.len(),
        missing: unpacked.missing.len(),
    };
    conn.close().map_err(|(_, error)| StoreError::from(error))?;
    fs::File::open(unpacked.database())?.sync_all()?;
    Ok(report)
}

/// Brings what is still in the log of the present database into it, so that the log, which would
/// be taken for the new one's, can go.
fn set_aside(database: &Path) -> Result<(), RestoreError> {
    if database.exists()
        && let Ok(conn) = Connection::open(database)
    {
        // A damaged one is replaced all the same.
        let _ = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }
    for log in ["hither.db-wal", "hither.db-shm"] {
        match fs::remove_file(database.with_file_name(log)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}
