//! Who publishes.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use hither_protocol::{ErrorCode, PublisherId};

use super::authorization::Authorization;
use super::{App, Failure};
use crate::secret;
use crate::store::{PublisherRecord, SecretHash};

/// A publisher that proved its id.
pub(crate) struct Publisher(pub(crate) PublisherRecord);

impl FromRequestParts<Arc<App>> for Publisher {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Failure> {
        let shown = Authorization::of(&parts.headers).and_then(Authorization::id_and_secret);
        let (id, secret) = shown.ok_or_else(unauthenticated)?;
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

pub(crate) fn unauthenticated() -> Failure {
    Failure::unauthenticated_publisher(
        "Send the publisher's id and secret, as HTTP Basic or as Authorization: Bearer ID.SECRET.",
    )
}
