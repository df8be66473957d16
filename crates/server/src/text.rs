//! Texts that people and publishers give.

/// The longest title of a message, in bytes.
pub(crate) const MAX_TITLE: usize = 1024;
/// The longest text of a message, in bytes.
pub(crate) const MAX_BODY: usize = 32 * 1024;
/// The largest page of a message, in bytes.
pub(crate) const MAX_HTML: usize = 512 * 1024;
/// A message without its page, as JSON; leaves room in a frame for what stands around it.
pub(crate) const MAX_MESSAGE: usize = hither_protocol::MAX_FRAME_BYTES - 4 * 1024;

/// Whether a text is one line of 1 to `most` characters, not all of them blank.
#[must_use]
pub(crate) fn is_one_line(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.chars().count())
        && !text.trim().is_empty()
        && !text.contains(char::is_control)
}
