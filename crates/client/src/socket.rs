//! The stream to the server: one WebSocket, polled from the loop, never waited for.

use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::collections::VecDeque;
use std::net::IpAddr;

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
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
};

use crate::address::is_loopback;
use crate::trust::{self, Trust};

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
    /// Nothing more can be said.
    broken: bool,
}

impl Socket {
    /// Begins to open a stream; an earlier one is dropped.
    pub(crate) fn open(&mut self, stream_url: String, trust: Trust) {
        *self = Self::Opening(Box::pin(open(stream_url, trust)));
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

    /// Ends an open stream without another word.
    pub(crate) fn lose(&mut self, why: &str) -> Closed {
        *self = Self::Closed;
        Closed {
            code: None,
            detail: format!("Connection lost: {why}"),
        }
    }

    /// The address of this computer that an open stream comes from.
    pub(crate) fn local_ip(&self) -> Option<IpAddr> {
        let Self::Open(open) = self else { return None };
        let stream = match open.web_socket.get_ref() {
            MaybeTlsStream::Plain(stream) => stream,
            MaybeTlsStream::Rustls(tls) => tls.get_ref().0,
            _ => return None,
        };
        Some(stream.local_addr().ok()?.ip().to_canonical())
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
                        broken: false,
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
        if !self.broken
            && let Poll::Ready(Err(error)) = self.poll_sent(cx)
        {
            // What can still be read says more: a close code above all. The end follows it.
            tracing::debug!(%error, "the stream takes no more");
            self.broken = true;
        }
        if read {
            self.poll_frame(cx)
        } else {
            Poll::Pending
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

async fn open(stream_url: String, trust: Trust) -> Result<WebSocket, ConnectFailed> {
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
    let server = request.uri().host().unwrap_or_default().to_owned();
    let connector = if plain {
        Connector::Plain
    } else {
        trust.for_streams().map_err(unreachable)?
    };
    let connecting = connect_async_tls_with_config(request, Some(config), true, Some(connector));
    match tokio::time::timeout(CONNECT_WITHIN, connecting).await {
        Ok(Ok((web_socket, _))) => Ok(web_socket),
        Ok(Err(Error::Http(answer))) => Err(ConnectFailed::Refused(answer.status().as_u16())),
        Ok(Err(error)) => Err(unreachable(
            trust::blamed(&server, &error).unwrap_or_else(|| error.to_string()),
        )),
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

#[cfg(test)]
mod tests {
    use futures_util::{SinkExt, StreamExt};
    use hither_protocol::MessageId;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;
    use tokio_tungstenite::accept_hdr_async;
    use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
    use uuid::Uuid;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(30);

    type Peer = WebSocketStream<TcpStream>;

    /// An open socket and the server at its other end.
    async fn pair() -> (Socket, Peer) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut socket = opening(&listener);
        let accepting = async { accept(listener.accept().await.unwrap().0).await };
        let (event, peer) = tokio::join!(next(&mut socket), accepting);
        assert!(matches!(event, Event::Opened), "{event:?}");
        (socket, peer)
    }

    async fn accept(stream: TcpStream) -> Peer {
        #[expect(clippy::result_large_err, reason = "the library's own signature")]
        let speak = |_: &Request, mut answer: Response| -> Result<Response, ErrorResponse> {
            let name = HeaderValue::from_static(SUBPROTOCOL);
            answer.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, name);
            Ok(answer)
        };
        accept_hdr_async(stream, speak).await.unwrap()
    }

    fn opening(listener: &TcpListener) -> Socket {
        let mut socket = Socket::Closed;
        let address = listener.local_addr().unwrap();
        socket.open(format!("ws://{address}/v1/stream"), Trust::default());
        socket
    }

    async fn next(socket: &mut Socket) -> Event {
        tokio::time::timeout(DEADLINE, socket.next_event(true))
            .await
            .expect("an event")
    }

    /// The code and text of the close that follows.
    async fn closed(socket: &mut Socket) -> Closed {
        let event = next(socket).await;
        let Event::Closed(closed) = event else {
            panic!("{event:?}")
        };
        assert!(socket.is_closed());
        closed
    }

    fn read(n: u128) -> ClientFrame {
        ClientFrame::Read {
            ids: vec![MessageId(Uuid::from_u128(n))],
        }
    }

    #[tokio::test]
    async fn frames_go_both_ways_and_unknown_ones_are_skipped_by_name() {
        let (mut socket, mut peer) = pair().await;
        socket.send(&read(1));
        for text in [r#"{"type":"pong"}"#, r#"{"type":"from the future"}"#] {
            peer.send(Message::text(text)).await.unwrap();
        }
        let event = next(&mut socket).await;
        assert!(
            matches!(event, Event::Frame(ServerFrame::Pong { .. })),
            "{event:?}"
        );
        let event = next(&mut socket).await;
        assert!(
            matches!(event, Event::Frame(ServerFrame::Unknown)),
            "{event:?}"
        );
        let said = peer.next().await.unwrap().unwrap();
        assert_eq!(said.to_text().unwrap(), read(1).to_text());
        assert!(socket.ready_event().is_none());
    }

    #[tokio::test]
    async fn nothing_is_read_while_nothing_may_be_but_everything_is_sent() {
        let (mut socket, mut peer) = pair().await;
        peer.send(Message::text(r#"{"type":"pong"}"#))
            .await
            .unwrap();
        socket.send(&read(1));
        tokio::select! {
            event = socket.next_event(false) => panic!("{event:?}"),
            said = peer.next() => assert_eq!(said.unwrap().unwrap().to_text().unwrap(), read(1).to_text()),
        }
        assert!(matches!(
            next(&mut socket).await,
            Event::Frame(ServerFrame::Pong { .. })
        ));
    }

    #[tokio::test]
    async fn the_servers_close_code_arrives_even_where_we_can_no_longer_write() {
        let (mut socket, mut peer) = pair().await;
        let frame = CloseFrame {
            code: 4403.into(),
            reason: "revoked".into(),
        };
        peer.close(Some(frame)).await.unwrap();
        drop(peer);
        for n in 0..100 {
            socket.send(&read(n));
        }
        let closed = closed(&mut socket).await;
        assert_eq!(
            (closed.code, closed.detail.as_str()),
            (Some(4403), "revoked")
        );
    }

    #[tokio::test]
    async fn a_goodbye_says_everything_before_it() {
        let (mut socket, mut peer) = pair().await;
        // Unread here when the goodbye begins.
        for _ in 0..50 {
            peer.send(Message::text(r#"{"type":"pong"}"#))
                .await
                .unwrap();
        }
        for n in 0..50 {
            socket.send(&read(n));
        }
        socket.close();
        let listening = async {
            let mut heard = Vec::new();
            while let Some(Ok(message)) = peer.next().await {
                heard.push(message);
            }
            heard
        };
        let (closed, heard) = tokio::join!(closed(&mut socket), listening);
        assert_eq!(closed.code, None);
        assert_eq!(heard.len(), 51);
        assert!(
            matches!(&heard[50], Message::Close(Some(frame)) if frame.code == CloseCode::Normal)
        );
    }

    #[tokio::test]
    async fn a_goodbye_to_a_dead_server_is_over_soon() {
        let (mut socket, peer) = pair().await;
        socket.send(&read(1));
        socket.close();
        socket.close();
        closed(&mut socket).await;
        drop(peer);
        socket.close();
        assert!(socket.is_closed());
    }

    #[tokio::test]
    async fn a_try_that_is_not_wanted_any_more_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut socket = opening(&listener);
        socket.close();
        closed(&mut socket).await;
    }

    #[tokio::test]
    async fn what_makes_no_sense_or_is_too_large_ends_the_stream() {
        for nonsense in [
            "",
            "{",
            "[]",
            r#"{"type":"message"}"#,
            &"x".repeat(MAX_FRAME_BYTES + 1),
        ] {
            let (mut socket, mut peer) = pair().await;
            peer.send(Message::text(nonsense)).await.unwrap();
            assert_eq!(closed(&mut socket).await.code, None);
        }
    }

    #[tokio::test]
    async fn an_upgrade_refused_names_its_status() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut socket = opening(&listener);
        let refusing = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let answer = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer).await.unwrap();
            stream
        };
        let (event, _stream) = tokio::join!(next(&mut socket), refusing);
        let refused = ConnectFailed::Refused(429);
        assert!(
            matches!(&event, Event::ConnectFailed(why) if *why == refused),
            "{event:?}"
        );
    }

    #[tokio::test]
    async fn unencrypted_streams_leave_this_computer_never() {
        for url in [
            "ws://192.0.2.1/v1/stream",
            "ws://localhost.example.org/",
            "ws://[2001:db8::1]/",
        ] {
            let mut socket = Socket::Closed;
            socket.open(url.to_owned(), Trust::default());
            let event = next(&mut socket).await;
            let Event::ConnectFailed(ConnectFailed::Unreachable(why)) = event else {
                panic!("{event:?}")
            };
            assert!(why.contains("not encrypted"), "{url}: {why}");
        }
    }
}
