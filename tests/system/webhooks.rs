//! The receiver of docs/publishing.md, as it stands there: other people's package checks what the
//! server signs, and nothing is lost when either of them is killed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::{Receiver as Lines, channel};

use futures_util::{SinkExt, StreamExt};
use hither_protocol::{Action, ClientFrame, MessageId, PublishRequest, ServerFrame, Session};
use serde_json::{Value, json};
use system_tests::program::Process;
use system_tests::server::{Publisher, Server, plain};
use system_tests::{SOON, free_port, phone, wait_for};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::Message as Wire;

const PAGE: &str = include_str!("../../docs/publishing.md");
const PASSWORD: &str = "correct horse";

/// Where `cargo xtask test` installs what the tests use of Python.
fn python() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(3).unwrap().join("clients/bin/python")
}

/// The page's receiver, and what it prints.
struct Receiver {
    _process: Process,
    lines: Lines<Value>,
}

impl Receiver {
    fn start(port: u16, secret: &str) -> Self {
        let (_, rest) = PAGE.split_once("```py\n").expect("a receiver");
        let (script, _) = rest.split_once("```").expect("its end");
        let mut command = Command::new(python());
        command.args(["-u", "-c", script]);
        command.env("WEBHOOK_SECRET", secret);
        command.env("PORT", port.to_string());
        let mut process = Process::start(&mut command);
        let output = process.lines().expect("its output is ours");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.map_while(Result::ok) {
                let event = serde_json::from_str(&line).unwrap_or_else(|_| json!(line));
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        let receiver = Self {
            _process: process,
            lines,
        };
        assert_eq!(receiver.next(), "listening");
        receiver
    }

    fn next(&self) -> Value {
        self.lines.recv_timeout(SOON).expect("a line")
    }

    /// Type, account and action of what comes next.
    fn words(&self) -> String {
        let event = self.next();
        let data = &event["data"];
        let words = [&event["type"], &data["account"], &data["action"]];
        let words: Vec<_> = words.iter().filter_map(|word| word.as_str()).collect();
        words.join(" ")
    }

    /// The messages of all events up to a test.
    fn until_test(&self) -> Vec<String> {
        let mut messages = Vec::new();
        loop {
            let event = self.next();
            match event["data"]["message_id"].as_str() {
                Some(id) => messages.push(id.to_owned()),
                None if event["type"] == "webhook.test" => return messages,
                None => panic!("{event}"),
            }
        }
    }
}

/// A server that may reach loopback, one publisher, and one webhook.
struct Place {
    server: Server,
    publisher: Publisher,
    port: u16,
    webhook: Value,
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let settings = vec![
            ("HITHER_OUTBOUND_ALLOW", "127.0.0.1".to_owned()),
            ("HITHER_LOG", "debug".to_owned()),
        ];
        let log = data.path().join("log");
        let server = Server::start_logging(&data.path().join("server"), settings, &log);
        server.add_account("ada", PASSWORD);
        let publisher = server.add_publisher("Shop");
        let mut place = Self {
            port: free_port(),
            server,
            publisher,
            webhook: Value::Null,
            folder: data,
        };
        let url = format!("http://127.0.0.1:{}/", place.port);
        place.webhook = place.post("", &json!({ "url": url }));
        place
    }

    fn secret(&self) -> &str {
        self.webhook["secret"].as_str().unwrap()
    }

    fn path(&self, path: &str) -> String {
        format!("{}/v1/webhooks{path}", self.server.url())
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let bearer = format!("Bearer {}", self.publisher.token());
        let request = ureq::post(self.path(path)).header("authorization", bearer);
        let mut answer = request.send_json(body).unwrap();
        answer.body_mut().read_json().unwrap_or_default()
    }

    fn ask_for_test(&self) {
        let id = self.webhook["id"].as_str().unwrap();
        self.post(&format!("/{id}/test"), &json!({}));
    }

    fn wait_for_failure(&self, wanted: &str) {
        let bearer = format!("Bearer {}", self.publisher.token());
        let path = self.path(&format!("/{}", self.webhook["id"].as_str().unwrap()));
        wait_for(wanted, SOON, || {
            let request = ureq::get(&path).header("authorization", &bearer);
            let shown: Value = request.call().unwrap().body_mut().read_json().unwrap();
            (shown["last_failure"] == wanted).then_some(())
        });
    }

    fn publish(&self, titles: core::ops::Range<u32>) -> Vec<String> {
        let publish = |title: u32| {
            let title = title.to_string();
            let id = self.publisher.publish(&title, &plain("ada", &title));
            id.to_string()
        };
        titles.map(publish).collect()
    }
}

/// A person's device says these, and that the server took them.
async fn say(url: &str, session: &Session, frames: Vec<ClientFrame>) {
    let mut stream = phone::open(url, session).await;
    let ping = ClientFrame::Ping {
        last_input_ms: None,
        echo: None,
    };
    for frame in [frames, vec![ping]].concat() {
        stream.send(Wire::text(frame.to_text())).await.unwrap();
    }
    loop {
        // The server's own WebSocket pings come in between.
        if let Wire::Text(text) = stream.next().await.unwrap().unwrap()
            && let ServerFrame::Pong { .. } = ServerFrame::parse(&text).unwrap()
        {
            return;
        }
    }
}

fn question() -> PublishRequest {
    PublishRequest {
        actions: vec![Action {
            id: "yes".to_owned(),
            label: "Yes".to_owned(),
            url: None,
        }],
        ..plain("ada", "Deploy?")
    }
}

#[tokio::test]
async fn states_and_the_action_arrive_signed() {
    let place = Place::new();
    let receiver = Receiver::start(place.port, place.secret());
    let session = phone::sign_in(&place.publisher.agent(), place.server.url(), PASSWORD);
    let settings = format!("{}/v1/settings", place.server.url());
    let bearer = format!("Bearer {}", session.access_token.expose());
    let allow = ureq::put(settings).header("authorization", bearer);
    allow.send_json(json!({ "read_receipts": true })).unwrap();

    let id: MessageId = place.publisher.publish("question", &question());
    let stored = receiver.next();
    assert_eq!(stored["type"], "message.stored");
    assert_eq!(
        stored["data"],
        json!({ "message_id": id, "account": "ada" })
    );
    let action = ClientFrame::Action {
        id,
        action: "yes".to_owned(),
    };
    let (shown, read) = (
        ClientFrame::Shown {
            ids: vec![id],
            stays: false,
        },
        ClientFrame::Read { ids: vec![id] },
    );
    say(place.server.url(), &session, vec![shown, action, read]).await;
    let expected = [
        "message.delivered ada",
        "message.shown ada",
        "message.action ada yes",
        "message.read ada",
    ];
    for words in expected {
        assert_eq!(receiver.words(), words);
    }

    // It would notice another's signature.
    drop(receiver);
    let stranger = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let receiver = Receiver::start(place.port, stranger);
    place.ask_for_test();
    place.wait_for_failure("answered 400");
    assert!(receiver.lines.try_recv().is_err());

    let log = std::fs::read_to_string(place.folder.path().join("log")).unwrap();
    assert!(log.contains(place.webhook["id"].as_str().unwrap()), "{log}");
    for private in [place.secret(), "Deploy?", "v1,"] {
        assert!(!log.contains(private), "{log}");
    }
}

#[test]
fn nothing_is_lost_while_the_receiver_is_down_and_the_server_is_killed() {
    let mut place = Place::new();
    let while_down = place.publish(0..20);
    place.wait_for_failure("cannot be reached");
    place.server.kill();
    place.server.restart();
    let receiver = Receiver::start(place.port, place.secret());
    place.ask_for_test();
    assert_eq!(receiver.until_test(), while_down, "in order");

    for round in 1..=3 {
        let burst = place.publish(100 * round..100 * round + 20);
        place.server.kill();
        place.server.restart();
        place.ask_for_test();
        // The receiver passes over what it knows already.
        let arrived = receiver.until_test();
        assert_eq!(arrived.len(), burst.len());
        let (arrived, burst): (BTreeSet<_>, BTreeSet<_>) =
            (arrived.into_iter().collect(), burst.into_iter().collect());
        assert_eq!(arrived, burst);
    }
}
