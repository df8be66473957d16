//! Does this person show their screen to others? On X11: the active window fills the screen while
//! something keeps it awake.
//!
//! Slides, a shared screen and a film cannot be told apart. None of them leaves room for a pop-up,
//! and many desktops hold pop-ups back over them. The window manager is asked only while something
//! keeps the screen awake: one thread blocks on a connection of its own, which is shut down to end
//! it.

use core::convert::Infallible;
use core::future::pending;
use core::time::Duration;
use std::sync::Arc;
use std::thread;

use rustix::net::{Shutdown, shutdown};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep;
use x11rb::NONE;
use x11rb::connection::Connection as _;
use x11rb::errors::{ConnectionError, ReplyError};
use x11rb::protocol::Event as XEvent;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ChangeWindowAttributesAux, ConnectionExt as _, EventMask, Window,
};
use x11rb::rust_connection::RustConnection;

use crate::Event;
use crate::source::{SourceState, Sources, Topic};

const NAME: &str = "X11 window states";

/// More than any window has.
const MOST_STATES: u32 = 64;

x11rb::atom_manager! {
    Atoms: AtomsCookie {
        active: "_NET_ACTIVE_WINDOW".as_bytes(),
        windows: "_NET_CLIENT_LIST".as_bytes(),
        states: "_NET_WM_STATE".as_bytes(),
        full_screen: "_NET_WM_STATE_FULLSCREEN".as_bytes(),
    }
}

/// A presentation goes on for so long without a window: another one may be about to fill the screen.
const LINGERS: Duration = Duration::from_secs(1);

/// Follows the active window whenever something keeps the screen awake, until nobody tells that any
/// more. The display, or why there is none, for people.
pub(super) async fn watch(
    display: Result<String, String>,
    mut inhibited: watch::Receiver<bool>,
    events: mpsc::UnboundedSender<Event>,
    sources: Sources,
) {
    let display = match display {
        Ok(display) => display,
        Err(reason) => return sources.skip(Topic::Presenting, NAME, reason),
    };
    let mut told = Told { on: false, events };
    sources.set(Topic::Presenting, NAME, SourceState::Taken);
    while becomes(&mut inhibited, true).await {
        sources.set(Topic::Presenting, NAME, SourceState::Taken);
        let (fills, filled) = watch::channel(false);
        let (connected, connection) = oneshot::channel();
        let ended = start(display.clone(), connected, fills);
        let _connection = connection.await;
        tokio::select! {
            reason = ended => {
                let reason = reason.unwrap_or_else(|_| "no thread for it".to_owned());
                sources.skip(Topic::Presenting, NAME, reason);
            }
            _ = becomes(&mut inhibited, false) => {}
            () = told.follow(filled) => {}
        }
        told.set(false);
        becomes(&mut inhibited, false).await;
    }
}

struct Told {
    on: bool,
    events: mpsc::UnboundedSender<Event>,
}

impl Told {
    fn set(&mut self, on: bool) {
        if self.on != on {
            self.on = on;
            let _ = self.events.send(Event::Presenting(on));
        }
    }

    async fn follow(&mut self, mut filled: watch::Receiver<bool>) {
        while becomes(&mut filled, true).await {
            self.set(true);
            while *filled.borrow() && becomes(&mut filled, false).await {
                sleep(LINGERS).await;
            }
            self.set(false);
        }
        pending::<()>().await;
    }
}

/// Whether it does before nobody tells any more.
async fn becomes(fact: &mut watch::Receiver<bool>, on: bool) -> bool {
    fact.wait_for(|it| *it == on).await.is_ok()
}

/// A connection that ends with this, whoever waits for it.
struct Closing(Arc<RustConnection>);

impl Drop for Closing {
    fn drop(&mut self) {
        // One that is lost already needs no end.
        let _ = shutdown(self.0.stream(), Shutdown::Both);
    }
}

/// Starts the thread; it says in the end why it ended, for people.
fn start(
    display: String,
    connected: oneshot::Sender<Closing>,
    fills: watch::Sender<bool>,
) -> oneshot::Receiver<String> {
    let (end, ended) = oneshot::channel();
    let serve = move || {
        let _ = end.send(serve(&display, connected, &fills));
    };
    let thread = thread::Builder::new().name("x11-windows".to_owned());
    // Where there is none, both senders are gone, and that says it.
    let _ = thread.spawn(serve);
    ended
}

fn serve(
    display: &str,
    connected: oneshot::Sender<Closing>,
    fills: &watch::Sender<bool>,
) -> String {
    let (connection, screen) = match RustConnection::connect(Some(display)) {
        Ok(connected) => connected,
        Err(error) => return error.to_string(),
    };
    let connection = Arc::new(connection);
    let _ = connected.send(Closing(Arc::clone(&connection)));
    let root = connection.setup().roots[screen].root;
    let Err(error) = follow(&connection, root, fills);
    fills.send_replace(false);
    format!("the X server does not tell: {error}")
}

/// Keeps true whether the active window fills the screen.
fn follow(
    connection: &RustConnection,
    root: Window,
    fills: &watch::Sender<bool>,
) -> Result<Infallible, ReplyError> {
    let atoms = Atoms::new(connection)?.reply()?;
    let desk = Desk { connection, atoms };
    desk.hear(root, EventMask::PROPERTY_CHANGE)?;
    let mut active = NONE;
    loop {
        let before = active;
        active = desk.active_window(root)?;
        if active != before {
            desk.hear(before, EventMask::NO_EVENT)?;
            desk.hear(active, EventMask::PROPERTY_CHANGE)?;
        }
        fills.send_replace(desk.fills_the_screen(active)?);
        desk.change()?;
    }
}

/// What the window manager writes about its windows.
struct Desk<'a> {
    connection: &'a RustConnection,
    atoms: Atoms,
}

impl Desk<'_> {
    /// A window that is gone is no harm: its error is one more event.
    fn hear(&self, window: Window, what: EventMask) -> Result<(), ConnectionError> {
        if window != NONE {
            let aux = ChangeWindowAttributesAux::new().event_mask(what);
            self.connection.change_window_attributes(window, &aux)?;
        }
        Ok(())
    }

    fn active_window(&self, root: Window) -> Result<Window, ReplyError> {
        let windows = self.values(root, self.atoms.active, AtomEnum::WINDOW)?;
        Ok(windows.first().copied().unwrap_or(NONE))
    }

    fn fills_the_screen(&self, window: Window) -> Result<bool, ReplyError> {
        let states = self.values(window, self.atoms.states, AtomEnum::ATOM)?;
        Ok(states.contains(&self.atoms.full_screen))
    }

    /// A window that is gone has none.
    fn values(&self, of: Window, name: Atom, kind: AtomEnum) -> Result<Vec<u32>, ReplyError> {
        let asked = self
            .connection
            .get_property(false, of, name, kind, 0, MOST_STATES)?;
        match asked.reply() {
            Ok(property) => Ok(property.value32().into_iter().flatten().collect()),
            Err(ReplyError::X11Error(_)) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Waits until something may be different: some managers name a window that is gone as the
    /// active one.
    fn change(&self) -> Result<(), ConnectionError> {
        let Atoms {
            active,
            windows,
            states,
            ..
        } = self.atoms;
        let told = [active, windows, states];
        loop {
            if let XEvent::PropertyNotify(changed) = self.connection.wait_for_event()?
                && told.contains(&changed.atom)
            {
                return Ok(());
            }
        }
    }
}
