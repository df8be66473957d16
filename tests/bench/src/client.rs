//! The one client that talks to everything that is measured: as little code as that takes.

use core::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, bail, ensure};
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use hither_protocol::{AccessToken, Cursor, SUBPROTOCOL};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// An address gives out some 28,000 ports, and each rests for a minute after its use.
const PORTS: usize = 10_000;

/// As the server's own, so that a floor has the same.
pub(crate) fn small_buffers() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(1024)
        .write_buffer_size(0)
}

/// The `number`th connection of this process.
pub(crate) async fn connect(to: SocketAddr, number: usize) -> anyhow::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    let host = u8::try_from(number / PORTS % 200)? + 1;
    socket.bind((Ipv4Addr::new(127, 0, 1, host), 0).into())?;
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A WebSocket.
#[derive(Debug)]
pub(crate) struct Stream(WebSocketStream<TcpStream>);

impl Stream {
    pub(crate) async fn open(to: SocketAddr, number: usize) -> anyhow::Result<Self> {
        let wire = connect(to, number).await?;
        let address = format!("ws://{to}/v1/stream").parse()?;
        let request = ClientRequestBuilder::new(address).with_sub_protocol(SUBPROTOCOL);
        let opened = client_async_with_config(request, wire, Some(small_buffers())).await;
        Ok(Self(opened.context("no WebSocket")?.0))
    }

    pub(crate) async fn say(&mut self, text: impl Into<Utf8Bytes>) -> anyhow::Result<()> {
        Ok(self.0.send(Message::Text(text.into())).await?)
    }

    /// The next text.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Utf8Bytes> {
        loop {
            match self.0.next().await.context("the stream ended")?? {
                Message::Text(text) => return Ok(text),
                Message::Close(why) => bail!("the stream was closed: {why:?}"),
                _ => {}
            }
        }
    }

    /// Says hello and reads to the end of the backlog; how many messages that were.
    pub(crate) async fn sign_in(
        &mut self,
        token: &AccessToken,
        cursor: Option<Cursor>,
    ) -> anyhow::Result<usize> {
        let client = json!({ "name": "hither", "version": "0.1.0" });
        let presence = json!({ "state": "active", "last_input_ms": 0 });
        let hello = json!({
            "type": "hello", "access_token": token.expose(), "cursor": cursor,
            "client": client, "presence": presence,
        });
        self.say(hello.to_string()).await?;
        let (mut messages, mut newest) = (0, None);
        loop {
            let text = self.next().await?;
            if is(&text, "message") {
                messages += 1;
                newest = Some(text);
            } else if is(&text, "synced") {
                break;
            } else {
                ensure!(!is(&text, "error"), "refused: {text}");
            }
        }
        if let Some(newest) = newest {
            self.ack(&newest).await?;
        }
        Ok(messages)
    }

    /// The next message; what else is said is passed over.
    pub(crate) async fn message(&mut self) -> anyhow::Result<Utf8Bytes> {
        loop {
            let text = self.next().await?;
            if is(&text, "message") {
                return Ok(text);
            }
        }
    }

    /// All messages that are there, at least one, acked together as the companion does after a
    /// transaction; how many.
    pub(crate) async fn messages(&mut self) -> anyhow::Result<usize> {
        let mut newest = self.message().await?;
        let mut count = 1;
        while let Some(more) = self.message().now_or_never() {
            newest = more?;
            count += 1;
        }
        self.ack(&newest).await?;
        Ok(count)
    }

    pub(crate) async fn ack(&mut self, message: &str) -> anyhow::Result<()> {
        let (_, rest) = message.split_once(r#""cursor":""#).context("a cursor")?;
        let (cursor, _) = rest.split_once('"').context("a cursor")?;
        self.say(format!(r#"{{"type":"ack","cursor":"{cursor}"}}"#))
            .await
    }
}

/// Whether a frame is of this type, which stands first in it.
fn is(frame: &str, kind: &str) -> bool {
    let after = frame.strip_prefix(r#"{"type":""#);
    after.is_some_and(|rest| rest.starts_with(kind))
}

/// One of a publisher's connections.
#[derive(Debug)]
pub(crate) struct Publisher {
    wire: BufReader<TcpStream>,
    head: String,
}

impl Publisher {
    /// With `ID.SECRET`.
    pub(crate) async fn open(to: SocketAddr, number: usize, token: &str) -> anyhow::Result<Self> {
        let wire = BufReader::new(connect(to, number).await?);
        let head = format!(
            "POST /v1/messages HTTP/1.1\r\nhost: {to}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: "
        );
        Ok(Self { wire, head })
    }

    /// Publishes, and waits until that is stored.
    pub(crate) async fn publish(&mut self, message: &Value) -> anyhow::Result<()> {
        self.send(&message.to_string()).await?;
        self.stored().await
    }

    pub(crate) async fn send(&mut self, body: &str) -> anyhow::Result<()> {
        let request = format!("{}{}\r\n\r\n{body}", self.head, body.len());
        Ok(self.wire.write_all(request.as_bytes()).await?)
    }

    pub(crate) async fn stored(&mut self) -> anyhow::Result<()> {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let begin = head.len();
            ensure!(self.wire.read_line(&mut head).await? > 0, "no answer");
            let line = head[begin..].to_ascii_lowercase();
            if let Some(bytes) = line.strip_prefix("content-length:") {
                length = bytes.trim().parse()?;
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        self.wire.read_exact(&mut body).await?;
        let stored = head.starts_with("HTTP/1.1 201");
        ensure!(stored, "{head}{}", String::from_utf8_lossy(&body));
        Ok(())
    }
}

/// A message of the usual size for an account: a body of 200 bytes.
pub(crate) fn message(account: &str) -> Value {
    json!({
        "to": { "accounts": [account] },
        "title": "Build 4711 failed on main",
        "body": "2 of 318 checks failed since 9f3c2e1: `ui › inbox keeps its place` and \
                 `server › restore`. The last good one was 4708, twenty minutes ago; 3 people \
                 changed something since. Look at it soon.",
    })
}
