//! ntfy's action buttons, in the short form and as JSON.

use std::collections::BTreeMap;

use hither_protocol::{Action, null_as_default};
use serde::{Deserialize, Serialize};

/// The most buttons of one message.
const MAX_ACTIONS: usize = 3;

/// A button as ntfy's clients get it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct NtfyAction {
    #[serde(deserialize_with = "null_as_default")]
    pub(super) id: String,
    /// `view`, `broadcast`, `http` or `copy`.
    #[serde(deserialize_with = "null_as_default")]
    pub(super) action: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) label: String,
    /// Whether choosing it takes the notification away.
    #[serde(deserialize_with = "null_as_default")]
    pub(super) clear: bool,
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub(super) url: String,
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    method: String,
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    headers: BTreeMap<String, String>,
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    body: String,
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    intent: String,
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    extras: BTreeMap<String, String>,
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    value: String,
}

impl NtfyAction {
    /// A button that opens an address; one that only tells the publisher means nothing to ntfy's
    /// clients.
    pub(super) fn opening(action: Action) -> Option<Self> {
        Some(Self {
            id: action.id,
            action: "view".to_owned(),
            label: action.label,
            url: action.url?,
            ..Self::default()
        })
    }
}

/// Reads buttons; the error says what is wrong.
pub(super) fn parse(text: &str) -> Result<Vec<NtfyAction>, String> {
    let text = text.trim();
    let mut actions = if text.starts_with('[') {
        serde_json::from_str(text).map_err(|error| error.to_string())?
    } else {
        Short { rest: text }.actions()?
    };
    if actions.len() > MAX_ACTIONS {
        return Err(format!("only {MAX_ACTIONS} actions allowed"));
    }
    for (number, action) in actions.iter_mut().enumerate() {
        action.id = (number + 1).to_string();
        action.action.make_ascii_lowercase();
        action.method.make_ascii_uppercase();
        check(action)?;
    }
    Ok(actions)
}

fn check(action: &NtfyAction) -> Result<(), String> {
    let needs_url = matches!(action.action.as_str(), "view" | "http");
    if !needs_url && !matches!(action.action.as_str(), "broadcast" | "copy") {
        return Err(format!("action '{}' unknown", action.action));
    }
    if action.label.is_empty() {
        return Err("parameter 'label' is required".to_owned());
    }
    if needs_url && action.url.is_empty() {
        return Err(format!(
            "parameter 'url' is required for action '{}'",
            action.action
        ));
    }
    if action.action == "copy" && action.value.is_empty() {
        return Err("parameter 'value' is required for action 'copy'".to_owned());
    }
    if matches!(action.method.as_str(), "GET" | "HEAD") && !action.body.is_empty() {
        let method = &action.method;
        return Err(format!(
            "parameter 'body' cannot be set if method is {method}"
        ));
    }
    Ok(())
}

/// The short form: `view, Open, https://…, clear=true; http, Door, url="…"`.
struct Short<'t> {
    rest: &'t str,
}

/// What ends a value.
#[derive(PartialEq, Eq)]
enum End {
    Value,
    Action,
}

impl Short<'_> {
    fn actions(mut self) -> Result<Vec<NtfyAction>, String> {
        let mut actions = Vec::new();
        while !self.rest.trim_start().is_empty() {
            actions.push(self.action()?);
        }
        Ok(actions)
    }

    fn action(&mut self) -> Result<NtfyAction, String> {
        let mut action = NtfyAction::default();
        for place in 0.. {
            let key = self.key();
            let (value, end) = self.value()?;
            let last = end == End::Action;
            let blank = key.is_none() && value.is_empty();
            if !(blank && last && place > 0) {
                let key = key.or_else(|| implied(place, &action).map(str::to_owned));
                let key = key.ok_or_else(|| format!("term '{value}' unknown"))?;
                set(&mut action, &key, value)?;
            }
            if last {
                break;
            }
        }
        Ok(action)
    }

    /// `key =` at the beginning, if it is there.
    fn key(&mut self) -> Option<String> {
        let text = self.rest.trim_start();
        let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "-._".contains(c)))?;
        let value = text[end..].trim_start().strip_prefix('=')?;
        if end == 0 {
            return None;
        }
        self.rest = value;
        Some(text[..end].to_owned())
    }

    fn value(&mut self) -> Result<(String, End), String> {
        let text = self.rest.trim_start();
        let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''));
        let Some(quote) = quote else {
            let end = text.find([',', ';']).unwrap_or(text.len());
            let value = text[..end].trim().to_owned();
            return Ok((value, self.end(&text[end..])));
        };
        let (value, after) = quoted(&text[1..], quote)?;
        let after = after.trim_start();
        match after.chars().next() {
            None | Some(',' | ';') => Ok((value, self.end(after))),
            Some(other) => Err(format!("unexpected character '{other}' after a quote")),
        }
    }

    fn end(&mut self, text: &str) -> End {
        let skip = usize::from(!text.is_empty());
        let from = self.rest.len() - text.len() + skip;
        let end = if text.starts_with(',') {
            End::Value
        } else {
            End::Action
        };
        self.rest = &self.rest[from..];
        end
    }
}

/// Up to the closing quote; a backslash before a quote keeps it in.
fn quoted(text: &str, quote: char) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' if characters.peek().is_some_and(|(_, next)| *next == quote) => {
                value.push(quote);
                characters.next();
            }
            _ if character == quote => return Ok((value, &text[at + quote.len_utf8()..])),
            _ => value.push(character),
        }
    }
    Err("unexpected end of input, a quote is not closed".to_owned())
}

/// What a value without a key is, by its place.
fn implied(place: usize, action: &NtfyAction) -> Option<&'static str> {
    match (place, action.action.to_ascii_lowercase().as_str()) {
        (0, _) => Some("action"),
        (1, _) => Some("label"),
        (2, "view" | "http") => Some("url"),
        (2, "copy") => Some("value"),
        _ => None,
    }
}

fn set(action: &mut NtfyAction, key: &str, value: String) -> Result<(), String> {
    if let Some(name) = key.strip_prefix("headers.") {
        action.headers.insert(name.to_owned(), value);
        return Ok(());
    }
    if let Some(name) = key.strip_prefix("extras.") {
        action.extras.insert(name.to_owned(), value);
        return Ok(());
    }
    match key.to_ascii_lowercase().as_str() {
        "action" => action.action = value,
        "label" => action.label = value,
        "clear" => {
            action.clear = match value.to_ascii_lowercase().as_str() {
                "true" | "yes" | "1" => true,
                "false" | "no" | "0" => false,
                _ => return Err(format!("'clear={value}' not allowed")),
            }
        }
        "url" => action.url = value,
        "method" => action.method = value,
        "body" => action.body = value,
        "intent" => action.intent = value,
        "value" => action.value = value,
        _ => return Err(format!("key '{key}' unknown")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn view(label: &str, url: &str) -> Value {
        json!({ "id": "1", "action": "view", "label": label, "clear": false, "url": url })
    }

    fn parsed(text: &str) -> Value {
        let actions = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        serde_json::to_value(actions).unwrap()
    }

    #[test]
    fn one_button_has_many_spellings() {
        for text in [
            "view, Open, https://x.org",
            "view,Open,https://x.org",
            "view, Open, https://x.org;",
            "view, Open, https://x.org, clear=false",
            "action=view, label=Open, url=https://x.org",
            "action = view , label = Open , url = https://x.org",
            "VIEW, \"Open\", 'https://x.org'",
            "label=Open, action=view, url=https://x.org",
            r#"[{"action":"view","label":"Open","url":"https://x.org"}]"#,
            r#" [ {"id":"mine","action":"View","label":"Open","url":"https://x.org"} ]"#,
            r#"[{"id":null,"action":"view","label":"Open","url":"https://x.org","clear":null,
                "method":null,"headers":null,"body":null,"intent":null,"extras":null,"value":null}]"#,
        ] {
            assert_eq!(
                parsed(text),
                json!([view("Open", "https://x.org")]),
                "{text}"
            );
        }
    }

    #[test]
    fn values_hold_what_separates_them_when_quoted() {
        let cases = [
            (r#"view, "a, b; c", https://x.org"#, "a, b; c"),
            (r#"view, "Look \"here\"", https://x.org"#, "Look \"here\""),
            (r"view, 'it\'s', https://x.org", "it's"),
            ("view, \"it's\", https://x.org", "it's"),
            ("view, 你好 ☀, https://x.org", "你好 ☀"),
        ];
        for (text, label) in cases {
            assert_eq!(
                parsed(text),
                json!([view(label, "https://x.org")]),
                "{text}"
            );
        }
    }

    #[test]
    fn several_buttons_of_all_kinds() {
        let text = "view, Map, https://x.org/?a=b&c=d, clear=true; \
            http, Door, https://x.org/door, method=put, headers.Authorization=Bearer 1, \
            body='{\"open\": true}'; broadcast, Photo, extras.cmd=pic, intent=org.x.DO";
        let expected = json!([
            { "id": "1", "action": "view", "label": "Map", "clear": true,
              "url": "https://x.org/?a=b&c=d" },
            { "id": "2", "action": "http", "label": "Door", "clear": false,
              "url": "https://x.org/door", "method": "PUT",
              "headers": { "Authorization": "Bearer 1" }, "body": "{\"open\": true}" },
            { "id": "3", "action": "broadcast", "label": "Photo", "clear": false,
              "intent": "org.x.DO", "extras": { "cmd": "pic" } },
        ]);
        assert_eq!(parsed(text), expected);
        let copy = parsed("copy, Copy code, value=1234");
        assert_eq!(copy[0]["value"], "1234");
        assert_eq!(parsed("copy, Copy code, 1234"), copy);
        assert_eq!(parsed(""), json!([]));
        assert_eq!(parsed("[]"), json!([]));
    }

    #[test]
    fn nonsense_is_refused_with_a_reason() {
        for (text, reason) in [
            ("fly, Open", "action 'fly' unknown"),
            ("view", "parameter 'label' is required"),
            ("view, Open", "parameter 'url' is required"),
            ("http, Open", "parameter 'url' is required"),
            ("copy, Open", "parameter 'value' is required"),
            ("view, Open, https://x.org, more", "term 'more' unknown"),
            (
                "view, Open, https://x.org, clear=perhaps",
                "'clear=perhaps'",
            ),
            (
                "view, Open, https://x.org, color=red",
                "key 'color' unknown",
            ),
            ("view, \"Open, https://x.org", "a quote is not closed"),
            (
                "view, \"Open\" x, https://x.org",
                "unexpected character 'x'",
            ),
            (
                "http, a, https://x.org, method=GET, body=x",
                "'body' cannot be set",
            ),
            ("view,a,b;view,a,b;view,a,b;view,a,b", "only 3 actions"),
            ("[{]", "key must be a string"),
            ("[1]", "invalid type"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn no_text_makes_it_panic_or_hang() {
        for text in [
            ";", ",", ";;;", ",,,", "=", "a=", "=a", "\"", "'", "é", "é=é", "\\", "view,",
        ] {
            let _ = parse(text);
        }
    }
}
