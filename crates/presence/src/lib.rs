//! Is a person at this computer? Idle, lock and sleep, per platform, behind one type.
//!
//! [`Sensors`] reports what it notices as [`Event`]s and costs nothing while nothing changes: every
//! Linux source wakes this process only when it has something to say. It decides nothing; what a
//! reading means is the engine's business.

use core::time::Duration;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(windows, target_os = "macos", test))]
mod polled;
mod source;
#[cfg(target_os = "macos")]
#[path = "macos.rs"]
mod system;
#[cfg(windows)]
#[path = "windows.rs"]
mod system;

#[cfg(target_os = "linux")]
pub use linux::{Sensors, Surroundings};
#[cfg(any(windows, target_os = "macos"))]
pub use polled::Sensors;
pub use source::{Source, SourceState, Topic};

/// What a sensor noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Time since the last input. `None`: this desktop offers no idle source.
    Idle(Option<Duration>),
    /// Nobody knows now when the last input was: the idle source does not answer within a second,
    /// or not yet.
    IdleUnanswered,
    /// Something began (`true`) or ceased to keep the screen awake for somebody who watches: a
    /// film, a call, a presentation.
    Inhibited(bool),
    /// The person began (`true`) or ceased to show their screen to others, or something that keeps
    /// it awake fills it: nothing may pop up there.
    Presenting(bool),
    /// The screen was locked (`true`) or unlocked.
    Locked(bool),
    /// The computer is about to sleep, or the session to end where the system ends processes without
    /// another word (`true`); or it woke up.
    Sleeping(bool),
    /// Another person's session came to the front (`true`) or ours came back.
    SwitchedAway(bool),
}

/// How long a reading may take before the sensor counts as hung.
const READ_WITHIN: Duration = Duration::from_secs(1);
