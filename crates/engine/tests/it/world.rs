//! Random worlds: a server with a log, a wire that breaks, a disk that fails, a person who comes
//! and goes, and crashes. After every event the engine's promises are checked.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hither_engine::{
    Command, Effect, Event, OutboxSeq, Sensed, StoreFailed, StoreOp, ToastEvent, ToastKey,
};
use hither_protocol::{
    AlertStyle, AlertWhy, ClientFrame, Cursor, FirstAlert, InactiveReason, Message, MessageId,
    Presence, PresenceState, Priority, ServerFrame, WithdrawWhy,
};
use proptest::prelude::*;

use crate::desk::{
    self, Desk, closed, cursor, frame, id, idle, locked, lost, message, unreachable,
};

/// What happens next.
#[derive(Clone, Debug)]
enum Happening {
    Publish {
        now: bool,
        urgent: bool,
    },
    ReadElsewhere(u128),
    Recall(u128),
    RingAgain {
        which: Vec<u128>,
        summary: bool,
    },
    /// The stream opens, if the engine asked for one.
    Accept,
    Refuse,
    Break {
        code: Option<u16>,
    },
    /// So many frames reach the companion in one round, if its disk is idle.
    ToClient(usize),
    /// So many frames reach the server.
    ToServer(usize),
    Stored,
    StoreFailed,
    /// Dies; the batch under way reached the disk or did not.
    Crash {
        stored: bool,
    },
    Idle(Option<u64>),
    Locked(bool),
    Asleep(bool),
    NetworkChanged,
    /// The notification daemon answers the oldest request.
    ToastAnswered {
        up: bool,
    },
    Click(u128),
    Read(u128),
    ReadAll,
    Pause(Option<u64>),
    Resume,
    /// So many of the engine's own wake-ups, or as many seconds.
    Sleep {
        wakes: usize,
        seconds: u64,
    },
}

fn happening() -> impl Strategy<Value = Happening> {
    let which = 1_u128..12;
    prop_oneof![
        6 => (any::<bool>(), prop::bool::weighted(0.2))
            .prop_map(|(now, urgent)| Happening::Publish { now, urgent }),
        2 => which.clone().prop_map(Happening::ReadElsewhere),
        1 => which.clone().prop_map(Happening::Recall),
        3 => (prop::collection::vec(which.clone(), 0..6), any::<bool>())
            .prop_map(|(which, summary)| Happening::RingAgain { which, summary }),
        6 => Just(Happening::Accept),
        1 => Just(Happening::Refuse),
        1 => prop::option::of(prop::sample::select(vec![1012, 1013, 4400, 4408, 4410, 4413, 4429]))
            .prop_map(|code| Happening::Break { code }),
        10 => (1_usize..8).prop_map(Happening::ToClient),
        8 => (1_usize..8).prop_map(Happening::ToServer),
        10 => Just(Happening::Stored),
        1 => Just(Happening::StoreFailed),
        1 => any::<bool>().prop_map(|stored| Happening::Crash { stored }),
        6 => prop::option::weighted(0.9, prop_oneof![0_u64..20, 170_u64..400])
            .prop_map(Happening::Idle),
        2 => any::<bool>().prop_map(Happening::Locked),
        1 => any::<bool>().prop_map(Happening::Asleep),
        1 => Just(Happening::NetworkChanged),
        6 => prop::bool::weighted(0.9).prop_map(|up| Happening::ToastAnswered { up }),
        1 => which.clone().prop_map(Happening::Click),
        1 => which.prop_map(Happening::Read),
        1 => Just(Happening::ReadAll),
        1 => prop::option::of(1_u64..600).prop_map(Happening::Pause),
        1 => Just(Happening::Resume),
        6 => (0_usize..4, 0_u64..40)
            .prop_map(|(wakes, seconds)| Happening::Sleep { wakes, seconds }),
    ]
}

#[derive(Clone, Debug)]
enum Entry {
    Message(Box<Message>, FirstAlert),
    Read(MessageId),
    Withdraw(MessageId),
}

/// The server's end of the stream.
#[derive(Debug, Default)]
struct Wire {
    asked_for: bool,
    open: bool,
    welcomed: bool,
    to_client: VecDeque<ServerFrame>,
    to_server: VecDeque<ClientFrame>,
    presence: Option<Presence>,
}

/// Everything around one companion.
struct World {
    desk: Desk,
    wire: Wire,
    log: Vec<Entry>,
    /// Frames that the server took in, of all time.
    received: Vec<ClientFrame>,
    /// What the engine put into its outbox and has not dropped.
    promised: BTreeMap<OutboxSeq, ClientFrame>,
    toasts: VecDeque<ToastKey>,
    toasts_failed: bool,
    /// Read or withdrawn, as far as this companion was told.
    taken_back: BTreeSet<MessageId>,
    /// Of those, what the disk does not know yet.
    untold: Vec<MessageId>,
    /// Times a message may pop up by itself: once, and once more per crash, failure or ring.
    may_show: BTreeMap<MessageId, usize>,
    seed: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            desk: Desk::with_seed(desk::ada(), seed),
            wire: Wire::default(),
            log: Vec::new(),
            received: Vec::new(),
            promised: BTreeMap::new(),
            toasts: VecDeque::new(),
            toasts_failed: false,
            taken_back: BTreeSet::new(),
            untold: Vec::new(),
            may_show: BTreeMap::new(),
            seed,
        };
        world.on(Event::Started);
        world
    }

    /// Hands an event in and looks at everything that follows from it.
    fn on(&mut self, event: Event) -> Vec<Effect> {
        let effects = self.desk.on(event);
        for effect in &effects {
            self.check(effect);
        }
        self.check_wakeup();
        effects
    }

    fn check(&mut self, effect: &Effect) {
        match effect {
            Effect::Connect { .. } => {
                self.wire = Wire {
                    asked_for: true,
                    ..Wire::default()
                };
            }
            Effect::Disconnect => self.wire = Wire::default(),
            Effect::Send(frame) => self.check_sent(frame),
            Effect::Store(StoreOp::PutOutbox(seq, frame)) => {
                self.promised.insert(*seq, frame.clone());
            }
            Effect::Store(StoreOp::DropOutbox(seq)) => {
                let kept = self.promised.split_off(&(seq + 1));
                for frame in self.promised.values() {
                    assert!(
                        self.received.contains(frame),
                        "dropped unconfirmed: {frame:?}"
                    );
                }
                self.promised = kept;
            }
            Effect::Store(StoreOp::MarkRead { ids, cursor, .. }) => {
                self.taken_back.extend(ids);
                if cursor.is_some() {
                    self.untold.extend(ids);
                }
            }
            Effect::Store(StoreOp::Withdraw { ids, .. }) => {
                self.taken_back.extend(ids);
                self.untold.extend(ids);
            }
            Effect::ShowToast(toast) => {
                if let ToastKey::Message(id) = toast.key {
                    assert!(
                        !self.taken_back.contains(&id),
                        "shown after it was read: {id}"
                    );
                    let left = self.may_show.entry(id).or_insert(1);
                    assert!(*left > 0, "shown twice: {id}");
                    *left -= 1;
                }
                for line in toast.body.lines() {
                    if let Some(number) = line.strip_prefix("CI: T") {
                        let id = id(number.parse().unwrap());
                        assert!(
                            !self.taken_back.contains(&id),
                            "summed up after it was read: {id}"
                        );
                    }
                }
                self.toasts.push_back(toast.key.clone());
            }
            Effect::WithdrawToast(key) => {
                self.toasts.retain(|shown| shown != key);
                if let ToastKey::Message(id) = key
                    && self.is_away()
                {
                    // It comes again when the person does.
                    *self.may_show.entry(*id).or_insert(1) += 1;
                }
            }
            _ => {}
        }
    }

    fn check_sent(&mut self, frame: &ClientFrame) {
        assert!(self.wire.open, "said into nothing: {frame:?}");
        match frame {
            ClientFrame::Hello {
                cursor, presence, ..
            } => {
                assert!(self.wire.to_server.is_empty(), "hello goes first");
                assert!(at(cursor.as_ref()) <= at(self.desk.disk.cursor.as_ref()));
                self.wire.presence = *presence;
            }
            frame => {
                assert!(self.wire.welcomed, "said before welcome: {frame:?}");
                if let ClientFrame::Ack { cursor } = frame {
                    let stored = at(self.desk.disk.cursor.as_ref());
                    assert!(at(Some(cursor)) <= stored, "acked what is not stored");
                }
            }
        }
        self.wire.to_server.push_back(frame.clone());
    }

    /// A wake-up that is due makes progress: it does not stay due for ever.
    fn check_wakeup(&mut self) {
        for _ in 0..10 {
            match self.desk.engine.next_wakeup() {
                Some(at) if at.since_zero() <= self.desk.elapsed => {
                    let effects = self.desk.on(Event::WokeUp);
                    for effect in &effects {
                        self.check(effect);
                    }
                }
                _ => return,
            }
        }
        panic!("busy loop: {:#?}", self.desk.engine);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Publish { now, urgent } => self.publish(now, urgent),
            Happening::ReadElsewhere(which) if self.is_published(which) => {
                self.append(Entry::Read(id(which)));
            }
            Happening::Recall(which) if self.is_published(which) => {
                self.append(Entry::Withdraw(id(which)));
            }
            Happening::RingAgain { which, summary } => self.ring(which, summary),
            Happening::Accept => self.accept(),
            Happening::Refuse if self.wire.asked_for => {
                self.wire = Wire::default();
                self.on(unreachable());
            }
            Happening::ReadElsewhere(_) | Happening::Recall(_) | Happening::Refuse => {}
            Happening::Break { code } => self.break_off(code),
            Happening::ToClient(frames) => self.deliver_to_client(frames),
            Happening::ToServer(frames) => self.deliver_to_server(frames),
            Happening::Stored => self.stored(),
            Happening::StoreFailed => self.store_failed(),
            Happening::Crash { stored } => self.crash(stored),
            Happening::Idle(age) => {
                self.on(age.map_or(Event::Sensed(Sensed::Idle(None)), idle));
            }
            Happening::Locked(on) => {
                self.on(locked(on));
            }
            Happening::Asleep(asleep) => {
                self.on(Event::Sensed(Sensed::Sleeping(asleep)));
            }
            Happening::NetworkChanged => {
                self.on(Event::Sensed(Sensed::NetworkChanged));
            }
            Happening::ToastAnswered { up } => self.answer_toast(up),
            // Nobody touches what is not here.
            Happening::Click(which) | Happening::Read(which)
                if self.desk.disk.row(id(which)).is_none() => {}
            Happening::Click(which) => {
                self.on(Event::Toast(ToastEvent::Clicked(ToastKey::Message(id(
                    which,
                )))));
            }
            Happening::Read(which) => {
                self.on(desk::read_here([which]));
            }
            Happening::ReadAll => {
                self.on(Event::Command(Command::MarkAllRead));
            }
            Happening::Pause(seconds) => {
                let wall = self.desk.now().wall.timestamp();
                let until = seconds.map(|seconds| wall + desk::secs(seconds));
                self.on(Event::Command(Command::Pause { until }));
            }
            Happening::Resume => {
                self.on(Event::Command(Command::Resume));
            }
            Happening::Sleep { wakes, seconds } => self.sleep(wakes, seconds),
        }
    }

    fn is_published(&self, which: u128) -> bool {
        let entry = usize::try_from(which).unwrap() - 1;
        matches!(self.log.get(entry), Some(Entry::Message(..)))
    }

    fn publish(&mut self, now: bool, urgent: bool) {
        let mut message = message(self.log.len() as u128 + 1);
        if urgent {
            message.priority = Priority::Urgent;
        }
        let first = if now {
            FirstAlert::Now
        } else {
            FirstAlert::Silent
        };
        self.append(Entry::Message(Box::new(message), first));
    }

    fn append(&mut self, entry: Entry) {
        self.log.push(entry);
        if self.wire.welcomed {
            let frame = self.entry(self.log.len(), true);
            self.wire.to_client.push_back(frame);
        }
    }

    /// Entry *n* of the log, counted from 1, as a frame. What comes again is silent.
    fn entry(&self, number: usize, live: bool) -> ServerFrame {
        let cursor = cursor(number);
        match self.log[number - 1].clone() {
            Entry::Message(message, first) => ServerFrame::Message {
                cursor,
                alert: if live { first } else { FirstAlert::Silent },
                message,
            },
            Entry::Read(id) => ServerFrame::Read {
                cursor,
                ids: vec![id],
            },
            Entry::Withdraw(id) => ServerFrame::Withdraw {
                cursor,
                ids: vec![id],
                why: WithdrawWhy::Recalled,
            },
        }
    }

    fn ring(&mut self, which: Vec<u128>, summary: bool) {
        let ids: Vec<_> = which.into_iter().map(id).collect();
        for id in &ids {
            *self.may_show.entry(*id).or_insert(1) += 1;
        }
        if self.wire.welcomed {
            self.wire.to_client.push_back(ServerFrame::Alert {
                ids,
                style: if summary {
                    AlertStyle::Summary
                } else {
                    AlertStyle::Each
                },
                why: AlertWhy::NotShown,
            });
        }
    }

    fn accept(&mut self) {
        if self.wire.asked_for {
            self.wire.asked_for = false;
            self.wire.open = true;
            self.on(Event::Opened);
        }
    }

    fn break_off(&mut self, code: Option<u16>) {
        if self.wire.open {
            self.wire = Wire::default();
            self.on(code.map_or_else(lost, closed));
        }
    }

    fn deliver_to_client(&mut self, frames: usize) {
        if self.desk.batch.is_empty() {
            for _ in 0..frames {
                let Some(next) = self.wire.to_client.pop_front() else {
                    return;
                };
                self.on(frame(next));
            }
        }
    }

    fn deliver_to_server(&mut self, frames: usize) {
        for _ in 0..frames {
            let Some(said) = self.wire.to_server.pop_front() else {
                return;
            };
            self.received.push(said.clone());
            match said {
                ClientFrame::Hello { cursor, .. } => self.welcome(cursor.as_ref()),
                ClientFrame::Ping { .. } => {
                    let pong = ServerFrame::Pong { sent_ms: None };
                    self.wire.to_client.push_back(pong);
                }
                ClientFrame::Presence { presence, .. } => self.wire.presence = Some(presence),
                _ => {}
            }
        }
    }

    fn welcome(&mut self, since: Option<&Cursor>) {
        self.wire.welcomed = true;
        let Event::Frame(welcome) = desk::welcome() else {
            return;
        };
        self.wire.to_client.push_back(welcome);
        for number in at(since) + 1..=self.log.len() {
            let entry = self.entry(number, false);
            self.wire.to_client.push_back(entry);
        }
        let synced = ServerFrame::Synced {
            cursor: cursor(self.log.len()),
        };
        self.wire.to_client.push_back(synced);
    }

    /// Whether a message that is fresh on disk must pop up with it.
    fn must_show(&self, op: &StoreOp) -> Option<MessageId> {
        let StoreOp::Save {
            message, alert_due, ..
        } = op
        else {
            return None;
        };
        let away = self.is_away();
        let silent = !alert_due
            || self.desk.engine.view().paused_until.is_some()
            || self.taken_back.contains(&message.id)
            || self.desk.disk.row(message.id).is_some()
            || (away && message.priority != Priority::Urgent);
        (!silent).then_some(message.id)
    }

    fn is_away(&self) -> bool {
        let reason = self.desk.engine.view().presence.reason;
        reason.is_some_and(|reason| reason != InactiveReason::Idle)
    }

    fn stored(&mut self) {
        if self.desk.batch.is_empty() {
            return;
        }
        let due: BTreeSet<_> = self
            .desk
            .batch
            .iter()
            .filter_map(|op| self.must_show(op))
            .collect();
        self.untold.clear();
        let effects = self.desk.store();
        for effect in &effects {
            self.check(effect);
        }
        for id in due {
            let shows = |effect: &Effect| matches!(effect, Effect::ShowToast(toast) if toast.key == ToastKey::Message(id));
            assert!(effects.iter().any(shows), "not shown: {id}");
        }
        self.check_wakeup();
    }

    fn store_failed(&mut self) {
        if self.desk.batch.is_empty() {
            return;
        }
        self.desk.batch.clear();
        // What the server told comes again, and until then the row stands as it stood.
        for id in self.untold.drain(..) {
            self.taken_back.remove(&id);
        }
        self.on(Event::StoreFailed(StoreFailed::DiskFull));
    }

    fn crash(&mut self, stored: bool) {
        let at = self.desk.now().wall.timestamp();
        let batch = core::mem::take(&mut self.desk.batch);
        if stored {
            for op in batch {
                self.desk.disk.apply(op, at);
            }
        }
        self.seed += 1;
        let elapsed = self.desk.elapsed;
        self.desk = Desk::with_seed(self.desk.disk.clone(), self.seed);
        self.desk.elapsed = elapsed;
        self.wire = Wire::default();
        self.promised = self.desk.disk.outbox.clone();
        self.toasts.clear();
        self.untold.clear();
        self.taken_back = (1..=self.log.len() as u128)
            .map(id)
            .filter(|id| {
                self.desk
                    .disk
                    .row(*id)
                    .is_some_and(crate::disk::Row::is_read)
            })
            .collect();
        for number in 1..=self.log.len() as u128 {
            *self.may_show.entry(id(number)).or_insert(1) += 1;
        }
        self.on(Event::Started);
    }

    fn answer_toast(&mut self, up: bool) {
        let Some(key) = self.toasts.pop_front() else {
            return;
        };
        if let ToastKey::Message(id) = &key
            && !up
        {
            *self.may_show.entry(*id).or_insert(1) += 1;
        }
        self.toasts_failed |= !up;
        self.on(Event::Toast(if up {
            ToastEvent::Up { key, stays: true }
        } else {
            ToastEvent::Failed(key, "no daemon".to_owned())
        }));
    }

    fn sleep(&mut self, wakes: usize, seconds: u64) {
        for _ in 0..wakes {
            if let Some(at) = self.desk.engine.next_wakeup() {
                self.desk.elapsed = self.desk.elapsed.max(at.since_zero());
                self.on(Event::WokeUp);
            }
        }
        self.desk.elapsed += Duration::from_secs(seconds);
        self.check_wakeup();
    }

    /// Everything heals, and the person sits down.
    fn heal(&mut self) {
        self.on(Event::Sensed(Sensed::Sleeping(false)));
        self.on(locked(false));
        self.on(Event::Command(Command::Resume));
        for _ in 0..40 {
            self.accept();
            self.exchange();
            self.answer_toast(true);
            self.sleep(1, 0);
            self.on(idle(0));
            self.exchange();
        }
    }

    /// Sensor, wire and disk do all they can.
    fn exchange(&mut self) {
        for _ in 0..4 {
            self.on(idle(0));
            self.stored();
            self.deliver_to_server(usize::MAX);
            self.deliver_to_client(usize::MAX);
        }
        self.stored();
    }

    /// After healing, both ends know the same.
    fn check_healed(&self) {
        let disk = &self.desk.disk;
        assert_eq!(at(disk.cursor.as_ref()), self.log.len(), "the log is here");
        for (number, entry) in self.log.iter().enumerate() {
            match entry {
                Entry::Message(message, _) => {
                    let later = &self.log[number..];
                    let gone = later
                        .iter()
                        .any(|entry| matches!(entry, Entry::Withdraw(id) if *id == message.id));
                    assert_eq!(disk.row(message.id).is_none(), gone, "{}", message.id);
                    let read = later
                        .iter()
                        .any(|entry| matches!(entry, Entry::Read(id) if *id == message.id));
                    let row = disk.row(message.id);
                    assert!(!read || row.is_none_or(crate::disk::Row::is_read));
                }
                Entry::Read(_) | Entry::Withdraw(_) => {}
            }
        }
        for frame in self.promised.values() {
            assert!(self.received.contains(frame), "never said: {frame:?}");
        }
        // A pop-up that failed stays due until the next start or return.
        let due = disk.rows.iter().filter(|row| row.due && !row.is_read());
        assert!(
            self.toasts_failed || due.count() == 0,
            "alerts due and not shown"
        );
        let view = self.desk.engine.view();
        assert_eq!(view.presence.state, PresenceState::Active);
        let told = self.wire.presence.map(|presence| presence.state);
        assert_eq!(told, Some(PresenceState::Active), "the server knows");
        assert_eq!(view.glance, disk.glance());
        assert_eq!(view.connection, hither_engine::view::ConnectionView::Online);
    }
}

fn at(cursor: Option<&Cursor>) -> usize {
    cursor.map_or(0, |cursor| cursor.as_str()[1..].parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_engine_keeps_its_promises(
        seed in any::<u64>(),
        happenings in prop::collection::vec(happening(), 1..150),
    ) {
        let mut world = World::new(seed);
        for happening in happenings {
            world.happen(happening);
        }
        world.heal();
        world.check_healed();
    }
}
