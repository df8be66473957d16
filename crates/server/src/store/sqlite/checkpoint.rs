//! Moves what is in the write-ahead log into the database, away from the commits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

/// A moment without commits.
const IDLE: Duration = Duration::from_secs(2);
/// Pages that wait (of 4 KiB): from here on it does not wait for an idle moment.
const MANY: i64 = 2048;
/// Pages in the log: from here on commits wait for the end of a checkpoint, so that the log
/// starts over.
const TOO_MANY: i64 = 8 * MANY;

/// Starts the thread; it ends when nothing can come from `commits` any more.
pub(super) fn start(
    conn: Connection,
    commits: Receiver<()>,
    long_reads: Arc<AtomicUsize>,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("store-checkpoint".to_owned())
        .spawn(move || {
            while commits.recv().is_ok() {
                wait_for_a_reason(&conn, &commits);
                checkpoint(&conn, long_reads.load(Ordering::Relaxed) > 0);
            }
        })
}

fn wait_for_a_reason(conn: &Connection, commits: &Receiver<()>) {
    while Log::look(conn, "NOOP").waiting() < MANY {
        match commits.recv_timeout(IDLE) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Copies what it can without keeping anyone waiting; the little that is left of a long log is
/// then copied while commits wait. A reader that stays for long would make them wait for its end.
fn checkpoint(conn: &Connection, is_read_for_long: bool) {
    if Log::look(conn, "PASSIVE").pages >= TOO_MANY && !is_read_for_long {
        Log::look(conn, "TRUNCATE");
    }
}

/// How long the write-ahead log is.
#[derive(Default)]
struct Log {
    pages: i64,
    copied: i64,
}

impl Log {
    /// After a checkpoint of this mode.
    fn look(conn: &Connection, mode: &str) -> Self {
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        let looked = conn.query_row(&sql, [], |row| {
            Ok(Self {
                pages: row.get(1)?,
                copied: row.get(2)?,
            })
        });
        looked.unwrap_or_else(|error| {
            tracing::warn!(%error, mode, "checkpoint failed; the log grows until one succeeds");
            Self::default()
        })
    }

    const fn waiting(&self) -> i64 {
        self.pages - self.copied
    }
}
