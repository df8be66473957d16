//! What was handed to the history and not answered yet, in order, and what must be tried again.

use core::time::Duration;
use std::collections::VecDeque;

use hither_protocol::{Cursor, Instant, MessageId};

use crate::{Effect, StoreOp};

/// Between two tries to write what failed.
const RETRY: Duration = Duration::from_secs(10);

/// Store operations between their effect and their outcome.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    pending: VecDeque<Pending>,
    unsaved: Vec<StoreOp>,
    retry: Option<Instant>,
}

/// What an outcome will be about.
#[derive(Debug)]
pub(crate) enum Pending {
    /// An entry of the server's log: comes again when it fails.
    Log {
        /// How far the log is stored with it.
        cursor: Cursor,
        /// The connection it came over.
        session: u64,
        /// What it takes back.
        takes_back: Vec<MessageId>,
    },
    /// Decided here: kept and tried again when it fails.
    Own(StoreOp),
    /// Of an account that has left: its outcome means nothing any more.
    Void,
}

impl Journal {
    /// Notes the store operations among the effects from `start` on. While writing fails, those
    /// decided here are held back; the next try, or the next log entry, takes them along first.
    pub(crate) fn record(
        &mut self,
        now: Instant,
        session: u64,
        effects: &mut Vec<Effect>,
        start: usize,
    ) {
        let round = effects.split_off(start);
        if self.retry.is_some_and(|at| now >= at) || round.iter().any(is_log) {
            self.retry = None;
            for op in core::mem::take(&mut self.unsaved) {
                self.hand_over(op, session, effects);
            }
        }
        for effect in round {
            match effect {
                Effect::Store(op) if self.retry.is_some() => self.unsaved.push(op),
                Effect::Store(op) => self.hand_over(op, session, effects),
                other => effects.push(other),
            }
        }
    }

    fn hand_over(&mut self, op: StoreOp, session: u64, effects: &mut Vec<Effect>) {
        self.pending.push_back(Pending::of(&op, session));
        effects.push(Effect::Store(op));
    }

    /// The oldest operation without an outcome.
    pub(crate) fn next(&mut self) -> Option<Pending> {
        self.pending.pop_front()
    }

    /// Nothing that was handed over happened. Whether log entries were lost with it.
    pub(crate) fn failed(&mut self, now: Instant) -> bool {
        let mut lost_log = false;
        let mut again = Vec::new();
        for pending in self.pending.drain(..) {
            match pending {
                Pending::Log { .. } => lost_log = true,
                Pending::Own(op) => again.push(op),
                Pending::Void => {}
            }
        }
        again.append(&mut self.unsaved);
        self.unsaved = again;
        self.retry = (!self.unsaved.is_empty()).then(|| now + RETRY);
        lost_log
    }

    /// The account leaves: what it still had under way means nothing any more.
    pub(crate) fn disown(&mut self) {
        for pending in &mut self.pending {
            if !matches!(pending, Pending::Own(op) if outlives_account(op)) {
                *pending = Pending::Void;
            }
        }
        self.unsaved.retain(outlives_account);
    }

    /// Whether an operation on its way, or decided in this round, reads or withdraws this message.
    pub(crate) fn takes_back(&self, id: MessageId, round: &[Effect]) -> bool {
        let reads = |op: &StoreOp| matches!(op, StoreOp::MarkRead { ids, .. } if ids.contains(&id));
        let in_round = |effect: &Effect| matches!(effect, Effect::Store(op) if reads(op));
        let in_flight = |pending: &Pending| match pending {
            Pending::Log { takes_back, .. } => takes_back.contains(&id),
            Pending::Own(op) => reads(op),
            Pending::Void => false,
        };
        round.iter().any(in_round)
            || self.unsaved.iter().any(reads)
            || self.pending.iter().any(in_flight)
    }

    /// Whether the history still holds what another account must not see.
    pub(crate) fn is_wiping(&self) -> bool {
        self.holds(|op| matches!(op, StoreOp::Wipe | StoreOp::SetAccount(_)))
    }

    /// Whether an account is on its way to the disk.
    pub(crate) fn is_signing_in(&self) -> bool {
        self.holds(|op| matches!(op, StoreOp::SetAccount(_)))
    }

    fn holds(&self, wanted: fn(&StoreOp) -> bool) -> bool {
        let in_flight = |pending: &Pending| matches!(pending, Pending::Own(op) if wanted(op));
        self.unsaved.iter().any(wanted) || self.pending.iter().any(in_flight)
    }

    pub(crate) fn next_wakeup(&self) -> Option<Instant> {
        self.retry
    }
}

impl Pending {
    fn of(op: &StoreOp, session: u64) -> Self {
        let (cursor, takes_back) = match op {
            StoreOp::Save { cursor, .. } | StoreOp::Advance(cursor) => (cursor, Vec::new()),
            StoreOp::Withdraw { cursor, ids, .. }
            | StoreOp::MarkRead {
                cursor: Some(cursor),
                ids,
                ..
            } => (cursor, ids.clone()),
            own => return Self::Own(own.clone()),
        };
        Self::Log {
            cursor: cursor.clone(),
            session,
            takes_back,
        }
    }
}

fn is_log(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::Store(
            StoreOp::Save { .. }
                | StoreOp::Advance(_)
                | StoreOp::Withdraw { .. }
                | StoreOp::MarkRead {
                    cursor: Some(_),
                    ..
                }
        )
    )
}

fn outlives_account(op: &StoreOp) -> bool {
    matches!(op, StoreOp::Wipe)
}
