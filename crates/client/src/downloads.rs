//! Files beside messages, on their way into the person's download folder.

use core::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use hither_engine::SignedIn;
use hither_protocol::{Attachment, file_name};
use sha2::{Digest, Sha256};

use crate::http::{self, FetchFailed};
use crate::trust::Trust;

/// Files of the same name that are kept beside each other.
const MAX_SAME: u32 = 999;

/// Fetches an attachment into a folder and answers where it is. Nothing there is replaced, and
/// under its name it is whole. Blocking.
pub(crate) fn save(
    account: &SignedIn,
    trust: &Trust,
    attachment: &Attachment,
    folder: &Path,
) -> Result<PathBuf, FetchFailed> {
    fs::create_dir_all(folder)?;
    let mut body = http::file(account, trust, &attachment.href)?;
    let reader = body.with_config().limit(u64::MAX).reader();
    let part = Part::new(folder)?;
    receive(reader, attachment, &part)?;
    if let Err(error) = mark_as_foreign(&part.path) {
        tracing::warn!(%error, "this disk cannot mark a file as coming from the network");
    }
    Ok(part.settle(&file_name(&attachment.name))?)
}

/// A file that is being written; it goes when this is dropped.
struct Part {
    path: PathBuf,
    file: File,
}

impl Part {
    fn new(folder: &Path) -> io::Result<Self> {
        let random = getrandom::u64().map_err(|error| io::Error::other(error.to_string()))?;
        let path = folder.join(format!(".hither-{random:016x}.part"));
        let file = private(&path)?;
        Ok(Self { path, file })
    }

    /// Moves it to a name that is free.
    fn settle(self, name: &str) -> io::Result<PathBuf> {
        for number in 1..=MAX_SAME {
            let place = self.path.with_file_name(numbered(name, number));
            match private(&place) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                // The name is taken for this file; what replaces it is this file.
                Ok(taken) => {
                    // Not every disk replaces a file that is open.
                    drop(taken);
                    let moved = fs::rename(&self.path, &place);
                    if moved.is_err() {
                        let _ = fs::remove_file(&place);
                    }
                    return moved.map(|()| place);
                }
            }
        }
        Err(io::Error::from(io::ErrorKind::AlreadyExists))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Usually it has moved on.
        let _ = fs::remove_file(&self.path);
    }
}

/// A new file that its user alone may read.
fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// `report.pdf`, `report (2).pdf` …
fn numbered(name: &str, number: u32) -> String {
    match name.rsplit_once('.') {
        _ if number == 1 => name.to_owned(),
        Some((base, extension)) => format!("{base} ({number}).{extension}"),
        None => format!("{name} ({number})"),
    }
}

/// Takes in as much as was announced, and only that.
fn receive(mut from: impl Read, attachment: &Attachment, part: &Part) -> Result<(), FetchFailed> {
    let (mut hash, mut left) = (Sha256::new(), attachment.size);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from
            .read(&mut buffer)
            .map_err(|error| FetchFailed::NotNow(format!("it broke off: {error}")))?;
        if read == 0 {
            break;
        }
        left = left.checked_sub(read as u64).ok_or_else(another)?;
        hash.update(&buffer[..read]);
        (&part.file).write_all(&buffer[..read])?;
    }
    let found = hexadecimal(&hash.finalize());
    let expected = attachment.sha256.as_ref();
    if left > 0 || expected.is_some_and(|expected| *expected != found) {
        return Err(another());
    }
    Ok(part.file.sync_all()?)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // A string takes everything that is written into it.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn another() -> FetchFailed {
    FetchFailed::NotNow("what came is not the file that was announced".to_owned())
}

/// Has the system ask before the file is run.
#[cfg(windows)]
fn mark_as_foreign(path: &Path) -> io::Result<()> {
    let mut stream = path.as_os_str().to_owned();
    stream.push(":Zone.Identifier");
    fs::write(stream, "[ZoneTransfer]\r\nZoneId=3\r\n")
}

/// Has the system ask before the file is run.
#[cfg(target_os = "macos")]
fn mark_as_foreign(path: &Path) -> io::Result<()> {
    use rustix::fs::{XattrFlags, setxattr};
    // Downloaded by a program, nothing approved yet.
    let mark = b"0081;00000000;Hither;";
    Ok(setxattr(
        path,
        "com.apple.quarantine",
        mark,
        XattrFlags::empty(),
    )?)
}

/// Linux asks nothing; there a file is no program before somebody makes it one.
#[cfg(not(any(windows, target_os = "macos")))]
#[expect(clippy::unnecessary_wraps, reason = "other systems can fail")]
fn mark_as_foreign(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attachment(content: &[u8]) -> Attachment {
        Attachment {
            name: "x".to_owned(),
            media_type: "text/plain".to_owned(),
            size: content.len() as u64,
            href: "/x".to_owned(),
            sha256: Some(hexadecimal(&Sha256::digest(content))),
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn nothing_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.txt"), "mine").unwrap();
        for expected in ["a (2).txt", "a (3).txt"] {
            let part = Part::new(folder.path()).unwrap();
            receive(&b"theirs"[..], &attachment(b"theirs"), &part).unwrap();
            let place = part.settle("a.txt").unwrap();
            assert_eq!(place, folder.path().join(expected));
            assert_eq!(fs::read(&place).unwrap(), b"theirs");
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                let mode = place.metadata().unwrap().permissions().mode();
                assert_eq!(mode & 0o777, 0o600);
            }
        }
        assert_eq!(fs::read(folder.path().join("a.txt")).unwrap(), b"mine");
        assert_eq!(names(folder.path()), ["a (2).txt", "a (3).txt", "a.txt"]);
    }

    #[test]
    fn what_is_not_the_announced_file_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let announced = attachment(b"theirs");
        for other in [&b""[..], b"their", b"theirs!", b"others"] {
            let part = Part::new(folder.path()).unwrap();
            assert!(receive(other, &announced, &part).is_err(), "{other:?}");
        }
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }

    #[test]
    fn numbers_stand_before_the_extension() {
        for (name, expected) in [
            ("a.pdf", "a (2).pdf"),
            ("a.tar.gz", "a.tar (2).gz"),
            ("a", "a (2)"),
        ] {
            assert_eq!(numbered(name, 1), name);
            assert_eq!(numbered(name, 2), expected);
        }
    }
}
