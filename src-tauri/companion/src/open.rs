//! The way to the windows and to the person's browser.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::{env, io};

use hither_engine::checked_link;
use hither_protocol::MessageId;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

/// Names another program for the windows than the one beside this one.
const WINDOW: &str = "HITHER_WINDOW";

/// Starts windows that find their way back to this companion.
#[derive(Debug)]
pub(crate) struct Windows {
    data: Option<PathBuf>,
}

impl Windows {
    pub(crate) const fn new(data: Option<PathBuf>) -> Self {
        Self { data }
    }

    /// Starts the window, or has a running one come to the front: at a message, or at the list.
    pub(crate) fn open(&self, at: Option<MessageId>) {
        let program = match window_program() {
            Ok(program) => program,
            Err(error) => return tracing::warn!(%error, "the window program was not found"),
        };
        let mut window = Command::new(&program);
        if let Some(data) = &self.data {
            window.arg("--data").arg(data);
        }
        if let Some(id) = at {
            window.arg("--open").arg(id.to_string());
        }
        let _ = start(&mut window);
    }
}

fn window_program() -> io::Result<PathBuf> {
    if let Some(program) = env::var_os(WINDOW).filter(|program| !program.is_empty()) {
        return Ok(program.into());
    }
    let name = format!("hither{}", env::consts::EXE_SUFFIX);
    Ok(env::current_exe()?.with_file_name(name))
}

/// Hands a link to the system, as far as messages may send people anywhere.
pub(crate) fn link(url: &str) {
    let Some(url) = checked_link(url) else {
        return tracing::warn!("a link to neither a web page nor a mail address was not opened");
    };
    let _ = start(opener().arg(url));
}

/// The person's folder for downloads.
#[must_use]
pub fn downloads() -> Option<PathBuf> {
    dirs::download_dir().or_else(|| dirs::home_dir().map(|home| home.join("Downloads")))
}

/// Shows a folder.
pub(crate) fn folder(folder: &Path) {
    // No absolute path passes for an option.
    if folder.is_absolute() && folder.is_dir() {
        let _ = start(opener().arg(folder));
    }
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

/// What was started outlives this process; while both live, its end is noticed, so that nothing of
/// it stays behind.
fn start(command: &mut Command) -> Option<JoinHandle<()>> {
    let program = command.as_std().get_program().to_owned();
    match command.stdin(Stdio::null()).spawn() {
        Ok(child) => Some(tokio::spawn(watch(child, program))),
        Err(error) => {
            tracing::warn!(%error, ?program, "it could not be started");
            None
        }
    }
}

async fn watch(mut child: Child, program: OsString) {
    match child.wait().await {
        Ok(status) if status.success() => {}
        Ok(status) => tracing::warn!(%status, ?program, "it ended badly"),
        Err(error) => tracing::warn!(%error, ?program, "nobody knows how it ended"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_started_leaves_nothing_behind() {
        let program = env::current_exe().unwrap();
        let watched = start(Command::new(program).arg("--list").stdout(Stdio::null()));
        watched.unwrap().await.unwrap();
        assert!(start(&mut Command::new("/nonexistent")).is_none());
    }
}
