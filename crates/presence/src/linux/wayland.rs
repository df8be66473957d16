//! Idle time from Wayland compositors that speak `ext-idle-notify-v1`: KDE, Sway, COSMIC, Hyprland
//! and others.
//!
//! The protocol tells when input has been absent for a time, never for how long. One notification
//! with a short time says when the last input was; a timer of our own does the rest.

use core::time::Duration;
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::Path;

use tokio::io::Interest;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use wayland_client::backend::WaylandError;
use wayland_client::protocol::{wl_callback, wl_registry, wl_seat};
use wayland_client::{Connection, Dispatch, EventQueue, Proxy, QueueHandle, delegate_noop};
use wayland_protocols::ext::idle_notify::v1::client::ext_idle_notification_v1::{
    self, ExtIdleNotificationV1,
};
use wayland_protocols::ext::idle_notify::v1::client::ext_idle_notifier_v1::ExtIdleNotifierV1;

use super::idle::{Door, Request, Rung, Tell};
use super::inhibit::{Inhibitions, Says};
use crate::source::{SourceState, Sources, Topic};

pub(super) const NAME: &str = "Wayland idle notifications";
const INHIBITORS: &str = "Wayland inhibitors";

/// From here on an absence is known. Each pause of input that is longer wakes this process.
const FINE: Duration = Duration::from_secs(2);
/// Shorter than [`FINE`], so that it is settled whether somebody watches when input is absent.
const WATCHED: Duration = Duration::from_secs(1);
/// From here on the protocol tells input and inhibitors apart.
const TELLS_APART: u32 = 2;

const ANSWER_WITHIN: Duration = Duration::from_secs(3);

pub(super) async fn attach(socket: &Path, tell: Tell, sources: &Sources) -> Result<Rung, String> {
    let mut wire = Wire::connect(socket)?;
    timeout(ANSWER_WITHIN, wire.introduce())
        .await
        .map_err(|_| "the compositor does not answer".to_owned())??;
    let tells_apart = wire.subscribe()?;
    if tells_apart {
        sources.set(Topic::Inhibition, INHIBITORS, SourceState::Taken);
    } else {
        let reason = "this compositor counts a film as input";
        sources.skip(Topic::Inhibition, INHIBITORS, reason);
    }
    let (door, requests) = mpsc::unbounded_channel();
    let (broke, lost) = oneshot::channel();
    let watcher = Watcher {
        wire,
        seat: Seat::new(Instant::now()),
        tells_apart,
        tell,
        reads: VecDeque::new(),
    };
    tokio::spawn(async move {
        if let Err(reason) = watcher.run(requests).await {
            let _ = broke.send(reason);
        }
    });
    Ok(Rung {
        source: Box::new(Door(door)),
        lost,
    })
}

/// The connection to the compositor.
struct Wire {
    connection: Connection,
    queue: EventQueue<Heard>,
    /// The same socket again, for waiting.
    readable: tokio::net::UnixStream,
    heard: Heard,
}

/// What the compositor said.
#[derive(Default)]
struct Heard {
    seat: Option<wl_seat::WlSeat>,
    notifier: Option<ExtIdleNotifierV1>,
    /// How many questions it answered.
    answers: usize,
    changes: VecDeque<Change>,
}

/// Without input, or without input and inhibitors, for a time; or not any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Change {
    of: Of,
    idle: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Input,
    Watching,
}

impl Wire {
    fn connect(socket: &Path) -> Result<Self, String> {
        let stream = UnixStream::connect(socket).map_err(|error| error.to_string())?;
        let readable = readiness(&stream).map_err(|error| error.to_string())?;
        let connection = Connection::from_socket(stream).map_err(|error| error.to_string())?;
        let queue = connection.new_event_queue();
        Ok(Self {
            connection,
            queue,
            readable,
            heard: Heard::default(),
        })
    }

    /// Learns what the compositor offers.
    async fn introduce(&mut self) -> Result<(), String> {
        self.connection
            .display()
            .get_registry(&self.queue.handle(), ());
        self.ask();
        while self.heard.answers == 0 {
            self.hear().await?;
        }
        self.heard.answers = 0;
        Ok(())
    }

    /// Whether input and inhibitors are told apart.
    fn subscribe(&self) -> Result<bool, String> {
        let (Some(notifier), Some(seat)) = (&self.heard.notifier, &self.heard.seat) else {
            return Err("this compositor does not speak ext-idle-notify-v1".to_owned());
        };
        let millis = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        let queue = self.queue.handle();
        let tells_apart = notifier.version() >= TELLS_APART;
        if tells_apart {
            notifier.get_input_idle_notification(millis(FINE), seat, &queue, Of::Input);
            notifier.get_idle_notification(millis(WATCHED), seat, &queue, Of::Watching);
        } else {
            notifier.get_idle_notification(millis(FINE), seat, &queue, Of::Input);
        }
        Ok(tells_apart)
    }

    /// Has the compositor answer, which proves that it is not hung.
    fn ask(&self) {
        self.connection.display().sync(&self.queue.handle(), ());
    }

    /// Waits for the compositor to say something; cancel safe.
    async fn hear(&mut self) -> Result<(), String> {
        let words = |error: &dyn core::fmt::Display| format!("the compositor went away: {error}");
        let dispatched = self.queue.dispatch_pending(&mut self.heard);
        if dispatched.map_err(|error| words(&error))? > 0 {
            return Ok(());
        }
        match self.queue.flush() {
            // What it does not take yet goes with the next word.
            Err(error) if !would_block(&error) => return Err(words(&error)),
            _ => {}
        }
        self.readable.readable().await.map_err(|it| words(&it))?;
        let Some(guard) = self.queue.prepare_read() else {
            return Ok(());
        };
        let read = self
            .readable
            .try_io(Interest::READABLE, || match guard.read() {
                Err(WaylandError::Io(error)) => Err(error),
                other => Ok(other),
            });
        match read {
            Ok(Err(error)) => Err(words(&error)),
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(words(&error)),
            _ => Ok(()),
        }
    }
}

fn readiness(stream: &UnixStream) -> std::io::Result<tokio::net::UnixStream> {
    let again = stream.try_clone()?;
    again.set_nonblocking(true)?;
    tokio::net::UnixStream::from_std(again)
}

fn would_block(error: &WaylandError) -> bool {
    matches!(error, WaylandError::Io(error) if error.kind() == ErrorKind::WouldBlock)
}

struct Watcher {
    wire: Wire,
    seat: Seat,
    tells_apart: bool,
    tell: Tell,
    /// Who waits for a reading, in the order the compositor will answer.
    reads: VecDeque<oneshot::Sender<Duration>>,
}

impl Watcher {
    /// Until nobody asks any more; the error says why the compositor is lost.
    async fn run(mut self, mut requests: mpsc::UnboundedReceiver<Request>) -> Result<(), String> {
        let ended = loop {
            let due = self.seat.due();
            tokio::select! {
                heard = self.wire.hear() => match heard {
                    Ok(()) => self.take_in(),
                    Err(reason) => break Err(reason),
                },
                request = requests.recv() => match request {
                    Some(request) => self.serve(request),
                    None => break Ok(()),
                },
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
            }
            if let Some(told) = self.seat.notice(Instant::now()) {
                told.tell(&self.tell);
            }
        };
        self.tell.inhibitions.set(Says::Compositor, false);
        ended
    }

    fn serve(&mut self, request: Request) {
        match request {
            Request::Read(answer) => {
                self.reads.push_back(answer);
                self.wire.ask();
            }
            Request::Watch(after) => self.seat.watch(after),
            Request::AwaitInput => self.seat.await_input(Instant::now()),
        }
    }

    fn take_in(&mut self) {
        let now = Instant::now();
        for change in self.wire.heard.changes.drain(..) {
            self.seat.change(change, now);
        }
        if self.tells_apart {
            heed(&self.seat, &self.tell.inhibitions);
        }
        for _ in 0..core::mem::take(&mut self.wire.heard.answers) {
            if let Some(answer) = self.reads.pop_front()
                && let Some(idle) = self.seat.idle(now)
            {
                let _ = answer.send(idle);
            }
        }
    }
}

fn heed(seat: &Seat, inhibitions: &Inhibitions) {
    inhibitions.set(Says::Compositor, seat.is_watched());
}

/// What is known of the person at the seat.
#[derive(Debug)]
struct Seat {
    since: Instant,
    /// The last input; `None` until there was one that we know of.
    last_input: Option<Instant>,
    input_idle: bool,
    watch_idle: bool,
    after: Option<Duration>,
    story: Story,
    /// Since when the next input is to be told.
    awaiting: Option<Instant>,
}

/// How far people were told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Story {
    /// Somebody is there, or was until the threshold.
    Present,
    /// The absence is told.
    Absent,
    /// To be told: the first input after an absence.
    Back,
}

#[derive(Debug, PartialEq, Eq)]
enum Told {
    Absent(Duration),
    Back(Duration),
    Input(Duration),
}

impl Told {
    fn tell(self, to: &Tell) {
        match self {
            Self::Absent(idle) => to.absent(idle),
            Self::Back(idle) => to.back(idle),
            Self::Input(idle) => to.input(idle),
        }
    }
}

impl Seat {
    fn new(now: Instant) -> Self {
        Self {
            since: now,
            last_input: None,
            input_idle: false,
            watch_idle: false,
            after: None,
            story: Story::Present,
            awaiting: None,
        }
    }

    fn watch(&mut self, after: Duration) {
        self.after = Some(after);
        if self.story == Story::Absent {
            self.story = Story::Present;
        }
    }

    fn change(&mut self, Change { of, idle }: Change, now: Instant) {
        match of {
            Of::Watching => self.watch_idle = idle,
            Of::Input if idle => {
                self.input_idle = true;
                self.last_input = self.last_input.map(|_| back_from(now, FINE));
            }
            Of::Input => {
                self.input_idle = false;
                if self.story == Story::Absent || self.last_input.is_none() {
                    self.story = Story::Back;
                }
                self.last_input = Some(now);
            }
        }
    }

    /// Without input, while something keeps the screen awake.
    fn is_watched(&self) -> bool {
        self.input_idle && !self.watch_idle
    }

    /// Time since the last input, or a little more. `None`: there was none that we know of.
    fn idle(&self, now: Instant) -> Option<Duration> {
        let since_input = self.last_input.map(|at| now.duration_since(at));
        if self.input_idle {
            // An absence from the beginning is at least as long as we know.
            return since_input.or_else(|| {
                let known = now.duration_since(self.since);
                self.after
                    .is_some_and(|after| known >= after)
                    .then_some(known)
            });
        }
        since_input.map(|age| age.min(FINE))
    }

    fn await_input(&mut self, now: Instant) {
        // Whoever asked before hears with the last one who asks.
        self.awaiting = Some(now);
    }

    /// When it is certain that there was input, though the compositor does not say so while it
    /// goes on.
    fn goes_on_by(&self) -> Option<Instant> {
        let since = self.awaiting.filter(|_| !self.input_idle)?;
        since.checked_add(2 * FINE)
    }

    fn awaited(&mut self, now: Instant) -> Option<Told> {
        let since = self.awaiting?;
        let known = self.last_input.is_some_and(|at| at > since);
        if known || self.goes_on_by().is_some_and(|by| now >= by) {
            self.awaiting = None;
            return self.idle(now).map(Told::Input);
        }
        None
    }

    /// When there may be something to tell though the compositor says nothing.
    fn due(&self) -> Option<Instant> {
        let moments = [self.threshold(), self.goes_on_by()];
        moments.into_iter().flatten().min()
    }

    /// When the absence has lasted for as long as it is watched for, or presence is certain.
    fn threshold(&self) -> Option<Instant> {
        if self.last_input.is_none() && !self.input_idle {
            return Some(self.since + 2 * FINE);
        }
        let after = self
            .after
            .filter(|_| self.input_idle && self.story != Story::Absent)?;
        self.last_input.unwrap_or(self.since).checked_add(after)
    }

    fn notice(&mut self, now: Instant) -> Option<Told> {
        if self.threshold().is_some_and(|due| now >= due) {
            if !self.input_idle {
                // The compositor would have said that nobody is there.
                self.last_input = Some(now);
                return Some(Told::Back(Duration::ZERO));
            }
            self.story = Story::Absent;
            return self.idle(now).map(Told::Absent);
        }
        if self.story == Story::Back {
            self.story = Story::Present;
            // Whoever awaits input hears the same.
            self.awaiting = None;
            return Some(Told::Back(Duration::ZERO));
        }
        self.awaited(now)
    }
}

fn back_from(now: Instant, by: Duration) -> Instant {
    now.checked_sub(by).unwrap_or(now)
}

impl Dispatch<wl_registry::WlRegistry, ()> for Heard {
    fn event(
        heard: &mut Self,
        registry: &wl_registry::WlRegistry,
        event: wl_registry::Event,
        (): &(),
        _: &Connection,
        queue: &QueueHandle<Self>,
    ) {
        let wl_registry::Event::Global {
            name,
            interface,
            version,
        } = event
        else {
            return;
        };
        if interface == wl_seat::WlSeat::interface().name && heard.seat.is_none() {
            heard.seat = Some(registry.bind(name, 1, queue, ()));
        } else if interface == ExtIdleNotifierV1::interface().name {
            heard.notifier = Some(registry.bind(name, version.min(TELLS_APART), queue, ()));
        }
    }
}

impl Dispatch<wl_callback::WlCallback, ()> for Heard {
    fn event(
        heard: &mut Self,
        _: &wl_callback::WlCallback,
        _: wl_callback::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        heard.answers += 1;
    }
}

impl Dispatch<ExtIdleNotificationV1, Of> for Heard {
    fn event(
        heard: &mut Self,
        _: &ExtIdleNotificationV1,
        event: ext_idle_notification_v1::Event,
        of: &Of,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        let idle = matches!(event, ext_idle_notification_v1::Event::Idled);
        heard.changes.push_back(Change { of: *of, idle });
    }
}

delegate_noop!(Heard: ignore wl_seat::WlSeat);
delegate_noop!(Heard: ExtIdleNotifierV1);

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn input(idle: bool) -> Change {
        Change {
            of: Of::Input,
            idle,
        }
    }

    #[test]
    fn nobody_is_there_before_there_was_input() {
        let begin = Instant::now();
        let mut seat = Seat::new(begin);
        seat.watch(secs(60));
        assert_eq!(seat.idle(begin), None);
        seat.change(input(true), begin + FINE);
        assert_eq!(seat.notice(begin + secs(59)), None);
        assert_eq!(seat.idle(begin + secs(59)), None);
        assert_eq!(seat.notice(begin + secs(60)), Some(Told::Absent(secs(60))));
        assert_eq!(seat.idle(begin + secs(61)), Some(secs(61)));
        assert_eq!(seat.due(), None);
        seat.change(input(false), begin + secs(70));
        assert_eq!(seat.notice(begin + secs(70)), Some(Told::Back(secs(0))));
        assert_eq!(seat.idle(begin + secs(71)), Some(secs(1)));
        assert_eq!(seat.idle(begin + secs(80)), Some(FINE));
    }

    #[test]
    fn somebody_who_types_from_the_beginning_is_there() {
        let begin = Instant::now();
        let mut seat = Seat::new(begin);
        let due = seat.due().unwrap();
        assert_eq!(seat.notice(due), Some(Told::Back(secs(0))));
        assert_eq!((seat.due(), seat.notice(due)), (None, None));
        assert_eq!(seat.idle(due + secs(9)), Some(FINE));
    }

    #[test]
    fn absence_is_told_once_and_counted_from_the_last_input() {
        let begin = Instant::now();
        let mut seat = Seat::new(begin);
        seat.watch(secs(60));
        seat.change(input(true), begin + FINE);
        seat.change(input(false), begin + secs(5));
        assert_eq!(seat.notice(begin + secs(5)), Some(Told::Back(secs(0))));
        // Pauses on the way are nobody's business.
        seat.change(input(true), begin + secs(8));
        seat.change(input(false), begin + secs(9));
        assert_eq!(seat.notice(begin + secs(9)), None);
        seat.change(input(true), begin + secs(12));
        assert_eq!(seat.idle(begin + secs(20)), Some(secs(10)));
        assert_eq!(seat.due(), Some(begin + secs(70)));
        assert_eq!(seat.notice(begin + secs(70)), Some(Told::Absent(secs(60))));
        assert_eq!(seat.notice(begin + secs(71)), None);
        // A shorter threshold is reached already.
        seat.watch(secs(10));
        assert_eq!(seat.notice(begin + secs(72)), Some(Told::Absent(secs(62))));
    }

    #[test]
    fn the_next_input_is_told_once() {
        let begin = Instant::now();
        let mut seat = Seat::new(begin);
        seat.watch(secs(60));
        seat.change(input(true), begin + FINE);
        seat.change(input(false), begin + secs(5));
        assert_eq!(seat.notice(begin + secs(5)), Some(Told::Back(secs(0))));
        // Somebody types on without a pause.
        seat.await_input(begin + secs(10));
        assert_eq!(seat.due(), Some(begin + secs(14)));
        assert_eq!(seat.notice(begin + secs(13)), None);
        assert_eq!(seat.notice(begin + secs(14)), Some(Told::Input(FINE)));
        assert_eq!((seat.due(), seat.notice(begin + secs(15))), (None, None));
        // Somebody typed last a moment after that was asked.
        seat.await_input(begin + secs(20));
        seat.change(input(true), begin + secs(23));
        assert_eq!(seat.notice(begin + secs(23)), Some(Told::Input(FINE)));
        // Nobody does.
        seat.await_input(begin + secs(30));
        assert_eq!(seat.notice(begin + secs(40)), None);
        seat.change(input(false), begin + secs(41));
        assert_eq!(seat.notice(begin + secs(41)), Some(Told::Input(secs(0))));
        assert_eq!(seat.notice(begin + secs(42)), None);
    }

    #[test]
    fn who_asks_later_is_told_of_input_after_that() {
        let begin = Instant::now();
        let mut seat = Seat::new(begin);
        seat.watch(secs(60));
        seat.change(input(true), begin + FINE);
        seat.change(input(false), begin + secs(5));
        assert_eq!(seat.notice(begin + secs(5)), Some(Told::Back(secs(0))));
        seat.await_input(begin + secs(10));
        seat.await_input(begin + secs(13));
        assert_eq!(seat.notice(begin + secs(14)), None);
        assert_eq!(seat.due(), Some(begin + secs(17)));
        assert_eq!(seat.notice(begin + secs(17)), Some(Told::Input(FINE)));
        assert_eq!((seat.due(), seat.notice(begin + secs(18))), (None, None));
    }

    #[test]
    fn somebody_watches_while_input_alone_is_absent() {
        let begin = Instant::now();
        let mut seat = Seat::new(begin);
        let watching = |idle| Change {
            of: Of::Watching,
            idle,
        };
        assert!(!seat.is_watched());
        seat.change(watching(true), begin + WATCHED);
        seat.change(input(true), begin + FINE);
        assert!(!seat.is_watched());
        seat.change(watching(false), begin + secs(10));
        assert!(seat.is_watched());
        seat.change(watching(true), begin + secs(90));
        assert!(!seat.is_watched());
        seat.change(watching(false), begin + secs(99));
        seat.change(input(false), begin + secs(99));
        assert!(!seat.is_watched());
    }
}
