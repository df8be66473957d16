//! One publish that says something of its own to each receiver.

use hither_protocol::{DeviceKind, ServerFrame, Session};
use hither_server::store::Store;
use hyper::Method;
use serde_json::{Value, json};

use super::harness::{Answer, PUBLISHER, SECRET, Server, Stream};

/// To Ada and Bob, with more.
fn template(extra: &Value) -> Value {
    let mut body = json!({
        "to": { "accounts": ["ada", "bob"] },
        "title": "{{balance}} left", "body": "Dear {{ name }}",
    });
    for (name, value) in extra.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn both() -> Value {
    json!({
        "ada": { "balance": 12.5, "name": "Ada" },
        "bob": { "balance": "none", "name": "<Bob>" },
    })
}

async fn keep(server: &Server, account: &str, record: &Value) {
    let token = format!("Bearer {PUBLISHER}.{SECRET}");
    let headers = [
        ("authorization", token.as_str()),
        ("content-type", "application/json"),
    ];
    let path = format!("/v1/receivers/{account}/record");
    let kept = server.request(Method::PUT, &path, &headers, record.to_string());
    assert_eq!(kept.await.status, 204);
}

async fn sign_in(server: &Server) -> (Session, Session) {
    let ada = server.sign_in("ada", DeviceKind::Mobile).await;
    (ada, server.sign_in("bob", DeviceKind::Mobile).await)
}

async fn titles(server: &Server, session: &Session) -> Vec<String> {
    let listed = server.get("/v1/messages", session).await.json();
    let messages = listed["messages"].as_array().unwrap();
    let title = |message: &Value| message["title"].as_str().unwrap().to_owned();
    messages.iter().map(title).collect()
}

async fn next_title(stream: &mut Stream) -> String {
    match stream.next().await {
        ServerFrame::Message { message, .. } => message.title,
        other => panic!("no message: {other:?}"),
    }
}

/// The detail of a refusal.
fn refused(answer: &Answer) -> String {
    assert_eq!(answer.problem(), (422, "invalid".to_owned()), "{answer:?}");
    answer.json()["detail"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn d3_each_receiver_sees_its_own_everywhere() {
    let server = Server::start().await;
    let (ada, bob) = sign_in(&server).await;
    let (mut stream, start) = server.connect(&ada, None).await;
    let (mut bobs, _) = server.connect(&bob, None).await;
    let page = format!("<p>{{{{name}}}}</p>{}", "x".repeat(100 * 1024));
    let body = template(&json!({ "fields": both(), "html": page }));
    let answer = server.publish(&body).await;
    assert_eq!(
        (answer.status, &answer.json()["receivers"]),
        (201, &json!(2))
    );
    assert_eq!(next_title(&mut stream).await, "12.5 left");
    assert_eq!(next_title(&mut bobs).await, "none left");
    stream.close().await;
    let (_, backlog) = server.connect(&ada, Some(start.cursor)).await;
    assert_eq!(backlog.titles(), ["12.5 left"]);

    let id = answer.json()["id"].as_str().unwrap().to_owned();
    for (session, title, text, name) in [
        (&ada, "12.5 left", "Dear Ada", "Ada"),
        (&bob, "none left", "Dear <Bob>", "&lt;Bob&gt;"),
    ] {
        let listed = server.get("/v1/messages", session).await.json();
        let message = &listed["messages"][0];
        assert_eq!(
            (&message["title"], &message["body"]),
            (&json!(title), &json!(text))
        );
        let html = server
            .get(&format!("/v1/messages/{id}/html"), session)
            .await;
        assert!(html.body.starts_with(&format!("<p>{name}</p>x")), "{name}");
    }
    let server = server.restart().await;
    assert_eq!(titles(&server, &ada).await, ["12.5 left"]);
    assert_eq!(titles(&server, &bob).await, ["none left"]);
}

#[tokio::test]
async fn d3_records_fill_what_fields_leave_out() {
    let server = Server::start().await;
    let (ada, bob) = sign_in(&server).await;
    server.send_as(&template(&json!({}))).await;
    keep(&server, "ada", &json!({ "balance": 1, "name": "A" })).await;
    keep(&server, "bob", &json!({ "balance": 2, "name": "B" })).await;
    server.send_as(&template(&json!({}))).await;
    let fields = json!({ "fields": { "ada": { "balance": 3 } } });
    server.send_as(&template(&fields)).await;
    assert_eq!(
        titles(&server, &ada).await,
        ["{{balance}} left", "1 left", "3 left"]
    );
    assert_eq!(
        titles(&server, &bob).await,
        ["{{balance}} left", "2 left", "2 left"]
    );
}

#[tokio::test]
async fn d3_a_missing_value_names_receiver_and_field_and_nothing_is_stored() {
    let server = Server::start().await;
    sign_in(&server).await;
    let head = server.store.head();
    let mut fields = both();
    fields["bob"] = json!({ "name": "Bob" });
    let answer = server
        .publish(&template(&json!({ "fields": fields })))
        .await;
    let detail = refused(&answer);
    assert!(detail.contains("bob has no value for balance"), "{detail}");

    let others = [
        json!({ "accounts": ["ada"], "topics": ["news"] }),
        json!({ "topics": ["news"] }),
        json!({ "everyone": true }),
        json!({ "accounts": ["ada"], "tokens": ["hither_mt_x"] }),
        json!({ "application": { "name": "report" } }),
    ];
    for to in others {
        let answer = server
            .publish(&template(&json!({ "fields": both(), "to": to })))
            .await;
        let detail = refused(&answer);
        assert!(detail.contains("to.accounts alone"), "{to}: {detail}");
    }
    for value in [json!(null), json!([1]), json!({})] {
        let fields = json!({ "fields": { "ada": { "name": value } } });
        refused(&server.publish(&template(&fields)).await);
    }
    let mut fields = both();
    fields["ada"]["balance"] = json!("x".repeat(1024));
    let detail = refused(
        &server
            .publish(&template(&json!({ "fields": fields })))
            .await,
    );
    assert!(detail.contains("title filled for ada"), "{detail}");
    let mut fields = both();
    fields["ada"]["name"] = json!("\u{1}".repeat(12 * 1024));
    let detail = refused(
        &server
            .publish(&template(&json!({ "fields": fields })))
            .await,
    );
    assert!(detail.contains("as JSON, filled for ada"), "{detail}");
    assert_eq!(server.store.head(), head);
}

#[tokio::test]
async fn d3_unknown_receivers_look_alike_and_repeats_are_stored_once() {
    let server = Server::start().await;
    let (ada, _) = sign_in(&server).await;
    let mut fields = both();
    fields["Not A Name!"] = json!({});
    let to = json!({ "accounts": ["ada", "nobody"] });
    let body = template(&json!({ "fields": fields, "to": to }));
    let key = [("idempotency-key", "balances")];
    let first = server.publish_with(&key, &body).await;
    let again = server.publish_with(&key, &body).await;
    assert_eq!((first.status, &first.body), (201, &again.body));
    assert_eq!(first.json()["receivers"], 1);
    assert_eq!(titles(&server, &ada).await, ["12.5 left"]);
    let nobody = json!({ "fields": fields, "to": { "accounts": ["nobody"] } });
    let answer = server.publish(&template(&nobody)).await;
    assert_eq!(answer.problem(), (422, "no_receivers".to_owned()));
}

#[tokio::test]
async fn d3_what_was_filled_goes_with_the_message_and_the_account() {
    let server = Server::start().await;
    let (ada, bob) = sign_in(&server).await;
    let id = server
        .send_as(&template(&json!({ "fields": both() })))
        .await;
    let kept = |server: &Server| -> i64 {
        let count = "SELECT count(*) FROM own_content";
        let found = server.database().query_row(count, [], |row| row.get(0));
        found.unwrap()
    };
    assert_eq!(kept(&server), 2);
    server
        .store
        .remove_account(&"bob".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(kept(&server), 1);
    assert_eq!(server.get("/v1/messages", &bob).await.status, 401);
    let publisher = PUBLISHER.parse().unwrap();
    server.store.recall(&publisher, id).await.unwrap();
    assert!(titles(&server, &ada).await.is_empty());
    server
        .store
        .remove_account(&"ada".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(kept(&server), 0);
}
