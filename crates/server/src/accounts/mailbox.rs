//! What waits for one stream: bounded, so that a slow reader costs no more than this.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hither_protocol::{AlertStyle, AlertWhy, CloseCode, FirstAlert, Instant, MessageId, Policy};
use tokio::sync::Notify;

use crate::store::{Entry, What};

/// Something that just happened and that an open stream is told.
#[derive(Clone, Debug)]
pub(crate) enum Live {
    /// A log entry, and whether this device rings for it, where it is a message.
    Entry {
        entry: Arc<Entry>,
        alert: FirstAlert,
    },
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
    /// The account's timings changed.
    Policy(Policy),
    /// Find out whether what the client says from now on is said after this.
    Probe,
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
    /// Since when the client owes an ack, in milliseconds of the clock; 0 while it owes none.
    owing_since: AtomicU64,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: VecDeque<Live>,
    /// Entries were dropped; those that should have rung are named.
    lagged: Option<Vec<MessageId>>,
    verify: bool,
    probe: bool,
    /// The newest one that was not taken yet.
    policy: Option<Policy>,
    end: Option<CloseCode>,
}

impl Mailbox {
    /// A mailbox for so many entries.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            inner: Mutex::default(),
            changed: Notify::new(),
            capacity,
            owing_since: AtomicU64::new(0),
        }
    }

    /// Puts something in. On overflow the waiting entries go, and the stream learns that it lags.
    pub(crate) fn put(&self, live: Live) {
        let mut inner = self.lock();
        match live {
            Live::Entry { entry, alert } => inner.put_entry(entry, alert, self.capacity),
            alert @ Live::Alert { .. } if inner.waiting.len() < 2 * self.capacity => {
                inner.waiting.push_back(alert);
            }
            Live::Alert { .. } => inner.end = inner.end.or(Some(CloseCode::TooSlow)),
        }
        drop(inner);
        self.changed.notify_one();
    }

    /// Notes since when the client owes an ack.
    pub(crate) fn set_owing_since(&self, since: Option<Instant>) {
        let since = since.map_or(0, |since| {
            since.since(Instant::default()).as_millis().max(1)
        });
        let since = u64::try_from(since).unwrap_or(u64::MAX);
        self.owing_since.store(since, Ordering::Relaxed);
    }

    /// Since when the client owes an ack.
    pub(crate) fn owing_since(&self) -> Option<Instant> {
        let since = self.owing_since.load(Ordering::Relaxed);
        (since > 0).then(|| Instant::from_zero(Duration::from_millis(since)))
    }

    /// Asks the stream to look its access token up again.
    pub(crate) fn verify(&self) {
        self.lock().verify = true;
        self.changed.notify_one();
    }

    /// Asks the stream to probe its client.
    pub(crate) fn probe(&self) {
        self.lock().probe = true;
        self.changed.notify_one();
    }

    /// Tells the stream the account's new timings.
    pub(crate) fn policy(&self, policy: Policy) {
        self.lock().policy = Some(policy);
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
    fn put_entry(&mut self, entry: Arc<Entry>, alert: FirstAlert, capacity: usize) {
        if self.lagged.is_none() && self.waiting.len() < capacity {
            return self.waiting.push_back(Live::Entry { entry, alert });
        }
        let mut rings = self.lagged.take().unwrap_or_else(|| self.drop_entries());
        rings.extend(ringing(&entry, alert));
        self.lagged = Some(rings);
    }

    /// Drops the waiting entries, which the store has as well; names those that ring.
    fn drop_entries(&mut self) -> Vec<MessageId> {
        let mut rings = Vec::new();
        self.waiting.retain(|live| match live {
            Live::Entry { entry, alert } => {
                rings.extend(ringing(entry, *alert));
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
        if core::mem::take(&mut self.probe) {
            return Some(Signal::Probe);
        }
        if let Some(policy) = self.policy.take() {
            return Some(Signal::Policy(policy));
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

fn ringing(entry: &Entry, alert: FirstAlert) -> Option<MessageId> {
    match &entry.what {
        What::Message(message) if alert == FirstAlert::Now => Some(message.id),
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
        entry(position, What::Read(Vec::new()), FirstAlert::Silent)
    }

    fn entry(position: u64, what: What, alert: FirstAlert) -> Live {
        let entry = Entry {
            position: Position(position),
            what,
        };
        Live::Entry {
            entry: Arc::new(entry),
            alert,
        }
    }

    fn ringing_message(position: u64) -> Live {
        let message = serde_json::from_value(serde_json::json!({
            "id": id(position),
            "publisher": { "id": "app-0000000000000001", "name": "Tests" },
            "created_at": "1970-01-01T00:00:00Z",
        }))
        .unwrap();
        entry(position, What::Message(Arc::new(message)), FirstAlert::Now)
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
                Signal::Probe => "probe".to_owned(),
                Signal::Policy(policy) => format!("policy {}", policy.idle_after_ms),
                Signal::Lagged => "lagged".to_owned(),
                Signal::Live(Live::Entry { entry, alert }) => {
                    format!("entry {} {}", entry.position.0, alert == FirstAlert::Now)
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
