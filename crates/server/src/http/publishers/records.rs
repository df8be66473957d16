//! What a publisher keeps of each receiver: its own to write, the person's to see and erase.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use hither_protocol::{AccountName, ErrorCode, PublisherRef, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{App, Client, Failure, JsonBody, Publisher};
use crate::store::{ReceiverRecord, StoreError};

/// A record as JSON without spaces, in bytes.
const MAX_RECORD: usize = 8 * 1024;

/// A record: a JSON object.
pub(crate) type Values = Map<String, Value>;
type Named = Result<Path<String>, PathRejection>;

/// What a person sees of a record.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Kept {
    publisher: PublisherRef,
    record: Values,
    #[serde(serialize_with = "hither_protocol::write_time")]
    updated_at: Timestamp,
}

/// `GET /v1/records`
#[derive(Serialize, JsonSchema)]
pub(crate) struct AllKept {
    records: Vec<Kept>,
}

/// `GET /v1/receivers/{account}/record`
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Publisher(publisher): Publisher,
    account: Named,
) -> Result<Json<Values>, Failure> {
    let account = receiver(account)?;
    let found = app.store.record(&publisher.id, &account).await;
    let record = found.map_err(unknown_receiver)?.ok_or_else(no_receiver)?;
    Ok(Json(record.values))
}

/// `PUT /v1/receivers/{account}/record`
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    Publisher(publisher): Publisher,
    account: Named,
    body: JsonBody<Values>,
) -> Result<StatusCode, Failure> {
    let account = receiver(account)?;
    let size = Value::Object(body.value.clone()).to_string().len();
    if size > MAX_RECORD {
        return Err(Failure::invalid(format!(
            "A record may be {MAX_RECORD} bytes of JSON; this one has {size}."
        )));
    }
    let kept = app.store.put_record(&publisher.id, &account, body.value);
    kept.await.map_err(unknown_receiver)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v1/receivers/{account}/record`
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Publisher(publisher): Publisher,
    account: Named,
) -> Result<StatusCode, Failure> {
    let account = receiver(account)?;
    let erased = app.store.erase_record(&publisher.id, &account);
    erased.await.map_err(unknown_receiver)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v1/records`
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    client: Client,
) -> Result<Json<AllKept>, Failure> {
    own(&client)?;
    let records = app.store.records(&client.0.account).await?;
    Ok(Json(AllKept {
        records: records.into_iter().map(Kept::from).collect(),
    }))
}

/// `DELETE /v1/records/{publisher}`
pub(crate) async fn erase(
    State(app): State<Arc<App>>,
    client: Client,
    publisher: Named,
) -> Result<StatusCode, Failure> {
    own(&client)?;
    let nothing = || Failure::not_found("That publisher keeps nothing of this account.");
    let publisher = publisher
        .ok()
        .and_then(|Path(id)| id.parse().ok())
        .ok_or_else(nothing)?;
    let erased = app.store.erase_record(&publisher, &client.0.account).await;
    erased.map_err(|error| match error {
        StoreError::NotFound => nothing(),
        error => error.into(),
    })?;
    tracing::info!(account = %client.0.account, %publisher, "record erased");
    Ok(StatusCode::NO_CONTENT)
}

impl From<ReceiverRecord> for Kept {
    fn from(record: ReceiverRecord) -> Self {
        Self {
            publisher: PublisherRef {
                id: record.publisher,
                name: record.publisher_name,
            },
            record: record.values,
            updated_at: record.updated_at,
        }
    }
}

/// Another application on the person's device sees nothing of it.
fn own(client: &Client) -> Result<(), Failure> {
    if client.is_inbox() {
        return Ok(());
    }
    Err(Failure::new(
        ErrorCode::Forbidden,
        "Only the person's own inbox sees what publishers keep; sign in as application hither.",
    ))
}

/// A name that cannot be an account's is as unknown as others.
fn receiver(account: Named) -> Result<AccountName, Failure> {
    account
        .ok()
        .and_then(|Path(name)| name.parse().ok())
        .ok_or_else(no_receiver)
}

fn unknown_receiver(error: StoreError) -> Failure {
    match error {
        StoreError::NotFound => no_receiver(),
        error => error.into(),
    }
}

fn no_receiver() -> Failure {
    Failure::not_found("This receiver is not known here to this publisher, or has no record.")
}
