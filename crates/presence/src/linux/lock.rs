//! One answer from many sources: the screen is locked when any of them says so.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use crate::Event;

/// Who says that the screen is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// logind's `LockedHint`.
    Hint,
    /// A request to lock that passed through logind. Not every locker confirms it or says when it
    /// opens again, so a return of input after an absence ends it too.
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
}

/// The idle source's end of [`Locks`].
#[derive(Clone, Debug)]
pub(super) struct InputIsBack(Locks);

impl Locks {
    pub(super) fn new(events: mpsc::UnboundedSender<Event>) -> (Self, InputIsBack) {
        let by = Vec::new();
        let locks = Self(Arc::new(Mutex::new(Told { by, events })));
        (locks.clone(), InputIsBack(locks))
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
    }
}

impl InputIsBack {
    pub(super) fn tell(&self) {
        self.0.set(Says::Request, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
