//! The icon in the tray: what it shows follows from the view, and what the person chooses there
//! comes back as commands.

mod menu;
mod pump;

use core::future::pending;
use core::time::Duration;
use std::sync::mpsc as sync;
use std::thread;

use hither_engine::view::{Command, View};
use tokio::sync::{mpsc, oneshot};
use tray_icon::menu::{IsMenuItem, Menu, MenuEvent, MenuItem, PredefinedMenuItem, Submenu};
use tray_icon::{Icon, MouseButton, MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent};

use crate::icon::{self, IconState};
use crate::words;
use menu::{Choice, Item};
use pump::Bell;

/// Everything the tray shows.
#[derive(Clone, Debug, PartialEq)]
struct Picture {
    menu: Vec<Item>,
    icon: IconState,
    state: String,
}

impl Picture {
    fn of(view: &View) -> Self {
        Self {
            menu: menu::menu(view, &words::now()),
            icon: IconState::of(view),
            state: menu::state(view),
        }
    }
}

/// The tray icon, drawn by a thread of its own: it may wait for the desktop, and the icon's
/// objects stay where they were made. One per process, because clicks arrive process-wide.
///
/// macOS draws only on the main thread; that is not arranged here.
#[derive(Debug)]
pub(crate) struct Tray {
    drawer: Option<Drawer>,
    shown: Option<Picture>,
    choices: mpsc::UnboundedReceiver<Choice>,
}

impl Tray {
    /// Nothing is shown, and no thread runs, before the first view.
    pub(crate) fn new() -> Self {
        let (chosen, choices) = mpsc::unbounded_channel();
        hear_clicks(&chosen);
        Self {
            drawer: None,
            shown: None,
            choices,
        }
    }

    /// Draws the view, if the tray would look different.
    pub(crate) fn show(&mut self, view: &View) {
        let picture = Picture::of(view);
        if self.shown.as_ref() == Some(&picture) {
            return;
        }
        let drawer = self.drawer.get_or_insert_with(Drawer::start);
        let _ = drawer.pictures.send(picture.clone());
        drawer.ring();
        self.shown = Some(picture);
    }

    /// Waits for the person to choose something; cancel safe, and pends when nothing can come.
    pub(crate) async fn chosen(&mut self) -> Command {
        match self.choices.recv().await {
            Some(choice) => choice.command(&words::now()),
            None => pending().await,
        }
    }

    /// Takes the icon down; returns when it is gone, or after a moment.
    pub(crate) async fn remove(&mut self) {
        if let Some(drawer) = self.drawer.take() {
            let Drawer {
                pictures,
                bell,
                gone,
            } = drawer;
            drop(pictures);
            if let Some(bell) = bell {
                bell.ring();
            }
            let _ = tokio::time::timeout(GONE_WITHIN, gone).await;
        }
    }
}

/// The icons of a desktop that does not answer go with this process.
const GONE_WITHIN: Duration = Duration::from_secs(1);

fn hear_clicks(chosen: &mpsc::UnboundedSender<Choice>) {
    let from_menu = chosen.clone();
    MenuEvent::set_event_handler(Some(move |event: MenuEvent| {
        match serde_json::from_str(event.id.as_ref()) {
            Ok(choice) => drop(from_menu.send(choice)),
            Err(error) => tracing::debug!(%error, "a click on no choice of ours"),
        }
    }));
    let from_icon = chosen.clone();
    TrayIconEvent::set_event_handler(Some(move |event| {
        if let TrayIconEvent::Click {
            button: MouseButton::Left,
            button_state: MouseButtonState::Up,
            ..
        } = event
        {
            let _ = from_icon.send(Choice::open());
        }
    }));
}

/// The thread's end of the door.
#[derive(Debug)]
struct Drawer {
    pictures: sync::Sender<Picture>,
    /// `None` when there is no thread.
    bell: Option<Bell>,
    gone: oneshot::Receiver<()>,
}

impl Drawer {
    fn start() -> Self {
        let (pictures, to_draw) = sync::channel();
        let (went, gone) = oneshot::channel();
        let (hung, bell) = sync::channel();
        let thread = thread::Builder::new()
            .name("tray".to_owned())
            .spawn(move || {
                let _ = hung.send(Bell::hang());
                draw_all(&to_draw);
                let _ = went.send(());
            });
        if let Err(error) = thread {
            tracing::warn!(%error, "no tray icon: no thread for it");
        }
        Self {
            pictures,
            bell: bell.recv().ok(),
            gone,
        }
    }

    fn ring(&self) {
        if let Some(bell) = &self.bell {
            bell.ring();
        }
    }
}

/// Draws the newest picture whenever there is one, until there will be none.
fn draw_all(pictures: &sync::Receiver<Picture>) {
    let mut tray = None;
    while let Some(picture) = pump::next(pictures) {
        let newest = pictures.try_iter().last().unwrap_or(picture);
        if let Err(error) = draw(&mut tray, &newest) {
            tracing::warn!(%error, "the tray icon cannot be shown");
        }
    }
}

fn draw(tray: &mut Option<TrayIcon>, picture: &Picture) -> anyhow::Result<()> {
    let menu = to_menu(&picture.menu)?;
    let icon = to_icon(picture.icon)?;
    match tray {
        Some(tray) => {
            tray.set_menu(Some(Box::new(menu)));
            tray.set_icon(Some(icon))?;
            tray.set_tooltip(Some(tooltip(picture)))?;
        }
        None => *tray = Some(build(menu, icon, tooltip(picture))?),
    }
    Ok(())
}

/// Without a tray on this desktop it waits for one to appear.
fn build(menu: Menu, icon: Icon, tooltip: String) -> anyhow::Result<TrayIcon> {
    let mut builder = TrayIconBuilder::new()
        .with_id("hither")
        .with_menu(Box::new(menu))
        .with_menu_on_left_click(cfg!(target_os = "macos"))
        .with_icon(icon)
        .with_tooltip(tooltip);
    if TITLED {
        builder = builder.with_title(NAME);
    }
    Ok(builder.build()?)
}

const NAME: &str = "Hither";

/// Linux panels show the title as the first line of the tooltip; macOS would show it beside the
/// icon, Windows nowhere.
const TITLED: bool = cfg!(target_os = "linux");

fn tooltip(picture: &Picture) -> String {
    if TITLED {
        return picture.state.clone();
    }
    format!("{NAME}: {}", picture.state)
}

fn to_icon(state: IconState) -> anyhow::Result<Icon> {
    let pixels = icon::pixels(state)?;
    Ok(Icon::from_rgba(pixels.rgba, pixels.width, pixels.height)?)
}

fn to_menu(items: &[Item]) -> anyhow::Result<Menu> {
    let menu = Menu::new();
    for item in items {
        menu.append(&*to_item(item)?)?;
    }
    Ok(menu)
}

fn to_item(item: &Item) -> anyhow::Result<Box<dyn IsMenuItem>> {
    Ok(match item {
        Item::Separator => Box::new(PredefinedMenuItem::separator()),
        Item::Words(words) => Box::new(MenuItem::new(literal(words), false, None)),
        Item::Choice(label, choice) => {
            let id = serde_json::to_string(choice)?;
            Box::new(MenuItem::with_id(id, literal(label), true, None))
        }
        Item::Submenu(label, items) => {
            let submenu = Submenu::new(literal(label), true);
            for item in items {
                submenu.append(&*to_item(item)?)?;
            }
            Box::new(submenu)
        }
    })
}

/// A single ampersand would mark the next letter as a key.
fn literal(label: &str) -> String {
    label.replace('&', "&&")
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod on_stage;
#[cfg(test)]
pub(crate) mod tests;
