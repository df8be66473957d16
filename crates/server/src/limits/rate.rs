//! How often something may happen.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use hither_protocol::Instant;
use serde::{Deserialize, Serialize};

/// How often something may happen: `burst` times at once, and so many more in each second, minute
/// or hour. Written as `100/s burst 1000`, or `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate {
    count: u32,
    per: Unit,
    burst: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
}

/// A text that is no rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a rate is written as 100/s burst 1000, 10/min or 5/h, with numbers from 1 to 1000000, or off"
)]
pub struct InvalidRate;

impl Rate {
    /// No limit.
    pub const OFF: Self = Self::new(0, Unit::Second);

    /// So many each second, and at once.
    #[must_use]
    pub const fn per_second(count: u32) -> Self {
        Self::new(count, Unit::Second)
    }

    /// So many each minute, and at once.
    #[must_use]
    pub const fn per_minute(count: u32) -> Self {
        Self::new(count, Unit::Minute)
    }

    /// So many each hour, and at once.
    #[must_use]
    pub const fn per_hour(count: u32) -> Self {
        Self::new(count, Unit::Hour)
    }

    /// So many at once.
    #[must_use]
    pub const fn burst(self, burst: u32) -> Self {
        Self { burst, ..self }
    }

    const fn new(count: u32, per: Unit) -> Self {
        Self {
            count,
            per,
            burst: count,
        }
    }

    /// After which time one more may happen; `None` where nothing is limited.
    fn refill(self) -> Option<Duration> {
        self.per.length().checked_div(self.count)
    }
}

impl Unit {
    const ALL: [Self; 3] = [Self::Second, Self::Minute, Self::Hour];

    const fn length(self) -> Duration {
        match self {
            Self::Second => Duration::from_secs(1),
            Self::Minute => Duration::from_mins(1),
            Self::Hour => Duration::from_hours(1),
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Second => "s",
            Self::Minute => "min",
            Self::Hour => "h",
        }
    }
}

impl FromStr for Rate {
    type Err = InvalidRate;

    fn from_str(text: &str) -> Result<Self, InvalidRate> {
        let mut words = text.split_whitespace();
        let rate = words.next().ok_or(InvalidRate)?;
        if rate == "off" && words.next().is_none() {
            return Ok(Self::OFF);
        }
        let (count, unit) = rate.split_once('/').ok_or(InvalidRate)?;
        let unit = Unit::ALL.into_iter().find(|known| known.word() == unit);
        let rate = Self::new(number(count)?, unit.ok_or(InvalidRate)?);
        match (words.next(), words.next(), words.next()) {
            (None, ..) => Ok(rate),
            (Some("burst"), Some(burst), None) => Ok(rate.burst(number(burst)?)),
            _ => Err(InvalidRate),
        }
    }
}

fn number(text: &str) -> Result<u32, InvalidRate> {
    let number = text.parse().map_err(|_| InvalidRate)?;
    (1..=1_000_000)
        .contains(&number)
        .then_some(number)
        .ok_or(InvalidRate)
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, per, burst } = self;
        if *self == Self::OFF {
            f.write_str("off")
        } else {
            write!(f, "{count}/{} burst {burst}", per.word())
        }
    }
}

impl TryFrom<String> for Rate {
    type Error = InvalidRate;

    fn try_from(text: String) -> Result<Self, InvalidRate> {
        text.parse()
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        rate.to_string()
    }
}

/// What somebody used up of a rate; it comes back with time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bucket {
    used: u32,
    at: Instant,
    /// What may be used up besides.
    allowed: u32,
}

impl Bucket {
    /// Uses one up, or says after which time there is one.
    pub(crate) fn take(&mut self, rate: Rate, now: Instant) -> Result<(), Duration> {
        let Some(refill) = rate.refill() else {
            return Ok(());
        };
        if let Some(left) = self.allowed.checked_sub(1) {
            self.allowed = left;
            return Ok(());
        }
        self.refill(rate, now);
        if let Some(more) = self.used.checked_sub(rate.burst) {
            return Err((self.at + refill * (more + 1)).since(now));
        }
        self.used += 1;
        Ok(())
    }

    /// Uses one up that there may not be yet.
    pub(crate) fn charge(&mut self, rate: Rate, now: Instant) {
        if rate.refill().is_some() {
            self.refill(rate, now);
            self.used = self.used.saturating_add(1);
        }
    }

    /// Allows so many more, now or later.
    pub(crate) const fn allow(&mut self, more: u32) {
        self.allowed = self.allowed.saturating_add(more);
    }

    /// Counts what came back until `now`; whether that is everything.
    pub(crate) fn refill(&mut self, rate: Rate, now: Instant) -> bool {
        let refill = rate.refill().unwrap_or_default().as_nanos().max(1);
        let back = now.since(self.at).as_nanos() / refill;
        match u32::try_from(back) {
            Ok(back) if back < self.used => {
                self.used -= back;
                self.at = self.at + rate.refill().unwrap_or_default() * back;
            }
            _ => {
                self.used = 0;
                self.at = now;
            }
        }
        self.used == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_zero(Duration::from_secs(1000) + Duration::from_millis(ms))
    }

    #[test]
    fn rates_are_read_and_written() {
        for (text, written) in [
            ("100/s", "100/s burst 100"),
            ("100/s burst 1000", "100/s burst 1000"),
            ("  10/min   burst 1 ", "10/min burst 1"),
            ("5/h", "5/h burst 5"),
            ("off", "off"),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(rate.to_string(), written);
            assert_eq!(written.parse(), Ok(rate));
        }
        for text in [
            "",
            "x",
            "1",
            "1/",
            "/s",
            "0/s",
            "-1/s",
            "1/d",
            "1/s 2",
            "1/s burst",
            "1/s burst 0",
            "1/s burst 1 1",
            "off off",
            "1000001/s",
            "1.5/s",
        ] {
            assert_eq!(text.parse::<Rate>(), Err(InvalidRate), "{text}");
        }
    }

    #[test]
    fn a_burst_then_one_after_the_other() {
        let rate = Rate::per_second(10).burst(3);
        let mut bucket = Bucket::default();
        for _ in 0..3 {
            bucket.take(rate, at(0)).unwrap();
        }
        assert_eq!(bucket.take(rate, at(40)), Err(Duration::from_millis(60)));
        assert_eq!(bucket.take(rate, at(100)), Ok(()));
        assert!(bucket.take(rate, at(150)).is_err());
        bucket.allow(1);
        assert_eq!(bucket.take(rate, at(150)), Ok(()));
        assert!(bucket.take(rate, at(150)).is_err());
        for _ in 0..3 {
            assert_eq!(bucket.take(rate, at(10_000)), Ok(()));
        }
        assert!(bucket.take(rate, at(10_000)).is_err());
        assert!(bucket.refill(rate, at(20_000)));
    }

    #[test]
    fn what_is_charged_beyond_the_burst_is_waited_for() {
        let rate = Rate::per_second(10).burst(3);
        let mut bucket = Bucket::default();
        for _ in 0..5 {
            bucket.charge(rate, at(0));
        }
        assert_eq!(bucket.take(rate, at(0)), Err(Duration::from_millis(300)));
        assert_eq!(bucket.take(rate, at(300)), Ok(()));
    }

    #[test]
    fn off_limits_nothing() {
        let mut bucket = Bucket::default();
        for _ in 0..1000 {
            bucket.take(Rate::OFF, at(0)).unwrap();
        }
    }
}
