//! One answer from many sources: the screen is locked when any of them says so.

use core::future::pending;
use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::idle::Request;
use crate::Event;

/// After a request to lock, a hand may still be on its way from the keyboard.
const SETTLES: Duration = Duration::from_secs(10);
/// Input this long after input was no accident, nor a wrong password.
const LASTS: Duration = Duration::from_secs(20);

/// Who says that the screen is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// logind's `LockedHint`.
    Hint,
    /// A request to lock that passed through logind. Not every locker confirms it or says when it
    /// opens again, so a return of input after an absence ends it too, and so does input that goes
    /// on.
    Request,
    /// A screen saver, by its place in the list of known ones.
    ScreenSaver(usize),
}

/// What every source says, told on as one fact when it changes.
#[derive(Clone, Debug)]
pub(super) struct Locks(Arc<Mutex<Told>>);

#[derive(Debug)]
struct Told {
    by: Vec<Says>,
    events: mpsc::UnboundedSender<Event>,
    /// Since when input speaks against a request that nobody confirmed.
    doubtful: watch::Sender<Option<Instant>>,
}

/// The idle source's end of [`Locks`].
#[derive(Clone, Debug)]
pub(super) struct InputIsBack {
    locks: Locks,
    input: Arc<Notify>,
}

impl Locks {
    pub(super) fn new(events: mpsc::UnboundedSender<Event>) -> (Self, InputIsBack) {
        let told = Told {
            by: Vec::new(),
            events,
            doubtful: watch::Sender::new(None),
        };
        let locks = Self(Arc::new(Mutex::new(told)));
        let input_is_back = InputIsBack {
            locks: locks.clone(),
            input: Arc::default(),
        };
        (locks, input_is_back)
    }

    pub(super) fn set(&self, who: Says, locked: bool) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = !told.by.is_empty();
        told.by.retain(|says| *says != who);
        if locked {
            told.by.push(who);
        } else {
            // Whoever says "open" answers an unconfirmed request, too.
            told.by.retain(|says| *says != Says::Request);
        }
        let after = !told.by.is_empty();
        if before != after {
            let _ = told.events.send(Event::Locked(after));
        }
        if !told.by.contains(&Says::Request) {
            told.doubtful.send_replace(None);
        } else if who == Says::Request {
            told.doubtful.send_replace(Some(Instant::now() + SETTLES));
        }
    }

    /// The computer woke: a request from before the sleep is an old one.
    pub(super) fn woke(&self) {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.by.contains(&Says::Request) {
            told.doubtful.send_replace(Some(Instant::now()));
        }
    }

    fn doubtful(&self) -> watch::Receiver<Option<Instant>> {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.doubtful.subscribe()
    }
}

impl InputIsBack {
    /// The first input after an absence.
    pub(super) fn tell(&self) {
        self.locks.set(Says::Request, false);
    }

    /// The input that was awaited.
    pub(super) fn input(&self) {
        self.input.notify_waiters();
    }

    /// Ends what nobody confirmed, where input goes on. Asks the idle source for it.
    pub(super) async fn doubt(self, idle: mpsc::UnboundedSender<Request>) {
        let mut doubtful = self.locks.doubtful();
        loop {
            let since = *doubtful.borrow_and_update();
            tokio::select! {
                () = self.goes_on(since, &idle) => self.tell(),
                changed = doubtful.changed() => if changed.is_err() { return },
            }
        }
    }

    async fn goes_on(&self, since: Option<Instant>, idle: &mpsc::UnboundedSender<Request>) {
        let Some(mut at) = since else {
            return pending().await;
        };
        for _ in 0..2 {
            sleep_until(at).await;
            let input = self.input.notified();
            let _ = idle.send(Request::AwaitInput);
            input.await;
            at = Instant::now() + LASTS;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What happens at a second, or what must happen then.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Says(Says, bool),
        Wakes,
        /// The idle source is asked for input, and there is some.
        Input,
        /// It is not asked until then.
        Nothing,
        Opens,
    }

    #[tokio::test(start_paused = true)]
    async fn input_that_goes_on_ends_a_request_that_nobody_confirmed() {
        use Says::{Hint, Request};
        use Step::{Input, Nothing, Opens, Says as Say, Wakes};
        type Script<'a> = &'a [(u64, Step)];
        let table: [Script<'_>; 6] = [
            &[
                (0, Say(Request, true)),
                (10, Input),
                (30, Input),
                (30, Opens),
            ],
            &[
                (0, Say(Request, true)),
                (5, Say(Request, true)),
                (15, Input),
            ],
            &[
                (0, Say(Request, true)),
                (10, Input),
                (20, Wakes),
                (20, Input),
                (40, Input),
                (40, Opens),
            ],
            &[
                (0, Say(Request, true)),
                (3, Wakes),
                (3, Input),
                (23, Input),
                (23, Opens),
            ],
            &[
                (0, Say(Request, true)),
                (5, Say(Hint, false)),
                (5, Opens),
                (60, Nothing),
            ],
            &[(0, Wakes), (0, Say(Hint, true)), (60, Nothing)],
        ];
        for script in table {
            let (events, mut heard) = mpsc::unbounded_channel();
            let (locks, input_is_back) = Locks::new(events);
            let (idle, mut asked) = mpsc::unbounded_channel();
            let doubting = tokio::spawn(input_is_back.clone().doubt(idle));
            let began = Instant::now();
            for (second, step) in script {
                let at = began + Duration::from_secs(*second);
                match step {
                    Input => {
                        assert!(asked.recv().await.is_some(), "{script:?}");
                        assert_eq!(began.elapsed().as_secs(), *second, "{script:?}");
                        input_is_back.input();
                    }
                    Opens => while heard.recv().await != Some(Event::Locked(false)) {},
                    _ => {
                        let none = tokio::time::timeout_at(at, asked.recv()).await;
                        assert!(none.is_err(), "{script:?}");
                    }
                }
                match step {
                    Say(who, locked) => locks.set(*who, *locked),
                    Wakes => locks.woke(),
                    _ => {}
                }
            }
            doubting.abort();
        }
    }

    #[test]
    fn locked_when_any_source_says_so_and_told_once() {
        type Script<'a> = (&'a [(Says, bool)], &'a [bool]);
        use Says::{Hint, Request, ScreenSaver};
        let table: [Script<'_>; 6] = [
            (&[(Hint, false), (Hint, true), (Hint, true)], &[true]),
            (
                &[(Hint, true), (ScreenSaver(0), true), (Hint, false)],
                &[true],
            ),
            (
                &[
                    (ScreenSaver(0), true),
                    (ScreenSaver(1), true),
                    (ScreenSaver(0), false),
                    (ScreenSaver(1), false),
                ],
                &[true, false],
            ),
            (
                &[(Request, true), (Hint, true), (Hint, false)],
                &[true, false],
            ),
            (
                &[(Request, true), (Request, false), (Request, true)],
                &[true, false, true],
            ),
            (&[(Hint, true), (Request, false)], &[true]),
        ];
        for (said, expected) in table {
            let (events, mut heard) = mpsc::unbounded_channel();
            let (locks, _) = Locks::new(events);
            for (who, locked) in said {
                locks.set(*who, *locked);
            }
            let told = std::iter::from_fn(|| heard.try_recv().ok()).collect::<Vec<_>>();
            let expected = expected.iter().copied().map(Event::Locked);
            assert_eq!(told, expected.collect::<Vec<_>>(), "{said:?}");
        }
    }
}
