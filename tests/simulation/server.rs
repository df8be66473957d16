//! The server as a model: a durable log, and the real router over volatile streams.

use std::collections::{BTreeMap, BTreeSet};

use hither_attention::{Accepted, Effect, Event, Router, Timings};
use hither_protocol::{
    ClientFrame, Cursor, DeviceId, DeviceKind, FirstAlert, Instant, Message, MessageId, Policy,
    Presence, PresenceState, Priority, ServerFrame,
};

use crate::world::{Conn, Due, Life, Node, World};

/// What the disk holds.
#[derive(Default)]
struct Durable {
    log: Vec<Logged>,
    messages: BTreeMap<MessageId, (Priority, Instant)>,
    read: BTreeSet<MessageId>,
    shown: BTreeSet<MessageId>,
}

enum Logged {
    Message(Box<Message>),
    Read(Vec<MessageId>),
}

struct Stream {
    node: Node,
    presence: Option<Presence>,
    synced: bool,
}

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
            crashes: 0,
            wrong: Vec::new(),
        }
    }

    pub(crate) fn accepted(&self) -> impl Iterator<Item = (MessageId, Priority)> {
        self.disk
            .messages
            .iter()
            .map(|(id, (priority, _))| (*id, *priority))
    }

    pub(crate) fn is_read(&self, id: MessageId) -> bool {
        self.disk.read.contains(&id)
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
        self.disk.log.push(Logged::Message(Box::new(message)));
        if self.crashes_here(world) {
            return false;
        }
        let accepted = Accepted {
            id,
            priority,
            at: world.now,
            expires: None,
        };
        self.route(world, Event::Accepted(accepted));
        true
    }

    pub(crate) fn dialled(&mut self, conn: Conn, node: Node) -> bool {
        if self.up {
            self.streams.insert(
                conn,
                Stream {
                    node,
                    presence: None,
                    synced: false,
                },
            );
        }
        self.up
    }

    pub(crate) fn frame(&mut self, world: &mut World, conn: Conn, frame: ClientFrame) {
        let Some(node) = self.streams.get(&conn).map(|stream| stream.node) else {
            return;
        };
        if self.crashes_here(world) {
            return;
        }
        let device = device(node);
        match frame {
            ClientFrame::Hello {
                cursor, presence, ..
            } => self.hello(world, conn, cursor, presence),
            ClientFrame::Presence { presence } => {
                let stream = self.streams.get_mut(&conn).expect("looked up above");
                stream.presence = Some(presence);
                if stream.synced {
                    self.route(world, Event::Presence { device, presence });
                }
            }
            ClientFrame::Ping { last_input_ms } => {
                let last_input = last_input_ms.map(core::time::Duration::from_millis);
                self.route(world, Event::Heartbeat { device, last_input });
                world.send_down(conn, ServerFrame::Pong);
            }
            ClientFrame::Shown { ids } => {
                self.disk.shown.extend(ids.iter().copied());
                self.route(world, Event::Shown { device, ids });
            }
            ClientFrame::Read { ids } => self.read(world, ids),
            ClientFrame::Ack { .. } | ClientFrame::Action { .. } | ClientFrame::Unknown => {}
        }
    }

    pub(crate) fn hung_up(&mut self, world: &mut World, conn: Conn, goodbye: bool) {
        let Some(stream) = self.streams.remove(&conn) else {
            return;
        };
        let node = stream.node;
        let another = self
            .streams
            .values()
            .any(|other| other.node == node && other.synced);
        if stream.synced && !another {
            let device = device(node);
            self.route(world, Event::Disconnected { device, goodbye });
        }
    }

    pub(crate) fn wake(&mut self, world: &mut World, life: Life) {
        let due = self.router.next_wakeup();
        if self.up && life == self.life && due.is_some_and(|due| due <= world.now) {
            self.route(world, Event::WokeUp);
        }
    }

    pub(crate) fn start(&mut self, world: &mut World) {
        self.up = true;
        self.life.0 += 1;
        let pending = self
            .disk
            .messages
            .iter()
            .filter(|(id, _)| !self.disk.read.contains(id) && !self.disk.shown.contains(id));
        let pending = pending.map(|(id, (priority, at))| Accepted {
            id: *id,
            priority: *priority,
            at: *at,
            expires: None,
        });
        self.router = Router::restored(Timings::default(), pending.collect(), world.now);
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

    fn hello(
        &mut self,
        world: &mut World,
        conn: Conn,
        cursor: Option<Cursor>,
        presence: Option<Presence>,
    ) {
        let node = self.streams[&conn].node;
        let older: Vec<Conn> = self
            .streams
            .iter()
            .filter(|(other, stream)| **other != conn && stream.node == node)
            .map(|(other, _)| *other)
            .collect();
        for other in older {
            self.streams.remove(&other);
            world.server_leaves(other, Some(4409));
        }
        let device = device(node);
        let welcome = ServerFrame::Welcome {
            device_id: device.clone(),
            server_time: world.wall(),
            policy: Policy::default(),
        };
        world.send_down(conn, welcome);
        let from = cursor.map_or(0, |cursor| {
            cursor.as_str().parse::<usize>().expect("our own cursor")
        });
        for at in from..self.disk.log.len() {
            let frame = self.entry(at, FirstAlert::Silent);
            world.send_down(conn, frame);
            if self.crashes_here(world) {
                return;
            }
        }
        world.send_down(
            conn,
            ServerFrame::Synced {
                cursor: place(self.disk.log.len()),
            },
        );
        let stream = self.streams.get_mut(&conn).expect("says hello");
        stream.synced = true;
        stream.presence = presence;
        let kind = if node == Node::Desktop {
            DeviceKind::Desktop
        } else {
            DeviceKind::Mobile
        };
        self.route(
            world,
            Event::Connected {
                device,
                kind,
                presence,
            },
        );
    }

    fn read(&mut self, world: &mut World, ids: Vec<MessageId>) {
        let fresh: Vec<_> = ids
            .into_iter()
            .filter(|id| self.disk.messages.contains_key(id) && self.disk.read.insert(*id))
            .collect();
        if fresh.is_empty() {
            return;
        }
        self.disk.log.push(Logged::Read(fresh.clone()));
        if self.crashes_here(world) {
            return;
        }
        let frame = self.entry(self.disk.log.len() - 1, FirstAlert::Silent);
        self.fan_out(world, |_| frame.clone());
        self.route(world, Event::Read { ids: fresh });
    }

    fn route(&mut self, world: &mut World, event: Event) {
        let mut effects = Vec::new();
        self.note(&event);
        let lease = self
            .router
            .next_wakeup()
            .is_some_and(|due| due <= world.now);
        if lease {
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
    fn note(&mut self, event: &Event) {
        match event {
            Event::Shown { device: on, ids } if *on == device(Node::Phone) => {
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

    fn desktop_says(&mut self, presence: Option<&Presence>) {
        self.at_the_desktop = presence.is_some_and(|said| said.state == PresenceState::Active);
        if !self.at_the_desktop {
            self.settled.retain(|_, node| *node == Node::Phone);
        }
    }

    fn must_ring(&mut self, world: &World, ids: &[MessageId]) {
        for id in ids {
            let urgent = self.disk.messages[id].0 == Priority::Urgent;
            if self.disk.read.contains(id) || (!urgent && self.settled.contains_key(id)) {
                self.wrong
                    .push(format!("{} rang for {id}, which was settled", world.now));
            }
        }
    }

    fn carry_out(&mut self, world: &mut World, effect: Effect) {
        match effect {
            Effect::Deliver { id, ring } => {
                let at = self.disk.log.len() - 1;
                debug_assert!(
                    matches!(&self.disk.log[at], Logged::Message(message) if message.id == id)
                );
                let now = self.entry(at, FirstAlert::Now);
                let silent = self.entry(at, FirstAlert::Silent);
                self.fan_out(world, |node| {
                    if ring.contains(&device(node)) {
                        now.clone()
                    } else {
                        silent.clone()
                    }
                });
            }
            Effect::Alert {
                device: to,
                ids,
                style,
                why,
            } => {
                self.must_ring(world, &ids);
                let frame = ServerFrame::Alert { ids, style, why };
                let conn = self
                    .streams
                    .iter()
                    .find(|(_, stream)| stream.synced && device(stream.node) == to);
                if let Some(conn) = conn.map(|(conn, _)| *conn) {
                    world.send_down(conn, frame);
                }
            }
            Effect::Push { .. } | Effect::CancelPush { .. } => {
                unreachable!("no phone registers for push in these days")
            }
        }
    }

    fn fan_out(&mut self, world: &mut World, frame: impl Fn(Node) -> ServerFrame) {
        let streams: Vec<_> = self
            .streams
            .iter()
            .filter(|(_, stream)| stream.synced)
            .map(|(conn, stream)| (*conn, stream.node))
            .collect();
        for (conn, node) in streams {
            world.send_down(conn, frame(node));
            if world.chance(self.duplicate_chance) {
                world.send_down(conn, frame(node));
            }
        }
    }

    fn entry(&self, at: usize, alert: FirstAlert) -> ServerFrame {
        let cursor = place(at + 1);
        match &self.disk.log[at] {
            Logged::Message(message) => ServerFrame::Message {
                cursor,
                alert,
                message: message.clone(),
            },
            Logged::Read(ids) => ServerFrame::Read {
                cursor,
                ids: ids.clone(),
            },
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

fn place(position: usize) -> Cursor {
    position.to_string().parse().expect("digits are a cursor")
}

pub(crate) fn device(node: Node) -> DeviceId {
    let name = if node == Node::Desktop {
        "desk"
    } else {
        "phone"
    };
    name.parse().expect("a valid device id")
}
