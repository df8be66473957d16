//! Random orders of events against a model that knows what the person could have noticed.

use std::collections::{BTreeMap, BTreeSet};

use core::time::Duration;

use hither_protocol::{
    AlertWhy, AttentionSettings, DeviceId, DeviceKind, DoNotDisturb, Instant, MessageId, Outcome,
    Presence, PresenceState, Priority, WhenAway, WhenPresenting, WhenUnknown,
};
use proptest::prelude::*;
use proptest::test_runner::Config;

use super::script;
use crate::{Accepted, Effect, Event, PoppedUp, Router, Timings, Unsettled};

/// Three desktops, then two phones.
const DEVICES: [&str; 5] = ["d0", "d1", "d2", "p3", "p4"];
const PHONE: usize = 3;
const MESSAGES: usize = 9;

#[derive(Clone, Copy, Debug)]
enum Step {
    Wait(u32),
    Connect(usize, Option<(PresenceState, Option<u16>)>),
    Disconnect(usize, bool),
    Report(usize, PresenceState, Option<u16>),
    Beat(usize, Option<u16>),
    Accept(usize, Priority, Option<u8>),
    Show(usize, usize, bool),
    Read(usize),
    Withdraw(usize),
    Register(usize),
    Unregister(usize),
    Answer(usize, usize, bool),
    Timings(u8),
    Choose(Chosen),
    Restart,
}

#[derive(Clone, Copy, Debug, Default)]
struct Chosen {
    quiet: bool,
    urgent_waits: bool,
    when_away: WhenAway,
    when_unknown: WhenUnknown,
    when_presenting: WhenPresenting,
}

impl Chosen {
    fn settings(self) -> AttentionSettings {
        AttentionSettings {
            do_not_disturb: if self.quiet {
                DoNotDisturb::On
            } else {
                DoNotDisturb::Off
            },
            urgent_breaks_through: !self.urgent_waits,
            when_away: self.when_away,
            when_unknown: self.when_unknown,
            when_presenting: self.when_presenting,
            ..AttentionSettings::default()
        }
    }
}

fn chosen() -> impl Strategy<Value = Chosen> {
    let away = prop_oneof![Just(WhenAway::Phone), Just(WhenAway::Hold)];
    let unknown = prop_oneof![
        Just(WhenUnknown::Both),
        Just(WhenUnknown::Phone),
        Just(WhenUnknown::Desktop)
    ];
    let presenting = prop_oneof![Just(WhenPresenting::Phone), Just(WhenPresenting::Hold)];
    let all = (any::<bool>(), any::<bool>(), away, unknown, presenting);
    all.prop_map(
        |(quiet, urgent_waits, when_away, when_unknown, when_presenting)| Chosen {
            quiet,
            urgent_waits,
            when_away,
            when_unknown,
            when_presenting,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    use PresenceState::{Active, Inactive, Unknown};
    let device = 0..DEVICES.len();
    let phone = PHONE..DEVICES.len();
    let message = 0..MESSAGES;
    let state = prop_oneof![4 => Just(Active), 3 => Just(Inactive), 1 => Just(Unknown)];
    let age = || prop::option::weighted(0.8, 0..400_u16);
    let priority = prop_oneof![
        6 => Just(Priority::Default),
        2 => Just(Priority::Urgent),
        1 => Just(Priority::Low),
    ];
    let presence = prop::option::weighted(0.6, (state.clone(), age()));
    let expiry = prop::option::weighted(0.2, 0..120_u8);
    prop_oneof![
        6 => prop_oneof![0..1_000_u32, 0..6_000_u32, 0..90_000_u32, 0..300_000_u32].prop_map(Step::Wait),
        4 => (device.clone(), presence).prop_map(|(d, p)| Step::Connect(d, p)),
        2 => (device.clone(), any::<bool>()).prop_map(|(d, g)| Step::Disconnect(d, g)),
        4 => (0..PHONE, state, age()).prop_map(|(d, s, a)| Step::Report(d, s, a)),
        3 => (0..PHONE, age()).prop_map(|(d, a)| Step::Beat(d, a)),
        8 => (message.clone(), priority, expiry).prop_map(|(m, p, e)| Step::Accept(m, p, e)),
        8 => (device, message.clone(), any::<bool>()).prop_map(|(d, m, s)| Step::Show(d, m, s)),
        1 => message.clone().prop_map(Step::Read),
        1 => message.clone().prop_map(Step::Withdraw),
        2 => phone.clone().prop_map(Step::Register),
        1 => phone.clone().prop_map(Step::Unregister),
        3 => (phone, message, any::<bool>()).prop_map(|(d, m, a)| Step::Answer(d, m, a)),
        1 => (10..60_u8).prop_map(Step::Timings),
        2 => chosen().prop_map(Step::Choose),
        1 => Just(Step::Restart),
    ]
}

/// What is true of the world, told by events and effects alone.
struct World {
    router: Router,
    now: Instant,
    lease: Duration,
    /// Whether wake-ups come when they should, or the machine sleeps between events.
    punctual: bool,
    open: BTreeSet<usize>,
    registered: BTreeSet<usize>,
    /// Desktops in their grace after a loss.
    lost: BTreeSet<usize>,
    reports: BTreeMap<usize, (PresenceState, Instant)>,
    messages: BTreeMap<usize, Accepted>,
    gone: BTreeSet<usize>,
    chosen: Chosen,
    on_phone: BTreeSet<(usize, usize)>,
    /// With a push service, and no phone said that it shows it.
    taken: BTreeSet<(usize, usize)>,
    shown: BTreeMap<(usize, usize), Instant>,
    /// Whether it stays up until there is input.
    stays: BTreeSet<(usize, usize)>,
    seen: BTreeSet<usize>,
    restarted: bool,
    /// What a trace says is settled.
    settled: BTreeSet<usize>,
    before_someone: BTreeMap<usize, usize>,
    pushed: BTreeSet<(usize, usize)>,
    /// Set at the end: this device says `shown` for whatever rings on it.
    answering: Option<usize>,
    to_show: BTreeSet<usize>,
}

impl World {
    fn new(pending: usize, punctual: bool) -> Self {
        let pending = 0..pending;
        let messages: BTreeMap<_, _> = pending
            .map(|m| (m, accepted(m, Instant::default(), Priority::Default, None)))
            .collect();
        let mut router = Router::new(Timings::default());
        let unsettled = messages.values().cloned().map(|message| Unsettled {
            message,
            shown: Vec::new(),
        });
        router.restore(unsettled.collect(), Instant::default());
        Self {
            router,
            now: Instant::default(),
            lease: Timings::default().lease,
            punctual,
            open: BTreeSet::new(),
            registered: BTreeSet::new(),
            lost: BTreeSet::new(),
            reports: BTreeMap::new(),
            messages,
            gone: BTreeSet::new(),
            chosen: Chosen::default(),
            on_phone: BTreeSet::new(),
            taken: BTreeSet::new(),
            shown: BTreeMap::new(),
            stays: BTreeSet::new(),
            seen: BTreeSet::new(),
            restarted: false,
            settled: BTreeSet::new(),
            before_someone: BTreeMap::new(),
            pushed: BTreeSet::new(),
            answering: None,
            to_show: BTreeSet::new(),
        }
    }

    fn play(&mut self, step: Step) {
        match step {
            Step::Wait(millis) => self.wait(Duration::from_millis(millis.into())),
            Step::Connect(d, presence) => self.connect(d, presence),
            Step::Disconnect(d, goodbye) => self.disconnect(d, goodbye),
            Step::Report(d, state, age) => {
                if self.open.contains(&d) {
                    self.reported(d, state, age);
                }
                let (device, presence) = (device(d), presence(state, age));
                self.handle(Event::Presence {
                    device,
                    presence,
                    delay: Some(Duration::ZERO),
                });
            }
            Step::Beat(d, age) => self.beat(d, age),
            Step::Accept(m, priority, expires) => self.accept(m, priority, expires),
            Step::Show(d, m, stays) => self.show(d, m, stays),
            Step::Read(m) => {
                self.gone.extend(self.messages.get(&m).map(|_| m));
                self.handle(Event::Read { ids: vec![id(m)] });
            }
            Step::Withdraw(m) => {
                self.gone.extend(self.messages.get(&m).map(|_| m));
                self.handle(Event::Withdrawn { ids: vec![id(m)] });
            }
            Step::Register(d) => {
                self.registered.insert(d);
                self.handle(Event::PushRegistered { device: device(d) });
            }
            Step::Unregister(d) => {
                self.registered.remove(&d);
                self.handle(Event::PushRemoved { device: device(d) });
                self.pushed.retain(|(pushed, _)| *pushed != d);
            }
            Step::Answer(d, m, accepted) => self.answer(d, m, accepted),
            Step::Timings(lease) => {
                self.lease = Duration::from_secs(lease.into());
                self.handle(Event::TimingsChanged(Timings {
                    lease: self.lease,
                    ..Timings::default()
                }));
            }
            Step::Choose(chosen) => self.choose(chosen),
            Step::Restart => self.restart(),
        }
    }

    /// The server ends and starts again: it knows what is in its store.
    fn restart(&mut self) {
        self.restarted = true;
        self.open.clear();
        self.lost.clear();
        self.reports.clear();
        self.pushed.clear();
        self.before_someone.clear();
        self.lease = Timings::default().lease;
        self.router = Router::new(Timings::default());
        self.choose(self.chosen);
        let unsettled = self.messages.keys().copied();
        let unsettled = unsettled.filter(|m| self.is_live(*m) && !self.settled.contains(m));
        let unsettled = unsettled.map(|m| self.unsettled(m)).collect();
        self.router.restore(unsettled, self.now);
        for d in self.registered.clone() {
            self.handle(Event::PushRegistered { device: device(d) });
        }
    }

    fn unsettled(&self, m: usize) -> Unsettled {
        let shown = self.shown.iter().filter(|((_, shown), _)| *shown == m);
        let popped_up = shown.map(|((d, m), at)| PoppedUp {
            on: device(*d),
            at: *at,
            stays: self.stays.contains(&(*d, *m)),
        });
        Unsettled {
            message: self.messages[&m].clone(),
            shown: popped_up.collect(),
        }
    }

    fn choose(&mut self, chosen: Chosen) {
        self.chosen = chosen;
        if self.restarted && chosen.when_unknown == WhenUnknown::Desktop {
            // What popped up before the restart counts as seen where nobody can tell.
            self.seen.extend(self.shown.keys().map(|(_, m)| m));
        }
        let settings = Box::new(chosen.settings());
        self.handle(Event::SettingsChanged(settings));
    }

    fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while self.punctual
            && let Some(wakeup) = self.router.next_wakeup().filter(|at| *at <= until)
        {
            self.now = wakeup;
            self.handle(Event::WokeUp);
        }
        self.now = until;
        self.settle_model();
    }

    fn connect(&mut self, d: usize, said: Option<(PresenceState, Option<u16>)>) {
        self.open.insert(d);
        self.lost.remove(&d);
        self.reports.remove(&d);
        let kind = if d < PHONE {
            DeviceKind::Desktop
        } else {
            DeviceKind::Mobile
        };
        let said = said.filter(|_| d < PHONE);
        if let Some((state, age)) = said {
            self.reported(d, state, age);
        }
        self.handle(Event::Connected {
            device: device(d),
            kind,
            presence: said.map(|(state, age)| presence(state, age)),
            delay: Some(Duration::ZERO),
        });
    }

    fn disconnect(&mut self, d: usize, goodbye: bool) {
        if self.open.remove(&d) && !goodbye && d < PHONE {
            self.lost.insert(d);
        }
        self.reports.remove(&d);
        let device = device(d);
        self.handle(Event::Disconnected { device, goodbye });
    }

    fn reported(&mut self, d: usize, state: PresenceState, age: Option<u16>) {
        self.reports.insert(d, (state, self.now));
        self.input(d, age);
    }

    fn beat(&mut self, d: usize, age: Option<u16>) {
        if self.open.contains(&d) {
            if let Some((_, renewed)) = self.reports.get_mut(&d).filter(|_| age.is_some()) {
                *renewed = self.now;
            }
            self.input(d, age);
        }
        let last_input = age.map(|age| Duration::from_secs(age.into()));
        let device = device(d);
        self.handle(Event::Heartbeat {
            device,
            last_input,
            delay: Some(Duration::ZERO),
        });
    }

    fn input(&mut self, d: usize, age: Option<u16>) {
        let Some(age) = age else { return };
        let input = self.now - Duration::from_secs(age.into());
        for ((on, m), at) in &self.shown {
            if *on == d && *at < input {
                self.seen.insert(*m);
            }
        }
    }

    fn accept(&mut self, m: usize, priority: Priority, expires: Option<u8>) {
        if self.messages.contains_key(&m) {
            return;
        }
        let expires = expires.map(|secs| self.now + Duration::from_secs(secs.into()));
        let message = accepted(m, self.now, priority, expires);
        self.messages.insert(m, message.clone());
        self.handle(Event::Accepted(message));
    }

    fn show(&mut self, d: usize, m: usize, stays: bool) {
        if d >= PHONE && (self.open.contains(&d) || self.registered.contains(&d)) {
            self.on_phone.extend(self.messages.get(&m).map(|_| (d, m)));
            // Of one that expired meanwhile, the push is taken back first.
            if self.messages.contains_key(&m) && self.is_live(m) {
                self.pushed.remove(&(d, m));
            }
        }
        if d < PHONE && (self.open.contains(&d) || self.lost.contains(&d)) {
            self.shown.insert((d, m), self.now);
            self.stays.remove(&(d, m));
            self.stays.extend(stays.then_some((d, m)));
        }
        let (device, ids) = (device(d), vec![id(m)]);
        self.handle(Event::Shown { device, ids, stays });
        let as_good_as_active = d < PHONE && self.chosen.when_unknown == WhenUnknown::Desktop;
        if as_good_as_active && self.messages.contains_key(&m) {
            self.seen.insert(m);
        }
        if self.is_active(d) && self.messages.contains_key(&m) {
            self.before_someone.insert(m, d);
        }
    }

    fn answer(&mut self, d: usize, m: usize, accepted: bool) {
        if accepted && (self.open.contains(&d) || self.registered.contains(&d)) {
            self.taken.extend(self.messages.get(&m).map(|_| (d, m)));
        }
        let (device, ids) = (device(d), vec![id(m)]);
        self.handle(Event::PushAnswered {
            device,
            ids,
            accepted,
        });
        self.pushed.remove(&(d, m));
    }

    fn is_active(&self, d: usize) -> bool {
        let active = |(state, renewed): &(_, Instant)| {
            *state == PresenceState::Active && self.now < *renewed + self.lease
        };
        self.reports.get(&d).is_some_and(active)
    }

    fn someone_may_be_anywhere(&self) -> bool {
        let inactive = |d| matches!(self.reports.get(d), Some((PresenceState::Inactive, _)));
        let mut desktops = self.open.iter().filter(|d| **d < PHONE);
        desktops.any(|d| !self.is_active(*d) && !inactive(d))
    }

    fn is_live(&self, m: usize) -> bool {
        let message = &self.messages[&m];
        message.priority > Priority::Low
            && !self.gone.contains(&m)
            && message.expires.is_none_or(|expires| expires > self.now)
    }

    fn handle(&mut self, event: Event) {
        let accepted = match &event {
            Event::Accepted(message) => Some(message.id),
            _ => None,
        };
        let before: Vec<_> = self.on_phone.iter().copied().collect();
        let mut effects = Vec::new();
        self.router.handle(self.now, event, &mut effects);
        self.settle_model();
        Self::check_delivery(accepted, &effects);
        self.check_rings(&before, &effects);
        if let Some(wakeup) = self.router.next_wakeup() {
            assert!(wakeup > self.now, "would wake up for nothing");
        }
        for (_, m) in &self.pushed {
            assert!(self.is_live(*m), "the push of m{m} was not cancelled");
        }
    }

    /// Whoever is not surely active any more is nobody's witness.
    fn settle_model(&mut self) {
        let before_someone = core::mem::take(&mut self.before_someone);
        let still = before_someone
            .into_iter()
            .filter(|(_, d)| self.is_active(*d));
        self.before_someone = still.collect();
    }

    fn check_delivery(accepted: Option<MessageId>, effects: &[Effect]) {
        let delivered = effects.iter().filter_map(|effect| match effect {
            Effect::Deliver { id, .. } => Some(*id),
            _ => None,
        });
        assert!(delivered.eq(accepted), "delivered once: {effects:?}");
        let first = effects.iter().find(|effect| match effect {
            Effect::Deliver { id, .. } | Effect::Trace { id, .. } => Some(*id) == accepted,
            Effect::Alert { ids, .. }
            | Effect::Push { ids, .. }
            | Effect::CancelPush { ids, .. } => ids.iter().any(|id| Some(*id) == accepted),
            Effect::Recall => false,
        });
        let first = first.is_none_or(|effect| matches!(effect, Effect::Deliver { .. }));
        assert!(first, "delivered first: {effects:?}");
    }

    fn check_rings(&mut self, on_phone: &[(usize, usize)], effects: &[Effect]) {
        let mut rings: BTreeMap<usize, usize> = BTreeMap::new();
        for effect in effects {
            let (devices, ids): (Vec<_>, _) = match effect {
                Effect::Deliver { id, ring } => (ring.iter().map(number).collect(), vec![*id]),
                Effect::Alert {
                    device, ids, why, ..
                } => {
                    if *why == AlertWhy::Returned {
                        // Nobody may have noticed it there.
                        self.forget_witnesses(number(device), ids);
                    }
                    self.ring_later(number(device), ids);
                    (vec![number(device)], ids.clone())
                }
                Effect::Push { device, ids, .. } => {
                    self.check_quiet(ids);
                    self.push(number(device), ids);
                    count(ids, &mut rings);
                    self.check_alive(&[number(device)], ids, on_phone);
                    continue;
                }
                Effect::Recall => panic!("there are few messages"),
                Effect::Trace { id, traced } => {
                    if matches!(traced.outcome, Outcome::Seen | Outcome::Taken) {
                        self.settled.insert(index(*id));
                    }
                    continue;
                }
                Effect::CancelPush { device, ids } => {
                    for id in ids {
                        let pushed = self.pushed.remove(&(number(device), index(*id)));
                        assert!(pushed, "nothing to cancel: {effects:?}");
                    }
                    continue;
                }
            };
            if !devices.is_empty() {
                self.check_quiet(&ids);
            }
            for d in &devices {
                assert!(self.open.contains(d), "not connected: {effects:?}");
                count(&ids, &mut rings);
            }
            if !devices.is_empty() {
                self.check_alive(&devices, &ids, on_phone);
            }
            if self.answering.is_some_and(|d| devices.contains(&d)) {
                self.to_show.extend(ids.iter().map(|id| index(*id)));
            }
        }
        self.check_single(&rings, effects);
    }

    fn forget_witnesses(&mut self, d: usize, ids: &[MessageId]) {
        for id in ids {
            self.seen.remove(&index(*id));
            if self.before_someone.get(&index(*id)) == Some(&d) {
                self.before_someone.remove(&index(*id));
            }
        }
    }

    fn ring_later(&self, d: usize, ids: &[MessageId]) {
        for id in ids {
            let witness = self.before_someone.get(&index(*id));
            assert_eq!(witness, None, "{id} rings on {d} though someone has it");
        }
    }

    fn push(&mut self, d: usize, ids: &[MessageId]) {
        assert!(self.registered.contains(&d), "not registered");
        assert!(!self.open.contains(&d), "its stream is open");
        for id in ids {
            let new = self.pushed.insert((d, index(*id)));
            assert!(new, "pushed twice without an answer");
            let witness = self.before_someone.get(&index(*id));
            let urgent = self.messages[&index(*id)].priority == Priority::Urgent;
            assert!(witness.is_none() || urgent, "pushed though someone has it");
        }
    }

    fn check_quiet(&self, ids: &[MessageId]) {
        for id in ids {
            let urgent = self.messages[&index(*id)].priority == Priority::Urgent;
            let breaks_through = urgent && !self.chosen.urgent_waits;
            assert!(!self.chosen.quiet || breaks_through, "{id} rings in quiet");
        }
    }

    fn check_alive(&self, on: &[usize], ids: &[MessageId], on_phone: &[(usize, usize)]) {
        for id in ids {
            let m = index(*id);
            assert!(self.is_live(m), "m{m} is read, withdrawn, expired or low");
            let has = |d: &usize| on_phone.contains(&(*d, m));
            assert!(!on.iter().any(has), "m{m} is on that phone already");
        }
    }

    fn check_single(&self, rings: &BTreeMap<usize, usize>, effects: &[Effect]) {
        if self.someone_may_be_anywhere() || !self.punctual {
            return;
        }
        for (m, times) in rings {
            let urgent = self.messages[m].priority == Priority::Urgent;
            assert!(urgent || *times == 1, "m{m} rings twice: {effects:?}");
        }
    }

    /// From here on one device answers, and time goes on.
    fn end_with(&mut self, d: usize) {
        self.choose(Chosen::default());
        self.answering = Some(d);
        self.punctual = true;
        self.connect(d, Some((PresenceState::Active, Some(0))));
        for _ in 0..80 {
            self.wait(Duration::from_secs(1));
            for m in core::mem::take(&mut self.to_show) {
                self.show(d, m, false);
            }
            if d < PHONE {
                self.beat(d, Some(0));
            }
        }
    }

    fn check_nothing_is_missed(&self) {
        for m in self.messages.keys().filter(|m| self.is_live(**m)) {
            let taken = self.taken.iter().any(|(_, taken)| taken == m);
            let noticed =
                taken || self.on_phone.iter().any(|(_, on)| on == m) || self.seen.contains(m);
            assert!(noticed, "nobody noticed m{m}: {:?}", self.router);
        }
    }

    fn check_is_idle_once_all_is_over(&mut self) {
        for m in 0..MESSAGES {
            self.play(Step::Read(m));
        }
        for d in 0..DEVICES.len() {
            self.disconnect(d, true);
        }
        assert!(self.router.is_idle(), "{:?}", self.router);
        assert_eq!(self.router.next_wakeup(), None);
    }
}

fn count(ids: &[MessageId], rings: &mut BTreeMap<usize, usize>) {
    for id in ids {
        *rings.entry(index(*id)).or_default() += 1;
    }
}

fn accepted(m: usize, at: Instant, priority: Priority, expires: Option<Instant>) -> Accepted {
    Accepted {
        id: id(m),
        publisher: None,
        priority,
        at,
        expires,
        except: None,
        only: None,
    }
}

fn presence(state: PresenceState, age: Option<u16>) -> Presence {
    Presence {
        state,
        reason: None,
        last_input_ms: age.map(|age| u64::from(age) * 1000),
    }
}

fn device(d: usize) -> DeviceId {
    script::id(DEVICES[d])
}

fn number(device: &DeviceId) -> usize {
    DEVICES
        .iter()
        .position(|name| *name == device.as_str())
        .unwrap()
}

fn id(m: usize) -> MessageId {
    script::message(&format!("m{m}"))
}

fn index(id: MessageId) -> usize {
    let text = id.to_string();
    text.rsplit('-').next().unwrap().parse().unwrap()
}

fn without_files() -> Config {
    Config {
        failure_persistence: None,
        ..Config::default()
    }
}

proptest! {
    #![proptest_config(without_files())]

    #[test]
    fn whatever_happens_a_phone_gets_what_nobody_noticed(
        pending in 0..3_usize,
        punctual in any::<bool>(),
        steps in prop::collection::vec(step(), 0..80),
    ) {
        let mut world = World::new(pending, punctual);
        for step in steps {
            world.play(step);
        }
        world.end_with(PHONE);
        for d in 0..PHONE {
            world.disconnect(d, true);
        }
        world.wait(Duration::from_secs(1));
        for m in core::mem::take(&mut world.to_show) {
            world.show(PHONE, m, false);
        }
        world.check_nothing_is_missed();
        world.check_is_idle_once_all_is_over();
    }

    #[test]
    fn whatever_happens_an_active_desktop_gets_what_nobody_noticed(
        pending in 0..3_usize,
        punctual in any::<bool>(),
        steps in prop::collection::vec(step(), 0..80),
    ) {
        let mut world = World::new(pending, punctual);
        for step in steps {
            world.play(step);
        }
        world.end_with(0);
        world.check_nothing_is_missed();
        world.check_is_idle_once_all_is_over();
    }

    #[test]
    fn whatever_happens_another_phone_gets_what_lies_on_one(
        before in prop::collection::vec(step(), 0..40),
        meanwhile in prop::collection::vec(step(), 0..80),
    ) {
        let mut world = World::new(0, true);
        for step in before {
            world.play(step);
        }
        world.choose(Chosen::default());
        for d in 0..PHONE {
            world.disconnect(d, true);
        }
        world.connect(PHONE, None);
        world.accept(MESSAGES, Priority::Default, None);
        world.show(PHONE, MESSAGES, false);
        for step in meanwhile {
            match step {
                Step::Wait(millis) => world.wait(Duration::from_millis((millis % 2_000).into())),
                Step::Choose(_) | Step::Restart => {}
                step => world.play(step),
            }
        }
        for d in 0..PHONE {
            world.disconnect(d, true);
        }
        for _ in 0..4 {
            world.end_with(PHONE + 1);
        }
        prop_assert!(world.on_phone.contains(&(PHONE + 1, MESSAGES)), "{:?}", world.router);
    }
}
