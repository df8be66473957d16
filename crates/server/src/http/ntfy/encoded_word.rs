//! Text in a header that must be ASCII (RFC 2047): `=?UTF-8?B?8J+HqfCfh6o=?=`.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The text with its encoded words read; what is none, or not understood, stays as it is.
pub(super) fn decode(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    let mut after_word = false;
    while let Some(start) = rest.find("=?") {
        let (before, from) = rest.split_at(start);
        let Some((word, after)) = word(from) else {
            decoded.push_str(before);
            decoded.push_str("=?");
            rest = &from[2..];
            after_word = false;
            continue;
        };
        // Space between two words only separates them.
        if !(after_word && before.trim().is_empty()) {
            decoded.push_str(before);
        }
        decoded.push_str(&word);
        rest = after;
        after_word = true;
    }
    decoded.push_str(rest);
    decoded
}

/// The word at the beginning, and what follows it.
fn word(text: &str) -> Option<(String, &str)> {
    let (charset, rest) = text.strip_prefix("=?")?.split_once('?')?;
    let (encoding, rest) = rest.split_once('?')?;
    // No question mark within: else each beginning would be looked at to the end of the text.
    let (content, after) = rest.split_once('?')?;
    let after = after.strip_prefix('=')?;
    let bytes = match encoding {
        "B" | "b" => BASE64.decode(content).ok()?,
        "Q" | "q" => quoted(content)?,
        _ => return None,
    };
    // A language may follow the character set (RFC 2231).
    let charset = charset.split('*').next()?.to_ascii_lowercase();
    let text = match charset.as_str() {
        "utf-8" | "us-ascii" => String::from_utf8(bytes).ok()?,
        "iso-8859-1" => bytes.into_iter().map(char::from).collect(),
        _ => return None,
    };
    Some((text, after))
}

fn quoted(content: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(content.len());
    let mut rest = content.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'_' => b' ',
            b'=' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            plain => plain,
        });
    }
    Some(bytes)
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("=?UTF-8?B?8J+HqfCfh6o=?=", "🇩🇪"),
            ("=?UTF-8?Q?=C3=84pfel?=", "Äpfel"),
            ("=?utf-8?q?two_words?=", "two words"),
            ("=?iso-8859-1?Q?Z=FCrich?=", "Zürich"),
            ("=?UTF-8?B?w4Q?=", "Ä"),
            ("before =?UTF-8?Q?=C3=84?= after", "before Ä after"),
            ("=?UTF-8?Q?a?= =?UTF-8?Q?b?=", "ab"),
            ("=?UTF-8?Q?a?= and =?UTF-8?Q?b?=", "a and b"),
        ] {
            assert_eq!(decode(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_stays() {
        for text in [
            "=?",
            "=??=",
            "=?UTF-8?B?",
            "=?UTF-8?B?%%%?=",
            "=?UTF-8?Q?=ZZ?=",
            "=?UTF-8?Q?=C3?=",
            "=?UTF-8?X?abc?=",
            "=?koi8-r?B?8J+H?=",
            "=?UTF-8?Q?a?b?=",
            "a =? b",
        ] {
            assert_eq!(decode(text), text);
        }
    }
}
