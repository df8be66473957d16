//! Whether what a person chose can be kept.

use hither_protocol::{
    AttentionSettings, MAX_IDLE_AFTER_MS, MAX_PUBLISHER_CHOICES, MAX_QUIET_TIMES,
    MIN_IDLE_AFTER_MS, Settings,
};
use jiff::tz::TimeZone;
use serde_json::Value;

use super::{Failure, MAX_PASSWORD, MIN_PASSWORD};

pub(crate) fn password(new: &str) -> Result<(), Failure> {
    if new.chars().count() >= MIN_PASSWORD && new.len() <= MAX_PASSWORD {
        return Ok(());
    }
    Err(Failure::invalid(format!(
        "The new password must have at least {MIN_PASSWORD} characters, and at most {MAX_PASSWORD} bytes."
    )))
}

pub(super) fn settings(settings: &Settings) -> Result<(), Failure> {
    let AttentionSettings {
        idle_after_ms,
        publishers,
        quiet_times,
        time_zone,
        ..
    } = &settings.attention;
    if !(MIN_IDLE_AFTER_MS..=MAX_IDLE_AFTER_MS).contains(idle_after_ms) {
        return Err(Failure::invalid(format!(
            "idle_after_ms must be {MIN_IDLE_AFTER_MS} to {MAX_IDLE_AFTER_MS}."
        )));
    }
    at_most("quiet_times", quiet_times.len(), MAX_QUIET_TIMES)?;
    at_most("publishers", publishers.len(), MAX_PUBLISHER_CHOICES)?;
    time_zone.as_deref().map_or(Ok(()), is_zone)
}

fn at_most(field: &str, count: usize, most: usize) -> Result<(), Failure> {
    if count <= most {
        return Ok(());
    }
    Err(Failure::invalid(format!(
        "{field} has {count} entries, and {most} is the most; leave some out."
    )))
}

/// An offset or a POSIX rule would not follow the place's own changes of its clocks.
fn is_zone(name: &str) -> Result<(), Failure> {
    if TimeZone::get(name).is_ok_and(|zone| zone.iana_name().is_some()) {
        return Ok(());
    }
    Err(Failure::invalid(format!(
        "There is no time zone {:?}; use an IANA name, as Europe/Berlin.",
        name.chars().take(64).collect::<String>()
    )))
}

/// Refuses words that no choice has: they would be kept as something else, perhaps as something
/// louder. `said` is what `settings` were read from.
pub(crate) fn words(said: &[u8], settings: &Settings) -> Result<(), Failure> {
    let said: Value = serde_json::from_slice(said).unwrap_or_default();
    let kept = serde_json::to_value(settings).unwrap_or_default();
    let routes = ["min", "low", "default", "high", "urgent"];
    let routes = routes.map(|priority| format!("/priorities/{priority}"));
    let choices = ["/when_away", "/when_unknown", "/when_presenting"].map(str::to_owned);
    for field in routes.into_iter().chain(choices) {
        if let Some(word) = said.pointer(&field).filter(|word| !word.is_null())
            && kept.pointer(&field) != Some(word)
        {
            let field = field[1..].replace('/', ".");
            return Err(Failure::invalid(format!(
                "{field} cannot be {word}; docs/protocol.md names the words."
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn checked(settings: Value) -> Result<(), String> {
        let settings: Settings =
            serde_json::from_value(settings).map_err(|error| error.to_string())?;
        super::settings(&settings).map_err(|failure| format!("{failure:?}"))
    }

    #[test]
    fn settings_have_bounds() {
        let quiet = json!({ "days": ["monday", "sunday"], "from": "22:00", "to": "07:00" });
        for fine in [
            json!({}),
            json!({ "idle_after_ms": 10_000 }),
            json!({ "idle_after_ms": 3_600_000 }),
            json!({ "quiet_times": vec![quiet.clone(); 20] }),
            json!({ "time_zone": "UTC" }),
            json!({ "time_zone": "Asia/Kathmandu" }),
            json!({ "do_not_disturb": { "until": "2026-11-22T06:00:00Z" } }),
            json!({ "priorities": { "high": "everywhere", "low": "of a later version" } }),
            json!({ "when_unknown": "of a later version", "of_a_later_version": 1 }),
        ] {
            assert_eq!(checked(fine.clone()), Ok(()), "{fine}");
        }
        for (wrong, says) in [
            (json!({ "idle_after_ms": 9_999 }), "10000 to 3600000"),
            (json!({ "idle_after_ms": 3_600_001 }), "10000 to 3600000"),
            (json!({ "idle_after_ms": -1 }), "u64"),
            (json!({ "quiet_times": vec![quiet; 21] }), "20"),
            (json!({ "quiet_times": [{ "from": "22:00" }] }), "`to`"),
            (json!({ "time_zone": "" }), "time zone"),
            (json!({ "time_zone": "+02:00" }), "time zone"),
            (json!({ "time_zone": "CET-1" }), "time zone"),
            (json!({ "time_zone": "../etc/passwd" }), "time zone"),
            (json!({ "publishers": { "x": {} } }), "16 digits"),
            (json!({ "do_not_disturb": "tomorrow" }), "tomorrow"),
        ] {
            let said = checked(wrong.clone()).expect_err("must be refused");
            assert!(said.contains(says), "{wrong}: {said}");
        }
    }

    #[test]
    fn a_password_has_bounds() {
        for (bytes, fine) in [
            (0, false),
            (7, false),
            (8, true),
            (1024, true),
            (1025, false),
        ] {
            assert_eq!(password(&"x".repeat(bytes)).is_ok(), fine, "{bytes}");
        }
    }
}
