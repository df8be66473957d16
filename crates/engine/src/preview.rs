//! A message in few words: what the list, the tray and a pop-up show of it.

use hither_protocol::{Format, Message, Priority};
use pulldown_cmark::{Event, Parser, TagEnd};

use crate::presence::Presence;
use crate::view::Headline;
use crate::{Toast, ToastKey, words};

/// The most characters of a title or a line.
pub(crate) const LINE: usize = 200;
/// The most lines of a pop-up's body.
pub(crate) const LINES: usize = 3;
/// The most actions of a publisher's on a pop-up.
const MOST_ACTIONS: usize = 2;

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

/// The pop-up of one message.
pub(crate) fn toast(message: &Message) -> Toast {
    let (title, lines) = title_and_lines(message);
    Toast {
        title,
        body: lines.join("\n"),
        actions: message.actions.iter().take(MOST_ACTIONS).cloned().collect(),
        ..Toast::of(&Headline::of(message))
    }
}

/// The pop-up of several messages, oldest first.
pub(crate) fn summary(rows: &[Headline], presence: &Presence) -> Toast {
    let unread = rows.iter().filter(|row| !row.read).count();
    let (title, body) = if presence.is_seen_by_others() {
        (words::hidden_summary(rows.len()), String::new())
    } else {
        (
            words::summary_title(rows.len(), unread),
            words::summary_body(rows),
        )
    };
    let publisher = rows.first().map_or("", |row| &row.publisher);
    let same = rows.iter().all(|row| row.publisher == publisher);
    Toast {
        key: ToastKey::Summary,
        about: rows.iter().map(|row| row.id).collect(),
        title,
        body,
        publisher: if same { publisher } else { "" }.to_owned(),
        priority: rows
            .iter()
            .map(|row| row.priority)
            .max()
            .unwrap_or(Priority::Default),
        actions: Vec::new(),
    }
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
