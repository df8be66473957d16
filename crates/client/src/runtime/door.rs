use hither_engine::view::{Answer, Command, Query, View};
use tokio::sync::{mpsc, oneshot, watch};

/// The door to a running loop, for screens and the command line. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Door {
    requests: mpsc::Sender<Request>,
    views: watch::Receiver<View>,
}

/// The loop has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the companion is shutting down")]
pub struct Gone;

/// What comes through the door.
#[derive(Debug)]
pub(super) enum Request {
    Command(Command, oneshot::Sender<()>),
    Query(Query, oneshot::Sender<Answer>),
}

impl Door {
    pub(super) fn new(requests: mpsc::Sender<Request>, views: watch::Receiver<View>) -> Self {
        Self { requests, views }
    }

    /// Has the engine take a command; the view says then that it began, or what came of it.
    pub async fn command(&self, command: Command) -> Result<(), Gone> {
        let (taken, heard) = oneshot::channel();
        let request = Request::Command(command, taken);
        self.requests.send(request).await.map_err(|_| Gone)?;
        heard.await.map_err(|_| Gone)
    }

    /// Asks the history.
    pub async fn ask(&self, query: Query) -> Result<Answer, Gone> {
        let (answer, answered) = oneshot::channel();
        let request = Request::Query(query, answer);
        self.requests.send(request).await.map_err(|_| Gone)?;
        answered.await.map_err(|_| Gone)
    }

    /// The view now, and every later one.
    #[must_use]
    pub fn views(&self) -> watch::Receiver<View> {
        self.views.clone()
    }
}
