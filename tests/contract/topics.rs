//! Topics, and who follows them in ntfy's way.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::place::{DESK, PASSWORD, Place, Publisher};

fn topic() -> String {
    format!("t{:x}", fastrand::u64(..))
}

/// Publishes in ntfy's way, and answers what that answers.
#[track_caller]
fn put(place: &Place, by: &Publisher<'_>, topic: &str, text: &str) -> Value {
    let headers = [("authorization", by.bearer.as_str())];
    place
        .send("PUT", &format!("/{topic}"), &headers, text.into())
        .is(200)
}

/// What is in a topic, from a word of `since` on.
fn texts(place: &Place, topic: &str, since: &str, authorization: &str) -> Vec<String> {
    let path = format!("/{topic}/json?poll=1&since={since}");
    let mut lines = place.lines(&path, authorization);
    core::iter::from_fn(move || lines.line())
        .map(|line| {
            let event: Value = serde_json::from_str(&line).unwrap();
            event["message"].as_str().unwrap().to_owned()
        })
        .collect()
}

#[test]
fn a4_ntfys_json_brings_what_was_missed_and_then_what_comes() {
    let place = Place::find();
    let (desk, publisher) = (place.person().sign_in(&DESK), place.publisher());
    let (first, second) = (topic(), topic());
    let missed = put(&place, &publisher, &first, "missed");
    let is = |event: &Value, sent: &Value| {
        for field in ["id", "event", "topic", "message"] {
            assert_eq!(event[field], sent[field], "as its publish was answered");
        }
    };
    let path = format!("/{first},{second}/json?since=all");
    let mut lines = place.lines(&path, &desk.bearer());
    let open = lines.event();
    assert_eq!(open["event"], "open");
    assert_eq!(open["topic"], format!("{first},{second}"));
    is(&lines.event(), &missed);
    put(&place, &publisher, &topic(), "not asked for");
    for (topic, text) in [(&first, "live"), (&second, "too")] {
        let sent = put(&place, &publisher, topic, text);
        let event = lines.event();
        is(&event, &sent);
        assert_eq!(
            (&event["message"], &event["topic"]),
            (&json!(text), &json!(topic))
        );
        assert!(event["time"].is_i64(), "{event}");
    }
}

#[test]
fn a4_ntfys_sse_brings_what_was_missed_and_then_what_comes() {
    let place = Place::find();
    let (desk, publisher) = (place.person().sign_in(&DESK), place.publisher());
    let topic = topic();
    put(&place, &publisher, &topic, "missed");
    let mut lines = place.lines(&format!("/{topic}/sse?since=all"), &desk.bearer());
    let data = |line: Option<String>| -> Value {
        let line = line.unwrap();
        serde_json::from_str(line.strip_prefix("data: ").unwrap()).unwrap()
    };
    assert_eq!(lines.line().unwrap(), "event: open");
    assert_eq!(data(lines.line())["event"], "open");
    assert_eq!(lines.line().unwrap(), "");
    assert_eq!(data(lines.line())["message"], "missed");
    assert_eq!(lines.line().unwrap(), "");
    put(&place, &publisher, &topic, "live");
    assert_eq!(data(lines.line())["message"], "live");
    assert_eq!(lines.line().unwrap(), "");
}

#[test]
fn a4_ntfys_raw_brings_a_line_of_text_for_each_message() {
    let place = Place::find();
    let (desk, publisher) = (place.person().sign_in(&DESK), place.publisher());
    let topic = topic();
    put(&place, &publisher, &topic, "missed");
    let mut lines = place.lines(&format!("/{topic}/raw?since=all"), &desk.bearer());
    assert_eq!(lines.line().unwrap(), "", "open");
    assert_eq!(lines.line().unwrap(), "missed");
    put(&place, &publisher, &topic, "two\nlines");
    assert_eq!(lines.line().unwrap(), "two lines");
}

#[tokio::test]
async fn a4_ntfys_ws_brings_what_was_missed_and_then_what_comes() {
    let place = Place::find();
    let (desk, publisher) = (place.person().sign_in(&DESK), place.publisher());
    let topic = topic();
    put(&place, &publisher, &topic, "missed");
    let path = format!("/{topic}/ws?since=all");
    let bearer = desk.bearer();
    let headers = [("authorization", bearer.as_str())];
    let mut socket = place.upgrade(&path, &headers).await.unwrap();
    // Browsers cannot set headers.
    let by_query = format!("{path}&auth={}", URL_SAFE_NO_PAD.encode(&bearer));
    let mut browser = place.upgrade(&by_query, &[]).await.unwrap();
    for socket in [&mut socket, &mut browser] {
        assert_eq!(socket.next().await["event"], "open");
        assert_eq!(socket.next().await["message"], "missed");
    }
    put(&place, &publisher, &topic, "live");
    for socket in [&mut socket, &mut browser] {
        assert_eq!(socket.next().await["message"], "live");
    }
    assert_eq!(place.upgrade(&path, &[]).await.err(), Some(403));
}

#[test]
fn a6_ntfys_since_begins_anywhere_and_never_with_everything_by_mistake() {
    let place = Place::find();
    let (desk, publisher) = (place.person().sign_in(&DESK), place.publisher());
    let topic = topic();
    let sent = ["1", "2", "3"].map(|text| put(&place, &publisher, &topic, text));
    let id = |number: usize| sent[number]["id"].as_str().unwrap();
    let time = sent[0]["time"].as_i64().unwrap();
    let (from, later) = ((time - 1).to_string(), (time + 3600).to_string());
    let bearer = desk.bearer();
    for (since, expected) in [
        ("all", &["1", "2", "3"][..]),
        ("none", &[]),
        ("latest", &["3"]),
        ("10m", &["1", "2", "3"]),
        (&from, &["1", "2", "3"]),
        (&later, &[]),
        (id(0), &["2", "3"]),
        (id(2), &[]),
    ] {
        assert_eq!(texts(&place, &topic, since, &bearer), expected, "{since}");
    }
    for since in ["yesterday", "2f1f9a52-7a60-4a6f-9a3c-0123456789ab"] {
        let path = format!("/{topic}/json?poll=1&since={since}");
        let refused = desk.ask("GET", &path, None);
        assert_eq!(
            (refused.status, &refused.body["code"]),
            (400, &json!(40008))
        );
    }
}

#[test]
fn ntfys_subscriptions_take_an_accounts_password_or_token_and_nothing_less() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let desk = ada.sign_in(&DESK);
    let topic = topic();
    put(&place, &publisher, &topic, "x");
    let basic = |secret: &str| {
        let pair = format!("{}:{secret}", ada.name);
        format!("Basic {}", STANDARD.encode(pair))
    };
    for authorization in [basic(PASSWORD), desk.bearer(), publisher.bearer.clone()] {
        let got = texts(&place, &topic, "all", &authorization);
        assert_eq!(got, ["x"], "{authorization}");
    }
    let path = format!("/{topic}/auth");
    assert_eq!(desk.get(&path), json!({ "success": true }));
    let wrong = place.ask("GET", &path, Some(&basic("guess")), None);
    assert_eq!((wrong.status, &wrong.body["code"]), (401, &json!(40101)));
    let nobody = place.ask("GET", &path, None, None);
    assert_eq!((nobody.status, &nobody.body["code"]), (403, &json!(40301)));
    // Another publisher reads only what it owns or was granted.
    let other = place.publisher();
    let foreign = place.ask("GET", &path, Some(&other.bearer), None);
    assert_eq!(foreign.status, 403);
}

#[test]
fn a_private_topic_is_read_with_a_grant_only_and_its_owner_says_so() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let desk = ada.sign_in(&DESK);
    let topic = topic();
    let (own, subscription) = (
        format!("/v1/topics/{topic}"),
        format!("/v1/subscriptions/{topic}"),
    );
    put(&place, &publisher, &topic, "x");
    assert_eq!(desk.ask("PUT", &subscription, None).status, 204);
    let say = |who: &Publisher<'_>, path: &str, private: bool| {
        let body = json!({ "private": private });
        place.ask("PUT", path, Some(&who.bearer), Some(&body))
    };
    let other = place.publisher();
    assert_eq!(say(&other, &own, true).problem(), (403, "forbidden"));
    assert_eq!(
        say(&other, "/v1/topics/metrics", true).problem(),
        (422, "invalid")
    );
    let state = |private: bool| json!({ "name": topic, "private": private });
    assert_eq!(say(&publisher, &own, true).is(200), state(true));

    let subscribed = || desk.get("/v1/subscriptions")["topics"].clone();
    assert_eq!(subscribed(), json!([]));
    let refused = desk.ask("PUT", &subscription, None);
    assert_eq!(refused.problem(), (403, "forbidden"));
    let read = desk.ask("GET", &format!("/{topic}/json?poll=1"), None);
    assert_eq!((read.status, &read.body["code"]), (403, &json!(40301)));

    let grant = format!("/admin/api/topics/{topic}/grants/{}/read", ada.name);
    assert_eq!(place.ask("PUT", &grant, None, None).status, 204);
    assert_eq!(desk.ask("PUT", &subscription, None).status, 204);
    assert_eq!(texts(&place, &topic, "all", &desk.bearer()), ["x"]);
    assert_eq!(place.ask("DELETE", &grant, None, None).status, 204);
    assert_eq!(subscribed(), json!([]));
    assert_eq!(say(&publisher, &own, false).is(200), state(false));
    assert_eq!(desk.ask("PUT", &subscription, None).status, 204);
}

#[test]
fn d5_ntfys_sequence_replaces_and_is_taken_back() {
    let place = Place::find();
    let (desk, publisher) = (place.person().sign_in(&DESK), place.publisher());
    let (topic, bearer) = (topic(), desk.bearer());
    let path = format!("{topic}/build");
    for text in ["running", "passed"] {
        put(&place, &publisher, &path, text);
    }
    assert_eq!(texts(&place, &topic, "all", &bearer), ["passed"]);
    let recall = || place.ask("DELETE", &format!("/{path}"), Some(&publisher.bearer), None);
    recall().is(200);
    let read = desk.ask("GET", &format!("/{topic}/json?poll=1"), None);
    let line = read.body.to_string();
    assert!(!line.contains("passed"), "{line}");
}
