//! The other forms in which a server is spoken to, and what it answers besides messages.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::place::{DESK, Place};

fn topic() -> String {
    format!("t{:x}", fastrand::u64(..))
}

#[tokio::test]
async fn a_topic_reaches_who_subscribes_until_they_leave() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let desk = ada.sign_in(&DESK);
    let (mut stream, _) = desk.connect(None).await;
    let topic = topic();
    let send = |title: &str| {
        publisher.publish(&json!({ "to": { "topics": [topic] }, "title": title }));
    };
    send("before");
    let path = format!("/v1/subscriptions/{topic}");
    assert_eq!(desk.ask("PUT", &path, None).status, 204);
    assert!(desk.get("/v1/subscriptions").to_string().contains(&topic));
    send("while");
    let frame = stream.next_of("message").await;
    assert_eq!(frame["message"]["title"], "while");
    assert_eq!(frame["message"]["topic"], topic);
    assert_eq!(desk.ask("DELETE", &path, None).status, 204);
    send("after");
    assert_eq!(desk.titles(), ["while"]);
    let other = place.publisher();
    let foreign = json!({ "to": { "topics": [topic] }, "title": "x" });
    assert_eq!(other.try_publish(&foreign).problem(), (403, "forbidden"));
    let reserved = json!({ "to": { "topics": ["metrics"] }, "title": "x" });
    assert!(matches!(other.try_publish(&reserved).status, 400 | 422));
}

#[test]
fn ntfys_publish_and_subscribe_work_and_refuse_in_its_own_words() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let desk = ada.sign_in(&DESK);
    let topic = topic();
    let headers = [("title", "T"), ("priority", "high"), ("tags", "a,b")];
    let path = format!("/{topic}");
    let sent = place.ask_with("PUT", &path, Some(&publisher.bearer), &headers, None);
    assert_eq!(sent.is(200)["topic"], topic);
    let poll = format!("/{topic}/json?poll=1");
    let line = desk.get(&poll);
    assert_eq!(
        (&line["event"], &line["title"], &line["priority"]),
        (&json!("message"), &json!("T"), &json!(4))
    );
    let refused = place.ask("POST", &path, None, None);
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (403, &json!(40301))
    );
    let wrong = place.ask("POST", &path, Some("Bearer app-1.x"), None);
    assert_eq!((wrong.status, &wrong.body["code"]), (401, &json!(40101)));
    assert_eq!(wrong.body["http"], 401);
}

#[test]
fn gotifys_message_works_and_refuses_in_its_own_words() {
    let place = Place::find();
    let publisher = place.publisher();
    let body = json!({ "title": "T", "message": "M", "priority": 8 });
    let path = format!("/message?topic={}&token={}", topic(), publisher.token());
    let sent = place.ask("POST", &path, None, Some(&body)).is(200);
    assert_eq!(
        (&sent["title"], &sent["priority"]),
        (&json!("T"), &json!(8))
    );
    let refused = place.ask("POST", "/message?token=wrong", None, Some(&body));
    assert_eq!(refused.status, 401);
    assert_eq!(refused.body["errorCode"], 401);
}

#[test]
fn a8_a_page_is_answered_in_its_sandbox_to_its_receiver_only() {
    let place = Place::find();
    let (ada, bob, publisher) = (place.person(), place.person(), place.publisher());
    let html = format!("<script>top.x()</script>{}", "x".repeat(100_000));
    let message = json!({ "to": { "accounts": [ada.name] }, "body": "text", "html": html });
    publisher.publish(&message);
    let desk = ada.sign_in(&DESK);
    let stored = desk.get("/v1/messages")["messages"][0].clone();
    assert_eq!(stored["html"]["size"], html.len());
    let path = stored["html"]["href"].as_str().unwrap();
    let page = desk.ask("GET", path, None);
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    let policy = page.header("content-security-policy");
    assert!(policy.contains("sandbox") && policy.contains("default-src 'none'"));
    assert_eq!(page.is(200), Value::String(html));
    let foreign = bob.sign_in(&DESK).ask("GET", path, None);
    assert_eq!(foreign.problem(), (404, "not_found"));
}

#[tokio::test]
async fn what_expires_is_withdrawn_and_served_no_more() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let desk = ada.sign_in(&DESK);
    let (mut stream, _) = desk.connect(None).await;
    let to = json!({ "accounts": [ada.name] });
    publisher.publish(&json!({ "to": to, "title": "now or never", "ttl_s": 0 }));
    let title = |frame: Value| frame["message"]["title"].clone();
    assert_eq!(title(stream.next_of("message").await), "now or never");
    publisher.publish(&json!({ "to": to, "title": "short", "ttl_s": 1 }));
    assert_eq!(title(stream.next_of("message").await), "short");
    assert_eq!(stream.next_of("withdraw").await["why"], "expired");
    let (_stream, backlog) = ada.sign_in(&DESK).connect(None).await;
    assert!(backlog.titles().is_empty(), "{backlog:?}");
}

#[test]
fn it_says_how_it_does_and_describes_itself() {
    let place = Place::find();
    for path in ["/healthz", "/readyz"] {
        place.ask("GET", path, None, None).is(200);
    }
    let described = place.ask("GET", "/docs/openapi.json", None, None).is(200);
    let paths: BTreeSet<_> = described["paths"].as_object().unwrap().keys().collect();
    for path in ["/v1/sessions", "/v1/messages", "/v1/publishers"] {
        assert!(paths.contains(&path.to_owned()), "{path}");
    }
    let nowhere = place.ask("GET", "/v1/nowhere", None, None);
    assert_eq!(nowhere.problem(), (404, "not_found"));
}
