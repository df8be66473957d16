use std::collections::BTreeMap;

use hither_protocol::{
    self as protocol, DeviceFact, DeviceId, DeviceKind, InactiveReason, Instant, Presence,
    PresenceState,
};

use core::time::Duration;

use crate::Timings;

/// The account's devices: those with a stream, those just lost, those a push service reaches.
#[derive(Debug, Default)]
pub(crate) struct Devices(BTreeMap<DeviceId, Device>);

/// What a desktop's facts come to: is a person in front of it?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seat {
    Active,
    Unknown,
    Inactive,
    /// No stream.
    Gone,
}

/// A desktop's seat became certain, or another one, or is not waited for any more.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) device: DeviceId,
    pub(crate) from: Seat,
    pub(crate) to: Seat,
}

/// How much a desktop's `shown` proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Witness {
    Someone,
    Perhaps,
    Nobody,
}

/// When a reading was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    /// At the earliest: what it says of an input is no later than it was.
    pub(crate) earliest: Instant,
    /// As far as it was measured: it renews a lease from there.
    pub(crate) measured: Instant,
}

/// Someone used a desktop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input {
    /// When, at the earliest.
    pub(crate) at: Instant,
    /// The time without any input that was known of before.
    pub(crate) pause: Option<(Instant, Instant)>,
    /// When the reading before this one was sent.
    pub(crate) before: Option<Instant>,
}

#[derive(Debug)]
pub(crate) struct Device {
    kind: DeviceKind,
    stream: Stream,
    report: Option<Report>,
    /// Since when the stream is open without a word about presence.
    mute_since: Option<Instant>,
    /// At the earliest: what was shown before that was seen.
    last_input: Option<Instant>,
    /// As far as it was measured.
    used_at: Option<Instant>,
    /// When the newest reading was sent.
    read: Option<Instant>,
    push: bool,
    /// When the person read or answered something on it last.
    acted: Option<Instant>,
    /// When it connected, registered or showed something last.
    used: Instant,
    /// What its facts came to when they were last looked at and certain.
    seat: Seat,
    /// Whether `seat` still holds, or the device was lost or reconnected since.
    certain: bool,
    /// Whether decisions wait for it until it is certain.
    awaited: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    Open,
    /// Ended without goodbye.
    Lost(Instant),
    Closed,
}

#[derive(Clone, Copy, Debug)]
struct Report {
    state: PresenceState,
    reason: Option<InactiveReason>,
    /// Since when it is this.
    since: Instant,
    renewed: Instant,
}

impl Devices {
    /// Returns whether it was away for longer than a moment.
    pub(crate) fn connect(
        &mut self,
        now: Instant,
        id: &DeviceId,
        kind: DeviceKind,
        timings: &Timings,
    ) -> bool {
        let device = self.0.entry(id.clone());
        let device = device.or_insert_with(|| Device::new(kind, now));
        device.kind = kind;
        device.used = now;
        device.mute_since = Some(device.mute_since(now, timings));
        core::mem::replace(&mut device.stream, Stream::Open) == Stream::Closed
    }

    /// Returns what kind of device had its stream open.
    pub(crate) fn disconnect(
        &mut self,
        now: Instant,
        id: &DeviceId,
        goodbye: bool,
    ) -> Option<DeviceKind> {
        let device = self.0.get_mut(id).filter(|device| device.is_open())?;
        device.stream = match device.kind {
            DeviceKind::Desktop if !goodbye => Stream::Lost(now),
            _ => Stream::Closed,
        };
        Some(device.kind)
    }

    /// What a desktop said when it was `sent`. Returns the last input, when this tells it.
    pub(crate) fn report(
        &mut self,
        sent: Sent,
        id: &DeviceId,
        presence: Presence,
    ) -> Option<Input> {
        self.open_desktop(id)?.report(sent, presence)
    }

    /// Returns the last input, when this tells it.
    pub(crate) fn heartbeat(
        &mut self,
        sent: Sent,
        id: &DeviceId,
        last_input: Duration,
    ) -> Option<Input> {
        self.open_desktop(id)?.heartbeat(sent, last_input)
    }

    pub(crate) fn register(&mut self, now: Instant, id: DeviceId) {
        let device = self.0.entry(id);
        let device = device.or_insert_with(|| Device::new(DeviceKind::Mobile, now));
        device.push = true;
        device.used = now;
    }

    pub(crate) fn unregister(&mut self, id: &DeviceId) {
        if let Some(device) = self.0.get_mut(id) {
            device.push = false;
        }
    }

    /// The person used it.
    pub(crate) fn acted(&mut self, now: Instant, id: &DeviceId) {
        if let Some(device) = self.0.get_mut(id) {
            device.acted = Some(now);
        }
    }

    pub(crate) fn contains(&self, id: &DeviceId) -> bool {
        self.0.contains_key(id)
    }

    /// A device shows something: is anyone there to see it?
    pub(crate) fn witness(&mut self, now: Instant, id: &DeviceId) -> Option<(DeviceKind, Witness)> {
        let device = self.0.get_mut(id)?;
        device.used = now;
        Some((device.kind, device.witness()))
    }

    /// Looks at every desktop's facts as of `now` and forgets the devices nothing leads to.
    pub(crate) fn look(&mut self, now: Instant, timings: &Timings) -> Vec<Change> {
        let changes = self.0.iter_mut();
        let changes = changes.filter_map(|(id, device)| device.look(now, timings, id));
        let changes = changes.collect();
        self.0
            .retain(|_, device| device.is_reachable() || device.acted.is_some());
        changes
    }

    /// The next moment after `clock` at which time alone changes a desktop's seat.
    pub(crate) fn next_change(&self, clock: Instant, timings: &Timings) -> Option<Instant> {
        let ends = self.0.values().flat_map(|device| device.ends(timings));
        ends.flatten().filter(|end| *end > clock).min()
    }

    /// Whether no stream is open or may come back.
    pub(crate) fn are_away(&self) -> bool {
        let mut devices = self.0.values();
        devices.all(|device| device.stream == Stream::Closed)
    }

    pub(crate) fn connected(&self) -> impl Iterator<Item = &DeviceId> {
        self.ids(Device::is_open)
    }

    pub(crate) fn unknown_desktops(&self) -> impl Iterator<Item = &DeviceId> {
        self.ids(|device| device.is_certainly(Seat::Unknown))
    }

    /// Desktops that were lost or reconnected a moment ago.
    pub(crate) fn uncertain_desktops(&self) -> impl Iterator<Item = &DeviceId> {
        self.ids(|device| device.kind == DeviceKind::Desktop && !device.certain)
    }

    /// Those that may turn out to be active: reconnected a moment ago, or lost for no longer
    /// than one that is connected may take to show something.
    pub(crate) fn doubtful_desktops(&self) -> impl Iterator<Item = &DeviceId> {
        self.ids(|device| device.awaited)
    }

    /// Of those, the ones that are connected, did not say anything yet, and are not known to have
    /// presented a moment ago.
    pub(crate) fn silent_desktops(&self) -> impl Iterator<Item = &DeviceId> {
        let silent = |device: &Device| !device.certain && device.is_open();
        self.ids(move |device| silent(device) && !device.is_presenting())
    }

    pub(crate) fn is_mobile(&self, id: &DeviceId) -> bool {
        let device = self.0.get(id);
        device.is_some_and(|device| device.kind == DeviceKind::Mobile)
    }

    /// Active desktops, most recent input first.
    pub(crate) fn active_desktops(&self) -> impl Iterator<Item = &DeviceId> {
        self.ranked(|device| device.is_certainly(Seat::Active))
    }

    /// Mobiles with an open stream, most recently used first.
    pub(crate) fn open_mobiles(&self) -> impl Iterator<Item = &DeviceId> {
        self.ranked(|device| device.kind == DeviceKind::Mobile && device.is_open())
    }

    /// Mobiles that only their push service reaches, most recently used first.
    pub(crate) fn pushable_mobiles(&self) -> impl Iterator<Item = &DeviceId> {
        self.ranked(Device::is_pushable)
    }

    /// Whether this is a desktop that nobody is at, or that must not pop up.
    pub(crate) fn is_away(&self, id: &DeviceId) -> bool {
        let away = |device: &Device| device.is_certainly(Seat::Inactive) || device.is_presenting();
        self.0.get(id).is_some_and(away)
    }

    /// Whether somebody is at a desktop that must not pop up.
    pub(crate) fn is_presenting(&self) -> bool {
        self.0.values().any(Device::is_presenting)
    }

    /// What is known about each, to explain a decision at `now`.
    pub(crate) fn facts(&self, now: Instant) -> Vec<DeviceFact> {
        let devices = self.0.iter().filter(|(_, device)| device.is_reachable());
        devices.map(|(id, device)| device.fact(now, id)).collect()
    }

    fn ids(&self, wanted: impl Fn(&Device) -> bool) -> impl Iterator<Item = &DeviceId> {
        let devices = self.0.iter().filter(move |(_, device)| wanted(device));
        devices.map(|(id, _)| id)
    }

    fn ranked(&self, wanted: impl Fn(&Device) -> bool) -> impl Iterator<Item = &DeviceId> {
        let mut found: Vec<_> = self.0.iter().filter(|(_, d)| wanted(d)).collect();
        let rank = |device: &Device| (device.used_at, device.acted, device.used);
        found.sort_by_key(|(_, device)| core::cmp::Reverse(rank(device)));
        found.into_iter().map(|(id, _)| id)
    }

    fn open_desktop(&mut self, id: &DeviceId) -> Option<&mut Device> {
        let device = self.0.get_mut(id)?;
        (device.kind == DeviceKind::Desktop && device.is_open()).then_some(device)
    }
}

impl Device {
    fn new(kind: DeviceKind, now: Instant) -> Self {
        Self {
            kind,
            stream: Stream::Closed,
            report: None,
            mute_since: None,
            last_input: None,
            used_at: None,
            read: None,
            push: false,
            acted: None,
            used: now,
            seat: Seat::Gone,
            certain: true,
            awaited: false,
        }
    }

    fn is_open(&self) -> bool {
        self.stream == Stream::Open
    }

    fn is_reachable(&self) -> bool {
        self.push || self.stream != Stream::Closed
    }

    fn is_pushable(&self) -> bool {
        self.kind == DeviceKind::Mobile && self.push && !self.is_open()
    }

    fn is_certainly(&self, seat: Seat) -> bool {
        self.kind == DeviceKind::Desktop && self.certain && self.seat == seat
    }

    /// A device that reconnects again and again without reporting does not start its wait anew.
    fn mute_since(&self, now: Instant, timings: &Timings) -> Instant {
        let replaced = match self.stream {
            Stream::Open => true,
            Stream::Lost(at) => now < at + timings.lost_grace,
            Stream::Closed => false,
        };
        self.mute_since.filter(|_| replaced).unwrap_or(now)
    }

    /// A lost or reconnected one keeps what it said for its moment of grace.
    fn is_presenting(&self) -> bool {
        let presenting = |report: Report| report.reason == Some(InactiveReason::Presenting);
        let holds = !self.certain || self.seat == Seat::Inactive;
        holds && self.report.is_some_and(presenting)
    }

    fn fact(&self, now: Instant, id: &DeviceId) -> DeviceFact {
        let told = self.report.filter(|_| self.kind == DeviceKind::Desktop);
        let told = told.filter(|_| self.is_open() && self.certain);
        DeviceFact {
            device: id.clone(),
            seat: match self.seat {
                _ if self.kind == DeviceKind::Mobile => protocol::Seat::Mobile,
                _ if !self.certain => protocol::Seat::Unknown,
                Seat::Active => protocol::Seat::Active,
                Seat::Unknown => protocol::Seat::Unknown,
                Seat::Inactive => protocol::Seat::Inactive,
                Seat::Gone => protocol::Seat::Gone,
            },
            reason: told.and_then(|report| report.reason),
            since_ms: told.map(|report| ms(now.since(report.since))),
            last_input_ms: self.used_at.map(|input| ms(now.since(input))),
        }
    }

    fn report(&mut self, sent: Sent, presence: Presence) -> Option<Input> {
        self.mute_since = None;
        let reason = presence.reason;
        let same = |report: &Report| (report.state, report.reason) == (presence.state, reason);
        let since = self
            .report
            .filter(same)
            .map_or(sent.measured, |report| report.since);
        self.report = Some(Report {
            state: presence.state,
            reason,
            since,
            renewed: sent.measured,
        });
        let age = presence.last_input_ms.map(Duration::from_millis)?;
        self.input(sent, age)
    }

    /// What an earlier stream reported is not renewed by a heartbeat of this one.
    fn heartbeat(&mut self, sent: Sent, last_input: Duration) -> Option<Input> {
        if self.mute_since.is_none()
            && let Some(report) = &mut self.report
        {
            report.renewed = report.renewed.max(sent.measured);
        }
        self.input(sent, last_input)
    }

    /// Each reading says when the last input was at the earliest: the latest of them is true, too.
    fn input(&mut self, sent: Sent, age: Duration) -> Option<Input> {
        let pause = self.last_input.zip(self.read);
        let before = self.read.replace(sent.earliest);
        self.last_input = self.last_input.max(Some(sent.earliest - age));
        self.used_at = self.used_at.max(Some(sent.measured - age));
        self.last_input.map(|at| Input { at, pause, before })
    }

    fn witness(&self) -> Witness {
        match self.seat {
            Seat::Active => Witness::Someone,
            Seat::Inactive | Seat::Gone if self.certain => Witness::Nobody,
            _ => Witness::Perhaps,
        }
    }

    fn look(&mut self, now: Instant, timings: &Timings, id: &DeviceId) -> Option<Change> {
        if self.kind == DeviceKind::Mobile {
            return None;
        }
        let Some(to) = self.seat_at(now, timings) else {
            self.certain = false;
            let awaited = self.lost_until(timings.shown_within);
            let awaited = awaited.is_none_or(|until| now < until);
            let given_up = core::mem::replace(&mut self.awaited, awaited) && !awaited;
            return given_up.then(|| Change {
                device: id.clone(),
                from: self.seat,
                to: self.seat,
            });
        };
        self.awaited = false;
        if to == Seat::Gone {
            self.stream = Stream::Closed;
        }
        let known = core::mem::replace(&mut self.certain, true);
        let from = core::mem::replace(&mut self.seat, to);
        (!known || from != to).then(|| Change {
            device: id.clone(),
            from,
            to,
        })
    }

    /// So long after it was lost, if it was.
    fn lost_until(&self, long: Duration) -> Option<Instant> {
        match self.stream {
            Stream::Lost(at) => Some(at + long),
            Stream::Open | Stream::Closed => None,
        }
    }

    /// `None` while a lost or reconnected device may still say what it is.
    fn seat_at(&self, now: Instant, timings: &Timings) -> Option<Seat> {
        match (self.stream, self.mute_since) {
            (Stream::Closed, _) => Some(Seat::Gone),
            (Stream::Lost(at), _) => match self.reported(now, timings) {
                _ if now >= at + timings.lost_grace => Some(Seat::Gone),
                Seat::Active => None,
                Seat::Inactive => Some(Seat::Inactive),
                Seat::Unknown | Seat::Gone => Some(Seat::Gone),
            },
            (Stream::Open, Some(since)) => {
                (now >= since + timings.first_presence_within).then_some(Seat::Unknown)
            }
            (Stream::Open, None) => Some(self.reported(now, timings)),
        }
    }

    /// Without heartbeats nobody knows whether the person is still there; that nobody was there
    /// stays true.
    fn reported(&self, now: Instant, timings: &Timings) -> Seat {
        match self.report {
            Some(report) => match report.state {
                PresenceState::Active if now < report.renewed + timings.lease => Seat::Active,
                PresenceState::Active | PresenceState::Unknown => Seat::Unknown,
                PresenceState::Inactive => Seat::Inactive,
            },
            None => Seat::Unknown,
        }
    }

    /// Every moment at which time alone may change what [`Self::seat_at`] says.
    fn ends(&self, timings: &Timings) -> [Option<Instant>; 4] {
        if self.kind == DeviceKind::Mobile || self.stream == Stream::Closed {
            return [None; 4];
        }
        let mute = self.mute_since.filter(|_| self.is_open());
        let leased = self.report.filter(|r| r.state == PresenceState::Active);
        [
            self.lost_until(timings.shown_within),
            self.lost_until(timings.lost_grace),
            mute.map(|since| since + timings.first_presence_within),
            leased.map(|report| report.renewed + timings.lease),
        ]
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
