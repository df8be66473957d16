//! The machine's clock that also counts time asleep.

use core::time::Duration;

use hither_protocol::{Instant, Timestamp};
use rustix::time::{ClockId, clock_gettime};

/// The present moment.
pub(crate) fn now() -> Instant {
    let now = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    let nanos = u32::try_from(now.tv_nsec).unwrap_or_default();
    Instant::from_zero(Duration::new(seconds, nanos))
}

/// The wall time as it is said on the wire, in whole milliseconds.
pub(crate) fn wall() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// Waits for a moment.
pub(crate) async fn sleep_until(moment: Instant) {
    // Timers of the runtime stop while the machine sleeps; the next turn asks again.
    tokio::time::sleep(moment.since(now())).await;
}

/// A pair of clocks read together, to turn wall time into moments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) instant: Instant,
    pub(crate) wall: Timestamp,
}

impl Now {
    pub(crate) fn read() -> Self {
        Self {
            instant: now(),
            wall: Timestamp::now(),
        }
    }

    /// The moment at which the wall clock showed, or will show, `time`.
    pub(crate) fn moment(self, time: Timestamp) -> Instant {
        let ahead = time.duration_since(self.wall);
        if ahead.is_negative() {
            self.instant - ahead.unsigned_abs()
        } else {
            self.instant + ahead.unsigned_abs()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_times_become_moments_on_both_sides_of_now() {
        let now = Now {
            instant: Instant::from_zero(Duration::from_secs(100)),
            wall: Timestamp::from_second(1_000_000).unwrap(),
        };
        let cases = [(1_000_000, 100), (999_990, 90), (1_000_007, 107), (0, 0)];
        for (wall, expected) in cases {
            let moment = now.moment(Timestamp::from_second(wall).unwrap());
            assert_eq!(moment, Instant::from_zero(Duration::from_secs(expected)));
        }
    }

    #[test]
    fn the_clock_does_not_go_back() {
        let earlier = now();
        assert!(now() >= earlier);
    }
}
