use hither_protocol::Instant;

use crate::{Accepted, Effect, Event, Timings};

/// One account's router.
#[derive(Debug)]
pub struct Router {}

impl Router {
    /// A router for an account with nothing pending.
    #[must_use]
    pub fn new(timings: Timings) -> Self {
        let _ = timings;
        Self {}
    }

    /// A router rebuilt from the store after a restart: `pending` are the unread, unexpired
    /// messages that no device said `shown` for, oldest first.
    #[must_use]
    pub fn restored(timings: Timings, pending: Vec<Accepted>, now: Instant) -> Self {
        let _ = (pending, now);
        Self::new(timings)
    }

    /// Takes in one event at `now` and appends what follows from it. `now` never goes back.
    pub fn handle(&mut self, now: Instant, event: Event, effects: &mut Vec<Effect>) {
        let _ = (now, event, effects);
    }

    /// When to hand in [`Event::WokeUp`] at the latest; `None` while nothing is waiting.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Instant> {
        None
    }

    /// Whether the account's router may be unloaded: no device, no message to watch.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        true
    }
}
