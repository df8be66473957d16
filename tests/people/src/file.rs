//! The file of days. `docs/simulation.md` describes it.

use anyhow::Context as _;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::day::{Condition, Days, Message, Ms, Segment};

/// One person's days, or a list of them.
pub(crate) fn parse(text: &str) -> anyhow::Result<Vec<Days>> {
    // Some editors put a byte order mark in front.
    let all: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))?;
    let persons = match all {
        Value::Array(persons) => persons,
        person => vec![person],
    };
    anyhow::ensure!(!persons.is_empty(), "the list is empty");
    let persons = persons.into_iter().enumerate();
    let persons = persons.map(|(number, days)| {
        let name = days["person"].as_str().unwrap_or_default().to_owned();
        one(days).with_context(|| format!("person {number} {name:?}"))
    });
    persons.collect()
}

fn one(days: Value) -> anyhow::Result<Days> {
    anyhow::ensure!(days.is_object(), "is no object: {days}");
    if let Some(wrong) = wrong_entry(&days) {
        anyhow::bail!(wrong);
    }
    let days: Days = serde_json::from_value(days)?;
    days.check().map_err(anyhow::Error::msg)?;
    Ok(days)
}

fn wrong_entry(days: &Value) -> Option<String> {
    wrong_in::<Segment>(days, "segments")
        .or_else(|| wrong_in::<Condition>(days, "conditions"))
        .or_else(|| wrong_in::<Message>(days, "messages"))
        .or_else(|| wrong_in::<Vec<Ms>>(days, "inputs_ms"))
}

/// The first entry of a list that is none, and when it would be.
fn wrong_in<T: DeserializeOwned>(days: &Value, list: &str) -> Option<String> {
    let mut entries = days[list].as_array()?.iter().enumerate();
    entries.find_map(|(number, entry)| {
        let why = T::deserialize(entry).err()?;
        let at = entry.get("at_ms").or_else(|| entry.get("from_ms"));
        let at = at.map(|at| format!(" at {at} ms")).unwrap_or_default();
        Some(format!("`{list}[{number}]`{at}: {why}"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A person for whom everything is in order.
    fn ada() -> Value {
        json!({
            "person": "ada", "length_ms": 1_000_000, "desktops": 1, "phones": 1,
            "segments": [
                {"from_ms": 0, "to_ms": 10, "sees": ["d0", "p0"]},
                {"from_ms": 10, "to_ms": 20, "sees": []},
            ],
            "inputs_ms": [[1, 2]],
            "conditions": [
                {"screen": "d0", "is": "asleep", "from_ms": 5, "to_ms": 9},
                {"screen": "p0", "is": "offline", "from_ms": 5, "to_ms": 9},
            ],
            "messages": [{"at_ms": 7}, {"at_ms": 8}],
        })
    }

    #[track_caller]
    fn refused<const N: usize>(cases: [(&str, Value, &str); N]) {
        for (place, value, reason) in cases {
            let mut wrong = ada();
            let (parent, name) = place.rsplit_once('/').unwrap();
            match wrong.pointer_mut(place) {
                Some(old) => *old = value,
                None => wrong.pointer_mut(parent).unwrap()[name] = value,
            }
            let error = parse(&json!([ada(), wrong]).to_string()).unwrap_err();
            let error = format!("{error:#}");
            assert!(error.contains(reason), "{place}: {error}");
            assert!(error.starts_with("person 1 \"ada\": "), "{error}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_person_entry_and_time() {
        parse(&ada().to_string()).unwrap();
        let cases = [
            ("/length_ms", json!(0), "`length_ms` is 0"),
            ("/length_ms", json!(34_560_000_001_u64), "400 days"),
            (
                "/messages/1/at_ms",
                json!(1_000_000),
                "`messages[1]` at 1000000 ms: the days end",
            ),
            (
                "/messages/1/at_ms",
                json!(3),
                "`messages[1]` at 3 ms: comes after 7 ms",
            ),
            (
                "/messages/0/priority",
                json!(9),
                "`messages[0]` at 7 ms: a priority is 1 to 5",
            ),
            (
                "/messages/0/opened_after_ms",
                json!(u64::MAX),
                "`messages[0]` at 7 ms: is opened",
            ),
        ];
        refused(cases);
    }

    #[test]
    fn what_no_device_can_do_is_refused_by_person_entry_and_time() {
        let cases = [
            (
                "/segments/1/sees",
                json!(["p7"]),
                "`segments[1]` at 10 ms: p7 is more",
            ),
            (
                "/segments/0/sees",
                json!(["d0", "d0"]),
                "`segments[0]` at 0 ms: `sees` names d0",
            ),
            ("/segments/0/sees", json!(["x0"]), "d0 is a desktop"),
            ("/segments/0/sees", json!(["d+0"]), "\"d+0\" is no screen"),
            (
                "/segments/1/from_ms",
                json!(9),
                "`segments[1]` at 9 ms: begins before",
            ),
            (
                "/segments/0/to_ms",
                json!(u64::MAX),
                "`segments[0]` at 0 ms: ends after 400 days",
            ),
            (
                "/conditions/0/to_ms",
                json!(4),
                "`conditions[0]` at 5 ms: ends before it begins",
            ),
            (
                "/conditions/0/screen",
                json!("d1"),
                "`conditions[0]` at 5 ms: d1 is more",
            ),
            (
                "/conditions/1/is",
                json!("locked"),
                "`conditions[1]` at 5 ms: a phone can only",
            ),
            ("/inputs_ms", json!([]), "one list for each desktop"),
            (
                "/inputs_ms/0/1",
                json!(0),
                "`inputs_ms[0][1]` at 0 ms: comes after 1 ms",
            ),
            (
                "/inputs_ms/0/1",
                json!(6),
                "`inputs_ms[0][1]` at 6 ms: d0 is asleep",
            ),
            ("/inputs_ms/0/1", json!(u64::MAX), "after 400 days"),
            ("/messages", Value::Null, "null"),
            (
                "/messages/1",
                Value::Null,
                "`messages[1]`: invalid type: null",
            ),
            (
                "/messages/1/at_ms",
                Value::Null,
                "`messages[1]` at null ms: invalid type: null",
            ),
            (
                "/segments/1/sees",
                Value::Null,
                "`segments[1]` at 10 ms: invalid type: null",
            ),
            (
                "/conditions/0/is",
                json!("drunk"),
                "`conditions[0]` at 5 ms: unknown variant `drunk`",
            ),
            ("/inputs_ms/0/1", json!(-1), "`inputs_ms[0]`: invalid value"),
        ];
        refused(cases);
    }

    #[test]
    fn a_stall_that_no_server_waits_for_is_refused() {
        let mut wrong = ada();
        wrong["conditions"] = json!([
            {"screen": "d0", "is": "stalled", "from_ms": 5, "to_ms": 60_000},
            {"screen": "d0", "is": "stalled", "from_ms": 50_000, "to_ms": 95_000},
        ]);
        let error = format!("{:#}", parse(&wrong.to_string()).unwrap_err());
        assert!(
            error.contains("person 0 \"ada\": `conditions`: d0 is stalled from 5 to 95000 ms"),
            "{error}"
        );
    }

    #[test]
    fn a_file_without_days_is_refused() {
        for (text, reason) in [
            ("", "EOF"),
            ("[]", "empty"),
            ("{}", "missing field"),
            ("null", "person 0 \"\": is no object: null"),
            ("[null]", "person 0 \"\": is no object: null"),
        ] {
            let error = format!("{:#}", parse(text).unwrap_err());
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn a_byte_order_mark_does_not_matter() {
        let text = ada().to_string();
        assert_eq!(
            parse(&format!("\u{feff}{text}")).unwrap(),
            parse(&text).unwrap()
        );
    }
}
