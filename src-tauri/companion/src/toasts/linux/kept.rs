//! Which pop-ups are up, in a small file without content: after a crash the next process finds
//! them.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use hither_engine::ToastKey;
use hither_protocol::MessageId;
use serde::{Deserialize, Serialize};
use zbus::names::OwnedUniqueName;

use super::daemon::Up;

/// Where it is kept, and what is in it.
#[derive(Debug, Default)]
pub(super) struct File {
    path: Option<PathBuf>,
    written: Option<Kept>,
}

/// What is up on one daemon. Its ids mean nothing to any other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// Names the bus among all; the daemon's name means nothing on another.
    bus: String,
    daemon: String,
    up: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Entry {
    /// The daemon's.
    id: u32,
    /// Its one message; a summary has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<MessageId>,
    about: Vec<MessageId>,
    stays: bool,
}

impl File {
    /// One that is nowhere keeps nothing.
    pub(super) const fn at(path: Option<PathBuf>) -> Self {
        Self {
            path,
            written: None,
        }
    }

    /// What the process before this one left. One that makes no sense is as good as none.
    pub(super) fn read(&mut self) -> Option<Kept> {
        let text = fs::read(self.path.as_ref()?).ok()?;
        self.written = serde_json::from_slice(&text).ok();
        self.written.clone()
    }

    /// Has this in it from now on.
    pub(super) fn keep(&mut self, kept: Option<Kept>) {
        let Some(path) = self.path.as_ref().filter(|_| self.written != kept) else {
            return;
        };
        let done = match &kept {
            Some(kept) => write(path, kept),
            None => fs::remove_file(path),
        };
        if let Err(error) = done {
            tracing::warn!(%error, "after a crash pop-ups would stay on the screen");
        }
        self.written = kept;
    }
}

/// Never half of it. A crash of the computer takes the pop-ups along, so nobody waits for the disk.
fn write(path: &PathBuf, kept: &Kept) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(&new)?.write_all(&serde_json::to_vec(kept)?)?;
    fs::rename(new, path)
}

impl Kept {
    pub(super) fn new(bus: &str, daemon: &OwnedUniqueName, up: &HashMap<ToastKey, Up>) -> Self {
        let entry = |(key, up): (&ToastKey, &Up)| Entry {
            id: up.id,
            message: match key {
                ToastKey::Message(id) => Some(*id),
                ToastKey::Summary => None,
            },
            about: up.about.clone(),
            stays: up.stays,
        };
        let mut up: Vec<_> = up.iter().map(entry).collect();
        up.sort_unstable();
        Self {
            bus: bus.to_owned(),
            daemon: daemon.to_string(),
            up,
        }
    }

    pub(super) fn is_from(&self, bus: &str, daemon: &OwnedUniqueName) -> bool {
        self.bus == bus && self.daemon == daemon.as_str()
    }

    pub(super) fn up(&self) -> impl Iterator<Item = (ToastKey, Up)> {
        self.up.iter().map(|entry| {
            let key = entry.message.map_or(ToastKey::Summary, ToastKey::Message);
            let up = Up {
                id: entry.id,
                about: entry.about.clone(),
                stays: entry.stays,
            };
            (key, up)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn only_its_owner_can_read_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pop-ups.json");
        File::at(Some(path.clone())).keep(Some(Kept {
            bus: "a bus".to_owned(),
            daemon: ":1.1".to_owned(),
            up: Vec::new(),
        }));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
