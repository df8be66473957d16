//! How many events a second one router takes on one core, on a working day's mix: heartbeats,
//! messages, pop-ups, a person who leaves and comes back. `cargo run --release --example events`.
#![expect(
    clippy::disallowed_methods,
    reason = "what it takes is measured by a clock"
)]
#![expect(clippy::print_stdout, reason = "the figure is what it is for")]

use core::time::Duration;
use std::time::Instant as Clock;

use hither_attention::{Accepted, Event, Router, Timings};
use hither_protocol::{
    DeviceId, DeviceKind, InactiveReason, Instant, MessageId, Presence, PresenceState, Priority,
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
    let mut day = Day {
        router: Router::new(Timings::default()),
        now: Instant::default(),
        messages: 0,
        events: 0,
        effects: Vec::new(),
        told: 0,
    };
    day.tell(Event::PushRegistered { device: phone() });
    day.tell(Event::Connected {
        device: desk(),
        kind: DeviceKind::Desktop,
        presence: Some(active(0)),
        delay: None,
    });
    let began = Clock::now();
    for _ in 0..ROUNDS {
        day.four_minutes();
    }
    let took = began.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let rate = day.events as f64 / took / 1e6;
    println!(
        "{} events, {} effects in {took:.2} s: {rate:.2} million events a second",
        day.events, day.told
    );
}

impl Day {
    /// Two messages are shown and seen; one is shown to an empty chair and goes to the phone.
    fn four_minutes(&mut self) {
        for _ in 0..2 {
            let id = self.message();
            self.shown(id);
            self.beat();
            self.read(id);
        }
        let id = self.message();
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

    fn message(&mut self) -> MessageId {
        self.messages += 1;
        let id = MessageId(Uuid::from_u128(self.messages.into()));
        self.tell(Event::Accepted(Accepted {
            id,
            publisher: None,
            priority: Priority::Default,
            at: self.now,
            expires: None,
            except: None,
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
