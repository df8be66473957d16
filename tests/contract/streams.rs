use std::thread;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::place::{DESK, Device, Place};

#[tokio::test]
async fn a_stream_begins_with_who_it_is_and_the_policy() {
    let place = Place::find();
    let desk = place.person().sign_in(&DESK);
    let mut stream = place.open().await;
    stream.say(&desk.hello(None)).await;
    let welcome = stream.next().await;
    assert_eq!(
        (&welcome["type"], &welcome["device_id"]),
        (&json!("welcome"), &json!(desk.device_id))
    );
    let time: Timestamp = welcome["server_time"].as_str().unwrap().parse().unwrap();
    assert!(time > Timestamp::UNIX_EPOCH, "{welcome}");
    for field in ["idle_after_ms", "heartbeat_ms", "ack_within_ms"] {
        let ms = welcome["policy"][field].as_u64();
        assert!(ms.is_some_and(|ms| ms > 0), "{field}: {welcome}");
    }
    let synced = stream.next_of("synced").await;
    assert!(synced["cursor"].is_string(), "{synced}");
}

#[tokio::test]
async fn a6_a_cursor_and_null_bring_what_they_say_whatever_was_acked() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let desk = ada.sign_in(&DESK);
    let (mut stream, start) = desk.connect(None).await;
    publisher.send(&ada, "x");
    let frame = stream.next_of("message").await;
    // Acks may be repeated, and an older one is a no-op.
    for cursor in [&frame["cursor"], &frame["cursor"], &json!(start.cursor)] {
        stream
            .say(&json!({ "type": "ack", "cursor": cursor }))
            .await;
    }
    assert!(stream.ping().await.is_empty());
    let (_stream, again) = desk.connect(None).await;
    assert_eq!(again.titles(), ["x"], "an ack deletes nothing");
    assert!(again.frames.iter().all(|frame| frame["alert"] == "silent"));
    let (_stream, since) = desk.connect(Some(&start.cursor)).await;
    assert_eq!(since.titles(), ["x"], "its cursor beats what it acked");
}

#[tokio::test]
async fn e3_4401_a_stream_needs_a_live_access_token() {
    let place = Place::find();
    let ada = place.person();
    let desk = ada.sign_in(&DESK);
    for token in ["", "hither_at_guess", desk.message_token.as_str()] {
        let mut stream = place.open().await;
        let mut hello = desk.hello(None);
        hello["access_token"] = token.into();
        stream.say(&hello).await;
        assert_eq!(stream.code().await, Some(4401), "{token:?}");
    }
}

#[tokio::test]
async fn close_4401_for_the_older_stream_of_a_client_that_signed_in_again() {
    let place = Place::find();
    let ada = place.person();
    let desk = ada.sign_in(&DESK);
    let (mut stream, _) = desk.connect(None).await;
    let same = Device {
        id: Some(desk.device_id),
        ..DESK
    };
    let again = ada.sign_in(&same);
    assert_eq!(stream.code().await, Some(4401));
    again.connect(None).await;
}

#[tokio::test]
async fn close_4400_for_what_is_no_frame() {
    let place = Place::find();
    let ada = place.person();
    let desk = ada.sign_in(&DESK);
    for first in ["no json", "[]", r#"{"type":"ping"}"#] {
        let mut stream = place.open().await;
        stream.say_raw(first).await;
        assert_eq!(stream.code().await, Some(4400), "{first}");
    }
    let (mut stream, _) = desk.connect(None).await;
    stream.say(&desk.hello(None)).await;
    assert_eq!(stream.next_of("error").await["code"], "malformed");
    assert_eq!(stream.code().await, Some(4400));
}

#[tokio::test]
async fn close_4403_for_whoever_signed_out() {
    let place = Place::find();
    let ada = place.person();
    let desk = ada.sign_in(&DESK);
    let (mut stream, _) = desk.connect(None).await;
    desk.ask("DELETE", "/v1/sessions/current", None);
    assert_eq!(stream.code().await, Some(4403));
    // The same for one that was away meanwhile.
    let mut stream = place.open().await;
    stream.say(&desk.hello(None)).await;
    assert_eq!(stream.code().await, Some(4403));
}

#[tokio::test]
async fn close_4408_without_a_hello() {
    let place = Place::find();
    assert_eq!(place.open().await.code().await, Some(4408));
}

#[tokio::test]
async fn close_4409_when_the_client_connects_again() {
    let place = Place::find();
    let ada = place.person();
    let desk = ada.sign_in(&DESK);
    let (mut older, _) = desk.connect(None).await;
    let (mut newer, _) = desk.connect(None).await;
    assert_eq!(older.code().await, Some(4409));
    newer.ping().await;
}

#[tokio::test]
async fn close_4410_for_a_cursor_that_is_not_the_accounts() {
    let place = Place::find();
    let (ada, bob) = (place.person(), place.person());
    let desk = ada.sign_in(&DESK);
    let (_stream, theirs) = bob.sign_in(&DESK).connect(None).await;
    for cursor in ["made-up", &theirs.cursor] {
        let mut stream = place.open().await;
        stream.say(&desk.hello(Some(cursor))).await;
        assert_eq!(stream.code().await, Some(4410), "{cursor}");
    }
    let answer = desk.ask("GET", "/v1/messages?after=made-up", None);
    assert_eq!(answer.problem(), (410, "unknown_cursor"));
}

#[tokio::test]
async fn close_4410_for_an_ack_beyond_what_was_sent() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let desk = ada.sign_in(&DESK);
    let example = ada.sign_in(&Device {
        application: "example",
        ..DESK
    });
    let (mut stream, _) = desk.connect(None).await;
    let to = json!({ "tokens": [example.message_token] });
    publisher.publish(&json!({ "to": to, "title": "not for the desk's inbox" }));
    let ahead: Value = example.get("/v1/messages")["cursor"].clone();
    stream.say(&json!({ "type": "ack", "cursor": ahead })).await;
    assert_eq!(stream.code().await, Some(4410));
}

#[tokio::test]
async fn close_4413_for_a_frame_that_is_too_large() {
    let place = Place::find();
    let ada = place.person();
    let (mut stream, _) = ada.sign_in(&DESK).connect(None).await;
    let ids = vec!["0198f6f2-3c5e-7cc3-98c4-dc0c0c07398f"; 3000];
    stream.say(&json!({ "type": "read", "ids": ids })).await;
    assert_eq!(stream.code().await, Some(4413));
}

#[tokio::test]
async fn unknown_frames_and_fields_are_passed_over() {
    let place = Place::find();
    let ada = place.person();
    let (mut stream, _) = ada.sign_in(&DESK).connect(None).await;
    stream
        .say(&json!({ "type": "of_a_later_version", "x": 1 }))
        .await;
    stream
        .say(&json!({ "type": "ping", "of_a_later_version": [] }))
        .await;
    stream.next_of("pong").await;
}

#[tokio::test]
async fn close_4429_for_more_streams_than_an_account_may_have() {
    let place = Place::own(&[("HITHER_STREAMS_PER_ACCOUNT", "1")]);
    let ada = place.person();
    let (one, two) = (ada.sign_in(&DESK), ada.sign_in(&DESK));
    let (mut first, _) = one.connect(None).await;
    let mut refused = place.open().await;
    refused.say(&two.hello(None)).await;
    assert_eq!(refused.code().await, Some(4429));
    first.ping().await;
    place.person().sign_in(&DESK).connect(None).await;
}

#[tokio::test]
async fn close_1012_when_the_server_stops_says_when_to_come_back() {
    let place = Place::own(&[]);
    let (mut stream, _) = place.person().sign_in(&DESK).connect(None).await;
    let stopping = thread::spawn(move || place.stop());
    let error = stream.next_of("error").await;
    assert_eq!(error["code"], "restarting");
    assert!(error["retry_after_ms"].is_u64(), "{error}");
    assert_eq!(stream.code().await, Some(1012));
    stopping.join().unwrap();
}
