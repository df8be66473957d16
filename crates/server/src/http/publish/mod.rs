//! A publisher hands a message over.

pub(super) mod check;
#[cfg(any(test, fuzzing))]
pub(super) mod fuzzing;
mod multipart;
mod recall;
pub(super) mod receivers;
mod rights;

use core::time::Duration;
use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode};
use hither_protocol::{
    Html, Message, MessageId, PublishRequest, Published, PublisherRef, Timestamp,
};
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use self::check::check;
pub(crate) use self::recall::{not_published, recall};
use self::receivers::receivers;
use self::rights::permitted;
use super::attachments::{self, Named};
use super::{App, Failure, JsonBody, Publisher};
use crate::accounts::clock;
use crate::store::{Grantee, NewMessage, PublisherRecord, Stored};
use crate::text::MAX_MESSAGE;

/// The largest request body, in bytes: the largest message with room for JSON's escapes.
pub(crate) const MAX_REQUEST: usize = 2 * 1024 * 1024;

pub(crate) const MAX_KEY: usize = 128;

/// `POST /v1/messages`
pub(crate) async fn publish(
    State(app): State<Arc<App>>,
    Publisher(publisher): Publisher,
    headers: HeaderMap,
    request: Request,
) -> Result<(StatusCode, Json<Published>), Failure> {
    if multipart::is_multipart(&headers) {
        return multipart::publish(&app, &publisher, &headers, request).await;
    }
    let body: JsonBody<PublishRequest> = JsonBody::from_request(request, &()).await?;
    refuse_what_is_not_offered(&body.bytes)?;
    let idempotency =
        idempotency_key(&headers)?.map(|key| (key, Sha256::digest(&body.bytes).into()));
    hand_over(&app, &publisher, body.value, idempotency).await
}

/// Stores a message whose files were uploaded.
async fn hand_over(
    app: &Arc<App>,
    publisher: &PublisherRecord,
    mut request: PublishRequest,
    idempotency: Option<(String, [u8; 32])>,
) -> Result<(StatusCode, Json<Published>), Failure> {
    permitted(publisher.rights, &request)?;
    let by = Grantee::Publisher(publisher.id.clone());
    let to = receivers(app, &by, &request.to).await?;
    let ttl = request.ttl_s.map(Duration::from_secs);
    let named = attachments::named(app, &publisher.id, &request.attachments).await;
    let mut named = match named {
        Ok(named) => named,
        // A repeat may come when its files are known to the message only.
        Err(failure) => {
            let first = first_answer(app, publisher, idempotency).await?;
            return first.map(answer).ok_or(failure);
        }
    };
    let held = named.take_held();
    let fields = request.fields.take();
    let (message, html) = message(publisher, request, named, clock::wall())?;
    let store = Arc::clone(&app.store);
    let new = NewMessage {
        message,
        html,
        to,
        ttl,
        idempotency,
        ntfy: None,
        fields,
    };
    let stored = Named::while_held(held, async move { store.publish(new).await }).await?;
    tracing::debug!(publisher = %publisher.id, message = %stored.id, receivers = stored.receivers, "stored");
    Ok(answer(stored))
}

async fn first_answer(
    app: &App,
    publisher: &PublisherRecord,
    idempotency: Option<(String, [u8; 32])>,
) -> Result<Option<Stored>, Failure> {
    let Some((key, body)) = idempotency else {
        return Ok(None);
    };
    Ok(app.store.answered(&publisher.id, key, body).await?)
}

fn answer(stored: Stored) -> (StatusCode, Json<Published>) {
    let answer = Published {
        id: stored.id,
        receivers: stored.receivers,
        unknown_tokens: stored.unknown_tokens,
    };
    (StatusCode::CREATED, Json(answer))
}

/// Stores what somebody hands over in another form than Hither's own: `by` says whose rights
/// count, `ntfy` is what only ntfy's clients understand. Answers the message as it is stored, but
/// for its page.
pub(crate) async fn accept(
    app: &App,
    publisher: &PublisherRecord,
    by: &Grantee,
    request: PublishRequest,
    ntfy: Option<String>,
) -> Result<Message, Failure> {
    permitted(publisher.rights, &request)?;
    let to = receivers(app, by, &request.to).await?;
    let topic = to.topics.first().cloned().map(String::from);
    let ttl = request.ttl_s.map(Duration::from_secs);
    let named = Named::default();
    let (message, html) = message(publisher, request, named, clock::wall())?;
    let new = NewMessage {
        message: message.clone(),
        html,
        to,
        ttl,
        idempotency: None,
        ntfy,
        fields: None,
    };
    let stored = app.store.publish(new).await?;
    tracing::debug!(publisher = %publisher.id, message = %stored.id, receivers = stored.receivers, "stored");
    let expires = ttl.filter(|ttl| !ttl.is_zero());
    Ok(Message {
        topic,
        expires_at: expires.and_then(|ttl| message.created_at.checked_add(ttl).ok()),
        ..message
    })
}

/// The fields of a request that this version does not carry out.
#[derive(Debug, Deserialize)]
struct NotOffered {
    deliver_at: Option<IgnoredAny>,
}

/// A promise that would be broken silently is refused instead.
fn refuse_what_is_not_offered(body: &[u8]) -> Result<(), Failure> {
    let Ok(fields) = serde_json::from_slice::<NotOffered>(body) else {
        return Ok(());
    };
    match fields.deliver_at {
        Some(_) => Err(Failure::invalid(
            "deliver_at is not offered yet by this server; leave it out.",
        )),
        None => Ok(()),
    }
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
    named: Named,
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
        attachments: named.attachments,
        key: request.key,
        created_at: now,
        expires_at: None,
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
