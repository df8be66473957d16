//! The store in one SQLite database: no other process, one folder.

mod access;
mod accounts;
mod archive;
mod attachments;
mod backup;
mod checkpoint;
mod content;
mod events;
mod health;
mod log;
mod pages;
mod people;
mod places;
mod presence;
mod publish;
mod publishers;
mod push;
mod readers;
mod receivers;
mod release;
mod restore;
mod rows;
mod scheduled;
mod schema;
mod sessions;
mod states;
mod templates;
#[cfg(test)]
mod tests;
mod topics;
mod trace;
mod unseen;
mod upkeep;
mod webhooks;
mod withdrawals;
mod writer;

use std::io;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use hither_protocol::{AccountName, DeviceId, Message, MessageId, PublisherId, Timestamp};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tokio::sync::mpsc;

pub use self::archive::ArchiveError;
pub use self::backup::check;
use self::places::Shelf;
pub use self::presence::is_there;
use self::readers::Readers;
pub use self::restore::{RestoreError, RestoreReport, restore};
use self::writer::Writer;
use super::folder::private_file;
use super::{
    ADMINISTRATION, AccountRecord, ClientId, Clock, Committed, Cursors, DataFolder, Epoch,
    Identity, Measures, NewMessage, NewSession, Page, Pending, Position, Reader, SecretHash, Store,
    StoreError, Stored, Unseen,
};
use crate::attachments::Files;

/// What the database is called in a data folder, and in a backup.
const DATABASE: &str = "hither.db";
/// The same of the folder with the files beside messages.
const ATTACHMENTS: &str = "attachments";
/// How long a commit may wait for the end of a checkpoint.
const PATIENCE: Duration = Duration::from_secs(30);
/// An expiry slides at most so often.
const SLIDE_EVERY_MS: i64 = 24 * 60 * 60 * 1000;

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Use the newer program, or restore a backup made before it ran.
    #[error(
        "the database was written by a newer version (schema {found}, this one knows {known}); \
         run that version or a later one"
    )]
    Newer {
        /// Migrations that were applied.
        found: usize,
        /// Migrations this version knows.
        known: usize,
    },
    /// Restore a backup.
    #[error(
        "the database is empty or missing, and files of a store lie beside it; restore a backup, \
         or move the folder attachments away to begin anew"
    )]
    Lost,
    /// Put the data on a local disk.
    #[error("this disk does not support SQLite's write-ahead log; put the data on a local disk")]
    NoWriteAheadLog,
    /// Look at the folder's disk and permissions.
    #[error("cannot open the database: {0}")]
    Io(#[from] io::Error),
    /// Look at the disk; restore a backup where the file is damaged.
    #[error("cannot open the database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// Look at the store's own words.
    #[error("cannot open the database: {0}")]
    Store(#[from] StoreError),
    /// The system has no randomness to give.
    #[error("no random numbers: {0}")]
    Random(String),
}

/// The embedded store. Dropping it finishes what is queued.
pub struct SqliteStore {
    clock: Clock,
    cursors: Cursors,
    files: Arc<Files>,
    /// How many readers stay for long.
    long_reads: Arc<AtomicUsize>,
    /// Set when they are to end.
    stop: backup::Stop,
    news: Mutex<Option<mpsc::UnboundedReceiver<Committed>>>,
    readers: Arc<Readers>,
    writer: Writer,
    measures: Measures,
    threads: Mutex<Vec<JoinHandle<()>>>,
    // Last, so that nobody else gets the folder before everything above is closed.
    folder: DataFolder,
}

impl SqliteStore {
    /// Opens the database of a folder, or makes it.
    pub fn open(folder: DataFolder, clock: Clock) -> Result<Self, OpenError> {
        let path = folder.path().join(DATABASE);
        if presence::lost(folder.path())? {
            return Err(OpenError::Lost);
        }
        restore::clear(folder.path())?;
        private_file(&path)?;
        let mut conn = Connection::open(&path)?;
        prepare(&conn)?;
        schema::migrate(&mut conn)?;
        let cursors = life(&conn)?;
        let files = Arc::new(Files::open(folder.path().join(ATTACHMENTS))?);

        let checkpoints = Connection::open(&path)?;
        checkpoints.busy_timeout(PATIENCE)?;
        let measures = Measures::default();
        let (committed, commits) = sync_channel(1);
        let long_reads = Arc::<AtomicUsize>::default();
        let checkpoints = checkpoint::start(checkpoints, commits, Arc::clone(&long_reads))?;
        let (sender, news) = mpsc::unbounded_channel();
        let (writer, thread) = Writer::start(
            conn,
            Arc::clone(&clock),
            sender,
            committed,
            measures.clone(),
        )?;
        Ok(Self {
            clock,
            cursors,
            files,
            long_reads,
            stop: backup::Stop::default(),
            news: Mutex::new(Some(news)),
            readers: Readers::new(path),
            writer,
            measures,
            threads: Mutex::new(vec![thread, checkpoints]),
            folder,
        })
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Waits for what is queued; again, it does nothing.
    fn stop(&self) -> Vec<JoinHandle<()>> {
        self.writer.close();
        self.readers.close();
        std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn prepare(conn: &Connection) -> Result<(), OpenError> {
    conn.busy_timeout(PATIENCE)?;
    conn.set_prepared_statement_cache_capacity(64);
    let mode: String = conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(OpenError::NoWriteAheadLog);
    }
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    keep_plans(conn)?;
    Ok(())
}

/// A statement is planned once. By default SQLite plans one anew for each value that might let it
/// use a partial index, which takes many times as long as running it.
fn keep_plans(conn: &Connection) -> rusqlite::Result<()> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn life(conn: &Connection) -> Result<Cursors, OpenError> {
    let (epoch, key) = conn.query_row("SELECT epoch, cursor_key FROM meta", [], |row| {
        Ok((Epoch(row.get::<_, i64>(0)?.cast_unsigned()), row.get(1)?))
    })?;
    Ok(Cursors::new(epoch, key))
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        join(self.stop());
    }
}

fn join(threads: Vec<JoinHandle<()>>) {
    for thread in threads {
        if thread.join().is_err() {
            tracing::error!("a thread of the store panicked");
        }
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn cursors(&self) -> Cursors {
        self.cursors.clone()
    }

    fn commits(&self) -> Option<mpsc::UnboundedReceiver<Committed>> {
        self.news
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    async fn add_account(&self, account: AccountRecord) -> Result<(), StoreError> {
        self.writer
            .write(move |tx| accounts::add_account(tx, &account))
            .await
    }

    async fn account(&self, name: &AccountName) -> Result<Option<AccountRecord>, StoreError> {
        let name = name.clone();
        self.readers
            .read(move |conn| accounts::account(conn, &name))
            .await
    }

    async fn accounts(&self) -> Result<Vec<AccountRecord>, StoreError> {
        self.readers.read(accounts::accounts).await
    }

    async fn set_password(&self, name: &AccountName, phc: String) -> Result<(), StoreError> {
        let name = name.clone();
        self.writer
            .write(move |tx| accounts::set_password(tx, &name, &phc))
            .await
    }

    async fn renew_password_hash(
        &self,
        name: &AccountName,
        old: String,
        new: String,
    ) -> Result<(), StoreError> {
        let name = name.clone();
        self.writer
            .write(move |tx| accounts::renew_password_hash(tx, &name, &old, &new))
            .await
    }

    async fn set_account_disabled(
        &self,
        name: &AccountName,
        disabled: bool,
    ) -> Result<(), StoreError> {
        let name = name.clone();
        self.writer
            .write(move |tx| accounts::set_account_disabled(tx, &name, disabled))
            .await
    }

    async fn remove_account(&self, name: &AccountName) -> Result<(), StoreError> {
        let name = name.clone();
        self.writer
            .write(move |tx| accounts::remove_account(tx, &name))
            .await
    }

    async fn create_session(&self, session: NewSession) -> Result<Identity, StoreError> {
        self.writer
            .write(move |tx| sessions::create(tx, session))
            .await
    }

    async fn identify(
        &self,
        token: &SecretHash,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Option<Identity>, StoreError> {
        let token = *token;
        let found = self
            .readers
            .read(move |conn| sessions::identify(conn, &token, now))
            .await?;
        let Some(mut identity) = found else {
            return Ok(None);
        };
        identity.acked = identity.acked.max(self.writer.fresh_ack(identity.client));
        let later = expires_at.as_millisecond() - identity.expires_at.as_millisecond();
        if later >= SLIDE_EVERY_MS && identity.application != ADMINISTRATION {
            identity.expires_at = expires_at;
            self.writer
                .write(move |tx| sessions::slide(tx, &token, expires_at))
                .await?;
        }
        Ok(Some(identity))
    }

    async fn is_revoked(&self, token: &SecretHash, now: Timestamp) -> Result<bool, StoreError> {
        let token = *token;
        self.readers
            .read(move |conn| sessions::is_revoked(conn, &token, now))
            .await
    }

    async fn end_session(&self, client: ClientId) -> Result<(), StoreError> {
        self.writer.write(move |tx| sessions::end(tx, client)).await
    }

    async fn set_version(&self, client: ClientId, version: String) -> Result<(), StoreError> {
        self.writer
            .write(move |tx| sessions::set_version(tx, client, &version))
            .await
    }

    async fn publish(&self, new: NewMessage) -> Result<Stored, StoreError> {
        self.writer.write(move |tx| publish::publish(tx, new)).await
    }

    async fn recall(&self, publisher: &PublisherId, id: MessageId) -> Result<(), StoreError> {
        let publisher = publisher.clone();
        self.writer
            .write(move |tx| withdrawals::recall(tx, &publisher, id))
            .await
    }

    async fn mark_read(
        &self,
        reader: &Reader,
        ids: Vec<MessageId>,
        at: Timestamp,
    ) -> Result<usize, StoreError> {
        let reader = reader.clone();
        self.writer
            .write(move |tx| log::mark_read(tx, &reader, &ids, at))
            .await
    }

    async fn mark_shown(
        &self,
        reader: &Reader,
        device: &DeviceId,
        ids: Vec<MessageId>,
        stays: bool,
        at: Timestamp,
    ) -> Result<usize, StoreError> {
        let (reader, device) = (reader.clone(), device.clone());
        self.writer
            .write(move |tx| log::mark_shown(tx, &reader, &device, &ids, stays, at))
            .await
    }

    async fn record_action(
        &self,
        reader: &Reader,
        device: &DeviceId,
        id: MessageId,
        action: String,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let (reader, device) = (reader.clone(), device.clone());
        self.writer
            .write(move |tx| log::record_action(tx, &reader, &device, id, &action, at))
            .await
    }

    async fn ack(&self, client: ClientId, upto: Position) -> Result<(), StoreError> {
        self.writer.ack(client, upto)
    }

    fn head(&self) -> Position {
        self.writer.head()
    }

    async fn page(
        &self,
        reader: &Reader,
        after: Position,
        since: Option<Timestamp>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let (reader, now) = (reader.clone(), self.now());
        self.readers
            .read(move |conn| {
                let snapshot = conn.unchecked_transaction()?;
                let logs = Shelf::of(&snapshot, &reader)?;
                pages::page(&snapshot, &logs, after, since, limit, now)
            })
            .await
    }

    async fn message(&self, reader: &Reader, id: MessageId) -> Result<Option<Message>, StoreError> {
        let (reader, now) = (reader.clone(), self.now());
        self.readers
            .read(move |conn| pages::message(conn, &reader, id, now))
            .await
    }

    async fn html(&self, reader: &Reader, id: MessageId) -> Result<Option<String>, StoreError> {
        let (reader, now) = (reader.clone(), self.now());
        self.readers
            .read(move |conn| pages::html(conn, &reader, id, now))
            .await
    }

    async fn pending(
        &self,
        account: &AccountName,
        now: Timestamp,
        upto: Position,
    ) -> Result<Vec<Pending>, StoreError> {
        let account = account.clone();
        self.readers
            .read(move |conn| pages::pending(conn, &account, now, upto))
            .await
    }

    async fn unseen(
        &self,
        account: &AccountName,
        now: Timestamp,
    ) -> Result<Vec<Unseen>, StoreError> {
        let account = account.clone();
        self.readers
            .read(move |conn| unseen::unseen(conn, &account, now))
            .await
    }

    async fn close(&self) {
        let threads = self.stop();
        // It cannot fail: `join` does not panic.
        let _ = tokio::task::spawn_blocking(move || join(threads)).await;
    }
}
