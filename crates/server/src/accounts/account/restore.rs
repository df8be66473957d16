//! What an account takes up again from the store when it is loaded.

use core::time::Duration;

use hither_attention::{Accepted, Event, PoppedUp, Router, Timings, Unsettled};
use hither_protocol::{DeviceId, Instant, PushRegistration, Timestamp};

use super::super::clock::Now;
use super::super::{choices, until_answered};
use super::Account;
use crate::store::{self, Pending, Position, Store, Unseen};

/// The first device comes later than after a start: the one where something popped up before may be
/// on its way, too.
const LATE_GRACE: Duration = Duration::from_secs(10);

impl Account {
    /// Rebuilds the router from what the store knows. Within the grace after a start other
    /// devices may be on their way; later the first one that comes is alerted. What popped up and
    /// nobody is known to have seen counts when this is the `first` time since the start. What was
    /// committed after `followed` comes as an entry.
    pub(crate) async fn restore(
        &mut self,
        store: &dyn Store,
        started: Instant,
        first: bool,
        followed: Position,
    ) {
        self.followed = followed;
        let name = self.name.clone();
        self.subscriptions = until_answered(&name, || store.subscribed(&name)).await;
        let pending =
            until_answered(&name, || store.pending(&name, Timestamp::now(), followed)).await;
        let unseen = if first {
            until_answered(&name, || store.unseen(&name, Timestamp::now())).await
        } else {
            Vec::new()
        };
        let chosen = until_answered(&name, || store.settings(&name)).await;
        self.settings = chosen.unwrap_or_else(|| choices::none(self.base));
        let phones = until_answered(&name, || store.push_registrations(&name)).await;
        self.load(&phones, &pending, &unseen, started);
    }

    /// Whether the router wants to be told again what waits: more did than it remembered.
    pub(crate) const fn wants_recall(&self) -> bool {
        self.recall
    }

    /// Tells it.
    pub(crate) async fn recall(&mut self, store: &dyn Store) {
        let pending = match store
            .pending(&self.name, Timestamp::now(), self.followed)
            .await
        {
            Ok(pending) => pending,
            // Asked again with whatever happens next: nothing else is to wait for it.
            Err(error) => return tracing::warn!(%error, "what waits is not known yet"),
        };
        self.recall = false;
        let now = Now::read();
        let pending = pending.iter().map(|one| unsettled(one, &[], now).message);
        self.route(Event::Recalled(pending.collect()));
    }

    /// The router knows the person's choices and phones before any message.
    fn load(
        &mut self,
        phones: &[(DeviceId, PushRegistration)],
        pending: &[Pending],
        unseen: &[Unseen],
        started: Instant,
    ) {
        let now = Now::read();
        let popped_up = unseen
            .iter()
            .map(|one| unsettled(&one.message, &one.shown, now));
        let grace_ends = started + self.timings.restart_grace;
        let late = now.instant >= grace_ends;
        let restart_grace = if late {
            LATE_GRACE
        } else {
            grace_ends.since(now.instant)
        };
        self.router = Router::new(Timings {
            restart_grace,
            ..self.timings
        });
        self.choose();
        for (device, registration) in phones {
            self.registered(device.clone(), Some(registration.provider()));
        }
        // Later, and with what came after the start, nothing has to be told from a restart.
        let is_old = |one: &&Pending| !late && now.moment(one.created_at) < started;
        let (old, new): (Vec<_>, Vec<_>) = pending.iter().partition(is_old);
        let old = old.into_iter().map(|one| unsettled(one, &[], now));
        let old: Vec<_> = old.chain(popped_up).collect();
        if !old.is_empty() {
            self.router.restore(old, now.instant);
        }
        for message in new {
            let mut delivered_later = Vec::new();
            let event = Event::Accepted(accepted(message, now));
            self.router.handle(now.instant, event, &mut delivered_later);
            self.carry_out(delivered_later);
        }
    }
}

fn unsettled(message: &Pending, shown: &[store::PoppedUp], now: Now) -> Unsettled {
    let shown = shown.iter().map(|one| PoppedUp {
        on: one.on.clone(),
        at: now.moment(one.at),
        stays: one.stays,
    });
    Unsettled {
        message: accepted(message, now),
        shown: shown.collect(),
    }
}

/// A message from before, as the router is told of it.
pub(in crate::accounts) fn accepted(pending: &Pending, now: Now) -> Accepted {
    Accepted {
        id: pending.id,
        publisher: Some(pending.publisher.clone()),
        priority: pending.priority,
        at: now.moment(pending.created_at),
        expires: pending.expires_at.map(|time| now.moment(time)),
        except: pending.not_for.clone(),
        only: None,
    }
}
