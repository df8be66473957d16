use serde_json::{Value, json};

use crate::place::{DESK, Device, PASSWORD, Place};

#[test]
fn a2_e3_sign_in_checks_account_and_password_and_says_the_same_of_both() {
    let place = Place::find();
    let ada = place.person();
    let wrong = ada.try_sign_in("guess", &DESK);
    assert_eq!(wrong.problem(), (401, "wrong_credentials"));
    let mut nobody = place.person();
    nobody.name.push_str("-x");
    let unknown = nobody.try_sign_in("battery staple", &DESK);
    assert_eq!(unknown.body, wrong.body);
    let session = ada.sign_in(&DESK);
    let current = session.get("/v1/sessions/current");
    assert_eq!(current["account"], ada.name);
    assert!(current["stream_url"].as_str().unwrap().starts_with("ws"));
    for authorization in [
        None,
        Some("Bearer hither_at_guess"),
        Some("Basic Zm9vOmJhcg=="),
    ] {
        let answer = place.ask("GET", "/v1/tokens", authorization, None);
        assert_eq!(
            answer.problem(),
            (401, "unauthenticated"),
            "{authorization:?}"
        );
    }
}

#[test]
fn b1_a_message_token_belongs_to_device_application_and_account() {
    let place = Place::find();
    let (ada, bob) = (place.person(), place.person());
    let first = ada.sign_in(&DESK);
    let same = Device {
        id: Some(first.device_id.clone()),
        ..DESK
    };
    let again = ada.sign_in(&same);
    assert_eq!(again.message_token, first.message_token);
    assert_eq!(
        again.get("/v1/tokens"),
        json!({ "message_token": first.message_token })
    );
    let other = ada.sign_in(&Device {
        application: "example",
        ..same.clone()
    });
    let elsewhere = ada.sign_in(&DESK);
    let others = bob.sign_in(&DESK);
    for token in [
        &other.message_token,
        &elsewhere.message_token,
        &others.message_token,
    ] {
        assert_ne!(token, &first.message_token);
    }
    assert_eq!(
        first.ask("GET", "/v1/tokens", None).status,
        401,
        "its session was replaced"
    );
}

#[test]
fn signing_out_kills_access_and_message_token() {
    let place = Place::find();
    let ada = place.person();
    let publisher = place.publisher();
    let client = ada.sign_in(&Device {
        application: "example",
        ..DESK
    });
    let to = json!({ "to": { "tokens": [client.message_token] }, "title": "x" });
    publisher.publish(&to);
    assert_eq!(
        client.ask("DELETE", "/v1/sessions/current", None).status,
        204
    );
    assert_eq!(client.ask("GET", "/v1/tokens", None).status, 401);
    assert_eq!(publisher.try_publish(&to).problem(), (422, "no_receivers"));
}

#[test]
fn d2_a_publisher_proves_its_id_or_is_refused() {
    let place = Place::find();
    let ada = place.person();
    let publisher = place.publisher();
    let (prefix, digits) = publisher.id.split_once('-').unwrap();
    assert!(
        prefix.bytes().all(|byte| byte.is_ascii_lowercase()),
        "{prefix}"
    );
    assert_eq!(digits.len(), 16);
    let message = json!({ "to": { "accounts": [ada.name] }, "title": "x" });
    let wrong = format!("Bearer {}.hither_ps_guess", publisher.id);
    let bearer = format!("Bearer {}", ada.sign_in(&DESK).token);
    for authorization in [None, Some(wrong.as_str()), Some(&bearer)] {
        let answer = place.ask("POST", "/v1/messages", authorization, Some(&message));
        assert_eq!(
            answer.problem(),
            (401, "unauthenticated"),
            "{authorization:?}"
        );
    }
    assert_eq!(publisher.publish(&message)["receivers"], 1);
}

#[tokio::test]
async fn a3_devices_are_seen_by_their_account_and_revoked() {
    let place = Place::find();
    let (ada, bob) = (place.person(), place.person());
    let (desk, lost) = (ada.sign_in(&DESK), ada.sign_in(&DESK));
    let (mut stream, _) = lost.connect(None).await;
    stream
        .say(&json!({ "type": "presence", "state": "active", "last_input_ms": 10 }))
        .await;
    stream.ping().await;
    let seen = desk.get("/v1/devices");
    let of = |id: &str| {
        let devices = seen["devices"].as_array().unwrap().iter();
        devices
            .clone()
            .find(|device| device["id"] == id)
            .unwrap()
            .clone()
    };
    assert_eq!(seen["devices"].as_array().unwrap().len(), 2);
    assert_eq!(of(&lost.device_id)["online"], true);
    assert_eq!(of(&lost.device_id)["presence"]["state"], "active");
    assert_eq!(of(&desk.device_id)["online"], false);
    assert_eq!(of(&desk.device_id)["current"], true);

    let path = format!("/v1/devices/{}", lost.device_id);
    assert_eq!(
        bob.sign_in(&DESK).ask("DELETE", &path, None).problem(),
        (404, "not_found")
    );
    assert_eq!(desk.ask("DELETE", &path, None).status, 204);
    assert_eq!(stream.code().await, Some(4403));
    assert_eq!(lost.ask("GET", "/v1/tokens", None).status, 401);
}

#[tokio::test]
async fn an_account_that_is_disabled_is_shut_out_everywhere_at_once() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let (desk, away) = (ada.sign_in(&DESK), ada.sign_in(&DESK));
    let (mut stream, _) = desk.connect(None).await;
    let path = format!("/admin/api/accounts/{}/disabled", ada.name);
    let disabled = json!({ "disabled": true });
    assert_eq!(place.ask("PUT", &path, None, Some(&disabled)).status, 204);
    assert_eq!(stream.code().await, Some(4403));
    for client in [&desk, &away] {
        assert_eq!(client.ask("GET", "/v1/tokens", None).status, 401);
        let mut stream = place.open().await;
        stream.say(&client.hello(None)).await;
        assert_eq!(stream.code().await, Some(4403));
    }
    let refused = ada.try_sign_in(PASSWORD, &DESK);
    assert_eq!(refused.problem(), (403, "forbidden"));
    assert_eq!(ada.try_sign_in("guess", &DESK).status, 401);
    let message = json!({ "to": { "accounts": [ada.name] }, "title": "x" });
    let refused = publisher.try_publish(&message);
    assert_eq!(refused.problem(), (422, "no_receivers"));
}

#[tokio::test]
async fn a_new_password_leaves_only_the_session_that_chose_it() {
    let place = Place::find();
    let ada = place.person();
    let (asks, other) = (ada.sign_in(&DESK), ada.sign_in(&DESK));
    let (mut stream, _) = other.connect(None).await;
    let change = |current: &str| {
        let body = json!({ "current": current, "new": "correct horse" });
        asks.ask("PUT", "/v1/account/password", Some(&body))
    };
    assert_eq!(change("guess").problem(), (401, "wrong_credentials"));
    assert_eq!(change("battery staple").status, 204);
    assert_eq!(stream.code().await, Some(4403));
    assert_eq!(asks.ask("GET", "/v1/tokens", None).status, 200);
    assert_eq!(ada.try_sign_in("battery staple", &DESK).status, 401);
    assert_eq!(ada.try_sign_in("correct horse", &DESK).status, 201);
}

#[tokio::test]
async fn settings_reach_every_open_stream_at_once() {
    let place = Place::find();
    let ada = place.person();
    let (one, two) = (ada.sign_in(&DESK), ada.sign_in(&DESK));
    let (mut first, _) = one.connect(None).await;
    let (mut second, _) = two.connect(None).await;
    let body = json!({ "idle_after_ms": 45_000, "read_receipts": true });
    let kept = one.ask("PUT", "/v1/settings", Some(&body)).is(200);
    assert_eq!(two.get("/v1/settings"), kept);
    for stream in [&mut first, &mut second] {
        assert_eq!(stream.next_of("policy").await["idle_after_ms"], 45_000);
    }
    for wrong in [
        json!({ "idle_after_ms": 1 }),
        json!({ "time_zone": "Nowhere" }),
        Value::Null,
    ] {
        let answer = one.ask("PUT", "/v1/settings", Some(&wrong));
        assert_eq!(answer.problem(), (422, "invalid"), "{wrong}");
    }
}

#[test]
fn settings_that_changed_meanwhile_are_not_overwritten() {
    let place = Place::find();
    let ada = place.person();
    let (one, two) = (ada.sign_in(&DESK), ada.sign_in(&DESK));
    let read = one.ask("GET", "/v1/settings", None);
    let seen = read.header("etag").to_owned();
    assert!(seen.starts_with('"') && seen.ends_with('"'), "{seen}");
    let choose = |headers: &[(&str, &str)], idle_after_ms: u64| {
        let body = json!({ "idle_after_ms": idle_after_ms });
        two.ask_with("PUT", "/v1/settings", headers, Some(&body))
    };
    let chosen = choose(&[("if-match", &seen)], 60_000);
    assert_ne!(chosen.header("etag"), seen);
    for stale in [seen.as_str(), "\"another\""] {
        let refused = choose(&[("if-match", stale)], 90_000);
        assert_eq!(refused.problem(), (412, "changed"), "{stale}");
    }
    let kept = one.ask("GET", "/v1/settings", None);
    assert_eq!(kept.header("etag"), chosen.header("etag"));
    assert_eq!(kept.is(200), chosen.is(200));
    let overwritten = choose(&[], 70_000).is(200);
    assert_eq!(overwritten["idle_after_ms"], 70_000);
}

#[tokio::test]
async fn a_browsers_cookie_stands_for_the_token_on_the_servers_own_pages_only() {
    let place = Place::find();
    let body = place.person().credentials(PASSWORD, &DESK);
    let sign_in = |origin: &str| {
        let headers = [("origin", origin)];
        place.ask_with("POST", "/app/session", None, &headers, Some(&body))
    };
    let evil = "https://evil.example";
    assert_eq!(sign_in(evil).problem(), (403, "forbidden"));
    let own = place.origin();
    let answer = sign_in(own);
    let set = answer.header("set-cookie");
    assert!(set.contains("; HttpOnly") && set.contains("; SameSite=Strict"));
    let cookie = answer.cookie().to_owned();
    let cookie = cookie.as_str();
    assert!(answer.is(201).get("access_token").is_none());
    let ask = |method: &str, path: &str, origin: &str| {
        let headers = [("cookie", cookie), ("origin", origin)];
        place.ask_with(method, path, None, &headers, None)
    };
    assert_eq!(ask("GET", "/v1/tokens", own).status, 200);
    let refused = ask("DELETE", "/v1/sessions/current", evil);
    assert_eq!(refused.problem(), (403, "forbidden"));

    let from = |origin| [("cookie", cookie), ("origin", origin)];
    let refused = place.upgrade("/v1/stream", &from(evil)).await;
    assert_eq!(refused.err(), Some(403));
    let mut stream = place.upgrade("/v1/stream", &from(own)).await.unwrap();
    let client = json!({ "name": DESK.application, "version": DESK.version });
    let hello = json!({ "type": "hello", "cursor": null, "client": client });
    stream.say(&hello).await;
    assert_eq!(stream.next().await["type"], "welcome");
    assert_eq!(ask("DELETE", "/app/session", own).status, 204);
    assert_eq!(stream.code().await, Some(4403));
    assert_eq!(ask("GET", "/v1/tokens", own).status, 401);
}
