//! A message in one line: what the list, the tray and a pop-up show of it.

use hither_protocol::{Format, Message};
use pulldown_cmark::{Event, Parser, TagEnd};

/// The most characters of a title or a line.
const MAX_CHARS: usize = 200;

/// Title and line of a message. The title is its own or, without one, the body's first line; the
/// line is the first line of the body that the title does not already say.
pub(super) fn title_and_line(message: &Message) -> (String, String) {
    let body = match message.format {
        Format::Plain => message.body.clone(),
        Format::Markdown => without_markup(&message.body),
    };
    let mut lines = body.lines().map(cut).filter(|line| !line.is_empty());
    let own = cut(&message.title);
    let title = if own.is_empty() {
        lines.next().unwrap_or_default()
    } else {
        own
    };
    (title, lines.next().unwrap_or_default())
}

/// One line of at most [`MAX_CHARS`] characters, white space and control characters folded.
fn cut(text: &str) -> String {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    let folded: String = text.chars().take(8 * MAX_CHARS).map(printable).collect();
    let line = folded.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MAX_CHARS {
        return line;
    }
    let kept: String = line.chars().take(MAX_CHARS - 1).collect();
    format!("{}…", kept.trim_end())
}

fn without_markup(markdown: &str) -> String {
    let mut text = String::with_capacity(markdown.len());
    for event in Parser::new(markdown) {
        match event {
            Event::Text(piece) | Event::Code(piece) => text.push_str(&piece),
            Event::SoftBreak | Event::HardBreak | Event::Rule => text.push('\n'),
            Event::End(TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::Item) => text.push('\n'),
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::testing::message;

    #[track_caller]
    fn check(format: Format, title: &str, body: &str, expected: (&str, &str)) {
        let mut whole = message(1);
        whole.format = format;
        title.clone_into(&mut whole.title);
        body.clone_into(&mut whole.body);
        let (title, line) = title_and_line(&whole);
        assert_eq!((title.as_str(), line.as_str()), expected);
    }

    #[test]
    fn a_message_is_named_by_its_title_or_its_first_line() {
        use Format::{Markdown, Plain};
        check(Plain, "Build", "failed\nin main", ("Build", "failed"));
        check(Plain, "", "\n  \nfailed\nin main", ("failed", "in main"));
        check(Plain, "", "", ("", ""));
        check(Plain, " a\tb\nc\u{7} ", "", ("a b c", ""));
        check(Plain, "", "**as it is**", ("**as it is**", ""));
        check(
            Markdown,
            "",
            "# Big *news*\n\nsee [it](x)",
            ("Big news", "see it"),
        );
        check(Markdown, "t", "- `one`\n- two", ("t", "one"));
        check(Markdown, "t", "<b>x</b> y", ("t", "x y"));
        check(
            Markdown,
            "t",
            "![a picture](http://tracker)",
            ("t", "a picture"),
        );
    }

    #[test]
    fn long_lines_are_cut_between_characters() {
        let mut whole = message(1);
        whole.title = "讯".repeat(5000);
        let (title, _) = title_and_line(&whole);
        assert_eq!(title.chars().count(), MAX_CHARS);
        assert!(title.ends_with('…'));
        whole.title = "讯".repeat(MAX_CHARS);
        assert_eq!(title_and_line(&whole).0, whole.title);
    }
}
