//! Gotify's `POST /message`, as its scripts use it.

use hither_protocol::{DeviceKind, ServerFrame, Timestamp};
use hither_server::store::{Audience, Change, PublisherRecord, Publishers as _};
use hyper::Method;
use serde_json::json;

use crate::harness::{PUBLISHER, SECRET, Server};

#[tokio::test]
async fn every_way_of_sending_arrives_at_everyone() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    let (mut stream, _) = server.connect(&session, None).await;
    let token = format!("{PUBLISHER}.{SECRET}");
    let query = format!("/message?token={token}");
    let bearer = format!("Bearer {token}");
    let form = ("content-type", "application/x-www-form-urlencoded");
    let json = ("content-type", "application/json");
    let multipart = ("content-type", "multipart/form-data; boundary=b");
    let parts = "--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nT\r\n\
        --b\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\nM\r\n\
        --b\r\nContent-Disposition: form-data; name=\"priority\"\r\n\r\n8\r\n--b--\r\n";
    let object = r#"{"title":"T","message":"M","priority":8}"#;
    for (path, headers, body) in [
        (query.as_str(), &[form][..], "title=T&message=M&priority=8"),
        (&query, &[multipart], parts),
        (&query, &[json], object),
        ("/message", &[json, ("X-Gotify-Key", &token)], object),
        ("/message", &[json, ("Authorization", &bearer)], object),
        (&format!("{query}&title=T&message=M&priority=8"), &[], ""),
    ] {
        let answer = server.request(Method::POST, path, headers, body).await;
        assert_eq!(answer.status, 200, "{path} {headers:?}: {answer:?}");
        let sent = answer.json();
        assert_eq!(
            (&sent["title"], &sent["message"]),
            (&json!("T"), &json!("M"))
        );
        assert_eq!((&sent["priority"], &sent["appid"]), (&json!(8), &json!(1)));
        let id = sent["id"].as_u64().unwrap();
        assert!(id > 0 && id < 1 << 53, "{id}");
        let ServerFrame::Message { message, .. } = stream.next().await else {
            panic!("no message");
        };
        assert_eq!((message.title.as_str(), message.body.as_str()), ("T", "M"));
        assert_eq!(u8::from(message.priority), 4);
    }
}

#[tokio::test]
async fn a_topic_may_be_named_instead() {
    let server = Server::start().await;
    let path = format!("/message?topic=alerts&token={PUBLISHER}.{SECRET}");
    let answer = server
        .request(Method::POST, &path, &[], r#"{"message":"M"}"#)
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let bearer = format!("Bearer {PUBLISHER}.{SECRET}");
    let headers = [("authorization", bearer.as_str())];
    let answer = server
        .request(Method::GET, "/alerts/json?poll=1", &headers, "")
        .await;
    assert_eq!(answer.json()["message"], "M");
}

#[tokio::test]
async fn errors_have_gotifys_form() {
    let server = Server::start().await;
    let right = format!("/message?token={PUBLISHER}.{SECRET}");
    for (path, body, status) in [
        ("/message", r#"{"message":"M"}"#, 401),
        ("/message?token=wrong", r#"{"message":"M"}"#, 401),
        (
            &format!("/message?token={PUBLISHER}.wrong"),
            r#"{"message":"M"}"#,
            401,
        ),
        (right.as_str(), "", 400),
        (&right, "{}", 400),
        (&right, "no json", 400),
        (&right, r#"{"message":"M","priority":"loud"}"#, 400),
        (&format!("{right}&topic=v1"), r#"{"message":"M"}"#, 400),
    ] {
        let answer = server
            .request(Method::POST, path, &[], body.to_owned())
            .await;
        assert_eq!(answer.status, status, "{path} {body}: {answer:?}");
        let error = answer.json();
        assert_eq!(error["errorCode"], status);
        assert!(!error["errorDescription"].as_str().unwrap().is_empty());
        assert!(!error["error"].as_str().unwrap().is_empty());
    }
    for (path, field) in [("/version", "version"), ("/health", "health")] {
        let answer = server.request(Method::GET, path, &[], "").await;
        assert!(answer.json()[field].is_string(), "{answer:?}");
    }
}

#[tokio::test]
async fn a_narrowed_publisher_sends_to_topics_only() {
    let server = Server::start().await;
    let narrowed = Change {
        every_account: true,
        everyone: true,
        ..Change::default()
    };
    let id = PUBLISHER.parse().unwrap();
    server.store.narrow(&id, narrowed).await.unwrap();
    let token = format!("token={PUBLISHER}.{SECRET}");
    let send = async |path: &str| {
        let body = r#"{"message":"M"}"#;
        server.request(Method::POST, path, &[], body).await
    };
    let answer = send(&format!("/message?{token}")).await;
    assert_eq!(
        (answer.status, &answer.json()["errorCode"]),
        (403, &json!(403))
    );
    let topics = Change {
        audience: Audience {
            topics: ["alerts".to_owned()].into(),
            ..Audience::default()
        },
        ..Change::default()
    };
    server.store.widen(&id, topics).await.unwrap();
    let answer = send(&format!("/message?topic=alerts&{token}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn who_waits_for_approval_sends_nothing() {
    let server = Server::start().await;
    let waiting = PublisherRecord {
        approved_at: None,
        ..PublisherRecord::new(
            "app-0000000000000003".parse().unwrap(),
            "Waiting".to_owned(),
            vec![hither_server::secret::hash(SECRET)],
            Timestamp::now(),
        )
    };
    let token = format!("{}.{SECRET}", waiting.id);
    let bearer = format!("Bearer {token}");
    server.store.add_publisher(waiting).await.unwrap();
    for path in [&format!("/message?token={token}"), "/alerts"] {
        let headers = [("authorization", bearer.as_str())];
        let body = r#"{"message":"M"}"#;
        let answer = server.request(Method::POST, path, &headers, body).await;
        assert_eq!(answer.status, 403, "{path}: {answer:?}");
    }
}
