//! Whom a message reaches: topics, everyone, message tokens, applications; and nobody else.

use hither_protocol::{
    ClientFrame, CloseCode, DeviceKind, FirstAlert, MessageId, PresenceState, ServerFrame, Session,
    WithdrawWhy,
};
use hither_server::store::Store;
use hyper::Method;
use serde_json::{Value, json};

use crate::harness::{PUBLISHER, SECRET, Server, Stream, account, application, bearer};

impl Server {
    async fn runs(&self, account: &str, name: &str, version: &str) -> Session {
        self.sign_in_with(&application(account, name, version, None))
            .await
    }

    /// The titles of what a client finds at an address.
    async fn titles_at(&self, path: &str, session: &Session) -> Vec<String> {
        let answer = self.get(path, session).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let messages = answer.json()["messages"].as_array().unwrap().clone();
        messages
            .iter()
            .map(|m| m["title"].as_str().unwrap().to_owned())
            .collect()
    }

    async fn titles(&self, session: &Session) -> Vec<String> {
        self.titles_at("/v1/messages", session).await
    }

    async fn change(&self, method: Method, path: &str, session: &Session) -> u16 {
        let headers = [("authorization", bearer(session))];
        let headers = headers
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        self.request(method, path, &headers, "").await.status
    }

    async fn recall(&self, id: MessageId) -> u16 {
        let token = format!("Bearer {PUBLISHER}.{SECRET}");
        let path = format!("/v1/messages/{id}");
        let headers = [("authorization", token.as_str())];
        self.request(Method::DELETE, &path, &headers, "")
            .await
            .status
    }
}

fn to(receivers: &Value, title: &str) -> Value {
    json!({ "to": receivers, "title": title })
}

async fn next_message(stream: &mut Stream) -> (String, FirstAlert) {
    match stream.next().await {
        ServerFrame::Message { message, alert, .. } => (message.title, alert),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn b2_b4_a_publish_to_tokens_reaches_exactly_those_clients() {
    let server = Server::start().await;
    let adas = server.runs("ada", "report", "1.0.0").await;
    let bobs = server.runs("bob", "report", "1.0.0").await;
    let mail = server
        .sign_in_with(&application("ada", "mail", "1.0.0", Some(&adas)))
        .await;
    let inbox = server.sign_in("ada", DeviceKind::Desktop).await;
    let (mut stream, _) = server.connect_version(&adas, None, "report", "1.0.0").await;
    let tokens = json!([adas.message_token, bobs.message_token, "hither_mt_dead"]);
    let answer = server
        .publish(&to(&json!({ "tokens": tokens }), "figures"))
        .await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.json()["receivers"], 2);
    assert_eq!(answer.json()["unknown_tokens"], json!(["hither_mt_dead"]));
    // An application of its own decides itself what rings.
    let live = next_message(&mut stream).await;
    assert_eq!(live, ("figures".to_owned(), FirstAlert::Silent));
    for (session, expected) in [(&adas, &["figures"][..]), (&bobs, &["figures"])] {
        assert_eq!(server.titles(session).await, expected);
        let own = format!("/v1/messages?token={}", session.message_token);
        assert_eq!(server.titles_at(&own, session).await, expected);
    }
    for session in [&mail, &inbox] {
        assert!(server.titles(session).await.is_empty());
    }
    // Each learns which application it is for.
    let page = server.get("/v1/messages", &bobs).await.json();
    assert_eq!(page["messages"][0]["application"], "report");
    // An address opens nothing: neither for another client nor for the publisher.
    let path = format!("/v1/messages?token={}", adas.message_token);
    for session in [&bobs, &mail, &inbox] {
        let refused = server.get(&path, session).await;
        assert_eq!(refused.problem(), (403, "forbidden".to_owned()));
    }
    let publisher = format!("Bearer {PUBLISHER}.{SECRET}");
    let headers = [("authorization", publisher.as_str())];
    let refused = server.request(Method::GET, &path, &headers, "").await;
    assert_eq!(refused.problem(), (401, "unauthenticated".to_owned()));

    let dead = json!({ "tokens": ["hither_mt_dead"] });
    let refused = server.publish(&to(&dead, "x")).await;
    assert_eq!(refused.problem(), (422, "no_receivers".to_owned()));
}

#[tokio::test]
async fn b4_a_token_of_the_inbox_is_that_device_alone_and_rings_there() {
    let server = Server::start().await;
    let desk = server.sign_in("ada", DeviceKind::Desktop).await;
    let phone = server.sign_in("ada", DeviceKind::Mobile).await;
    let mut desk_stream = server.connect_desktop(&desk, PresenceState::Active).await;
    let (mut phone_stream, _) = server.connect(&phone, None).await;
    let token = json!({ "tokens": [phone.message_token] });
    server.send_as(&to(&token, "only the phone")).await;
    let live = next_message(&mut phone_stream).await;
    assert_eq!(live, ("only the phone".to_owned(), FirstAlert::Now));
    assert_eq!(desk_stream.ping().await, []);
    server.send("ada", "inbox").await;
    assert_eq!(server.titles(&phone).await, ["only the phone", "inbox"]);
    assert_eq!(server.titles(&desk).await, ["inbox"]);
    let own = format!("/v1/messages?token={}", phone.message_token);
    assert_eq!(server.titles_at(&own, &phone).await, ["only the phone"]);
}

#[tokio::test]
async fn b3_a_version_range_reaches_present_later_and_upgrading_clients() {
    let server = Server::start().await;
    let old = server.runs("ada", "report", "1.0.0").await;
    let new = server.runs("bob", "report", "2.0.0").await;
    let (mut old_stream, start) = server.connect_version(&old, None, "report", "1.0.0").await;
    let (mut new_stream, _) = server.connect_version(&new, None, "report", "2.0.0").await;
    let range = json!({ "application": { "name": "report", "versions": ">=2, <3" } });
    let answer = server.publish(&to(&range, "settings for 2")).await;
    assert_eq!(answer.json()["receivers"], 1);
    assert_eq!(next_message(&mut new_stream).await.0, "settings for 2");
    let all = json!({ "application": { "name": "report" } });
    server.send_as(&to(&all, "for all")).await;
    let cursor = match old_stream.next().await {
        ServerFrame::Message {
            message, cursor, ..
        } if message.title == "for all" => cursor,
        other => panic!("{other:?}"),
    };
    assert!(start.frames.is_empty());
    old_stream.close().await;
    // Its cursor has passed the message; the program that comes back is newer.
    let (_, upgraded) = server
        .connect_version(&old, Some(cursor.clone()), "report", "2.1.0")
        .await;
    assert_eq!(upgraded.titles(), ["settings for 2"]);
    let (_, again) = server
        .connect_version(&old, Some(upgraded.cursor), "report", "2.1.0")
        .await;
    assert!(again.frames.is_empty());
    let later = server.runs("ada", "report", "2.5.0").await;
    assert_eq!(server.titles(&later).await, ["settings for 2", "for all"]);
    // A sign-in with another version is an upgrade too; what a hello says of another
    // application is not believed.
    let back = server
        .sign_in_with(&application("ada", "report", "1.0.0", Some(&old)))
        .await;
    let (_, lying) = server.connect_version(&back, None, "other", "2.0.0").await;
    assert_eq!(lying.titles(), ["for all"]);
    let foreign = server.runs("ada", "other", "2.0.0").await;
    assert!(server.titles(&foreign).await.is_empty());
}

#[tokio::test]
async fn b5_read_and_recall_of_a_clients_message_stay_in_its_log() {
    let server = Server::start().await;
    let report = server.runs("ada", "report", "1.0.0").await;
    let mail = server
        .sign_in_with(&application("ada", "mail", "1.0.0", Some(&report)))
        .await;
    let inbox = server.sign_in("ada", DeviceKind::Desktop).await;
    let tokens = json!({ "tokens": [report.message_token, mail.message_token] });
    let id = server.send_as(&to(&tokens, "both")).await;
    let (mut mine, _) = server
        .connect_version(&report, None, "report", "1.0.0")
        .await;
    let (mut other, _) = server.connect_version(&mail, None, "mail", "1.0.0").await;
    let (mut persons, _) = server.connect(&inbox, None).await;
    mine.say(&ClientFrame::Read { ids: vec![id] }).await;
    let told = mine.ping().await;
    assert!(
        matches!(&told[..], [ServerFrame::Read { ids, .. }] if *ids == [id]),
        "{told:?}"
    );
    assert_eq!(other.ping().await, []);
    assert_eq!(persons.ping().await, []);
    assert_eq!(server.recall(id).await, 204);
    for stream in [&mut mine, &mut other] {
        let told = stream.next().await;
        assert!(
            matches!(&told, ServerFrame::Withdraw { ids, why: WithdrawWhy::Recalled, .. }
                if *ids == [id]),
            "{told:?}"
        );
    }
    assert_eq!(persons.ping().await, []);
}

#[tokio::test]
async fn b6_another_account_on_the_device_ends_the_session_and_the_token() {
    let server = Server::start().await;
    let adas = server.runs("ada", "report", "1.0.0").await;
    let hither = server
        .sign_in_with(&application("ada", "hither", "1.0.0", Some(&adas)))
        .await;
    let (mut stream, _) = server.connect_version(&adas, None, "report", "1.0.0").await;
    let (mut inbox, _) = server.connect(&hither, None).await;
    server
        .send_as(&to(&json!({ "tokens": [adas.message_token] }), "adas"))
        .await;
    next_message(&mut stream).await;

    // Knowing the device's id gives another account nothing.
    let bob = application("bob", "report", "1.0.0", Some(&adas));
    server.sign_in_with(&bob).await;
    assert_eq!(stream.ping().await, []);
    assert_eq!(server.get("/v1/messages", &adas).await.status, 200);

    // Only who holds the session hands the device over.
    let bobs = server.sign_in_after(&bob, &adas).await;
    stream.ends_with(CloseCode::Revoked).await;
    assert_ne!(bobs.message_token, adas.message_token);
    assert!(server.titles(&bobs).await.is_empty());
    assert_eq!(server.get("/v1/messages", &adas).await.status, 401);
    let dead = to(&json!({ "tokens": [adas.message_token] }), "x");
    assert_eq!(server.publish(&dead).await.status, 422);
    // Another application on the device is another client.
    assert_eq!(inbox.ping().await, []);
    // Ada comes back: a new address, and nothing of the old one.
    let back = server
        .sign_in_with(&application("ada", "report", "1.0.0", Some(&adas)))
        .await;
    assert_eq!(back.device_id, adas.device_id);
    assert_ne!(back.message_token, adas.message_token);
    assert!(server.titles(&back).await.is_empty());
}

#[tokio::test]
async fn d4_what_is_for_everyone_rings_and_a_later_account_finds_it_silently() {
    let server = Server::start().await;
    let ada = server.sign_in("ada", DeviceKind::Desktop).await;
    let bob = server.sign_in("bob", DeviceKind::Mobile).await;
    let other = server.runs("ada", "report", "1.0.0").await;
    let mut desk = server.connect_desktop(&ada, PresenceState::Active).await;
    let (mut phone, _) = server.connect(&bob, None).await;
    let id = server
        .send_as(&to(&json!({ "everyone": true }), "fire drill"))
        .await;
    for stream in [&mut desk, &mut phone] {
        let live = next_message(stream).await;
        assert_eq!(live, ("fire drill".to_owned(), FirstAlert::Now));
    }
    assert!(server.titles(&other).await.is_empty());
    desk.say(&ClientFrame::Read { ids: vec![id] }).await;
    let told = desk.next().await;
    assert!(matches!(told, ServerFrame::Read { .. }), "{told:?}");
    server.store.add_account(account("eve")).await.unwrap();
    let eve = server.sign_in("eve", DeviceKind::Mobile).await;
    let (mut stream, backlog) = server.connect(&eve, None).await;
    assert_eq!(backlog.titles(), ["fire drill"]);
    assert!(backlog.messages().all(|message| message.read_at.is_none()));
    assert_eq!(stream.ping().await, [], "no alert");
    assert_eq!(server.recall(id).await, 204);
    for stream in [&mut desk, &mut phone, &mut stream] {
        while !matches!(stream.next().await, ServerFrame::Withdraw { .. }) {}
    }
}

#[tokio::test]
async fn a_topic_reaches_its_subscribers_from_then_on() {
    let server = Server::start().await;
    let ada = server.sign_in("ada", DeviceKind::Mobile).await;
    let bob = server.sign_in("bob", DeviceKind::Mobile).await;
    let (mut early, _) = server.connect(&ada, None).await;
    let (mut other, _) = server.connect(&bob, None).await;
    let news = json!({ "topics": ["news"] });
    let answer = server.publish(&to(&news, "before")).await;
    assert_eq!(
        (answer.status, &answer.json()["receivers"]),
        (201, &json!(0))
    );
    let path = "/v1/subscriptions/news";
    for _ in 0..2 {
        assert_eq!(server.change(Method::PUT, path, &ada).await, 204);
    }
    let listed = server.get("/v1/subscriptions", &ada).await.json();
    assert_eq!(listed, json!({ "topics": ["news"] }));
    let answer = server.publish(&to(&news, "first")).await;
    assert_eq!(answer.json()["receivers"], 1);
    assert_eq!(
        next_message(&mut early).await,
        ("first".to_owned(), FirstAlert::Now)
    );
    assert_eq!(other.ping().await, []);
    assert_eq!(server.change(Method::DELETE, path, &ada).await, 204);
    assert_eq!(server.change(Method::DELETE, path, &ada).await, 404);
    server.send_as(&to(&news, "between")).await;
    assert_eq!(early.ping().await, []);
    assert_eq!(server.change(Method::PUT, path, &ada).await, 204);
    server.send_as(&to(&news, "again")).await;
    while next_message(&mut early).await.0 != "again" {}
    assert_eq!(server.titles(&ada).await, ["first", "again"]);
    // After a restart the account knows its topics again.
    let server = server.restart().await;
    let (mut stream, backlog) = server.connect(&ada, None).await;
    assert_eq!(backlog.titles(), ["first", "again"]);
    server.send_as(&to(&news, "later")).await;
    while !matches!(stream.next().await, ServerFrame::Message { message, .. }
        if message.title == "later")
    {}
    let foreign = server.runs("ada", "report", "1.0.0").await;
    assert_eq!(server.change(Method::PUT, path, &foreign).await, 403);
    let bad = "/v1/subscriptions/no%20topic";
    assert_eq!(server.change(Method::PUT, bad, &ada).await, 422);
}

#[tokio::test]
async fn d5_a_newer_version_replaces_online_and_offline() {
    let server = Server::start().await;
    let online = server.sign_in("ada", DeviceKind::Mobile).await;
    let away = server.sign_in("bob", DeviceKind::Mobile).await;
    let (mut stream, _) = server.connect(&online, None).await;
    let balance = |text: &str| json!({ "to": { "accounts": ["ada", "bob"] }, "title": text, "key": "balance" });
    let old = server.send_as(&balance("10")).await;
    next_message(&mut stream).await;
    let (gone, seen) = server.connect(&away, None).await;
    assert_eq!(seen.titles(), ["10"]);
    gone.close().await;
    stream.say(&ClientFrame::Read { ids: vec![old] }).await;
    stream.ping().await;
    server.send_as(&balance("20")).await;
    let withdrawn = loop {
        match stream.next().await {
            ServerFrame::Withdraw { ids, why, .. } => break (ids, why),
            ServerFrame::Alert { .. } | ServerFrame::Read { .. } => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(withdrawn, (vec![old], WithdrawWhy::Replaced));
    assert_eq!(
        next_message(&mut stream).await,
        ("20".to_owned(), FirstAlert::Now)
    );
    let (_, back) = server.connect(&away, Some(seen.cursor)).await;
    assert!(
        matches!(&back.frames[..], [
            ServerFrame::Withdraw { ids, why: WithdrawWhy::Replaced, .. },
            ServerFrame::Message { message, .. },
        ] if *ids == [old] && message.title == "20" && message.read_at.is_none()),
        "{back:?}"
    );
    assert_eq!(server.titles(&away).await, ["20"]);
}

#[tokio::test]
async fn only_its_publisher_recalls_a_message() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Mobile).await;
    let id = server.send("ada", "oops").await;
    let path = format!("/v1/messages/{id}");
    assert_eq!(server.change(Method::DELETE, &path, &session).await, 401);
    assert_eq!(server.recall(MessageId(uuid::Uuid::now_v7())).await, 404);
    assert_eq!(server.titles(&session).await, ["oops"]);
    for _ in 0..2 {
        assert_eq!(server.recall(id).await, 204);
    }
    assert!(server.titles(&session).await.is_empty());
}
