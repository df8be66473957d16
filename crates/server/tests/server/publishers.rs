//! Publishers: how they come to be, what they may, what they keep of receivers.

use hither_protocol::{AccountName, DeviceKind, Session};
use hither_server::store::{Change, Publishers, Store as _};
use hither_server::{Registration, Settings};
use hyper::Method;
use serde_json::{Value, json};

use super::harness::{Answer, PUBLISHER, SECRET, Server, account, application, bearer};

async fn register(server: &Server, body: &Value) -> Answer {
    server.post("/v1/publishers", &[], body).await
}

fn shop() -> Value {
    json!({ "name": "Shop", "kind": "shop", "contact": "ops@shop.example" })
}

async fn server(registration: Registration) -> Server {
    Server::with(Settings {
        registration,
        ..Settings::default()
    })
    .await
}

fn credentials(registered: &Answer) -> (String, String) {
    let body = registered.json();
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (text("id"), text("secret"))
}

async fn publish_as(server: &Server, (id, secret): &(String, String), body: &Value) -> Answer {
    let token = format!("Bearer {id}.{secret}");
    let headers = [("authorization", token.as_str())];
    server.post("/v1/messages", &headers, body).await
}

async fn as_publisher(server: &Server, method: Method, path: &str, body: &str) -> Answer {
    let token = format!("Bearer {PUBLISHER}.{SECRET}");
    let headers = [
        ("authorization", token.as_str()),
        ("content-type", "application/json"),
    ];
    server
        .request(method, path, &headers, body.to_owned())
        .await
}

async fn as_client(server: &Server, method: Method, path: &str, session: &Session) -> Answer {
    let bearer = bearer(session);
    let headers = [("authorization", bearer.as_str())];
    server.request(method, path, &headers, "").await
}

#[tokio::test]
async fn d1_only_administrators_add_publishers_unless_configured() {
    let server = server(Registration::Administrators).await;
    let answer = register(&server, &shop()).await;
    assert_eq!(answer.problem(), (403, "forbidden".to_owned()));
    assert_eq!(server.store.publishers().await.unwrap().len(), 1);
}

#[tokio::test]
async fn d1_an_administrators_inbox_adds_publishers_however_it_is_configured() {
    for registration in [
        Registration::Administrators,
        Registration::Approval,
        Registration::Open,
    ] {
        let server = server(registration).await;
        let mut root = account("root");
        root.admin = true;
        server.store.add_account(root).await.unwrap();
        let inbox = server.sign_in("root", DeviceKind::Desktop).await;
        let added = register_with(&server, &inbox).await;
        assert_eq!(added.status, 201, "{added:?}");
        let hello = json!({ "to": { "everyone": true }, "title": "Hello" });
        let answer = publish_as(&server, &credentials(&added), &hello).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }
}

#[tokio::test]
async fn d1_nobody_elses_token_adds_publishers() {
    let server = server(Registration::Administrators).await;
    let mut root = account("root");
    root.admin = true;
    server.store.add_account(root).await.unwrap();
    let ada = server.sign_in("ada", DeviceKind::Desktop).await;
    let other = application("root", "report", "1.0.0", None);
    let other = server.sign_in_with(&other).await;
    for session in [&ada, &other] {
        let answer = register_with(&server, session).await;
        assert_eq!(answer.problem(), (403, "forbidden".to_owned()));
    }
    let root: AccountName = "root".parse().unwrap();
    server
        .store
        .set_account_disabled(&root, true)
        .await
        .unwrap();
    let dead = register_with(&server, &other).await;
    assert_eq!(dead.problem(), (401, "unauthenticated".to_owned()));
}

async fn register_with(server: &Server, session: &Session) -> Answer {
    let bearer = bearer(session);
    let headers = [("authorization", bearer.as_str())];
    server.post("/v1/publishers", &headers, &shop()).await
}

#[tokio::test]
async fn d1_a_registered_publisher_reaches_nobody_until_granted() {
    let server = server(Registration::Open).await;
    let answer = register(&server, &shop()).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let shop = credentials(&answer);
    let digits = shop.0.strip_prefix("shop-").unwrap();
    assert!(digits.len() == 16 && digits.bytes().all(|it| it.is_ascii_digit()));
    let hello = json!({ "to": { "accounts": ["ada"] }, "title": "Hello" });
    let unknown = json!({ "to": { "accounts": ["nobody"] }, "title": "Hello" });
    let refused = publish_as(&server, &shop, &hello).await;
    assert_eq!(refused.problem(), (422, "no_receivers".to_owned()));
    // What it may not reach looks as what does not exist.
    let nowhere = publish_as(&server, &shop, &unknown).await;
    assert_eq!(refused.body, nowhere.body);

    let id = shop.0.parse().unwrap();
    let mut more = Change::default();
    more.audience.accounts.insert("ada".parse().unwrap());
    server.store.widen(&id, more.clone()).await.unwrap();
    let both = json!({ "to": { "accounts": ["ada", "bob"] }, "title": "Hello" });
    let answer = publish_as(&server, &shop, &both).await;
    assert_eq!(
        (answer.status, &answer.json()["receivers"]),
        (201, &json!(1))
    );
    server.store.narrow(&id, more).await.unwrap();
    let answer = publish_as(&server, &shop, &hello).await;
    assert_eq!(answer.problem(), (422, "no_receivers".to_owned()));
}

#[tokio::test]
async fn d1_tokens_and_free_topics_beyond_the_audience_are_out_of_reach() {
    let server = server(Registration::Open).await;
    let ada = server.sign_in("ada", DeviceKind::Desktop).await;
    let shop = credentials(&register(&server, &shop()).await);
    let tokens = json!({ "to": { "tokens": [ada.message_token] }, "title": "Hello" });
    let news = json!({ "to": { "topics": ["news"] }, "title": "Hello" });
    let answer = publish_as(&server, &shop, &tokens).await;
    assert_eq!(answer.problem(), (422, "no_receivers".to_owned()));
    let answer = publish_as(&server, &shop, &news).await;
    assert_eq!(answer.problem(), (403, "forbidden".to_owned()));

    let mut more = Change::default();
    more.audience.accounts.insert("ada".parse().unwrap());
    more.audience.topics.insert("news".to_owned());
    let id = shop.0.parse().unwrap();
    server.store.widen(&id, more).await.unwrap();
    for body in [&tokens, &news] {
        let answer = publish_as(&server, &shop, body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }
}

#[tokio::test]
async fn d1_approval_comes_before_publishing() {
    let server = server(Registration::Approval).await;
    let answer = register(&server, &shop()).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let shop = credentials(&answer);
    let hello = json!({ "to": { "accounts": ["ada"] }, "title": "Hello" });
    let answer = publish_as(&server, &shop, &hello).await;
    assert_eq!(answer.problem(), (403, "forbidden".to_owned()));
    let id = shop.0.parse().unwrap();
    let everybody = Change {
        every_account: true,
        everyone: true,
        ..Change::default()
    };
    server.store.widen(&id, everybody).await.unwrap();
    let (id_and_secret, text) = (format!("{}.{}", shop.0, shop.1), r#"{"message":"Hello"}"#);
    let bearer = format!("Bearer {id_and_secret}");
    let gotify = format!("/message?token={id_and_secret}");
    for path in ["/offers", gotify.as_str()] {
        let headers = [("authorization", bearer.as_str())];
        let answer = server.request(Method::POST, path, &headers, text).await;
        assert_eq!(answer.status, 403, "{path} {answer:?}");
    }
    server.store.approve(&id).await.unwrap();
    assert_eq!(publish_as(&server, &shop, &hello).await.status, 201);
}

#[tokio::test]
async fn d1_a_registration_says_who_it_is() {
    let server = server(Registration::Open).await;
    for (field, value) in [
        ("name", json!("")),
        ("name", json!("  ")),
        ("name", json!("two\nlines")),
        ("name", json!("x".repeat(101))),
        ("kind", json!("Shop")),
        ("kind", json!("x")),
        ("kind", json!("hither")),
        ("kind", json!("account")),
        ("contact", json!("")),
        ("contact", Value::Null),
    ] {
        let mut body = shop();
        body[field] = value;
        let answer = register(&server, &body).await;
        assert_eq!(answer.problem(), (422, "invalid".to_owned()), "{body}");
    }
    assert_eq!(server.store.publishers().await.unwrap().len(), 1);
}

#[tokio::test]
async fn d2_rights_can_be_withdrawn() {
    let server = Server::start().await;
    let less = Change {
        everyone: true,
        urgent: true,
        html: true,
        ..Change::default()
    };
    let id = PUBLISHER.parse().unwrap();
    server.store.narrow(&id, less.clone()).await.unwrap();
    let to = json!({ "accounts": ["ada"] });
    let refused = [
        json!({ "to": to, "title": "Fire", "priority": 5 }),
        json!({ "to": to, "html": "<p>Hello" }),
        json!({ "to": { "everyone": true }, "title": "Hello" }),
        json!({ "to": { "application": { "name": "cad" } }, "title": "Hello" }),
    ];
    for body in &refused {
        let answer = server.publish(body).await;
        assert_eq!(answer.problem(), (403, "forbidden".to_owned()), "{body}");
    }
    let plain = json!({ "to": to, "title": "Hello", "priority": 4 });
    assert_eq!(server.publish(&plain).await.status, 201);
    server.store.widen(&id, less).await.unwrap();
    for body in &refused {
        assert_eq!(server.publish(body).await.status, 201, "{body}");
    }
}

#[tokio::test]
async fn d3_a_record_is_written_by_its_publisher_and_erased_by_the_person() {
    let server = Server::start().await;
    let ada = server.sign_in("ada", DeviceKind::Desktop).await;
    let bob = server.sign_in("bob", DeviceKind::Desktop).await;
    let path = "/v1/receivers/ada/record";
    let missing = as_publisher(&server, Method::GET, path, "").await;
    assert_eq!(missing.problem(), (404, "not_found".to_owned()));
    for record in [
        json!({ "balance": 12.5 }),
        json!({ "balance": 13, "due": "May" }),
    ] {
        let answer = as_publisher(&server, Method::PUT, path, &record.to_string()).await;
        assert_eq!(answer.status, 204, "{answer:?}");
        let answer = as_publisher(&server, Method::GET, path, "").await;
        assert_eq!(answer.json(), record);
        let seen = as_client(&server, Method::GET, "/v1/records", &ada)
            .await
            .json();
        assert_eq!(seen["records"][0]["record"], record);
        assert_eq!(
            seen["records"][0]["publisher"],
            json!({ "id": PUBLISHER, "name": "Tests" })
        );
    }
    let seen = as_client(&server, Method::GET, "/v1/records", &bob).await;
    assert_eq!(seen.json(), json!({ "records": [] }));
    let own = format!("/v1/records/{PUBLISHER}");
    let not_bobs = as_client(&server, Method::DELETE, &own, &bob).await;
    assert_eq!(not_bobs.problem(), (404, "not_found".to_owned()));
    let erased = as_client(&server, Method::DELETE, &own, &ada).await;
    assert_eq!(erased.status, 204);
    let gone = as_publisher(&server, Method::GET, path, "").await;
    assert_eq!(gone.body, missing.body);
}

#[tokio::test]
async fn d3_records_have_bounds() {
    let server = Server::start().await;
    let path = "/v1/receivers/ada/record";
    let fits = json!({ "x": "y".repeat(8 * 1024 - 8) }).to_string();
    let large = json!({ "x": "y".repeat(8 * 1024 - 7) }).to_string();
    assert_eq!(fits.len(), 8 * 1024);
    for (body, status, code) in [
        (fits.as_str(), 204, ""),
        (&large, 422, "invalid"),
        ("[]", 422, "invalid"),
        ("{", 400, "malformed"),
    ] {
        let answer = as_publisher(&server, Method::PUT, path, body).await;
        assert_eq!(answer.status, status, "{answer:?}");
        if !code.is_empty() {
            assert_eq!(answer.problem().1, code);
        }
    }
    for name in ["nobody", "Not%20a%20name", "%ff"] {
        let path = format!("/v1/receivers/{name}/record");
        let answer = as_publisher(&server, Method::PUT, &path, "{}").await;
        assert_eq!(answer.problem(), (404, "not_found".to_owned()), "{name}");
    }
}
