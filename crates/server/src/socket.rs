//! One task per WebSocket: bytes in and out of a [`Session`], which decides everything.

use core::error::Error as _;
use core::future::Future;
use core::pin::Pin;
use std::sync::Arc;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hither_protocol::{AccessToken, ClientFrame, ClientInfo, CloseCode};
use tokio::time::{Duration, Instant, sleep_until, timeout};
use tungstenite::error::{CapacityError, Error as WireError};

use crate::accounts::{Link, Live, Mailbox, Signal, Stream, clock};
use crate::serve::{App, Open};
use crate::session::{Identified, Input, Output, Session, Write};
use crate::store::{Identity, Position, Reader, StoreError};

/// How long a closed stream waits for the client to agree.
const FAREWELL: Duration = Duration::from_secs(1);
/// A client that is silent for so many heartbeats is gone.
const SILENT_HEARTBEATS: u32 = 3;

/// Serves one stream until it ends. `browser` is the token that came with the upgrade, if any.
/// `open` is held until then.
pub(crate) async fn serve(
    socket: WebSocket,
    app: Arc<App>,
    browser: Option<AccessToken>,
    open: Open,
) {
    Socket::new(socket, app, browser).run().await;
    drop(open);
}

/// Nothing more can be said on this stream.
struct Over;

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
    /// Of the hello, with the count of ended sessions before it was looked up.
    token: Option<(AccessToken, u64)>,
    attached: Option<Attached>,
}

/// An identified client in its places.
struct Attached {
    identity: Identity,
    link: Link,
}

impl Socket {
    fn new(wire: WebSocket, app: Arc<App>, browser: Option<AccessToken>) -> Self {
        Self {
            wire,
            session: Session::new(app.cursors.clone(), app.settings.policy),
            mailbox: Arc::new(Mailbox::new(app.settings.limits.waiting_entries)),
            jobs: FuturesUnordered::new(),
            deadline: Instant::now() + app.settings.limits.hello_within,
            browser,
            token: None,
            attached: None,
            app,
        }
    }

    async fn run(mut self) {
        let mut outputs = Vec::new();
        while let Ok(input) = self.next().await {
            let Some(input) = input else { continue };
            self.session.handle(input, &mut outputs);
            for output in outputs.drain(..) {
                if let Err(Over) = self.carry_out(output).await {
                    return;
                }
            }
        }
    }

    async fn next(&mut self) -> Result<Option<Input>, Over> {
        tokio::select! {
            Some(input) = self.jobs.next(), if !self.jobs.is_empty() => Ok(input),
            signal = self.mailbox.next(self.session.wants_live()) => Ok(self.signalled(signal)),
            received = self.wire.recv(), if self.session.wants_frame() => {
                self.received(received).await
            }
            () = sleep_until(self.deadline) => Ok(Some(self.silent())),
        }
    }

    fn signalled(&mut self, signal: Signal) -> Option<Input> {
        Some(match signal {
            Signal::End(code) => Input::End(code),
            Signal::Lagged => Input::Lagged,
            Signal::Live(Live::Entry { entry, ring }) => Input::Entry { entry, ring },
            Signal::Live(Live::Alert { ids, style, why }) => Input::Alert { ids, style, why },
            Signal::Verify => {
                self.verify();
                return None;
            }
        })
    }

    async fn received(
        &mut self,
        received: Option<Result<Message, axum::Error>>,
    ) -> Result<Option<Input>, Over> {
        self.still_there();
        match received {
            Some(Ok(Message::Text(text))) => Ok(Some(match ClientFrame::parse(&text) {
                Ok(frame) => Input::Frame(frame),
                Err(malformed) => Input::Malformed(malformed.to_string()),
            })),
            Some(Ok(Message::Binary(_))) => Ok(Some(Input::Malformed(
                "frames are JSON in text messages; this one was binary".to_owned(),
            ))),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
            Some(Ok(Message::Close(_))) => {
                self.goodbye().await;
                Err(Over)
            }
            Some(Err(error)) => broken(&error).map(Some).ok_or(Over),
            None => Err(Over),
        }
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

    async fn carry_out(&mut self, output: Output) -> Result<(), Over> {
        match output {
            Output::Send(frame) => return self.send(frame.to_text().into()).await,
            Output::Close(code) => {
                self.close(code).await;
                return Err(Over);
            }
            Output::Identify { token, client } => self.identify(token, client),
            Output::Attach(identity) => self.attach(*identity),
            Output::ReadPage(after) => self.read_page(after),
            Output::Write(write) => self.write(write),
            Output::Announce(presence) => self.tell(|link| link.announce(presence)),
            Output::Presence(presence) => self.tell(|link| link.presence(presence)),
            Output::Heartbeat(last_input) => self.tell(|link| link.heartbeat(last_input)),
        }
        Ok(())
    }

    async fn send(&mut self, text: Utf8Bytes) -> Result<(), Over> {
        let drain_within = self.app.settings.limits.drain_within;
        let sent = timeout(drain_within, self.wire.send(Message::Text(text))).await;
        if sent.is_err() {
            self.close(CloseCode::TooSlow).await;
        }
        sent.map_err(|_| Over)?.map_err(|_| Over)
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
                return Ok(Some(Input::Identified(None)));
            };
            let identity = match app.identify(&token).await? {
                Some(identity) => Some(app.at_version(identity, client).await?),
                None => None,
            };
            let head = app.store.head().await?;
            Ok(Some(Input::Identified(identity.map(|identity| {
                Identified {
                    identity,
                    head,
                    at: clock::wall(),
                }
            }))))
        });
    }

    fn attach(&mut self, identity: Identity) {
        let ended_before = self.token.as_ref().map_or(0, |(_, ended)| *ended);
        self.app
            .registry
            .register(identity.client, &self.mailbox, ended_before);
        let stream = Stream::new(&identity, Arc::clone(&self.mailbox));
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
        self.ask(async move {
            let alive = app.identify(&token).await?.is_some();
            Ok((!alive).then_some(Input::End(CloseCode::Revoked)))
        });
    }

    fn read_page(&self, after: Position) {
        let Some(Attached { identity, .. }) = &self.attached else {
            return;
        };
        let (app, reader) = (Arc::clone(&self.app), Reader::Client(identity.client));
        self.ask(async move {
            let limit = app.settings.limits.page_entries;
            let page = app.store.page(&reader, after, None, limit).await?;
            Ok(Some(Input::Page(page)))
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

    async fn close(&mut self, code: CloseCode) {
        if let Some(attached) = &mut self.attached {
            if code == CloseCode::Revoked {
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
        let _ = timeout(FAREWELL, farewell).await;
    }

    fn detach(&mut self) {
        if let Some(Attached { identity, .. }) = self.attached.take() {
            self.app.registry.unregister(identity.client, &self.mailbox);
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.detach();
    }
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
