use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::place::{Client, DESK, Device, Place};

fn titles(page: &Value) -> Vec<&str> {
    let messages = page["messages"].as_array().unwrap().iter();
    messages
        .map(|message| message["title"].as_str().unwrap())
        .collect()
}

fn addressed(client: &Client<'_>) -> Value {
    client.get(&format!("/v1/messages?token={}", client.message_token))
}

#[tokio::test]
async fn a4_online_a_message_is_pushed_at_once() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let (mut stream, _) = ada.sign_in(&DESK).connect(None).await;
    let id = publisher.send(&ada, "now")["id"].clone();
    let frame = stream.next_of("message").await;
    assert_eq!(
        (&frame["message"]["id"], &frame["message"]["title"]),
        (&id, &json!("now"))
    );
    assert_eq!(frame["message"]["publisher"]["id"], publisher.id);
}

#[tokio::test]
async fn a5_a6_exactly_what_came_after_the_cursor() {
    const COUNT: usize = 60;
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let desk = ada.sign_in(&DESK);
    let expected: Vec<String> = (0..COUNT).map(|number| number.to_string()).collect();
    for title in &expected {
        publisher.send(&ada, title);
    }
    let (_stream, all) = desk.connect(None).await;
    assert_eq!(all.titles(), expected);
    let cursors: BTreeSet<_> = all
        .frames
        .iter()
        .map(|frame| frame["cursor"].to_string())
        .collect();
    assert_eq!(
        cursors.len(),
        COUNT,
        "each its own, whatever the clock showed"
    );
    for seen in [1, COUNT / 2, COUNT - 1] {
        let cursor = all.frames[seen - 1]["cursor"].as_str().unwrap();
        let (_stream, rest) = desk.connect(Some(cursor)).await;
        assert_eq!(rest.titles(), expected[seen..]);
        assert!(rest.frames.iter().all(|frame| frame["alert"] == "silent"));
    }
    let (_stream, none) = desk.connect(Some(&all.cursor)).await;
    assert!(none.frames.is_empty(), "{none:?}");
    let page = desk.get("/v1/messages?limit=200");
    assert_eq!(titles(&page), expected);
    assert_eq!(page["more"], false);
}

#[tokio::test]
async fn what_is_read_on_one_device_is_read_on_all() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let (mut one, _) = ada.sign_in(&DESK).connect(None).await;
    let (mut two, _) = ada.sign_in(&DESK).connect(None).await;
    let id = publisher.send(&ada, "x")["id"].clone();
    one.next_of("message").await;
    one.say(&json!({ "type": "read", "ids": [id] })).await;
    assert_eq!(two.next_of("read").await["ids"], json!([id]));
}

#[test]
fn b2_one_message_for_many_tokens() {
    let place = Place::find();
    let (ada, bob, publisher) = (place.person(), place.person(), place.publisher());
    let example = Device {
        application: "example",
        ..DESK
    };
    let clients = [
        ada.sign_in(&example),
        bob.sign_in(&example),
        ada.sign_in(&example),
    ];
    let tokens: Vec<_> = clients[..2]
        .iter()
        .map(|client| client.message_token.clone())
        .collect();
    let mut to = tokens.clone();
    to.push("hither_mt_dead".to_owned());
    let done = publisher.publish(&json!({ "to": { "tokens": to }, "title": "both" }));
    assert_eq!(done["receivers"], 2);
    assert_eq!(done["unknown_tokens"], json!(["hither_mt_dead"]));
    assert_eq!(titles(&addressed(&clients[0])), ["both"]);
    assert_eq!(titles(&addressed(&clients[1])), ["both"]);
    assert!(titles(&addressed(&clients[2])).is_empty());
}

#[test]
fn b3_an_application_in_a_version_range_now_and_later() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    // Other tests may ask the same server.
    let name: &'static str = format!("example-{:x}", fastrand::u64(..)).leak();
    let old = Device {
        application: name,
        version: "1.0.0",
        ..DESK
    };
    let new = Device {
        version: "2.1.0",
        ..old.clone()
    };
    let (before, within) = (ada.sign_in(&old), ada.sign_in(&new));
    let to = json!({ "application": { "name": name, "versions": ">=2" } });
    publisher.publish(&json!({ "to": to, "title": "please update" }));
    assert_eq!(titles(&addressed(&within)), ["please update"]);
    assert!(titles(&addressed(&before)).is_empty());
    assert_eq!(
        titles(&addressed(&place.person().sign_in(&new))),
        ["please update"]
    );
    let upgraded = Device {
        id: Some(before.device_id.clone()),
        ..new
    };
    assert_eq!(
        titles(&addressed(&ada.sign_in(&upgraded))),
        ["please update"]
    );
}

#[tokio::test]
async fn b3_an_upgrade_while_signed_in_brings_what_is_for_the_newer_version() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let name: &'static str = format!("example-{:x}", fastrand::u64(..)).leak();
    let mut client = ada.sign_in(&Device {
        application: name,
        version: "1.0.0",
        ..DESK
    });
    let (_stream, before) = client.connect(None).await;
    let to = json!({ "application": { "name": name, "versions": ">=2, <3" } });
    publisher.publish(&json!({ "to": to, "title": "for 2" }));
    let (_stream, same) = client.connect(Some(&before.cursor)).await;
    assert!(same.titles().is_empty(), "{same:?}");
    // The same sign-in, in a program that was replaced by a newer one.
    client.info["version"] = "2.4.1".into();
    let (_stream, upgraded) = client.connect(Some(&same.cursor)).await;
    assert_eq!(upgraded.titles(), ["for 2"]);
    client.info["version"] = "3.0.0".into();
    let (mut stream, none) = client.connect(Some(&upgraded.cursor)).await;
    publisher.publish(&json!({ "to": to, "title": "for 2 again" }));
    let more = stream.ping().await;
    assert!(none.titles().is_empty() && more.is_empty(), "{more:?}");
}

#[tokio::test]
async fn b2_b3_tokens_and_applications_are_reached_over_the_open_stream() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let name: &'static str = format!("example-{:x}", fastrand::u64(..)).leak();
    let client = ada.sign_in(&Device {
        application: name,
        ..DESK
    });
    let (mut stream, _) = client.connect(None).await;
    for to in [
        json!({ "tokens": [client.message_token] }),
        json!({ "application": { "name": name, "versions": "*" } }),
    ] {
        let id = publisher.publish(&json!({ "to": to, "title": "x" }))["id"].clone();
        let frame = stream.next_of("message").await;
        assert_eq!(frame["message"]["id"], id, "{to}");
        assert_eq!(frame["message"]["application"], name, "{to}");
    }
}

#[test]
fn b6_another_account_on_the_device_ends_what_the_first_had() {
    let place = Place::find();
    let (ada, bob, publisher) = (place.person(), place.person(), place.publisher());
    let adas = ada.sign_in(&DESK);
    publisher.send(&ada, "for Ada");
    let bearer = format!("Bearer {}", adas.token);
    let bobs = bob.sign_in_after(&DESK, &[("authorization", &bearer)]);
    assert_eq!(adas.ask("GET", "/v1/tokens", None).status, 401);
    assert!(bobs.titles().is_empty());
    assert_ne!(bobs.message_token, adas.message_token);
    let dead = json!({ "to": { "tokens": [adas.message_token] }, "title": "x" });
    assert_eq!(
        publisher.try_publish(&dead).problem(),
        (422, "no_receivers")
    );
}

#[test]
fn b4_a_token_returns_what_matches_it_to_its_own_client_only() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let example = Device {
        application: "example",
        ..DESK
    };
    let (mine, other) = (ada.sign_in(&example), ada.sign_in(&example));
    for (client, title) in [(&mine, "mine"), (&other, "other")] {
        publisher.publish(&json!({ "to": { "tokens": [client.message_token] }, "title": title }));
    }
    publisher.send(&ada, "inbox");
    assert_eq!(titles(&addressed(&mine)), ["mine"]);
    let path = format!("/v1/messages?token={}", mine.message_token);
    let foreign = other.ask("GET", &path, None);
    assert!(matches!(foreign.status, 403 | 404), "{foreign:?}");
    let knows_the_address = place.ask("GET", &path, Some(&publisher.bearer), None);
    assert_eq!(knows_the_address.status, 401);
}

#[tokio::test]
async fn b5_two_applications_on_one_device_are_apart() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let inbox = ada.sign_in(&DESK);
    let example = Device {
        id: Some(inbox.device_id.clone()),
        application: "example",
        ..DESK
    };
    let example = ada.sign_in(&example);
    let (mut inbox_stream, _) = inbox.connect(None).await;
    let (mut example_stream, _) = example.connect(None).await;
    publisher.send(&ada, "for the person");
    publisher.publish(&json!({ "to": { "tokens": [example.message_token] }, "title": "for it" }));
    let first = inbox_stream.next_of("message").await;
    assert_eq!(first["message"]["title"], "for the person");
    let first = example_stream.next_of("message").await;
    assert_eq!(first["message"]["title"], "for it");
    for stream in [&mut inbox_stream, &mut example_stream] {
        let more = stream.ping().await;
        assert!(
            more.iter().all(|frame| frame["type"] != "message"),
            "{more:?}"
        );
    }
    assert_eq!(inbox.titles(), ["for the person"]);
    assert_eq!(example.titles(), ["for it"]);
}

#[tokio::test]
async fn d4_public_information_reaches_everyone_also_who_comes_later_silently() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let (mut stream, _) = ada.sign_in(&DESK).connect(None).await;
    let title = format!("public {:x}", fastrand::u64(..));
    let message = json!({ "to": { "everyone": true }, "title": title, "ttl_s": 600 });
    let id = publisher.publish(&message)["id"].clone();
    while stream.next_of("message").await["message"]["title"] != title {}
    let later = place.person().sign_in(&DESK);
    let (_stream, backlog) = later.connect(None).await;
    assert_eq!(
        backlog
            .titles()
            .iter()
            .filter(|found| **found == title)
            .count(),
        1
    );
    assert!(backlog.frames.iter().all(|frame| frame["alert"] != "now"));
    let trace = format!("/v1/messages/{}/trace", id.as_str().unwrap());
    assert_eq!(
        later.get(&trace)["steps"],
        json!([]),
        "nothing waits to ring"
    );
}

#[tokio::test]
async fn d5_a_newer_version_takes_the_place_of_the_older() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let desk = ada.sign_in(&DESK);
    let (mut stream, _) = desk.connect(None).await;
    let version = |title: &str| {
        let to = json!({ "accounts": [ada.name] });
        publisher.publish(&json!({ "to": to, "title": title, "key": "balance" }))["id"].clone()
    };
    let first = version("1 €");
    stream.next_of("message").await;
    let second = version("2 €");
    let withdrawn = stream.next_of("withdraw").await;
    assert_eq!(
        (&withdrawn["ids"], &withdrawn["why"]),
        (&json!([first]), &json!("replaced"))
    );
    assert_eq!(stream.next_of("message").await["message"]["id"], second);
    assert_eq!(titles(&desk.get("/v1/messages")), ["2 €"]);
}

#[test]
fn a_repeated_publish_is_one_message() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let publish = |title: &str| {
        let body = json!({ "to": { "accounts": [ada.name] }, "title": title });
        let headers = [("idempotency-key", "k")];
        place.ask_with(
            "POST",
            "/v1/messages",
            Some(&publisher.bearer),
            &headers,
            Some(&body),
        )
    };
    let first = publish("once").is(201);
    assert_eq!(publish("once").is(201), first);
    assert_eq!(publish("else").problem(), (422, "idempotency_mismatch"));
    assert_eq!(titles(&ada.sign_in(&DESK).get("/v1/messages")), ["once"]);
}
