//! Bounds that the server holds and the types do not know.

use hither_protocol::{
    MAX_IDLE_AFTER_MS, MAX_PUBLISHER_CHOICES, MAX_QUIET_TIMES, MIN_IDLE_AFTER_MS,
};
use serde_json::{Map, Value, json};

use super::super::account::MIN_PASSWORD;
use super::super::publish::{MAX_KEY, check, receivers};
use super::super::publishers::MAX_CONTACT;
use super::super::push;
use super::super::sign_in::{MAX_NAME, MAX_PASSWORD};
use crate::outbound::MAX_URL;

/// Without control characters.
const ONE_LINE: &str = "^[^\\u0000-\\u001F\\u007F-\\u009F]*$";

/// A schema, its field, and what is added to it.
type Bound = (&'static str, &'static str, Value);

pub(super) fn set(schemas: &mut Map<String, Value>) {
    for (schema, field, bound) in people().into_iter().chain(phones()).chain(messages()) {
        let pointer = format!("/{schema}/properties/{field}");
        let (name, rest) = pointer[1..].split_once('/').unwrap_or_default();
        let found = schemas
            .get_mut(name)
            .and_then(|schema| schema.pointer_mut(&format!("/{rest}")));
        let (Some(Value::Object(property)), Value::Object(bound)) = (found, bound) else {
            unreachable!("{pointer} is not in the types");
        };
        property.extend(bound);
    }
}

fn people() -> Vec<Bound> {
    let name = json!({ "minLength": 1, "maxLength": MAX_NAME, "pattern": ONE_LINE });
    vec![
        ("DeviceRequest", "name", name.clone()),
        ("DeviceRequest", "platform", name.clone()),
        ("ClientInfo", "name", name.clone()),
        ("ClientInfo", "version", name.clone()),
        ("NewPublisher", "name", name.clone()),
        ("Register", "name", name),
        (
            "Register",
            "contact",
            json!({ "minLength": 1, "maxLength": MAX_CONTACT, "pattern": ONE_LINE }),
        ),
        ("Register", "kind", json!({ "pattern": "^[a-z]{2,16}$" })),
        ("RegisterWebhook", "events", json!({ "minItems": 1 })),
        ("RegisterWebhook", "url", json!({ "maxLength": MAX_URL })),
        (
            "NewPublisher",
            "kind",
            json!({ "pattern": "^[a-z]{2,16}$" }),
        ),
        (
            "NewAccount",
            "password",
            json!({ "minLength": MIN_PASSWORD, "maxLength": MAX_PASSWORD }),
        ),
        (
            "ChangePassword",
            "new",
            json!({ "minLength": MIN_PASSWORD, "maxLength": MAX_PASSWORD }),
        ),
    ]
}

fn phones() -> Vec<Bound> {
    const WEBPUSH: &str = "PushRegistration/oneOf/0";
    const APNS: &str = "PushRegistration/oneOf/1";
    const FCM: &str = "PushRegistration/oneOf/2";
    let token = json!({ "pattern": format!("^[!-~]{{1,{}}}$", push::MAX_TOKEN) });
    let topic = json!({ "pattern": format!("^[A-Za-z0-9.-]{{1,{}}}$", push::MAX_TOPIC) });
    let (least, most) = (push::APNS_TOKEN.start(), push::APNS_TOKEN.end());
    let hex = json!({ "pattern": format!("^([0-9A-Fa-f]{{2}}){{{least},{most}}}$") });
    vec![
        (WEBPUSH, "endpoint", json!({ "maxLength": MAX_URL })),
        (APNS, "token", hex),
        (APNS, "topic", topic),
        (FCM, "token", token),
    ]
}

fn messages() -> Vec<Bound> {
    let link = json!({ "maxLength": check::MAX_URL });
    vec![
        (
            "PublishRequest",
            "title",
            json!({ "maxLength": check::MAX_TITLE, "pattern": ONE_LINE }),
        ),
        (
            "PublishRequest",
            "body",
            json!({ "maxLength": check::MAX_BODY }),
        ),
        (
            "PublishRequest",
            "html",
            json!({ "maxLength": check::MAX_HTML }),
        ),
        ("PublishRequest", "url", link.clone()),
        ("PublishRequest", "icon", link),
        (
            "PublishRequest",
            "tags",
            json!({ "maxItems": check::MAX_TAGS }),
        ),
        (
            "PublishRequest",
            "actions",
            json!({ "maxItems": check::MAX_ACTIONS }),
        ),
        (
            "PublishRequest",
            "key",
            json!({ "minLength": 1, "maxLength": MAX_KEY }),
        ),
        (
            "PublishRequest",
            "ttl_s",
            json!({ "minimum": 1, "maximum": check::MAX_TTL_S }),
        ),
        (
            "Recipients",
            "accounts",
            json!({ "maxItems": receivers::MAX_ACCOUNTS }),
        ),
        (
            "Settings",
            "idle_after_ms",
            json!({ "minimum": MIN_IDLE_AFTER_MS, "maximum": MAX_IDLE_AFTER_MS }),
        ),
        (
            "Recipients",
            "tokens",
            json!({ "maxItems": receivers::MAX_TOKENS }),
        ),
        (
            "Recipients",
            "topics",
            json!({ "maxItems": receivers::MAX_TOPICS }),
        ),
        (
            "Settings",
            "quiet_times",
            json!({ "maxItems": MAX_QUIET_TIMES }),
        ),
        (
            "Settings",
            "publishers",
            json!({ "maxProperties": MAX_PUBLISHER_CHOICES }),
        ),
    ]
}
