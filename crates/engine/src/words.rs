//! Every text of the engine that a person reads, in one place so that another language can be
//! put beside it.

use hither_protocol::CloseCode;

use crate::event::ConnectFailed;
use crate::view::Headline;

/// Messages that a summary names one by one.
const NAMED: usize = 3;
/// The most characters of a text that came from elsewhere.
const FOREIGN: usize = 200;

pub(crate) const NO_ANSWER: &str = "The server does not answer.";
pub(crate) const STORE_FAILED: &str = "Messages cannot be saved here and wait on the server.";
pub(crate) const ELSEWHERE: &str =
    "This device connected a second time, and the server ended this connection.";

/// Why the stream could not be opened.
pub(crate) fn connect_failed(failed: &ConnectFailed) -> String {
    match failed {
        ConnectFailed::Unreachable(detail) => {
            format!("The server cannot be reached: {}", foreign(detail))
        }
        ConnectFailed::Refused(status) => {
            format!("The server refused the connection (HTTP {status}).")
        }
    }
}

/// Why the stream ended, and what follows.
pub(crate) fn closed(code: Option<CloseCode>) -> &'static str {
    match code {
        Some(CloseCode::Restarting) => "The server restarts.",
        Some(CloseCode::TooSlow) => "This connection was too slow and is opened anew.",
        Some(CloseCode::Malformed | CloseCode::TooLarge) => {
            "The server did not understand this companion. Please report it: this is a bug."
        }
        Some(CloseCode::SignInAgain) => "The server ended this session. Sign in again.",
        Some(CloseCode::Revoked) => "This device was removed from the account.",
        Some(CloseCode::NoHello) => "The connection was too slow to be set up.",
        Some(CloseCode::Replaced) => ELSEWHERE,
        Some(CloseCode::UnknownCursor) => "The server was restored and is asked for everything.",
        Some(CloseCode::TooMany) => "The server asked this companion to wait a while.",
        None => "The connection was lost.",
    }
}

/// A text of the server's or the system's, cut to what fits on a screen.
pub(crate) fn foreign(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(FOREIGN)
        .collect()
}

/// The whole pop-up on a screen that strangers see.
pub(crate) fn hidden(publisher: &str) -> String {
    format!("New message from {publisher}")
}

/// First line of a summary whose content strangers must not see.
pub(crate) fn hidden_summary(total: usize) -> String {
    match total {
        1 => "1 new message".to_owned(),
        _ => format!("{total} new messages"),
    }
}

/// First line of a summary.
pub(crate) fn summary_title(total: usize, unread: usize) -> String {
    let away = format!("{total} while you were away");
    if unread == total {
        away
    } else {
        format!("{away}, {unread} unread")
    }
}

/// The lines of a summary: the newest unread ones. `rows` are oldest first.
pub(crate) fn summary_body(rows: &[Headline]) -> String {
    let unread = rows.iter().rev().filter(|row| !row.read);
    let named: Vec<_> = unread
        .take(NAMED)
        .map(|row| format!("{}: {}", row.publisher, row.title))
        .collect();
    named.join("\n")
}
