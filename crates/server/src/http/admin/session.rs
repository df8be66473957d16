//! An administrator's session, in a cookie that only this page's requests carry.

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::http::header::{ORIGIN, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use hither_protocol::{
    AccessToken, AccountName, ClientInfo, CreateSession, DeviceId, DeviceKind, DeviceRequest,
    ErrorCode, Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::client::foreign_page;
use super::super::cookie::Cookie;
use super::super::sign_in::{Entrance, sign_in_through};
use super::super::{App, Failure, JsonBody};
use crate::accounts::clock;
use crate::secret;
use crate::store::{ADMINISTRATION, Identity};

/// What stands for an administrator's access token.
const COOKIE: Cookie = Cookie {
    name: "hither_admin",
    path: "/admin",
};
/// How long an administrator stays signed in.
const LASTS: Duration = Duration::from_hours(12);

/// `POST /admin/session`
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct AdminSignIn {
    account: String,
    password: String,
    /// From an earlier sign-in in the same browser.
    device_id: Option<DeviceId>,
}

/// Who is signed in.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct AdminSession {
    account: AccountName,
    device_id: DeviceId,
    #[serde(serialize_with = "hither_protocol::write_time")]
    expires_at: Timestamp,
}

/// A signed-in administrator.
pub(crate) struct Admin(pub(crate) Identity);

impl FromRequestParts<Arc<App>> for Admin {
    type Rejection = Failure;

    /// Whether the account still is an administrator's is asked anew each time.
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Failure> {
        let token = COOKIE.of(&parts.headers).ok_or_else(unauthenticated)?;
        let harmless = matches!(parts.method, Method::GET | Method::HEAD);
        if !harmless && !app.origin(&parts.headers)?.sent(&parts.headers) {
            return Err(foreign_page());
        }
        let identity = identify(app, &token).await?.ok_or_else(unauthenticated)?;
        let account = app.store.account(&identity.account).await?;
        account
            .filter(|account| account.admin)
            .map(|_| Self(identity))
            .ok_or_else(unauthenticated)
    }
}

impl Admin {
    /// Refuses what would take the ground from under whoever asks.
    pub(super) fn must_not_be(&self, account: &AccountName) -> Result<(), Failure> {
        if self.0.account != *account {
            return Ok(());
        }
        Err(Failure::new(
            ErrorCode::Forbidden,
            "This is the account you are signed in with; ask another administrator, or use the \
             server's command line.",
        ))
    }
}

/// The session behind a token; it never slides.
async fn identify(app: &App, token: &AccessToken) -> Result<Option<Identity>, Failure> {
    let now = clock::wall();
    let hash = secret::hash(token.expose());
    let identity = app.store.identify(&hash, now, now).await?;
    Ok(identity.filter(|identity| identity.application == ADMINISTRATION))
}

/// `POST /admin/session`
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: JsonBody<AdminSignIn>,
) -> Result<Response, Failure> {
    let origin = app.origin(&headers)?;
    if headers.contains_key(ORIGIN) && !origin.sent(&headers) {
        return Err(foreign_page());
    }
    let entrance = Entrance::Administration { lasts: LASTS };
    let AdminSignIn {
        account,
        password,
        device_id,
    } = body.value;
    let request = CreateSession {
        account: account.clone(),
        password,
        device: DeviceRequest {
            id: device_id,
            name: "Administration".to_owned(),
            platform: "web".to_owned(),
            kind: DeviceKind::Desktop,
        },
        application: ClientInfo {
            name: ADMINISTRATION.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
    };
    let session = sign_in_through(&app, peer, &origin, request, None, entrance).await?;
    let cookie = COOKIE.set(&session.access_token, LASTS, &origin);
    let current = AdminSession {
        account: account.parse().map_err(|_| unauthenticated())?,
        device_id: session.device_id,
        expires_at: session.expires_at,
    };
    Ok((StatusCode::CREATED, [(SET_COOKIE, cookie)], Json(current)).into_response())
}

/// `GET /admin/api/session`
pub(crate) async fn current(Admin(identity): Admin) -> Json<AdminSession> {
    Json(AdminSession {
        account: identity.account,
        device_id: identity.device.id,
        expires_at: identity.expires_at,
    })
}

/// `DELETE /admin/session`
pub(crate) async fn end(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Admin(identity): Admin,
) -> Result<Response, Failure> {
    let origin = app.origin(&headers)?;
    app.store
        .remove_device(&identity.account, &identity.device.id)
        .await?;
    let cookie = COOKIE.forget(&origin);
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response())
}

fn unauthenticated() -> Failure {
    Failure::new(
        ErrorCode::Unauthenticated,
        "Sign in as an administrator at /admin/.",
    )
}
