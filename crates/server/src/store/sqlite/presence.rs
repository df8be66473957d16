//! Whether there is a store, before anything is made or changed.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::{ATTACHMENTS, DATABASE, OpenError, PATIENCE};
use crate::attachments::Files;

/// Whether a folder holds a store, be it a damaged one. One that may not be looked into may hold
/// one. Where the first start was cut off there is a database with nothing in it, and no store.
#[must_use]
pub fn is_there(data: &Path) -> bool {
    !matches!(is_blank(&data.join(DATABASE)), Ok(true)) || lost(data).unwrap_or(true)
}

/// Whether there was a store whose database is gone. The folder of its files is made after the
/// database has its tables, and a restore puts the files there before the database.
pub(super) fn lost(data: &Path) -> Result<bool, OpenError> {
    let (database, files) = (data.join(DATABASE), data.join(ATTACHMENTS));
    if !is_blank(&database)? {
        return Ok(false);
    }
    Ok(match size(&database)? {
        None => !Files::look(files).list()?.is_empty(),
        // No first start that was cut off leaves a log beside a database of no bytes.
        Some(0) if size(&data.join("hither.db-wal"))?.unwrap_or_default() > 0 => true,
        Some(_) => files.try_exists()?,
    })
}

/// Whether nothing was ever kept in a database, or it is not there. One of no bytes is not opened to
/// find that out: SQLite would remove its log.
fn is_blank(database: &Path) -> Result<bool, OpenError> {
    if size(database)?.unwrap_or_default() == 0 {
        return Ok(true);
    }
    if version_in_header(database)?.is_none_or(|version| version != 0) {
        return Ok(false);
    }
    let conn = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    conn.busy_timeout(PATIENCE)?;
    let sql = "SELECT count(*) = 0 FROM sqlite_schema";
    Ok(conn.query_row(sql, [], |row| row.get(0))?)
}

/// How many migrations a database had when its log was last brought into it.
fn version_in_header(database: &Path) -> io::Result<Option<u32>> {
    let mut header = Vec::new();
    File::open(database)?.take(64).read_to_end(&mut header)?;
    let version = header.last_chunk().filter(|_| header.len() == 64);
    Ok(version.map(|bytes| u32::from_be_bytes(*bytes)))
}

/// In bytes; `None` where it is not there.
fn size(file: &Path) -> io::Result<Option<u64>> {
    match fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        about => Ok(Some(about?.len())),
    }
}
