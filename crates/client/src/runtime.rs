//! The one loop: what happened goes into the engine, what follows is started, nothing is waited
//! for inside.

mod asked;
mod door;
mod fetches;
#[cfg(test)]
mod tests;

use core::future::Future;
use core::time::Duration;
use std::path::{Path, PathBuf};
use std::pin::pin;

use hither_engine::view::{Answer, Command, Password, View};
use hither_engine::{Config, Effect, Engine, Event, Sensed, SignInFailed, SignedIn, StoreOp};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant as TokioInstant, sleep, sleep_until};

pub use self::door::{Door, Gone};

use self::door::Request;
use self::fetches::Fetched;
use crate::history::{self, Asked, Reader, Writer, Written};
use crate::http::{self, SignIn};
use crate::network::Network;
use crate::pages::Pages;
use crate::platform::{Platform, PlatformEvent};
use crate::socket::Socket;
use crate::trust::Trust;
use crate::{Credentials, OpenError, clock, passphrase};

/// Frames taken in before their store operations become one transaction.
const FRAMES_PER_ROUND: usize = 100;

/// From the wish to end until the process ends without the goodbye.
const END_WITHIN: Duration = Duration::from_secs(5);

/// For taking pop-ups and the tray icon away at the end.
const LEAVE_WITHIN: Duration = Duration::from_secs(3);

/// Everything but the desktop, ready to run.
pub struct Runtime {
    config: Config,
    engine: Engine,
    writer: Writer,
    reader: Reader,
    pages: Pages,
    trust: Trust,
    requests: mpsc::Receiver<Request>,
    views: watch::Sender<View>,
    written: mpsc::UnboundedReceiver<Written>,
}

/// A part of the companion panicked, and what it was to do nobody does any more. What was promised
/// to the server is on the disk: a new process goes on from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} failed in a way that nobody foresaw (see above): start Hither again")]
pub struct Broken(&'static str);

/// Work in the background that is over.
enum Finished {
    SignIn(Result<SignedIn, SignInFailed>),
    SignOut,
    Hashed(Option<String>),
    Checked(bool),
    Query(Asked, oneshot::Sender<Answer>),
    Fetch(Fetched),
}

impl Runtime {
    /// Opens the data folder and reads what it knows. The folder is made where it is missing, and
    /// stays locked while this lives.
    pub fn open(
        config: Config,
        data: &Path,
        credentials: impl Credentials,
    ) -> Result<(Self, Door), OpenError> {
        let history = history::open(data, Box::new(credentials))?;
        let (done, written) = mpsc::unbounded_channel();
        let writer = history.store.spawn(move |written| {
            // The loop may have ended without waiting for it.
            let _ = done.send(written);
        });
        let mut pages = Pages::default();
        pages.set_account(
            history
                .saved
                .account
                .as_ref()
                .map(|it| it.signed_in.clone()),
        );
        let seed = getrandom::u64().map_err(|error| std::io::Error::other(error.to_string()))?;
        let engine = Engine::new(config.clone(), history.saved, seed, &clock::now());
        let (requests, incoming) = mpsc::channel(16);
        let (views, watched) = watch::channel(engine.view());
        let runtime = Self {
            config,
            engine,
            writer,
            reader: history.reader,
            pages,
            trust: Trust::default(),
            requests: incoming,
            views,
            written,
        };
        Ok((runtime, Door::new(requests, watched)))
    }

    /// Also believes the authorities of a PEM file, besides those that the system believes.
    #[must_use]
    pub fn trusting(mut self, ca_file: Option<PathBuf>) -> Self {
        self.trust = Trust::with(ca_file);
        self
    }

    /// Runs until the engine says `Exit`. `stop` asks it to, as the command `Quit` does; it is
    /// over a few seconds later even where a goodbye cannot be said.
    ///
    /// Wants a Tokio runtime with time and I/O; one thread is enough.
    pub async fn run(
        self,
        platform: impl Platform,
        stop: impl Future<Output = ()>,
    ) -> Result<(), Broken> {
        let mut running = Running::new(self, platform);
        running.handle(Event::Started);
        running.find_missing_pages();
        running.it.views.send_replace(running.it.engine.view());
        running.platform.view_changed(&running.it.views.borrow());
        running.round_off();
        let mut stop = pin!(stop);
        let mut stopping = false;
        while !running.is_over() {
            let input = tokio::select! {
                () = &mut stop, if !stopping => {
                    stopping = true;
                    Input::Stop
                }
                input = running.next_input() => input,
            };
            running.take_in(input);
            running.round_off();
        }
        // A desktop that hangs does not keep this process.
        let _ = tokio::time::timeout(LEAVE_WITHIN, running.platform.exit()).await;
        running.broken.map_or(Ok(()), Err)
    }
}

/// One input of the loop, by name.
enum Input {
    /// The stream opened, said something, or ended. Read only while no batch is being written.
    Stream(Event),
    /// The store carried a batch out, or could not.
    Written(Written),
    /// A sign-in, or other work in the background is done.
    Finished(Finished),
    /// A part of this process panicked.
    Broken(Broken),
    /// A sensor, a pop-up or the tray.
    Platform(PlatformEvent),
    /// A command or a question of a screen.
    Request(Request),
    /// The addresses of this computer changed.
    Network,
    /// The moment has come that the engine asked for.
    WakeUp,
    /// This process was asked to end.
    Stop,
    /// The time for a goodbye is over.
    End,
}

struct Running<P> {
    it: Runtime,
    platform: P,
    socket: Socket,
    /// Operations of the next transaction.
    unwritten: Vec<StoreOp>,
    /// A transaction is under way.
    writing: bool,
    /// Sign-ins and sign-outs under way.
    requests_abroad: usize,
    /// All work in the background.
    background: JoinSet<Finished>,
    network: Network,
    /// The computer waits with its sleep for the goodbye.
    falling_asleep: bool,
    /// The engine has nothing more to say.
    exiting: bool,
    /// When the loop ends at the latest, once it is to end.
    end: Option<TokioInstant>,
    /// The loop ends now.
    broken: Option<Broken>,
}

impl<P: Platform> Running<P> {
    fn new(it: Runtime, platform: P) -> Self {
        Self {
            it,
            platform,
            socket: Socket::Closed,
            unwritten: Vec::new(),
            writing: false,
            requests_abroad: 0,
            background: JoinSet::new(),
            network: Network::watch(),
            falling_asleep: false,
            exiting: false,
            end: None,
            broken: None,
        }
    }

    async fn next_input(&mut self) -> Input {
        let wake_up = self.until_wake_up();
        let end = self.end;
        tokio::select! {
            event = self.socket.next_event(!self.writing) => Input::Stream(event),
            Some(written) = self.it.written.recv() => Input::Written(written),
            () = self.it.writer.died() => Input::Broken(Broken("the history")),
            Some(finished) = self.background.join_next() => finished.map_or(
                Input::Broken(Broken("work in the background")),
                Input::Finished,
            ),
            event = self.platform.next_event() => Input::Platform(event),
            Some(request) = self.it.requests.recv() => Input::Request(request),
            () = self.network.changed() => Input::Network,
            () = sleep(wake_up.unwrap_or_default()), if wake_up.is_some() => Input::WakeUp,
            () = sleep_until(end.unwrap_or_else(TokioInstant::now)), if end.is_some() => Input::End,
        }
    }

    /// Tokio's clock may stop while the computer sleeps, so the time left is worked out anew after
    /// every input; the one that ends a sleep is among them.
    fn until_wake_up(&self) -> Option<Duration> {
        let due = self.it.engine.next_wakeup()?;
        Some(due.since(clock::instant()))
    }

    fn take_in(&mut self, input: Input) {
        match input {
            Input::Stream(event) => self.take_in_stream(event),
            Input::Written(written) => self.take_in_written(written),
            Input::Finished(finished) => self.take_in_finished(finished),
            Input::Broken(broken) => self.broken = Some(broken),
            Input::Platform(PlatformEvent::Sensed(sensed)) => self.take_in_sensed(sensed),
            Input::Platform(PlatformEvent::Toast(toast)) => self.handle(Event::Toast(toast)),
            Input::Platform(PlatformEvent::Command(command)) => {
                self.handle(Event::Command(command));
            }
            Input::Request(Request::Command(command, taken)) => {
                self.take_in_command(command, taken);
            }
            Input::Request(Request::Query(query, answer)) => self.ask(query, answer),
            Input::Network => self.take_in_network(),
            Input::WakeUp => self.handle(Event::WokeUp),
            Input::Stop => {
                self.end_soon();
                self.handle(Event::Command(Command::Quit));
            }
            Input::End => tracing::warn!("ending without the last words"),
        }
    }

    /// Takes in what the server said, and as many more frames as are here already: they share a
    /// transaction.
    fn take_in_stream(&mut self, first: Event) {
        let mut next = Some(first);
        for _ in 0..FRAMES_PER_ROUND {
            let Some(event) = next.take() else { return };
            let more = matches!(event, Event::Frame(_));
            self.handle(event);
            if more {
                next = self.socket.ready_event();
            }
        }
        if let Some(event) = next {
            self.handle(event);
        }
    }

    /// Whoever gave it hears of it once the view shows it.
    fn take_in_command(&mut self, command: Command, taken: oneshot::Sender<()>) {
        self.handle(Event::Command(command));
        self.round_off();
        // They may be gone.
        let _ = taken.send(());
    }

    fn take_in_written(&mut self, written: Written) {
        self.writing = false;
        let event = match written {
            Ok((outcomes, glance)) => Event::Stored { outcomes, glance },
            Err(failed) => {
                // They may build upon what did not happen; the engine decides anew.
                self.unwritten.clear();
                Event::StoreFailed(failed)
            }
        };
        self.handle(event);
    }

    fn take_in_finished(&mut self, finished: Finished) {
        match finished {
            Finished::SignIn(outcome) => {
                self.requests_abroad -= 1;
                self.handle(Event::SignedIn(outcome));
            }
            Finished::SignOut => self.requests_abroad -= 1,
            Finished::Hashed(verifier) => self.handle(Event::PassphraseHashed(verifier)),
            Finished::Checked(right) => self.handle(Event::PassphraseChecked(right)),
            Finished::Query(asked, answer) => {
                // Whoever asked may be gone.
                let _ = answer.send(self.unless_locked(asked.answer));
                asked
                    .page_missing
                    .into_iter()
                    .for_each(|id| self.it.pages.want(id));
            }
            Finished::Fetch(fetched) => self.take_in_fetched(fetched),
        }
    }

    /// A stream from an address that this computer no longer has will never say another word.
    fn take_in_network(&mut self) {
        if self
            .socket
            .local_ip()
            .is_some_and(|ip| !self.network.has(ip))
        {
            let lost = self.socket.lose("the network changed");
            self.handle(Event::Closed(lost));
        }
        self.handle(Event::Sensed(Sensed::NetworkChanged));
    }

    fn take_in_sensed(&mut self, sensed: Sensed) {
        self.falling_asleep = match sensed {
            Sensed::Sleeping(begins) => begins,
            _ => self.falling_asleep,
        };
        self.handle(Event::Sensed(sensed));
        if sensed == Sensed::Sleeping(false) {
            self.handle(Event::WokeUp);
        }
    }

    fn handle(&mut self, event: Event) {
        let mut effects = Vec::new();
        self.it.engine.handle(&clock::now(), event, &mut effects);
        for effect in effects {
            self.start(effect);
        }
    }

    fn start(&mut self, effect: Effect) {
        match effect {
            Effect::Connect { stream_url } => self.socket.open(stream_url, self.it.trust.clone()),
            Effect::Disconnect => self.socket.close(),
            Effect::Send(frame) => self.socket.send(&frame),
            Effect::Store(op) => self.unwritten.push(op),
            Effect::SignIn {
                server,
                account,
                password,
            } => self.sign_in(&server, &account, password),
            Effect::SignOut(account) => self.sign_out(account),
            Effect::HashPassphrase(passphrase) => self.in_background(async move {
                Finished::Hashed(blocking(move || passphrase::hash(&passphrase)).await)
            }),
            Effect::CheckPassphrase {
                verifier,
                passphrase,
            } => self.in_background(async move {
                let right = blocking(move || passphrase::is_right(&verifier, &passphrase)).await;
                Finished::Checked(right)
            }),
            Effect::ReadIdle => self.platform.read_idle(),
            Effect::WatchIdle(after) => self.platform.watch_idle(after),
            Effect::AwaitInput => self.platform.await_input(),
            Effect::ShowToast(toast) => self.platform.show_toast(toast),
            Effect::WithdrawToast(key) => self.platform.withdraw_toast(&key),
            Effect::OpenWindow(at) => self.platform.open_window(at),
            Effect::OpenLink(url) => self.platform.open_link(&url),
            Effect::Exit => {
                self.exiting = true;
                self.end_soon();
            }
        }
    }

    /// After every input: one transaction for what is to be stored, the next page, the new view.
    fn round_off(&mut self) {
        if !self.writing && !self.unwritten.is_empty() {
            self.write();
        }
        if self.falling_asleep && self.socket.is_closed() {
            self.falling_asleep = false;
            self.platform.sleep_ready();
        }
        // Only then are the rows there that pages belong to.
        if !self.writing
            && let Some((account, id)) = self.it.pages.next_fetch()
        {
            self.fetch_page(account, id);
        }
        let view = self.it.engine.view();
        // What it says of the end is nobody's view any more.
        if !self.exiting && *self.it.views.borrow() != view {
            self.platform.view_changed(&view);
            self.it.views.send_replace(view);
        }
    }

    fn write(&mut self) {
        let ops = core::mem::take(&mut self.unwritten);
        for op in &ops {
            match op {
                StoreOp::Save { message, .. } => self.it.pages.stored(message),
                StoreOp::SetAccount(account) => self.it.pages.set_account(Some(account.clone())),
                StoreOp::Wipe => self.it.pages.set_account(None),
                _ => {}
            }
        }
        self.writing = true;
        self.it.writer.write(clock::now().wall.timestamp(), ops);
    }

    fn sign_in(&mut self, server: &str, account: &str, password: Password) {
        self.requests_abroad += 1;
        let sign_in = SignIn::new(&self.it.config, server, account, password);
        let (reader, trust) = (self.it.reader.clone(), self.it.trust.clone());
        self.in_background(async move {
            let sign_in = match sign_in {
                Ok(sign_in) => sign_in,
                Err(failed) => return Finished::SignIn(Err(failed)),
            };
            let device = reader
                .device(sign_in.server.clone(), sign_in.request.account.clone())
                .await;
            Finished::SignIn(blocking(move || sign_in.with_device(device).send(&trust)).await)
        });
    }

    fn sign_out(&mut self, account: SignedIn) {
        self.requests_abroad += 1;
        let trust = self.it.trust.clone();
        self.in_background(async move {
            blocking(move || http::sign_out(&account, &trust)).await;
            Finished::SignOut
        });
    }

    fn in_background(&mut self, work: impl Future<Output = Finished> + Send + 'static) {
        self.background.spawn(work);
    }

    fn end_soon(&mut self) {
        self.end
            .get_or_insert_with(|| TokioInstant::now() + END_WITHIN);
    }

    /// Everything that was started before the end is carried out, or its time is over.
    fn is_over(&self) -> bool {
        let written = !self.writing && self.unwritten.is_empty();
        let carried_out = written && self.socket.is_closed() && self.requests_abroad == 0;
        let out_of_time = self.end.is_some_and(|end| TokioInstant::now() >= end);
        self.exiting && carried_out || out_of_time || self.broken.is_some()
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}
