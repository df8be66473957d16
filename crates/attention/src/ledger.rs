use std::collections::{BTreeMap, BTreeSet};

use hither_protocol::{DeviceId, Instant, MessageId};

use crate::Accepted;
use crate::entry::Entry;
use crate::piles::{self, Kind, Piles};

/// So many messages that something was tried for in vain are remembered, as many that only a push
/// service took, and that lie on a phone.
const REMEMBERED: usize = 1000;

/// The messages that need an alert, are being alerted, or were shown where perhaps nobody sat.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// What merely waits costs nothing until it is its turn.
    piles: Piles,
    /// Those that something was tried for.
    entries: BTreeMap<MessageId, Entry>,
    /// Those of the entries that an alert is owed for.
    wanted: BTreeSet<MessageId>,
    /// Those of them that something was tried for in vain.
    stuck: BTreeSet<MessageId>,
    /// The entries by their moments.
    moments: [BTreeSet<(Instant, MessageId)>; 4],
}

/// When an entry needs attention by itself.
const DUE: usize = 0;
/// Since when it is shown on a desktop.
const SHOWING: usize = 1;
/// Until when one that only a push service took is remembered.
const TAKEN: usize = 2;
/// When another phone is asked about it.
const LYING: usize = 3;

fn moments(entry: &Entry) -> [Option<Instant>; 4] {
    let mut moments = [None; 4];
    moments[DUE] = entry.due();
    moments[SHOWING] = entry.showing_since();
    moments[TAKEN] = entry.taken_until();
    moments[LYING] = entry.lies_until();
    moments
}

impl Ledger {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.piles.is_empty()
    }

    pub(crate) fn contains(&self, id: MessageId) -> bool {
        self.entries.contains_key(&id) || self.piles.kind_of(id).is_some()
    }

    /// Takes an entry out, to change it and put it back.
    pub(crate) fn take(&mut self, id: MessageId) -> Option<Entry> {
        let Some(entry) = self.entries.remove(&id) else {
            return self.take_waiting(id);
        };
        if entry.wanted.is_some() {
            self.wanted.remove(&id);
        }
        if entry.is_stuck() {
            self.stuck.remove(&id);
        }
        for (sorted, at) in self.moments.iter_mut().zip(moments(&entry)) {
            if let Some(at) = at {
                sorted.remove(&(at, id));
            }
        }
        Some(entry)
    }

    fn take_waiting(&mut self, id: MessageId) -> Option<Entry> {
        let (kind, message) = self.piles.take(id)?;
        if let Some(expires) = message.expires {
            self.moments[DUE].remove(&(expires, id));
        }
        Some(Entry::waiting(message, kind))
    }

    fn put_waiting(&mut self, kind: Kind, message: Accepted) {
        let due = |message: &Accepted| message.expires.map(|expires| (expires, message.id));
        self.moments[DUE].extend(due(&message));
        let forgotten = self.piles.put(kind, message);
        if let Some(due) = forgotten.as_ref().and_then(due) {
            self.moments[DUE].remove(&due);
        }
    }

    /// Puts an entry in, unless there is nothing left to do about it.
    pub(crate) fn put(&mut self, entry: Entry) {
        if entry.is_over() {
            return;
        }
        if let Some(kind) = entry.merely_waits() {
            return self.put_waiting(kind, entry.message);
        }
        let id = entry.message.id;
        if entry.wanted.is_some() {
            self.wanted.insert(id);
        }
        if entry.is_stuck() {
            self.stuck.insert(id);
        }
        for (sorted, at) in self.moments.iter_mut().zip(moments(&entry)) {
            sorted.extend(at.map(|at| (at, id)));
        }
        self.entries.insert(id, entry);
        // What desktops show is remembered as long as a server keeps it: nobody else would hand it
        // over.
        let forgotten = [
            (SHOWING, piles::REMEMBERED),
            (TAKEN, REMEMBERED),
            (LYING, REMEMBERED),
        ];
        let forgotten = forgotten.map(|(sort, most)| Self::oldest(&self.moments[sort], most));
        for id in forgotten.into_iter().flatten() {
            if let Some(mut entry) = self.take(id) {
                entry.finish();
                self.put(entry);
            }
        }
    }

    /// Forgets the oldest of what was tried in vain, once all of it was decided about.
    pub(crate) fn trim(&mut self) {
        while self.stuck.len() > REMEMBERED
            && let Some(oldest) = self.stuck.first().copied()
        {
            self.take(oldest);
            self.piles.forget();
        }
    }

    /// The oldest of more than are remembered.
    fn oldest(remembered: &BTreeSet<(Instant, MessageId)>, most: usize) -> Option<MessageId> {
        let (_, id) = remembered.first()?;
        (remembered.len() > most).then_some(*id)
    }

    /// An entry whose expiry or answer is due.
    pub(crate) fn first_due(&self, now: Instant) -> Option<MessageId> {
        let (due, id) = *self.moments[DUE].first()?;
        (due <= now).then_some(id)
    }

    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.moments[DUE].first().map(|(due, _)| *due)
    }

    /// Those that an alert is owed for though something was tried.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = MessageId> {
        self.wanted.iter().copied()
    }

    pub(crate) const fn piles(&self) -> &Piles {
        &self.piles
    }

    /// How many an alert is owed for.
    pub(crate) fn owed(&self) -> usize {
        self.wanted.len() + self.piles.len()
    }

    /// Those of them that something was tried for in vain.
    pub(crate) fn stuck(&self) -> impl Iterator<Item = MessageId> {
        self.stuck.iter().copied()
    }

    /// Whether more waited than are remembered, and none of these is left; says so once.
    pub(crate) fn recall(&mut self) -> bool {
        self.owed() == 0 && self.piles.recall()
    }

    pub(crate) fn ids(&self, which: impl Fn(&Entry) -> bool) -> impl Iterator<Item = MessageId> {
        let entries = self.entries.iter().filter(move |(_, entry)| which(entry));
        entries.map(|(id, _)| *id)
    }

    /// The desktops that show something.
    pub(crate) fn showing_on(&self) -> BTreeSet<DeviceId> {
        let entries = self.moments[SHOWING]
            .iter()
            .filter_map(|(_, id)| self.entries.get(id));
        entries.flat_map(Entry::shows_on).cloned().collect()
    }

    /// What `desktop` shows since before `input`.
    pub(crate) fn shown_before(&self, desktop: &DeviceId, input: Instant) -> Vec<MessageId> {
        let before = self.moments[SHOWING]
            .iter()
            .take_while(|(at, _)| *at < input);
        let shown = |entry: &Entry| entry.shown_at(desktop).is_some_and(|at| at < input);
        before
            .map(|(_, id)| *id)
            .filter(|id| self.entries.get(id).is_some_and(shown))
            .collect()
    }
}
