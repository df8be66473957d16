//! The socket itself: who may come in, and who is already there.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::Listener;
#[cfg(unix)]
pub(crate) use unix::connect;
#[cfg(windows)]
pub use windows::Listener;
#[cfg(windows)]
pub(crate) use windows::connect;

use std::io;
use std::path::PathBuf;

/// Why nobody can listen; named after the next step.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Talk to the one that runs.
    #[error("Hither is already running")]
    AlreadyRunning,
    /// Choose a data folder with a shorter path.
    #[error("the path of the local socket is too long: {0}")]
    TooLong(PathBuf),
    /// Somebody else owns the folder: remove it or choose another data folder.
    #[error("the folder of the local socket belongs to somebody else: {0}")]
    ForeignFolder(PathBuf),
    /// Look at the folder.
    #[error("the local socket cannot be made: {0}")]
    Io(#[from] io::Error),
}
