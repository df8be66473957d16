//! Files beside messages, on disk: each content once, under its own hash.
//!
//! A file is written under `incoming/`, hashed on the way and flushed; then it moves to the place
//! its hash names; only then does a row of the store refer to it. Rows go first, files after
//! them. A crash in between leaves a file without a row, which the [sweep](sweep) finds, and never
//! a row without its file.
//!
//! Whoever makes a row refer to a file [holds](Files::hold) all files until the commit; files are
//! removed only while nobody holds them, and only those that no row refers to.

mod hash;
mod incoming;
mod kind;
mod sweep;

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard, OwnedRwLockReadGuard, RwLock};

pub use self::hash::{FileHash, InvalidHash};
pub use self::incoming::{Arrived, Incoming};
pub(crate) use self::kind::is_picture;
pub use self::sweep::{keep_sweeping, remove_strays, remove_strays_among, sweep};

/// Where files are until they are whole.
const INCOMING: &str = "incoming";

/// The folder of all files. Readable by its user only.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
    /// Read by those who make rows refer to files, written by whoever removes files.
    held: Arc<RwLock<()>>,
    /// Taken by whoever removes files, and by whoever needs all to stay for longer.
    sweeping: Mutex<()>,
}

/// While it lives, no file is removed.
#[derive(Debug)]
pub struct Held {
    _guard: OwnedRwLockReadGuard<()>,
}

impl Files {
    /// Uses a folder, which is made where it is missing. Nobody else may use it.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        let incoming = folder.join(INCOMING);
        // Whoever wrote there is gone.
        match fs::remove_dir_all(&incoming) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        make_private(&incoming)?;
        flush_folder(folder.parent().unwrap_or(&folder))?;
        Ok(Self::look(folder))
    }

    /// Looks at a folder without making or removing anything.
    pub(crate) fn look(folder: PathBuf) -> Self {
        Self {
            folder,
            held: Arc::default(),
            sweeping: Mutex::default(),
        }
    }

    /// Begins a new file.
    pub fn receive(&self) -> io::Result<Incoming> {
        Incoming::new(&self.folder.join(INCOMING))
    }

    /// Keeps every file where it is until the answer is dropped; for a moment only, because
    /// removing waits for it, and whoever comes after that.
    pub async fn hold(&self) -> Held {
        Held {
            _guard: Arc::clone(&self.held).read_owned().await,
        }
    }

    /// Keeps every file where it is for as long as it takes: no sweep runs.
    pub async fn hold_long(&self) -> MutexGuard<'_, ()> {
        self.sweeping.lock().await
    }

    /// Moves a file that arrived to its place, for good.
    pub async fn keep(&self, arrived: Arrived, _: &Held) -> io::Result<()> {
        let place = self.path(&arrived.hash);
        on_a_thread_that_may_wait(move || settle(arrived, &place)).await
    }

    /// Where a file is, if it is.
    #[must_use]
    pub fn path(&self, hash: &FileHash) -> PathBuf {
        self.folder.join(hash.path())
    }

    /// Every file that is here, whether a row refers to it or not.
    pub(crate) fn list(&self) -> io::Result<Vec<FileHash>> {
        let mut found = Vec::new();
        for outer in folders(&self.folder)? {
            for inner in folders(&outer)? {
                for entry in fs::read_dir(inner)? {
                    let name = entry?.file_name();
                    found.extend(name.to_str().and_then(|name| name.parse::<FileHash>().ok()));
                }
            }
        }
        Ok(found)
    }
}

fn folders(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(folders),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name() != INCOMING && entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}

/// The same content may be there already: then it is replaced by itself.
fn settle(arrived: Arrived, place: &Path) -> io::Result<()> {
    let inner = place.parent().unwrap_or(place);
    let is_new = !inner.exists();
    make_private(inner)?;
    arrived.move_to(place)?;
    flush_folder(inner)?;
    if is_new {
        let outer = inner.parent().unwrap_or(inner);
        flush_folder(outer)?;
        flush_folder(outer.parent().unwrap_or(outer))?;
    }
    Ok(())
}

pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// What was made in or moved into a folder survives a power cut only after this.
pub(crate) fn flush_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

pub(crate) async fn on_a_thread_that_may_wait<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}
