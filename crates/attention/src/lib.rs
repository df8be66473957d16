//! Who gets alerted: events in, effects out, for one account.
//!
//! Delivery (the message is in every device's history) and alerting (something pops up, rings or
//! buzzes) are two different things; only alerting is decided here. No I/O, no clock, no
//! randomness: time comes in with each event, so that years can be simulated in seconds.
//!
//! # The rule
//!
//! A message alerts the person on a screen they can see, once, soon, and never vanishes between
//! two devices:
//!
//! 1. **Active desktop**: the active desktop with the most recent input rings, nothing else.
//! 2. **No active desktop**: one mobile rings, by its open stream, else by its push service: the
//!    one that the person used last.
//! 3. **Nobody reachable**: the message waits for the first device that comes back.
//! 4. **Not shown** within [`Timings::shown_within`]: the next best device. When none is left, the
//!    ones that did not answer are asked again after [`Timings::retry_after`], then after ever
//!    twice that; at once when they show something else or reconnect, which is believed a few
//!    times, or come back after a while. A device that loses its stream while it is asked has no
//!    more time than it had. A phone that shows it is not enough while somebody is at a desktop
//!    that was asked and did not show it, or may be.
//! 5. **Handover**: when a desktop stops being active, what it showed at or after the last input,
//!    or did not show yet, is alerted elsewhere. A pop-up that stays up until there is input is
//!    seen with it. Any other that came and went in a long pause without input, or without any
//!    word of input, rings there again when the pause ends.
//! 6. **Return**: when a desktop becomes active, pushes without an answer are taken back, and
//!    what waits rings there, and what only a push service took; that also where a desktop that
//!    was inactive becomes unknown. What a phone showed does not ring again there. But a phone may
//!    lie in another room: where there is another one, and nobody opened anything on the first
//!    within [`Timings::opened_within`], that rings, or the desktop that somebody is at by then.
//! 7. **Read**, withdrawn and expired messages are forgotten; their pushes are taken back.
//! 8. **Routes**: the person's choices say for each priority and publisher how loud it is. By
//!    default urgent rings every connected device and every reachable phone at once, until
//!    somebody may have seen it; low and min never ring.
//! 9. **Unknown** presence rings the desktop and a mobile, unless the person chose one of them:
//!    missing is worse than twice. The phone is owed the alert even when only the desktop can be
//!    reached, until somebody uses that desktop. A device that reconnects, or is lost without
//!    goodbye, gets a moment to say what it is before that. A desktop that
//!    never can tell rings for a message twice at most.
//! 10. **Restart**: what may or may not have been alerted waits for
//!     [`Timings::restart_grace`], then the rule applies. What popped up before it on a desktop
//!     that says where its person was, or does not come back in that time, is handed over like
//!     any other.
//! 11. **Quiet**: in quiet times and while not to be disturbed nothing rings but what breaks
//!     through; what is still unread rings as one summary when they end.
//! 12. **Why**: every decision comes with its reason and the facts it was made from.
//!
//! # Where it lives
//!
//! | module | holds | rules |
//! |---|---|---|
//! | `choices` | the person's settings, quiet times by the clock on the wall; what they come to for one message | 8, 11 |
//! | `decision` | which devices to alert for one message, from facts alone | 1, 2, 3, 8 to 11 |
//! | `devices` | streams, presence, leases, graces; the seat (active, unknown, inactive, gone) they come to at a moment | 5, 6, 9 |
//! | `entry` | per message: who was called, who did not answer, who shows it, whether an alert is owed | 4, 5, 7 |
//! | `ledger` | all of them, by what is due, and no more than are remembered | |
//! | `piles` | what merely waits, by what decides about it: one stands for all | 3 |
//! | `router` | events in order, time, one decision per event | 10, 11 |
//! | `router::people` | devices that come, go and report; what a changed seat means for messages | 3, 5, 6 |
//! | `router::answers` | what became of an alert | 4, 6, 7 |
//! | `router::alerting` | what is decided about a message, carried out and explained | 3, 12 |
//! | `way` | a device, by its stream or its push service | |
//! | `batch` | alerts and cancellations of one moment as few effects | |
//!
//! Timers are not kept: [`Router::next_wakeup`] asks the facts.
//!
//! # What it costs
//!
//! An event costs the same however many messages merely wait (`examples/events.rs`). Remembered are
//! at most 20,000 messages that wait, as many that pop up on desktops, and a thousand of each sort
//! that something was tried for in vain, that only a push service took, that lie on a phone; some
//! 300 bytes each. Of those that wait, the quietest and oldest are forgotten: the summary that rings
//! for the others speaks for them, and where none of the others is left, [`Effect::Recall`] asks for
//! them. What is being asked this moment ([`Timings::shown_within`]) is as much as comes in that
//! time.

mod batch;
mod choices;
mod decision;
mod devices;
mod entry;
mod ledger;
mod piles;
mod router;
#[cfg(test)]
mod tests;
mod way;

pub use choices::{quiet, rings};
pub use router::Router;

use core::time::Duration;
use std::collections::BTreeSet;

use jiff::Zoned;

use hither_protocol::{
    AlertStyle, AlertWhy, AttentionSettings, DeviceId, DeviceKind, Instant, MessageId, Presence,
    Priority, PublisherId, Traced,
};

/// What happened, for one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A device's stream is identified and its backlog done. Replaces an earlier connection of
    /// the same device, and what that one did not show yet is alerted anew. Never activity by
    /// itself.
    Connected {
        /// The device.
        device: DeviceId,
        /// Desktops have presence; mobiles are always with the person.
        kind: DeviceKind,
        /// What its hello said, if anything.
        presence: Option<Presence>,
        /// As in [`Event::Heartbeat`].
        delay: Option<Duration>,
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
        /// As in [`Event::Heartbeat`].
        delay: Option<Duration>,
    },
    /// A ping with a reading renews the lease of the presence this stream reported last; without
    /// one it says nothing about the person.
    Heartbeat {
        /// The device.
        device: DeviceId,
        /// Age of the last input when it was sent, from a fresh reading; absent when the sensor
        /// does not answer.
        last_input: Option<Duration>,
        /// The longest that it can have been on its way here. `None` where nothing bounds it:
        /// then [`Timings::delay`] counts.
        delay: Option<Duration>,
    },
    /// A message was committed.
    Accepted(Accepted),
    /// A device says that its pop-up is up.
    Shown {
        /// The device.
        device: DeviceId,
        /// The messages it shows.
        ids: Vec<MessageId>,
        /// Whether it stays up until there has been input after it. One that does not is gone
        /// after [`Timings::pop_up`].
        stays: bool,
    },
    /// The person used this device: read or answered a message there. Of several phones, the one
    /// used last rings.
    Used {
        /// The device.
        device: DeviceId,
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
    /// A mobile can be reached by its platform's push service while its stream is closed. Comes
    /// once for each registration in the store when the router is made, and again when the
    /// registration changes.
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
    /// The person's choices, when the router is made and whenever they change.
    SettingsChanged(Box<AttentionSettings>),
    /// What the clock on the wall shows in the zone of the person's settings: when the router is
    /// made, and whenever that clock jumped or the zone changed. Quiet times need it.
    WallClock(Box<Zoned>),
    /// The answer to [`Effect::Recall`]: what the store would tell a router that is made now, but
    /// for what popped up somewhere.
    Recalled(Vec<Accepted>),
    /// The moment that [`Router::next_wakeup`] named has come, or the machine woke from sleep.
    WokeUp,
}

/// A committed message, as far as alerting cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The message.
    pub id: MessageId,
    /// Who sent it, for the person's choices; absent where that is not known.
    pub publisher: Option<PublisherId>,
    /// By default urgent rings everywhere; low and min nowhere.
    pub priority: Priority,
    /// When it was committed. Lies before "now" only after a restart.
    pub at: Instant,
    /// No alert from then on.
    pub expires: Option<Instant>,
    /// The device that it is about: it never rings there.
    pub except: Option<DeviceId>,
    /// The devices that it went to, where it comes to no other ones later.
    pub only: Option<BTreeSet<DeviceId>>,
}

impl Accepted {
    fn comes_to_all(&self) -> bool {
        self.except.is_none() && self.only.is_none()
    }

    fn comes_to(&self, device: &DeviceId) -> bool {
        let only = self.only.as_ref();
        self.except.as_ref() != Some(device) && only.is_none_or(|only| only.contains(device))
    }
}

/// An unread, unexpired message that a restart has to take up again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsettled {
    /// The message.
    pub message: Accepted,
    /// Where it popped up, and nobody is known to have seen it. Empty where no device said that it
    /// shows it.
    pub shown: Vec<PoppedUp>,
}

/// A pop-up on a desktop, from before a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoppedUp {
    /// The desktop.
    pub on: DeviceId,
    /// Since when.
    pub at: Instant,
    /// As in [`Event::Shown`].
    pub stays: bool,
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
    /// More messages waited than a router remembers, and none of these waits any more, though no
    /// summary spoke for all: it asks what else there is.
    Recall,
    /// Why something was decided about a message; after the effects it explains. For the record
    /// only: may be written lazily, and lost.
    Trace {
        /// The message.
        id: MessageId,
        /// What, why, and the facts.
        traced: Box<Traced>,
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
    /// Where nobody else can take it, a device that did not say so is asked again after this time,
    /// and then after twice the time before, without end; where a phone has it, a few times.
    pub retry_after: Duration,
    /// After a connect without presence the router waits this long before it treats the device
    /// as unknown and rings twice.
    pub first_presence_within: Duration,
    /// After a restart the router waits this long for devices.
    pub restart_grace: Duration,
    /// Alerts older than this become a summary.
    pub summary_after: Duration,
    /// A reading whose way here is not measured counts as so late. What a desktop showed less
    /// than this before the last input may be handed over although it was seen.
    pub delay: Duration,
    /// So long a pop-up is on a desktop that does not leave it up until there is input.
    pub pop_up: Duration,
    /// What popped up in a pause without input of at least this length, and was gone before it
    /// ended, is alerted again when it ends: the person may have been somewhere else.
    pub pause: Duration,
    /// What a phone has, and nobody opened there in this time, rings on another phone if there is
    /// one.
    pub opened_within: Duration,
    /// What only a push service took, and no phone said that it shows, is alerted when the person
    /// comes to a desktop within this time.
    pub taken_for: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(40),
            lost_grace: Duration::from_secs(10),
            shown_within: Duration::from_secs(5),
            retry_after: Duration::from_secs(15),
            first_presence_within: Duration::from_secs(2),
            restart_grace: Duration::from_secs(10),
            summary_after: Duration::from_mins(10),
            delay: Duration::from_secs(5),
            pop_up: Duration::from_secs(10),
            pause: Duration::from_mins(1),
            opened_within: Duration::from_mins(3),
            taken_for: Duration::from_hours(12),
        }
    }
}
