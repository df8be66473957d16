//! A publisher hands a message over.

mod check;
mod receivers;
mod rights;

use core::time::Duration;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use hither_protocol::{
    Html, MAX_FRAME_BYTES, Message, MessageId, PublishRequest, Published, PublisherRef, Timestamp,
};
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use self::check::check;
use self::receivers::{no_receivers, receivers};
use self::rights::permitted;
use super::{App, Failure, JsonBody, Publisher};
use crate::accounts::clock;
use crate::store::{NewMessage, PublisherRecord};

/// The largest request body, in bytes: the largest message with room for JSON's escapes.
pub(crate) const MAX_REQUEST: usize = 2 * 1024 * 1024;

const MAX_KEY: usize = 128;
/// A message without its page, as JSON; leaves room in a frame for what stands around it.
const MAX_MESSAGE: usize = MAX_FRAME_BYTES - 4 * 1024;

/// `POST /v1/messages`
pub(crate) async fn publish(
    State(app): State<Arc<App>>,
    Publisher(publisher): Publisher,
    headers: HeaderMap,
    body: JsonBody<PublishRequest>,
) -> Result<(StatusCode, Json<Published>), Failure> {
    permitted(publisher.rights, &body.value)?;
    refuse_what_is_not_offered(&body.bytes)?;
    let idempotency =
        idempotency_key(&headers)?.map(|key| (key, Sha256::digest(&body.bytes).into()));
    let accounts = receivers(&body.value.to)?;
    let (message, html) = message(&publisher, body.value, clock::wall())?;
    let stored = app
        .store
        .publish(NewMessage {
            message,
            html,
            accounts,
            idempotency,
        })
        .await?;
    if stored.receivers == 0 {
        return Err(no_receivers());
    }
    tracing::debug!(publisher = %publisher.id, message = %stored.id, receivers = stored.receivers, "stored");
    let answer = Published {
        id: stored.id,
        receivers: stored.receivers,
        unknown_tokens: Vec::new(),
    };
    Ok((StatusCode::CREATED, Json(answer)))
}

/// The fields of a request that this version does not carry out.
#[derive(Debug, Deserialize)]
struct NotOffered {
    attachments: Option<IgnoredAny>,
    deliver_at: Option<IgnoredAny>,
    fields: Option<IgnoredAny>,
    #[serde(default)]
    to: NotOfferedReceivers,
}

#[derive(Debug, Default, Deserialize)]
struct NotOfferedReceivers {
    application: Option<IgnoredAny>,
}

/// A promise that would be broken silently is refused instead.
fn refuse_what_is_not_offered(body: &[u8]) -> Result<(), Failure> {
    let Ok(fields) = serde_json::from_slice::<NotOffered>(body) else {
        return Ok(());
    };
    let present = [
        ("attachments", fields.attachments.is_some()),
        ("deliver_at", fields.deliver_at.is_some()),
        ("fields", fields.fields.is_some()),
        ("to.application", fields.to.application.is_some()),
    ];
    match present.iter().find(|(_, present)| *present) {
        Some((name, _)) => Err(not_offered(name)),
        None => Ok(()),
    }
}

fn not_offered(name: &str) -> Failure {
    Failure::invalid(format!(
        "{name} is not offered yet by this server; leave it out."
    ))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    value
        .to_str()
        .ok()
        .filter(|key| (1..=MAX_KEY).contains(&key.len()))
        .map(|key| Some(key.to_owned()))
        .ok_or_else(|| {
            let detail =
                format!("Idempotency-Key must be 1 to {MAX_KEY} printable ASCII characters.");
            Failure::malformed(detail)
        })
}

/// The message as it is stored, and its page.
fn message(
    publisher: &PublisherRecord,
    request: PublishRequest,
    now: Timestamp,
) -> Result<(Message, Option<String>), Failure> {
    check(&request)?;
    let message = Message {
        id: MessageId(Uuid::now_v7()),
        publisher: PublisherRef {
            id: publisher.id.clone(),
            name: publisher.name.clone(),
        },
        application: None,
        topic: None,
        title: request.title,
        body: request.body,
        format: request.format,
        html: request.html.as_ref().map(|page| Html {
            size: page.len() as u64,
            inline: None,
            href: None,
        }),
        url: request.url,
        priority: request.priority,
        tags: request.tags,
        icon: request.icon,
        actions: request.actions,
        attachments: Vec::new(),
        key: request.key,
        created_at: now,
        expires_at: request
            .ttl_s
            .and_then(|ttl| now.checked_add(Duration::from_secs(ttl)).ok()),
        read_at: None,
    };
    fits_a_frame(&message)?;
    Ok((message, request.html))
}

/// JSON's escapes can make a message several times as large as its text.
fn fits_a_frame(message: &Message) -> Result<(), Failure> {
    let size = serde_json::to_string(message).map_or(usize::MAX, |json| json.len());
    if size <= MAX_MESSAGE {
        return Ok(());
    }
    Err(Failure::invalid(format!(
        "The message without html is {size} bytes of JSON, and {MAX_MESSAGE} is the most; shorten it."
    )))
}
