//! The same words in TypeScript.

use ts_rs::{Config, TS};

use super::{
    AccountView, Answer, AppLockView, AppLockWhen, Command, ConnectionView, Diagnostics, Glance,
    Headline, Notice, Password, PresenceView, Query, SourceTopic, SourceView, View,
};

const HEADER: &str = "// Generated from the Rust types of hither-engine. Do not edit.\n";

/// `hither_protocol::Message` as its JSON: what `#[serde(skip_serializing_if)]` leaves out is
/// optional.
const MESSAGE: &str = r"/**
 * A message as the server sent it.
 */
export type Message = {
  id: string;
  publisher: { id: string; name: string };
  application?: string;
  topic?: string;
  title: string;
  body: string;
  format: 'plain' | 'markdown';
  html?: { size: number; inline?: string; href?: string };
  url?: string;
  priority: 1 | 2 | 3 | 4 | 5;
  tags?: string[];
  icon?: string;
  actions?: { id: string; label: string; url?: string }[];
  attachments?: { name: string; media_type: string; size: number; href: string; sha256?: string }[];
  key?: string;
  created_at: string;
  expires_at?: string;
  read_at?: string;
};
";

/// Every type of this module as one TypeScript file, always the same text.
#[must_use]
pub fn typescript() -> String {
    let config = Config::new();
    [
        HEADER.to_owned(),
        declare::<View>(&config),
        declare::<AccountView>(&config),
        declare::<ConnectionView>(&config),
        declare::<PresenceView>(&config),
        declare::<AppLockView>(&config),
        declare::<AppLockWhen>(&config),
        declare::<Glance>(&config),
        declare::<Headline>(&config),
        declare::<Notice>(&config),
        declare::<Password>(&config),
        declare::<Command>(&config),
        declare::<Query>(&config),
        declare::<Answer>(&config),
        declare::<Diagnostics>(&config),
        declare::<SourceView>(&config),
        declare::<SourceTopic>(&config),
        MESSAGE.to_owned(),
    ]
    .join("\n")
}

fn declare<T: TS>(config: &Config) -> String {
    let docs = T::docs().unwrap_or_default();
    format!("{docs}export {}\n", T::decl(config))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use hither_protocol::Message;

    use super::*;

    const WHOLE: &str = r#"{
        "id": "01890000-0000-7000-8000-000000000001",
        "publisher": {"id": "app-0123456789012345", "name": "n"},
        "application": "a", "topic": "t", "title": "t", "body": "b", "format": "markdown",
        "html": {"size": 1, "inline": "i", "href": "h"}, "url": "u", "priority": 5, "tags": ["t"],
        "icon": "i", "actions": [{"id": "a", "label": "l", "url": "u"}],
        "attachments": [{"name": "n", "media_type": "m", "size": 1, "href": "h", "sha256": "00"}],
        "key": "k", "created_at": "2026-01-01T00:00:00Z", "expires_at": "2026-01-01T00:00:00Z",
        "read_at": "2026-01-01T00:00:00Z"
    }"#;

    fn keys(json: &str) -> BTreeSet<String> {
        fn collect(value: &serde_json::Value, into: &mut BTreeSet<String>) {
            match value {
                serde_json::Value::Object(fields) => {
                    for (key, value) in fields {
                        into.insert(key.clone());
                        collect(value, into);
                    }
                }
                serde_json::Value::Array(items) => {
                    for value in items {
                        collect(value, into);
                    }
                }
                _ => {}
            }
        }
        let mut into = BTreeSet::new();
        collect(&serde_json::from_str(json).unwrap(), &mut into);
        into
    }

    /// The names before each colon of the type above.
    fn declared(optional: bool) -> BTreeSet<String> {
        MESSAGE
            .split(['{', ';', '\n'])
            .filter_map(|part| part.split_once(": ").map(|(name, _)| name.trim()))
            .filter(|name| !optional || !name.ends_with('?'))
            .map(|name| name.trim_end_matches('?').to_owned())
            .collect()
    }

    #[test]
    fn the_message_type_names_what_the_wire_names() {
        let whole: Message = serde_json::from_str(WHOLE).unwrap();
        assert_eq!(
            declared(false),
            keys(&serde_json::to_string(&whole).unwrap())
        );

        let least = r#"{"id": "01890000-0000-7000-8000-000000000001", "title": "", "body": "",
            "publisher": {"id": "app-0123456789012345", "name": "n"},
            "created_at": "2026-01-01T00:00:00Z"}"#;
        let least: Message = serde_json::from_str(least).unwrap();
        for key in keys(&serde_json::to_string(&least).unwrap()) {
            assert!(declared(true).contains(&key), "{key} is not always there");
        }
    }

    #[test]
    fn every_type_that_is_used_is_declared() {
        let text = typescript();
        assert_eq!(text, typescript());
        for name in [
            "View", "Command", "Query", "Answer", "Message", "Password", "Notice",
        ] {
            let declarations = text.matches(&format!("export type {name} =")).count();
            assert_eq!(declarations, 1, "{name} in\n{text}");
        }
        assert!(text.contains("message: Message | null"), "{text}");
        assert!(!text.contains("bigint"), "{text}");
    }
}
