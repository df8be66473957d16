//! A message in few words: what the list, the tray and a pop-up show of it.

use hither_protocol::{Format, Message};
use pulldown_cmark::{Event, Parser, TagEnd};

use crate::view::Headline;

/// The most characters of a title or a line.
pub(crate) const LINE: usize = 200;
/// The most lines of a pop-up's body.
pub(crate) const LINES: usize = 3;

/// Title and up to three lines of a message, markup removed. The title is its own or, without
/// one, the body's first line; the lines are those the title does not already say.
pub(crate) fn title_and_lines(message: &Message) -> (String, Vec<String>) {
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
    (title, lines.take(LINES).collect())
}

impl Headline {
    /// The line that a message makes in a list.
    #[must_use]
    pub fn of(message: &Message) -> Self {
        let (title, lines) = title_and_lines(message);
        Self {
            id: message.id,
            title,
            line: lines.into_iter().next().unwrap_or_default(),
            publisher: cut(&message.publisher.name),
            priority: message.priority,
            created_at: message.created_at,
            read: message.read_at.is_some(),
            rich: message.html.is_some(),
        }
    }
}

/// One line of at most [`LINE`] characters, white space and control characters folded.
pub(crate) fn cut(text: &str) -> String {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    let folded: String = text.chars().take(8 * LINE).map(printable).collect();
    let line = folded.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LINE {
        return line;
    }
    let kept: String = line.chars().take(LINE - 1).collect();
    format!("{}…", kept.trim_end())
}

fn without_markup(markdown: &str) -> String {
    let mut text = String::with_capacity(markdown.len());
    for event in Parser::new(markdown) {
        match event {
            Event::Text(piece) | Event::Code(piece) => text.push_str(&piece),
            Event::SoftBreak
            | Event::HardBreak
            | Event::Rule
            | Event::End(TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::Item) => text.push('\n'),
            _ => {}
        }
    }
    text
}
