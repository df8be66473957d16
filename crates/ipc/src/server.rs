use core::future::Future;
use core::time::Duration;
use std::io;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hither_engine::View;
use hither_engine::view::{Answer, Command, Query};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use crate::lines::{self, LineError, Lines};
use crate::transport::Listener;
use crate::words::{Hello, MAX_REQUEST, Request, Said, VERSION, Wish};

/// A screen says hello within this time.
const HELLO_WITHIN: Duration = Duration::from_secs(5);

/// Questions of one screen that wait for their answers; some take as long as a file takes to fetch.
const MAX_OPEN: usize = 16;

/// After a failed accept (no file handles left, say) before the next.
const PAUSE: Duration = Duration::from_millis(100);

/// What stands behind the local socket.
pub trait Host: Clone + Send + Sync + 'static {
    /// Takes a command, and returns once the view shows it; `false` when this process is ending.
    fn command(&self, command: Command) -> impl Future<Output = bool> + Send;
    /// Answers a question; `None` when this process is ending.
    fn ask(&self, query: Query) -> impl Future<Output = Option<Answer>> + Send;
    /// The view now, and every later one.
    fn views(&self) -> watch::Receiver<View>;
}

/// Serves every screen that connects, until it is dropped. `build` is said in the hello.
pub async fn serve(mut listener: Listener, build: String, host: impl Host) {
    loop {
        match listener.accept().await {
            Ok(stream) => {
                tokio::spawn(screen(stream, Hello::new(&build), host.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "local connection failed");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn screen(stream: impl AsyncRead + AsyncWrite + Send, hello: Hello, host: impl Host) {
    let (reader, mut writer) = tokio::io::split(stream);
    let mut lines = Lines::new(reader, MAX_REQUEST);
    let Err(error) = talk(&mut lines, &mut writer, hello, &host).await else {
        return;
    };
    tracing::debug!(%error, "screen closed");
    if let LineError::TooLong(_) | LineError::Malformed(_) = error {
        let error = error.to_string();
        // It may be gone already.
        let _ = lines::write(&mut writer, &Said::Error { error }).await;
    }
}

async fn talk(
    lines: &mut Lines<impl AsyncRead + Unpin>,
    writer: &mut (impl AsyncWrite + Unpin),
    hello: Hello,
    host: &impl Host,
) -> Result<(), LineError> {
    let theirs = tokio::time::timeout(HELLO_WITHIN, lines.next::<Hello>())
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let Some(theirs) = theirs else { return Ok(()) };
    lines::write(writer, &hello).await?;
    if theirs.hither_ipc != VERSION {
        // The other side knows what our hello means for it.
        return Ok(());
    }
    let mut views = host.views();
    views.mark_changed();
    let mut answers = FuturesUnordered::new();
    loop {
        let said = tokio::select! {
            request = lines.next::<Request>(), if answers.len() < MAX_OPEN => match request? {
                Some(Request { id, wish: Wish::Query(query) }) => {
                    answers.push(answer(id, query, host));
                    continue;
                }
                Some(Request { id, wish: Wish::Command(command) }) => {
                    let done = host.command(command).await;
                    // Whoever reads that it is done has read what it did.
                    if views.has_changed().unwrap_or(false) {
                        lines::write(writer, &newest(&mut views)).await?;
                    }
                    done.then_some(Said::Done { id, done })
                }
                None => return Ok(()),
            },
            Some(answer) = answers.next() => answer,
            changed = views.changed() => changed.is_ok().then(|| newest(&mut views)),
        };
        let Some(said) = said else { return Ok(()) };
        lines::write(writer, &said).await?;
    }
}

fn newest(views: &mut watch::Receiver<View>) -> Said {
    let view = Box::new(views.borrow_and_update().clone());
    Said::View { view }
}

/// `None`: this process is ending.
async fn answer(id: u64, query: Query, host: &impl Host) -> Option<Said> {
    let answer = host.ask(query).await?;
    Some(Said::Answer { id, answer })
}
