use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use rusqlite::Connection;
use tempfile::NamedTempFile;

use super::{SqliteStore, archive};
use crate::attachments::{FileHash, Files, flush_folder};
use crate::store::backup::{Backup, BackupError, BackupReport, CheckReport};
use crate::store::{Attachments, StoreError};

/// Problems of one kind that are named; more of them say nothing new.
const MAX_PROBLEMS: usize = 100;

#[async_trait]
impl Backup for SqliteStore {
    async fn backup(&self, file: PathBuf) -> Result<BackupReport, BackupError> {
        let files = self.files();
        // From before the copy of the rows to after that of the files.
        let _all_stay = files.hold_long().await;
        let long_read = LongRead::begin(self);
        let (conn, copying) = (self.readers.open()?, Arc::clone(&files));
        let done = tokio::task::spawn_blocking(move || {
            let _long_read = long_read;
            write(&conn, &copying, file)
        });
        done.await
            .unwrap_or_else(|error| Err(StoreError::Broken(error.to_string()).into()))
    }

    async fn check(&self) -> Result<CheckReport, StoreError> {
        let files = self.files();
        let _all_stay = files.hold_long().await;
        let long_read = LongRead::begin(self);
        let (conn, looking) = (self.readers.open()?, Arc::clone(&files));
        let done = tokio::task::spawn_blocking(move || {
            let _long_read = long_read;
            check(&conn, &looking)
        });
        done.await
            .unwrap_or_else(|error| Err(StoreError::Broken(error.to_string())))
    }
}

/// While it lives, checkpoints do not wait for readers, because one of them stays long.
struct LongRead(Arc<std::sync::atomic::AtomicUsize>);

impl LongRead {
    fn begin(store: &SqliteStore) -> Self {
        store.long_reads.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&store.long_reads))
    }
}

impl Drop for LongRead {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn write(conn: &Connection, files: &Files, file: PathBuf) -> Result<BackupReport, BackupError> {
    let failed = |source| match source {
        error if io::Error::kind(&error) == io::ErrorKind::AlreadyExists => {
            BackupError::Exists(file.clone())
        }
        source => BackupError::Io {
            file: file.clone(),
            source,
        },
    };
    if file.exists() {
        return Err(BackupError::Exists(file));
    }
    let folder = match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    // Both are readable by their user only, and go where this fails.
    let database = NamedTempFile::new_in(folder).map_err(failed)?;
    let mut archive = NamedTempFile::new_in(folder).map_err(failed)?;
    copy_database(conn, database.path())?;
    let hashes = hashes_in(database.path())?;
    let missing = archive::write(archive.as_file_mut(), database.path(), &hashes, |hash| {
        files.path(hash)
    })
    .map_err(failed)?;
    archive.as_file().sync_all().map_err(failed)?;
    let bytes = archive.as_file().metadata().map_err(failed)?.len();
    archive
        .persist_noclobber(&file)
        .map_err(|error| failed(error.error))?;
    flush_folder(folder).map_err(failed)?;
    Ok(BackupReport {
        bytes,
        attachments: hashes.len() - missing.len(),
        missing: missing.len(),
        file,
    })
}

fn copy_database(conn: &Connection, to: &Path) -> Result<(), StoreError> {
    let path = to.to_str().ok_or_else(|| {
        StoreError::Broken("the backup's folder must have a name in UTF-8".into())
    })?;
    conn.execute("VACUUM INTO ?1", [path])?;
    Ok(())
}

fn hashes_in(database: &Path) -> Result<Vec<FileHash>, StoreError> {
    let conn = Connection::open(database)?;
    let hashes = conn
        .prepare("SELECT hash FROM files ORDER BY hash")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(hashes)
}

fn check(conn: &Connection, files: &Files) -> Result<CheckReport, StoreError> {
    let mut report = CheckReport::default();
    match examine(conn, files, &mut report) {
        // It cannot be read any further, which is what was to be found out.
        Err(StoreError::Broken(why)) => report.problems.push(format!("database: {why}")),
        examined => examined?,
    }
    Ok(report)
}

fn examine(conn: &Connection, files: &Files, report: &mut CheckReport) -> Result<(), StoreError> {
    report.problems = problems_of(conn)?;
    report.accounts = count(conn, "accounts")?;
    report.messages = count(conn, "messages")?;
    let rows = super::attachments::all_files(conn)?;
    for (hash, size) in &rows {
        if let Some(problem) = problem_of_file(&files.path(hash), hash, *size) {
            report.problems.push(format!("attachment {hash} {problem}"));
        } else {
            report.attachments += 1;
            report.attachment_bytes += size;
        }
    }
    let known: std::collections::HashSet<_> = rows.into_iter().map(|(hash, _)| hash).collect();
    let on_disk = files.list()?;
    report.strays = on_disk.iter().filter(|hash| !known.contains(hash)).count();
    Ok(())
}

pub(super) fn count(conn: &Connection, table: &str) -> Result<u64, StoreError> {
    let sql = format!("SELECT count(*) FROM {table}");
    Ok(conn.query_row(&sql, [], |row| row.get(0))?)
}

fn problem_of_file(path: &Path, hash: &FileHash, size: u64) -> Option<String> {
    match path.metadata() {
        Err(error) => Some(format!("cannot be read: {error}")),
        Ok(found) if found.len() != size => {
            Some(format!("has {} bytes instead of {size}", found.len()))
        }
        Ok(_) => match archive::digest(path) {
            Ok(found) if found == hash.0 => None,
            Ok(_) => Some("has another content than was uploaded".to_owned()),
            Err(error) => Some(format!("cannot be read: {error}")),
        },
    }
}

/// What SQLite itself finds wrong.
pub(super) fn problems_of(conn: &Connection) -> Result<Vec<String>, StoreError> {
    let mut problems = conn
        .prepare(&format!("PRAGMA integrity_check({MAX_PROBLEMS})"))?
        .query_map([], |row| row.get::<_, String>(0))?
        .filter(|line| !line.as_ref().is_ok_and(|line| line == "ok"))
        .map(|line| line.map(|line| format!("database: {line}")))
        .collect::<Result<Vec<_>, _>>()?;
    let broken_keys = conn
        .prepare("PRAGMA foreign_key_check")?
        .query_map([], |row| {
            let (table, other): (String, String) = (row.get(0)?, row.get(2)?);
            Ok(format!("database: a row of {table} names none of {other}"))
        })?
        .take(MAX_PROBLEMS)
        .collect::<Result<Vec<_>, _>>()?;
    problems.extend(broken_keys);
    Ok(problems)
}
