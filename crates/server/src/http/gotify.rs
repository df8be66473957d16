//! Gotify's API, as far as scripts publish with it: `POST /message` with the token `ID.SECRET`.
//!
//! A Gotify application sends to the one person it belongs to. Here a message goes to everyone,
//! where its publisher may send to everyone, or to the topic in `?topic=`.

#[cfg(any(test, fuzzing))]
pub(super) mod fuzzing;

use core::time::Duration;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Multipart, Query, Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Form, Json};
use hither_protocol::{
    ErrorCode, Format, Message, Priority, PublishRequest, PublisherId, Recipients, Timestamp,
    null_as_default,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::authorization::Authorization;
use super::body::object;
use super::{App, Failure, code_of, publish, publisher};
use crate::secret;
use crate::store::{Grantee, PublisherRecord};

/// How long a body may take to arrive.
const ARRIVES_WITHIN: Duration = Duration::from_secs(30);

/// Why a request is not answered as asked, in Gotify's form.
#[derive(Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    description: String,
    retry_after_s: Option<u64>,
    /// For whoever counts.
    code: ErrorCode,
}

/// What a script sends.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Sent {
    #[serde(deserialize_with = "null_as_default")]
    message: String,
    #[serde(deserialize_with = "null_as_default")]
    title: String,
    priority: Option<Number>,
    extras: Value,
}

/// A number, which forms send as text.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Number {
    Number(i64),
    Text(String),
}

/// The token and the receivers, and in a query also the rest.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    token: Option<String>,
    topic: Option<String>,
    message: String,
    title: String,
    priority: Option<Number>,
}

/// A message as Gotify's clients get it.
#[derive(Debug, Serialize)]
pub(crate) struct Sending {
    id: u64,
    appid: u64,
    message: String,
    title: String,
    priority: i64,
    #[serde(skip_serializing_if = "Value::is_null")]
    extras: Value,
    #[serde(serialize_with = "hither_protocol::write_time")]
    date: Timestamp,
}

/// `POST /message`
pub(crate) async fn send(
    State(app): State<Arc<App>>,
    uri: Uri,
    headers: HeaderMap,
    request: Request,
) -> Result<Json<Sending>, Refused> {
    let Query(asked) = Query::<Asked>::try_from_uri(&uri)
        .map_err(|error| Refused::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    let publisher = who(&app, &headers, asked.token.as_deref()).await?;
    let body = timeout(ARRIVES_WITHIN, sent(request));
    let body = body
        .await
        .map_err(|_| Refused::new(StatusCode::BAD_REQUEST, "the body came too slowly"))??;
    let sent = body.or(asked.message, asked.title, asked.priority);
    let priority = sent.priority()?;
    let to = match asked.topic {
        Some(topic) => Recipients {
            topics: vec![topic],
            ..Recipients::default()
        },
        None => Recipients {
            everyone: true,
            ..Recipients::default()
        },
    };
    let request = sent.request(to, priority)?;
    let by = Grantee::Publisher(publisher.id.clone());
    let message = publish::accept(&app, &publisher, &by, request, None).await?;
    Ok(Json(Sending::new(message, priority, sent.extras)))
}

/// `GET /version`: this server's own, which says nothing about Gotify's.
pub(crate) async fn version() -> Json<Value> {
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "commit": "",
        "buildDate": "",
    }))
}

/// `GET /health`
pub(crate) async fn health(State(app): State<Arc<App>>) -> Response {
    let (status, database) = match app.store.answers().await {
        Ok(()) => (StatusCode::OK, "green"),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "red"),
    };
    let health = json!({ "health": database, "database": database });
    (status, Json(health)).into_response()
}

async fn who(
    app: &App,
    headers: &HeaderMap,
    token: Option<&str>,
) -> Result<PublisherRecord, Refused> {
    let own = headers.get("x-gotify-key");
    let own = own.and_then(|value| value.to_str().ok());
    let token = token
        .map(str::to_owned)
        .or_else(|| own.map(str::to_owned))
        .or_else(|| Authorization::of(headers)?.bearer())
        .ok_or_else(unauthorized)?;
    let (id, secret) = token.split_once('.').ok_or_else(unauthorized)?;
    let publisher = publisher::admit(app, id, &secret::hash(secret)).await?;
    publisher.ok_or_else(unauthorized)
}

fn unauthorized() -> Refused {
    Refused::new(
        StatusCode::UNAUTHORIZED,
        "you need to provide a valid token: the ID.SECRET of a publisher",
    )
}

/// The body as JSON, as a form, or as one with files.
async fn sent(request: Request) -> Result<Sent, Refused> {
    let media_type = request.headers().get(CONTENT_TYPE);
    let media_type = media_type.and_then(|value| value.to_str().ok());
    let media_type = media_type.unwrap_or_default().to_ascii_lowercase();
    if media_type.starts_with("multipart/form-data") {
        return multipart(request).await;
    }
    if media_type.starts_with("application/x-www-form-urlencoded") {
        let form = Form::<Sent>::from_request(request, &()).await;
        return form
            .map(|Form(sent)| sent)
            .map_err(|error| Refused::new(error.status(), error.body_text()));
    }
    let body = Bytes::from_request(request, &())
        .await
        .map_err(|error: BytesRejection| Refused::new(error.status(), error.body_text()))?;
    if body.is_empty() {
        return Ok(Sent::default());
    }
    object(&body).map_err(|why| Refused::new(StatusCode::BAD_REQUEST, why.into_words()))
}

async fn multipart(request: Request) -> Result<Sent, Refused> {
    let broken = |error: String| Refused::new(StatusCode::BAD_REQUEST, error);
    let mut parts = Multipart::from_request(request, &())
        .await
        .map_err(|error| broken(error.body_text()))?;
    let mut sent = Sent::default();
    while let Some(part) = parts
        .next_field()
        .await
        .map_err(|error| broken(error.body_text()))?
    {
        let name = part.name().unwrap_or_default().to_owned();
        let text = part
            .text()
            .await
            .map_err(|error| broken(error.body_text()))?;
        match name.as_str() {
            "message" => sent.message = text,
            "title" => sent.title = text,
            "priority" => sent.priority = Some(Number::Text(text)),
            _ => {}
        }
    }
    Ok(sent)
}

impl Sent {
    /// What the body does not say, the query may.
    fn or(self, message: String, title: String, priority: Option<Number>) -> Self {
        let either = |ours: String, other| if ours.is_empty() { other } else { ours };
        Self {
            message: either(self.message, message),
            title: either(self.title, title),
            priority: self.priority.or(priority),
            extras: self.extras,
        }
    }

    fn priority(&self) -> Result<Option<i64>, Refused> {
        match &self.priority {
            None => Ok(None),
            Some(Number::Number(number)) => Ok(Some(*number)),
            Some(Number::Text(text)) if text.is_empty() => Ok(None),
            Some(Number::Text(text)) => text.trim().parse().map(Some).map_err(|_| {
                Refused::new(StatusCode::BAD_REQUEST, "priority must be a whole number")
            }),
        }
    }

    fn request(&self, to: Recipients, priority: Option<i64>) -> Result<PublishRequest, Refused> {
        if self.message.is_empty() {
            return Err(Refused::new(
                StatusCode::BAD_REQUEST,
                "message must not be empty",
            ));
        }
        let text = |path: &str| self.extras.pointer(path).and_then(Value::as_str);
        let markdown = text("/client::display/contentType") == Some("text/markdown");
        Ok(PublishRequest {
            to,
            title: self.title.replace(char::is_control, " "),
            body: self.message.clone(),
            format: if markdown {
                Format::Markdown
            } else {
                Format::Plain
            },
            url: text("/client::notification/click/url").map(str::to_owned),
            icon: text("/client::notification/bigImageUrl").map(str::to_owned),
            priority: urgency(priority),
            ..PublishRequest::default()
        })
    }
}

/// Gotify's apps stay silent at 0, do not ring below 4, and are loud from 8 on.
const fn urgency(priority: Option<i64>) -> Priority {
    match priority {
        None | Some(4..=7) => Priority::Default,
        Some(..=0) => Priority::Min,
        Some(1..=3) => Priority::Low,
        Some(8..=9) => Priority::High,
        Some(10..) => Priority::Urgent,
    }
}

impl Sending {
    fn new(message: Message, priority: Option<i64>, extras: Value) -> Self {
        Self {
            id: number(&message),
            appid: of_publisher(&message.publisher.id),
            message: message.body,
            title: message.title,
            priority: priority.unwrap_or(5),
            extras,
            date: message.created_at,
        }
    }
}

/// Gotify's ids are numbers, and programs keep them as floats: the first bits of ours, its time
/// and a counter, fit.
fn number(message: &Message) -> u64 {
    let (high, _) = message.id.0.as_u64_pair();
    let (milliseconds, counter) = (high >> 16, high & 0xFFF);
    milliseconds << 12 | counter
}

fn of_publisher(id: &PublisherId) -> u64 {
    let digits = id.as_str().rsplit('-').next().unwrap_or_default();
    digits.parse().unwrap_or_default()
}

impl Refused {
    fn new(status: StatusCode, description: impl Into<String>) -> Self {
        Self {
            status,
            description: description.into(),
            retry_after_s: None,
            code: code_of(status),
        }
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        let status = StatusCode::from_u16(failure.code().status());
        let status = match status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR) {
            StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
            other => other,
        };
        Self {
            status,
            code: failure.code(),
            retry_after_s: failure.retry_after_s(),
            description: failure.into_detail(),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = json!({
            "error": self.status.canonical_reason().unwrap_or("Error"),
            "errorCode": self.status.as_u16(),
            "errorDescription": self.description,
        });
        let mut response = (self.status, Json(body)).into_response();
        response.extensions_mut().insert(self.code);
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"hither\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_have_their_meaning() {
        for (gotify, ours) in [
            (None, 3),
            (Some(-1), 1),
            (Some(0), 1),
            (Some(1), 2),
            (Some(3), 2),
            (Some(4), 3),
            (Some(7), 3),
            (Some(8), 4),
            (Some(10), 5),
            (Some(i64::MAX), 5),
        ] {
            assert_eq!(u8::from(urgency(gotify)), ours, "{gotify:?}");
        }
    }

    #[test]
    fn null_says_as_much_as_nothing() {
        let nulls = json!({ "message": null, "title": null, "priority": null, "extras": null });
        let sent: Sent = serde_json::from_value(nulls).unwrap();
        assert_eq!(sent, Sent::default());
    }

    #[test]
    fn extras_say_how_it_looks_and_where_it_leads() {
        let sent: Sent = serde_json::from_value(json!({
            "message": "**bold**", "title": "two\nlines", "priority": "8",
            "extras": {
                "client::display": { "contentType": "text/markdown" },
                "client::notification": {
                    "click": { "url": "https://x.org" },
                    "bigImageUrl": "https://x.org/i.png",
                },
                "other::thing": 1,
            },
        }))
        .unwrap();
        let request = sent
            .request(Recipients::default(), sent.priority().unwrap())
            .unwrap();
        assert_eq!(request.format, Format::Markdown);
        assert_eq!(request.title, "two lines");
        assert_eq!(request.priority, Priority::High);
        assert_eq!(request.url.as_deref(), Some("https://x.org"));
        assert_eq!(request.icon.as_deref(), Some("https://x.org/i.png"));
        assert!(
            Sent::default()
                .request(Recipients::default(), None)
                .is_err()
        );
    }
}
