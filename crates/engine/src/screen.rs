//! What is on the screen, and how long it stays there.
//!
//! A pop-up stays until there has been input after it, and ten seconds longer: whoever reads
//! without touching anything, or fetches coffee, finds it. What a desktop takes down before that
//! comes again with the input. Where the desktop takes pop-ups down by itself, it is gone after
//! ten seconds, but perhaps in a list. Where nobody can tell of input it stays ten minutes, and
//! proves nothing. While the screen is not for this person alone, only what was put up without
//! content is on it or in a list; what nobody noticed before is the server's to alert again.

use core::time::Duration;

use hither_protocol::{Instant, MessageId, Priority};

use crate::presence::Presence;
use crate::{Effect, Toast, ToastKey};

/// So long a pop-up can be noticed: after the first input that follows it, or else from the
/// beginning.
const LINGERS: Duration = Duration::from_secs(10);
/// So long one stays where nobody can tell of input: whoever comes back within it finds it.
const UNTOLD: Duration = Duration::from_mins(10);
/// The most pop-ups on a screen; an older one goes.
const MOST_UP: usize = 100;

/// The pop-ups that were handed to the desktop.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    /// Oldest first.
    up: Vec<Up>,
    /// Since when the sensor was asked to report the next input.
    watching: Option<Instant>,
}

#[derive(Debug)]
struct Up {
    toast: Toast,
    stage: Stage,
    /// Put up while the screen was not for this person alone: without content.
    discreet: bool,
    /// The desktop took it down once, and it came again for that: a desktop that takes it down
    /// once more would go on for ever.
    brought_back: bool,
    /// Nobody can tell of input.
    blind: bool,
    /// Not recorded as shown yet.
    unrecorded: Vec<MessageId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The desktop did not confirm it yet.
    Ordered,
    /// Up since then, and until there is input.
    Waits(Instant),
    /// Up since the first moment, until the second, or input that was told of after all.
    Lasts(Instant, Instant),
    /// It was to wait for input, but was taken down; it comes again with the input.
    Lost(Instant),
    /// There was input; it goes then.
    Leaves(Instant),
    /// The desktop takes it down by then.
    Passes(Instant),
    /// Up since then, and until the person closes it.
    Remains(Instant),
    /// Off the screen by itself; a list of the desktop's own may still have it.
    Listed,
    /// Off the screen, and in no list.
    Off,
}

/// How a message is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Showing {
    /// It is about to be.
    Ordered,
    /// It is; whether it stays until there is input.
    Up { stays: bool },
}

impl Screen {
    /// Puts one up in place of the one with its key. An older one may have to go: it is returned.
    pub(crate) fn show(
        &mut self,
        now: Instant,
        toast: Toast,
        presence: &Presence,
        effects: &mut Vec<Effect>,
    ) -> Option<ToastKey> {
        self.up.retain(|up| up.toast.key != toast.key);
        let crowded_out = self.crowded_out(now);
        if let Some(key) = &crowded_out {
            self.take_down(key, effects);
        }
        effects.push(Effect::ShowToast(toast.clone()));
        self.up.push(Up {
            unrecorded: toast.about.clone(),
            toast,
            stage: Stage::Ordered,
            discreet: presence.is_seen_by_others(),
            brought_back: false,
            blind: !presence.tells_input(),
        });
        crowded_out
    }

    /// Takes one into account that is in the desktop's list at least, unless there is one of the
    /// same key. Whether there was none.
    pub(crate) fn adopt(&mut self, toast: Toast) -> bool {
        let new = self.find(&toast.key).is_none();
        if new {
            self.up.push(Up {
                toast,
                stage: Stage::Listed,
                discreet: false,
                brought_back: false,
                blind: false,
                unrecorded: Vec::new(),
            });
        }
        new
    }

    /// The one that goes for another: the oldest that is off the screen, or else the oldest.
    fn crowded_out(&self, now: Instant) -> Option<ToastKey> {
        if self.up.len() < MOST_UP {
            return None;
        }
        let off = self.up.iter().find(|up| up.stage.is_over(now));
        off.or(self.up.first()).map(|up| up.toast.key.clone())
    }

    /// It is up, and `stays` until it is withdrawn. Names what is shown by it for the first time, and
    /// how.
    pub(crate) fn confirm(
        &mut self,
        now: Instant,
        key: &ToastKey,
        stays: bool,
    ) -> Vec<(MessageId, bool)> {
        let Some(up) = self.find(key) else {
            return Vec::new();
        };
        if up.stage == Stage::Ordered {
            up.stage = match stays {
                true if up.toast.priority >= Priority::High => Stage::Remains(now),
                true if up.blind => Stage::Lasts(now, now + UNTOLD),
                true => Stage::Waits(now),
                false => Stage::Passes(now + LINGERS),
            };
        }
        let stays = up.stage.stays();
        let ids = core::mem::take(&mut up.unrecorded);
        ids.into_iter().map(|id| (id, stays)).collect()
    }

    /// The desktop took it down before its time, or the person did.
    pub(crate) fn gone(&mut self, key: &ToastKey, by_hand: bool) {
        let Some(up) = self.find(key) else { return };
        up.stage = match up.stage {
            // This was the one before it.
            Stage::Ordered => Stage::Ordered,
            Stage::Waits(since) | Stage::Remains(since) if !by_hand && !up.brought_back => {
                up.brought_back = true;
                Stage::Lost(since)
            }
            // Taken down already.
            Stage::Lost(since) if !by_hand => Stage::Lost(since),
            _ => Stage::Off,
        };
    }

    /// It did not make it to the screen.
    pub(crate) fn failed(&mut self, key: &ToastKey) {
        self.up.retain(|up| up.toast.key != *key);
    }

    pub(crate) fn take_down(&mut self, key: &ToastKey, effects: &mut Vec<Effect>) {
        if let Some(at) = self.up.iter().position(|up| up.toast.key == *key) {
            self.up.remove(at);
            effects.push(Effect::WithdrawToast(key.clone()));
        }
    }

    pub(crate) fn clear(&mut self, effects: &mut Vec<Effect>) {
        let keys = self.up.drain(..).map(|up| up.toast.key);
        effects.extend(keys.map(Effect::WithdrawToast));
    }

    /// Does what is due, and what input brings about.
    pub(crate) fn tick(&mut self, now: Instant, presence: &Presence, effects: &mut Vec<Effect>) {
        for up in &mut self.up {
            if presence.is_seen_by_others() && !up.discreet {
                up.conceal(effects);
            }
            match up.stage {
                Stage::Waits(since) if !presence.tells_input() => {
                    up.stage = Stage::Lasts(since, (since + UNTOLD).max(now + LINGERS));
                }
                Stage::Waits(since) if presence.was_used_since(now, since) => {
                    up.stage = Stage::Leaves(now + LINGERS);
                }
                Stage::Lasts(since, _)
                    if presence.tells_input() && presence.was_used_since(now, since) =>
                {
                    up.stage = Stage::Leaves(now + LINGERS);
                }
                Stage::Lost(since) if presence.was_used_since(now, since) => {
                    up.stage = Stage::Ordered;
                    effects.push(Effect::ShowToast(up.toast.clone()));
                }
                Stage::Leaves(at) | Stage::Lasts(_, at) if at <= now => {
                    up.stage = Stage::Off;
                    effects.push(Effect::WithdrawToast(up.toast.key.clone()));
                }
                Stage::Passes(at) if at <= now => up.stage = Stage::Listed,
                _ => {}
            }
        }
        self.watch(now, presence, effects);
    }

    fn watch(&mut self, now: Instant, presence: &Presence, effects: &mut Vec<Effect>) {
        let waits = |up: &Up| matches!(up.stage, Stage::Waits(_) | Stage::Lost(_));
        if !self.up.iter().any(waits) {
            return;
        }
        let told = |at| presence.was_used_since(now, at);
        if self.watching.is_none_or(told) {
            self.watching = Some(now);
            effects.push(Effect::AwaitInput);
        }
    }

    pub(crate) fn next_wakeup(&self) -> Option<Instant> {
        let leaving = self.up.iter().filter_map(|up| match up.stage {
            Stage::Leaves(at) | Stage::Lasts(_, at) => Some(at),
            _ => None,
        });
        leaving.min()
    }

    /// Whether this pop-up is on the screen at `now`, or about to be.
    pub(crate) fn showing(&self, now: Instant, key: &ToastKey) -> Option<Showing> {
        let up = self.up.iter().find(|up| up.toast.key == *key)?;
        match up.stage {
            Stage::Ordered => Some(Showing::Ordered),
            stage if stage.is_over(now) => None,
            stage => Some(Showing::Up {
                stays: stage.stays(),
            }),
        }
    }

    fn find(&mut self, key: &ToastKey) -> Option<&mut Up> {
        self.up.iter_mut().find(|up| up.toast.key == *key)
    }
}

impl Up {
    /// Takes the content off a screen that others may see, and out of the desktop's list, which
    /// may be on it. What was not noticed yet, the server hands over, or rings again.
    fn conceal(&mut self, effects: &mut Vec<Effect>) {
        match self.stage {
            Stage::Ordered | Stage::Off => return,
            Stage::Lost(_) => {}
            Stage::Waits(_)
            | Stage::Lasts(..)
            | Stage::Remains(_)
            | Stage::Leaves(_)
            | Stage::Passes(_)
            | Stage::Listed => effects.push(Effect::WithdrawToast(self.toast.key.clone())),
        }
        self.stage = Stage::Off;
    }
}

impl Stage {
    fn is_over(self, now: Instant) -> bool {
        match self {
            Self::Listed | Self::Off => true,
            Self::Passes(at) | Self::Lasts(_, at) => at <= now,
            _ => false,
        }
    }

    const fn stays(self) -> bool {
        matches!(
            self,
            Self::Waits(_) | Self::Lost(_) | Self::Leaves(_) | Self::Remains(_)
        )
    }
}
