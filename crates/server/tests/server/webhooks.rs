//! Publishers are told what becomes of their messages, wherever they listen.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU16, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use hither_protocol::{ClientFrame, DeviceKind, MessageId, Timestamp};
use hither_server::store::{Change, Clock, MAX_WAITING, Publishers as _, Schedule as _};
use hither_server::{Limits, Settings};
use hyper::Method;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

use crate::harness::{Answer, PATIENCE, PUBLISHER, SECRET, Server, observed, until};

/// What a receiver was posted.
struct Heard {
    id: String,
    body: Value,
}

impl Heard {
    /// Type, account and action.
    fn words(&self) -> String {
        let data = &self.body["data"];
        let words = [&self.body["type"], &data["account"], &data["action"]];
        let words: Vec<_> = words.iter().filter_map(|word| word.as_str()).collect();
        words.join(" ")
    }

    fn is_about(&self, id: MessageId) -> bool {
        self.body["data"]["message_id"] == id.to_string()
    }
}

/// A publisher's own server on loopback.
struct Receiver {
    address: SocketAddr,
    heard: mpsc::UnboundedReceiver<Heard>,
    door: Arc<Door>,
}

struct Door {
    /// What is answered.
    status: AtomicU16,
    /// Answers that may be given.
    open: Semaphore,
    heard: mpsc::UnboundedSender<Heard>,
}

impl Receiver {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, heard) = mpsc::unbounded_channel();
        let door = Arc::new(Door {
            status: AtomicU16::new(204),
            open: Semaphore::new(Semaphore::MAX_PERMITS),
            heard: sender,
        });
        let routes = Router::new()
            .route("/hook", post(hear))
            .with_state(Arc::clone(&door));
        tokio::spawn(async { axum::serve(listener, routes).await.unwrap() });
        Self {
            address,
            heard,
            door,
        }
    }

    fn answer(&self, status: u16) {
        self.door.status.store(status, Ordering::SeqCst);
    }

    fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    async fn next(&mut self) -> Heard {
        let heard = timeout(PATIENCE, self.heard.recv()).await;
        heard.expect("somebody posts").unwrap()
    }

    async fn words(&mut self, count: usize) -> Vec<String> {
        let mut words = Vec::new();
        for _ in 0..count {
            words.push(self.next().await.words());
        }
        words
    }
}

async fn hear(State(door): State<Arc<Door>>, headers: HeaderMap, body: String) -> StatusCode {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/json");
    assert!(header("webhook-signature").starts_with("v1,"));
    let seconds: i64 = header("webhook-timestamp").parse().unwrap();
    assert!((Timestamp::now().as_second() - seconds).abs() < 300);
    let heard = Heard {
        id: header("webhook-id"),
        body: serde_json::from_str(&body).unwrap(),
    };
    door.heard.send(heard).unwrap();
    let _turn = door.open.acquire().await.unwrap();
    StatusCode::from_u16(door.status.load(Ordering::SeqCst)).unwrap()
}

/// A clock that a test sets.
#[derive(Clone)]
struct Hands(Arc<AtomicI64>);

impl Hands {
    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(Timestamp::now().as_millisecond())))
    }

    fn clock(&self) -> Clock {
        let hands = Arc::clone(&self.0);
        Arc::new(move || Timestamp::from_millisecond(hands.load(Ordering::SeqCst)).unwrap())
    }

    fn turn(&self, seconds: i64) {
        self.0.fetch_add(1000 * seconds, Ordering::SeqCst);
    }

    fn after(&self, seconds: i64) -> Timestamp {
        let now = self.0.load(Ordering::SeqCst);
        Timestamp::from_millisecond(now + 1000 * seconds).unwrap()
    }
}

fn settings() -> Settings {
    Settings {
        outbound_allow: vec!["127.0.0.1".parse().unwrap()],
        ..observed()
    }
}

async fn ask(server: &Server, method: Method, path: &str, body: &Value) -> Answer {
    let token = format!("Bearer {PUBLISHER}.{SECRET}");
    let headers = [
        ("authorization", token.as_str()),
        ("content-type", "application/json"),
    ];
    let path = format!("/v1/webhooks{path}");
    server
        .request(method, &path, &headers, body.to_string())
        .await
}

/// The id of a new webhook.
async fn register(server: &Server, receiver: &Receiver) -> String {
    let body = json!({ "url": receiver.url() });
    let answer = ask(server, Method::POST, "", &body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["id"].as_str().unwrap().to_owned()
}

async fn show(server: &Server, id: &str) -> Value {
    let answer = ask(server, Method::GET, &format!("/{id}"), &json!({})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// The webhook, once it is as wanted.
async fn wait_for(server: &Server, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    until("the webhook as wanted", async || {
        Some(show(server, id).await).filter(&wanted)
    })
    .await
}

async fn metric(server: &Server, name: &str) -> String {
    server.samples().await[name].to_string()
}

#[tokio::test]
async fn states_and_the_action_arrive() {
    let mut receiver = Receiver::open().await;
    let server = Server::with(settings()).await;
    let id = register(&server, &receiver).await;
    let ada = server.sign_in("ada", DeviceKind::Mobile).await;
    let (mut stream, _) = server.connect(&ada, None).await;
    let message = json!({
        "to": { "accounts": ["ada"] }, "title": "Deploy?",
        "actions": [{ "id": "yes", "label": "Yes" }],
    });
    let message = server.send_as(&message).await;
    let stored = receiver.next().await;
    assert_eq!(stored.words(), "message.stored ada");
    assert!(stored.is_about(message), "{}", stored.body);
    let timestamp = stored.body["timestamp"].as_str().unwrap();
    assert!(timestamp.parse::<Timestamp>().is_ok());
    let fields: Vec<_> = stored.body.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["data", "timestamp", "type"]);

    let ids = vec![message];
    stream
        .say(&ClientFrame::Shown {
            ids: ids.clone(),
            stays: false,
        })
        .await;
    let action = "yes".to_owned();
    stream
        .say(&ClientFrame::Action {
            id: message,
            action,
        })
        .await;
    // Nothing of this is told: the person did not allow it.
    stream.say(&ClientFrame::Read { ids }).await;
    stream.ping().await;
    let recalled = format!("/v1/messages/{message}");
    let token = format!("Bearer {PUBLISHER}.{SECRET}");
    let headers = [("authorization", token.as_str())];
    let answer = server
        .request(Method::DELETE, &recalled, &headers, "")
        .await;
    assert_eq!(answer.status, 204);
    let expected = [
        "message.delivered ada",
        "message.shown ada",
        "message.action ada yes",
        "message.recalled",
    ];
    assert_eq!(receiver.words(4).await, expected);

    let shown = wait_for(&server, &id, |it| it["waiting"] == 0).await;
    assert_eq!(
        (&shown["condition"], &shown["dropped"]),
        (&json!("active"), &json!(0))
    );
    assert!(shown["last_delivered_at"].is_string() && shown.get("secret").is_none());
    assert_eq!(
        metric(&server, "hither_webhook_events_queued_total").await,
        "5"
    );
    let delivered = "hither_webhook_posts_total{result=\"delivered\"}";
    assert_eq!(metric(&server, delivered).await, "5");
}

#[tokio::test]
async fn a_refusal_says_what_a_publish_at_that_time_is_told() {
    let mut receiver = Receiver::open().await;
    let hands = Hands::new();
    let server = Server::with_clock(settings(), hands.clock()).await;
    register(&server, &receiver).await;
    let at = hands.after(3600);
    let loud = json!({ "to": { "accounts": ["ada"] }, "title": "Secret", "priority": 5 });
    let paged = json!({ "to": { "everyone": true }, "title": "Secret", "html": "<p>Secret" });
    let mut later = [loud.clone(), paged.clone()];
    let mut ids = Vec::new();
    for (message, key) in later.iter_mut().zip(["alarm", "page"]) {
        message["deliver_at"] = json!(at);
        message["key"] = json!(key);
        ids.push(server.send_as(message).await);
    }
    let less = Change {
        urgent: true,
        html: true,
        ..Change::default()
    };
    let publisher = PUBLISHER.parse().unwrap();
    server.store.narrow(&publisher, less).await.unwrap();
    hands.turn(3600);
    server.store.release().await.unwrap();

    for (now, (id, key, what)) in [loud, paged]
        .iter()
        .zip([(ids[0], "alarm", "urgent"), (ids[1], "page", "html")])
    {
        let refused = server.publish(now).await.json();
        let told = loop {
            let heard = receiver.next().await;
            if heard.words() == "message.refused" {
                break heard;
            }
        };
        assert!(told.is_about(id), "{}", told.body);
        let expected = json!({
            "message_id": id,
            "key": key,
            "deliver_at": format!("{at:.3}"),
            "refused": [{ "what": what, "code": refused["code"], "detail": refused["detail"] }],
        });
        assert_eq!(told.body["data"], expected);
        assert!(refused["detail"].is_string());
    }
}

#[tokio::test]
async fn what_did_not_arrive_comes_later_and_in_order() {
    let mut receiver = Receiver::open().await;
    let hands = Hands::new();
    let server = Server::with_clock(settings(), hands.clock()).await;
    let id = register(&server, &receiver).await;
    // A redirect is no success, and is not followed.
    receiver.answer(307);
    server.send("ada", "first").await;
    let first = receiver.next().await;
    wait_for(&server, &id, |it| it["last_failure"] == "answered 307").await;
    receiver.answer(503);
    server.send("bob", "second").await;
    let second = receiver.next().await;
    let failing = wait_for(&server, &id, |it| it["last_failure"] == "answered 503").await;
    assert_eq!(
        (&failing["condition"], &failing["waiting"]),
        (&json!("failing"), &json!(2))
    );
    assert_eq!(metric(&server, "hither_webhooks_failing").await, "1");
    assert_eq!(metric(&server, "hither_webhook_events_waiting").await, "2");

    receiver.answer(200);
    let server = server.restart().await;
    hands.turn(60);
    server.send("ada", "third").await;
    assert_eq!(receiver.next().await.id, first.id);
    assert_eq!(receiver.next().await.id, second.id);
    assert_eq!(receiver.next().await.words(), "message.stored ada");
    wait_for(&server, &id, |it| it["condition"] == "active").await;
    assert_eq!(metric(&server, "hither_webhooks_failing").await, "0");
}

#[tokio::test]
async fn what_nobody_takes_for_days_is_dropped() {
    let mut receiver = Receiver::open().await;
    receiver.answer(500);
    let hands = Hands::new();
    let settings = Settings {
        old_events_stay: Duration::ZERO,
        ..settings()
    };
    let server = Server::with_clock(settings, hands.clock()).await;
    let id = register(&server, &receiver).await;
    server.send("ada", "first").await;
    receiver.next().await;
    wait_for(&server, &id, |it| it["last_failure"].is_string()).await;
    hands.turn(3 * 24 * 3600 + 1);
    receiver.answer(204);
    let second = server.send("ada", "second").await;
    assert!(receiver.next().await.is_about(second));
    let shown = wait_for(&server, &id, |it| it["waiting"] == 0).await;
    assert_eq!(shown["dropped"], 1);
    let dropped = "hither_webhook_events_dropped_total{reason=\"old\"}";
    assert_eq!(metric(&server, dropped).await, "1");
}

#[tokio::test]
async fn what_waited_while_the_server_was_away_for_days_is_tried() {
    let mut receiver = Receiver::open().await;
    receiver.answer(500);
    let hands = Hands::new();
    let server = Server::with_clock(settings(), hands.clock()).await;
    let id = register(&server, &receiver).await;
    server.send("ada", "first").await;
    let first = receiver.next().await;
    wait_for(&server, &id, |it| it["last_failure"].is_string()).await;
    let (settings, folder) = server.stop().await;
    hands.turn(10 * 24 * 3600);
    let server = Server::run(settings, folder, hands.clock()).await;
    // Once more at least, and not only once: the receiver is not back yet.
    assert_eq!(receiver.next().await.id, first.id);
    let failing = wait_for(&server, &id, |it| it["condition"] == "failing").await;
    assert_eq!(
        (&failing["waiting"], &failing["dropped"]),
        (&json!(1), &json!(0))
    );
    receiver.answer(204);
    hands.turn(60);
    server.send("bob", "second").await;
    assert_eq!(receiver.next().await.id, first.id);
    let shown = wait_for(&server, &id, |it| it["waiting"] == 0).await;
    assert_eq!(shown["dropped"], 0);
}

/// As on a full disk: the event cannot be taken out of the database.
#[tokio::test]
async fn what_cannot_be_noted_as_arrived_is_not_posted_again() {
    let mut receiver = Receiver::open().await;
    let server = Server::with(settings()).await;
    let id = register(&server, &receiver).await;
    let conn = server.database();
    conn.execute_batch(
        "CREATE TRIGGER full BEFORE DELETE ON webhook_events
         BEGIN SELECT RAISE(ABORT, 'no room'); END",
    )
    .unwrap();
    server.send("ada", "first").await;
    receiver.next().await;
    let posted = "hither_webhook_posts_total{result=\"delivered\"}";
    server.wait_for_sample(posted, |count| count > 0.5).await;
    // What the store is asked after it shows that the store refused it.
    server.send("bob", "second").await;
    assert_eq!(show(&server, &id).await["waiting"], 2);
    conn.execute_batch("DROP TRIGGER full").unwrap();
    wait_for(&server, &id, |it| it["waiting"] == 0).await;
    assert!(receiver.next().await.body.to_string().contains("bob"));
    assert!(receiver.heard.try_recv().is_err(), "once each");
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_asked_no_more_until_a_test() {
    let mut receiver = Receiver::open().await;
    let server = Server::with(settings()).await;
    let id = register(&server, &receiver).await;
    receiver.answer(410);
    server.send("ada", "first").await;
    receiver.next().await;
    wait_for(&server, &id, |it| it["condition"] == "disabled").await;
    assert_eq!(
        metric(&server, "hither_webhook_posts_total{result=\"gone\"}").await,
        "1"
    );
    receiver.answer(204);
    server.send("ada", "second").await;
    let answer = ask(&server, Method::POST, &format!("/{id}/test"), &json!({})).await;
    assert_eq!(answer.status, 202);
    assert_eq!(receiver.next().await.words(), "webhook.test");
    wait_for(&server, &id, |it| it["condition"] == "active").await;
}

#[tokio::test]
async fn stopping_waits_for_what_is_under_way() {
    let mut receiver = Receiver::open().await;
    let server = Server::with(settings()).await;
    let id = register(&server, &receiver).await;
    let door = Arc::clone(&receiver.door);
    door.open.forget_permits(Semaphore::MAX_PERMITS);
    server.send("ada", "first").await;
    receiver.next().await;
    let address = server.address;
    let stopping = tokio::spawn(server.stop());
    // It takes no connections any more, and waits for the answer.
    while TcpStream::connect(address).await.is_ok() {}
    door.open.add_permits(1);
    let (settings, folder) = stopping.await.unwrap();
    let clock = hither_server::store::system_clock();
    let server = Server::run(settings, folder, clock).await;
    let shown = show(&server, &id).await;
    assert_eq!(
        (&shown["waiting"], shown.get("last_failure")),
        (&json!(0), None)
    );
}

#[tokio::test]
async fn a_webhook_leads_nowhere_inside() {
    let server = Server::with(Settings::default()).await;
    for url in [
        "http://127.0.0.1:80/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://1.1.1.1:8443/",
        "http://1.1.1.1/",
        "https://user:secret@1.1.1.1/",
        "https://nowhere.invalid/",
        "ftp://1.1.1.1/",
        "hook",
        "",
    ] {
        let answer = ask(&server, Method::POST, "", &json!({ "url": url })).await;
        assert_eq!(answer.problem(), (422, "invalid".to_owned()), "{url}");
        assert!(!answer.body.contains("127.0.0.1"), "{answer:?}");
    }
    for (url, says) in [
        ("https://1.1.1.1:8443/", "port"),
        ("http://1.1.1.1/", "must begin with https://"),
    ] {
        let answer = ask(&server, Method::POST, "", &json!({ "url": url })).await;
        assert!(answer.body.contains(says), "{url}: {}", answer.body);
    }
    // Whether a name means something inside is not told.
    let mut alike = Vec::new();
    for url in ["https://localhost/", "https://nowhere.invalid/"] {
        let answer = ask(&server, Method::POST, "", &json!({ "url": url })).await;
        alike.push(answer.json()["detail"].clone());
    }
    assert!(alike[0].to_string().contains("no public address"));
    assert_eq!(alike[0], alike[1]);
    let answer = ask(
        &server,
        Method::POST,
        "",
        &json!({ "url": "https://1.1.1.1/" }),
    )
    .await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

/// As when a name leads elsewhere than at its registration.
#[tokio::test]
async fn where_it_leads_is_looked_at_again_when_something_is_sent() {
    let mut receiver = Receiver::open().await;
    let server = Server::with(settings()).await;
    let id = register(&server, &receiver).await;
    let (settings, folder) = server.stop().await;
    let settings = Settings {
        outbound_allow: Vec::new(),
        ..settings
    };
    let clock = hither_server::store::system_clock();
    let server = Server::run(settings, folder, clock).await;
    server.send("ada", "hello").await;
    let shown = wait_for(&server, &id, |it| it["last_failure"].is_string()).await;
    assert_eq!(shown["last_failure"], "leads to no public address");
    assert!(receiver.heard.try_recv().is_err(), "somebody connected");
}

#[tokio::test]
async fn a_webhook_is_made_shown_changed_and_removed() {
    let mut receiver = Receiver::open().await;
    let server = Server::with(settings()).await;
    let url = receiver.url();
    let events = json!(["message.read", "message.action"]);
    let body = json!({ "url": url, "events": events });
    let made = ask(&server, Method::POST, "", &body).await.json();
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_"), "{secret}");
    let (id, at) = (made["id"].as_str().unwrap(), &made["created_at"]);
    let shown = json!({
        "id": id, "url": url, "events": events, "created_at": at,
        "condition": "active", "waiting": 0, "dropped": 0,
    });
    assert_eq!(show(&server, id).await, shown);
    let all = ask(&server, Method::GET, "", &json!({})).await.json();
    assert_eq!(all, json!({ "webhooks": [shown] }));

    let rotated = ask(&server, Method::POST, &format!("/{id}/secret"), &json!({})).await;
    assert_ne!(rotated.json()["secret"], json!(secret));
    // It wants neither.
    server.send("ada", "hello").await;
    ask(&server, Method::POST, &format!("/{id}/test"), &json!({})).await;
    assert_eq!(receiver.next().await.words(), "webhook.test");

    let gone = ask(&server, Method::DELETE, &format!("/{id}"), &json!({})).await;
    assert_eq!(gone.status, 204);
    let not_found = (404, "not_found".to_owned());
    for (method, path) in [
        (Method::GET, ""),
        (Method::DELETE, ""),
        (Method::POST, "/secret"),
        (Method::POST, "/test"),
    ] {
        let answer = ask(&server, method, &format!("/{id}{path}"), &json!({})).await;
        assert_eq!(answer.problem(), not_found);
    }
    for wrong in [
        json!({}),
        json!({ "url": url, "events": [] }),
        json!({ "url": url, "events": ["message.rerouted"] }),
        json!({ "url": format!("{url}?{}", "x".repeat(2048)) }),
    ] {
        let answer = ask(&server, Method::POST, "", &wrong).await;
        assert_eq!(answer.problem(), (422, "invalid".to_owned()), "{wrong}");
    }
    let newer = json!({ "url": url, "of_a_later_version": true });
    let answer = ask(&server, Method::POST, "", &newer).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    for _ in 1..Limits::DEFAULT.webhooks_per_publisher {
        register(&server, &receiver).await;
    }
    let answer = ask(&server, Method::POST, "", &body).await;
    assert_eq!(answer.problem(), (422, "invalid".to_owned()));
    let answer = server.request(Method::GET, "/v1/webhooks", &[], "").await;
    assert_eq!(answer.problem(), (401, "unauthenticated".to_owned()));
}

#[tokio::test]
async fn what_waits_for_one_webhook_has_a_bound() {
    let receiver = Receiver::open().await;
    let server = Server::with(settings()).await;
    let id = register(&server, &receiver).await;
    let full = "UPDATE webhooks SET waiting = ?1";
    server.database().execute(full, [MAX_WAITING]).unwrap();
    server.send("ada", "one too many").await;
    let shown = show(&server, &id).await;
    assert_eq!(
        (&shown["waiting"], &shown["dropped"]),
        (&json!(MAX_WAITING), &json!(1))
    );
    let dropped = "hither_webhook_events_dropped_total{reason=\"full\"}";
    server.wait_for_sample(dropped, |count| count > 0.5).await;
}
