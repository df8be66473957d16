//! What holds for anything that is sent in ntfy's form.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hither_protocol::Timestamp;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Zoned};

use super::filter::{Filter, since};
use super::params::Params;
use super::publication::{self, Beyond, Publication};
use super::{encoded_word as words, who};
use crate::http::publish::fuzzing::taken_fits_a_frame;

const LINKS: [&str; 3] = ["http://", "https://", "mailto:"];

/// A request's query on the first line, its headers on the next ones, and after an empty line its
/// body: to a topic and, where a header says JSON, to none.
pub(crate) fn ntfy(bytes: &[u8]) {
    let (head, body) = split(bytes);
    let mut lines = head.split(|byte| *byte == b'\n');
    let query = lines.next().unwrap_or_default();
    let headers: HeaderMap = lines.filter_map(header).collect();
    let mut params = Params::new(&headers, &uri(query));
    let now = Timestamp::from_second(1_772_618_400).expect("a time");
    let _ = who::credentials(&params);
    let _ = since(&params, true, now);
    let _ = Filter::new(&params);
    let zoned = now.to_zoned(TimeZone::UTC);
    let is_json = headers
        .get("content-type")
        .is_some_and(|value| value == "application/json");
    let read = if is_json {
        publication::json(body, &mut params).and_then(|(topic, text)| {
            publication::read(&topic, &params, "", text.as_bytes(), &zoned)
        })
    } else {
        publication::read("t", &params, "text/markdown", body, &zoned)
    };
    if let Ok(publication) = read {
        holds(publication, &zoned);
    }
}

fn holds(publication: Publication, now: &Zoned) {
    let Publication {
        request,
        beyond,
        file,
    } = publication;
    assert!(file.is_some() || !request.body.is_empty());
    assert!(!request.title.contains(char::is_control));
    let links = request.actions.iter().map(|action| action.url.as_ref());
    for link in links.chain([request.url.as_ref()]).flatten() {
        let known = |scheme: &&str| {
            link.get(..scheme.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        };
        assert!(LINKS.iter().any(known), "{link}");
    }
    if let Some(at) = request.deliver_at {
        let wait = at.duration_since(now.timestamp());
        assert!(wait >= SignedDuration::from_secs(10), "{at}");
        assert!(wait <= SignedDuration::from_hours(72), "{at}");
    }
    if let Some(kept) = beyond.to_text() {
        let again: Beyond = serde_json::from_str(&kept).expect("it was written so");
        assert_eq!(again, beyond);
    }
    taken_fits_a_frame(request);
}

/// What is encoded is read as it was; what is not, stays; and nothing grows out of bounds.
pub(crate) fn encoded_word(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let decoded = words::decode(&text);
    assert!(decoded.len() <= 2 * text.len());
    if !text.contains("=?") {
        assert_eq!(decoded, text);
    }
    let encoded = format!("=?UTF-8?B?{}?=", STANDARD.encode(text.as_bytes()));
    assert_eq!(words::decode(&encoded), text);
}

fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n");
    end.map_or((bytes, &[]), |end| (&bytes[..end], &bytes[end + 2..]))
}

fn header(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = HeaderName::from_bytes(&line[..colon]).ok()?;
    let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
    Some((name, value))
}

fn uri(query: &[u8]) -> Uri {
    let query = String::from_utf8_lossy(query);
    format!("/t?{query}")
        .parse()
        .unwrap_or_else(|_| Uri::from_static("/t"))
}
