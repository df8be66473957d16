//! Signing in and out.

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use hither_protocol::{
    AccessToken, AccountName, CreateSession, CurrentSession, ErrorCode, Format, Message, MessageId,
    Priority, PublisherRef, Session, Timestamp,
};
use uuid::Uuid;

use super::client::bearer;
use super::{App, Client, Failure, JsonBody, Origin};
use crate::accounts::clock;
use crate::secret::{self, Verdict};
use crate::store::{
    ADMINISTRATION, AccountRecord, DeviceRecord, Grantee, Identity, NewMessage, NewSession,
    Receivers, SERVER_ITSELF, StoreError,
};

/// How long a session lasts after its last use.
pub(crate) const SESSION_LASTS: Duration = Duration::from_hours(60 * 24);

/// When there is room for another sign-in, in seconds.
const BUSY_S: u64 = 2;

/// The longest name of a device or an application, in bytes.
pub(crate) const MAX_NAME: usize = 100;
/// The longest password taken, in bytes: hashing a longer one only costs time.
pub(crate) const MAX_PASSWORD: usize = 1024;

/// `POST /v1/sessions`
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: JsonBody<CreateSession>,
) -> Result<(StatusCode, Json<Session>), Failure> {
    let origin = app.origin(&headers)?;
    let session = sign_in(&app, peer, &origin, body.value, bearer(&headers)).await?;
    Ok((StatusCode::CREATED, Json(session)))
}

/// `GET /v1/sessions/current`
pub(crate) async fn current(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Client(identity): Client,
) -> Result<Json<CurrentSession>, Failure> {
    let origin = app.origin(&headers)?;
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

/// Where somebody signs in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Entrance {
    /// A program of the person's own.
    Client,
    /// The admin page, which knows administrators only and does not stay open for long.
    Administration {
        /// How long the session lasts at most.
        lasts: Duration,
    },
}

/// Checks account and password and begins a session of a client. `before` is the token of whoever
/// was signed in there until now: another account's session ends.
pub(crate) async fn sign_in(
    app: &App,
    peer: SocketAddr,
    origin: &Origin,
    request: CreateSession,
    before: Option<AccessToken>,
) -> Result<Session, Failure> {
    if request.application.name == ADMINISTRATION {
        return Err(Failure::invalid(
            "application.name is the admin page's own; choose another.",
        ));
    }
    sign_in_through(app, peer, origin, request, before, Entrance::Client).await
}

/// Checks account and password and begins a session.
pub(crate) async fn sign_in_through(
    app: &App,
    peer: SocketAddr,
    origin: &Origin,
    request: CreateSession,
    before: Option<AccessToken>,
    entrance: Entrance,
) -> Result<Session, Failure> {
    check(&request)?;
    let attempt = app.attempts.begin(peer.ip(), &request.account)?;
    let found = authenticate(app, &request.account, request.password.clone(), entrance).await;
    let account = match found {
        Err(failure) if failure.code() == ErrorCode::WrongCredentials => {
            attempt.failed();
            return Err(failure);
        }
        found => found?,
    };
    let token = secret::access_token();
    let session = NewSession {
        device: device(&request),
        notice: notice(app, &account.name, &request),
        replaces: before.map(|token| secret::hash(token.expose())),
        account: account.name,
        application: (request.application.name, request.application.version),
        token: secret::hash(token.expose()),
        message_token: secret::message_token(),
        expires_at: entrance.session_ends(clock::wall()),
    };
    let identity = begin(app, session).await?;
    tracing::info!(account = %identity.account, device = %identity.device.id, "signed in");
    Ok(Session {
        access_token: token,
        expires_at: identity.expires_at,
        device_id: identity.device.id,
        message_token: identity.message_token,
        stream_url: origin.stream_url(),
    })
}

/// A device that was revoked gets a new id.
async fn begin(app: &App, mut session: NewSession) -> Result<Identity, StoreError> {
    match app.store.create_session(session.clone()).await {
        Err(StoreError::Changed) => {
            session.device.id = secret::device_id();
            app.store.create_session(session).await
        }
        done => done,
    }
}

/// Tells the person's other devices that somebody signed in.
fn notice(app: &App, account: &AccountName, request: &CreateSession) -> Option<Box<NewMessage>> {
    if !app.settings.announce_sign_ins {
        return None;
    }
    let CreateSession {
        device,
        application,
        ..
    } = request;
    let from = from_the_server();
    let by = Grantee::Publisher(from.publisher.id.clone());
    let message = Message {
        title: format!("New sign-in: {}", device.name),
        body: format!(
            "{} {} on {} signed in to your account. If that was not you, change your password \
             and revoke the device.",
            application.name, application.version, device.platform
        ),
        priority: Priority::High,
        tags: vec!["sign-in".to_owned()],
        ..from
    };
    Some(Box::new(NewMessage {
        message,
        html: None,
        to: Receivers::accounts(vec![account.clone()]),
        by,
        deliver_at: None,
        ttl: None,
        idempotency: None,
        ntfy: None,
        fields: None,
    }))
}

/// An empty message that the server itself sends.
fn from_the_server() -> Message {
    Message {
        id: MessageId(Uuid::now_v7()),
        publisher: PublisherRef {
            id: SERVER_ITSELF
                .parse()
                .expect("hither- and 16 digits are a publisher's id"),
            name: "Hither".to_owned(),
        },
        application: None,
        topic: None,
        title: String::new(),
        body: String::new(),
        format: Format::Plain,
        html: None,
        url: None,
        priority: Priority::Default,
        tags: Vec::new(),
        icon: None,
        actions: Vec::new(),
        attachments: Vec::new(),
        key: None,
        created_at: clock::wall(),
        expires_at: None,
        read_at: None,
    }
}

impl Entrance {
    /// When a session that begins at `now` ends.
    fn session_ends(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Client => session_expiry(now),
            Self::Administration { lasts } => now.saturating_add(lasts).unwrap_or(Timestamp::MAX),
        }
    }

    const fn admits(self, account: &AccountRecord) -> bool {
        match self {
            Self::Client => true,
            Self::Administration { .. } => account.admin,
        }
    }
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

pub(crate) fn named(field: &str, text: &str) -> Result<(), Failure> {
    if is_name(text) {
        return Ok(());
    }
    Err(Failure::invalid(format!(
        "{field} must be 1 to {MAX_NAME} bytes on one line."
    )))
}

/// An account that does not exist, or may not enter here, costs the same time and gets the same
/// answer as a wrong password; a disabled one is told so only with the right password.
pub(crate) async fn authenticate(
    app: &App,
    name: &str,
    password: String,
    entrance: Entrance,
) -> Result<AccountRecord, Failure> {
    let account = match name.parse::<AccountName>() {
        Ok(name) => app.store.account(&name).await?,
        Err(_) => None,
    };
    let phc = account
        .as_ref()
        .map(|account| account.password_hash.clone());
    let verdict = verify(app, password, phc).await?;
    let account = account
        .filter(|account| verdict != Verdict::Wrong && entrance.admits(account))
        .ok_or_else(wrong_credentials)?;
    if account.disabled_at.is_some() {
        return Err(Failure::new(
            ErrorCode::Forbidden,
            "This account is disabled; ask the server's administrator.",
        ));
    }
    Ok(account)
}

/// Whether a password is the one that `phc` was made from.
pub(crate) async fn verify(
    app: &App,
    password: String,
    phc: Option<String>,
) -> Result<Verdict, Failure> {
    if password.len() > MAX_PASSWORD {
        return Ok(Verdict::Wrong);
    }
    let _place = app.sign_ins.try_acquire().map_err(|_| too_busy())?;
    let verdict = app.passwords.verify(password, phc).await;
    app.metrics.signed_in(verdict != Verdict::Wrong);
    Ok(verdict)
}

fn too_busy() -> Failure {
    Failure::busy(
        "Too many people sign in at this moment; try again in a few seconds.",
        BUSY_S,
    )
}

fn wrong_credentials() -> Failure {
    Failure::new(
        ErrorCode::WrongCredentials,
        "Account or password is not right; check both and try again.",
    )
}

/// The device under the id that it says, which means something to this account alone; under a new
/// one where it says none.
fn device(request: &CreateSession) -> DeviceRecord {
    let said = request.device.id.clone();
    DeviceRecord {
        id: said.unwrap_or_else(secret::device_id),
        name: request.device.name.clone(),
        platform: request.device.platform.clone(),
        kind: request.device.kind,
    }
}
