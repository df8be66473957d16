//! One companion at its desk: an engine, a model of the disk, and a clock that obeys.

use core::time::Duration;

use hither_engine::{
    Closed, Command, Config, ConnectFailed, Effect, Engine, Event, Now, Saved, Sensed, SignedIn,
    StoreFailed, StoreOp, ToastEvent, ToastKey,
};
use hither_protocol::{
    AccessToken, AlertStyle, AlertWhy, ClientInfo, Cursor, FirstAlert, Instant, Message, MessageId,
    Policy, ServerFrame, WithdrawWhy,
};
use jiff::Timestamp;

use crate::disk::Disk;
use crate::show;

/// 2026-01-02T03:04:05Z, the moment every desk starts at.
const START: i64 = 1_767_323_045;

#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) engine: Engine,
    pub(crate) disk: Disk,
    pub(crate) elapsed: Duration,
    /// Handed over and not on disk yet.
    pub(crate) batch: Vec<StoreOp>,
}

/// One line of a script.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    On(Event),
    /// The disk takes everything that was handed over.
    Stored,
    StoreFailed(StoreFailed),
    /// Time passes, then the engine wakes.
    After(Duration),
    /// The engine sleeps until the moment it named.
    Wake,
}

impl Desk {
    pub(crate) fn new(disk: Disk) -> Self {
        Self::with_seed(disk, 7)
    }

    pub(crate) fn with_seed(disk: Disk, seed: u64) -> Self {
        let elapsed = Duration::from_secs(1000);
        let saved = disk.saved();
        Self {
            engine: engine(saved, seed, elapsed),
            disk,
            elapsed,
            batch: Vec::new(),
        }
    }

    /// Signed in as ada, everything up to `c0` stored, nothing begun.
    pub(crate) fn signed_in() -> Self {
        Self::new(ada())
    }

    /// Online, the person active, the first heartbeat behind it.
    pub(crate) fn online() -> Self {
        let mut desk = Self::signed_in();
        desk.begin();
        desk
    }

    /// What a healthy start of the engine sees.
    pub(crate) fn begin(&mut self) {
        self.on(Event::Started);
        self.on(idle(0));
        self.connect();
    }

    /// From an open stream to an empty backlog.
    pub(crate) fn connect(&mut self) {
        self.on(Event::Opened);
        self.on(welcome());
        self.on(idle(0));
        self.on(pong());
        self.on(synced(0));
        self.store();
    }

    /// Nobody touches anything for a while; server and sensor answer one heartbeat.
    pub(crate) fn rest(&mut self, seconds: u64) {
        self.elapsed += secs(seconds);
        self.on(Event::WokeUp);
        self.on(idle(seconds));
        self.on(pong());
    }

    /// From here to the moment the engine named; zero when that has passed.
    pub(crate) fn until_wakeup(&self) -> Duration {
        let at = self.engine.next_wakeup().expect("nothing to wake for");
        at.since(self.now().instant)
    }

    pub(crate) fn now(&self) -> Now {
        now(self.elapsed)
    }

    pub(crate) fn on(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.engine.handle(&self.now(), event, &mut effects);
        for effect in &effects {
            if let Effect::Store(op) = effect {
                self.batch.push(op.clone());
            }
        }
        effects
    }

    pub(crate) fn store(&mut self) -> Vec<Effect> {
        let at = self.now().wall.timestamp();
        let batch = core::mem::take(&mut self.batch);
        let outcomes = batch
            .into_iter()
            .map(|op| self.disk.apply(op, at))
            .collect();
        let glance = self.disk.glance();
        self.on(Event::Stored { outcomes, glance })
    }

    pub(crate) fn step(&mut self, step: Step) -> Vec<Effect> {
        match step {
            Step::On(event) => self.on(event),
            Step::Stored => self.store(),
            Step::StoreFailed(why) => {
                self.batch.clear();
                self.on(Event::StoreFailed(why))
            }
            Step::After(time) => {
                self.elapsed += time;
                self.on(Event::WokeUp)
            }
            Step::Wake => {
                let at = self.engine.next_wakeup().expect("nothing to wake for");
                self.elapsed = self.elapsed.max(at.since_zero());
                self.on(Event::WokeUp)
            }
        }
    }
}

/// Plays a script; each step must have exactly these effects, in a few words, parted by "; ".
#[track_caller]
pub(crate) fn check<const N: usize>(desk: &mut Desk, script: [(Step, &str); N]) {
    for (number, (step, expected)) in script.into_iter().enumerate() {
        let said = format!("{step:?}");
        let effects: Vec<_> = desk.step(step).iter().map(show::effect).collect();
        assert_eq!(effects.join("; "), expected, "step {number}: {said}");
    }
}

pub(crate) fn engine(saved: Saved, seed: u64, elapsed: Duration) -> Engine {
    let config = Config {
        client: ClientInfo {
            name: "hither".to_owned(),
            version: "1.0.0".to_owned(),
        },
        device_name: "desk".to_owned(),
        platform: "linux".to_owned(),
        backoff: (Duration::from_secs(1), Duration::from_mins(1)),
    };
    Engine::new(config, saved, seed, &now(elapsed))
}

pub(crate) fn now(elapsed: Duration) -> Now {
    let wall = Timestamp::from_second(START).unwrap() + elapsed;
    Now {
        instant: Instant::from_zero(elapsed),
        wall: wall.to_zoned(jiff::tz::TimeZone::UTC),
    }
}

/// A disk on which ada is signed in and has everything up to `c0`.
pub(crate) fn ada() -> Disk {
    Disk {
        account: Some(signed_in("ada")),
        cursor: Some(cursor(0)),
        ..Disk::default()
    }
}

pub(crate) fn signed_in(account: &str) -> SignedIn {
    SignedIn {
        server: "https://push.example.org".to_owned(),
        account: account.to_owned(),
        device_id: "d1".parse().unwrap(),
        access_token: AccessToken::new("secret".to_owned()),
        stream_url: "wss://push.example.org/v1/stream".to_owned(),
    }
}

pub(crate) fn id(number: u128) -> MessageId {
    MessageId(uuid::Uuid::from_u128(number))
}

pub(crate) fn ids<const N: usize>(numbers: [u128; N]) -> Vec<MessageId> {
    numbers.into_iter().map(id).collect()
}

pub(crate) fn cursor(number: usize) -> Cursor {
    format!("c{number}").parse().unwrap()
}

pub(crate) fn message(number: u128) -> Message {
    let json = serde_json::json!({
        "id": id(number),
        "publisher": {"id": "app-0123456789012345", "name": "CI"},
        "title": format!("T{number}"),
        "body": "body",
        "created_at": now(Duration::from_secs(1000)).wall.timestamp(),
    });
    serde_json::from_value(json).unwrap()
}

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn frame(frame: ServerFrame) -> Event {
    Event::Frame(frame)
}

pub(crate) fn pong() -> Event {
    frame(ServerFrame::Pong { sent_ms: None })
}

pub(crate) fn idle(seconds: u64) -> Event {
    Event::Sensed(Sensed::Idle(Some(secs(seconds))))
}

pub(crate) fn locked(locked: bool) -> Event {
    Event::Sensed(Sensed::ScreenLocked(locked))
}

pub(crate) fn welcome() -> Event {
    frame(ServerFrame::Welcome {
        device_id: "d1".parse().unwrap(),
        server_time: now(secs(0)).wall.timestamp(),
        policy: Policy::default(),
    })
}

pub(crate) fn synced(at: usize) -> Event {
    frame(ServerFrame::Synced { cursor: cursor(at) })
}

pub(crate) fn rings(number: u128) -> Event {
    arrives(message(number), FirstAlert::Now)
}

pub(crate) fn silent(number: u128) -> Event {
    arrives(message(number), FirstAlert::Silent)
}

/// Message *n* stands at `c`*n* in the log.
pub(crate) fn arrives(message: Message, alert: FirstAlert) -> Event {
    let number = usize::try_from(message.id.0.as_u128()).unwrap();
    frame(ServerFrame::Message {
        cursor: cursor(number),
        alert,
        message: Box::new(message),
    })
}

pub(crate) fn read_elsewhere<const N: usize>(at: usize, numbers: [u128; N]) -> Event {
    frame(ServerFrame::Read {
        cursor: cursor(at),
        ids: ids(numbers),
    })
}

pub(crate) fn withdrawn<const N: usize>(at: usize, numbers: [u128; N]) -> Event {
    frame(ServerFrame::Withdraw {
        cursor: cursor(at),
        ids: ids(numbers),
        why: WithdrawWhy::Recalled,
    })
}

pub(crate) fn alert<const N: usize>(style: AlertStyle, numbers: [u128; N]) -> Event {
    frame(ServerFrame::Alert {
        ids: ids(numbers),
        style,
        why: AlertWhy::Waiting,
    })
}

pub(crate) fn up(number: u128) -> Event {
    is_up(ToastKey::Message(id(number)), false)
}

/// On a desktop that leaves pop-ups up.
pub(crate) fn stays_up(number: u128) -> Event {
    is_up(ToastKey::Message(id(number)), true)
}

pub(crate) fn is_up(key: ToastKey, stays: bool) -> Event {
    Event::Toast(ToastEvent::Up { key, stays })
}

pub(crate) fn summary_up() -> Event {
    is_up(ToastKey::Summary, false)
}

pub(crate) fn closed(code: u16) -> Event {
    Event::Closed(Closed {
        code: Some(code),
        detail: String::new(),
    })
}

pub(crate) fn lost() -> Event {
    Event::Closed(Closed {
        code: None,
        detail: "reset by peer".to_owned(),
    })
}

pub(crate) fn unreachable() -> Event {
    Event::ConnectFailed(ConnectFailed::Unreachable("no route".to_owned()))
}

pub(crate) fn read_here<const N: usize>(numbers: [u128; N]) -> Event {
    Event::Command(Command::MarkRead { ids: ids(numbers) })
}
