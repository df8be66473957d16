//! Times as the other side writes them.

use serde::{Deserialize, Deserializer};

use crate::Timestamp;

/// A text that is no time, or one that no message has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("give a time like 2026-11-22T08:00:00Z, of a year from 1970 to 9999")]
pub struct InvalidTime;

/// An RFC 3339 time of a year from 1970 to 9999.
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
    text.parse().map_err(|_| InvalidTime)
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
            "9999-12-31T23:59:59.99Z",
            "9999-12-30T22:00:00.5-25:59:59",
            "２０２６-11-22T08:00:00Z",
            "2026",
            "",
        ] {
            assert_eq!(time(text), Err(InvalidTime), "{text}");
        }
    }
}
