//! One task per WebSocket: bytes in and out of a [`Session`], which decides everything.

mod questions;
mod wire;

use std::sync::Arc;

use axum::extract::ws::WebSocket;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hither_protocol::{AccessToken, CloseCode, Instant as Opened, Policy, ServerFrame};
use tokio::sync::watch;
use tokio::time::{Duration, Instant, sleep_until};

use self::questions::Job;
use crate::accounts::{Link, Live, Mailbox, Signal, Stream, clock};
use crate::limits::{Bucket, Place};
use crate::metrics::End;
use crate::serve::{App, Open};
use crate::session::{Input, Output, Session, Taken, Write};
use crate::store::{ClientId, Identity, Position};

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

struct Socket {
    app: Arc<App>,
    wire: WebSocket,
    session: Session,
    mailbox: Arc<Mailbox>,
    /// Whether the server stops, which who said no hello learns here.
    stops: watch::Receiver<bool>,
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
    identity: Arc<Identity>,
    link: Link,
}

impl Socket {
    fn new(wire: WebSocket, app: Arc<App>, browser: Option<AccessToken>, opened: Opened) -> Self {
        Self {
            wire,
            session: Session::new(app.cursors.clone()),
            mailbox: Arc::new(Mailbox::new(app.settings.limits.waiting_entries)),
            stops: app.registry.news(),
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
            () = stopping(&mut self.stops), if !self.session.said_hello() => {
                Ok(Some(Input::End(CloseCode::Restarting)))
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

    /// Since when the client says what it says now, where a probe tells that better than what is
    /// assumed of all.
    fn recently(&self) -> Taken {
        let assumed = self.app.settings.timings.delay;
        self.heard.filter(|sent| self.age() <= *sent + assumed)
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
            Output::Deliver(delivery) => return self.deliver(&delivery).await,
            Output::Pong => {
                let sent_ms = u64::try_from(self.age().as_millis()).ok();
                return self.say(&ServerFrame::Pong { sent_ms }).await;
            }
            Output::Close(code) => return Err(self.close(code).await),
            Output::Identify { token, client } => self.identify(token, client),
            Output::Attach(identity, policy) => self.attach(identity, policy),
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

    fn attach(&mut self, identity: Arc<Identity>, policy: Policy) {
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

    fn tell(&self, say: impl FnOnce(&Link)) {
        if let Some(attached) = &self.attached {
            say(&attached.link);
        }
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

/// Returns when the server stops.
async fn stopping(stops: &mut watch::Receiver<bool>) {
    // Who says it lives as long as any socket.
    let _ = stops.wait_for(|stops| *stops).await;
}
