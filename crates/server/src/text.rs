//! Short texts that people give.

/// Whether a text is one line of 1 to `most` characters, not all of them blank.
#[must_use]
pub(crate) fn is_one_line(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.chars().count())
        && !text.trim().is_empty()
        && !text.contains(char::is_control)
}
