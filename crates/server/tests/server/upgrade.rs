//! A data folder of the first version, opened by this one.

use std::time::Duration;

use hither_protocol::{
    ClientFrame, Cursor, DeviceKind, FirstAlert, Message, PresenceState, ServerFrame, Session,
    Timestamp,
};
use hither_server::store::{
    Cursors, Epoch, Position, Reader, Retention, Store, Topics as _, system_clock,
};
use hither_server::{Settings, secret};
use rusqlite::{Connection, params};
use serde_json::json;
use uuid::Uuid;

use crate::harness::{PUBLISHER, SECRET, Server, credentials, hello, presence};

const FIRST: &str = include_str!("../../src/store/sqlite/migrations/0001_first.sql");
const KEY: [u8; 32] = [7; 32];
const EPOCH: i64 = 42;
const ACCESS_TOKEN: &str = "hither_at_of_the_first_version";

fn content(number: i64, key: Option<&str>) -> (Uuid, String) {
    let id = Uuid::now_v7();
    let mut message = json!({
        "id": id,
        "publisher": { "id": PUBLISHER, "name": "Tests" },
        "title": number.to_string(),
        "created_at": Timestamp::from_millisecond(now() + number).unwrap(),
    });
    if let Some(key) = key {
        message["key"] = key.into();
    }
    (id, message.to_string())
}

/// Some time ago, so that nothing is too old to be kept.
fn now() -> i64 {
    Timestamp::now().as_millisecond() - 3_600_000
}

/// Rows of every table: ada has four messages (read, shown, neither, with a key), bob one.
fn first_folder() -> (tempfile::TempDir, Vec<Uuid>) {
    let folder = tempfile::tempdir().unwrap();
    let mut conn = Connection::open(folder.path().join("hither.db")).unwrap();
    let tx = conn.transaction().unwrap();
    tx.execute_batch(FIRST).unwrap();
    tx.pragma_update(None, "user_version", 1).unwrap();
    tx.execute(
        "INSERT INTO meta VALUES (1, ?1, ?2, 6)",
        params![EPOCH, KEY],
    )
    .unwrap();
    let account = "INSERT INTO accounts (name, password_hash, admin, created_at)
                   VALUES (?1, 'x', 0, ?2)";
    for name in ["ada", "bob"] {
        tx.execute(account, params![name, now()]).unwrap();
    }
    tx.execute(
        "INSERT INTO devices VALUES (1, 'desk', 'Desk', 'linux', 'mobile')",
        [],
    )
    .unwrap();
    let client = "INSERT INTO clients (account, device, application, version, message_token, acked)
                  VALUES (1, 'desk', 'hither', '0.1.0', 'hither_mt_first', 1)";
    tx.execute(client, []).unwrap();
    let hash = secret::hash(ACCESS_TOKEN);
    let expires = Timestamp::now().as_millisecond() + 86_400_000;
    tx.execute(
        "INSERT INTO sessions VALUES (?1, 1, ?2)",
        params![hash, expires],
    )
    .unwrap();
    let publisher = "INSERT INTO publishers (public_id, name, created_at) VALUES (?1, 'Tests', 0)";
    tx.execute(publisher, [PUBLISHER]).unwrap();
    let secret = "INSERT INTO publisher_secrets (publisher, hash) VALUES (1, ?1)";
    tx.execute(secret, [secret::hash(SECRET)]).unwrap();
    let mut ids = Vec::new();
    for number in 1..=5 {
        let (id, json) = content(number, (number == 4).then_some("build"));
        let message = "INSERT INTO messages (id, publisher, priority, created_at, content, html)
                       VALUES (?1, 1, 3, ?2, ?3, NULL)";
        tx.execute(message, params![id.as_bytes(), now() + number, json])
            .unwrap();
        let account = if number == 5 { 2 } else { 1 };
        let log = "INSERT INTO log VALUES (?1, ?2, 'message', ?2, NULL)";
        tx.execute(log, [account, number]).unwrap();
        tx.execute(
            "INSERT INTO inbox (message, account) VALUES (?2, ?1)",
            [account, number],
        )
        .unwrap();
        ids.push(id);
    }
    tx.execute("UPDATE inbox SET read_at = ?1 WHERE message = 1", [now()])
        .unwrap();
    let read = "INSERT INTO log VALUES (1, 6, 'read', NULL, ?1)";
    tx.execute(read, [ids[0].as_bytes()]).unwrap();
    tx.execute("UPDATE inbox SET shown_at = ?1 WHERE message = 2", [now()])
        .unwrap();
    tx.execute("INSERT INTO shown VALUES (2, 1, 'desk', ?1)", [now()])
        .unwrap();
    tx.execute(
        "INSERT INTO chosen_actions VALUES (2, 1, 'go', 'desk', ?1)",
        [now()],
    )
    .unwrap();
    let idempotency = "INSERT INTO idempotency VALUES (1, 'k', ?1, ?2, 1, ?3)";
    tx.execute(idempotency, params![[1_u8; 32], ids[0].as_bytes(), now()])
        .unwrap();
    tx.commit().unwrap();
    (folder, ids)
}

fn cursor(position: u64) -> Cursor {
    Cursors::new(Epoch(EPOCH.cast_unsigned()), KEY)
        .make(&"ada".parse().unwrap(), Position(position))
}

fn session() -> Session {
    serde_json::from_value(json!({
        "access_token": ACCESS_TOKEN, "expires_at": "2030-01-01T00:00:00Z", "device_id": "desk",
        "message_token": "hither_mt_first", "stream_url": "",
    }))
    .unwrap()
}

#[tokio::test]
async fn everything_of_the_first_version_is_still_delivered() {
    let (folder, sent) = first_folder();
    let server = Server::run(Settings::default(), folder, system_clock()).await;
    let (mut stream, rest) = server.connect(&session(), Some(cursor(1))).await;
    assert_eq!(rest.titles(), ["2", "3", "4"]);
    assert!(matches!(&rest.frames[3], ServerFrame::Read { ids, .. } if ids[0].0 == sent[0]));
    let (_, whole) = server.connect(&session(), None).await;
    let read: Vec<&Message> = whole
        .messages()
        .filter(|one| one.read_at.is_some())
        .collect();
    assert_eq!((whole.titles().len(), read.len()), (4, 1));
    assert!(stream.end().await.0.len() <= 1, "another stream took over");

    let pending = server
        .store
        .pending(
            &"ada".parse().unwrap(),
            Timestamp::now(),
            Position(u64::MAX),
        )
        .await;
    let pending: Vec<_> = pending.unwrap().iter().map(|one| one.id.0).collect();
    assert_eq!(pending, [sent[2], sent[3]], "neither read nor shown");
    let bob = Reader::Inbox("bob".parse().unwrap());
    let bobs = server.store.page(&bob, Position(0), None, 9).await.unwrap();
    assert_eq!(bobs.entries.len(), 1);
    // New ways work on old rows: a key replaces, a token reaches, a topic is joined.
    let (mut stream, _) = server.connect(&session(), Some(cursor(6))).await;
    stream.ping().await;
    let body = json!({ "to": { "accounts": ["ada"] }, "title": "new", "key": "build" });
    server.send_as(&body).await;
    let told = until(&mut stream, "new").await;
    assert!(told.iter().any(|frame| matches!(frame,
        ServerFrame::Withdraw { ids, .. } if ids[0].0 == sent[3])));
    server
        .send_as(&json!({ "to": { "tokens": ["hither_mt_first"] }, "title": "to the token" }))
        .await;
    until(&mut stream, "to the token").await;
    let (ada, news) = ("ada".parse().unwrap(), "news".parse().unwrap());
    server.store.subscribe(&ada, &news).await.unwrap();
    server
        .send_as(&json!({ "to": { "topics": ["news"] }, "title": "to the topic" }))
        .await;
    until(&mut stream, "to the topic").await;
    server
        .send_as(&json!({ "to": { "everyone": true }, "title": "to all" }))
        .await;
    until(&mut stream, "to all").await;
    stream
        .say(&ClientFrame::Ping {
            last_input_ms: None,
            echo: None,
        })
        .await;
    let foreign = Cursors::new(Epoch(1), KEY).make(&"ada".parse().unwrap(), Position(1));
    let mut refused = server.open().await;
    refused.say(&hello(&session(), Some(foreign), None)).await;
    refused
        .ends_with(hither_protocol::CloseCode::UnknownCursor)
        .await;
}

/// What comes until a message of this title.
async fn until(stream: &mut crate::harness::Stream, title: &str) -> Vec<ServerFrame> {
    let mut frames = Vec::new();
    loop {
        let frame = stream.next().await;
        let there = matches!(&frame, ServerFrame::Message { message, alert, .. }
            if message.title == title && *alert == FirstAlert::Now);
        frames.push(frame);
        if there {
            return frames;
        }
    }
}

/// Written by the first version that people could run, with its own commands and API, and closed
/// by it: ada's desktop has three messages, of which it acked the first.
const WRITTEN: &[u8] = include_bytes!("first_version/hither.db");
const DEVICE: &str = "elNDr3DqoVU-pqVFtTem4w";
const TOKEN: &str = "hither_mt_EaNXi00ue6H6roQVXmgdoFjRlM64gtuU3ds6MQEv998";
const ACKED: &str = "0mFIphEiybkAAAAAAAAAAdZv_MNVst5u";
const WROTE: (&str, &str) = (
    "app-6666450235897409",
    "hither_ps_L_FP0QOAQoEhwLWG_S1gtyltFZHiUq4oM9vBgD9RHtY",
);

#[tokio::test]
async fn a_folder_that_the_first_version_wrote_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hither.db"), WRITTEN).unwrap();
    let settings = Settings {
        // However old the folder is by now.
        retention: Retention {
            age: Duration::from_hours(24 * 36_500),
            ..Retention::default()
        },
        ..Settings::default()
    };
    let server = Server::run(settings, folder, system_clock()).await;
    let mut credentials = credentials("ada", DeviceKind::Desktop);
    credentials["password"] = json!("the first password");
    credentials["device"]["id"] = json!(DEVICE);
    let session = server.sign_in_with(&credentials).await;
    assert_eq!(session.device_id.as_str(), DEVICE, "the same device");
    assert_eq!(session.message_token, TOKEN, "and address");

    let acked = serde_json::from_value(json!(ACKED)).unwrap();
    let there = Some(presence(PresenceState::Active));
    let (mut stream, rest) = server.connect_as(&session, Some(acked), there).await;
    assert_eq!(rest.titles(), ["shown", "neither"]);
    let read =
        |frame: &ServerFrame| matches!(frame, ServerFrame::Read { ids, .. } if ids.len() == 1);
    assert!(rest.frames.iter().any(read));
    let rich = rest.messages().find(|one| one.html.is_some()).unwrap();
    assert_eq!(
        rich.html.as_ref().unwrap().inline.as_deref(),
        Some("<h1>rich")
    );

    let (id, secret) = WROTE;
    let token = format!("Bearer {id}.{secret}");
    let body = json!({ "to": { "accounts": ["ada"], "tokens": [TOKEN] }, "title": "new" });
    let headers = [("authorization", token.as_str())];
    assert_eq!(
        server.post("/v1/messages", &headers, &body).await.status,
        201
    );
    until(&mut stream, "new").await;
}
