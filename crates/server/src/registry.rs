//! The streams of this node, by client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hither_protocol::CloseCode;
use tokio::sync::watch;

use crate::accounts::Mailbox;
use crate::store::ClientId;

/// Who is connected here: at most one stream for each client.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    open: Mutex<Open>,
    /// Whether the server stops; said again whenever somebody may have lost a right.
    news: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Open {
    streams: HashMap<ClientId, Arc<Mailbox>>,
    /// How many sessions ended since the start.
    ended: u64,
    closing: bool,
}

impl Registry {
    /// Takes a stream in and ends the client's older one. The stream must look its token up again
    /// when `ended_before`, read before it was looked up first, is no longer what [`Self::ended`]
    /// says: its session may be among the ended ones.
    pub(crate) fn register(&self, client: ClientId, mailbox: &Arc<Mailbox>, ended_before: u64) {
        let mut open = self.lock();
        if open.closing {
            mailbox.end(CloseCode::Restarting);
        }
        if open.ended != ended_before {
            mailbox.verify();
        }
        if let Some(older) = open.streams.insert(client, Arc::clone(mailbox)) {
            older.end(CloseCode::Replaced);
        }
    }

    /// Forgets a stream, unless a newer one of the same client took its place.
    pub(crate) fn unregister(&self, client: ClientId, mailbox: &Arc<Mailbox>) {
        let mut open = self.lock();
        if open
            .streams
            .get(&client)
            .is_some_and(|present| Arc::ptr_eq(present, mailbox))
        {
            open.streams.remove(&client);
        }
    }

    /// How many sessions ended since the start.
    pub(crate) fn ended(&self) -> u64 {
        self.lock().ended
    }

    /// Whoever reads without a stream of its own looks its rights up again at each change, and
    /// ends when this says that the server stops.
    pub(crate) fn news(&self) -> watch::Receiver<bool> {
        self.news.subscribe()
    }

    /// Somebody may have lost a right.
    pub(crate) fn rights_changed(&self) {
        self.news.send_modify(|_| {});
    }

    /// These clients' sessions ended; a stream with a newer token of the same client stays.
    pub(crate) fn end_sessions(&self, clients: &[ClientId]) {
        let mut open = self.lock();
        open.ended += 1;
        self.rights_changed();
        for client in clients {
            if let Some(mailbox) = open.streams.get(client) {
                mailbox.verify();
            }
        }
    }

    /// Ends every stream, also those that come later.
    pub(crate) fn close(&self) {
        let mut open = self.lock();
        open.closing = true;
        self.news.send_replace(true);
        for mailbox in open.streams.values() {
            mailbox.end(CloseCode::Restarting);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::accounts::Signal;

    const ADA: ClientId = ClientId(1);

    fn mailbox() -> Arc<Mailbox> {
        Arc::new(Mailbox::new(4))
    }

    fn signal(mailbox: &Mailbox) -> Option<Signal> {
        mailbox.next(false).now_or_never()
    }

    #[test]
    fn a_newer_stream_takes_the_place_of_the_older() {
        let registry = Registry::default();
        let (older, newer) = (mailbox(), mailbox());
        registry.register(ADA, &older, 0);
        registry.register(ADA, &newer, 0);
        assert!(matches!(
            signal(&older),
            Some(Signal::End(CloseCode::Replaced))
        ));
        registry.unregister(ADA, &older);
        registry.end_sessions(&[ADA]);
        assert!(matches!(signal(&newer), Some(Signal::Verify)));
        registry.unregister(ADA, &newer);
        registry.end_sessions(&[ADA]);
        assert!(signal(&newer).is_none());
    }

    #[test]
    fn a_session_that_ended_before_its_stream_was_known_is_looked_up_again() {
        let registry = Registry::default();
        let before = registry.ended();
        registry.end_sessions(&[ADA]);
        let stream = mailbox();
        registry.register(ADA, &stream, before);
        assert!(matches!(signal(&stream), Some(Signal::Verify)));
        let other = mailbox();
        registry.register(ClientId(2), &other, registry.ended());
        assert!(signal(&other).is_none());
    }

    #[test]
    fn closing_ends_streams_that_are_there_and_that_come() {
        let registry = Registry::default();
        let (there, comes) = (mailbox(), mailbox());
        registry.register(ADA, &there, 0);
        registry.close();
        registry.register(ClientId(2), &comes, 0);
        for mailbox in [there, comes] {
            assert!(matches!(
                signal(&mailbox),
                Some(Signal::End(CloseCode::Restarting))
            ));
        }
    }
}
