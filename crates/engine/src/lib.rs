//! Decides everything the companion does: events in, effects out, and the [`View`] that is shown.
//!
//! No I/O, no clock, no entropy: time comes in with each event, randomness from a seed. An effect
//! has not happened until an event says so; failures are events.

mod alerts;
mod app_lock;
mod checked_link;
mod choices;
mod effect;
mod engine;
mod event;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod inbox;
mod journal;
mod link;
mod outbox;
mod presence;
mod preview;
mod screen;
pub mod view;
mod words;

pub use checked_link::checked_link;
pub use choices::merged;
pub use effect::{Effect, OutboxSeq, StoreOp, Toast, ToastKey};
pub use engine::Engine;
pub use event::{
    AppLockSaved, Closed, ConnectFailed, Event, FoundToast, Saved, SavedAccount, Sensed,
    SignInFailed, SignedIn, StoreFailed, Stored, ToastEvent,
};
pub use view::{Command, View};

use core::time::Duration;

use hither_protocol::{ClientInfo, Instant};

/// The present moment, in the two clocks that matter.
#[derive(Clone, Debug)]
pub struct Now {
    /// For deadlines: monotonic, counts time asleep.
    pub instant: Instant,
    /// For what people read and for hours of the day: may jump.
    pub wall: jiff::Zoned,
}

/// What the engine is told once, at its start.
#[derive(Clone, Debug)]
pub struct Config {
    /// Said in hello.
    pub client: ClientInfo,
    /// This computer's name, proposed as the device's name at sign-in.
    pub device_name: String,
    /// `linux`, `windows` or `macos`.
    pub platform: String,
    /// First and longest wait between two tries to connect; full jitter in between.
    pub backoff: (Duration, Duration),
}
