use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// An address that a message may send the person to, as it may be handed to the system: http,
/// https or mailto, in one line, and for mail without the local files that some mail programs
/// attach because a link names them. `None` for everything else.
#[must_use]
pub fn checked_link(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once(':')?;
    if address.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return None;
    }
    match scheme.to_ascii_lowercase().as_str() {
        // The scheme comes first, so that no link can pass for an option of a program.
        "http" | "https" => rest.strip_prefix("//").filter(|rest| !rest.is_empty())?,
        "mailto" => return (!rest.is_empty()).then(|| without_attachments(address)),
        _ => return None,
    };
    Some(address.to_owned())
}

/// Mail programs differ in what they take for the beginning of a field.
fn without_attachments(address: &str) -> String {
    let mut fields = address.split_inclusive(['?', '&', ';']);
    let to = fields.next().map(str::to_owned).unwrap_or_default();
    let kept = fields.filter(|field| !attaches(field));
    let link = kept.fold(to, |link, field| link + field);
    link.trim_end_matches(['?', '&', ';']).to_owned()
}

fn attaches(field: &str) -> bool {
    let Some((name, _)) = field.split_once('=') else {
        return false;
    };
    let name: Cow<'_, str> = percent_decode_str(name).decode_utf8_lossy();
    name.trim().to_ascii_lowercase().starts_with("attach")
}

#[cfg(test)]
mod tests {
    use super::checked_link;

    #[test]
    fn only_web_and_mail_links_are_opened() {
        for address in [
            "https://example.org/a?b=c#d",
            "http://example.org",
            "HTTPS://EXAMPLE.ORG/",
            "https://example.org/?attach=/etc/passwd",
            "mailto:ada@example.org",
            "MAILTO:ada@example.org?subject=a;b&body=c",
            "mailto:ada@example.org?subject=attach",
        ] {
            assert_eq!(checked_link(address).as_deref(), Some(address));
        }
        for address in [
            "",
            "example.org",
            "//example.org",
            "--help",
            "http:",
            "https://",
            "https:example.org",
            "mailto:",
            "file:///etc/passwd",
            "smb://host/share",
            "javascript:alert(1)",
            "data:text/html,x",
            "hither://open/1",
            "ms-settings:",
            "httpsx://example.org",
            " https://example.org",
            "https://example.org/\n--help",
            "https://exa mple.org",
            "mailto:a@b.c?subject=x\r\nattach=y",
        ] {
            assert_eq!(checked_link(address), None, "{address:?}");
        }
    }

    #[test]
    fn a_mail_address_attaches_no_file() {
        for (fields, kept) in [
            ("?attach=/etc/passwd", ""),
            ("?subject=hi&attach=/etc/passwd&ATTACHMENT=x", "?subject=hi"),
            ("?attach=/etc/passwd&subject=hi", "?subject=hi"),
            ("?%61ttach=/etc/passwd&body=x", "?body=x"),
            ("?subject=hi&amp;attach=/etc/passwd", "?subject=hi&amp"),
            ("?%20attach=x", ""),
            ("?a=b?attach=x", "?a=b"),
            ("?a=b&attachment=x;attach=y", "?a=b"),
        ] {
            let opened = checked_link(&format!("mailto:a@b.c{fields}"));
            assert_eq!(opened, Some(format!("mailto:a@b.c{kept}")), "{fields}");
        }
    }
}
