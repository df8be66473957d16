//! What a publisher may send at all. Whom it reaches, the store knows.

use hither_protocol::{ErrorCode, Priority, PublishRequest};

use super::Failure;
use crate::http::ntfy;
use crate::store::{Lost, Permissions, StoreError};

pub(super) fn permitted(rights: Permissions, request: &PublishRequest) -> Result<(), Failure> {
    let everyone = rights.everyone && !rights.narrowed;
    let refused = [
        (request.to.everyone && !everyone, Lost::Everyone),
        (
            request.to.application.is_some() && !everyone,
            Lost::Application,
        ),
        (
            request.priority == Priority::Urgent && !rights.urgent,
            Lost::Urgent,
        ),
        (request.html.is_some() && !rights.html, Lost::Html),
    ];
    match refused.into_iter().find(|(refused, _)| *refused) {
        None => Ok(()),
        Some((_, what)) => Err(what.into()),
    }
}

/// As a publish is refused that asks for it.
impl From<Lost> for Failure {
    fn from(lost: Lost) -> Self {
        let what = match lost {
            Lost::Everyone => "send to everyone",
            Lost::Application => "send to applications",
            Lost::Urgent => "send urgent messages",
            Lost::Html => "send html",
            Lost::Topic(topic) => return ntfy::Refused::Forbidden(topic, "write").into(),
            Lost::AllReceivers => return StoreError::NoReceivers.into(),
            Lost::SomeReceivers => {
                let detail = "Some of the receivers are not known here to this publisher.";
                return Self::new(ErrorCode::NoReceivers, detail);
            }
        };
        Self::new(
            ErrorCode::Forbidden,
            format!("This publisher may not {what}; ask the server's administrator."),
        )
    }
}
