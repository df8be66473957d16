//! What a publisher may send at all. Whom it reaches, the store knows.

use hither_protocol::{ErrorCode, Priority, PublishRequest};

use super::Failure;
use crate::store::Rights;

pub(super) fn permitted(rights: Rights, request: &PublishRequest) -> Result<(), Failure> {
    let refused = [
        (
            request.to.everyone && (rights.narrowed || !rights.everyone),
            "send to everyone",
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
