use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use rusqlite::{Connection, OpenFlags};
use tempfile::NamedTempFile;

use super::{ATTACHMENTS, DATABASE, OpenError, PATIENCE, SqliteStore, archive, presence, schema};
use crate::attachments::{FileHash, Files, flush_folder};
use crate::store::backup::{Backup, BackupError, BackupReport, CheckReport};
use crate::store::{Attachments, DataFolder, StoreError};

/// Problems of one kind that are named; more of them say nothing new.
const MAX_PROBLEMS: usize = 100;
/// What files of a backup are called before it is whole.
const UNFINISHED: &str = ".hither-backup-";
const PART: &str = ".part";
const COPY: &str = ".db";
/// After so many steps of SQLite's machine it is asked whether to go on.
const STEPS: i32 = 10_000;

#[async_trait]
impl Backup for SqliteStore {
    async fn backup(&self, file: PathBuf) -> Result<BackupReport, BackupError> {
        let work = move |conn: &Connection, files: &Files, stop: &Stop| {
            write(conn, files, file, stop).map_err(|error| match stop.asked() {
                Ok(()) => error,
                Err(_) => BackupError::Stopped,
            })
        };
        self.read_long(work).await
    }

    async fn check(&self) -> Result<CheckReport, StoreError> {
        let work = |conn: &Connection, files: &Files, stop: &Stop| {
            let report = examined(conn, files, stop);
            stop.asked().map_err(|_| StoreError::Closed).and(report)
        };
        self.read_long(work).await
    }

    fn give_up(&self) {
        self.stop.0.store(true, Ordering::Relaxed);
    }
}

impl SqliteStore {
    /// Reads rows and files while both stay as they are.
    async fn read_long<T: Send + 'static, E: From<StoreError> + Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &Files, &Stop) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let files = self.files();
        // From before the copy of the rows to after that of the files.
        let _all_stay = files.hold_long().await;
        let long_read = LongRead::begin(self);
        let (mut conn, stop) = (self.readers.open()?, self.stop.clone());
        let (watched, read) = (stop.clone(), Arc::clone(&files));
        conn.progress_handler(STEPS, Some(move || watched.asked().is_err()))
            .map_err(StoreError::from)?;
        let done = tokio::task::spawn_blocking(move || {
            let _long_read = long_read;
            work(&conn, &read, &stop)
        });
        done.await
            .unwrap_or_else(|error| Err(StoreError::Broken(error.to_string()).into()))
    }
}

/// Whether what takes long is to be given up.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Fails where it is.
    pub(super) fn asked(&self) -> io::Result<()> {
        if self.0.load(Ordering::Relaxed) {
            return Err(io::Error::other("the server stops"));
        }
        Ok(())
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

fn write(
    conn: &Connection,
    files: &Files,
    file: PathBuf,
    stop: &Stop,
) -> Result<BackupReport, BackupError> {
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
    remove_leftovers(folder).map_err(failed)?;
    // Both are readable by their user only, and go where this fails.
    let mut archive = unfinished(folder, PART).map_err(failed)?;
    archive.as_file().lock().map_err(failed)?;
    let database = unfinished(folder, COPY).map_err(failed)?;
    copy_database(conn, database.path())?;
    let hashes = hashes_in(database.path())?;
    let path = |hash: &FileHash| files.path(hash);
    let missing = archive::write(archive.as_file_mut(), database.path(), &hashes, path, stop)
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

fn unfinished(folder: &Path, ending: &str) -> io::Result<NamedTempFile> {
    let mut name = tempfile::Builder::new();
    name.prefix(UNFINISHED).suffix(ending).tempfile_in(folder)
}

/// Removes what backups left that were cut off: those who write one keep it locked. While there is
/// one, a copy of a database beside it may be its own.
fn remove_leftovers(folder: &Path) -> io::Result<()> {
    let (mut parts, mut copies) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(name) = name.filter(|name| name.starts_with(UNFINISHED)) else {
            continue;
        };
        if name.ends_with(PART) {
            parts.push(path);
        } else if name.ends_with(COPY) {
            copies.push(path);
        }
    }
    let is_written = |part: &PathBuf| File::open(part).is_ok_and(|file| file.try_lock().is_err());
    if !parts.iter().any(is_written) {
        parts
            .into_iter()
            .chain(copies)
            .try_for_each(std::fs::remove_file)?;
    }
    Ok(())
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

/// The same as [`Backup::check`] where no store is open, of whatever version: it changes nothing.
pub fn check(folder: &DataFolder) -> Result<CheckReport, OpenError> {
    if presence::lost(folder.path())? {
        return Err(OpenError::Lost);
    }
    let database = folder.path().join(DATABASE);
    let conn = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    conn.busy_timeout(PATIENCE)?;
    conn.pragma_update(None, "query_only", true)?;
    schema::known_version(&conn)?;
    let files = Files::look(folder.path().join(ATTACHMENTS));
    Ok(examined(&conn, &files, &Stop::default())?)
}

fn examined(conn: &Connection, files: &Files, stop: &Stop) -> Result<CheckReport, StoreError> {
    let mut report = CheckReport::default();
    match examine(conn, files, stop, &mut report) {
        // It cannot be read any further, which is what was to be found out.
        Err(StoreError::Broken(why)) => report.problems.push(format!("database: {why}")),
        examined => examined?,
    }
    Ok(report)
}

fn examine(
    conn: &Connection,
    files: &Files,
    stop: &Stop,
    report: &mut CheckReport,
) -> Result<(), StoreError> {
    report.problems = problems_of(conn)?;
    report.accounts = count(conn, "accounts")?;
    report.messages = count(conn, "messages")?;
    // Not in the first versions.
    let rows = if conn.table_exists(None, "files")? {
        super::attachments::all_files(conn)?
    } else {
        Vec::new()
    };
    for (hash, size) in &rows {
        if let Some(problem) = problem_of_file(&files.path(hash), hash, *size, stop) {
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

fn problem_of_file(path: &Path, hash: &FileHash, size: u64, stop: &Stop) -> Option<String> {
    match path.metadata() {
        Err(error) => Some(format!("cannot be read: {error}")),
        Ok(found) if found.len() != size => {
            Some(format!("has {} bytes instead of {size}", found.len()))
        }
        Ok(_) => match archive::digest(path, stop) {
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
