//! The stream to the server: one WebSocket, polled from the loop, never waited for.

use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::collections::VecDeque;

use futures_util::{FutureExt, Sink, Stream};
use hither_engine::{Closed, ConnectFailed, Event};
use hither_protocol::{ClientFrame, MAX_FRAME_BYTES, SUBPROTOCOL, ServerFrame};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use crate::address::is_loopback;

const CONNECT_WITHIN: Duration = Duration::from_secs(15);

/// For the last frames and the server's answer to our close frame.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

type WebSocket = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Opening = Pin<Box<dyn Future<Output = Result<WebSocket, ConnectFailed>>>>;

/// At most one stream, in one of its states.
pub(crate) enum Socket {
    Closed,
    Opening(Opening),
    Open(Box<Open>),
    /// Saying goodbye; nothing to say where it never opened.
    Closing(Option<Box<Open>>, Pin<Box<Sleep>>),
}

/// An open stream and what is still to be said on it.
pub(crate) struct Open {
    web_socket: WebSocket,
    unsent: VecDeque<Message>,
}

impl Socket {
    /// Begins to open a stream; an earlier one is dropped.
    pub(crate) fn open(&mut self, stream_url: String) {
        *self = Self::Opening(Box::pin(open(stream_url)));
    }

    /// Queues a frame; it is lost when no stream is open.
    pub(crate) fn send(&mut self, frame: &ClientFrame) {
        if let Self::Open(open) = self {
            open.unsent.push_back(Message::text(frame.to_text()));
        }
    }

    /// Says what is queued and a close frame, then closes; soon, whatever the server does.
    pub(crate) fn close(&mut self) {
        let mut open = match core::mem::replace(self, Self::Closed) {
            Self::Closed => return,
            Self::Opening(_) | Self::Closing(None, _) => None,
            Self::Open(open) | Self::Closing(Some(open), _) => Some(open),
        };
        if let Some(open) = &mut open {
            open.unsent.push_back(Message::Close(Some(CloseFrame {
                code: CloseCode::Normal,
                reason: "".into(),
            })));
        }
        *self = Self::Closing(open, Box::pin(tokio::time::sleep(CLOSE_WITHIN)));
    }

    pub(crate) fn is_closed(&self) -> bool {
        matches!(self, Self::Closed)
    }

    /// Waits for what happens next; pends while closed. Frames are read only where `read` says
    /// so, what is queued is sent in any case. Cancel safe.
    pub(crate) async fn next_event(&mut self, read: bool) -> Event {
        poll_fn(|cx| self.poll(cx, read)).await
    }

    /// The next event, if it is here already.
    pub(crate) fn ready_event(&mut self) -> Option<Event> {
        self.next_event(true).now_or_never()
    }

    fn poll(&mut self, cx: &mut Context<'_>, read: bool) -> Poll<Event> {
        let event = match self {
            Self::Closed => return Poll::Pending,
            Self::Opening(opening) => match ready!(opening.as_mut().poll(cx)) {
                Ok(web_socket) => {
                    *self = Self::Open(Box::new(Open {
                        web_socket,
                        unsent: VecDeque::new(),
                    }));
                    return Poll::Ready(Event::Opened);
                }
                Err(failed) => Event::ConnectFailed(failed),
            },
            Self::Open(open) => match ready!(open.poll(cx, read)) {
                Ok(frame) => return Poll::Ready(Event::Frame(frame)),
                Err(closed) => Event::Closed(closed),
            },
            Self::Closing(open, deadline) => {
                if let Some(open) = open
                    && deadline.as_mut().poll(cx).is_pending()
                {
                    ready!(open.poll_closed(cx));
                }
                Event::Closed(Closed {
                    code: None,
                    detail: "closed by this computer".to_owned(),
                })
            }
        };
        *self = Self::Closed;
        Poll::Ready(event)
    }
}

impl Open {
    fn poll(&mut self, cx: &mut Context<'_>, read: bool) -> Poll<Result<ServerFrame, Closed>> {
        let broken = match self.poll_sent(cx) {
            Poll::Ready(Err(error)) => Some(error),
            Poll::Ready(Ok(())) | Poll::Pending => None,
        };
        if !read {
            return Poll::Pending;
        }
        // What can still be read says more than the broken write: a close code above all.
        match (self.poll_frame(cx), broken) {
            (Poll::Pending, Some(error)) => Poll::Ready(Err(lost(&error))),
            (polled, _) => polled,
        }
    }

    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let mut web_socket = Pin::new(&mut self.web_socket);
        while !self.unsent.is_empty() {
            ready!(web_socket.as_mut().poll_ready(cx))?;
            if let Some(message) = self.unsent.pop_front() {
                web_socket.as_mut().start_send(message)?;
            }
        }
        web_socket.poll_flush(cx)
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Result<ServerFrame, Closed>> {
        loop {
            let text = match ready!(Pin::new(&mut self.web_socket).poll_next(cx)) {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Close(frame))) => {
                    // Our answer is queued already; whether it arrives changes nothing here.
                    let _ = Pin::new(&mut self.web_socket).poll_flush(cx);
                    return Poll::Ready(Err(closed(frame)));
                }
                Some(Ok(_)) => continue,
                Some(Err(error)) => return Poll::Ready(Err(lost(&error))),
                None => return Poll::Ready(Err(closed(None))),
            };
            return Poll::Ready(ServerFrame::parse(&text).map_err(|error| {
                // Skipping it could skip a message, so the stream ends and begins again.
                tracing::error!(%error, "the server sent a frame that makes no sense");
                Closed {
                    code: None,
                    detail: "The server sent something that makes no sense".to_owned(),
                }
            }));
        }
    }

    /// Sends what is queued, then waits for the other side to close: dropping the connection with
    /// unread bytes in it would take back what was just sent.
    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if ready!(self.poll_sent(cx)).is_err() {
            return Poll::Ready(());
        }
        while let Some(Ok(_)) = ready!(Pin::new(&mut self.web_socket).poll_next(cx)) {}
        Poll::Ready(())
    }
}

async fn open(stream_url: String) -> Result<WebSocket, ConnectFailed> {
    let unreachable = |text: String| ConnectFailed::Unreachable(text);
    let mut request = stream_url
        .into_client_request()
        .map_err(|error| unreachable(error.to_string()))?;
    let plain = request.uri().scheme_str() != Some("wss");
    if plain && !request.uri().host().is_some_and(is_loopback) {
        return Err(unreachable(
            "The server's stream is not encrypted; refused".to_owned(),
        ));
    }
    request.headers_mut().insert(
        SEC_WEBSOCKET_PROTOCOL,
        HeaderValue::from_static(SUBPROTOCOL),
    );
    let config = WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(0)
        .max_write_buffer_size(4 * MAX_FRAME_BYTES)
        .max_message_size(Some(MAX_FRAME_BYTES))
        .max_frame_size(Some(MAX_FRAME_BYTES));
    let connecting = connect_async_with_config(request, Some(config), true);
    match tokio::time::timeout(CONNECT_WITHIN, connecting).await {
        Ok(Ok((web_socket, _))) => Ok(web_socket),
        Ok(Err(Error::Http(answer))) => Err(ConnectFailed::Refused(answer.status().as_u16())),
        Ok(Err(error)) => Err(unreachable(error.to_string())),
        Err(_) => Err(unreachable("No answer from the server".to_owned())),
    }
}

fn closed(frame: Option<CloseFrame>) -> Closed {
    frame.map_or_else(
        || Closed {
            code: None,
            detail: "The server closed the connection".to_owned(),
        },
        |frame| Closed {
            code: Some(frame.code.into()),
            detail: frame.reason.to_string(),
        },
    )
}

fn lost(error: &Error) -> Closed {
    Closed {
        code: None,
        detail: format!("Connection lost: {error}"),
    }
}
