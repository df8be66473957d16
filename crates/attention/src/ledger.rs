use std::collections::{BTreeMap, BTreeSet};

use hither_protocol::{AlertWhy, Because, DeviceId, Instant, MessageId};

use crate::{Accepted, PoppedUp};

/// So many messages that a desktop shows are remembered for a handover. More of them ring as one
/// summary all the same.
const REMEMBERED: usize = 1000;

/// So often a message pops up on a desktop that never says whether anybody is there.
const BLINDLY: usize = 2;

/// The messages that need an alert, are being alerted, or were shown where perhaps nobody sat.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    entries: BTreeMap<MessageId, Entry>,
    /// Those that an alert is owed for.
    wanted: BTreeSet<MessageId>,
    /// When each entry needs attention by itself.
    due: BTreeSet<(Instant, MessageId)>,
    /// Since when each entry is shown on a desktop.
    showing: BTreeSet<(Instant, MessageId)>,
    /// Until when each entry that only a push service took is remembered.
    taken: BTreeSet<(Instant, MessageId)>,
}

/// What is known about one message.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) message: Accepted,
    /// An alert is owed, for this reason, as soon as there is someone to alert.
    pub(crate) wanted: Option<AlertWhy>,
    /// It rings on more than one screen, and ringing on one does not end it on the others.
    pub(crate) insistent: bool,
    /// Why it waited when that was traced last.
    pub(crate) waits: Option<Because>,
    /// Seen, or with a phone: at most its pushes are still to be cancelled, or a phone has yet to
    /// say that it shows it.
    done: bool,
    /// The desktops that show it, since somebody used them last.
    showing: Vec<Showing>,
    /// Desktops that could not tell whether anybody was there, once for each time it popped up.
    blindly: Vec<DeviceId>,
    calls: Vec<Call>,
    /// Ways that failed since a device came back last.
    failed: Vec<Way>,
    comebacks: u64,
    taken: Option<Taken>,
}

/// Push services took it, and no phone said yet that it shows it.
#[derive(Debug)]
struct Taken {
    by: Vec<DeviceId>,
    /// From then on it counts as shown.
    until: Instant,
}

#[derive(Debug)]
struct Showing {
    on: DeviceId,
    at: Instant,
    /// Whether it stays up until there is input after it.
    stays: bool,
    /// Whether someone surely sits there.
    seen: bool,
}

/// One way to alert: a device, through its stream or its push service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) device: DeviceId,
    pub(crate) via: Via,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    Stream,
    Push,
}

/// An alert without an answer yet.
#[derive(Debug)]
struct Call {
    way: Way,
    /// `None` once it is not waited for; a push may still have to be cancelled.
    until: Option<Instant>,
}

impl Ledger {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn contains(&self, id: MessageId) -> bool {
        self.entries.contains_key(&id)
    }

    /// Takes an entry out, to change it and put it back.
    pub(crate) fn take(&mut self, id: MessageId) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        if entry.wanted.is_some() {
            self.wanted.remove(&id);
        }
        if let Some(due) = entry.due() {
            self.due.remove(&(due, id));
        }
        if let Some(at) = entry.showing_since() {
            self.showing.remove(&(at, id));
        }
        if let Some(taken) = &entry.taken {
            self.taken.remove(&(taken.until, id));
        }
        Some(entry)
    }

    /// Puts an entry in, unless there is nothing left to do about it.
    pub(crate) fn put(&mut self, entry: Entry) {
        if entry.done && entry.calls.is_empty() && entry.taken.is_none() {
            return;
        }
        let id = entry.message.id;
        if entry.wanted.is_some() {
            self.wanted.insert(id);
        }
        if let Some(due) = entry.due() {
            self.due.insert((due, id));
        }
        if let Some(at) = entry.showing_since() {
            self.showing.insert((at, id));
        }
        if let Some(taken) = &entry.taken {
            self.taken.insert((taken.until, id));
        }
        self.entries.insert(id, entry);
        for oldest in [Self::oldest(&self.showing), Self::oldest(&self.taken)] {
            if let Some(mut entry) = oldest.and_then(|id| self.take(id)) {
                entry.finish();
                self.put(entry);
            }
        }
    }

    /// The oldest of more than are remembered.
    fn oldest(remembered: &BTreeSet<(Instant, MessageId)>) -> Option<MessageId> {
        let (_, id) = remembered.first()?;
        (remembered.len() > REMEMBERED).then_some(*id)
    }

    /// An entry whose expiry or answer is due.
    pub(crate) fn first_due(&self, now: Instant) -> Option<MessageId> {
        let (due, id) = *self.due.first()?;
        (due <= now).then_some(id)
    }

    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    pub(crate) fn wanted(&self) -> impl ExactSizeIterator<Item = MessageId> {
        self.wanted.iter().copied()
    }

    pub(crate) fn ids(&self, which: impl Fn(&Entry) -> bool) -> impl Iterator<Item = MessageId> {
        let entries = self.entries.iter().filter(move |(_, entry)| which(entry));
        entries.map(|(id, _)| *id)
    }

    /// The desktops that show something.
    pub(crate) fn showing_on(&self) -> BTreeSet<DeviceId> {
        let entries = self
            .showing
            .iter()
            .filter_map(|(_, id)| self.entries.get(id));
        let showing = entries.flat_map(|entry| &entry.showing);
        showing.map(|showing| showing.on.clone()).collect()
    }

    /// What `desktop` shows since before `input`.
    pub(crate) fn shown_before(&self, desktop: &DeviceId, input: Instant) -> Vec<MessageId> {
        let before = self.showing.iter().take_while(|(at, _)| *at < input);
        let shown = |entry: &Entry| entry.shown_at(desktop).is_some_and(|at| at < input);
        before
            .map(|(_, id)| *id)
            .filter(|id| self.entries.get(id).is_some_and(shown))
            .collect()
    }
}

impl Way {
    pub(crate) fn stream(device: &DeviceId) -> Self {
        let device = device.clone();
        Self {
            device,
            via: Via::Stream,
        }
    }

    pub(crate) fn push(device: &DeviceId) -> Self {
        let device = device.clone();
        Self {
            device,
            via: Via::Push,
        }
    }
}

impl Entry {
    pub(crate) fn new(message: Accepted, wanted: Option<AlertWhy>) -> Self {
        Self {
            message,
            wanted,
            insistent: false,
            waits: None,
            done: false,
            showing: Vec::new(),
            blindly: Vec::new(),
            calls: Vec::new(),
            failed: Vec::new(),
            comebacks: 0,
            taken: None,
        }
    }

    /// These pop-ups are from before a restart.
    pub(crate) fn showed(&mut self, popped_up: Vec<PoppedUp>) {
        let showing = popped_up
            .into_iter()
            .map(|PoppedUp { on, at, stays }| Showing {
                on,
                at,
                stays,
                seen: false,
            });
        self.showing.extend(showing);
    }

    pub(crate) fn is_shown_on(&self, desktop: &DeviceId) -> bool {
        self.shown_at(desktop).is_some()
    }

    /// Since when the desktop shows it.
    pub(crate) fn shown_at(&self, desktop: &DeviceId) -> Option<Instant> {
        Some(self.showing_on(desktop)?.at)
    }

    /// The same for a pop-up that goes by itself, seen or not.
    pub(crate) fn shown_in_passing(&self, desktop: &DeviceId) -> Option<Instant> {
        let showing = self.showing_on(desktop)?;
        (!showing.stays).then_some(showing.at)
    }

    fn showing_on(&self, desktop: &DeviceId) -> Option<&Showing> {
        let mut showing = self.showing.iter();
        showing.find(|showing| showing.on == *desktop)
    }

    pub(crate) fn is_called(&self, device: &DeviceId) -> bool {
        self.calls.iter().any(|call| call.way.device == *device)
    }

    pub(crate) fn has_pushes(&self) -> bool {
        self.calls.iter().any(|call| call.way.via == Via::Push)
    }

    /// Whether this way was not used in vain, is not being used, and leads where it is not shown
    /// and may ring.
    pub(crate) fn is_open_to(&self, device: &DeviceId, via: Via) -> bool {
        if self.message.except.as_ref() == Some(device) {
            return false;
        }
        let leads = |way: &Way| way.via == via && way.device == *device;
        let used = self.failed.iter().any(leads) || self.calls.iter().any(|call| leads(&call.way));
        let shown = via == Via::Stream && self.is_shown_on(device);
        let taken = via == Via::Push && self.is_taken_for(device);
        !used && !shown && !taken && !self.is_spent(device)
    }

    /// Whether it popped up there again already although nobody could tell who is there: it must
    /// not ring with every return of such a desktop.
    fn is_spent(&self, desktop: &DeviceId) -> bool {
        let times = self.blindly.iter().filter(|on| *on == desktop);
        times.count() >= BLINDLY
    }

    pub(crate) fn popped_up_blindly(&mut self, desktop: &DeviceId) {
        self.blindly.push(desktop.clone());
    }

    pub(crate) fn did_so_blindly(&self) -> bool {
        !self.blindly.is_empty()
    }

    /// Somebody is there after all.
    pub(crate) fn forget_blindness(&mut self) {
        self.blindly.clear();
    }

    /// Whether this device's push service took it, and it did not say yet that it shows it.
    pub(crate) fn is_taken_for(&self, device: &DeviceId) -> bool {
        let taken = self.taken.as_ref();
        taken.is_some_and(|taken| taken.by.contains(device))
    }

    pub(crate) fn is_taken(&self) -> bool {
        self.taken.is_some()
    }

    /// A push service took it: done, unless somebody comes to a desktop before the phone says
    /// that it shows it.
    pub(crate) fn taken(&mut self, by: &DeviceId, until: Instant) {
        let seen = self.done || self.showing.iter().any(|showing| showing.seen);
        if seen && self.taken.is_none() {
            return self.finish();
        }
        let earlier = self.taken.take();
        self.finish();
        let mut by = vec![by.clone()];
        by.extend(earlier.into_iter().flat_map(|taken| taken.by));
        self.taken = Some(Taken { by, until });
    }

    /// Nobody knows whether a phone shows it, and somebody came.
    pub(crate) fn doubt(&mut self) {
        self.done = false;
        self.want(AlertWhy::Returned);
    }

    /// Failures are forgiven once a device came back after them.
    pub(crate) fn forgive(&mut self, comebacks: u64) {
        if self.comebacks != comebacks {
            self.comebacks = comebacks;
            self.failed.clear();
        }
    }

    pub(crate) fn alerted(&mut self, ways: Vec<Way>, until: Instant) {
        let calls = ways.into_iter().map(|way| Call {
            way,
            until: Some(until),
        });
        self.calls.extend(calls);
        self.wanted = None;
        self.waits = None;
    }

    /// Owes an alert, unless one is on its way or someone surely sees it.
    pub(crate) fn want(&mut self, why: AlertWhy) {
        let seen = self.done || self.showing.iter().any(|showing| showing.seen);
        let called = self.calls.iter().any(|call| call.until.is_some());
        if !seen && !called && self.wanted.is_none() {
            self.wanted = Some(why);
        }
    }

    /// That way leads nowhere. Says whether it was being used.
    pub(crate) fn fail(&mut self, device: &DeviceId, via: Via, comebacks: u64) -> bool {
        let used = self.hang_up(device, via);
        self.forgive(comebacks);
        self.failed.push(Way {
            device: device.clone(),
            via,
        });
        used
    }

    /// Ends the waiting for an answer. Says whether there was any.
    pub(crate) fn hang_up(&mut self, device: &DeviceId, via: Via) -> bool {
        let calls = self.calls.len();
        self.calls
            .retain(|call| call.way.via != via || call.way.device != *device);
        self.calls.len() < calls
    }

    /// Ends the waiting for push services. Names the devices of those that did not answer.
    pub(crate) fn take_pushes(&mut self) -> impl Iterator<Item = DeviceId> {
        let pushes = self.calls.extract_if(.., |call| call.way.via == Via::Push);
        pushes.map(|call| call.way.device)
    }

    /// Gives up on the answers that are due: a push goes on, but nobody waits for it.
    pub(crate) fn time_out(&mut self, now: Instant, comebacks: u64) {
        self.taken.take_if(|taken| taken.until <= now);
        self.forgive(comebacks);
        for call in &mut self.calls {
            if call.until.is_some_and(|until| until <= now) {
                call.until = None;
                self.failed.push(call.way.clone());
            }
        }
        self.calls
            .retain(|call| call.until.is_some() || call.way.via == Via::Push);
    }

    /// The desktop shows it, perhaps to nobody: that counts like an alert on its way.
    pub(crate) fn show(&mut self, desktop: &DeviceId, at: Instant, stays: bool) {
        self.hang_up(desktop, Via::Stream);
        self.hide(desktop);
        self.showing.push(Showing {
            on: desktop.clone(),
            at,
            stays,
            seen: false,
        });
        self.want(AlertWhy::Waiting);
    }

    /// What the desktop shows does not count any more.
    pub(crate) fn hide(&mut self, desktop: &DeviceId) {
        self.showing.retain(|showing| showing.on != *desktop);
    }

    /// The same, unless somebody surely sits there.
    pub(crate) fn hide_unseen(&mut self, desktop: &DeviceId) {
        self.showing
            .retain(|showing| showing.seen || showing.on != *desktop);
    }

    /// Nobody has it after all: the phone may be asked once more.
    pub(crate) fn ask_phones_again(&mut self) {
        if !self.done {
            self.taken = None;
        }
    }

    /// Someone is at the desktop that shows it.
    pub(crate) fn see(&mut self, desktop: &DeviceId) {
        self.taken = None;
        for showing in &mut self.showing {
            showing.seen |= showing.on == *desktop;
        }
        self.rest();
    }

    /// Someone saw it, or has it on the phone.
    pub(crate) fn finish(&mut self) {
        self.done = true;
        self.taken = None;
        self.showing.clear();
        self.rest();
    }

    /// No alert is owed. One that is on its way to a push service may still be cancelled; those
    /// of an urgent message are meant to arrive everywhere.
    fn rest(&mut self) {
        self.wanted = None;
        self.failed.clear();
        self.calls.retain(|call| call.way.via == Via::Push);
        for call in &mut self.calls {
            call.until = None;
        }
    }

    pub(crate) fn is_expired(&self, now: Instant) -> bool {
        self.message.expires.is_some_and(|expires| expires <= now)
    }

    fn due(&self) -> Option<Instant> {
        let answers = self.calls.iter().filter_map(|call| call.until);
        let taken = self.taken.as_ref().map(|taken| taken.until);
        answers.chain(taken).chain(self.message.expires).min()
    }

    fn showing_since(&self) -> Option<Instant> {
        self.showing.iter().map(|showing| showing.at).min()
    }
}
