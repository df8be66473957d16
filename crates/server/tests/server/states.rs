//! What a publisher learns of what became of its message.

use hither_protocol::{ClientFrame, DeviceKind, MessageId, ServerFrame};
use hyper::Method;
use serde_json::json;

use crate::harness::{Answer, PUBLISHER, SECRET, Server, bearer, shows};

async fn ask(server: &Server, path: &str) -> Answer {
    let authorization = format!("Bearer {PUBLISHER}.{SECRET}");
    let headers = [("authorization", authorization.as_str())];
    server.request(Method::GET, path, &headers, "").await
}

async fn ask_about(server: &Server, id: MessageId) -> serde_json::Value {
    let answer = ask(server, &format!("/v1/messages/{id}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

#[tokio::test]
async fn a_publisher_follows_its_message_to_each_receiver() {
    let server = Server::start().await;
    let ada = server.sign_in("ada", DeviceKind::Mobile).await;
    let (mut stream, _) = server.connect(&ada, None).await;
    let message = json!({ "to": { "accounts": ["bob", "ada"] }, "title": "hello" });
    let id = server.send_as(&message).await;
    let told = ask_about(&server, id).await;
    let at = &told["created_at"];
    assert_eq!(
        told,
        json!({
            "id": id,
            "created_at": at,
            "counts": { "stored": 2, "delivered": 0, "shown": 0, "read": 0 },
            "receivers": [
                { "account": "ada", "stored_at": at },
                { "account": "bob", "stored_at": at },
            ],
            "more": false,
        })
    );

    let ServerFrame::Message { cursor, .. } = stream.next().await else {
        panic!("no message");
    };
    stream.say(&ClientFrame::Ack { cursor }).await;
    stream.ping().await;
    // Takes the ack to the disk.
    server.send("bob", "another").await;
    let told = ask_about(&server, id).await;
    assert_eq!(told["counts"]["delivered"], 1);
    assert!(told["receivers"][0]["delivered_at"].is_string(), "{told}");
    assert!(told["receivers"][1].get("delivered_at").is_none(), "{told}");
    for word in ["device", "presence", "platform", "mobile"] {
        assert!(!told.to_string().contains(word), "{told}");
    }
}

#[tokio::test]
async fn states_come_in_parts_to_their_publisher_alone() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Mobile).await;
    let message = json!({ "to": { "accounts": ["bob", "ada"] }, "title": "hello" });
    let id = server.send_as(&message).await;
    let part = ask(&server, &format!("/v1/messages/{id}?limit=1"))
        .await
        .json();
    assert_eq!(part["receivers"][0]["account"], "ada");
    assert_eq!(part["more"], true);
    let rest = ask(&server, &format!("/v1/messages/{id}?limit=1&after=ada")).await;
    assert_eq!(rest.json()["receivers"][0]["account"], "bob");
    assert_eq!(rest.json()["more"], false);

    for (path, problem) in [
        ("0198f6f2-3c5e-7cc3-98c4-dc0c0c07398f", (404, "not_found")),
        ("nonsense", (404, "not_found")),
        (&*format!("{id}?limit=0"), (422, "invalid")),
        (&*format!("{id}?device=x"), (400, "malformed")),
    ] {
        let answer = ask(&server, &format!("/v1/messages/{path}")).await;
        assert_eq!(
            answer.problem(),
            (problem.0, problem.1.to_owned()),
            "{path}"
        );
    }
    // A receiver is no publisher.
    let headers = [("authorization", &*bearer(&session))];
    let path = format!("/v1/messages/{id}");
    let answer = server.request(Method::GET, &path, &headers, "").await;
    assert_eq!(answer.problem(), (401, "unauthenticated".to_owned()));
}

#[tokio::test]
async fn a_publisher_follows_its_message_to_a_token() {
    let server = Server::start().await;
    let ada = server.sign_in("ada", DeviceKind::Mobile).await;
    let (mut stream, _) = server.connect(&ada, None).await;
    let to = json!({ "accounts": ["bob"], "tokens": [ada.message_token] });
    let id = server.send_as(&json!({ "to": to, "title": "hello" })).await;
    let ServerFrame::Message { cursor, .. } = stream.next().await else {
        panic!("no message");
    };
    stream.say(&ClientFrame::Ack { cursor }).await;
    stream.say(&shows(id)).await;
    stream.ping().await;
    server.send("bob", "another").await;

    let told = ask_about(&server, id).await;
    let at = &told["created_at"];
    assert_eq!(
        told["receivers"][0],
        json!({ "account": "bob", "stored_at": at })
    );
    let state = told["receivers"][1].as_object().unwrap();
    assert_eq!(state["token"], ada.message_token.as_str());
    let names: Vec<_> = state.keys().map(String::as_str).collect();
    assert_eq!(names, ["delivered_at", "shown_at", "stored_at", "token"]);
    assert!(!told.to_string().contains("ada"), "{told}");

    let part = ask(&server, &format!("/v1/messages/{id}?limit=1&after=bob")).await;
    assert_eq!(part.json()["receivers"], json!([state]));
    let path = format!("/v1/messages/{id}?after={}", ada.message_token);
    assert_eq!(ask(&server, &path).await.json()["receivers"], json!([]));
    let neither = ask(&server, &format!("/v1/messages/{id}?after=Ada")).await;
    assert_eq!(neither.problem(), (400, "malformed".to_owned()));
}
