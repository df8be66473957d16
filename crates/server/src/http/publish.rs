//! A publisher hands a message over.

use core::time::Duration;
use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hither_protocol::{
    AccountName, Action, ErrorCode, Html, MAX_FRAME_BYTES, Message, MessageId, PublishRequest,
    Published, PublisherId, PublisherRef, Recipients, Timestamp,
};
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{App, Failure, JsonBody};
use crate::accounts::clock;
use crate::secret;
use crate::store::{NewMessage, PublisherRecord};

/// The largest request body, in bytes: the largest message with room for JSON's escapes.
pub(crate) const MAX_REQUEST: usize = 2 * 1024 * 1024;

const MAX_TITLE: usize = 1024;
const MAX_BODY: usize = 32 * 1024;
const MAX_HTML: usize = 512 * 1024;
const MAX_URL: usize = 2048;
const MAX_KEY: usize = 128;
const MAX_TAGS: usize = 20;
const MAX_WORD: usize = 64;
const MAX_LABEL: usize = 128;
const MAX_ACTIONS: usize = 5;
const MAX_ACCOUNTS: usize = 1000;
const MAX_TTL_S: u64 = 365 * 24 * 60 * 60;
/// A message without its page, as JSON; leaves room in a frame for what stands around it.
const MAX_MESSAGE: usize = MAX_FRAME_BYTES - 4 * 1024;

/// `POST /v1/messages`
pub(crate) async fn publish(
    State(app): State<Arc<App>>,
    Publisher(publisher): Publisher,
    headers: HeaderMap,
    body: JsonBody<PublishRequest>,
) -> Result<(StatusCode, Json<Published>), Failure> {
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

/// A publisher that proved its id.
pub(crate) struct Publisher(PublisherRecord);

impl FromRequestParts<Arc<App>> for Publisher {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Failure> {
        let (id, secret) = credentials(&parts.headers).ok_or_else(unauthenticated)?;
        let publisher = match id.parse::<PublisherId>() {
            Ok(id) => app.store.publisher(&id).await?,
            Err(_) => None,
        };
        let publisher = publisher
            .filter(|found| secret::is_known(&secret, &found.secrets))
            .ok_or_else(unauthenticated)?;
        if publisher.disabled_at.is_some() {
            return Err(Failure::new(
                ErrorCode::Forbidden,
                "This publisher is disabled; ask the server's administrator.",
            ));
        }
        Ok(Self(publisher))
    }
}

/// Id and secret, from HTTP Basic or a bearer token `id.secret`.
fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    let rest = rest.trim();
    let (id, secret) = if scheme.eq_ignore_ascii_case("basic") {
        let decoded = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
        let (id, secret) = decoded.split_once(':')?;
        (id.to_owned(), secret.to_owned())
    } else if scheme.eq_ignore_ascii_case("bearer") {
        let (id, secret) = rest.split_once('.')?;
        (id.to_owned(), secret.to_owned())
    } else {
        return None;
    };
    Some((id, secret))
}

fn unauthenticated() -> Failure {
    Failure::new(
        ErrorCode::Unauthenticated,
        "Send the publisher's id and secret, as HTTP Basic or as Authorization: Bearer ID.SECRET.",
    )
}

fn no_receivers() -> Failure {
    Failure::new(
        ErrorCode::NoReceivers,
        "None of the receivers is known here to this publisher; nothing was stored.",
    )
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

/// Names that cannot be an account's are as unknown as others.
fn receivers(to: &Recipients) -> Result<Vec<AccountName>, Failure> {
    let elsewhere = [
        ("to.topics", !to.topics.is_empty()),
        ("to.tokens", !to.tokens.is_empty()),
        ("to.everyone", to.everyone),
    ];
    if let Some((name, _)) = elsewhere.iter().find(|(_, asked)| *asked) {
        return Err(not_offered(name));
    }
    if !(1..=MAX_ACCOUNTS).contains(&to.accounts.len()) {
        let detail = format!("to.accounts must name 1 to {MAX_ACCOUNTS} accounts.");
        return Err(Failure::invalid(detail));
    }
    let names: BTreeSet<AccountName> = to
        .accounts
        .iter()
        .filter_map(|name| name.parse().ok())
        .collect();
    if names.is_empty() {
        return Err(no_receivers());
    }
    Ok(names.into_iter().collect())
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

fn check(request: &PublishRequest) -> Result<(), Failure> {
    let html = request.html.as_deref().unwrap_or_default();
    if request.title.is_empty() && request.body.is_empty() && html.is_empty() {
        return Err(Failure::invalid(
            "Give at least one of title, body and html.",
        ));
    }
    at_most("title", &request.title, MAX_TITLE)?;
    at_most("body", &request.body, MAX_BODY)?;
    at_most("html", html, MAX_HTML)?;
    if request.title.contains(char::is_control) {
        return Err(Failure::invalid(
            "title must be one line without control characters.",
        ));
    }
    link("url", request.url.as_deref(), LINKS)?;
    link("icon", request.icon.as_deref(), PICTURES)?;
    words("tags", &request.tags, MAX_TAGS)?;
    actions(&request.actions)?;
    if let Some(key) = &request.key {
        within("key", key, MAX_KEY)?;
    }
    match request.ttl_s {
        Some(ttl) if !(1..=MAX_TTL_S).contains(&ttl) => Err(Failure::invalid(format!(
            "ttl_s must be 1 to {MAX_TTL_S} seconds."
        ))),
        _ => Ok(()),
    }
}

fn actions(actions: &[Action]) -> Result<(), Failure> {
    if actions.len() > MAX_ACTIONS {
        let detail = format!("There may be at most {MAX_ACTIONS} actions.");
        return Err(Failure::invalid(detail));
    }
    let mut ids = BTreeSet::new();
    for action in actions {
        within("the id of an action", &action.id, MAX_WORD)?;
        within("the label of an action", &action.label, MAX_LABEL)?;
        link("the url of an action", action.url.as_deref(), LINKS)?;
        if !ids.insert(&action.id) {
            return Err(Failure::invalid("Each action needs an id of its own."));
        }
    }
    Ok(())
}

fn words(name: &str, words: &[String], most: usize) -> Result<(), Failure> {
    if words.len() > most {
        return Err(Failure::invalid(format!(
            "There may be at most {most} {name}."
        )));
    }
    words
        .iter()
        .try_for_each(|word| within(name, word, MAX_WORD))
}

fn within(name: &str, text: &str, most: usize) -> Result<(), Failure> {
    if text.is_empty() {
        return Err(Failure::invalid(format!("{name} must not be empty.")));
    }
    at_most(name, text, most)
}

fn at_most(name: &str, text: &str, most: usize) -> Result<(), Failure> {
    if text.len() <= most {
        return Ok(());
    }
    let detail = format!(
        "{name} must be at most {most} bytes; this one has {}.",
        text.len()
    );
    Err(Failure::invalid(detail))
}

const LINKS: &[&str] = &["http://", "https://", "mailto:"];
const PICTURES: &[&str] = &["http://", "https://"];

fn link(name: &str, link: Option<&str>, schemes: &[&str]) -> Result<(), Failure> {
    let Some(link) = link else {
        return Ok(());
    };
    at_most(name, link, MAX_URL)?;
    let leads_somewhere = schemes.iter().any(|scheme| {
        link.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            && link.len() > scheme.len()
    });
    if leads_somewhere && !link.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return Ok(());
    }
    Err(Failure::invalid(format!(
        "{name} must begin with {} and contain no spaces.",
        schemes.join(" or ")
    )))
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
