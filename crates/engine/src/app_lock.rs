//! The companion's own lock: set against passers-by, opened with a passphrase.
//!
//! Hashing is slow and happens outside; what is kept here is what follows from it.

use core::time::Duration;

use hither_protocol::{Instant, Timestamp};

use crate::view::{AppLockView, AppLockWhen, Notice, Password};
use crate::{AppLockSaved, Effect, Now, StoreOp};

/// The shortest passphrase, in characters: a PIN.
const SHORTEST: usize = 4;
/// The longest, in bytes.
const LONGEST: usize = 256;
/// So many wrong passphrases in a row cost no waiting.
const FREE_TRIES: u32 = 4;
/// The first wait after those; each further wrong one doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(30);
/// No wait is longer.
const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// The shortest time without input after which it locks, in seconds.
const SHORTEST_AFTER_S: u32 = 60;

/// Whether it is set, whether it is locked, and the tries to open it.
#[derive(Debug, Default)]
pub(crate) struct AppLock {
    saved: Option<AppLockSaved>,
    locked: bool,
    /// What waits for the passphrase to be hashed or checked; one at a time.
    trying: Option<Try>,
    /// The last passphrase was wrong.
    wrong: bool,
    /// Until then no passphrase is looked at, and the same moment for people.
    closed_until: Option<(Instant, Timestamp)>,
    /// When the sensor is asked whether the person left.
    check_idle: Option<Instant>,
}

/// What a right passphrase does.
#[derive(Debug)]
enum Try {
    Set(AppLockWhen),
    Open,
    Change(AppLockWhen),
    Remove,
}

impl AppLock {
    /// Set before: locked from the start on.
    pub(crate) fn new(saved: Option<AppLockSaved>, now: &Now) -> Self {
        let mut lock = Self {
            locked: saved.is_some(),
            saved,
            ..Self::default()
        };
        lock.close_for_a_while(now);
        lock
    }

    pub(crate) fn is_locked(&self) -> bool {
        self.locked
    }

    /// Takes a first passphrase; one that is there is removed first.
    pub(crate) fn set(
        &mut self,
        passphrase: Password,
        when: AppLockWhen,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Notice> {
        let length = passphrase.0.chars().count();
        if length < SHORTEST || passphrase.0.len() > LONGEST {
            return Err(Notice::UnfitPassphrase);
        }
        if self.saved.is_none() && self.trying.is_none() {
            self.trying = Some(Try::Set(when));
            effects.push(Effect::HashPassphrase(passphrase));
        }
        Ok(())
    }

    pub(crate) fn open(&mut self, now: &Now, passphrase: Password, effects: &mut Vec<Effect>) {
        if self.locked {
            self.check(now, passphrase, Try::Open, effects);
        }
    }

    pub(crate) fn change(
        &mut self,
        now: &Now,
        passphrase: Password,
        when: AppLockWhen,
        effects: &mut Vec<Effect>,
    ) {
        self.check(now, passphrase, Try::Change(when), effects);
    }

    pub(crate) fn remove(&mut self, now: &Now, passphrase: Password, effects: &mut Vec<Effect>) {
        self.check(now, passphrase, Try::Remove, effects);
    }

    fn check(&mut self, now: &Now, passphrase: Password, what: Try, effects: &mut Vec<Effect>) {
        let Some(saved) = &self.saved else { return };
        if self.trying.is_some() || self.is_closed(now.instant) {
            return;
        }
        self.trying = Some(what);
        self.wrong = false;
        effects.push(Effect::CheckPassphrase {
            verifier: saved.verifier.clone(),
            passphrase,
        });
    }

    /// The new passphrase's verifier; `None` where it could not be made.
    pub(crate) fn hashed(&mut self, verifier: Option<String>, effects: &mut Vec<Effect>) {
        let (Some(Try::Set(when)), Some(verifier)) = (self.trying.take(), verifier) else {
            return;
        };
        self.saved = Some(AppLockSaved {
            verifier,
            when: within_bounds(when),
            failures: 0,
        });
        self.save(effects);
    }

    pub(crate) fn checked(&mut self, now: &Now, right: bool, effects: &mut Vec<Effect>) {
        let (Some(what), Some(saved)) = (self.trying.take(), &mut self.saved) else {
            return;
        };
        if !right {
            saved.failures = saved.failures.saturating_add(1);
            self.wrong = true;
            self.close_for_a_while(now);
            return self.save(effects);
        }
        saved.failures = 0;
        match what {
            Try::Open => self.locked = false,
            Try::Change(when) => saved.when = within_bounds(when),
            Try::Remove => *self = Self::default(),
            Try::Set(_) => {}
        }
        self.check_idle = None;
        self.save(effects);
    }

    /// Locks, where a passphrase can open it again. Whether that changed anything.
    pub(crate) fn lock(&mut self) -> bool {
        let locks = self.saved.is_some() && !self.locked;
        self.locked |= locks;
        if locks {
            self.wrong = false;
            self.check_idle = None;
        }
        locks
    }

    /// The screen shows something else than this person's desktop.
    pub(crate) fn screen_is_away(&mut self) -> bool {
        self.saved
            .as_ref()
            .is_some_and(|saved| saved.when.with_screen)
            && self.lock()
    }

    /// A fresh reading: locks when the person left long enough ago.
    pub(crate) fn idle(&mut self, now: Instant, age: Option<Duration>) -> bool {
        let (Some(after), Some(age)) = (self.after(), age) else {
            self.check_idle = None;
            return false;
        };
        match after.checked_sub(age) {
            Some(left) if !left.is_zero() => {
                self.check_idle = Some(now + left);
                false
            }
            _ => self.lock(),
        }
    }

    /// Whether the sensor must be asked.
    pub(crate) fn wants_reading(&mut self, now: Instant) -> bool {
        let Some(after) = self.after() else {
            self.check_idle = None;
            return false;
        };
        match self.check_idle {
            Some(at) if now < at => false,
            // A sensor that does not answer is asked again.
            _ => {
                self.check_idle = Some(now + after);
                true
            }
        }
    }

    /// A wait is over.
    pub(crate) fn tick(&mut self, now: Instant) {
        if !self.is_closed(now) {
            self.closed_until = None;
        }
    }

    pub(crate) fn next_wakeup(&self) -> Option<Instant> {
        let closed = self.closed_until.map(|(until, _)| until);
        [closed, self.check_idle].into_iter().flatten().min()
    }

    /// The account leaves, and its lock with it.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn view(&self) -> Option<AppLockView> {
        let checking = self.trying.is_some();
        let saved = self.saved.as_ref()?;
        Some(AppLockView {
            locked: self.locked,
            when: saved.when,
            checking,
            wrong: self.wrong,
            closed_until: self.closed_until.map(|(_, until)| until),
        })
    }

    fn after(&self) -> Option<Duration> {
        let saved = self.saved.as_ref().filter(|_| !self.locked)?;
        saved.when.after_s.map(|s| Duration::from_secs(s.into()))
    }

    fn is_closed(&self, now: Instant) -> bool {
        self.closed_until.is_some_and(|(until, _)| now < until)
    }

    /// A restart begins the wait anew, so that it is no way around it.
    fn close_for_a_while(&mut self, now: &Now) {
        let failures = self.saved.as_ref().map_or(0, |saved| saved.failures);
        self.closed_until = wait(failures).map(|wait| {
            let wall = now.wall.timestamp();
            (now.instant + wait, wall.checked_add(wait).unwrap_or(wall))
        });
    }

    fn save(&self, effects: &mut Vec<Effect>) {
        effects.push(Effect::Store(StoreOp::SetAppLock(self.saved.clone())));
    }
}

fn within_bounds(when: AppLockWhen) -> AppLockWhen {
    AppLockWhen {
        after_s: when.after_s.map(|seconds| seconds.max(SHORTEST_AFTER_S)),
        ..when
    }
}

/// How long no passphrase is looked at after so many wrong ones in a row.
fn wait(failures: u32) -> Option<Duration> {
    let doublings = failures.checked_sub(FREE_TRIES + 1)?;
    let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
    Some(FIRST_WAIT.saturating_mul(factor).min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_have_an_end() {
        for (failures, seconds) in [
            (0, None),
            (4, None),
            (5, Some(30)),
            (6, Some(60)),
            (7, Some(120)),
            (11, Some(1920)),
            (12, Some(3600)),
            (40, Some(3600)),
            (u32::MAX, Some(3600)),
        ] {
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(wait(failures), expected, "{failures}");
        }
    }
}
