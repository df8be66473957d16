//! Decisions on their way to the store. They are written together after a moment, so that no
//! message waits for its own explanation; a crash may lose the last ones.

use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hither_protocol::{AccountName, MessageId, TraceStep, Traced};
use tokio::sync::Notify;

use super::clock;
use crate::store::{Decided, Store};

/// How long a decision waits for others.
const DELAY: Duration = Duration::from_secs(1);
/// Decisions that wait; where so many do, further ones are lost.
const MAX_WAITING: usize = 20_000;
/// Decisions in one request, so that the writer is soon free for a message.
const AT_ONCE: usize = 256;

/// The decisions of all accounts.
pub(crate) struct Decisions {
    store: Arc<dyn Store>,
    waiting: Mutex<Waiting>,
    /// Told of each decision.
    noted: Notify,
    /// Held while decisions are written, so that they stay in their order.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Waiting {
    decided: VecDeque<Decided>,
    lost: usize,
}

impl Decisions {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            waiting: Mutex::default(),
            noted: Notify::new(),
            writing: tokio::sync::Mutex::default(),
        }
    }

    /// Notes a decision made at this moment.
    pub(crate) fn note(&self, account: &AccountName, id: MessageId, decision: Traced) {
        let mut waiting = self.lock();
        if waiting.decided.len() >= MAX_WAITING {
            waiting.lost += 1;
            return;
        }
        let at = clock::wall();
        waiting.decided.push_back(Decided {
            account: account.clone(),
            id,
            step: TraceStep { at, decision },
        });
        self.noted.notify_one();
    }

    /// Writes what is noted from time to time, forever.
    pub(crate) async fn keep_writing(self: Arc<Self>) {
        loop {
            self.noted.notified().await;
            tokio::time::sleep(DELAY).await;
            self.write().await;
        }
    }

    /// Writes everything noted so far.
    pub(crate) async fn write(&self) {
        let _in_order = self.writing.lock().await;
        let mut left = self.lock().decided.len();
        while left > 0 {
            let some = self.take(left.min(AT_ONCE));
            left -= some.len();
            let steps = some.len();
            if let Err(error) = self.store.add_steps(some).await {
                tracing::warn!(%error, steps, "decisions stay unexplained");
            }
        }
        let lost = core::mem::take(&mut self.lock().lost);
        if lost > 0 {
            tracing::warn!(
                steps = lost,
                "too many decisions at once; some stay unexplained"
            );
        }
    }

    fn take(&self, count: usize) -> Vec<Decided> {
        self.lock().decided.drain(..count).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
