//! The access token in a file that only this person can read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use hither_client::Credentials;
use hither_protocol::AccessToken;
use serde::{Deserialize, Serialize};

/// Keeps one token in a file of mode 0600.
pub(crate) struct FileCredentials {
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    server: String,
    account: String,
    access_token: AccessToken,
}

impl FileCredentials {
    /// Keeps it at `path`, in a folder that is the person's own.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }
}

impl Credentials for FileCredentials {
    fn load(&self, server: &str, account: &str) -> io::Result<Option<AccessToken>> {
        let text = match fs::read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let kept: Kept = serde_json::from_slice(&text)?;
        let fits = kept.server == server && kept.account == account;
        Ok(fits.then_some(kept.access_token))
    }

    fn save(&mut self, server: &str, account: &str, token: &AccessToken) -> io::Result<()> {
        let path = self.path.display();
        tracing::warn!(%path, "the access token is kept in a file that programs of this user can read");
        let kept = Kept {
            server: server.to_owned(),
            account: account.to_owned(),
            access_token: token.clone(),
        };
        replace(&self.path, &serde_json::to_vec(&kept)?)
    }

    fn forget(&mut self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}

/// Puts new content in place of the old at once: a crash leaves one or the other.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = private(&beside)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    sync_folder(path)
}

fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent()
        .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Windows writes renames through.
#[cfg(windows)]
#[expect(clippy::unnecessary_wraps, reason = "other systems can fail")]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &str = "https://push.example.org";

    #[test]
    fn a_token_is_kept_for_one_account_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let open = || FileCredentials::new(folder.path().join("token.json"));
        assert_eq!(open().load(SERVER, "ada").unwrap(), None);
        open().forget().unwrap();

        let token = AccessToken::new("secret".to_owned());
        open().save(SERVER, "ada", &token).unwrap();
        assert_eq!(open().load(SERVER, "ada").unwrap(), Some(token));
        assert_eq!(open().load(SERVER, "bob").unwrap(), None);
        assert_eq!(
            open().load("https://other.example.org", "ada").unwrap(),
            None
        );

        open().forget().unwrap();
        assert_eq!(open().load(SERVER, "ada").unwrap(), None);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_can_read_the_file() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token.json");
        let token = AccessToken::new("secret".to_owned());
        FileCredentials::new(path.clone())
            .save(SERVER, "ada", &token)
            .unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token.json");
        fs::write(&path, "{").unwrap();
        assert!(FileCredentials::new(path).load(SERVER, "ada").is_err());
    }
}
