//! Requests over HTTP.

mod account;
mod admin;
mod attachments;
mod attempts;
mod authorization;
mod body;
mod client;
mod cookie;
mod elsewhere;
mod etag;
mod failure;
mod gotify;
mod inbox;
mod ntfy;
mod observe;
mod openapi;
mod origin;
mod page;
mod phone;
mod publish;
mod publisher;
mod publishers;
mod push;
mod sign_in;
mod states;
mod stream;
mod subscriptions;
mod topics;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, OriginalUri, State};
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Method};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, post, put};
use hither_protocol::ErrorCode;

pub(crate) use self::account::check::password as check_password;
pub(crate) use self::attempts::Attempts;
use self::body::JsonBody;
pub(crate) use self::body::in_words;
use self::client::Client;
pub(crate) use self::failure::Failure;
use self::failure::code_of;
use self::ntfy::NtfyError;
pub(crate) use self::ntfy::{KnownPasswords, MAX_FEEDS, moment, priority_named, topic_name};
pub(crate) use self::observe::REQUEST_ID;
pub use self::openapi::text as openapi;
pub use self::origin::{InvalidOrigin, Origin};
pub(crate) use self::publish::{MAX_REQUEST as MAX_PUBLISH, on_command};
use self::publisher::Publisher;
pub(crate) use self::sign_in::{is_name, session_expiry};
use crate::serve::App;

/// What `crate::fuzzing` tries.
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing {
    pub(crate) use super::gotify::fuzzing::gotify;
    pub(crate) use super::ntfy::fuzzing::{encoded_word, ntfy};
    pub(crate) use super::publish::fuzzing::publish;
}

/// The largest request body but a publisher's, in bytes.
const MAX_REQUEST: usize = 64 * 1024;

/// Everything that is answered over HTTP.
pub(crate) fn routes(app: Arc<App>) -> Router {
    let publish = post(publish::publish).layer(DefaultBodyLimit::max(publish::MAX_REQUEST));
    let push = put(push::put).layer(DefaultBodyLimit::max(push::MAX_REQUEST));
    let push = push.delete(push::delete);
    let api = Router::new()
        .route("/sessions", post(sign_in::create))
        .route(
            "/sessions/current",
            get(sign_in::current).delete(sign_in::end),
        )
        .route("/tokens", get(inbox::token))
        .route("/messages", publish.get(inbox::list))
        .route("/messages/{id}", delete(publish::recall).get(states::show))
        .route("/messages/{id}/html", get(inbox::html))
        .route("/messages/{id}/trace", get(inbox::trace))
        .route(
            "/messages/{id}/attachments/{number}",
            get(attachments::download),
        )
        .route("/attachments", post(attachments::upload))
        .route("/devices", get(account::devices))
        .route("/devices/{id}", delete(account::revoke))
        .route("/devices/current/push", push)
        .route("/account/password", put(account::change_password))
        .route(
            "/settings",
            get(account::settings).put(account::set_settings),
        )
        .route("/stream", get(stream::open))
        .merge(publishers::routes())
        .merge(webhooks::routes())
        .route("/subscriptions", get(subscriptions::list))
        .route(
            "/subscriptions/{topic}",
            put(subscriptions::put).delete(subscriptions::delete),
        )
        .route("/topics/{topic}", put(topics::put))
        .route("/health", get(ntfy::health))
        .route("/{*elsewhere}", any(nothing_here))
        .layer(map_response(private));
    let root = get(phone::redirect).post(ntfy::as_json).put(ntfy::as_json);
    Router::new()
        .nest("/v1", api)
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(observe::metrics))
        .route("/", root)
        .route("/app", get(phone::redirect))
        .route("/app/", get(phone::index))
        .route(
            "/app/session",
            post(phone::create).merge(delete(phone::end)),
        )
        .route("/app/{file}", get(phone::file))
        .merge(admin::routes())
        .route("/docs/openapi.json", get(openapi::document))
        .route("/message", post(gotify::send))
        .route("/version", get(gotify::version))
        .route("/health", get(gotify::health))
        .merge(ntfy::routes())
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_with_this_method)
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .layer(from_fn_with_state(Arc::clone(&app), observe::observe))
        .with_state(app)
}

/// What is answered on the listener for metrics.
pub(crate) fn metrics_routes(app: Arc<App>) -> Router {
    Router::new()
        .route("/metrics", get(observe::own_metrics))
        .fallback(nothing_here)
        .with_state(app)
}

async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, Failure> {
    app.store.answers().await.map_err(|error| {
        tracing::error!(%error, "the store does not answer");
        Failure::new(
            ErrorCode::Unavailable,
            "The store does not answer; the server's log says why.",
        )
    })?;
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

/// By the address that was asked for: inside a nest of routes its beginning is missing.
async fn nothing_here(OriginalUri(uri): OriginalUri) -> Response {
    let failure = Failure::not_found(format!(
        "There is nothing at {}; docs/protocol.md lists the addresses.",
        uri.path()
    ));
    in_form(failure, ntfy::is_asked_for(uri.path()))
}

async fn not_with_this_method(
    method: Method,
    OriginalUri(uri): OriginalUri,
    route: Option<MatchedPath>,
) -> Response {
    let failure = Failure::new(
        ErrorCode::MethodNotAllowed,
        format!(
            "{} does not take {method}; the header Allow says what it takes.",
            uri.path()
        ),
    );
    let of_topics = route.is_some_and(|route| ntfy::is_of_topics(route.as_str()));
    in_form(failure, of_topics)
}

/// A failure, in the words that whoever asked understands.
fn in_form(failure: Failure, ntfys: bool) -> Response {
    if ntfys {
        NtfyError::from(failure).into_response()
    } else {
        failure.into_response()
    }
}

#[cfg(test)]
mod tests {
    use hither_protocol::MAX_FRAME_IDS;

    use super::publish::check::{
        MAX_ACTIONS, MAX_ATTACHMENTS, MAX_BODY, MAX_HTML, MAX_TAGS, MAX_TITLE,
    };
    use super::publish::receivers::{MAX_ACCOUNTS, MAX_TOKENS, MAX_TOPICS};
    use crate::store::{MAX_AWAITING, MAX_SUBSCRIPTIONS};

    const KIB: usize = 1024;

    #[test]
    fn limits_that_are_no_settings_are_documented_as_they_are() {
        let protocol = include_str!("../../../../docs/protocol.md");
        let operating = include_str!("../../../../docs/operating.md");
        let body = super::MAX_REQUEST / KIB;
        let message = super::publish::MAX_REQUEST / KIB / KIB;
        let push = super::push::MAX_REQUEST / KIB;
        let headers = crate::connection::MAX_HEADERS / KIB;
        let (title, text, page) = (MAX_TITLE / KIB, MAX_BODY / KIB, MAX_HTML / KIB);
        for (document, row) in [
            (
                operating,
                format!("| headers of a request | {headers} KiB, 100 lines |"),
            ),
            (
                operating,
                format!("| body of a request | {body} KiB; {message} MiB for a message;"),
            ),
            (
                protocol,
                format!("| headers of a request | {headers} KiB |"),
            ),
            (
                protocol,
                format!("| request body | {body} KiB; {message} MiB for a publish |"),
            ),
            (
                protocol,
                format!(
                    "| receivers in one publish | {MAX_ACCOUNTS} accounts, {MAX_TOKENS} tokens, \
                     {MAX_TOPICS} topics |"
                ),
            ),
            (
                protocol,
                format!("| ids in one `shown` or `read` | {MAX_FRAME_IDS} |"),
            ),
            (protocol, format!("| registration for push | {push} KiB |")),
            (
                operating,
                format!("{push} KiB for a registration for push |"),
            ),
            (
                protocol,
                format!("| subscriptions of an account | {MAX_SUBSCRIPTIONS} |"),
            ),
            (
                protocol,
                format!("| publishers waiting for approval | {MAX_AWAITING} |"),
            ),
            (protocol, format!("≤ {title} KiB, no control characters |")),
            (protocol, format!("| the text | ≤ {text} KiB |")),
            (protocol, format!("≤ {page} KiB |")),
            (
                protocol,
                format!("| 25 MiB; {MAX_ATTACHMENTS} in a message;"),
            ),
            (protocol, format!("drawn as buttons | ≤ {MAX_ACTIONS};")),
            (protocol, format!("free words | ≤ {MAX_TAGS},")),
        ] {
            assert!(document.contains(&row), "{row}");
        }
    }
}
