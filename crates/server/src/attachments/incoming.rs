use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};
use tempfile::{NamedTempFile, TempPath};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use super::FileHash;
use super::kind::{HEAD, media_type};

/// A file that is being written; it goes when this is dropped.
#[derive(Debug)]
pub struct Incoming {
    file: File,
    path: TempPath,
    hash: Sha256,
    size: u64,
    /// The first bytes, which tell its type.
    head: Vec<u8>,
}

/// A file that is whole and on disk, at no place yet; it goes when this is dropped.
#[derive(Debug)]
pub struct Arrived {
    path: TempPath,
    /// Of its content.
    pub hash: FileHash,
    /// Bytes.
    pub size: u64,
    /// As its content says.
    pub media_type: &'static str,
}

impl Incoming {
    pub(super) fn new(folder: &Path) -> io::Result<Self> {
        // Readable by its user only.
        let (file, path) = NamedTempFile::new_in(folder)?.into_parts();
        Ok(Self {
            file: File::from_std(file),
            path,
            hash: Sha256::new(),
            size: 0,
            head: Vec::new(),
        })
    }

    /// Bytes so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds to its end.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let missing = HEAD.saturating_sub(self.head.len());
        self.head.extend(bytes.iter().take(missing));
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        self.file.write_all(bytes).await
    }

    /// That was all; answers once it is on disk.
    pub async fn finish(mut self) -> io::Result<Arrived> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        Ok(Arrived {
            path: self.path,
            hash: FileHash(self.hash.finalize().into()),
            size: self.size,
            media_type: media_type(&self.head),
        })
    }
}

impl Arrived {
    pub(super) fn move_to(self, place: &Path) -> io::Result<()> {
        self.path.persist(place).map_err(|failed| failed.error)
    }
}
