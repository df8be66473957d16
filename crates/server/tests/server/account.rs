//! What a person sees and decides of their own account.

use std::time::Duration;

use hither_attention::Timings;
use hither_protocol::{
    ClientFrame, CloseCode, DeviceKind, FirstAlert, MessageId, Policy, PresenceState, Quiet,
    ServerFrame, Session, Timestamp,
};
use hither_server::store::{People, Publishers, system_clock};
use hither_server::{Limits, Settings};
use hyper::Method;
use jiff::ToSpan;
use serde_json::{Value, json};

use crate::harness::{
    Answer, PASSWORD, Server, Stream, bearer, credentials, presence, says, shows,
};

const JSON: (&str, &str) = ("content-type", "application/json");

async fn put(server: &Server, path: &str, session: &Session, body: &Value) -> Answer {
    let bearer = bearer(session);
    let headers = [JSON, ("authorization", bearer.as_str())];
    server
        .request(Method::PUT, path, &headers, body.to_string())
        .await
}

async fn delete(server: &Server, path: &str, session: &Session) -> Answer {
    let bearer = bearer(session);
    server
        .request(Method::DELETE, path, &[("authorization", &bearer)], "")
        .await
}

async fn devices(server: &Server, session: &Session) -> Vec<Value> {
    let answer = server.get("/v1/devices", session).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["devices"].as_array().unwrap().clone()
}

async fn sign_in_from(server: &Server, account: &str, device: &str, app: &str) -> Session {
    let mut credentials = credentials(account, DeviceKind::Desktop);
    credentials["device"]["name"] = device.into();
    credentials["application"]["name"] = app.into();
    server.sign_in_with(&credentials).await
}

/// The policy that comes next, whatever else comes before.
async fn next_policy(stream: &mut Stream) -> Policy {
    loop {
        if let ServerFrame::Policy { policy } = stream.next().await {
            return policy;
        }
    }
}

async fn welcomed(server: &Server, session: &Session) -> (Stream, Policy) {
    let mut stream = server.open().await;
    stream
        .say(&crate::harness::hello(session, None, None))
        .await;
    match stream.next().await {
        ServerFrame::Welcome { policy, .. } => (stream, policy),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn devices_are_listed_with_presence_for_their_account_only() {
    let server = Server::start().await;
    let laptop = sign_in_from(&server, "ada", "Laptop", "hither").await;
    let phone = sign_in_from(&server, "ada", "Phone", "hither").await;
    let mut again = credentials("ada", DeviceKind::Desktop);
    again["device"] = json!({
        "id": phone.device_id, "name": "Phone", "platform": "android", "kind": "mobile",
    });
    again["application"] = json!({ "name": "example", "version": "2.0.0" });
    server.sign_in_with(&again).await;
    let foreign = server.sign_in("bob", DeviceKind::Desktop).await;

    let mut stream = server.connect_desktop(&laptop, PresenceState::Active).await;
    stream.ping().await;
    let found = devices(&server, &laptop).await;
    assert_eq!(found.len(), 2, "{found:?}");
    let (mine, other) = (&found[0], &found[1]);
    assert_eq!(
        (&mine["name"], &mine["current"]),
        (&json!("Laptop"), &json!(true))
    );
    assert_eq!(mine["id"], laptop.device_id.as_str());
    assert_eq!(mine["online"], true);
    assert_eq!(mine["presence"]["state"], "active");
    assert!(mine["last_seen_at"].is_string());
    assert_eq!(
        other["applications"],
        json!([
            { "name": "example", "version": "2.0.0", "signed_in": true },
            { "name": "hither", "version": "0.1.0", "signed_in": true },
        ])
    );
    assert_eq!(
        (&other["online"], &other["kind"]),
        (&json!(false), &json!("mobile"))
    );
    assert_eq!(other["presence"], Value::Null);
    assert!(other["last_seen_at"].is_string());

    let theirs = devices(&server, &foreign).await;
    assert_eq!(theirs.len(), 1);
    assert_eq!(theirs[0]["id"], foreign.device_id.as_str());
    assert_eq!(
        server
            .request(Method::GET, "/v1/devices", &[], "")
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn a_presence_is_as_fresh_as_its_last_report() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    let mut stream = server
        .connect_desktop(&session, PresenceState::Active)
        .await;
    for state in [PresenceState::Inactive, PresenceState::Unknown] {
        stream.say(&says(presence(state))).await;
        stream.ping().await;
        let found = devices(&server, &session).await;
        assert_eq!(found[0]["presence"]["state"], json!(state));
    }
    stream.close().await;
    let found = devices(&server, &session).await;
    assert_eq!(
        (&found[0]["online"], &found[0]["presence"]),
        (&json!(false), &Value::Null)
    );
}

#[tokio::test]
async fn a_revoked_device_is_out_at_once_and_the_others_stay() {
    let server = Server::start().await;
    let laptop = sign_in_from(&server, "ada", "Laptop", "hither").await;
    let lost = sign_in_from(&server, "ada", "Lost", "hither").await;
    let bob = server.sign_in("bob", DeviceKind::Desktop).await;
    let (mut stays, _) = server.connect(&laptop, None).await;
    let (mut ends, _) = server.connect(&lost, None).await;

    let path = format!("/v1/devices/{}", lost.device_id);
    let foreign = delete(&server, &path, &bob).await;
    assert_eq!(foreign.problem(), (404, "not_found".to_owned()));
    assert_eq!(delete(&server, &path, &laptop).await.status, 204);
    ends.ends_with(CloseCode::Revoked).await;
    stays.ping().await;
    assert_eq!(server.get("/v1/tokens", &lost).await.status, 401);
    assert_eq!(server.get("/v1/tokens", &laptop).await.status, 200);
    assert_eq!(devices(&server, &laptop).await.len(), 1);
    let again = delete(&server, &path, &laptop).await;
    assert_eq!(again.problem(), (404, "not_found".to_owned()));
    let malformed = delete(&server, "/v1/devices/%2e%2e%2f", &laptop).await;
    assert_eq!(malformed.problem(), (404, "not_found".to_owned()));

    let mut returns = credentials("ada", DeviceKind::Desktop);
    returns["device"]["id"] = lost.device_id.as_str().into();
    let returned = server.sign_in_with(&returns).await;
    assert_ne!(returned.device_id, lost.device_id);
    assert_ne!(returned.message_token, lost.message_token);
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_and_not_the_one_that_asks() {
    let server = Server::start().await;
    let asks = sign_in_from(&server, "ada", "Laptop", "hither").await;
    let other = sign_in_from(&server, "ada", "Phone", "hither").await;
    let (mut stays, _) = server.connect(&asks, None).await;
    let (mut ends, _) = server.connect(&other, None).await;
    let path = "/v1/account/password";

    for (body, status, code) in [
        (
            json!({ "current": PASSWORD, "new": "short" }),
            422,
            "invalid",
        ),
        (json!({ "current": PASSWORD }), 422, "invalid"),
        (
            json!({ "current": "wrong", "new": "long enough" }),
            401,
            "wrong_credentials",
        ),
        (
            json!({ "current": "x".repeat(2000), "new": "long enough" }),
            401,
            "wrong_credentials",
        ),
    ] {
        let answer = put(&server, path, &asks, &body).await;
        assert_eq!(answer.problem(), (status, code.to_owned()), "{body}");
    }
    let body = json!({ "current": PASSWORD, "new": "battery staple" });
    assert_eq!(put(&server, path, &asks, &body).await.status, 204);
    ends.ends_with(CloseCode::Revoked).await;
    stays.ping().await;
    assert_eq!(server.get("/v1/tokens", &asks).await.status, 200);
    assert_eq!(server.get("/v1/tokens", &other).await.status, 401);

    let mut credentials = credentials("ada", DeviceKind::Desktop);
    assert_eq!(
        server.post("/v1/sessions", &[], &credentials).await.status,
        401
    );
    credentials["password"] = "battery staple".into();
    server.sign_in_with(&credentials).await;
}

#[tokio::test]
async fn guesses_at_the_current_password_are_limited() {
    let limits = Limits {
        failed_sign_ins: hither_server::Rate::per_minute(1).burst(2),
        ..Limits::default()
    };
    let settings = Settings {
        limits,
        ..Settings::default()
    };
    let server = Server::with(settings).await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    let guess = json!({ "current": "guess", "new": "long enough" });
    for _ in 0..2 {
        let answer = put(&server, "/v1/account/password", &session, &guess).await;
        assert_eq!(answer.status, 401);
    }
    let right = json!({ "current": PASSWORD, "new": "long enough" });
    let answer = put(&server, "/v1/account/password", &session, &right).await;
    assert_eq!(answer.problem(), (429, "too_many".to_owned()));
}

#[tokio::test]
async fn settings_are_kept_and_every_stream_learns_the_policy_at_once() {
    let server = Server::start().await;
    let laptop = sign_in_from(&server, "ada", "Laptop", "hither").await;
    let desk = sign_in_from(&server, "ada", "Desk", "hither").await;
    let bob = server.sign_in("bob", DeviceKind::Desktop).await;
    let defaults = server.get("/v1/settings", &laptop).await.json();
    let none = hither_protocol::Settings::default();
    assert_eq!(defaults, serde_json::to_value(none).unwrap());
    let (mut one, _) = server.connect(&laptop, None).await;
    let (mut two, _) = server.connect(&desk, None).await;
    let (mut foreign, _) = server.connect(&bob, None).await;

    let chosen = json!({
        "idle_after_ms": 60_000,
        "priorities": { "high": "everywhere" },
        "publishers": { "app-0000000000000001": { "loudest": 2 } },
        "quiet_times": [{ "days": ["sunday"], "from": "22:00", "to": "06:30" }],
        "time_zone": "Asia/Shanghai",
        "do_not_disturb": { "until": "2026-11-22T06:00:00Z" },
        "when_away": "hold",
        "read_receipts": true,
    });
    let answer = put(&server, "/v1/settings", &laptop, &chosen).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let expected = server.get("/v1/settings", &desk).await.json();
    assert_eq!(expected, answer.json());
    for (field, value) in [
        ("idle_after_ms", json!(60_000)),
        ("time_zone", json!("Asia/Shanghai")),
        ("when_away", json!("hold")),
        ("when_unknown", json!("both")),
        ("read_receipts", json!(true)),
    ] {
        assert_eq!(expected[field], value, "{field}");
    }
    for stream in [&mut one, &mut two] {
        assert_eq!(next_policy(stream).await.idle_after_ms, 60_000);
    }
    // Also where the threshold stays: whoever shows other choices asks for them again.
    let mut other = chosen.clone();
    other["read_receipts"] = json!(false);
    put(&server, "/v1/settings", &laptop, &other).await;
    for stream in [&mut one, &mut two] {
        assert_eq!(next_policy(stream).await.idle_after_ms, 60_000);
    }
    put(&server, "/v1/settings", &laptop, &chosen).await;
    let told = foreign.ping().await;
    assert!(told.is_empty(), "{told:?}");

    let server = {
        drop((one, two, foreign));
        server.restart().await
    };
    let (_stream, policy) = welcomed(&server, &desk).await;
    assert_eq!(policy.idle_after_ms, 60_000);
    assert_eq!(server.get("/v1/settings", &desk).await.json(), expected);
    let (_stream, policy) = welcomed(&server, &bob).await;
    assert_eq!(policy, Policy::default());
}

#[tokio::test]
async fn settings_that_changed_meanwhile_are_not_overwritten() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    let put_over = async |tag: &str, idle: u64| {
        let bearer = bearer(&session);
        let headers = [JSON, ("authorization", bearer.as_str()), ("if-match", tag)];
        let body = json!({ "idle_after_ms": idle }).to_string();
        server
            .request(Method::PUT, "/v1/settings", &headers, body)
            .await
    };
    let first = server.get("/v1/settings", &session).await;
    let tag = first.header("etag").to_owned();
    let chosen = put_over(&tag, 60_000).await;
    assert_eq!(chosen.status, 200, "{chosen:?}");
    for stale in [tag.as_str(), "\"another\"", "nonsense"] {
        let refused = put_over(stale, 90_000).await;
        assert_eq!(refused.problem(), (412, "changed".to_owned()), "{stale}");
    }
    let held = server.get("/v1/settings", &session).await;
    assert_eq!(held.json(), chosen.json());
    assert_eq!(held.header("etag"), chosen.header("etag"));
    let weak = format!("\"another\", W/{}", held.header("etag"));
    for (current, idle) in [(weak.as_str(), 70_000), ("*", 80_000)] {
        let kept = put_over(current, idle).await;
        assert_eq!(
            (kept.status, &kept.json()["idle_after_ms"]),
            (200, &json!(idle))
        );
    }
    // Whoever does not ask for it overwrites.
    let kept = put(&server, "/v1/settings", &session, &json!({})).await;
    assert_eq!(kept.status, 200);
}

#[tokio::test]
async fn settings_that_cannot_be_kept_are_refused_whole() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    for (body, code) in [
        (
            json!({ "idle_after_ms": 5, "read_receipts": true }),
            "invalid",
        ),
        (json!([]), "invalid"),
        (json!({ "time_zone": "Mars/Olympus" }), "invalid"),
        (json!({ "priorities": { "min": "loud" } }), "invalid"),
        (json!({ "when_away": "hould" }), "invalid"),
        (json!({ "when_unknown": 3 }), "invalid"),
    ] {
        let answer = put(&server, "/v1/settings", &session, &body).await;
        assert_eq!(answer.problem(), (422, code.to_owned()), "{body}");
    }
    let kept = server.get("/v1/settings", &session).await.json();
    assert_eq!(kept["read_receipts"], false);
}

#[tokio::test]
async fn a_new_sign_in_is_told_to_the_other_devices() {
    let server = Server::with_settings(Settings::default(), system_clock()).await;
    let first = sign_in_from(&server, "ada", "Laptop", "hither").await;
    let unused = sign_in_from(&server, "ada", "Phone", "hither").await;
    let (_quiet, backlog) = server.connect(&unused, None).await;
    assert!(backlog.frames.is_empty(), "set up together: {backlog:?}");
    let (mut stream, backlog) = server.connect(&first, None).await;
    assert!(backlog.frames.is_empty(), "nobody to tell: {backlog:?}");

    let mut again = credentials("ada", DeviceKind::Desktop);
    again["device"]["id"] = first.device_id.as_str().into();
    for application in ["example", "hither"] {
        again["application"]["name"] = application.into();
        server.sign_in_with(&again).await;
    }
    let (mut stream, _) = {
        stream.ends_with(CloseCode::SignInAgain).await;
        let session = server.sign_in_with(&again).await;
        server.connect(&session, None).await
    };
    assert!(stream.ping().await.is_empty(), "the same device");

    let second = sign_in_from(&server, "ada", "Somebody's phone", "hither").await;
    let ServerFrame::Message { message, .. } = stream.next().await else {
        panic!("no message");
    };
    assert_eq!(message.publisher.name, "Hither");
    assert!(message.publisher.id.as_str().starts_with("hither-"));
    assert_eq!(message.title, "New sign-in: Somebody's phone");
    let text = serde_json::to_string(&message).unwrap();
    for secret in [
        PASSWORD,
        second.access_token.expose(),
        &second.message_token,
    ] {
        assert!(!text.contains(secret), "{text}");
    }
    let mut wrong = credentials("ada", DeviceKind::Desktop);
    wrong["password"] = "wrong".into();
    server.post("/v1/sessions", &[], &wrong).await;
    assert!(stream.ping().await.is_empty(), "nobody came in");
}

#[tokio::test]
async fn whoever_signed_in_cannot_swallow_the_warning() {
    let timings = Timings {
        restart_grace: Duration::ZERO,
        ..Timings::default()
    };
    let settings = Settings {
        timings,
        ..Settings::default()
    };
    let server = Server::with_settings(settings, system_clock()).await;
    let own = sign_in_from(&server, "ada", "Laptop", "hither").await;
    server
        .connect_desktop(&own, PresenceState::Active)
        .await
        .close()
        .await;
    let intruder = sign_in_from(&server, "ada", "Intruder", "hither").await;
    let mut first = server
        .connect_desktop(&intruder, PresenceState::Active)
        .await;
    assert!(first.ping().await.is_empty(), "it is not told");
    let page = server.get("/v1/messages", &intruder).await.json();
    assert_eq!(page["messages"], json!([]));

    // Whatever it guesses.
    let page = server.get("/v1/messages", &own).await.json();
    let notice = &page["messages"][0];
    assert_eq!(notice["title"], "New sign-in: Intruder");
    let id: MessageId = notice["id"].as_str().unwrap().parse().unwrap();
    first.say(&shows(id)).await;
    first.say(&ClientFrame::Read { ids: vec![id] }).await;
    assert!(first.ping().await.is_empty());
    let path = format!("/v1/messages/{id}/trace");
    assert_eq!(server.get(&path, &intruder).await.status, 404);

    let presence = Some(presence(PresenceState::Active));
    let (mut stream, backlog) = server.connect_as(&own, None, presence).await;
    let told: Vec<_> = backlog
        .messages()
        .map(|one| (one.id, one.read_at))
        .collect();
    assert_eq!(told, [(id, None)]);
    match stream.next().await {
        ServerFrame::Alert { ids, .. } => assert_eq!(ids, [id]),
        other => panic!("it does not ring: {other:?}"),
    }
    // And while both are there.
    sign_in_from(&server, "ada", "Another", "hither").await;
    let (at_home, _) = (stream.next().await, first.ping().await);
    let ServerFrame::Message { alert, .. } = at_home else {
        panic!("{at_home:?}");
    };
    assert_eq!(alert, FirstAlert::Now);
}

#[tokio::test]
async fn nobody_publishes_as_the_server_itself() {
    let server = Server::start().await;
    let id = hither_server::store::SERVER_ITSELF;
    for secret in ["", "x"] {
        let token = format!("Bearer {id}.{secret}");
        let body = json!({ "to": { "accounts": ["ada"] }, "title": "trust me" });
        let answer = server
            .post("/v1/messages", &[("authorization", &token)], &body)
            .await;
        assert_eq!(answer.problem(), (401, "unauthenticated".to_owned()));
    }
    let publishers = server.store.publishers().await.unwrap();
    assert!(publishers.iter().all(|one| one.id.as_str() != id));
    let parsed = id.parse().unwrap();
    assert!(server.store.rotate_secret(&parsed, [1; 32]).await.is_err());
}

#[tokio::test]
async fn an_administrators_view_counts_what_is_there() {
    let server = Server::start().await;
    sign_in_from(&server, "ada", "Laptop", "hither").await;
    server.send("ada", "one").await;
    let (found, count) = server.store.account_overviews("a", 10).await.unwrap();
    assert_eq!((found.len(), count), (1, 1));
    assert_eq!(found[0].devices, 1);
    assert!(found[0].seen_at.is_some());
    let recent = server.store.recent_messages(10).await.unwrap();
    assert_eq!(
        (recent.len(), recent[0].receivers, recent[0].read),
        (1, 1, 0)
    );
    let extent = server.store.extent().await.unwrap();
    assert_eq!((extent.accounts, extent.publishers), (2, 1));
    assert!(extent.bytes > 0 && extent.free_bytes.is_some_and(|bytes| bytes > 0));
}

#[tokio::test]
async fn streams_are_told_when_it_is_quiet_and_what_comes_after() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    let (mut stream, policy) = welcomed(&server, &session).await;
    assert_eq!(policy.quiet, None);
    let later = Timestamp::now() + 12.hours();
    let clock = |time: Timestamp| time.strftime("%H:%M:%S").to_string();
    let quiet = |from, until| Some(Quiet { from, until });
    let second = |time: Timestamp| Timestamp::from_second(time.as_second()).ok();
    let comes_after = quiet(second(later), second(later + 1.hour()));
    // On a slow machine the first moments are over before the server knows of them.
    for seconds in [2, 10, 40] {
        let soon = Timestamp::from_second(Timestamp::now().as_second() + seconds).unwrap();
        let chosen = json!({
            "do_not_disturb": { "until": soon },
            "quiet_times": [{ "from": clock(later), "to": clock(later + 1.hour()) }],
            "time_zone": "UTC",
        });
        put(&server, "/v1/settings", &session, &chosen).await;
        let told = next_policy(&mut stream).await.quiet;
        if told == quiet(None, Some(soon)) {
            break;
        }
        assert_eq!(told, comes_after);
    }
    let told = next_policy(&mut stream).await.quiet;
    assert_eq!(told, comes_after);
    let (_stream, policy) = welcomed(&server, &session).await;
    assert_eq!(policy.quiet, told);
}
