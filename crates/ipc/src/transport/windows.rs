mod peer;

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
/// The pipe has the system's usual access list, which lets other users of this computer open it:
/// they get no further, because who it is is looked at before a byte.
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

    /// The next connection of this person, from this computer; anybody else's is closed before a
    /// byte is read.
    pub(crate) async fn accept(&mut self) -> io::Result<NamedPipeServer> {
        loop {
            self.waiting.connect().await?;
            let next = instance(&self.path, false)?;
            let pipe = core::mem::replace(&mut self.waiting, next);
            match peer::check_client(&pipe) {
                Ok(()) => return Ok(pipe),
                Err(error) => tracing::warn!(%error, "local connection refused"),
            }
        }
    }
}

fn instance(path: &Path, first: bool) -> io::Result<NamedPipeServer> {
    ServerOptions::new()
        .first_pipe_instance(first)
        .reject_remote_clients(true)
        .create(path)
}

/// Connects to the companion of this person. The name alone says nothing: whoever was first has it.
pub(crate) async fn connect(path: &Path) -> io::Result<NamedPipeClient> {
    for _ in 0..20 {
        match ClientOptions::new().open(path) {
            Err(error) if error.raw_os_error() == Some(PIPE_BUSY) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            other => {
                let pipe = other?;
                peer::check_server(&pipe)?;
                return Ok(pipe);
            }
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_person_reaches_their_own_companion() {
        let path = PathBuf::from(format!(r"\\.\pipe\hither-test-{}", std::process::id()));
        let mut listener = Listener::bind(&path).unwrap();
        for _ in 0..2 {
            let both = async { tokio::try_join!(connect(&path), listener.accept()) };
            let both = tokio::time::timeout(Duration::from_secs(30), both).await;
            let (mut near, mut far) = both.expect("a connection").unwrap();
            far.write_all(b"x").await.unwrap();
            assert_eq!(near.read_u8().await.unwrap(), b'x');
        }
    }
}
