//! Who sends a request: the client that an access token stands for.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use hither_protocol::{AccessToken, ErrorCode};

use super::authorization::Authorization;
use super::cookie::Cookie;
use super::{App, Failure};
use crate::session::INBOX;
use crate::store::Identity;

/// What stands for a client's access token in a browser.
pub(super) const COOKIE: Cookie = Cookie {
    name: "hither_session",
    path: "/",
};

/// A signed-in client.
pub(crate) struct Client(pub(crate) Identity);

impl Client {
    /// The client that an access token stands for, where its account does not ask too often.
    pub(crate) async fn with(app: &App, token: &AccessToken) -> Result<Self, Failure> {
        let identity = app.identify(token).await?.ok_or_else(unauthenticated)?;
        app.limiter.account(&identity.account)?;
        Ok(Self(identity))
    }

    /// Whether it is the person's own inbox, which alone sees the account's messages.
    pub(crate) fn is_inbox(&self) -> bool {
        self.0.application == INBOX
    }
}

impl FromRequestParts<Arc<App>> for Client {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Failure> {
        let token = match bearer(&parts.headers) {
            Some(token) => token,
            None => from_browser(app, parts)?.ok_or_else(unauthenticated)?,
        };
        Self::with(app, &token).await
    }
}

/// The access token in an `Authorization` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<AccessToken> {
    Authorization::of(headers)?.bearer().map(AccessToken::new)
}

/// The access token in a browser's cookie. A request that changes something, or opens a stream,
/// must come from one of this server's own pages.
pub(crate) fn from_browser(app: &App, parts: &Parts) -> Result<Option<AccessToken>, Failure> {
    let Some(token) = COOKIE.of(&parts.headers) else {
        return Ok(None);
    };
    let harmless = matches!(parts.method, Method::GET | Method::HEAD)
        && !parts.headers.contains_key("upgrade");
    if harmless || app.is_from_own_page(&parts.headers)? {
        return Ok(Some(token));
    }
    Err(foreign_page())
}

/// A browser sent a request from a page of another site.
pub(crate) fn foreign_page() -> Failure {
    Failure::new(
        ErrorCode::Forbidden,
        "With a browser's cookie this is allowed only from this server's own pages. Behind a \
         proxy, set the server's public_url to the address that people open.",
    )
}

pub(crate) fn unauthenticated() -> Failure {
    Failure::new(
        ErrorCode::Unauthenticated,
        "Sign in with POST /v1/sessions and send the header Authorization: Bearer ACCESS_TOKEN.",
    )
}
