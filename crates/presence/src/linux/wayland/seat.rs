//! What is known of the person at the seat: from changes and the clock to what is told.

use core::time::Duration;

use tokio::time::Instant;

use crate::linux::idle::Tell;

/// From here on an absence is known. Each pause of input that is longer wakes this process.
pub(super) const FINE: Duration = Duration::from_secs(2);
/// Shorter than [`FINE`], so that it is settled whether somebody watches when input is absent.
pub(super) const WATCHED: Duration = Duration::from_secs(1);
/// Nobody goes on for so long without a pause of [`FINE`]: where inhibitors count as input, it is
/// one of them that does.
const UNBROKEN: Duration = Duration::from_mins(1);

/// Without input, or without input and inhibitors, for a time; or not any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) of: Of,
    pub(super) idle: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Input,
    Watching,
}

/// What is known of the person at the seat.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own that comes and goes by itself"
)]
pub(super) struct Seat {
    since: Instant,
    /// The compositor tells input and inhibitors apart.
    tells_apart: bool,
    /// It does not, and what it calls input went on for too long to be any.
    unbroken: bool,
    /// The last input; `None` until there was one that we know of.
    last_input: Option<Instant>,
    input_idle: bool,
    watch_idle: bool,
    after: Option<Duration>,
    story: Story,
    /// Since when the next input is to be told.
    awaiting: Option<Instant>,
}

/// How far people were told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Story {
    /// Somebody is there, or was until the threshold.
    Present,
    /// The absence is told.
    Absent,
    /// To be told: the first input after an absence.
    Back,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    Absent(Duration),
    Back(Duration),
    Input(Duration),
}

impl Told {
    pub(super) fn tell(self, to: &Tell) {
        match self {
            Self::Absent(idle) => to.absent(idle),
            Self::Back(idle) => to.back(idle),
            Self::Input(idle) => to.input(idle),
        }
    }
}

impl Seat {
    pub(super) fn new(now: Instant, tells_apart: bool) -> Self {
        Self {
            since: now,
            tells_apart,
            unbroken: false,
            last_input: None,
            input_idle: false,
            watch_idle: false,
            after: None,
            story: Story::Present,
            awaiting: None,
        }
    }

    pub(super) fn watch(&mut self, after: Duration) {
        self.after = Some(after);
        if self.story == Story::Absent {
            self.story = Story::Present;
        }
    }

    pub(super) fn change(&mut self, Change { of, idle }: Change, now: Instant) {
        match of {
            Of::Watching => self.watch_idle = idle,
            Of::Input if idle => {
                self.input_idle = true;
                // What ended without a pause before was no input.
                if !core::mem::take(&mut self.unbroken) {
                    self.last_input = self.last_input.map(|_| back_from(now, FINE));
                }
            }
            Of::Input => {
                self.input_idle = false;
                self.unbroken = false;
                if self.story == Story::Absent || self.last_input.is_none() {
                    self.story = Story::Back;
                }
                self.last_input = Some(now);
            }
        }
    }

    /// Without input, while something keeps the screen awake.
    pub(super) fn is_watched(&self) -> bool {
        self.unbroken || (self.tells_apart && self.input_idle && !self.watch_idle)
    }

    fn is_absent(&self) -> bool {
        self.input_idle || self.unbroken
    }

    /// When what goes on without a pause is no input any more; early enough that it is settled
    /// whether somebody watches when input is absent.
    fn doubted_at(&self) -> Option<Instant> {
        if self.tells_apart || self.is_absent() {
            return None;
        }
        let shortly_before = self.after.map_or(UNBROKEN, |after| after / 4 * 3);
        self.last_input?.checked_add(UNBROKEN.min(shortly_before))
    }

    /// Time since the last input, or a little more. `None`: there was none that we know of.
    pub(super) fn idle(&self, now: Instant) -> Option<Duration> {
        let since_input = self.last_input.map(|at| now.duration_since(at));
        if self.is_absent() {
            // An absence from the beginning is at least as long as we know.
            return since_input.or_else(|| {
                let known = now.duration_since(self.since);
                self.after
                    .is_some_and(|after| known >= after)
                    .then_some(known)
            });
        }
        since_input.map(|age| age.min(FINE))
    }

    pub(super) fn await_input(&mut self, now: Instant) {
        // Whoever asked before hears with the last one who asks.
        self.awaiting = Some(now);
    }

    /// When it is certain that there was input, though the compositor does not say so while it
    /// goes on.
    fn goes_on_by(&self) -> Option<Instant> {
        let since = self.awaiting.filter(|_| !self.is_absent())?;
        since.checked_add(2 * FINE)
    }

    fn awaited(&mut self, now: Instant) -> Option<Told> {
        let since = self.awaiting?;
        let known = self.last_input.is_some_and(|at| at > since);
        if known || self.goes_on_by().is_some_and(|by| now >= by) {
            self.awaiting = None;
            return self.idle(now).map(Told::Input);
        }
        None
    }

    /// When there may be something to tell though the compositor says nothing.
    pub(super) fn due(&self) -> Option<Instant> {
        let moments = [self.threshold(), self.goes_on_by(), self.doubted_at()];
        moments.into_iter().flatten().min()
    }

    /// When the absence has lasted for as long as it is watched for, or presence is certain.
    fn threshold(&self) -> Option<Instant> {
        if self.last_input.is_none() && !self.input_idle {
            return Some(self.since + 2 * FINE);
        }
        let after = self
            .after
            .filter(|_| self.is_absent() && self.story != Story::Absent)?;
        self.last_input.unwrap_or(self.since).checked_add(after)
    }

    pub(super) fn notice(&mut self, now: Instant) -> Option<Told> {
        self.unbroken |= self.doubted_at().is_some_and(|at| now >= at);
        if self.threshold().is_some_and(|due| now >= due) {
            if !self.is_absent() {
                // The compositor would have said that nobody is there.
                self.last_input = Some(now);
                return Some(Told::Back(Duration::ZERO));
            }
            self.story = Story::Absent;
            return self.idle(now).map(Told::Absent);
        }
        if self.story == Story::Back {
            self.story = Story::Present;
            // Whoever awaits input hears the same.
            self.awaiting = None;
            return Some(Told::Back(Duration::ZERO));
        }
        self.awaited(now)
    }
}

fn back_from(now: Instant, by: Duration) -> Instant {
    now.checked_sub(by).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn input(idle: bool) -> Change {
        Change {
            of: Of::Input,
            idle,
        }
    }

    #[test]
    fn nobody_is_there_before_there_was_input() {
        let begin = Instant::now();
        let mut seat = Seat::new(begin, true);
        seat.watch(secs(60));
        assert_eq!(seat.idle(begin), None);
        seat.change(input(true), begin + FINE);
        assert_eq!(seat.notice(begin + secs(59)), None);
        assert_eq!(seat.idle(begin + secs(59)), None);
        assert_eq!(seat.notice(begin + secs(60)), Some(Told::Absent(secs(60))));
        assert_eq!(seat.idle(begin + secs(61)), Some(secs(61)));
        assert_eq!(seat.due(), None);
        seat.change(input(false), begin + secs(70));
        assert_eq!(seat.notice(begin + secs(70)), Some(Told::Back(secs(0))));
        assert_eq!(seat.idle(begin + secs(71)), Some(secs(1)));
        assert_eq!(seat.idle(begin + secs(80)), Some(FINE));
    }

    #[test]
    fn somebody_who_types_from_the_beginning_is_there() {
        let begin = Instant::now();
        let mut seat = Seat::new(begin, true);
        let due = seat.due().unwrap();
        assert_eq!(seat.notice(due), Some(Told::Back(secs(0))));
        assert_eq!((seat.due(), seat.notice(due)), (None, None));
        assert_eq!(seat.idle(due + secs(9)), Some(FINE));
    }

    #[test]
    fn absence_is_told_once_and_counted_from_the_last_input() {
        let begin = Instant::now();
        let mut seat = Seat::new(begin, true);
        seat.watch(secs(60));
        seat.change(input(true), begin + FINE);
        seat.change(input(false), begin + secs(5));
        assert_eq!(seat.notice(begin + secs(5)), Some(Told::Back(secs(0))));
        // Pauses on the way are nobody's business.
        seat.change(input(true), begin + secs(8));
        seat.change(input(false), begin + secs(9));
        assert_eq!(seat.notice(begin + secs(9)), None);
        seat.change(input(true), begin + secs(12));
        assert_eq!(seat.idle(begin + secs(20)), Some(secs(10)));
        assert_eq!(seat.due(), Some(begin + secs(70)));
        assert_eq!(seat.notice(begin + secs(70)), Some(Told::Absent(secs(60))));
        assert_eq!(seat.notice(begin + secs(71)), None);
        // A shorter threshold is reached already.
        seat.watch(secs(10));
        assert_eq!(seat.notice(begin + secs(72)), Some(Told::Absent(secs(62))));
    }

    #[test]
    fn the_next_input_is_told_once() {
        let begin = Instant::now();
        let mut seat = Seat::new(begin, true);
        seat.watch(secs(60));
        seat.change(input(true), begin + FINE);
        seat.change(input(false), begin + secs(5));
        assert_eq!(seat.notice(begin + secs(5)), Some(Told::Back(secs(0))));
        // Somebody types on without a pause.
        seat.await_input(begin + secs(10));
        assert_eq!(seat.due(), Some(begin + secs(14)));
        assert_eq!(seat.notice(begin + secs(13)), None);
        assert_eq!(seat.notice(begin + secs(14)), Some(Told::Input(FINE)));
        assert_eq!((seat.due(), seat.notice(begin + secs(15))), (None, None));
        // Somebody typed last a moment after that was asked.
        seat.await_input(begin + secs(20));
        seat.change(input(true), begin + secs(23));
        assert_eq!(seat.notice(begin + secs(23)), Some(Told::Input(FINE)));
        // Nobody does.
        seat.await_input(begin + secs(30));
        assert_eq!(seat.notice(begin + secs(40)), None);
        seat.change(input(false), begin + secs(41));
        assert_eq!(seat.notice(begin + secs(41)), Some(Told::Input(secs(0))));
        assert_eq!(seat.notice(begin + secs(42)), None);
    }

    #[test]
    fn who_asks_later_is_told_of_input_after_that() {
        let begin = Instant::now();
        let mut seat = Seat::new(begin, true);
        seat.watch(secs(60));
        seat.change(input(true), begin + FINE);
        seat.change(input(false), begin + secs(5));
        assert_eq!(seat.notice(begin + secs(5)), Some(Told::Back(secs(0))));
        seat.await_input(begin + secs(10));
        seat.await_input(begin + secs(13));
        assert_eq!(seat.notice(begin + secs(14)), None);
        assert_eq!(seat.due(), Some(begin + secs(17)));
        assert_eq!(seat.notice(begin + secs(17)), Some(Told::Input(FINE)));
        assert_eq!((seat.due(), seat.notice(begin + secs(18))), (None, None));
    }

    #[test]
    fn what_goes_on_without_a_pause_is_a_film_where_films_count_as_input() {
        for (after, doubted) in [(secs(180), secs(60)), (secs(40), secs(30))] {
            let begin = Instant::now();
            let mut seat = Seat::new(begin, false);
            seat.watch(after);
            let touched = begin + secs(5);
            seat.change(input(true), begin + FINE);
            seat.change(input(false), touched);
            assert_eq!(seat.notice(touched), Some(Told::Back(secs(0))));
            assert_eq!(seat.due(), Some(touched + doubted));
            let before = touched + doubted - secs(1);
            assert_eq!((seat.notice(before), seat.is_watched()), (None, false));
            assert_eq!(seat.idle(before), Some(FINE));

            let doubted = touched + doubted;
            assert_eq!((seat.notice(doubted), seat.is_watched()), (None, true));
            assert_eq!(seat.idle(doubted), Some(doubted - touched));
            seat.await_input(doubted);
            assert_eq!(seat.due(), Some(touched + after));
            assert_eq!(seat.notice(touched + after), Some(Told::Absent(after)));
            assert_eq!(seat.due(), None);

            // Its end is no input, and what comes after it is.
            let end = touched + secs(600);
            seat.change(input(true), end);
            assert_eq!((seat.notice(end), seat.is_watched()), (None, false));
            assert_eq!(seat.idle(end), Some(secs(600)));
            seat.change(input(false), end + secs(9));
            assert_eq!(seat.notice(end + secs(9)), Some(Told::Back(secs(0))));
        }
    }

    #[test]
    fn somebody_watches_while_input_alone_is_absent() {
        let begin = Instant::now();
        let mut seat = Seat::new(begin, true);
        let watching = |idle| Change {
            of: Of::Watching,
            idle,
        };
        assert!(!seat.is_watched());
        seat.change(watching(true), begin + WATCHED);
        seat.change(input(true), begin + FINE);
        assert!(!seat.is_watched());
        seat.change(watching(false), begin + secs(10));
        assert!(seat.is_watched());
        seat.change(watching(true), begin + secs(90));
        assert!(!seat.is_watched());
        seat.change(watching(false), begin + secs(99));
        seat.change(input(false), begin + secs(99));
        assert!(!seat.is_watched());
    }
}
