//! When a message is to be delivered: `30m`, `1639194738`, `tomorrow, 10am`.

use core::time::Duration;

use hither_protocol::Timestamp;
use jiff::civil::{Time, Weekday};
use jiff::{SignedDuration, ToSpan, Zoned};

use super::error::{NtfyError, Why};

const SOONEST: Duration = Duration::from_secs(10);
const LATEST: Duration = Duration::from_hours(3 * 24);

/// The time that `text` names, seen from `now`, whose time zone counts for times of day; within
/// ntfy's bounds.
pub(super) fn parse(text: &str, now: &Zoned) -> Result<Timestamp, NtfyError> {
    let at = moment(text, now).ok_or_else(|| {
        let detail = "write a duration (30m, 2 days), a Unix time, or a time such as 'tomorrow, \
                      10am', 'Tuesday, 7am' or '8:30pm'";
        NtfyError::new(Why::Delay, detail)
    })?;
    let wait = at.duration_since(now.timestamp());
    if wait < SignedDuration::try_from(SOONEST).unwrap_or(SignedDuration::MAX) {
        return Err(NtfyError::new(
            Why::DelayTooSmall,
            "10 seconds are the least",
        ));
    }
    if wait > SignedDuration::try_from(LATEST).unwrap_or(SignedDuration::MAX) {
        return Err(NtfyError::new(Why::DelayTooLarge, "3 days are the most"));
    }
    Ok(at)
}

/// A time in any of these forms, nothing where it is none of them.
pub(crate) fn moment(text: &str, now: &Zoned) -> Option<Timestamp> {
    seconds(text)
        .or_else(|| duration(text, now))
        .or_else(|| hither_protocol::time(text).ok())
        .or_else(|| time_of_day(text, now))
}

fn seconds(text: &str) -> Option<Timestamp> {
    Timestamp::from_second(text.parse().ok()?).ok()
}

fn duration(text: &str, now: &Zoned) -> Option<Timestamp> {
    let text = text.trim_start_matches("in ");
    let span: jiff::Span = text.parse().ok()?;
    now.checked_add(span).ok().map(|at| at.timestamp())
}

/// `tomorrow`, `tuesday 7am`, `8:30pm`, `tomorrow, 10:00`; the next such time.
fn time_of_day(text: &str, now: &Zoned) -> Option<Timestamp> {
    let text = text.to_ascii_lowercase().replace([',', '@'], " ");
    let mut words = text
        .split_whitespace()
        .filter(|word| *word != "at")
        .peekable();
    let first = words.peek().copied()?;
    let day = day(first, now);
    if day.is_some() {
        words.next();
    }
    let rest: String = words.collect();
    let time = match (rest.as_str(), day.is_some()) {
        ("", true) => Some(now.time()),
        (rest, _) => clock(rest),
    }?;
    let days = day.unwrap_or(0);
    let at = on(now, days, time)?;
    let passed = at <= now.timestamp();
    match day {
        None if passed => on(now, 1, time),
        _ => Some(at),
    }
}

fn on(now: &Zoned, days: i64, time: Time) -> Option<Timestamp> {
    let day = now.checked_add(days.days()).ok()?;
    day.with().time(time).build().ok().map(|at| at.timestamp())
}

/// In how many days a word's day is.
fn day(word: &str, now: &Zoned) -> Option<i64> {
    let weekday = match word.get(..3)? {
        _ if word == "today" => return Some(0),
        _ if word == "tomorrow" => return Some(1),
        "mon" => Weekday::Monday,
        "tue" => Weekday::Tuesday,
        "wed" => Weekday::Wednesday,
        "thu" => Weekday::Thursday,
        "fri" => Weekday::Friday,
        "sat" => Weekday::Saturday,
        "sun" => Weekday::Sunday,
        _ => return None,
    };
    let days = i64::from(now.weekday().until(weekday));
    Some(if days == 0 { 7 } else { days })
}

/// `10am`, `8:30pm`, `15:00`, `noon`.
fn clock(text: &str) -> Option<Time> {
    let (digits, half) = match text {
        "noon" => return Some(Time::constant(12, 0, 0, 0)),
        "midnight" => return Some(Time::midnight()),
        text => match (text.strip_suffix("am"), text.strip_suffix("pm")) {
            (Some(digits), _) => (digits, Some(0)),
            (_, Some(digits)) => (digits, Some(12)),
            _ => (text, None),
        },
    };
    let (hour, minute) = digits.split_once(':').unwrap_or((digits, ""));
    if half.is_none() && minute.is_empty() {
        return None;
    }
    let mut hour: i8 = hour.parse().ok()?;
    let minute: i8 = if minute.is_empty() {
        0
    } else {
        minute.parse().ok()?
    };
    if let Some(half) = half {
        if !(1..=12).contains(&hour) {
            return None;
        }
        hour = hour % 12 + half;
    }
    Time::new(hour, minute, 0, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Wednesday.
    fn now() -> Zoned {
        "2026-03-04T09:00:00Z"
            .parse::<Timestamp>()
            .unwrap()
            .to_zoned(jiff::tz::TimeZone::UTC)
    }

    #[test]
    fn times_are_understood() {
        for (text, expected) in [
            ("10", None),
            ("10s", Some("2026-03-04T09:00:10Z")),
            ("30m", Some("2026-03-04T09:30:00Z")),
            ("30 min", Some("2026-03-04T09:30:00Z")),
            ("in 2 hours", Some("2026-03-04T11:00:00Z")),
            ("1h30m", Some("2026-03-04T10:30:00Z")),
            ("2 days", Some("2026-03-06T09:00:00Z")),
            ("1772618400", Some("2026-03-04T10:00:00Z")),
            ("2026-03-04T10:00:00Z", Some("2026-03-04T10:00:00Z")),
            ("10am", Some("2026-03-04T10:00:00Z")),
            ("8:30pm", Some("2026-03-04T20:30:00Z")),
            ("8am", Some("2026-03-05T08:00:00Z")),
            ("12am", Some("2026-03-05T00:00:00Z")),
            ("noon", Some("2026-03-04T12:00:00Z")),
            ("tomorrow", Some("2026-03-05T09:00:00Z")),
            ("tomorrow, 10am", Some("2026-03-05T10:00:00Z")),
            ("tomorrow at 15:45", Some("2026-03-05T15:45:00Z")),
            ("Friday, 7am", Some("2026-03-06T07:00:00Z")),
            ("today 11 am", Some("2026-03-04T11:00:00Z")),
            ("", None),
            ("soon", None),
            ("13pm", None),
            ("25:00", None),
            ("tomorrow, 99am", None),
            ("é", None),
        ] {
            let at = parse(text, &now()).ok().map(|at| at.to_string());
            assert_eq!(at.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn neither_too_soon_nor_too_late() {
        for (text, why) in [
            ("9s", Why::DelayTooSmall),
            ("1639194738", Why::DelayTooSmall),
            ("-1h", Why::DelayTooSmall),
            ("73h", Why::DelayTooLarge),
            ("9999999999", Why::DelayTooLarge),
            ("whenever", Why::Delay),
        ] {
            let error = parse(text, &now()).unwrap_err();
            assert_eq!(error.why(), why, "{text}");
        }
    }
}
