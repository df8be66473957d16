//! The server: the real protocol of a stream and the real router over a model of the store.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use hither_attention::{Accepted, Effect, Event, PoppedUp, Router, Timings, Unsettled};
use hither_protocol::{
    AccountName, ClientFrame, DeviceId, DeviceKind, FirstAlert, Instant, Message, MessageId,
    Outcome, Policy, Presence, PresenceState, Priority, ServerFrame, Timestamp,
};
use hither_server::session::{Identified, Input, Output, Session, Taken, Write};
use hither_server::store::{
    ClientId, Cursors, DeviceRecord, Entry, Epoch, Identity, Page, Position, What,
};

use crate::world::{Conn, Due, Life, Node, World};

/// So few entries at once that backlogs have several pages.
const PAGE: usize = 3;

/// What popped up so long ago is not handed over any more.
const LATELY: Duration = Duration::from_hours(1);

/// What the disk holds.
#[derive(Default)]
struct Durable {
    log: Vec<Arc<Entry>>,
    messages: BTreeMap<MessageId, (Priority, Instant)>,
    read: BTreeMap<MessageId, Timestamp>,
    /// Where, and since when, and whether it stays until there is input.
    shown: BTreeMap<MessageId, BTreeMap<Node, (Instant, bool)>>,
    /// Seen on some screen, as the trace says.
    seen: BTreeSet<MessageId>,
}

impl Durable {
    fn popped_up(&self, id: MessageId) -> Vec<PoppedUp> {
        let shown = self.shown.get(&id).into_iter().flatten();
        let shown = shown.map(|(node, (at, stays))| PoppedUp {
            on: device(*node),
            at: *at,
            stays: *stays,
        });
        shown.collect()
    }

    /// Whether perhaps nobody was alerted.
    fn is_unsettled(&self, one: &Unsettled, now: Instant) -> bool {
        let id = one.message.id;
        let on_phone = one.shown.iter().any(|one| one.on == device(Node::Phone));
        let lately = |one: &PoppedUp| now.since(one.at) < LATELY;
        let unseen = one.shown.iter().any(lately) && !on_phone && !self.seen.contains(&id);
        !self.read.contains_key(&id) && (one.shown.is_empty() || unseen)
    }
}

/// What the store is asked, and answers a moment later.
#[derive(Debug)]
pub(crate) enum Ask {
    Identify,
    Page(Position),
    Write(Write),
}

struct Stream {
    node: Node,
    session: Session,
    /// Frames of the client that the session did not want yet.
    frames: VecDeque<ClientFrame>,
    /// Entries and alerts that the session did not want yet.
    live: VecDeque<Input>,
    attached: bool,
    announced: bool,
    opened: Instant,
}

impl Stream {
    fn age(&self, world: &World) -> Duration {
        world.now.since(self.opened)
    }

    fn delay(&self, world: &World, taken: Taken) -> Option<Duration> {
        Some(self.age(world).saturating_sub(taken?))
    }
}

/// Of the rule a minute, less what readings may be late.
const SHORTEST_PAUSE: Duration = Duration::from_secs(50);

pub(crate) struct Server {
    disk: Durable,
    life: Life,
    up: bool,
    router: Router,
    streams: BTreeMap<Conn, Stream>,
    crash_chance: f64,
    duplicate_chance: f64,
    /// Shown by a device, and nothing since says that nobody sat there.
    settled: BTreeMap<MessageId, Node>,
    at_the_desktop: bool,
    /// At the desktop, as far as it told.
    last_input: Duration,
    pub(crate) crashes: u64,
    pub(crate) wrong: Vec<String>,
}

impl Server {
    pub(crate) fn new(crash_chance: f64, duplicate_chance: f64) -> Self {
        Self {
            disk: Durable::default(),
            life: Life(0),
            up: true,
            router: Router::new(Timings::default()),
            streams: BTreeMap::new(),
            crash_chance,
            duplicate_chance,
            settled: BTreeMap::new(),
            at_the_desktop: false,
            last_input: Duration::ZERO,
            crashes: 0,
            wrong: Vec::new(),
        }
    }

    pub(crate) fn accepted(&self) -> impl Iterator<Item = (MessageId, Priority)> {
        let messages = self.disk.messages.iter();
        messages.map(|(id, (priority, _))| (*id, *priority))
    }

    pub(crate) fn is_read(&self, id: MessageId) -> bool {
        self.disk.read.contains_key(&id)
    }

    pub(crate) fn no_more_faults(&mut self) {
        self.crash_chance = 0.0;
        self.duplicate_chance = 0.0;
    }

    /// Stores a message and delivers it; `false` when the publisher got no answer.
    pub(crate) fn publish(&mut self, world: &mut World, message: Message) -> bool {
        if !self.up || self.crashes_here(world) {
            return false;
        }
        let (id, priority) = (message.id, message.priority);
        self.disk.messages.insert(id, (priority, world.now));
        self.commit(What::Message(Arc::new(message)));
        if self.crashes_here(world) {
            return false;
        }
        let accepted = Accepted {
            id,
            publisher: None,
            priority,
            at: world.now,
            expires: None,
            except: None,
            only: None,
        };
        self.route(world, Event::Accepted(accepted));
        self.pump(world);
        true
    }

    pub(crate) fn dialled(&mut self, now: Instant, conn: Conn, node: Node) -> bool {
        if self.up {
            let stream = Stream {
                node,
                session: Session::new(cursors()),
                frames: VecDeque::new(),
                live: VecDeque::new(),
                attached: false,
                announced: false,
                opened: now,
            };
            self.streams.insert(conn, stream);
        }
        self.up
    }

    pub(crate) fn frame(&mut self, world: &mut World, conn: Conn, frame: ClientFrame) {
        if let Some(stream) = self.streams.get_mut(&conn) {
            stream.frames.push_back(frame);
            self.pump(world);
        }
    }

    /// The store answers what a stream asked.
    pub(crate) fn answer(&mut self, world: &mut World, conn: Conn, ask: Ask) {
        let Some(node) = self.streams.get(&conn).map(|stream| stream.node) else {
            return;
        };
        if self.crashes_here(world) {
            return;
        }
        let input = match ask {
            Ask::Identify => Input::Identified(Ok(Identified {
                identity: identity(node),
                head: self.head(),
                at: world.wall(),
                policy: Policy::default(),
            })),
            Ask::Page(after) => Input::Page {
                page: self.page(after),
                never: Vec::new(),
            },
            Ask::Write(write) => {
                self.write(world, node, write);
                Input::Written
            }
        };
        self.step(world, conn, input);
        self.pump(world);
    }

    pub(crate) fn hung_up(&mut self, world: &mut World, conn: Conn, goodbye: bool) {
        self.remove(world, conn, goodbye);
        self.pump(world);
    }

    pub(crate) fn wake(&mut self, world: &mut World, life: Life) {
        let due = self.router.next_wakeup();
        if self.up && life == self.life && due.is_some_and(|due| due <= world.now) {
            self.route(world, Event::WokeUp);
            self.pump(world);
        }
    }

    pub(crate) fn start(&mut self, world: &mut World) {
        self.up = true;
        self.life.0 += 1;
        let disk = &self.disk;
        let unsettled = disk.messages.iter().map(|(id, (priority, at))| Unsettled {
            message: Accepted {
                id: *id,
                publisher: None,
                priority: *priority,
                at: *at,
                expires: None,
                except: None,
                only: None,
            },
            shown: disk.popped_up(*id),
        });
        let unsettled = unsettled.filter(|one| disk.is_unsettled(one, world.now));
        self.router = Router::new(Timings::default());
        self.router.restore(unsettled.collect(), world.now);
        self.arm(world);
    }

    pub(crate) fn crash(&mut self, world: &mut World) {
        if !self.up {
            return;
        }
        self.up = false;
        self.life.0 += 1;
        self.crashes += 1;
        self.settled.clear();
        for conn in core::mem::take(&mut self.streams).into_keys() {
            world.server_leaves(conn, None);
        }
        let wait = world.between(200, 90_000);
        world.after(wait, Due::ServerStart);
    }

    /// Hands every stream what it wants of what waits for it.
    fn pump(&mut self, world: &mut World) {
        while let Some((conn, input)) = self.next_input() {
            if self.crashes_here(world) {
                return;
            }
            self.step(world, conn, input);
        }
    }

    fn next_input(&mut self) -> Option<(Conn, Input)> {
        self.streams.iter_mut().find_map(|(conn, stream)| {
            let live = stream.session.wants_live().then(|| stream.live.pop_front());
            let input = live.flatten().or_else(|| {
                let frame = stream
                    .session
                    .wants_frame()
                    .then(|| stream.frames.pop_front());
                frame.flatten().map(Input::Frame)
            });
            Some((*conn, input?))
        })
    }

    fn step(&mut self, world: &mut World, conn: Conn, input: Input) {
        let Some(stream) = self.streams.get_mut(&conn) else {
            return;
        };
        let mut outputs = Vec::new();
        stream.session.handle(input, &mut outputs);
        for output in outputs {
            if self.crashes_here(world) {
                return;
            }
            self.put_out(world, conn, output);
        }
    }

    fn put_out(&mut self, world: &mut World, conn: Conn, output: Output) {
        let Some(stream) = self.streams.get_mut(&conn) else {
            return;
        };
        let (node, device) = (stream.node, device(stream.node));
        match output {
            Output::Send(frame) => self.send(world, conn, frame),
            Output::Deliver(delivery) => self.send(world, conn, delivery.into()),
            Output::Close(code) => {
                world.server_leaves(conn, Some(code as u16));
                self.remove(world, conn, true);
            }
            Output::Identify { .. } => ask(world, conn, Ask::Identify),
            Output::ReadPage(after) => ask(world, conn, Ask::Page(after)),
            Output::Write(write) => ask(world, conn, Ask::Write(write)),
            Output::Attach(..) => {
                stream.attached = true;
                self.replace_older(world, conn, node);
            }
            Output::Pong => {
                let sent_ms = u64::try_from(stream.age(world).as_millis()).ok();
                self.send(world, conn, ServerFrame::Pong { sent_ms });
            }
            Output::Announce(presence, taken) => {
                stream.announced = true;
                let connected = Event::Connected {
                    device,
                    kind: kind(node),
                    presence,
                    delay: stream.delay(world, taken),
                };
                self.route(world, connected);
            }
            Output::Presence(presence, taken) => {
                let presence = Event::Presence {
                    device,
                    presence,
                    delay: stream.delay(world, taken),
                };
                self.route(world, presence);
            }
            Output::Heartbeat(last_input, taken) => {
                let heartbeat = Event::Heartbeat {
                    device,
                    last_input,
                    delay: stream.delay(world, taken),
                };
                self.route(world, heartbeat);
            }
        }
    }

    fn send(&self, world: &mut World, conn: Conn, frame: ServerFrame) {
        let twice = matches!(
            frame,
            ServerFrame::Message { .. } | ServerFrame::Read { .. }
        ) && world.chance(self.duplicate_chance);
        if twice {
            world.send_down(conn, frame.clone());
        }
        world.send_down(conn, frame);
    }

    fn replace_older(&mut self, world: &mut World, conn: Conn, node: Node) {
        let older = self.streams.iter();
        let older = older.filter(|(other, stream)| **other != conn && stream.node == node);
        let older: Vec<_> = older.map(|(other, _)| *other).collect();
        for other in older {
            self.streams.remove(&other);
            world.server_leaves(other, Some(4409));
        }
    }

    fn remove(&mut self, world: &mut World, conn: Conn, goodbye: bool) {
        let Some(stream) = self.streams.remove(&conn).filter(|stream| stream.announced) else {
            return;
        };
        let mut others = self.streams.values();
        if !others.any(|other| other.node == stream.node && other.announced) {
            let device = device(stream.node);
            self.route(world, Event::Disconnected { device, goodbye });
        }
    }

    fn write(&mut self, world: &mut World, node: Node, write: Write) {
        match write {
            Write::Shown(ids, stays) => {
                for id in &ids {
                    let shown = self.disk.shown.entry(*id).or_default();
                    shown.insert(node, (world.now, stays));
                }
                let device = device(node);
                self.route(world, Event::Shown { device, ids, stays });
            }
            Write::Read(ids) => self.read(world, ids),
            Write::Action(..) | Write::Ack(_) => {}
        }
    }

    fn read(&mut self, world: &mut World, mut ids: Vec<MessageId>) {
        let disk = &mut self.disk;
        ids.retain(|id| disk.messages.contains_key(id) && !disk.read.contains_key(id));
        if ids.is_empty() {
            return;
        }
        disk.read.extend(ids.iter().map(|id| (*id, world.wall())));
        let entry = self.commit(What::Read(ids.clone()));
        if self.crashes_here(world) {
            return;
        }
        self.fan_out(&entry, &[]);
        self.route(world, Event::Read { ids });
    }

    fn commit(&mut self, what: What) -> Arc<Entry> {
        let entry = Arc::new(Entry {
            position: Position(self.head().0 + 1),
            what,
        });
        self.disk.log.push(Arc::clone(&entry));
        entry
    }

    fn head(&self) -> Position {
        Position(self.disk.log.len() as u64)
    }

    fn page(&self, after: Position) -> Page {
        let rest = self.disk.log.iter().filter(|entry| entry.position > after);
        let entries: Vec<_> = rest.take(PAGE).map(|entry| self.as_known(entry)).collect();
        let upto = entries.last().map_or(after, |entry| entry.position);
        Page {
            entries,
            upto,
            more: upto < self.head(),
            gap: None,
        }
    }

    /// An entry with what is known about its message since.
    fn as_known(&self, entry: &Entry) -> Entry {
        let mut entry = entry.clone();
        if let What::Message(message) = &mut entry.what {
            Arc::make_mut(message).read_at = self.disk.read.get(&message.id).copied();
        }
        entry
    }

    fn route(&mut self, world: &mut World, event: Event) {
        let mut effects = Vec::new();
        self.note(world.now, &event);
        let late = self.router.next_wakeup();
        if late.is_some_and(|due| due <= world.now) {
            self.desktop_says(None);
        }
        self.router.handle(world.now, event, &mut effects);
        for effect in effects {
            world.tell(|| format!("  server: {effect:?}"));
            if self.crashes_here(world) {
                return;
            }
            self.carry_out(world, effect);
        }
        self.arm(world);
    }

    /// Keeps its own account of what is settled, to hold the router to it.
    fn note(&mut self, now: Instant, event: &Event) {
        self.note_input(now, event);
        match event {
            Event::Shown {
                device: on, ids, ..
            } if *on == device(Node::Phone) => {
                self.settled.extend(ids.iter().map(|id| (*id, Node::Phone)));
            }
            Event::Shown { ids, .. } if self.at_the_desktop => {
                self.settled
                    .extend(ids.iter().map(|id| (*id, Node::Desktop)));
            }
            Event::Connected {
                device: on,
                presence,
                ..
            } if *on == device(Node::Desktop) => {
                self.desktop_says(presence.as_ref());
            }
            Event::Presence { presence, .. } => self.desktop_says(Some(presence)),
            Event::Disconnected { device: on, .. } if *on == device(Node::Desktop) => {
                self.desktop_says(None);
            }
            _ => {}
        }
    }

    /// What popped up in a pause may ring again when the pause ends.
    fn note_input(&mut self, now: Instant, event: &Event) {
        let age = match event {
            Event::Heartbeat { last_input, .. } => *last_input,
            Event::Presence { presence, .. }
            | Event::Connected {
                presence: Some(presence),
                ..
            } => presence.last_input_ms.map(Duration::from_millis),
            _ => None,
        };
        let Some(at) = age.map(|age| now.since_zero().saturating_sub(age)) else {
            return;
        };
        if at > self.last_input + SHORTEST_PAUSE {
            self.settled.retain(|_, node| *node == Node::Phone);
        }
        self.last_input = self.last_input.max(at);
    }

    fn desktop_says(&mut self, presence: Option<&Presence>) {
        self.at_the_desktop = presence.is_some_and(|said| said.state == PresenceState::Active);
        if !self.at_the_desktop {
            self.settled.retain(|_, node| *node == Node::Phone);
        }
    }

    /// What a phone shows may be asked for at a desktop once more: the person need not be with it.
    fn must_ring(&mut self, world: &World, to: &DeviceId, ids: &[MessageId]) {
        let settles = |node: &Node| *node == Node::Desktop || *to == device(Node::Phone);
        for id in ids {
            let urgent = self.disk.messages[id].0 == Priority::Urgent;
            if self.disk.read.contains_key(id)
                || (!urgent && self.settled.get(id).is_some_and(settles))
            {
                self.wrong
                    .push(format!("{} rang for {id}, which was settled", world.now));
            }
        }
    }

    fn carry_out(&mut self, world: &mut World, effect: Effect) {
        match effect {
            Effect::Deliver { id, ring } => {
                let mut log = self.disk.log.iter().rev();
                let of = |entry: &&Arc<Entry>| matches!(&entry.what, What::Message(message) if message.id == id);
                let entry = Arc::clone(log.find(of).expect("delivered after its commit"));
                self.fan_out(&entry, &ring);
            }
            Effect::Alert {
                device: to,
                ids,
                style,
                why,
            } => {
                self.must_ring(world, &to, &ids);
                let mut streams = self.streams.values_mut();
                let to = streams.find(|stream| stream.announced && device(stream.node) == to);
                if let Some(stream) = to {
                    stream.live.push_back(Input::Alert { ids, style, why });
                }
            }
            Effect::Trace { id, traced } => {
                self.disk
                    .seen
                    .extend((traced.outcome == Outcome::Seen).then_some(id));
            }
            Effect::Push { .. } | Effect::CancelPush { .. } | Effect::Recall => {
                unreachable!("no phone registers for push in these days, and few messages wait")
            }
        }
    }

    fn fan_out(&mut self, entry: &Arc<Entry>, ring: &[DeviceId]) {
        for stream in self.streams.values_mut().filter(|stream| stream.attached) {
            let alert = if ring.contains(&device(stream.node)) {
                FirstAlert::Now
            } else {
                FirstAlert::Silent
            };
            let entry = Arc::clone(entry);
            stream.live.push_back(Input::Entry { entry, alert });
        }
    }

    fn arm(&mut self, world: &mut World) {
        if let Some(due) = self.router.next_wakeup() {
            world.at(due, Due::ServerWake(self.life));
        }
    }

    /// Perhaps crashes between any two steps.
    fn crashes_here(&mut self, world: &mut World) -> bool {
        if self.up && world.chance(self.crash_chance) {
            self.crash(world);
        }
        !self.up
    }
}

fn ask(world: &mut World, conn: Conn, ask: Ask) {
    let wait: Duration = world.between(0, 6);
    world.after(wait, Due::Answer(conn, ask));
}

fn account() -> AccountName {
    "ada".parse().expect("a valid account name")
}

fn cursors() -> Cursors {
    Cursors::new(Epoch(1), [7; 32])
}

fn kind(node: Node) -> DeviceKind {
    match node {
        Node::Desktop => DeviceKind::Desktop,
        Node::Phone => DeviceKind::Mobile,
    }
}

fn identity(node: Node) -> Identity {
    Identity {
        client: ClientId(node as i64),
        account: account(),
        device: DeviceRecord {
            id: device(node),
            name: "a device".into(),
            platform: "linux".into(),
            kind: kind(node),
        },
        application: "hither".into(),
        version: "0.1.0".into(),
        message_token: "hither_mt_1".into(),
        acked: None,
        expires_at: Timestamp::MAX,
    }
}

pub(crate) fn device(node: Node) -> DeviceId {
    let name = if node == Node::Desktop {
        "desk"
    } else {
        "phone"
    };
    name.parse().expect("a valid device id")
}
