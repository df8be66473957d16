//! A model of the history: what the real one does, in memory.

use std::collections::BTreeMap;

use hither_engine::view::{Glance, Headline};
use hither_engine::{AppLockSaved, OutboxSeq, Saved, SavedAccount, SignedIn, StoreOp, Stored};
use hither_protocol::{ClientFrame, Cursor, Message, MessageId, Priority, Timestamp};

#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    pub(crate) account: Option<SignedIn>,
    pub(crate) cursor: Option<Cursor>,
    pub(crate) rows: Vec<Row>,
    pub(crate) outbox: BTreeMap<OutboxSeq, ClientFrame>,
    pub(crate) paused_until: Option<Timestamp>,
    pub(crate) app_lock: Option<AppLockSaved>,
}

#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) message: Message,
    pub(crate) stored_at: Timestamp,
    pub(crate) due: bool,
    pub(crate) shown: bool,
}

impl Row {
    pub(crate) fn is_read(&self) -> bool {
        self.message.read_at.is_some()
    }
}

impl Disk {
    pub(crate) fn saved(&self) -> Saved {
        Saved {
            account: self.account.clone().map(|signed_in| SavedAccount {
                signed_in,
                cursor: self.cursor.clone(),
            }),
            glance: self.glance(),
            due: self.headlines(|row| row.due && !row.is_read()),
            outbox: self.outbox.clone().into_iter().collect(),
            paused_until: self.paused_until,
            app_lock: self.app_lock.clone(),
        }
    }

    pub(crate) fn apply(&mut self, op: StoreOp, at: Timestamp) -> Stored {
        match op {
            StoreOp::Save {
                message,
                cursor,
                alert_due,
            } => {
                self.cursor = Some(cursor);
                return self.save(*message, alert_due, at);
            }
            StoreOp::MarkRead { ids, at, cursor } => {
                self.cursor = cursor.or(self.cursor.take());
                for row in self.rows_of(&ids) {
                    row.message.read_at.get_or_insert(at);
                    row.due = false;
                }
            }
            StoreOp::Withdraw { ids, cursor, .. } => {
                self.cursor = Some(cursor);
                self.rows.retain(|row| !ids.contains(&row.message.id));
            }
            StoreOp::Advance(cursor) => self.cursor = Some(cursor),
            StoreOp::MarkShown(ids) => {
                for row in self.rows_of(&ids) {
                    (row.shown, row.due) = (true, false);
                }
            }
            StoreOp::Recall(ids) => {
                return Stored::Headlines(self.headlines(|row| ids.contains(&row.message.id)));
            }
            StoreOp::RecallSilent { since } => {
                return Stored::Headlines(
                    self.headlines(|row| !row.is_read() && !row.shown && row.stored_at >= since),
                );
            }
            StoreOp::RecallUnread => {
                let unread = self.headlines(|row| !row.is_read());
                return Stored::Unread(unread.iter().map(|row| row.id).collect());
            }
            StoreOp::RecallAction { id, action } => {
                let row = self.rows.iter().find(|row| row.message.id == id);
                let mut actions = row.into_iter().flat_map(|row| &row.message.actions);
                return Stored::Action(actions.find(|known| known.id == action).cloned());
            }
            StoreOp::PutOutbox(seq, frame) => {
                self.outbox.insert(seq, frame);
            }
            StoreOp::DropOutbox(seq) => self.outbox.retain(|waiting, _| *waiting > seq),
            StoreOp::SetAccount(new) => {
                let same =
                    |old: &SignedIn| (&old.server, &old.account) == (&new.server, &new.account);
                if !self.account.as_ref().is_some_and(same) {
                    self.wipe();
                }
                self.account = Some(new);
            }
            StoreOp::Wipe => self.wipe(),
            StoreOp::ForgetCursor => self.cursor = None,
            StoreOp::SetPaused(until) => self.paused_until = until,
            StoreOp::SetAppLock(lock) => self.app_lock = lock,
        }
        Stored::Done
    }

    pub(crate) fn glance(&self) -> Glance {
        let mut newest = self.headlines(|row| !row.is_read());
        newest.reverse();
        Glance {
            unread: newest.len() as u64,
            urgent: newest.iter().any(|row| row.priority == Priority::Urgent),
            newest: newest.into_iter().take(5).collect(),
        }
    }

    pub(crate) fn row(&self, id: MessageId) -> Option<&Row> {
        self.rows.iter().find(|row| row.message.id == id)
    }

    fn save(&mut self, message: Message, due: bool, stored_at: Timestamp) -> Stored {
        let id = message.id;
        let fresh = self.row(id).is_none();
        if fresh {
            self.rows.push(Row {
                message,
                stored_at,
                due,
                shown: false,
            });
        }
        Stored::Saved { id, fresh }
    }

    fn wipe(&mut self) {
        *self = Self::default();
    }

    fn rows_of(&mut self, ids: &[MessageId]) -> impl Iterator<Item = &mut Row> {
        self.rows
            .iter_mut()
            .filter(|row| ids.contains(&row.message.id))
    }

    fn headlines(&self, wanted: impl Fn(&Row) -> bool) -> Vec<Headline> {
        let wanted = self.rows.iter().filter(|row| wanted(row));
        wanted.map(|row| Headline::of(&row.message)).collect()
    }
}
