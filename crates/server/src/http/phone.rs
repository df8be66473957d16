//! The phone page: its files, and its sessions in a cookie.

use core::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::header::{ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use hither_protocol::{CreateSession, DeviceId, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::client::{COOKIE, foreign_page};
use super::page::{self, File, HTML, MANIFEST, PICTURE, SCRIPT, STYLE};
use super::sign_in::{SESSION_LASTS, sign_in};
use super::{App, Client, Failure, JsonBody};

macro_rules! files {
    ($($name:literal: $media_type:expr,)*) => {
        &[$(($name, $media_type, include_bytes!(concat!("../../phone/", $name)))),*]
    };
}

const FILES: &[File] = files! {
    "index.html": HTML,
    "app.js": SCRIPT,
    "history.js": SCRIPT,
    "ring.js": SCRIPT,
    "stream.js": SCRIPT,
    "views.js": SCRIPT,
    "words.js": SCRIPT,
    "sw.js": SCRIPT,
    "base.css": STYLE,
    "style.css": STYLE,
    "manifest.webmanifest": MANIFEST,
    "icon.svg": PICTURE,
};

/// A session whose access token only the browser's cookie knows.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct BrowserSession {
    #[serde(serialize_with = "hither_protocol::write_time")]
    expires_at: Timestamp,
    device_id: DeviceId,
    message_token: String,
    stream_url: String,
}

/// `GET /` and `GET /app`
pub(crate) async fn redirect() -> Redirect {
    Redirect::temporary("/app/")
}

/// `GET /app/`
pub(crate) async fn index() -> Result<Response, Failure> {
    page::serve(FILES, "index.html")
}

/// `GET /app/{file}`
pub(crate) async fn file(name: Result<Path<String>, PathRejection>) -> Result<Response, Failure> {
    match name {
        Ok(Path(name)) => page::serve(FILES, &name),
        Err(_) => Err(page::no_file()),
    }
}

/// `POST /app/session`
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: JsonBody<CreateSession>,
) -> Result<Response, Failure> {
    let origin = app.origin(&headers)?;
    if headers.contains_key(ORIGIN) && !app.is_from_own_page(&headers)? {
        return Err(foreign_page());
    }
    let before = COOKIE.of(&headers);
    let session = sign_in(&app, peer, &origin, body.value, before).await?;
    let cookie = COOKIE.set(&session.access_token, SESSION_LASTS, &origin);
    let session = BrowserSession {
        expires_at: session.expires_at,
        device_id: session.device_id,
        message_token: session.message_token,
        stream_url: session.stream_url,
    };
    Ok((StatusCode::CREATED, [(SET_COOKIE, cookie)], Json(session)).into_response())
}

/// `DELETE /app/session`
pub(crate) async fn end(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Client(identity): Client,
) -> Result<Response, Failure> {
    let origin = app.origin(&headers)?;
    app.store.end_session(identity.client).await?;
    let cookie = COOKIE.forget(&origin);
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response())
}
