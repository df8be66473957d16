use core::mem;
use core::time::Duration;

use hither_protocol::{AlertWhy, DeviceId, DeviceKind, Instant, MessageId, Presence, Priority};

use crate::batch::{self, Batch};
use crate::decision::{Decision, decide};
use crate::devices::{Change, Devices, Seat, Witness};
use crate::ledger::{Entry, Ledger, Via, Way};
use crate::{Accepted, Effect, Event, Timings};

/// One account's router.
#[derive(Debug)]
pub struct Router {
    timings: Timings,
    /// Everything due until then has happened.
    clock: Instant,
    devices: Devices,
    ledger: Ledger,
    /// How often a device came back; failures before the last time are forgiven.
    comebacks: u64,
    /// Until when devices have time to come back after a restart.
    restart_ends: Option<Instant>,
    /// Messages to decide about before the current event is done with.
    agenda: Vec<MessageId>,
    /// Pushes the current event takes back.
    cancelled: Vec<(DeviceId, MessageId)>,
}

impl Router {
    /// A router for an account with nothing pending.
    #[must_use]
    pub fn new(timings: Timings) -> Self {
        Self {
            timings,
            clock: Instant::default(),
            devices: Devices::default(),
            ledger: Ledger::default(),
            comebacks: 0,
            restart_ends: None,
            agenda: Vec::new(),
            cancelled: Vec::new(),
        }
    }

    /// A router rebuilt from the store after a restart: `pending` are the unread, unexpired
    /// messages that no device said `shown` for, oldest first.
    #[must_use]
    pub fn restored(timings: Timings, pending: Vec<Accepted>, now: Instant) -> Self {
        let mut router = Self::new(timings);
        router.clock = now;
        router.restart_ends = Some(now + timings.restart_grace);
        for message in pending.into_iter().filter(|message| alerts(message, now)) {
            let restarted = Some(AlertWhy::Restarted);
            router.ledger.put(Entry::new(message, restarted));
        }
        router
    }

    /// Takes in one event at `now` and appends what follows from it. First comes what was due by
    /// then. `now` never goes back; one that does counts as the latest so far.
    pub fn handle(&mut self, now: Instant, event: Event, effects: &mut Vec<Effect>) {
        let now = now.max(self.clock);
        self.catch_up(now);
        self.take_in(now, event, effects);
        self.look(now);
        self.act(now, effects);
    }

    /// When to hand in [`Event::WokeUp`] at the latest; `None` while nothing is waiting.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Instant> {
        let seats = self.devices.next_change(self.clock, &self.timings);
        let restart = self.restart_ends.filter(|_| !self.ledger.is_empty());
        let due = self.ledger.next_due();
        [seats, restart, due].into_iter().flatten().min()
    }

    /// Whether the account's router may be unloaded: no stream, no message to watch. The phones'
    /// push registrations are in the store and come again as events.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.ledger.is_empty() && self.devices.are_away()
    }

    /// How many messages should alert somebody and wait for a device that can.
    #[must_use]
    pub fn owed(&self) -> usize {
        self.ledger.wanted().count()
    }

    /// Lets everything due by `now` happen in its order. What to do about it is decided with the
    /// event, as things are at `now`: nobody could be alerted in between any more.
    fn catch_up(&mut self, now: Instant) {
        while let Some(due) = self.next_wakeup().filter(|due| *due <= now) {
            self.clock = self.clock.max(due);
            self.end_restart();
            self.look(self.clock);
            self.end_due();
        }
        self.clock = now;
        self.end_restart();
    }

    fn take_in(&mut self, now: Instant, event: Event, effects: &mut Vec<Effect>) {
        match event {
            Event::Connected {
                device,
                kind,
                presence,
            } => self.connected(now, &device, kind, presence),
            Event::Disconnected { device, goodbye } => self.disconnected(now, &device, goodbye),
            Event::Presence { device, presence } => self.presence(now, &device, presence),
            Event::Heartbeat { device, last_input } => self.heartbeat(now, &device, last_input),
            Event::Accepted(message) => self.accepted(now, message, effects),
            Event::Shown { device, ids } => self.shown(now, &device, &ids),
            Event::Read { ids } | Event::Withdrawn { ids } => self.forget(&ids),
            Event::PushRegistered { device } => self.push_registered(now, device),
            Event::PushRemoved { device } => self.push_removed(&device),
            Event::PushAnswered {
                device,
                ids,
                accepted,
            } => self.push_answered(&device, &ids, accepted),
            Event::TimingsChanged(timings) => self.timings = timings,
            Event::WokeUp => {}
        }
    }

    /// Emits what was decided since the last time: first what is taken back, then what rings.
    fn act(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        batch::cancel(mem::take(&mut self.cancelled), effects);
        let mut agenda = mem::take(&mut self.agenda);
        agenda.sort_unstable();
        agenda.dedup();
        let mut batch = Batch::default();
        for id in agenda {
            self.decide_about(now, id, &mut batch);
        }
        batch.emit(now, self.timings.summary_after, effects);
    }

    fn decide_about(&mut self, now: Instant, id: MessageId, batch: &mut Batch) {
        let Some(mut entry) = self.ledger.take(id) else {
            return;
        };
        if let Some(why) = entry.wanted {
            for way in self.route(now, &mut entry) {
                batch.add(way, why, &entry.message);
            }
        }
        self.ledger.put(entry);
    }

    fn accepted(&mut self, now: Instant, message: Accepted, effects: &mut Vec<Effect>) {
        let id = message.id;
        let mut ring = Vec::new();
        let mut pushes = Batch::default();
        if alerts(&message, now) && !self.ledger.contains(id) {
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
    fn route(&self, now: Instant, entry: &mut Entry) -> Vec<Way> {
        entry.forgive(self.comebacks);
        match decide(&self.devices, entry, self.restart_ends.is_some()) {
            Decision::Alert(ways) => {
                entry.alerted(ways.clone(), now + self.timings.shown_within);
                return ways;
            }
            Decision::Hold(why) => entry.wanted = entry.wanted.or(Some(why)),
            Decision::Nobody => entry.wanted = Some(AlertWhy::Waiting),
        }
        Vec::new()
    }

    /// What an earlier stream still had on its way may be lost, and what its push service still
    /// has is not needed.
    fn connected(
        &mut self,
        now: Instant,
        device: &DeviceId,
        kind: DeviceKind,
        presence: Option<Presence>,
    ) {
        self.change(
            |entry| entry.is_called(device),
            |router, entry| {
                if entry.hang_up(device, Via::Push) {
                    router.cancelled.push((device.clone(), entry.message.id));
                    entry.want(AlertWhy::Waiting);
                }
                if entry.hang_up(device, Via::Stream) {
                    entry.want(AlertWhy::NotShown);
                }
            },
        );
        let timings = &self.timings;
        let input = self.devices.connect(now, device, kind, presence, timings);
        self.used(device, input);
        self.come_back();
    }

    fn disconnected(&mut self, now: Instant, device: &DeviceId, goodbye: bool) {
        if self.devices.disconnect(now, device, goodbye) == Some(DeviceKind::Mobile) {
            self.give_up(device, Via::Stream);
            self.reconsider();
        }
    }

    fn presence(&mut self, now: Instant, device: &DeviceId, presence: Presence) {
        let input = self.devices.report(now, device, presence);
        self.used(device, input);
    }

    /// A heartbeat without a reading says nothing about the person.
    fn heartbeat(&mut self, now: Instant, device: &DeviceId, last_input: Option<Duration>) {
        let input = last_input.and_then(|age| self.devices.heartbeat(now, device, age));
        self.used(device, input);
    }

    /// Someone used the desktop at `input`: what it showed before that was seen.
    fn used(&mut self, desktop: &DeviceId, input: Option<Instant>) {
        let Some(input) = input else { return };
        for id in self.ledger.shown_before(desktop, input) {
            if let Some(mut entry) = self.ledger.take(id) {
                self.finish(&mut entry);
                self.keep(entry);
            }
        }
    }

    fn shown(&mut self, now: Instant, device: &DeviceId, ids: &[MessageId]) {
        let Some((kind, witness)) = self.devices.witness(now, device) else {
            return;
        };
        for id in ids {
            let Some(mut entry) = self.ledger.take(*id) else {
                continue;
            };
            match (kind, witness) {
                (DeviceKind::Mobile, _) => self.finish(&mut entry),
                (DeviceKind::Desktop, Witness::Someone) => {
                    entry.show(device, now);
                    self.see(&mut entry, device);
                }
                (DeviceKind::Desktop, Witness::Perhaps) => entry.show(device, now),
                (DeviceKind::Desktop, Witness::Nobody) => {
                    if entry.fail(device, Via::Stream, self.comebacks) {
                        entry.want(AlertWhy::NotShown);
                    }
                }
            }
            self.keep(entry);
        }
    }

    fn forget(&mut self, ids: &[MessageId]) {
        for id in ids {
            if let Some(mut entry) = self.ledger.take(*id) {
                self.cancel_pushes(&mut entry);
            }
        }
    }

    fn push_registered(&mut self, now: Instant, device: DeviceId) {
        self.devices.register(now, device);
        self.come_back();
    }

    fn push_removed(&mut self, device: &DeviceId) {
        self.devices.unregister(device);
        self.give_up(device, Via::Push);
    }

    fn push_answered(&mut self, device: &DeviceId, ids: &[MessageId], accepted: bool) {
        if !self.devices.contains(device) {
            return;
        }
        for id in ids {
            let Some(mut entry) = self.ledger.take(*id) else {
                continue;
            };
            if accepted {
                entry.hang_up(device, Via::Push);
                self.finish(&mut entry);
            } else if entry.fail(device, Via::Push, self.comebacks) {
                entry.want(AlertWhy::NotShown);
            }
            self.keep(entry);
        }
    }

    fn end_restart(&mut self) {
        if self.restart_ends.is_some_and(|ends| ends <= self.clock) {
            self.restart_ends = None;
            self.reconsider();
        }
    }

    fn look(&mut self, now: Instant) {
        for change in self.devices.look(now, &self.timings) {
            self.seat_changed(&change);
            self.reconsider();
        }
    }

    fn end_due(&mut self) {
        while let Some(id) = self.ledger.first_due(self.clock) {
            let Some(mut entry) = self.ledger.take(id) else {
                return;
            };
            if entry.is_expired(self.clock) {
                self.cancel_pushes(&mut entry);
                continue;
            }
            entry.time_out(self.clock, self.comebacks);
            entry.want(AlertWhy::NotShown);
            self.keep(entry);
        }
    }

    fn seat_changed(&mut self, change: &Change) {
        let desktop = &change.device;
        match (change.from, change.to) {
            (Seat::Active, Seat::Active) => {}
            (_, Seat::Active) => self.person_came(desktop),
            (Seat::Active, _) | (_, Seat::Inactive) => self.person_left(desktop),
            (_, Seat::Gone) => self.give_up(desktop, Via::Stream),
            (_, Seat::Unknown) => {}
        }
    }

    /// What the desktop shows is in front of someone; what a push service still has is not needed.
    fn person_came(&mut self, desktop: &DeviceId) {
        self.come_back();
        self.change(
            |entry| entry.has_pushes() || entry.is_shown_on(desktop),
            |router, entry| {
                if entry.is_shown_on(desktop) {
                    router.see(entry, desktop);
                } else if !entry.is_urgent() {
                    router.cancel_pushes(entry);
                    entry.want(AlertWhy::Waiting);
                }
            },
        );
    }

    /// What the desktop shows since the last input, or does not show yet, nobody saw there.
    fn person_left(&mut self, desktop: &DeviceId) {
        self.change(
            |entry| entry.is_called(desktop) || entry.is_shown_on(desktop),
            |router, entry| {
                entry.hide(desktop);
                entry.fail(desktop, Via::Stream, router.comebacks);
                entry.want(AlertWhy::Handover);
            },
        );
    }

    /// Nobody answers this way any more.
    fn give_up(&mut self, device: &DeviceId, via: Via) {
        self.change(
            |entry| entry.is_called(device),
            |router, entry| {
                if entry.fail(device, via, router.comebacks) {
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

    fn reconsider(&mut self) {
        self.agenda.clear();
        self.agenda.extend(self.ledger.wanted());
    }

    fn see(&mut self, entry: &mut Entry, desktop: &DeviceId) {
        entry.see(desktop);
        if !entry.is_urgent() {
            self.cancel_pushes(entry);
        }
    }

    fn finish(&mut self, entry: &mut Entry) {
        entry.finish();
        if !entry.is_urgent() {
            self.cancel_pushes(entry);
        }
    }

    fn cancel_pushes(&mut self, entry: &mut Entry) {
        let id = entry.message.id;
        let pushes = entry.take_pushes().map(|device| (device, id));
        self.cancelled.extend(pushes);
    }

    fn change(
        &mut self,
        which: impl Fn(&Entry) -> bool,
        mut how: impl FnMut(&mut Self, &mut Entry),
    ) {
        let ids: Vec<_> = self.ledger.ids(which).collect();
        for id in ids {
            if let Some(mut entry) = self.ledger.take(id) {
                how(self, &mut entry);
                self.keep(entry);
            }
        }
    }

    fn keep(&mut self, entry: Entry) {
        if entry.wanted.is_some() {
            self.agenda.push(entry.message.id);
        }
        self.ledger.put(entry);
    }
}

/// Low and min never alert, and nothing does once it is expired.
fn alerts(message: &Accepted, now: Instant) -> bool {
    message.priority > Priority::Low && message.expires.is_none_or(|expires| expires > now)
}
