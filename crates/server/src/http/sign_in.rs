//! Signing in and out.

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use hither_protocol::{AccountName, CreateSession, CurrentSession, ErrorCode, Session, Timestamp};

use super::{App, Client, Failure, JsonBody, Origin};
use crate::accounts::clock;
use crate::secret::{self, Verdict};
use crate::store::{AccountRecord, DeviceRecord, NewSession};

/// How long a session lasts after its last use.
pub(crate) const SESSION_LASTS: Duration = Duration::from_hours(60 * 24);

/// The longest name of a device or an application, in bytes.
const MAX_NAME: usize = 100;
/// The longest password taken, in bytes: hashing a longer one only costs time.
const MAX_PASSWORD: usize = 1024;

/// `POST /v1/sessions`
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: JsonBody<CreateSession>,
) -> Result<(StatusCode, Json<Session>), Failure> {
    let origin = Origin::of(app.settings.public_url.as_ref(), &headers)?;
    let session = sign_in(&app, peer, &origin, body.value).await?;
    Ok((StatusCode::CREATED, Json(session)))
}

/// `GET /v1/sessions/current`
pub(crate) async fn current(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Client(identity): Client,
) -> Result<Json<CurrentSession>, Failure> {
    let origin = Origin::of(app.settings.public_url.as_ref(), &headers)?;
    Ok(Json(CurrentSession {
        account: identity.account,
        device_id: identity.device.id,
        stream_url: origin.stream_url(),
        expires_at: identity.expires_at,
    }))
}

/// `DELETE /v1/sessions/current`
pub(crate) async fn end(
    State(app): State<Arc<App>>,
    Client(identity): Client,
) -> Result<StatusCode, Failure> {
    app.store.end_session(identity.client).await?;
    tracing::info!(account = %identity.account, device = %identity.device.id, "signed out");
    Ok(StatusCode::NO_CONTENT)
}

/// Checks account and password and begins a session.
pub(crate) async fn sign_in(
    app: &App,
    peer: SocketAddr,
    origin: &Origin,
    request: CreateSession,
) -> Result<Session, Failure> {
    check(&request)?;
    let attempt = app.attempts.begin(peer.ip(), &request.account)?;
    let account = authenticate(app, &request.account, request.password.clone()).await?;
    attempt.succeeded();
    let token = secret::access_token();
    let session = NewSession {
        device: device(app, &account.name, &request).await?,
        named: request.device.id.clone(),
        account: account.name,
        application: (request.application.name, request.application.version),
        token: secret::hash(token.expose()),
        message_token: secret::message_token(),
        expires_at: session_expiry(clock::wall()),
    };
    let identity = app.store.create_session(session).await?;
    tracing::info!(account = %identity.account, device = %identity.device.id, "signed in");
    Ok(Session {
        access_token: token,
        expires_at: identity.expires_at,
        device_id: identity.device.id,
        message_token: identity.message_token,
        stream_url: origin.stream_url(),
    })
}

/// When a session used at `now` ends.
pub(crate) fn session_expiry(now: Timestamp) -> Timestamp {
    now.saturating_add(SESSION_LASTS).unwrap_or(Timestamp::MAX)
}

fn check(request: &CreateSession) -> Result<(), Failure> {
    named("device.name", &request.device.name)?;
    named("device.platform", &request.device.platform)?;
    named("application.name", &request.application.name)?;
    named("application.version", &request.application.version)
}

/// Whether a text may name a device, an application or a version.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len()) && !text.contains(char::is_control)
}

fn named(field: &str, text: &str) -> Result<(), Failure> {
    if is_name(text) {
        return Ok(());
    }
    Err(Failure::invalid(format!(
        "{field} must be 1 to {MAX_NAME} bytes on one line."
    )))
}

/// An account that does not exist costs the same time and gets the same answer as a wrong
/// password; a disabled one is told so only with the right password.
pub(crate) async fn authenticate(
    app: &App,
    name: &str,
    password: String,
) -> Result<AccountRecord, Failure> {
    let account = match name.parse::<AccountName>() {
        Ok(name) => app.store.account(&name).await?,
        Err(_) => None,
    };
    if password.len() > MAX_PASSWORD {
        return Err(wrong_credentials());
    }
    let phc = account
        .as_ref()
        .map(|account| account.password_hash.clone());
    let _place = app.sign_ins.try_acquire().map_err(|_| too_busy())?;
    let verdict = app.passwords.verify(password, phc).await;
    let account = account
        .filter(|_| verdict != Verdict::Wrong)
        .ok_or_else(wrong_credentials)?;
    if account.disabled_at.is_some() {
        return Err(Failure::new(
            ErrorCode::Forbidden,
            "This account is disabled; ask the server's administrator.",
        ));
    }
    Ok(account)
}

fn too_busy() -> Failure {
    Failure::new(
        ErrorCode::Unavailable,
        "Too many people sign in at this moment; try again in a few seconds.",
    )
}

fn wrong_credentials() -> Failure {
    Failure::new(
        ErrorCode::WrongCredentials,
        "Account or password is not right; check both and try again.",
    )
}

/// The device as signed in before, else a new one: an id means something only to the account it
/// was made for.
async fn device(
    app: &App,
    account: &AccountName,
    request: &CreateSession,
) -> Result<DeviceRecord, Failure> {
    let known = match &request.device.id {
        Some(id) => app.store.device(account, id).await?,
        None => None,
    };
    Ok(DeviceRecord {
        id: known.map_or_else(secret::device_id, |device| device.id),
        name: request.device.name.clone(),
        platform: request.device.platform.clone(),
        kind: request.device.kind,
    })
}
