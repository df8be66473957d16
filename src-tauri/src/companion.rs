//! Finds the companion, and starts it when it is not running.

use core::time::Duration;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use anyhow::Context;
use hither_ipc::{Client, ConnectError};
use tokio::time::{Instant, sleep};

/// A companion that starts is listening within this time, or something is wrong.
const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// A companion that restarts is back within this time.
const RETURNS_WITHIN: Duration = Duration::from_secs(3);

/// Between two tries while it starts.
const PAUSE: Duration = Duration::from_millis(50);

/// The resident half of Hither over one data folder.
#[derive(Clone, Debug)]
pub struct Companion {
    data: Option<PathBuf>,
}

impl Companion {
    /// `None`: the usual data folder.
    #[must_use]
    pub const fn new(data: Option<PathBuf>) -> Self {
        Self { data }
    }

    /// Hands this process over to the companion's program with these words.
    pub fn become_it(&self, words: &[OsString]) -> anyhow::Result<ExitCode> {
        let mut command = self.command().context("hither-companion was not found")?;
        command.args(words);
        replace(command).context("hither-companion could not be started")
    }

    /// Connects, and starts it first if it is not running.
    pub(crate) async fn connect_or_start(&self) -> Result<Client, String> {
        match self.connect().await {
            Err(ConnectError::NotRunning) => self.start().await,
            other => other.map_err(|error| error.to_string()),
        }
    }

    /// Connects to a companion that somebody else restarts.
    pub(crate) async fn reconnect(&self) -> Result<Client, String> {
        let deadline = Instant::now() + RETURNS_WITHIN;
        self.connect_until(deadline).await.map_err(|error| {
            words(
                error,
                "It was told to quit, or it failed. Your messages are kept.",
            )
        })
    }

    /// Where the window listens for a second `hither`, beside the companion's own socket.
    pub(crate) fn window_socket(&self) -> io::Result<PathBuf> {
        Ok(hither_ipc::window_socket(&self.socket()?))
    }

    async fn start(&self) -> Result<Client, String> {
        self.launch().map_err(|error| {
            format!("It could not be started ({error}). Install Hither again if this stays.")
        })?;
        let deadline = Instant::now() + STARTS_WITHIN;
        self.connect_until(deadline).await.map_err(|error| {
            words(error, "It was started but does not answer. Run hither-companion in a terminal to see why.")
        })
    }

    fn launch(&self) -> io::Result<()> {
        let mut command = self.command()?;
        command
            .arg("--background")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            // It outlives the window, and Ctrl-C in the window's terminal.
            command.process_group(0);
        }
        let mut child = command.spawn()?;
        // Reaped while this process lives; the system's own affair afterwards.
        std::thread::spawn(move || child.wait());
        Ok(())
    }

    async fn connect_until(&self, deadline: Instant) -> Result<Client, ConnectError> {
        loop {
            match self.connect().await {
                Err(ConnectError::NotRunning) if Instant::now() < deadline => sleep(PAUSE).await,
                other => return other,
            }
        }
    }

    async fn connect(&self) -> Result<Client, ConnectError> {
        let socket = self
            .socket()
            .map_err(|error| ConnectError::Broken(error.to_string()))?;
        Client::connect(&socket, env!("CARGO_PKG_VERSION")).await
    }

    fn socket(&self) -> io::Result<PathBuf> {
        hither_ipc::socket_path(self.data.as_deref())
    }

    /// The program beside this one, over the same data folder.
    fn command(&self) -> io::Result<Command> {
        let name = format!("hither-companion{}", std::env::consts::EXE_SUFFIX);
        let mut command = Command::new(std::env::current_exe()?.with_file_name(name));
        if let Some(data) = &self.data {
            command.arg("--data").arg(data);
        }
        Ok(command)
    }
}

/// For people; `absent` when nobody is there to connect to.
fn words(error: ConnectError, absent: &str) -> String {
    match error {
        ConnectError::NotRunning => absent.to_owned(),
        other => other.to_string(),
    }
}

#[cfg(unix)]
fn replace(mut command: Command) -> io::Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    Err(command.exec())
}

#[cfg(not(unix))]
fn replace(mut command: Command) -> io::Result<ExitCode> {
    let status = command.status()?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
