//! Devices that come, go and say what they know: is somebody at a desktop, and was anybody?

use core::time::Duration;

use hither_protocol::{
    AlertWhy, Because, DeviceId, DeviceKind, Instant, Outcome, Presence, WhenUnknown,
};

use super::Router;
use crate::devices::{Change, Input, Seat, Sent};
use crate::entry::{Entry, InVain};
use crate::way::{Via, Way};

impl Router {
    /// What an earlier stream still had on its way may be lost, and what its push service still
    /// has is not needed.
    pub(super) fn connected(
        &mut self,
        now: Instant,
        device: &DeviceId,
        kind: DeviceKind,
        presence: Option<Presence>,
        sent: Sent,
    ) {
        let anew = self.devices.connect(now, device, kind, &self.timings);
        self.change(
            |entry| {
                entry.is_called(device) || entry.is_taken_for(device) || entry.was_tried_on(device)
            },
            |router, entry| {
                if entry.is_taken_for(device) {
                    // It is online, and so is what its push service took.
                    entry.arrived(device);
                    return router.has_it(now, entry, device);
                }
                if entry.hang_up(device, Via::Push) {
                    router.cancelled.push((device.clone(), entry.message.id));
                    entry.want(AlertWhy::Waiting);
                }
                if anew {
                    entry.forgive(device);
                } else {
                    entry.recover(device);
                }
                entry.resume(device);
            },
        );
        let input = presence.and_then(|presence| self.devices.report(sent, device, presence));
        self.used(device, input);
        self.come_back();
    }

    pub(super) fn disconnected(&mut self, now: Instant, device: &DeviceId, goodbye: bool) {
        if self.devices.disconnect(now, device, goodbye) == Some(DeviceKind::Mobile) {
            self.give_up(&Way::stream(device));
            self.reconsider();
        }
    }

    pub(super) fn presence(&mut self, sent: Sent, device: &DeviceId, presence: Presence) {
        let input = self.devices.report(sent, device, presence);
        self.used(device, input);
        // Presenting is no seat of its own.
        self.reconsider();
    }

    /// A heartbeat without a reading says nothing about the person.
    pub(super) fn heartbeat(
        &mut self,
        sent: Sent,
        device: &DeviceId,
        last_input: Option<Duration>,
    ) {
        let input = last_input.and_then(|age| self.devices.heartbeat(sent, device, age));
        self.used(device, input);
    }

    /// Whoever used a phone saw what else it has.
    pub(super) fn acted(&mut self, now: Instant, device: &DeviceId) {
        self.devices.acted(now, device);
        self.change(|entry| entry.is_on(device), Self::finish);
    }

    /// Someone used the desktop: what it showed before that was seen, unless it came and went in
    /// a pause in which they may have been somewhere else.
    fn used(&mut self, desktop: &DeviceId, input: Option<Input>) {
        let Some(input) = input else { return };
        for id in self.ledger.shown_before(desktop, input.at) {
            let Some(mut entry) = self.ledger.take(id) else {
                continue;
            };
            if self.came_and_went(&entry, desktop, input) {
                entry.hide(desktop);
                entry.want(AlertWhy::Returned);
            } else {
                let (seen, because) = (Outcome::Seen, Because::InputAfterwards);
                self.trace(self.clock, id, seen, Some(desktop), because);
                self.finish(&mut entry);
            }
            self.keep(entry);
        }
    }

    /// Whether the pop-up was gone before anyone is known to have touched the desktop, in a long
    /// enough pause, or in as long a time without any reading.
    fn came_and_went(&self, entry: &Entry, desktop: &DeviceId, input: Input) -> bool {
        let Some(shown) = entry.shown_in_passing(desktop) else {
            return false;
        };
        let (gone, long) = (shown + self.timings.pop_up, self.timings.pause);
        let blind_since = input.before.map_or(shown, |before| before.max(shown));
        if blind_since < gone {
            return input.at.since(blind_since) >= long;
        }
        let in_it =
            |(from, to): (Instant, Instant)| to.since(from) >= long && from < shown && gone <= to;
        input.pause.is_some_and(in_it)
    }

    pub(super) fn push_registered(&mut self, now: Instant, device: DeviceId) {
        self.devices.register(now, device);
        self.come_back();
    }

    pub(super) fn push_removed(&mut self, device: &DeviceId) {
        self.devices.unregister(device);
        let lost = |_: &mut Self, entry: &mut Entry| {
            entry.lost(device);
            entry.want(AlertWhy::NotShown);
        };
        self.change(|entry| entry.is_taken_for(device), lost);
        self.give_up(&Way::push(device));
    }

    pub(super) fn seat_changed(&mut self, change: &Change) {
        let desktop = &change.device;
        if change.from != Seat::Active && matches!(change.to, Seat::Active | Seat::Unknown) {
            let forgive = |_: &mut Self, entry: &mut Entry| entry.forgive(desktop);
            self.change(|entry| entry.was_tried_on(desktop), forgive);
        }
        match (change.from, change.to) {
            (Seat::Active, Seat::Active) => {}
            (_, Seat::Active) => self.person_came(desktop),
            (Seat::Active, Seat::Unknown) => self.person_may_have_left(desktop),
            (Seat::Active, _) | (_, Seat::Inactive) => self.person_left(desktop),
            (_, Seat::Gone) => self.nobody_will_tell(desktop),
            (Seat::Inactive, Seat::Unknown) => self.person_may_have_come(),
            (_, Seat::Unknown) => self.nobody_can_tell(desktop),
        }
    }

    /// What the desktop shows is in front of someone; what a push service still has is not needed.
    fn person_came(&mut self, desktop: &DeviceId) {
        self.change(Entry::did_so_blindly, |_, entry| entry.forget_blindness());
        self.come_back();
        self.change(
            |entry| entry.has_pushes() || entry.is_shown_on(desktop) || entry.is_taken(),
            |router, entry| {
                if entry.is_shown_on(desktop) {
                    router.see(entry, desktop);
                } else if entry.is_taken() {
                    entry.doubt();
                } else if !entry.insists() {
                    router.cancel_pushes(entry);
                    entry.want(AlertWhy::Waiting);
                }
            },
        );
    }

    /// Somebody unlocked a desktop that cannot tell more: what failed before may work, and perhaps
    /// nobody has a phone that shows what a push service took.
    fn person_may_have_come(&mut self) {
        self.come_back();
        self.change(Entry::is_taken, |_, entry| entry.doubt());
    }

    /// Perhaps nobody sits where it popped up before a restart.
    fn nobody_can_tell(&mut self, desktop: &DeviceId) {
        if self.choices.when_unknown() != WhenUnknown::Desktop {
            let waiting = |_: &mut Self, entry: &mut Entry| entry.want(AlertWhy::Waiting);
            self.change(|entry| entry.is_shown_on(desktop), waiting);
        }
    }

    /// Whether anybody saw what a desktop showed that could not tell will never be known.
    fn nobody_will_tell(&mut self, desktop: &DeviceId) {
        self.change(
            |entry| entry.is_shown_on(desktop),
            |router, entry| {
                if entry.is_seen_on(desktop) {
                    return router.finish(entry);
                }
                entry.hide(desktop);
                entry.want(AlertWhy::Handover);
            },
        );
        self.give_up(&Way::stream(desktop));
    }

    /// As if they had, but what lies on a phone that may be far from them, and is on its way here,
    /// may still be shown.
    fn person_may_have_left(&mut self, desktop: &DeviceId) {
        self.leave(desktop, |entry| !entry.is_on_a_phone());
    }

    /// What the desktop shows since the last input, or does not show yet, nobody saw there.
    pub(super) fn person_left(&mut self, desktop: &DeviceId) {
        self.leave(desktop, |_| true);
    }

    fn leave(&mut self, desktop: &DeviceId, hangs_up: impl Fn(&Entry) -> bool) {
        self.change(
            |entry| (entry.is_called(desktop) && hangs_up(entry)) || entry.is_shown_on(desktop),
            |router, entry| {
                entry.hide(desktop);
                entry.ask_phones_again();
                entry.fail(Way::stream(desktop), InVain::Left, router.comebacks);
                entry.want(AlertWhy::Handover);
            },
        );
    }

    /// Nobody answers this way any more.
    fn give_up(&mut self, way: &Way) {
        self.change(
            |entry| entry.is_called(&way.device),
            |router, entry| {
                if entry.fail(way.clone(), InVain::Refused, router.comebacks) {
                    entry.want(AlertWhy::NotShown);
                }
            },
        );
    }

    /// A device is there anew: what failed before may work.
    fn come_back(&mut self) {
        self.comebacks += 1;
        self.reconsider();
    }
}
