mod person;

use core::time::Duration;

use hither_protocol::{
    ClientFrame, FirstAlert, Instant, MAX_FRAME_IDS, MessageId, Policy, ServerFrame,
};

use crate::alerts::Alerts;
use crate::app_lock::AppLock;
use crate::inbox::Inbox;
use crate::journal::{Journal, Pending};
use crate::link::{After, Link};
use crate::outbox::Outbox;
use crate::presence::Presence;
use crate::view::{AccountView, ConnectionView, Diagnostics, Glance, Notice, SourceView, View};
use crate::{
    Config, Effect, Event, Now, Saved, Sensed, SignedIn, StoreFailed, StoreOp, Stored,
    checked_link, words,
};

/// The companion's mind: routes events to its parts, and computes what is shown from what they
/// know.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    now: Now,
    account: Option<SignedIn>,
    signing_in: bool,
    quitting: bool,
    notice: Option<Notice>,
    glance: Glance,
    link: Link,
    presence: Presence,
    app_lock: AppLock,
    inbox: Inbox,
    outbox: Outbox,
    alerts: Alerts,
    journal: Journal,
    /// "Read" said in a window while the sensor last knew of nobody: a fresh reading decides.
    doubtful_reads: Vec<MessageId>,
    /// How often the server said that the account's settings changed.
    settings_changes: u32,
}

impl Engine {
    /// An engine over what the disk knew. `seed` feeds the jitter.
    #[must_use]
    pub fn new(config: Config, saved: Saved, seed: u64, now: &Now) -> Self {
        let (account, cursor) = match saved.account {
            Some(account) => (Some(account.signed_in), account.cursor),
            None => (None, None),
        };
        Self {
            now: now.clone(),
            account,
            signing_in: false,
            quitting: false,
            notice: None,
            glance: saved.glance,
            link: Link::new(config.backoff, seed),
            presence: Presence::new(Duration::from_millis(Policy::default().idle_after_ms)),
            app_lock: AppLock::new(saved.app_lock, now),
            inbox: Inbox::new(cursor),
            outbox: Outbox::new(saved.outbox),
            alerts: Alerts::new(saved.due, saved.paused_until),
            journal: Journal::default(),
            doubtful_reads: Vec::new(),
            settings_changes: 0,
            config,
        }
    }

    /// Takes in one event and appends what follows from it.
    pub fn handle(&mut self, now: &Now, event: Event, effects: &mut Vec<Effect>) {
        if self.quitting {
            return;
        }
        self.now = now.clone();
        let start = effects.len();
        self.route(event, effects);
        if !self.quitting {
            self.settle(effects);
        }
        let session = self.link.session();
        self.journal.record(now.instant, session, effects, start);
    }

    /// When to hand in [`Event::WokeUp`] at the latest.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Instant> {
        if self.quitting {
            return None;
        }
        [
            self.link.next_wakeup(),
            self.presence.next_wakeup(),
            self.app_lock.next_wakeup(),
            self.alerts.next_wakeup(),
            self.journal.next_wakeup(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// What is shown now.
    #[must_use]
    pub fn view(&self) -> View {
        View {
            account: self.account.as_ref().map(|account| AccountView {
                name: account.account.clone(),
                server: account.server.clone(),
            }),
            connection: match self.account {
                Some(_) => self.link.view(),
                None => ConnectionView::SignedOut,
            },
            presence: self.presence.view(),
            glance: self.visible_glance(),
            paused_until: self.alerts.paused_until(),
            notice: self.notice.clone(),
            signing_in: self.signing_in,
            app_lock: self.app_lock.view(),
            settings_changes: self.settings_changes,
        }
    }

    /// What is known of the person, with every source of it.
    #[must_use]
    pub fn diagnostics(&self, now: &Now, sources: Vec<SourceView>) -> Diagnostics {
        Diagnostics {
            presence: self.presence.view(),
            last_input_ms: self.presence.last_input_ms(now.instant),
            sources,
        }
    }

    /// Whether the app lock keeps all content from every screen.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.app_lock.is_locked()
    }

    fn visible_glance(&self) -> Glance {
        if self.is_locked() {
            return Glance {
                unread: self.glance.unread,
                ..Glance::default()
            };
        }
        self.glance.clone()
    }

    fn route(&mut self, event: Event, effects: &mut Vec<Effect>) {
        match event {
            Event::Started => self.started(effects),
            Event::Opened => self.opened(effects),
            Event::ConnectFailed(failed) => {
                let after = self.link.connect_failed(&self.now, &failed);
                self.disconnected(after, effects);
            }
            Event::Frame(frame) => self.frame(frame, effects),
            Event::Closed(closed) => {
                let after = self.link.closed(&self.now, &closed);
                self.disconnected(after, effects);
            }
            Event::Stored { outcomes, glance } => self.stored(outcomes, glance, effects),
            Event::StoreFailed(failed) => self.store_failed(failed, effects),
            Event::Sensed(sensed) => self.sensed(sensed, effects),
            Event::Command(command) => self.command(command, effects),
            Event::SignedIn(Ok(signed_in)) => self.signed_in(signed_in, effects),
            Event::SignedIn(Err(failed)) => self.sign_in_failed(failed),
            Event::PassphraseHashed(verifier) => self.app_lock.hashed(verifier, effects),
            Event::PassphraseChecked(right) => self.passphrase_checked(right, effects),
            Event::Toast(toast) => self.toast(toast, effects),
            Event::WokeUp => {}
        }
    }

    /// What follows from facts and time, whatever the event was.
    fn settle(&mut self, effects: &mut Vec<Effect>) {
        let now = self.now.instant;
        if self.link.tick(&self.now, effects) {
            self.presence.ask(now, effects);
        }
        self.presence.tick(now, effects);
        self.app_lock.tick(now);
        if self.app_lock.wants_reading(now) {
            self.presence.ask(now, effects);
        }
        if self.link.is_live() {
            self.presence.report(now, self.link.echo(now), effects);
        }
        if self.link.wants_ping() && !self.presence.is_asking() {
            self.ping(effects);
        }
        if !self.presence.is_asking() {
            let ids = core::mem::take(&mut self.doubtful_reads);
            if self.presence.is_attended() {
                self.mark_read(&ids, effects);
            }
        }
        let online = self.link.is_online();
        self.alerts.tick(&self.now, &self.presence, online, effects);
        let (stay, pass) = parted(self.alerts.take_shown());
        self.say(
            &stay,
            |ids| ClientFrame::Shown { ids, stays: true },
            effects,
        );
        self.say(
            &pass,
            |ids| ClientFrame::Shown { ids, stays: false },
            effects,
        );
    }

    fn started(&mut self, effects: &mut Vec<Effect>) {
        let locked = self.is_locked();
        self.presence.app_locked(self.now.instant, locked, effects);
        self.presence.start(self.now.instant, effects);
        if let Some(account) = &self.account {
            self.link.start(self.now.instant, &account.stream_url);
        }
    }

    // The stream.

    fn opened(&mut self, effects: &mut Vec<Effect>) {
        let now = self.now.instant;
        if !self.link.opened(now, effects) {
            return;
        }
        self.inbox.opened();
        effects.push(Effect::Send(ClientFrame::Hello {
            access_token: self
                .account
                .as_ref()
                .map(|account| account.access_token.clone()),
            cursor: self.inbox.cursor(),
            client: self.config.client.clone(),
            presence: self.presence.introduce(now),
        }));
    }

    fn disconnected(&mut self, after: After, effects: &mut Vec<Effect>) {
        match after {
            After::Wait => {}
            After::ForgetCursor => {
                self.inbox.forget();
                effects.push(Effect::Store(StoreOp::ForgetCursor));
            }
            After::SignInAgain => {
                self.link.stop(effects);
                self.notice = Some(Notice::SignInAgain);
            }
            After::Wipe => {
                self.forget_account(effects);
                effects.push(Effect::Store(StoreOp::Wipe));
                self.notice = Some(Notice::Revoked);
            }
            After::Elsewhere => self.notice = Some(Notice::ConnectedElsewhere),
        }
    }

    fn frame(&mut self, frame: ServerFrame, effects: &mut Vec<Effect>) {
        if !self.link.is_open() {
            return;
        }
        match frame {
            ServerFrame::Error {
                detail,
                retry_after_ms,
                ..
            } => self.link.warned(self.now.instant, &detail, retry_after_ms),
            ServerFrame::Welcome { policy, .. } if !self.link.is_live() => {
                self.welcomed(policy, effects);
            }
            frame if self.link.is_live() => self.live_frame(frame, effects),
            _ => {}
        }
    }

    fn welcomed(&mut self, policy: Policy, effects: &mut Vec<Effect>) {
        self.link.welcomed(self.now.instant, policy);
        self.adopt(policy, effects);
        self.outbox.resend(effects);
        self.presence.ask(self.now.instant, effects);
    }

    fn adopt(&mut self, policy: Policy, effects: &mut Vec<Effect>) {
        self.link.adopt(policy);
        self.alerts.adopt(policy.quiet);
        let idle_after = Duration::from_millis(policy.idle_after_ms);
        self.presence.adopt(self.now.instant, idle_after, effects);
    }

    fn live_frame(&mut self, frame: ServerFrame, effects: &mut Vec<Effect>) {
        match frame {
            ServerFrame::Message {
                cursor,
                alert,
                message,
            } => {
                let now = alert == FirstAlert::Now;
                let id = message.id;
                effects.push(Effect::Store(StoreOp::Save {
                    alert_due: now && self.alerts.arrive(&message, &self.presence),
                    message,
                    cursor,
                }));
                if alert == FirstAlert::Never {
                    effects.push(Effect::Store(StoreOp::MarkShown(vec![id])));
                }
            }
            ServerFrame::Read { cursor, ids } => {
                self.alerts.take_back(&ids, effects);
                effects.push(Effect::Store(StoreOp::MarkRead {
                    ids,
                    at: self.now.wall.timestamp(),
                    cursor: Some(cursor),
                }));
            }
            ServerFrame::Withdraw { cursor, ids, why } => {
                self.alerts.take_back(&ids, effects);
                effects.push(Effect::Store(StoreOp::Withdraw { ids, why, cursor }));
            }
            ServerFrame::Alert { ids, style, .. } => self.alerts.ring(ids, style, effects),
            ServerFrame::Synced { cursor } => {
                self.link.synced();
                effects.push(Effect::Store(StoreOp::Advance(cursor)));
            }
            ServerFrame::Gap { since } => self.notice = Some(Notice::Gap { since }),
            ServerFrame::Policy { policy } => {
                self.settings_changes = self.settings_changes.wrapping_add(1);
                self.adopt(policy, effects);
            }
            ServerFrame::Pong { sent_ms } => {
                if let Some(confirmed) = self.link.ponged(self.now.instant, sent_ms) {
                    self.outbox.confirm(confirmed, effects);
                }
            }
            ServerFrame::Welcome { .. } | ServerFrame::Error { .. } | ServerFrame::Unknown => {}
        }
    }

    fn ping(&mut self, effects: &mut Vec<Effect>) {
        let now = self.now.instant;
        let last_input_ms = self.presence.last_input_ms(now);
        effects.push(Effect::Send(ClientFrame::Ping {
            last_input_ms,
            echo: self.link.echo(now),
        }));
        self.link.pinged(now, self.outbox.newest());
    }

    /// Tells the server something about messages, surely.
    fn say(
        &mut self,
        ids: &[MessageId],
        frame: fn(Vec<MessageId>) -> ClientFrame,
        effects: &mut Vec<Effect>,
    ) {
        for ids in ids.chunks(MAX_FRAME_IDS) {
            let live = self.link.is_live();
            self.outbox.put(frame(ids.to_vec()), live, effects);
        }
    }

    // The history.

    fn stored(&mut self, outcomes: Vec<Stored>, glance: Glance, effects: &mut Vec<Effect>) {
        for outcome in outcomes {
            let Some(pending) = self.journal.next() else {
                break;
            };
            self.done(pending, outcome, effects);
        }
        if !self.journal.is_wiping() {
            self.glance = glance;
        }
        if matches!(
            self.notice,
            Some(Notice::DiskFull | Notice::HistoryBroken { .. })
        ) {
            self.notice = None;
        }
        if self.link.is_live() {
            self.inbox.ack(effects);
        }
    }

    fn done(&mut self, pending: Pending, outcome: Stored, effects: &mut Vec<Effect>) {
        match (pending, outcome) {
            (
                Pending::Log {
                    cursor, session, ..
                },
                outcome,
            ) => {
                self.inbox.stored(cursor, session == self.link.session());
                if let Stored::Saved { id, fresh } = outcome {
                    self.alerts
                        .stored(self.now.instant, id, fresh, &self.presence, effects);
                }
            }
            (Pending::Own(op), Stored::Headlines(mut rows)) => {
                rows.retain(|row| !row.read && !self.journal.takes_back(row.id, effects));
                let now = self.now.instant;
                let asked = match &op {
                    StoreOp::Recall(asked) => asked.as_slice(),
                    _ => &[],
                };
                if let Some(found) = self.alerts.take_found(asked) {
                    self.alerts
                        .take_over(now, found, rows, &self.presence, effects);
                } else {
                    self.alerts.recalled(now, rows, &self.presence, effects);
                    self.alerts.named(asked);
                }
            }
            (Pending::Own(_), Stored::Unread(ids)) => self.mark_read(&ids, effects),
            (Pending::Own(_), Stored::Action(action)) => {
                let url = action.and_then(|action| action.url);
                effects.extend(url.as_deref().and_then(checked_link).map(Effect::OpenLink));
            }
            (Pending::Own(StoreOp::SetAccount(account)), Stored::Done) => {
                self.inbox.forgotten();
                self.link.start(self.now.instant, &account.stream_url);
            }
            (Pending::Own(StoreOp::Wipe | StoreOp::ForgetCursor), Stored::Done) => {
                self.inbox.forgotten();
            }
            (Pending::Own(_) | Pending::Void, _) => {}
        }
    }

    fn store_failed(&mut self, failed: StoreFailed, effects: &mut Vec<Effect>) {
        if self.journal.failed(self.now.instant) {
            self.alerts.not_stored();
            self.link
                .drop_stream(&self.now, words::STORE_FAILED, effects);
        }
        self.notice = Some(match failed {
            StoreFailed::DiskFull => Notice::DiskFull,
            StoreFailed::Broken(detail) => Notice::HistoryBroken { detail },
        });
    }

    // The computer and the person at it.

    fn sensed(&mut self, sensed: Sensed, effects: &mut Vec<Effect>) {
        let now = self.now.instant;
        self.presence.sensed(now, sensed, effects);
        self.lock_as_set(sensed, effects);
        match sensed {
            Sensed::Sleeping(true) => {
                if self.link.is_live() {
                    self.presence.report(now, self.link.echo(now), effects);
                }
                self.link.sleep(effects);
            }
            Sensed::Sleeping(false) | Sensed::NetworkChanged => self.link.hurry(now, effects),
            Sensed::Idle(_)
            | Sensed::Inhibited(_)
            | Sensed::Presenting(_)
            | Sensed::ScreenLocked(_)
            | Sensed::SwitchedAway(_) => {}
        }
    }
}

/// Pop-ups that stay until there is input, and those that pass.
fn parted(shown: Vec<(MessageId, bool)>) -> (Vec<MessageId>, Vec<MessageId>) {
    let (stay, pass): (Vec<_>, Vec<_>) = shown.into_iter().partition(|(_, stays)| *stays);
    let ids = |shown: Vec<(MessageId, bool)>| shown.into_iter().map(|(id, _)| id).collect();
    (ids(stay), ids(pass))
}
