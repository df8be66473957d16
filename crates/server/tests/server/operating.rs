//! What the operator sees, and docs/operating.md.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hither_protocol::{
    ClientFrame, CloseCode, DeviceKind, MessageId, PresenceState, ServerFrame, Timestamp,
};
use hither_server::config::{Config, Layer, SETTINGS};
use hither_server::store::{Clock, Store};
use hither_server::{Limits, MetricsAccess, ServeError, Settings};
use hyper::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{self, Answer, Server, shows};

const OPERATING: &str = include_str!("../../../../docs/operating.md");

async fn observed() -> Server {
    Server::with(harness::observed()).await
}

async fn ask(server: &Server, headers: &[(&str, &str)]) -> Answer {
    server.request(Method::GET, "/metrics", headers, "").await
}

/// The first columns of the tables' rows, which are code.
fn documented(section: &str) -> BTreeMap<&str, &str> {
    let text = OPERATING
        .split(&format!("\n## {section}\n"))
        .nth(1)
        .unwrap();
    let text = text.split("\n## ").next().unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| {
        let mut cells = row
            .trim_matches('|')
            .split(" | ")
            .map(|cell| cell.trim().trim_matches('`'));
        (cells.next().unwrap(), cells.next().unwrap())
    });
    cells.collect()
}

#[tokio::test]
async fn every_metric_is_documented_and_every_documented_one_is_there() {
    let server = observed().await;
    let body = ask(&server, &[]).await.body;
    let types = body.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let names = types.map(|line| line.split_once(' ').unwrap().0.to_owned());
    let found: BTreeSet<_> = names.collect();
    let documented = documented("Metrics")
        .into_keys()
        .map(str::to_owned)
        .collect();
    assert_eq!(found, documented);
    for word in OPERATING.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
        let plain = word.strip_suffix("_bucket").unwrap_or(word);
        let about_a_metric = word.starts_with("hither_") && word != "hither_server";
        assert!(
            !about_a_metric || found.contains(plain),
            "{word} is no metric"
        );
    }
}

#[test]
fn every_setting_is_documented_with_its_default() {
    let flags = Layer {
        data: Some("/data".into()),
        ..Layer::default()
    };
    let config = serde_json::to_value(Config::gather(flags, None).unwrap()).unwrap();
    let mut rows = documented("Settings");
    rows.extend(documented("Limits"));
    assert_eq!(rows.len(), SETTINGS.len());
    for (key, _) in SETTINGS {
        let documented = rows
            .get(key)
            .unwrap_or_else(|| panic!("{key} is not documented"));
        let default = match &config[key]["value"] {
            Value::Null => "-".to_owned(),
            Value::Array(items) if items.is_empty() => "-".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        assert!(*key == "data" || default == *documented, "{key}: {default}");
    }
}

#[test]
fn the_examples_are_in_the_recipes() {
    let caddy = include_str!("../../../../docs/recipes/Caddyfile");
    let (_, shown) = caddy.split_once('\n').unwrap();
    assert!(OPERATING.contains(shown), "the Caddyfile is another one");
}

#[tokio::test]
async fn who_is_not_getting_messages_is_seen() {
    let server = observed().await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    server.send("ada", "while away").await;
    let mut stream = server
        .connect_desktop(&session, PresenceState::Active)
        .await;
    server
        .wait_for_sample("hither_oldest_unacked_seconds", |age| age > 0.0)
        .await;
    server
        .wait_for_sample("hither_streams", |count| count > 0.5)
        .await;
    let id = server.send("ada", "live").await;
    let cursor = loop {
        match stream.next().await {
            ServerFrame::Message {
                cursor, message, ..
            } if message.id == id => break cursor,
            _ => {}
        }
    };
    stream.say(&ClientFrame::Ack { cursor }).await;
    // Said again, it is the same pop-up; a message of nobody is none.
    for id in [id, id, MessageId(Uuid::now_v7())] {
        stream.say(&shows(id)).await;
    }
    stream.ping().await;
    server
        .wait_for_sample("hither_oldest_unacked_seconds", |age| age == 0.0)
        .await;
    for id in [id, id, MessageId(Uuid::now_v7())] {
        stream.say(&ClientFrame::Read { ids: vec![id] }).await;
    }
    stream.ping().await;
    let samples = server.samples().await;
    for (name, value) in [
        ("hither_log_entries_total{kind=\"message\"}", 2.0),
        ("hither_messages_delivered_total{alert=\"silent\"}", 1.0),
        ("hither_messages_delivered_total{alert=\"now\"}", 1.0),
        ("hither_acks_total", 1.0),
        ("hither_messages_shown_total", 1.0),
        ("hither_messages_read_total", 1.0),
        ("hither_alerts_total{kind=\"now\"}", 1.0),
        ("hither_sign_ins_total{result=\"right\"}", 1.0),
        ("hither_requests_total{status=\"201\"}", 3.0),
        ("hither_accounts_loaded", 1.0),
    ] {
        assert_eq!(samples.get(name), Some(&value), "{name}");
    }
    for name in [
        "hither_commit_seconds_count",
        "hither_store_bytes",
        "hither_free_bytes",
        "hither_resident_memory_bytes",
        "hither_open_files",
    ] {
        assert!(samples[name] > 0.0, "{name}");
    }
    drop(stream);
    server
        .wait_for_sample("hither_streams_closed_total{code=\"lost\"}", |count| {
            count > 0.5
        })
        .await;
}

#[tokio::test]
async fn alerts_that_nobody_can_get_are_owed() {
    let server = observed().await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    let stream = server
        .connect_desktop(&session, PresenceState::Inactive)
        .await;
    server.send("ada", "nobody is there").await;
    server
        .wait_for_sample("hither_alerts_owed", |owed| owed > 0.5)
        .await;
    drop(stream);
    let _active = server
        .connect_desktop(&session, PresenceState::Active)
        .await;
    server
        .wait_for_sample("hither_alerts_owed", |owed| owed == 0.0)
        .await;
    server
        .wait_for_sample("hither_alerts_total{kind=\"waiting\"}", |count| {
            count >= 1.0
        })
        .await;
}

#[tokio::test]
async fn a_server_is_ready_while_its_store_answers() {
    let server = Server::start().await;
    let ask = async |path| server.request(Method::GET, path, &[], "").await;
    assert_eq!(ask("/readyz").await.body, "ready\n");
    assert_eq!(ask("/health").await.json()["database"], "green");
    server.store.close().await;
    let unavailable = (503, "unavailable".to_owned());
    assert_eq!(ask("/readyz").await.problem(), unavailable);
    let health = ask("/health").await;
    assert_eq!(
        (health.status, &health.json()["database"]),
        (500, &json!("red"))
    );
    assert_eq!(ask("/healthz").await.status, 200, "it lives");
}

#[tokio::test]
async fn a_server_that_lost_a_part_of_itself_ends() {
    let fails = Arc::new(AtomicBool::new(false));
    let fails_now = Arc::clone(&fails);
    let clock: Clock = Arc::new(move || {
        let writer = std::thread::current().name() == Some("store-writer");
        let fails = fails_now.load(Ordering::Relaxed) && !writer;
        assert!(!fails, "the clock fails whoever looks for what expired");
        Timestamp::now()
    });
    let server = Server::with_clock(Settings::default(), clock).await;
    let session = server.sign_in("bob", DeviceKind::Desktop).await;
    let mut stream = server.connect(&session, None).await.0;
    fails.store(true, Ordering::Relaxed);
    let expiring = json!({ "to": { "accounts": ["ada"] }, "title": "t", "ttl_s": 60 });
    server.send_as(&expiring).await;
    stream.ends_with(CloseCode::Restarting).await;
    assert!(matches!(server.fails().await, ServeError::Failed(_)));
}

#[tokio::test]
async fn refusals_count_in_whatever_form_they_are() {
    let server = observed().await;
    let json = [("content-type", "application/json")];
    for (method, path, code) in [
        (Method::POST, "/v1/messages", "unauthenticated"),
        (Method::POST, "/alerts", "forbidden"),
        (Method::POST, "/message?token=x.y", "unauthenticated"),
    ] {
        let name = format!("hither_requests_rejected_total{{code=\"{code}\"}}");
        let before = server.samples().await[&name];
        let answer = server.request(method, path, &json, "{}").await;
        assert!(answer.status >= 400, "{path}: {answer:?}");
        let now = server.samples().await[&name];
        assert!(now > before, "{path}: {code} after {}", answer.status);
    }
}

#[tokio::test]
async fn metrics_are_not_for_everybody() {
    let server = observed().await;
    for header in ["x-forwarded-for", "forwarded"] {
        assert_eq!(
            ask(&server, &[(header, "192.0.2.1")]).await.status,
            404,
            "{header}"
        );
    }
    let closed = Server::start().await;
    assert_eq!(
        ask(&closed, &[]).await.problem(),
        (404, "not_found".to_owned())
    );
    let token = "a secret that is long";
    let with_token = Server::with(Settings {
        metrics: MetricsAccess {
            on_main: false,
            token: Some(hither_protocol::AccessToken::new(token.to_owned())),
        },
        ..Settings::default()
    })
    .await;
    for (bearer, status) in [
        (format!("Bearer {token}"), 200),
        ("Bearer a secret that is wrong".to_owned(), 404),
        ("Bearer ".to_owned(), 404),
    ] {
        let answer = ask(&with_token, &[("authorization", &bearer)]).await;
        assert_eq!(answer.status, status, "{bearer}");
    }
}

#[tokio::test]
async fn every_answer_has_an_id_and_only_a_proxy_chooses_it() {
    let server = Server::start().await;
    let given = [("x-request-id", "chosen-by-anybody")];
    let mut ids = BTreeSet::new();
    for path in ["/healthz", "/nowhere", "/v1/tokens"] {
        let answer = server.request(Method::GET, path, &given, "").await;
        ids.insert(answer.header("x-request-id").to_owned());
    }
    assert_eq!(ids.len(), 3);
    assert!(!ids.contains("chosen-by-anybody") && !ids.contains(""));
    let server = Server::with(Settings {
        trusted_proxies: vec!["127.0.0.1".parse().unwrap()],
        ..Settings::default()
    })
    .await;
    for (id, kept) in [
        ("of-the-proxy", true),
        ("with space", false),
        (&"x".repeat(65), false),
    ] {
        let answer = server
            .request(Method::GET, "/healthz", &[("x-request-id", id)], "")
            .await;
        assert_eq!(answer.header("x-request-id") == id, kept, "{id}");
    }
}

#[tokio::test]
async fn a_restart_says_when_to_come_back_and_answers_what_was_asked() {
    let server = Server::with(Settings {
        limits: Limits {
            stop_within: Duration::from_secs(10),
            ..Limits::default()
        },
        ..Settings::default()
    })
    .await;
    let mut waits = BTreeSet::new();
    let mut streams = Vec::new();
    for account in ["ada", "bob"] {
        for _ in 0..4 {
            let session = server.sign_in(account, DeviceKind::Desktop).await;
            streams.push(server.connect(&session, None).await.0);
        }
    }
    let body = json!({ "to": { "accounts": ["ada"] }, "title": "under way" });
    let (stop, publishes) = {
        let some = (0..20).map(|_| server.try_publish(&body));
        let publishes = tokio::spawn(futures_util::future::join_all(some));
        (server, publishes)
    };
    let (settings, folder) = stop.stop().await;
    let answered = publishes.await.unwrap();
    for mut stream in streams {
        let frames = stream.ends_with(CloseCode::Restarting).await;
        let Some(ServerFrame::Error {
            code,
            retry_after_ms,
            ..
        }) = frames.last()
        else {
            panic!("{frames:?}")
        };
        assert_eq!(code, "restarting");
        waits.insert(retry_after_ms.unwrap());
    }
    assert!(waits.len() > 1, "all come back at once: {waits:?}");
    assert!(waits.iter().all(|wait| (300..=60_300).contains(wait)));
    let server = Server::run(settings, folder, hither_server::store::system_clock()).await;
    let stored = server.store.head().0;
    let accepted = answered
        .iter()
        .filter(|answer| **answer == Some(201))
        .count() as u64;
    assert!(accepted <= stored, "{accepted} answered, {stored} stored");
    assert!(
        answered
            .iter()
            .flatten()
            .all(|status| [201, 503].contains(status))
    );
}
