//! One decision about one message, and why.

use hither_protocol::{
    AlertWhy, Because, DeviceFact, DeviceId, Instant, MessageId, Outcome, Route, Traced,
};

use super::Router;
use crate::batch::Batch;
use crate::decision::{Decision, decide};
use crate::entry::Entry;
use crate::way::{Via, Way};
use crate::{Accepted, Effect};

impl Router {
    /// Whether a message may ring at all.
    pub(super) fn alerts(&self, message: &Accepted, now: Instant) -> bool {
        let silent = self.choices.plan(message).route == Route::Silent;
        !silent && message.expires.is_none_or(|expires| expires > now)
    }

    pub(super) fn accepted(&mut self, now: Instant, message: Accepted, effects: &mut Vec<Effect>) {
        let id = message.id;
        let mut ring = Vec::new();
        let mut pushes = Batch::default();
        if !self.alerts(&message, now) {
            self.trace(now, id, Outcome::Silent, None, Because::Quieted);
        } else if !self.ledger.contains(id) {
            let mut entry = Entry::new(message, None);
            for way in self.route(now, &mut entry) {
                match way.via {
                    Via::Stream => ring.push(way.device),
                    Via::Push => pushes.add(way, AlertWhy::Waiting, &entry.message),
                }
            }
            self.ledger.put(entry);
        }
        effects.push(Effect::Deliver { id, ring });
        pushes.emit(now, self.timings.summary_after, effects);
    }

    /// Applies the rule to one message and notes the outcome. Returns the ways to alert.
    pub(super) fn route(&mut self, now: Instant, entry: &mut Entry) -> Vec<Way> {
        entry.came_back(self.comebacks);
        let plan = self.choices.plan(&entry.message);
        entry.loudness = Some((plan.priority, plan.route));
        match decide(&self.devices, entry, plan, self.restart_ends.is_some()) {
            Decision::Alert(ways) => return self.alert(now, entry, ways),
            Decision::Hold(why, because) => {
                entry.wanted = entry.wanted.or(Some(why));
                self.trace_wait(now, entry, because);
            }
            Decision::Nobody(because) => {
                entry.wanted = Some(AlertWhy::Waiting);
                entry.retry_later(now, self.timings.retry_after);
                self.trace_wait(now, entry, because);
            }
            Decision::AskAgain => {
                entry.wanted = Some(AlertWhy::NotShown);
                entry.retry_later(now, self.timings.retry_after);
                self.trace_wait(now, entry, Because::NotShown);
            }
            Decision::Enough => entry.is_enough(),
            Decision::Silent => {
                self.finish(entry);
                let id = entry.message.id;
                self.trace(now, id, Outcome::Silent, None, Because::Quieted);
            }
        }
        Vec::new()
    }

    fn alert(&mut self, now: Instant, entry: &mut Entry, ways: Vec<(Way, Because)>) -> Vec<Way> {
        let again = entry.wanted.map(because);
        for (way, first) in &ways {
            let outcome = match way.via {
                Via::Stream => Outcome::Alerted,
                Via::Push => Outcome::Pushed,
            };
            let (id, device) = (entry.message.id, Some(&way.device));
            self.trace(now, id, outcome, device, again.unwrap_or(*first));
        }
        let ways: Vec<_> = ways.into_iter().map(|(way, _)| way).collect();
        entry.alerted(ways.clone(), now + self.timings.shown_within);
        ways
    }

    /// Says once why it waits, however often that is decided anew. A moment's doubt is no new
    /// reason for what waits already.
    fn trace_wait(&mut self, now: Instant, entry: &mut Entry, because: Because) {
        if because == Because::DeviceMayAnswer && entry.waits.is_some() {
            return;
        }
        if entry.waits.replace(because) != Some(because) {
            self.trace(now, entry.message.id, Outcome::Waits, None, because);
        }
    }

    pub(super) fn trace(
        &mut self,
        now: Instant,
        id: MessageId,
        outcome: Outcome,
        device: Option<&DeviceId>,
        because: Because,
    ) {
        let facts = self.facts(now, outcome);
        self.traces.push(Effect::Trace {
            id,
            traced: Box::new(Traced {
                outcome,
                device: device.cloned(),
                because,
                facts,
            }),
        });
    }

    /// Where devices were weighed, what was known about them.
    fn facts(&self, now: Instant, outcome: Outcome) -> Vec<DeviceFact> {
        match outcome {
            Outcome::Alerted | Outcome::Pushed | Outcome::Waits => self.devices.facts(now),
            _ => Vec::new(),
        }
    }
}

/// A reason to ring, as a trace says it.
const fn because(why: AlertWhy) -> Because {
    match why {
        AlertWhy::Handover => Because::Handover,
        AlertWhy::NotShown => Because::NotShown,
        AlertWhy::Waiting => Because::Waiting,
        AlertWhy::PresenceKnown => Because::PresenceKnown,
        AlertWhy::Restarted => Because::Restarted,
        AlertWhy::QuietEnded => Because::QuietEnded,
        AlertWhy::Returned => Because::Returned,
        AlertWhy::Other => Because::Other,
    }
}
