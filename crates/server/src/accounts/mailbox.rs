//! What waits for one stream: bounded, so that a slow reader costs no more than this.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hither_protocol::{AlertStyle, AlertWhy, CloseCode, MessageId};
use tokio::sync::Notify;

use crate::store::{Entry, What};

/// Something that just happened and that an open stream is told.
#[derive(Clone, Debug)]
pub(crate) enum Live {
    /// A log entry, and whether this device rings for it.
    Entry { entry: Arc<Entry>, ring: bool },
    /// Ring for messages already delivered.
    Alert {
        ids: Vec<MessageId>,
        style: AlertStyle,
        why: AlertWhy,
    },
}

/// What a stream's task finds in its mailbox.
#[derive(Debug)]
pub(crate) enum Signal {
    /// End the stream.
    End(CloseCode),
    /// Look the access token up again; it may be dead.
    Verify,
    /// Entries were dropped: read on from the store. What comes later is kept again.
    Lagged,
    /// The next in line.
    Live(Live),
}

/// The waiting line of one stream. Many put in, one takes out.
#[derive(Debug)]
pub(crate) struct Mailbox {
    inner: Mutex<Inner>,
    changed: Notify,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: VecDeque<Live>,
    /// Entries were dropped; those that should have rung are named.
    lagged: Option<Vec<MessageId>>,
    verify: bool,
    end: Option<CloseCode>,
}

impl Mailbox {
    /// A mailbox for so many entries.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            inner: Mutex::default(),
            changed: Notify::new(),
            capacity,
        }
    }

    /// Puts something in. On overflow the waiting entries go, and the stream learns that it lags.
    pub(crate) fn put(&self, live: Live) {
        let mut inner = self.lock();
        match live {
            Live::Entry { entry, ring } => inner.put_entry(entry, ring, self.capacity),
            alert @ Live::Alert { .. } if inner.waiting.len() < 2 * self.capacity => {
                inner.waiting.push_back(alert);
            }
            Live::Alert { .. } => inner.end = inner.end.or(Some(CloseCode::TooSlow)),
        }
        drop(inner);
        self.changed.notify_one();
    }

    /// Asks the stream to look its access token up again.
    pub(crate) fn verify(&self) {
        self.lock().verify = true;
        self.changed.notify_one();
    }

    /// Asks the stream to end. The first reason stays.
    pub(crate) fn end(&self, code: CloseCode) {
        let mut inner = self.lock();
        inner.end = inner.end.or(Some(code));
        drop(inner);
        self.changed.notify_one();
    }

    /// Waits for the next signal; log entries and alerts only while `live`. May be dropped and
    /// called again without losing anything.
    pub(crate) async fn next(&self, live: bool) -> Signal {
        loop {
            let changed = self.changed.notified();
            if let Some(signal) = self.lock().take(live) {
                return signal;
            }
            changed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn put_entry(&mut self, entry: Arc<Entry>, ring: bool, capacity: usize) {
        if self.lagged.is_none() && self.waiting.len() < capacity {
            return self.waiting.push_back(Live::Entry { entry, ring });
        }
        let mut rings = self.lagged.take().unwrap_or_else(|| self.drop_entries());
        rings.extend(ringing(&entry, ring));
        self.lagged = Some(rings);
    }

    /// Drops the waiting entries, which the store has as well; names those that ring.
    fn drop_entries(&mut self) -> Vec<MessageId> {
        let mut rings = Vec::new();
        self.waiting.retain(|live| match live {
            Live::Entry { entry, ring } => {
                rings.extend(ringing(entry, *ring));
                false
            }
            Live::Alert { .. } => true,
        });
        rings
    }

    fn take(&mut self, live: bool) -> Option<Signal> {
        if let Some(code) = self.end {
            return Some(Signal::End(code));
        }
        if core::mem::take(&mut self.verify) {
            return Some(Signal::Verify);
        }
        if !live {
            return None;
        }
        if let Some(rings) = self.lagged.take() {
            self.waiting.extend(alert_for(rings));
            return Some(Signal::Lagged);
        }
        self.waiting.pop_front().map(Signal::Live)
    }
}

fn ringing(entry: &Entry, ring: bool) -> Option<MessageId> {
    match &entry.what {
        What::Message(message) if ring => Some(message.id),
        _ => None,
    }
}

fn alert_for(ids: Vec<MessageId>) -> Option<Live> {
    let style = match ids.len() {
        0 => return None,
        1 => AlertStyle::Each,
        _ => AlertStyle::Summary,
    };
    Some(Live::Alert {
        ids,
        style,
        why: AlertWhy::Waiting,
    })
}
