//! What went through the server last, and why it alerted where it did.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use hither_protocol::{AccountName, MessageId, Priority, PublisherRef, Timestamp, Trace};
use schemars::JsonSchema;
use serde::Serialize;

use super::super::inbox::{decisions, explained, no_message};
use super::super::states::{self, MessageState};
use super::super::{App, Failure};
use super::Admin;
use super::accounts::no_account;
use super::publishers::no_publisher;
use crate::store::{MessageOverview, Reader};

/// Messages in one answer.
pub(crate) const MAX_MESSAGES: usize = 100;

/// The newest messages, newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct MessageList {
    messages: Vec<ListedMessage>,
}

/// One of them, without its content.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ListedMessage {
    id: MessageId,
    publisher: PublisherRef,
    priority: Priority,
    #[serde(serialize_with = "hither_protocol::write_time")]
    created_at: Timestamp,
    /// When it comes, while it waits for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "hither_protocol::write_optional_time")]
    deliver_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "hither_protocol::write_optional_time")]
    expires_at: Option<Timestamp>,
    /// Accounts it was stored for; of these, how many had it shown, and how many read it.
    receivers: u64,
    shown: u64,
    read: u64,
}

/// `GET /admin/api/messages`
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Admin(_): Admin,
) -> Result<Json<MessageList>, Failure> {
    let messages = app.store.recent_messages(MAX_MESSAGES).await?;
    let messages = messages.into_iter().map(ListedMessage::from).collect();
    Ok(Json(MessageList { messages }))
}

impl From<MessageOverview> for ListedMessage {
    fn from(overview: MessageOverview) -> Self {
        let MessageOverview {
            id,
            publisher,
            priority,
            created_at,
            deliver_at,
            expires_at,
            receivers,
            shown,
            read,
        } = overview;
        Self {
            id,
            publisher,
            priority,
            created_at,
            deliver_at,
            expires_at,
            receivers,
            shown,
            read,
        }
    }
}

/// `GET /admin/api/publishers/{id}/messages/{message}`: as the publisher sees it.
pub(crate) async fn states(
    State(app): State<Arc<App>>,
    Admin(_): Admin,
    path: Result<Path<(String, String)>, PathRejection>,
    listing: Result<Query<states::Listing>, QueryRejection>,
) -> Result<Json<MessageState>, Failure> {
    let Path((of, message)) = path.map_err(|_| no_message())?;
    let publisher = of.parse().map_err(|_| no_publisher())?;
    states::states(&app, &publisher, message.parse().ok(), listing).await
}

/// `GET /admin/api/accounts/{name}/messages/{message}/trace`: without what was known of the
/// person's presence, which only the account itself sees.
pub(crate) async fn trace(
    State(app): State<Arc<App>>,
    Admin(_): Admin,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<Trace>, Failure> {
    let Path((of, message)) = path.map_err(|_| no_message())?;
    let name: AccountName = of.parse().map_err(|_| no_account())?;
    let id = message.parse().map_err(|_| no_message())?;
    let mut steps = decisions(&app, &name, &Reader::Inbox(name.clone()), id).await?;
    for step in &mut steps {
        step.decision.facts.clear();
    }
    explained(&app, &name, steps).await
}
