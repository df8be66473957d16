//! Messages as ntfy's clients get them.

use core::time::Duration;

use hither_protocol::{Format, Message, MessageId, Priority, Timestamp};
use serde::Serialize;
use uuid::Uuid;

use super::actions::NtfyAction;
use super::file;
use super::publication::Beyond;
use crate::http::Origin;

/// What an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Event {
    Open,
    Keepalive,
    Message,
    MessageDelete,
}

/// One line of a subscription, and the answer to a publish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct NtfyMessage {
    pub(super) id: MessageId,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence_id: Option<String>,
    /// Unix time in seconds.
    time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<i64>,
    pub(super) event: Event,
    /// Of an event that is no message: all topics of the subscription, with commas.
    topic: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) title: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) priority: Option<u8>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    click: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    actions: Vec<NtfyAction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attachment: Option<Attachment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'static str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Attachment {
    name: String,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    /// Unix time in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<i64>,
    url: String,
}

impl NtfyMessage {
    /// A message of `topic`. `origin` is where this server is reached, `kept_for` how long it keeps
    /// what says nothing else.
    pub(super) fn of(
        message: Message,
        beyond: Beyond,
        topic: &str,
        origin: &Origin,
        kept_for: Duration,
    ) -> Self {
        let priority = message.priority;
        let markdown = message.format == Format::Markdown;
        let forgotten = (!beyond.fleeting).then(|| message.created_at.checked_add(kept_for).ok());
        let expires = message.expires_at.or(forgotten.flatten());
        let expires = expires.map(Timestamp::as_second);
        let attachment = match beyond.attachment {
            Some(elsewhere) => Some(Attachment {
                name: elsewhere.name,
                media_type: None,
                size: None,
                expires: None,
                url: elsewhere.url,
            }),
            None => message.attachments.first().map(|file| Attachment {
                url: file::address(origin, topic, message.id, file),
                name: file.name.clone(),
                media_type: Some(file.media_type.clone()),
                size: Some(file.size),
                expires,
            }),
        };
        Self {
            id: message.id,
            time: message.created_at.as_second(),
            expires,
            event: Event::Message,
            topic: topic.to_owned(),
            message: text(&message, beyond.page),
            title: message.title,
            priority: (priority != Priority::Default).then(|| priority.into()),
            tags: message.tags,
            click: beyond.click.or(message.url),
            icon: message.icon,
            actions: if beyond.actions.is_empty() {
                let actions = message.actions.into_iter();
                actions.filter_map(NtfyAction::opening).collect()
            } else {
                beyond.actions
            },
            attachment,
            content_type: markdown.then_some("text/markdown"),
            sequence_id: message.key.map(|key| sequence_id(&key, topic)),
        }
    }

    /// An event that says nothing but itself.
    pub(super) fn sign(event: Event, topics: &str, now: Timestamp) -> Self {
        Self::empty(MessageId(Uuid::now_v7()), event, topics, now)
    }

    /// A message was taken back: all of its sequence, where it was published with one.
    pub(super) fn gone(id: MessageId, key: Option<&str>, topic: &str, now: Timestamp) -> Self {
        Self {
            sequence_id: Some(key.map_or_else(|| id.to_string(), |key| sequence_id(key, topic))),
            ..Self::empty(MessageId(Uuid::now_v7()), Event::MessageDelete, topic, now)
        }
    }

    fn empty(id: MessageId, event: Event, topic: &str, now: Timestamp) -> Self {
        Self {
            id,
            sequence_id: None,
            time: now.as_second(),
            expires: None,
            event,
            topic: topic.to_owned(),
            title: String::new(),
            message: String::new(),
            priority: None,
            tags: Vec::new(),
            click: None,
            icon: None,
            actions: Vec::new(),
            attachment: None,
            content_type: None,
        }
    }

    /// As one line.
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a message has only keys that are text")
    }
}

fn sequence_id(key: &str, topic: &str) -> String {
    let own = key
        .strip_prefix(topic)
        .and_then(|rest| rest.strip_prefix('/'));
    own.unwrap_or(key).to_owned()
}

/// A client that shows only text must not show nothing. `page` is what the page said when it was
/// accepted.
fn text(message: &Message, page: String) -> String {
    if !message.body.is_empty() {
        return message.body.clone();
    }
    if message.html.is_some() && !page.is_empty() {
        return page;
    }
    if message.title.is_empty() {
        "A page that only Hither shows".to_owned()
    } else {
        message.title.clone()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const DAY: Duration = Duration::from_hours(24);
    const ID: &str = "0197a9b0-0000-7000-8000-000000000001";

    fn message(extra: &Value) -> Message {
        let mut message = json!({
            "id": ID,
            "publisher": { "id": "app-0000000000000001", "name": "CI" },
            "topic": "alerts",
            "created_at": "2026-03-04T09:00:00.5Z",
        });
        for (name, value) in extra.as_object().unwrap() {
            message[name] = value.clone();
        }
        serde_json::from_value(message).unwrap()
    }

    fn shown(message: &Value, beyond: &Value) -> Value {
        let origin = "https://push.example.com".parse().unwrap();
        let beyond = serde_json::from_value(beyond.clone()).unwrap();
        let message = self::message(message);
        let line = NtfyMessage::of(message, beyond, "alerts", &origin, DAY).to_json();
        assert!(!line.contains('\n'));
        serde_json::from_str(&line).unwrap()
    }

    #[test]
    fn the_least_message() {
        let expected = json!({
            "id": ID, "time": 1_772_614_800, "expires": 1_772_701_200, "event": "message",
            "topic": "alerts", "message": "text",
        });
        assert_eq!(shown(&json!({ "body": "text" }), &json!({})), expected);
        let fleeting = shown(&json!({ "body": "text" }), &json!({ "fleeting": true }));
        assert_eq!(fleeting.get("expires"), None);
    }

    #[test]
    fn the_whole_message() {
        let whole = json!({
            "title": "Title", "body": "**text**", "format": "markdown", "priority": 5,
            "tags": ["warning"], "url": "https://x.org", "icon": "https://x.org/i.png",
            "actions": [{ "id": "1", "label": "Open", "url": "https://x.org" },
                        { "id": "2", "label": "Fine" }],
            "attachments": [{ "name": "a b.txt", "media_type": "text/plain", "size": 4,
                              "href": "/v1/a" }],
            "key": "build", "expires_at": "2026-03-04T10:00:00Z",
        });
        let expected = json!({
            "id": ID, "sequence_id": "build", "time": 1_772_614_800, "expires": 1_772_618_400,
            "event": "message", "topic": "alerts", "title": "Title", "message": "**text**",
            "priority": 5, "tags": ["warning"], "click": "https://x.org",
            "icon": "https://x.org/i.png", "content_type": "text/markdown",
            "actions": [{ "id": "1", "action": "view", "label": "Open", "clear": false,
                          "url": "https://x.org" }],
            "attachment": { "name": "a b.txt", "type": "text/plain", "size": 4,
                            "expires": 1_772_618_400,
                            "url": format!("https://push.example.com/file/alerts/{ID}/a%20b.txt") },
        });
        assert_eq!(shown(&whole, &json!({})), expected);
    }

    #[test]
    fn what_only_ntfys_clients_know_comes_back_to_them() {
        let beyond = json!({
            "click": "geo:0,0",
            "actions": [{ "id": "1", "action": "http", "label": "Door", "clear": true,
                          "url": "https://x.org", "method": "PUT" }],
            "attachment": { "name": "a.jpg", "url": "https://x.org/a.jpg" },
        });
        let shown = shown(
            &json!({ "body": "text", "url": "https://x.org/a.jpg" }),
            &beyond,
        );
        assert_eq!(shown["click"], "geo:0,0");
        assert_eq!(shown["actions"], beyond["actions"]);
        assert_eq!(shown["attachment"], beyond["attachment"]);
    }

    #[test]
    fn a_message_is_never_without_text() {
        let titled = shown(&json!({ "title": "Only a title" }), &json!({}));
        assert_eq!(titled["message"], "Only a title");
        let page = json!({ "html": { "size": 3 }, "title": "Report" });
        let said = json!({ "page": "All is well" });
        assert_eq!(shown(&page, &said)["message"], "All is well");
        // Its publisher lost the right to pages before it came.
        let refused = shown(&json!({ "title": "Report" }), &said);
        assert_eq!(refused["message"], "Report");
        let picture = shown(&json!({ "html": { "size": 3 } }), &json!({}));
        assert_eq!(picture["message"], "A page that only Hither shows");
    }

    #[test]
    fn signs_carry_nothing_else() {
        let now = "2026-03-04T09:00:00Z".parse().unwrap();
        let line = NtfyMessage::sign(Event::Keepalive, "a,b", now).to_json();
        let sign: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(sign["event"], "keepalive");
        assert_eq!(sign["topic"], "a,b");
        assert_eq!(sign.as_object().unwrap().len(), 4, "{sign}");
    }
}
