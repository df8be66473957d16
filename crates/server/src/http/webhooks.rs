//! Where publishers want to be told what becomes of their messages.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use hither_protocol::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{App, Failure, JsonBody, Publisher, elsewhere};
use crate::secret;
use crate::store::{EventType, NewWebhook, StoreError, WebhookRecord};
use crate::webhooks::SigningKey;

type Named = Result<Path<String>, PathRejection>;

/// `POST /v1/webhooks`
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "RegisterWebhook")]
pub(crate) struct Register {
    url: String,
    /// All, also those of later versions, where it is left out.
    events: Option<Vec<EventType>>,
}

/// How a webhook does.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "WebhookCondition")]
pub(crate) enum Condition {
    Active,
    /// Nothing arrives; it is tried again.
    Failing,
    /// Its receiver answered 410; a test enables it.
    Disabled,
}

/// A webhook, as its publisher sees it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Webhook")]
pub(crate) struct Shown {
    id: String,
    url: String,
    /// All, where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<Vec<EventType>>,
    #[serde(serialize_with = "hither_protocol::write_time")]
    created_at: Timestamp,
    condition: Condition,
    /// Events that wait.
    waiting: u64,
    /// Events that never arrived.
    dropped: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "hither_protocol::write_optional_time")]
    last_delivered_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "hither_protocol::write_optional_time")]
    last_failed_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_failure: Option<String>,
}

/// A new webhook.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NewWebhook")]
pub(crate) struct Registered {
    #[serde(flatten)]
    webhook: Shown,
    secret: String,
}

/// `GET /v1/webhooks`
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Webhooks")]
pub(crate) struct All {
    webhooks: Vec<Shown>,
}

/// `POST /v1/webhooks/{id}/secret`
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WebhookSecret")]
pub(crate) struct Secret {
    secret: String,
}

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/webhooks", get(list).post(register))
        .route("/webhooks/{id}", get(show).delete(remove))
        .route("/webhooks/{id}/secret", post(rotate))
        .route("/webhooks/{id}/test", post(test))
}

async fn register(
    State(app): State<Arc<App>>,
    Publisher(publisher): Publisher,
    body: JsonBody<Register>,
) -> Result<(StatusCode, Json<Registered>), Failure> {
    let Register { url, events } = body.value;
    if events.as_ref().is_some_and(Vec::is_empty) {
        let detail = "events names none; leave it out to be told of all.";
        return Err(Failure::invalid(detail));
    }
    let target = elsewhere::target(&app, "url", &url).await?;
    let key = SigningKey::random();
    let new = NewWebhook {
        id: secret::webhook_id(),
        url: target.to_string(),
        events,
        key: key.clone(),
    };
    let most = app.settings.limits.webhooks_per_publisher;
    let record = app.store.add_webhook(&publisher.id, new, most).await;
    let record = record.map_err(|error| match error {
        StoreError::TooMany => Failure::invalid(format!(
            "A publisher may have {most} webhooks here; remove one first."
        )),
        other => other.into(),
    })?;
    tracing::info!(publisher = %publisher.id, webhook = %record.id, "webhook registered");
    let registered = Registered {
        webhook: record.into(),
        secret: key.expose(),
    };
    Ok((StatusCode::CREATED, Json(registered)))
}

async fn list(
    State(app): State<Arc<App>>,
    Publisher(publisher): Publisher,
) -> Result<Json<All>, Failure> {
    let webhooks = app.store.webhooks(&publisher.id).await?;
    Ok(Json(All {
        webhooks: webhooks.into_iter().map(Shown::from).collect(),
    }))
}

async fn show(
    State(app): State<Arc<App>>,
    Publisher(publisher): Publisher,
    id: Named,
) -> Result<Json<Shown>, Failure> {
    let found = app.store.webhook(&publisher.id, &named(id)?).await;
    Ok(Json(found.map_err(unknown)?.into()))
}

async fn remove(
    State(app): State<Arc<App>>,
    Publisher(publisher): Publisher,
    id: Named,
) -> Result<StatusCode, Failure> {
    let id = named(id)?;
    let removed = app.store.remove_webhook(&publisher.id, &id).await;
    removed.map_err(unknown)?;
    tracing::info!(publisher = %publisher.id, webhook = %id, "webhook removed");
    Ok(StatusCode::NO_CONTENT)
}

async fn rotate(
    State(app): State<Arc<App>>,
    Publisher(publisher): Publisher,
    id: Named,
) -> Result<Json<Secret>, Failure> {
    let (id, key) = (named(id)?, SigningKey::random());
    let rotated = app
        .store
        .rotate_webhook_key(&publisher.id, &id, key.clone());
    rotated.await.map_err(unknown)?;
    tracing::info!(publisher = %publisher.id, webhook = %id, "webhook has a new secret");
    Ok(Json(Secret {
        secret: key.expose(),
    }))
}

async fn test(
    State(app): State<Arc<App>>,
    Publisher(publisher): Publisher,
    id: Named,
) -> Result<StatusCode, Failure> {
    let queued = app.store.test_webhook(&publisher.id, &named(id)?).await;
    queued.map_err(unknown)?;
    Ok(StatusCode::ACCEPTED)
}

impl From<WebhookRecord> for Shown {
    fn from(record: WebhookRecord) -> Self {
        let condition = match (record.disabled_at, record.failing_since) {
            (Some(_), _) => Condition::Disabled,
            (None, Some(_)) => Condition::Failing,
            (None, None) => Condition::Active,
        };
        let (last_failed_at, last_failure) = record.failure.unzip();
        Self {
            id: record.id,
            url: record.url,
            events: record.events,
            created_at: record.created_at,
            condition,
            waiting: record.waiting,
            dropped: record.dropped,
            last_delivered_at: record.delivered_at,
            last_failed_at,
            last_failure,
        }
    }
}

fn named(id: Named) -> Result<String, Failure> {
    id.map(|Path(id)| id).map_err(|_| no_webhook())
}

fn unknown(error: StoreError) -> Failure {
    match error {
        StoreError::NotFound => no_webhook(),
        error => error.into(),
    }
}

fn no_webhook() -> Failure {
    Failure::not_found("This publisher has no such webhook.")
}
