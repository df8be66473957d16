//! Moves what is in the write-ahead log into the database, away from the commits.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

/// A moment without commits.
const IDLE: Duration = Duration::from_secs(2);
/// From here on it does not wait for an idle moment.
const LARGE: u64 = 8 * 1024 * 1024;
/// From here on commits wait for the end of a checkpoint, so that the log starts over.
const HUGE: u64 = 64 * 1024 * 1024;

/// Starts the thread; it ends when nothing can come from `commits` any more.
pub(super) fn start(
    conn: Connection,
    database: &Path,
    commits: Receiver<()>,
) -> std::io::Result<JoinHandle<()>> {
    let wal = wal_of(database);
    std::thread::Builder::new()
        .name("store-checkpoint".to_owned())
        .spawn(move || {
            while commits.recv().is_ok() {
                wait_for_a_reason(&commits, &wal);
                checkpoint(&conn, &wal);
            }
        })
}

fn wal_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

fn wait_for_a_reason(commits: &Receiver<()>, wal: &Path) {
    while size(wal) < LARGE {
        match commits.recv_timeout(IDLE) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Copies what it can without keeping anyone waiting; the little that is left of a huge log is
/// then copied while commits wait.
fn checkpoint(conn: &Connection, wal: &Path) {
    run(conn, "PASSIVE");
    if size(wal) >= HUGE {
        run(conn, "TRUNCATE");
    }
}

fn run(conn: &Connection, mode: &str) {
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    if let Err(error) = conn.query_row(&sql, [], |_| Ok(())) {
        tracing::warn!(%error, mode, "checkpoint failed; the write-ahead log grows until one succeeds");
    }
}

fn size(path: &Path) -> u64 {
    path.metadata().map_or(0, |file| file.len())
}
