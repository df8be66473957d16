//! Idle time on systems that only answer when asked.
//!
//! One timer waits for the moment the threshold can be reached at the earliest (last input plus
//! threshold), so a person at work costs one wake-up per threshold. Only while they are away does
//! a slow poll look for their return.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use crate::Event;

/// How late the first input after an absence may be noticed.
const LOOK_FOR_RETURN_EVERY: Duration = Duration::from_secs(1);

/// What the system says when it is asked.
#[derive(Clone, Copy)]
pub(crate) struct Ask {
    /// Time since the last input; `None` when the system does not say.
    pub(crate) idle: fn() -> Option<Duration>,
    /// Whether something keeps the screen awake for somebody who watches.
    pub(crate) watched: fn() -> bool,
    /// Whether the person shows their screen to others.
    pub(crate) presenting: fn() -> bool,
}

/// Reports when input was absent for the watched time, and at the first input after that; in an
/// absence also when a film begins and ends. Ends when nobody watches or listens any more.
async fn watch_for(
    ask: Ask,
    mut after: watch::Receiver<Option<Duration>>,
    events: mpsc::UnboundedSender<Event>,
) {
    let mut film = Film {
        ask,
        on: false,
        events: events.clone(),
    };
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
            idle = absent_for(ask, threshold, &mut film) => {
                if events.send(Event::Idle(idle)).is_err() { return }
                tokio::select! {
                    changed = after.changed() => if changed.is_err() { return },
                    idle = returned(ask, threshold, &mut film) => {
                        film.set(false);
                        if events.send(Event::Idle(idle)).is_err() { return }
                    }
                }
            }
        }
    }
}

/// What is known of somebody who watches.
struct Film {
    ask: Ask,
    on: bool,
    events: mpsc::UnboundedSender<Event>,
}

impl Film {
    fn look(&mut self) {
        self.set((self.ask.watched)());
    }

    fn set(&mut self, on: bool) {
        if self.on != on {
            self.on = on;
            let _ = self.events.send(Event::Inhibited(on));
        }
    }
}

/// A film is looked for shortly before the threshold: it counts for somebody who is still there.
async fn absent_for(ask: Ask, threshold: Duration, film: &mut Film) -> Option<Duration> {
    let shortly_before = threshold / 4 * 3;
    loop {
        let idle = (ask.idle)()?;
        if idle >= threshold {
            return Some(idle);
        }
        let next = if idle >= shortly_before {
            film.look();
            threshold
        } else {
            film.set(false);
            shortly_before
        };
        sleep(next.saturating_sub(idle)).await;
    }
}

async fn returned(ask: Ask, threshold: Duration, film: &mut Film) -> Option<Duration> {
    loop {
        sleep(LOOK_FOR_RETURN_EVERY).await;
        film.look();
        if let Some(idle) = (ask.idle)().filter(|idle| *idle < threshold) {
            return Some(idle);
        }
    }
}

/// Reports the next input, or that it cannot be told any more.
async fn next_input(ask: Ask, events: mpsc::UnboundedSender<Event>) {
    let asked = Instant::now();
    loop {
        sleep(LOOK_FOR_RETURN_EVERY).await;
        let idle = (ask.idle)();
        if idle.is_none_or(|idle| idle < asked.elapsed()) {
            let _ = events.send(Event::Idle(idle));
            return;
        }
    }
}

/// Whether a presentation was told. No system tells of one by itself, so each reading looks.
#[derive(Debug, Default)]
struct Presentation(AtomicBool);

impl Presentation {
    fn look(&self, ask: Ask, events: &mpsc::UnboundedSender<Event>) {
        let presenting = (ask.presenting)();
        if self.0.swap(presenting, Ordering::AcqRel) != presenting {
            let _ = events.send(Event::Presenting(presenting));
        }
    }
}

#[cfg(any(windows, target_os = "macos"))]
pub use system::Sensors;

#[cfg(any(windows, target_os = "macos"))]
mod system {
    use core::time::Duration;

    use std::sync::{Arc, Mutex, PoisonError};

    use tokio::sync::{mpsc, oneshot, watch};
    use tokio::task::JoinSet;

    use super::{Presentation, next_input, watch_for};
    use crate::source::{Source, SourceState, Sources, Topic};
    use crate::system::{ASK, IDLE, Watch};
    use crate::{Event, READ_WITHIN};

    /// The sensors of this computer. Everything stops when it is dropped.
    #[derive(Debug)]
    pub struct Sensors {
        events: mpsc::UnboundedSender<Event>,
        after: watch::Sender<Option<Duration>>,
        sources: Sources,
        watch: Watch,
        presentation: Arc<Presentation>,
        /// At most one waits for input.
        awaiting: Mutex<JoinSet<()>>,
    }

    impl Sensors {
        /// Starts everything this computer offers; inside a tokio runtime.
        #[must_use]
        pub fn start(events: mpsc::UnboundedSender<Event>) -> Self {
            let sources = Sources::default();
            match (ASK.idle)() {
                Some(_) => sources.set(Topic::Idle, IDLE, SourceState::Taken),
                None => sources.skip(Topic::Idle, IDLE, "the system does not say"),
            }
            let watch = Watch::start(&events, &sources);
            let (after, watched) = watch::channel(None);
            tokio::spawn(watch_for(ASK, watched, events.clone()));
            Self {
                events,
                after,
                sources,
                watch,
                presentation: Arc::default(),
                awaiting: Mutex::default(),
            }
        }

        /// Takes a fresh reading; it arrives as [`Event::Idle`], with `None` when the system does
        /// not say, or as [`Event::IdleUnanswered`] after a second. Looks for a presentation, too.
        pub fn read_idle(&self) {
            let events = self.events.clone();
            let (answer, answered) = oneshot::channel();
            let (presentation, tell) = (Arc::clone(&self.presentation), events.clone());
            tokio::task::spawn_blocking(move || {
                presentation.look(ASK, &tell);
                answer.send((ASK.idle)())
            });
            tokio::spawn(async move {
                let idle = tokio::time::timeout(READ_WITHIN, answered).await;
                let answered = idle.ok().and_then(Result::ok);
                let _ = events.send(answered.map_or(Event::IdleUnanswered, Event::Idle));
            });
        }

        /// Reports [`Event::Idle`] when input has been absent for `after`, and at the first input
        /// after that (up to a second late). Replaces an earlier watch.
        pub fn watch_idle(&self, after: Duration) {
            self.after.send_replace(Some(after));
        }

        /// Reports [`Event::Idle`] at the next input, once (up to a second late). Asks every second
        /// until then.
        pub fn await_input(&self) {
            let awaiting = self.awaiting.lock();
            let mut awaiting = awaiting.unwrap_or_else(PoisonError::into_inner);
            while awaiting.try_join_next().is_some() {}
            if awaiting.is_empty() {
                awaiting.spawn(next_input(ASK, self.events.clone()));
            }
        }

        /// The goodbye after `Sleeping(true)` is on its way: the computer may sleep. Unsaid, it may
        /// after two seconds.
        pub fn sleep_ready(&self) {
            self.watch.sleep_ready();
        }

        /// Which sources are used, and which are not and why.
        #[must_use]
        pub fn describe(&self) -> Vec<Source> {
            self.sources.list()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const AFTER: Duration = Duration::from_mins(1);

    fn nobody() -> bool {
        false
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_input_is_told_within_a_second() {
        static BEGAN: OnceLock<Instant> = OnceLock::new();
        #[expect(clippy::unnecessary_wraps, reason = "the shape of a reading")]
        fn typed_at_seven_seconds() -> Option<Duration> {
            let passed = BEGAN.get().unwrap().elapsed();
            let typed = Duration::from_secs(7);
            Some(passed.checked_sub(typed).unwrap_or(passed + AFTER))
        }
        BEGAN.set(Instant::now()).unwrap();
        let ask = Ask {
            idle: typed_at_seven_seconds,
            watched: nobody,
            presenting: nobody,
        };
        let (events, mut told) = mpsc::unbounded_channel();
        next_input(ask, events).await;
        let passed = BEGAN.get().unwrap().elapsed();
        assert!(passed <= Duration::from_secs(8), "{passed:?}");
        assert!(matches!(told.recv().await, Some(Event::Idle(Some(_)))));
    }

    #[test]
    fn a_presentation_is_told_when_it_begins_and_when_it_ends() {
        let ask = |presenting| Ask {
            idle: || None,
            watched: nobody,
            presenting,
        };
        let (events, mut told) = mpsc::unbounded_channel();
        let presentation = Presentation::default();
        for presenting in [false, true, true, false, false] {
            presentation.look(ask(if presenting { || true } else { nobody }), &events);
        }
        let told: Vec<_> = core::iter::from_fn(|| told.try_recv().ok()).collect();
        assert_eq!(told, [Event::Presenting(true), Event::Presenting(false)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_person_at_work_costs_one_reading_per_threshold() {
        static READINGS: AtomicU32 = AtomicU32::new(0);
        #[expect(clippy::unnecessary_wraps, reason = "the shape of a reading")]
        fn typed_ten_seconds_ago() -> Option<Duration> {
            READINGS.fetch_add(1, Ordering::Relaxed);
            Some(Duration::from_secs(10))
        }
        let ask = Ask {
            idle: typed_ten_seconds_ago,
            watched: nobody,
            presenting: nobody,
        };
        let (_after, watched) = watch::channel(Some(AFTER));
        let watching = watch_for(ask, watched, mpsc::unbounded_channel().0);
        let limit = Duration::from_secs(351);
        assert!(tokio::time::timeout(limit, watching).await.is_err());
        assert_eq!(READINGS.load(Ordering::Relaxed), 11);
    }

    #[tokio::test(start_paused = true)]
    async fn absence_and_return_are_reported_once_each() {
        static START: OnceLock<Instant> = OnceLock::new();
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
        let ask = Ask {
            idle: since_input_at_0_and_65_5_seconds,
            watched: nobody,
            presenting: nobody,
        };
        tokio::spawn(watch_for(ask, watched, events));

        assert_eq!(heard.recv().await, Some(Event::Idle(Some(AFTER))));
        assert_eq!(start.elapsed().as_secs(), AFTER.as_secs());
        assert_eq!(
            heard.recv().await,
            Some(Event::Idle(Some(Duration::from_millis(500))))
        );
        assert_eq!(heard.recv().await, Some(Event::Idle(Some(AFTER))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_film_is_told_before_the_threshold_and_when_it_ends() {
        static START: OnceLock<Instant> = OnceLock::new();
        fn film_of_90_seconds() -> bool {
            START.get().is_some_and(|it| it.elapsed().as_secs() < 90)
        }
        let start = *START.get_or_init(Instant::now);
        let (events, mut heard) = mpsc::unbounded_channel();
        let (_after, watched) = watch::channel(Some(AFTER));
        let ask = Ask {
            idle: || START.get().map(Instant::elapsed),
            watched: film_of_90_seconds,
            presenting: nobody,
        };
        tokio::spawn(watch_for(ask, watched, events));
        for (event, at) in [
            (Event::Inhibited(true), 45),
            (Event::Idle(Some(AFTER)), 60),
            (Event::Inhibited(false), 90),
        ] {
            assert_eq!(heard.recv().await, Some(event));
            assert_eq!(start.elapsed().as_secs(), at);
        }
    }
}
