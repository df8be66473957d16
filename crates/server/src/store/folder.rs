use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::{fs, io};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, chownat, openat, statat};
use rustix::process::{Gid, Uid, geteuid};

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Ask the process that holds it, or stop it.
    #[error(
        "{} is in use by {}; stop it, or choose another folder with --data",
        path.display(),
        holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}")),
    )]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The process, where it said so.
        holder: Option<u32>,
    },
    /// Look at the path and its permissions.
    #[error("cannot use the data folder {}: {source}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A data folder that this process alone uses, until it is dropped. Readable by its user only.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    lock: File,
    /// The folder itself is locked, too: somebody may remove the file.
    _folder: File,
}

impl DataFolder {
    /// Makes the folder where it is missing and locks it.
    pub fn lock(path: &Path) -> Result<Self, FolderError> {
        let failed = |source| FolderError::Io {
            path: path.to_owned(),
            source,
        };
        make_private_folder(path).map_err(failed)?;
        let folder = File::open(path).map_err(failed)?;
        let mut lock = private_file(&path.join("lock")).map_err(failed)?;
        let locked = match (folder.try_lock(), lock.try_lock()) {
            (Err(in_use @ TryLockError::WouldBlock), _) => Err(in_use),
            // Some network disks lock no folders; the file is locked there.
            (_, locked) => locked,
        };
        match locked {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(FolderError::InUse {
                    path: path.to_owned(),
                    holder: holder(&mut lock),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        write_holder(&mut lock).map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            lock,
            _folder: folder,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Gives what root made in a data folder to the user that the folder belongs to: a server that runs
/// as that user could not use it.
pub fn give_back(path: &Path) -> io::Result<()> {
    let folder = File::open(path)?;
    let about = folder.metadata()?;
    if !geteuid().is_root() || about.uid() == 0 {
        return Ok(());
    }
    let owner = (Uid::from_raw(about.uid()), Gid::from_raw(about.gid()));
    Ok(give(&folder.into(), owner)?)
}

/// By open folders and never by paths: whoever owns them could have a path lead elsewhere.
fn give(folder: &OwnedFd, owner: (Uid, Gid)) -> rustix::io::Result<()> {
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if [c".", c".."].contains(&name) {
            continue;
        }
        let about = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if about.st_uid == 0 {
            let (user, group) = owner;
            chownat(
                folder,
                name,
                Some(user),
                Some(group),
                AtFlags::SYMLINK_NOFOLLOW,
            )?;
        }
        if FileType::from_raw_mode(about.st_mode).is_dir() {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            give(&openat(folder, name, flags, Mode::empty())?, owner)?;
        }
    }
    Ok(())
}

impl Drop for DataFolder {
    fn drop(&mut self) {
        // The process may outlive the folder; a stale number would blame the wrong one.
        let _ = self.lock.set_len(0);
    }
}

/// Opens or makes a file that only its user may read.
pub(super) fn private_file(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

fn make_private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o700))?;
    // Without this a power cut could take the new folder with all that was accepted into it.
    let parent = path.canonicalize()?;
    File::open(parent.parent().unwrap_or(&parent))?.sync_all()
}

fn holder(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    lock.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_holder(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{}", std::process::id())
}
