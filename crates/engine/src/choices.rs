//! A person's choices, which other devices may change at the same time.

use hither_protocol::Settings;
use serde_json::{Map, Value};

type Fields = Map<String, Value>;

/// What to keep where a screen changed `was` into `to`, and the server holds `held` by now: what
/// the screen changed, and everything else as it is held, fields of later versions included.
/// `None` where one of the changed choices is something else by now on the server.
#[must_use]
pub fn merged(was: &Settings, to: &Settings, held: &Settings, mut whole: Fields) -> Option<Fields> {
    merge(&fields(was), &fields(to), &fields(held), &mut whole).then_some(whole)
}

/// Whether nothing was changed on both sides; what consists of parts is compared by its parts.
fn merge(was: &Fields, to: &Fields, held: &Fields, whole: &mut Fields) -> bool {
    for name in was.keys().chain(to.keys()) {
        let (before, wanted, now) = (was.get(name), to.get(name), held.get(name));
        if wanted == before || wanted == now {
            continue;
        }
        if let (Some(Value::Object(wanted)), Some(Value::Object(now)), Some(Value::Object(whole))) =
            (wanted, now, whole.get_mut(name))
        {
            let none = Fields::new();
            let before = before.and_then(Value::as_object).unwrap_or(&none);
            if !merge(before, wanted, now, whole) {
                return false;
            }
        } else if now != before {
            return false;
        } else if let Some(wanted) = wanted {
            whole.insert(name.clone(), wanted.clone());
        } else {
            whole.remove(name);
        }
    }
    true
}

fn fields(settings: &Settings) -> Fields {
    match serde_json::to_value(settings) {
        Ok(Value::Object(fields)) => fields,
        _ => Fields::new(),
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
    fn different_publishers_are_different_choices() {
        let quiet = |names: &[&str]| {
            let publishers: Fields = names
                .iter()
                .map(|name| {
                    (
                        (*name).to_owned(),
                        json!({ "loudest": 2, "phone_too": false }),
                    )
                })
                .collect();
            json!({ "publishers": publishers })
        };
        let (one, two) = ("app-0000000000000001", "app-0000000000000002");
        let both = quiet(&[one, two]);
        check(&quiet(&[]), &quiet(&[one]), &quiet(&[two]), Some(&both));
        check(&both, &quiet(&[two]), &both, Some(&quiet(&[two])));
        let louder = json!({ "publishers": { one: { "loudest": 3, "phone_too": false } } });
        let loudest = json!({ "publishers": { one: { "loudest": 4, "phone_too": false } } });
        check(&quiet(&[one]), &louder, &loudest, None);
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
