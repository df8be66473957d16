//! How far this device got in the server's log: what is on disk, and what was acked.

use hither_protocol::{ClientFrame, Cursor};

use crate::Effect;

/// The cursor of this device. Only what is stored moves it.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    stored: Option<Cursor>,
    unacked: Option<Cursor>,
    /// The stored cursor is to be forgotten, and the disk does not know yet.
    forgetting: bool,
}

impl Inbox {
    pub(crate) fn new(stored: Option<Cursor>) -> Self {
        Self {
            stored,
            ..Self::default()
        }
    }

    /// Where the server shall continue; for hello.
    pub(crate) fn cursor(&self) -> Option<Cursor> {
        self.stored.clone().filter(|_| !self.forgetting)
    }

    /// A new stream: what it does not say needs no ack.
    pub(crate) fn opened(&mut self) {
        self.unacked = None;
    }

    /// An entry is on disk. One of an earlier stream is not acked: hello speaks for it.
    pub(crate) fn stored(&mut self, cursor: Cursor, this_stream: bool) {
        if this_stream {
            self.unacked = Some(cursor.clone());
        }
        self.stored = Some(cursor);
    }

    /// One ack for a whole batch: the newest entry.
    pub(crate) fn ack(&mut self, effects: &mut Vec<Effect>) {
        if let Some(cursor) = self.unacked.take() {
            effects.push(Effect::Send(ClientFrame::Ack { cursor }));
        }
    }

    /// Another account, or another epoch: from here on the cursor means nothing.
    pub(crate) fn forget(&mut self) {
        self.forgetting = true;
        self.unacked = None;
    }

    /// The disk knows that the cursor is gone.
    pub(crate) fn forgotten(&mut self) {
        if core::mem::take(&mut self.forgetting) {
            self.stored = None;
        }
    }
}
