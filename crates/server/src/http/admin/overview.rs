//! How the server does, and what went through it last.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use hither_protocol::{MessageId, Priority, PublisherRef, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::super::{App, Failure};
use super::Admin;
use crate::accounts::clock;
use crate::store::MessageOverview;

/// Messages in one answer.
pub(crate) const MAX_MESSAGES: usize = 100;

/// How the server does.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Health {
    version: &'static str,
    uptime_s: u64,
    /// Open streams.
    streams: usize,
    accounts: u64,
    publishers: u64,
    /// Of the store, on the disk.
    store_bytes: u64,
    /// What the store's disk has left, where the system says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    disk_free_bytes: Option<u64>,
}

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
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// Accounts it was stored for; of these, how many had it shown, and how many read it.
    receivers: u64,
    shown: u64,
    read: u64,
}

/// `GET /admin/api/health`
pub(crate) async fn health(
    State(app): State<Arc<App>>,
    Admin(_): Admin,
) -> Result<Json<Health>, Failure> {
    let extent = app.store.extent().await?;
    Ok(Json(Health {
        version: env!("CARGO_PKG_VERSION"),
        uptime_s: clock::now().since(app.started).as_secs(),
        streams: app.registry.count().0,
        accounts: extent.accounts,
        publishers: extent.publishers,
        store_bytes: extent.bytes,
        disk_free_bytes: extent.free_bytes,
    }))
}

/// `GET /admin/api/messages`
pub(crate) async fn messages(
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
            expires_at,
            receivers,
            shown,
            read,
        }
    }
}
