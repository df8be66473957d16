//! An application of its own, in about a hundred lines: it signs in, prints what its message token
//! and its application receive, one line of JSON each, and goes on where it was after a lost
//! connection, a restarted server, or its own end.
//!
//! `own_application SERVER ACCOUNT APPLICATION VERSION STATE`, the password in `PASSWORD`. STATE is
//! a file for what it must remember. The first line it prints is its message token.
#![expect(clippy::print_stdout, reason = "what it receives goes to its output")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use hither_protocol::{
    ClientFrame, ClientInfo, CloseCode, Cursor, SUBPROTOCOL, ServerFrame, Session,
};
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Message as Wire};

const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What outlives this process: who it is, and how far it got.
struct State {
    file: PathBuf,
    session: Session,
    cursor: Option<Cursor>,
}

/// How a stream ended.
enum End {
    /// Come back, after a wait.
    Lost,
    /// Come back without the cursor.
    UnknownCursor,
    /// Do not come back.
    Final(u16),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, account, name, version, file] = &arguments[..] else {
        bail!("usage: own_application SERVER ACCOUNT APPLICATION VERSION STATE");
    };
    let client = ClientInfo {
        name: name.clone(),
        version: version.clone(),
    };
    let mut state = match State::load(Path::new(file))? {
        Some(state) => state,
        None => State::sign_in(server, account, &client, Path::new(file))?,
    };
    println!(
        "{}",
        json!({ "message_token": state.session.message_token })
    );
    let mut wait = FIRST_WAIT;
    loop {
        let before = state.cursor.clone();
        match follow(&mut state, &client).await {
            Ok(End::Final(code)) => bail!("the server closed with {code}: sign in again"),
            Ok(End::UnknownCursor) => state.cursor = None,
            Ok(End::Lost) | Err(_) => {}
        }
        if state.cursor != before {
            wait = FIRST_WAIT;
        }
        // Not all clients of a server that comes back should knock at the same moment.
        tokio::time::sleep(wait.mul_f64(fastrand::f64())).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// Reads one stream to its end.
async fn follow(state: &mut State, client: &ClientInfo) -> anyhow::Result<End> {
    let url = state.session.stream_url.parse()?;
    let request = ClientRequestBuilder::new(url).with_sub_protocol(SUBPROTOCOL);
    let (mut stream, _) = connect_async(request).await?;
    let hello = ClientFrame::Hello {
        access_token: Some(state.session.access_token.clone()),
        cursor: state.cursor.clone(),
        client: client.clone(),
        presence: None,
    };
    stream.send(Wire::text(hello.to_text())).await?;
    let mut heartbeat = tokio::time::interval(Duration::from_secs(30));
    heartbeat.tick().await;
    loop {
        let wire = tokio::select! {
            wire = stream.next() => wire,
            _ = heartbeat.tick() => {
                let ping = ClientFrame::Ping {
                    last_input_ms: None,
                    echo: None,
                };
                stream.send(Wire::text(ping.to_text())).await?;
                continue;
            }
        };
        match wire.context("gone without a word")?? {
            Wire::Text(text) => {
                if let Some(cursor) = state.take(ServerFrame::parse(&text)?)? {
                    let ack = ClientFrame::Ack { cursor };
                    stream.send(Wire::text(ack.to_text())).await?;
                }
            }
            Wire::Close(frame) => return Ok(end(frame.map(|frame| frame.code.into()))),
            _ => {}
        }
    }
}

fn end(code: Option<u16>) -> End {
    match code.and_then(CloseCode::from_number) {
        Some(CloseCode::UnknownCursor) => End::UnknownCursor,
        Some(
            code @ (CloseCode::SignInAgain
            | CloseCode::Revoked
            | CloseCode::Replaced
            | CloseCode::Malformed),
        ) => End::Final(code as u16),
        _ => End::Lost,
    }
}

impl State {
    /// Prints what a frame says, remembers how far that was, and answers what to ack. An end in
    /// between prints a message again: its id tells.
    fn take(&mut self, frame: ServerFrame) -> anyhow::Result<Option<Cursor>> {
        let cursor = match frame {
            ServerFrame::Message {
                cursor, message, ..
            } => {
                println!("{}", json!({ "id": message.id, "title": message.title }));
                cursor
            }
            ServerFrame::Withdraw { cursor, ids, .. } => {
                println!("{}", json!({ "withdrawn": ids }));
                cursor
            }
            ServerFrame::Gap { since } => {
                println!("{}", json!({ "missing_before": since }));
                return Ok(None);
            }
            ServerFrame::Read { cursor, .. } | ServerFrame::Synced { cursor } => cursor,
            _ => return Ok(None),
        };
        self.cursor = Some(cursor.clone());
        self.save()?;
        Ok(Some(cursor))
    }

    fn sign_in(
        server: &str,
        account: &str,
        client: &ClientInfo,
        file: &Path,
    ) -> anyhow::Result<Self> {
        let password = std::env::var("PASSWORD").context("the password goes into PASSWORD")?;
        let body = json!({
            "account": account,
            "password": password,
            "device": { "name": "An example", "platform": std::env::consts::OS, "kind": "desktop" },
            "application": client,
        });
        let mut answer = ureq::post(format!("{server}/v1/sessions")).send_json(&body)?;
        let session = serde_json::from_str(&answer.body_mut().read_to_string()?)?;
        let state = Self {
            file: file.to_owned(),
            session,
            cursor: None,
        };
        state.save()?;
        Ok(state)
    }

    fn load(file: &Path) -> anyhow::Result<Option<Self>> {
        if !file.exists() {
            return Ok(None);
        }
        let saved: Value = serde_json::from_slice(&std::fs::read(file)?)?;
        Ok(Some(Self {
            file: file.to_owned(),
            session: serde_json::from_value(saved["session"].clone())?,
            cursor: serde_json::from_value(saved["cursor"].clone())?,
        }))
    }

    /// In one step, so that an end in between leaves the old file whole.
    fn save(&self) -> anyhow::Result<()> {
        let saved = json!({ "session": self.session, "cursor": self.cursor });
        let new = self.file.with_extension("new");
        std::fs::write(&new, saved.to_string())?;
        std::fs::rename(&new, &self.file)?;
        Ok(())
    }
}
