//! What a page says in words, for clients that show only text.

use core::mem;
use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

/// The longest text, in bytes.
pub(crate) const MAX_PAGE_TEXT: usize = 4 * 1024;

/// Bytes that are looked at before it is asked whether that is enough.
const PIECE: usize = 16 * 1024;

/// Elements whose content is read as text, and never shown.
const RAW: [(&str, RawKind); 7] = [
    ("iframe", RawKind::Rawtext),
    ("noembed", RawKind::Rawtext),
    ("noframes", RawKind::Rawtext),
    ("script", RawKind::ScriptData),
    ("style", RawKind::Rawtext),
    ("title", RawKind::Rcdata),
    ("xmp", RawKind::Rawtext),
];

/// Elements that stand in a line with others.
const INLINE: [&str; 30] = [
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em",
    "font", "i", "ins", "kbd", "label", "mark", "q", "s", "samp", "small", "span", "strong", "sub",
    "sup", "time", "u", "var",
];

/// Elements without an end.
const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
];

/// What a page says, white space folded and blocks on lines of their own; without what it hides:
/// scripts, styles, its title, and elements that are marked so or not displayed by a style of
/// their own. Ends where it gets longer than [`MAX_PAGE_TEXT`].
pub(crate) fn page_text(html: &str) -> String {
    let tokens = Tokenizer::new(Words::default(), TokenizerOpts::default());
    let input = BufferQueue::default();
    let mut rest = html;
    while !rest.is_empty() && !tokens.sink.0.borrow().full {
        let (piece, later) = rest.split_at(rest.floor_char_boundary(PIECE));
        input.push_back(StrTendril::from_slice(piece));
        // Nothing here stops it.
        let _ = tokens.feed(&input);
        rest = later;
    }
    tokens.end();
    mem::take(&mut tokens.sink.0.borrow_mut().said)
}

/// Takes in a page piece by piece.
#[derive(Default)]
struct Words(RefCell<Text>);

#[derive(Default)]
struct Text {
    said: String,
    /// What stands between what was said and what comes.
    gap: Gap,
    /// The hidden element that this is in, and how many of its name.
    hidden: Option<(String, usize)>,
    /// Nothing more fits.
    full: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    #[default]
    None,
    Space,
    Line,
}

impl TokenSink for Words {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut text = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(piece) if text.hidden.is_none() => text.say(&piece),
            Token::TagToken(tag) => {
                text.tag(&tag);
                let raw = RAW.iter().find(|(name, _)| *name == &*tag.name);
                if let (TagKind::StartTag, Some((_, kind))) = (tag.kind, raw) {
                    return TokenSinkResult::RawData(*kind);
                }
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl Text {
    fn say(&mut self, piece: &str) {
        for c in piece.chars() {
            if c.is_whitespace() || c.is_control() {
                self.gap = self.gap.max(Gap::Space);
                continue;
            }
            let before = match mem::take(&mut self.gap) {
                Gap::Space if !self.said.is_empty() => " ",
                Gap::Line if !self.said.is_empty() => "\n",
                _ => "",
            };
            self.full |= self.said.len() + before.len() + c.len_utf8() > MAX_PAGE_TEXT;
            if self.full {
                return;
            }
            self.said.push_str(before);
            self.said.push(c);
        }
    }

    fn tag(&mut self, tag: &Tag) {
        let name = &*tag.name;
        match (&mut self.hidden, tag.kind) {
            (Some((hidden, depth)), TagKind::StartTag) => *depth += usize::from(hidden == name),
            (Some((hidden, depth)), TagKind::EndTag) => {
                *depth -= usize::from(hidden == name);
                if *depth == 0 {
                    self.hidden = None;
                }
            }
            (None, TagKind::StartTag) if is_hidden(tag) => {
                self.hidden = Some((name.to_owned(), 1));
            }
            (None, _) => {}
        }
        let gap = match name {
            "td" | "th" => Gap::Space,
            name if INLINE.contains(&name) => Gap::None,
            _ => Gap::Line,
        };
        self.gap = self.gap.max(gap);
    }
}

fn is_hidden(tag: &Tag) -> bool {
    let name = &*tag.name;
    if VOID.contains(&name) {
        return false;
    }
    let marked = tag.attrs.iter().any(|one| match &*one.name.local {
        "hidden" => true,
        "style" => {
            let style: String = one.value.split_whitespace().collect();
            style.to_ascii_lowercase().contains("display:none")
        }
        _ => false,
    });
    marked || name == "template" || RAW.iter().any(|(raw, _)| *raw == name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_page_says_what_a_reader_sees_of_it() {
        for (page, text) in [
            ("", ""),
            ("just text", "just text"),
            (
                "<p>One</p><p>two &amp; <b>thr</b>ee</p>",
                "One\ntwo & three",
            ),
            (
                "<h1> Build\n\n 412 </h1>failed<br>twice",
                "Build 412\nfailed\ntwice",
            ),
            (
                "<!doctype html><html><head><title>T</title><style>p{}</style>\
                 <script>if (1 < 2) alert('<p>no</p>')</script></head>\
                 <body><!-- no --><p>Yes</body></html>",
                "Yes",
            ),
            ("<style>p { color: red }</style><p>Hello", "Hello"),
            ("<p>a<script>x</script >b", "a\nb"),
            (
                "<div style='DISPLAY : none'>no <div>no</div> no</div>yes",
                "yes",
            ),
            ("<p hidden>no</p><input hidden>yes", "yes"),
            ("<template><p>no</p></template>yes", "yes"),
            (
                "<table><tr><td>Disk</td><td>91 %</td></tr><tr><td>CPU</td></tr></table>",
                "Disk 91 %\nCPU",
            ),
            ("<ul><li>one<li>two</ul>", "one\ntwo"),
            ("&lt;script&gt;", "<script>"),
            ("a\u{0}\u{7}b", "a b"),
            ("<p>cut off <b", "cut off"),
        ] {
            assert_eq!(page_text(page), text, "{page}");
        }
    }

    #[test]
    fn a_text_has_a_bound_and_ends_with_a_whole_character() {
        let long = format!("<p>{}</p>", "é".repeat(MAX_PAGE_TEXT));
        let text = page_text(&long);
        assert_eq!(text.len(), MAX_PAGE_TEXT);
        assert!(text.chars().all(|c| c == 'é'));
        let late = format!(
            "<style>{}</style>{}late",
            "x".repeat(5 * PIECE),
            "é ".repeat(9)
        );
        assert!(page_text(&late).ends_with("é late"));
    }

    proptest! {
        #[test]
        fn any_page_has_a_bounded_text_without_controls(page in "(<[a-z]{1,6}( [a-z]+='[^>]{0,9}')?>|</[a-z]{1,6}>|\\PC{0,9}|[<>&;\\n\\x00])*") {
            let text = page_text(&page);
            prop_assert!(text.len() <= MAX_PAGE_TEXT);
            prop_assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
            prop_assert_eq!(text.trim(), &text);
        }
    }
}
