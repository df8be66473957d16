//! The admin page and what it asks. Everything but the page's files and the sign-in wants the
//! cookie of an administrator.

mod accounts;
mod messages;
mod overview;
mod publishers;
mod session;
mod topics;

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::middleware::map_response;
use axum::response::{Redirect, Response};
use axum::routing::{delete, get, post, put};
use schemars::JsonSchema;
use serde::Deserialize;

pub(super) use self::accounts::{AccountList, MadeUpPassword, NewAccount};
pub(super) use self::messages::MessageList;
pub(super) use self::overview::Health;
pub(super) use self::publishers::{NewPublisher, PublisherList, PublisherRights, PublisherSecret};
use self::session::Admin;
pub(super) use self::session::{AdminSession, AdminSignIn};
pub(super) use self::topics::{Private, TopicList};
use super::page::{self, File, HTML, PICTURE, SCRIPT, STYLE};
use super::{App, Failure};

macro_rules! files {
    ($($name:literal: $media_type:expr,)*) => {
        &[
            ("base.css", STYLE, include_bytes!("../../../phone/base.css")),
            ("icon.svg", PICTURE, include_bytes!("../../../phone/icon.svg")),
            $(($name, $media_type, include_bytes!(concat!("../../../admin/", $name)))),*
        ]
    };
}

const FILES: &[File] = files! {
    "index.html": HTML,
    "app.js": SCRIPT,
    "api.js": SCRIPT,
    "accounts.js": SCRIPT,
    "dialogs.js": SCRIPT,
    "elements.js": SCRIPT,
    "health.js": SCRIPT,
    "messages.js": SCRIPT,
    "publishers.js": SCRIPT,
    "topics.js": SCRIPT,
    "view.js": SCRIPT,
    "views.js": SCRIPT,
    "words.js": SCRIPT,
    "style.css": STYLE,
};

/// A switch in a body.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Disabled {
    disabled: bool,
}

/// Everything under `/admin`.
pub(super) fn routes() -> Router<Arc<App>> {
    let api = Router::new()
        .route("/session", get(session::current))
        .route("/accounts", get(accounts::list).post(accounts::add))
        .route("/accounts/{name}", delete(accounts::remove))
        .route("/accounts/{name}/disabled", put(accounts::set_disabled))
        .route("/accounts/{name}/password", post(accounts::reset_password))
        .route("/accounts/{name}/devices", get(accounts::devices))
        .route("/accounts/{name}/devices/{id}", delete(accounts::revoke))
        .route("/publishers", get(publishers::list).post(publishers::add))
        .route(
            "/accounts/{name}/messages/{message}/trace",
            get(messages::trace),
        )
        .route("/publishers/{id}/approval", post(publishers::approve))
        .route("/publishers/{id}/rights", put(publishers::set_rights))
        .route("/publishers/{id}/secret", post(publishers::rotate))
        .route("/publishers/{id}/disabled", put(publishers::set_disabled))
        .route("/publishers/{id}/messages/{message}", get(messages::states))
        .route("/topics", get(topics::list))
        .route("/topics/{topic}/private", put(topics::set_private))
        .route(
            "/topics/{topic}/grants/{to}/{may}",
            put(topics::grant).delete(topics::revoke),
        )
        .route("/messages", get(messages::list))
        .route("/health", get(overview::health));
    Router::new()
        .nest("/admin/api", api)
        .route("/admin/session", post(session::create).delete(session::end))
        .layer(map_response(super::private))
        .route("/admin", get(redirect))
        .route("/admin/", get(index))
        .route("/admin/{file}", get(file))
}

/// `GET /admin`
async fn redirect() -> Redirect {
    Redirect::temporary("/admin/")
}

/// `GET /admin/`
async fn index() -> Result<Response, Failure> {
    page::serve(FILES, "index.html")
}

/// `GET /admin/{file}`
async fn file(name: Result<Path<String>, PathRejection>) -> Result<Response, Failure> {
    match name {
        Ok(Path(name)) => page::serve(FILES, &name),
        Err(_) => Err(page::no_file()),
    }
}
