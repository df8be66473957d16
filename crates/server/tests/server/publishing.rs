//! Handing messages over.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hither_protocol::{DeviceKind, MessageId, ServerFrame, Timestamp};
use hither_server::store::{
    PublisherRecord, Publishers as _, Store, TopicAccess as _, Topics as _,
};
use serde_json::{Value, json};

use crate::harness::{PUBLISHER, SECRET, Server, bearer};

fn to_ada(extra: &Value) -> Value {
    let mut message = json!({ "to": { "accounts": ["ada"] }, "title": "hello" });
    for (name, value) in extra.as_object().unwrap() {
        message[name] = value.clone();
    }
    message
}

#[tokio::test]
async fn a_refused_publish_claims_no_topic() {
    let server = Server::start().await;
    let owner = PublisherRecord::new(
        "app-0000000000000002".parse().unwrap(),
        "Owner".to_owned(),
        Vec::new(),
        Timestamp::now(),
    );
    let taken = "taken".parse().unwrap();
    server.store.add_publisher(owner.clone()).await.unwrap();
    server.store.claim_topic(&taken, &owner.id).await.unwrap();
    for (body, status) in [
        (
            json!({ "to": { "topics": ["free", "taken"] }, "title": "x" }),
            403,
        ),
        (json!({ "to": { "topics": ["free"] } }), 422),
        (
            json!({ "to": { "topics": ["free"] }, "title": "{{x}}", "fields": {} }),
            422,
        ),
        (
            json!({ "to": { "topics": ["free", "v1"] }, "title": "x" }),
            422,
        ),
    ] {
        assert_eq!(server.publish(&body).await.status, status, "{body}");
        assert_eq!(server.store.topics().await.unwrap().len(), 1, "{body}");
    }
    let body = json!({ "to": { "topics": ["free"] }, "title": "x" });
    assert_eq!(server.publish(&body).await.status, 201);
    assert_eq!(server.store.topics().await.unwrap().len(), 2);
}

#[tokio::test]
async fn d2_a_publisher_proves_its_id_or_is_refused() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
    let right = [
        basic(&format!("{PUBLISHER}:{SECRET}")),
        format!("Bearer {PUBLISHER}.{SECRET}"),
        format!("bearer {PUBLISHER}.{SECRET}"),
    ];
    for authorization in &right {
        let headers = [("authorization", authorization.as_str())];
        let answer = server
            .post("/v1/messages", &headers, &to_ada(&json!({})))
            .await;
        assert_eq!(answer.status, 201, "{authorization}: {answer:?}");
    }
    let wrong = [
        String::new(),
        "Basic".to_owned(),
        "Basic %%%".to_owned(),
        basic(PUBLISHER),
        basic(&format!("{PUBLISHER}:wrong")),
        basic(&format!("app-0000000000000002:{SECRET}")),
        format!("Bearer {PUBLISHER}"),
        format!("Digest {PUBLISHER}.{SECRET}"),
        bearer(&session),
    ];
    let mut bodies = Vec::new();
    for authorization in &wrong {
        let headers = [("authorization", authorization.as_str())];
        let answer = server
            .post("/v1/messages", &headers, &to_ada(&json!({})))
            .await;
        assert_eq!(
            answer.problem(),
            (401, "unauthenticated".to_owned()),
            "{authorization}"
        );
        bodies.push(answer.body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "wrong id and wrong secret look alike");
    server
        .store
        .set_publisher_disabled(&PUBLISHER.parse().unwrap(), true)
        .await
        .unwrap();
    let answer = server.publish(&to_ada(&json!({}))).await;
    assert_eq!(answer.problem(), (403, "forbidden".to_owned()));
}

#[tokio::test]
async fn a1_receivers_are_counted_and_unknown_ones_dropped() {
    let server = Server::start().await;
    let publish = async |accounts: Value| {
        server
            .publish(&json!({ "to": { "accounts": accounts }, "body": "text" }))
            .await
    };
    for (accounts, receivers) in [
        (json!(["ada"]), 1),
        (json!(["ada", "bob"]), 2),
        (json!(["ada", "ada", "eve", "Not A Name!"]), 1),
    ] {
        let answer = publish(accounts).await;
        assert_eq!(
            (answer.status, &answer.json()["receivers"]),
            (201, &json!(receivers))
        );
    }
    for accounts in [
        json!(["eve"]),
        json!(["Not A Name!"]),
        json!(["eve", "mallory"]),
    ] {
        let answer = publish(accounts).await;
        assert_eq!(answer.problem(), (422, "no_receivers".to_owned()));
    }
    for accounts in [json!([]), json!(vec!["ada"; 1001])] {
        let answer = publish(accounts).await;
        assert_eq!(answer.problem(), (422, "invalid".to_owned()));
    }
}

#[tokio::test]
async fn what_is_out_of_bounds_is_refused_and_nothing_is_stored() {
    let server = Server::start().await;
    let text = |bytes: usize| "x".repeat(bytes);
    let action = |id: &str| json!({ "id": id, "label": "Do" });
    let cases = [
        json!({ "title": "" }),
        json!({ "title": text(1025) }),
        json!({ "title": "two\nlines" }),
        json!({ "body": text(32 * 1024 + 1) }),
        json!({ "body": "\u{1}".repeat(20 * 1024) }),
        json!({ "html": text(512 * 1024 + 1) }),
        json!({ "url": "javascript:alert(1)" }),
        json!({ "url": "https://" }),
        json!({ "url": "https://example.org/a b" }),
        json!({ "url": format!("https://{}", text(2048)) }),
        json!({ "icon": "data:image/png;base64,AAAA" }),
        json!({ "icon": "mailto:ada@example.org" }),
        json!({ "priority": 0 }),
        json!({ "priority": 6 }),
        json!({ "tags": vec!["tag"; 21] }),
        json!({ "tags": [""] }),
        json!({ "tags": [text(65)] }),
        json!({ "actions": vec![action("a"); 6] }),
        json!({ "actions": [action("a"), action("a")] }),
        json!({ "actions": [{ "id": "a", "label": "Do", "url": "file:///etc/passwd" }] }),
        json!({ "key": "" }),
        json!({ "key": text(129) }),
        json!({ "ttl_s": 31_536_001 }),
        json!({ "to": {} }),
        json!({ "to": { "accounts": vec!["ada"; 1001] } }),
        json!({ "to": { "accounts": ["ada"], "topics": ["no topic"] } }),
        json!({ "to": { "topics": vec!["news"; 21] } }),
        json!({ "to": { "tokens": vec!["hither_mt_x"; 1001] } }),
        json!({ "to": { "application": { "name": "" } } }),
        json!({ "to": { "application": { "name": "x", "versions": "one" } } }),
        json!({ "deliver_at": "soon" }),
        json!({ "title": "{{x}}", "fields": { "ada": { "x": null } } }),
        json!({ "title": "{{x}}", "fields": { "ada": { "x": [1] } } }),
        json!({ "fields": { "ada": null } }),
        json!({ "title": "{{x}}", "fields": { "ada": {} } }),
        json!({ "attachments": [{ "id": "x" }] }),
        json!({ "to": "ada" }),
    ];
    for extra in cases {
        let answer = server.publish(&to_ada(&extra)).await;
        assert_eq!(answer.problem(), (422, "invalid".to_owned()), "{extra}");
    }
    let huge = server
        .publish(&to_ada(&json!({ "html": text(3 * 1024 * 1024) })))
        .await;
    assert_eq!(huge.problem(), (413, "too_large".to_owned()));
    let head = server.store.head();
    assert_eq!(head.0, 0, "nothing was stored");
}

#[tokio::test]
async fn a_message_arrives_as_it_was_published() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    let fields = json!({
        "title": "Ünïcödé 标题", "body": "*text*", "format": "markdown",
        "url": "https://example.org/?q=1", "priority": 5, "tags": ["a", "b"],
        "icon": "https://example.org/icon.png", "key": "build",
        "actions": [{ "id": "go", "label": "Go", "url": "mailto:ada@example.org" }],
    });
    server.send_as(&to_ada(&fields)).await;
    let listed = server.get("/v1/messages", &session).await.json();
    let message = &listed["messages"][0];
    for (name, value) in fields.as_object().unwrap() {
        assert_eq!(&message[name], value, "{name}");
    }
}

#[tokio::test]
async fn a8_a_page_comes_inside_the_message_or_over_http_and_is_caged() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    let bob = server.sign_in("bob", DeviceKind::Desktop).await;
    for size in [100, 200 * 1024] {
        let page = format!("<p>{}</p>", "x".repeat(size));
        let id = server.send_as(&to_ada(&json!({ "html": page }))).await;
        let path = format!("/v1/messages/{id}/html");
        let listed = server.get("/v1/messages?limit=200", &session).await.json();
        let html = &listed["messages"].as_array().unwrap().last().unwrap()["html"];
        assert_eq!(html["size"], page.len());
        if size < 1000 {
            assert_eq!(html["inline"], page);
        } else {
            assert_eq!(html["href"], path);
        }
        let answer = server.get(&path, &session).await;
        assert_eq!((answer.status, &answer.body), (200, &page));
        assert_eq!(
            answer.header("content-security-policy"),
            "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(server.get(&path, &bob).await.status, 404);
    }
}

#[tokio::test]
async fn a_repeated_publish_is_stored_once() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    let key = [("idempotency-key", "order-1")];
    let first = server.publish_with(&key, &to_ada(&json!({}))).await;
    let again = server.publish_with(&key, &to_ada(&json!({}))).await;
    assert_eq!((first.status, &first.body), (again.status, &again.body));
    let other = server
        .publish_with(&key, &to_ada(&json!({ "body": "more" })))
        .await;
    assert_eq!(other.problem(), (422, "idempotency_mismatch".to_owned()));
    let (_, backlog) = server.connect(&session, None).await;
    let first: MessageId = first.json()["id"].as_str().unwrap().parse().unwrap();
    let ids: Vec<_> = backlog.messages().map(|message| message.id).collect();
    assert_eq!(ids, [first]);
    let long = "x".repeat(129);
    for key in ["", long.as_str()] {
        let answer = server
            .publish_with(&[("idempotency-key", key)], &to_ada(&json!({})))
            .await;
        assert_eq!(answer.problem(), (400, "malformed".to_owned()));
    }
}

#[tokio::test]
async fn a_repeated_publish_is_delivered_once_also_at_the_same_time() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Mobile).await;
    let (mut stream, _) = server.connect(&session, None).await;
    let key = [("idempotency-key", "order-2")];
    let message = to_ada(&json!({}));
    let answers =
        futures_util::future::join_all((0..8).map(|_| server.publish_with(&key, &message))).await;
    let bodies: std::collections::HashSet<_> = answers.iter().map(|answer| &answer.body).collect();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    // A pong does not wait for what others publish.
    let frame = stream.next().await;
    assert!(matches!(frame, ServerFrame::Message { .. }), "{frame:?}");
    assert_eq!(stream.ping().await, []);
}
