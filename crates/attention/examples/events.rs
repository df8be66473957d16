//! How many events a second one router takes on one core, on a working day's mix: heartbeats,
//! messages, pop-ups, a person who leaves and comes back; and how many while a thousand or a hundred
//! thousand messages wait for the end of quiet times. `cargo run --release --example events`.
//!
//! What it took is the time on a core where Linux tells it: others may use the machine.
#![expect(
    clippy::disallowed_methods,
    reason = "what it takes is measured by a clock"
)]
#![expect(clippy::print_stdout, reason = "the figure is what it is for")]

use core::time::Duration;
use std::time::Instant as Clock;

use hither_attention::{Accepted, Event, Router, Timings};
use hither_protocol::{
    AttentionSettings, DeviceId, DeviceKind, DoNotDisturb, InactiveReason, Instant, MessageId,
    Presence, PresenceState, Priority, Route,
};
use uuid::Uuid;

/// Each is four minutes with twelve events.
const ROUNDS: u32 = 200_000;

struct Day {
    router: Router,
    now: Instant,
    messages: u64,
    events: u64,
    effects: Vec<hither_attention::Effect>,
    told: usize,
}

fn main() {
    for waiting in [0, 1_000, 100_000] {
        measure(waiting);
    }
}

/// The day's messages are urgent and break through the quiet in which the others wait.
fn measure(waiting: u32) {
    let mut day = Day {
        router: Router::new(Timings::default()),
        now: Instant::default(),
        messages: 0,
        events: 0,
        effects: Vec::new(),
        told: 0,
    };
    let mut settings = AttentionSettings {
        do_not_disturb: DoNotDisturb::On,
        ..AttentionSettings::default()
    };
    settings.priorities.urgent = Route::OneScreen;
    day.tell(Event::SettingsChanged(Box::new(settings)));
    day.tell(Event::PushRegistered { device: phone() });
    day.tell(Event::Connected {
        device: desk(),
        kind: DeviceKind::Desktop,
        presence: Some(active(0)),
        delay: None,
    });
    for _ in 0..waiting {
        day.message(Priority::Default);
    }
    (day.events, day.told) = (0, 0);
    let began = Clock::now();
    let on_core = time_on_core();
    for _ in 0..ROUNDS {
        day.four_minutes();
    }
    let took = time_on_core().zip(on_core).map_or_else(
        || began.elapsed(),
        |(ended, began)| Duration::from_nanos(ended - began),
    );
    let took = took.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let rate = day.events as f64 / took / 1e6;
    println!(
        "{waiting} waiting: {} events, {} effects in {took:.2} s: {rate:.2} million events a second",
        day.events, day.told
    );
}

/// In nanoseconds.
fn time_on_core() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok()
}

impl Day {
    /// Two messages are shown and seen; one is shown to an empty chair and goes to the phone.
    fn four_minutes(&mut self) {
        for _ in 0..2 {
            let id = self.message(Priority::Urgent);
            self.shown(id);
            self.beat();
            self.read(id);
        }
        let id = self.message(Priority::Urgent);
        self.shown(id);
        self.pass(120);
        self.tell(Event::Presence {
            device: desk(),
            presence: Presence {
                state: PresenceState::Inactive,
                reason: Some(InactiveReason::Idle),
                last_input_ms: Some(180_000),
            },
            delay: Some(Duration::ZERO),
        });
        self.tell(Event::PushAnswered {
            device: phone(),
            ids: vec![id],
            accepted: true,
        });
        self.pass(60);
        self.tell(Event::Presence {
            device: desk(),
            presence: active(0),
            delay: Some(Duration::ZERO),
        });
        self.shown(id);
        self.read(id);
    }

    fn message(&mut self, priority: Priority) -> MessageId {
        self.messages += 1;
        let id = MessageId(Uuid::from_u128(self.messages.into()));
        self.tell(Event::Accepted(Accepted {
            id,
            publisher: None,
            priority,
            at: self.now,
            expires: None,
            except: None,
            only: None,
        }));
        id
    }

    fn shown(&mut self, id: MessageId) {
        self.tell(Event::Shown {
            device: desk(),
            ids: vec![id],
            stays: true,
        });
    }

    fn read(&mut self, id: MessageId) {
        self.tell(Event::Read { ids: vec![id] });
    }

    fn beat(&mut self) {
        self.pass(30);
        self.tell(Event::Heartbeat {
            device: desk(),
            last_input: Some(Duration::from_secs(1)),
            delay: Some(Duration::from_millis(50)),
        });
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
    }

    fn tell(&mut self, event: Event) {
        self.events += 1;
        self.router.handle(self.now, event, &mut self.effects);
        self.told += self.effects.len();
        self.effects.clear();
    }
}

fn active(age: u64) -> Presence {
    Presence {
        state: PresenceState::Active,
        reason: None,
        last_input_ms: Some(age),
    }
}

fn desk() -> DeviceId {
    "desk".parse().expect("a valid device id")
}

fn phone() -> DeviceId {
    "phone".parse().expect("a valid device id")
}
