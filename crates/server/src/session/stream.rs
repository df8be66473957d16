//! What an identified client says, and what it is sent.

use core::time::Duration;
use std::sync::Arc;

use hither_protocol::{
    AlertStyle, AlertWhy, ClientFrame, Cursor, Delivery, Echo, FirstAlert, MAX_FRAME_IDS,
    MessageId, Presence, ServerFrame, Timestamp,
};

use super::{INBOX, MAX_ACTION, Output, Taken, Write};
use crate::store::{Cursors, Entry, Identity, Position, UnknownCursor, What};

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) identity: Arc<Identity>,
    /// Every entry up to here was sent or left out for good.
    pub(super) sent: Position,
    /// The newest entry that was sent.
    pub(super) delivered: Position,
    pub(super) acked: Option<Position>,
    /// Up to which moment a gap was told, or is none because nothing was there before.
    pub(super) gap_told: Option<Timestamp>,
    /// A page is being read; live entries wait.
    pub(super) reading: bool,
    /// A frame of the client is on its way into the store; the next one waits.
    pub(super) writing: bool,
    /// `synced` was sent.
    pub(super) synced: bool,
    /// The newest presence, kept until the device is announced.
    pub(super) presence: Option<Presence>,
    pub(super) taken: Taken,
}

/// Why a frame of an identified client ends its stream.
pub(super) enum Refusal {
    Malformed(String),
    UnknownCursor,
}

impl Stream {
    pub(super) fn new(
        identity: Arc<Identity>,
        sent: Position,
        gap_told: Option<Timestamp>,
        presence: Option<Presence>,
    ) -> Self {
        Self {
            acked: identity.acked,
            identity,
            sent,
            delivered: Position(0),
            gap_told,
            reading: false,
            writing: false,
            synced: false,
            presence,
            // The hello's own is as old as the stream at most.
            taken: Some(Duration::ZERO),
        }
    }

    fn is_inbox(&self) -> bool {
        self.identity.application == INBOX
    }

    pub(super) fn frame(
        &mut self,
        frame: ClientFrame,
        cursors: &Cursors,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        match frame {
            ClientFrame::Presence { presence, echo } => self.report(presence, taken(echo), out),
            ClientFrame::Ping {
                last_input_ms,
                echo,
            } => self.ping(last_input_ms, taken(echo), out),
            ClientFrame::Ack { cursor } => return self.ack(&cursor, cursors, out),
            ClientFrame::Shown { ids, stays } => {
                return self.mark(ids, |ids| Write::Shown(ids, stays), out);
            }
            ClientFrame::Read { ids } => return self.mark(ids, Write::Read, out),
            ClientFrame::Action { id, action } => return self.act(id, action, out),
            ClientFrame::Hello { .. } | ClientFrame::Unknown => {}
        }
        Ok(())
    }

    fn report(&mut self, presence: Presence, taken: Taken, out: &mut Vec<Output>) {
        if self.is_announced() {
            out.push(Output::Presence(presence, taken));
        } else {
            self.presence = Some(presence);
            self.taken = taken;
        }
    }

    fn ping(&mut self, last_input_ms: Option<u64>, taken: Taken, out: &mut Vec<Output>) {
        if self.is_announced() {
            let last_input = last_input_ms.map(Duration::from_millis);
            out.push(Output::Heartbeat(last_input, taken));
        } else if let Some(presence) = &mut self.presence {
            presence.last_input_ms = last_input_ms;
            self.taken = taken;
        }
        out.push(Output::Pong);
    }

    fn ack(
        &mut self,
        cursor: &Cursor,
        cursors: &Cursors,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        let upto = cursors
            .parse(&self.identity.account, cursor, self.sent)
            .map_err(|UnknownCursor| Refusal::UnknownCursor)?;
        if Some(upto) > self.acked {
            self.acked = Some(upto);
            self.write(Write::Ack(upto), out);
        }
        Ok(())
    }

    fn mark(
        &mut self,
        ids: Vec<MessageId>,
        write: impl FnOnce(Vec<MessageId>) -> Write,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        if ids.len() > MAX_FRAME_IDS {
            let detail = format!("a frame may name at most {MAX_FRAME_IDS} messages; send several");
            return Err(Refusal::Malformed(detail));
        }
        if !ids.is_empty() {
            self.write(write(ids), out);
        }
        Ok(())
    }

    fn act(&mut self, id: MessageId, action: String, out: &mut Vec<Output>) -> Result<(), Refusal> {
        if action.len() > MAX_ACTION {
            let detail = format!("an action's id has at most {MAX_ACTION} bytes");
            return Err(Refusal::Malformed(detail));
        }
        self.write(Write::Action(id, action), out);
        Ok(())
    }

    fn write(&mut self, write: Write, out: &mut Vec<Output>) {
        self.writing = true;
        out.push(Output::Write(write));
    }

    /// Sends an entry unless it was sent before; a ring that comes after its entry goes alone.
    pub(super) fn send(
        &mut self,
        entry: &Entry,
        alert: FirstAlert,
        cursors: &Cursors,
        out: &mut Vec<Output>,
    ) {
        if entry.position > self.sent {
            self.sent = entry.position;
            self.delivered = entry.position;
            let cursor = cursors.make(&self.identity.account, entry.position);
            out.push(output_of(&self.identity, &entry.what, cursor, alert));
        } else if let (What::Message(message), FirstAlert::Now) = (&entry.what, alert) {
            out.push(Output::Send(ServerFrame::Alert {
                ids: vec![message.id],
                style: AlertStyle::Each,
                why: AlertWhy::Waiting,
            }));
        }
    }

    /// Says once that something is missing. For a client that comes without a cursor, what is
    /// there is everything.
    pub(super) fn tell_gap(&mut self, gap: Option<Timestamp>, out: &mut Vec<Output>) {
        if let Some(since) = gap.filter(|_| gap > self.gap_told) {
            self.gap_told = gap;
            out.push(Output::Send(ServerFrame::Gap { since }));
        }
    }

    pub(super) fn backlog_done(&mut self, cursors: &Cursors, out: &mut Vec<Output>) {
        self.synced = true;
        self.gap_told = self.gap_told.filter(|told| *told < Timestamp::MAX);
        // First, so that a client that acts on `synced` finds its device announced.
        if self.is_inbox() {
            out.push(Output::Announce(self.presence.take(), self.taken));
        }
        let cursor = cursors.make(&self.identity.account, self.sent);
        out.push(Output::Send(ServerFrame::Synced { cursor }));
    }

    fn is_announced(&self) -> bool {
        self.synced && self.is_inbox()
    }
}

fn taken(echo: Option<Echo>) -> Taken {
    let echo = echo?;
    Some(Duration::from_millis(
        echo.sent_ms.saturating_add(echo.held_ms),
    ))
}

fn output_of(to: &Identity, what: &What, cursor: Cursor, alert: FirstAlert) -> Output {
    match what {
        What::Message(message) => Output::Deliver(Delivery {
            cursor,
            alert,
            message: to.told(Arc::clone(message)),
        }),
        What::Read(ids) => Output::Send(ServerFrame::Read {
            cursor,
            ids: ids.clone(),
        }),
        What::Withdraw(ids, why) => Output::Send(ServerFrame::Withdraw {
            cursor,
            ids: ids.clone(),
            why: *why,
        }),
    }
}
