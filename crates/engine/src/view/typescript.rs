//! The same words in TypeScript.

use ts_rs::{Config, TS};

use super::{
    AccountView, Answer, AppLockView, AppLockWhen, Command, ConnectionView, DeviceName,
    Diagnostics, Glance, Headline, Notice, Password, PresenceView, Query, SourceTopic, SourceView,
    View,
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

/// `hither_protocol::Trace` as its JSON.
const TRACE: &str = r"/**
 * What was decided about a message, oldest first.
 */
export type Trace = { steps: TraceStep[] };

/**
 * One decision; `text` says it in English.
 */
export type TraceStep = {
  at: string;
  outcome: Outcome;
  device?: string;
  because: Because;
  facts?: DeviceFact[];
  text: string;
};

export type Outcome =
  'alerted' | 'pushed' | 'silent' | 'waits' | 'seen' | 'taken' | 'cancelled' | 'other';

export type Because =
  | 'active'
  | 'nobody_at_a_desktop'
  | 'unknown'
  | 'everywhere'
  | 'addressed'
  | 'phone_too'
  | 'handover'
  | 'not_shown'
  | 'waiting'
  | 'nobody_reachable'
  | 'device_may_answer'
  | 'presence_known'
  | 'restarted'
  | 'quiet'
  | 'quiet_ended'
  | 'held_until_return'
  | 'presenting'
  | 'returned'
  | 'quieted'
  | 'input_afterwards'
  | 'shown_on_phone'
  | 'gateway'
  | 'settled'
  | 'other';

/**
 * What was known about a device; times in milliseconds.
 */
export type DeviceFact = {
  device: string;
  seat: 'active' | 'inactive' | 'gone' | 'mobile' | 'unknown';
  reason?: NonNullable<PresenceView['reason']>;
  since_ms?: number;
  last_input_ms?: number;
};
";

/// `hither_protocol::Settings` as its JSON.
const SETTINGS: &str = r"/**
 * What the account's person chose, the same on every device.
 */
export type Settings = {
  idle_after_ms: number;
  priorities: { min: Route; low: Route; default: Route; high: Route; urgent: Route };
  publishers?: Record<string, PublisherChoice>;
  quiet_times?: QuietTime[];
  time_zone?: string;
  do_not_disturb: 'off' | 'on' | { until: string };
  urgent_breaks_through: boolean;
  when_away: 'hold' | 'phone';
  when_unknown: 'desktop' | 'phone' | 'both';
  when_presenting: 'hold' | 'phone';
  read_receipts: boolean;
};

export type Route = 'silent' | 'one_screen' | 'phone_too' | 'everywhere';

export type PublisherChoice = { loudest: 1 | 2 | 3 | 4 | 5; phone_too: boolean };

/**
 * Hours of the day by the clock on the wall, as 22:00:00; without days, of every day.
 */
export type QuietTime = { days?: Weekday[]; from: string; to: string };

export type Weekday =
  'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday' | 'sunday';
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
        declare::<DeviceName>(&config),
        MESSAGE.to_owned(),
        TRACE.to_owned(),
        SETTINGS.to_owned(),
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

    use hither_protocol::{Because, Message, Outcome, Route, Settings, Trace, Weekday};
    use serde::Serialize;
    use serde::de::DeserializeOwned;

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

    const TRACED: &str = r#"{"steps": [{
        "at": "2026-01-01T00:00:00Z", "outcome": "alerted", "device": "d", "because": "active",
        "facts": [{"device": "d", "seat": "inactive", "reason": "locked", "since_ms": 1,
                   "last_input_ms": 1}], "text": "t"
    }]}"#;

    const CHOSEN: &str = r#"{
        "publishers": {"app-0123456789012345": {}}, "time_zone": "UTC",
        "quiet_times": [{"days": ["monday"], "from": "22:00:00", "to": "07:00:00"}],
        "do_not_disturb": {"until": "2026-01-01T00:00:00Z"}
    }"#;

    /// The names before each colon of a type.
    fn declared(text: &str, always: bool) -> BTreeSet<String> {
        text.split(['{', ';', '\n'])
            .filter_map(|part| part.split_once(": ").map(|(name, _)| name.trim()))
            .filter(|name| !always || !name.ends_with('?'))
            .map(|name| name.trim_end_matches('?').to_owned())
            .collect()
    }

    /// Whether a type names what the wire names, in full and at the least.
    #[track_caller]
    fn check<T: Serialize + DeserializeOwned>(text: &str, whole: &str, least: &str) {
        let written = |json: &str| {
            let value: T = serde_json::from_str(json).unwrap();
            keys(&serde_json::to_string(&value).unwrap())
        };
        assert_eq!(declared(text, false), written(whole));
        for key in written(least) {
            assert!(
                declared(text, true).contains(&key),
                "{key} is not always there"
            );
        }
    }

    #[test]
    fn the_types_of_the_wire_name_what_the_wire_names() {
        let least = r#"{"id": "01890000-0000-7000-8000-000000000001", "title": "", "body": "",
            "publisher": {"id": "app-0123456789012345", "name": "n"},
            "created_at": "2026-01-01T00:00:00Z"}"#;
        check::<Message>(MESSAGE, WHOLE, least);
        let least = r#"{"steps": [{"at": "2026-01-01T00:00:00Z", "outcome": "silent",
            "because": "quiet", "text": "t"}]}"#;
        check::<Trace>(TRACE, TRACED, least);
        // An id is no name of a field.
        let chosen: Settings = serde_json::from_str(CHOSEN).unwrap();
        let mut named = keys(&serde_json::to_string(&chosen).unwrap());
        named.remove("app-0123456789012345");
        assert_eq!(declared(SETTINGS, false), named);
        let least = serde_json::to_string(&Settings::default()).unwrap();
        for key in keys(&least) {
            assert!(declared(SETTINGS, true).contains(&key), "{key}");
        }
    }

    /// The words in quotes of one type.
    fn words(text: &str, name: &str) -> Vec<String> {
        let (_, rest) = text.split_once(&format!("export type {name} =")).unwrap();
        let (union, _) = rest.split_once(';').unwrap();
        let quoted = union.split('\'').skip(1).step_by(2);
        quoted.map(str::to_owned).collect()
    }

    /// A word that is not the wire's would come back as another one.
    #[track_caller]
    fn come_back<T: Serialize + DeserializeOwned>(words: Vec<String>) {
        assert!(words.len() > 3, "{words:?}");
        for word in words {
            let value: T = serde_json::from_value(word.clone().into()).unwrap();
            assert_eq!(serde_json::to_value(value).unwrap(), word);
        }
    }

    #[test]
    fn the_words_of_a_trace_and_of_settings_are_the_wires() {
        come_back::<Outcome>(words(TRACE, "Outcome"));
        come_back::<Because>(words(TRACE, "Because"));
        come_back::<Route>(words(SETTINGS, "Route"));
        come_back::<Weekday>(words(SETTINGS, "Weekday"));
    }

    #[test]
    fn every_type_that_is_used_is_declared() {
        let text = typescript();
        assert_eq!(text, typescript());
        for name in [
            "View", "Command", "Query", "Answer", "Message", "Password", "Notice", "Trace",
            "Settings",
        ] {
            let declarations = text.matches(&format!("export type {name} =")).count();
            assert_eq!(declarations, 1, "{name} in\n{text}");
        }
        assert!(text.contains("message: Message | null"), "{text}");
        assert!(!text.contains("bigint"), "{text}");
    }
}
