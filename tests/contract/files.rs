//! Files beside messages.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::place::{Client, DESK, Device, Place, Publisher};

const CONTENT: &str = "abcdefghij";
/// Of the content.
const SHA256: &str = "72399361da6a7754fec986dca5b7cbaf1c810a28ded4abaf56b2106d06cb78b0";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

fn upload(place: &Place, by: &Publisher<'_>, name: &str, content: &[u8]) -> Answer {
    let path = format!("/v1/attachments?name={name}");
    let headers = [("authorization", by.bearer.as_str())];
    place.send("POST", &path, &headers, content.to_vec())
}

/// An upload's id.
#[track_caller]
fn uploaded(place: &Place, by: &Publisher<'_>, name: &str, content: &[u8]) -> Value {
    upload(place, by, name, content).is(201)["id"].clone()
}

/// The newest message.
#[track_caller]
fn newest(client: &Client<'_>) -> Value {
    let page = client.get("/v1/messages?limit=200");
    page["messages"].as_array().unwrap().last().unwrap().clone()
}

/// Where somebody fetches the file of a message.
#[track_caller]
fn sent(by: &Publisher<'_>, upload: &Value, to: &str, desk: &Client<'_>) -> String {
    by.publish(&json!({
        "to": { "accounts": [to] }, "title": "x", "attachments": [{ "id": upload }],
    }));
    let message = newest(desk);
    message["attachments"][0]["href"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Publishes what the parts hold: of each what its header says of it, and its content.
fn publish_parts(by: &Publisher<'_>, place: &Place, parts: &[(&str, &str)]) -> Answer {
    let mut body = String::new();
    for (about, content) in parts {
        body += "--b0undary\r\nContent-Disposition: form-data; ";
        body += about;
        body += "\r\n\r\n";
        body += content;
        body += "\r\n";
    }
    body += "--b0undary--\r\n";
    let headers = [
        ("authorization", by.bearer.as_str()),
        ("content-type", "multipart/form-data; boundary=b0undary"),
        ("idempotency-key", "k"),
    ];
    place.send("POST", "/v1/messages", &headers, body.into_bytes())
}

#[test]
fn a8_a_file_travels_from_its_publisher_to_the_receiver() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let upload = upload(&place, &publisher, "..%2F%E8%B4%A6.txt", CONTENT.as_bytes()).is(201);
    assert_eq!(upload["name"], "账.txt", "of a path the last part");
    assert_eq!(upload["media_type"], "text/plain; charset=utf-8");
    assert_eq!(
        (&upload["size"], &upload["sha256"]),
        (&json!(CONTENT.len()), &json!(SHA256))
    );
    assert!(upload["expires_at"].is_string(), "{upload}");

    let id = &upload["id"];
    publisher.publish(&json!({
        "to": { "accounts": [ada.name] }, "title": "x",
        "attachments": [{ "id": id }, { "id": id, "name": "copy.txt" }],
    }));
    let desk = ada.sign_in(&DESK);
    let files = newest(&desk)["attachments"].clone();
    for (number, name) in ["账.txt", "copy.txt"].into_iter().enumerate() {
        let file = &files[number];
        assert_eq!(
            (&file["name"], &file["sha256"]),
            (&json!(name), &json!(SHA256))
        );
        assert_eq!(file["size"], CONTENT.len());
        assert_eq!(file["media_type"], "text/plain; charset=utf-8");
        assert_eq!(desk.get(file["href"].as_str().unwrap()), CONTENT);
    }
    let fetched = desk.ask("GET", files[0]["href"].as_str().unwrap(), None);
    for (header, value) in [
        ("content-type", "text/plain; charset=utf-8"),
        ("content-length", "10"),
        (
            "content-disposition",
            "attachment; filename*=UTF-8''%E8%B4%A6.txt",
        ),
        ("cache-control", "private, no-cache"),
        ("accept-ranges", "bytes"),
    ] {
        assert_eq!(fetched.header(header), value, "{header}");
    }
}

#[test]
fn a8_only_who_has_the_message_has_its_files() {
    let place = Place::find();
    let (ada, bob, publisher) = (place.person(), place.person(), place.publisher());
    let desk = ada.sign_in(&DESK);
    let upload = uploaded(&place, &publisher, "x", CONTENT.as_bytes());
    let href = sent(&publisher, &upload, &ada.name, &desk);
    let example = ada.sign_in(&Device {
        id: Some(desk.device_id.clone()),
        application: "example",
        ..DESK
    });
    for other in [bob.sign_in(&DESK), example] {
        assert_eq!(other.ask("GET", &href, None).problem(), (404, "not_found"));
    }
    for authorization in [None, Some(publisher.bearer.as_str())] {
        let asked = place.ask("GET", &href, authorization, None);
        assert_eq!(asked.problem(), (401, "unauthenticated"));
    }
    let message = href.strip_suffix("/0").unwrap();
    for number in ["1", "x", "..%2F0"] {
        let asked = desk.ask("GET", &format!("{message}/{number}"), None);
        assert_eq!(asked.problem(), (404, "not_found"), "{number}");
    }
    let asked = desk.ask("GET", "/v1/messages/x/attachments/0", None);
    assert_eq!(asked.problem(), (404, "not_found"));
    assert_eq!(desk.get(&href), CONTENT);
}

#[test]
fn a8_parts_of_a_file_can_be_fetched_and_what_is_known_is_not_sent_again() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let desk = ada.sign_in(&DESK);
    let upload = uploaded(&place, &publisher, "x", CONTENT.as_bytes());
    let href = sent(&publisher, &upload, &ada.name, &desk);
    let fetch = |headers: &[(&str, &str)]| desk.ask_with("GET", &href, headers, None);
    let etag = format!("\"{SHA256}\"");
    assert_eq!(fetch(&[]).header("etag"), etag);
    for (range, part, span) in [
        ("bytes=0-0", "a", "bytes 0-0/10"),
        ("bytes=3-5", "def", "bytes 3-5/10"),
        ("bytes=8-", "ij", "bytes 8-9/10"),
        ("bytes=8-99", "ij", "bytes 8-9/10"),
        ("bytes=-2", "ij", "bytes 8-9/10"),
    ] {
        let answer = fetch(&[("range", range), ("if-range", &etag)]);
        assert_eq!(answer.header("content-range"), span, "{range}");
        assert_eq!(answer.header("content-length"), part.len().to_string());
        assert_eq!(answer.header("etag"), etag);
        assert_eq!(answer.is(206), part, "{range}");
    }
    for range in ["bytes=-20", "bytes=0-1,3-4", "nonsense"] {
        assert_eq!(fetch(&[("range", range)]).is(200), CONTENT, "{range}");
    }
    for range in ["bytes=5-3", "bytes=10-", "bytes=10-12"] {
        let behind = fetch(&[("range", range)]);
        assert_eq!(behind.problem(), (416, "range_not_satisfiable"), "{range}");
    }
    let changed = fetch(&[("range", "bytes=3-5"), ("if-range", "\"another\"")]);
    assert_eq!(changed.is(200), CONTENT);
    assert_eq!(fetch(&[("if-none-match", &etag)]).status, 304);
    assert_eq!(fetch(&[("if-none-match", "\"another\"")]).is(200), CONTENT);
}

#[test]
fn a8_files_are_foreign_and_only_pictures_are_drawn() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let desk = ada.sign_in(&DESK);
    let file = |name, content: &[u8]| {
        let upload = uploaded(&place, &publisher, name, content);
        let href = sent(&publisher, &upload, &ada.name, &desk);
        desk.ask("HEAD", &href, None)
    };
    for (name, content, media_type, shown) in [
        ("x.txt", PNG, "image/png", "inline"),
        (
            "x.png",
            b"<html><script>".as_slice(),
            "application/octet-stream",
            "attachment",
        ),
        (
            "x.svg",
            b"<?xml version='1.0'?><svg/>",
            "application/octet-stream",
            "attachment",
        ),
        (
            "x.jpg",
            b"\x7fELF\x02",
            "application/octet-stream",
            "attachment",
        ),
    ] {
        let answer = file(name, content);
        assert_eq!(answer.status, 200, "{name}");
        assert_eq!(answer.header("content-length"), content.len().to_string());
        assert_eq!(answer.header("content-type"), media_type);
        let disposition = answer.header("content-disposition");
        assert!(
            disposition.starts_with(shown),
            "{media_type}: {disposition}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("sandbox") && policy.contains("default-src 'none'"));
    }
}

#[test]
fn b4_an_upload_is_named_by_its_own_publisher_only() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let theirs = uploaded(&place, &place.publisher(), "x", CONTENT.as_bytes());
    let unknown = json!("00000000-0000-7000-8000-000000000000");
    for id in [theirs, unknown, json!("no id")] {
        let message = json!({
            "to": { "accounts": [ada.name] }, "title": "x", "attachments": [{ "id": id }],
        });
        assert_eq!(publisher.try_publish(&message).problem(), (422, "invalid"));
    }
    assert_eq!(
        upload(&place, &publisher, "x", b"").problem(),
        (422, "invalid")
    );
    let desk = ada.sign_in(&DESK);
    assert!(desk.titles().is_empty());
    let bearer = desk.bearer();
    let headers = [("authorization", bearer.as_str())];
    let asked = place.send("POST", "/v1/attachments?name=x", &headers, b"x".to_vec());
    assert_eq!(asked.problem(), (401, "unauthenticated"));
}

#[test]
fn a8_a_message_its_page_and_its_files_come_in_one_request() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let message = json!({ "to": { "accounts": [ada.name] }, "title": "Parts" }).to_string();
    // Too large for a frame.
    let html = format!("<p>{}", "x".repeat(40_000));
    let parts = [
        ("name=\"attachment\"; filename=\"a.txt\"", CONTENT),
        ("name=\"message\"", message.as_str()),
        ("name=\"html\"; filename=\"page.html\"", html.as_str()),
        ("name=\"attachment\"; filename=\"../b.txt\"", "another"),
    ];
    let first = publish_parts(&publisher, &place, &parts).is(201);
    assert_eq!(first["receivers"], 1);
    assert_eq!(publish_parts(&publisher, &place, &parts).is(201), first);
    let fewer = publish_parts(&publisher, &place, &parts[..3]);
    assert_eq!(fewer.problem(), (422, "idempotency_mismatch"));

    let desk = ada.sign_in(&DESK);
    assert_eq!(desk.titles(), ["Parts"]);
    let stored = newest(&desk);
    assert_eq!(stored["id"], first["id"]);
    assert_eq!(stored["html"]["size"], html.len());
    let page = format!("/v1/messages/{}/html", first["id"].as_str().unwrap());
    assert_eq!(desk.get(&page), html);
    let files = [("a.txt", CONTENT), ("b.txt", "another")];
    for (number, (name, content)) in files.into_iter().enumerate() {
        let file = &stored["attachments"][number];
        assert_eq!(file["name"], name);
        assert_eq!(desk.get(file["href"].as_str().unwrap()), content);
    }
}

#[test]
fn a8_of_parts_that_do_not_fit_nothing_is_stored() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let message = json!({ "to": { "accounts": [ada.name] }, "title": "x" }).to_string();
    let nobody = format!("{}-x", ada.name);
    let to_nobody = json!({ "to": { "accounts": [nobody] }, "title": "x" }).to_string();
    let file = ("name=\"attachment\"; filename=\"a.txt\"", CONTENT);
    for parts in [
        vec![file],
        vec![file, ("name=\"message\"", to_nobody.as_str())],
        vec![
            file,
            ("name=\"message\"", message.as_str()),
            ("name=\"extra\"", "x"),
        ],
    ] {
        let answer = publish_parts(&publisher, &place, &parts);
        assert_eq!(answer.status, 422, "{answer:?}");
    }
    assert!(ada.sign_in(&DESK).titles().is_empty());
}
