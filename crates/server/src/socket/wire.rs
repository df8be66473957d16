//! What comes over a stream's WebSocket, and what goes out on it.

use core::error::Error as _;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes};
use hither_protocol::{ClientFrame, CloseCode, Delivery, ServerFrame};
use tokio::time::{Duration, timeout};
use tungstenite::error::{CapacityError, Error as WireError};

use super::Socket;
use crate::accounts::clock;
use crate::http::in_words;
use crate::metrics::End;
use crate::session::Input;
use crate::store::Identity;

/// How long a closed stream waits for the client to agree.
const FAREWELL: Duration = Duration::from_secs(1);
/// The same where it has yet to read what was sent before.
const LONG_FAREWELL: Duration = Duration::from_secs(30);
/// Frames that a client may answer a log entry with: that it is stored, shown and read.
const ANSWERS: u32 = 3;

impl Socket {
    pub(super) async fn received(
        &mut self,
        received: Option<Result<Message, axum::Error>>,
    ) -> Result<Option<Input>, End> {
        self.still_there();
        self.keep_signed_in();
        match received {
            Some(Ok(Message::Text(text))) => self.text(&text).await.map(Some),
            Some(Ok(Message::Binary(_))) => Ok(Some(Input::Malformed(
                "frames are JSON in text messages; this one was binary".to_owned(),
            ))),
            Some(Ok(Message::Pong(probe))) => {
                self.heard(&probe);
                Ok(None)
            }
            Some(Ok(Message::Ping(_))) => Ok(None),
            Some(Ok(Message::Close(_))) => {
                self.goodbye().await;
                Err(End::Goodbye)
            }
            Some(Err(error)) => broken(&error).map(Some).ok_or(End::Lost),
            None => Err(End::Lost),
        }
    }

    async fn text(&mut self, text: &str) -> Result<Input, End> {
        let rate = self.app.settings.limits.frames_per_stream;
        if let Err(wait) = self.said.take(rate, clock::now()) {
            let detail = "This client says too much; wait, then come back.";
            self.warn("too_many", detail, wait.max(Duration::from_secs(1)))
                .await?;
            return Ok(Input::End(CloseCode::TooMany));
        }
        Ok(match ClientFrame::parse(text) {
            Ok(frame) => Input::Frame(frame),
            Err(malformed) => Input::Malformed(in_words(&malformed.to_string())),
        })
    }

    /// Asks for a sign of life that any client gives by itself, dated.
    pub(super) async fn probe(&mut self) -> Result<(), End> {
        let sent = u64::try_from(self.age().as_micros()).unwrap_or(u64::MAX);
        self.put(Message::Ping(sent.to_be_bytes().to_vec().into()))
            .await
    }

    fn heard(&mut self, probe: &[u8]) {
        if let Ok(sent) = probe.try_into() {
            let sent = Duration::from_micros(u64::from_be_bytes(sent));
            if sent <= self.age() {
                self.heard = self.heard.max(Some(sent));
            }
        }
    }

    /// How long the stream is open.
    pub(super) fn age(&self) -> Duration {
        clock::now().since(self.opened)
    }

    /// Says when to come back, before the stream is closed.
    pub(super) async fn warn(
        &mut self,
        code: &str,
        detail: &str,
        wait: Duration,
    ) -> Result<(), End> {
        let frame = ServerFrame::Error {
            code: code.to_owned(),
            detail: detail.to_owned(),
            retry_after_ms: u64::try_from(wait.as_millis()).ok(),
        };
        self.send(frame.to_text().into()).await
    }

    pub(super) async fn say(&mut self, frame: &ServerFrame) -> Result<(), End> {
        if matches!(
            frame,
            ServerFrame::Read { .. } | ServerFrame::Withdraw { .. }
        ) {
            self.said.allow(ANSWERS);
        }
        self.send(frame.to_text().into()).await
    }

    pub(super) async fn deliver(&mut self, delivery: &Delivery) -> Result<(), End> {
        self.app.metrics.delivered(delivery.alert);
        self.said.allow(ANSWERS);
        self.send(delivery.to_text().into()).await
    }

    async fn send(&mut self, text: Utf8Bytes) -> Result<(), End> {
        self.put(Message::Text(text)).await
    }

    pub(super) async fn put(&mut self, message: Message) -> Result<(), End> {
        let drain_within = self.app.settings.limits.drain_within;
        if let Ok(sent) = timeout(drain_within, self.wire.send(message)).await {
            return sent.map_err(|_| End::Lost);
        }
        self.say_code(CloseCode::TooSlow).await;
        Err(End::Closed(CloseCode::TooSlow))
    }

    /// The client closed; it gets its answer.
    pub(super) async fn goodbye(&mut self) {
        if let Some(attached) = &mut self.attached {
            attached.link.say_goodbye();
        }
        self.detach();
        let _ = timeout(FAREWELL, self.wire.recv()).await;
    }

    pub(super) async fn close(&mut self, code: CloseCode) -> End {
        if code == CloseCode::Restarting && self.app.registry.is_closing() {
            let wait = self.app.comeback();
            let detail = "The server restarts; come back in a moment.";
            if let Err(end) = self.warn("restarting", detail, wait).await {
                return end;
            }
        }
        self.say_code(code).await;
        End::Closed(code)
    }

    async fn say_code(&mut self, code: CloseCode) {
        if let Some(attached) = &mut self.attached {
            if code == CloseCode::Revoked {
                attached.link.say_goodbye();
            }
            let Identity {
                account, device, ..
            } = &*attached.identity;
            tracing::debug!(%account, device = %device.id, ?code, "stream closed");
        }
        self.detach();
        let frame = CloseFrame {
            code: code as u16,
            reason: code.reason().into(),
        };
        let farewell = async {
            self.wire.send(Message::Close(Some(frame))).await?;
            while let Some(Ok(_)) = self.wire.recv().await {}
            Ok::<(), axum::Error>(())
        };
        let patience = match code {
            CloseCode::TooSlow => LONG_FAREWELL,
            _ => FAREWELL,
        };
        let _ = timeout(patience, farewell).await;
    }
}

/// What a broken frame means; `None` when the connection itself is gone.
fn broken(error: &axum::Error) -> Option<Input> {
    match error.source()?.downcast_ref::<WireError>()? {
        WireError::Capacity(CapacityError::MessageTooLong { .. }) => Some(Input::TooLarge),
        WireError::Utf8(_) => Some(Input::Malformed("frames are UTF-8 text".to_owned())),
        _ => None,
    }
}
