//! What the server must learn, kept on disk until it confirmed it.

use std::collections::VecDeque;

use hither_protocol::ClientFrame;

use crate::{Effect, OutboxSeq, StoreOp};

/// Frames that the server has not confirmed, oldest first.
#[derive(Debug)]
pub(crate) struct Outbox {
    waiting: VecDeque<(OutboxSeq, ClientFrame)>,
    newest: OutboxSeq,
}

impl Outbox {
    pub(crate) fn new(saved: Vec<(OutboxSeq, ClientFrame)>) -> Self {
        Self {
            newest: saved.iter().map(|(seq, _)| *seq).max().unwrap_or(0),
            waiting: saved.into(),
        }
    }

    /// Keeps a frame, and says it at once when the stream is live.
    pub(crate) fn put(&mut self, frame: ClientFrame, live: bool, effects: &mut Vec<Effect>) {
        self.newest += 1;
        effects.push(Effect::Store(StoreOp::PutOutbox(
            self.newest,
            frame.clone(),
        )));
        if live {
            effects.push(Effect::Send(frame.clone()));
        }
        self.waiting.push_back((self.newest, frame));
    }

    /// A new stream: everything unconfirmed is said again.
    pub(crate) fn resend(&self, effects: &mut Vec<Effect>) {
        let frames = self.waiting.iter().map(|(_, frame)| frame.clone());
        effects.extend(frames.map(Effect::Send));
    }

    /// The newest frame put in; a ping sent after it confirms it.
    pub(crate) fn newest(&self) -> OutboxSeq {
        self.newest
    }

    /// The server has taken in every frame up to `seq`.
    pub(crate) fn confirm(&mut self, seq: OutboxSeq, effects: &mut Vec<Effect>) {
        let before = self.waiting.len();
        self.waiting.retain(|(waiting, _)| *waiting > seq);
        if self.waiting.len() < before {
            effects.push(Effect::Store(StoreOp::DropOutbox(seq)));
        }
    }

    /// The account leaves; the disk forgets by itself.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }
}
