//! ntfy's API, as its clients use it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hither_protocol::{DeviceKind, ServerFrame, Timestamp};
use hither_server::Settings;
use hither_server::secret;
use hither_server::store::{
    Grant, Grantee, PublisherRecord, Publishers as _, Right, Schedule as _, Store as _,
    TopicAccess, Topics as _,
};
use hyper::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Lines, PASSWORD, PUBLISHER, SECRET, Server, bearer, observed};

const OTHER: &str = "app-0000000000000002";

fn publisher() -> String {
    format!("Bearer {PUBLISHER}.{SECRET}")
}

fn basic(name: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{secret}")))
}

fn ada() -> String {
    basic("ada", PASSWORD)
}

/// Code and status of an error in ntfy's form.
fn refused(answer: &Answer) -> u64 {
    let error = answer.json();
    assert_eq!(error["http"], answer.status, "{answer:?}");
    assert!(!error["error"].as_str().unwrap().is_empty());
    error["code"].as_u64().unwrap()
}

impl Server {
    async fn ask(
        &self,
        method: Method,
        path: &str,
        credentials: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut all = headers.to_vec();
        if !credentials.is_empty() {
            all.push(("authorization", credentials));
        }
        self.request(method, path, &all, body.to_owned()).await
    }

    /// Publishes, and answers the message.
    async fn put(&self, topic: &str, headers: &[(&str, &str)], body: &str) -> Value {
        let path = format!("/{topic}");
        let answer = self
            .ask(Method::POST, &path, &publisher(), headers, body)
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// What is there.
    async fn poll(&self, path: &str, credentials: &str) -> Vec<Value> {
        let answer = self.ask(Method::GET, path, credentials, &[], "").await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let lines = answer.body.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    async fn texts(&self, path: &str) -> Vec<String> {
        let messages = self.poll(path, &ada()).await;
        let messages = messages.iter().filter(|line| line["event"] == "message");
        let text = |message: &Value| message["message"].as_str().unwrap().to_owned();
        messages.map(text).collect()
    }

    async fn second_publisher(&self) -> String {
        let publisher = PublisherRecord::new(
            OTHER.parse().unwrap(),
            "Other".to_owned(),
            vec![secret::hash(SECRET)],
            hither_protocol::Timestamp::now(),
        );
        self.store.add_publisher(publisher).await.unwrap();
        format!("Bearer {OTHER}.{SECRET}")
    }

    async fn let_account(&self, name: &str, topic: &str, may: Right) {
        let to = Grantee::Account(name.parse().unwrap());
        let topic = topic.parse().unwrap();
        self.store.grant(&topic, Grant { to, may }).await.unwrap();
    }
}

#[tokio::test]
async fn every_way_of_publishing_arrives() {
    let server = Server::start().await;
    let json = r#"{"topic":"t","message":"6","title":"T","priority":4,"tags":["a"]}"#;
    for (method, path, headers, body) in [
        (Method::POST, "/t", &[][..], "1"),
        (Method::PUT, "/t", &[], "2"),
        (Method::GET, "/t/publish?message=3", &[], ""),
        (Method::GET, "/t/send?m=4", &[("title", "T")], ""),
        (Method::GET, "/t/trigger", &[], ""),
        (
            Method::POST,
            "/",
            &[("content-type", "application/json")],
            json,
        ),
        (Method::PUT, "/", &[], json),
        (Method::POST, "/t?title=T", &[("m", "ignored")], "8"),
        (Method::POST, "/t/disk", &[("Tags", "cd")], "9"),
    ] {
        let answer = server.ask(method, path, &publisher(), headers, body).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let message = answer.json();
        assert_eq!(message["topic"], "t");
        assert_eq!(message["event"], "message");
        assert!(message["time"].as_i64().unwrap() > 1_700_000_000);
    }
    let texts = server.texts("/t/json?poll=1").await;
    assert_eq!(texts, ["1", "2", "3", "4", "triggered", "6", "6", "8", "9"]);
    let last = server.poll("/t/json?poll=1&message=9", &ada()).await;
    assert_eq!(last[0]["sequence_id"], "disk");
    assert_eq!(last[0]["tags"], json!(["cd"]));
}

#[tokio::test]
async fn a7_a_topics_message_reaches_its_subscribers_in_hither_with_its_topic() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    let bearer = bearer(&session);
    let headers = [("authorization", bearer.as_str())];
    let answer = server
        .request(Method::PUT, "/v1/subscriptions/alerts", &headers, "")
        .await;
    assert_eq!(answer.status, 204, "{answer:?}");
    let (mut stream, _) = server.connect(&session, None).await;
    let headers = [
        ("Title", "Disk"),
        ("Priority", "urgent"),
        ("Click", "https://x.org"),
        ("Markdown", "1"),
        (
            "Actions",
            "view, Open, https://x.org/open; http, Door, https://x.org/door",
        ),
    ];
    let sent = server.put("alerts", &headers, "**full**").await;
    let ServerFrame::Message { message, .. } = stream.next().await else {
        panic!("no message");
    };
    let got = serde_json::to_value(&message).unwrap();
    for (name, value) in [
        ("id", sent["id"].clone()),
        ("topic", json!("alerts")),
        ("title", json!("Disk")),
        ("body", json!("**full**")),
        ("format", json!("markdown")),
        ("priority", json!(5)),
        ("url", json!("https://x.org")),
        (
            "actions",
            json!([{ "id": "1", "label": "Open", "url": "https://x.org/open" }]),
        ),
    ] {
        assert_eq!(got[name], value, "{name}");
    }
    let kinds: Vec<_> = sent["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| &a["action"])
        .collect();
    assert_eq!(kinds, ["view", "http"]);
    let mut polled = server.poll("/alerts/json?poll=1", &ada()).await;
    // The answer's time may be just before the commit's.
    polled[0]["time"] = sent["time"].clone();
    assert_eq!(polled, [sent]);
}

#[tokio::test]
async fn what_was_published_in_hithers_own_way_is_a_message_too() {
    let server = Server::start().await;
    let id = server
        .send_as(&json!({ "to": { "topics": ["alerts"] }, "title": "Only a title", "priority": 1 }))
        .await;
    let messages = server.poll("/alerts/json?poll=1", &ada()).await;
    assert_eq!(messages[0]["id"], id.to_string());
    assert_eq!(messages[0]["message"], "Only a title");
    assert_eq!(messages[0]["priority"], 1);
}

#[tokio::test]
async fn d2_only_who_proves_itself_publishes_and_reads() {
    let mut settings = Settings::default();
    settings.limits.failed_sign_ins = hither_server::Rate::per_minute(10).burst(100);
    let server = Server::with(settings).await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    server.put("t", &[], "1").await;
    let query = URL_SAFE_NO_PAD.encode(ada());
    for credentials in [
        ada(),
        bearer(&session),
        basic("", session.access_token.expose()),
        publisher(),
        basic(PUBLISHER, SECRET),
        basic("", &format!("{PUBLISHER}.{SECRET}")),
    ] {
        assert_eq!(
            server.poll("/t/json?poll=1", &credentials).await.len(),
            1,
            "{credentials}"
        );
        let answer = server
            .ask(Method::GET, "/t/auth", &credentials, &[], "")
            .await;
        assert_eq!(answer.json(), json!({ "success": true }));
    }
    let by_query = server
        .poll(&format!("/t/json?poll=1&auth={query}"), "")
        .await;
    assert_eq!(by_query.len(), 1);
    for (credentials, code) in [
        (String::new(), 40301),
        (basic("ada", "wrong"), 40101),
        (basic("nobody", PASSWORD), 40101),
        (basic(PUBLISHER, "wrong"), 40101),
        ("Bearer nonsense".to_owned(), 40101),
        ("Bearer a.b".to_owned(), 40101),
        ("Digest x".to_owned(), 40101),
    ] {
        for (method, path) in [
            (Method::GET, "/t/json?poll=1"),
            (Method::GET, "/t/auth"),
            (Method::POST, "/t"),
            (Method::GET, "/t/publish?m=a"),
        ] {
            let answer = server.ask(method, path, &credentials, &[], "").await;
            assert_eq!(refused(&answer), code, "{path} {credentials}");
        }
    }
}

#[tokio::test]
async fn a_wrong_secret_of_a_publisher_is_no_guess_at_a_password() {
    let mut settings = Settings::default();
    settings.limits.failed_sign_ins = hither_server::Rate::per_minute(1).burst(1);
    let server = Server::with(settings).await;
    for id in [PUBLISHER, OTHER] {
        for _ in 0..3 {
            let wrong = basic(id, "rotated long ago");
            let answer = server.ask(Method::GET, "/t/auth", &wrong, &[], "").await;
            assert_eq!(refused(&answer), 40101, "{id}");
        }
    }
    assert!(server.poll("/t/json?poll=1", &ada()).await.is_empty());
}

#[tokio::test]
async fn guesses_are_limited_and_the_right_password_is_known_for_a_while() {
    let mut settings = Settings::default();
    settings.limits.failed_sign_ins = hither_server::Rate::per_minute(10).burst(3);
    let server = Server::with(settings).await;
    assert!(server.poll("/t/json?poll=1", &ada()).await.is_empty());
    for _ in 0..3 {
        let answer = server
            .ask(Method::GET, "/t/auth", &basic("ada", "guess"), &[], "")
            .await;
        assert_eq!(refused(&answer), 40101);
    }
    let answer = server
        .ask(Method::GET, "/t/auth", &basic("ada", "guess"), &[], "")
        .await;
    assert_eq!(refused(&answer), 42909);
    assert!(!answer.header("retry-after").is_empty());
    assert!(
        server.poll("/t/json?poll=1", &ada()).await.is_empty(),
        "still known"
    );
    let new = "not the same".to_owned();
    let hash = hither_server::secret::Passwords::default().hash(new).await;
    server
        .store
        .set_password(&"ada".parse().unwrap(), hash)
        .await
        .unwrap();
    let answer = server.ask(Method::GET, "/t/auth", &ada(), &[], "").await;
    assert_eq!(refused(&answer), 42909, "known no more");
}

#[tokio::test]
async fn the_first_publisher_owns_a_topic_and_others_need_a_grant() {
    let server = Server::start().await;
    let other = server.second_publisher().await;
    server.put("mine", &[], "1").await;
    let answer = server.ask(Method::POST, "/mine", &other, &[], "2").await;
    assert_eq!(refused(&answer), 40301);
    assert!(answer.body.contains("topic grant mine"), "{answer:?}");
    let answer = server
        .ask(Method::GET, "/mine/json?poll=1", &other, &[], "")
        .await;
    assert_eq!(refused(&answer), 40301, "b4: no grant to read");
    let headers = [("authorization", other.as_str())];
    let body = json!({ "to": { "topics": ["mine"] }, "title": "3" });
    let answer = server.post("/v1/messages", &headers, &body).await;
    assert_eq!(answer.problem(), (403, "forbidden".to_owned()));

    let topic = "mine".parse().unwrap();
    let to = Grantee::Publisher(OTHER.parse().unwrap());
    let grant = Grant {
        to,
        may: Right::Write,
    };
    server.store.grant(&topic, grant.clone()).await.unwrap();
    assert_eq!(
        server
            .ask(Method::POST, "/mine", &other, &[], "4")
            .await
            .status,
        200
    );
    server.store.revoke(&topic, grant).await.unwrap();
    let answer = server.ask(Method::POST, "/mine", &other, &[], "5").await;
    assert_eq!(refused(&answer), 40301);
    assert_eq!(server.texts("/mine/json?poll=1").await, ["1", "4"]);
}

#[tokio::test]
async fn an_account_publishes_with_a_grant_under_its_own_name() {
    let server = Server::start().await;
    let answer = server.ask(Method::POST, "/door", &ada(), &[], "1").await;
    assert_eq!(refused(&answer), 40301);
    server.let_account("ada", "door", Right::Write).await;
    for text in ["2", "3"] {
        let answer = server.ask(Method::POST, "/door", &ada(), &[], text).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!(server.texts("/door/json?poll=1").await, ["2", "3"]);
    let publishers = server.store.publishers().await.unwrap();
    let own: Vec<_> = publishers.iter().filter(|one| one.name == "ada").collect();
    assert_eq!(own.len(), 1, "{publishers:?}");
    assert!(own[0].id.as_str().starts_with("account-"));
    assert!(own[0].secrets.is_empty());
    // It stays free for the first publisher.
    server.put("door", &[], "4").await;
    let topics = server.store.topic_summaries().await.unwrap();
    assert_eq!(topics[0].owner.as_ref().unwrap().as_str(), PUBLISHER);
}

#[tokio::test]
async fn an_open_subscription_ends_with_what_it_was_opened_with() {
    let server = Server::start().await;
    let mut lines = Lines::open(&server, "/door/json", &ada()).await;
    assert_eq!(lines.event().await["event"], "open");
    let name = "ada".parse().unwrap();
    server
        .store
        .set_account_disabled(&name, true)
        .await
        .unwrap();
    assert_eq!(lines.end().await, Vec::<Value>::new());
    server
        .store
        .set_account_disabled(&name, false)
        .await
        .unwrap();

    server.put("door", &[], "mine").await;
    let mut lines = Lines::open(&server, "/door/json", &publisher()).await;
    assert_eq!(lines.event().await["event"], "open");
    let id = PUBLISHER.parse().unwrap();
    server
        .store
        .set_publisher_disabled(&id, true)
        .await
        .unwrap();
    assert_eq!(lines.end().await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_private_topic_is_read_with_a_grant_only() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    let token = bearer(&session);
    let headers = [("authorization", token.as_str())];
    let path = "/v1/subscriptions/secret";
    let answer = server.request(Method::PUT, path, &headers, "").await;
    assert_eq!(answer.status, 204);
    server.put("secret", &[], "1").await;
    let mut lines = Lines::open(&server, "/secret/json?since=all", &ada()).await;
    assert_eq!(lines.event().await["event"], "open");
    assert_eq!(lines.event().await["message"], "1");

    let body = json!({ "private": true });
    let by = publisher();
    let answer = server
        .ask(
            Method::PUT,
            "/v1/topics/secret",
            &by,
            &[("content-type", "application/json")],
            &body.to_string(),
        )
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        lines.end().await,
        Vec::<Value>::new(),
        "the open subscription ends"
    );
    let answer = server
        .ask(Method::GET, "/secret/json?poll=1", &ada(), &[], "")
        .await;
    assert_eq!(refused(&answer), 40301);
    let answer = server.request(Method::PUT, path, &headers, "").await;
    assert_eq!(answer.problem(), (403, "forbidden".to_owned()));
    let answer = server.get("/v1/subscriptions", &session).await;
    assert_eq!(answer.json()["topics"], json!([]));
    server.let_account("ada", "secret", Right::Read).await;
    assert_eq!(server.texts("/secret/json?poll=1").await, ["1"]);
    let answer = server.request(Method::PUT, path, &headers, "").await;
    assert_eq!(answer.status, 204);
}

#[tokio::test]
async fn only_the_owner_says_whether_a_topic_is_private() {
    let server = Server::start().await;
    let other = server.second_publisher().await;
    server.put("mine", &[], "1").await;
    let json = [("content-type", "application/json")];
    let body = r#"{"private":true}"#;
    let answer = server
        .ask(Method::PUT, "/v1/topics/mine", &other, &json, body)
        .await;
    assert_eq!(answer.problem(), (403, "forbidden".to_owned()));
    let answer = server
        .ask(Method::PUT, "/v1/topics/new", &other, &json, body)
        .await;
    assert_eq!(answer.json(), json!({ "name": "new", "private": true }));
    let answer = server
        .ask(Method::POST, "/new", &publisher(), &[], "1")
        .await;
    assert_eq!(refused(&answer), 40301, "whoever set it up owns it");
    let answer = server
        .ask(Method::PUT, "/v1/topics/v1", &other, &json, body)
        .await;
    assert_eq!(answer.problem(), (422, "invalid".to_owned()));
}

#[tokio::test]
async fn bad_requests_get_ntfys_own_numbers() {
    let server = Server::start().await;
    server
        .put("t", &[], "What one publishes to one may read.")
        .await;
    let long = "x".repeat(40_000);
    let huge = "x".repeat(100_000);
    for (method, path, headers, body, code) in [
        (Method::POST, "/settings", &[][..], "a", 40010),
        (Method::POST, "/account", &[], "a", 40010),
        (Method::POST, "/a.b", &[], "a", 40009),
        (Method::POST, "/", &[], "no json", 40017),
        (Method::POST, "/", &[], r#"{"topic":""}"#, 40009),
        (Method::POST, "/", &[], r#"{"message":"a"}"#, 40009),
        (Method::POST, "/t", &[("Priority", "loud")], "a", 40007),
        (Method::POST, "/t", &[("Email", "a@b.c")], "a", 40001),
        (Method::POST, "/t", &[("Call", "yes")], "a", 40032),
        (Method::POST, "/t", &[("Actions", "x")], "a", 40018),
        (Method::POST, "/t", &[("Icon", "x")], "a", 40021),
        (Method::POST, "/t", &[("Delay", "1s")], "a", 40005),
        (Method::POST, "/t", &[("Delay", "100d")], "a", 40006),
        (Method::POST, "/t?tpl=yes", &[], "a", 40042),
        (Method::POST, "/t", &[("Tags", &long[..100])], "a", 40000),
        (Method::POST, "/", &[], &huge, 41303),
        (Method::GET, "/t/nothing", &[], "", 40401),
        (Method::GET, "/t/ws", &[], "", 40016),
        (Method::GET, "/t/json?poll=1&since=x", &[], "", 40008),
        (Method::GET, "/t/json?poll=1&p=loud", &[], "", 40007),
        (Method::GET, "/t,v1/json?poll=1", &[], "", 40010),
        (Method::GET, "/,/json?poll=1", &[], "", 40009),
    ] {
        let answer = server.ask(method, path, &publisher(), headers, body).await;
        assert_eq!(refused(&answer), code, "{path} {headers:?}");
    }
    let answer = server.ask(Method::GET, "/v1/health", "", &[], "").await;
    assert_eq!(answer.json(), json!({ "healthy": true }));
}

#[tokio::test]
async fn since_begins_anywhere() {
    let server = Server::start().await;
    let mut ids = Vec::new();
    for text in ["1", "2", "3"] {
        let sent = server.put("a", &[], text).await;
        ids.push(sent["id"].as_str().unwrap().to_owned());
    }
    server.put("b", &[], "4").await;
    for (query, expected) in [
        ("since=all", &["1", "2", "3", "4"][..]),
        ("", &["1", "2", "3", "4"]),
        ("since=none", &[]),
        ("since=latest", &["3", "4"]),
        ("since=10m", &["1", "2", "3", "4"]),
        ("since=1700000000", &["1", "2", "3", "4"]),
        ("since=32503680000", &[]),
        (&format!("since={}", ids[0]), &["2", "3", "4"]),
        (&format!("since={}", ids[2]), &["4"]),
        ("since=all&message=2", &["2"]),
    ] {
        let texts = server.texts(&format!("/a,b/json?poll=1&{query}")).await;
        assert_eq!(texts, expected, "{query}");
    }
    // An id that is known no more still says when its message came.
    let gone = "0197a9b0-0000-7000-8000-000000000001";
    let texts = server.texts(&format!("/a/json?poll=1&since={gone}")).await;
    assert_eq!(texts, ["1", "2", "3"]);
    let later = "0fffffff-0000-7000-8000-000000000001";
    let texts = server.texts(&format!("/a/json?poll=1&since={later}")).await;
    assert!(texts.is_empty(), "{texts:?}");
    let random = "2f1f9a52-7a60-4a6f-9a3c-0123456789ab";
    let path = format!("/a/json?poll=1&since={random}");
    let answer = server.ask(Method::GET, &path, &ada(), &[], "").await;
    assert_eq!(refused(&answer), 40008, "never everything");
}

#[tokio::test]
async fn d5_a_sequence_replaces_and_a_delete_recalls() {
    let server = Server::start().await;
    let mut lines = Lines::open(&server, "/t/json", &ada()).await;
    assert_eq!(lines.event().await["event"], "open");
    server.put("t/backup", &[], "10 %").await;
    server.put("u/backup", &[], "another topic's").await;
    let second = server
        .put("t", &[("X-Sequence-ID", "backup")], "100 %")
        .await;
    assert_eq!(second["sequence_id"], "backup");
    assert_eq!(
        server.texts("/t,u/json?poll=1").await,
        ["another topic's", "100 %"]
    );
    let third = server.put("t", &[], "third").await;
    let third = third["id"].as_str().unwrap();
    let fourth = server.put("t/nightly", &[], "fourth").await;
    let fourth = fourth["id"].as_str().unwrap();
    let uuid = "0197a9b0-0000-7000-8000-000000000001";
    server.put(&format!("t/{uuid}"), &[], "fifth").await;
    for (path, by, status) in [
        ("/t/backup".to_owned(), ada(), 404),
        ("/t/other".to_owned(), publisher(), 404),
        (format!("/u/{third}"), publisher(), 404),
        (format!("/t/{third}"), ada(), 404),
        ("/t/backup".to_owned(), publisher(), 200),
        (format!("/t/{third}"), publisher(), 200),
        (format!("/t/{fourth}"), publisher(), 200),
        (format!("/t/{uuid}"), publisher(), 200),
    ] {
        let answer = server.ask(Method::DELETE, &path, &by, &[], "").await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        if path.ends_with(fourth) && status == 200 {
            assert_eq!(answer.json()["sequence_id"], "nightly");
        }
    }
    assert_eq!(server.texts("/t,u/json?poll=1").await, ["another topic's"]);
    for _ in 0..5 {
        assert_eq!(lines.event().await["event"], "message");
    }
    for sequence in ["backup", third, "nightly", uuid] {
        let event = lines.event().await;
        assert_eq!(
            (&event["event"], &event["sequence_id"]),
            (&json!("message_delete"), &json!(sequence))
        );
    }
    let again = server.poll("/t/json?poll=1", &ada()).await;
    let deleted = |line: &&Value| line["event"] == "message_delete";
    assert_eq!(again.iter().filter(deleted).count(), 4);
}

#[tokio::test]
async fn reading_makes_no_topic_and_finds_one_that_is_made_later() {
    let server = Server::start().await;
    let path = "/later,never/json";
    let mut follows = Lines::open(&server, path, &ada()).await;
    assert_eq!(follows.event().await["event"], "open");
    assert!(server.poll("/x,y/json?poll=1", &ada()).await.is_empty());
    let file = format!("/file/x/{}/a.txt", "0197a9b0-0000-7000-8000-000000000001");
    let answer = server.ask(Method::GET, &file, &ada(), &[], "").await;
    assert_eq!(refused(&answer), 40401);
    let answer = server.ask(Method::GET, "/x/auth", &ada(), &[], "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(server.store.topics().await.unwrap(), []);

    server.put("other", &[], "not asked for").await;
    server.put("later", &[], "first").await;
    assert_eq!(follows.event().await["message"], "first");
    server.put("later", &[], "second").await;
    assert_eq!(follows.event().await["message"], "second");
}

#[tokio::test]
async fn more_than_a_page_comes_whole_and_in_order() {
    let mut settings = Settings::default();
    settings.limits.page_entries = 3;
    let server = Server::with(settings).await;
    let mut expected = Vec::new();
    for number in 0..20 {
        let topic = if number % 3 == 0 { "a" } else { "b" };
        server.put(topic, &[], &number.to_string()).await;
        expected.push(number.to_string());
    }
    assert_eq!(server.texts("/b,a/json?poll=1").await, expected);
}

#[tokio::test]
async fn a4_live_messages_follow_the_backlog_in_every_form() {
    let server = Server::start().await;
    server.put("t", &[], "missed").await;
    let mut json = Lines::open(&server, "/t,u/json?since=all", &ada()).await;
    let mut sse = Lines::open(&server, "/t/sse?since=all", &ada()).await;
    let mut raw = Lines::open(&server, "/t/raw?since=all", &ada()).await;
    let mut ws = server.web_socket("/t/ws?since=all", &ada()).await;
    let open = json.event().await;
    assert_eq!(
        (&open["event"], &open["topic"]),
        (&json!("open"), &json!("t,u"))
    );
    assert_eq!(json.event().await["message"], "missed");
    assert_eq!(sse.line().await, "event: open");
    assert!(sse.line().await.starts_with("data: {"));
    assert_eq!(sse.line().await, "");
    assert!(sse.line().await.contains("missed"));
    assert_eq!(sse.line().await, "");
    assert_eq!(
        (raw.line().await, raw.line().await),
        (String::new(), "missed".to_owned())
    );
    assert_eq!(ws.event().await["event"], "open");
    assert_eq!(ws.event().await["message"], "missed");

    server.put("other", &[], "not asked for").await;
    server
        .put("t", &[("Actions", "http, Door, https://x.org")], "live")
        .await;
    server.put("u", &[], "too").await;
    let live = json.event().await;
    assert_eq!(live["message"], "live");
    assert_eq!(live["actions"][0]["action"], "http");
    assert_eq!(json.event().await["message"], "too");
    assert!(sse.line().await.contains("live"));
    assert_eq!(raw.line().await, "live");
    assert_eq!(ws.event().await["message"], "live");
}

#[tokio::test]
async fn a_message_that_is_not_kept_reaches_who_is_there() {
    let server = Server::start().await;
    let mut lines = Lines::open(&server, "/t/json", &ada()).await;
    assert_eq!(lines.event().await["event"], "open");
    server.put("t", &[("Cache", "no")], "now or never").await;
    assert_eq!(lines.event().await["message"], "now or never");
    assert!(server.texts("/t/json?poll=1").await.is_empty());
}

#[tokio::test]
async fn open_subscriptions_are_kept_alive_and_end_with_the_server() {
    let mut settings = Settings::default();
    settings.limits.keepalive = std::time::Duration::from_millis(20);
    let server = Server::with(settings).await;
    let mut lines = Lines::open(&server, "/t/json", &ada()).await;
    assert_eq!(lines.event().await["event"], "open");
    assert_eq!(lines.event().await["event"], "keepalive");
    assert_eq!(lines.event().await["event"], "keepalive");
    let (settings, folder) = server.stop().await;
    lines.end().await;
    drop((settings, folder));
}

#[tokio::test]
async fn a_revoked_sign_in_ends_its_subscriptions() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    let token = bearer(&session);
    server.put("t", &[], "the publisher's own").await;
    let mut lines = Lines::open(&server, "/t/json", &token).await;
    let mut other = Lines::open(&server, "/t/json", &publisher()).await;
    assert_eq!(lines.event().await["event"], "open");
    assert_eq!(other.event().await["event"], "open");
    let headers = [("authorization", token.as_str())];
    let answer = server
        .request(Method::DELETE, "/v1/sessions/current", &headers, "")
        .await;
    assert_eq!(answer.status, 204);
    lines.end().await;
    server.put("t", &[], "still there").await;
    assert_eq!(other.event().await["message"], "still there");
}

#[tokio::test]
async fn who_asks_for_headers_alone_publishes_nothing() {
    let server = Server::start().await;
    for word in ["publish", "send", "trigger"] {
        let path = format!("/t/{word}?message=no");
        let answer = server.ask(Method::HEAD, &path, &publisher(), &[], "").await;
        assert_eq!(answer.status, 405, "{answer:?}");
        assert_eq!(answer.header("allow"), "GET, PUT, POST");
    }
    server.put("t", &[], "yes").await;
    assert_eq!(server.texts("/t/json?poll=1").await, ["yes"]);
}

#[tokio::test]
async fn what_is_not_here_is_said_in_ntfys_words() {
    let server = Server::start().await;
    for (method, path, code) in [
        (Method::GET, "/v1/account", 40401),
        (Method::POST, "/v1/account/token", 40401),
        (Method::GET, "/v1/stats", 40401),
        (Method::GET, "/v1/version", 40401),
        (Method::PUT, "/t/disk/clear", 40401),
        (Method::PATCH, "/t", 40501),
        (Method::PATCH, "/t/disk", 40501),
    ] {
        let answer = server.ask(method, path, &publisher(), &[], "").await;
        assert_eq!(refused(&answer), code, "{path}");
    }
    for path in ["/v1/nothing", "/v1/account/password"] {
        let answer = server.ask(Method::GET, path, &ada(), &[], "").await;
        assert_eq!(
            answer.header("content-type"),
            "application/problem+json",
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_client_has_so_many_subscriptions() {
    let server = Server::start().await;
    let mut open = Vec::new();
    for _ in 0..30 {
        let mut lines = Lines::open(&server, "/t/json", &ada()).await;
        lines.event().await;
        open.push(lines);
    }
    let answer = server.ask(Method::GET, "/t/json", &ada(), &[], "").await;
    assert_eq!(refused(&answer), 42903);
    assert_eq!(answer.header("retry-after"), "30");
    let mut bob = Lines::open(&server, "/t/json", &basic("bob", PASSWORD)).await;
    assert_eq!(bob.event().await["event"], "open");
}

#[tokio::test]
async fn a_subscriber_that_fell_behind_misses_nothing() {
    let server = Server::with(observed()).await;
    let mut lines = Lines::open_small(&server, "/t/json", &ada()).await;
    assert_eq!(lines.event().await["event"], "open");
    // More than the network takes and the server holds for a subscriber.
    let body = "x".repeat(30_000);
    let count = 600;
    for number in 0..count {
        server
            .put("t", &[("Title", &number.to_string())], &body)
            .await;
    }
    for number in 0..count {
        assert_eq!(lines.event().await["title"], number.to_string());
    }
    let lagged = server.samples().await["hither_streams_lagged_total"];
    assert!(lagged > 0.5, "it never fell behind");
}

#[tokio::test]
async fn a_subscriber_that_takes_nothing_is_closed() {
    let mut settings = Settings::default();
    settings.limits.drain_within = std::time::Duration::from_millis(200);
    let server = Server::with(settings).await;
    let lines = Lines::open_small(&server, "/t/json", &ada()).await;
    let body = "x".repeat(30_000);
    for _ in 0..300 {
        server.put("t", &[], &body).await;
    }
    let taken = lines.until_cut_off().await;
    assert!(taken < 300 * 30_000, "{taken} bytes");
}

#[tokio::test]
async fn what_is_delayed_comes_at_its_time_and_is_nowhere_before() {
    let ahead = Arc::<AtomicI64>::default();
    let hands = Arc::clone(&ahead);
    let clock = Arc::new(move || {
        let now = Timestamp::now().as_millisecond() + hands.load(Ordering::SeqCst);
        Timestamp::from_millisecond(now).unwrap()
    });
    let server = Server::with_clock(Settings::default(), clock).await;
    let mut lines = Lines::open(&server, "/t/json", &ada()).await;
    assert_eq!(lines.event().await["event"], "open");
    let now = Timestamp::now().as_second();
    for (name, value) in [
        ("Delay", "30m"),
        ("X-At", &(now + 1800).to_string()),
        ("in", "1800 seconds"),
    ] {
        let line = server.put("t", &[(name, value)], value).await;
        let time = line["time"].as_i64().unwrap();
        assert!((now + 1799..now + 1860).contains(&time), "{line}");
    }
    let tomorrow = json!({ "topic": "t", "message": "JSON", "delay": "tomorrow, 10am" });
    let answer = server
        .ask(Method::POST, "/", &publisher(), &[], &tomorrow.to_string())
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    for (headers, code) in [
        (&[("Delay", "whenever")][..], 40004),
        (&[("Delay", "5s")], 40005),
        (&[("Delay", "4 days")], 40006),
        (&[("Delay", "1h"), ("Cache", "no")], 40002),
    ] {
        let answer = server
            .ask(Method::PUT, "/t", &publisher(), headers, "x")
            .await;
        assert_eq!(refused(&answer), code, "{headers:?}");
    }
    let polled = async |path: &str, credentials: &str| {
        let lines = server.poll(path, credentials).await;
        lines.len()
    };
    for (path, credentials, count) in [
        ("/t/json?poll=1", publisher(), 0),
        ("/t/json?poll=1&since=all", ada(), 0),
        // What waits is its publisher's own.
        ("/t/json?poll=1&sched=1", ada(), 0),
        ("/t/json?poll=1&sched=1", publisher(), 4),
    ] {
        assert_eq!(polled(path, &credentials).await, count, "{path}");
    }
    ahead.store(31 * 60 * 1000, Ordering::SeqCst);
    server.store.release().await.unwrap();
    for expected in ["30m", "1800 seconds"] {
        let mut event = lines.event().await;
        while event["message"] != expected {
            event = lines.event().await;
        }
    }
    assert_eq!(polled("/t/json?poll=1", &ada()).await, 3);
    assert_eq!(polled("/t/json?poll=1&sched=1", &publisher()).await, 4);
}

#[tokio::test]
async fn a_delayed_sequence_is_replaced_and_taken_back() {
    let server = Server::start().await;
    let waiting = async || {
        let lines = server.poll("/t/json?poll=1&sched=1", &publisher()).await;
        let messages = lines.iter().filter(|line| line["event"] == "message");
        let text = |line: &Value| line["message"].as_str().unwrap().to_owned();
        messages.map(text).collect::<Vec<_>>()
    };
    server.put("t/meeting", &[], "now").await;
    server.put("t/meeting", &[("In", "1h")], "first").await;
    server.put("t/meeting", &[("In", "2h")], "second").await;
    assert_eq!(waiting().await, ["now", "second"]);
    let path = "/t/meeting";
    let gone = server
        .ask(Method::DELETE, path, &publisher(), &[], "")
        .await;
    assert_eq!(gone.status, 200, "{gone:?}");
    assert_eq!(waiting().await, Vec::<String>::new());
    let gone = server
        .ask(Method::DELETE, path, &publisher(), &[], "")
        .await;
    assert_eq!(refused(&gone), 40401);
}

#[tokio::test]
async fn a_body_may_be_a_file() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    let long = "Zeile für Zeile\n".repeat(4000);
    for (headers, body, name, media_type, text) in [
        (
            &[("Filename", "Bericht ä.txt")][..],
            "short",
            "Bericht ä.txt",
            "text/plain; charset=utf-8",
            "You received a file: Bericht ä.txt",
        ),
        (
            &[("X-Message", "look"), ("f", "../x.csv")],
            "a,b\n1,2\n",
            "x.csv",
            "text/plain; charset=utf-8",
            "look",
        ),
        (
            &[],
            long.as_str(),
            "attachment.txt",
            "text/plain; charset=utf-8",
            "You received a file: attachment.txt",
        ),
    ] {
        let line = server.put("files", headers, body).await;
        let file = &line["attachment"];
        assert_eq!(
            (&line["message"], &file["name"]),
            (&json!(text), &json!(name))
        );
        assert_eq!(
            (&file["type"], &file["size"]),
            (&json!(media_type), &json!(body.len()))
        );
        let url = file["url"].as_str().unwrap();
        let (_, path) = url.split_once(&server.address.to_string()).unwrap();
        for credentials in [publisher(), ada()] {
            let answer = server.ask(Method::GET, path, &credentials, &[], "").await;
            assert_eq!((answer.status, &*answer.body), (200, body), "{path}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert!(
                answer
                    .header("content-disposition")
                    .starts_with("attachment")
            );
        }
        let part = [("range", "bytes=0-3")];
        let answer = server.ask(Method::GET, path, &ada(), &part, "").await;
        assert_eq!((answer.status, &*answer.body), (206, &body[..4]));
        let polled = server.poll("/files/json?poll=1&since=latest", &ada()).await;
        assert_eq!(polled[0]["attachment"], *file, "the same to subscribers");
    }
    let token = bearer(&session);
    let headers = [("authorization", token.as_str())];
    let subscribed = server
        .request(Method::PUT, "/v1/subscriptions/files", &headers, "")
        .await;
    assert_eq!(subscribed.status, 204);
    let line = server.put("files", &[("f", "a.txt")], "to Hither").await;
    let listed = server.get("/v1/messages", &session).await.json();
    let file = &listed["messages"][0]["attachments"][0];
    assert_eq!((&file["name"], &file["size"]), (&json!("a.txt"), &json!(9)));
    let own = server.get(file["href"].as_str().unwrap(), &session).await;
    assert_eq!(own.body, "to Hither");

    let (id, other) = (
        line["id"].as_str().unwrap(),
        server.second_publisher().await,
    );
    let path = format!("/file/files/{id}/a.txt");
    for (path, credentials, code) in [
        (path.as_str(), "", 40301),
        (&path, &other, 40301),
        (&path, &basic("ada", "wrong"), 40101),
        (&format!("/file/elsewhere/{id}/a.txt"), &ada(), 40401),
        (
            "/file/files/0197a9b0-0000-7000-8000-000000000001/a",
            &ada(),
            40401,
        ),
        ("/file/files/x/a", &ada(), 40401),
    ] {
        let answer = server.ask(Method::GET, path, credentials, &[], "").await;
        assert_eq!(refused(&answer), code, "{path}");
    }
    server
        .store
        .set_private(&"files".parse().unwrap(), true)
        .await
        .unwrap();
    let answer = server.ask(Method::GET, &path, &ada(), &[], "").await;
    assert_eq!(refused(&answer), 40301);
    let recall = format!("/files/{id}");
    server
        .ask(Method::DELETE, &recall, &publisher(), &[], "")
        .await;
    let answer = server.ask(Method::GET, &path, &publisher(), &[], "").await;
    assert_eq!(refused(&answer), 40401);
}

#[tokio::test]
async fn files_have_bounds() {
    let mut settings = Settings::default();
    settings.attachments.file_bytes = 50_000;
    settings.attachments.quota.publisher = 80_000;
    let server = Server::with(settings).await;
    let put = async |headers: &[(&str, &str)], bytes: usize| {
        let body = "x".repeat(bytes);
        server
            .ask(Method::PUT, "/t", &publisher(), headers, &body)
            .await
    };
    assert_eq!(refused(&put(&[], 50_001).await), 41301);
    assert_eq!(refused(&put(&[("tpl", "yes")], 40_000).await), 40043);
    let attach = [("Attach", "https://x.org/a.jpg")];
    assert_eq!(refused(&put(&attach, 40_000).await), 40000, "a text");
    assert_eq!(put(&[], 50_000).await.status, 200);
    assert_eq!(
        refused(&put(&[], 49_000).await),
        41301,
        "the publisher's quota"
    );
    assert_eq!(server.texts("/t/json?poll=1").await.len(), 1);
}

#[tokio::test]
async fn a7_a_page_is_text_where_it_cannot_be_shown() {
    let server = Server::start().await;
    let large = format!("<p>Large</p><!-- {} -->", "x".repeat(100_000));
    for html in [
        "<title>T</title><style>p{}</style><h1>Report</h1><p>All is <b>well</b>",
        &large,
        "<img src='data:image/png;base64,AAAA'>",
    ] {
        let body = json!({ "to": { "topics": ["news"] }, "html": html });
        server.send_as(&body).await;
    }
    let answer = server
        .ask(Method::GET, "/news/json?poll=1", &ada(), &[], "")
        .await;
    let lines = answer.body.lines();
    let texts: Vec<_> = lines
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["message"].clone())
        .collect();
    assert_eq!(
        texts,
        [
            "Report\nAll is well",
            "Large",
            "A page that only Hither shows"
        ]
    );
}
