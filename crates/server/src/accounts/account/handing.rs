//! Entries on their way to the account's open streams.

use std::sync::Arc;

use hither_protocol::{
    Because, DeviceId, FirstAlert, Message, MessageId, Outcome, Priority, Traced,
};

use super::{Account, announced};
use crate::accounts::clock::Now;
use crate::accounts::{Live, Stream, choices};
use crate::store::{Appended, Entry, Log, What};

impl Account {
    /// Hands an entry of the account's own to its inboxes, and to whom it is addressed besides:
    /// what rings, and what the `others` are told.
    pub(super) fn hand_out(&self, appended: &Appended, others: FirstAlert, ring: &[DeviceId]) {
        let Appended { logs, entry, .. } = appended;
        for (_, stream) in &self.streams {
            if appended.not_for.as_ref() == Some(&stream.device) {
                continue;
            }
            let inbox = stream.is_inbox();
            if inbox || stream.is_addressed(logs) {
                let rings = inbox && ring.contains(&stream.device);
                stream.mailbox.put(Live::Entry {
                    entry: Arc::clone(entry),
                    alert: if rings { FirstAlert::Now } else { others },
                });
            }
        }
    }

    /// Hands an entry to the clients it is addressed to. Where it is an inbox, it rings there and
    /// nowhere else, if the person's choices let it and they may be there.
    pub(super) fn hand_to_clients(&self, entry: &Arc<Entry>, logs: &[Log]) {
        for (_, stream) in &self.streams {
            if !stream.is_addressed(logs) {
                continue;
            }
            let alert = match &entry.what {
                What::Message(message) if stream.is_inbox() => {
                    let (rings, why) = self.alone(message, stream);
                    self.note_alone(message.id, &stream.device, rings, why);
                    rings
                }
                What::Message(_) | What::Read(_) | What::Withdraw(..) => FirstAlert::Silent,
            };
            let entry = Arc::clone(entry);
            stream.mailbox.put(Live::Entry { entry, alert });
        }
    }

    /// Whether a message for one client alone rings there, and why. Where it is known that nobody is
    /// at its desktop, it comes silently like what is for all of them.
    fn alone(&self, message: &Message, stream: &Stream) -> (FirstAlert, Because) {
        if self.router.may_ring(&announced(message, Now::read())) {
            if self.router.is_away(&stream.device) && message.priority < Priority::Urgent {
                return (FirstAlert::Silent, Because::NobodyAtADesktop);
            }
            return (FirstAlert::Now, Because::Addressed);
        }
        match choices::silently(&self.settings, message) {
            FirstAlert::Never => (FirstAlert::Never, Because::Quieted),
            silent => (silent, Because::Quiet),
        }
    }

    fn note_alone(&self, id: MessageId, device: &DeviceId, rings: FirstAlert, because: Because) {
        let decision = Traced {
            outcome: if rings == FirstAlert::Now {
                Outcome::Alerted
            } else {
                Outcome::Silent
            },
            device: Some(device.clone()),
            because,
            facts: Vec::new(),
        };
        self.decisions.note(&self.name, id, decision);
    }
}
