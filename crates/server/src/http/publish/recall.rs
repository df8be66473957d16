use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use hither_protocol::MessageId;

use super::{App, Failure, Publisher};

/// `DELETE /v1/messages/{id}`
pub(crate) async fn recall(
    State(app): State<Arc<App>>,
    Publisher(publisher): Publisher,
    id: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Failure> {
    let id = id
        .ok()
        .and_then(|Path(id)| id.parse::<MessageId>().ok())
        .ok_or_else(not_published)?;
    app.store
        .recall(&publisher.id, id)
        .await
        .map_err(|error| match error {
            crate::store::StoreError::NotFound => not_published(),
            other => other.into(),
        })?;
    tracing::debug!(publisher = %publisher.id, message = %id, "recalled");
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) fn not_published() -> Failure {
    Failure::not_found("This publisher has no message with that id; it may be too old to be kept.")
}
