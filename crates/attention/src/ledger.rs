use std::collections::{BTreeMap, BTreeSet};

use hither_protocol::{AlertWhy, DeviceId, Instant, MessageId, Priority};

use crate::Accepted;

/// So many messages that a desktop shows are remembered for a handover. More of them ring as one
/// summary all the same.
const REMEMBERED: usize = 1000;

/// The messages that need an alert, are being alerted, or were shown where perhaps nobody sat.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    entries: BTreeMap<MessageId, Entry>,
    /// When each entry needs attention by itself.
    due: BTreeSet<(Instant, MessageId)>,
    /// When a desktop showed each entry that waits for no answer.
    resting: BTreeSet<(Instant, MessageId)>,
}

/// What is known about one message.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) message: Accepted,
    /// An alert is owed, for this reason, as soon as there is someone to alert.
    pub(crate) wanted: Option<AlertWhy>,
    pub(crate) shown: Shown,
    calls: Vec<Call>,
    /// Ways that failed since a device came back last.
    failed: Vec<Way>,
    comebacks: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    Nowhere,
    /// On a desktop where perhaps nobody is.
    Perhaps {
        on: DeviceId,
        at: Instant,
    },
    /// On an active desktop.
    Surely {
        on: DeviceId,
        at: Instant,
    },
    /// Seen, or with the phone: at most its pushes are still to be cancelled.
    Done,
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
        if let Some(due) = entry.due() {
            self.due.remove(&(due, id));
        }
        if let Some(at) = entry.resting_since() {
            self.resting.remove(&(at, id));
        }
        Some(entry)
    }

    /// Puts an entry in, unless there is nothing left to do about it.
    pub(crate) fn put(&mut self, entry: Entry) {
        if entry.shown == Shown::Done && entry.calls.is_empty() {
            return;
        }
        let id = entry.message.id;
        if let Some(due) = entry.due() {
            self.due.insert((due, id));
        }
        if let Some(at) = entry.resting_since() {
            self.resting.insert((at, id));
        }
        self.entries.insert(id, entry);
        self.bound();
    }

    /// An entry whose expiry or answer is due.
    pub(crate) fn first_due(&self, now: Instant) -> Option<MessageId> {
        let (due, id) = *self.due.first()?;
        (due <= now).then_some(id)
    }

    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    pub(crate) fn wanted(&self) -> impl Iterator<Item = MessageId> {
        self.ids(|entry| entry.wanted.is_some())
    }

    pub(crate) fn ids(&self, which: impl Fn(&Entry) -> bool) -> impl Iterator<Item = MessageId> {
        let entries = self.entries.iter().filter(move |(_, entry)| which(entry));
        entries.map(|(id, _)| *id)
    }

    /// Someone used `desktop` at `input`: what it showed before that was seen.
    pub(crate) fn forget_seen(&mut self, desktop: &DeviceId, input: Instant) {
        let before = self.resting.iter().take_while(|(at, _)| *at < input);
        let seen: Vec<_> = before
            .map(|(_, id)| *id)
            .filter(|id| self.entries.get(id).is_some_and(|e| e.is_shown_on(desktop)))
            .collect();
        for id in seen {
            self.take(id);
        }
    }

    fn bound(&mut self) {
        while self.resting.len() > REMEMBERED
            && let Some((_, oldest)) = self.resting.first().copied()
        {
            self.take(oldest);
        }
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
            shown: Shown::Nowhere,
            calls: Vec::new(),
            failed: Vec::new(),
            comebacks: 0,
        }
    }

    pub(crate) fn is_urgent(&self) -> bool {
        self.message.priority == Priority::Urgent
    }

    pub(crate) fn is_shown_on(&self, desktop: &DeviceId) -> bool {
        self.shown_on().is_some_and(|(on, _)| on == desktop)
    }

    /// The desktop that shows it, and since when.
    pub(crate) fn shown_on(&self) -> Option<(&DeviceId, Instant)> {
        match &self.shown {
            Shown::Perhaps { on, at } | Shown::Surely { on, at } => Some((on, *at)),
            Shown::Nowhere | Shown::Done => None,
        }
    }

    pub(crate) fn is_called(&self, device: &DeviceId) -> bool {
        self.calls.iter().any(|call| call.way.device == *device)
    }

    pub(crate) fn has_pushes(&self) -> bool {
        self.pushes().next().is_some()
    }

    /// Devices whose push service has not answered yet.
    pub(crate) fn pushes(&self) -> impl Iterator<Item = &DeviceId> {
        let pushes = self.calls.iter().filter(|call| call.way.via == Via::Push);
        pushes.map(|call| &call.way.device)
    }

    /// Whether this way was not used in vain, is not being used, and leads where it is not shown.
    pub(crate) fn is_open_to(&self, device: &DeviceId, via: Via) -> bool {
        let leads = |way: &Way| way.via == via && way.device == *device;
        let used = self.failed.iter().any(leads) || self.calls.iter().any(|call| leads(&call.way));
        let shown = via == Via::Stream && self.is_shown_on(device);
        !used && !shown
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
    }

    /// Owes an alert, unless one is on its way or someone surely sees it.
    pub(crate) fn want(&mut self, why: AlertWhy) {
        let settled = matches!(self.shown, Shown::Surely { .. } | Shown::Done);
        let called = self.calls.iter().any(|call| call.until.is_some());
        if !settled && !called && self.wanted.is_none() {
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

    pub(crate) fn hang_up_pushes(&mut self) {
        self.calls.retain(|call| call.way.via != Via::Push);
    }

    /// Gives up on the answers that are due: a push goes on, but nobody waits for it.
    pub(crate) fn time_out(&mut self, now: Instant, comebacks: u64) {
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

    /// Someone has it: no alert is owed, and only what a push service may still do matters.
    pub(crate) fn settle(&mut self, shown: Shown) {
        self.shown = shown;
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
        answers.chain(self.message.expires).min()
    }

    fn resting_since(&self) -> Option<Instant> {
        let (_, at) = self.shown_on().filter(|_| self.calls.is_empty())?;
        Some(at)
    }
}
