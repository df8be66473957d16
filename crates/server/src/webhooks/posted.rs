//! The words of an event.

use hither_protocol::{AccountName, ErrorCode, MessageId, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::http::Failure;
use crate::store::{Event, EventType, Lost, Refusal, Refused};

/// What is posted to a webhook.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookEvent")]
pub(crate) struct Posted<'a> {
    r#type: EventType,
    /// When it happened.
    #[serde(serialize_with = "hither_protocol::write_time")]
    timestamp: Timestamp,
    data: Data<'a>,
}

/// Nothing of what the message says.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookEventData")]
struct Data<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<MessageId>,
    /// With whom it happened, where the message was addressed to accounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a AccountName>,
    /// With which client it happened, where the message was addressed to its message token.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    /// What the person chose.
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'a str>,
    /// The key of a message of which something was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    /// When that message was to come.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "hither_protocol::write_optional_time")]
    deliver_at: Option<Timestamp>,
    /// One at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<Vec<Because>>,
}

/// What was refused of a message, with the problem that a publish at that time would have got.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookEventRefused")]
struct Because {
    what: Refused,
    code: ErrorCode,
    detail: String,
}

impl From<Lost> for Because {
    fn from(lost: Lost) -> Self {
        let what = lost.refused();
        let failure = Failure::from(lost);
        Self {
            what,
            code: failure.code(),
            detail: failure.into_detail(),
        }
    }
}

pub(super) fn body(event: &Event) -> Vec<u8> {
    let refusal = event.refusal.as_ref();
    let lost = |refusal: &Refusal| refusal.lost.iter().cloned().map(Because::from).collect();
    let posted = Posted {
        r#type: event.what,
        timestamp: event.at,
        data: Data {
            message_id: event.message,
            account: event.account.as_ref(),
            token: event.token.as_deref(),
            action: event.action.as_deref(),
            key: refusal.and_then(|refusal| refusal.key.as_deref()),
            deliver_at: refusal.map(|refusal| refusal.deliver_at),
            refused: refusal.map(lost),
        },
    };
    serde_json::to_vec(&posted).expect("an event has only texts and times")
}
