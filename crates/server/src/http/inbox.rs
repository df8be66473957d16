//! What a client reads over HTTP.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use hither_protocol::{Cursor, ErrorCode, MessageId, MessagesPage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{App, Client, Failure};
use crate::store::{Page, Position, What};

pub(crate) const DEFAULT_LIMIT: usize = 50;
pub(crate) const MAX_LIMIT: usize = 200;

/// What a page that came from outside may do: nothing but look.
const CAGE: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// What `GET /v1/messages` may be asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listing {
    after: Option<Cursor>,
    limit: Option<usize>,
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
    let limit = listing.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        let detail = format!("limit must be 1 to {MAX_LIMIT}.");
        return Err(Failure::invalid(detail));
    }
    let page = read_page(&app, &client, listing.after.as_ref(), limit).await?;
    Ok(Json(MessagesPage {
        cursor: app.cursors.make(&client.0.account, page.upto),
        more: page.more,
        gap: false,
        messages: page
            .entries
            .into_iter()
            .filter_map(|entry| message(entry.what))
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
        .filter(|_| client.is_inbox())
        .ok_or_else(no_page)?;
    let page = app
        .store
        .html(&client.0.account, id)
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

async fn read_page(
    app: &App,
    client: &Client,
    after: Option<&Cursor>,
    limit: usize,
) -> Result<Page, Failure> {
    let account = &client.0.account;
    let head = app.store.head().await?;
    let after = match after {
        None => Position::default(),
        Some(cursor) => app
            .cursors
            .parse(account, cursor, head)
            .map_err(|_| unknown_cursor())?,
    };
    if client.is_inbox() {
        return Ok(app.store.page(account, after, limit).await?);
    }
    // Another application than the inbox has no messages of its own yet.
    Ok(Page {
        entries: Vec::new(),
        upto: head,
        more: false,
    })
}

fn message(what: What) -> Option<hither_protocol::Message> {
    match what {
        What::Message(message) => Some(*message),
        What::Read(_) | What::Withdraw(..) => None,
    }
}

fn bad_query(error: &QueryRejection) -> Failure {
    Failure::malformed(format!(
        "{}. This server knows the parameters after and limit.",
        error.body_text()
    ))
}

fn unknown_cursor() -> Failure {
    Failure::new(
        ErrorCode::UnknownCursor,
        "This cursor was not made for this account by this server; start over without one.",
    )
}

fn no_page() -> Failure {
    Failure::not_found("This account has no message with that id and an HTML page.")
}
