use serde_json::{Value, json};

use crate::place::{DESK, Device, Place};

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
