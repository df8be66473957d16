//! The tests that the best delivery services have, and ours: nothing is lost, nothing comes
//! twice into a history, and what is missing is said.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use hither_protocol::{
    ClientFrame, CloseCode, Cursor, DeviceKind, MessageId, ServerFrame, Session, Timestamp,
    WithdrawWhy,
};
use hither_server::Settings;
use hither_server::store::{
    Grantee, NewMessage, Position, Reader, Receivers, Retention, Store, Upkeep as _,
};
use serde_json::json;
use tokio::task::JoinSet;

use crate::harness::{PUBLISHER, Server, account, hello};

fn cursors(frames: &[ServerFrame]) -> Vec<Cursor> {
    let cursor = |frame: &ServerFrame| match frame {
        ServerFrame::Message { cursor, .. } => Some(cursor.clone()),
        _ => None,
    };
    frames.iter().filter_map(cursor).collect()
}

/// A clock that a test sets.
#[derive(Clone)]
struct Hands(Arc<AtomicI64>);

impl Hands {
    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(Timestamp::now().as_millisecond())))
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap()
    }

    fn turn(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }

    async fn server(&self) -> Server {
        let hands = self.clone();
        Server::with_clock(Settings::default(), Arc::new(move || hands.now())).await
    }
}

/// Stores many messages at once, past HTTP.
async fn store_many(server: &Server, count: usize) {
    let mut running = JoinSet::new();
    for number in 0..count {
        let store = Arc::clone(&server.store);
        running.spawn(async move { store.publish(a_message(number)).await.unwrap() });
    }
    running.join_all().await;
}

fn a_message(number: usize) -> NewMessage {
    let message = json!({
        "id": uuid::Uuid::now_v7(),
        "publisher": { "id": PUBLISHER, "name": "Tests" },
        "title": number.to_string(),
        "created_at": Timestamp::UNIX_EPOCH,
    });
    NewMessage {
        message: serde_json::from_value(message).unwrap(),
        html: None,
        to: Receivers::accounts(vec!["ada".parse().unwrap()]),
        by: Grantee::Publisher(PUBLISHER.parse().unwrap()),
        deliver_at: None,
        ttl: None,
        idempotency: None,
        ntfy: None,
        fields: None,
    }
}

async fn sign_in(server: &Server) -> Session {
    server.sign_in("ada", DeviceKind::Mobile).await
}

#[tokio::test]
async fn a9_what_was_not_acked_comes_again() {
    let server = Server::start().await;
    let session = sign_in(&server).await;
    let (mut stream, start) = server.connect(&session, None).await;
    let id = server.send("ada", "again and again").await;
    stream.next().await;
    stream.close().await;
    for _ in 0..3 {
        let (_, backlog) = server.connect(&session, Some(start.cursor.clone())).await;
        let got: Vec<_> = backlog.messages().map(|message| message.id).collect();
        assert_eq!(got, [id], "the same id each time");
    }
}

#[tokio::test]
async fn a9_what_was_sent_into_a_breaking_connection_comes_again() {
    let server = Server::start().await;
    let session = sign_in(&server).await;
    let (stream, start) = server.connect(&session, None).await;
    let id = server.send("ada", "on the way").await;
    // Gone without a word and without having read.
    drop(stream);
    server.send("ada", "while away").await;
    let (mut stream, backlog) = server.connect(&session, Some(start.cursor)).await;
    assert_eq!(backlog.titles(), ["on the way", "while away"]);
    let first = cursors(&backlog.frames).remove(0);
    stream
        .say(&ClientFrame::Ack {
            cursor: first.clone(),
        })
        .await;
    stream.ping().await;
    drop(stream);
    let (_, backlog) = server.connect(&session, Some(first)).await;
    assert_eq!(backlog.titles(), ["while away"]);
    // An ack deletes nothing: a history that was lost comes back whole.
    let (_, everything) = server.connect(&session, None).await;
    assert_eq!(everything.messages().next().unwrap().id, id);
    assert_eq!(everything.titles().len(), 2);
}

#[tokio::test]
async fn a_ttl_of_zero_reaches_who_is_connected_and_nobody_else() {
    let server = Server::start().await;
    let here = sign_in(&server).await;
    let away = sign_in(&server).await;
    let (mut stream, start) = server.connect(&here, None).await;
    let now = json!({ "to": { "accounts": ["ada"] }, "title": "now or never", "ttl_s": 0 });
    server.send_as(&now).await;
    let live = stream.next().await;
    assert!(
        matches!(&live, ServerFrame::Message { message, .. }
            if message.title == "now or never" && message.expires_at.is_none()),
        "{live:?}"
    );
    server.send("ada", "ordinary").await;
    let (_, backlog) = server.connect(&away, None).await;
    assert_eq!(backlog.titles(), ["ordinary"]);
    let (_, again) = server.connect(&here, Some(start.cursor)).await;
    assert_eq!(again.titles(), ["ordinary"]);
}

#[tokio::test]
async fn a_backlog_that_expired_in_part_brings_the_rest_and_withdraws_what_was_there() {
    let hands = Hands::new();
    let server = hands.server().await;
    let (early, late) = (sign_in(&server).await, sign_in(&server).await);
    let mut short = Vec::new();
    for number in 0..6 {
        let mut body = json!({ "to": { "accounts": ["ada"] }, "title": number.to_string() });
        if number % 2 == 0 {
            body["ttl_s"] = 60.into();
        }
        let id = server.send_as(&body).await;
        short.extend((number % 2 == 0).then_some(id));
    }
    let (stream, seen) = server.connect(&early, None).await;
    assert_eq!(seen.titles().len(), 6);
    stream.close().await;
    hands.turn(60_000);
    let (_, backlog) = server.connect(&late, None).await;
    assert_eq!(backlog.titles(), ["1", "3", "5"]);
    server.store.expire().await.unwrap();
    let (_, back) = server.connect(&early, Some(seen.cursor)).await;
    let withdrawn: BTreeSet<MessageId> = back
        .frames
        .iter()
        .flat_map(|frame| match frame {
            ServerFrame::Withdraw {
                ids,
                why: WithdrawWhy::Expired,
                ..
            } => ids.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(withdrawn, short.into_iter().collect());
}

#[tokio::test]
async fn a_message_is_withdrawn_from_open_streams_as_it_expires() {
    let server = Server::start().await;
    let session = sign_in(&server).await;
    let (mut stream, _) = server.connect(&session, None).await;
    // So that the sweeper waits for a later one first.
    for ttl_s in [60, 1] {
        let body = json!({ "to": { "accounts": ["ada"] }, "title": "short", "ttl_s": ttl_s });
        server.send_as(&body).await;
    }
    loop {
        match stream.next().await {
            ServerFrame::Withdraw {
                why: WithdrawWhy::Expired,
                ..
            } => break,
            ServerFrame::Message { .. } | ServerFrame::Alert { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a6_equal_times_and_a_clock_set_back_lose_and_repeat_nothing() {
    let hands = Hands::new();
    let server = hands.server().await;
    let session = sign_in(&server).await;
    for number in 0..5 {
        server.send("ada", &number.to_string()).await;
    }
    hands.turn(-3_600_000);
    let server = server.restart().await;
    for number in 5..8 {
        server.send("ada", &number.to_string()).await;
    }
    let (_, whole) = server.connect(&session, None).await;
    let expected: Vec<_> = (0..8).map(|number| number.to_string()).collect();
    assert_eq!(whole.titles(), expected);
    for (at, cursor) in cursors(&whole.frames).into_iter().enumerate() {
        let (_, rest) = server.connect(&session, Some(cursor)).await;
        assert_eq!(rest.titles(), expected[at + 1..], "after {at}");
    }
}

#[tokio::test]
async fn a6_time_can_be_asked_and_is_inclusive() {
    let hands = Hands::new();
    let server = hands.server().await;
    let session = sign_in(&server).await;
    server.send("ada", "before").await;
    hands.turn(1000);
    let noon = hands.now();
    server.send("ada", "at noon").await;
    server.send("ada", "at noon too").await;
    hands.turn(-1);
    server.send("ada", "set back").await;
    let path = format!("/v1/messages?since={noon}&limit=1");
    let first = server.get(&path, &session).await.json();
    assert_eq!(first["messages"][0]["title"], "at noon");
    assert_eq!(
        (&first["more"], &first["gap"]),
        (&json!(true), &json!(false))
    );
    let next = format!("{path}&after={}", first["cursor"].as_str().unwrap());
    let second = server.get(&next, &session).await.json();
    assert_eq!(second["messages"][0]["title"], "at noon too");
    assert_eq!(second["more"], false);
    let bad = server.get("/v1/messages?since=yesterday", &session).await;
    assert_eq!(bad.problem(), (400, "malformed".to_owned()));
}

#[tokio::test]
async fn a6_a_cursor_of_another_life_or_store_is_refused_and_null_brings_everything() {
    let server = Server::start().await;
    let session = sign_in(&server).await;
    server.send("ada", "kept").await;
    let (stream, here) = server.connect(&session, None).await;
    stream.close().await;
    let other = Server::start().await;
    let theirs = sign_in(&other).await;
    let foreign = other.connect(&theirs, None).await.1.cursor;
    // As a restore of a backup does.
    let database = server.database();
    database
        .execute("UPDATE meta SET epoch = epoch + 1", [])
        .unwrap();
    drop(database);
    let server = server.restart().await;
    for cursor in [here.cursor, foreign, "0".parse().unwrap()] {
        let mut stream = server.open().await;
        stream
            .say(&hello(&session, Some(cursor.clone()), None))
            .await;
        stream.ends_with(CloseCode::UnknownCursor).await;
        let path = format!("/v1/messages?after={cursor}");
        let refused = server.get(&path, &session).await;
        assert_eq!(refused.problem(), (410, "unknown_cursor".to_owned()));
    }
    let (_, whole) = server.connect(&session, None).await;
    assert_eq!(whole.titles(), ["kept"]);
}

#[tokio::test]
async fn a9_ten_thousand_missed_messages_come_in_order_and_once() {
    const MISSED: usize = 10_000;
    let server = Server::start().await;
    let session = sign_in(&server).await;
    let (stream, start) = server.connect(&session, None).await;
    stream.close().await;
    store_many(&server, MISSED).await;
    let (mut stream, backlog) = server.connect(&session, Some(start.cursor)).await;
    let ids: BTreeSet<_> = backlog.messages().map(|message| message.id).collect();
    assert_eq!((ids.len(), backlog.frames.len()), (MISSED, MISSED));
    let positions = cursors(&backlog.frames);
    let positions: Vec<_> = positions
        .iter()
        .map(|c| server.position("ada", c))
        .collect();
    assert!(positions.is_sorted_by(|a, b| a < b));
    let cursor = backlog.cursor.clone();
    stream
        .say(&ClientFrame::Ack {
            cursor: cursor.clone(),
        })
        .await;
    stream.ping().await;
    let (_, nothing) = server.connect(&session, Some(cursor)).await;
    assert!(nothing.frames.is_empty());
}

#[tokio::test]
async fn a6_two_devices_ack_at_different_points() {
    let server = Server::start().await;
    let (one, two) = (sign_in(&server).await, sign_in(&server).await);
    for number in 0..10 {
        server.send("ada", &number.to_string()).await;
    }
    let mut at = Vec::new();
    for (session, acked) in [(&one, 2), (&two, 6)] {
        let (mut stream, backlog) = server.connect(session, None).await;
        let cursor = cursors(&backlog.frames).remove(acked);
        stream
            .say(&ClientFrame::Ack {
                cursor: cursor.clone(),
            })
            .await;
        stream.ping().await;
        stream.close().await;
        at.push((session, cursor, acked));
    }
    let server = server.restart().await;
    for (session, cursor, acked) in at {
        let (_, rest) = server.connect(session, Some(cursor)).await;
        let expected: Vec<_> = (acked + 1..10).map(|number| number.to_string()).collect();
        assert_eq!(rest.titles(), expected);
    }
}

#[tokio::test]
async fn a9_retention_that_overtakes_a_device_is_told() {
    let server = Server::start().await;
    let (behind, ahead) = (sign_in(&server).await, sign_in(&server).await);
    let (stream, start) = server.connect(&behind, None).await;
    stream.close().await;
    for number in 0..20 {
        server.send("ada", &number.to_string()).await;
    }
    let (stream, seen) = server.connect(&ahead, None).await;
    stream.close().await;
    let five = Retention {
        entries: 5,
        ..Retention::default()
    };
    assert_eq!(server.store.retain(five).await.unwrap(), 15);
    let (_, backlog) = server.connect(&behind, Some(start.cursor.clone())).await;
    assert!(
        matches!(backlog.frames[0], ServerFrame::Gap { .. }),
        "{backlog:?}"
    );
    assert_eq!(backlog.frames.len(), 6, "the gap once");
    assert_eq!(backlog.titles(), ["15", "16", "17", "18", "19"]);
    let listed = format!("/v1/messages?after={}", start.cursor);
    assert_eq!(server.get(&listed, &behind).await.json()["gap"], true);
    let (_, nothing) = server.connect(&ahead, Some(seen.cursor)).await;
    assert!(nothing.frames.is_empty(), "{nothing:?}");
    let (_, whole) = server.connect(&behind, None).await;
    assert_eq!(whole.frames.len(), 5, "everything retained is no gap");
    assert_eq!(
        server.get("/v1/messages", &behind).await.json()["gap"],
        false
    );
}

#[tokio::test]
async fn d4_a_message_for_ten_thousand_accounts_is_one_row() {
    const ACCOUNTS: usize = 10_000;
    let server = Server::start().await;
    let mut running = JoinSet::new();
    let template = account("p0");
    for number in 0..ACCOUNTS {
        let store = Arc::clone(&server.store);
        let mut account = template.clone();
        account.name = format!("p{number}").parse().unwrap();
        running.spawn(async move { store.add_account(account).await.unwrap() });
    }
    running.join_all().await;
    let body = json!({ "to": { "everyone": true }, "title": "to all" });
    let answer = server.publish(&body).await;
    assert_eq!(answer.json()["receivers"], ACCOUNTS + 2, "with ada and bob");
    let count = |table: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        server
            .database()
            .query_row(&sql, [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!((count("log"), count("messages"), count("inbox")), (1, 1, 0));
    for name in ["p0", "p9999"] {
        let reader = Reader::Inbox(name.parse().unwrap());
        let page = server
            .store
            .page(&reader, Position(0), None, 9)
            .await
            .unwrap();
        assert_eq!(page.entries.len(), 1);
    }
}
