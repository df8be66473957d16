use hither_protocol::Instant;

use crate::view::{ConnectionView, PresenceView};
use crate::{Config, Effect, Event, Now, Saved, View};

/// The companion's mind.
#[derive(Debug)]
pub struct Engine {
    view: View,
}

impl Engine {
    /// An engine over what the disk knew. `seed` feeds the jitter.
    #[must_use]
    pub fn new(config: Config, saved: Saved, seed: u64, now: &Now) -> Self {
        let _ = (config, seed, now);
        Self {
            view: View {
                account: None,
                connection: ConnectionView::SignedOut,
                presence: PresenceView {
                    state: hither_protocol::PresenceState::Unknown,
                    reason: None,
                },
                glance: saved.glance,
                paused_until: saved.paused_until,
                notice: None,
                signing_in: false,
            },
        }
    }

    /// Takes in one event and appends what follows from it.
    pub fn handle(&mut self, now: &Now, event: Event, effects: &mut Vec<Effect>) {
        let _ = (now, event, effects);
    }

    /// When to hand in [`Event::WokeUp`] at the latest.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Instant> {
        None
    }

    /// What is shown now.
    #[must_use]
    pub fn view(&self) -> View {
        self.view.clone()
    }
}
