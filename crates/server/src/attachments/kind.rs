//! What a file is, as its content says: never as anyone claims.

/// So many first bytes tell it.
pub(super) const HEAD: usize = 8 * 1024;

const UNKNOWN: &str = "application/octet-stream";
const TEXT: &str = "text/plain; charset=utf-8";

/// What a browser may draw itself: pixels that carry neither script nor links.
const PICTURES: &[&str] = &["image/gif", "image/jpeg", "image/png", "image/webp"];

/// What may be called by its name. Everything else, above all programs, pages and drawings that
/// run scripts, is bytes.
const KNOWN: &[&str] = &[
    "application/epub+zip",
    "application/gzip",
    "application/msword",
    "application/pdf",
    "application/rtf",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.oasis.opendocument.presentation",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.rar",
    "application/x-7z-compressed",
    "application/x-bzip2",
    "application/x-tar",
    "application/x-xz",
    "application/zip",
    "application/zstd",
    "audio/aac",
    "audio/m4a",
    "audio/mpeg",
    "audio/ogg",
    "audio/opus",
    "audio/x-flac",
    "audio/x-wav",
    "image/avif",
    "image/bmp",
    "image/heif",
    "image/jxl",
    "image/tiff",
    "video/mp4",
    "video/mpeg",
    "video/quicktime",
    "video/webm",
    "video/x-matroska",
];

/// The media type of a file that begins like this.
pub(super) fn media_type(head: &[u8]) -> &'static str {
    let found = infer::get(head).map(|kind| kind.mime_type());
    match found {
        Some(found) if PICTURES.contains(&found) || KNOWN.contains(&found) => found,
        None if is_text(head) && !is_markup(head) => TEXT,
        _ => UNKNOWN,
    }
}

/// Whether a browser may show it instead of saving it.
pub(crate) fn is_picture(media_type: &str) -> bool {
    PICTURES.contains(&media_type)
}

fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The last letter may be cut off, where the file goes on.
        Err(error) if error.error_len().is_none() && head.len() == HEAD => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    let is_odd = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    !text.is_empty() && !text.contains(is_odd)
}

/// Whether it begins as drawings and pages do, with a tag, a declaration or a comment: `infer` knows
/// them by a few first words only.
fn is_markup(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let begins = |next: &u8| next.is_ascii_alphabetic() || b"!?_:".contains(next);
    matches!(head.trim_ascii_start(), [b'<', next, ..] if begins(next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a8_the_content_says_what_a_file_is() {
        let letters = "é".repeat(HEAD);
        for (head, expected) in [
            (&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], "image/png"),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
            (b"GIF89a\x01\0\x01\0", "image/gif"),
            (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
            (b"%PDF-1.7", "application/pdf"),
            (b"PK\x03\x04\x14\0\0\0", "application/zip"),
            (b"a,b\r\n1,2\r\n", TEXT),
            ("账单".as_bytes(), TEXT),
            (&letters.as_bytes()[1..=HEAD], UNKNOWN),
            (&letters.as_bytes()[..HEAD], TEXT),
            (&[b"a", letters.as_bytes()].concat()[..HEAD], TEXT),
            (b"", UNKNOWN),
            (b"\0\0\0", UNKNOWN),
            (b"\xe8\xb4", UNKNOWN),
            // What runs, anywhere.
            (b"\x7fELF\x02\x01\x01", UNKNOWN),
            (b"MZ\x90\0", UNKNOWN),
            (b"#!/bin/sh\nrm x", UNKNOWN),
            (b"\xca\xfe\xba\xbe\0\0\0\x3d", UNKNOWN),
            (b"<!DOCTYPE html><script>", UNKNOWN),
            (b"<html><body>", UNKNOWN),
            (b"<?xml version='1.0'?><svg onload='x'>", UNKNOWN),
            (b"<svg onload=alert(1)>", UNKNOWN),
            (b"\xef\xbb\xbf\n <!-- a --><svg>", UNKNOWN),
            (b"<s:svg xmlns:s='http://www.w3.org/2000/svg'/>", UNKNOWN),
            (b"<p onclick='x'>", UNKNOWN),
            (b"<!ELEMENT a>", UNKNOWN),
            // A letter, not markup.
            (b"<3 Ada", TEXT),
            (b"a <b> c", TEXT),
        ] {
            let said = media_type(head);
            assert_eq!(said, expected, "{:?}", String::from_utf8_lossy(head));
        }
        assert!(is_picture("image/png"));
        assert!(!is_picture("image/svg+xml") && !is_picture("image/tiff") && !is_picture(TEXT));
    }
}
