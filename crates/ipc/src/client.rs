use core::time::Duration;
use std::collections::HashMap;
use std::io;
use std::path::Path;

use hither_engine::View;
use hither_engine::view::{Answer, Command, Query};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot, watch};

use crate::lines::{self, LineError, Lines};
use crate::transport;
use crate::words::{Hello, MAX_ANSWER, Request, Said, VERSION, Wish};

/// A companion that runs answers the hello at once.
const HELLO_WITHIN: Duration = Duration::from_secs(5);

/// A connection to the running companion. Cheap to clone; closed when the last clone goes.
#[derive(Clone, Debug)]
pub struct Client {
    wishes: mpsc::Sender<(Wish, oneshot::Sender<Said>)>,
    views: watch::Receiver<View>,
}

/// Why there is no connection; named after the next step.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Start it.
    #[error("Hither is not running. Start it with: hither")]
    NotRunning,
    /// Quit the running companion; it is the older side.
    #[error("the running Hither ({0}) is older than this program: quit it and start it again")]
    CompanionOlder(String),
    /// Restart this program from the newer installation.
    #[error("this program is older than the running Hither ({0}): close it and open it again")]
    ThisOlder(String),
    /// Try again: it is there and busy, or it hangs.
    #[error("Hither does not answer: it is there but says nothing")]
    Silent,
    /// Somebody else's process is at the other end, or it is out of order.
    #[error("Hither does not answer: {0}")]
    Broken(String),
}

/// The companion ended or closed the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Hither has ended")]
pub struct Disconnected;

impl Client {
    /// Connects to the companion that listens at `path`. `build` is said in the hello.
    pub async fn connect(path: &Path, build: &str) -> Result<Self, ConnectError> {
        let stream = transport::connect(path)
            .await
            .map_err(|error| not_connected(&error))?;
        Self::over(stream, build).await
    }

    async fn over(
        stream: impl AsyncRead + AsyncWrite + Send + 'static,
        build: &str,
    ) -> Result<Self, ConnectError> {
        let (reader, mut writer) = tokio::io::split(stream);
        let mut lines = Lines::new(reader, MAX_ANSWER);
        let greeting = greet(&mut lines, &mut writer, build);
        let view = tokio::time::timeout(HELLO_WITHIN, greeting)
            .await
            .map_err(|_| ConnectError::Silent)??;
        let (wishes, todo) = mpsc::channel(16);
        let (seen, views) = watch::channel(view);
        tokio::spawn(async move {
            if let Err(error) = relay(lines, writer, todo, seen).await {
                tracing::warn!(%error, "connection to the companion lost");
            }
        });
        Ok(Self { wishes, views })
    }

    /// The view now, and every later one; its sender goes with the companion.
    #[must_use]
    pub fn views(&self) -> watch::Receiver<View> {
        self.views.clone()
    }

    /// Asks the history.
    pub async fn ask(&self, query: Query) -> Result<Answer, Disconnected> {
        match self.wish(Wish::Query(query)).await? {
            Said::Answer { answer, .. } => Ok(answer),
            _ => Err(Disconnected),
        }
    }

    /// Has the companion take a command; the view says then that it began, or what came of it.
    pub async fn command(&self, command: Command) -> Result<(), Disconnected> {
        self.wish(Wish::Command(command)).await.map(drop)
    }

    async fn wish(&self, wish: Wish) -> Result<Said, Disconnected> {
        let (answer, answered) = oneshot::channel();
        self.wishes
            .send((wish, answer))
            .await
            .map_err(|_| Disconnected)?;
        answered.await.map_err(|_| Disconnected)
    }
}

fn not_connected(error: &io::Error) -> ConnectError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ConnectError::NotRunning,
        _ => ConnectError::Broken(error.to_string()),
    }
}

/// Both hellos and the first view.
async fn greet(
    lines: &mut Lines<impl AsyncRead + Unpin>,
    writer: &mut (impl AsyncWrite + Unpin),
    build: &str,
) -> Result<View, ConnectError> {
    let broken = |error: LineError| ConnectError::Broken(error.to_string());
    let closed = || ConnectError::Broken("it closed the connection".to_owned());
    lines::write(writer, &Hello::new(build))
        .await
        .map_err(|error| broken(error.into()))?;
    let hello: Hello = lines.next().await.map_err(broken)?.ok_or_else(closed)?;
    if hello.hither_ipc < VERSION {
        return Err(ConnectError::CompanionOlder(hello.build));
    }
    if hello.hither_ipc > VERSION {
        return Err(ConnectError::ThisOlder(hello.build));
    }
    match lines.next().await.map_err(broken)? {
        Some(Said::View { view }) => Ok(*view),
        Some(Said::Error { error }) => Err(ConnectError::Broken(error)),
        _ => Err(closed()),
    }
}

/// Carries wishes out and answers back, until one side is gone.
async fn relay(
    mut lines: Lines<impl AsyncRead + Unpin>,
    mut writer: impl AsyncWrite + Unpin,
    mut todo: mpsc::Receiver<(Wish, oneshot::Sender<Said>)>,
    views: watch::Sender<View>,
) -> Result<(), LineError> {
    let mut waiting: HashMap<u64, oneshot::Sender<Said>> = HashMap::new();
    let mut id = 0;
    loop {
        tokio::select! {
            wish = todo.recv() => {
                let Some((wish, answer)) = wish else { return Ok(()) };
                id += 1;
                waiting.insert(id, answer);
                lines::write(&mut writer, &Request { id, wish }).await?;
            }
            said = lines.next() => match said? {
                None => return Ok(()),
                Some(Said::View { view }) => drop(views.send_replace(*view)),
                Some(Said::Error { error }) => return Err(io::Error::other(error).into()),
                Some(said @ (Said::Answer { id, .. } | Said::Done { id, .. })) => {
                    if let Some(answer) = waiting.remove(&id) {
                        // Whoever asked may be gone.
                        let _ = answer.send(said);
                    }
                }
            },
        }
    }
}
