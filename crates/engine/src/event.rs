use core::time::Duration;

use hither_protocol::{AccessToken, Action, Cursor, DeviceId, MessageId, ServerFrame};

use crate::effect::{OutboxSeq, ToastKey};
use crate::view::{AppLockWhen, Command, Glance, Headline};

/// Everything that can happen to the companion. Closed: one loop names them all.
#[derive(Clone, Debug)]
pub enum Event {
    /// The loop runs; the first event of every engine.
    Started,
    /// The stream is open; nothing was said yet.
    Opened,
    /// The stream could not be opened.
    ConnectFailed(ConnectFailed),
    /// The server said something. Handed in only while no store operation is under way.
    Frame(ServerFrame),
    /// The stream ended, by whichever side.
    Closed(Closed),
    /// All operations of the last batch are on disk, in order; and what the history now holds.
    Stored {
        /// One outcome per operation.
        outcomes: Vec<Stored>,
        /// Computed in the same transaction.
        glance: Glance,
    },
    /// The batch under way was rolled back as a whole, and the operations that waited behind it
    /// were dropped with it: of everything handed over and not yet answered, nothing happened.
    StoreFailed(StoreFailed),
    /// A sensor of this computer noticed something.
    Sensed(Sensed),
    /// The person wants something.
    Command(Command),
    /// The answer to a sign-in.
    SignedIn(Result<SignedIn, SignInFailed>),
    /// Answers `HashPassphrase`: what a passphrase is checked against later; `None` where it could
    /// not be made.
    PassphraseHashed(Option<String>),
    /// Answers `CheckPassphrase`: whether it is the right one.
    PassphraseChecked(bool),
    /// The notification daemon answered or the person touched a pop-up.
    Toast(ToastEvent),
    /// The moment that `next_wakeup` named has come, or the computer woke from sleep.
    WokeUp,
}

/// Why a stream could not be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectFailed {
    /// No way to the server: name, route, TLS. The text is for people.
    Unreachable(String),
    /// The server answered the upgrade with this HTTP status.
    Refused(u16),
}

/// How a stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The close code, when there was a close frame.
    pub code: Option<u16>,
    /// For people.
    pub detail: String,
}

/// The outcome of one [`StoreOp`](crate::StoreOp).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// A `Save`: what the history says about the message now.
    Saved {
        /// The message.
        id: MessageId,
        /// Whether the row is new; a repeat changes nothing but the cursor.
        fresh: bool,
    },
    /// A `Recall` or `RecallSilent`: the rows, oldest first.
    Headlines(Vec<Headline>),
    /// A `RecallUnread`: oldest first.
    Unread(Vec<MessageId>),
    /// A `RecallAction`; `None` when the history holds no such message or action.
    Action(Option<Action>),
    /// Any other operation.
    Done,
}

/// Why a batch could not be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreFailed {
    /// Nothing was lost: what came from the server comes again, the rest is kept in memory.
    DiskFull,
    /// The file is damaged or unreachable. The text is for people.
    Broken(String),
}

/// What sensors of this computer say. Every reading is fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sensed {
    /// Time since the last input. `None`: this desktop offers no idle source.
    Idle(Option<Duration>),
    /// Nobody knows now when the last input was: the idle source does not answer, or not yet.
    IdleUnanswered,
    /// Something began (`true`) or ceased to keep the screen awake for somebody who watches: a
    /// film, a call, a presentation.
    Inhibited(bool),
    /// The person began (`true`) or ceased to show their screen to others, or something that keeps
    /// it awake fills it.
    Presenting(bool),
    /// The screen was locked or unlocked.
    ScreenLocked(bool),
    /// The computer is about to sleep (`true`) or woke up (`false`).
    Sleeping(bool),
    /// Another person's session came to the front (`true`) or ours came back (`false`).
    SwitchedAway(bool),
    /// The network changed: a try to connect is worth it now.
    NetworkChanged,
}

/// A sign-in that worked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// The address the person gave, normalised: `https://push.example.org`.
    pub server: String,
    /// The account's name.
    pub account: String,
    /// To be kept.
    pub device_id: DeviceId,
    /// To be kept where only this person can read it.
    pub access_token: AccessToken,
    /// Where to open the stream.
    pub stream_url: String,
}

/// A sign-in that did not work, named after the next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignInFailed {
    /// Name or password is not right: type again.
    WrongCredentials,
    /// The address makes no sense or nobody answers there. The text is for people.
    Unreachable(String),
    /// Too many tries: wait.
    TooMany,
    /// The server answered something unexpected. The text is for people.
    Unexpected(String),
}

/// What a pop-up reports back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToastEvent {
    /// It is on the screen.
    Up {
        /// This one.
        key: ToastKey,
        /// Whether it stays there until it is withdrawn or the person closes it.
        stays: bool,
    },
    /// It is there from a process before this one, which is gone.
    Found(FoundToast),
    /// The desktop took it off the screen: its time was over there.
    Expired(ToastKey),
    /// The person closed it, without a word about the message.
    Dismissed(ToastKey),
    /// It could not be shown; no notification daemon, for instance. The text is for people.
    Failed(ToastKey, String),
    /// The person clicked it.
    Clicked(ToastKey),
    /// The person chose one of its actions.
    Chosen(ToastKey, String),
}

/// A pop-up that an earlier process left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundToast {
    /// As it was shown.
    pub key: ToastKey,
    /// The messages it speaks for.
    pub about: Vec<MessageId>,
    /// Whether it stays there until it is withdrawn or the person closes it.
    pub stays: bool,
}

/// What the disk knew at the start.
#[derive(Clone, Debug, Default)]
pub struct Saved {
    /// Absent when signed out.
    pub account: Option<SavedAccount>,
    /// What the history holds.
    pub glance: Glance,
    /// Rows stored with an alert due that was never recorded as shown, oldest first.
    pub due: Vec<Headline>,
    /// Frames the server has not confirmed, oldest first.
    pub outbox: Vec<(OutboxSeq, hither_protocol::ClientFrame)>,
    /// Alerts are paused until then.
    pub paused_until: Option<jiff::Timestamp>,
    /// The app lock, when one is set: it is locked from the start on.
    pub app_lock: Option<AppLockSaved>,
}

/// What is kept of the app lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppLockSaved {
    /// The passphrase's slow hash.
    pub verifier: String,
    /// When it locks by itself.
    pub when: AppLockWhen,
    /// Wrong passphrases in a row.
    pub failures: u32,
}

/// The account this computer is signed in to.
#[derive(Clone, Debug)]
pub struct SavedAccount {
    /// As at sign-in.
    pub signed_in: SignedIn,
    /// How far the history got; `None` asks for everything retained, silently.
    pub cursor: Option<Cursor>,
}
