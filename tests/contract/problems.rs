//! How a server says no, and what every answer carries.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::place::{DESK, Place};

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

/// Status and code, of something that has the form of a problem.
#[track_caller]
fn refused(answer: &Answer) -> (u16, &str) {
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.body["status"], answer.status, "{answer:?}");
    for field in ["title", "detail"] {
        let said = answer.body[field].as_str();
        assert!(said.is_some_and(|text| !text.is_empty()), "{answer:?}");
    }
    answer.problem()
}

#[test]
fn what_makes_no_sense_is_a_problem_with_a_stable_code() {
    let place = Place::find();
    let large = format!("\"{}\"", "x".repeat(70 * 1024));
    for (method, path, headers, body, expected) in [
        ("GET", "/v1/nowhere", JSON, "", (404, "not_found")),
        ("GET", "/nowhere/at/all", JSON, "", (404, "not_found")),
        (
            "PATCH",
            "/v1/messages",
            JSON,
            "",
            (405, "method_not_allowed"),
        ),
        ("POST", "/v1/sessions", JSON, &large, (413, "too_large")),
        (
            "POST",
            "/v1/sessions",
            &[],
            "{}",
            (415, "unsupported_media_type"),
        ),
        ("POST", "/v1/sessions", JSON, "{", (400, "malformed")),
        ("POST", "/v1/sessions", JSON, "{}", (422, "invalid")),
        ("GET", "/v1/tokens", JSON, "", (401, "unauthenticated")),
        ("GET", "/v1/stream", JSON, "", (400, "malformed")),
    ] {
        let answer = place.send(method, path, headers, body.into());
        assert_eq!(refused(&answer), expected, "{method} {path} {answer:?}");
        assert!(!answer.header("x-request-id").is_empty(), "{path}");
    }
}

#[test]
fn what_a_publish_may_not_say_is_refused_and_not_stored() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let message = |field: &str, value: Value| {
        let mut message = json!({ "to": { "accounts": [ada.name] }, "title": "x" });
        message[field] = value;
        publisher.try_publish(&message)
    };
    for (field, value) in [
        ("title", json!("two\nlines")),
        ("title", json!("x".repeat(1025))),
        ("title", Value::Null),
        ("body", json!("x".repeat(32 * 1024 + 1))),
        ("html", json!("x".repeat(512 * 1024 + 1))),
        ("format", json!("rtf")),
        ("url", json!("javascript:alert(1)")),
        ("icon", json!("file:///etc/passwd")),
        ("priority", json!(6)),
        ("tags", json!([""])),
        (
            "actions",
            json!([{ "id": "a", "label": "A" }, { "id": "a", "label": "B" }]),
        ),
        (
            "actions",
            json!([{ "id": "a", "label": "A", "url": "javascript:x()" }]),
        ),
        ("key", json!("")),
        ("ttl_s", json!(31_536_001)),
        ("deliver_at", json!("2999-01-01T00:00:00Z")),
        ("to", json!({})),
    ] {
        let answer = message(field, value);
        assert_eq!(refused(&answer), (422, "invalid"), "{field}");
    }
    let nobody = json!({ "accounts": [format!("{}-x", ada.name)] });
    assert_eq!(refused(&message("to", nobody)), (422, "no_receivers"));
    assert!(ada.sign_in(&DESK).titles().is_empty());
    message("of_a_later_version", json!(1)).is(201);
}

#[test]
fn an_address_says_what_it_takes_and_head_is_get_without_a_body() {
    let place = Place::find();
    let desk = place.person().sign_in(&DESK);
    let refused = place.ask("DELETE", "/v1/messages", None, None);
    let allowed = refused.header("allow").replace(' ', "");
    let allowed: Vec<_> = allowed.split(',').collect();
    assert!(
        allowed.contains(&"GET") && allowed.contains(&"POST"),
        "{allowed:?}"
    );
    for path in ["/v1/messages", "/v1/settings", "/healthz"] {
        let (got, head) = (desk.ask("GET", path, None), desk.ask("HEAD", path, None));
        assert_eq!((got.status, head.status), (200, 200), "{path}");
        assert_eq!(head.header("content-type"), got.header("content-type"));
        assert_eq!(head.body, "", "{path}");
    }
}

#[test]
fn pages_of_other_sites_are_let_in_nowhere() {
    let place = Place::find();
    let (desk, publisher) = (place.person().sign_in(&DESK), place.publisher());
    let topic = format!("/t{:x}", fastrand::u64(..));
    let foreign = [
        ("origin", "https://evil.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization"),
    ];
    for path in ["/v1/messages", "/v1/sessions", &topic] {
        let asked = place.send("OPTIONS", path, &foreign, Vec::new());
        assert_eq!(asked.status, 405, "{path}");
        assert_eq!(asked.header("access-control-allow-origin"), "", "{path}");
    }
    let read = desk.ask_with("GET", "/v1/messages", &foreign[..1], None);
    let headers = [foreign[0], ("title", "x")];
    let sent = place.ask_with("PUT", &topic, Some(&publisher.bearer), &headers, None);
    for answer in [read, sent] {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
}

#[test]
fn answers_are_for_whoever_asked_and_are_what_they_say() {
    let place = Place::find();
    let desk = place.person().sign_in(&DESK);
    for (path, status) in [("/v1/messages", 200), ("/v1/tokens", 200), ("/v1/no", 404)] {
        let answer = desk.ask("GET", path, None);
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    }
    let nobody = place.ask("GET", "/v1/tokens", None, None);
    assert!(nobody.header("www-authenticate").starts_with("Bearer"));
}
