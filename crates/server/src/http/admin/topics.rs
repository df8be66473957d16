//! Topics, as an administrator sees and changes them.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use hither_protocol::TopicName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{App, Failure, JsonBody, topic_name};
use super::Admin;
use crate::admin::grantee;
use crate::store::{Grant, Right, StoreError, TopicSummary};

/// All topics, by name.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TopicList {
    topics: Vec<TopicSummary>,
}

/// `PUT /admin/api/topics/{topic}/private`
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Private {
    /// Whether reading needs a grant.
    private: bool,
}

/// A grant, as a path names it.
#[derive(Debug, Deserialize)]
pub(crate) struct Granted {
    topic: String,
    /// A publisher's id or an account's name.
    to: String,
    may: Right,
}

/// `GET /admin/api/topics`
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Admin(_): Admin,
) -> Result<Json<TopicList>, Failure> {
    let topics = app.store.topic_summaries().await?;
    Ok(Json(TopicList { topics }))
}

/// `PUT /admin/api/topics/{topic}/private`
pub(crate) async fn set_private(
    State(app): State<Arc<App>>,
    Admin(by): Admin,
    topic: Result<Path<String>, PathRejection>,
    body: JsonBody<Private>,
) -> Result<StatusCode, Failure> {
    let Path(topic) = topic.map_err(|_| no_topic())?;
    let (topic, private) = (named(&topic)?, body.value.private);
    found(app.store.set_private(&topic, private).await)?;
    tracing::info!(%topic, by = %by.account, private, "topic changed");
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /admin/api/topics/{topic}/grants/{to}/{may}`: again is a no-op.
pub(crate) async fn grant(
    State(app): State<Arc<App>>,
    Admin(by): Admin,
    path: Result<Path<Granted>, PathRejection>,
) -> Result<StatusCode, Failure> {
    let (topic, grant) = asked(&app, path).await?;
    topic_name(topic.as_str())?;
    found(app.store.grant(&topic, grant.clone()).await)?;
    tracing::info!(%topic, by = %by.account, ?grant, "granted");
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /admin/api/topics/{topic}/grants/{to}/{may}`
pub(crate) async fn revoke(
    State(app): State<Arc<App>>,
    Admin(by): Admin,
    path: Result<Path<Granted>, PathRejection>,
) -> Result<StatusCode, Failure> {
    let (topic, grant) = asked(&app, path).await?;
    found(app.store.revoke(&topic, grant.clone()).await)?;
    tracing::info!(%topic, by = %by.account, ?grant, "grant revoked");
    Ok(StatusCode::NO_CONTENT)
}

async fn asked(
    app: &App,
    path: Result<Path<Granted>, PathRejection>,
) -> Result<(TopicName, Grant), Failure> {
    let Path(Granted { topic, to, may }) = path.map_err(|_| no_grantee())?;
    let topic = named(&topic)?;
    let to = found(grantee(&*app.store, &to).await)?;
    Ok((topic, Grant { to, may }))
}

fn named(topic: &str) -> Result<TopicName, Failure> {
    topic.parse().map_err(|_| no_topic())
}

fn found<T>(result: Result<T, StoreError>) -> Result<T, Failure> {
    result.map_err(|error| match error {
        StoreError::NotFound => no_grantee(),
        other => other.into(),
    })
}

fn no_topic() -> Failure {
    Failure::not_found("There is no such topic; look at the list again.")
}

fn no_grantee() -> Failure {
    Failure::not_found("There is no such account or publisher, or it has no such grant.")
}
