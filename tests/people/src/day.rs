//! A stretch of one person's life, as data: what they could see and when, and what went wrong.

use serde::{Deserialize, Serialize};

/// Milliseconds since the beginning.
pub(crate) type Ms = u64;

pub(crate) const SECOND: Ms = 1000;
pub(crate) const MINUTE: Ms = 60 * SECOND;
pub(crate) const HOUR: Ms = 60 * MINUTE;
pub(crate) const DAY: Ms = 24 * HOUR;

/// One person's days. `docs/simulation.md` describes the format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Days {
    /// What kind of person, or any other label; results are added up by it.
    pub(crate) person: String,
    /// Of the network's whims; without it, the person's place in the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seed: Option<u64>,
    /// How long it all takes.
    pub(crate) length_ms: Ms,
    /// How many desktops there are: `d0`, `d1` …
    pub(crate) desktops: u8,
    /// How many phones: `p0` …
    pub(crate) phones: u8,
    /// Whether the phones say that they show a push.
    #[serde(default)]
    pub(crate) phones_confirm: bool,
    /// What the person can perceive, one after the other; nothing in between.
    pub(crate) segments: Vec<Segment>,
    /// When there was input, for each desktop, rising.
    pub(crate) inputs_ms: Vec<Vec<Ms>>,
    /// What is special about a device for a while.
    #[serde(default)]
    pub(crate) conditions: Vec<Condition>,
    /// In the order in which they come.
    pub(crate) messages: Vec<Message>,
}

/// A span in which the person can perceive the same screens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Segment {
    pub(crate) from_ms: Ms,
    pub(crate) to_ms: Ms,
    /// These would be noticed if they popped up, rang or buzzed.
    pub(crate) sees: Vec<Screen>,
}

/// What is special about a device, from then to then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Condition {
    pub(crate) screen: Screen,
    pub(crate) is: Is,
    pub(crate) from_ms: Ms,
    pub(crate) to_ms: Ms,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Is {
    /// The desktop's screen is locked.
    Locked,
    /// The desktop sleeps; it says goodbye before.
    Asleep,
    /// A video or a call keeps the desktop from being idle.
    Video,
    /// The desktop cannot tell when the last input was.
    Blind,
    /// What rings there does not pop up, and the desktop does not say that it does: its
    /// notification daemon restarts, or it is too busy.
    Mute,
    /// No network, and the server notices at once.
    Offline,
    /// No network, and the server does not notice until heartbeats are missing.
    HalfOpen,
    /// What is sent in this time arrives after it.
    Stalled,
}

/// A message to the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Message {
    pub(crate) at_ms: Ms,
    /// 1 to 5; 3 is ordinary.
    #[serde(default = "ordinary")]
    pub(crate) priority: u8,
    /// The person opens it so long after noticing it, if they still see that screen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) opened_after_ms: Option<Ms>,
}

const fn ordinary() -> u8 {
    3
}

/// `d0`, `d1` … are desktops, `p0` … phones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum Screen {
    Desktop(u8),
    Phone(u8),
}

impl TryFrom<String> for Screen {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let number = name.get(1..).and_then(|digits| digits.parse().ok());
        let screen = match (name.get(..1), number) {
            (Some("d"), Some(number)) => Some(Self::Desktop(number)),
            (Some("p"), Some(number)) => Some(Self::Phone(number)),
            _ => None,
        };
        let screen = screen.filter(|screen| String::from(*screen) == name);
        screen.ok_or_else(|| format!("{name:?} is no screen; d0 is a desktop, p0 a phone"))
    }
}

impl From<Screen> for String {
    fn from(screen: Screen) -> Self {
        match screen {
            Screen::Desktop(number) => format!("d{number}"),
            Screen::Phone(number) => format!("p{number}"),
        }
    }
}
