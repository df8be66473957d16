use core::time::Duration;
use std::io;
use std::path::{Path, PathBuf};

use tokio::net::windows::named_pipe::{
    ClientOptions, NamedPipeClient, NamedPipeServer, ServerOptions,
};

use super::BindError;

/// `ERROR_ACCESS_DENIED`: somebody has the first instance of this pipe already.
const ACCESS_DENIED: i32 = 5;

/// `ERROR_PIPE_BUSY`: between two instances; one comes at once.
const PIPE_BUSY: i32 = 231;

/// The companion's end of the local pipe, at most one per name.
///
/// The pipe has the system's usual access list, which lets other users of this computer read but
/// not write: they get no further than connecting, because nothing is said before their hello.
pub struct Listener {
    path: PathBuf,
    waiting: NamedPipeServer,
}

impl Listener {
    /// Listens on the pipe `path`. Wants a Tokio runtime.
    pub fn bind(path: &Path) -> Result<Self, BindError> {
        let waiting = match instance(path, true) {
            Err(error) if error.raw_os_error() == Some(ACCESS_DENIED) => {
                return Err(BindError::AlreadyRunning);
            }
            other => other?,
        };
        Ok(Self {
            path: path.to_owned(),
            waiting,
        })
    }

    /// The next connection, from this computer.
    pub(crate) async fn accept(&mut self) -> io::Result<NamedPipeServer> {
        self.waiting.connect().await?;
        let next = instance(&self.path, false)?;
        Ok(core::mem::replace(&mut self.waiting, next))
    }
}

fn instance(path: &Path, first: bool) -> io::Result<NamedPipeServer> {
    ServerOptions::new()
        .first_pipe_instance(first)
        .reject_remote_clients(true)
        .create(path)
}

/// Connects to the companion.
pub(crate) async fn connect(path: &Path) -> io::Result<NamedPipeClient> {
    for _ in 0..20 {
        match ClientOptions::new().open(path) {
            Err(error) if error.raw_os_error() == Some(PIPE_BUSY) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            other => return other,
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}
