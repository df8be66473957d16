//! What a person chose: `GET` and `PUT /v1/settings`.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{InvalidId, Priority, PublisherId, Timestamp};

/// The shortest idle threshold, in seconds.
pub const MIN_IDLE_AFTER_S: u64 = 10;
/// The longest idle threshold, in seconds.
pub const MAX_IDLE_AFTER_S: u64 = 3600;
/// The most quiet times of an account.
pub const MAX_QUIET_TIMES: usize = 20;
/// The most publishers with a choice of their own.
pub const MAX_PUBLISHER_CHOICES: usize = 500;

/// What an account's person chose. An absent field has its default; a later version only adds
/// fields and words, and what a version does not know means the default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Settings {
    /// Without input for so many seconds a desktop is inactive; absent: as the server's operator
    /// chose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_after_s: Option<u64>,
    /// When nothing rings.
    pub quiet_times: Vec<QuietTime>,
    /// Nothing rings before this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub do_not_disturb_until: Option<Timestamp>,
    /// What rings otherwise than the rule says.
    pub routing: Routing,
    /// While nobody is at a desktop, messages wait for the return instead of ringing a phone.
    pub hold_until_return: bool,
    /// What rings while it is unknown whether somebody is at the desktop.
    pub unknown_rings: UnknownRings,
    /// Publishers may see that their messages were read.
    pub read_receipts: bool,
}

/// A span of the day, on some days, in which nothing rings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct QuietTime {
    /// The days on which it begins; at least one.
    pub days: BTreeSet<Day>,
    /// When it begins.
    pub from: TimeOfDay,
    /// When it ends: on the next day where this is not later than `from`.
    pub to: TimeOfDay,
    /// Whose clocks: an IANA time zone, as `Europe/Berlin`.
    pub timezone: String,
    /// Urgent messages ring all the same.
    #[serde(default)]
    pub urgent_breaks_through: bool,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

/// Hours and minutes on a clock, `00:00` to `23:59`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(extend("pattern" = "^([01][0-9]|2[0-3]):[0-5][0-9]$"))
)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// Minutes since midnight, 0 to 1439.
    #[must_use]
    pub const fn minutes(self) -> u16 {
        self.0
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        clock(&text).map(Self).ok_or(InvalidId::new(
            "a time of day",
            "HH:MM, from 00:00 to 23:59",
        ))
    }
}

fn clock(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |digits: &str, below: u16| {
        let plain = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number: u16 = digits.parse().ok().filter(|_| plain)?;
        (number < below).then_some(number)
    };
    Some(number(hours, 24)? * 60 + number(minutes, 60)?)
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// Choices that beat the rule. A publisher's choice beats a priority's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Routing {
    /// By priority.
    pub priorities: BTreeMap<Priority, Choice>,
    /// By publisher.
    pub publishers: BTreeMap<PublisherId, Choice>,
}

/// Where messages ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// On every device at once.
    Everywhere,
    /// On desktops only.
    Desktop,
    /// On mobiles only.
    Mobile,
    /// Nowhere; they only arrive.
    Nowhere,
    /// As the rule says. Also what an unknown word means.
    #[default]
    #[serde(other)]
    Usual,
}

/// What rings while it is unknown whether somebody is at the desktop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum UnknownRings {
    /// The desktop only.
    Desktop,
    /// A mobile only.
    Mobile,
    /// Both: missing is worse than twice. Also what an unknown word means.
    #[default]
    #[serde(other)]
    Both,
}
