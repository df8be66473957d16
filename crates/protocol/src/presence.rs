use serde::{Deserialize, Serialize};

/// What kind of screen a device has; decides how alerts are routed to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// A computer that reports presence.
    Desktop,
    /// A phone or tablet, which is always with the person.
    Mobile,
}

/// Whether a person is at a desktop, as its companion reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Active, inactive or unknown.
    pub state: PresenceState,
    /// Why it is inactive; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<InactiveReason>,
    /// Age of the last input (or of the end of an inhibition, whichever is later), in
    /// milliseconds; absent where the desktop offers no idle source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_input_ms: Option<u64>,
}

/// The three answers to "is a person at this computer?".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PresenceState {
    /// Input within the idle threshold, and nothing is locked.
    Active,
    /// Nobody is there.
    Inactive,
    /// This desktop offers no idle source, or its sensor hangs. Never guessed as active.
    #[serde(other)]
    Unknown,
}

/// Why a desktop is inactive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InactiveReason {
    /// No input for the idle threshold.
    Idle,
    /// The screen is locked.
    Locked,
    /// The companion itself is locked.
    AppLocked,
    /// The computer is going to sleep.
    Suspended,
    /// Another person's session is in front.
    SessionSwitched,
    /// The person is there, but shows the screen to others, or something fills it: nothing may
    /// pop up.
    Presenting,
    /// A reason this version does not know.
    #[serde(other)]
    Other,
}
