mod alerting;
mod answers;
mod people;

use core::mem;
use core::time::Duration;

use hither_protocol::{AlertWhy, DeviceId, Instant, MessageId, Route};

use crate::batch::{self, Batch};
use crate::choices::Choices;
use crate::devices::{Devices, Sent};
use crate::entry::Entry;
use crate::ledger::Ledger;
use crate::{Accepted, Effect, Event, Timings, Unsettled};

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
    /// And all that merely wait.
    reconsider: bool,
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
            reconsider: false,
            cancelled: Vec::new(),
            traces: Vec::new(),
        }
    }

    /// Takes in what the store knows after a restart, oldest first. Comes once, after the person's
    /// choices and before anything else.
    pub fn restore(&mut self, unsettled: Vec<Unsettled>, now: Instant) {
        self.clock = self.clock.max(now);
        self.restart_ends = Some(self.clock + self.timings.restart_grace);
        for Unsettled { message, shown } in unsettled {
            if self.alerts(&message, now) && !self.ledger.contains(message.id) {
                let restarted = shown.is_empty().then_some(AlertWhy::Restarted);
                let mut entry = Entry::new(message, restarted);
                entry.showed(shown);
                self.ledger.put(entry);
            }
        }
    }

    fn recalled(&mut self, now: Instant, unshown: Vec<Accepted>) {
        for message in unshown {
            if self.alerts(&message, now) && !self.ledger.contains(message.id) {
                self.keep(Entry::new(message, Some(AlertWhy::Waiting)));
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
        self.ledger.trim();
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

    /// Whether a message that is for one device alone may ring there now: the person's choices and
    /// quiet times count for it, too.
    #[must_use]
    pub fn may_ring(&self, message: &Accepted) -> bool {
        let plan = self.choices.plan(message);
        plan.route != Route::Silent && !plan.held
    }

    /// Whether this is a desktop that says that nobody is at it, or that it must not be disturbed.
    #[must_use]
    pub fn is_away(&self, device: &DeviceId) -> bool {
        self.devices.is_away(device)
    }

    /// How many messages should alert somebody and wait for a device that can.
    #[must_use]
    pub fn owed(&self) -> usize {
        self.ledger.owed()
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
            Event::Shown { device, ids, stays } => self.shown(now, &device, &ids, stays),
            Event::Used { device } => self.acted(now, &device),
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
            Event::Recalled(unshown) => self.recalled(now, unshown),
            Event::WokeUp => {}
        }
    }

    /// Emits what was decided since the last time: first what is taken back, then what rings.
    fn act(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let mut agenda = mem::take(&mut self.agenda);
        agenda.sort_unstable();
        agenda.dedup();
        let mut batch = Batch::default();
        for id in agenda {
            self.decide_about(now, id, &mut batch);
        }
        if mem::take(&mut self.reconsider) {
            self.turn_to_piles(now, &mut batch);
        }
        batch::cancel(mem::take(&mut self.cancelled), effects);
        if self.ledger.recall() && !batch.sums_up() {
            effects.push(Effect::Recall);
        }
        batch.emit(now, self.timings.summary_after, effects);
    }

    /// What is decided about one that merely waits goes for all of its kind.
    fn turn_to_piles(&mut self, now: Instant, batch: &mut Batch) {
        for kind in self.ledger.piles().kinds() {
            while let Some(id) = self.ledger.piles().first(kind) {
                self.decide_about(now, id, batch);
                if self.ledger.piles().kind_of(id) == Some(kind) {
                    break;
                }
            }
        }
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

    /// When a reading was sent. Counted from the earliest moment, an input is never taken for
    /// later than it was, so that nothing counts as seen that was not.
    fn sent(&self, now: Instant, delay: Option<Duration>) -> Sent {
        Sent {
            earliest: now - delay.unwrap_or(self.timings.delay),
            measured: now - delay.unwrap_or_default(),
        }
    }

    fn end_restart(&mut self) {
        if self.restart_ends.is_some_and(|ends| ends <= self.clock) {
            self.restart_ends = None;
            let absent = |desktop: &DeviceId| !self.devices.contains(desktop);
            let absent: Vec<_> = self
                .ledger
                .showing_on()
                .into_iter()
                .filter(absent)
                .collect();
            for desktop in &absent {
                self.person_left(desktop);
            }
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
            let ids: Vec<_> = self.owed_ids().collect();
            for id in ids {
                if let Some(mut entry) = self.ledger.take(id) {
                    entry.wanted = Some(AlertWhy::QuietEnded);
                    self.keep(entry);
                }
            }
        }
        self.agenda = self.owed_ids().collect();
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
            let lay = entry.lies_until().is_some_and(|until| until <= self.clock);
            entry.time_out(self.clock, self.comebacks);
            entry.want(if lay {
                AlertWhy::Handover
            } else {
                AlertWhy::NotShown
            });
            self.keep(entry);
        }
    }

    fn owed_ids(&self) -> impl Iterator<Item = MessageId> {
        self.ledger.wanted().chain(self.ledger.piles().ids())
    }

    fn reconsider(&mut self) {
        self.agenda.clear();
        self.agenda.extend(self.ledger.wanted());
        self.reconsider = true;
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
