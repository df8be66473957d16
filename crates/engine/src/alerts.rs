//! What pops up on this screen, and when it goes again.

mod found;

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use hither_protocol::{AlertStyle, InactiveReason, Instant, Message, MessageId, Quiet, Timestamp};

use self::found::Found;
use crate::presence::Presence;
use crate::screen::{Screen, Showing};
use crate::view::{Headline, UNTIL_RESUMED};
use crate::{Effect, Now, StoreOp, Toast, ToastKey, preview, words};

/// More than this become one summary.
const SINGLY: usize = 3;
/// Older than this, an alert becomes part of a summary.
const STALE: Duration = Duration::from_mins(10);
/// A summary on return waits so long for the backlog of an unconnected computer.
const BACKLOG_WITHIN: Duration = Duration::from_secs(10);
/// The most messages that a summary or a pause remembers.
const MOST_ROWS: usize = 1000;
/// A pause or a quiet time is compared with the wall clock at least so often, as that clock may
/// jump.
const RECHECK: Duration = Duration::from_mins(1);

/// Pop-ups: due, up, held back, owed.
#[derive(Debug, Default)]
pub(crate) struct Alerts {
    /// To be shown once they are stored.
    arriving: BTreeMap<MessageId, Toast>,
    screen: Screen,
    /// What the summary covers, oldest first.
    summary: Vec<Headline>,
    /// The oldest of the summary, which it no longer remembers but speaks for all the same.
    crowded_out: Vec<MessageId>,
    /// The summary must be shown anew.
    summary_changed: bool,
    /// The person has left since the summary: the next one starts afresh.
    summary_over: bool,
    /// The server wants one pop-up each for these, once the history has named them.
    singly: BTreeSet<MessageId>,
    /// From before a crash, waiting until somebody may see them.
    due: Vec<Headline>,
    found: Found,
    /// Kept back by a pause.
    held: Vec<MessageId>,
    /// Kept back before, until the history has named them.
    returning: BTreeSet<MessageId>,
    paused_until: Option<Timestamp>,
    pause_check: Option<Instant>,
    /// Since when and why nobody was there last.
    away: Option<(Timestamp, InactiveReason)>,
    /// Since when this computer is cut off, which was connected before.
    cut_off: Option<Timestamp>,
    was_online: bool,
    owed: Option<Owed>,
    /// As the server said last.
    quiet: Option<Quiet>,
    /// What is owed waits for the end of a quiet time, which is looked at then.
    quiet_check: Option<Instant>,
    /// For these the server must be told that the pop-up is up, and whether it stays until there
    /// is input.
    shown: Vec<(MessageId, bool)>,
}

/// The summary of what came while the person was away.
#[derive(Debug)]
struct Owed {
    since: Timestamp,
    /// Without a backlog until then, the summary tells what is here. `None`: it did.
    patience: Option<Instant>,
}

impl Alerts {
    pub(crate) fn new(due: Vec<Headline>, paused_until: Option<Timestamp>) -> Self {
        Self {
            due,
            paused_until,
            ..Self::default()
        }
    }

    /// A message is on its way to the disk and rings once it is there. Whether an alert is due.
    pub(crate) fn arrive(&mut self, message: &Message, presence: &Presence) -> bool {
        let rings = message.read_at.is_none() && presence.may_ring(message.priority);
        if rings {
            self.arriving.insert(message.id, preview::toast(message));
        }
        rings
    }

    /// A message is on disk.
    pub(crate) fn stored(
        &mut self,
        now: Instant,
        id: MessageId,
        fresh: bool,
        presence: &Presence,
        effects: &mut Vec<Effect>,
    ) {
        let Some(toast) = self.arriving.remove(&id).filter(|_| fresh) else {
            return;
        };
        if self.paused_until.is_some() {
            self.hold(id);
        } else if presence.may_ring(toast.priority) {
            self.show(now, toast, presence, effects);
        }
    }

    /// What is on its way did not reach the disk and will come again.
    pub(crate) fn not_stored(&mut self) {
        self.arriving.clear();
    }

    /// The server rings for messages that are here already.
    pub(crate) fn ring(
        &mut self,
        ids: Vec<MessageId>,
        style: AlertStyle,
        effects: &mut Vec<Effect>,
    ) {
        if ids.is_empty() {
            return;
        }
        if style == AlertStyle::Each && ids.len() <= SINGLY {
            self.singly.extend(&ids);
        }
        effects.push(Effect::Store(StoreOp::Recall(ids)));
    }

    /// The history named unread messages that want an alert.
    pub(crate) fn recalled(
        &mut self,
        now: Instant,
        rows: Vec<Headline>,
        presence: &Presence,
        effects: &mut Vec<Effect>,
    ) {
        for row in rows {
            let singly = self.singly.remove(&row.id);
            let held = self.returning.remove(&row.id);
            if let Some(showing) = self.showing(now, row.id) {
                if let Showing::Up { stays } = showing {
                    self.shown.push((row.id, stays));
                }
            } else if self.paused_until.is_some() {
                self.hold(row.id);
            } else if presence.may_ring(row.priority) {
                if singly {
                    self.show(now, Toast::of(&row), presence, effects);
                } else {
                    self.sum_up(now, row);
                }
            } else if held {
                self.held.push(row.id);
            }
        }
    }

    /// What the history did not name among these, it does not hold.
    pub(crate) fn named(&mut self, asked: &[MessageId]) {
        for id in asked {
            self.singly.remove(id);
            self.returning.remove(id);
        }
    }

    /// A pop-up is on the screen.
    pub(crate) fn confirm_up(
        &mut self,
        now: Instant,
        key: &ToastKey,
        stays: bool,
        effects: &mut Vec<Effect>,
    ) {
        let shown = self.screen.confirm(now, key, stays);
        if *key == ToastKey::Summary {
            self.crowded_out.clear();
        }
        if !shown.is_empty() {
            let ids = shown.iter().map(|(id, _)| *id).collect();
            effects.push(Effect::Store(StoreOp::MarkShown(ids)));
            self.shown.extend(shown);
        }
    }

    /// A pop-up is off the screen though nobody asked for that.
    pub(crate) fn gone(&mut self, key: &ToastKey, by_hand: bool) {
        self.screen.gone(key, by_hand);
    }

    /// A pop-up did not make it to the screen: nothing is said, so that the server rings elsewhere.
    pub(crate) fn failed(&mut self, key: &ToastKey) {
        self.screen.failed(key);
        if *key == ToastKey::Summary {
            self.forget_summary();
        }
    }

    /// Read or withdrawn, here or elsewhere: nothing pops up for these, and what is up goes.
    pub(crate) fn take_back(&mut self, ids: &[MessageId], effects: &mut Vec<Effect>) {
        self.due.retain(|row| !ids.contains(&row.id));
        for id in ids {
            self.arriving.remove(id);
            self.singly.remove(id);
            self.screen.take_down(&ToastKey::Message(*id), effects);
        }
        for row in &mut self.summary {
            row.read |= ids.contains(&row.id);
        }
        if self.summary.iter().all(|row| row.read) {
            self.take_down_summary(effects);
        }
    }

    /// The person saw the summary.
    pub(crate) fn take_down_summary(&mut self, effects: &mut Vec<Effect>) {
        self.forget_summary();
        self.summary_changed = false;
        self.screen.take_down(&ToastKey::Summary, effects);
    }

    /// Takes every pop-up off the screen; what it was about stays unread.
    pub(crate) fn conceal(&mut self, effects: &mut Vec<Effect>) {
        self.screen.clear(effects);
        self.forget_summary();
        self.summary_changed = false;
    }

    /// The account leaves, and everything of it leaves the screen.
    pub(crate) fn clear(&mut self, effects: &mut Vec<Effect>) {
        self.screen.clear(effects);
        self.found.clear(effects);
        *self = Self::default();
    }

    /// No pop-ups until then; `None`: pop-ups again.
    pub(crate) fn pause(&mut self, until: Option<Timestamp>, effects: &mut Vec<Effect>) {
        self.paused_until = until;
        effects.push(Effect::Store(StoreOp::SetPaused(until)));
    }

    /// The account's quiet, in which nothing is summed up that the server does not alert.
    pub(crate) const fn adopt(&mut self, quiet: Option<Quiet>) {
        self.quiet = quiet;
    }

    /// Does what is due, and what became possible.
    pub(crate) fn tick(
        &mut self,
        now: &Now,
        presence: &Presence,
        online: bool,
        effects: &mut Vec<Effect>,
    ) {
        self.check_pause(now, effects);
        self.watch_connection(now, online);
        self.watch_absence(now, presence);
        self.found.ask(presence, effects);
        if self.paused_until.is_some() {
            let due = core::mem::take(&mut self.due);
            for row in due {
                self.hold(row.id);
            }
        } else {
            self.catch_up(now, presence, effects);
            self.welcome_back(now, presence, online, effects);
        }
        if core::mem::take(&mut self.summary_changed) {
            self.show_summary(now.instant, presence, effects);
        }
        self.screen.tick(now.instant, presence, effects);
    }

    /// For these the server must be told that the pop-up is up, each once, and whether it stays
    /// until there is input.
    pub(crate) fn take_shown(&mut self) -> Vec<(MessageId, bool)> {
        core::mem::take(&mut self.shown)
    }

    pub(crate) fn next_wakeup(&self) -> Option<Instant> {
        let owed = self.owed.as_ref().and_then(|owed| owed.patience);
        let owed = self.quiet_check.or(owed);
        [
            self.pause_check,
            owed.filter(|_| self.paused_until.is_none()),
            self.screen.next_wakeup(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    pub(crate) fn paused_until(&self) -> Option<Timestamp> {
        self.paused_until
    }

    fn check_pause(&mut self, now: &Now, effects: &mut Vec<Effect>) {
        let wall = now.wall.timestamp();
        if self.paused_until.is_some_and(|until| until <= wall) {
            self.pause(None, effects);
        }
        let end = self.paused_until.filter(|until| *until != UNTIL_RESUMED);
        self.pause_check = end.map(|until| recheck(now, until));
    }

    /// Notes when the person left, and on return what that absence owes them. Who unlocks a screen,
    /// or wakes it, is there, whatever else can be told.
    fn watch_absence(&mut self, now: &Now, presence: &Presence) {
        if let Some(reason) = presence.absence() {
            let since = if let Some((since, _)) = self.away {
                since
            } else {
                self.summary_over = true;
                left_at(now, presence, reason)
            };
            // What is owed already is told on return, too.
            let owed = self.owed.take().map_or(since, |owed| owed.since.min(since));
            self.away = Some((owed, reason));
            return;
        }
        let idle = matches!(self.away, Some((_, InactiveReason::Idle)));
        if (presence.is_active() || (!idle && presence.is_attended()))
            && let Some((since, _)) = self.away.take()
        {
            self.owe(now, since);
        }
    }

    /// What came while this computer was cut off rang elsewhere, if at all, and nobody knows
    /// whether the person was there.
    fn watch_connection(&mut self, now: &Now, online: bool) {
        let was_online = core::mem::replace(&mut self.was_online, online);
        if was_online && !online {
            self.cut_off = Some(now.wall.timestamp());
        } else if online && let Some(since) = self.cut_off.take() {
            self.owe(now, since);
        }
    }

    fn owe(&mut self, now: &Now, since: Timestamp) {
        let before = self.owed.as_ref().map(|owed| owed.since);
        self.owed = Some(Owed {
            since: before.map_or(since, |before| before.min(since)),
            patience: Some(now.instant + BACKLOG_WITHIN),
        });
    }

    /// Shows what a crash or a pause kept back, as soon as the screen is this person's.
    fn catch_up(&mut self, now: &Now, presence: &Presence, effects: &mut Vec<Effect>) {
        let gone = presence.absence().is_some() || presence.is_seen_by_others();
        if !presence.is_settled() || gone {
            return;
        }
        if !self.held.is_empty() {
            let held = core::mem::take(&mut self.held);
            self.returning.extend(&held);
            effects.push(Effect::Store(StoreOp::Recall(held)));
        }
        let due = core::mem::take(&mut self.due);
        let oldest = due.iter().map(|row| row.created_at).min();
        let stale = oldest.is_some_and(|oldest| is_stale(oldest, now));
        if due.len() <= SINGLY && !stale {
            self.singly.extend(due.iter().map(|row| row.id));
        }
        self.recalled(now.instant, due, presence, effects);
    }

    /// Asks for what came while the person was away: once the backlog is here, and of a computer
    /// that cannot connect before that, too.
    fn welcome_back(
        &mut self,
        now: &Now,
        presence: &Presence,
        online: bool,
        effects: &mut Vec<Effect>,
    ) {
        self.quiet_check = None;
        let Some(owed) = &mut self.owed else { return };
        let wall = now.wall.timestamp();
        if let Some(quiet) = self.quiet.filter(|quiet| quiet.holds_at(wall)) {
            self.quiet_check = Some(recheck(now, quiet.until.unwrap_or(UNTIL_RESUMED)));
            return;
        }
        let patient = owed.patience.is_none_or(|until| now.instant < until);
        if presence.absence().is_some() || (!online && patient) {
            return;
        }
        effects.push(Effect::Store(StoreOp::RecallSilent { since: owed.since }));
        owed.patience = None;
        if online {
            self.owed = None;
        }
    }

    fn show(
        &mut self,
        now: Instant,
        mut toast: Toast,
        presence: &Presence,
        effects: &mut Vec<Effect>,
    ) {
        if presence.is_seen_by_others() {
            toast.title = words::hidden(&toast.publisher);
            toast.body.clear();
            toast.actions.clear();
        }
        self.put_up(now, toast, presence, effects);
    }

    fn sum_up(&mut self, now: Instant, row: Headline) {
        let summary = self.screen.showing(now, &ToastKey::Summary);
        let over = !self.summary_changed && summary.is_none();
        if core::mem::take(&mut self.summary_over) || over {
            self.forget_summary();
        }
        if self.summary.len() == MOST_ROWS {
            let oldest = self.summary.remove(0);
            self.crowded_out.push(oldest.id);
        }
        self.summary.push(row);
        self.summary_changed = true;
    }

    fn forget_summary(&mut self) {
        self.summary.clear();
        self.crowded_out.clear();
    }

    fn show_summary(&mut self, now: Instant, presence: &Presence, effects: &mut Vec<Effect>) {
        let rows = self.summary.iter().map(|row| row.id);
        let about = self.crowded_out.iter().copied().chain(rows).collect();
        let summary = preview::summary(&self.summary, presence);
        self.put_up(now, Toast { about, ..summary }, presence, effects);
    }

    fn put_up(
        &mut self,
        now: Instant,
        toast: Toast,
        presence: &Presence,
        effects: &mut Vec<Effect>,
    ) {
        let crowded_out = self.screen.show(now, toast, presence, effects);
        if crowded_out == Some(ToastKey::Summary) {
            // What it covered is on no screen any more, and may ring again.
            self.summary.clear();
        }
    }

    fn hold(&mut self, id: MessageId) {
        self.shown.push((id, false));
        if !self.held.contains(&id) && self.held.len() < MOST_ROWS {
            self.held.push(id);
        }
    }

    /// Whether a pop-up speaks of this message, or will.
    fn showing(&self, now: Instant, id: MessageId) -> Option<Showing> {
        let own = self.screen.showing(now, &ToastKey::Message(id));
        if own.is_some() || !self.summary.iter().any(|row| row.id == id) {
            return own;
        }
        if self.summary_changed {
            return Some(Showing::Ordered);
        }
        self.screen.showing(now, &ToastKey::Summary)
    }
}

/// Idle people left at their last input, all others at this moment.
fn left_at(now: &Now, presence: &Presence, reason: InactiveReason) -> Timestamp {
    let wall = now.wall.timestamp();
    let age = presence
        .input_age(now.instant)
        .filter(|_| reason == InactiveReason::Idle);
    wall.checked_sub(age.unwrap_or_default()).unwrap_or(wall)
}

/// When to compare that moment with the wall clock again.
fn recheck(now: &Now, until: Timestamp) -> Instant {
    let left = until.duration_since(now.wall.timestamp());
    now.instant + Duration::try_from(left).unwrap_or_default().min(RECHECK)
}

fn is_stale(created_at: Timestamp, now: &Now) -> bool {
    let age = now.wall.timestamp().duration_since(created_at);
    Duration::try_from(age).is_ok_and(|age| age > STALE)
}
