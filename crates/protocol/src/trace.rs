//! Why a message alerted where it did: facts for programs, and words for people.

use core::fmt;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::times::{read_time, write_time};
use crate::{DeviceId, InactiveReason, Timestamp};

/// What was decided about a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Trace {
    /// The newest decisions, oldest first.
    pub steps: Vec<ExplainedStep>,
}

/// A decision with its words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExplainedStep {
    /// The decision.
    #[serde(flatten)]
    pub step: TraceStep,
    /// The same in English, with the names of devices.
    pub text: String,
}

/// One decision about one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TraceStep {
    /// When it was decided.
    #[serde(deserialize_with = "read_time", serialize_with = "write_time")]
    pub at: Timestamp,
    /// What was decided, and why.
    #[serde(flatten)]
    pub decision: Traced,
}

/// What was decided, why, and the facts it was decided from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Traced {
    /// What follows.
    pub outcome: Outcome,
    /// The device it is about; absent where it is about none or all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// The reason.
    pub because: Because,
    /// The devices as they were at that moment; of those that can tell, what they told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<DeviceFact>,
}

/// What was decided about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The device rings.
    Alerted,
    /// The device's push service is asked to ring it.
    Pushed,
    /// It is in the history; nothing rings for it.
    Silent,
    /// An alert is owed, and waits.
    Waits,
    /// Somebody saw it on the device.
    Seen,
    /// The device's push service took it; that the phone shows it is not known.
    Taken,
    /// The push was taken back.
    Cancelled,
    /// An outcome this version does not know.
    #[serde(other)]
    Other,
}

/// Why something was decided about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// Someone is at that desktop, and used it last.
    Active,
    /// Nobody is at a desktop.
    NobodyAtADesktop,
    /// No desktop surely has someone, and this one cannot tell.
    Unknown,
    /// It rings on every device.
    Everywhere,
    /// It was sent to that one client, by its message token or its application.
    Addressed,
    /// The person wants it on a phone as well.
    PhoneToo,
    /// It was shown on a desktop that nobody was at any more.
    Handover,
    /// The device alerted first did not show it.
    NotShown,
    /// Nobody could be reached before.
    Waiting,
    /// Nobody can be reached.
    NobodyReachable,
    /// A device has a moment to say whether someone is there.
    DeviceMayAnswer,
    /// A device said whether someone is there, or had its time to.
    PresenceKnown,
    /// The server restarted and does not know whether anyone was alerted.
    Restarted,
    /// In quiet times, or while not to be disturbed.
    Quiet,
    /// Quiet times are over.
    QuietEnded,
    /// The person wants to wait until they return to a desktop.
    HeldUntilReturn,
    /// The person is showing the screen to others, and wants to wait.
    Presenting,
    /// The person came to a desktop, and nobody may have noticed it before.
    Returned,
    /// Its priority, or the person's choice for its publisher.
    Quieted,
    /// There was input after it was shown, or someone was at the desktop when it was.
    InputAfterwards,
    /// A phone showed it.
    ShownOnPhone,
    /// Its push service said so.
    Gateway,
    /// It was read, seen, withdrawn, or expired.
    Settled,
    /// A reason this version does not know.
    #[serde(other)]
    Other,
}

/// What was known about a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeviceFact {
    /// The device.
    pub device: DeviceId,
    /// Whether someone was at it.
    pub seat: Seat,
    /// Why nobody was, as far as it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<InactiveReason>,
    /// For how long that had been so, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<u64>,
    /// How long ago the last input was, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_input_ms: Option<u64>,
}

/// Whether a person is in front of a device, as the server sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Seat {
    /// Someone is at it.
    Active,
    /// Nobody is.
    Inactive,
    /// Its stream is gone.
    Gone,
    /// A phone, which is always with the person.
    Mobile,
    /// Nobody knows.
    #[serde(other)]
    Unknown,
}

impl fmt::Display for Traced {
    /// In English: `ada-laptop alerted: active, input 4 s ago`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, &DeviceId::as_str)
    }
}

impl Traced {
    /// In English, with devices called as `name` says.
    pub fn in_words<'a>(&'a self, name: impl Fn(&'a DeviceId) -> &'a str) -> String {
        let mut words = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut words, &name);
        words
    }

    fn write<'a>(
        &'a self,
        f: &mut dyn fmt::Write,
        name: &dyn Fn(&'a DeviceId) -> &'a str,
    ) -> fmt::Result {
        match &self.device {
            Some(device) => write!(f, "{} {}", name(device), self.outcome.words())?,
            None => f.write_str(self.outcome.words())?,
        }
        write!(f, ": {}", self.because.words())?;
        let own = |fact: &&DeviceFact| self.device.as_ref() == Some(&fact.device);
        for fact in self.facts.iter().filter(own) {
            write!(f, ", {}", Told(fact))?;
        }
        for fact in self.facts.iter().filter(|fact| !own(fact)) {
            write!(f, "; {} {}", name(&fact.device), Told(fact))?;
        }
        Ok(())
    }
}

impl Outcome {
    const fn words(self) -> &'static str {
        match self {
            Self::Alerted => "alerted",
            Self::Pushed => "pushed",
            Self::Silent => "silent",
            Self::Waits => "waits",
            Self::Seen => "showed it to someone",
            Self::Taken => "is being reached by its push service",
            Self::Cancelled => "is not pushed any more",
            Self::Other => "decided",
        }
    }
}

impl Because {
    const fn words(self) -> &'static str {
        match self {
            Self::Active => "someone is there",
            Self::NobodyAtADesktop => "nobody is at a desktop",
            Self::Unknown => "it cannot tell whether someone is there",
            Self::Everywhere => "it rings on every device",
            Self::Addressed => "it was sent to this device alone",
            Self::PhoneToo => "wanted on a phone as well",
            Self::Handover => "handed over, shown elsewhere to nobody",
            Self::NotShown => "not shown by the device alerted before",
            Self::Waiting => "nobody could be reached before",
            Self::NobodyReachable => "nobody can be reached",
            Self::DeviceMayAnswer => "a device has a moment to say whether someone is there",
            Self::PresenceKnown => "a device had its moment to say whether someone is there",
            Self::Restarted => "the server restarted",
            Self::Quiet => "quiet times",
            Self::QuietEnded => "quiet times are over",
            Self::HeldUntilReturn => "wanted at a desktop only, on return",
            Self::Presenting => "the screen is being shown to others",
            Self::Returned => "someone came back, and nobody may have noticed it before",
            Self::Quieted => "its priority, or the choice for its publisher",
            Self::InputAfterwards => "there was input afterwards, or someone was there",
            Self::ShownOnPhone => "a phone shows it",
            Self::Gateway => "its push service said so",
            Self::Settled => "read, seen, withdrawn or expired",
            Self::Other => "for a reason unknown here",
        }
    }
}

/// A fact in words, without its device.
struct Told<'a>(&'a DeviceFact);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DeviceFact {
            seat,
            reason,
            since_ms,
            last_input_ms,
            ..
        } = self.0;
        f.write_str(match (seat, reason) {
            (Seat::Active, _) => "active",
            (Seat::Mobile, _) => "with the person",
            (Seat::Gone, _) => "not connected",
            (Seat::Unknown, _) => "unknown",
            (Seat::Inactive, Some(InactiveReason::Idle)) => "idle",
            (Seat::Inactive, Some(InactiveReason::Locked)) => "locked",
            (Seat::Inactive, Some(InactiveReason::AppLocked)) => "Hither locked",
            (Seat::Inactive, Some(InactiveReason::Suspended)) => "asleep",
            (Seat::Inactive, Some(InactiveReason::SessionSwitched)) => "someone else's session",
            (Seat::Inactive, Some(InactiveReason::Presenting)) => "presenting",
            (Seat::Inactive, Some(InactiveReason::Other) | None) => "inactive",
        })?;
        if let Some(since) = since_ms {
            write!(f, " for {}", Spoken(*since))?;
        }
        match last_input_ms {
            Some(age) => write!(f, ", input {} ago", Spoken(*age)),
            None => Ok(()),
        }
    }
}

/// Milliseconds as people say them.
struct Spoken(u64);

impl fmt::Display for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = Duration::from_millis(self.0).as_secs();
        match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
            (0, 0, s) => write!(f, "{s} s"),
            (0, m, 0) => write!(f, "{m} min"),
            (0, m, s) => write!(f, "{m} min {s} s"),
            (h, m, _) => write!(f, "{h} h {m} min"),
        }
    }
}
