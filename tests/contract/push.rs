//! How phones say where their push services take what is for them.

use serde_json::{Value, json};

use crate::place::{Client, DESK, Device, Place};

const PATH: &str = "/v1/devices/current/push";
const PHONE: Device = Device {
    platform: "android",
    kind: "mobile",
    ..DESK
};

/// Another one each time: no two phones have the same.
fn token() -> String {
    format!("token-{:016x}", fastrand::u64(..))
}

fn fcm(token: &str) -> Value {
    json!({ "provider": "fcm", "token": token })
}

/// As a browser says it; the keys are those of the example in RFC 8291.
fn webpush(endpoint: &str) -> Value {
    json!({
        "provider": "webpush",
        "endpoint": endpoint,
        "expirationTime": null,
        "keys": {
            "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "auth": "BTBZMqHH6r4Tts7J_aSIgg",
        },
    })
}

/// What the account's devices say about their registrations, and nothing of the addresses.
#[track_caller]
fn providers(client: &Client<'_>) -> Vec<String> {
    let answer = client.ask("GET", "/v1/devices", None);
    for secret in ["token-", "push.example", "1.1.1.1", "BCVxsr7N"] {
        assert!(!answer.body.to_string().contains(secret), "{answer:?}");
    }
    let devices = answer.body["devices"].as_array().unwrap();
    let named = devices
        .iter()
        .filter_map(|one| one["push"]["provider"].as_str());
    named.map(str::to_owned).collect()
}

#[test]
fn c5_a_phone_registers_and_is_told_whether_it_rings() {
    let place = Place::find();
    let ada = place.person();
    let phone = ada.sign_in(&PHONE);
    for (body, provider) in [
        (webpush(&format!("https://1.1.1.1/{}", token())), "webpush"),
        (fcm(&token()), "fcm"),
    ] {
        for _ in 0..2 {
            let state = phone.ask("PUT", PATH, Some(&body)).is(200);
            assert_eq!(state["provider"], provider);
            assert!(state["rings"].is_boolean(), "{state}");
            assert_eq!(providers(&phone), [provider]);
        }
    }
    for _ in 0..2 {
        assert_eq!(phone.ask("DELETE", PATH, None).status, 204);
        assert!(providers(&phone).is_empty());
    }
    let apple = ada.sign_in(&Device {
        platform: "ios",
        ..PHONE
    });
    let body = json!({ "provider": "apns", "token": format!("{:064x}", fastrand::u128(..)) });
    apple.ask("PUT", PATH, Some(&body)).is(200);
    assert_eq!(providers(&phone), ["apns"]);
}

#[test]
fn c5_what_is_missing_or_contradicts_itself_is_refused_when_it_is_made() {
    let place = Place::find();
    let ada = place.person();
    let mut without_keys = webpush("https://1.1.1.1/x");
    without_keys.as_object_mut().unwrap().remove("keys");
    let (phone, page) = (
        PHONE,
        Device {
            platform: "web",
            ..PHONE
        },
    );
    for (device, body) in [
        (&phone, json!({})),
        (&phone, json!({ "provider": "pigeon", "token": "x" })),
        (&phone, json!({ "provider": "fcm" })),
        (
            &phone,
            json!({ "provider": "apns", "token": "ab".repeat(32) }),
        ),
        (&page, fcm("x")),
        (&page, without_keys),
        (&page, webpush("https://127.0.0.1/x")),
        (&page, webpush("http://1.1.1.1/x")),
        (&page, webpush("push.example")),
        (&DESK, webpush("https://1.1.1.1/x")),
    ] {
        let client = ada.sign_in(device);
        let answer = client.ask("PUT", PATH, Some(&body));
        assert_eq!(answer.problem(), (422, "invalid"), "{body} {answer:?}");
    }
    let client = ada.sign_in(&PHONE);
    let huge = client.ask("PUT", PATH, Some(&fcm(&"x".repeat(10_000))));
    assert_eq!(huge.problem(), (413, "too_large"));
    let other = ada.sign_in(&Device {
        application: "example",
        ..PHONE
    });
    let answer = other.ask("PUT", PATH, Some(&fcm(&token())));
    assert_eq!(answer.problem(), (403, "forbidden"));
    let nobody = place.ask("PUT", PATH, None, Some(&fcm(&token())));
    assert_eq!(nobody.problem(), (401, "unauthenticated"));
    assert!(providers(&client).is_empty());
}

#[test]
fn b6_a_phone_is_registered_for_one_account_and_as_long_as_its_session_lasts() {
    let place = Place::find();
    let (ada, bob) = (place.person(), place.person());
    let desk = ada.sign_in(&DESK);
    let (hers, his) = (ada.sign_in(&PHONE), bob.sign_in(&PHONE));
    let same = fcm(&token());
    hers.ask("PUT", PATH, Some(&same)).is(200);
    assert_eq!(providers(&desk), ["fcm"]);
    his.ask("PUT", PATH, Some(&same)).is(200);
    assert_eq!(providers(&his), ["fcm"]);
    assert!(providers(&desk).is_empty(), "it is his now");

    hers.ask("PUT", PATH, Some(&fcm(&token()))).is(200);
    assert_eq!(providers(&desk), ["fcm"]);
    assert_eq!(hers.ask("DELETE", "/v1/sessions/current", None).status, 204);
    assert!(providers(&desk).is_empty(), "signed out");
    let late = hers.ask("PUT", PATH, Some(&fcm(&token())));
    assert_eq!(late.problem(), (401, "unauthenticated"));

    let lost = ada.sign_in(&PHONE);
    lost.ask("PUT", PATH, Some(&fcm(&token()))).is(200);
    let path = format!("/v1/devices/{}", lost.device_id);
    assert_eq!(desk.ask("DELETE", &path, None).status, 204);
    assert!(providers(&desk).is_empty(), "revoked");
    assert_eq!(providers(&his), ["fcm"]);
}
