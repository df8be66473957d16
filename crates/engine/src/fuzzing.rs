//! What holds for any bytes whatsoever that a message is made of. `cargo xtask fuzz` searches for
//! bytes for which it does not; the test here tries all inputs that it kept.

use hither_protocol::{Format, Message, Priority, PublisherRef, Timestamp};

use crate::preview::{LINE, LINES, title_and_lines};
use crate::view::Headline;

/// Tries bytes with the target of this name; there is `preview`.
///
/// # Panics
/// Where something does not hold, or there is no such target.
pub fn run(name: &str, bytes: &[u8]) {
    assert_eq!(name, "preview", "the name of a target");
    preview(bytes);
}

/// An odd first byte for markdown, then the title, a line break, and the text: what is made of
/// them is few lines, none of them long or with anything that is no letter.
fn preview(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(rest);
    let (title, body) = text.split_once('\n').unwrap_or((&text, ""));
    let format = if first % 2 == 1 {
        Format::Markdown
    } else {
        Format::Plain
    };
    let message = message(title, body, format);
    let (title, lines) = title_and_lines(&message);
    assert!(lines.len() <= LINES);
    assert!(lines.iter().all(|line| !line.is_empty()));
    for line in lines.iter().chain([&title]) {
        assert!(line.chars().count() <= LINE, "{line:?}");
        assert!(!line.contains(char::is_control), "{line:?}");
    }
    let headline = Headline::of(&message);
    assert_eq!(headline.title, title);
    assert_eq!(lines.first().map_or("", String::as_str), headline.line);
}

fn message(title: &str, body: &str, format: Format) -> Message {
    Message {
        id: "0198f6f2-3c5e-7cc3-98c4-dc0c0c07398f"
            .parse()
            .expect("an id"),
        publisher: PublisherRef {
            id: "app-0000000000000001".parse().expect("an id"),
            name: title.to_owned(),
        },
        application: None,
        topic: None,
        title: title.to_owned(),
        body: body.to_owned(),
        format,
        html: None,
        url: None,
        priority: Priority::Default,
        tags: Vec::new(),
        icon: None,
        actions: Vec::new(),
        attachments: Vec::new(),
        key: None,
        created_at: Timestamp::UNIX_EPOCH,
        expires_at: None,
        read_at: None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn it_holds_for_every_input_that_was_kept_and_for_what_is_left_of_it() {
        let kept = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/fuzz/corpus/preview"
        );
        let mut tried = 0;
        for file in fs::read_dir(kept).unwrap() {
            let bytes = fs::read(file.unwrap().path()).unwrap();
            for end in (0..=bytes.len()).rev() {
                preview(&bytes[..end]);
            }
            tried += 1;
        }
        assert!(tried > 0, "nothing is kept");
    }
}
