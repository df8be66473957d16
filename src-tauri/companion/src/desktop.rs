use core::future::pending;
use core::time::Duration;
use std::path::{Path, PathBuf};

use hither_client::{Platform, PlatformEvent};
use hither_engine::view::{SourceTopic, SourceView, View};
use hither_engine::{Sensed, Toast, ToastKey};
use hither_presence::{Event, Sensors, Source, SourceState, Topic};
use hither_protocol::MessageId;
use tokio::sync::mpsc;

use crate::open::{self, Windows};
use crate::toasts::Toasts;
use crate::tray::Tray;

/// The desktop this process runs on: its sensors, its pop-ups, its tray.
#[derive(Debug)]
pub struct Desktop {
    sensors: Sensors,
    sensed: mpsc::UnboundedReceiver<Event>,
    toasts: Toasts,
    tray: Tray,
    windows: Windows,
}

impl Desktop {
    /// Starts the sensors; inside a tokio runtime, once per process. Nothing waits for the
    /// desktop: what it offers shows in [`Platform::sources`] as it answers. Windows look for
    /// the companion of `data`, a folder chosen by hand, or of the person's usual one. `pop_ups` is
    /// the file that keeps which are up, for the next process after a crash.
    #[must_use]
    pub fn start(data: Option<PathBuf>, pop_ups: Option<PathBuf>) -> Self {
        let (events, sensed) = mpsc::unbounded_channel();
        Self {
            sensors: Sensors::start(events),
            sensed,
            toasts: Toasts::start(pop_ups),
            tray: Tray::new(),
            windows: Windows::new(data),
        }
    }
}

impl Platform for Desktop {
    async fn next_event(&mut self) -> PlatformEvent {
        tokio::select! {
            Some(event) = self.sensed.recv() => PlatformEvent::Sensed(sensed(event)),
            Some(event) = self.toasts.next_event() => PlatformEvent::Toast(event),
            command = self.tray.chosen() => PlatformEvent::Command(command),
            else => pending().await,
        }
    }

    fn read_idle(&mut self) {
        self.sensors.read_idle();
    }

    fn watch_idle(&mut self, after: Duration) {
        self.sensors.watch_idle(after);
    }

    fn await_input(&mut self) {
        self.sensors.await_input();
    }

    fn show_toast(&mut self, toast: Toast) {
        self.toasts.show(toast);
    }

    fn withdraw_toast(&mut self, key: &ToastKey) {
        self.toasts.withdraw(key.clone());
    }

    fn open_window(&mut self, at: Option<MessageId>) {
        self.windows.open(at);
    }

    fn open_link(&mut self, url: &str) {
        open::link(url);
    }

    fn downloads(&self) -> Option<PathBuf> {
        open::downloads()
    }

    fn open_folder(&mut self, folder: &Path) {
        open::folder(folder);
    }

    fn view_changed(&mut self, view: &View) {
        self.tray.show(view);
    }

    fn sleep_ready(&mut self) {
        self.sensors.sleep_ready();
    }

    fn sources(&self) -> Vec<SourceView> {
        self.sensors.describe().into_iter().map(source).collect()
    }

    async fn exit(&mut self) {
        tokio::join!(self.toasts.withdraw_all(), self.tray.remove());
    }
}

fn sensed(event: Event) -> Sensed {
    match event {
        Event::Idle(idle) => Sensed::Idle(idle),
        Event::IdleUnanswered => Sensed::IdleUnanswered,
        Event::Inhibited(inhibited) => Sensed::Inhibited(inhibited),
        Event::Presenting(presenting) => Sensed::Presenting(presenting),
        Event::Locked(locked) => Sensed::ScreenLocked(locked),
        Event::Sleeping(sleeping) => Sensed::Sleeping(sleeping),
        Event::SwitchedAway(away) => Sensed::SwitchedAway(away),
    }
}

fn source(source: Source) -> SourceView {
    SourceView {
        topic: match source.topic {
            Topic::Idle => SourceTopic::Idle,
            Topic::Inhibition => SourceTopic::Inhibition,
            Topic::Presenting => SourceTopic::Presenting,
            Topic::Lock => SourceTopic::Lock,
            Topic::Session => SourceTopic::Session,
            Topic::Sleep => SourceTopic::Sleep,
        },
        name: source.name.to_owned(),
        used: source.state == SourceState::Taken,
        reason: match source.state {
            SourceState::Taken => None,
            SourceState::Starting => Some("it has not answered yet".to_owned()),
            SourceState::Skipped(reason) => Some(reason),
        },
    }
}
