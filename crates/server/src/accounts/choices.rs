//! What a person's choices mean for the account's clients and for the router.

use core::time::Duration;

use hither_attention::Event;
use hither_protocol::{
    AttentionSettings, DoNotDisturb, FirstAlert, Message, Policy, Settings, Timestamp,
};
use jiff::Zoned;
use jiff::tz::TimeZone;

/// What the account's clients are told about timing and quiet at `now`; `base` says the rest.
pub(super) fn policy(base: Policy, settings: &Settings, now: Timestamp) -> Policy {
    Policy {
        idle_after_ms: settings.attention.idle_after_ms,
        quiet: hither_attention::quiet(&settings.attention, &here(settings, now)),
        ..base
    }
}

/// What a device that does not ring is told about a message of its person's.
pub(super) fn silently(settings: &Settings, message: &Message) -> FirstAlert {
    let publisher = &message.publisher.id;
    if hither_attention::rings(&settings.attention, publisher, message.priority) {
        FirstAlert::Silent
    } else {
        FirstAlert::Never
    }
}

/// The settings of a person who chose nothing.
pub(super) fn none(base: Policy) -> Settings {
    Settings {
        attention: AttentionSettings {
            idle_after_ms: base.idle_after_ms,
            ..AttentionSettings::default()
        },
        ..Settings::default()
    }
}

/// What the router is told when an account is loaded and when its choices change.
pub(super) fn chosen(settings: &Settings) -> Event {
    Event::SettingsChanged(Box::new(settings.attention.clone()))
}

/// What the clock on the wall shows at `now` where the person's quiet times are.
pub(super) fn wall_clock(settings: &Settings, now: Timestamp) -> Event {
    Event::WallClock(Box::new(here(settings, now)))
}

fn here(settings: &Settings, now: Timestamp) -> Zoned {
    let name = settings.attention.time_zone.as_deref();
    // A zone that is known no more, as after an older version was installed, is the server's.
    let zone = name.and_then(|name| TimeZone::get(name).ok());
    let zone = zone.unwrap_or_else(TimeZone::system);
    now.to_zoned(zone)
}

/// How often the router is told what the clock on the wall shows: somebody may have set it, and a
/// person may wait for the end of a quiet time.
pub(super) fn wall_clock_every(settings: &Settings) -> Duration {
    let AttentionSettings {
        quiet_times,
        do_not_disturb,
        ..
    } = &settings.attention;
    if quiet_times.is_empty() && *do_not_disturb == DoNotDisturb::Off {
        Duration::from_hours(1)
    } else {
        Duration::from_mins(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_is_noticed_within_a_minute_where_it_matters() {
        let minutes = |attention: &str| {
            let attention = serde_json::from_str(attention).unwrap();
            let settings = Settings {
                attention,
                ..Settings::default()
            };
            wall_clock_every(&settings).as_secs() / 60
        };
        for (attention, every) in [
            ("{}", 60),
            (
                r#"{"quiet_times": [{"from": "22:00:00", "to": "07:00:00"}]}"#,
                1,
            ),
            (
                r#"{"do_not_disturb": {"until": "2026-11-22T06:00:00Z"}}"#,
                1,
            ),
        ] {
            assert_eq!(minutes(attention), every, "{attention}");
        }
    }

    #[test]
    fn the_wall_clock_is_where_the_person_is() {
        let now: Timestamp = "2026-11-22T06:00:00Z".parse().unwrap();
        for (zone, shows) in [
            (Some("Asia/Kathmandu"), "2026-11-22T11:45:00"),
            (Some("America/New_York"), "2026-11-22T01:00:00"),
            (Some("UTC"), "2026-11-22T06:00:00"),
        ] {
            let mut settings = Settings::default();
            settings.attention.time_zone = zone.map(str::to_owned);
            let Event::WallClock(wall) = wall_clock(&settings, now) else {
                panic!("no wall clock");
            };
            assert_eq!(wall.datetime().to_string(), shows);
        }
        for zone in [None, Some("Atlantis/Capital")] {
            let mut settings = Settings::default();
            settings.attention.time_zone = zone.map(str::to_owned);
            let here = Event::WallClock(Box::new(now.to_zoned(TimeZone::system())));
            assert_eq!(wall_clock(&settings, now), here);
        }
    }
}
