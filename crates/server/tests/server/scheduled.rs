//! What a publisher wants to come later.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use hither_protocol::{DeviceKind, ServerFrame, Timestamp};
use hither_server::Settings;
use hither_server::store::Clock;
use hyper::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, PUBLISHER, SECRET, Server};

fn in_ms(ms: i64) -> Timestamp {
    let now = Timestamp::now().as_millisecond();
    Timestamp::from_millisecond(now + ms).unwrap()
}

fn later(at: Timestamp) -> Value {
    json!({ "to": { "accounts": ["ada"] }, "title": "later", "deliver_at": at })
}

/// The system's clock, and how far a test sets it forward.
fn clock() -> (Clock, Arc<AtomicI64>) {
    let ahead = Arc::<AtomicI64>::default();
    let hands = Arc::clone(&ahead);
    (Arc::new(move || in_ms(hands.load(Ordering::SeqCst))), ahead)
}

impl Server {
    async fn as_publisher(&self, method: Method, path: &str) -> Answer {
        let token = format!("Bearer {PUBLISHER}.{SECRET}");
        let headers = [("authorization", token.as_str())];
        self.request(method, path, &headers, "").await
    }

    async fn scheduled(&self) -> String {
        let metrics = self.request(Method::GET, "/metrics", &[], "").await;
        let found = metrics
            .body
            .lines()
            .find_map(|line| line.strip_prefix("hither_messages_scheduled "));
        found.unwrap().to_owned()
    }
}

#[tokio::test]
async fn what_is_scheduled_arrives_at_its_time_and_is_nowhere_before() {
    let mut settings = Settings::default();
    settings.metrics.on_main = true;
    let server = Server::with(settings).await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    let (mut stream, _) = server.connect(&session, None).await;
    let far = server.send_as(&later(in_ms(3_600_000))).await;
    let path = format!("/v1/messages/{far}");
    let states = server.as_publisher(Method::GET, &path).await.json();
    assert!(states["deliver_at"].is_string(), "{states}");
    assert_eq!(states["counts"]["stored"], 1);
    assert_eq!(states["receivers"], json!([]));
    let listed = server.get("/v1/messages", &session).await.json();
    assert_eq!(listed["messages"], json!([]));
    assert_eq!(
        server.get(&format!("{path}/trace"), &session).await.status,
        404
    );
    assert_eq!(server.scheduled().await, "1");

    let at = in_ms(200);
    let soon = server.send_as(&later(at)).await;
    let ServerFrame::Message { message, .. } = stream.next().await else {
        panic!("no message");
    };
    assert_eq!(message.id, soon);
    assert!(message.created_at >= at, "{message:?}");
    let states = server
        .as_publisher(Method::GET, &format!("/v1/messages/{soon}"))
        .await
        .json();
    assert_eq!(states["deliver_at"], Value::Null);
    assert_eq!(states["receivers"][0]["account"], "ada");
    assert_eq!(server.scheduled().await, "1");

    for _ in 0..2 {
        let recalled = server.as_publisher(Method::DELETE, &path).await;
        assert_eq!(recalled.status, 204);
    }
    let states = server.as_publisher(Method::GET, &path).await.json();
    assert_eq!(states["withdrawn"], "recalled");
    assert_eq!(states["deliver_at"], Value::Null);
    assert_eq!(server.scheduled().await, "0");
    assert_eq!(stream.ping().await, []);
}

#[tokio::test]
async fn what_was_due_while_the_server_was_away_comes_when_it_is_back() {
    let (clock, ahead) = clock();
    let server = Server::with_clock(Settings::default(), clock).await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    let id = server.send_as(&later(in_ms(3_600_000))).await;
    let server = server.restart().await;
    let listed = server.get("/v1/messages", &session).await.json();
    assert_eq!(listed["messages"], json!([]));
    ahead.store(3_700_000, Ordering::SeqCst);
    let server = server.restart().await;
    let (mut stream, backlog) = server.connect(&session, None).await;
    let came = backlog.messages().next().map(|message| message.id);
    let came = match came {
        Some(came) => came,
        // It came while the stream was open.
        None => match stream.next().await {
            ServerFrame::Message { message, .. } => message.id,
            other => panic!("{other:?}"),
        },
    };
    assert_eq!(came, id);
    ahead.store(0, Ordering::SeqCst);
    let server = server.restart().await;
    let listed = server.get("/v1/messages", &session).await.json();
    assert_eq!(listed["messages"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_time_has_bounds() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    for at in [json!("tomorrow"), json!(1), json!(in_ms(367 * 86_400_000))] {
        let mut message = later(in_ms(0));
        message["deliver_at"] = at.clone();
        let answer = server.publish(&message).await;
        assert_eq!(answer.problem(), (422, "invalid".to_owned()), "{at}");
    }
    server.send_as(&later(in_ms(-86_400_000))).await;
    let listed = server.get("/v1/messages", &session).await.json();
    assert_eq!(listed["messages"].as_array().unwrap().len(), 1, "at once");
    server.send_as(&later(in_ms(365 * 86_400_000))).await;
}

#[tokio::test]
async fn a_repeat_of_what_waits_gets_the_first_answer() {
    let server = Server::start().await;
    let key = [("idempotency-key", "reminder")];
    let message = later(in_ms(3_600_000));
    let first = server.publish_with(&key, &message).await;
    let again = server.publish_with(&key, &message).await;
    assert_eq!((first.status, &first.body), (201, &again.body));
    let nobody =
        json!({ "to": { "accounts": ["eve"] }, "deliver_at": in_ms(3_600_000), "title": "x" });
    let answer = server.publish(&nobody).await;
    assert_eq!(answer.problem(), (422, "no_receivers".to_owned()));
}
