//! What topics an account is subscribed to.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use hither_protocol::{ErrorCode, TopicName};
use schemars::JsonSchema;
use serde::Serialize;

use super::ntfy::readable;
use super::{App, Client, Failure};
use crate::store::{Grantee, MAX_SUBSCRIPTIONS, StoreError};

/// `GET /v1/subscriptions`
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Subscriptions {
    topics: Vec<TopicName>,
}

/// `GET /v1/subscriptions`
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    client: Client,
) -> Result<Json<Subscriptions>, Failure> {
    own_inbox(&client)?;
    let topics = app.store.subscriptions(&client.0.account).await?;
    Ok(Json(Subscriptions {
        topics: topics.into_iter().map(|topic| topic.name).collect(),
    }))
}

/// `PUT /v1/subscriptions/{topic}`
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    client: Client,
    topic: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Failure> {
    own_inbox(&client)?;
    let who = Grantee::Account(client.0.account.clone());
    let topic = readable(&app, name(topic)?.as_str(), &who).await?;
    app.store
        .subscribe(&client.0.account, &topic)
        .await
        .map_err(|error| match error {
            StoreError::TooMany => Failure::invalid(format!(
                "An account may have {MAX_SUBSCRIPTIONS} subscriptions; leave another topic first."
            )),
            other => other.into(),
        })?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v1/subscriptions/{topic}`
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    client: Client,
    topic: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Failure> {
    own_inbox(&client)?;
    app.store
        .unsubscribe(&client.0.account, &name(topic)?)
        .await
        .map_err(|error| match error {
            StoreError::NotFound => not_subscribed(),
            other => other.into(),
        })?;
    Ok(StatusCode::NO_CONTENT)
}

fn name(topic: Result<Path<String>, PathRejection>) -> Result<TopicName, Failure> {
    let Path(text) = topic.map_err(|error| Failure::malformed(error.body_text()))?;
    text.parse()
        .map_err(|error: hither_protocol::InvalidId| Failure::invalid(format!("{error}.")))
}

/// Topics are read in the person's own inbox, and chosen there.
fn own_inbox(client: &Client) -> Result<(), Failure> {
    if client.is_inbox() {
        return Ok(());
    }
    Err(Failure::new(
        ErrorCode::Forbidden,
        "Only the application hither may see and change what the account is subscribed to.",
    ))
}

fn not_subscribed() -> Failure {
    Failure::not_found("This account is not subscribed to a topic of that name.")
}
