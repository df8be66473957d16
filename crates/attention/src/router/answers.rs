//! What became of an alert: shown, taken, read, gone.

use hither_protocol::{
    AlertWhy, Because, DeviceId, DeviceKind, Instant, MessageId, Outcome, WhenUnknown,
};

use super::Router;
use crate::devices::Witness;
use crate::entry::{Entry, InVain};
use crate::way::{Via, Way};

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
                    entry.arrived(device);
                    self.has_it(now, &mut entry, device);
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
                    if entry.fail(Way::stream(device), InVain::Left, self.comebacks) {
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
        let stuck: Vec<_> = self.ledger.stuck().collect();
        for id in stuck {
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
                entry.taken(device, until);
                self.has_it(now, &mut entry, device);
            } else if entry.fail(Way::push(device), InVain::Refused, self.comebacks) {
                entry.want(AlertWhy::NotShown);
            }
            self.keep(entry);
        }
    }

    /// A phone has it, but need not be where the person is: whether that is enough is decided anew.
    pub(super) fn has_it(&mut self, now: Instant, entry: &mut Entry, phone: &DeviceId) {
        if !entry.insists() {
            self.cancel_pushes(entry);
        }
        entry.hang_up_all(|device| self.devices.is_mobile(device));
        entry.lies_on(phone, now + self.timings.opened_within);
        entry.want(AlertWhy::NotShown);
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
