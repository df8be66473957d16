//! Why messages alerted where they did, and that people's choices hold.

use std::time::Duration;

use hither_attention::Timings;
use hither_protocol::{
    AlertWhy, Because, ClientFrame, DeviceKind, FirstAlert, InactiveReason, MessageId, Outcome,
    Presence, PresenceState, Seat, ServerFrame, Session, Trace,
};
use hither_server::Settings;
use hyper::Method;
use jiff::{ToSpan, Zoned};
use serde_json::{Value, json};

use crate::harness::{
    PUBLISHER, SECRET, Server, Stream, bearer, credentials, presence, says, shows,
};

async fn trace(server: &Server, session: &Session, id: MessageId) -> Trace {
    let answer = server
        .get(&format!("/v1/messages/{id}/trace"), session)
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_str(&answer.body).unwrap()
}

/// What was decided about a message, and why.
async fn decided(server: &Server, session: &Session, id: MessageId) -> Vec<(Outcome, Because)> {
    let steps = trace(server, session, id).await.steps;
    let decisions = steps.iter().map(|step| &step.step.decision);
    decisions.map(|one| (one.outcome, one.because)).collect()
}

async fn named(server: &Server, name: &str, kind: DeviceKind) -> Session {
    let mut credentials = credentials("ada", kind);
    credentials["device"]["name"] = name.into();
    server.sign_in_with(&credentials).await
}

async fn choose(server: &Server, session: &Session, settings: &Value) {
    let bearer = bearer(session);
    let headers = [
        ("content-type", "application/json"),
        ("authorization", bearer.as_str()),
    ];
    let answer = server
        .request(Method::PUT, "/v1/settings", &headers, settings.to_string())
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// The next frame but for word of changed settings.
async fn next(stream: &mut Stream) -> ServerFrame {
    loop {
        match stream.next().await {
            ServerFrame::Policy { .. } => {}
            frame => return frame,
        }
    }
}

async fn message(stream: &mut Stream) -> (MessageId, FirstAlert) {
    match next(stream).await {
        ServerFrame::Message { message, alert, .. } => (message.id, alert),
        other => panic!("{other:?}"),
    }
}

async fn alert(stream: &mut Stream) -> (Vec<MessageId>, AlertWhy) {
    match next(stream).await {
        ServerFrame::Alert { ids, why, .. } => (ids, why),
        other => panic!("{other:?}"),
    }
}

fn locked() -> Presence {
    Presence {
        state: PresenceState::Inactive,
        reason: Some(InactiveReason::Locked),
        last_input_ms: Some(60_000),
    }
}

#[tokio::test]
async fn c3_c4_a_handover_is_explained_to_its_person() {
    let server = Server::start().await;
    let desk = named(&server, "Ada's laptop", DeviceKind::Desktop).await;
    let pocket = named(&server, "Ada's phone", DeviceKind::Mobile).await;
    let mut desktop = server.connect_desktop(&desk, PresenceState::Active).await;
    let (mut phone, _) = server.connect(&pocket, None).await;
    let id = server.send("ada", "hello").await;
    message(&mut desktop).await;
    message(&mut phone).await;
    desktop.say(&shows(id)).await;
    let presence = locked();
    desktop.say(&says(presence)).await;
    assert_eq!(alert(&mut phone).await, (vec![id], AlertWhy::Handover));

    for session in [&desk, &pocket] {
        let steps = trace(&server, session, id).await.steps;
        let [first, second] = &steps[..] else {
            panic!("{steps:?}");
        };
        assert!(first.step.at <= second.step.at);
        let (first_decision, second_decision) = (&first.step.decision, &second.step.decision);
        assert_eq!(first_decision.because, Because::Active);
        assert_eq!(first_decision.device.as_ref(), Some(&desk.device_id));
        let said = "Ada's laptop alerted: someone is there, active";
        assert!(first.text.starts_with(said), "{}", first.text);
        assert_eq!(second_decision.because, Because::Handover);
        assert_eq!(second_decision.device.as_ref(), Some(&pocket.device_id));
        let said = "Ada's phone alerted: handed over, shown elsewhere to nobody, with the person; \
                    Ada's laptop locked";
        assert!(second.text.starts_with(said), "{}", second.text);
        let mut facts = second_decision.facts.iter();
        let laptop = facts.find(|fact| fact.device == desk.device_id).unwrap();
        assert_eq!(laptop.seat, Seat::Inactive);
        assert_eq!(laptop.reason, Some(InactiveReason::Locked));
    }
}

#[tokio::test]
async fn a_trace_is_told_to_nobody_else() {
    let server = Server::start().await;
    let ada = server.sign_in("ada", DeviceKind::Desktop).await;
    let bob = server.sign_in("bob", DeviceKind::Desktop).await;
    let mut other = credentials("ada", DeviceKind::Desktop);
    other["application"]["name"] = "example".into();
    let other = server.sign_in_with(&other).await;
    let id = server.send("ada", "hello").await;
    let path = format!("/v1/messages/{id}/trace");
    let unknown = format!("/v1/messages/{}/trace", ada_never_got());
    let foreign = server.get(&path, &bob).await;
    assert_eq!(foreign.problem(), (404, "not_found".to_owned()));
    for path in [unknown.as_str(), "/v1/messages/x/trace"] {
        let answer = server.get(path, &ada).await;
        assert_eq!((answer.status, answer.body), (404, foreign.body.clone()));
    }
    assert_eq!(
        server.get(&path, &other).await.problem(),
        (403, "forbidden".to_owned())
    );
    let publisher = format!("Bearer {PUBLISHER}.{SECRET}");
    for headers in [&[("authorization", publisher.as_str())][..], &[]] {
        let answer = server.request(Method::GET, &path, headers, "").await;
        assert_eq!(answer.status, 401, "{answer:?}");
    }
    assert_eq!(server.get(&path, &ada).await.status, 200);
}

fn ada_never_got() -> MessageId {
    "0198f6f2-3c5e-7cc3-98c4-dc0c0c07398f".parse().unwrap()
}

#[tokio::test]
async fn what_was_decided_before_a_stop_is_known_after_it() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    let mut desktop = server
        .connect_desktop(&session, PresenceState::Active)
        .await;
    let id = server.send("ada", "hello").await;
    message(&mut desktop).await;
    // An answer comes after what was decided before.
    desktop.ping().await;
    let server = server.restart().await;
    assert_eq!(
        decided(&server, &session, id).await,
        [(Outcome::Alerted, Because::Active)]
    );
}

/// Devices had their time to come back.
fn started_long_ago() -> Settings {
    let timings = Timings {
        restart_grace: Duration::ZERO,
        ..Timings::default()
    };
    Settings {
        timings,
        ..Settings::default()
    }
}

#[tokio::test]
async fn a_choice_for_a_publisher_holds_after_a_restart() {
    let server = Server::with(started_long_ago()).await;
    let session = server.sign_in("ada", DeviceKind::Mobile).await;
    choose(
        &server,
        &session,
        &json!({ "publishers": { PUBLISHER: { "loudest": 2 } } }),
    )
    .await;
    let id = server.send("ada", "hello").await;
    let server = server.restart().await;
    let (mut phone, _) = server.connect(&session, None).await;
    assert_eq!(phone.ping().await, []);
    assert_eq!(
        decided(&server, &session, id).await,
        [(Outcome::Silent, Because::Quieted)]
    );
}

/// Quiet from an hour ago on, and until so many seconds from now.
async fn be_quiet(server: &Server, session: &Session, seconds: i64, urgent: bool) {
    let zone = "Asia/Kathmandu";
    let now = Zoned::now().in_tz(zone).unwrap();
    let (from, to) = (now.clone() - 1.hour(), now + seconds.seconds());
    let clock = |time: Zoned| time.strftime("%H:%M:%S").to_string();
    let settings = json!({
        "quiet_times": [{ "from": clock(from), "to": clock(to) }],
        "time_zone": zone,
        "urgent_breaks_through": urgent,
    });
    choose(server, session, &settings).await;
}

#[tokio::test]
async fn quiet_times_hold_back_and_end_on_time() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    let mut desktop = server
        .connect_desktop(&session, PresenceState::Active)
        .await;
    let urgent = json!({ "to": { "accounts": ["ada"] }, "title": "fire", "priority": 5 });

    be_quiet(&server, &session, 3600, true).await;
    let loud = server.send_as(&urgent).await;
    assert_eq!(message(&mut desktop).await, (loud, FirstAlert::Now));
    desktop.say(&shows(loud)).await;
    let first = server.send("ada", "hello").await;
    assert_eq!(message(&mut desktop).await, (first, FirstAlert::Silent));

    be_quiet(&server, &session, 3600, false).await;
    let second = server.send_as(&urgent).await;
    assert_eq!(message(&mut desktop).await, (second, FirstAlert::Silent));
    // What is for this device alone is held to the person's choices as well.
    let alone = json!({ "to": { "tokens": [session.message_token] }, "title": "hello" });
    let alone = server.send_as(&alone).await;
    assert_eq!(message(&mut desktop).await, (alone, FirstAlert::Silent));
    assert_eq!(desktop.ping().await, []);
    for held in [first, second] {
        assert_eq!(
            decided(&server, &session, held).await,
            [(Outcome::Waits, Because::Quiet)]
        );
    }

    be_quiet(&server, &session, 2, false).await;
    assert_eq!(
        alert(&mut desktop).await,
        (vec![first, second], AlertWhy::QuietEnded)
    );
    assert_eq!(
        decided(&server, &session, first).await[1..],
        [(Outcome::Alerted, Because::QuietEnded)]
    );
}

#[tokio::test]
async fn what_came_while_no_device_was_there_is_explained() {
    let server = Server::with(started_long_ago()).await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    let id = server.send("ada", "hello").await;
    let low = json!({ "to": { "accounts": ["ada"] }, "title": "by the way", "priority": 2 });
    let low = server.send_as(&low).await;
    let alone = json!({ "to": { "tokens": [session.message_token] }, "title": "hello" });
    let alone = server.send_as(&alone).await;
    be_quiet(&server, &session, 3600, false).await;
    let late = server.send("ada", "late").await;
    for (id, expected) in [
        (low, (Outcome::Silent, Because::Quieted)),
        (alone, (Outcome::Silent, Because::NobodyReachable)),
        (late, (Outcome::Waits, Because::Quiet)),
    ] {
        assert_eq!(decided(&server, &session, id).await, [expected]);
    }
    be_quiet(&server, &session, -1800, false).await;
    let steps = trace(&server, &session, id).await.steps;
    assert_eq!(steps.len(), 1);
    assert_eq!(steps[0].text, "waits: nobody can be reached");
    let page = server.get("/v1/messages", &session).await.json();
    assert_eq!(page["messages"][0]["created_at"], json!(steps[0].step.at));

    // What is decided later is all there is to say.
    let mut desktop = server
        .connect_desktop(&session, PresenceState::Active)
        .await;
    let (mut rung, _) = alert(&mut desktop).await;
    rung.sort_unstable();
    assert_eq!(rung, [id, late]);
    let steps = decided(&server, &session, id).await;
    assert_eq!(steps.last(), Some(&(Outcome::Alerted, Because::Waiting)));
    let read = ClientFrame::Read { ids: vec![low] };
    desktop.say(&read).await;
    desktop.ping().await;
    let settled = decided(&server, &session, low).await;
    assert_eq!(settled, [(Outcome::Silent, Because::Quieted)]);
}

#[tokio::test]
async fn what_is_for_one_client_is_explained() {
    let server = Server::start().await;
    let session = named(&server, "Ada's laptop", DeviceKind::Desktop).await;
    let mut desktop = server
        .connect_desktop(&session, PresenceState::Active)
        .await;
    let send = async |priority: u8| {
        let to = json!({ "tokens": [session.message_token] });
        let body = json!({ "to": to, "title": "hello", "priority": priority });
        server.send_as(&body).await
    };
    let loud = send(3).await;
    assert_eq!(message(&mut desktop).await, (loud, FirstAlert::Now));
    let quiet = send(2).await;
    assert_eq!(message(&mut desktop).await, (quiet, FirstAlert::Never));
    let away = presence(PresenceState::Inactive);
    desktop.say(&says(away)).await;
    let away = send(3).await;
    assert_eq!(message(&mut desktop).await, (away, FirstAlert::Silent));
    let urgent = send(5).await;
    assert_eq!(message(&mut desktop).await, (urgent, FirstAlert::Now));
    be_quiet(&server, &session, 3600, true).await;
    let held = send(3).await;
    assert_eq!(message(&mut desktop).await, (held, FirstAlert::Silent));
    let steps = trace(&server, &session, loud).await.steps;
    assert_eq!(
        steps[0].text,
        "Ada's laptop alerted: it was sent to this device alone"
    );
    for (id, expected) in [
        (loud, (Outcome::Alerted, Because::Addressed)),
        (quiet, (Outcome::Silent, Because::Quieted)),
        (away, (Outcome::Silent, Because::NobodyAtADesktop)),
        (held, (Outcome::Silent, Because::Quiet)),
    ] {
        assert_eq!(decided(&server, &session, id).await, [expected]);
    }
}
