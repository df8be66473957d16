//! Requests over HTTP.

mod attempts;
mod body;
mod client;
mod failure;
mod inbox;
mod origin;
mod phone;
mod publish;
mod publisher;
mod publishers;
mod sign_in;
mod stream;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Method, Uri};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{delete, get, post};
use hither_protocol::ErrorCode;

pub(crate) use self::attempts::Attempts;
use self::body::JsonBody;
use self::client::Client;
use self::failure::Failure;
pub use self::origin::{InvalidOrigin, Origin};
use self::publisher::Publisher;
pub(crate) use self::sign_in::session_expiry;
use crate::serve::App;

/// The largest request body but a publisher's, in bytes.
const MAX_REQUEST: usize = 64 * 1024;

/// Everything that is answered over HTTP.
pub(crate) fn routes(app: Arc<App>) -> Router {
    let publish = post(publish::publish).layer(DefaultBodyLimit::max(publish::MAX_REQUEST));
    let api = Router::new()
        .route("/sessions", post(sign_in::create))
        .route(
            "/sessions/current",
            get(sign_in::current).delete(sign_in::end),
        )
        .route("/tokens", get(inbox::token))
        .route("/messages", publish.get(inbox::list))
        .route("/messages/{id}/html", get(inbox::html))
        .route("/stream", get(stream::open))
        .merge(publishers::routes())
        .layer(map_response(private));
    Router::new()
        .nest("/v1", api)
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/", get(phone::redirect))
        .route("/app", get(phone::redirect))
        .route("/app/", get(phone::index))
        .route(
            "/app/session",
            post(phone::create).merge(delete(phone::end)),
        )
        .route("/app/{file}", get(phone::file))
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_with_this_method)
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .with_state(app)
}

async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, Failure> {
    app.store.head().await?;
    Ok("ready\n")
}

/// Answers of the API are for whoever asked, and are what they say they are.
async fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn nothing_here(uri: Uri) -> Failure {
    Failure::not_found(format!(
        "There is nothing at {}; docs/protocol.md lists the addresses.",
        uri.path()
    ))
}

async fn not_with_this_method(method: Method, uri: Uri) -> Failure {
    Failure::new(
        ErrorCode::MethodNotAllowed,
        format!(
            "{} does not take {method}; the header Allow says what it takes.",
            uri.path()
        ),
    )
}
