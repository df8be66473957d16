//! The main window: one per person, raised by whoever asks for a second one.

use core::time::Duration;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use hither_engine::view::{Answer, Command, ConnectionView, Glance, PresenceView, Query};
use hither_engine::{View, checked_link};
use hither_ipc::{BindError, Client, ConnectError, Host, Listener};
use hither_protocol::{MessageId, PresenceState};
use tauri::webview::{NewWindowResponse, PageLoadEvent};
use tauri::{
    AppHandle, CloseRequestApi, Emitter, Manager, State, WebviewUrl, WebviewWindow,
    WebviewWindowBuilder, WindowEvent,
};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::companion::Companion;
use crate::relay::{News, Relay};
use crate::rich::{Handover, OpenPages};

const MAIN: &str = "main";
const NEWS: &str = "news";

/// So long a window that was closed may go on unseen, to save what was changed last.
const SAVED_WITHIN: Duration = Duration::from_secs(3);

/// So long a window that is there may say nothing: on a cold machine it takes its time to come up.
const SILENT_FOR: Duration = Duration::from_secs(20);

/// So often a window that is closing is asked whether its door is free.
const KNOCKS_EVERY: Duration = Duration::from_millis(100);

/// What the window shows first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Opening {
    /// This message; the list when there is none.
    pub message: Option<MessageId>,
}

/// Opens the window, or raises the one that is open, and returns when it is closed.
pub fn open(companion: Companion, opening: Opening) -> anyhow::Result<ExitCode> {
    crate::screen()?;
    let runtime = tokio::runtime::Runtime::new().context("no threads can be started")?;
    tauri::async_runtime::set(runtime.handle().clone());
    let Some(door) = runtime.block_on(door(&companion, opening)) else {
        return Ok(ExitCode::SUCCESS);
    };
    let relay = Arc::new(Relay::new(companion, opening.message));
    with_commands(tauri::Builder::default())
        .manage(Arc::clone(&relay))
        .manage(OpenPages::default())
        .setup(move |app| {
            show(app.handle())?;
            let handle = app.handle().clone();
            tauri::async_runtime::spawn(async move {
                relay.keep(|news| tell(&handle, &news)).await;
            });
            if let Some(listener) = door {
                let host = Door::new(app.handle());
                let build = env!("CARGO_PKG_VERSION").to_owned();
                tauri::async_runtime::spawn(hither_ipc::serve(listener, build, host));
            }
            Ok(())
        })
        .run(crate::context())
        .context("the window could not be opened")?;
    Ok(ExitCode::SUCCESS)
}

/// Everything a page may ask for, if a capability lets it.
#[must_use]
pub fn with_commands(builder: tauri::Builder<tauri::Wry>) -> tauri::Builder<tauri::Wry> {
    builder.invoke_handler(tauri::generate_handler![
        ready, send, ask, open_link, open_rich, close
    ])
}

/// What a second `hither` knocks at. `None`: a window is open already and has been raised;
/// `Some(None)`: no door can be made here, and every `hither` opens a window of its own.
async fn door(companion: &Companion, Opening { message }: Opening) -> Option<Option<Listener>> {
    let Ok(path) = companion.window_socket() else {
        return Some(None);
    };
    let begun = Instant::now();
    loop {
        match Listener::bind(&path) {
            Ok(listener) => return Some(Some(listener)),
            Err(BindError::AlreadyRunning) => {}
            Err(_) => return Some(None),
        }
        let patience = match knock(&path, message).await {
            Ok(()) => return None,
            Err(patience) => patience,
        };
        if begun.elapsed() >= patience {
            return Some(None);
        }
        sleep(KNOCKS_EVERY).await;
    }
}

/// Has the window behind this door show the message; otherwise, for how long to try.
async fn knock(door: &Path, message: Option<MessageId>) -> Result<(), Duration> {
    match Client::connect(door, env!("CARGO_PKG_VERSION")).await {
        // Where it does not, it is just closing, and its door is free in a moment.
        Ok(window) => {
            let opened = window.command(Command::Open { id: message }).await;
            opened.map_err(|_| SAVED_WITHIN)
        }
        // Two windows would confuse; where it hangs, none at all would be worse.
        Err(ConnectError::Silent) => Err(SILENT_FOR),
        Err(_) => Err(SAVED_WITHIN),
    }
}

fn show(app: &AppHandle) -> tauri::Result<()> {
    let page = WebviewUrl::App("index.html".into());
    let own = |url: &tauri::Url| {
        matches!(
            (url.scheme(), url.host_str()),
            ("tauri", _) | ("http", Some("tauri.localhost"))
        ) || (tauri::is_dev() && url.host_str() == Some("127.0.0.1"))
    };
    WebviewWindowBuilder::new(app, MAIN, page)
        .title("Hither")
        .inner_size(1000.0, 700.0)
        .min_inner_size(360.0, 400.0)
        // WebKit's driver does not see incognito views.
        .incognito(std::env::var_os("TAURI_WEBVIEW_AUTOMATION").is_none())
        .visible(false)
        .on_page_load(|window, page| {
            if page.event() == PageLoadEvent::Finished {
                // A window that cannot be shown is closed already.
                let _ = window.show();
            }
        })
        .on_navigation(own)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .on_download(|_, _| false)
        .build()?
        .on_window_event({
            let app = app.clone();
            move |event| {
                if let WindowEvent::CloseRequested { api, .. } = event {
                    leave(&app, api);
                }
            }
        });
    Ok(())
}

/// Lets the page hand over what was changed a moment ago: with the window, its requests would go,
/// too. For the person it is closed at once.
fn leave(app: &AppHandle, api: &CloseRequestApi) {
    let Some(window) = app.get_webview_window(MAIN) else {
        return;
    };
    if !app.state::<Arc<Relay>>().close() {
        return;
    }
    api.prevent_close();
    let _ = window.hide();
    tell(app, &News::Closing);
    tauri::async_runtime::spawn(async move {
        sleep(SAVED_WITHIN).await;
        // Where the page closed it, that is over already.
        let _ = window.destroy();
    });
}

fn tell(app: &AppHandle, news: &News) {
    if let News::View { view } = news
        && (view.account.is_none() || view.app_lock.as_ref().is_some_and(|lock| lock.locked))
    {
        app.state::<OpenPages>().close_all();
    }
    // Without a window there is nobody to tell.
    let _ = app.emit_to(MAIN, NEWS, news);
}

fn raise(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(MAIN) {
        // Whether it comes to the front is the desktop's decision.
        let _ = window.unminimize();
        let _ = window.show();
        let _ = window.set_focus();
    }
}

/// What stands behind the window's own socket: it can be raised, and told to end.
#[derive(Clone)]
struct Door {
    app: AppHandle,
    /// Every socket shows a view; this one never changes.
    blank: Arc<watch::Sender<View>>,
}

impl Door {
    fn new(app: &AppHandle) -> Self {
        let blank = View {
            account: None,
            connection: ConnectionView::SignedOut,
            presence: PresenceView {
                state: PresenceState::Unknown,
                reason: None,
            },
            glance: Glance::default(),
            paused_until: None,
            notice: None,
            signing_in: false,
            app_lock: None,
            settings_changes: 0,
        };
        Self {
            app: app.clone(),
            blank: Arc::new(watch::Sender::new(blank)),
        }
    }
}

impl Host for Door {
    async fn command(&self, command: Command) -> bool {
        match command {
            // Whoever asks opens a window of their own.
            Command::Open { .. } if self.app.state::<Arc<Relay>>().is_closing() => return false,
            Command::Open { id } => {
                raise(&self.app);
                let news = id.and_then(|id| self.app.state::<Arc<Relay>>().open(id));
                if let Some(news) = news {
                    tell(&self.app, &news);
                }
            }
            Command::Quit => self.app.exit(0),
            // Everything else is the companion's.
            _ => return false,
        }
        true
    }

    async fn ask(&self, _: Query) -> Option<Answer> {
        None
    }

    fn views(&self) -> watch::Receiver<View> {
        self.blank.subscribe()
    }
}

/// The page listens now, or wants to try again.
#[expect(
    clippy::needless_pass_by_value,
    reason = "Tauri hands a command its arguments by value"
)]
#[tauri::command]
fn ready(app: AppHandle, relay: State<'_, Arc<Relay>>) {
    for news in relay.ready() {
        tell(&app, &news);
    }
}

#[tauri::command]
async fn send(relay: State<'_, Arc<Relay>>, command: Command) -> Result<(), String> {
    relay.send(command).await
}

#[tauri::command]
async fn ask(relay: State<'_, Arc<Relay>>, query: Query) -> Result<Answer, String> {
    relay.ask(query).await
}

/// Nothing is left to be saved.
#[expect(
    clippy::needless_pass_by_value,
    reason = "Tauri hands a command its arguments by value"
)]
#[tauri::command]
fn close(window: WebviewWindow) {
    // One that cannot be closed was closed already.
    let _ = window.destroy();
}

#[tauri::command]
async fn open_link(url: String) -> Result<(), String> {
    let url = checked_link(&url).ok_or("Only web and mail addresses are opened from a message.")?;
    open::that_detached(&url).map_err(|error| format!("No program opened {url}: {error}."))
}

#[tauri::command]
async fn open_rich(
    relay: State<'_, Arc<Relay>>,
    pages: State<'_, OpenPages>,
    id: MessageId,
) -> Result<(), String> {
    let leave = pages.leave();
    let message = match relay.ask(Query::Rich { id }).await? {
        Answer::Message { message } => message.ok_or("This message is gone.")?,
        Answer::Locked => return Err("Hither is locked.".to_owned()),
        Answer::Failed { detail } => return Err(detail),
        _ => return Err("The background part of Hither is of another version.".to_owned()),
    };
    let handover = Handover::new(*message).ok_or("This message has no rich page here.")?;
    pages.open(leave, &handover).await
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    /// Like one that is still coming up, whose door is there and nobody behind it.
    #[tokio::test(start_paused = true)]
    async fn a_window_that_says_nothing_is_waited_for_and_then_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let companion = Companion::new(Some(folder.path().to_owned()));
        let opening = Opening::default();
        let first = door(&companion, opening).await;
        assert!(matches!(first, Some(Some(_))));
        let begun = Instant::now();
        assert!(matches!(door(&companion, opening).await, Some(None)));
        assert!(begun.elapsed() >= SILENT_FOR, "{:?}", begun.elapsed());
        drop(first);
        assert!(matches!(door(&companion, opening).await, Some(Some(_))));
    }
}
