//! The streams of this node, by client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hither_protocol::CloseCode;

use crate::accounts::Mailbox;
use crate::store::ClientId;

/// Who is connected here: at most one stream for each client.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    open: Mutex<Open>,
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

    /// These clients' sessions ended; a stream with a newer token of the same client stays.
    pub(crate) fn end_sessions(&self, clients: &[ClientId]) {
        let mut open = self.lock();
        open.ended += 1;
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
        for mailbox in open.streams.values() {
            mailbox.end(CloseCode::Restarting);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
