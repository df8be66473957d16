//! Addresses that may be opened outside the window.

use tauri::Url;

/// An address the person may be sent to: http, https or mailto. Words for people otherwise.
pub(crate) fn checked(address: &str) -> Result<Url, &'static str> {
    let mut url = Url::parse(address).map_err(|_| "This is not an address that can be opened.")?;
    match url.scheme() {
        "http" | "https" => {}
        "mailto" => without_attachments(&mut url),
        _ => return Err("Only web and mail addresses are opened from a message."),
    }
    Ok(url)
}

/// Some mail programs attach local files that a link names.
fn without_attachments(url: &mut Url) {
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| !name.to_ascii_lowercase().starts_with("attach"))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    url.set_query(None);
    if !kept.is_empty() {
        url.query_pairs_mut().extend_pairs(kept);
    }
}

#[cfg(test)]
mod tests {
    use super::checked;

    #[test]
    fn opens_web_and_mail_addresses_only() {
        for (address, opened) in [
            (
                "https://example.org/a?b=c",
                Some("https://example.org/a?b=c"),
            ),
            ("http://example.org", Some("http://example.org/")),
            ("HTTPS://EXAMPLE.ORG/", Some("https://example.org/")),
            ("mailto:ada@example.org", Some("mailto:ada@example.org")),
            (
                "mailto:ada@example.org?subject=hi&attach=/etc/passwd&ATTACHMENT=x",
                Some("mailto:ada@example.org?subject=hi"),
            ),
            ("mailto:a@b.c?attach=/etc/passwd", Some("mailto:a@b.c")),
            ("file:///etc/passwd", None),
            ("smb://host/share", None),
            ("javascript:alert(1)", None),
            ("data:text/html,x", None),
            ("hither://open/1", None),
            ("ms-settings:", None),
            ("//example.org", None),
            ("--help", None),
            ("", None),
        ] {
            let url = checked(address).ok();
            assert_eq!(url.as_ref().map(tauri::Url::as_str), opened, "{address}");
        }
    }
}
