//! What a request says in its headers, its query and its JSON body: ntfy takes each value from any
//! of them, under several names, in any case.

use std::collections::HashMap;

use axum::extract::Query;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};

use super::encoded_word;

/// The names of one value, the first that is present counts.
pub(super) type Names = &'static [&'static str];

pub(super) const TITLE: Names = &["x-title", "title", "ti", "t"];
pub(super) const MESSAGE: Names = &["x-message", "message", "m"];
pub(super) const PRIORITY: Names = &["x-priority", "priority", "prio", "p"];
pub(super) const TAGS: Names = &["x-tags", "tags", "tag", "ta"];
pub(super) const CLICK: Names = &["x-click", "click"];
pub(super) const ICON: Names = &["x-icon", "icon"];
pub(super) const ACTIONS: Names = &["x-actions", "actions", "action"];
pub(super) const ATTACH: Names = &["x-attach", "attach", "a"];
pub(super) const FILENAME: Names = &["x-filename", "filename", "file", "f"];
pub(super) const MARKDOWN: Names = &["x-markdown", "markdown", "md"];
pub(super) const DELAY: Names = &["x-delay", "delay", "x-at", "at", "x-in", "in"];
pub(super) const SEQUENCE_ID: Names = &["x-sequence-id", "sequence-id", "sid"];
pub(super) const EMAIL: Names = &["x-email", "x-e-mail", "email", "e-mail", "mail", "e"];
pub(super) const CALL: Names = &["x-call", "call"];
pub(super) const CACHE: Names = &["x-cache", "cache"];
pub(super) const TEMPLATE: Names = &["x-template", "template", "tpl"];
pub(super) const UNIFIED_PUSH: Names = &["x-unifiedpush", "unifiedpush", "up"];
pub(super) const POLL_ID: Names = &["x-poll-id", "poll-id"];
pub(super) const POLL: Names = &["x-poll", "poll", "po"];
pub(super) const SCHEDULED: Names = &["x-scheduled", "scheduled", "sched"];
pub(super) const SINCE: Names = &["x-since", "since", "si"];
pub(super) const ID: Names = &["x-id", "id"];
pub(super) const AUTHORIZATION: Names = &["authorization", "auth"];

/// The values of one request.
#[derive(Debug, Default)]
pub(super) struct Params {
    /// From a JSON body, by the first of their names.
    fields: HashMap<&'static str, String>,
    headers: HashMap<String, String>,
    query: HashMap<String, String>,
}

impl Params {
    pub(super) fn new(headers: &HeaderMap, uri: &Uri) -> Self {
        Self {
            fields: HashMap::new(),
            headers: headers.iter().filter_map(header).collect(),
            query: query(uri),
        }
    }

    /// A value from a JSON body, which beats headers and query.
    pub(super) fn set(&mut self, names: Names, value: String) {
        if !value.is_empty() {
            self.fields.insert(names[0], value);
        }
    }

    /// A value, without the space around it; nothing where it is empty.
    pub(super) fn text(&self, names: Names) -> Option<&str> {
        self.fields
            .get(names[0])
            .map(String::as_str)
            .or_else(|| first(&self.headers, names))
            .or_else(|| first(&self.query, names))
    }

    /// A value that can only come in the query.
    pub(super) fn in_query(&self, names: Names) -> Option<&str> {
        first(&self.query, names)
    }

    /// `1`, `yes` and `true` stand for yes; nothing for `default`; all else for no.
    pub(super) fn flag(&self, names: Names, default: bool) -> bool {
        self.text(names).map_or(default, |value| {
            ["1", "yes", "true"]
                .iter()
                .any(|yes| value.eq_ignore_ascii_case(yes))
        })
    }
}

fn first(values: &HashMap<String, String>, names: Names) -> Option<&str> {
    names
        .iter()
        .filter_map(|name| values.get(*name))
        .map(String::as_str)
        .find(|value| !value.is_empty())
}

/// Header and value; one that comes twice counts the first time.
fn header((name, value): (&HeaderName, &HeaderValue)) -> Option<(String, String)> {
    let text = match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => text.to_owned(),
        // Many HTTP libraries send Latin-1 where a header is not ASCII.
        Err(_) => value.as_bytes().iter().copied().map(char::from).collect(),
    };
    let text = encoded_word::decode(text.trim());
    // A browser's own Priority (RFC 9218) is about the request, not about the message.
    let about_the_request = name == "priority" && text.starts_with("u=");
    (!about_the_request).then(|| (name.as_str().to_owned(), text))
}

fn query(uri: &Uri) -> HashMap<String, String> {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri);
    let mut query = HashMap::new();
    for (name, value) in pairs.map(|Query(pairs)| pairs).unwrap_or_default() {
        query
            .entry(name.to_ascii_lowercase())
            .or_insert_with(|| value.trim().to_owned());
    }
    query
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The values of a request with these headers and this query.
    pub(in crate::http::ntfy) fn params(headers: &[(&str, &str)], query: &str) -> Params {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            map.append(HeaderName::try_from(*name).unwrap(), value);
        }
        let uri = format!("/topic?{query}").parse().unwrap();
        Params::new(&map, &uri)
    }

    #[test]
    fn a_value_has_many_names() {
        for (headers, query, title) in [
            (&[("X-Title", "a")][..], "", Some("a")),
            (&[("Title", " a ")], "", Some("a")),
            (&[("t", "a")], "", Some("a")),
            (&[], "title=a+b", Some("a b")),
            (&[], "TITLE=%E4%BD%A0", Some("你")),
            (&[], "t=a", Some("a")),
            (&[("Title", "header")], "title=query", Some("header")),
            (&[("Title", "")], "title=query", Some("query")),
            (&[("X-Title", "x"), ("Title", "plain")], "", Some("x")),
            (&[], "", None),
            (&[], "title", None),
        ] {
            assert_eq!(
                params(headers, query).text(TITLE),
                title,
                "{headers:?} {query}"
            );
        }
    }

    #[test]
    fn a_field_of_the_body_comes_first() {
        let mut params = params(&[("Title", "header")], "");
        params.set(TITLE, String::new());
        assert_eq!(params.text(TITLE), Some("header"));
        params.set(TITLE, "body".to_owned());
        assert_eq!(params.text(TITLE), Some("body"));
    }

    #[test]
    fn headers_come_in_several_encodings() {
        let of = |bytes: &[u8]| {
            let mut map = HeaderMap::new();
            map.insert("title", HeaderValue::from_bytes(bytes).unwrap());
            let params = Params::new(&map, &Uri::from_static("/topic"));
            params.text(TITLE).unwrap().to_owned()
        };
        assert_eq!(of("Zürich 你好".as_bytes()), "Zürich 你好");
        assert_eq!(of(b"Z\xfcrich"), "Zürich");
        assert_eq!(of(b"=?UTF-8?B?8J+HqfCfh6o=?="), "🇩🇪");
    }

    #[test]
    fn a_browsers_priority_is_not_the_messages() {
        let params = params(&[("Priority", "u=1, i")], "p=4");
        assert_eq!(params.text(PRIORITY), Some("4"));
    }

    #[test]
    fn flags_are_words() {
        for (value, on) in [("1", true), ("Yes", true), ("TRUE", true), ("no", false)] {
            assert_eq!(params(&[("poll", value)], "").flag(POLL, false), on);
        }
        assert!(params(&[], "").flag(CACHE, true));
        assert!(!params(&[], "cache=no").flag(CACHE, true));
    }
}
