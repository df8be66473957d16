//! The sensors of a Linux desktop.
//!
//! Idle time comes from the first source of a ladder that fits the session; locks come from every
//! source at once, because desktops disagree on who announces them.

mod bus;
mod lock;
mod logind;
mod screen_saver;
mod x11;

use core::time::Duration;
use std::env;
use std::sync::Arc;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinSet;

use crate::source::Sources;
use crate::{Event, READ_WITHIN, Source};

/// What the session offers, from its environment.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// `DISPLAY`; `None` when there is no X server.
    pub x_display: Option<String>,
    /// Whether a Wayland compositor runs the session: its X server sees only its own windows' input.
    pub wayland: bool,
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
        let wayland = filled("WAYLAND_DISPLAY").is_some()
            || filled("XDG_SESSION_TYPE").is_some_and(|kind| kind == "wayland");
        Self {
            x_display: filled("DISPLAY"),
            wayland,
            session_bus: filled("DBUS_SESSION_BUS_ADDRESS"),
            system_bus: filled("DBUS_SYSTEM_BUS_ADDRESS"),
            session_id: filled("XDG_SESSION_ID"),
        }
    }
}

/// An empty variable means the same as none.
fn filled(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|value| !value.is_empty())
}

/// The sensors of this computer. Everything stops when it is dropped.
#[derive(Debug)]
pub struct Sensors {
    events: mpsc::UnboundedSender<Event>,
    idle: Option<x11::IdleCounter>,
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
        let idle = idle_source(&surroundings, &events, &sources, input_is_back);

        let mut watchers = JoinSet::new();
        watchers.spawn(logind::watch(logind::Watch {
            surroundings: surroundings.clone(),
            events: events.clone(),
            locks: locks.clone(),
            sources: sources.clone(),
            sleep_ready: Arc::clone(&sleep_ready),
            heed_requests: idle.is_some(),
        }));
        watchers.spawn(screen_saver::watch(
            surroundings.session_bus,
            locks,
            sources.clone(),
        ));
        Self {
            events,
            idle,
            sources,
            sleep_ready,
            _watchers: watchers,
        }
    }

    /// Takes a fresh reading; it arrives as [`Event::Idle`], with `None` when the source does not
    /// answer within a second.
    pub fn read_idle(&self) {
        let reading = self.idle.as_ref().map(x11::IdleCounter::read);
        let events = self.events.clone();
        tokio::spawn(async move { events.send(Event::Idle(in_time(reading).await)) });
    }

    /// Reports [`Event::Idle`] when input has been absent for `after`, and at the first input after
    /// that. Replaces an earlier watch.
    pub fn watch_idle(&self, after: Duration) {
        if let Some(idle) = &self.idle {
            idle.watch(after);
        }
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

/// The first rung of the ladder that fits this session.
fn idle_source(
    surroundings: &Surroundings,
    events: &mpsc::UnboundedSender<Event>,
    sources: &Sources,
    input_is_back: lock::InputIsBack,
) -> Option<x11::IdleCounter> {
    let Some(display) = surroundings
        .x_display
        .clone()
        .filter(|_| !surroundings.wayland)
    else {
        let reason = if surroundings.wayland {
            "a Wayland session: its X server sees only the input of X windows"
        } else {
            "no X server (DISPLAY is not set)"
        };
        sources.skip(x11::NAME, reason);
        return None;
    };
    let events = events.clone();
    let tell = move |idle: Option<Duration>, returned: bool| {
        if returned {
            input_is_back.tell();
        }
        let _ = events.send(Event::Idle(idle));
    };
    x11::IdleCounter::start(display, sources, tell)
}

async fn in_time(reading: Option<oneshot::Receiver<Duration>>) -> Option<Duration> {
    tokio::time::timeout(READ_WITHIN, reading?).await.ok()?.ok()
}
