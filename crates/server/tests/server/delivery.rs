//! What was accepted arrives: at once, or after coming back; once, and in order.

use std::collections::HashSet;
use std::time::Duration;

use hither_attention::Timings;
use hither_protocol::{
    ClientFrame, CloseCode, DeviceKind, FirstAlert, MessageId, PresenceState, ServerFrame,
};
use hither_server::{Limits, Settings};
use serde_json::json;

use crate::harness::{Backlog, Server, Stream, hello, presence};

#[tokio::test]
async fn a4_a_published_message_arrives_on_the_open_stream() {
    let server = Server::start().await;
    let ada = server.sign_in("ada", DeviceKind::Mobile).await;
    let bob = server.sign_in("bob", DeviceKind::Mobile).await;
    let (mut ada, _) = server.connect(&ada, None).await;
    let (mut bob, _) = server.connect(&bob, None).await;
    let id = server.send("ada", "hello").await;
    match ada.next().await {
        ServerFrame::Message { message, alert, .. } => {
            assert_eq!((message.id, message.title.as_str()), (id, "hello"));
            assert_eq!(message.publisher.name, "Tests");
            assert_eq!(alert, FirstAlert::Now);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(bob.ping().await, []);
}

#[tokio::test]
async fn a5_a6_what_was_missed_comes_after_the_cursor() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Mobile).await;
    server.send("ada", "one").await;
    server.send("bob", "not ours").await;
    let (stream, first) = server.connect(&session, None).await;
    assert_eq!(first.titles(), ["one"]);
    stream.close().await;
    server.send("ada", "two").await;
    server.send("ada", "three").await;
    let (_, second) = server.connect(&session, Some(first.cursor)).await;
    assert_eq!(second.titles(), ["two", "three"]);
    assert_silent(&second);
    let (_, all) = server.connect(&session, None).await;
    assert_eq!(all.titles(), ["one", "two", "three"]);
    let (_, nothing) = server.connect(&session, Some(all.cursor)).await;
    assert!(nothing.frames.is_empty());
}

#[tokio::test]
async fn a6_cursor_survives_equal_timestamps() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Mobile).await;
    // Published at once, so that some share a commit and with it their time.
    let titles: Vec<String> = (0..40).map(|number| format!("{number}")).collect();
    futures_util::future::join_all(titles.iter().map(|title| server.send("ada", title))).await;
    let (_, all) = server.connect(&session, None).await;
    let times: HashSet<_> = all.messages().map(|message| message.created_at).collect();
    assert!(times.len() < 40, "no two messages share a time");
    for (index, frame) in all.frames.iter().enumerate() {
        let ServerFrame::Message { cursor, .. } = frame else {
            panic!("{frame:?}");
        };
        if index % 7 == 0 {
            let (_, rest) = server.connect(&session, Some(cursor.clone())).await;
            assert_eq!(rest.titles(), all.titles()[index + 1..]);
        }
    }
}

#[tokio::test]
async fn a9_a_restart_in_the_middle_loses_and_repeats_nothing() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Mobile).await;
    let (mut stream, _) = server.connect(&session, None).await;
    server.send("ada", "before").await;
    let ServerFrame::Message { cursor, .. } = stream.next().await else {
        panic!("no message");
    };
    stream
        .say(&ClientFrame::Ack {
            cursor: cursor.clone(),
        })
        .await;
    server.send("ada", "unseen").await;
    let server = {
        let (server, ()) = tokio::join!(server.restart(), async {
            let mut frames = stream.ends_with(CloseCode::Restarting).await;
            let warning = frames.pop();
            assert!(matches!(warning, Some(ServerFrame::Error { .. })));
            assert_eq!(frames.len(), 1, "{frames:?}");
        });
        server
    };
    server.send("ada", "after").await;
    let (_, backlog) = server.connect(&session, Some(cursor)).await;
    assert_eq!(backlog.titles(), ["unseen", "after"]);
}

#[tokio::test]
async fn a_backlog_of_many_pages_comes_whole_and_in_order() {
    let limits = Limits {
        page_entries: 3,
        ..Limits::default()
    };
    let server = Server::with(Settings {
        limits,
        ..Settings::default()
    })
    .await;
    let session = server.sign_in("ada", DeviceKind::Mobile).await;
    for number in 0..20 {
        server.send("ada", &number.to_string()).await;
    }
    let (_, backlog) = server.connect(&session, None).await;
    let expected: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    assert_eq!(backlog.titles(), expected);
    assert_rising(&server, &backlog.frames);
}

#[tokio::test]
async fn read_anywhere_is_told_everywhere() {
    let server = Server::start().await;
    let phone = server.sign_in("ada", DeviceKind::Mobile).await;
    let desktop = server.sign_in("ada", DeviceKind::Desktop).await;
    let (mut phone_stream, _) = server.connect(&phone, None).await;
    let (mut desktop_stream, start) = server.connect(&desktop, None).await;
    let id = server.send("ada", "read me").await;
    phone_stream.next().await;
    phone_stream.say(&ClientFrame::Read { ids: vec![id] }).await;
    // Again, and something unknown: nothing happens.
    let unknown = MessageId("01900000-0000-7000-8000-000000000000".parse().unwrap());
    phone_stream
        .say(&ClientFrame::Read {
            ids: vec![id, unknown],
        })
        .await;
    let told = phone_stream.ping().await;
    assert!(
        matches!(&told[..], [ServerFrame::Read { ids, .. }] if *ids == [id]),
        "{told:?}"
    );
    let read = loop {
        match desktop_stream.next().await {
            ServerFrame::Read { ids, .. } => break ids,
            ServerFrame::Message { .. } | ServerFrame::Alert { .. } => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(read, [id]);
    let (_, backlog) = server.connect(&desktop, Some(start.cursor)).await;
    assert!(backlog.messages().all(|message| message.read_at.is_some()));
    assert!(matches!(backlog.frames.last(), Some(ServerFrame::Read { ids, .. }) if *ids == [id]));
}

#[tokio::test]
async fn b5_another_application_sees_nothing_of_the_inbox() {
    let server = Server::start().await;
    let id = server
        .send_as(&json!({
            "to": { "accounts": ["ada"] }, "title": "private", "html": "<p>page</p>",
        }))
        .await;
    let mut credentials = crate::harness::credentials("ada", DeviceKind::Desktop);
    credentials["application"]["name"] = "reports".into();
    let other = server.sign_in_with(&credentials).await;
    let (mut stream, backlog) = server.connect(&other, None).await;
    assert!(backlog.frames.is_empty());
    stream.say(&ClientFrame::Read { ids: vec![id] }).await;
    server.send("ada", "also private").await;
    assert_eq!(stream.ping().await, []);
    let (_, backlog) = server.connect(&other, Some(backlog.cursor)).await;
    assert!(backlog.frames.is_empty());
    let listed = server.get("/v1/messages", &other).await.json();
    assert_eq!(
        (&listed["messages"], &listed["more"]),
        (&json!([]), &json!(false))
    );
    assert_eq!(
        server
            .get(&format!("/v1/messages/{id}/html"), &other)
            .await
            .status,
        404
    );
    let inbox = server.sign_in("ada", DeviceKind::Desktop).await;
    let (_, backlog) = server.connect(&inbox, None).await;
    assert!(backlog.messages().all(|message| message.read_at.is_none()));
}

/// Messages so large that few of them fill what the sockets keep.
async fn send_large(server: &Server, count: usize) -> Vec<MessageId> {
    let body = "x".repeat(30 * 1024);
    let mut ids = Vec::new();
    for number in 0..count {
        let message = json!({
            "to": { "accounts": ["ada"] }, "title": number.to_string(), "body": body,
        });
        ids.push(server.send_as(&message).await);
    }
    ids
}

const LARGE: usize = 400;

#[tokio::test]
async fn a_reader_that_falls_behind_catches_up_without_loss_or_repeat() {
    let limits = Limits {
        waiting_entries: 4,
        drain_within: Duration::from_mins(1),
        ..Limits::default()
    };
    let timings = Timings {
        shown_within: Duration::from_mins(10),
        ..Timings::default()
    };
    let server = Server::with(Settings {
        limits,
        timings,
        ..Settings::default()
    })
    .await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    let mut stream = server.open_small().await;
    let presence = presence(PresenceState::Active);
    stream.say(&hello(&session, None, Some(presence))).await;
    stream.backlog().await;
    let sent = send_large(&server, LARGE).await;
    let mut frames = Vec::new();
    let mut rung = HashSet::new();
    while frames.len() < LARGE || rung.len() < LARGE {
        match stream.next().await {
            ServerFrame::Alert { ids, .. } => rung.extend(ids),
            frame => {
                if let ServerFrame::Message {
                    message,
                    alert: FirstAlert::Now,
                    ..
                } = &frame
                {
                    rung.insert(message.id);
                }
                frames.push(frame);
            }
        }
    }
    let (now, received): (Vec<_>, Vec<_>) = frames.iter().map(alert_and_id).unzip();
    assert_eq!(received, sent);
    assert!(
        now.contains(&FirstAlert::Silent),
        "the reader never fell behind"
    );
    assert_rising(&server, &frames);
    assert_eq!(stream.ping().await, []);
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_closed_and_comes_back_by_cursor() {
    let limits = Limits {
        drain_within: Duration::from_millis(200),
        ..Limits::default()
    };
    let timings = Timings {
        lost_grace: Duration::from_millis(1),
        shown_within: Duration::from_mins(10),
        ..Timings::default()
    };
    let server = Server::with(Settings {
        limits,
        timings,
        ..Settings::default()
    })
    .await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    let phone = server.sign_in("ada", DeviceKind::Mobile).await;
    let mut stream = server.open_small().await;
    let presence = presence(PresenceState::Active);
    stream.say(&hello(&session, None, Some(presence))).await;
    let start = stream.backlog().await;
    let (mut phone, _) = server.connect(&phone, None).await;
    let (sent, ()) = tokio::join!(send_large(&server, LARGE), until_alerted(&mut phone));
    let (received, code) = stream.end().await;
    assert!(matches!(code, None | Some(1013)), "{code:?}");
    let (_, mut ids): (Vec<_>, Vec<_>) = received.iter().map(alert_and_id).unzip();
    assert!(ids.len() < LARGE, "nothing was left over");
    let cursor = match received.last() {
        Some(ServerFrame::Message { cursor, .. }) => cursor.clone(),
        _ => start.cursor,
    };
    let (_, rest) = server.connect(&session, Some(cursor)).await;
    ids.extend(rest.messages().map(|message| message.id));
    assert_eq!(ids, sent);
}

/// Until the phone rings, which it does once the desktop is gone.
async fn until_alerted(phone: &mut Stream) {
    while !matches!(phone.next().await, ServerFrame::Alert { .. }) {}
}

fn alert_and_id(frame: &ServerFrame) -> (FirstAlert, MessageId) {
    match frame {
        ServerFrame::Message { message, alert, .. } => (*alert, message.id),
        other => panic!("{other:?}"),
    }
}

fn assert_silent(backlog: &Backlog) {
    for frame in &backlog.frames {
        assert!(
            matches!(
                frame,
                ServerFrame::Message {
                    alert: FirstAlert::Silent,
                    ..
                }
            ),
            "{frame:?}"
        );
    }
}

fn assert_rising(server: &Server, frames: &[ServerFrame]) {
    let positions: Vec<u64> = frames
        .iter()
        .filter_map(|frame| match frame {
            ServerFrame::Message { cursor, .. }
            | ServerFrame::Read { cursor, .. }
            | ServerFrame::Withdraw { cursor, .. } => Some(server.position("ada", cursor)),
            _ => None,
        })
        .collect();
    assert!(positions.is_sorted_by(|a, b| a < b), "{positions:?}");
}
