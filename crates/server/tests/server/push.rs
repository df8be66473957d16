//! How phones say where their push services take what is for them.

use std::time::Duration;

use hither_attention::Timings;
use hither_protocol::{CloseCode, DeviceKind, ServerFrame, Session};
use hither_server::Settings;
use hither_server::store::{Backup as _, system_clock};
use hyper::Method;
use serde_json::{Value, json};

use crate::backup::restored;
use crate::harness::{Answer, PASSWORD, Server, bearer, credentials};

const PATH: &str = "/v1/devices/current/push";
const JSON: (&str, &str) = ("content-type", "application/json");
/// Public, and looked up without asking anybody.
const ENDPOINT: &str = "https://1.1.1.1/push/secret-of-ada";
/// Of the example in RFC 8291.
const P256DH: &str =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

async fn phone(server: &Server, account: &str, platform: &str) -> Session {
    let mut credentials = credentials(account, DeviceKind::Mobile);
    credentials["device"]["platform"] = platform.into();
    server.sign_in_with(&credentials).await
}

/// As `JSON.stringify(subscription)` has it, with the provider.
fn webpush(endpoint: &str) -> Value {
    json!({
        "provider": "webpush", "endpoint": endpoint, "expirationTime": null,
        "keys": { "p256dh": P256DH, "auth": AUTH },
    })
}

fn apns() -> Value {
    json!({ "provider": "apns", "token": "00FCaf17".repeat(8) })
}

fn fcm() -> Value {
    json!({ "provider": "fcm", "token": "fPYmM:APA91bSecretOfAda" })
}

async fn register(server: &Server, session: &Session, body: &Value) -> Answer {
    send(server, Method::PUT, session, &body.to_string()).await
}

async fn send(server: &Server, method: Method, session: &Session, body: &str) -> Answer {
    let bearer = bearer(session);
    let headers = [JSON, ("authorization", bearer.as_str())];
    server
        .request(method, PATH, &headers, body.to_owned())
        .await
}

/// Of each device of the account that is registered, how.
async fn registered(server: &Server, session: &Session) -> Vec<Value> {
    let answer = server.get("/v1/devices", session).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    for secret in ["1.1.1.1", "SecretOfAda", "fcaf17", P256DH, AUTH] {
        assert!(!answer.body.contains(secret), "{}", answer.body);
    }
    let devices = answer.json()["devices"].as_array().unwrap().clone();
    let push = devices.iter().map(|device| device["push"].clone());
    push.filter(|push| !push.is_null()).collect()
}

#[tokio::test]
async fn c5_a_phone_registers_with_its_platforms_service() {
    let server = Server::start().await;
    for (platform, body) in [
        ("web", webpush(ENDPOINT)),
        ("ios", webpush(ENDPOINT)),
        ("android", webpush(ENDPOINT)),
        ("linux", webpush(ENDPOINT)),
        ("ios", apns()),
        ("android", fcm()),
    ] {
        let phone = phone(&server, "ada", platform).await;
        let expected = json!({ "provider": body["provider"], "rings": false });
        for _ in 0..2 {
            let answer = register(&server, &phone, &body).await;
            assert_eq!((answer.status, answer.json()), (200, expected.clone()));
        }
        assert_eq!(registered(&server, &phone).await, [expected], "{platform}");
        for _ in 0..2 {
            let answer = send(&server, Method::DELETE, &phone, "").await;
            assert_eq!((answer.status, answer.body.as_str()), (204, ""));
        }
        assert!(registered(&server, &phone).await.is_empty(), "{platform}");
    }
}

#[tokio::test]
async fn c5_a_registration_takes_the_place_of_the_one_before() {
    let server = Server::start().await;
    let phone = phone(&server, "ada", "android").await;
    register(&server, &phone, &webpush(ENDPOINT)).await;
    let later = json!({ "provider": "fcm", "rings": false });
    assert_eq!(register(&server, &phone, &fcm()).await.json(), later);
    let server = server.restart().await;
    assert_eq!(registered(&server, &phone).await, [later]);
}

/// Whoever asks, what they say, and a word of what they are told to do.
#[tokio::test]
async fn c5_a_missing_or_contradictory_registration_is_refused_when_it_is_made() {
    let server = Server::start().await;
    let with = |mut body: Value, field: &str, value: Value| {
        *body.pointer_mut(field).unwrap() = value;
        body
    };
    let point = |text: &str| with(webpush(ENDPOINT), "/keys/p256dh", json!(text));
    let endpoint = |text: &str| webpush(text);
    let foreign = |mut body: Value, part: &str| {
        body[part] = json!("x");
        body
    };
    let cases = [
        ("ios", fcm(), "platform android"),
        ("android", apns(), "platform ios"),
        ("web", apns(), "platform ios"),
        ("web", fcm(), "platform android"),
        ("android", json!({}), "`provider`"),
        ("android", json!({ "provider": "gcm" }), "`gcm`"),
        ("android", json!({ "provider": "other" }), "`other`"),
        ("android", json!({ "provider": "fcm" }), "`token`"),
        ("web", json!({ "provider": "webpush" }), "`endpoint`"),
        (
            "web",
            json!({ "provider": "webpush", "endpoint": ENDPOINT }),
            "`keys`",
        ),
        (
            "web",
            with(webpush(ENDPOINT), "/keys", json!({ "auth": AUTH })),
            "`p256dh`",
        ),
        (
            "web",
            with(webpush(ENDPOINT), "/keys/auth", json!("AAAA")),
            "keys.auth",
        ),
        ("web", point(AUTH), "keys.p256dh"),
        ("web", point(&P256DH.replace('8', "9")), "keys.p256dh"),
        (
            "web",
            with(webpush(ENDPOINT), "/expirationTime", json!(1)),
            "subscribe again",
        ),
        ("web", endpoint("push"), "endpoint: "),
        ("web", endpoint("https://me:secret@1.1.1.1/"), "endpoint: "),
        ("web", endpoint("http://1.1.1.1/"), "https://"),
        ("web", endpoint("https://127.0.0.1/"), "no public address"),
        (
            "web",
            endpoint("https://[::ffff:10.0.0.1]/"),
            "no public address",
        ),
        (
            "web",
            endpoint("https://169.254.169.254/"),
            "no public address",
        ),
        ("web", endpoint("https://1.1.1.1:8443/"), "port"),
        (
            "web",
            endpoint(&format!("https://1.1.1.1/{}", "x".repeat(2048))),
            "2 KiB",
        ),
        ("ios", with(apns(), "/token", json!("00ff")), "hexadecimal"),
        ("ios", foreign(apns(), "environment"), "`sandbox`"),
        ("ios", foreign(apns(), "endpoint"), "endpoint"),
        (
            "ios",
            json!({ "provider": "apns", "token": "ab".repeat(32), "topic": "a b" }),
            "bundle id",
        ),
        ("android", with(fcm(), "/token", json!("")), "token"),
        ("android", foreign(fcm(), "keys"), "keys"),
        ("android", foreign(webpush(ENDPOINT), "token"), "token"),
    ];
    for (platform, body, word) in cases {
        let phone = phone(&server, "ada", platform).await;
        let answer = register(&server, &phone, &body).await;
        assert_eq!(answer.problem(), (422, "invalid".to_owned()), "{body}");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(word), "{detail} for {body}");
        assert!(registered(&server, &phone).await.is_empty(), "{body}");
    }
    let phone = phone(&server, "ada", "android").await;
    let huge = json!({ "provider": "fcm", "token": "x".repeat(8 * 1024) });
    for (body, status, code) in [
        (huge.to_string(), 413, "too_large"),
        ("{".to_owned(), 400, "malformed"),
        ("[]".to_owned(), 422, "invalid"),
        (String::new(), 400, "malformed"),
    ] {
        let answer = send(&server, Method::PUT, &phone, &body).await;
        assert_eq!(answer.problem(), (status, code.to_owned()), "{body:.20}");
    }
    assert!(registered(&server, &phone).await.is_empty());
}

#[tokio::test]
async fn c5_only_a_phones_own_inbox_registers() {
    let server = Server::start().await;
    let desk = server.sign_in("ada", DeviceKind::Desktop).await;
    let answer = register(&server, &desk, &webpush(ENDPOINT)).await;
    assert_eq!(answer.problem(), (422, "invalid".to_owned()));
    let detail = answer.json()["detail"].to_string();
    assert!(detail.contains("kind mobile"), "{detail}");

    let phone = phone(&server, "ada", "android").await;
    let mut other = credentials("ada", DeviceKind::Mobile);
    other["device"]["id"] = json!(phone.device_id);
    other["device"]["platform"] = json!("android");
    other["application"]["name"] = json!("example");
    let other = server.sign_in_with(&other).await;
    register(&server, &phone, &fcm()).await;
    for method in [Method::PUT, Method::DELETE] {
        let answer = send(&server, method.clone(), &other, &fcm().to_string()).await;
        assert_eq!(answer.problem(), (403, "forbidden".to_owned()));
        let answer = server
            .request(method, PATH, &[JSON], fcm().to_string())
            .await;
        assert_eq!(answer.problem(), (401, "unauthenticated".to_owned()));
    }
    assert_eq!(registered(&server, &phone).await.len(), 1);
}

#[tokio::test]
async fn c5_a_network_that_the_operator_names_is_reached_without_tls() {
    let server = Server::with(Settings {
        outbound_allow: vec!["127.0.0.0/8".parse().unwrap()],
        ..Settings::default()
    })
    .await;
    let phone = phone(&server, "ada", "android").await;
    let own = webpush("http://127.0.0.1:8080/UP?token=1");
    assert_eq!(register(&server, &phone, &own).await.status, 200);
}

#[tokio::test]
async fn b6_the_same_phone_never_gets_what_is_for_two_accounts() {
    let server = Server::start().await;
    let ada = phone(&server, "ada", "web").await;
    let desk = server.sign_in("ada", DeviceKind::Desktop).await;
    let bob = phone(&server, "bob", "web").await;
    register(&server, &ada, &webpush(ENDPOINT)).await;
    assert_eq!(registered(&server, &desk).await.len(), 1);
    register(&server, &bob, &webpush(ENDPOINT)).await;
    assert_eq!(registered(&server, &bob).await.len(), 1);
    assert!(registered(&server, &desk).await.is_empty(), "it is bob's");
    register(&server, &ada, &webpush("https://1.1.1.1/another")).await;
    assert_eq!(registered(&server, &bob).await.len(), 1);
    assert_eq!(registered(&server, &desk).await.len(), 1);
}

#[tokio::test]
async fn b6_a_registration_is_dead_with_its_session() {
    let server = Server::start().await;
    let desk = server.sign_in("ada", DeviceKind::Desktop).await;
    for way in [
        "signed out",
        "revoked",
        "another account",
        "again",
        "password",
    ] {
        let phone = phone(&server, "ada", "android").await;
        register(&server, &phone, &fcm()).await;
        assert_eq!(registered(&server, &desk).await.len(), 1, "{way}");
        let bearer = bearer(&phone);
        let mine = ("authorization", bearer.as_str());
        match way {
            "signed out" => {
                let path = "/v1/sessions/current";
                let answer = server.request(Method::DELETE, path, &[mine], "").await;
                assert_eq!(answer.status, 204);
            }
            "revoked" => {
                let path = format!("/v1/devices/{}", phone.device_id);
                let answer = server.request(Method::DELETE, &path, &[mine], "").await;
                assert_eq!(answer.status, 204);
            }
            "another account" => {
                let bob = credentials("bob", DeviceKind::Mobile);
                server.sign_in_after(&bob, &phone).await;
            }
            "again" => {
                let mut again = credentials("ada", DeviceKind::Mobile);
                again["device"]["id"] = json!(phone.device_id);
                server.sign_in_with(&again).await;
            }
            _ => {
                let body = json!({ "current": PASSWORD, "new": "battery staple" });
                let desk = format!("Bearer {}", desk.access_token.expose());
                let headers = [JSON, ("authorization", desk.as_str())];
                let path = "/v1/account/password";
                let answer = server
                    .request(Method::PUT, path, &headers, body.to_string())
                    .await;
                assert_eq!(answer.status, 204, "{answer:?}");
            }
        }
        assert!(registered(&server, &desk).await.is_empty(), "{way}");
        let late = register(&server, &phone, &fcm()).await;
        assert_eq!(late.problem(), (401, "unauthenticated".to_owned()), "{way}");
        assert!(registered(&server, &desk).await.is_empty(), "{way}");
    }
}

#[tokio::test]
async fn a9_registrations_are_in_a_backup() {
    let server = Server::start().await;
    let phone = phone(&server, "ada", "android").await;
    register(&server, &phone, &fcm()).await;
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("hither.backup");
    server.store.backup(file.clone()).await.unwrap();
    let folder = restored(&file).unwrap();
    let copy = Server::run(Settings::default(), folder, system_clock()).await;
    assert_eq!(registered(&copy, &phone).await.len(), 1);
    let check = copy.store.check().await.unwrap();
    assert_eq!(check.problems, Vec::<String>::new());
}

/// Nothing sends to its service yet: what rings is what would without the registration.
#[tokio::test]
async fn c4_a_registered_phone_that_nothing_reaches_still_rings_when_it_comes() {
    let server = Server::with(Settings {
        timings: Timings {
            restart_grace: Duration::ZERO,
            ..Timings::default()
        },
        ..Settings::default()
    })
    .await;
    let phone = phone(&server, "ada", "android").await;
    let (stream, _) = server.connect(&phone, None).await;
    register(&server, &phone, &fcm()).await;
    stream.close().await;
    let id = server.send("ada", "hello").await;
    let (mut stream, backlog) = server.connect(&phone, None).await;
    assert_eq!(backlog.titles(), ["hello"]);
    match stream.next().await {
        ServerFrame::Alert { ids, .. } => assert_eq!(ids, [id]),
        other => panic!("{other:?}"),
    }
    let bearer = bearer(&phone);
    let headers = [("authorization", bearer.as_str())];
    let path = "/v1/sessions/current";
    server.request(Method::DELETE, path, &headers, "").await;
    stream.ends_with(CloseCode::Revoked).await;
}
