//! A person's choices, which other devices may change at the same time.

use hither_protocol::Settings;
use serde_json::{Map, Value};

/// What to keep where a screen changed `was` into `to`, and the server holds `held` by now: what
/// the screen changed, and everything else as it is held, fields of later versions included.
/// `None` where one of the changed choices is something else by now on the server.
#[must_use]
pub fn merged(
    was: &Settings,
    to: &Settings,
    held: &Settings,
    mut whole: Map<String, Value>,
) -> Option<Map<String, Value>> {
    let (was, to, held) = (fields(was), fields(to), fields(held));
    for name in was.keys().chain(to.keys()) {
        let (before, wanted, now) = (was.get(name), to.get(name), held.get(name));
        if wanted == before || wanted == now {
            continue;
        }
        if now != before {
            return None;
        }
        match wanted {
            Some(wanted) => whole.insert(name.clone(), wanted.clone()),
            None => whole.remove(name),
        };
    }
    Some(whole)
}

fn fields(settings: &Settings) -> Map<String, Value> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(json: &Value) -> Settings {
        serde_json::from_value(json.clone()).unwrap()
    }

    #[track_caller]
    fn check(was: &Value, to: &Value, held: &Value, kept: Option<&Value>) {
        let whole = held.as_object().unwrap().clone();
        let said = merged(&settings(was), &settings(to), &settings(held), whole);
        assert_eq!(
            said.map(Value::Object).as_ref(),
            kept,
            "{was} -> {to} on {held}"
        );
    }

    #[test]
    fn only_what_was_changed_here_is_changed_there() {
        let night = json!([{ "from": "22:00:00", "to": "07:00:00" }]);
        let minute = json!({ "idle_after_ms": 60_000 });
        for (was, to, held, kept) in [
            (json!({}), json!({}), json!({}), Some(json!({}))),
            (json!({}), minute.clone(), json!({}), Some(minute.clone())),
            (
                json!({}),
                minute.clone(),
                json!({ "when_away": "hold" }),
                Some(json!({ "when_away": "hold", "idle_after_ms": 60_000 })),
            ),
            (
                json!({ "quiet_times": night }),
                json!({}),
                json!({ "quiet_times": night, "read_receipts": true }),
                Some(json!({ "read_receipts": true })),
            ),
            // What this version does not know stays as it is.
            (
                json!({}),
                minute.clone(),
                json!({ "of_a_later_version": 1, "when_away": "of_a_later_version" }),
                Some(json!({
                    "of_a_later_version": 1,
                    "when_away": "of_a_later_version",
                    "idle_after_ms": 60_000,
                })),
            ),
        ] {
            check(&was, &to, &held, kept.as_ref());
        }
    }

    #[test]
    fn the_same_choice_changed_elsewhere_is_never_overwritten() {
        let idle = |ms: u32| json!({ "idle_after_ms": ms });
        check(&idle(180_000), &idle(60_000), &idle(30_000), None);
        // Both want the same.
        check(
            &idle(180_000),
            &idle(60_000),
            &idle(60_000),
            Some(&idle(60_000)),
        );
        let zone = |name: &str| json!({ "time_zone": name });
        check(&zone("UTC"), &json!({}), &zone("Asia/Shanghai"), None);
        check(&zone("UTC"), &zone("Europe/Berlin"), &json!({}), None);
    }
}
