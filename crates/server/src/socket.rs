//! One task per WebSocket: bytes in and out of a [`Session`], which decides everything.

use core::error::Error as _;
use core::future::Future;
use core::pin::Pin;
use std::sync::Arc;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hither_protocol::{
    AccessToken, ClientFrame, ClientInfo, CloseCode, Instant as Opened, Policy, ServerFrame,
};
use tokio::time::{Duration, Instant, sleep_until, timeout};
use tungstenite::error::{CapacityError, Error as WireError};

use crate::accounts::{Link, Live, Mailbox, Signal, Stream, clock};
use crate::http::in_words;
use crate::limits::{Bucket, Place};
use crate::metrics::End;
use crate::serve::{App, Open};
use crate::session::{Identified, Input, Output, Session, Taken, Write};
use crate::store::{ClientId, Identity, Position, Reader, StoreError};

/// How long a closed stream waits for the client to agree.
const FAREWELL: Duration = Duration::from_secs(1);
/// The same where it has yet to read what was sent before.
const LONG_FAREWELL: Duration = Duration::from_secs(30);
/// Frames that a client may answer a log entry with: that it is stored, shown and read.
const ANSWERS: u32 = 3;
/// A client that is silent for so many heartbeats is gone.
const SILENT_HEARTBEATS: u32 = 3;

/// Serves one stream until it ends. `browser` is the token that came with the upgrade, if any;
/// `opened` lies before the upgrade was answered; `held` is given back at the end.
pub(crate) async fn serve(
    socket: WebSocket,
    app: Arc<App>,
    browser: Option<AccessToken>,
    opened: Opened,
    held: (Place, Open),
) {
    let mut socket = Socket::new(socket, app, browser, opened);
    socket.run().await;
    drop(socket);
    drop(held);
}

/// A question to the store; `None` when its answer changes nothing.
type Job = Pin<Box<dyn Future<Output = Option<Input>> + Send>>;

struct Socket {
    app: Arc<App>,
    wire: WebSocket,
    session: Session,
    mailbox: Arc<Mailbox>,
    /// Questions to the store, at most one of each kind.
    jobs: FuturesUnordered<Job>,
    /// When a client that says nothing is given up.
    deadline: Instant,
    browser: Option<AccessToken>,
    opened: Opened,
    /// Of the hello, with the count of ended sessions before it was looked up.
    token: Option<(AccessToken, u64)>,
    attached: Option<Attached>,
    /// When the session is looked up again, unless something happens to it before.
    verify_at: Instant,
    /// What the client used up of its frames.
    said: Bucket,
    /// From where on the client owes an ack.
    owes_after: Option<Position>,
    /// When the last probe that the client answered was sent, since the stream was opened: what it
    /// says now it says since then.
    heard: Taken,
}

/// An identified client in its places.
struct Attached {
    identity: Identity,
    link: Link,
}

impl Socket {
    fn new(wire: WebSocket, app: Arc<App>, browser: Option<AccessToken>, opened: Opened) -> Self {
        Self {
            wire,
            session: Session::new(app.cursors.clone()),
            mailbox: Arc::new(Mailbox::new(app.settings.limits.waiting_entries)),
            jobs: FuturesUnordered::new(),
            deadline: Instant::now() + app.settings.limits.hello_within,
            browser,
            opened,
            token: None,
            attached: None,
            verify_at: Instant::now() + app.settings.limits.session_again,
            said: Bucket::default(),
            owes_after: None,
            heard: None,
            app,
        }
    }

    /// By reference: a future that takes a value keeps it twice.
    async fn run(&mut self) {
        let mut outputs = Vec::new();
        let end = loop {
            let input = match self.next().await {
                Ok(Some(input)) => input,
                Ok(None) => continue,
                Err(end) => break end,
            };
            self.session.handle(input, &mut outputs);
            if let Err(end) = self.carry_out_all(&mut outputs).await {
                break end;
            }
            self.watch_acks();
        };
        self.app.metrics.closed(end);
    }

    async fn carry_out_all(&mut self, outputs: &mut Vec<Output>) -> Result<(), End> {
        for output in outputs.drain(..) {
            self.carry_out(output).await?;
        }
        Ok(())
    }

    /// Notes since when the client has not come further with its acks.
    fn watch_acks(&mut self) {
        let owes_after = self.session.owes_ack_after();
        if owes_after != self.owes_after {
            self.owes_after = owes_after;
            self.mailbox
                .set_owing_since(owes_after.map(|_| clock::now()));
        }
    }

    async fn next(&mut self) -> Result<Option<Input>, End> {
        tokio::select! {
            Some(input) = self.jobs.next(), if !self.jobs.is_empty() => Ok(input),
            signal = self.mailbox.next(self.session.wants_live()) => self.signalled(signal).await,
            received = self.wire.recv(), if self.session.wants_frame() => {
                self.received(received).await
            }
            () = sleep_until(self.deadline) => Ok(Some(self.silent())),
        }
    }

    async fn signalled(&mut self, signal: Signal) -> Result<Option<Input>, End> {
        Ok(Some(match signal {
            Signal::End(code) => Input::End(code),
            Signal::Lagged => {
                self.app.metrics.lagged();
                Input::Lagged
            }
            Signal::Live(Live::Entry { entry, alert }) => Input::Entry { entry, alert },
            Signal::Live(Live::Alert { ids, style, why }) => Input::Alert { ids, style, why },
            Signal::Policy(policy) => Input::Policy(policy),
            Signal::Probe => {
                self.probe().await?;
                return Ok(None);
            }
            Signal::Verify => {
                self.verify();
                return Ok(None);
            }
        }))
    }

    async fn received(
        &mut self,
        received: Option<Result<Message, axum::Error>>,
    ) -> Result<Option<Input>, End> {
        self.still_there();
        self.keep_signed_in();
        match received {
            Some(Ok(Message::Text(text))) => self.text(&text).await.map(Some),
            Some(Ok(Message::Binary(_))) => Ok(Some(Input::Malformed(
                "frames are JSON in text messages; this one was binary".to_owned(),
            ))),
            Some(Ok(Message::Pong(probe))) => {
                self.heard(&probe);
                Ok(None)
            }
            Some(Ok(Message::Ping(_))) => Ok(None),
            Some(Ok(Message::Close(_))) => {
                self.goodbye().await;
                Err(End::Goodbye)
            }
            Some(Err(error)) => broken(&error).map(Some).ok_or(End::Lost),
            None => Err(End::Lost),
        }
    }

    async fn text(&mut self, text: &str) -> Result<Input, End> {
        let rate = self.app.settings.limits.frames_per_stream;
        if let Err(wait) = self.said.take(rate, clock::now()) {
            let detail = "This client says too much; wait, then come back.";
            self.warn("too_many", detail, wait.max(Duration::from_secs(1)))
                .await?;
            return Ok(Input::End(CloseCode::TooMany));
        }
        Ok(match ClientFrame::parse(text) {
            Ok(frame) => Input::Frame(frame),
            Err(malformed) => Input::Malformed(in_words(&malformed.to_string())),
        })
    }

    /// Asks for a sign of life that any client gives by itself, dated.
    async fn probe(&mut self) -> Result<(), End> {
        let sent = u64::try_from(self.age().as_micros()).unwrap_or(u64::MAX);
        self.put(Message::Ping(sent.to_be_bytes().to_vec().into()))
            .await
    }

    fn heard(&mut self, probe: &[u8]) {
        if let Ok(sent) = probe.try_into() {
            let sent = Duration::from_micros(u64::from_be_bytes(sent));
            if sent <= self.age() {
                self.heard = self.heard.max(Some(sent));
            }
        }
    }

    /// Since when the client says what it says now, where a probe tells that better than what is
    /// assumed of all.
    fn recently(&self) -> Taken {
        let assumed = self.app.settings.timings.delay;
        self.heard.filter(|sent| self.age() <= *sent + assumed)
    }

    /// How long the stream is open.
    fn age(&self) -> Duration {
        clock::now().since(self.opened)
    }

    /// Says when to come back, before the stream is closed.
    async fn warn(&mut self, code: &str, detail: &str, wait: Duration) -> Result<(), End> {
        let frame = ServerFrame::Error {
            code: code.to_owned(),
            detail: detail.to_owned(),
            retry_after_ms: u64::try_from(wait.as_millis()).ok(),
        };
        self.send(frame.to_text().into()).await
    }

    /// Only the hello itself makes up for a missing hello.
    fn still_there(&mut self) {
        if self.session.said_hello() {
            let heartbeat = Duration::from_millis(self.app.settings.policy.heartbeat_ms);
            self.deadline = Instant::now() + heartbeat * SILENT_HEARTBEATS;
        }
    }

    const fn silent(&self) -> Input {
        if self.session.said_hello() {
            Input::End(CloseCode::TooSlow)
        } else {
            Input::HelloTimeout
        }
    }

    async fn carry_out(&mut self, output: Output) -> Result<(), End> {
        match output {
            Output::Send(frame) => return self.say(&frame).await,
            Output::Pong => {
                let sent_ms = u64::try_from(self.age().as_millis()).ok();
                return self.say(&ServerFrame::Pong { sent_ms }).await;
            }
            Output::Close(code) => return Err(self.close(code).await),
            Output::Identify { token, client } => self.identify(token, client),
            Output::Attach(identity, policy) => self.attach(*identity, policy),
            Output::ReadPage(after) => self.read_page(after),
            Output::Write(write) => {
                if matches!(write, Write::Read(_) | Write::Action(..)) {
                    self.tell(Link::used);
                }
                self.write(write);
            }
            Output::Announce(presence, taken) => {
                let taken = taken.or(self.recently());
                self.tell(|link| link.announce(presence, taken));
            }
            Output::Presence(presence, taken) => {
                let taken = taken.or(self.recently());
                self.tell(|link| link.presence(presence, taken));
            }
            Output::Heartbeat(age, taken) => {
                let taken = taken.or(self.recently());
                self.tell(|link| link.heartbeat(age, taken));
            }
        }
        Ok(())
    }

    async fn say(&mut self, frame: &ServerFrame) -> Result<(), End> {
        self.app.metrics.sent(frame);
        if is_entry(frame) {
            self.said.allow(ANSWERS);
        }
        self.send(frame.to_text().into()).await
    }

    async fn send(&mut self, text: Utf8Bytes) -> Result<(), End> {
        self.put(Message::Text(text)).await
    }

    async fn put(&mut self, message: Message) -> Result<(), End> {
        let drain_within = self.app.settings.limits.drain_within;
        if let Ok(sent) = timeout(drain_within, self.wire.send(message)).await {
            return sent.map_err(|_| End::Lost);
        }
        self.say_code(CloseCode::TooSlow).await;
        Err(End::Closed(CloseCode::TooSlow))
    }

    fn identify(&mut self, token: Option<AccessToken>, client: ClientInfo) {
        self.still_there();
        self.token = token
            .or_else(|| self.browser.take())
            .map(|token| (token, self.app.registry.ended()));
        let app = Arc::clone(&self.app);
        let token = self.token.as_ref().map(|(token, _)| token.clone());
        self.ask(async move {
            let Some(token) = token else {
                return Ok(Some(Input::Identified(Err(CloseCode::SignInAgain))));
            };
            let identity = match app.admit(&token).await? {
                Ok(identity) => app.at_version(identity, client).await?,
                Err(code) => return Ok(Some(Input::Identified(Err(code)))),
            };
            Ok(Some(Input::Identified(Ok(Identified {
                head: app.store.head().await?,
                at: clock::wall(),
                policy: app.accounts.policy(&identity.account).await?,
                identity,
            }))))
        });
    }

    fn attach(&mut self, identity: Identity, policy: Policy) {
        let ended_before = self.token.as_ref().map_or(0, |(_, ended)| *ended);
        self.app
            .registry
            .register(identity.client, &self.mailbox, ended_before);
        self.seen(identity.client);
        let stream = Stream::new(&identity, policy, self.opened, Arc::clone(&self.mailbox));
        let link = self.app.accounts.attach(&identity.account, stream);
        tracing::debug!(account = %identity.account, device = %identity.device.id, "connected");
        self.attached = Some(Attached { identity, link });
    }

    /// Sessions ended; this one's may be among them.
    fn verify(&self) {
        let Some((token, _)) = self.token.clone() else {
            return;
        };
        let app = Arc::clone(&self.app);
        self.ask(async move { Ok(app.admit(&token).await?.err().map(Input::End)) });
    }

    /// A session whose stream stays open is in use.
    fn keep_signed_in(&mut self) {
        if self.verify_at <= Instant::now() {
            self.verify_at = Instant::now() + self.app.settings.limits.session_again;
            self.verify();
        }
    }

    fn read_page(&self, after: Position) {
        let Some(Attached { identity, .. }) = &self.attached else {
            return;
        };
        let (app, reader) = (Arc::clone(&self.app), Reader::Client(identity.client));
        let account = identity.account.clone();
        self.ask(async move {
            let limit = app.settings.limits.page_entries;
            let page = app.store.page(&reader, after, None, limit).await?;
            let never = app.accounts.never_ring(&account, &page).await?;
            Ok(Some(Input::Page { page, never }))
        });
    }

    fn write(&self, write: Write) {
        let Some(Attached { identity, .. }) = &self.attached else {
            return;
        };
        let (app, identity) = (Arc::clone(&self.app), identity.clone());
        self.ask(async move {
            match app.write(&identity, write).await {
                // A message that is gone needs no mark.
                Ok(()) | Err(StoreError::NotFound) => Ok(Some(Input::Written)),
                Err(error) => Err(error),
            }
        });
    }

    fn ask(
        &self,
        question: impl Future<Output = Result<Option<Input>, StoreError>> + Send + 'static,
    ) {
        self.jobs.push(Box::pin(async {
            question.await.unwrap_or_else(|error| {
                tracing::error!(%error, "a stream's question to the store failed");
                Some(Input::StoreFailed)
            })
        }));
    }

    fn tell(&self, say: impl FnOnce(&Link)) {
        if let Some(attached) = &self.attached {
            say(&attached.link);
        }
    }

    /// The client closed; it gets its answer.
    async fn goodbye(&mut self) {
        if let Some(attached) = &mut self.attached {
            attached.link.say_goodbye();
        }
        self.detach();
        let _ = timeout(FAREWELL, self.wire.recv()).await;
    }

    async fn close(&mut self, code: CloseCode) -> End {
        if code == CloseCode::Restarting && self.app.registry.is_closing() {
            let wait = self.app.comeback();
            let detail = "The server restarts; come back in a moment.";
            if let Err(end) = self.warn("restarting", detail, wait).await {
                return end;
            }
        }
        self.say_code(code).await;
        End::Closed(code)
    }

    async fn say_code(&mut self, code: CloseCode) {
        if let Some(attached) = &mut self.attached {
            if matches!(code, CloseCode::Revoked | CloseCode::SignInAgain) {
                attached.link.say_goodbye();
            }
            let Identity {
                account, device, ..
            } = &attached.identity;
            tracing::debug!(%account, device = %device.id, ?code, "stream closed");
        }
        self.detach();
        let frame = CloseFrame {
            code: code as u16,
            reason: reason(code).into(),
        };
        let farewell = async {
            self.wire.send(Message::Close(Some(frame))).await?;
            while let Some(Ok(_)) = self.wire.recv().await {}
            Ok::<(), axum::Error>(())
        };
        let patience = match code {
            CloseCode::TooSlow => LONG_FAREWELL,
            _ => FAREWELL,
        };
        let _ = timeout(patience, farewell).await;
    }

    fn detach(&mut self) {
        if let Some(Attached { identity, .. }) = self.attached.take() {
            self.seen(identity.client);
            self.app.registry.unregister(identity.client, &self.mailbox);
        }
    }

    fn seen(&self, client: ClientId) {
        if let Err(error) = self.app.store.seen(client) {
            tracing::warn!(%error, "when a client was last seen is not noted");
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.detach();
    }
}

/// Whether a client stores and acks it.
const fn is_entry(frame: &ServerFrame) -> bool {
    matches!(
        frame,
        ServerFrame::Message { .. } | ServerFrame::Read { .. } | ServerFrame::Withdraw { .. }
    )
}

/// What a broken frame means; `None` when the connection itself is gone.
fn broken(error: &axum::Error) -> Option<Input> {
    match error.source()?.downcast_ref::<WireError>()? {
        WireError::Capacity(CapacityError::MessageTooLong { .. }) => Some(Input::TooLarge),
        WireError::Utf8(_) => Some(Input::Malformed("frames are UTF-8 text".to_owned())),
        _ => None,
    }
}

const fn reason(code: CloseCode) -> &'static str {
    match code {
        CloseCode::Restarting => "restarting: come back",
        CloseCode::TooSlow => "too slow: come back by cursor",
        CloseCode::Malformed => "malformed frame",
        CloseCode::SignInAgain => "sign in again",
        CloseCode::Revoked => "revoked: sign out",
        CloseCode::NoHello => "no hello in time",
        CloseCode::Replaced => "this client connected again",
        CloseCode::UnknownCursor => "unknown cursor: start over without one",
        CloseCode::TooLarge => "frame too large",
        CloseCode::TooMany => "too many: wait",
    }
}
