//! A publisher hands a message over.

pub(super) mod check;
mod command;
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
    Html, Message, MessageId, PublishRequest, Published, PublisherRef, Timestamp, UploadRef,
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use self::check::check;
pub(crate) use self::command::on_command;
pub(crate) use self::recall::{not_published, recall};
use self::receivers::receivers;
use self::rights::permitted;
use super::attachments::{self, Named};
use super::ntfy::of_page;
use super::{App, Failure, JsonBody, Publisher};
use crate::accounts::clock;
use crate::attachments::{Arrived, Held};
use crate::store::{Grantee, MAX_SCHEDULED, NewMessage, PublisherRecord, StoreError, Stored};
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
    let idempotency =
        idempotency_key(&headers)?.map(|key| (key, Sha256::digest(&body.bytes).into()));
    hand_over(&app, &publisher, body.value, idempotency).await
}

/// Stores a message with files that came along; nothing of it stays where that fails.
async fn hand_over_with(
    app: &Arc<App>,
    publisher: &PublisherRecord,
    mut request: PublishRequest,
    files: Vec<(String, Arrived)>,
    idempotency: Option<(String, [u8; 32])>,
) -> Result<(StatusCode, Json<Published>), Failure> {
    let uploads = attachments::keep(app, &publisher.id, files).await?;
    let ids: Vec<_> = uploads.iter().map(|upload| upload.id).collect();
    let named = ids.iter().map(|id| UploadRef {
        id: *id,
        name: None,
    });
    request.attachments.extend(named);
    let stored = hand_over(app, publisher, request, idempotency).await;
    // What the message needs stays with it; a crash before this lets them expire.
    attachments::forget(app, ids).await;
    stored
}

/// Stores a message whose files were uploaded.
async fn hand_over(
    app: &App,
    publisher: &PublisherRecord,
    request: PublishRequest,
    idempotency: Option<(String, [u8; 32])>,
) -> Result<(StatusCode, Json<Published>), Failure> {
    let by = Grantee::Publisher(publisher.id.clone());
    let ready = match Ready::new(app, publisher, &by, request).await {
        Ok(ready) => ready,
        // A repeat may come when it would not be accepted again: its files are known to the
        // message only.
        Err(failure) => {
            let first = first_answer(app, publisher, idempotency).await?;
            return first.map(answer).ok_or(failure);
        }
    };
    let new = NewMessage {
        idempotency,
        ..ready.new
    };
    Ok(answer(store(app, new, ready.held).await?))
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
    let Ready { new, held } = Ready::new(app, publisher, by, request).await?;
    let comes = new.deliver_at.max(Some(new.message.created_at));
    let expires = new.ttl.filter(|ttl| !ttl.is_zero()).zip(comes);
    let message = Message {
        topic: new.to.topics.first().cloned().map(String::from),
        created_at: comes.unwrap_or(new.message.created_at),
        expires_at: expires.and_then(|(ttl, comes)| comes.checked_add(ttl).ok()),
        ..new.message.clone()
    };
    store(app, NewMessage { ntfy, ..new }, held).await?;
    Ok(message)
}

/// A message that passed every check but those that only the store can make.
struct Ready {
    new: NewMessage,
    /// What keeps its files.
    held: Option<Held>,
}

impl Ready {
    async fn new(
        app: &App,
        publisher: &PublisherRecord,
        by: &Grantee,
        mut request: PublishRequest,
    ) -> Result<Self, Failure> {
        // An empty page is none.
        request.html = request.html.filter(|page| !page.is_empty());
        permitted(publisher.rights, &request)?;
        let to = receivers(app, by, &request.to).await?;
        let ttl = request.ttl_s.map(Duration::from_secs);
        let deliver_at = request.deliver_at;
        let mut named = attachments::named(app, &publisher.id, &request.attachments).await?;
        let held = named.take_held();
        let fields = request.fields.take();
        let (message, html) = message(publisher, request, named, clock::wall())?;
        // Only topics have subscribers who cannot show it.
        let page = html.as_deref();
        let page = page.filter(|_| message.body.is_empty() && !to.topics.is_empty());
        let ntfy = page.and_then(of_page);
        let new = NewMessage {
            message,
            html,
            to,
            by: by.clone(),
            deliver_at,
            ttl,
            idempotency: None,
            ntfy,
            fields,
        };
        Ok(Self { new, held })
    }
}

async fn store(app: &App, new: NewMessage, held: Option<Held>) -> Result<Stored, Failure> {
    let publisher = new.message.publisher.id.clone();
    let store = Arc::clone(&app.store);
    let stored = Named::while_held(held, async move { store.publish(new).await })
        .await
        .map_err(|error| match error {
            StoreError::TooMany => Failure::invalid(format!(
                "{MAX_SCHEDULED} messages of this publisher wait for their time, and more may \
                 not; recall one, or publish later."
            )),
            other => other.into(),
        })?;
    tracing::debug!(%publisher, message = %stored.id, receivers = stored.receivers, "stored");
    Ok(stored)
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    // What is no text is no key either.
    valid_key(value.to_str().unwrap_or_default().to_owned()).map(Some)
}

fn valid_key(key: String) -> Result<String, Failure> {
    let is_printable = key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if is_printable && (1..=MAX_KEY).contains(&key.len()) {
        return Ok(key);
    }
    Err(Failure::malformed(format!(
        "Idempotency-Key must be 1 to {MAX_KEY} printable ASCII characters."
    )))
}

/// The message as it is stored, and its page.
fn message(
    publisher: &PublisherRecord,
    request: PublishRequest,
    named: Named,
    now: Timestamp,
) -> Result<(Message, Option<String>), Failure> {
    check(&request, now)?;
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
