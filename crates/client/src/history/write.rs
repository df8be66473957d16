use core::convert::Infallible;
use std::fs::File;
use std::sync::mpsc;

use hither_engine::view::{Glance, Headline};
use hither_engine::{AppLockSaved, SignedIn, StoreFailed, StoreOp, Stored};
use hither_protocol::{AccessToken, Cursor, Message, MessageId, Timestamp};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::{no_token, read};
use crate::Credentials;
use read::blob;

/// What became of a batch: one outcome per operation, and what the history then held.
pub(crate) type Written = Result<(Vec<Stored>, Glance), StoreFailed>;

/// The one writer of the history.
pub(crate) struct Store {
    db: Connection,
    credentials: Box<dyn Credentials>,
    _lock: File,
}

/// The store's thread, seen from the loop. The thread ends after what it was handed, when this
/// goes.
pub(crate) struct Writer {
    jobs: mpsc::Sender<Job>,
    /// The other end is the thread's own, and nothing is ever said.
    life: oneshot::Receiver<Infallible>,
}

enum Job {
    Batch(Timestamp, Vec<StoreOp>),
    Page(MessageId, String),
}

impl Store {
    pub(super) fn new(db: Connection, credentials: Box<dyn Credentials>, lock: File) -> Self {
        Self {
            db,
            credentials,
            _lock: lock,
        }
    }

    /// Moves the store to a thread of its own, which calls `written` after each batch.
    pub(crate) fn spawn(mut self, written: impl Fn(Written) + Send + 'static) -> Writer {
        let (jobs, todo) = mpsc::channel();
        let (alive, life) = oneshot::channel();
        std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || {
                let _alive: oneshot::Sender<Infallible> = alive;
                for job in todo {
                    match job {
                        Job::Batch(now, ops) => written(self.write(now, &ops)),
                        Job::Page(id, html) => self.keep_page(id, &html),
                    }
                }
            })
            .expect("the system gives a process at least one thread at its start");
        Writer { jobs, life }
    }

    /// Carries out all operations in order, in one transaction, which is on disk on `Ok` and
    /// rolled back on `Err`.
    pub(crate) fn write(&mut self, now: Timestamp, ops: &[StoreOp]) -> Written {
        let outcome = self.commit(now, ops).map_err(|error| failed(&error));
        if outcome.is_ok()
            && ops
                .iter()
                .any(|op| matches!(op, StoreOp::Wipe | StoreOp::SetAccount(_)))
        {
            self.finish_scrubbing();
        }
        outcome
    }

    fn commit(
        &mut self,
        now: Timestamp,
        ops: &[StoreOp],
    ) -> Result<(Vec<Stored>, Glance), Failure> {
        let tx = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let outcomes = ops
            .iter()
            .map(|op| apply(&tx, now, op))
            .collect::<Result<_, _>>()?;
        let glance = read::glance(&tx)?;
        // Before the commit: an account without its token could not connect, while a token
        // without its account is never used.
        if let Some(account) = newest_account(ops) {
            let SignedIn {
                server,
                account,
                access_token,
                ..
            } = account;
            self.credentials
                .save(server, account, access_token)
                .map_err(Failure::Credentials)?;
        }
        tx.commit()?;
        Ok((outcomes, glance))
    }

    /// Keeps a message's H5 page beside it. A page that cannot be kept is fetched again when the
    /// message is looked at.
    pub(super) fn keep_page(&self, id: MessageId, html: &str) {
        let kept = self.db.execute(
            "INSERT OR REPLACE INTO page (message, html) SELECT seq, ?2 FROM message WHERE id = ?1",
            (blob(&id), html),
        );
        if let Err(error) = kept {
            tracing::warn!(%id, %error, "page not kept");
        }
    }

    /// The access token of the account, or one that the server refuses.
    pub(super) fn token(&self, account: &SignedIn) -> AccessToken {
        match self.credentials.load(&account.server, &account.account) {
            Ok(Some(token)) => token,
            Ok(None) => no_token(),
            Err(error) => {
                tracing::error!(%error, "access token cannot be read; sign in again");
                no_token()
            }
        }
    }

    /// After a wipe: nothing of the old account stays in the file or its journal. Comes back at
    /// the next start where it cannot finish.
    pub(super) fn finish_scrubbing(&mut self) {
        if let Err(error) = self.scrub() {
            tracing::warn!(%error, "wiped history not yet compacted; tried again at the next start");
        }
    }

    fn scrub(&mut self) -> Result<(), Failure> {
        let (scrub, signed_out): (bool, bool) =
            self.db
                .query_row("SELECT scrub, account IS NULL FROM state", [], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })?;
        if !scrub {
            return Ok(());
        }
        if signed_out {
            self.credentials.forget().map_err(Failure::Credentials)?;
        }
        self.db.execute_batch("VACUUM")?;
        let busy: bool = self
            .db
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy {
            return Err(Failure::Busy);
        }
        self.db.execute("UPDATE state SET scrub = 0", [])?;
        Ok(())
    }
}

impl Writer {
    /// Hands over a batch; answered once through the store's `written`, while the thread lives.
    pub(crate) fn write(&self, now: Timestamp, ops: Vec<StoreOp>) {
        // Whether it still does is `died`'s to say.
        let _ = self.jobs.send(Job::Batch(now, ops));
    }

    /// Keeps a message's H5 page; not answered.
    pub(crate) fn keep_page(&self, id: MessageId, html: String) {
        let _ = self.jobs.send(Job::Page(id, html));
    }

    /// Returns when the thread panicked: what it holds is answered no more. Cancel safe; not to be
    /// called again after it returned.
    pub(crate) async fn died(&mut self) {
        let _ = (&mut self.life).await;
    }
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
    #[error("the history is being read")]
    Busy,
    #[error("the access token cannot be kept: {0}")]
    Credentials(std::io::Error),
}

fn failed(failure: &Failure) -> StoreFailed {
    match failure {
        Failure::Database(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
            StoreFailed::DiskFull
        }
        Failure::Credentials(error) if error.kind() == std::io::ErrorKind::StorageFull => {
            StoreFailed::DiskFull
        }
        other => StoreFailed::Broken(other.to_string()),
    }
}

/// The account that is signed in after these operations, when one of them signs in.
fn newest_account(ops: &[StoreOp]) -> Option<&SignedIn> {
    let last = ops
        .iter()
        .rfind(|op| matches!(op, StoreOp::SetAccount(_) | StoreOp::Wipe))?;
    match last {
        StoreOp::SetAccount(account) => Some(account),
        _ => None,
    }
}

fn apply(tx: &Transaction<'_>, now: Timestamp, op: &StoreOp) -> rusqlite::Result<Stored> {
    match op {
        StoreOp::Save {
            message,
            cursor,
            alert_due,
        } => {
            let fresh = save(tx, now, message, *alert_due)?;
            advance(tx, cursor)?;
            return Ok(Stored::Saved {
                id: message.id,
                fresh,
            });
        }
        StoreOp::Recall(ids) => return Ok(Stored::Headlines(read::named(tx, ids)?)),
        StoreOp::RecallUnread => return Ok(Stored::Unread(read::unread(tx)?)),
        StoreOp::RecallAction { id, action } => {
            return Ok(Stored::Action(read::action(tx, *id, action)?));
        }
        StoreOp::RecallSilent { since } => {
            return Ok(Stored::Headlines(read::silent(tx, *since)?));
        }
        StoreOp::MarkRead { ids, at, cursor } => {
            mark_read(tx, ids, *at)?;
            cursor.iter().try_for_each(|cursor| advance(tx, cursor))?;
        }
        StoreOp::Withdraw { ids, cursor, .. } => {
            withdraw(tx, ids)?;
            advance(tx, cursor)?;
        }
        StoreOp::Advance(cursor) => advance(tx, cursor)?,
        StoreOp::MarkShown(ids) => for_each(
            tx,
            "UPDATE message SET alert_due = 0, shown = 1 WHERE id = ?1",
            ids,
        )?,
        StoreOp::PutOutbox(seq, frame) => {
            let sql = "INSERT OR REPLACE INTO outbox (seq, frame) VALUES (?1, ?2)";
            tx.prepare_cached(sql)?.execute((seq, frame.to_text()))?;
        }
        StoreOp::DropOutbox(upto) => {
            tx.execute("DELETE FROM outbox WHERE seq <= ?1", [upto])?;
        }
        StoreOp::SetAccount(account) => set_account(tx, account)?,
        StoreOp::Wipe => wipe(tx)?,
        StoreOp::ForgetCursor => {
            tx.execute("UPDATE state SET cursor = NULL", [])?;
        }
        StoreOp::SetPaused(until) => {
            let until = until.map(|until| until.to_string());
            tx.execute("UPDATE state SET paused_until = ?1", [until])?;
        }
        StoreOp::SetAppLock(lock) => set_app_lock(tx, lock.as_ref())?,
    }
    Ok(Stored::Done)
}

/// Whether the row is new.
fn save(
    tx: &Transaction<'_>,
    now: Timestamp,
    message: &Message,
    alert_due: bool,
) -> rusqlite::Result<bool> {
    let headline = Headline::of(message);
    let mut whole = message.clone();
    let page = whole.html.as_mut().and_then(|html| html.inline.take());
    let whole = serde_json::to_string(&whole)
        .map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
    let rows = tx
        .prepare_cached(
            "INSERT INTO message (id, created_at, stored_at, read_at, alert_due, priority, rich,
                                  publisher, title, line, whole)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (id) DO NOTHING",
        )?
        .execute((
            blob(&message.id),
            message.created_at.as_millisecond(),
            now.as_millisecond(),
            message.read_at.map(Timestamp::as_millisecond),
            alert_due,
            u8::from(message.priority),
            headline.rich,
            headline.publisher,
            headline.title,
            headline.line,
            whole,
        ))?;
    if let (1, Some(html)) = (rows, page) {
        let seq = tx.last_insert_rowid();
        tx.execute(
            "INSERT INTO page (message, html) VALUES (?1, ?2)",
            (seq, html),
        )?;
    }
    Ok(rows == 1)
}

fn mark_read(tx: &Transaction<'_>, ids: &[MessageId], at: Timestamp) -> rusqlite::Result<()> {
    let mut update = tx.prepare_cached(
        "UPDATE message SET read_at = ?2, alert_due = 0
         WHERE id = ?1 AND (read_at IS NULL OR read_at > ?2)",
    )?;
    for id in ids {
        update.execute((blob(id), at.as_millisecond()))?;
    }
    Ok(())
}

fn withdraw(tx: &Transaction<'_>, ids: &[MessageId]) -> rusqlite::Result<()> {
    for_each(
        tx,
        "INSERT OR REPLACE INTO gone (id, created_at)
         SELECT id, created_at FROM message WHERE id = ?1",
        ids,
    )?;
    for_each(tx, "DELETE FROM message WHERE id = ?1", ids)
}

fn for_each(tx: &Transaction<'_>, sql: &str, ids: &[MessageId]) -> rusqlite::Result<()> {
    let mut statement = tx.prepare_cached(sql)?;
    for id in ids {
        statement.execute([blob(id)])?;
    }
    Ok(())
}

fn advance(tx: &Transaction<'_>, cursor: &Cursor) -> rusqlite::Result<()> {
    tx.prepare_cached("UPDATE state SET cursor = ?1")?
        .execute([cursor.as_str()])?;
    Ok(())
}

fn set_account(tx: &Transaction<'_>, new: &SignedIn) -> rusqlite::Result<()> {
    let same: Option<bool> = tx
        .query_row(
            "SELECT server = ?1 AND account = ?2 FROM state WHERE account IS NOT NULL",
            [&new.server, &new.account],
            |row| row.get(0),
        )
        .optional()?;
    if same != Some(true) {
        wipe(tx)?;
    }
    tx.execute(
        "UPDATE state SET server = ?1, account = ?2, device_id = ?3, stream_url = ?4",
        (
            &new.server,
            &new.account,
            new.device_id.as_str(),
            &new.stream_url,
        ),
    )?;
    tx.execute(
        "INSERT OR REPLACE INTO device (who, id) VALUES (?1, ?2)",
        (read::who(&new.server, &new.account), new.device_id.as_str()),
    )?;
    Ok(())
}

fn set_app_lock(tx: &Transaction<'_>, lock: Option<&AppLockSaved>) -> rusqlite::Result<()> {
    let Some(lock) = lock else {
        return tx.execute("DELETE FROM app_lock", []).map(drop);
    };
    tx.execute(
        "INSERT OR REPLACE INTO app_lock (one, verifier, after_s, with_screen, failures)
         VALUES (1, ?1, ?2, ?3, ?4)",
        (
            &lock.verifier,
            lock.when.after_s,
            lock.when.with_screen,
            lock.failures,
        ),
    )
    .map(drop)
}

/// Everything but the device ids goes.
fn wipe(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch(
        "DELETE FROM page; DELETE FROM message; DELETE FROM gone; DELETE FROM outbox;
         DELETE FROM app_lock;
         UPDATE state SET server = NULL, account = NULL, device_id = NULL, stream_url = NULL,
                          cursor = NULL, paused_until = NULL, scrub = 1;",
    )
}

/// Faults, for tests.
#[cfg(test)]
impl Store {
    /// Does the operations and dies before the commit.
    pub(super) fn crash_after(&mut self, now: Timestamp, ops: &[StoreOp]) {
        let tx = self.db.transaction().unwrap();
        for op in ops {
            apply(&tx, now, op).unwrap();
        }
    }

    /// Commits and dies before anything after it.
    pub(super) fn commit_only(&mut self, now: Timestamp, ops: &[StoreOp]) {
        self.commit(now, ops).unwrap();
    }

    /// Lets the file grow no further, or again.
    pub(super) fn limit_pages(&self, full: bool) {
        let pages: u32 = self
            .db
            .query_row("PRAGMA page_count", [], |row| row.get(0))
            .unwrap();
        let most = if full { pages } else { u32::MAX - 1 };
        self.db
            .query_row(&format!("PRAGMA max_page_count = {most}"), [], |_| Ok(()))
            .unwrap();
    }
}
