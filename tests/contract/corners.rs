//! What a client that was written from the contract alone stumbled over.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::place::{DESK, Device, Place};

/// What the detail of a problem says.
#[track_caller]
fn detail(answer: &Answer) -> &str {
    answer.body["detail"].as_str().expect("a problem")
}

#[test]
fn a_problem_names_the_address_that_was_asked() {
    let place = Place::find();
    for (method, path) in [
        ("GET", "/v1/nope"),
        ("GET", "/v1/messages/x/y/z"),
        ("PATCH", "/v1/messages"),
    ] {
        let answer = place.ask(method, path, None, None);
        assert!(matches!(answer.status, 404 | 405), "{answer:?}");
        assert!(detail(&answer).contains(path), "{answer:?}");
    }
}

#[test]
fn whoever_waits_to_be_asked_for_credentials_is_asked() {
    let place = Place::find();
    for (method, path) in [
        ("POST", "/v1/messages"),
        ("POST", "/v1/attachments"),
        ("GET", "/v1/messages/0197a9b0-0000-7000-8000-000000000001"),
        (
            "DELETE",
            "/v1/messages/0197a9b0-0000-7000-8000-000000000001",
        ),
        ("GET", "/v1/webhooks"),
    ] {
        for credentials in [None, Some("Basic eDp5"), Some("Bearer x.y")] {
            let answer = place.ask(method, path, credentials, None);
            assert_eq!(
                answer.problem(),
                (401, "unauthenticated"),
                "{method} {path}"
            );
            let asked = answer.headers("www-authenticate");
            let schemes: Vec<_> = asked.iter().filter_map(|it| it.split(' ').next()).collect();
            assert_eq!(schemes, ["Basic", "Bearer"], "{method} {path}");
        }
    }
    // A browser would ask its person for a password that opens nothing.
    let answer = place.ask("GET", "/v1/tokens", None, None);
    assert_eq!(answer.headers("www-authenticate").len(), 1);
}

#[test]
fn a_part_that_is_not_there_tells_how_much_is() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let desk = ada.sign_in(&DESK);
    let headers = [("authorization", publisher.bearer.as_str())];
    let file = place.send("POST", "/v1/attachments", &headers, b"abcdefghij".to_vec());
    publisher.publish(&json!({
        "to": { "accounts": [ada.name] }, "title": "x",
        "attachments": [{ "id": file.is(201)["id"] }],
    }));
    let message = desk.get("/v1/messages")["messages"][0].clone();
    let href = message["attachments"][0]["href"].as_str().unwrap();
    let answer = desk.ask_with("GET", href, &[("range", "bytes=10-")], None);
    assert_eq!(answer.problem(), (416, "range_not_satisfiable"));
    assert_eq!(answer.header("content-range"), "bytes */10");

    let topic = format!("/t{:x}", fastrand::u64(..));
    let headers = [headers[0], ("filename", "a.bin")];
    let sent = place
        .send("PUT", &topic, &headers, b"abcdefghij".to_vec())
        .is(200);
    let url = sent["attachment"]["url"].as_str().unwrap();
    let path = url
        .find(&format!("/file{topic}"))
        .map(|at| &url[at..])
        .unwrap();
    let headers = [headers[0], ("range", "bytes=99-")];
    let answer = place.send("GET", path, &headers, Vec::new());
    assert_eq!((answer.status, &answer.body["code"]), (416, &json!(41601)));
    assert_eq!(answer.header("content-range"), "bytes */10");
}

#[test]
fn drawings_and_pages_are_bytes_however_they_begin() {
    let place = Place::find();
    let publisher = place.publisher();
    let headers = [("authorization", publisher.bearer.as_str())];
    for (content, expected) in [
        (
            "<svg xmlns='http://www.w3.org/2000/svg'/>",
            "application/octet-stream",
        ),
        ("\n<!-- a --><svg/>", "application/octet-stream"),
        ("<p>a</p>", "application/octet-stream"),
        ("<html><body>", "application/octet-stream"),
        ("a <b", "text/plain; charset=utf-8"),
    ] {
        let answer = place.send("POST", "/v1/attachments", &headers, content.into());
        assert_eq!(answer.is(201)["media_type"], expected, "{content}");
    }
}

#[test]
fn ntfys_clients_learn_when_a_message_goes() {
    let place = Place::find();
    let publisher = place.publisher();
    let topic = format!("/t{:x}", fastrand::u64(..));
    let put = |headers: &[(&str, &str)]| {
        let sent = place.ask_with("PUT", &topic, Some(&publisher.bearer), headers, None);
        sent.is(200)
    };
    let sent = put(&[("title", "a")]);
    let now = Timestamp::now().as_second();
    let expires = sent["expires"].as_i64().expect("it is kept for some time");
    assert!(expires > now, "{sent}");
    let polled = format!("{topic}/json?poll=1");
    let polled = place
        .ask("GET", &polled, Some(&publisher.bearer), None)
        .is(200);
    assert_eq!(polled["expires"], sent["expires"], "{polled}");
    let fleeting = put(&[("title", "a"), ("cache", "no")]);
    assert_eq!(fleeting.get("expires"), None, "{fleeting}");
}

#[test]
fn an_empty_page_is_none() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let desk = ada.sign_in(&DESK);
    publisher.publish(&json!({ "to": { "accounts": [ada.name] }, "title": "t", "html": "" }));
    let message = desk.get("/v1/messages")["messages"][0].clone();
    assert_eq!(message["title"], "t");
    assert_eq!(message.get("html"), None, "{message}");
}

#[tokio::test]
async fn what_must_be_an_object_is_no_array() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let body = ada.credentials(crate::place::PASSWORD, &DESK);
    let fields: Vec<&Value> = ["account", "password", "device", "application"]
        .iter()
        .map(|field| &body[field])
        .collect();
    let (desk, auth) = (ada.sign_in(&DESK), publisher.bearer.as_str());
    let session = format!("Bearer {}", desk.token);
    for (method, path, authorization, body) in [
        ("POST", "/v1/sessions", None, json!(fields)),
        ("POST", "/v1/sessions", None, json!([])),
        (
            "POST",
            "/v1/messages",
            Some(auth),
            json!([{ "accounts": ["a"] }, "x"]),
        ),
        ("PUT", "/v1/settings", Some(session.as_str()), json!([])),
        (
            "PUT",
            "/v1/account/password",
            Some(session.as_str()),
            json!(["a", "b"]),
        ),
        (
            "POST",
            "/v1/sessions",
            None,
            json!({ "account": "a", "password": "b", "device": 1 }),
        ),
        ("POST", "/v1/messages", Some(auth), json!({ "to": 1 })),
        (
            "POST",
            "/v1/messages",
            Some(auth),
            json!({ "to": {}, "ttl_s": -1 }),
        ),
        ("POST", "/v1/messages", Some(auth), json!("x")),
    ] {
        let answer = place.ask(method, path, authorization, Some(&body));
        assert_eq!(answer.problem(), (422, "invalid"), "{method} {path} {body}");
        for word in ["struct", "elements", "u64", "CreateSession", "sequence"] {
            assert!(!detail(&answer).contains(word), "{answer:?}");
        }
    }
    let topic = format!("t{:x}", fastrand::u64(..));
    let as_ntfy = json!([topic, "text"]);
    let answer = place.ask("POST", "/", Some(auth), Some(&as_ntfy));
    assert_eq!((answer.status, &answer.body["code"]), (400, &json!(40017)));

    let (mut stream, _) = desk.connect(None).await;
    stream.say(&json!(["ping", 5])).await;
    let error = stream.next_of("error").await;
    assert_eq!(error["code"], "malformed", "{error}");
}

#[test]
fn the_headers_of_a_request_have_one_limit() {
    let place = Place::find();
    let ask = |bytes: usize| {
        let long = "x".repeat(bytes);
        let answer = place.send("GET", "/healthz", &[("x-long", &long)], Vec::new());
        answer.status
    };
    // There are a few more lines than this one.
    assert_eq!(ask(32 * 1024 - 1024), 200);
    for bytes in [32 * 1024, 40 * 1024, 60 * 1024] {
        assert_eq!(ask(bytes), 431, "{bytes}");
    }
}

#[test]
fn more_than_a_page_holds_is_a_page() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let desk = ada.sign_in(&DESK);
    let sent = publisher.send(&ada, "a");
    for limit in ["201", "1000", "4294967296"] {
        let page = desk.get(&format!("/v1/messages?limit={limit}"));
        assert_eq!(page["messages"][0]["title"], "a");
    }
    let states = format!("/v1/messages/{}?limit=5000", sent["id"].as_str().unwrap());
    place
        .ask("GET", &states, Some(&publisher.bearer), None)
        .is(200);
}

#[test]
fn ranges_of_versions_are_written_as_by_cargo_or_by_npm() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    // Nobody else's clients count.
    let name: &'static str = format!("a{:x}", fastrand::u64(..)).leak();
    for version in ["1.5", "v2.0.0"] {
        ada.sign_in(&Device {
            id: Some(format!("d{version}").replace('.', "_")),
            application: name,
            version,
            ..DESK
        });
    }
    for (versions, receivers) in [
        ("*", 2),
        (">=1.0.0, <2.0.0", 1),
        (">=1.0.0 <2.0.0", 1),
        ("1.5.0 - 2.0.0", 2),
        ("^1.6 || ^2", 1),
        ("^3", 0),
    ] {
        let message = json!({
            "to": { "application": { "name": name, "versions": versions } }, "title": "x",
        });
        assert_eq!(
            publisher.publish(&message)["receivers"],
            receivers,
            "{versions}"
        );
    }
    let nonsense = json!({
        "to": { "application": { "name": name, "versions": "newest" } }, "title": "x",
    });
    assert_eq!(publisher.try_publish(&nonsense).problem(), (422, "invalid"));
}

#[test]
fn metrics_come_in_the_form_that_is_asked_for() {
    // Anywhere else they need the operator's token.
    let place = Place::own(&[]);
    let ask = |headers: &[(&str, &str)]| {
        let answer = place.send("GET", "/metrics", headers, Vec::new());
        let text = answer.body.as_str().unwrap().to_owned();
        (answer.header("content-type").to_owned(), text)
    };
    let scraper = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2";
    for accept in [None, Some("*/*"), Some("text/plain")] {
        let headers: Vec<_> = accept.map(|value| ("accept", value)).into_iter().collect();
        let (kind, text) = ask(&headers);
        assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
        for line in [
            "# TYPE hither_acks_total counter",
            "# HELP hither_acks_total ",
            "# TYPE hither_build_info gauge",
            "# TYPE hither_commit_seconds histogram",
            "# TYPE hither_streams gauge",
        ] {
            assert!(
                text.contains(&format!("\n{line}")) || text.starts_with(line),
                "{line}"
            );
        }
        assert!(
            !text.contains("# EOF") && !text.contains("# UNIT"),
            "{text}"
        );
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let typed = |name: &str| text.contains(&format!("# TYPE {name} "));
        for sample in samples {
            let name = sample.split(['{', ' ']).next().unwrap();
            let base = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end));
            assert!(typed(name) || base.is_some_and(typed), "{sample}");
        }
    }
    let (kind, text) = ask(&[("accept", scraper)]);
    assert_eq!(
        kind,
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert!(text.contains("# TYPE hither_acks counter") && text.ends_with("# EOF\n"));
}
