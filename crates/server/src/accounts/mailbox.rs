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

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use uuid::Uuid;

    use super::*;
    use crate::store::Position;

    fn read_entry(position: u64) -> Live {
        entry(position, What::Read(Vec::new()), false)
    }

    fn entry(position: u64, what: What, ring: bool) -> Live {
        let entry = Entry {
            position: Position(position),
            what,
        };
        Live::Entry {
            entry: Arc::new(entry),
            ring,
        }
    }

    fn ringing_message(position: u64) -> Live {
        let message = serde_json::from_value(serde_json::json!({
            "id": id(position),
            "publisher": { "id": "app-0000000000000001", "name": "Tests" },
            "created_at": "1970-01-01T00:00:00Z",
        }))
        .unwrap();
        entry(position, What::Message(Box::new(message)), true)
    }

    fn id(number: u64) -> MessageId {
        MessageId(Uuid::from_u64_pair(0, number))
    }

    fn alert(number: u64) -> Live {
        Live::Alert {
            ids: vec![id(number)],
            style: AlertStyle::Each,
            why: AlertWhy::Handover,
        }
    }

    /// What is there without waiting, in few words.
    fn next(mailbox: &Mailbox, live: bool) -> Option<String> {
        mailbox
            .next(live)
            .now_or_never()
            .map(|signal| match signal {
                Signal::End(code) => format!("end {}", code as u16),
                Signal::Verify => "verify".to_owned(),
                Signal::Lagged => "lagged".to_owned(),
                Signal::Live(Live::Entry { entry, ring }) => {
                    format!("entry {} {ring}", entry.position.0)
                }
                Signal::Live(Live::Alert { ids, style, .. }) => {
                    let ids: Vec<_> = ids.iter().map(|id| id.0.as_u64_pair().1).collect();
                    format!("alert {ids:?} {style:?}")
                }
            })
    }

    fn all(mailbox: &Mailbox) -> Vec<String> {
        core::iter::from_fn(|| next(mailbox, true)).collect()
    }

    #[test]
    fn first_in_first_out_and_only_while_live() {
        let mailbox = Mailbox::new(3);
        mailbox.put(read_entry(1));
        mailbox.put(alert(1));
        mailbox.put(read_entry(2));
        assert_eq!(next(&mailbox, false), None);
        assert_eq!(
            all(&mailbox),
            ["entry 1 false", "alert [1] Each", "entry 2 false"]
        );
    }

    #[test]
    fn an_overflow_drops_entries_but_neither_alerts_nor_rings() {
        let mailbox = Mailbox::new(3);
        mailbox.put(ringing_message(1));
        mailbox.put(alert(1));
        mailbox.put(read_entry(2));
        mailbox.put(ringing_message(3));
        mailbox.put(read_entry(4));
        mailbox.put(alert(3));
        let expected = [
            "lagged",
            "alert [1] Each",
            "alert [3] Each",
            "alert [1, 3] Summary",
        ];
        assert_eq!(all(&mailbox), expected);
    }

    #[test]
    fn after_lagging_entries_are_kept_again_and_none_before() {
        let mailbox = Mailbox::new(1);
        mailbox.put(read_entry(1));
        mailbox.put(read_entry(2));
        // There would be room, but 2 is missing before it.
        mailbox.put(read_entry(3));
        assert_eq!(next(&mailbox, true).as_deref(), Some("lagged"));
        mailbox.put(read_entry(4));
        assert_eq!(all(&mailbox), ["entry 4 false"]);
    }

    #[test]
    fn too_many_alerts_end_the_stream() {
        let mailbox = Mailbox::new(2);
        for number in 0..5 {
            mailbox.put(alert(number));
        }
        assert_eq!(next(&mailbox, false).as_deref(), Some("end 1013"));
    }

    #[test]
    fn the_end_comes_first_and_its_first_reason_stays() {
        let mailbox = Mailbox::new(2);
        mailbox.put(read_entry(1));
        mailbox.verify();
        assert_eq!(next(&mailbox, false).as_deref(), Some("verify"));
        mailbox.end(CloseCode::Revoked);
        mailbox.end(CloseCode::Restarting);
        assert_eq!(next(&mailbox, true).as_deref(), Some("end 4403"));
    }

    #[tokio::test]
    async fn who_waits_is_woken() {
        let mailbox = Arc::new(Mailbox::new(2));
        let waiting = tokio::spawn({
            let mailbox = Arc::clone(&mailbox);
            async move { mailbox.next(true).await }
        });
        tokio::task::yield_now().await;
        mailbox.put(read_entry(1));
        assert!(matches!(waiting.await.unwrap(), Signal::Live(_)));
    }
}
