//! What holds for any bytes whatsoever that a server or a client is sent.
//!
//! `cargo xtask fuzz` searches for bytes for which it does not; the test here tries all inputs that
//! it kept. A target panics where something does not hold.

use hither_protocol::{AccountName, ClientFrame, Cursor, FieldValue, Fields, ServerFrame};
use serde_json::Map;

use crate::http::fuzzing::{encoded_word, gotify, ntfy, publish};
use crate::store::{Cursors, Epoch, Position};
use crate::template::{Texts, Unfilled, Values};
use crate::text::MAX_HTML;

/// What is tried with bytes.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: &[(&str, Target)] = &[
    ("client_frame", client_frame),
    ("cursor", cursor),
    ("encoded_word", encoded_word),
    ("file_name", file_name),
    ("gotify", gotify),
    ("ntfy", ntfy),
    ("publish", publish),
    ("server_frame", server_frame),
    ("template", template),
];

/// Tries bytes with the target of this name.
///
/// # Panics
/// Where something does not hold, or there is no such target.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    let (_, target) = target.expect("the name of a target");
    target(bytes);
}

/// What is understood is written and read again without loss.
fn client_frame(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(frame) = ClientFrame::parse(&text) {
        let again = ClientFrame::parse(&frame.to_text());
        assert_eq!(again.ok(), Some(frame));
    }
}

/// What is understood is written and read again without loss.
fn server_frame(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(frame) = ServerFrame::parse(&text) {
        let again = ServerFrame::parse(&frame.to_text());
        assert_eq!(again.ok(), Some(frame));
    }
}

/// A text is a cursor only as this store made it, for this account, up to the newest position.
fn cursor(bytes: &[u8]) {
    let cursors = Cursors::new(Epoch(7), [7; 32]);
    let ada: AccountName = "ada".parse().expect("a name");
    let bob: AccountName = "bob".parse().expect("a name");
    let given = Cursor::from(String::from_utf8_lossy(bytes).into_owned());
    if let Ok(position) = cursors.parse(&ada, &given, Position(u64::MAX)) {
        assert_eq!(cursors.make(&ada, position), given);
    }
    let mut number = [0; 8];
    let known = bytes.len().min(number.len());
    number[..known].copy_from_slice(&bytes[..known]);
    let position = Position(u64::from_be_bytes(number));
    let own = cursors.make(&ada, position);
    assert_eq!(cursors.parse(&ada, &own, position), Ok(position));
    assert!(cursors.parse(&bob, &own, position).is_err());
    if let Some(older) = position.0.checked_sub(1) {
        assert!(cursors.parse(&ada, &own, Position(older)).is_err());
    }
}

/// A name is one file in one folder, and stays what it is.
fn file_name(bytes: &[u8]) {
    let given = String::from_utf8_lossy(bytes);
    let name = hither_protocol::file_name(&given);
    assert!((1..=200).contains(&name.len()), "{given:?} is {name:?}");
    assert!(!name.contains(['/', '\\', ':', '\0']), "{name:?}");
    assert!(!name.contains(char::is_control), "{name:?}");
    assert!(
        !name.starts_with('.') && !name.ends_with(['.', ' ']),
        "{name:?}"
    );
    assert_eq!(hither_protocol::file_name(&name), name);
}

/// The value, then a line break, then the template: nothing of a value is markup of the page, no
/// placeholder is left, and nothing of the template is lost.
fn template(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (value, template) = text.split_once('\n').unwrap_or_default();
    let page = |value: &str| filled_with(template, value);
    let (Ok(empty), Ok(filled)) = (page(""), page(value)) else {
        return;
    };
    assert!(filled.len() <= MAX_HTML);
    for markup in ['<', '>', '"', '\''] {
        let count = |page: &str| page.matches(markup).count();
        assert_eq!(count(&filled), count(&empty), "{markup} of a value");
    }
    // A value without anything special, as often as it is filled in.
    let marked = page("\u{1}").expect("it is shorter or as long");
    let placeholders = marked.matches('\u{1}').count() - template.matches('\u{1}').count();
    assert_eq!(marked.len(), empty.len() + placeholders);
    let of_template = empty.matches('&').count();
    let of_value = value.matches(['&', '<', '>', '"', '\'']).count();
    let found = filled.matches('&').count();
    assert_eq!(found, of_template + placeholders * of_value);
}

/// The page of a template in which every placeholder has the same value.
fn filled_with(template: &str, value: &str) -> Result<String, Unfilled> {
    let account: AccountName = "ada".parse().expect("a name");
    let mut fields = Fields::default();
    let texts = Texts {
        title: "T".to_owned(),
        body: String::new(),
        html: Some(template.to_owned()),
    };
    loop {
        let filled = texts.fill(&Values {
            account: &account,
            fields: Some(&fields),
            record: Some(&Map::new()),
        });
        match filled {
            Ok(filled) => return Ok(filled.html.unwrap_or_default()),
            Err(Unfilled::Missing { name, .. }) => {
                let own = fields.entry(account.to_string()).or_default();
                let before = own.insert(name, FieldValue::Text(value.to_owned()));
                assert_eq!(before, None, "a value that was given is missing");
            }
            Err(other) => return Err(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::path::Path;

    use super::*;

    const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fuzz/corpus");

    /// An input, what is left of it where it breaks off, and it with another byte here and there.
    fn neighbours(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
        let every = (bytes.len() / 32).max(1);
        (0..bytes.len()).step_by(every).flat_map(move |place| {
            let mut other = bytes.to_vec();
            let step = u8::try_from(place % 256).unwrap() | 1;
            other[place] = other[place].wrapping_add(step);
            [bytes[..place].to_vec(), other]
        })
    }

    #[test]
    fn it_holds_for_every_input_that_was_kept_and_for_its_neighbours() {
        for (name, holds) in TARGETS {
            let mut tried = 0;
            for file in fs::read_dir(Path::new(KEPT).join(name)).unwrap() {
                let path = file.unwrap().path();
                let bytes = fs::read(&path).unwrap();
                for bytes in neighbours(&bytes).chain([bytes.clone()]) {
                    let done = catch_unwind(AssertUnwindSafe(|| holds(&bytes)));
                    let shown = String::from_utf8_lossy(&bytes);
                    assert!(done.is_ok(), "near {}: {shown:?}", path.display());
                }
                tried += 1;
            }
            assert!(tried > 0, "nothing is kept for {name}");
        }
    }

    #[test]
    fn every_target_can_be_searched() {
        let programs = Path::new(KEPT).join("../fuzz_targets");
        for (name, _) in TARGETS {
            let program = fs::read_to_string(programs.join(format!("{name}.rs"))).unwrap();
            assert!(program.contains(&format!("\"{name}\"")), "{program}");
        }
    }
}
