//! The one writer: requests that queue up while the disk works share the next commit.

use std::cell::Cell;
use std::collections::HashMap;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hither_protocol::{DeviceId, Timestamp};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::{log, publish, scheduled, sessions};
use crate::store::{
    Appended, ClientId, Clock, Committed, Entry, Log, Measures, Position, StoreError, What,
};

/// Requests that wait for their commit; more wait at the door.
const QUEUE: usize = 1024;
/// Requests that share one commit.
const BATCH: usize = 512;
/// How long an ack may wait for a commit that comes anyway.
const ACK_DELAY: Duration = Duration::from_secs(1);
/// How often what is outlived is cleared away.
const TIDY_EVERY: Duration = Duration::from_mins(10);

/// The way to the writer's thread.
pub(super) struct Writer {
    orders: Mutex<Option<Sender<Order>>>,
    queue: Arc<Semaphore>,
    state: Arc<State>,
}

/// What the writer's thread shares with those who only ask.
pub(super) struct State {
    head: AtomicU64,
    acks: Mutex<Acks>,
}

/// Acks on their way to the disk, and clients that were only seen.
#[derive(Default)]
struct Acks {
    waiting: HashMap<ClientId, Option<Position>>,
    writing: HashMap<ClientId, Option<Position>>,
}

enum Order {
    Job(Box<dyn Job>),
    /// Acks wait; they may wait a little longer for company.
    Acks,
}

/// A request with the way back to whoever waits for it.
trait Job: Send {
    /// Does the work; an error wants it undone. A panic is an error of this work alone.
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), StoreError>;
    /// Answers, once it is known whether the commit succeeded.
    fn answer(self: Box<Self>, commit: Result<(), StoreError>);
}

struct Request<F, T> {
    work: Option<F>,
    result: Result<T, StoreError>,
    reply: oneshot::Sender<Result<T, StoreError>>,
    _queued: OwnedSemaphorePermit,
}

impl<F, T> Job for Request<F, T>
where
    F: FnOnce(&mut Tx<'_>) -> Result<T, StoreError> + Send,
    T: Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        if let Some(work) = self.work.take() {
            let done = catch_unwind(AssertUnwindSafe(|| work(tx)));
            self.result = done.unwrap_or_else(|_| {
                Err(StoreError::Broken(
                    "a request to the store panicked".to_owned(),
                ))
            });
        }
        self.result.as_ref().map(|_| ()).map_err(Clone::clone)
    }

    fn answer(self: Box<Self>, commit: Result<(), StoreError>) {
        // Whoever asked may have gone; the work is done all the same.
        let _ = self.reply.send(commit.and(self.result));
    }
}

impl Writer {
    /// Starts the thread that owns `conn`. It ends when the writer is closed.
    pub(super) fn start(
        conn: Connection,
        clock: Clock,
        news: mpsc::UnboundedSender<Committed>,
        committed: SyncSender<()>,
        measures: Measures,
    ) -> Result<(Self, JoinHandle<()>), StoreError> {
        let head = log::head(&conn)?;
        let state = Arc::new(State {
            head: AtomicU64::new(head.0),
            acks: Mutex::default(),
        });
        let worker = Worker {
            conn,
            clock,
            news,
            committed,
            measures,
            state: Arc::clone(&state),
            tidied: None,
        };
        let (orders, queue) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || worker.run(&queue))
            .map_err(|error| StoreError::Broken(error.to_string()))?;
        let writer = Self {
            orders: Mutex::new(Some(orders)),
            queue: Arc::new(Semaphore::new(QUEUE)),
            state,
        };
        Ok((writer, thread))
    }

    /// Has `work` done in the next commit; answers after it. An error undoes this work alone.
    /// Work once queued is done even when the caller stops waiting.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = Arc::clone(&self.queue)
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        self.send(Order::Job(Box::new(Request {
            work: Some(work),
            result: Err(StoreError::Closed),
            reply,
            _queued: permit,
        })))?;
        answer
            .await
            .unwrap_or_else(|_| Err(StoreError::Broken("the writer stopped".to_owned())))
    }

    /// Notes an ack; it is written with a commit that comes anyway, or after a moment.
    pub(super) fn ack(&self, client: ClientId, upto: Position) -> Result<(), StoreError> {
        self.note(client, Some(upto))
    }

    /// Notes that a client was there; written as an ack is.
    pub(super) fn seen(&self, client: ClientId) -> Result<(), StoreError> {
        self.note(client, None)
    }

    fn note(&self, client: ClientId, upto: Option<Position>) -> Result<(), StoreError> {
        if self.state.acks().note(client, upto) {
            self.send(Order::Acks)?;
        }
        Ok(())
    }

    /// An ack that the database may not know yet.
    pub(super) fn fresh_ack(&self, client: ClientId) -> Option<Position> {
        self.state.acks().get(client)
    }

    /// The newest committed position.
    pub(super) fn head(&self) -> Position {
        Position(self.state.head.load(Ordering::Acquire))
    }

    /// Requests that wait for their commit.
    pub(super) fn waiting(&self) -> usize {
        QUEUE.saturating_sub(self.queue.available_permits())
    }

    /// Takes no more work; the thread ends after what is queued.
    pub(super) fn close(&self) {
        self.queue.close();
        lock(&self.orders).take();
    }

    fn send(&self, order: Order) -> Result<(), StoreError> {
        let orders = lock(&self.orders);
        let sent = orders.as_ref().map(|orders| orders.send(order));
        match sent {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) => Err(StoreError::Broken("the writer stopped".to_owned())),
            None => Err(StoreError::Closed),
        }
    }
}

impl State {
    fn acks(&self) -> MutexGuard<'_, Acks> {
        lock(&self.acks)
    }
}

impl Acks {
    /// Whether it is the first to wait.
    fn note(&mut self, client: ClientId, upto: Option<Position>) -> bool {
        let first = self.waiting.is_empty();
        let newest = self.waiting.entry(client).or_default();
        *newest = upto.max(*newest);
        first
    }

    fn get(&self, client: ClientId) -> Option<Position> {
        let of = |acks: &HashMap<_, _>| acks.get(&client).copied().flatten();
        of(&self.waiting).max(of(&self.writing))
    }

    fn take(&mut self) -> Vec<(ClientId, Option<Position>)> {
        self.writing = std::mem::take(&mut self.waiting);
        self.writing.iter().map(|(id, upto)| (*id, *upto)).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The writer's thread.
struct Worker {
    conn: Connection,
    clock: Clock,
    news: mpsc::UnboundedSender<Committed>,
    /// Told after each commit, for the checkpoints.
    committed: SyncSender<()>,
    measures: Measures,
    state: Arc<State>,
    /// When outlived rows were last cleared away.
    tidied: Option<Instant>,
}

impl Worker {
    fn run(mut self, queue: &Receiver<Order>) {
        while let Some(jobs) = next_batch(queue) {
            self.commit_and_answer(jobs);
        }
        self.commit_and_answer(Vec::new());
    }

    fn commit_and_answer(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        let begun = Instant::now();
        let outcome = self.commit(&mut jobs);
        let took = begun.elapsed().as_secs_f64();
        self.measures.commit_seconds.observe(took);
        self.state.acks().writing.clear();
        let outcome = outcome.map(|(head, news)| self.publish(head, news));
        if let Err(error) = &outcome {
            self.measures.commits_failed.inc();
            tracing::error!(%error, requests = jobs.len(), "commit failed; nothing of it was stored");
        }
        for job in jobs {
            job.answer(outcome.clone());
        }
    }

    fn commit(
        &mut self,
        jobs: &mut [Box<dyn Job>],
    ) -> Result<(Position, Vec<Committed>), StoreError> {
        let tidy = self.tidied.is_none_or(|last| last.elapsed() >= TIDY_EVERY);
        let acks = self.state.acks().take();
        // Dropped without a commit, it rolls back.
        let transaction = self
            .conn
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let known = Position(self.state.head.load(Ordering::Acquire));
        let mut tx = Tx::new(&transaction, (self.clock)(), known);
        for (client, upto) in acks {
            sessions::write_ack(&mut tx, client, upto)?;
        }
        if tidy {
            publish::forget_old_keys(&tx)?;
            if let Err(error) = scheduled::forget_in_vain(&tx) {
                tracing::warn!(%error, "messages that never came are not forgotten yet");
            }
        }
        for job in jobs {
            tx.attempt(job.as_mut())?;
        }
        if tx.head != known {
            log::set_head(&tx, tx.head)?;
        }
        let Tx { head, news, .. } = tx;
        transaction.commit()?;
        if tidy {
            self.tidied = Some(Instant::now());
        }
        Ok((head, merge(news)))
    }

    /// Makes a commit known, before the writes in it are answered.
    fn publish(&self, head: Position, news: Vec<Committed>) {
        self.state.head.store(head.0, Ordering::Release);
        for item in news {
            // Nobody needs to listen.
            let _ = self.news.send(item);
        }
        // Full means that one notice waits already.
        let _ = self.committed.try_send(());
    }
}

/// Waits for work; `None` after the writer was closed and all is done.
fn next_batch(queue: &Receiver<Order>) -> Option<Vec<Box<dyn Job>>> {
    let first = match queue.recv().ok()? {
        Order::Job(job) => job,
        Order::Acks => match queue.recv_timeout(ACK_DELAY) {
            Ok(Order::Job(job)) => job,
            Ok(Order::Acks) | Err(RecvTimeoutError::Timeout) => return Some(Vec::new()),
            Err(RecvTimeoutError::Disconnected) => return None,
        },
    };
    let others = queue.try_iter().filter_map(Order::job).take(BATCH - 1);
    Some(std::iter::once(first).chain(others).collect())
}

impl Order {
    fn job(self) -> Option<Box<dyn Job>> {
        match self {
            Self::Job(job) => Some(job),
            // Every batch takes all acks along.
            Self::Acks => None,
        }
    }
}

/// The transaction that a batch of requests shares.
pub(super) struct Tx<'c> {
    conn: &'c Connection,
    /// The commit's time, in whole milliseconds as on the wire.
    pub(super) now: Timestamp,
    head: Position,
    news: Vec<Committed>,
    /// Whether anybody wants to be told; looked up when it is first asked.
    has_webhooks: Cell<Option<bool>>,
}

impl<'c> Tx<'c> {
    fn new(conn: &'c Connection, now: Timestamp, head: Position) -> Self {
        Self {
            conn,
            now: whole_ms(now),
            head,
            news: Vec::new(),
            has_webhooks: Cell::new(None),
        }
    }

    /// Whether there are webhooks at all. Most servers have none, and pay one look in each commit.
    pub(super) fn has_webhooks(&self) -> Result<bool, StoreError> {
        if let Some(known) = self.has_webhooks.get() {
            return Ok(known);
        }
        let found = self
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM webhooks)")?
            .query_row([], |row| row.get(0))?;
        self.has_webhooks.set(Some(found));
        Ok(found)
    }

    /// There is one from now on.
    pub(super) fn webhook_came(&self) {
        self.has_webhooks.set(Some(true));
    }

    /// The position of the newest entry so far.
    pub(super) const fn head(&self) -> Position {
        self.head
    }

    /// Gives an entry of these logs its position; open streams learn it after the commit.
    pub(super) fn append(
        &mut self,
        logs: Vec<Log>,
        what: What,
        fleeting: bool,
        not_for: Option<DeviceId>,
    ) -> Position {
        self.head.0 += 1;
        let entry = Arc::new(Entry {
            position: self.head,
            what,
        });
        self.announce(Committed::Entries(vec![Appended {
            logs,
            fleeting,
            not_for,
            entry,
        }]));
        self.head
    }

    /// Open streams learn it after the commit.
    pub(super) fn announce(&mut self, what: Committed) {
        self.news.push(what);
    }

    /// Runs one request; what it did is undone when it fails. The error is the batch's own.
    fn attempt(&mut self, job: &mut dyn Job) -> Result<(), StoreError> {
        self.prepare_cached("SAVEPOINT request")?.execute([])?;
        let (head, news) = (self.head, self.news.len());
        if let Err(error) = job.run(self) {
            if self.is_autocommit() {
                // SQLite itself rolled the whole transaction back; nothing of the batch is left.
                return Err(error);
            }
            self.prepare_cached("ROLLBACK TO request")?.execute([])?;
            self.head = head;
            self.news.truncate(news);
        }
        self.prepare_cached("RELEASE request")?.execute([])?;
        Ok(())
    }
}

impl Deref for Tx<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.conn
    }
}

/// Entries that follow each other travel together.
fn merge(news: Vec<Committed>) -> Vec<Committed> {
    let mut merged: Vec<Committed> = Vec::new();
    for item in news {
        match (merged.last_mut(), item) {
            (Some(Committed::Entries(before)), Committed::Entries(more)) => before.extend(more),
            (_, item) => merged.push(item),
        }
    }
    merged
}

fn whole_ms(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}
