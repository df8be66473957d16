use core::time::Duration;

use hither_protocol::{
    Action, ClientFrame, Cursor, Message, MessageId, Priority, Timestamp, WithdrawWhy,
};

use crate::event::{AppLockSaved, SignedIn};
use crate::view::{Headline, Password};

/// What the loop carries out. None of it has happened until an event says so.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Open the stream. Answered by `Opened` or `ConnectFailed`. Replaces whatever stream or try
    /// there was: nothing more is heard of it.
    Connect {
        /// `wss://…` or, on loopback only, `ws://…`.
        stream_url: String,
    },
    /// Close the stream with a close frame, if it is open, or end the try to open it. Whether
    /// `Closed` or `ConnectFailed` follows does not matter.
    Disconnect,
    /// Say this to the server, in order. Lost when the stream is not open.
    Send(ClientFrame),
    /// Write to the history. All operations of one round go into one transaction, in order.
    Store(StoreOp),
    /// Sign in over HTTP. Answered by `SignedIn`.
    SignIn {
        /// As typed.
        server: String,
        /// As typed.
        account: String,
        /// As typed; dropped right after use.
        password: Password,
    },
    /// End the session on the server over HTTP; not answered, tried once.
    SignOut(SignedIn),
    /// Read the idle sensor now; answered by `Sensed(Idle)`.
    ReadIdle,
    /// Report `Sensed(Idle)` when input has been absent for this long, and again at the first
    /// input after that. Replaces an earlier watch.
    WatchIdle(Duration),
    /// Report `Sensed(Idle)` at the next input, once; late by seconds at most.
    AwaitInput,
    /// Make what this passphrase is checked against later. Answered by `PassphraseHashed`.
    HashPassphrase(Password),
    /// Compare a passphrase with what was made of the right one. Answered by `PassphraseChecked`.
    CheckPassphrase {
        /// What was made of the right one.
        verifier: String,
        /// As typed; dropped right after use.
        passphrase: Password,
    },
    /// Put up a pop-up; one with the same key is replaced. Answered by `Toast(Up)` or `Failed`.
    ShowToast(Toast),
    /// Take a pop-up down, if it is up.
    WithdrawToast(ToastKey),
    /// Open the window: at a message, or at the list.
    OpenWindow(Option<MessageId>),
    /// Open a link in the person's browser. Already [checked](crate::checked_link).
    OpenLink(String),
    /// End this process once all effects before this one are carried out.
    Exit,
}

/// One change of the local history.
#[derive(Clone, Debug, PartialEq)]
pub enum StoreOp {
    /// A message and the cursor, together.
    Save {
        /// The row. A row with its id stays as it is.
        message: Box<Message>,
        /// How far the log is stored with it.
        cursor: Cursor,
        /// Whether an alert is due for it here.
        alert_due: bool,
    },
    /// Read, here or elsewhere. No alert is due for them any more.
    MarkRead {
        /// Unknown ids are no-ops.
        ids: Vec<MessageId>,
        /// When; an earlier time stays.
        at: Timestamp,
        /// When it came from the log, its place.
        cursor: Option<Cursor>,
    },
    /// Gone: the rows leave the list.
    Withdraw {
        /// Unknown ids are no-ops.
        ids: Vec<MessageId>,
        /// Why.
        why: WithdrawWhy,
        /// Its place in the log.
        cursor: Cursor,
    },
    /// Nothing but the cursor moves.
    Advance(Cursor),
    /// The pop-up is up for these, or they need none any more: no alert is due.
    MarkShown(Vec<MessageId>),
    /// These rows, read or not; unknown ids are left out. Answered by `Headlines`.
    Recall(Vec<MessageId>),
    /// The ids of everything unread. Answered by `Unread`.
    RecallUnread,
    /// One action of a message. Answered by `Action`.
    RecallAction {
        /// The message.
        id: MessageId,
        /// The action.
        action: String,
    },
    /// Unread rows stored since then that were never shown here, for the summary on return; the
    /// newest 500 suffice. Answered by `Headlines`.
    RecallSilent {
        /// The moment the person left.
        since: Timestamp,
    },
    /// Keep a frame until the server confirmed it.
    PutOutbox(OutboxSeq, ClientFrame),
    /// The server confirmed every frame up to here.
    DropOutbox(OutboxSeq),
    /// Who is signed in now; wipes history, cursor and outbox when it is another account or
    /// server.
    SetAccount(SignedIn),
    /// Signed out or revoked: account, history, outbox and app lock go.
    Wipe,
    /// The epoch changed: ask for everything again, keep the rows.
    ForgetCursor,
    /// Alerts are paused until then ([`UNTIL_RESUMED`](crate::view::UNTIL_RESUMED) without an
    /// end); `None` resumes.
    SetPaused(Option<Timestamp>),
    /// The app lock was set, changed or removed, or a passphrase was wrong.
    SetAppLock(Option<AppLockSaved>),
}

/// The place of a frame in the outbox; rises.
pub type OutboxSeq = u64;

/// A pop-up. It stays until it is withdrawn, where the desktop can do that; otherwise as long as
/// pop-ups usually do there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// One pop-up per key; the same key replaces.
    pub key: ToastKey,
    /// The messages it speaks for.
    pub about: Vec<MessageId>,
    /// First line.
    pub title: String,
    /// Up to three lines.
    pub body: String,
    /// Who sent it.
    pub publisher: String,
    /// High and urgent ones stay until closed.
    pub priority: Priority,
    /// At most two of the publisher's, besides "Mark read".
    pub actions: Vec<Action>,
}

/// What a pop-up is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ToastKey {
    /// One message.
    Message(MessageId),
    /// Everything that came while the person was away.
    Summary,
}

impl Toast {
    /// The pop-up of one message.
    #[must_use]
    pub fn of(headline: &Headline) -> Self {
        Self {
            key: ToastKey::Message(headline.id),
            about: vec![headline.id],
            title: headline.title.clone(),
            body: headline.line.clone(),
            publisher: headline.publisher.clone(),
            priority: headline.priority,
            actions: Vec::new(),
        }
    }
}
