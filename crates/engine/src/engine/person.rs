//! What the person wants: commands, touched pop-ups, signing in and out.

use hither_protocol::{ClientFrame, MessageId};

use super::Engine;
use crate::view::{AppLockWhen, Command, Glance, Notice, Password, UNTIL_RESUMED};
use crate::{Effect, Sensed, SignInFailed, SignedIn, StoreOp, ToastEvent, ToastKey};

/// The action that every pop-up offers besides the publisher's.
const MARK_READ: &str = "mark-read";

impl Engine {
    pub(super) fn command(&mut self, command: Command, effects: &mut Vec<Effect>) {
        match command {
            Command::SignIn {
                server,
                account,
                password,
            } if !self.is_signing_in() => {
                self.signing_in = true;
                self.notice = None;
                effects.push(Effect::SignIn {
                    server,
                    account,
                    password,
                });
            }
            Command::SignIn { .. } => {}
            Command::SignOut => self.sign_out(effects),
            Command::Open { id } => effects.push(Effect::OpenWindow(id)),
            Command::MarkRead { ids } => self.read_in_window(ids, effects),
            Command::MarkAllRead => {
                if self.takes_orders() {
                    effects.push(Effect::Store(StoreOp::RecallUnread));
                }
            }
            Command::Act { id, action } => self.act(id, action, effects),
            Command::Pause { until } => {
                let until = until.unwrap_or(UNTIL_RESUMED);
                self.alerts.pause(Some(until), effects);
            }
            Command::Resume => self.alerts.pause(None, effects),
            Command::SetAppLock { passphrase, when } => {
                self.set_app_lock(passphrase, when, effects);
            }
            Command::ChangeAppLock { passphrase, when } => {
                self.app_lock.change(&self.now, passphrase, when, effects);
            }
            Command::RemoveAppLock { passphrase } => {
                self.app_lock.remove(&self.now, passphrase, effects);
            }
            Command::Lock => {
                let locks = self.app_lock.lock();
                self.lock_if(locks, effects);
            }
            Command::Unlock { passphrase } => self.app_lock.open(&self.now, passphrase, effects),
            Command::DismissNotice => self.notice = None,
            Command::Quit => {
                self.link.stop(effects);
                effects.push(Effect::Exit);
                self.quitting = true;
            }
        }
    }

    pub(super) fn toast(&mut self, event: ToastEvent, effects: &mut Vec<Effect>) {
        match event {
            ToastEvent::Up { key, stays } => {
                self.alerts
                    .confirm_up(self.now.instant, &key, stays, effects);
            }
            ToastEvent::Found(found) => self.alerts.found(found),
            ToastEvent::Expired(key) => self.alerts.gone(&key, false),
            ToastEvent::Dismissed(key) => self.alerts.gone(&key, true),
            ToastEvent::Failed(key, detail) => {
                self.alerts.failed(&key);
                self.notice = Some(Notice::NoNotifications { detail });
            }
            ToastEvent::Clicked(ToastKey::Message(id)) => {
                effects.push(Effect::OpenWindow(Some(id)));
                self.read_on_screen(id, effects);
            }
            ToastEvent::Clicked(ToastKey::Summary) => {
                effects.push(Effect::OpenWindow(None));
                self.alerts.take_down_summary(effects);
            }
            ToastEvent::Chosen(ToastKey::Message(id), action) if action == MARK_READ => {
                self.read_on_screen(id, effects);
            }
            ToastEvent::Chosen(ToastKey::Message(id), action) => self.act(id, action, effects),
            ToastEvent::Chosen(ToastKey::Summary, _) => {}
        }
    }

    /// A window shows these. That counts while somebody is there; the sensor may be asked first.
    fn read_in_window(&mut self, ids: Vec<MessageId>, effects: &mut Vec<Effect>) {
        if !self.takes_orders() {
            return;
        }
        if self.presence.is_attended() {
            self.mark_read(&ids, effects);
        } else {
            self.doubtful_reads.extend(ids);
            self.presence.ask(self.now.instant, effects);
        }
    }

    /// A hand on a pop-up or a button is input enough, but for one on a locked screen.
    fn takes_orders(&self) -> bool {
        self.account.is_some() && !self.presence.is_away()
    }

    fn read_on_screen(&mut self, id: MessageId, effects: &mut Vec<Effect>) {
        if self.takes_orders() {
            self.mark_read(&[id], effects);
        }
    }

    fn act(&mut self, id: MessageId, action: String, effects: &mut Vec<Effect>) {
        if !self.takes_orders() {
            return;
        }
        let frame = ClientFrame::Action {
            id,
            action: action.clone(),
        };
        self.outbox.put(frame, self.link.is_live(), effects);
        effects.push(Effect::Store(StoreOp::RecallAction { id, action }));
        self.mark_read(&[id], effects);
    }

    pub(super) fn mark_read(&mut self, ids: &[MessageId], effects: &mut Vec<Effect>) {
        if ids.is_empty() {
            return;
        }
        self.alerts.take_back(ids, effects);
        effects.push(Effect::Store(StoreOp::MarkRead {
            ids: ids.to_vec(),
            at: self.now.wall.timestamp(),
            cursor: None,
        }));
        self.say(ids, |ids| ClientFrame::Read { ids }, effects);
    }

    // The app lock.

    fn set_app_lock(&mut self, passphrase: Password, when: AppLockWhen, effects: &mut Vec<Effect>) {
        if self.account.is_none() {
            return;
        }
        if let Err(notice) = self.app_lock.set(passphrase, when, effects) {
            self.notice = Some(notice);
        }
    }

    pub(super) fn passphrase_checked(&mut self, right: bool, effects: &mut Vec<Effect>) {
        self.app_lock.checked(&self.now, right, effects);
        if !self.is_locked() {
            self.presence.app_locked(self.now.instant, false, effects);
        }
    }

    /// What the sensors say may lock.
    pub(super) fn lock_as_set(&mut self, sensed: Sensed, effects: &mut Vec<Effect>) {
        let locks = match sensed {
            Sensed::Idle(age) => self.app_lock.idle(self.now.instant, age),
            _ => self.presence.is_screen_away() && self.app_lock.screen_is_away(),
        };
        self.lock_if(locks, effects);
    }

    fn lock_if(&mut self, locks: bool, effects: &mut Vec<Effect>) {
        if locks {
            self.alerts.conceal(effects);
            self.presence.app_locked(self.now.instant, true, effects);
        }
    }

    // The account.

    /// Whoever signs in finds what they may see: the account is in only once the history holds
    /// nothing of another, and nothing that the app lock kept.
    pub(super) fn signed_in(&mut self, signed_in: SignedIn, effects: &mut Vec<Effect>) {
        self.signing_in = false;
        self.notice = None;
        let same =
            |old: &SignedIn| (&old.server, &old.account) == (&signed_in.server, &signed_in.account);
        if self.account.as_ref().is_some_and(same) && !self.is_locked() {
            self.link.stop(effects);
            self.account = Some(signed_in.clone());
        } else {
            if self.is_locked() {
                // A forgotten passphrase: everything comes anew from the server.
                effects.push(Effect::Store(StoreOp::Wipe));
            }
            effects.extend(self.account.take().map(Effect::SignOut));
            self.forget_account(effects);
        }
        effects.push(Effect::Store(StoreOp::SetAccount(signed_in)));
    }

    pub(super) fn sign_in_failed(&mut self, failed: SignInFailed) {
        self.signing_in = false;
        self.notice = Some(match failed {
            SignInFailed::WrongCredentials => Notice::WrongCredentials,
            SignInFailed::TooMany => Notice::TooManyTries,
            SignInFailed::Unreachable(detail) | SignInFailed::Unexpected(detail) => {
                Notice::Unreachable { detail }
            }
        });
    }

    fn sign_out(&mut self, effects: &mut Vec<Effect>) {
        if let Some(account) = self.account.clone() {
            self.forget_account(effects);
            self.notice = None;
            effects.push(Effect::SignOut(account));
            effects.push(Effect::Store(StoreOp::Wipe));
        }
    }

    /// Nothing of the account stays: stream, pop-ups, or what is under way.
    pub(super) fn forget_account(&mut self, effects: &mut Vec<Effect>) {
        self.account = None;
        self.app_lock.clear();
        self.presence.app_locked(self.now.instant, false, effects);
        self.glance = Glance::default();
        self.doubtful_reads.clear();
        self.link.stop(effects);
        self.alerts.clear(effects);
        self.outbox.clear();
        self.inbox.forget();
        self.journal.disown();
    }
}
