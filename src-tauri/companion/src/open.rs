//! The way to the windows and to the person's browser.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::{env, io};

use hither_protocol::MessageId;
use tokio::process::Command;

/// Names another program for the windows than the one beside this one.
const WINDOW: &str = "HITHER_WINDOW";

/// Starts the window over a data folder, or over the usual one, or has a running one come to the
/// front: at a message, or at the list.
pub(crate) fn window(data: Option<&Path>, at: Option<MessageId>) {
    let program = match window_program() {
        Ok(program) => program,
        Err(error) => return tracing::warn!(%error, "the window program was not found"),
    };
    let at = at.map(|id| [OsString::from("--open"), id.to_string().into()]);
    let data = data.map(|data| [OsStr::new("--data"), data.as_os_str()]);
    start(
        Command::new(&program)
            .args(data.into_iter().flatten())
            .args(at.into_iter().flatten()),
    );
}

fn window_program() -> io::Result<PathBuf> {
    if let Some(program) = env::var_os(WINDOW).filter(|program| !program.is_empty()) {
        return Ok(program.into());
    }
    let name = format!("hither{}", env::consts::EXE_SUFFIX);
    Ok(env::current_exe()?.with_file_name(name))
}

/// Hands a link to the system; anything but http, https and mailto is refused.
pub(crate) fn link(url: &str) {
    if !is_allowed(url) {
        return tracing::warn!(
            "a link with another scheme than http, https or mailto was not opened"
        );
    }
    start(opener().arg(url));
}

fn opener() -> Command {
    if cfg!(windows) {
        let mut command = Command::new("rundll32");
        command.arg("url.dll,FileProtocolHandler");
        command
    } else if cfg!(target_os = "macos") {
        Command::new("open")
    } else {
        Command::new("xdg-open")
    }
}

/// The scheme comes first, so that no link can pass for an option.
fn is_allowed(url: &str) -> bool {
    let scheme = url
        .split_once(':')
        .map(|(scheme, _)| scheme.to_ascii_lowercase());
    let known = scheme.is_some_and(|scheme| ["http", "https", "mailto"].contains(&scheme.as_str()));
    known && !url.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// Not waited for: what was started outlives this process.
fn start(command: &mut Command) {
    if let Err(error) = command.stdin(Stdio::null()).spawn() {
        let program = command.as_std().get_program();
        tracing::warn!(%error, ?program, "it could not be started");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_and_mail_links_are_opened() {
        let table = [
            ("https://example.org/a?b=c#d", true),
            ("HTTP://example.org", true),
            ("mailto:ada@example.org", true),
            ("", false),
            ("example.org", false),
            ("--help", false),
            ("file:///etc/passwd", false),
            ("javascript:alert(1)", false),
            (" https://example.org", false),
            ("https://example.org/\n--help", false),
            ("https://exa mple.org", false),
            ("httpsx://example.org", false),
        ];
        for (url, expected) in table {
            assert_eq!(is_allowed(url), expected, "{url:?}");
        }
    }
}
