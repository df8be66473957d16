//! An application of its own as a real process, beside a real server.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use hither_protocol::{ApplicationVersions, PublishRequest, Recipients};
use serde_json::Value;
use system_tests::SOON;
use system_tests::program::{Process, program};
use system_tests::server::{Publisher, Server, plain};

const PASSWORD: &str = "correct horse battery staple";

/// The example, and what it printed.
struct Example {
    process: Process,
    lines: Receiver<Value>,
    token: String,
    /// Ids of messages: one that was printed just before an end may be printed again.
    seen: BTreeSet<String>,
}

impl Example {
    fn start(server: &Server, account: &str, version: &str, state: &Path) -> Self {
        let mut command = program("examples/own_application");
        command
            .args([server.url(), account, "report", version])
            .arg(state);
        command.env("PASSWORD", PASSWORD);
        let mut process = Process::start(&mut command);
        let printed = process.lines().unwrap();
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in printed.map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str(&line).unwrap());
            }
        });
        let mut example = Self {
            process,
            lines,
            token: String::new(),
            seen: BTreeSet::new(),
        };
        let first = example.next();
        first["message_token"]
            .as_str()
            .unwrap()
            .clone_into(&mut example.token);
        example
    }

    fn next(&self) -> Value {
        self.lines.recv_timeout(SOON).expect("a line in time")
    }

    fn next_title(&mut self) -> String {
        loop {
            let message = self.next();
            let id = message["id"].as_str().expect("a message");
            if self.seen.insert(id.to_owned()) {
                return message["title"].as_str().unwrap().to_owned();
            }
        }
    }
}

fn to_token(token: &str, title: &str) -> PublishRequest {
    to(
        title,
        Recipients {
            tokens: vec![token.to_owned()],
            ..Recipients::default()
        },
    )
}

fn to_versions(versions: &str, title: &str) -> PublishRequest {
    to(
        title,
        Recipients {
            application: Some(ApplicationVersions {
                name: "report".to_owned(),
                versions: versions.to_owned(),
            }),
            ..Recipients::default()
        },
    )
}

fn to(title: &str, to: Recipients) -> PublishRequest {
    PublishRequest {
        to,
        title: title.to_owned(),
        ..PublishRequest::default()
    }
}

fn send(publisher: &Publisher, request: &PublishRequest) {
    let _ = publisher.publish(&request.title, request);
}

#[test]
fn b_an_application_of_its_own_gets_what_is_its_own_through_everything() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(&folder.path().join("server"));
    server.add_account("ada", PASSWORD);
    server.add_account("bob", PASSWORD);
    let publisher = server.add_publisher("CI");
    let (adas_state, bobs_state) = (folder.path().join("ada"), folder.path().join("bob"));
    let mut adas = Example::start(&server, "ada", "1.0.0", &adas_state);
    let mut bobs = Example::start(&server, "bob", "2.0.0", &bobs_state);

    send(&publisher, &plain("ada", "b5: for the inbox"));
    send(&publisher, &to_token(&bobs.token, "b2: for bob"));
    send(&publisher, &to_token(&adas.token, "b2: for ada"));
    assert_eq!(adas.next_title(), "b2: for ada");
    assert_eq!(bobs.next_title(), "b2: for bob");

    // The server dies without a word and comes back.
    server.kill();
    server.restart();
    send(&publisher, &to_token(&adas.token, "after the crash"));
    send(&publisher, &to_versions(">=2", "b3: for version 2"));
    assert_eq!(adas.next_title(), "after the crash");
    assert_eq!(bobs.next_title(), "b3: for version 2");

    // The application ends, misses something, and comes back as a newer version: what its cursor
    // has passed is for that version.
    send(&publisher, &to_token(&adas.token, "the last of version 1"));
    assert_eq!(adas.next_title(), "the last of version 1");
    adas.process.kill();
    send(&publisher, &to_token(&adas.token, "missed"));
    let mut again = Example::start(&server, "ada", "2.0.1", &adas_state);
    again.seen = adas.seen;
    assert_eq!(again.token, adas.token, "b1: the same address");
    assert_eq!(again.next_title(), "missed");
    assert_eq!(again.next_title(), "b3: for version 2");
    send(&publisher, &to_token(&again.token, "the end"));
    assert_eq!(again.next_title(), "the end");
    assert!(bobs.lines.try_recv().is_err(), "bob got nothing of ada's");
}
