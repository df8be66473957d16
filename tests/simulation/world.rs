//! Time, chance and the network between the parts.

use core::cmp::Reverse;
use core::time::Duration;
use std::collections::{BTreeMap, BinaryHeap};

use hither_protocol::{ClientFrame, Instant, ServerFrame, Timestamp};
use jiff::{Zoned, tz::TimeZone};

/// One WebSocket's whole life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Conn(pub(crate) u64);

/// A process's life; what was meant for an earlier one is dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Life(pub(crate) u64);

/// The two devices of the simulated person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Node {
    Desktop,
    Phone,
}

/// Everything that can be due.
#[derive(Debug)]
pub(crate) enum Due {
    /// The person's day goes on to the next thing they do.
    Person,
    /// A publisher hands a message over.
    Publish,
    DesktopStart,
    Desktop(Life, hither_engine::Event),
    DesktopWake(Life),
    /// The store thread finished the batch under way.
    DesktopStored(Life),
    /// Input was absent for as long as is watched, if it really was.
    DesktopIdleCheck(Life),
    ServerStart,
    ServerWake(Life),
    PhoneConnect,
    PhoneDrop,
    PhoneReads,
    /// An upgrade reaches the server.
    Dial(Conn, Node),
    /// The store answers a stream.
    Answer(Conn, crate::server::Ask),
    ToServer(Conn, ClientFrame),
    ToClient(Conn, Node, ServerFrame),
    /// A side notices that the connection is gone.
    ServerHangup(Conn, bool),
    ClientHangup(Conn, Node, Option<u16>),
    /// The network breaks now.
    Break,
}

/// The clock, the dice, and what is due when.
pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) dice: fastrand::Rng,
    /// Tells what happens, for the replay of one day.
    tells: bool,
    queue: BinaryHeap<Reverse<(Instant, u64)>>,
    due: BTreeMap<u64, Due>,
    next: u64,
    lines: BTreeMap<Conn, Line>,
}

/// One connection's two directions, each in order.
struct Line {
    node: Node,
    up: Way,
    down: Way,
}

/// One direction.
struct Way {
    /// The sender may still send.
    open: bool,
    /// What is under way still arrives: false once the network broke or the receiver left.
    alive: bool,
    /// When the newest frame arrives.
    last: Instant,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            now: Instant::from_zero(Duration::from_secs(1_000)),
            dice: fastrand::Rng::with_seed(seed),
            tells: std::env::var_os("HITHER_SEED").is_some(),
            queue: BinaryHeap::new(),
            due: BTreeMap::new(),
            next: 0,
            lines: BTreeMap::new(),
        }
    }

    pub(crate) fn tell(&self, what: impl FnOnce() -> String) {
        if self.tells {
            println!("{} {}", self.now, what());
        }
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.dice.f64() < probability
    }

    pub(crate) fn between(&mut self, low_ms: u64, high_ms: u64) -> Duration {
        Duration::from_millis(self.dice.u64(low_ms..=high_ms))
    }

    pub(crate) fn after(&mut self, wait: Duration, due: Due) {
        self.at(self.now + wait, due);
    }

    pub(crate) fn at(&mut self, when: Instant, due: Due) {
        self.next += 1;
        self.queue.push(Reverse((when.max(self.now), self.next)));
        self.due.insert(self.next, due);
    }

    /// Moves the clock to what is due next, if that is before `end`.
    pub(crate) fn next_before(&mut self, end: Instant) -> Option<Due> {
        let Reverse((when, key)) = *self.queue.peek()?;
        if when >= end {
            return None;
        }
        self.queue.pop();
        self.now = when;
        Some(self.due.remove(&key).expect("every queued key has its due"))
    }

    /// The wall clock; never jumps in these days.
    pub(crate) fn wall(&self) -> Timestamp {
        let day = Timestamp::from_second(1_790_000_000).expect("in range");
        day.checked_add(self.now.since_zero()).expect("in range")
    }

    pub(crate) fn engine_now(&self) -> hither_engine::Now {
        hither_engine::Now {
            instant: self.now,
            wall: Zoned::new(self.wall(), TimeZone::UTC),
        }
    }

    /// Opens a connection from `node`; the server learns of it a moment later.
    pub(crate) fn dial(&mut self, node: Node) -> Conn {
        self.next += 1;
        let conn = Conn(self.next);
        let way = |last| Way {
            open: true,
            alive: true,
            last,
        };
        let line = Line {
            node,
            up: way(self.now),
            down: way(self.now),
        };
        self.lines.insert(conn, line);
        let wait = self.between(5, 60);
        self.after(wait, Due::Dial(conn, node));
        conn
    }

    pub(crate) fn send_up(&mut self, conn: Conn, frame: ClientFrame) {
        let Some(when) = self.arrival(conn, true) else {
            return;
        };
        self.at(when, Due::ToServer(conn, frame));
    }

    pub(crate) fn send_down(&mut self, conn: Conn, frame: ServerFrame) {
        let Some(when) = self.arrival(conn, false) else {
            return;
        };
        let node = self.lines[&conn].node;
        self.at(when, Due::ToClient(conn, node, frame));
    }

    /// When the next frame arrives, behind all earlier ones; never where nobody may send.
    fn arrival(&mut self, conn: Conn, up: bool) -> Option<Instant> {
        let wait = self.between(1, 40);
        let line = self.lines.get_mut(&conn)?;
        let way = if up { &mut line.up } else { &mut line.down };
        if !way.open {
            return None;
        }
        way.last = way.last.max(self.now + wait);
        Some(way.last)
    }

    /// Whether a frame that is due on this line still arrives.
    pub(crate) fn carries(&self, conn: Conn, up: bool) -> bool {
        let line = self.lines.get(&conn);
        line.is_some_and(|line| if up { line.up.alive } else { line.down.alive })
    }

    /// The client closes or dies; the server notices behind the frames sent before.
    pub(crate) fn client_leaves(&mut self, conn: Conn, goodbye: bool) {
        let Some(when) = self.arrival(conn, true) else {
            return;
        };
        self.at(when, Due::ServerHangup(conn, goodbye));
        let line = self.lines.get_mut(&conn).expect("it carried a frame");
        line.up.open = false;
        line.down.open = false;
        line.down.alive = false;
    }

    /// The server closes or dies; the client notices behind the frames sent before.
    pub(crate) fn server_leaves(&mut self, conn: Conn, code: Option<u16>) {
        let Some(when) = self.arrival(conn, false) else {
            return;
        };
        let line = self.lines.get_mut(&conn).expect("it carried a frame");
        line.up.open = false;
        line.up.alive = false;
        line.down.open = false;
        let node = line.node;
        self.at(when, Due::ClientHangup(conn, node, code));
    }

    /// The network between breaks: what is under way is lost, and each side notices in its own
    /// time, the server perhaps not for a minute.
    pub(crate) fn breaks(&mut self, conn: Conn) {
        let Some(line) = self.lines.get_mut(&conn).filter(|line| line.up.open) else {
            return;
        };
        for way in [&mut line.up, &mut line.down] {
            way.open = false;
            way.alive = false;
        }
        let node = line.node;
        let (client, server) = (self.between(10, 45_000), self.between(10, 60_000));
        self.after(client, Due::ClientHangup(conn, node, None));
        self.after(server, Due::ServerHangup(conn, false));
    }
}
