use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

use super::BindError;

/// `sun_path` with its closing zero, on the system that has the least.
const MAX_PATH: usize = 103;

/// The companion's end of the local socket, at most one per path.
pub struct Listener {
    socket: UnixListener,
    path: PathBuf,
    /// Held while this lives, so that whoever holds it knows any socket file to be a dead one's.
    _lock: File,
}

impl Listener {
    /// Listens at `path`, in a folder that only this person can enter. The socket file of a
    /// process that died is replaced.
    ///
    /// Wants a Tokio runtime.
    pub fn bind(path: &Path) -> Result<Self, BindError> {
        if path.as_os_str().len() > MAX_PATH {
            return Err(BindError::TooLong(path.to_owned()));
        }
        private_folder(path.parent().unwrap_or(Path::new("/")))?;
        let lock = lock(&path.with_extension("lock"))?;
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let socket = UnixListener::bind(path)?;
        std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
        Ok(Self {
            socket,
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// The next connection of this person; anybody else's is closed before a byte is read.
    pub(crate) async fn accept(&mut self) -> io::Result<UnixStream> {
        loop {
            let (stream, _) = self.socket.accept().await?;
            match check_peer(&stream) {
                Ok(()) => return Ok(stream),
                Err(error) => tracing::warn!(%error, "local connection refused"),
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // A file that stays is replaced by the next companion.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Connects to the companion of this person.
pub(crate) async fn connect(path: &Path) -> io::Result<UnixStream> {
    let stream = UnixStream::connect(path).await?;
    check_peer(&stream)?;
    Ok(stream)
}

/// Whether the process at the other end runs as this process's user, by what the kernel says.
fn check_peer(stream: &UnixStream) -> io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    let own = rustix::process::geteuid().as_raw();
    if peer == own {
        return Ok(());
    }
    let text = format!("the other end runs as user {peer}, this one as {own}");
    Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
}

fn private_folder(folder: &Path) -> Result<(), BindError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let found = std::fs::symlink_metadata(folder)?;
    if !found.is_dir() || found.uid() != rustix::process::geteuid().as_raw() {
        return Err(BindError::ForeignFolder(folder.to_owned()));
    }
    if found.mode() & 0o077 != 0 {
        std::fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    }
    Ok(())
}

fn lock(path: &Path) -> Result<File, BindError> {
    let mut options = OpenOptions::new();
    let file = options
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(BindError::AlreadyRunning),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}
