//! Times as they are on the wire: RFC 3339 in UTC with three digits of milliseconds, so that their texts
//! sort as they do. Read is what others write, too.

use serde::{Deserialize, Deserializer, Serializer};

use crate::Timestamp;

/// A text that is no time, or one that no message has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("give a time like 2026-11-22T08:00:00Z, of a year from 1970 to 9999")]
pub struct InvalidTime;

/// An RFC 3339 time of a year from 1970 to 9999. The last hours of 9999, in which many write "for
/// ever", are taken for the last moment that a [`Timestamp`] holds: 9999-12-30T22:00:00.999Z.
///
/// The year is looked at before the time is computed: times at the end of what a [`Timestamp`] holds
/// end in an assertion of its library, and mean nothing here.
pub fn time(text: &str) -> Result<Timestamp, InvalidTime> {
    let year = text
        .get(..4)
        .filter(|year| year.bytes().all(|digit| digit.is_ascii_digit()));
    if year.is_none_or(|year| year < "1970") {
        return Err(InvalidTime);
    }
    text.parse().or_else(|_| for_ever(text).ok_or(InvalidTime))
}

/// The last moment, for a time after it: one that is right but for its year.
fn for_ever(text: &str) -> Option<Timestamp> {
    let rest = text
        .strip_prefix("9999")
        .filter(|rest| rest.starts_with("-12-3"))?;
    let a_year_before: Result<Timestamp, _> = format!("9998{rest}").parse();
    a_year_before.ok().map(|_| Timestamp::MAX)
}

/// For fields that hold one.
pub fn read_time<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(from)?;
    time(&text).map_err(serde::de::Error::custom)
}

/// For fields that may hold one.
pub fn read_optional_time<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    let read = text.map(|text| time(&text)).transpose();
    read.map_err(serde::de::Error::custom)
}

/// For fields that hold one.
pub fn write_time<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{time:.3}"))
}

/// For fields that may hold one.
pub fn write_optional_time<S: Serializer>(
    time: &Option<Timestamp>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => write_time(time, to),
        None => to.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_from_1970_to_9999_are_read() {
        for text in [
            "1970-01-01T00:00:00Z",
            "1970-01-01T00:00:00+01:00",
            "2026-11-22T08:00:00.123Z",
            "9999-12-30T22:00:00.999999999Z",
        ] {
            assert_eq!(time(text).ok(), text.parse().ok(), "{text}");
            assert!(time(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn no_other_time_gets_as_far_as_being_computed() {
        for text in [
            "-009999-01-02T01:59:58.99Z",
            "-009999-01-02T01:59:59.999999999Z",
            "+002026-11-22T08:00:00Z",
            "0000-01-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "9999-12-31T24:59:59Z",
            "9999-12-32T00:00:00Z",
            "9999-12-31",
            "２０２６-11-22T08:00:00Z",
            "2026",
            "",
        ] {
            assert_eq!(time(text), Err(InvalidTime), "{text}");
        }
    }

    #[test]
    fn for_ever_is_the_last_moment() {
        for text in [
            "9999-12-31T23:59:59.999Z",
            "9999-12-31T23:59:59Z",
            "9999-12-31t23:59:59.999+08:00",
            "9999-12-30T22:00:01Z",
            "9999-12-30T22:00:00.5-25:59:59",
        ] {
            assert_eq!(time(text), Ok(Timestamp::MAX), "{text}");
        }
        let json = write_time(&Timestamp::MAX, serde_json::value::Serializer).unwrap();
        assert_eq!(json, "9999-12-30T22:00:00.999Z");
        assert_eq!(
            time(json.as_str().unwrap()).map(|time| time > Timestamp::UNIX_EPOCH),
            Ok(true)
        );
    }

    #[test]
    fn times_are_written_with_milliseconds() {
        for (text, written) in [
            ("2026-11-22T08:00:00Z", "2026-11-22T08:00:00.000Z"),
            ("2026-11-22T08:00:00.12Z", "2026-11-22T08:00:00.120Z"),
            ("2026-11-22T08:00:00.123456Z", "2026-11-22T08:00:00.123Z"),
        ] {
            let time = time(text).unwrap();
            let json = write_time(&time, serde_json::value::Serializer).unwrap();
            assert_eq!(json, written);
            let json = write_optional_time(&Some(time), serde_json::value::Serializer).unwrap();
            assert_eq!(json, written);
        }
    }
}
