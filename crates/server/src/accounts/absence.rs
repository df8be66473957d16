//! What is decided about messages while no device is there, and no account is loaded to note it.

use hither_attention::{Effect, Event, Router, Timings};
use hither_protocol::{Because, Message, Outcome, Settings, TraceStep, Traced};

use super::account::accepted;
use super::choices;
use super::clock::Now;
use crate::store::Pending;

/// What the rule says of a message that nobody was alerted for, as things were when it came, by the
/// choices that the person has now.
pub(super) fn of_everyone(
    message: &Pending,
    settings: &Settings,
    timings: Timings,
) -> Vec<TraceStep> {
    let came_at = message.created_at;
    let message = accepted(message, Now::read());
    let at = message.at;
    let mut router = Router::new(timings);
    let mut effects = Vec::new();
    for event in [
        choices::chosen(settings),
        choices::wall_clock(settings, came_at),
        Event::Accepted(message),
    ] {
        router.handle(at, event, &mut effects);
    }
    let traced = effects.into_iter().filter_map(|effect| match effect {
        Effect::Trace { traced, .. } => Some(*traced),
        _ => None,
    });
    traced
        .map(|decision| TraceStep {
            at: came_at,
            decision,
        })
        .collect()
}

/// What is for one client alone waits for nobody else, and does not ring when that comes.
pub(super) fn of_client(message: &Message) -> TraceStep {
    TraceStep {
        at: message.created_at,
        decision: Traced {
            outcome: Outcome::Silent,
            device: None,
            because: Because::NobodyReachable,
            facts: Vec::new(),
        },
    }
}
