//! Whether what a person chose can be kept.

use hither_protocol::{
    MAX_IDLE_AFTER_S, MAX_PUBLISHER_CHOICES, MAX_QUIET_TIMES, MIN_IDLE_AFTER_S, QuietTime, Settings,
};
use jiff::tz::TimeZone;

use super::{Failure, MAX_PASSWORD, MIN_PASSWORD};

pub(crate) fn password(new: &str) -> Result<(), Failure> {
    if (MIN_PASSWORD..=MAX_PASSWORD).contains(&new.len()) {
        return Ok(());
    }
    Err(Failure::invalid(format!(
        "The new password must have {MIN_PASSWORD} to {MAX_PASSWORD} bytes."
    )))
}

pub(super) fn settings(settings: &Settings) -> Result<(), Failure> {
    if let Some(seconds) = settings.idle_after_s
        && !(MIN_IDLE_AFTER_S..=MAX_IDLE_AFTER_S).contains(&seconds)
    {
        return Err(Failure::invalid(format!(
            "idle_after_s must be {MIN_IDLE_AFTER_S} to {MAX_IDLE_AFTER_S} seconds."
        )));
    }
    at_most("quiet_times", settings.quiet_times.len(), MAX_QUIET_TIMES)?;
    at_most(
        "routing.publishers",
        settings.routing.publishers.len(),
        MAX_PUBLISHER_CHOICES,
    )?;
    settings.quiet_times.iter().try_for_each(quiet_time)
}

fn at_most(field: &str, count: usize, most: usize) -> Result<(), Failure> {
    if count <= most {
        return Ok(());
    }
    Err(Failure::invalid(format!(
        "{field} has {count} entries, and {most} is the most; leave some out."
    )))
}

fn quiet_time(time: &QuietTime) -> Result<(), Failure> {
    if time.days.is_empty() {
        return Err(Failure::invalid(
            "A quiet time needs at least one of the days mon to sun; name one or leave it out.",
        ));
    }
    // An offset or a POSIX rule would not follow the place's own changes of its clocks.
    let known = TimeZone::get(&time.timezone).is_ok_and(|zone| zone.iana_name().is_some());
    if known {
        return Ok(());
    }
    Err(Failure::invalid(format!(
        "There is no time zone {:?}; use an IANA name, as Europe/Berlin.",
        time.timezone.chars().take(64).collect::<String>()
    )))
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

    fn quiet(change: impl FnOnce(&mut Value)) -> Value {
        let mut time = json!({
            "days": ["mon", "sun"], "from": "22:00", "to": "07:00", "timezone": "Europe/Berlin",
        });
        change(&mut time);
        json!({ "quiet_times": [time] })
    }

    #[test]
    fn settings_have_bounds() {
        for fine in [
            json!({}),
            json!({ "idle_after_s": 10 }),
            json!({ "idle_after_s": 3600 }),
            quiet(|_| {}),
            quiet(|time| time["to"] = "22:00".into()),
            quiet(|time| time["timezone"] = "UTC".into()),
            quiet(|time| time["timezone"] = "Asia/Kathmandu".into()),
            json!({ "routing": { "priorities": { "4": "everywhere", "1": "of a later version" } } }),
            json!({ "unknown_rings": "of a later version", "of_a_later_version": 1 }),
        ] {
            assert_eq!(checked(fine.clone()), Ok(()), "{fine}");
        }
        for (wrong, says) in [
            (json!({ "idle_after_s": 9 }), "10 to 3600"),
            (json!({ "idle_after_s": 3601 }), "10 to 3600"),
            (json!({ "idle_after_s": -1 }), "integer"),
            (json!({ "idle_after_s": 60.5 }), "floating point"),
            (quiet(|time| time["days"] = json!([])), "at least one"),
            (quiet(|time| time["days"] = json!(["monday"])), "monday"),
            (quiet(|time| time["from"] = "24:00".into()), "HH:MM"),
            (quiet(|time| time["from"] = "7:00".into()), "HH:MM"),
            (quiet(|time| time["to"] = "07:60".into()), "HH:MM"),
            (quiet(|time| time["to"] = "+7:00".into()), "HH:MM"),
            (quiet(|time| time["timezone"] = "".into()), "time zone"),
            (
                quiet(|time| time["timezone"] = "+02:00".into()),
                "time zone",
            ),
            (quiet(|time| time["timezone"] = "CET-1".into()), "time zone"),
            (
                quiet(|time| time["timezone"] = "../etc/passwd".into()),
                "time zone",
            ),
            (
                json!({ "quiet_times": vec![quiet(|_| {})["quiet_times"][0].clone(); 21] }),
                "20",
            ),
            (
                json!({ "routing": { "priorities": { "6": "usual" } } }),
                "1 (min) to 5",
            ),
            (
                json!({ "routing": { "publishers": { "x": "usual" } } }),
                "16 digits",
            ),
            (json!({ "do_not_disturb_until": "tomorrow" }), "four digit"),
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
