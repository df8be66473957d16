//! When a receiver that did not take an event is tried again.

use core::time::Duration;

/// Waits after the first failure, the second and so on; the last one stays.
const WAITS: [Duration; 8] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(2),
    Duration::from_mins(10),
    Duration::from_mins(30),
    Duration::from_hours(1),
    Duration::from_hours(2),
    Duration::from_hours(4),
];
/// An event that did not arrive within this time is dropped.
pub(super) const GIVE_UP_AFTER: Duration = Duration::from_hours(72);

/// The wait before the next try, from three quarters to five quarters of the schedule's: webhooks
/// that failed together do not come back together. `random` is from 0 to 1.
///
/// An event's own failures count, so that one which its receiver does not understand waits long
/// while others pass it; and those of the webhook, so that a receiver that is down is not asked
/// anew about each event. The first of those lets the next event be tried at once.
pub(super) fn wait(failures: u32, webhook_failures: u32, random: f64) -> Duration {
    let before = failures.max(webhook_failures.saturating_sub(1)) as usize;
    let usual = WAITS[before.min(WAITS.len() - 1)];
    usual.mul_f64(0.75 + random / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::LONGEST_WAIT;

    #[test]
    fn waits_grow_and_stay_within_bounds() {
        let usual: Vec<_> = (0..10).map(|failures| wait(failures, 0, 0.5)).collect();
        assert_eq!(usual[..8], WAITS);
        assert_eq!(usual[9], WAITS[7]);
        for failures in 0..10 {
            let (least, most) = (wait(failures, 0, 0.0), wait(failures, 0, 1.0));
            assert!(least < most && most <= LONGEST_WAIT);
            assert_eq!(least + most, 2 * usual[failures as usize]);
        }
    }

    #[test]
    fn a_receiver_that_is_down_counts_for_every_event() {
        assert_eq!(wait(0, 1, 0.5), WAITS[0]);
        assert_eq!(wait(0, 5, 0.5), WAITS[4]);
        assert_eq!(wait(3, 1, 0.5), WAITS[3]);
        assert_eq!(wait(u32::MAX, u32::MAX, 0.5), WAITS[7]);
    }
}
