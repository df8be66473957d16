use serde_json::json;

use crate::place::{DESK, Place};

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
