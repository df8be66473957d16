//! Text from elsewhere, made fit for one line of a menu or a pop-up.

use hither_protocol::Timestamp;
use jiff::Zoned;
use jiff::tz::TimeZone;

/// One line without control characters or marks that reorder what follows, at most `limit`
/// characters; cut at the end with an ellipsis.
pub(crate) fn one_line(text: &str, limit: usize) -> String {
    let words = text.split_whitespace().map(readable);
    let words = words.filter(|word| !word.is_empty()).collect::<Vec<_>>();
    shorten(&words.join(" "), limit)
}

fn readable(word: &str) -> String {
    word.chars()
        .filter(|c| !c.is_control() && !reorders(*c))
        .collect()
}

/// Marks that change the direction of the text around them: they can make one name look like
/// another.
fn reorders(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn shorten(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let kept = text
        .chars()
        .take(limit.saturating_sub(1))
        .collect::<String>();
    format!("{}…", kept.trim_end())
}

/// The time of day, with the day when it is not today: `14:02`, `Tue 14:02`, `3 Nov 14:02`.
pub(crate) fn moment(at: Timestamp, now: &Zoned) -> String {
    let at = at.to_zoned(now.time_zone().clone());
    let days = (at.date() - now.date()).get_days().abs();
    let pattern = match days {
        0 => "%H:%M",
        1..=6 => "%a %H:%M",
        _ => "%-d %b %H:%M",
    };
    at.strftime(pattern).to_string()
}

/// The wall clock here.
pub(crate) fn now() -> Zoned {
    jiff::Timestamp::now().to_zoned(TimeZone::system())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_of_anything_is_short_and_plain() {
        let table = [
            ("", ""),
            ("  \n\t ", ""),
            ("Build\nok", "Build ok"),
            ("\u{202e}evil\u{2066} \u{7}bell", "evil bell"),
            ("1234567890", "1234567890"),
            ("1234567890x", "123456789…"),
            ("12345678 0x", "12345678…"),
            ("构建失败了请马上看一下好吗", "构建失败了请马上看…"),
        ];
        for (text, expected) in table {
            assert_eq!(one_line(text, 10), expected, "{text:?}");
        }
    }

    #[test]
    fn moments_name_the_day_when_it_is_another() {
        let now: Zoned = "2026-11-22T09:00[Europe/Berlin]".parse().unwrap();
        let table = [
            ("2026-11-22T08:02Z", "09:02"),
            ("2026-11-21T22:59Z", "Sat 23:59"),
            ("2026-11-24T07:00Z", "Tue 08:00"),
            ("2026-11-03T07:00Z", "3 Nov 08:00"),
        ];
        for (at, expected) in table {
            assert_eq!(moment(at.parse().unwrap(), &now), expected);
        }
    }
}
