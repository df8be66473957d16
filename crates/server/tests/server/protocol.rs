//! One stream: who may open it, what it answers, and how it ends.

use std::time::Duration;

use hither_protocol::{
    AccountName, ClientFrame, CloseCode, Cursor, DeviceKind, MAX_FRAME_BYTES, Policy, ServerFrame,
    Timestamp,
};
use hither_server::store::{People as _, Position, Store};
use hither_server::{Limits, Settings};
use hyper::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message as Wire;

use crate::harness::{PATIENCE, Server, bearer, credentials, hello, hello_with, shows};

#[tokio::test]
async fn e3_a_stream_needs_the_token_of_a_session() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Mobile).await;
    for token in [
        None,
        Some(""),
        Some("hither_at_wrong"),
        Some(session.message_token.as_str()),
    ] {
        let mut stream = server.open().await;
        stream.say(&hello_with(token)).await;
        assert_eq!(
            stream.ends_with(CloseCode::SignInAgain).await,
            [],
            "{token:?}"
        );
    }
    server.connect(&session, None).await;
}

#[tokio::test]
async fn a_stream_is_a_web_socket_with_the_subprotocol() {
    let server = Server::start().await;
    let plain = server.request(Method::GET, "/v1/stream", &[], "").await;
    assert_eq!(plain.problem(), (400, "malformed".to_owned()));
    let upgrade = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let other = [&upgrade[..], &[("sec-websocket-protocol", "chat.v7")]].concat();
    for headers in [&upgrade[..], &other] {
        let answer = server.request(Method::GET, "/v1/stream", headers, "").await;
        assert_eq!(answer.problem(), (400, "malformed".to_owned()));
    }
}

#[tokio::test]
async fn a_stream_without_hello_is_closed_in_time() {
    let limits = Limits {
        hello_within: Duration::from_millis(50),
        ..Limits::default()
    };
    let server = Server::with(Settings {
        limits,
        ..Settings::default()
    })
    .await;
    let mut stream = server.open().await;
    // A ping of the WebSocket does not make up for it.
    stream.say_raw(Wire::Ping("still here".into())).await;
    stream.ends_with(CloseCode::NoHello).await;
}

#[tokio::test]
async fn a_client_that_stays_silent_is_given_up() {
    let policy = Policy {
        heartbeat_ms: 20,
        ..Policy::default()
    };
    let server = Server::with(Settings {
        policy,
        ..Settings::default()
    })
    .await;
    let session = server.sign_in("ada", DeviceKind::Mobile).await;
    let mut stream = server.open().await;
    stream.say(&hello(&session, None, None)).await;
    // Where the machine is busy, that is before the backlog is done.
    stream.ends_with(CloseCode::TooSlow).await;
}

#[tokio::test]
async fn malformed_frames_are_explained_and_end_the_stream() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Mobile).await;
    let second_hello = hello(&session, None, None).to_text();
    let many = format!(
        r#"{{"type":"read","ids":[{}]}}"#,
        vec![r#""01900000-0000-7000-8000-000000000000""#; 1001].join(",")
    );
    let cases = [
        Wire::text("{"),
        Wire::text("[]"),
        Wire::text(r#"{"type":"ack"}"#),
        Wire::text(r#"{"type":"shown","ids":[7]}"#),
        Wire::text(r#"{"no":"type"}"#),
        Wire::binary(vec![1, 2, 3]),
        Wire::text(second_hello),
        Wire::text(many),
    ];
    for case in cases {
        let (mut stream, _) = server.connect(&session, None).await;
        stream.say_raw(case.clone()).await;
        let frames = stream.ends_with(CloseCode::Malformed).await;
        let [ServerFrame::Error { code, detail, .. }] = &frames[..] else {
            panic!("{frames:?} after {case:?}");
        };
        assert_eq!(code, "malformed");
        assert!(!detail.is_empty());
    }
    for first in [r#"{"type":"ping"}"#, r#"{"type":"from_the_future"}"#] {
        let mut stream = server.open().await;
        stream.say_raw(Wire::text(first)).await;
        stream.ends_with(CloseCode::Malformed).await;
    }
}

#[tokio::test]
async fn unknown_frames_and_fields_are_skipped() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Mobile).await;
    let (mut stream, _) = server.connect(&session, None).await;
    stream
        .say_raw(Wire::text(r#"{"type":"from_the_future","x":1}"#))
        .await;
    stream
        .say_raw(Wire::text(r#"{"type":"ping","x":{"y":[]}}"#))
        .await;
    assert!(matches!(stream.next().await, ServerFrame::Pong { .. }));
}

#[tokio::test]
async fn frames_that_are_too_large_end_the_stream() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Mobile).await;
    let (mut stream, _) = server.connect(&session, None).await;
    let padding = "x".repeat(MAX_FRAME_BYTES);
    stream
        .try_say(Wire::text(format!(r#"{{"type":"{padding}"}}"#)))
        .await;
    stream.ends_with(CloseCode::TooLarge).await;
}

#[tokio::test]
async fn signing_out_ends_the_stream() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Mobile).await;
    let other = server.sign_in("ada", DeviceKind::Desktop).await;
    let (mut stream, _) = server.connect(&session, None).await;
    let (mut stays, _) = server.connect(&other, None).await;
    let authorization = bearer(&session);
    let headers = [("authorization", authorization.as_str())];
    let answer = server
        .request(Method::DELETE, "/v1/sessions/current", &headers, "")
        .await;
    assert_eq!(answer.status, 204);
    stream.ends_with(CloseCode::Revoked).await;
    assert_eq!(stays.ping().await, []);
    let mut stream = server.open().await;
    stream.say(&hello(&session, None, None)).await;
    stream.ends_with(CloseCode::Revoked).await;
    assert_eq!(server.get("/v1/tokens", &session).await.status, 401);
}

#[tokio::test]
async fn an_open_stream_keeps_its_session_alive() {
    let limits = Limits {
        session_again: Duration::ZERO,
        ..Limits::default()
    };
    let server = Server::with(Settings {
        limits,
        ..Settings::default()
    })
    .await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    let (mut stream, _) = server.connect(&session, None).await;
    let database = server.database();
    let in_days = |days: i64| Timestamp::now().as_millisecond() + days * 86_400_000;
    database
        .execute("UPDATE sessions SET expires_at = ?1", [in_days(30)])
        .unwrap();
    let expiry = || -> i64 {
        let found = database.query_row("SELECT expires_at FROM sessions", [], |row| row.get(0));
        found.unwrap()
    };
    let slid = async {
        while expiry() < in_days(59) {
            stream.ping().await;
        }
    };
    timeout(PATIENCE, slid).await.expect("it slides");
}

#[tokio::test]
async fn a_device_that_was_away_learns_that_it_was_revoked() {
    let server = Server::start().await;
    let desk = server.sign_in("ada", DeviceKind::Desktop).await;
    let lost = server.sign_in("ada", DeviceKind::Mobile).await;
    let ada: AccountName = "ada".parse().unwrap();
    let removed = server.store.remove_device(&ada, &lost.device_id);
    removed.await.unwrap();
    let server = server.restart().await;
    let mut stream = server.open().await;
    stream.say(&hello(&lost, None, None)).await;
    stream.ends_with(CloseCode::Revoked).await;

    server.store.remove_account(&ada).await.unwrap();
    let mut stream = server.open().await;
    stream.say(&hello(&desk, None, None)).await;
    stream.ends_with(CloseCode::Revoked).await;
}

#[tokio::test]
async fn a_newer_sign_in_of_the_same_client_revokes_nothing() {
    let server = Server::start().await;
    let before = server.sign_in("ada", DeviceKind::Desktop).await;
    let (mut stream, _) = server.connect(&before, None).await;
    let mut again = credentials("ada", DeviceKind::Desktop);
    again["device"]["id"] = before.device_id.as_str().into();
    server.sign_in_with(&again).await;
    stream.ends_with(CloseCode::SignInAgain).await;
    let mut stream = server.open().await;
    stream.say(&hello(&before, None, None)).await;
    stream.ends_with(CloseCode::SignInAgain).await;
}

#[tokio::test]
async fn a_new_password_ends_every_stream_of_the_account() {
    let server = Server::start().await;
    let ada: AccountName = "ada".parse().unwrap();
    let session = server.sign_in("ada", DeviceKind::Mobile).await;
    let (mut stream, _) = server.connect(&session, None).await;
    server
        .store
        .set_password(&ada, "$argon2id$new".to_owned())
        .await
        .unwrap();
    stream.ends_with(CloseCode::Revoked).await;
}

#[tokio::test]
async fn the_same_client_has_one_stream() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Mobile).await;
    let bob = server.sign_in("bob", DeviceKind::Mobile).await;
    let (mut bob, _) = server.connect(&bob, None).await;
    let (mut older, _) = server.connect(&session, None).await;
    let (mut newer, _) = server.connect(&session, None).await;
    older.ends_with(CloseCode::Replaced).await;
    drop(older);
    server.send("ada", "to the newer").await;
    assert!(matches!(newer.next().await, ServerFrame::Message { .. }));
    assert_eq!(bob.ping().await, []);
}

#[tokio::test]
async fn cursors_are_known_to_their_own_account_only() {
    let server = Server::start().await;
    let ada = server.sign_in("ada", DeviceKind::Mobile).await;
    let bob = server.sign_in("bob", DeviceKind::Mobile).await;
    let (_, bobs) = server.connect(&bob, None).await;
    let garbage = ["garbage", "", "a b", "é", &"A".repeat(1000)];
    let garbage = garbage.map(|text| Cursor::from(text.to_owned()));
    for cursor in garbage.into_iter().chain([bobs.cursor]) {
        let mut stream = server.open().await;
        stream.say(&hello(&ada, Some(cursor.clone()), None)).await;
        assert_eq!(stream.ends_with(CloseCode::UnknownCursor).await, []);
        let (mut stream, _) = server.connect(&ada, None).await;
        stream.say(&ClientFrame::Ack { cursor }).await;
        assert_eq!(stream.ends_with(CloseCode::UnknownCursor).await, []);
    }
}

#[tokio::test]
async fn an_ack_goes_no_further_than_what_was_sent() {
    let server = Server::start().await;
    let phone = server.sign_in("ada", DeviceKind::Mobile).await;
    let desktop = server.sign_in("ada", DeviceKind::Desktop).await;
    let (mut behind, start) = server.connect(&phone, None).await;
    let (mut stream, _) = server.connect(&desktop, None).await;
    server.send("ada", "one").await;
    let ServerFrame::Message { cursor, .. } = stream.next().await else {
        panic!("no message");
    };
    // Both have it; acks may be repeated, and an older one is a no-op.
    behind.next().await;
    for cursor in [&cursor, &cursor, &start.cursor] {
        behind
            .say(&ClientFrame::Ack {
                cursor: cursor.clone(),
            })
            .await;
    }
    assert_eq!(behind.ping().await, []);
    let ahead = {
        let position = server.position("ada", &cursor) + 1;
        let ada = "ada".parse().unwrap();
        server.store.cursors().make(&ada, Position(position))
    };
    behind.say(&ClientFrame::Ack { cursor: ahead }).await;
    behind.ends_with(CloseCode::UnknownCursor).await;
}

#[tokio::test]
async fn an_account_has_so_many_streams_and_no_more() {
    let limits = Limits {
        streams_per_account: 2,
        ..Limits::default()
    };
    let server = Server::with(Settings {
        limits,
        ..Settings::default()
    })
    .await;
    let mut open = Vec::new();
    for _ in 0..2 {
        let session = server.sign_in("ada", DeviceKind::Mobile).await;
        open.push(server.connect(&session, None).await.0);
    }
    let session = server.sign_in("ada", DeviceKind::Mobile).await;
    let mut refused = server.open().await;
    refused.say(&hello(&session, None, None)).await;
    refused.ends_with(CloseCode::TooMany).await;
    let bob = server.sign_in("bob", DeviceKind::Mobile).await;
    server.connect(&bob, None).await;
    open.pop().unwrap().close().await;
    server.connect(&session, None).await;
}

#[tokio::test]
async fn a_pong_comes_after_everything_said_before_took_effect() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Mobile).await;
    let (mut stream, _) = server.connect(&session, None).await;
    let id = server.send("ada", "one").await;
    stream.next().await;
    let ada: AccountName = "ada".parse().unwrap();
    stream.say(&shows(id)).await;
    stream.ping().await;
    let pending = server
        .store
        .pending(&ada, hither_protocol::Timestamp::now(), Position(u64::MAX))
        .await
        .unwrap();
    assert_eq!(pending, []);
    stream.say(&ClientFrame::Read { ids: vec![id] }).await;
    stream.ping().await;
    let reader = hither_server::store::Reader::Inbox(ada);
    let message = server.store.message(&reader, id).await.unwrap().unwrap();
    assert!(message.read_at.is_some());
}

#[tokio::test]
async fn a_request_that_never_ends_its_headers_is_given_up() {
    let limits = Limits {
        headers_within: Duration::from_millis(50),
        ..Limits::default()
    };
    let server = Server::with(Settings {
        limits,
        ..Settings::default()
    })
    .await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: h\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    let read = timeout(PATIENCE, socket.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the connection stays open");
    assert!(!String::from_utf8_lossy(&answer).contains("200"));
}
