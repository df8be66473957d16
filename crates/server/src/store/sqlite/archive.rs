//! The one file of a backup: a tar archive with `manifest.json` first, then the database, then
//! the attachments at the places their hashes name.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Component, Path, PathBuf};

use hither_protocol::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tar::{Archive, Builder, EntryType, Header};

use super::backup::Stop;
use super::{ATTACHMENTS, DATABASE};
use crate::attachments::{FileHash, flush_folder, make_private};
use crate::store::folder::private_file;

const FORMAT: &str = "hither-backup-1";
const MANIFEST: &str = "manifest.json";
const MAX_MANIFEST: u64 = 64 * 1024 * 1024;

/// What an archive says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    format: String,
    /// Version of the program that wrote it.
    program: String,
    made_at: Timestamp,
    /// Of the database.
    sha256: String,
    /// How many attachments follow.
    attachments: usize,
    /// Attachments that were damaged or missing when it was made.
    missing: Vec<String>,
}

/// Why an archive is not used; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Give a file that `backup` made.
    #[error("it is not a backup of Hither: {0}")]
    Foreign(String),
    /// Use another backup.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// Look at the file, the disk and their permissions.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// An archive that was unpacked and found whole.
#[derive(Debug)]
pub(super) struct Unpacked {
    folder: PathBuf,
    pub(super) files: BTreeSet<FileHash>,
    pub(super) missing: BTreeSet<FileHash>,
}

impl Unpacked {
    pub(super) fn database(&self) -> PathBuf {
        self.folder.join(DATABASE)
    }

    pub(super) fn file(&self, hash: &FileHash) -> PathBuf {
        self.folder.join(ATTACHMENTS).join(hash.path())
    }
}

/// Writes an archive, unless it is to stop. Each file is found by `path`; damaged ones are left out
/// and answered.
pub(super) fn write(
    out: &mut File,
    database: &Path,
    files: &[FileHash],
    path: impl Fn(&FileHash) -> PathBuf,
    stop: &Stop,
) -> io::Result<Vec<FileHash>> {
    let is_whole = |hash: &&FileHash| digest(&path(hash), stop).is_ok_and(|found| found == hash.0);
    let (whole, missing): (Vec<&FileHash>, Vec<&FileHash>) = files.iter().partition(is_whole);
    stop.asked()?;
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: Timestamp::now(),
        sha256: FileHash(digest(database, stop)?).to_string(),
        attachments: whole.len(),
        missing: missing.iter().map(ToString::to_string).collect(),
    };
    let manifest = serde_json::to_vec_pretty(&manifest)?;
    let mut archive = Builder::new(io::BufWriter::new(out));
    append(
        &mut archive,
        Path::new(MANIFEST),
        manifest.len() as u64,
        &*manifest,
    )?;
    append_file(&mut archive, Path::new(DATABASE), database, stop)?;
    for hash in whole {
        append_file(
            &mut archive,
            &Path::new(ATTACHMENTS).join(hash.path()),
            &path(hash),
            stop,
        )?;
    }
    archive.into_inner()?.flush()?;
    Ok(missing.into_iter().copied().collect())
}

fn append_file<W: Write>(
    archive: &mut Builder<W>,
    name: &Path,
    from: &Path,
    stop: &Stop,
) -> io::Result<()> {
    let file = File::open(from)?;
    append(archive, name, file.metadata()?.len(), Until { file, stop })
}

/// Reads a file until it is to stop.
struct Until<'s> {
    file: File,
    stop: &'s Stop,
}

impl Read for Until<'_> {
    fn read(&mut self, part: &mut [u8]) -> io::Result<usize> {
        self.stop.asked()?;
        self.file.read(part)
    }
}

fn append<W: Write>(
    archive: &mut Builder<W>,
    name: &Path,
    size: u64,
    content: impl Read,
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o600);
    header.set_size(size);
    archive.append_data(&mut header, name, content)
}

pub(super) fn digest(path: &Path, stop: &Stop) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    let file = File::open(path)?;
    copy(&mut Until { file, stop }, &mut io::sink(), &mut hash)?;
    Ok(hash.finalize().into())
}

fn copy(from: &mut impl Read, to: &mut impl Write, hash: &mut Sha256) -> io::Result<()> {
    let mut part = vec![0; 256 * 1024];
    loop {
        match from.read(&mut part)? {
            0 => return Ok(()),
            read => {
                hash.update(&part[..read]);
                to.write_all(&part[..read])?;
            }
        }
    }
}

/// Unpacks an archive into an empty folder, and checks every byte of it.
pub(super) fn unpack(archive: &Path, folder: &Path) -> Result<Unpacked, ArchiveError> {
    let mut archive = Archive::new(BufReader::new(File::open(archive)?));
    let mut entries = archive.entries()?;
    let first = entries.next().ok_or_else(no_manifest)?;
    let manifest = read_manifest(first.map_err(|_| no_manifest())?)?;
    let mut unpacked = Unpacked {
        folder: folder.to_owned(),
        files: BTreeSet::new(),
        missing: manifest.missing()?,
    };
    let mut has_database = false;
    for entry in entries {
        let mut entry = entry.map_err(damaged)?;
        match place(&entry)? {
            Place::Database if !has_database => {
                let found = extract(&mut entry, &unpacked.database())?;
                if FileHash(found).to_string() != manifest.sha256 {
                    return Err(damaged("the database is not the one that was saved"));
                }
                has_database = true;
            }
            Place::Attachment(hash) if unpacked.files.insert(hash) => {
                if extract(&mut entry, &unpacked.file(&hash))? != hash.0 {
                    return Err(damaged(format!("attachment {hash} has another content")));
                }
            }
            _ => return Err(damaged("something is in it twice")),
        }
    }
    if !has_database || unpacked.files.len() != manifest.attachments {
        return Err(damaged("its end is missing"));
    }
    Ok(unpacked)
}

fn no_manifest() -> ArchiveError {
    ArchiveError::Foreign("it does not begin with a manifest".to_owned())
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn damaged(what: impl ToString) -> ArchiveError {
    ArchiveError::Damaged(what.to_string())
}

fn read_manifest(mut entry: tar::Entry<'_, impl Read>) -> Result<Manifest, ArchiveError> {
    if entry.path_bytes() != MANIFEST.as_bytes() || entry.size() > MAX_MANIFEST {
        return Err(no_manifest());
    }
    let mut text = String::new();
    entry.read_to_string(&mut text).map_err(damaged)?;
    let manifest: Manifest = serde_json::from_str(&text)
        .map_err(|error| ArchiveError::Foreign(format!("its manifest is not right ({error})")))?;
    if manifest.format != FORMAT {
        return Err(ArchiveError::Foreign(format!(
            "its format is {}, and this version knows {FORMAT}",
            manifest.format
        )));
    }
    Ok(manifest)
}

impl Manifest {
    fn missing(&self) -> Result<BTreeSet<FileHash>, ArchiveError> {
        let parsed = self.missing.iter().map(|hash| hash.parse());
        parsed.collect::<Result<_, _>>().map_err(damaged)
    }
}

/// What an entry is.
enum Place {
    Database,
    Attachment(FileHash),
}

/// Only plain files at the very places that `write` uses; the names go nowhere else.
fn place(entry: &tar::Entry<'_, impl Read>) -> Result<Place, ArchiveError> {
    let path = entry.path().map_err(damaged)?;
    let foreign = || {
        let path = path.display();
        ArchiveError::Foreign(format!("it holds {path}, which no backup does"))
    };
    let is_plain = entry.header().entry_type() == EntryType::Regular
        && path
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
    if !is_plain {
        return Err(foreign());
    }
    if path == Path::new(DATABASE) {
        return Ok(Place::Database);
    }
    let name = path.file_name().and_then(|name| name.to_str());
    let hash: Option<FileHash> = name.and_then(|name| name.parse().ok());
    hash.filter(|hash| path == Path::new(ATTACHMENTS).join(hash.path()))
        .map(Place::Attachment)
        .ok_or_else(foreign)
}

fn extract(entry: &mut impl Read, to: &Path) -> Result<[u8; 32], ArchiveError> {
    make_private(to.parent().unwrap_or(to))?;
    let mut file = private_file(to)?;
    let mut hash = Sha256::new();
    copy(entry, &mut file, &mut hash).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => damaged("its end is missing"),
        _ => ArchiveError::Io(error),
    })?;
    file.sync_all()?;
    flush_folder(to.parent().unwrap_or(to))?;
    Ok(hash.finalize().into())
}
