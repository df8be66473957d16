//! One person's day with a desktop, a phone, a server and publishers; and what must hold after it.

use core::fmt;
use core::time::Duration;

use hither_engine::{ConnectFailed, Event, Sensed};
use hither_protocol::{Format, Instant, Message, MessageId, Priority, PublisherRef};

use crate::desktop::Desktop;
use crate::phone::Phone;
use crate::server::Server;
use crate::world::{Conn, Due, Node, World};

const HOURS: u64 = 10;
/// Faults end, everyone is back, and everything has time to settle.
const EVENING: Duration = Duration::from_mins(40);

/// How much goes wrong.
#[derive(Clone, Copy)]
pub(crate) struct Faults {
    /// Between any two effects.
    desktop_crash: f64,
    server_crash: f64,
    store_failure: f64,
    duplicate: f64,
    /// Mean time between two breaks of the network.
    network_break: Option<Duration>,
}

impl Faults {
    pub(crate) fn all() -> Self {
        Self {
            desktop_crash: 0.002,
            server_crash: 0.002,
            store_failure: 0.01,
            duplicate: 0.05,
            network_break: Some(Duration::from_mins(40)),
        }
    }

    pub(crate) fn none() -> Self {
        Self {
            desktop_crash: 0.0,
            server_crash: 0.0,
            store_failure: 0.0,
            duplicate: 0.0,
            network_break: None,
        }
    }
}

/// What a day, or many, came to.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) days: u64,
    pub(crate) messages: u64,
    pub(crate) desktop_crashes: u64,
    pub(crate) server_crashes: u64,
    pub(crate) lost_connections: u64,
    pub(crate) rang_on_desktop: u64,
    pub(crate) rang_on_phone: u64,
    pub(crate) rang_on_both: u64,
    pub(crate) summaries: u64,
    /// Shown again after a crash between showing and recording.
    pub(crate) repeats: u64,
    /// What must not be.
    pub(crate) wrong: Vec<String>,
}

impl Outcome {
    pub(crate) fn add(&mut self, day: &Self) {
        self.days += 1;
        self.messages += day.messages;
        self.desktop_crashes += day.desktop_crashes;
        self.server_crashes += day.server_crashes;
        self.lost_connections += day.lost_connections;
        self.rang_on_desktop += day.rang_on_desktop;
        self.rang_on_phone += day.rang_on_phone;
        self.rang_on_both += day.rang_on_both;
        self.summaries += day.summaries;
        self.repeats += day.repeats;
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} days, {} messages; crashes: {} desktop, {} server; {} connections lost; rang: {} desktop, {} phone, {} both; {} summaries; {} repeats in the crash window",
            self.days,
            self.messages,
            self.desktop_crashes,
            self.server_crashes,
            self.lost_connections,
            self.rang_on_desktop,
            self.rang_on_phone,
            self.rang_on_both,
            self.summaries,
            self.repeats
        )
    }
}

pub(crate) fn live_a_day(seed: u64, faults: Faults) -> Outcome {
    let mut day = Day::new(seed, faults);
    let morning = day.world.now;
    day.schedule();
    day.run_until(morning + Duration::from_hours(HOURS));
    day.evening();
    day.run_until(morning + Duration::from_hours(HOURS) + EVENING);
    day.judge()
}

/// What the person does for a while.
#[derive(Clone, Copy, PartialEq)]
enum Doing {
    Typing,
    /// At the screen, hands off.
    Reading,
    /// Gone, the screen left unlocked.
    LeftOpen,
    /// Gone, the screen locked.
    Locked,
    /// The lid is closed.
    Asleep,
}

struct Day {
    world: World,
    faults: Faults,
    server: Server,
    desktop: Desktop,
    phone: Phone,
    doing: Doing,
    until: Instant,
    evening: bool,
    published: u64,
    lost_connections: u64,
    waiting: Vec<Message>,
}

impl Day {
    fn new(seed: u64, faults: Faults) -> Self {
        let world = World::new(seed);
        Self {
            until: world.now,
            world,
            faults,
            server: Server::new(faults.server_crash, faults.duplicate),
            desktop: Desktop::new(faults.desktop_crash, faults.store_failure),
            phone: Phone::default(),
            doing: Doing::Typing,
            evening: false,
            published: 0,
            lost_connections: 0,
            waiting: Vec::new(),
        }
    }

    fn schedule(&mut self) {
        self.world.after(Duration::ZERO, Due::DesktopStart);
        self.world.after(Duration::ZERO, Due::Person);
        let wait = self.world.between(0, 60_000);
        self.world.after(wait, Due::PhoneConnect);
        let wait = self.world.between(1_000, 600_000);
        self.world.after(wait, Due::Publish);
        self.world.after(Duration::from_mins(3), Due::PhoneReads);
        self.schedule_break();
    }

    fn run_until(&mut self, end: Instant) {
        while let Some(due) = self.world.next_before(end) {
            self.step(due);
        }
        self.world.now = end;
    }

    fn step(&mut self, due: Due) {
        let world = &mut self.world;
        world.tell(|| format!("{due:?}"));
        match due {
            Due::Person => self.person(),
            Due::Publish => self.publish(),
            Due::DesktopStart => self.desktop.start(world),
            Due::Desktop(life, event) => self.desktop.later_event(world, life, event),
            Due::DesktopWake(life) => self.desktop.wake(world, life),
            Due::DesktopStored(life) => self.desktop.stored(world, life),
            Due::DesktopIdleCheck(life) => self.desktop.idle_check(world, life),
            Due::ServerStart => self.server.start(world),
            Due::ServerWake(life) => self.server.wake(world, life),
            Due::PhoneConnect => self.phone.connect(world),
            Due::PhoneDrop => self.phone_drop(),
            Due::PhoneReads => self.phone_reads(),
            Due::Dial(conn, node) => self.dialled(conn, node),
            Due::Answer(conn, ask) => self.server.answer(world, conn, ask),
            Due::ToServer(conn, frame) if world.carries(conn, true) => {
                self.server.frame(world, conn, frame);
            }
            Due::ToClient(conn, Node::Desktop, frame) if world.carries(conn, false) => {
                self.desktop.frame(world, conn, frame);
            }
            Due::ToClient(conn, Node::Phone, frame) if world.carries(conn, false) => {
                self.phone.frame(world, conn, frame);
            }
            Due::ToServer(..) | Due::ToClient(..) => {}
            Due::ServerHangup(conn, goodbye) => self.server.hung_up(world, conn, goodbye),
            Due::ClientHangup(conn, Node::Desktop, code) => self.desktop.lost(world, conn, code),
            Due::ClientHangup(conn, Node::Phone, _) => self.phone_lost(conn),
            Due::Break => self.network_breaks(),
        }
    }

    fn dialled(&mut self, conn: Conn, node: Node) {
        let answered =
            self.world.carries(conn, true) && self.server.dialled(self.world.now, conn, node);
        match (node, answered) {
            (Node::Desktop, true) => self.desktop.opened(&mut self.world, conn),
            (Node::Phone, true) => self.phone.opened(&mut self.world, conn),
            (Node::Desktop, false) => {
                if self.desktop.connection() == Some(conn) {
                    self.desktop.not_opened();
                    let failed = ConnectFailed::Unreachable("refused".into());
                    self.desktop
                        .event(&mut self.world, Event::ConnectFailed(failed));
                }
            }
            (Node::Phone, false) => self.phone_lost(conn),
        }
    }

    fn phone_lost(&mut self, conn: Conn) {
        self.phone.lost(conn);
        let wait = self.world.between(500, 30_000);
        self.world.after(wait, Due::PhoneConnect);
    }

    fn phone_drop(&mut self) {
        self.phone.disconnect(&mut self.world);
        let wait = self.world.between(10_000, 3_600_000);
        self.world.after(wait, Due::PhoneConnect);
    }

    fn phone_reads(&mut self) {
        self.phone.reads(&mut self.world);
        let wait = self.world.between(30_000, 1_500_000);
        self.world.after(wait, Due::PhoneReads);
    }

    fn network_breaks(&mut self) {
        let (desk, phone) = (self.desktop.connection(), self.phone.conn);
        let victims: Vec<_> = desk.into_iter().chain(phone).collect();
        if let Some(conn) = self.world.dice.choice(victims) {
            self.lost_connections += 1;
            self.world.breaks(conn);
        }
        self.schedule_break();
    }

    fn schedule_break(&mut self) {
        if let Some(mean) = self.faults.network_break.filter(|_| !self.evening) {
            let wait = self
                .world
                .between(0, 1_000)
                .mul_f64(2.0 * mean.as_secs_f64());
            self.world.after(wait, Due::Break);
        }
    }

    /// A publisher tries until the server answers; a repeat has the same id, as an idempotency
    /// key would see to.
    fn publish(&mut self) {
        if self.waiting.is_empty() && !self.evening {
            let message = self.new_message();
            self.waiting.push(message);
        }
        if let Some(message) = self.waiting.pop() {
            let known = self.server.accepted().any(|(id, _)| id == message.id);
            if !known && !self.server.publish(&mut self.world, message.clone()) {
                self.waiting.push(message);
            }
        }
        if !self.evening || !self.waiting.is_empty() {
            let retry = !self.waiting.is_empty();
            let wait = self
                .world
                .between(500, if retry { 5_000 } else { 1_800_000 });
            self.world.after(wait, Due::Publish);
        }
    }

    fn new_message(&mut self) -> Message {
        self.published += 1;
        let id = (u128::from(self.published) << 80) | 0x7000_8000_0000_0000_0001;
        let priority = match self.world.dice.u8(0..20) {
            0 => Priority::Urgent,
            1 => Priority::Low,
            2 => Priority::High,
            _ => Priority::Default,
        };
        Message {
            id: MessageId(uuid::Uuid::from_u128(id)),
            publisher: PublisherRef {
                id: "app-0000000000000001"
                    .parse()
                    .expect("a valid publisher id"),
                name: "Builds".into(),
            },
            application: None,
            topic: None,
            title: format!("message {}", self.published),
            body: "text".into(),
            format: Format::Plain,
            html: None,
            url: None,
            priority,
            tags: Vec::new(),
            icon: None,
            actions: Vec::new(),
            attachments: Vec::new(),
            key: None,
            created_at: self.world.wall(),
            expires_at: None,
            read_at: None,
        }
    }

    fn person(&mut self) {
        if self.world.now >= self.until {
            self.change();
        }
        let wait = match self.doing {
            Doing::Typing => {
                self.desktop.input(&mut self.world);
                if self.world.chance(0.05) {
                    self.desktop.reads_something(&mut self.world);
                }
                self.world.between(2_000, 40_000)
            }
            _ => self.until.since(self.world.now),
        };
        self.world.after(wait, Due::Person);
        if self.world.chance(0.01) && !self.evening {
            let wait = self.world.between(0, 60_000);
            self.world.after(wait, Due::PhoneDrop);
        }
    }

    fn change(&mut self) {
        let next = match self.world.dice.u8(0..10) {
            _ if self.evening => Doing::Typing,
            0..=4 => Doing::Typing,
            5 | 6 => Doing::Reading,
            7 => Doing::LeftOpen,
            8 => Doing::Locked,
            _ => Doing::Asleep,
        };
        let (before, minutes) = (self.doing, if next == Doing::Reading { 6 } else { 45 });
        self.doing = next;
        let lasts = self.world.between(20_000, minutes * 60_000);
        self.until = self.world.now + lasts;
        self.leave(before);
        self.enter(next);
    }

    fn leave(&mut self, before: Doing) {
        match before {
            Doing::Locked => {
                self.desktop.input(&mut self.world);
                self.desktop.lock(&mut self.world, false);
            }
            Doing::Asleep => {
                self.desktop
                    .event(&mut self.world, Event::Sensed(Sensed::Sleeping(false)));
                self.desktop.input(&mut self.world);
            }
            Doing::Typing | Doing::Reading | Doing::LeftOpen => {}
        }
    }

    fn enter(&mut self, next: Doing) {
        match next {
            Doing::Locked => self.desktop.lock(&mut self.world, true),
            Doing::Asleep => {
                self.desktop
                    .event(&mut self.world, Event::Sensed(Sensed::Sleeping(true)));
            }
            Doing::Typing | Doing::Reading | Doing::LeftOpen => {}
        }
    }

    /// Nothing goes wrong any more, and the person sits down at the desktop once more.
    fn evening(&mut self) {
        self.evening = true;
        self.server.no_more_faults();
        self.desktop.no_more_faults();
        self.phone.connect(&mut self.world);
        self.until = self.world.now;
        self.world.after(Duration::ZERO, Due::Person);
    }

    fn judge(mut self) -> Outcome {
        let mut outcome = Outcome {
            wrong: core::mem::take(&mut self.desktop.wrong),
            desktop_crashes: self.desktop.crashes,
            server_crashes: self.server.crashes,
            lost_connections: self.lost_connections,
            summaries: self.desktop.summaries,
            repeats: self.desktop.repeats,
            ..Outcome::default()
        };
        outcome.wrong.append(&mut self.server.wrong);
        for (id, priority) in self.server.accepted() {
            outcome.messages += 1;
            let on_desktop = self.desktop.alerted(id);
            let on_phone = self.phone.rang.contains_key(&id);
            outcome.rang_on_desktop += u64::from(on_desktop && !on_phone);
            outcome.rang_on_phone += u64::from(on_phone && !on_desktop);
            outcome.rang_on_both += u64::from(on_phone && on_desktop);
            if !self.desktop.disk.rows.contains_key(&id) {
                outcome
                    .wrong
                    .push(format!("{id} is missing on the desktop"));
            }
            if !self.phone.rows.contains_key(&id) {
                outcome.wrong.push(format!("{id} is missing on the phone"));
            }
            let alerts = priority > Priority::Low;
            if alerts && !on_desktop && !on_phone && !self.server.is_read(id) {
                outcome.wrong.push(format!("{id} alerted nobody"));
            }
        }
        outcome
    }
}
