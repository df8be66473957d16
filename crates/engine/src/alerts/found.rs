//! Pop-ups that a process before this one left on the screen: taken over, or taken down.

use hither_protocol::{Instant, MessageId};

use super::Alerts;
use crate::presence::Presence;
use crate::view::Headline;
use crate::{Effect, FoundToast, StoreOp, Toast, ToastKey, preview};

/// Those that nothing is decided about.
#[derive(Debug, Default)]
pub(super) struct Found {
    toasts: Vec<FoundToast>,
    /// About so many of them the history was asked, in order.
    asked: usize,
}

impl Found {
    /// Asks about them once it is known whose the screen is.
    pub(super) fn ask(&mut self, presence: &Presence, effects: &mut Vec<Effect>) {
        if presence.is_settled() {
            let asked = core::mem::replace(&mut self.asked, self.toasts.len());
            let about = self.toasts[asked..].iter().map(|found| found.about.clone());
            effects.extend(about.map(|about| Effect::Store(StoreOp::Recall(about))));
        }
    }

    /// They go.
    pub(super) fn clear(&mut self, effects: &mut Vec<Effect>) {
        let keys = self.toasts.drain(..).map(|found| found.key);
        effects.extend(keys.map(Effect::WithdrawToast));
        self.asked = 0;
    }
}

impl Alerts {
    /// A pop-up is there from before a crash.
    pub(crate) fn found(&mut self, found: FoundToast) {
        self.found.toasts.push(found);
    }

    /// What was found that speaks for these, once the history was asked about it.
    pub(crate) fn take_found(&mut self, about: &[MessageId]) -> Option<FoundToast> {
        let mut asked = self.found.toasts[..self.found.asked].iter();
        let at = asked.position(|found| found.about == about)?;
        self.found.asked -= 1;
        Some(self.found.toasts.remove(at))
    }

    /// Of what that pop-up speaks for, these are unread: it comes anew in its own place, as some
    /// desktops tell only who showed one last what becomes of it.
    pub(crate) fn take_over(
        &mut self,
        now: Instant,
        found: FoundToast,
        rows: Vec<Headline>,
        presence: &Presence,
        effects: &mut Vec<Effect>,
    ) {
        let paused = self.paused_until.is_some();
        if rows.is_empty() || paused || presence.is_away() {
            if paused {
                for row in &rows {
                    self.hold(row.id);
                }
            }
            effects.push(Effect::WithdrawToast(found.key));
        } else if !found.stays {
            // It may be in a list only: it would pop up again.
            let toast = match found.key {
                ToastKey::Message(_) => Toast::of(&rows[0]),
                ToastKey::Summary => preview::summary(&rows, presence),
            };
            if self.screen.adopt(toast) && found.key == ToastKey::Summary {
                self.summary = rows;
            }
        } else if found.key == ToastKey::Summary {
            for row in rows {
                self.sum_up(now, row);
            }
        } else if self.screen.showing(now, &found.key).is_none() {
            for row in &rows {
                self.show(now, Toast::of(row), presence, effects);
            }
        }
    }
}
