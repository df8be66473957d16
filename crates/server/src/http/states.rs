//! What a publisher sees of what became of its message.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use hither_protocol::{AccountName, MessageId, PublisherId, Timestamp, WithdrawWhy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::inbox::at_most;
use super::publish::not_published;
use super::{App, Failure, Publisher};
use crate::secret;
use crate::store::{MessageStates, Receiver, ReceiverState, Refused, StateCounts, StoreError};

pub(crate) const DEFAULT_LIMIT: usize = 100;
pub(crate) const MAX_LIMIT: usize = 1000;

/// What `GET /v1/messages/{id}` may be asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listing {
    after: Option<String>,
    limit: Option<usize>,
}

/// `GET /v1/messages/{id}`
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct MessageState {
    id: MessageId,
    #[serde(serialize_with = "hither_protocol::write_time")]
    created_at: Timestamp,
    /// When it comes to its receivers, while it waits for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "hither_protocol::write_optional_time")]
    deliver_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "hither_protocol::write_optional_time")]
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "hither_protocol::write_optional_time")]
    withdrawn_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    withdrawn: Option<WithdrawWhy>,
    /// What of it its publisher had no right to any more when its time came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    refused: Vec<Refused>,
    counts: Counts,
    /// Accounts that were addressed by name, by name, and then clients that were addressed by
    /// token, by token.
    receivers: Vec<ReceiverEntry>,
    /// Ask again, after the last of the receivers.
    more: bool,
}

/// How far a message came with all receivers.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Counts {
    /// As the publish was answered.
    stored: u64,
    /// Accounts of which a device has it.
    delivered: u64,
    /// Accounts of which a device showed it.
    shown: u64,
    /// Accounts that read it and let publishers see that.
    read: u64,
}

/// How far a message came with one receiver.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Receiver")]
pub(crate) struct ReceiverEntry {
    /// As it was addressed: by name, or else by token.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<AccountName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(serialize_with = "hither_protocol::write_time")]
    stored_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "hither_protocol::write_optional_time")]
    delivered_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "hither_protocol::write_optional_time")]
    shown_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "hither_protocol::write_optional_time")]
    read_at: Option<Timestamp>,
}

/// `GET /v1/messages/{id}`
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Publisher(publisher): Publisher,
    id: Result<Path<String>, PathRejection>,
    listing: Result<Query<Listing>, QueryRejection>,
) -> Result<Json<MessageState>, Failure> {
    let id = id.ok().and_then(|Path(id)| id.parse().ok());
    states(&app, &publisher.id, id, listing).await
}

/// What a publisher may know of its message.
pub(super) async fn states(
    app: &App,
    publisher: &PublisherId,
    id: Option<MessageId>,
    listing: Result<Query<Listing>, QueryRejection>,
) -> Result<Json<MessageState>, Failure> {
    let Query(listing) = listing.map_err(|error| bad_query(&error))?;
    let limit = at_most(MAX_LIMIT, listing.limit.unwrap_or(DEFAULT_LIMIT))?;
    let id = id.ok_or_else(not_published)?;
    let after = listing.after.map(after).transpose()?;
    let states = app
        .store
        .states(publisher, id, after, limit)
        .await
        .map_err(|error| match error {
            StoreError::NotFound => not_published(),
            other => other.into(),
        })?;
    Ok(Json(MessageState::of(id, states)))
}

/// The receiver that an entry was of.
fn after(text: String) -> Result<Receiver, Failure> {
    if secret::is_message_token(&text) {
        return Ok(Receiver::Token(text));
    }
    let name = text.parse().map(Receiver::Account);
    name.map_err(|_| Failure::malformed("after is the name or the token of a receiver."))
}

impl MessageState {
    fn of(id: MessageId, states: MessageStates) -> Self {
        let (withdrawn_at, withdrawn) = states.withdrawn.unzip();
        Self {
            id,
            created_at: states.created_at,
            deliver_at: states.deliver_at,
            expires_at: states.expires_at,
            withdrawn_at,
            withdrawn: withdrawn.flatten(),
            refused: states.refused,
            counts: states.counts.into(),
            receivers: states
                .receivers
                .into_iter()
                .map(ReceiverEntry::from)
                .collect(),
            more: states.more,
        }
    }
}

impl From<StateCounts> for Counts {
    fn from(counts: StateCounts) -> Self {
        Self {
            stored: counts.stored,
            delivered: counts.delivered,
            shown: counts.shown,
            read: counts.read,
        }
    }
}

impl From<ReceiverState> for ReceiverEntry {
    fn from(state: ReceiverState) -> Self {
        let (account, token) = match state.receiver {
            Receiver::Account(name) => (Some(name), None),
            Receiver::Token(token) => (None, Some(token)),
        };
        Self {
            account,
            token,
            stored_at: state.stored_at,
            delivered_at: state.delivered_at,
            shown_at: state.shown_at,
            read_at: state.read_at,
        }
    }
}

fn bad_query(error: &QueryRejection) -> Failure {
    Failure::malformed(format!(
        "{}. This server knows the parameters after and limit.",
        error.body_text()
    ))
}
