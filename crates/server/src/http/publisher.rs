//! Who publishes.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hither_protocol::{ErrorCode, PublisherId};

use super::{App, Failure};
use crate::secret;
use crate::store::{PublisherRecord, SecretHash};

/// A publisher that proved its id.
pub(crate) struct Publisher(pub(crate) PublisherRecord);

impl FromRequestParts<Arc<App>> for Publisher {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Failure> {
        let (id, secret) = credentials(&parts.headers).ok_or_else(unauthenticated)?;
        let secret = secret::hash(&secret);
        let publisher = admit(app, &id, &secret).await?;
        publisher.map(Self).ok_or_else(unauthenticated)
    }
}

/// The publisher whose id and secret these are, where it may publish and does not ask too often.
pub(crate) async fn admit(
    app: &App,
    id: &str,
    secret: &SecretHash,
) -> Result<Option<PublisherRecord>, Failure> {
    let publisher = match id.parse::<PublisherId>() {
        Ok(id) => app.store.publisher(&id).await?,
        Err(_) => None,
    };
    let Some(publisher) = publisher.filter(|found| secret::is_known(secret, &found.secrets)) else {
        return Ok(None);
    };
    app.limiter.publisher(&publisher.id)?;
    may_publish(&publisher)?;
    Ok(Some(publisher))
}

fn may_publish(publisher: &PublisherRecord) -> Result<(), Failure> {
    if publisher.disabled_at.is_some() {
        return Err(disabled());
    }
    if publisher.approved_at.is_none() {
        let why = "This publisher waits for approval; ask the server's administrator.";
        return Err(Failure::new(ErrorCode::Forbidden, why));
    }
    Ok(())
}

pub(super) fn disabled() -> Failure {
    Failure::new(
        ErrorCode::Forbidden,
        "This publisher is disabled; ask the server's administrator.",
    )
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

pub(crate) fn unauthenticated() -> Failure {
    Failure::unauthenticated_publisher(
        "Send the publisher's id and secret, as HTTP Basic or as Authorization: Bearer ID.SECRET.",
    )
}
