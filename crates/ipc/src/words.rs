//! The lines, as data.

use hither_engine::View;
use hither_engine::view::{Answer, Command, Query};
use serde::{Deserialize, Serialize};

/// The version of these lines. It rises when a line changes its meaning.
pub const VERSION: u32 = 1;

/// The longest line a screen may send, in bytes.
pub(crate) const MAX_REQUEST: usize = 1024 * 1024;

/// The longest line a companion sends, in bytes: one whole message with its page.
pub(crate) const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// The first line, both ways.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) hither_ipc: u32,
    pub(crate) build: String,
}

/// What a screen says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) id: u64,
    #[serde(flatten)]
    pub(crate) wish: Wish,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Wish {
    Query(Query),
    Command(Command),
}

/// What a companion says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Said {
    Answer { id: u64, answer: Answer },
    Done { id: u64, done: bool },
    View { view: Box<View> },
    Error { error: String },
}

impl Hello {
    pub(crate) fn new(build: &str) -> Self {
        Self {
            hither_ipc: VERSION,
            build: build.to_owned(),
        }
    }
}
