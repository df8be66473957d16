//! What a client reads over HTTP.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use hither_protocol::{
    AccountName, Cursor, DeviceId, ErrorCode, ExplainedStep, Message, MessageId, MessagesPage,
    Timestamp, Trace, TraceStep, read_optional_time,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{App, Client, Failure};
use crate::store::{Identity, Page, Position, Reader, StoreError, What};

pub(crate) const DEFAULT_LIMIT: usize = 50;
pub(crate) const MAX_LIMIT: usize = 200;

/// What a page that came from outside may do: nothing but look.
const CAGE: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// What `GET /v1/messages` may be asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listing {
    after: Option<Cursor>,
    #[serde(default, deserialize_with = "read_optional_time")]
    since: Option<Timestamp>,
    limit: Option<usize>,
    token: Option<String>,
}

/// `GET /v1/tokens`
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct MessageToken {
    message_token: String,
}

/// `GET /v1/tokens`
pub(crate) async fn token(Client(identity): Client) -> Json<MessageToken> {
    Json(MessageToken {
        message_token: identity.message_token,
    })
}

/// `GET /v1/messages`
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    client: Client,
    listing: Result<Query<Listing>, QueryRejection>,
) -> Result<Json<MessagesPage>, Failure> {
    let Query(listing) = listing.map_err(|error| bad_query(&error))?;
    let limit = at_most(MAX_LIMIT, listing.limit.unwrap_or(DEFAULT_LIMIT))?;
    let page = read_page(&app, &client.0, &listing, limit).await?;
    // Whoever asks for everything gets everything there is.
    let from_somewhere = listing.after.is_some() || listing.since.is_some();
    Ok(Json(MessagesPage {
        cursor: app.cursors.make(&client.0.account, page.upto),
        more: page.more,
        gap: from_somewhere && page.gap.is_some(),
        messages: page
            .entries
            .into_iter()
            .filter_map(|entry| message(entry.what))
            .map(|message| Arc::unwrap_or_clone(client.0.told(message)))
            .collect(),
    }))
}

/// `GET /v1/messages/{id}/html`
pub(crate) async fn html(
    State(app): State<Arc<App>>,
    client: Client,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Failure> {
    let id = id
        .ok()
        .and_then(|Path(id)| id.parse::<MessageId>().ok())
        .ok_or_else(no_page)?;
    let page = app
        .store
        .html(&Reader::Client(client.0.client), id)
        .await?
        .ok_or_else(no_page)?;
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONTENT_SECURITY_POLICY, CAGE),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    Ok((headers, page).into_response())
}

/// `GET /v1/messages/{id}/trace`
pub(crate) async fn trace(
    State(app): State<Arc<App>>,
    client: Client,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Trace>, Failure> {
    if !client.is_inbox() {
        return Err(only_the_person());
    }
    let id = id.ok().and_then(|Path(id)| id.parse::<MessageId>().ok());
    let id = id.ok_or_else(no_message)?;
    let Identity {
        account, client, ..
    } = client.0;
    let steps = decisions(&app, &account, &Reader::Client(client), id).await?;
    explained(&app, &account, steps).await
}

/// What was decided about a message of the reader's, oldest first.
pub(super) async fn decisions(
    app: &App,
    account: &AccountName,
    reader: &Reader,
    id: MessageId,
) -> Result<Vec<TraceStep>, Failure> {
    match app.accounts.trace(account, reader, id).await {
        Err(StoreError::NotFound) => Err(no_message()),
        steps => Ok(steps?),
    }
}

/// The same in words, with the names of the account's devices.
pub(super) async fn explained(
    app: &App,
    account: &AccountName,
    steps: Vec<TraceStep>,
) -> Result<Json<Trace>, Failure> {
    let devices = app.store.devices(account).await?;
    let names: HashMap<_, _> = devices
        .iter()
        .map(|summary| (&summary.device.id, summary.device.name.as_str()))
        .collect();
    let name = |id: &DeviceId| names.get(id).copied();
    let steps = steps.into_iter().map(|step| ExplainedStep {
        text: step.decision.in_words(|id| name(id).unwrap_or(id.as_str())),
        step,
    });
    Ok(Json(Trace {
        steps: steps.collect(),
    }))
}

/// How much is answered at once: what was asked for, as far as it may be.
pub(super) fn at_most(most: usize, asked: usize) -> Result<usize, Failure> {
    match asked {
        0 => Err(Failure::invalid("limit must be 1 or more.")),
        asked => Ok(asked.min(most)),
    }
}

async fn read_page(
    app: &App,
    identity: &Identity,
    listing: &Listing,
    limit: usize,
) -> Result<Page, Failure> {
    let after = match &listing.after {
        None => Position::default(),
        Some(cursor) => {
            let head = app.store.head();
            let position = app.cursors.parse(&identity.account, cursor, head);
            position.map_err(|_| unknown_cursor())?
        }
    };
    let reader = reader(identity, listing.token.as_deref())?;
    let page = app.store.page(&reader, after, listing.since, limit);
    Ok(page.await?)
}

/// With a message token, what is addressed to it: an address opens nothing, so it must be the
/// client's own.
fn reader(identity: &Identity, token: Option<&str>) -> Result<Reader, Failure> {
    match token {
        None => Ok(Reader::Client(identity.client)),
        Some(token) if token == identity.message_token => Ok(Reader::Address(identity.client)),
        Some(_) => Err(Failure::new(
            ErrorCode::Forbidden,
            "This is not the message token of the client that asks; GET /v1/tokens tells it.",
        )),
    }
}

fn message(what: What) -> Option<Arc<Message>> {
    match what {
        What::Message(message) => Some(message),
        What::Read(_) | What::Withdraw(..) => None,
    }
}

fn bad_query(error: &QueryRejection) -> Failure {
    Failure::malformed(format!(
        "{}. This server knows the parameters after, since, limit and token.",
        error.body_text()
    ))
}

fn unknown_cursor() -> Failure {
    Failure::new(
        ErrorCode::UnknownCursor,
        "This cursor was not made for this account by this server; start over without one.",
    )
}

fn only_the_person() -> Failure {
    Failure::new(
        ErrorCode::Forbidden,
        "Only the application hither may see why the account's messages alerted where they did.",
    )
}

pub(super) fn no_message() -> Failure {
    Failure::not_found("This account has no message with that id.")
}

fn no_page() -> Failure {
    Failure::not_found("This account has no message with that id and an HTML page.")
}
