//! The companion's history as a model: what survives a crash, and what one transaction does.

use std::collections::BTreeMap;

use hither_engine::view::{Glance, Headline};
use hither_engine::{AppLockSaved, OutboxSeq, Saved, SavedAccount, SignedIn, StoreOp, Stored};
use hither_protocol::{ClientFrame, Cursor, Message, MessageId, Priority, Timestamp};

/// One row of the history.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) message: Message,
    pub(crate) alert_due: bool,
    pub(crate) shown: bool,
}

/// Everything a crash leaves behind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    account: Option<SignedIn>,
    pub(crate) rows: BTreeMap<MessageId, Row>,
    cursor: Option<Cursor>,
    outbox: BTreeMap<OutboxSeq, ClientFrame>,
    paused_until: Option<Timestamp>,
    app_lock: Option<AppLockSaved>,
}

impl Disk {
    pub(crate) fn of(account: SignedIn) -> Self {
        Self {
            account: Some(account),
            ..Self::default()
        }
    }

    /// Runs one transaction.
    pub(crate) fn commit(&mut self, ops: &[StoreOp]) -> (Vec<Stored>, Glance) {
        let outcomes = ops.iter().map(|op| self.apply(op)).collect();
        (outcomes, self.glance())
    }

    /// What a new process finds.
    pub(crate) fn saved(&self) -> Saved {
        Saved {
            account: self.account.clone().map(|signed_in| SavedAccount {
                signed_in,
                cursor: self.cursor.clone(),
            }),
            glance: self.glance(),
            due: self.headlines(|row| row.alert_due && !row.shown),
            outbox: self.outbox.clone().into_iter().collect(),
            paused_until: self.paused_until,
            app_lock: self.app_lock.clone(),
        }
    }

    fn apply(&mut self, op: &StoreOp) -> Stored {
        match op {
            StoreOp::Save {
                message,
                cursor,
                alert_due,
            } => return self.save(message, cursor, *alert_due),
            StoreOp::MarkRead { ids, at, cursor } => {
                self.mark_read(ids, *at);
                self.advance(cursor.as_ref());
            }
            StoreOp::Withdraw { ids, cursor, .. } => {
                self.rows.retain(|id, _| !ids.contains(id));
                self.advance(Some(cursor));
            }
            StoreOp::Advance(cursor) => self.advance(Some(cursor)),
            StoreOp::MarkShown(ids) => {
                for id in ids {
                    if let Some(row) = self.rows.get_mut(id) {
                        row.shown = true;
                    }
                }
            }
            StoreOp::RecallSilent { since } => {
                return Stored::Headlines(
                    self.headlines(|row| !row.shown && row.message.created_at >= *since),
                );
            }
            StoreOp::Recall(ids) => {
                let rows = self.rows.iter().filter(|(id, _)| ids.contains(id));
                return Stored::Headlines(rows.map(|(_, row)| headline(row)).collect());
            }
            StoreOp::RecallUnread => {
                let unread = self.headlines(|_| true);
                return Stored::Unread(unread.into_iter().map(|line| line.id).collect());
            }
            StoreOp::RecallAction { .. } => return Stored::Action(None),
            StoreOp::PutOutbox(seq, frame) => drop(self.outbox.insert(*seq, frame.clone())),
            StoreOp::DropOutbox(upto) => self.outbox.retain(|seq, _| seq > upto),
            StoreOp::SetAccount(signed_in) => self.account = Some(signed_in.clone()),
            StoreOp::Wipe => *self = Self::default(),
            StoreOp::ForgetCursor => self.cursor = None,
            StoreOp::SetPaused(until) => self.paused_until = *until,
            StoreOp::SetAppLock(lock) => self.app_lock.clone_from(lock),
        }
        Stored::Done
    }

    fn save(&mut self, message: &Message, cursor: &Cursor, alert_due: bool) -> Stored {
        let fresh = !self.rows.contains_key(&message.id);
        if fresh {
            let row = Row {
                message: message.clone(),
                alert_due,
                shown: false,
            };
            self.rows.insert(message.id, row);
        }
        self.advance(Some(cursor));
        Stored::Saved {
            id: message.id,
            fresh,
        }
    }

    fn mark_read(&mut self, ids: &[MessageId], at: Timestamp) {
        for id in ids {
            if let Some(row) = self.rows.get_mut(id) {
                row.message.read_at.get_or_insert(at);
            }
        }
    }

    fn advance(&mut self, cursor: Option<&Cursor>) {
        if let Some(cursor) = cursor {
            self.cursor = Some(cursor.clone());
        }
    }

    fn glance(&self) -> Glance {
        let mut newest = self.headlines(|_| true);
        newest.reverse();
        Glance {
            unread: newest.len() as u64,
            urgent: newest.iter().any(|line| line.priority == Priority::Urgent),
            newest: newest.into_iter().take(5).collect(),
        }
    }

    /// Unread rows that `wanted` keeps, oldest first.
    fn headlines(&self, wanted: impl Fn(&Row) -> bool) -> Vec<Headline> {
        let unread = self
            .rows
            .values()
            .filter(|row| row.message.read_at.is_none());
        unread.filter(|row| wanted(row)).map(headline).collect()
    }
}

fn headline(row: &Row) -> Headline {
    Headline {
        id: row.message.id,
        title: row.message.title.clone(),
        line: row.message.body.clone(),
        publisher: row.message.publisher.name.clone(),
        priority: row.message.priority,
        created_at: row.message.created_at,
        read: row.message.read_at.is_some(),
        rich: row.message.html.is_some(),
    }
}
