//! Rich messages: each in a process of its own, which is handed the page and nothing else.
//!
//! The window process starts `hither --rich` and writes a [`Handover`] as one JSON line to its
//! standard input. The child answers one line when it is up ([`SHOWN_PAGE`], or [`SHOWN_TEXT`] when
//! the cage cannot be closed on this system) and ends when its window is closed, or when its
//! standard input is: with the window process, or when the account is signed out.

use core::time::Duration;
use std::env;
use std::io::{self, BufRead, Write};
use std::process::{ExitCode, Stdio};
use std::sync::Mutex;

use anyhow::Context;
use hither_protocol::Message;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::cage;

/// The child's only line: the page is on screen, every layer of the cage in place.
pub(crate) const SHOWN_PAGE: &str = "shown page";

/// The child's only line: a layer is missing, so the text is on screen instead.
pub(crate) const SHOWN_TEXT: &str = "shown text";

/// Start of a web engine on a slow computer.
const UP_WITHIN: Duration = Duration::from_mins(1);

const CLOSED: &str = "Hither was locked or signed out meanwhile";

/// More than any page the companion hands out.
const MAX_HANDOVER: u64 = 16 * 1024 * 1024;

/// Variables a caged process may know: where the screen is, and how to draw on it.
const KNOWN: &[&str] = &[
    "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY",
    "GDK_BACKEND",
    "GDK_SCALE",
    "GTK_THEME",
    "HOME",
    "LANG",
    "LANGUAGE",
    "LIBGL_ALWAYS_SOFTWARE",
    "PATH",
    "WAYLAND_DISPLAY",
    "WEBKIT_DISABLE_COMPOSITING_MODE",
    "WEBKIT_DISABLE_DMABUF_RENDERER",
    "XAUTHORITY",
    "XDG_CURRENT_DESKTOP",
    "XDG_DATA_DIRS",
    "XDG_RUNTIME_DIR",
    "XDG_SESSION_TYPE",
    // Windows needs these to start anything at all.
    "LOCALAPPDATA",
    "SystemRoot",
    "TEMP",
    "USERPROFILE",
];

/// What a caged process is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// Drawn in the window's frame, out of the page's reach.
    pub publisher: String,
    /// Drawn there too.
    pub title: String,
    /// The page.
    pub html: String,
    /// What is shown where the page cannot be.
    pub text: String,
}

impl Handover {
    /// `None` when the message carries no page.
    pub(crate) fn new(message: Message) -> Option<Self> {
        Some(Self {
            publisher: message.publisher.name,
            title: message.title,
            html: message.html?.inline?,
            text: message.body,
        })
    }

    fn read(input: impl BufRead) -> anyhow::Result<Self> {
        let mut line = String::new();
        input.take(MAX_HANDOVER).read_line(&mut line)?;
        serde_json::from_str(&line).context("standard input does not hand over a rich message")
    }

    /// For the window's frame: who sent it, then what they call it.
    pub(crate) fn caption(&self) -> String {
        let caption = format!("{} — {}", tame(&self.publisher, 40), tame(&self.title, 120));
        caption.trim_end_matches([' ', '—']).to_owned()
    }
}

/// One line of at most `most` characters without controls, and without what reorders text.
fn tame(text: &str, most: usize) -> String {
    let reorders = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let plain = |c: char| if c.is_control() || c == '—' { ' ' } else { c };
    let kept = text.chars().filter(|c| !reorders(*c)).map(plain);
    let line: String = kept.take(most).collect();
    line.trim().to_owned()
}

/// The caged pages of this window. They close with it.
#[derive(Default)]
pub(crate) struct OpenPages {
    open: Mutex<Vec<Child>>,
    /// All were closed.
    closed: watch::Sender<()>,
}

/// To open a page; ends when all are closed.
pub(crate) struct Leave(watch::Receiver<()>);

impl OpenPages {
    /// Taken before the page is asked for: what closes all meanwhile closes it, too.
    pub(crate) fn leave(&self) -> Leave {
        Leave(self.closed.subscribe())
    }

    /// Opens one and waits until it is on screen. Words for people otherwise.
    pub(crate) async fn open(&self, leave: Leave, handover: &Handover) -> Result<(), String> {
        let started = self.keep(leave, start(handover)).await;
        started.map_err(|why| format!("The rich message could not be opened: {why}. Try again."))
    }

    async fn keep(
        &self,
        Leave(mut closed): Leave,
        start: impl Future<Output = io::Result<Child>>,
    ) -> Result<(), String> {
        let child = tokio::select! {
            biased;
            _ = closed.changed() => return Err(CLOSED.to_owned()),
            child = start => child.map_err(|error| error.to_string())?,
            () = sleep(UP_WITHIN) => return Err("it took too long to start".to_owned()),
        };
        let mut open = self.lock();
        if closed.has_changed().unwrap_or(true) {
            return Err(CLOSED.to_owned());
        }
        // Those that were closed are reaped here.
        open.retain_mut(|page| matches!(page.try_wait(), Ok(None)));
        open.push(child);
        Ok(())
    }

    /// Closes all, also one that is not up yet: nobody is signed in, or the app lock is locked.
    pub(crate) fn close_all(&self) {
        let mut open = self.lock();
        self.closed.send_replace(());
        open.clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Child>> {
        self.open
            .lock()
            .expect("no code panics while it holds this lock")
    }
}

async fn start(handover: &Handover) -> io::Result<Child> {
    let mut child = Command::new(env::current_exe()?)
        .arg("--rich")
        .env_clear()
        .envs(env::vars_os().filter(|(name, _)| known(&name.to_string_lossy())))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut line = serde_json::to_vec(handover)?;
    line.push(b'\n');
    if let Some(input) = &mut child.stdin {
        input.write_all(&line).await?;
    }
    let mut answer = String::new();
    if let Some(output) = child.stdout.take() {
        BufReader::new(output).read_line(&mut answer).await?;
    }
    match answer.trim_end() {
        SHOWN_PAGE | SHOWN_TEXT => Ok(child),
        _ => Err(io::Error::other("its window did not open")),
    }
}

fn known(name: &str) -> bool {
    KNOWN.contains(&name) || name.starts_with("LC_")
}

/// Shows the rich message that standard input hands over, and returns when its window is closed.
pub fn show_rich() -> anyhow::Result<ExitCode> {
    crate::screen()?;
    let handover = Handover::read(io::stdin().lock())?;
    cage::show(handover, say, || {
        // Whoever started this process holds the other end for as long as the page may be seen.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
    })?;
    Ok(ExitCode::SUCCESS)
}

fn say(line: &str) {
    let mut out = io::stdout();
    // Nobody may be listening: the page is shown all the same.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::{Handover, known};

    fn handover(publisher: &str, title: &str) -> Handover {
        let [html, text] = ["<p>x".to_owned(), "x".to_owned()];
        Handover {
            publisher: publisher.to_owned(),
            title: title.to_owned(),
            html,
            text,
        }
    }

    #[test]
    fn the_caption_cannot_pose_as_another_publisher() {
        for (publisher, title, caption) in [
            ("Bank", "Statement", "Bank — Statement"),
            ("Bank", "", "Bank"),
            ("Bank — Hither", "x", "Bank   Hither — x"),
            ("a\nb\u{202e}c", "t\u{0}", "a bc — t"),
        ] {
            assert_eq!(handover(publisher, title).caption(), caption);
        }
        assert!(
            handover(&"b".repeat(500), &"t".repeat(500))
                .caption()
                .chars()
                .count()
                < 170
        );
    }

    #[test]
    fn a_handover_survives_the_pipe() {
        let sent = handover("Bank", "line\nbreak \"quoted\" 账单");
        let mut line = serde_json::to_vec(&sent).unwrap();
        line.push(b'\n');
        assert_eq!(Handover::read(line.as_slice()).unwrap(), sent);
        for broken in ["", "{}\n", "not json\n"] {
            assert!(Handover::read(broken.as_bytes()).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn a_caged_process_learns_no_secret_from_its_environment() {
        for name in [
            "HITHER_DATA",
            "HITHER_TOKEN",
            "TAURI_WEBVIEW_AUTOMATION",
            "WEBKIT_INSPECTOR_SERVER",
            "LD_PRELOAD",
            "SSH_AUTH_SOCK",
            "http_proxy",
        ] {
            assert!(!known(name), "{name}");
        }
        assert!(known("DISPLAY") && known("LC_ALL"));
    }
}

#[cfg(test)]
#[cfg(unix)]
mod open_pages {
    use core::future::pending;
    use std::io;
    use std::process::Stdio;

    use tokio::io::AsyncReadExt;
    use tokio::process::{Child, ChildStdout, Command};
    use tokio::sync::oneshot;

    use super::OpenPages;

    /// Ends when it is closed, as a page does.
    fn page() -> (Child, ChildStdout) {
        let mut command = Command::new("cat");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().unwrap();
        let output = child.stdout.take().unwrap();
        (child, output)
    }

    #[tokio::test]
    async fn a_page_that_is_not_up_yet_closes_with_the_others() {
        let pages = OpenPages::default();
        let leave = pages.leave();
        let (here, mut up) = page();
        pages.keep(leave, async { Ok(here) }).await.unwrap();

        let asked = pages.leave();
        let starting = pages.leave();
        let (begun, begins) = oneshot::channel();
        let start = async {
            let (child, output) = page();
            begun.send(output).unwrap();
            pending::<io::Result<()>>().await.map(|()| child)
        };
        let close = async {
            let output = begins.await.unwrap();
            pages.close_all();
            output
        };
        let (kept, mut begun) = tokio::join!(pages.keep(starting, start), close);
        assert!(kept.is_err());
        for ended in [&mut up, &mut begun] {
            assert_eq!(ended.read_to_end(&mut Vec::new()).await.unwrap(), 0);
        }

        let (late, mut output) = page();
        assert!(pages.keep(asked, async { Ok(late) }).await.is_err());
        assert_eq!(output.read_to_end(&mut Vec::new()).await.unwrap(), 0);
        assert!(pages.lock().is_empty());
    }
}
