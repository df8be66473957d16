//! What is seen of every request, and of the server as a whole.

use core::fmt;
use core::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hither_protocol::{ErrorCode, MessageId, PublisherId};
use tracing::Instrument as _;
use uuid::Uuid;

use super::client::bearer;
use super::{App, Failure};
use crate::metrics::Form;
use crate::network::is_forwarded;
use crate::secret;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest request id that a proxy may give, in bytes.
const MAX_ID: usize = 64;

/// Around every request: gives it an id, which log lines and the answer carry; limits its sender;
/// counts its outcome.
pub(crate) async fn observe(
    State(app): State<Arc<App>>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let id = request_id(request.headers());
    let span = tracing::info_span!(
        "request",
        id = id.to_str().unwrap_or_default(),
        method = %request.method(),
        path = %Asked(&request),
        client = %client.ip(),
    );
    let mut response = async {
        match app.limiter.address(client.ip()) {
            Ok(()) => next.run(request).await,
            Err(too_soon) => Failure::from(too_soon).into_response(),
        }
    }
    .instrument(span.clone())
    .await;
    let problem = response.extensions().get::<ErrorCode>().copied();
    let status = response.status().as_u16();
    app.metrics.answered(status, problem);
    span.in_scope(|| tracing::debug!(status, code = problem.map(ErrorCode::as_str), "answered"));
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// The address of a request, of which a log may hold this much: the route, with ids in their places.
/// Names of files, sequence ids of publishers and addresses that are none say what somebody wrote.
struct Asked<'r>(&'r Request);

impl fmt::Display for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(route) = self.0.extensions().get::<MatchedPath>() else {
            return f.write_str("(no route)");
        };
        let places = route.as_str().split('/');
        for (place, given) in places.zip(self.0.uri().path().split('/')).skip(1) {
            let told = if place.starts_with('{') && is_id(given) {
                given
            } else {
                place
            };
            write!(f, "/{told}")?;
        }
        Ok(())
    }
}

fn is_id(text: &str) -> bool {
    text.parse::<MessageId>().is_ok() || text.parse::<PublisherId>().is_ok()
}

/// `GET /metrics` where anything else is, too: only from this computer itself, or with the
/// operator's token. What a proxy forwards comes from anywhere.
pub(crate) async fn metrics(
    State(app): State<Arc<App>>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let access = &app.settings.metrics;
    let from_here = access.on_main && client.ip().is_loopback() && !is_forwarded(&headers);
    if !from_here && !has_token(&app, &headers) {
        return Err(Failure::not_found(
            "Metrics are answered only on this computer, on metrics_listen, or with \
             Authorization: Bearer and the metrics_token.",
        ));
    }
    text(&app, &headers).await
}

/// `GET /metrics` on a listener of its own.
pub(crate) async fn own_metrics(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    if app.settings.metrics.token.is_some() && !has_token(&app, &headers) {
        return Err(Failure::new(
            ErrorCode::Unauthenticated,
            "Send Authorization: Bearer and the metrics_token.",
        ));
    }
    text(&app, &headers).await
}

async fn text(app: &App, headers: &HeaderMap) -> Result<Response, Failure> {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    let form = Form::accepted(accept.unwrap_or_default());
    let text = app.metrics.text(form, &app.vitals().await);
    let text = text.map_err(|error| {
        tracing::error!(%error, "metrics cannot be written");
        Failure::new(ErrorCode::Internal, "The metrics cannot be written.")
    })?;
    let headers = [(CONTENT_TYPE, form.media_type()), (VARY, "accept")];
    Ok((headers, text).into_response())
}

fn has_token(app: &App, headers: &HeaderMap) -> bool {
    let known = app.settings.metrics.token.as_ref();
    known.zip(bearer(headers)).is_some_and(|(known, given)| {
        secret::is_known(
            &secret::hash(given.expose()),
            &[secret::hash(known.expose())],
        )
    })
}

/// A trusted proxy's own id, so that its log and this one can be read together; else a new one.
/// Nobody else's came this far.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    headers
        .get(REQUEST_ID)
        .filter(|id| is_plain(id))
        .cloned()
        .unwrap_or_else(new_id)
}

fn is_plain(id: &HeaderValue) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    (1..=MAX_ID).contains(&id.len()) && id.as_bytes().iter().all(plain)
}

fn new_id() -> HeaderValue {
    let id = Uuid::now_v7().simple().to_string();
    HeaderValue::from_str(&id).expect("a UUID is plain text")
}
