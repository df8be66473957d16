//! The sensors of a Linux desktop.
//!
//! Idle time comes from the first source of a ladder that fits the session; locks come from every
//! source at once, because desktops disagree on who announces them.

mod bus;
mod idle;
mod inhibit;
mod lock;
mod logind;
mod mutter;
mod presenting;
mod screen_saver;
mod wayland;
mod x11;

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinSet;

use self::idle::{Ladder, Request, Tell};
use self::inhibit::Inhibitions;
use crate::source::Sources;
use crate::{Event, READ_WITHIN, Source};

/// What the session offers, from its environment.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// `DISPLAY`; `None` when there is no X server.
    pub x_display: Option<String>,
    /// Whether a Wayland compositor runs the session: its X server sees only its own windows' input.
    pub wayland: bool,
    /// Where that compositor listens, from `WAYLAND_DISPLAY`.
    pub wayland_socket: Option<PathBuf>,
    /// The session bus; `None` is the usual place.
    pub session_bus: Option<String>,
    /// The system bus; `None` is the usual place.
    pub system_bus: Option<String>,
    /// `XDG_SESSION_ID`, logind's name for this session.
    pub session_id: Option<String>,
}

impl Surroundings {
    /// Those of this process.
    #[must_use]
    pub fn from_env() -> Self {
        let wayland_socket = wayland_socket();
        let wayland = wayland_socket.is_some()
            || filled("XDG_SESSION_TYPE").is_some_and(|kind| kind == "wayland");
        Self {
            x_display: filled("DISPLAY"),
            wayland,
            wayland_socket,
            session_bus: filled("DBUS_SESSION_BUS_ADDRESS"),
            system_bus: filled("DBUS_SYSTEM_BUS_ADDRESS"),
            session_id: filled("XDG_SESSION_ID"),
        }
    }

    /// The X server that knows all windows, or why there is none, for people.
    fn x_windows(&self) -> Result<String, String> {
        if self.wayland {
            return Err(
                "a Wayland session: its compositor does not tell what fills the screen".to_owned(),
            );
        }
        let display = self.x_display.clone();
        display.ok_or_else(|| "no X server (DISPLAY is not set)".to_owned())
    }
}

/// A bare name means a socket in the person's runtime folder.
fn wayland_socket() -> Option<PathBuf> {
    let display = PathBuf::from(filled("WAYLAND_DISPLAY")?);
    if display.is_absolute() {
        return Some(display);
    }
    Some(Path::new(&filled("XDG_RUNTIME_DIR")?).join(display))
}

/// An empty variable means the same as none.
fn filled(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|value| !value.is_empty())
}

/// The sensors of this computer. Everything stops when it is dropped.
#[derive(Debug)]
pub struct Sensors {
    events: mpsc::UnboundedSender<Event>,
    idle: mpsc::UnboundedSender<Request>,
    /// There was an idle source once.
    found: Arc<AtomicBool>,
    sources: Sources,
    sleep_ready: Arc<Notify>,
    _watchers: JoinSet<()>,
}

impl Sensors {
    /// Starts everything this session offers, without waiting for any of it; inside a tokio
    /// runtime.
    #[must_use]
    pub fn start(events: mpsc::UnboundedSender<Event>) -> Self {
        Self::start_in(Surroundings::from_env(), events)
    }

    /// As [`start`](Self::start), in the given surroundings.
    #[must_use]
    pub fn start_in(surroundings: Surroundings, events: mpsc::UnboundedSender<Event>) -> Self {
        let sources = Sources::default();
        let sleep_ready = Arc::new(Notify::new());
        let (locks, input_is_back) = lock::Locks::new(events.clone());
        let (inhibitions, inhibited) = Inhibitions::new(events.clone());
        let session_bus = bus::session(surroundings.session_bus.clone());
        let system_bus = bus::system(surroundings.system_bus.clone());

        let mut watchers = JoinSet::new();
        watchers.spawn(logind::watch(logind::Watch {
            bus: system_bus.clone(),
            session_id: surroundings.session_id.clone(),
            events: events.clone(),
            locks: locks.clone(),
            sources: sources.clone(),
            sleep_ready: Arc::clone(&sleep_ready),
            away: AtomicBool::new(false),
            asleep: AtomicBool::new(false),
        }));
        watchers.spawn(screen_saver::watch(
            session_bus.clone(),
            locks,
            sources.clone(),
        ));
        for (known, bus) in [
            (inhibit::LOGIND, system_bus),
            (inhibit::GNOME_SESSION, session_bus.clone()),
            (inhibit::POWER_MANAGEMENT, session_bus.clone()),
        ] {
            let (to, sources) = (inhibitions.clone(), sources.clone());
            watchers.spawn(inhibit::watch(known, bus, to, sources));
        }
        watchers.spawn(presenting::watch(
            surroundings.x_windows(),
            inhibited,
            events.clone(),
            sources.clone(),
        ));
        let (idle, requests) = mpsc::unbounded_channel();
        watchers.spawn(input_is_back.clone().doubt(idle.clone()));
        let found = Arc::default();
        let ladder = Ladder {
            surroundings,
            session_bus,
            sources: sources.clone(),
            found: Arc::clone(&found),
            tell: Tell {
                events: events.clone(),
                input_is_back,
                inhibitions,
            },
        };
        watchers.spawn(ladder.run(requests));
        Self {
            events,
            idle,
            found,
            sources,
            sleep_ready,
            _watchers: watchers,
        }
    }

    /// Takes a fresh reading; it arrives as [`Event::Idle`], with `None` when no source was ever
    /// found, or as [`Event::IdleUnanswered`].
    pub fn read_idle(&self) {
        let (answer, answered) = oneshot::channel();
        let _ = self.idle.send(Request::Read(answer));
        let (events, found) = (self.events.clone(), Arc::clone(&self.found));
        tokio::spawn(async move {
            let event = match tokio::time::timeout(READ_WITHIN, answered).await {
                Ok(Ok(idle)) => Event::Idle(Some(idle)),
                Ok(Err(_)) if !found.load(Ordering::Acquire) => Event::Idle(None),
                _ => Event::IdleUnanswered,
            };
            events.send(event)
        });
    }

    /// Reports [`Event::Idle`] when input has been absent for `after`, and at the first input after
    /// that. Replaces an earlier watch.
    pub fn watch_idle(&self, after: Duration) {
        let _ = self.idle.send(Request::Watch(after));
    }

    /// Reports [`Event::Idle`] at the next input, once and within seconds. Costs nothing until then.
    pub fn await_input(&self) {
        let _ = self.idle.send(Request::AwaitInput);
    }

    /// The goodbye after `Sleeping(true)` is on its way: the computer may sleep. Unsaid, it may
    /// after two seconds.
    pub fn sleep_ready(&self) {
        self.sleep_ready.notify_one();
    }

    /// Which sources are used, and which are not and why.
    #[must_use]
    pub fn describe(&self) -> Vec<Source> {
        self.sources.list()
    }
}
