use core::mem;
use core::time::Duration;

use hither_protocol::{
    AlertWhy, Because, DeviceFact, DeviceId, DeviceKind, Instant, MessageId, Outcome, Presence,
    Route, Traced, WhenUnknown,
};

use crate::batch::{self, Batch};
use crate::choices::Choices;
use crate::decision::{Decision, decide};
use crate::devices::{Change, Devices, Input, Seat, Sent, Witness};
use crate::ledger::{Entry, Ledger, Via, Way};
use crate::{Accepted, Effect, Event, Timings};

/// One account's router.
#[derive(Debug)]
pub struct Router {
    timings: Timings,
    /// Everything due until then has happened.
    clock: Instant,
    choices: Choices,
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
    /// Why the current event's decisions are what they are.
    traces: Vec<Effect>,
}

impl Router {
    /// A router for an account with nothing pending.
    #[must_use]
    pub fn new(timings: Timings) -> Self {
        Self {
            timings,
            clock: Instant::default(),
            choices: Choices::default(),
            devices: Devices::default(),
            ledger: Ledger::default(),
            comebacks: 0,
            restart_ends: None,
            agenda: Vec::new(),
            cancelled: Vec::new(),
            traces: Vec::new(),
        }
    }

    /// Takes in what the store knows after a restart: `pending` are the unread, unexpired messages
    /// that no device said `shown` for, oldest first. Comes once, after the person's choices and
    /// before anything else.
    pub fn restore(&mut self, pending: Vec<Accepted>, now: Instant) {
        self.clock = self.clock.max(now);
        self.restart_ends = Some(self.clock + self.timings.restart_grace);
        for message in pending {
            if self.alerts(&message, now) {
                let restarted = Some(AlertWhy::Restarted);
                self.ledger.put(Entry::new(message, restarted));
            }
        }
    }

    /// Takes in one event at `now` and appends what follows from it. First comes what was due by
    /// then. `now` never goes back; one that does counts as the latest so far.
    pub fn handle(&mut self, now: Instant, event: Event, effects: &mut Vec<Effect>) {
        let now = now.max(self.clock);
        self.catch_up(now);
        self.take_in(now, event, effects);
        self.look(now);
        self.act(now, effects);
        effects.append(&mut self.traces);
    }

    /// When to hand in [`Event::WokeUp`] at the latest; `None` while nothing is waiting.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Instant> {
        let seats = self.devices.next_change(self.clock, &self.timings);
        let busy = |_: &Instant| !self.ledger.is_empty();
        let restart = self.restart_ends.filter(busy);
        let quiet = self.choices.next_change().filter(busy);
        let due = self.ledger.next_due();
        [seats, restart, quiet, due].into_iter().flatten().min()
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
            self.end_quiet();
            self.look(self.clock);
            self.end_due();
        }
        self.clock = now;
        self.end_restart();
        self.end_quiet();
    }

    fn take_in(&mut self, now: Instant, event: Event, effects: &mut Vec<Effect>) {
        match event {
            Event::Connected {
                device,
                kind,
                presence,
                delay,
            } => {
                let sent = self.sent(now, delay);
                self.connected(now, &device, kind, presence, sent);
            }
            Event::Disconnected { device, goodbye } => self.disconnected(now, &device, goodbye),
            Event::Presence {
                device,
                presence,
                delay,
            } => self.presence(self.sent(now, delay), &device, presence),
            Event::Heartbeat {
                device,
                last_input,
                delay,
            } => self.heartbeat(self.sent(now, delay), &device, last_input),
            Event::Accepted(message) => self.accepted(now, message, effects),
            Event::Shown { device, ids } => self.shown(now, &device, &ids),
            Event::Read { ids } | Event::Withdrawn { ids } => self.forget(&ids),
            Event::PushRegistered { device } => self.push_registered(now, device),
            Event::PushRemoved { device } => self.push_removed(&device),
            Event::PushAnswered {
                device,
                ids,
                accepted,
            } => self.push_answered(now, &device, &ids, accepted),
            Event::TimingsChanged(timings) => self.timings = timings,
            Event::SettingsChanged(settings) => {
                let was_quiet = self.choices.is_quiet();
                self.choices.adopt(now, *settings);
                self.choices_changed(was_quiet);
            }
            Event::WallClock(wall) => {
                let was_quiet = self.choices.is_quiet();
                self.choices.set_wall(now, *wall);
                self.choices_changed(was_quiet);
            }
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

    /// Whether a message may ring at all.
    fn alerts(&self, message: &Accepted, now: Instant) -> bool {
        let silent = self.choices.plan(message).route == Route::Silent;
        !silent && message.expires.is_none_or(|expires| expires > now)
    }

    fn accepted(&mut self, now: Instant, message: Accepted, effects: &mut Vec<Effect>) {
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
    fn route(&mut self, now: Instant, entry: &mut Entry) -> Vec<Way> {
        entry.forgive(self.comebacks);
        let plan = self.choices.plan(&entry.message);
        entry.insistent = matches!(plan.route, Route::PhoneToo | Route::Everywhere);
        match decide(&self.devices, entry, plan, self.restart_ends.is_some()) {
            Decision::Alert(ways) => return self.alert(now, entry, ways),
            Decision::Hold(why, because) => {
                entry.wanted = entry.wanted.or(Some(why));
                self.trace_wait(now, entry, because);
            }
            Decision::Nobody(because) => {
                entry.wanted = Some(AlertWhy::Waiting);
                self.trace_wait(now, entry, because);
            }
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

    /// Says once why it waits, however often that is decided anew.
    fn trace_wait(&mut self, now: Instant, entry: &mut Entry, because: Because) {
        if entry.waits.replace(because) != Some(because) {
            self.trace(now, entry.message.id, Outcome::Waits, None, because);
        }
    }

    fn trace(
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

    /// What an earlier stream still had on its way may be lost, and what its push service still
    /// has is not needed.
    fn connected(
        &mut self,
        now: Instant,
        device: &DeviceId,
        kind: DeviceKind,
        presence: Option<Presence>,
        sent: Sent,
    ) {
        self.change(
            |entry| entry.is_called(device) || entry.is_taken_for(device),
            |router, entry| {
                if entry.is_taken_for(device) {
                    // It is online, and so is what its push service took.
                    return router.finish(entry);
                }
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
        self.devices.connect(now, device, kind, timings);
        let input = presence.and_then(|presence| self.devices.report(sent, device, presence));
        self.used(device, input);
        self.come_back();
    }

    fn disconnected(&mut self, now: Instant, device: &DeviceId, goodbye: bool) {
        if self.devices.disconnect(now, device, goodbye) == Some(DeviceKind::Mobile) {
            self.give_up(device, Via::Stream);
            self.reconsider();
        }
    }

    fn presence(&mut self, sent: Sent, device: &DeviceId, presence: Presence) {
        let input = self.devices.report(sent, device, presence);
        self.used(device, input);
        // Presenting is no seat of its own.
        self.reconsider();
    }

    /// When a reading was sent. Counted from the earliest moment, an input is never taken for
    /// later than it was, so that nothing counts as seen that was not.
    fn sent(&self, now: Instant, delay: Option<Duration>) -> Sent {
        Sent {
            earliest: now - delay.unwrap_or(self.timings.delay),
            measured: now - delay.unwrap_or_default(),
        }
    }

    /// A heartbeat without a reading says nothing about the person.
    fn heartbeat(&mut self, sent: Sent, device: &DeviceId, last_input: Option<Duration>) {
        let input = last_input.and_then(|age| self.devices.heartbeat(sent, device, age));
        self.used(device, input);
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

    /// Whether the pop-up was gone before anyone touched the desktop, in a long enough pause.
    fn came_and_went(&self, entry: &Entry, desktop: &DeviceId, input: Input) -> bool {
        let Some(((from, to), shown)) = input.pause.zip(entry.shown_at(desktop)) else {
            return false;
        };
        let long = to.since(from) >= self.timings.pause;
        long && from < shown && shown + self.timings.pop_up <= to
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
                (DeviceKind::Mobile, _) => {
                    let (seen, because) = (Outcome::Seen, Because::ShownOnPhone);
                    self.trace(now, *id, seen, Some(device), because);
                    entry.hang_up(device, Via::Push);
                    self.finish(&mut entry);
                }
                (DeviceKind::Desktop, Witness::Someone) => {
                    entry.show(device, now);
                    self.see(&mut entry, device);
                }
                (DeviceKind::Desktop, Witness::Perhaps) => {
                    entry.show(device, now);
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

    fn push_answered(
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
                if !entry.insistent {
                    self.cancel_pushes(&mut entry);
                }
                entry.taken(device, until);
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

    fn end_quiet(&mut self) {
        if self.choices.catch_up(self.clock) {
            self.choices_changed(true);
        }
    }

    /// Decides everything anew. What quiet held back rings together when it ends.
    fn choices_changed(&mut self, was_quiet: bool) {
        if was_quiet && !self.choices.is_quiet() {
            self.change(
                |entry| entry.wanted.is_some(),
                |_, entry| entry.wanted = Some(AlertWhy::QuietEnded),
            );
        }
        self.reconsider();
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
            |entry| entry.has_pushes() || entry.is_shown_on(desktop) || entry.is_taken(),
            |router, entry| {
                if entry.is_shown_on(desktop) {
                    router.see(entry, desktop);
                } else if entry.is_taken() {
                    entry.doubt();
                } else if !entry.insistent {
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
                entry.ask_phones_again();
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
        if !entry.insistent {
            self.cancel_pushes(entry);
        }
    }

    fn finish(&mut self, entry: &mut Entry) {
        entry.finish();
        if !entry.insistent {
            self.cancel_pushes(entry);
        }
    }

    fn cancel_pushes(&mut self, entry: &mut Entry) {
        let id = entry.message.id;
        let pushes: Vec<_> = entry.take_pushes().collect();
        for device in pushes {
            let (cancelled, because) = (Outcome::Cancelled, Because::Settled);
            self.trace(self.clock, id, cancelled, Some(&device), because);
            self.cancelled.push((device, id));
        }
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
