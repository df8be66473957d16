//! Idle time on systems that only answer when asked.
//!
//! One timer waits for the moment the threshold can be reached at the earliest (last input plus
//! threshold), so a person at work costs one wake-up per threshold. Only while they are away does
//! a slow poll look for their return.

use core::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use crate::Event;

/// How late the first input after an absence may be noticed.
const LOOK_FOR_RETURN_EVERY: Duration = Duration::from_secs(1);

/// Reads the idle time; `None` when the system does not say.
type Read = fn() -> Option<Duration>;

/// Reports when input was absent for the watched time, and at the first input after that. Ends
/// when nobody watches or listens any more.
async fn watch_for(
    read: Read,
    mut after: watch::Receiver<Option<Duration>>,
    events: mpsc::UnboundedSender<Event>,
) {
    loop {
        let threshold = *after.borrow_and_update();
        let Some(threshold) = threshold else {
            if after.changed().await.is_err() {
                return;
            }
            continue;
        };
        tokio::select! {
            changed = after.changed() => if changed.is_err() { return },
            idle = absent_for(read, threshold) => {
                if events.send(Event::Idle(idle)).is_err() { return }
                tokio::select! {
                    changed = after.changed() => if changed.is_err() { return },
                    idle = returned(read, threshold) => {
                        if events.send(Event::Idle(idle)).is_err() { return }
                    }
                }
            }
        }
    }
}

async fn absent_for(read: Read, threshold: Duration) -> Option<Duration> {
    loop {
        let idle = read()?;
        match threshold.checked_sub(idle) {
            Some(left) if !left.is_zero() => sleep(left).await,
            _ => return Some(idle),
        }
    }
}

async fn returned(read: Read, threshold: Duration) -> Option<Duration> {
    loop {
        sleep(LOOK_FOR_RETURN_EVERY).await;
        if let Some(idle) = read().filter(|idle| *idle < threshold) {
            return Some(idle);
        }
    }
}

#[cfg(any(windows, target_os = "macos"))]
pub use system::Sensors;

#[cfg(any(windows, target_os = "macos"))]
mod system {
    use core::time::Duration;

    use tokio::sync::{mpsc, watch};
    use user_idle::UserIdle;

    use super::watch_for;
    use crate::source::{Source, SourceState, Sources};
    use crate::{Event, READ_WITHIN};

    const IDLE: &str = "System idle time";
    const LOCK: &str = "Screen lock";

    /// The sensors of this computer.
    #[derive(Debug)]
    pub struct Sensors {
        events: mpsc::UnboundedSender<Event>,
        after: watch::Sender<Option<Duration>>,
        sources: Sources,
    }

    impl Sensors {
        /// Starts everything this computer offers; inside a tokio runtime.
        #[must_use]
        pub fn start(events: mpsc::UnboundedSender<Event>) -> Self {
            let sources = Sources::default();
            match read() {
                Some(_) => sources.set(IDLE, SourceState::Taken),
                None => sources.skip(IDLE, "the system does not say"),
            }
            sources.skip(LOCK, "not read on this system");
            let (after, watched) = watch::channel(None);
            tokio::spawn(watch_for(read, watched, events.clone()));
            Self {
                events,
                after,
                sources,
            }
        }

        /// Takes a fresh reading; it arrives as [`Event::Idle`].
        pub fn read_idle(&self) {
            let events = self.events.clone();
            tokio::spawn(async move {
                let reading = tokio::task::spawn_blocking(read);
                let idle = tokio::time::timeout(READ_WITHIN, reading).await;
                let idle = idle.ok().and_then(Result::ok).flatten();
                let _ = events.send(Event::Idle(idle));
            });
        }

        /// Reports [`Event::Idle`] when input has been absent for `after`, and at the first input
        /// after that (up to a second late). Replaces an earlier watch.
        pub fn watch_idle(&self, after: Duration) {
            self.after.send_replace(Some(after));
        }

        /// The goodbye is on its way: the computer may sleep.
        pub fn sleep_ready(&self) {}

        /// Which sources are used, and which are not and why.
        #[must_use]
        pub fn describe(&self) -> Vec<Source> {
            self.sources.list()
        }
    }

    fn read() -> Option<Duration> {
        UserIdle::get_time().ok().map(|idle| idle.duration())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::time::Instant;

    use super::*;

    const AFTER: Duration = Duration::from_mins(1);

    #[tokio::test(start_paused = true)]
    async fn a_person_at_work_costs_one_reading_per_threshold() {
        static READINGS: AtomicU32 = AtomicU32::new(0);
        #[expect(clippy::unnecessary_wraps, reason = "the shape of a reading")]
        fn typed_ten_seconds_ago() -> Option<Duration> {
            READINGS.fetch_add(1, Ordering::Relaxed);
            Some(Duration::from_secs(10))
        }
        let absent = absent_for(typed_ten_seconds_ago, AFTER);
        assert!(
            tokio::time::timeout(Duration::from_secs(505), absent)
                .await
                .is_err()
        );
        assert_eq!(READINGS.load(Ordering::Relaxed), 11);
    }

    #[tokio::test(start_paused = true)]
    async fn absence_and_return_are_reported_once_each() {
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        fn since_input_at_0_and_65_5_seconds() -> Option<Duration> {
            let now = START.get()?.elapsed();
            Some(
                now.checked_sub(Duration::from_millis(65_500))
                    .unwrap_or(now),
            )
        }
        let start = *START.get_or_init(Instant::now);
        let (events, mut heard) = mpsc::unbounded_channel();
        let (_after, watched) = watch::channel(Some(AFTER));
        tokio::spawn(watch_for(
            since_input_at_0_and_65_5_seconds,
            watched,
            events,
        ));

        assert_eq!(heard.recv().await, Some(Event::Idle(Some(AFTER))));
        assert_eq!(start.elapsed().as_secs(), AFTER.as_secs());
        assert_eq!(
            heard.recv().await,
            Some(Event::Idle(Some(Duration::from_millis(500))))
        );
        assert_eq!(heard.recv().await, Some(Event::Idle(Some(AFTER))));
    }
}
