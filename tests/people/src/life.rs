//! One rule lives through one person's days: devices, network, and the person's reactions.

use core::cmp::Reverse;
use core::time::Duration;
use std::collections::{BTreeMap, BinaryHeap};

use hither_attention::{Accepted, Effect, Event};
use hither_protocol::{
    DeviceId, DeviceKind, InactiveReason, Instant, MessageId, Presence, PresenceState, Priority,
};
use uuid::Uuid;

use crate::day::{Days, Is, MINUTE, Ms, SECOND, Screen};
use crate::rivals::Rule;
use crate::rules::Contender;
use crate::spans::Spans;

/// So long a pop-up stays on a desktop.
pub(crate) const BANNER: Ms = 10 * SECOND;

/// So long a pop-up stays where nobody can tell of input.
const UNTOLD: Ms = 10 * MINUTE;

/// So long after the last input a video speaks for somebody.
const FILM: Ms = 8 * MINUTE;
const HEARTBEAT: Ms = 30 * SECOND;
/// Without heartbeats the server closes a stream after this time.
pub(crate) const SILENT_FOR: Ms = 3 * HEARTBEAT;

/// One alert on one screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Alert {
    pub(crate) on: Screen,
    pub(crate) at: Ms,
    /// Numbers of the messages.
    pub(crate) of: Vec<usize>,
    /// When the person noticed it, if ever.
    pub(crate) noticed: Option<Ms>,
}

/// A person's days, prepared for many rules.
#[derive(Debug)]
pub(crate) struct Timeline<'a> {
    pub(crate) days: &'a Days,
    desktops: Vec<DesktopTimes>,
    phones: Vec<PhoneTimes>,
    edges: Vec<(Ms, Due)>,
}

#[derive(Debug)]
struct DesktopTimes {
    id: DeviceId,
    /// The person would notice a pop-up.
    seen: Spans,
    locked: Spans,
    asleep: Spans,
    video: Spans,
    blind: Spans,
    mute: Spans,
    offline: Spans,
    half_open: Spans,
    stalled: Spans,
}

#[derive(Debug)]
struct PhoneTimes {
    id: DeviceId,
    seen: Spans,
    offline: Spans,
}

impl<'a> Timeline<'a> {
    pub(crate) fn new(days: &'a Days) -> Self {
        let desktops: Vec<_> = (0..days.desktops)
            .map(|d| DesktopTimes::of(days, d))
            .collect();
        let phones = (0..days.phones).map(|p| PhoneTimes::of(days, p)).collect();
        let mut edges = vec![(0, Due::Start)];
        for (d, times) in desktops.iter().enumerate() {
            edges.extend(times.edges().map(|at| (at, Due::Changed(d))));
        }
        let messages = days.messages.iter().enumerate();
        edges.extend(messages.map(|(m, message)| (message.at_ms, Due::Message(m))));
        edges.sort_unstable_by_key(|(at, _)| *at);
        Self {
            days,
            desktops,
            phones,
            edges,
        }
    }

    /// When the person perceives a screen that the server can reach, one for each screen.
    pub(crate) fn reachable(&self) -> Vec<Spans> {
        let desktops = self.desktops.iter();
        let desktops = desktops.map(|it| {
            let seen = it.seen.without(&it.offline);
            seen.without(&it.stalled).without(&it.mute)
        });
        let phones = self.phones.iter().map(|it| it.seen.without(&it.offline));
        desktops.chain(phones).collect()
    }
}

impl DesktopTimes {
    fn of(days: &Days, number: u8) -> Self {
        let screen = Screen::Desktop(number);
        let of = |which| Spans::conditions(days, screen, &[which]);
        let dark = Spans::conditions(days, screen, &[Is::Locked, Is::Asleep]);
        Self {
            id: device(screen),
            seen: Spans::seen(days, screen).without(&dark),
            locked: of(Is::Locked),
            asleep: of(Is::Asleep),
            video: of(Is::Video),
            blind: of(Is::Blind),
            mute: of(Is::Mute),
            offline: Spans::conditions(days, screen, &[Is::Offline, Is::HalfOpen]),
            half_open: of(Is::HalfOpen),
            stalled: of(Is::Stalled),
        }
    }

    fn edges(&self) -> impl Iterator<Item = Ms> {
        let all = [
            &self.locked,
            &self.asleep,
            &self.video,
            &self.blind,
            &self.offline,
        ];
        all.into_iter().flat_map(Spans::edges)
    }

    fn is_up(&self, now: Ms) -> bool {
        !self.asleep.contains(now) && !self.offline.contains(now)
    }
}

impl PhoneTimes {
    fn of(days: &Days, number: u8) -> Self {
        let screen = Screen::Phone(number);
        let which = [Is::Offline, Is::HalfOpen, Is::Asleep];
        let offline = Spans::conditions(days, screen, &which);
        Self {
            id: device(screen),
            seen: Spans::seen(days, screen),
            offline,
        }
    }
}

/// What happens next.
#[derive(Clone, Debug)]
enum Due {
    Start,
    /// A condition of this desktop begins or ends.
    Changed(usize),
    Message(usize),
    /// The desktop asks itself whether the person is still, or again, there.
    Check(usize),
    Dial(usize),
    /// Of this connection of this desktop.
    Heartbeat(usize, u32),
    /// The server learns of a connection's end.
    Ended(usize, u32, bool),
    ToServer(usize, u32, Box<Event>),
    FromPhone(Box<Event>),
    Ring(usize, u32, Vec<usize>),
    Push(usize, Vec<usize>),
    Open(Screen, usize),
    Wake,
}

#[derive(Debug)]
struct Entry(Ms, u64, Due);

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

type State = (PresenceState, Option<InactiveReason>);

#[derive(Debug, Default)]
struct Desktop {
    /// Numbers the connections; the newest the device knows of, if it is open.
    conn: u32,
    open: bool,
    /// The connection that the server knows of.
    served: Option<u32>,
    reported: Option<State>,
    check_at: Ms,
    /// Input that the person's reaction brought about.
    reaction: Ms,
    /// When the newest frame arrives, there and here.
    up: Ms,
    down: Ms,
    away: bool,
    /// Came silently while nobody was there.
    silent: Vec<usize>,
    /// Was sent into a connection that was dead.
    lost: Vec<usize>,
    /// Until when each message's pop-up is up.
    popped: BTreeMap<usize, Ms>,
}

/// The simulation of one rule.
pub(crate) struct Life<'a> {
    times: &'a Timeline<'a>,
    contender: &'a Contender,
    rule: Box<dyn Rule>,
    now: Ms,
    queue: BinaryHeap<Reverse<Entry>>,
    entries: u64,
    wake_at: Ms,
    dice: fastrand::Rng,
    desktops: Vec<Desktop>,
    read: Vec<bool>,
    alerts: Vec<Alert>,
    effects: Vec<Effect>,
    /// How many events the rule was given.
    pub(crate) events: u64,
}

impl<'a> Life<'a> {
    pub(crate) fn new(times: &'a Timeline<'a>, contender: &'a Contender, seed: u64) -> Self {
        Self {
            times,
            contender,
            rule: contender.rule(),
            now: 0,
            queue: BinaryHeap::new(),
            entries: 0,
            wake_at: Ms::MAX,
            dice: fastrand::Rng::with_seed(seed),
            desktops: times.desktops.iter().map(|_| Desktop::default()).collect(),
            read: vec![false; times.days.messages.len()],
            alerts: Vec::new(),
            effects: Vec::new(),
            events: 0,
        }
    }

    /// Lives to the end and tells every alert.
    pub(crate) fn live(&mut self) -> Vec<Alert> {
        let end = self.times.days.length_ms;
        let mut edges = self.times.edges.iter().peekable();
        loop {
            let edge = edges.peek().map_or(Ms::MAX, |(at, _)| *at);
            let next = self.queue.peek().map_or(Ms::MAX, |Reverse(entry)| entry.0);
            self.now = edge.min(next);
            if self.now >= end {
                return core::mem::take(&mut self.alerts);
            }
            let due = if edge <= next {
                edges.next().map(|(_, due)| due.clone())
            } else {
                self.queue.pop().map(|Reverse(Entry(_, _, due))| due)
            };
            if let Some(due) = due {
                self.step(due);
            }
        }
    }

    fn step(&mut self, due: Due) {
        match due {
            Due::Start => self.start(),
            Due::Changed(d) => self.changed(d),
            Due::Message(m) => self.message(m),
            Due::Check(d) => {
                self.desktops[d].check_at = 0;
                self.sense(d);
            }
            Due::Dial(d) => self.dial(d),
            Due::Heartbeat(d, conn) => self.heartbeat(d, conn),
            Due::Ended(d, conn, goodbye) => {
                if self.desktops[d].served == Some(conn) {
                    self.desktops[d].served = None;
                    let device = self.times.desktops[d].id.clone();
                    self.tell(Event::Disconnected { device, goodbye });
                }
            }
            Due::ToServer(d, conn, event) => self.arrived(d, conn, *event),
            Due::FromPhone(event) => self.tell(*event),
            Due::Ring(d, conn, messages) => {
                let desktop = &self.desktops[d];
                let dead = desktop.conn != conn && !self.contender.resyncs;
                if desktop.open && !dead {
                    self.pop_up(d, messages);
                } else if self.contender.sums_up {
                    // Lost on the way; the next backlog has them.
                    self.desktops[d].silent.extend(messages);
                } else if self.contender.resyncs {
                    self.desktops[d].lost.extend(messages);
                }
            }
            Due::Push(p, messages) => self.buzz(p, &messages),
            Due::Open(screen, m) => self.open(screen, m),
            Due::Wake => {
                if self.wake_at <= self.now {
                    self.wake_at = Ms::MAX;
                    self.tell(Event::WokeUp);
                }
            }
        }
    }

    fn start(&mut self) {
        for phone in &self.times.phones {
            let device = phone.id.clone();
            self.after(
                0,
                Due::FromPhone(Box::new(Event::PushRegistered { device })),
            );
        }
        for d in 0..self.desktops.len() {
            self.after(0, Due::Changed(d));
        }
    }

    fn changed(&mut self, d: usize) {
        let times = &self.times.desktops[d];
        let up = times.is_up(self.now);
        let asleep = times.asleep.contains(self.now) && !times.offline.contains(self.now);
        let wait = match (asleep, times.half_open.contains(self.now)) {
            (true, _) => 50,
            (false, true) => SILENT_FOR,
            (false, false) => 300,
        };
        match (self.desktops[d].open, up) {
            (true, false) => {
                let desktop = &mut self.desktops[d];
                desktop.open = false;
                let conn = desktop.conn;
                self.after(wait, Due::Ended(d, conn, asleep));
            }
            (false, true) => {
                let wait = self.dice.u64(500..3000);
                self.after(wait, Due::Dial(d));
            }
            _ => {}
        }
        self.sense(d);
    }

    fn dial(&mut self, d: usize) {
        if self.desktops[d].open || !self.times.desktops[d].is_up(self.now) {
            return;
        }
        let desktop = &mut self.desktops[d];
        desktop.open = true;
        desktop.conn += 1;
        desktop.reported = None;
        let conn = desktop.conn;
        let state = self.state(d);
        self.desktops[d].reported = Some(state);
        let event = Event::Connected {
            device: self.times.desktops[d].id.clone(),
            kind: DeviceKind::Desktop,
            presence: Some(self.presence(d, state)),
            delay: Some(Duration::ZERO),
        };
        self.send(d, event);
        self.after(HEARTBEAT, Due::Heartbeat(d, conn));
        self.sense(d);
        let lost = core::mem::take(&mut self.desktops[d].lost);
        if !lost.is_empty() {
            let way = self.dice.u64(30..240);
            self.after(way, Due::Ring(d, conn, lost));
        }
        if self.contender.sums_up && state.0 != PresenceState::Inactive {
            self.sum_up(d);
        }
    }

    fn heartbeat(&mut self, d: usize, conn: u32) {
        let desktop = &self.desktops[d];
        if !desktop.open || desktop.conn != conn {
            return;
        }
        // Those of a desktop that nobody is at tell nothing new.
        let tells = !matches!(desktop.reported, Some((PresenceState::Inactive, _)));
        if tells && (self.contender.heeds_heartbeats || self.desktops.len() > 1) {
            let blind = self.times.desktops[d].blind.contains(self.now);
            let age = self.now - self.last_input(d);
            let event = Event::Heartbeat {
                device: self.times.desktops[d].id.clone(),
                last_input: (!blind).then(|| Duration::from_millis(age)),
                delay: Some(Duration::ZERO),
            };
            self.send(d, event);
        }
        self.after(HEARTBEAT, Due::Heartbeat(d, conn));
    }

    /// Looks at the sensors, reports what changed, and sees to it that it looks again in time.
    fn sense(&mut self, d: usize) {
        if !self.desktops[d].open {
            return;
        }
        let state = self.state(d);
        let active = state.0 == PresenceState::Active;
        if self.desktops[d].reported != Some(state) {
            self.desktops[d].reported = Some(state);
            let event = Event::Presence {
                device: self.times.desktops[d].id.clone(),
                presence: self.presence(d, state),
                delay: Some(Duration::ZERO),
            };
            self.send(d, event);
        }
        let away = state.0 == PresenceState::Inactive;
        let was_away = core::mem::replace(&mut self.desktops[d].away, away);
        let locked = self.times.desktops[d].locked.last_end(self.now);
        let unlocked = locked == Some(self.now) && !away;
        if was_away && (active || unlocked) && self.contender.sums_up {
            self.sum_up(d);
        }
        let check = match state {
            (PresenceState::Active, _) => Some(self.active_until(d)),
            (_, Some(InactiveReason::Idle)) | (PresenceState::Unknown, _) => self.next_input(d),
            _ => None,
        };
        let at = check.map(|at| at.max(self.now + 1));
        let pending = self.desktops[d].check_at;
        if let Some(at) = at.filter(|at| pending <= self.now || *at < pending) {
            self.desktops[d].check_at = at;
            self.after(at - self.now, Due::Check(d));
        }
    }

    fn state(&self, d: usize) -> State {
        let times = &self.times.desktops[d];
        if self.contender.lock_counts && times.locked.contains(self.now) {
            return (PresenceState::Inactive, Some(InactiveReason::Locked));
        }
        if times.blind.contains(self.now) {
            return (PresenceState::Unknown, None);
        }
        if self.now < self.active_until(d) {
            (PresenceState::Active, None)
        } else if self.contender.is_hither && times.video.contains(self.now) {
            (PresenceState::Unknown, None)
        } else {
            (PresenceState::Inactive, Some(InactiveReason::Idle))
        }
    }

    fn presence(&self, d: usize, (state, reason): State) -> Presence {
        Presence {
            state,
            reason,
            last_input_ms: (!self.times.desktops[d].blind.contains(self.now))
                .then(|| self.now - self.last_input(d)),
        }
    }

    /// When it is inactive, or unknown, if nothing else happens.
    fn active_until(&self, d: usize) -> Ms {
        let until = self.last_input(d) + self.contender.idle_after;
        let film = self.contender.is_hither && self.times.desktops[d].video.contains(self.now);
        until.max(if film { self.touched(d) + FILM } else { 0 })
    }

    /// The last input, or the end of a video, whichever is later. To Hither a video is no input.
    fn last_input(&self, d: usize) -> Ms {
        let times = &self.times.desktops[d];
        let input = self.touched(d);
        if self.contender.is_hither {
            return input;
        }
        let video = if times.video.contains(self.now) {
            self.now
        } else {
            times.video.last_end(self.now).unwrap_or_default()
        };
        input.max(video)
    }

    /// The last input alone.
    fn touched(&self, d: usize) -> Ms {
        let inputs = &self.times.days.inputs_ms[d];
        let so_far = inputs.partition_point(|at| *at <= self.now);
        let input = so_far.checked_sub(1).map_or(0, |last| inputs[last]);
        input.max(self.desktops[d].reaction)
    }

    fn next_input(&self, d: usize) -> Option<Ms> {
        let inputs = &self.times.days.inputs_ms[d];
        inputs
            .get(inputs.partition_point(|at| *at <= self.now))
            .copied()
    }

    /// The next input at a desktop that is not locked. Without any, the end of days.
    fn used_from(&self, d: usize) -> Ms {
        let times = &self.times.desktops[d];
        let inputs = &self.times.days.inputs_ms[d];
        let later = inputs.partition_point(|at| *at <= self.now);
        let mut later = inputs[later..].iter().copied();
        let input = later.find(|at| !times.locked.contains(*at));
        input.unwrap_or(Ms::MAX - BANNER)
    }

    /// Sends a frame, which arrives behind all earlier ones and knows how late it is at most.
    fn send(&mut self, d: usize, mut event: Event) {
        let way = self.dice.u64(15..120);
        let stalled = self.times.desktops[d].stalled.end(self.now);
        let desktop = &mut self.desktops[d];
        let arrives = stalled.unwrap_or(self.now) + way;
        desktop.up = desktop.up.max(arrives);
        let (at, conn) = (desktop.up, desktop.conn);
        if let Event::Connected { delay, .. }
        | Event::Presence { delay, .. }
        | Event::Heartbeat { delay, .. } = &mut event
        {
            // Measured by the echo of an earlier answer, whose own way counts as well.
            *delay = Some(Duration::from_millis(at - self.now + 120));
        }
        self.after(at - self.now, Due::ToServer(d, conn, Box::new(event)));
    }

    fn arrived(&mut self, d: usize, conn: u32, event: Event) {
        let desktop = &mut self.desktops[d];
        if matches!(event, Event::Connected { .. }) {
            desktop.served = Some(conn);
        } else if desktop.served != Some(conn) {
            return;
        }
        // What was under way when the network broke is lost.
        if desktop.conn == conn && !desktop.open {
            return;
        }
        self.tell(event);
    }

    fn message(&mut self, m: usize) {
        let message = &self.times.days.messages[m];
        self.tell(Event::Accepted(Accepted {
            id: id(m),
            publisher: None,
            priority: Priority::try_from(message.priority).unwrap_or_default(),
            at: instant(self.now),
            expires: None,
            except: None,
        }));
    }

    /// The rule decides, and what it decides is carried out.
    fn tell(&mut self, event: Event) {
        self.events += 1;
        let mut effects = core::mem::take(&mut self.effects);
        self.rule.handle(instant(self.now), event, &mut effects);
        for effect in effects.drain(..) {
            self.carry_out(effect);
        }
        self.effects = effects;
        if let Some(at) = self.rule.next_wakeup() {
            let at = u64::try_from(at.since_zero().as_millis()).unwrap_or(Ms::MAX);
            let at = at.max(self.now + 1);
            if at < self.wake_at {
                self.wake_at = at;
                self.after(at - self.now, Due::Wake);
            }
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Deliver { id, ring } => {
                // It comes with the backlog, silently.
                let silent = |desktop: &&mut Desktop| desktop.away || !desktop.open;
                if self.contender.sums_up {
                    for desktop in self.desktops.iter_mut().filter(silent) {
                        desktop.silent.push(number(id));
                    }
                }
                for device in ring {
                    self.ring(&device, vec![number(id)]);
                }
            }
            Effect::Alert { device, ids, .. } => {
                self.ring(&device, ids.into_iter().map(number).collect());
            }
            Effect::Push { device, ids, .. } => self.push(&device, ids),
            Effect::CancelPush { .. } | Effect::Recall | Effect::Trace { .. } => {}
        }
    }

    fn ring(&mut self, device: &DeviceId, messages: Vec<usize>) {
        let is = |times: &DesktopTimes| times.id == *device;
        let Some(d) = self.times.desktops.iter().position(is) else {
            return;
        };
        let way = self.dice.u64(15..120);
        let stalled = self.times.desktops[d].stalled.end(self.now);
        let desktop = &mut self.desktops[d];
        let Some(conn) = desktop.served else { return };
        desktop.down = desktop.down.max(stalled.unwrap_or(self.now) + way);
        let wait = desktop.down - self.now;
        self.after(wait, Due::Ring(d, conn, messages));
    }

    fn push(&mut self, device: &DeviceId, ids: Vec<MessageId>) {
        let is = |times: &PhoneTimes| times.id == *device;
        let Some(p) = self.times.phones.iter().position(is) else {
            return;
        };
        let messages = ids.iter().copied().map(number).collect();
        let accepted = Event::PushAnswered {
            device: device.clone(),
            ids,
            accepted: true,
        };
        self.after(150, Due::FromPhone(Box::new(accepted)));
        let way = self.dice.u64(400..3000);
        let sent = self.now + way;
        let offline = self.times.phones[p].offline.end(sent);
        let arrives = offline.map_or(sent, |end| end + way);
        self.after(arrives - self.now, Due::Push(p, messages));
    }

    fn pop_up(&mut self, d: usize, mut messages: Vec<usize>) {
        let times = &self.times.desktops[d];
        let locked = self.contender.is_hither && times.locked.contains(self.now);
        if locked || times.mute.contains(self.now) {
            if self.contender.sums_up {
                self.desktops[d].silent.append(&mut messages);
            }
            return;
        }
        messages.retain(|m| !self.read[*m]);
        let blind = times.blind.contains(self.now);
        let stays = self.contender.stays_up && !blind;
        if self.contender.is_hither && !messages.is_empty() {
            let device = times.id.clone();
            let ids = messages.iter().copied().map(id).collect();
            self.send(d, Event::Shown { device, ids, stays });
        }
        // What is up already does not pop up anew.
        let until = match self.contender.stays_up {
            // Without a sensor nobody could tell when to take it down.
            true if blind => self.now + UNTOLD,
            true => self.used_from(d) + BANNER,
            false => self.now + BANNER,
        };
        let (now, popped) = (self.now, &mut self.desktops[d].popped);
        messages.retain(|m| popped.insert(*m, until).is_none_or(|until| until < now));
        self.desktops[d].silent.retain(|m| !messages.contains(m));
        let noticed = times.seen.first(self.now);
        let noticed = noticed.filter(|at| *at <= until);
        let number = u8::try_from(d).unwrap_or(u8::MAX);
        self.alerted(Screen::Desktop(number), messages, noticed);
    }

    fn sum_up(&mut self, d: usize) {
        let messages = core::mem::take(&mut self.desktops[d].silent);
        if !messages.is_empty() {
            self.pop_up(d, messages);
        }
    }

    fn buzz(&mut self, p: usize, messages: &[usize]) {
        let times = &self.times.phones[p];
        if self.times.days.phones_confirm {
            let shown = Event::Shown {
                device: times.id.clone(),
                ids: messages.iter().copied().map(id).collect(),
                stays: false,
            };
            self.after(100, Due::FromPhone(Box::new(shown)));
        }
        let unread = messages.iter().copied().filter(|m| !self.read[*m]);
        let unread = unread.collect();
        let number = u8::try_from(p).unwrap_or(u8::MAX);
        self.alerted(Screen::Phone(number), unread, times.seen.first(self.now));
    }

    fn alerted(&mut self, on: Screen, of: Vec<usize>, noticed: Option<Ms>) {
        if of.is_empty() {
            return;
        }
        for m in of.iter().copied() {
            let wait = self.times.days.messages[m].opened_after_ms;
            if let Some(at) = noticed.zip(wait).map(|(noticed, wait)| noticed + wait)
                && self.sees(on, at)
            {
                self.after(at - self.now, Due::Open(on, m));
            }
        }
        let at = self.now;
        self.alerts.push(Alert {
            on,
            at,
            of,
            noticed,
        });
    }

    fn sees(&self, screen: Screen, at: Ms) -> bool {
        match screen {
            Screen::Desktop(d) => self.times.desktops[usize::from(d)].seen.contains(at),
            Screen::Phone(p) => self.times.phones[usize::from(p)].seen.contains(at),
        }
    }

    /// The person opens a message where they noticed it.
    fn open(&mut self, screen: Screen, m: usize) {
        if core::mem::replace(&mut self.read[m], true) {
            return;
        }
        let used = Event::Used {
            device: device(screen),
        };
        let read = Event::Read { ids: vec![id(m)] };
        match screen {
            Screen::Desktop(d) => {
                let d = usize::from(d);
                self.desktops[d].reaction = self.now;
                if self.desktops[d].open {
                    self.sense(d);
                    self.send(d, used);
                    self.send(d, read);
                }
            }
            Screen::Phone(p) => {
                let offline = self.times.phones[usize::from(p)].offline.end(self.now);
                let wait = offline.map_or(0, |end| end - self.now) + 300;
                self.after(wait, Due::FromPhone(Box::new(used)));
                self.after(wait, Due::FromPhone(Box::new(read)));
            }
        }
    }

    fn after(&mut self, wait: Ms, due: Due) {
        self.entries += 1;
        let entry = Entry(self.now + wait, self.entries, due);
        self.queue.push(Reverse(entry));
    }
}

fn device(screen: Screen) -> DeviceId {
    let name = String::from(screen);
    name.parse().expect("a letter and a number")
}

fn instant(at: Ms) -> Instant {
    Instant::from_zero(Duration::from_millis(at))
}

fn id(m: usize) -> MessageId {
    MessageId(Uuid::from_u128(m as u128))
}

fn number(id: MessageId) -> usize {
    usize::try_from(id.0.as_u128()).expect("made from a number")
}

/// The longest that a message may take to reach a person who can be reached.
pub(crate) const MISSED_AFTER: Ms = 10 * MINUTE;
