//! A publisher registers itself, or an administrator adds it.

use core::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use hither_protocol::{ErrorCode, PublisherId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{App, Client, Failure, JsonBody};
use crate::accounts::clock;
use crate::http::client::bearer;
use crate::limits::TooSoon;
use crate::secret;
use crate::serve::Registration;
use crate::store::{Audience, Permissions, PublisherRecord, StoreError};
use crate::text::is_one_line;

const MAX_NAME: usize = 100;
pub(crate) const MAX_CONTACT: usize = 200;

/// `POST /v1/publishers`
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Register {
    name: String,
    #[serde(default = "any_kind")]
    kind: String,
    contact: String,
}

fn any_kind() -> String {
    "app".to_owned()
}

/// What a publisher proves itself with, said once.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Registered {
    id: PublisherId,
    secret: String,
}

/// `POST /v1/publishers`
pub(crate) async fn register(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: JsonBody<Register>,
) -> Result<(StatusCode, Json<Registered>), Failure> {
    let now = clock::wall();
    let added = is_administrators(&app, &headers).await?;
    let (status, approved_at) = match app.settings.registration {
        _ if added => (StatusCode::CREATED, Some(now)),
        Registration::Administrators => return Err(not_here()),
        Registration::Approval => (StatusCode::ACCEPTED, None),
        Registration::Open => (StatusCode::CREATED, Some(now)),
    };
    let Register {
        name,
        kind,
        contact,
    } = body.value;
    line("name", &name, MAX_NAME)?;
    line("contact", &contact, MAX_CONTACT)?;
    let id = secret::publisher_id(&kind).map_err(|error| Failure::invalid(format!("{error}.")))?;
    if !added {
        not_the_server(&name)?;
        app.limiter.registration(peer.ip()).map_err(too_often)?;
    }
    let secret = secret::publisher_secret();
    let rights = if added {
        Permissions::ALL
    } else {
        Permissions::NONE
    };
    let publisher = PublisherRecord {
        contact,
        rights,
        approved_at,
        ..PublisherRecord::new(id.clone(), name, vec![secret::hash(&secret)], now)
    };
    app.store
        .register(publisher, Audience::default())
        .await
        .map_err(refused)?;
    tracing::info!(
        publisher = %id, peer = %peer.ip(), added, approved = approved_at.is_some(), "registered"
    );
    Ok((status, Json(Registered { id, secret })))
}

/// Whether the request carries the access token of an administrator's own inbox. A dead token is
/// refused: whoever sends one expects more than strangers get.
async fn is_administrators(app: &App, headers: &HeaderMap) -> Result<bool, Failure> {
    let Some(token) = bearer(headers) else {
        return Ok(false);
    };
    let client = Client::with(app, &token).await?;
    let account = app.store.account(&client.0.account).await?;
    Ok(client.is_inbox() && account.is_some_and(|account| account.admin))
}

fn line(what: &str, text: &str, most: usize) -> Result<(), Failure> {
    if is_one_line(text, most) {
        return Ok(());
    }
    Err(Failure::invalid(format!(
        "{what} must be one line of 1 to {most} characters."
    )))
}

/// People would take it for the server itself, which tells them of new devices.
fn not_the_server(name: &str) -> Result<(), Failure> {
    if name.trim().eq_ignore_ascii_case("Hither") {
        let detail = "Hither is the server's own name; choose another.";
        return Err(Failure::invalid(detail));
    }
    Ok(())
}

fn not_here() -> Failure {
    Failure::new(
        ErrorCode::Forbidden,
        "Publishers do not register themselves here; ask the server's administrator for an id and \
         a secret.",
    )
}

fn too_often(too_soon: TooSoon) -> Failure {
    Failure::too_many(
        "Too many publishers registered from your address; wait, or ask the server's administrator \
         for an id and a secret.",
        too_soon.seconds(),
    )
}

fn refused(error: StoreError) -> Failure {
    match error {
        StoreError::TooMany => Failure::new(
            ErrorCode::TooMany,
            "Too many publishers wait for approval; ask the server's administrator.",
        ),
        error => error.into(),
    }
}
