//! Is a person at this computer? Facts from the sensors, and the state that follows from them.

use core::time::Duration;

use hither_protocol::{
    ClientFrame, Echo, InactiveReason, Instant, Presence as Said, PresenceState, Priority,
};

use crate::view::PresenceView;
use crate::{Effect, Sensed};

/// The idle sensor answers within this time, or it hangs.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// A sensor that hung is asked again after this time.
const ASK_AGAIN: Duration = Duration::from_secs(30);
/// For so long after the last input a film speaks for somebody who watches. Later they may have left
/// it running, and what popped up since then must be on their phone within ten minutes.
const SURE_FILM: Duration = Duration::from_mins(8);
/// Nobody watches longer without touching anything: what still keeps the screen awake was
/// forgotten.
const LONGEST_FILM: Duration = Duration::from_hours(4);
/// A computer that goes to sleep does so within this time, or it woke though nobody said so.
const ASLEEP_WITHIN: Duration = Duration::from_mins(1);
/// A shorter threshold than this makes no sense.
const SHORTEST_IDLE: Duration = Duration::from_secs(1);

/// What the sensors said.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own that comes and goes by itself"
)]
pub(crate) struct Presence {
    screen_locked: bool,
    suspended: bool,
    switched_away: bool,
    app_locked: bool,
    presenting: bool,
    idle_after: Duration,
    reading: Reading,
    film: Option<Film>,
    sleep: Option<Sleep>,
    /// The sensor was asked and must answer by then.
    asked: Option<Instant>,
    ask_again: Option<Instant>,
    /// What follows from the facts; kept while the sensor is being asked.
    state: Option<State>,
    /// What this stream was told.
    reported: Option<State>,
}

type State = (PresenceState, Option<InactiveReason>);

/// The last reading of the idle sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// None that counts: the next answer decides.
    Awaited,
    /// There is no idle source.
    NoSource,
    /// The sensor did not answer.
    Hung,
    /// Time without input, measured at a moment.
    Idle { age: Duration, taken: Instant },
}

/// A time in which something kept the screen awake for somebody who watches.
#[derive(Clone, Copy, Debug)]
struct Film {
    since: Instant,
    until: Option<Instant>,
}

/// The last sleep of this computer, until there is input after it.
#[derive(Clone, Copy, Debug)]
struct Sleep {
    since: Instant,
    until: Option<Instant>,
}

impl Presence {
    pub(crate) fn new(idle_after: Duration) -> Self {
        Self {
            screen_locked: false,
            suspended: false,
            switched_away: false,
            app_locked: false,
            presenting: false,
            idle_after,
            reading: Reading::Awaited,
            film: None,
            sleep: None,
            asked: None,
            ask_again: None,
            state: None,
            reported: None,
        }
    }

    /// Begins to watch.
    pub(crate) fn start(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        effects.push(Effect::WatchIdle(self.idle_after));
        self.ask(now, effects);
    }

    /// The account's threshold; a change is decided from a fresh reading.
    pub(crate) fn adopt(&mut self, now: Instant, idle_after: Duration, effects: &mut Vec<Effect>) {
        let idle_after = idle_after.max(SHORTEST_IDLE);
        if idle_after != self.idle_after {
            self.idle_after = idle_after;
            self.start(now, effects);
        }
    }

    /// Reads the sensor; one question at a time.
    pub(crate) fn ask(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if self.asked.is_none() {
            self.asked = Some(now + ANSWER_WITHIN);
            self.ask_again = None;
            effects.push(Effect::ReadIdle);
        }
    }

    pub(crate) fn sensed(&mut self, now: Instant, sensed: Sensed, effects: &mut Vec<Effect>) {
        let was_away = self.is_away();
        self.note(now, sensed);
        self.reconsider(was_away, now, effects);
    }

    /// The companion's own lock was locked or opened.
    pub(crate) fn app_locked(&mut self, now: Instant, locked: bool, effects: &mut Vec<Effect>) {
        let was_away = self.is_away();
        self.app_locked = locked;
        self.reconsider(was_away, now, effects);
    }

    fn note(&mut self, now: Instant, sensed: Sensed) {
        match sensed {
            Sensed::Idle(age) => {
                self.asked = None;
                self.ask_again = None;
                self.reading = age.map_or(Reading::NoSource, |age| Reading::Idle {
                    age: self.despite_sleep(now, age),
                    taken: now,
                });
            }
            Sensed::IdleUnanswered => self.hung(now),
            Sensed::Inhibited(true) => {
                let film = Film {
                    since: now,
                    until: None,
                };
                self.film = Some(film);
            }
            Sensed::Inhibited(false) => {
                if let Some(film) = &mut self.film {
                    film.until = Some(now);
                }
            }
            Sensed::Presenting(presenting) => self.presenting = presenting,
            Sensed::ScreenLocked(locked) => self.screen_locked = locked,
            Sensed::Sleeping(asleep) => self.sleep(now, asleep),
            Sensed::SwitchedAway(away) => self.switched_away = away,
            Sensed::NetworkChanged => {}
        }
    }

    fn hung(&mut self, now: Instant) {
        self.asked = None;
        self.ask_again = Some(now + ASK_AGAIN);
        self.reading = Reading::Hung;
    }

    fn reconsider(&mut self, was_away: bool, now: Instant, effects: &mut Vec<Effect>) {
        if was_away && !self.is_away() {
            // Coming back is no proof of a person: the sensor decides, and until it does
            // nothing changes.
            self.reading = Reading::Awaited;
            self.asked = None;
            self.ask(now, effects);
        }
        self.decide();
    }

    pub(crate) fn tick(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if self.asked.is_some_and(|until| now >= until) {
            self.hung(now);
            self.decide();
        }
        let due = self.ask_again.or_else(|| self.idle_deadline());
        if due.is_some_and(|at| now >= at) {
            self.ask(now, effects);
        }
    }

    pub(crate) fn next_wakeup(&self) -> Option<Instant> {
        let sensor = self.asked.or(self.ask_again);
        let sensor = sensor.or_else(|| self.idle_deadline());
        [sensor, self.wakes_at()].into_iter().flatten().min()
    }

    /// This runs, and the computer was to be asleep for long: it woke.
    pub(crate) fn is_awake_after_all(&self, now: Instant) -> bool {
        self.wakes_at().is_some_and(|at| now >= at)
    }

    fn wakes_at(&self) -> Option<Instant> {
        let sleep = self.sleep.filter(|_| self.suspended)?;
        Some(sleep.since + ASLEEP_WITHIN)
    }

    /// When time alone changes what is believed of somebody who is or may be there.
    fn idle_deadline(&self) -> Option<Instant> {
        let Reading::Idle { age, taken } = self.reading else {
            return None;
        };
        let at = self.judged_at(taken);
        let (limit, age) = match (self.state?, self.film_runs() && self.somebody_watches(at)) {
            ((PresenceState::Active, _), true) => (SURE_FILM.max(self.idle_after), age),
            ((PresenceState::Active, _), false) => (self.idle_after, age),
            ((_, None | Some(InactiveReason::Presenting)), true) => (LONGEST_FILM, age),
            ((_, None | Some(InactiveReason::Presenting)), false) => {
                (self.idle_after, self.perhaps_age(at)?)
            }
            _ => return None,
        };
        Some(at + limit.saturating_sub(age))
    }

    fn sleep(&mut self, now: Instant, begins: bool) {
        self.suspended = begins;
        match &mut self.sleep {
            Some(sleep) if !begins => sleep.until = Some(now),
            None if !begins => {}
            _ => {
                self.sleep = Some(Sleep {
                    since: now,
                    until: None,
                });
            }
        }
    }

    /// Most sensors measure with clocks that stand still in sleep. Without input after it, the
    /// last input was before it: waking is not activity.
    fn despite_sleep(&mut self, now: Instant, age: Duration) -> Duration {
        let Some(sleep) = self.sleep else { return age };
        if sleep.until.is_some_and(|woke| age < now.since(woke)) {
            self.sleep = None;
            return age;
        }
        age.max(now.since(sleep.since))
    }

    fn decide(&mut self) {
        use InactiveReason::{AppLocked, Locked, SessionSwitched, Suspended};
        use PresenceState::{Inactive, Unknown};
        self.state = match self.reading {
            _ if self.suspended => Some((Inactive, Some(Suspended))),
            _ if self.switched_away => Some((Inactive, Some(SessionSwitched))),
            _ if self.screen_locked => Some((Inactive, Some(Locked))),
            _ if self.app_locked => Some((Inactive, Some(AppLocked))),
            Reading::Awaited => self.state,
            Reading::NoSource | Reading::Hung => Some((Unknown, None)),
            Reading::Idle { taken, .. } => Some(self.judge(self.judged_at(taken))),
        };
    }

    /// What input and films say of that moment.
    fn judge(&self, at: Instant) -> State {
        let within = |age: Option<Duration>, limit| age.is_some_and(|age| age < limit);
        let film = self.film_runs() && self.somebody_watches(at);
        let sure = if film { SURE_FILM } else { Duration::ZERO };
        if !within(self.perhaps_age(at), self.idle_after) {
            (PresenceState::Inactive, Some(InactiveReason::Idle))
        } else if self.presenting {
            (PresenceState::Inactive, Some(InactiveReason::Presenting))
        } else if within(self.input_age(at), sure.max(self.idle_after)) {
            (PresenceState::Active, None)
        } else {
            (PresenceState::Unknown, None)
        }
    }

    /// The newest moment that something is known about.
    fn judged_at(&self, taken: Instant) -> Instant {
        let film = self.film.and_then(|film| film.until);
        film.map_or(taken, |end| taken.max(end))
    }

    /// Whether the film may have a person: somebody was there when it began, and it is not
    /// forgotten.
    fn somebody_watches(&self, at: Instant) -> bool {
        let (Some(film), Reading::Idle { age, taken }) = (self.film, self.reading) else {
            return false;
        };
        let watched_until = film.until.unwrap_or(at);
        let age = age.saturating_add(at.since(taken));
        self.sleep.is_none()
            && age < at.since(film.since) + self.idle_after
            && age.saturating_sub(at.since(watched_until)) < LONGEST_FILM
    }

    /// For hello: what is known, if anything is; reported with it.
    pub(crate) fn introduce(&mut self, now: Instant) -> Option<Said> {
        self.reported = self.state;
        self.said(now)
    }

    /// Tells a live stream of a transition.
    pub(crate) fn report(&mut self, now: Instant, echo: Option<Echo>, effects: &mut Vec<Effect>) {
        if self.state == self.reported {
            return;
        }
        self.reported = self.state;
        if let Some(presence) = self.said(now) {
            effects.push(Effect::Send(ClientFrame::Presence { presence, echo }));
        }
    }

    fn said(&self, now: Instant) -> Option<Said> {
        let (state, reason) = self.state?;
        Some(Said {
            state,
            reason,
            last_input_ms: self.last_input_ms(now),
        })
    }

    /// Age of the last input, in milliseconds; for ping.
    pub(crate) fn last_input_ms(&self, now: Instant) -> Option<u64> {
        let age = self.input_age(now)?;
        Some(u64::try_from(age.as_millis()).unwrap_or(u64::MAX))
    }

    /// Time since the last input that the sensor knew of. A film is none, whoever watches it.
    pub(crate) fn input_age(&self, now: Instant) -> Option<Duration> {
        let Reading::Idle { age, taken } = self.reading else {
            return None;
        };
        Some(age.saturating_add(now.since(taken)))
    }

    /// The same, or since a film may have had somebody who watches.
    fn perhaps_age(&self, now: Instant) -> Option<Duration> {
        let age = self.input_age(now)?;
        if !self.somebody_watches(now) {
            return Some(age);
        }
        let end = self.film.and_then(|film| film.until).unwrap_or(now);
        Some(age.min(now.since(end).max(age.saturating_sub(LONGEST_FILM))))
    }

    fn film_runs(&self) -> bool {
        self.film.is_some_and(|film| film.until.is_none())
    }

    /// Whether input can be told here.
    pub(crate) fn tells_input(&self) -> bool {
        !matches!(self.reading, Reading::NoSource | Reading::Hung)
    }

    /// Whether this person used the desktop after that moment; also when nobody can tell any more.
    pub(crate) fn was_used_since(&self, now: Instant, at: Instant) -> bool {
        if self.is_away() {
            return false;
        }
        let used = |age| age < now.since(at);
        self.input_age(now)
            .map_or(self.reading == Reading::NoSource, used)
    }

    /// The sensor was asked and has not answered yet.
    pub(crate) fn is_asking(&self) -> bool {
        self.asked.is_some()
    }

    /// The same, and it is worth waiting for: the last time it did answer.
    pub(crate) fn is_awaited(&self) -> bool {
        self.is_asking() && self.reading != Reading::Hung
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.state.is_some()
    }

    pub(crate) fn is_active(&self) -> bool {
        matches!(self.state, Some((PresenceState::Active, _)))
    }

    /// Inactive, and why.
    pub(crate) fn absence(&self) -> Option<InactiveReason> {
        self.state
            .filter(|(state, _)| *state == PresenceState::Inactive)
            .and_then(|(_, reason)| reason)
    }

    /// The screen shows something else than this person's desktop, or none of its content.
    pub(crate) fn is_away(&self) -> bool {
        self.is_screen_away() || self.app_locked
    }

    /// The screen itself is not this person's.
    pub(crate) fn is_screen_away(&self) -> bool {
        self.screen_locked || self.suspended || self.switched_away
    }

    /// Whether others may see what is on the screen.
    pub(crate) fn is_seen_by_others(&self) -> bool {
        self.is_away() || self.presenting
    }

    /// Whether a pop-up of this priority makes sense on this screen.
    pub(crate) fn may_ring(&self, priority: Priority) -> bool {
        !self.is_seen_by_others() || priority == Priority::Urgent
    }

    /// Whether what the person does in a window counts: somebody is there, or this desktop has
    /// no way to tell.
    pub(crate) fn is_attended(&self) -> bool {
        self.is_active() || (!self.is_away() && self.reading == Reading::NoSource)
    }

    pub(crate) fn view(&self) -> PresenceView {
        let (state, reason) = self.state.unwrap_or((PresenceState::Unknown, None));
        PresenceView { state, reason }
    }
}
