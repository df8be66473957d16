use sanitise_file_name::{Options, sanitise_with_options};

/// Bytes of a name.
const MAX_NAME: usize = 200;
/// A file whose name had nothing usable.
const NAMELESS: &str = "attachment";

/// A file name that means one file in one folder on every system: no path, no control character,
/// nothing that reorders or hides letters, none of Windows' device names, at most 200 bytes.
#[must_use]
pub fn file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut name = last.to_owned();
    loop {
        let cleaner = cleaner(&name);
        if cleaner == name {
            return name;
        }
        // What was taken away may have hidden a dot, or the name of a device.
        name = cleaner;
    }
}

fn cleaner(name: &str) -> String {
    let visible: String = name.chars().filter(|c| !is_deceiving(*c)).collect();
    // What begins with a dot is hidden in most places; what ends with one is another file on
    // Windows.
    let visible = visible.trim_matches(['.', ' ']);
    let options = Options {
        length_limit: MAX_NAME,
        six_measures_of_barley: NAMELESS,
        ..Options::DEFAULT
    };
    sanitise_with_options(visible, &options)
}

/// Control characters, and those that change how the letters around them are read.
fn is_deceiving(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{180e}'
                | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_never_a_path_or_a_trick() {
        let long = format!("{}.pdf", "名".repeat(300));
        for (given, cleaned) in [
            ("report.pdf", "report.pdf"),
            ("账单 10 月.pdf", "账单 10 月.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\ada\\x.txt", "x.txt"),
            ("a/", NAMELESS),
            ("", NAMELESS),
            ("...", NAMELESS),
            (".bashrc", "bashrc"),
            ("\u{200b}.bashrc", "bashrc"),
            (".\0.bashrc", "bashrc"),
            ("?.bashrc", "bashrc"),
            ("?.CON", "CON_"),
            ("x\r\nSet-Cookie: a=b", "xSet-Cookie_ a=b"),
            ("cod\u{202e}fdp.exe", "codfdp.exe"),
            ("a\u{200b}b\u{feff}.txt", "ab.txt"),
            ("CON", "CON_"),
            ("nul.txt", "nul_.txt"),
            ("what?.txt", "what.txt"),
            ("x.exe. ", "x.exe"),
            ("x.exe.?", "x.exe"),
        ] {
            assert_eq!(file_name(given), cleaned, "{given:?}");
        }
        let kept = file_name(&long);
        assert!(kept.len() <= MAX_NAME && kept.ends_with("名.pdf"), "{kept}");
    }
}
