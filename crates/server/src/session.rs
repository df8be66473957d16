//! The protocol of one stream, as a pure state machine: inputs in, outputs out, no I/O, no clock.
//!
//! The driver (a WebSocket task, or a simulation) hands in what happened and carries out what
//! comes back, in order. It asks [`Session::wants_frame`] and [`Session::wants_live`] what may be
//! handed in next: a client's frame waits until the one before it is in the store, and a live
//! entry waits until the backlog is done.

mod stream;

use core::time::Duration;
use std::sync::Arc;

use hither_protocol::{
    AccessToken, AlertStyle, AlertWhy, ClientFrame, ClientInfo, CloseCode, Cursor, Delivery,
    FirstAlert, MAX_FRAME_IDS, MessageId, Policy, Presence, ServerFrame, Timestamp,
};

use self::stream::{Refusal, Stream};
pub use crate::store::INBOX;
use crate::store::{Cursors, Entry, Identity, Page, Position, UnknownCursor, What};

/// When a client whose question the store did not answer asks again: a full disk is not made room on
/// within moments.
const STORE_AGAIN_MS: u64 = 10_000;

/// The longest id of an action, in bytes.
const MAX_ACTION: usize = 128;

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// The client said something. Handed in only while [`Session::wants_frame`].
    Frame(ClientFrame),
    /// The client said something that is no frame; the text says what is wrong with it.
    Malformed(String),
    /// The client said something larger than a frame may be.
    TooLarge,
    /// The time for the hello is over.
    HelloTimeout,
    /// Answers [`Output::Identify`]: whom the token stands for, or what a stream with a dead one is
    /// told.
    Identified(Result<Identified, CloseCode>),
    /// Answers [`Output::ReadPage`].
    Page {
        /// What was read.
        page: Page,
        /// The messages in it that by the person's choices ring nowhere.
        never: Vec<MessageId>,
    },
    /// Answers [`Output::Write`]: it is in the store.
    Written,
    /// The store could not do what was asked of it.
    StoreFailed,
    /// A new log entry. Handed in only while [`Session::wants_live`], in order of position.
    Entry {
        /// The entry.
        entry: Arc<Entry>,
        /// Whether this device rings for it, where it is a message.
        alert: FirstAlert,
    },
    /// Ring for messages already delivered. Handed in only while [`Session::wants_live`].
    Alert {
        /// The messages, oldest first.
        ids: Vec<MessageId>,
        /// One pop-up each, or one for all.
        style: AlertStyle,
        /// The rule that decided it.
        why: AlertWhy,
    },
    /// The account's timings changed.
    Policy(Policy),
    /// Live entries were dropped because the client reads too slowly; from here on they are kept
    /// again. Handed in only while [`Session::wants_live`].
    Lagged,
    /// The server ends this stream.
    End(CloseCode),
}

/// A live access token, and the moment at which it was looked up.
#[derive(Clone, Debug)]
pub struct Identified {
    /// Whom it stands for.
    pub identity: Identity,
    /// The store's newest position then.
    pub head: Position,
    /// The server's wall time then.
    pub at: Timestamp,
    /// The account's timings.
    pub policy: Policy,
}

/// What is to be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send a frame.
    Send(ServerFrame),
    /// Send a message.
    Deliver(Delivery),
    /// Close the stream. Nothing follows.
    Close(CloseCode),
    /// Look up a token; without one, the one that came with the upgrade. Answered by
    /// [`Input::Identified`].
    Identify {
        /// As the hello has it.
        token: Option<AccessToken>,
        /// The application that runs, which may be newer than at the sign-in.
        client: ClientInfo,
    },
    /// Keep live entries and alerts for this client from now on, and end its older stream. It was
    /// told these timings.
    Attach(Arc<Identity>, Policy),
    /// Read the client's logs after this position. Answered by [`Input::Page`].
    ReadPage(Position),
    /// Change the store. Answered by [`Input::Written`].
    Write(Write),
    /// The backlog is done: this device may be alerted.
    Announce(Option<Presence>, Taken),
    /// The device's presence changed.
    Presence(Presence, Taken),
    /// The device is alive; the age of the last input, if its sensor answers.
    Heartbeat(Option<Duration>, Taken),
    /// Answer a ping, and say when.
    Pong,
}

/// When a client took a reading at the earliest, counted from the moment before its stream was
/// opened. `None`: it does not say.
pub type Taken = Option<Duration>;

/// A change that a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Its pop-up was up for these messages, and whether it stays until there is input.
    Shown(Vec<MessageId>, bool),
    /// The person read these.
    Read(Vec<MessageId>),
    /// The person chose an action of a message.
    Action(MessageId, String),
    /// Everything up to here is on its disk.
    Ack(Position),
}

/// The protocol of one stream.
#[derive(Debug)]
pub struct Session {
    cursors: Cursors,
    state: State,
}

#[derive(Debug)]
enum State {
    /// No hello yet.
    Unidentified,
    /// The token of the hello is being looked up.
    Identifying {
        cursor: Option<Cursor>,
        presence: Option<Presence>,
    },
    Identified(Box<Stream>),
    Closed,
}

impl Session {
    /// The protocol of a stream that was just opened.
    #[must_use]
    pub const fn new(cursors: Cursors) -> Self {
        Self {
            cursors,
            state: State::Unidentified,
        }
    }

    /// Takes in one input and appends what follows from it.
    pub fn handle(&mut self, input: Input, out: &mut Vec<Output>) {
        if matches!(self.state, State::Closed) {
            return;
        }
        match input {
            Input::Frame(frame) => self.frame(frame, out),
            Input::Malformed(detail) => self.refuse(CloseCode::Malformed, "malformed", detail, out),
            Input::TooLarge => self.close(CloseCode::TooLarge, out),
            Input::HelloTimeout => self.hello_timeout(out),
            Input::Identified(found) => self.identified(found, out),
            Input::Page { page, never } => self.page(&page, &never, out),
            Input::Written => self.written(),
            Input::StoreFailed => {
                out.push(Output::Send(ServerFrame::Error {
                    code: "unavailable".to_owned(),
                    detail: "The server's store does not answer; connect again in a moment.".into(),
                    retry_after_ms: Some(STORE_AGAIN_MS),
                }));
                self.close(CloseCode::Restarting, out);
            }
            Input::Entry { entry, alert } => self.entry(&entry, alert, out),
            Input::Alert { ids, style, why } => {
                out.extend(ids.chunks(MAX_FRAME_IDS).map(|ids| {
                    let ids = ids.to_vec();
                    Output::Send(ServerFrame::Alert { ids, style, why })
                }));
            }
            Input::Policy(policy) => self.policy(policy, out),
            Input::Lagged => self.read_on(out),
            Input::End(code) => self.close(code, out),
        }
    }

    /// Whether the client's next frame may be handed in.
    #[must_use]
    pub fn wants_frame(&self) -> bool {
        match &self.state {
            State::Unidentified => true,
            State::Identifying { .. } | State::Closed => false,
            State::Identified(stream) => !stream.writing,
        }
    }

    /// Whether live entries and alerts may be handed in.
    #[must_use]
    pub fn wants_live(&self) -> bool {
        matches!(&self.state, State::Identified(stream) if stream.synced && !stream.reading)
    }

    /// Whether the hello came.
    #[must_use]
    pub const fn said_hello(&self) -> bool {
        !matches!(self.state, State::Unidentified)
    }

    /// How far the client acked, while it has something that it did not ack.
    #[must_use]
    pub fn owes_ack_after(&self) -> Option<Position> {
        match &self.state {
            State::Identified(stream) => {
                let acked = stream.acked.unwrap_or_default();
                (stream.delivered > acked).then_some(acked)
            }
            _ => None,
        }
    }

    fn frame(&mut self, frame: ClientFrame, out: &mut Vec<Output>) {
        match (&mut self.state, frame) {
            (
                State::Unidentified,
                ClientFrame::Hello {
                    access_token,
                    cursor,
                    client,
                    presence,
                },
            ) => {
                self.state = State::Identifying { cursor, presence };
                out.push(Output::Identify {
                    token: access_token,
                    client,
                });
            }
            (State::Identified(_), ClientFrame::Hello { .. }) => {
                self.malformed("hello may be said only once in a stream", out);
            }
            (State::Identified(stream), frame) => {
                let result = stream.frame(frame, &self.cursors, out);
                if let Err(refusal) = result {
                    self.refuse_frame(refusal, out);
                }
            }
            (State::Unidentified, _) => self.malformed("the first frame must be hello", out),
            (State::Identifying { .. } | State::Closed, _) => {}
        }
    }

    fn hello_timeout(&mut self, out: &mut Vec<Output>) {
        if !self.said_hello() {
            self.close(CloseCode::NoHello, out);
        }
    }

    fn identified(&mut self, found: Result<Identified, CloseCode>, out: &mut Vec<Output>) {
        let State::Identifying { cursor, presence } = &mut self.state else {
            return;
        };
        let (cursor, presence) = (cursor.take(), presence.take());
        let Identified {
            identity,
            head,
            at,
            policy,
        } = match found {
            Ok(found) => found,
            Err(code) => return self.close(code, out),
        };
        let gap_told = cursor.is_none().then_some(Timestamp::MAX);
        let sent = match cursor {
            None => Position::default(),
            Some(cursor) => match self.cursors.parse(&identity.account, &cursor, head) {
                Ok(position) => position,
                Err(UnknownCursor) => return self.close(CloseCode::UnknownCursor, out),
            },
        };
        out.push(Output::Send(ServerFrame::Welcome {
            device_id: identity.device.id.clone(),
            server_time: at,
            policy,
        }));
        let identity = Arc::new(identity);
        out.push(Output::Attach(Arc::clone(&identity), policy));
        self.state = State::Identified(Box::new(Stream::new(identity, sent, gap_told, presence)));
        self.read_on(out);
    }

    fn read_on(&mut self, out: &mut Vec<Output>) {
        if let State::Identified(stream) = &mut self.state {
            stream.reading = true;
            out.push(Output::ReadPage(stream.sent));
        }
    }

    fn page(&mut self, page: &Page, never: &[MessageId], out: &mut Vec<Output>) {
        let State::Identified(stream) = &mut self.state else {
            return;
        };
        stream.reading = false;
        stream.tell_gap(page.gap, out);
        for entry in &page.entries {
            let never = matches!(&entry.what, What::Message(it) if never.contains(&it.id));
            let alert = if never {
                FirstAlert::Never
            } else {
                FirstAlert::Silent
            };
            stream.send(entry, alert, &self.cursors, out);
        }
        stream.sent = stream.sent.max(page.upto);
        if page.more {
            self.read_on(out);
        } else if !stream.synced {
            stream.backlog_done(&self.cursors, out);
        }
    }

    fn entry(&mut self, entry: &Entry, alert: FirstAlert, out: &mut Vec<Output>) {
        if let State::Identified(stream) = &mut self.state {
            stream.send(entry, alert, &self.cursors, out);
        }
    }

    fn policy(&self, policy: Policy, out: &mut Vec<Output>) {
        if let State::Identified(_) = self.state {
            out.push(Output::Send(ServerFrame::Policy { policy }));
        }
    }

    fn written(&mut self) {
        if let State::Identified(stream) = &mut self.state {
            stream.writing = false;
        }
    }

    fn refuse_frame(&mut self, refusal: Refusal, out: &mut Vec<Output>) {
        match refusal {
            Refusal::Malformed(detail) => self.malformed(&detail, out),
            Refusal::UnknownCursor => self.close(CloseCode::UnknownCursor, out),
        }
    }

    fn malformed(&mut self, detail: &str, out: &mut Vec<Output>) {
        self.refuse(CloseCode::Malformed, "malformed", detail.to_owned(), out);
    }

    fn refuse(&mut self, code: CloseCode, name: &str, detail: String, out: &mut Vec<Output>) {
        out.push(Output::Send(ServerFrame::Error {
            code: name.to_owned(),
            detail,
            retry_after_ms: None,
        }));
        self.close(code, out);
    }

    fn close(&mut self, code: CloseCode, out: &mut Vec<Output>) {
        self.state = State::Closed;
        out.push(Output::Close(code));
    }
}

#[cfg(test)]
mod tests;
