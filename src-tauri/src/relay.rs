//! Keeps the connection to the companion and tells the page what it says.

use std::sync::Mutex;

use hither_engine::View;
use hither_engine::view::{Answer, Command, Query};
use hither_ipc::Client;
use hither_protocol::MessageId;
use serde::Serialize;
use tokio::sync::Notify;

use crate::companion::Companion;

/// What the page is told: the payload of its only event.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum News {
    /// The companion is being reached, or started.
    Starting,
    /// What it knows.
    View { view: Box<View> },
    /// It cannot be reached: words for people.
    Lost { why: String },
    /// Show this message.
    Open { id: MessageId },
    /// The window is about to close: save what is not saved.
    Closing,
}

/// The page's side of the connection. Its state outlives the connection.
pub(crate) struct Relay {
    companion: Companion,
    now: Mutex<Now>,
    again: Notify,
}

struct Now {
    client: Option<Client>,
    news: News,
    /// To be shown as soon as the page listens.
    open: Option<MessageId>,
    listening: bool,
    closing: bool,
}

impl Relay {
    pub(crate) fn new(companion: Companion, open: Option<MessageId>) -> Self {
        Self {
            companion,
            now: Mutex::new(Now {
                client: None,
                news: News::Starting,
                open,
                listening: false,
                closing: false,
            }),
            again: Notify::new(),
        }
    }

    /// Keeps the connection until the process ends. `tell` is called with all that happens.
    ///
    /// A companion that ended is not started again before somebody asks for it: it may have been
    /// told to quit.
    pub(crate) async fn keep(&self, tell: impl Fn(News)) {
        let mut connection = self.companion.connect_or_start().await;
        loop {
            match connection {
                Ok(client) => {
                    self.follow(client, &tell).await;
                    connection = self.companion.reconnect().await;
                }
                Err(why) => {
                    self.set(News::Lost { why }, &tell);
                    self.again.notified().await;
                    self.set(News::Starting, &tell);
                    connection = self.companion.connect_or_start().await;
                }
            }
        }
    }

    /// The page listens: what it should know now. Also how it asks to try again.
    pub(crate) fn ready(&self) -> Vec<News> {
        let mut now = self.lock();
        now.listening = true;
        if matches!(now.news, News::Lost { .. }) {
            self.again.notify_one();
        }
        let open = now.open.take().map(|id| News::Open { id });
        [Some(now.news.clone()), open]
            .into_iter()
            .flatten()
            .collect()
    }

    /// What to tell the page to show a message; `None` while it does not listen yet.
    pub(crate) fn open(&self, id: MessageId) -> Option<News> {
        let mut now = self.lock();
        if now.listening {
            return Some(News::Open { id });
        }
        now.open = Some(id);
        None
    }

    /// The window is to close. Whether the page can be told, and was not yet.
    pub(crate) fn close(&self) -> bool {
        let mut now = self.lock();
        let tell = now.listening && !now.closing;
        now.closing = true;
        tell
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.lock().closing
    }

    pub(crate) async fn send(&self, command: Command) -> Result<(), String> {
        let client = self.client()?;
        client
            .command(command)
            .await
            .map_err(|error| error.to_string())
    }

    pub(crate) async fn ask(&self, query: Query) -> Result<Answer, String> {
        let client = self.client()?;
        client.ask(query).await.map_err(|error| error.to_string())
    }

    async fn follow(&self, client: Client, tell: &impl Fn(News)) {
        let mut views = client.views();
        self.lock().client = Some(client);
        loop {
            let view = Box::new(views.borrow_and_update().clone());
            self.set(News::View { view }, tell);
            if views.changed().await.is_err() {
                break;
            }
        }
        self.lock().client = None;
    }

    fn set(&self, news: News, tell: &impl Fn(News)) {
        self.lock().news = news.clone();
        tell(news);
    }

    fn client(&self) -> Result<Client, String> {
        let client = self.lock().client.clone();
        client.ok_or_else(|| "Hither's background part is not running.".to_owned())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Now> {
        self.now
            .lock()
            .expect("no code panics while it holds this lock")
    }
}
