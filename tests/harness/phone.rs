//! A phone of `ada`, as far as its server can tell.

use futures_util::SinkExt;
use hither_protocol::{ClientFrame, ClientInfo, SUBPROTOCOL, Session};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// An open stream.
pub type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Signs in, over an agent that trusts the server.
///
/// # Panics
/// When the server refuses.
#[must_use]
pub fn sign_in(agent: &ureq::Agent, url: &str, password: &str) -> Session {
    let body = json!({
        "account": "ada", "password": password,
        "device": { "name": "Phone", "platform": "android", "kind": "mobile" },
        "application": { "name": "hither", "version": "0.1.0" },
    });
    let answer = agent.post(format!("{url}/v1/sessions")).send_json(body);
    let mut answer = answer.expect("it signs in");
    answer.body_mut().read_json().expect("a session")
}

/// Opens a stream and says hello.
///
/// # Panics
/// When the server does not take it.
pub async fn open(url: &str, session: &Session) -> Stream {
    let stream = format!("{}/v1/stream", url.replacen("http", "ws", 1));
    let request = ClientRequestBuilder::new(stream.parse().expect("an address"));
    let request = request.with_sub_protocol(SUBPROTOCOL);
    let (mut stream, _) = connect_async(request).await.expect("a stream");
    let hello = ClientFrame::Hello {
        access_token: Some(session.access_token.clone()),
        cursor: None,
        client: ClientInfo {
            name: "hither".to_owned(),
            version: "0.1.0".to_owned(),
        },
        presence: None,
    };
    let hello = Message::text(hello.to_text());
    stream.send(hello).await.expect("an open stream");
    stream
}
