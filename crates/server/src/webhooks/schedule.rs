//! When a receiver that did not take an event is tried again.

use core::time::Duration;

use crate::store::Wait;

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
const GIVE_UP_AFTER: Duration = Duration::from_hours(72);
/// For so long after the start none is: enough for several tries, and for a receiver that comes
/// back later than this server.
pub(crate) const OLD_EVENTS_STAY: Duration = Duration::from_hours(12);

/// Events older than this are dropped, on a server that has run for `uptime`.
pub(super) fn too_old(uptime: Duration, old_events_stay: Duration) -> Duration {
    if uptime < old_events_stay {
        Duration::MAX
    } else {
        GIVE_UP_AFTER
    }
}

/// The wait before the next try, from three quarters to five quarters of the schedule's: webhooks
/// that failed together do not come back together. `random` is from 0 to 1.
///
/// An event's own failures count, so that one which its receiver does not understand waits long
/// while others pass it; and those of the webhook, so that a receiver that is down is not asked
/// anew about each event.
pub(super) fn wait(failures: u32, webhook_failures: u32, random: f64) -> Wait {
    let after = |failures: u32| {
        let usual = WAITS[(failures as usize).min(WAITS.len() - 1)];
        usual.mul_f64(0.75 + random / 2.0)
    };
    let pause = webhook_failures.checked_sub(1).map(after);
    Wait {
        event: after(failures).max(pause.unwrap_or_default()),
        webhook: pause.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::LONGEST_WAIT;

    #[test]
    fn nothing_is_too_old_soon_after_the_start() {
        let stay = OLD_EVENTS_STAY;
        let just_before = Duration::from_mins(12 * 60 - 1);
        assert_eq!(too_old(Duration::ZERO, stay), Duration::MAX);
        assert_eq!(too_old(just_before, stay), Duration::MAX);
        assert_eq!(too_old(stay, stay), GIVE_UP_AFTER);
    }

    #[test]
    fn waits_grow_and_stay_within_bounds() {
        let wait = |failures, random| super::wait(failures, 0, random).event;
        let usual: Vec<_> = (0..10).map(|failures| wait(failures, 0.5)).collect();
        assert_eq!(usual[..8], WAITS);
        assert_eq!(usual[9], WAITS[7]);
        for failures in 0..10 {
            let (least, most) = (wait(failures, 0.0), wait(failures, 1.0));
            assert!(least < most && most <= LONGEST_WAIT);
            assert_eq!(least + most, 2 * usual[failures as usize]);
        }
    }

    #[test]
    fn a_receiver_that_is_down_counts_for_every_event() {
        for (event, webhook, waits) in [
            (0, 1, (WAITS[0], WAITS[0])),
            (0, 5, (WAITS[4], WAITS[4])),
            (u32::MAX, u32::MAX, (WAITS[7], WAITS[7])),
        ] {
            let wait = wait(event, webhook, 0.5);
            assert_eq!((wait.event, wait.webhook), waits, "{event} {webhook}");
        }
    }

    #[test]
    fn an_event_that_is_not_understood_holds_up_no_other() {
        let first = wait(7, 0, 0.5);
        assert_eq!((first.event, first.webhook), (WAITS[7], Duration::ZERO));
        let second = wait(7, 1, 0.5);
        assert_eq!((second.event, second.webhook), (WAITS[7], WAITS[0]));
    }
}
