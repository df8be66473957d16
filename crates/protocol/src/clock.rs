use core::fmt;
use core::ops::{Add, Sub};
use core::time::Duration;

/// A moment on this machine's monotonic clock that also counts time asleep
/// (`CLOCK_BOOTTIME` and its equals), as the time since that clock's zero.
///
/// Never on the wire: clocks differ, durations do not. The standard library's `Instant` stops
/// during sleep and cannot be made in a test; this one is plain data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(Duration);

impl Instant {
    /// The moment `since_zero` after the clock's zero.
    #[must_use]
    pub const fn from_zero(since_zero: Duration) -> Self {
        Self(since_zero)
    }

    /// The time since the clock's zero.
    #[must_use]
    pub const fn since_zero(self) -> Duration {
        self.0
    }

    /// How long ago `earlier` was; zero when it lies ahead.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, later: Duration) -> Self {
        Self(self.0.saturating_add(later))
    }
}

/// The moment `age` ago; the clock's zero when it would lie before it.
impl Sub<Duration> for Instant {
    type Output = Self;

    fn sub(self, age: Duration) -> Self {
        Self(self.0.saturating_sub(age))
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}s", self.0.as_secs_f64())
    }
}
