//! What a pop-up says.

use hither_engine::Toast;

use crate::words::one_line;

const TITLE: usize = 120;
const LINE: usize = 240;
const LINES: usize = 3;

/// The first line.
pub(super) fn title(toast: &Toast) -> String {
    let title = one_line(&toast.title, TITLE);
    if title.is_empty() {
        return one_line(&toast.publisher, TITLE);
    }
    title
}

/// Who sent it, unless the title says so, and up to three lines.
pub(super) fn body(toast: &Toast) -> String {
    let publisher = one_line(&toast.publisher, TITLE);
    let publisher = Some(publisher).filter(|name| *name != title(toast));
    let lines = toast.body.lines().map(|line| one_line(line, LINE));
    let lines = lines.filter(|line| !line.is_empty()).take(LINES);
    let filled = publisher.into_iter().filter(|name| !name.is_empty());
    filled.chain(lines).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use hither_engine::ToastKey;
    use hither_protocol::Priority;

    use super::*;

    fn toast(title: &str, body: &str, publisher: &str) -> Toast {
        Toast {
            key: ToastKey::Summary,
            about: Vec::new(),
            title: title.to_owned(),
            body: body.to_owned(),
            publisher: publisher.to_owned(),
            priority: Priority::Default,
            actions: Vec::new(),
        }
    }

    #[test]
    fn f6_title_publisher_and_three_lines() {
        let long = "x".repeat(5_000);
        let cut = format!("{}…", "x".repeat(LINE - 1));
        let table = [
            (
                toast("Build failed", "main\n\nby ada\n4 tests\nmore", "CI"),
                "Build failed",
                "CI\nmain\nby ada\n4 tests",
            ),
            (toast("", "text", "CI"), "CI", "text"),
            (toast("CI", "", "CI"), "CI", ""),
            (
                toast("4 while you were away", "2 unread", ""),
                "4 while you were away",
                "2 unread",
            ),
            (toast("a\nb\u{0}", &long, ""), "a b", &cut),
        ];
        for (toast, expected_title, expected_body) in table {
            assert_eq!(title(&toast), expected_title);
            assert_eq!(body(&toast), expected_body);
        }
    }
}
