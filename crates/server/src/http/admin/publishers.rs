//! Publishers, as an administrator sees and changes them.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use hither_protocol::{AccountName, PublisherId, TopicName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::sign_in::named;
use super::super::{App, Failure, JsonBody, topic_name};
use super::{Admin, Disabled};
use crate::accounts::clock;
use crate::admin::{self, PublisherSummary};
use crate::secret;
use crate::store::{Audience, Change, Permissions, PublisherRecord, StoreError};

/// The kind of a publisher that names none.
const DEFAULT_KIND: &str = "app";

/// All publishers, by id.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PublisherList {
    publishers: Vec<PublisherSummary>,
}

/// What a publisher may from now on: `PUT /admin/api/publishers/{id}/rights`
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct PublisherRights {
    rights: Permissions,
    /// Whom it reaches while it is narrowed.
    audience: Reached,
}

/// Accounts that exist, and topics that need not exist yet.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Reached {
    accounts: Vec<AccountName>,
    topics: Vec<TopicName>,
}

impl From<Reached> for Audience {
    fn from(reached: Reached) -> Self {
        Self {
            accounts: reached.accounts.into_iter().collect(),
            topics: reached.topics.into_iter().map(String::from).collect(),
        }
    }
}

/// `POST /admin/api/publishers`
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct NewPublisher {
    name: String,
    /// What its id begins with.
    kind: Option<String>,
}

/// A publisher's new secret; it is said once.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PublisherSecret {
    id: PublisherId,
    secret: String,
}

/// `GET /admin/api/publishers`
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Admin(_): Admin,
) -> Result<Json<PublisherList>, Failure> {
    let publishers = admin::publishers(&*app.store).await?;
    Ok(Json(PublisherList { publishers }))
}

/// `POST /admin/api/publishers`
pub(crate) async fn add(
    State(app): State<Arc<App>>,
    Admin(by): Admin,
    body: JsonBody<NewPublisher>,
) -> Result<(StatusCode, Json<PublisherSecret>), Failure> {
    let NewPublisher { name, kind } = body.value;
    named("name", &name)?;
    let id = secret::publisher_id(kind.as_deref().unwrap_or(DEFAULT_KIND))
        .map_err(|error| Failure::invalid(format!("{error}.")))?;
    let secret = secret::publisher_secret();
    let secrets = vec![secret::hash(&secret)];
    let publisher = PublisherRecord::new(id.clone(), name, secrets, clock::wall());
    app.store.add_publisher(publisher).await?;
    tracing::info!(publisher = %id, by = %by.account, "publisher added");
    Ok((StatusCode::CREATED, Json(PublisherSecret { id, secret })))
}

/// `POST /admin/api/publishers/{id}/secret`: the one before stays valid until the next rotation.
pub(crate) async fn rotate(
    State(app): State<Arc<App>>,
    Admin(by): Admin,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<PublisherSecret>, Failure> {
    let id = publisher(id)?;
    let secret = secret::publisher_secret();
    let rotated = app.store.rotate_secret(&id, secret::hash(&secret)).await;
    found(rotated)?;
    tracing::info!(publisher = %id, by = %by.account, "secret rotated");
    Ok(Json(PublisherSecret { id, secret }))
}

/// `PUT /admin/api/publishers/{id}/disabled`
pub(crate) async fn set_disabled(
    State(app): State<Arc<App>>,
    Admin(by): Admin,
    id: Result<Path<String>, PathRejection>,
    body: JsonBody<Disabled>,
) -> Result<StatusCode, Failure> {
    let (id, disabled) = (publisher(id)?, body.value.disabled);
    found(app.store.set_publisher_disabled(&id, disabled).await)?;
    tracing::info!(publisher = %id, by = %by.account, disabled, "publisher changed");
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /admin/api/publishers/{id}/approval`: one that registered itself may publish.
pub(crate) async fn approve(
    State(app): State<Arc<App>>,
    Admin(by): Admin,
    id: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Failure> {
    let id = publisher(id)?;
    found(app.store.approve(&id).await)?;
    tracing::info!(publisher = %id, by = %by.account, "publisher approved");
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /admin/api/publishers/{id}/rights`
pub(crate) async fn set_rights(
    State(app): State<Arc<App>>,
    Admin(by): Admin,
    id: Result<Path<String>, PathRejection>,
    body: JsonBody<PublisherRights>,
) -> Result<StatusCode, Failure> {
    let id = publisher(id)?;
    let PublisherRights { rights, audience } = body.value;
    let present = app.store.publisher(&id).await?.ok_or_else(no_publisher)?;
    let before = (present.rights, &app.store.audience(&id).await?);
    let audience = audience.into();
    let after = (rights, &audience);
    let more = Change::between(before, after);
    for topic in &more.audience.topics {
        topic_name(topic)?;
    }
    match app.store.widen(&id, more).await {
        Err(StoreError::NotFound) => return Err(no_such_account()),
        widened => widened?,
    }
    found(app.store.narrow(&id, Change::between(after, before)).await)?;
    tracing::info!(publisher = %id, by = %by.account, "rights changed");
    Ok(StatusCode::NO_CONTENT)
}

/// The publisher that a path names.
fn publisher(id: Result<Path<String>, PathRejection>) -> Result<PublisherId, Failure> {
    id.ok()
        .and_then(|Path(id)| id.parse().ok())
        .ok_or_else(no_publisher)
}

fn found<T>(result: Result<T, StoreError>) -> Result<T, Failure> {
    result.map_err(|error| match error {
        StoreError::NotFound => no_publisher(),
        other => other.into(),
    })
}

fn no_such_account() -> Failure {
    Failure::not_found("Not every account named exists; look at the list of accounts.")
}

pub(super) fn no_publisher() -> Failure {
    Failure::not_found("There is no such publisher; look at the list again.")
}
