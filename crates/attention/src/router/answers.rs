//! What became of an alert: shown, taken, read, gone.

use hither_protocol::{
    AlertWhy, Because, DeviceId, DeviceKind, Instant, MessageId, Outcome, WhenUnknown,
};

use super::Router;
use crate::decision::best_mobile;
use crate::devices::Witness;
use crate::entry::Entry;
use crate::way::Via;

impl Router {
    pub(super) fn shown(
        &mut self,
        now: Instant,
        device: &DeviceId,
        ids: &[MessageId],
        stays: bool,
    ) {
        let Some((kind, witness)) = self.devices.witness(now, device) else {
            return;
        };
        for id in ids {
            let Some(mut entry) = self.ledger.take(*id) else {
                continue;
            };
            match (kind, witness) {
                (DeviceKind::Mobile, _) => {
                    let (seen, because) = (Outcome::Seen, Because::ShownOnPhone);
                    self.trace(now, *id, seen, Some(device), because);
                    entry.hang_up(device, Via::Push);
                    let known = entry.is_known();
                    self.finish(&mut entry);
                    self.has_it(now, &mut entry, device, known);
                }
                (DeviceKind::Desktop, Witness::Someone) => {
                    entry.show(device, now, stays);
                    self.see(&mut entry, device);
                }
                (DeviceKind::Desktop, Witness::Perhaps) => {
                    let again = !entry.is_shown_on(device);
                    entry.show(device, now, stays);
                    if again {
                        entry.popped_up_blindly(device);
                    }
                    if self.choices.when_unknown() == WhenUnknown::Desktop {
                        self.see(&mut entry, device);
                    }
                }
                (DeviceKind::Desktop, Witness::Nobody) => {
                    if entry.fail(device, Via::Stream, self.comebacks) {
                        entry.want(AlertWhy::NotShown);
                    }
                }
            }
            self.keep(entry);
        }
        self.recovered(device);
    }

    /// A device that shows something may show what it did not show before.
    fn recovered(&mut self, device: &DeviceId) {
        let mute: Vec<_> = self.ledger.mute().collect();
        for id in mute {
            if let Some(mut entry) = self.ledger.take(id) {
                entry.recover(device);
                self.keep(entry);
            }
        }
    }

    pub(super) fn push_answered(
        &mut self,
        now: Instant,
        device: &DeviceId,
        ids: &[MessageId],
        accepted: bool,
    ) {
        if !self.devices.contains(device) {
            return;
        }
        for id in ids {
            let Some(mut entry) = self.ledger.take(*id) else {
                continue;
            };
            if accepted {
                entry.hang_up(device, Via::Push);
                self.trace(now, *id, Outcome::Taken, Some(device), Because::Gateway);
                let until = now + self.timings.taken_for;
                if !entry.insists() {
                    self.cancel_pushes(&mut entry);
                }
                let known = entry.is_known();
                entry.taken(device, until);
                self.has_it(now, &mut entry, device, known);
            } else if entry.fail(device, Via::Push, self.comebacks) {
                entry.want(AlertWhy::NotShown);
            }
            self.keep(entry);
        }
    }

    /// A phone has it, but need not be where the person is: they may be at a desktop that did not
    /// show it, which is asked again, or with another phone, which rings unless they look at this
    /// one in time.
    fn has_it(&self, now: Instant, entry: &mut Entry, phone: &DeviceId, known: bool) {
        entry.lies_on(phone, now);
        let at_a_desktop = self.devices.active_desktops().next().is_some();
        let wait = match best_mobile(&self.devices, entry) {
            _ if known || entry.insists() => None,
            _ if at_a_desktop => Some(self.timings.retry_after),
            another => another.map(|_| self.timings.opened_within),
        };
        if let Some(wait) = wait {
            entry.lies_until(now + wait);
        }
    }

    pub(super) fn forget(&mut self, ids: &[MessageId]) {
        for id in ids {
            if let Some(mut entry) = self.ledger.take(*id) {
                self.cancel_pushes(&mut entry);
            }
        }
    }

    pub(super) fn see(&mut self, entry: &mut Entry, desktop: &DeviceId) {
        entry.see(desktop);
        if !entry.insists() {
            self.cancel_pushes(entry);
        }
    }

    pub(super) fn finish(&mut self, entry: &mut Entry) {
        entry.finish();
        if !entry.insists() {
            self.cancel_pushes(entry);
        }
    }

    pub(super) fn cancel_pushes(&mut self, entry: &mut Entry) {
        let id = entry.message.id;
        let pushes: Vec<_> = entry.take_pushes().collect();
        for device in pushes {
            let (cancelled, because) = (Outcome::Cancelled, Because::Settled);
            self.trace(self.clock, id, cancelled, Some(&device), because);
            self.cancelled.push((device, id));
        }
    }
}
