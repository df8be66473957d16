//! The resident process: tray, notifications, and the local socket for the window.

mod cli;
mod credentials;
mod diagnostics;
mod headless;
mod paths;

use core::time::Duration;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use hither_client::{Door, Platform, Runtime};
use hither_companion::Desktop;
use hither_engine::Config;
use hither_engine::view::{Answer, Command, Query, View};
use hither_ipc::{BindError, Client, Host, Listener};
use hither_protocol::ClientInfo;
use tokio::sync::watch;

use cli::{Cli, Start, Wish};
use credentials::FileCredentials;
use headless::Headless;
use paths::Paths;

/// Which build this is; the window carries the same.
pub(crate) const BUILD: &str = env!("CARGO_PKG_VERSION");

/// The first wait between two tries to connect; the longest is an argument.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// How long a window may take to hear that Hither quits.
const GOODBYE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Whoever read it may be gone.
            let _ = writeln!(std::io::stderr(), "hither: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let paths = Paths::new(cli.data)?;
    log_to_stderr();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("this system gives no timers or sockets")?;
    runtime.block_on(async {
        match cli.wish {
            Some(wish) => cli::carry_out(wish, &paths.socket).await,
            None => start(cli.start, &paths).await,
        }
    })
}

/// Becomes the companion, or raises the one that runs already.
async fn start(how: Start, paths: &Paths) -> anyhow::Result<()> {
    let listener = match Listener::bind(&paths.socket) {
        Err(BindError::AlreadyRunning) if !how.headless && !how.background => {
            return cli::carry_out(Wish::Show, &paths.socket).await;
        }
        other => other?,
    };
    if how.headless {
        reside(&how, paths, listener, Headless::start()).await
    } else {
        let desktop = Desktop::start(paths.chosen.clone(), Some(paths.pop_ups()));
        reside(&how, paths, listener, desktop).await
    }
}

/// Runs the companion on `platform` until it is told to quit.
async fn reside(
    how: &Start,
    paths: &Paths,
    listener: Listener,
    platform: impl Platform,
) -> anyhow::Result<()> {
    let credentials = FileCredentials::new(paths.token());
    let (runtime, door) = Runtime::open(config(how), &paths.data, credentials)?;
    let runtime = runtime.trusting(authorities(how, &paths.data));
    let screens = tokio::spawn(hither_ipc::serve(listener, BUILD.to_owned(), Screens(door)));
    // A window stays where this ends badly: it says so, and starts the next one.
    runtime.run(platform, asked_to_end()?).await?;
    screens.abort();
    close_window(&paths.socket).await;
    Ok(())
}

/// The file of authorities that was named, or that somebody put where it is found without being
/// named, as after a start at login.
fn authorities(how: &Start, data: &Path) -> Option<PathBuf> {
    let usual = data.join("ca.pem");
    how.ca_file
        .clone()
        .or_else(|| usual.exists().then_some(usual))
}

/// For the person there is one app: quitting ends its window, too.
async fn close_window(companion: &Path) {
    let window = hither_ipc::window_socket(companion);
    let quit = async {
        // Without a window nobody listens there.
        if let Ok(window) = Client::connect(&window, BUILD).await {
            let _ = window.command(Command::Quit).await;
        }
    };
    let _ = tokio::time::timeout(GOODBYE, quit).await;
}

fn config(how: &Start) -> Config {
    let longest = Duration::from_millis(how.retry_within_ms.max(1));
    Config {
        client: ClientInfo {
            name: "hither".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        device_name: gethostname::gethostname().to_string_lossy().into_owned(),
        platform: std::env::consts::OS.to_owned(),
        backoff: (FIRST_RETRY.min(longest), longest),
    }
}

/// What stands behind the local socket: the loop's door.
#[derive(Clone)]
struct Screens(Door);

impl Host for Screens {
    async fn command(&self, command: Command) -> bool {
        self.0.command(command).await.is_ok()
    }

    async fn ask(&self, query: Query) -> Option<Answer> {
        self.0.ask(query).await.ok()
    }

    fn views(&self) -> watch::Receiver<View> {
        self.0.views()
    }
}

/// Resolves when the system or the person at the terminal wants this process to end.
#[cfg(unix)]
fn asked_to_end() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Resolves when the system or the person at the terminal wants this process to end.
#[cfg(windows)]
fn asked_to_end() -> std::io::Result<impl Future<Output = ()>> {
    let mut ctrl_c = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        ctrl_c.recv().await;
    })
}

/// `HITHER_LOG` says what; ids only, never content.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("HITHER_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}
