use core::future::Future;
use std::path::Path;

use hither_engine::view::{Answer, Command, Query, View};
use tokio::sync::{mpsc, oneshot, watch};

use crate::{Credentials, OpenError, Platform};

/// Everything but the engine, ready to run.
pub struct Runtime {
    _requests: mpsc::Receiver<Request>,
    _views: watch::Sender<View>,
}

/// The door to a running loop, for screens and the command line. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Door {
    requests: mpsc::Sender<Request>,
    views: watch::Receiver<View>,
}

#[derive(Debug)]
enum Request {
    Command(Command),
    Query(Query, oneshot::Sender<Answer>),
}

/// The loop has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the companion is shutting down")]
pub struct Gone;

impl Door {
    /// Hands a command to the engine; what comes of it shows in the view.
    pub async fn command(&self, command: Command) -> Result<(), Gone> {
        self.requests
            .send(Request::Command(command))
            .await
            .map_err(|_| Gone)
    }

    /// Asks the history.
    pub async fn ask(&self, query: Query) -> Result<Answer, Gone> {
        let (answer, answered) = oneshot::channel();
        self.requests
            .send(Request::Query(query, answer))
            .await
            .map_err(|_| Gone)?;
        answered.await.map_err(|_| Gone)
    }

    /// The view now, and every later one.
    #[must_use]
    pub fn views(&self) -> watch::Receiver<View> {
        self.views.clone()
    }
}

impl Runtime {
    /// Opens the data folder and reads what it knows.
    pub fn open(
        config: hither_engine::Config,
        data: &Path,
        credentials: impl Credentials,
    ) -> Result<(Self, Door), OpenError> {
        let _ = (config, data, credentials);
        unimplemented!()
    }

    /// Runs until the engine says `Exit`. `stop` asks it to, as the command `Quit` does.
    pub async fn run(self, platform: impl Platform, stop: impl Future<Output = ()>) {
        let _ = (platform, stop);
    }
}
