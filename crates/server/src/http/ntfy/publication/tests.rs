use serde_json::json;

use super::super::params::tests::params;
use super::*;

fn now() -> Zoned {
    "2026-03-04T09:00:00Z"
        .parse::<Timestamp>()
        .unwrap()
        .to_zoned(jiff::tz::TimeZone::UTC)
}

fn published(headers: &[(&str, &str)], query: &str, body: &str) -> Publication {
    try_publish(headers, query, body.as_bytes())
        .unwrap_or_else(|error| panic!("{headers:?} {query}: {error:?}"))
}

fn try_publish(
    headers: &[(&str, &str)],
    query: &str,
    body: &[u8],
) -> Result<Publication, NtfyError> {
    let content_type = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        .map_or("", |(_, value)| value);
    read(
        "alerts",
        &params(headers, query),
        content_type,
        body,
        &now(),
    )
}

fn from_json(headers: &[(&str, &str)], body: &Value) -> Result<Publication, NtfyError> {
    let mut params = params(headers, "");
    let (topic, text) = json(body.to_string().as_bytes(), &mut params)?;
    read(&topic, &params, "", text.as_bytes(), &now())
}

#[test]
fn the_text_comes_from_body_header_or_query() {
    for (headers, query, body, text) in [
        (&[][..], "", "Backup successful 😀", "Backup successful 😀"),
        (&[], "", "  lines\nstay \n", "lines\nstay"),
        (&[], "", "", "triggered"),
        (&[("Message", r"a\nb")], "", "", "a\nb"),
        (&[("Message", "header")], "", "body", "body"),
        (&[], "message=Webhook+triggered", "", "Webhook triggered"),
        (
            &[("Attach", "https://x.org/a/photo.jpg?size=2")],
            "",
            "",
            "You received a file: photo.jpg",
        ),
        (&[("Filename", "a.log")], "", "", "The file a.log is empty."),
        (
            &[("Filename", "a.log"), ("Message", "Backup")],
            "",
            "",
            "Backup\n\nThe file a.log is empty.",
        ),
    ] {
        let publication = published(headers, query, body);
        assert_eq!(publication.request.body, text);
        assert_eq!(publication.request.to.topics, ["alerts"]);
    }
}

#[test]
fn everything_at_once() {
    let headers = [
        ("Title", "=?UTF-8?Q?=C3=84pfel?= are ripe"),
        ("Priority", "urgent"),
        ("Tags", "warning, skull,,"),
        ("Markdown", "yes"),
        ("Click", "https://x.org/"),
        ("Icon", "https://x.org/icon.png"),
        ("Actions", "view, Open, https://x.org/open"),
        ("X-Sequence-ID", "apples"),
    ];
    let publication = published(&headers, "", "**now**");
    let expected = PublishRequest {
        to: Recipients {
            topics: vec!["alerts".to_owned()],
            ..Recipients::default()
        },
        title: "Äpfel are ripe".to_owned(),
        body: "**now**".to_owned(),
        format: Format::Markdown,
        priority: Priority::Urgent,
        tags: vec!["warning".to_owned(), "skull".to_owned()],
        url: Some("https://x.org/".to_owned()),
        icon: Some("https://x.org/icon.png".to_owned()),
        key: Some("alerts/apples".to_owned()),
        actions: vec![Action {
            id: "1".to_owned(),
            label: "Open".to_owned(),
            url: Some("https://x.org/open".to_owned()),
        }],
        ..PublishRequest::default()
    };
    assert_eq!(publication.request, expected);
    assert_eq!(publication.beyond, Beyond::default());
    assert_eq!(publication.beyond.to_text(), None);
}

#[test]
fn json_says_the_same() {
    let body = json!({
        "topic": "mytopic", "message": "Disk space is low", "title": "Low disk\nspace",
        "tags": ["warning", "cd"], "priority": 4, "click": "https://x.org",
        "actions": [{ "action": "view", "label": "Admin panel", "url": "https://x.org/admin" }],
        "markdown": true, "delay": "30m", "sequence_id": "disk", "unknown": { "a": 1 },
    });
    let publication = from_json(&[("X-Icon", "https://x.org/i.png")], &body).unwrap();
    let request = publication.request;
    assert_eq!(request.to.topics, ["mytopic"]);
    assert_eq!(request.title, "Low disk space");
    assert_eq!(request.body, "Disk space is low");
    assert_eq!(request.tags, ["warning", "cd"]);
    assert_eq!(request.priority, Priority::High);
    assert_eq!(request.actions[0].label, "Admin panel");
    assert_eq!(request.format, Format::Markdown);
    assert_eq!(request.key.as_deref(), Some("mytopic/disk"));
    assert_eq!(request.icon.as_deref(), Some("https://x.org/i.png"));
    let at = request.deliver_at.unwrap();
    assert_eq!(at.to_string(), "2026-03-04T09:30:00Z");
    let words = json!({ "topic": "t", "priority": "high", "actions": "view, a, https://b.org" });
    let publication = from_json(&[], &words).unwrap();
    assert_eq!(publication.request.priority, Priority::High);
    assert_eq!(publication.request.body, "triggered");
    for bad in [json!("x"), json!({ "topic": 1 }), json!({ "tags": "x" })] {
        let error = from_json(&[], &bad).unwrap_err();
        assert_eq!(error.why(), Why::Json, "{bad}");
    }
}

#[test]
fn null_says_as_much_as_nothing() {
    let nothing = from_json(&[], &json!({ "topic": "t" })).unwrap();
    let nulls = json!({
        "topic": "t", "title": null, "message": null, "priority": null, "tags": null,
        "click": null, "icon": null, "actions": null, "attach": null, "filename": null,
        "markdown": null, "email": null, "call": null, "delay": null, "cache": null,
        "sequence_id": null,
    });
    assert_eq!(from_json(&[], &nulls).unwrap(), nothing);
    let none = json!({ "topic": "t", "priority": 0 });
    assert_eq!(from_json(&[], &none).unwrap(), nothing);
}

#[test]
fn priorities_have_names_and_numbers() {
    for (text, number) in [
        ("", 3),
        ("1", 1),
        ("min", 1),
        ("2", 2),
        ("low", 2),
        ("3", 3),
        ("default", 3),
        ("4", 4),
        ("High", 4),
        ("5", 5),
        ("max", 5),
        ("URGENT", 5),
    ] {
        assert_eq!(u8::from(priority(text).unwrap()), number, "{text}");
    }
    for text in ["0", "6", "-1", "loud", "1.5", "٣"] {
        assert_eq!(priority(text).unwrap_err().why(), Why::Priority, "{text}");
    }
}

#[test]
fn buttons_that_open_no_page_are_for_ntfys_clients_only() {
    let actions = "view, Map, https://x.org; http, Door, https://x.org/door; view, App, app://x";
    let publication = published(
        &[("Actions", actions), ("Click", "geo:0,0?q=x")],
        "",
        "text",
    );
    assert_eq!(publication.request.actions.len(), 1);
    assert_eq!(publication.request.url, None);
    assert_eq!(publication.beyond.actions.len(), 3);
    assert_eq!(publication.beyond.click.as_deref(), Some("geo:0,0?q=x"));
    let text = publication.beyond.to_text().unwrap();
    assert_eq!(
        serde_json::from_str::<Beyond>(&text).unwrap(),
        publication.beyond
    );
}

#[test]
fn a_file_elsewhere_is_a_link_or_a_button() {
    let attach = ("Attach", "https://x.org/flower.jpg");
    let publication = published(&[attach], "", "text");
    assert_eq!(publication.request.url.as_deref(), Some(attach.1));
    assert_eq!(publication.beyond.attachment.unwrap().name, "flower.jpg");
    let publication = published(
        &[attach, ("Click", "https://y.org"), ("f", "rose.jpg")],
        "",
        "a",
    );
    assert_eq!(publication.request.url.as_deref(), Some("https://y.org"));
    assert_eq!(publication.request.actions[0].label, "rose.jpg");
    let publication = published(&[("Attach", "https://x.org")], "", "");
    assert_eq!(publication.beyond.attachment.unwrap().name, "attachment");
}

#[test]
fn a_body_is_a_file_when_it_is_named_long_or_no_text() {
    let long = "x".repeat(MAX_TEXT + 1);
    for (headers, body) in [
        (&[("Filename", "a.txt")][..], &b"text"[..]),
        (&[], long.as_bytes()),
        (&[], b"\xff\xfe"),
    ] {
        let publication = try_publish(headers, "", body).unwrap();
        assert!(publication.file.is_some(), "{headers:?}");
    }
    let named = published(&[("f", "a.txt"), ("m", "see\\nthis")], "", "text");
    assert_eq!(named.file.unwrap().name.as_deref(), Some("a.txt"));
    assert_eq!(named.request.body, "see\nthis");
    let error = try_publish(&[("tpl", "yes")], "", long.as_bytes()).unwrap_err();
    assert_eq!(error.why(), Why::Template);
    assert!(published(&[], "", &long[1..]).file.is_none());
    assert!(
        published(&[("Filename", "a.txt")], "message=text", "")
            .file
            .is_none()
    );
}

#[test]
fn what_is_not_kept_is_only_for_who_is_there() {
    assert_eq!(
        published(&[("Cache", "no")], "", "a").request.ttl_s,
        Some(0)
    );
    assert_eq!(
        published(&[("Firebase", "no")], "", "a").request.ttl_s,
        None
    );
}

#[test]
fn what_comes_later_is_kept_until_then() {
    let error = try_publish(&[("In", "1h"), ("Cache", "no")], "", b"a").unwrap_err();
    assert_eq!(error.why(), Why::DelayNoCache);
    let later = published(&[("X-At", "tomorrow, 10am")], "", "a").request;
    assert_eq!(
        later.deliver_at.unwrap().to_string(),
        "2026-03-05T10:00:00Z"
    );
    assert_eq!(published(&[], "", "a").request.deliver_at, None);
}

#[test]
fn simple_templates_are_filled_in() {
    let body = json!({ "error": { "level": "severe", "desc": "Disk is full" }, "host": "a1" });
    let query = "tpl=yes&t={{.host}}&m=Error+{{.error.level}}:+{{.error.desc}}";
    let publication = published(&[], query, &body.to_string());
    assert_eq!(publication.request.title, "a1");
    assert_eq!(publication.request.body, "Error severe: Disk is full");
}

#[test]
fn what_is_not_offered_is_refused_with_its_own_number() {
    for (name, value, body, why) in [
        ("Email", "phil@example.com", "a", Why::Email),
        ("Call", "yes", "a", Why::Call),
        ("UnifiedPush", "1", "a", Why::Invalid),
        ("X-Poll-ID", "abc", "a", Why::Invalid),
        ("Template", "github", "{}", Why::Template),
        ("Template", "yes", "no json", Why::TemplateNotJson),
        ("Actions", "fly", "a", Why::Actions),
        ("Icon", "ftp://x.org", "a", Why::Icon),
        ("Attach", "/etc/passwd", "a", Why::AttachUrl),
        ("Priority", "loud", "a", Why::Priority),
        ("Delay", "whenever", "a", Why::Delay),
    ] {
        let error = try_publish(&[(name, value)], "", body.as_bytes()).unwrap_err();
        assert_eq!(error.why(), why, "{name}: {value}");
    }
}
