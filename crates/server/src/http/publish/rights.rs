//! What a publisher may send at all. Whom it reaches, the store knows.

use hither_protocol::{ErrorCode, Priority, PublishRequest};

use super::Failure;
use crate::store::Permissions;

pub(super) fn permitted(rights: Permissions, request: &PublishRequest) -> Result<(), Failure> {
    let refused = [
        (
            request.to.everyone && (rights.narrowed || !rights.everyone),
            "send to everyone",
        ),
        (
            request.to.application.is_some() && (rights.narrowed || !rights.everyone),
            "send to applications",
        ),
        (
            request.priority == Priority::Urgent && !rights.urgent,
            "send urgent messages",
        ),
        (request.html.is_some() && !rights.html, "send html"),
    ];
    match refused.iter().find(|(refused, _)| *refused) {
        None => Ok(()),
        Some((_, what)) => Err(Failure::new(
            ErrorCode::Forbidden,
            format!("This publisher may not {what}; ask the server's administrator."),
        )),
    }
}
