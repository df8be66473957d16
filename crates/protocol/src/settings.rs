use std::collections::BTreeMap;

use jiff::civil::Time;
use serde::{Deserialize, Serialize};

use crate::times::{read_time, write_time};
use crate::{Priority, PublisherId, Timestamp};

/// The shortest idle threshold, in milliseconds.
pub const MIN_IDLE_AFTER_MS: u64 = 10_000;
/// The longest idle threshold, in milliseconds.
pub const MAX_IDLE_AFTER_MS: u64 = 3_600_000;
/// The most quiet times of an account.
pub const MAX_QUIET_TIMES: usize = 20;
/// The most publishers with a choice of their own.
pub const MAX_PUBLISHER_CHOICES: usize = 500;

/// What an account's person chose: `GET` and `PUT /v1/settings`. An absent field has its default;
/// a later version only adds fields and words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Settings {
    /// When and where what rings.
    #[serde(flatten)]
    pub attention: AttentionSettings,
    /// Publishers may see that their messages were read.
    #[serde(default)]
    pub read_receipts: bool,
}

/// A person's choices about alerts, the same on every device. Delivery is not theirs to turn off:
/// every message is in the history, whatever rings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct AttentionSettings {
    /// Without input for so long a desktop is inactive, in milliseconds.
    pub idle_after_ms: u64,
    /// How loud each priority is.
    pub priorities: PriorityRoutes,
    /// What differs for single publishers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub publishers: BTreeMap<PublisherId, PublisherChoice>,
    /// Nothing rings in these; what they hold back rings as one summary when they end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quiet_times: Vec<QuietTime>,
    /// The IANA name of the zone that quiet times are in, such as `Europe/Berlin`. Absent: the
    /// server's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Holds back like a quiet time.
    pub do_not_disturb: DoNotDisturb,
    /// Whether urgent messages ring in quiet times and while not to be disturbed.
    pub urgent_breaks_through: bool,
    /// With no active desktop.
    pub when_away: WhenAway,
    /// With a desktop that cannot tell whether someone is there.
    pub when_unknown: WhenUnknown,
    /// With someone at a desktop that must not pop up.
    pub when_presenting: WhenPresenting,
}

impl Default for AttentionSettings {
    fn default() -> Self {
        Self {
            idle_after_ms: 180_000,
            priorities: PriorityRoutes::default(),
            publishers: BTreeMap::new(),
            quiet_times: Vec::new(),
            time_zone: None,
            do_not_disturb: DoNotDisturb::Off,
            urgent_breaks_through: true,
            when_away: WhenAway::Phone,
            when_unknown: WhenUnknown::Both,
            when_presenting: WhenPresenting::Phone,
        }
    }
}

/// How loud a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// Into the history only.
    Silent,
    /// The one screen, and a phone as well.
    PhoneToo,
    /// Every device at once.
    Everywhere,
    /// The one screen the person is at. Also what an unknown word means.
    #[serde(other)]
    OneScreen,
}

/// A route for each priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PriorityRoutes {
    /// Silent.
    pub min: Route,
    /// Silent.
    pub low: Route,
    /// One screen.
    pub default: Route,
    /// One screen.
    pub high: Route,
    /// Everywhere.
    pub urgent: Route,
}

impl Default for PriorityRoutes {
    fn default() -> Self {
        Self {
            min: Route::Silent,
            low: Route::Silent,
            default: Route::OneScreen,
            high: Route::OneScreen,
            urgent: Route::Everywhere,
        }
    }
}

impl PriorityRoutes {
    /// The route of one priority.
    #[must_use]
    pub const fn of(&self, priority: Priority) -> Route {
        match priority {
            Priority::Min => self.min,
            Priority::Low => self.low,
            Priority::Default => self.default,
            Priority::High => self.high,
            Priority::Urgent => self.urgent,
        }
    }
}

/// What a person chose for one publisher. The default changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PublisherChoice {
    /// Its messages count as no louder than this: `low` never rings, `high` is never urgent.
    pub loudest: Priority,
    /// What rings on one screen rings on a phone as well.
    pub phone_too: bool,
}

impl Default for PublisherChoice {
    fn default() -> Self {
        Self {
            loudest: Priority::Urgent,
            phone_too: false,
        }
    }
}

/// Hours of the day in which nothing rings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct QuietTime {
    /// The days on which it begins; none means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Weekday>,
    /// When it begins, by the clock on the wall.
    pub from: Time,
    /// When it ends: on the next day, unless that is later than `from`.
    pub to: Time,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the days need no explanation")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl From<jiff::civil::Weekday> for Weekday {
    fn from(day: jiff::civil::Weekday) -> Self {
        use jiff::civil::Weekday as Day;
        match day {
            Day::Monday => Self::Monday,
            Day::Tuesday => Self::Tuesday,
            Day::Wednesday => Self::Wednesday,
            Day::Thursday => Self::Thursday,
            Day::Friday => Self::Friday,
            Day::Saturday => Self::Saturday,
            Day::Sunday => Self::Sunday,
        }
    }
}

/// Whether the person asked for silence by hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DoNotDisturb {
    /// No.
    #[default]
    Off,
    /// Until they say otherwise.
    On,
    /// Until then.
    Until(#[serde(deserialize_with = "read_time", serialize_with = "write_time")] Timestamp),
}

/// What rings with no active desktop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WhenAway {
    /// Nothing but urgent: it waits for the person's return.
    Hold,
    /// The phone. Also what an unknown word means.
    #[default]
    #[serde(other)]
    Phone,
}

/// What rings with a desktop that cannot tell whether someone is there, and no active one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WhenUnknown {
    /// The desktop alone, as if someone were there.
    Desktop,
    /// The phone alone, as if nobody were there.
    Phone,
    /// The desktop and the phone: missing is worse than twice. Also what an unknown word means.
    #[default]
    #[serde(other)]
    Both,
}

/// What rings while someone shows their screen to others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WhenPresenting {
    /// Nothing but urgent: it waits until the presentation ends.
    Hold,
    /// The phone. Also what an unknown word means.
    #[default]
    #[serde(other)]
    Phone,
}
