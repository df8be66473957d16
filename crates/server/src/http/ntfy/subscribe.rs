//! Subscribing: `GET /{topics}/json`, `sse`, `raw` and `ws`.

use core::convert::Infallible;
use core::fmt::Write as _;
use std::collections::BTreeSet;

use axum::Json;
use axum::body::Body;
use axum::extract::Path;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::Method;
use axum::http::header::{ALLOW, CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{SplitSink, SplitStream, unfold};
use futures_util::{SinkExt as _, StreamExt as _};
use hither_protocol::TopicName;
use serde_json::json;
use tokio::time::{Duration, Instant, timeout};

use super::asked::Asked;
use super::error::{NtfyError, Why};
use super::feed::{Feed, Wanted};
use super::filter::{self, Filter};
use super::message::{Event, NtfyMessage};
use super::params;
use super::publish;
use super::topic::readable;
use super::who::Who;
use crate::accounts::clock;
use crate::http::Failure;

/// Topics of one subscription.
const MAX_TOPICS: usize = 20;
/// The longest frame that a client has reason to send.
const MAX_FRAME: usize = 1024;
/// How long after a ping a client is waited for.
const PONG_WITHIN: Duration = Duration::from_secs(15);

/// What becomes a WebSocket, if the request asks for one.
type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// How lines are written.
#[derive(Clone, Copy)]
enum Form {
    Json,
    Sse,
    Raw,
}

/// `GET /{topic}`: in ntfy a web page.
pub(super) async fn page(Path(topic): Path<String>) -> Failure {
    Failure::not_found(format!(
        "There is no page of {topic}; subscribe in the app, or read /{topic}/json."
    ))
}

/// `GET /{topics}/{word}`
pub(super) async fn word(
    method: Method,
    Path((topics, word)): Path<(String, String)>,
    asked: Asked,
    upgrade: Upgrade,
) -> Result<Response, NtfyError> {
    match word.as_str() {
        "json" => lines(asked, &topics, Form::Json).await,
        "sse" => lines(asked, &topics, Form::Sse).await,
        "raw" => lines(asked, &topics, Form::Raw).await,
        "ws" => web_socket(asked, upgrade, &topics).await,
        "auth" => may_read(&asked, &topics).await,
        // Who asks only for headers, as those do who check links, wants nothing published.
        "publish" | "send" | "trigger" if method == Method::HEAD => {
            let refused = NtfyError::new(Why::MethodNotAllowed, "use GET, PUT or POST");
            Ok(([(ALLOW, "GET, PUT, POST")], refused).into_response())
        }
        "publish" | "send" | "trigger" => {
            let answer = publish::by_get(&asked, &topics).await?;
            Ok(answer.into_response())
        }
        _ => Err(NtfyError::new(
            Why::NotFound,
            "a topic has json, sse, raw, ws, auth, publish, send and trigger",
        )),
    }
}

async fn may_read(asked: &Asked, topics: &str) -> Result<Response, NtfyError> {
    let who = asked.who().await?;
    self::topics(asked, &who, topics).await?;
    Ok(Json(json!({ "success": true })).into_response())
}

async fn lines(asked: Asked, topics: &str, form: Form) -> Result<Response, NtfyError> {
    let feed = feed(&asked, topics).await?;
    let lines = unfold(feed, move |mut feed| async move {
        let line = feed.next().await?;
        Some((Ok::<_, Infallible>(form.write(&line)), feed))
    });
    let headers = [
        (CONTENT_TYPE, form.media_type()),
        // Proxies must not collect lines.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(lines)).into_response())
}

async fn feed(asked: &Asked, topics: &str) -> Result<Feed, NtfyError> {
    let who = asked.who().await?;
    let poll = asked.params.flag(params::POLL, false);
    let wanted = Wanted {
        topics: self::topics(asked, &who, topics).await?,
        since: filter::since(&asked.params, poll, clock::wall())?,
        filter: Filter::new(&asked.params)?,
        scheduled: asked.params.flag(params::SCHEDULED, false),
        poll,
    };
    Feed::new(asked.app.clone(), who, asked.origin()?, wanted).await
}

/// The topics named with commas between them, each once.
async fn topics(asked: &Asked, who: &Who, names: &str) -> Result<Vec<TopicName>, NtfyError> {
    let mut seen = BTreeSet::new();
    let mut topics = Vec::new();
    for name in names.split(',').filter(|name| !name.is_empty()) {
        if seen.insert(name) {
            topics.push(readable(&asked.app, name, &who.grantee()).await?);
        }
        if seen.len() > MAX_TOPICS {
            let detail = format!("{MAX_TOPICS} topics are the most of one subscription");
            return Err(NtfyError::new(Why::Topic, detail));
        }
    }
    if topics.is_empty() {
        return Err(Why::Topic.into());
    }
    Ok(topics)
}

impl Form {
    const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/x-ndjson; charset=utf-8",
            Self::Sse => "text/event-stream; charset=utf-8",
            Self::Raw => "text/plain; charset=utf-8",
        }
    }

    fn write(self, line: &NtfyMessage) -> String {
        let is_message = line.event == Event::Message;
        let mut text = String::new();
        match self {
            Self::Json => text = line.to_json(),
            Self::Raw if is_message => text = line.message.replace('\n', " "),
            Self::Raw => {}
            Self::Sse => {
                if !is_message {
                    let event = serde_json::to_value(line.event).unwrap_or_default();
                    let _ = writeln!(text, "event: {}", event.as_str().unwrap_or_default());
                }
                let _ = writeln!(text, "data: {}", line.to_json());
            }
        }
        text.push('\n');
        text
    }
}

async fn web_socket(asked: Asked, upgrade: Upgrade, topics: &str) -> Result<Response, NtfyError> {
    let upgrade = upgrade.map_err(|_| NtfyError::from(Why::NotWebSocket))?;
    let feed = feed(&asked, topics).await?;
    let limits = asked.app.settings.limits;
    let open = asked.app.open();
    let socket = move |wire: WebSocket| async move {
        let (sink, stream) = wire.split();
        let socket = Socket {
            sink,
            stream,
            drain_within: limits.drain_within,
            silent_for: limits.keepalive + PONG_WITHIN,
            heard: Instant::now(),
        };
        socket.run(feed).await;
        drop(open);
    };
    Ok(upgrade
        .max_message_size(MAX_FRAME)
        .write_buffer_size(0)
        .on_upgrade(socket))
}

struct Socket {
    sink: SplitSink<WebSocket, Message>,
    stream: SplitStream<WebSocket>,
    /// A client that takes nothing for so long is too slow.
    drain_within: Duration,
    /// A client that says nothing for so long is gone.
    silent_for: Duration,
    heard: Instant,
}

impl Socket {
    async fn run(mut self, mut feed: Feed) {
        while let Some(line) = self.next(&mut feed).await {
            let frame = match line.event {
                Event::Keepalive => Message::Ping(Vec::new().into()),
                _ => Message::Text(line.to_json().into()),
            };
            let sent = timeout(self.drain_within, self.sink.send(frame)).await;
            if !matches!(sent, Ok(Ok(()))) || self.heard.elapsed() > self.silent_for {
                return;
            }
        }
        let _ = timeout(self.drain_within, self.sink.close()).await;
    }

    /// The next line, unless the client goes.
    async fn next(&mut self, feed: &mut Feed) -> Option<NtfyMessage> {
        // Looked at to its end: a line that was begun must not be lost.
        let mut line = core::pin::pin!(feed.next());
        loop {
            tokio::select! {
                line = &mut line => return line,
                received = self.stream.next() => match received {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                    Some(Ok(_)) => self.heard = Instant::now(),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_ends_its_lines() {
        let now = "2026-03-04T09:00:00Z".parse().unwrap();
        let mut line = NtfyMessage::sign(Event::Message, "alerts", now);
        line.message = "two\nlines".to_owned();
        let json = line.to_json();
        assert_eq!(Form::Json.write(&line), format!("{json}\n"));
        assert_eq!(Form::Sse.write(&line), format!("data: {json}\n\n"));
        assert_eq!(Form::Raw.write(&line), "two lines\n");
        let open = NtfyMessage::sign(Event::Open, "alerts", now);
        let json = open.to_json();
        assert_eq!(
            Form::Sse.write(&open),
            format!("event: open\ndata: {json}\n\n")
        );
        assert_eq!(Form::Raw.write(&open), "\n");
    }
}
