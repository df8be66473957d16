//! The ladder of idle sources: the first that fits the session is used. When it is lost, the next
//! question begins the climb anew.

use core::pin::pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::bus::SharedBus;
use super::inhibit::Inhibitions;
use super::lock::InputIsBack;
use super::{Surroundings, mutter, wayland, x11};
use crate::Event;
use crate::source::{SourceState, Sources, Topic};

/// A source of idle times that was found to work. It stops when it is dropped.
pub(super) trait IdleSource: Send {
    /// Takes a fresh reading: time since the last input. A sender that is dropped says: unknown.
    fn read(&self, answer: oneshot::Sender<Duration>);

    /// Tells when input has been absent for `after`, and at the first input after that. Replaces
    /// an earlier watch.
    fn watch(&self, after: Duration);

    /// Tells of the next input, once.
    fn await_input(&self);
}

/// A rung that holds.
pub(super) struct Rung {
    pub(super) source: Box<dyn IdleSource>,
    /// Why it broke, for people.
    pub(super) lost: oneshot::Receiver<String>,
}

/// What is asked of the source in use.
pub(super) enum Request {
    Read(oneshot::Sender<Duration>),
    Watch(Duration),
    AwaitInput,
}

/// Where sources tell what they notice.
#[derive(Clone, Debug)]
pub(super) struct Tell {
    pub(super) events: mpsc::UnboundedSender<Event>,
    pub(super) input_is_back: InputIsBack,
    pub(super) inhibitions: Inhibitions,
}

impl Tell {
    /// Input has been absent for so long.
    pub(super) fn absent(&self, idle: Duration) {
        let _ = self.events.send(Event::Idle(Some(idle)));
    }

    /// The first input after an absence.
    pub(super) fn back(&self, idle: Duration) {
        self.input_is_back.tell();
        let _ = self.events.send(Event::Idle(Some(idle)));
    }

    /// The input that was awaited.
    pub(super) fn input(&self, idle: Duration) {
        self.input_is_back.input();
        let _ = self.events.send(Event::Idle(Some(idle)));
    }

    /// Nobody is left to say that input is back.
    fn unknown(&self) {
        self.input_is_back.tell();
        let _ = self.events.send(Event::IdleUnanswered);
    }
}

/// Everything the climb needs.
pub(super) struct Ladder {
    pub(super) surroundings: Surroundings,
    pub(super) session_bus: SharedBus,
    pub(super) sources: Sources,
    /// There was a source once: where none answers now, it is silent and not missing.
    pub(super) found: Arc<AtomicBool>,
    pub(super) tell: Tell,
}

/// From the best source to the last resort.
const RUNGS: [&str; 3] = [mutter::NAME, wayland::NAME, x11::NAME];

impl Ladder {
    /// Carries requests to whatever source there is, until no more can come.
    pub(super) async fn run(self, mut requests: mpsc::UnboundedReceiver<Request>) {
        let mut waiting = Waiting::default();
        loop {
            let Some(climbed) = self.climb_while(&mut requests, &mut waiting).await else {
                return;
            };
            if let Some((name, rung)) = climbed {
                self.found.store(true, Ordering::Release);
                waiting.hand_to(&*rung.source, &self.tell);
                let Some(reason) = carry(rung, &mut requests, &mut waiting.watched).await else {
                    return;
                };
                self.sources.skip(Topic::Idle, name, reason);
                self.tell.unknown();
            }
            waiting.reads.clear();
            while waiting.reads.is_empty() {
                let Some(request) = requests.recv().await else {
                    return;
                };
                waiting.add(request);
            }
        }
    }

    /// Climbs, and keeps what is asked meanwhile. `None`: nobody asks any more.
    async fn climb_while(
        &self,
        requests: &mut mpsc::UnboundedReceiver<Request>,
        waiting: &mut Waiting,
    ) -> Option<Option<(&'static str, Rung)>> {
        let mut climb = pin!(self.climb());
        loop {
            tokio::select! {
                climbed = &mut climb => return Some(climbed),
                request = requests.recv() => waiting.add(request?),
            }
        }
    }

    async fn climb(&self) -> Option<(&'static str, Rung)> {
        let mut taken = None;
        for name in RUNGS {
            if let Some((better, _)) = &taken {
                let reason = format!("not needed: {better} answers");
                self.sources.skip(Topic::Idle, name, reason);
                continue;
            }
            self.sources.set(Topic::Idle, name, SourceState::Starting);
            match self.attach(name).await {
                Ok(rung) => {
                    self.sources.set(Topic::Idle, name, SourceState::Taken);
                    taken = Some((name, rung));
                }
                Err(reason) => self.sources.skip(Topic::Idle, name, reason),
            }
        }
        taken
    }

    async fn attach(&self, name: &'static str) -> Result<Rung, String> {
        let tell = self.tell.clone();
        match name {
            mutter::NAME => mutter::attach(self.session_bus.clone().await?, tell).await,
            wayland::NAME => wayland::attach(self.wayland_socket()?, tell, &self.sources).await,
            _ => x11::attach(self.x_display()?, tell).await,
        }
    }

    fn wayland_socket(&self) -> Result<&std::path::Path, String> {
        let socket = self.surroundings.wayland_socket.as_deref();
        socket.ok_or_else(|| "no Wayland compositor (WAYLAND_DISPLAY is not set)".to_owned())
    }

    fn x_display(&self) -> Result<String, String> {
        if self.surroundings.wayland {
            return Err(
                "a Wayland session: its X server sees only the input of X windows".to_owned(),
            );
        }
        let display = self.surroundings.x_display.clone();
        display.ok_or_else(|| "no X server (DISPLAY is not set)".to_owned())
    }
}

/// What was asked while there is no source to ask.
#[derive(Default)]
struct Waiting {
    reads: Vec<oneshot::Sender<Duration>>,
    watched: Option<Duration>,
    input: bool,
}

impl Waiting {
    fn add(&mut self, request: Request) {
        match request {
            Request::Read(answer) => self.reads.push(answer),
            Request::Watch(after) => self.watched = Some(after),
            Request::AwaitInput => self.input = true,
        }
    }

    fn hand_to(&mut self, source: &dyn IdleSource, tell: &Tell) {
        if let Some(after) = self.watched {
            source.watch(after);
        }
        if core::mem::take(&mut self.input) {
            source.await_input();
        }
        let (in_vain, in_time): (Vec<_>, Vec<_>) =
            self.reads.drain(..).partition(oneshot::Sender::is_closed);
        for answer in in_time {
            source.read(answer);
        }
        if !in_vain.is_empty() {
            read_unasked(source, tell);
        }
    }
}

/// Whoever asked was told that nobody knows, and may not ask again for long.
fn read_unasked(source: &dyn IdleSource, tell: &Tell) {
    let (answer, answered) = oneshot::channel();
    source.read(answer);
    let events = tell.events.clone();
    tokio::spawn(async move {
        if let Ok(idle) = answered.await {
            let _ = events.send(Event::Idle(Some(idle)));
        }
    });
}

/// Serves until the source is lost: why, for people. `None`: nobody asks any more.
async fn carry(
    mut rung: Rung,
    requests: &mut mpsc::UnboundedReceiver<Request>,
    watched: &mut Option<Duration>,
) -> Option<String> {
    loop {
        tokio::select! {
            reason = &mut rung.lost => {
                return Some(reason.unwrap_or_else(|_| "it stopped".to_owned()));
            }
            request = requests.recv() => match request? {
                Request::Read(answer) => rung.source.read(answer),
                Request::Watch(after) => {
                    *watched = Some(after);
                    rung.source.watch(after);
                }
                Request::AwaitInput => rung.source.await_input(),
            },
        }
    }
}

/// A source that is a task of its own: requests go there, and it ends with this.
pub(super) struct Door(pub(super) mpsc::UnboundedSender<Request>);

impl IdleSource for Door {
    fn read(&self, answer: oneshot::Sender<Duration>) {
        let _ = self.0.send(Request::Read(answer));
    }

    fn watch(&self, after: Duration) {
        let _ = self.0.send(Request::Watch(after));
    }

    fn await_input(&self) {
        let _ = self.0.send(Request::AwaitInput);
    }
}
