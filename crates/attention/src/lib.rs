//! Who gets alerted: events in, effects out, for one account.
//!
//! Delivery (the message is in every device's history) and alerting (something pops up, rings or
//! buzzes) are two different things; only alerting is decided here. No I/O, no clock, no
//! randomness: time comes in with each event, so that years can be simulated in seconds.

mod batch;
mod decision;
mod devices;
mod ledger;
mod router;

pub use router::Router;

use core::time::Duration;

use hither_protocol::{
    AlertStyle, AlertWhy, DeviceId, DeviceKind, Instant, MessageId, Presence, Priority,
};

/// What happened, for one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A device's stream is identified and its backlog done. Replaces an earlier connection of
    /// the same device. Never activity by itself.
    Connected {
        /// The device.
        device: DeviceId,
        /// Desktops have presence; mobiles are always with the person.
        kind: DeviceKind,
        /// What its hello said, if anything.
        presence: Option<Presence>,
    },
    /// A device's stream ended.
    Disconnected {
        /// The device.
        device: DeviceId,
        /// Whether it closed by itself; a lost one keeps its presence for a short while.
        goodbye: bool,
    },
    /// A device reports its presence.
    Presence {
        /// The device.
        device: DeviceId,
        /// What it says.
        presence: Presence,
    },
    /// A ping: renews the lease of the presence reported last.
    Heartbeat {
        /// The device.
        device: DeviceId,
        /// Age of the last input, from a fresh reading; absent when the sensor does not answer.
        last_input: Option<Duration>,
    },
    /// A message was committed.
    Accepted(Accepted),
    /// A device says that its pop-up is up.
    Shown {
        /// The device.
        device: DeviceId,
        /// The messages it shows.
        ids: Vec<MessageId>,
    },
    /// Read on some device.
    Read {
        /// These messages.
        ids: Vec<MessageId>,
    },
    /// Recalled, replaced or expired.
    Withdrawn {
        /// These messages.
        ids: Vec<MessageId>,
    },
    /// A mobile can be reached by its platform's push service while its stream is closed.
    PushRegistered {
        /// The device.
        device: DeviceId,
    },
    /// It can no longer be reached that way, or the device is gone altogether.
    PushRemoved {
        /// The device.
        device: DeviceId,
    },
    /// The platform's push service answered.
    PushAnswered {
        /// The device.
        device: DeviceId,
        /// The messages of that push.
        ids: Vec<MessageId>,
        /// Whether the service took it.
        accepted: bool,
    },
    /// The account's timings changed.
    TimingsChanged(Timings),
    /// The moment that [`Router::next_wakeup`] named has come, or the machine woke from sleep.
    WokeUp,
}

/// A committed message, as far as alerting cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The message.
    pub id: MessageId,
    /// Urgent rings everywhere; low and min nowhere.
    pub priority: Priority,
    /// When it was committed. Lies before "now" only after a restart.
    pub at: Instant,
    /// No alert from then on.
    pub expires: Option<Instant>,
}

/// What is to be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Hand a just accepted message to every connected device; the named ones ring at once, the
    /// others stay silent. Exactly one per [`Event::Accepted`], before any other effect about it.
    Deliver {
        /// The message.
        id: MessageId,
        /// Devices with an open stream that ring.
        ring: Vec<DeviceId>,
    },
    /// Ring on a connected device for messages already delivered to it.
    Alert {
        /// The device; its stream is open.
        device: DeviceId,
        /// The messages, oldest first.
        ids: Vec<MessageId>,
        /// One pop-up each, or one for all.
        style: AlertStyle,
        /// The rule that decided it.
        why: AlertWhy,
    },
    /// Hand an alert to the push service of a device whose stream is closed.
    Push {
        /// The device.
        device: DeviceId,
        /// The messages, oldest first.
        ids: Vec<MessageId>,
        /// One push each, or one for all.
        style: AlertStyle,
    },
    /// Take back a push that may still wait.
    CancelPush {
        /// The device.
        device: DeviceId,
        /// The messages.
        ids: Vec<MessageId>,
    },
}

/// The rule's timers, as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timings {
    /// A presence that no heartbeat renews ends after this time.
    pub lease: Duration,
    /// A socket lost without goodbye keeps its presence for this time.
    pub lost_grace: Duration,
    /// An alerted device says `shown` within this time, or the next one is alerted.
    pub shown_within: Duration,
    /// After a connect without presence the router waits this long before it treats the device
    /// as unknown and rings twice.
    pub first_presence_within: Duration,
    /// After a restart the router waits this long for devices.
    pub restart_grace: Duration,
    /// Alerts older than this become a summary.
    pub summary_after: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(40),
            lost_grace: Duration::from_secs(10),
            shown_within: Duration::from_secs(5),
            first_presence_within: Duration::from_secs(2),
            restart_grace: Duration::from_secs(10),
            summary_after: Duration::from_mins(10),
        }
    }
}
