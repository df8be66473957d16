//! The words client and server say to each other, and their versions.
//!
//! Shapes only: serde types, the limits they must keep, and nothing that does I/O or reads a
//! clock. The prose for people who write clients is `docs/protocol.md`; the snapshot tests here
//! hold both to the same JSON.

mod clock;
mod file_name;
mod frame;
mod http;
mod ids;
mod message;
mod presence;
mod push;
mod settings;
mod times;
mod trace;
mod versions;

pub use clock::Instant;
pub use file_name::file_name;
pub use frame::{
    AlertStyle, AlertWhy, ClientFrame, ClientInfo, CloseCode, Delivery, Echo, FirstAlert,
    Malformed, Policy, Quiet, ServerFrame, WithdrawWhy,
};
pub use http::{
    ApplicationVersions, ChangePassword, CreateSession, CurrentSession, Device, DeviceApplication,
    DeviceRequest, Devices, ErrorCode, FieldValue, Fields, MessagesPage, PROBLEM_JSON, Problem,
    PublishRequest, Published, Recipients, Session, UploadRef, Uploaded, null_as_default,
};
pub use ids::{
    AccessToken, AccountName, Cursor, DeviceId, InvalidId, MessageId, PublisherId, TopicName,
};
pub use message::{
    Action, Attachment, Format, Html, Message, Priority, PublisherRef, UnknownPriority,
};
pub use presence::{DeviceKind, InactiveReason, Presence, PresenceState};
pub use push::{ApnsEnvironment, PushKeys, PushProvider, PushRegistration, PushState};
pub use settings::{
    AttentionSettings, DoNotDisturb, MAX_IDLE_AFTER_MS, MAX_PUBLISHER_CHOICES, MAX_QUIET_TIMES,
    MIN_IDLE_AFTER_MS, PriorityRoutes, PublisherChoice, QuietTime, Route, Settings, Weekday,
    WhenAway, WhenPresenting, WhenUnknown,
};
pub use times::{
    InvalidTime, read_optional_time, read_time, time, write_optional_time, write_time,
};
pub use trace::{Because, DeviceFact, ExplainedStep, Outcome, Seat, Trace, TraceStep, Traced};
pub use versions::{InvalidRange, VersionRange};

/// A moment in wall time, on the wire an RFC 3339 string in UTC with millisecond precision.
pub use jiff::Timestamp;

/// The WebSocket subprotocol of this version of the wire. One name per incompatible version.
pub const SUBPROTOCOL: &str = "hither.v1";

/// The largest text frame either side sends or accepts, in bytes. Larger bodies go over HTTP.
pub const MAX_FRAME_BYTES: usize = 64 * 1024;

/// The most message ids one frame names; who has more to say sends several frames.
pub const MAX_FRAME_IDS: usize = 1000;
