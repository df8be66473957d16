use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::hook::Hook;
use crate::place::{Client, DESK, Place, Publisher};

fn shop() -> Value {
    json!({ "name": "Shop", "kind": "shop", "contact": "ops@shop.example" })
}

fn registering(mode: &str) -> Place {
    Place::own(&[("HITHER_PUBLISHER_REGISTRATION", mode)])
}

fn register(place: &Place, status: u16) -> Publisher<'_> {
    let made = place.ask("POST", "/v1/publishers", None, Some(&shop()));
    Publisher::of(place, &made.is(status))
}

#[test]
fn nobody_registers_under_the_servers_own_name() {
    let place = registering("open");
    let named = |name: &str| {
        let body = json!({ "name": name, "kind": "shop", "contact": "ops@shop.example" });
        place.ask("POST", "/v1/publishers", None, Some(&body))
    };
    for name in ["Hither", "hither", " HITHER "] {
        assert_eq!(named(name).problem(), (422, "invalid"), "{name}");
    }
    named("Hither Shop").is(201);
}

/// A message to a topic in every form: Hither's own, ntfy's, Gotify's.
fn in_every_form(place: &Place, publisher: &Publisher<'_>) -> [Answer; 3] {
    let message = json!({ "to": { "topics": ["offers"] }, "title": "x" });
    let text = json!({ "topic": "offers", "message": "x" });
    let gotify = format!("/message?topic=offers&token={}", publisher.token());
    [
        publisher.try_publish(&message),
        place.ask("POST", "/", Some(&publisher.bearer), Some(&text)),
        place.ask("POST", &gotify, None, Some(&text)),
    ]
}

#[test]
fn d1_administrators_alone_add_publishers_by_default() {
    let place = Place::own(&[]);
    let refused = place.ask("POST", "/v1/publishers", None, Some(&shop()));
    assert_eq!(refused.problem(), (403, "forbidden"));
}

#[test]
fn d1_an_administrators_inbox_adds_a_publisher_whatever_the_setting() {
    let place = Place::own(&[]);
    let (root, ada) = (place.administrator(), place.person());
    let add = |client: &Client<'_>| client.ask("POST", "/v1/publishers", Some(&shop()));
    let made = add(&root.sign_in(&DESK)).is(201);
    let shop = Publisher::of(&place, &made);
    assert_eq!(shop.send(&ada, "x")["receivers"], 1);
    let refused = add(&ada.sign_in(&DESK));
    assert_eq!(refused.problem(), (403, "forbidden"));
}

#[test]
fn d1_registered_at_once_a_publisher_reaches_nobody_until_it_is_granted() {
    let place = registering("open");
    let (ada, bob) = (place.person(), place.person());
    let shop = register(&place, 201);
    let digits = shop.id.strip_prefix("shop-").unwrap();
    assert!(digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_digit()));
    let message = json!({ "to": { "accounts": [ada.name, bob.name] }, "title": "x" });
    assert_eq!(shop.try_publish(&message).problem(), (422, "no_receivers"));
    for answer in in_every_form(&place, &shop) {
        assert_eq!(answer.status, 403, "{answer:?}");
    }

    let audience = format!("accounts={}", ada.name);
    place.operate(&["publisher", "grant", &shop.id, "--audience", &audience]);
    assert_eq!(shop.publish(&message)["receivers"], 1, "Ada alone");
    for (field, value) in [("priority", json!(5)), ("html", json!("<p>x"))] {
        let mut more = message.clone();
        more[field] = value;
        assert_eq!(shop.try_publish(&more).problem(), (403, "forbidden"));
    }
    let everyone = json!({ "to": { "everyone": true }, "title": "x" });
    assert_eq!(shop.try_publish(&everyone).problem(), (403, "forbidden"));
}

#[test]
fn d1_on_approval_nothing_is_taken_in_any_form_before_it() {
    let place = registering("approval");
    let shop = register(&place, 202);
    place.operate(&[
        "publisher",
        "grant",
        &shop.id,
        "--audience",
        "topics=offers",
    ]);
    for answer in in_every_form(&place, &shop) {
        assert_eq!(answer.status, 403, "{answer:?}");
    }
    place.operate(&["publisher", "approve", &shop.id]);
    let statuses = in_every_form(&place, &shop).map(|answer| answer.status);
    assert_eq!(statuses, [201, 200, 200]);
}

#[test]
fn d2_two_secrets_are_valid_after_a_rotation_and_none_of_a_disabled_publisher() {
    let place = Place::find();
    let first = place.publisher();
    let rotate = || {
        let path = format!("/admin/api/publishers/{}/secret", first.id);
        Publisher::of(&place, &place.ask("POST", &path, None, None).is(200))
    };
    let ada = place.person();
    let message = json!({ "to": { "accounts": [ada.name] }, "title": "x" });
    let second = rotate();
    assert_eq!(second.id, first.id);
    first.publish(&message);
    second.publish(&message);
    let third = rotate();
    assert_eq!(
        first.try_publish(&message).problem(),
        (401, "unauthenticated")
    );
    second.publish(&message);
    third.publish(&message);
    let path = format!("/admin/api/publishers/{}/disabled", first.id);
    let disabled = json!({ "disabled": true });
    assert_eq!(place.ask("PUT", &path, None, Some(&disabled)).status, 204);
    assert_eq!(third.try_publish(&message).problem(), (403, "forbidden"));
    for answer in in_every_form(&place, &third) {
        assert_eq!(answer.status, 403, "{answer:?}");
    }
}

#[test]
fn d2_id_and_secret_are_needed_in_every_form_and_taken_in_every_spelling() {
    let place = Place::find();
    let publisher = place.publisher();
    let topic = format!("t{:x}", fastrand::u64(..));
    let text = json!({ "topic": topic, "message": "x" });
    let basic = |secret: &str| {
        let pair = format!("{}:{secret}", publisher.id);
        format!("Basic {}", STANDARD.encode(pair))
    };
    let (id_and_secret, wrong) = (publisher.token(), basic("hither_ps_guess"));
    let secret = id_and_secret.split_once('.').unwrap().1;
    let message = json!({ "to": { "topics": [topic] }, "title": "x" });
    for (path, body, right) in [
        ("/v1/messages", &message, 201),
        ("/", &text, 200),
        ("/message", &text, 200),
    ] {
        let ask = |who: Option<&str>| place.ask("POST", path, who, Some(body)).status;
        assert!(matches!(ask(None), 401 | 403), "{path}");
        assert_eq!(ask(Some(&wrong)), 401, "{path}");
        assert_eq!(ask(Some(&publisher.bearer)), right, "{path}");
        // Gotify's clients know no Basic.
        if path != "/message" {
            assert_eq!(ask(Some(&basic(secret))), right, "{path}");
        }
    }
}

#[test]
fn d3_each_receiver_gets_what_is_known_of_it_and_fields_come_first() {
    let place = Place::find();
    let (ada, bob, publisher) = (place.person(), place.person(), place.publisher());
    let (adas, bobs) = (ada.sign_in(&DESK), bob.sign_in(&DESK));
    let record = |name: &str, value: &Value| {
        let path = format!("/v1/receivers/{name}/record");
        place.ask("PUT", &path, Some(&publisher.bearer), Some(value))
    };
    let template = json!({
        "to": { "accounts": [ada.name, bob.name] },
        "title": "{{balance}} left", "html": "<p title='{{shop}}'>{{shop}}</p>",
    });
    for (name, balance) in [(&ada.name, json!(12.5)), (&bob.name, json!("nothing"))] {
        let values = json!({ "balance": balance, "shop": "<b>'" });
        assert_eq!(record(name, &values).status, 204);
    }
    publisher.publish(&template);
    let mut overridden = template.clone();
    overridden["fields"] = json!({ bob.name.as_str(): { "balance": 7 } });
    overridden["fields"][ada.name.as_str()] = json!({ "balance": null });
    publisher.publish(&overridden);
    assert_eq!(adas.titles(), ["12.5 left", "12.5 left"]);
    assert_eq!(bobs.titles(), ["nothing left", "7 left"]);
    for value in [json!([1]), json!({})] {
        overridden["fields"][ada.name.as_str()]["balance"] = value;
        let refused = publisher.try_publish(&overridden);
        assert_eq!(refused.problem(), (422, "invalid"));
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(
            detail.contains(&ada.name) && detail.contains("balance"),
            "{detail}"
        );
    }
    let page = adas.get("/v1/messages");
    let id = page["messages"][0]["id"].as_str().unwrap();
    let shown = adas.get(&format!("/v1/messages/{id}/html"));
    assert_eq!(shown, "<p title='&lt;b&gt;&#39;'>&lt;b&gt;&#39;</p>");

    let other = place.publisher();
    let path = format!("/v1/receivers/{}/record", ada.name);
    let foreign = place.ask("GET", &path, Some(&other.bearer), None);
    assert_eq!(foreign.problem(), (404, "not_found"));
    let kept = adas.get("/v1/records");
    assert_eq!(kept["records"][0]["record"]["balance"], 12.5);
    let erase = format!("/v1/records/{}", publisher.id);
    assert_eq!(adas.ask("DELETE", &erase, None).status, 204);
    let refused = publisher.try_publish(&template);
    assert_eq!(refused.problem(), (422, "invalid"));
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(
        detail.contains(&ada.name) && detail.contains("balance"),
        "{detail}"
    );
    assert_eq!(bobs.titles().len(), 2, "nothing of it was stored");
}

#[test]
fn d3_a_publisher_keeps_replaces_and_erases_its_record_of_a_receiver() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let ask = |name: &str, method: &str, body: Option<&Value>| {
        let path = format!("/v1/receivers/{name}/record");
        place.ask(method, &path, Some(&publisher.bearer), body)
    };
    let unknown = format!("{}-x", ada.name);
    for name in [&ada.name, &unknown] {
        assert_eq!(ask(name, "GET", None).problem(), (404, "not_found"));
    }
    for record in [
        json!({ "balance": 1, "old": true }),
        json!({ "balance": 2 }),
    ] {
        assert_eq!(ask(&ada.name, "PUT", Some(&record)).status, 204);
        assert_eq!(ask(&ada.name, "GET", None).is(200), record);
    }
    let large = json!({ "x": "x".repeat(8 * 1024) });
    let refused = ask(&ada.name, "PUT", Some(&large));
    assert_eq!(refused.problem(), (422, "invalid"));
    assert_eq!(ask(&ada.name, "GET", None).is(200)["balance"], 2);
    let refused = ask(&unknown, "PUT", Some(&json!({})));
    assert_eq!(refused.problem(), (404, "not_found"));
    assert_eq!(ask(&ada.name, "DELETE", None).status, 204);
    assert_eq!(ask(&ada.name, "GET", None).problem(), (404, "not_found"));
}

#[tokio::test]
async fn a_publisher_follows_its_message_and_takes_it_back() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let desk = ada.sign_in(&DESK);
    let (mut stream, _) = desk.connect(None).await;
    let id = publisher.send(&ada, "x")["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/messages/{id}");
    let ask = |method, who: &str| place.ask(method, &path, Some(who), None);
    let frame = stream.next_of("message").await;
    stream
        .say(&json!({ "type": "ack", "cursor": frame["cursor"] }))
        .await;
    stream.say(&json!({ "type": "shown", "ids": [id] })).await;
    stream.say(&json!({ "type": "read", "ids": [id] })).await;
    stream.ping().await;
    let followed = ask("GET", &publisher.bearer).is(200);
    let receiver = &followed["receivers"][0];
    assert_eq!(receiver["account"], ada.name);
    assert_eq!(followed["counts"]["shown"], 1);
    assert!(receiver["shown_at"].is_string());
    assert!(receiver.get("read_at").is_none(), "Ada did not allow it");
    for private in ["device", "presence", "platform", "active"] {
        assert!(!followed.to_string().contains(private), "{followed}");
    }

    let other = place.publisher();
    for method in ["GET", "DELETE"] {
        assert_eq!(ask(method, &other.bearer).problem(), (404, "not_found"));
    }
    assert_eq!(ask("DELETE", &publisher.bearer).status, 204);
    let withdrawn = stream.next_of("withdraw").await;
    assert_eq!(withdrawn["ids"], json!([id]));
    assert_eq!(withdrawn["why"], "recalled");
    assert!(desk.titles().is_empty());
}

#[test]
fn what_comes_later_is_told_to_webhooks_when_it_comes_and_not_before() {
    let place = Place::own(&[("HITHER_OUTBOUND_ALLOW", "127.0.0.1")]);
    let (ada, publisher) = (place.person(), place.publisher());
    let hook = Hook::open();
    let body = json!({ "url": hook.url() });
    place
        .ask("POST", "/v1/webhooks", Some(&publisher.bearer), Some(&body))
        .is(201);
    let in_ms = |ms| Timestamp::now() + SignedDuration::from_millis(ms);
    let schedule = |at: Timestamp| {
        let message = json!({ "to": { "accounts": [ada.name] }, "title": "x", "deliver_at": at });
        publisher.publish(&message)["id"].clone()
    };
    let (far, soon) = (in_ms(3_600_000), in_ms(1000));
    let (waits, comes) = (schedule(far), schedule(soon));
    let now = publisher.send(&ada, "now")["id"].clone();
    // What is told comes in its order, so nothing was told of the two before.
    let of = |event: &Value| (event["type"].clone(), event["data"]["message_id"].clone());
    assert_eq!(of(&hook.next()), (json!("message.stored"), now));
    let stored = hook.next();
    assert_eq!(of(&stored), (json!("message.stored"), comes));
    assert_eq!(stored["data"]["account"], ada.name);
    let at: Timestamp = stored["timestamp"].as_str().unwrap().parse().unwrap();
    assert!(at.as_millisecond() >= soon.as_millisecond(), "{stored}");
    let path = format!("/v1/messages/{}", waits.as_str().unwrap());
    let ask = |method| place.ask(method, &path, Some(&publisher.bearer), None);
    let states = ask("GET").is(200);
    assert!(states["deliver_at"].is_string(), "{states}");
    assert_eq!(states["receivers"], json!([]));
    assert_eq!(ask("DELETE").status, 204);
    assert_eq!(of(&hook.next()), (json!("message.recalled"), waits));
}
