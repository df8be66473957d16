//! What a client reads over HTTP, and what a message says to it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use system_tests::{SOON, wait_for};

use crate::place::{DESK, Place};

fn titles(page: &Value) -> Vec<&str> {
    let messages = page["messages"].as_array().unwrap().iter();
    messages
        .map(|message| message["title"].as_str().unwrap())
        .collect()
}

fn time(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

#[test]
fn a6_pages_follow_each_other_by_cursor_and_say_whether_there_are_more() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let desk = ada.sign_in(&DESK);
    for title in ["1", "2", "3", "4", "5"] {
        publisher.send(&ada, title);
    }
    let mut path = "/v1/messages?limit=2".to_owned();
    for (expected, more) in [
        (&["1", "2"][..], true),
        (&["3", "4"], true),
        (&["5"], false),
        (&[], false),
    ] {
        let page = desk.get(&path);
        let fields = page.as_object().unwrap().keys().map(String::as_str);
        assert_eq!(
            fields.collect::<BTreeSet<_>>(),
            BTreeSet::from(["cursor", "gap", "messages", "more"])
        );
        assert_eq!(titles(&page), expected);
        assert_eq!((&page["more"], &page["gap"]), (&json!(more), &json!(false)));
        let cursor = page["cursor"].as_str().unwrap();
        path = format!("/v1/messages?limit=2&after={cursor}");
    }
    publisher.send(&ada, "6");
    assert_eq!(titles(&desk.get(&path)), ["6"]);
    let none = desk.ask("GET", "/v1/messages?limit=0", None);
    assert_eq!(none.problem(), (422, "invalid"));
    for wrong in ["limit=many", "before=now", "since=yesterday"] {
        let answer = desk.ask("GET", &format!("/v1/messages?{wrong}"), None);
        assert_eq!(answer.problem(), (400, "malformed"), "{wrong}");
    }
}

#[test]
fn a6_since_is_a_commit_time_and_inclusive() {
    const COUNT: usize = 20;
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let desk = ada.sign_in(&DESK);
    for number in 0..COUNT {
        publisher.send(&ada, &number.to_string());
    }
    let all = desk.get("/v1/messages");
    let messages = all["messages"].as_array().unwrap();
    for message in messages {
        let at = &message["created_at"];
        let page = desk.get(&format!("/v1/messages?since={}", at.as_str().unwrap()));
        let since = messages.iter();
        let since = since.filter(|other| time(&other["created_at"]) >= time(at));
        assert_eq!(page["messages"], since.cloned().collect::<Value>(), "{at}");
        assert_eq!(page["gap"], false);
    }
    let last = time(&messages[COUNT - 1]["created_at"]);
    assert!(last > time(&messages[0]["created_at"]), "{all}");
    let later = last + SignedDuration::from_hours(1);
    let page = desk.get(&format!("/v1/messages?since={later}"));
    assert!(titles(&page).is_empty(), "{page}");
    let middle = messages[COUNT / 2]["created_at"].as_str().unwrap();
    let path = format!("/v1/messages?since={middle}");
    let whole = desk.get(&path);
    let first = desk.get(&format!("{path}&limit=1"));
    let cursor = first["cursor"].as_str().unwrap();
    let second = desk.get(&format!("{path}&limit=1&after={cursor}"));
    assert_eq!(
        [titles(&first), titles(&second)].concat(),
        titles(&whole)[..2],
        "after goes on within it"
    );
}

#[tokio::test]
async fn a1_a_message_says_what_its_publisher_said() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let desk = ada.sign_in(&DESK);
    let (mut stream, _) = desk.connect(None).await;
    let said = json!({
        "title": "Build 412 failed", "body": "**log**", "format": "markdown",
        "url": "https://ci.example/412", "priority": 4, "tags": ["ci", "red"],
        "icon": "https://ci.example/icon.png", "key": "build",
        "actions": [{ "id": "retry", "label": "Retry" },
                    { "id": "open", "label": "Open", "url": "https://ci.example/" }],
    });
    let mut message = said.clone();
    message["to"] = json!({ "accounts": [ada.name] });
    message["html"] = "<p>small".into();
    message["ttl_s"] = 600.into();
    let id = publisher.publish(&message)["id"].clone();
    let got = stream.next_of("message").await["message"].clone();
    for (field, value) in said.as_object().unwrap() {
        assert_eq!(&got[field], value, "{field}");
    }
    assert_eq!(got["id"], id);
    assert_eq!(
        got["publisher"],
        json!({ "id": publisher.id, "name": "Contract" })
    );
    assert_eq!(got["html"], json!({ "size": 8, "inline": "<p>small" }));
    let lasts = time(&got["expires_at"]).duration_since(time(&got["created_at"]));
    assert_eq!(lasts, SignedDuration::from_secs(600));
    for absent in ["topic", "application", "attachments", "read_at"] {
        assert!(got.get(absent).is_none(), "{absent}: {got}");
    }
    // UUIDv7: its version, and the time at which it was made.
    assert_eq!(id.as_str().unwrap().as_bytes()[14], b'7', "{id}");

    assert_eq!(desk.get("/v1/messages")["messages"], json!([got]));
    stream.say(&json!({ "type": "read", "ids": [id] })).await;
    stream.ping().await;
    let read = desk.get("/v1/messages")["messages"][0]["read_at"].clone();
    assert!(time(&read) >= time(&got["created_at"]), "{read}");
}

#[tokio::test]
async fn a9_what_is_kept_no_longer_is_told_as_a_gap() {
    let mut place = Place::own(&[("HITHER_RETENTION_ENTRIES", "100")]);
    let (ada, publisher) = (place.person(), place.publisher());
    let desk = ada.sign_in(&DESK);
    let (_, start) = desk.connect(None).await;
    for number in 0..=100 {
        publisher.send(&ada, &number.to_string());
    }
    let (bearer, hello) = (desk.bearer(), desk.hello(Some(&start.cursor)));
    // It looks for what need not be kept as it starts.
    place.restart();
    let path = |query: &str| format!("/v1/messages?limit=1{query}");
    let behind = path(&format!("&after={}", start.cursor));
    let page = wait_for("a gap", SOON, || {
        let page = place.ask("GET", &behind, Some(&bearer), None).is(200);
        (page["gap"] == true).then_some(page)
    });
    assert_eq!(titles(&page), ["1"]);
    let whole = place.ask("GET", &path(""), Some(&bearer), None).is(200);
    assert_eq!(whole["gap"], false, "everything there is has none");

    let mut stream = place.open().await;
    stream.say(&hello).await;
    assert_eq!(stream.next().await["type"], "welcome");
    let gap = stream.next().await;
    assert_eq!(gap["type"], "gap", "before the first entry");
    assert!(time(&gap["since"]) <= Timestamp::now(), "{gap}");
    assert_eq!(stream.next().await["message"]["title"], "1");
}

#[tokio::test]
async fn d5_what_is_kept_no_longer_is_still_withdrawn_from_who_has_it() {
    let mut place = Place::own(&[("HITHER_RETENTION_ENTRIES", "100")]);
    let (ada, publisher) = (place.person(), place.publisher());
    let desk = ada.sign_in(&DESK);
    let message = |key| json!({ "to": { "accounts": [ada.name] }, "title": "x", "key": key });
    let keyed = publisher.publish(&message(Some("balance")))["id"].clone();
    let other = publisher.publish(&message(None))["id"].clone();
    let (_, had) = desk.connect(None).await;
    assert_eq!(had.titles(), ["x", "x"]);
    for number in 0..100 {
        publisher.send(&ada, &number.to_string());
    }
    let (bearer, hello) = (publisher.bearer.clone(), desk.hello(Some(&had.cursor)));
    let new = message(Some("balance"));
    place.restart();
    let path = format!("/v1/messages/{}", other.as_str().unwrap());
    let ask = |method| place.ask(method, &path, Some(&bearer), None);
    wait_for("retention", SOON, || {
        (ask("GET").status == 404).then_some(())
    });
    let mut stream = place.open().await;
    stream.say(&hello).await;
    place
        .ask("POST", "/v1/messages", Some(&bearer), Some(&new))
        .is(201);
    assert_eq!(ask("DELETE").status, 204);
    for (id, why) in [(keyed, "replaced"), (other, "recalled")] {
        let withdrawn = stream.next_of("withdraw").await;
        assert_eq!(
            (&withdrawn["ids"], &withdrawn["why"]),
            (&json!([id]), &json!(why))
        );
    }
    assert_eq!(ask("DELETE").problem(), (404, "not_found"));
}
