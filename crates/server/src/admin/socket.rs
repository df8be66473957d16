//! The socket in the data folder: one line asks, with the content of files after it, one answers.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join;
use hither_protocol::ErrorCode;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use super::{AdminReply, AdminRequest, Content, PATIENCE, Refusal, carry_out};
use crate::http;
use crate::serve::App;

const SOCKET: &str = "admin.sock";
/// A message as large as any, with JSON's escapes.
const MAX_REQUEST_BYTES: usize = 2 * http::MAX_PUBLISH;

/// The administrator's door into a running server; it goes when this is dropped.
#[derive(Debug)]
pub struct AdminSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl AdminSocket {
    /// Opens the door in a data folder whose lock the caller holds.
    pub fn bind(folder: &Path) -> io::Result<Self> {
        let path = folder.join(SOCKET);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            // Whoever made it is gone, or the folder would still be locked.
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, path })
    }

    /// Answers until it is dropped.
    pub(crate) async fn run(self, app: Arc<App>) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(attend(stream, Arc::clone(&app)));
                }
                Err(error) => {
                    tracing::warn!(%error, "the administrator's socket cannot accept");
                    // Too many open files, most likely: others must close theirs first.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

async fn attend(stream: UnixStream, app: Arc<App>) {
    match answer(stream, &app).await {
        Ok(()) => {}
        Err(error) => tracing::warn!(%error, "an administrator's request was not answered"),
    }
}

async fn answer(stream: UnixStream, app: &Arc<App>) -> io::Result<()> {
    check_peer(&stream, may_ask)?;
    let (reading, mut writing) = stream.into_split();
    let mut line = String::new();
    let mut reading = BufReader::new(reading);
    let question = (&mut reading).take(MAX_REQUEST_BYTES as u64 + 1);
    timeout(PATIENCE, pin!(question).read_line(&mut line)).await??;
    if line.is_empty() {
        // Someone only looked whether the door is open.
        return Ok(());
    }
    // The server ends after its answers.
    let _open = app.open();
    let reply = match serde_json::from_str(&line) {
        _ if line.len() > MAX_REQUEST_BYTES => too_long(),
        Ok(request) => carry_out(app, request, &mut reading).await,
        Err(error) => AdminReply::Refused(Refusal::new(
            ErrorCode::Malformed,
            format!(
                "the server does not understand this request ({error}); \
                 use the command line of its own version"
            ),
        )),
    };
    let mut text = serde_json::to_string(&reply)?;
    text.push('\n');
    timeout(PATIENCE, writing.write_all(text.as_bytes())).await?
}

/// Asks the server that holds the folder. Fails with `NotFound` or `ConnectionRefused` where
/// none listens; then nothing of the content was read.
pub async fn ask(
    folder: &Path,
    request: &AdminRequest,
    content: Content<'_>,
) -> io::Result<AdminReply> {
    let stream = UnixStream::connect(folder.join(SOCKET)).await?;
    check_peer(&stream, may_answer)?;
    let (reading, mut writing) = stream.into_split();
    let mut text = serde_json::to_string(request)?;
    text.push('\n');
    if text.len() > MAX_REQUEST_BYTES {
        return Ok(too_long());
    }
    // A server that refuses answers before it has read everything, and hangs up.
    let asked = async {
        writing.write_all(text.as_bytes()).await?;
        copy(content, &mut writing).await?;
        writing.shutdown().await
    };
    let answered = async {
        let mut line = String::new();
        BufReader::new(reading).read_line(&mut line).await?;
        Ok(serde_json::from_str(&line)?)
    };
    let both = async {
        let (asked, answered) = join(asked, answered).await;
        answered.or_else(|error| asked.and(Err(error)))
    };
    timeout(request.patience(), both).await?
}

fn too_long() -> AdminReply {
    AdminReply::Refused(Refusal::new(
        ErrorCode::TooLarge,
        format!(
            "a running server is told at most {MAX_REQUEST_BYTES} bytes of JSON at once, and this is more: \
             shorten it, or bring what is long as a file with --attach"
        ),
    ))
}

/// Whether a server answers in this folder.
pub async fn is_open(folder: &Path) -> bool {
    UnixStream::connect(folder.join(SOCKET)).await.is_ok()
}

/// The folder is private already; this also holds where its permissions were opened up.
fn check_peer(stream: &UnixStream, may: fn(User, User) -> bool) -> io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    if may(rustix::process::geteuid().as_raw(), peer) {
        Ok(())
    } else {
        Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("user {peer} is at the other end of {SOCKET}; only its own user and root may"),
        ))
    }
}

type User = u32;

/// Whether a server of one user answers another.
const fn may_ask(server: User, peer: User) -> bool {
    peer == server || peer == 0
}

/// Whether a user tells a server of another what it wants. Root may use anyone's server.
const fn may_answer(asking: User, server: User) -> bool {
    server == asking || server == 0 || asking == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_user_and_root_may_ask() {
        for (server, peer, fine) in [
            (7, 7, true),
            (7, 0, true),
            (7, 8, false),
            (0, 7, false),
            (0, 0, true),
        ] {
            assert_eq!(may_ask(server, peer), fine, "{server} {peer}");
        }
        assert!(may_answer(0, 7) && may_answer(7, 0) && may_answer(7, 7));
        assert!(!may_answer(7, 8));
    }
}
