//! What publishers are told of their messages, and how they ask for that.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use ring::hmac;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::hook::{Hook, Posted};
use crate::place::{DESK, Place, Publisher};

/// A server whose publishers may be told on this machine.
fn telling() -> Place {
    Place::own(&[("HITHER_OUTBOUND_ALLOW", "127.0.0.1")])
}

/// Asks about the webhooks of a publisher.
fn ask(place: &Place, who: &Publisher<'_>, method: &str, rest: &str, body: &Value) -> Answer {
    let path = format!("/v1/webhooks{rest}");
    place.ask(method, &path, Some(&who.bearer), Some(body))
}

#[test]
fn a_webhook_is_made_shown_tested_and_removed() {
    let place = telling();
    let (publisher, other) = (place.publisher(), place.publisher());
    let hook = Hook::open();
    let events = json!(["message.read", "message.action"]);
    let body = json!({ "url": hook.url(), "events": events });
    let mut made = ask(&place, &publisher, "POST", "", &body).is(201);
    let secret = made.as_object_mut().unwrap().remove("secret").unwrap();
    assert!(secret.as_str().unwrap().starts_with("whsec_"), "{secret}");
    let id = made["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("wh_") && made["created_at"].is_string());
    let shown = json!({
        "id": id, "url": hook.url(), "events": events, "created_at": made["created_at"],
        "condition": "active", "waiting": 0, "dropped": 0,
    });
    assert_eq!(made, shown);
    let (one, none) = (format!("/{id}"), json!({}));
    assert_eq!(ask(&place, &publisher, "GET", &one, &none).is(200), shown);
    let all = ask(&place, &publisher, "GET", "", &none).is(200);
    assert_eq!(
        all,
        json!({ "webhooks": [shown] }),
        "its secret is said once"
    );
    let theirs = ask(&place, &other, "GET", "", &none).is(200);
    assert_eq!(theirs, json!({ "webhooks": [] }));

    let rotated = ask(&place, &publisher, "POST", &format!("{one}/secret"), &none).is(200);
    assert!(rotated["secret"].as_str().unwrap().starts_with("whsec_"));
    assert_ne!(rotated["secret"], secret);
    let test = ask(&place, &publisher, "POST", &format!("{one}/test"), &none);
    assert_eq!(test.status, 202);
    let told = hook.next();
    assert_eq!(
        (&told["type"], &told["data"]),
        (&json!("webhook.test"), &none)
    );
    for (method, rest) in [
        ("GET", one.clone()),
        ("DELETE", one.clone()),
        ("POST", format!("{one}/secret")),
        ("POST", format!("{one}/test")),
    ] {
        let answer = ask(&place, &other, method, &rest, &none);
        assert_eq!(answer.problem(), (404, "not_found"), "{method} {rest}");
    }
    assert_eq!(ask(&place, &publisher, "DELETE", &one, &none).status, 204);
    let gone = ask(&place, &publisher, "GET", &one, &none);
    assert_eq!(gone.problem(), (404, "not_found"));
}

/// What a receiver that has the secret expects of a request's signature.
fn signature(posted: &Posted, made: &Value) -> String {
    let secret = made["secret"].as_str().unwrap();
    let secret = secret.strip_prefix("whsec_").unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(secret).unwrap());
    let (id, at) = (
        posted.header("webhook-id"),
        posted.header("webhook-timestamp"),
    );
    let signed = format!("{id}.{at}.{}", posted.body);
    format!(
        "v1,{}",
        STANDARD.encode(hmac::sign(&key, signed.as_bytes()))
    )
}

#[test]
fn what_is_told_is_signed_with_each_secret_that_counts() {
    let place = telling();
    let publisher = place.publisher();
    let hook = Hook::open();
    let body = json!({ "url": hook.url() });
    let made = ask(&place, &publisher, "POST", "", &body).is(201);
    let path = |rest: &str| format!("/{}/{rest}", made["id"].as_str().unwrap());
    let told = || {
        let asked = ask(&place, &publisher, "POST", &path("test"), &json!({}));
        assert_eq!(asked.status, 202);
        hook.posted()
    };
    let before = told();
    let at: i64 = before.header("webhook-timestamp").parse().unwrap();
    assert!((Timestamp::now().as_second() - at).abs() < 60, "{before:?}");
    assert_eq!(
        before.header("webhook-signature"),
        signature(&before, &made)
    );
    let rotated = ask(&place, &publisher, "POST", &path("secret"), &json!({})).is(200);
    let after = told();
    assert_ne!(after.header("webhook-id"), before.header("webhook-id"));
    let signatures = after.header("webhook-signature").split(' ');
    let mut signatures: Vec<_> = signatures.collect();
    let mut expected = [signature(&after, &made), signature(&after, &rotated)];
    signatures.sort_unstable();
    expected.sort_unstable();
    assert_eq!(signatures, expected);
}

#[test]
fn what_a_webhook_did_not_take_is_told_again_as_the_same() {
    let place = telling();
    let (ada, publisher) = (place.person(), place.publisher());
    let hook = Hook::answering(&[500]);
    let body = json!({ "url": hook.url() });
    ask(&place, &publisher, "POST", "", &body).is(201);
    let id = publisher.send(&ada, "x")["id"].clone();
    let (first, again) = (hook.posted(), hook.posted());
    assert_eq!(first.event()["data"]["message_id"], id);
    assert_eq!(again.body, first.body);
    assert_eq!(again.header("webhook-id"), first.header("webhook-id"));
}

#[test]
fn a_webhook_leads_to_public_addresses_with_tls_and_wants_known_events() {
    let place = Place::own(&[]);
    let publisher = place.publisher();
    let refused = |body: Value| {
        let answer = ask(&place, &publisher, "POST", "", &body);
        assert_eq!(answer.problem(), (422, "invalid"), "{body}");
        answer.body.to_string()
    };
    for url in [
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://1.1.1.1:8443/",
        "http://1.1.1.1/",
        "ftp://1.1.1.1/",
        "hook",
    ] {
        let why = refused(json!({ "url": url }));
        assert!(!why.contains("10.0.0.1"), "never to which address: {why}");
    }
    refused(json!({}));
    for events in [json!([]), json!(["message.rerouted"])] {
        refused(json!({ "url": "https://1.1.1.1/", "events": events }));
    }
    let nobody = place.ask("GET", "/v1/webhooks", None, None);
    assert_eq!(nobody.problem(), (401, "unauthenticated"));
}

#[tokio::test]
async fn an_action_is_told_once_to_its_publisher_and_to_no_other() {
    let place = telling();
    let (ada, publisher, other) = (place.person(), place.publisher(), place.publisher());
    let (hook, others) = (Hook::open(), Hook::open());
    for (who, hook) in [(&publisher, &hook), (&other, &others)] {
        let body = json!({ "url": hook.url() });
        ask(&place, who, "POST", "", &body).is(201);
    }
    let desk = ada.sign_in(&DESK);
    let (mut stream, _) = desk.connect(None).await;
    let id = publisher.publish(&json!({
        "to": { "accounts": [ada.name] }, "title": "Deploy?",
        "actions": [{ "id": "yes", "label": "Yes" }, { "id": "no", "label": "No" }],
    }))["id"]
        .clone();
    let frame = stream.next_of("message").await;
    assert_eq!(
        frame["message"]["actions"][0],
        json!({ "id": "yes", "label": "Yes" })
    );
    // Chosen twice, and something that nobody offered.
    for action in ["yes", "yes", "maybe"] {
        let choice = json!({ "type": "action", "id": id, "action": action });
        stream.say(&choice).await;
    }
    // Ada did not allow telling that she read it.
    stream.say(&json!({ "type": "read", "ids": [id] })).await;
    stream.ping().await;
    let path = format!("/v1/messages/{}", id.as_str().unwrap());
    let recalled = place.ask("DELETE", &path, Some(&publisher.bearer), None);
    assert_eq!(recalled.status, 204);

    let told = ["message.stored", "message.action", "message.recalled"].map(|kind| {
        let event = hook.next();
        assert_eq!(event["type"], kind, "{event}");
        event["data"].clone()
    });
    assert_eq!(told[0], json!({ "message_id": id, "account": ada.name }));
    assert_eq!(
        told[1],
        json!({ "message_id": id, "account": ada.name, "action": "yes" })
    );
    assert_eq!(told[2], json!({ "message_id": id }));
    let test = other.publish(&json!({ "to": { "accounts": [ada.name] }, "title": "own" }));
    assert_eq!(
        others.next()["data"]["message_id"],
        test["id"],
        "nothing before"
    );
}

#[tokio::test]
async fn reading_is_told_where_the_person_allows_it() {
    let place = telling();
    let (ada, publisher) = (place.person(), place.publisher());
    let hook = Hook::open();
    let body = json!({ "url": hook.url(), "events": ["message.shown", "message.read"] });
    ask(&place, &publisher, "POST", "", &body).is(201);
    let desk = ada.sign_in(&DESK);
    let allow = json!({ "read_receipts": true });
    desk.ask("PUT", "/v1/settings", Some(&allow)).is(200);
    let (mut stream, _) = desk.connect(None).await;
    let id = publisher.send(&ada, "x")["id"].clone();
    stream.next_of("message").await;
    for kind in ["shown", "read"] {
        stream.say(&json!({ "type": kind, "ids": [id] })).await;
        stream.ping().await;
        let event = hook.next();
        assert_eq!(event["type"], format!("message.{kind}"));
        assert_eq!(
            event["data"],
            json!({ "message_id": id, "account": ada.name })
        );
    }
    let path = format!("/v1/messages/{}", id.as_str().unwrap());
    let states = place.ask("GET", &path, Some(&publisher.bearer), None);
    let states = states.is(200);
    assert_eq!(states["counts"]["read"], 1, "{states}");
    assert!(states["receivers"][0]["read_at"].is_string(), "{states}");
}

#[test]
fn what_happens_while_a_publisher_is_disabled_is_told_once_it_is_enabled() {
    let place = telling();
    let (ada, publisher) = (place.person(), place.publisher());
    let hook = Hook::open();
    let body = json!({ "url": hook.url(), "events": ["message.action"] });
    ask(&place, &publisher, "POST", "", &body).is(201);
    let message = json!({
        "to": { "accounts": [ada.name] }, "title": "x", "actions": [{ "id": "yes", "label": "Yes" }],
    });
    let id = publisher.publish(&message)["id"].clone();
    place.operate(&["publisher", "disable", &publisher.id]);
    let chosen = json!({ "type": "action", "id": id, "action": "yes" });
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let (mut stream, _) = ada.sign_in(&DESK).connect(None).await;
        stream.say(&chosen).await;
        stream.ping().await;
    });
    place.operate(&["publisher", "enable", &publisher.id]);
    // At once: by itself it is looked once a minute, which is longer than patience.
    let told = hook.next();
    assert_eq!(
        (&told["type"], &told["data"]["message_id"]),
        (&json!("message.action"), &id)
    );
}
