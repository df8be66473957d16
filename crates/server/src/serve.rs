//! Takes connections in and lets them go.

use core::fmt;
use core::net::SocketAddr;
use core::pin::pin;
use core::str::FromStr;
use core::time::Duration;
use std::sync::Arc;

use axum::Router;
use axum::extract::ConnectInfo;
use hither_attention::Timings;
use hither_protocol::{AccessToken, ClientInfo, Policy};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;

use crate::accounts::{Accounts, clock};
use crate::attachments;
use crate::http::{self, Attempts, Followers, KnownPasswords, Origin};
use crate::registry::Registry;
use crate::secret::{self, Passwords};
use crate::session::Write;
use crate::store::{Cursors, Identity, Quota, Reader, Retention, Store, StoreError};
use crate::upkeep;

/// How long open requests and streams may take to end.
const SHUTDOWN_WITHIN: Duration = Duration::from_secs(5);
/// How long to wait where no connection can be taken, as when files run out.
const BREATHER: Duration = Duration::from_millis(100);
pub(crate) const MIB: u64 = 1024 * 1024;

/// What an operator can set.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Under which address people reach this server; what each request was sent to where it is
    /// not set.
    pub public_url: Option<Origin>,
    /// The timers of the attention rule.
    pub timings: Timings,
    /// What clients are told about timing.
    pub policy: Policy,
    /// What one client can cost.
    pub limits: Limits,
    /// Who may become a publisher.
    pub registration: Registration,
    /// What is kept of each log.
    pub retention: Retention,
    /// How large files beside messages may be.
    pub attachments: AttachmentLimits,
}

/// How large files beside messages may be.
#[derive(Clone, Copy, Debug)]
pub struct AttachmentLimits {
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of all.
    pub quota: Quota,
    /// Requests with files that are received at the same time.
    pub uploads: usize,
}

impl Default for AttachmentLimits {
    fn default() -> Self {
        Self {
            file_bytes: 25 * MIB,
            quota: Quota {
                publisher: 1024 * MIB,
                total: 5 * 1024 * MIB,
            },
            uploads: 16,
        }
    }
}

/// Who may become a publisher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// Whom an administrator adds.
    #[default]
    Administrators,
    /// Whoever asks, once an administrator approves.
    Approval,
    /// Whoever asks; reaches nobody until an administrator grants.
    Open,
}

/// A text that is no kind of registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("give administrators, approval or open")]
pub struct InvalidRegistration;

impl FromStr for Registration {
    type Err = InvalidRegistration;

    fn from_str(text: &str) -> Result<Self, InvalidRegistration> {
        match text {
            "administrators" => Ok(Self::Administrators),
            "approval" => Ok(Self::Approval),
            "open" => Ok(Self::Open),
            _ => Err(InvalidRegistration),
        }
    }
}

impl fmt::Display for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Administrators => "administrators",
            Self::Approval => "approval",
            Self::Open => "open",
        })
    }
}

/// What one client can cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the upgrade to the hello.
    pub hello_within: Duration,
    /// A client that takes nothing for so long is too slow.
    pub drain_within: Duration,
    /// From the beginning of a request to the end of its headers; also how long an idle
    /// connection is kept.
    pub headers_within: Duration,
    /// Live entries that wait for one stream; more are read from the store later.
    pub waiting_entries: usize,
    /// Entries read from the store at once.
    pub page_entries: usize,
    /// Open streams of one account.
    pub streams_per_account: usize,
    /// Passwords that are checked or wait for it at the same time.
    pub sign_ins: usize,
    /// Failed sign-ins of an address or account, at once.
    pub failed_sign_ins: u32,
    /// After which time one more is allowed.
    pub failed_sign_in_every: Duration,
    /// How often a subscription in ntfy's form that says nothing else says that it lives.
    pub keepalive: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            hello_within: Duration::from_secs(5),
            drain_within: Duration::from_secs(10),
            headers_within: Duration::from_secs(30),
            waiting_entries: 64,
            page_entries: 64,
            streams_per_account: 20,
            sign_ins: 256,
            failed_sign_ins: 10,
            failed_sign_in_every: Duration::from_secs(6),
            keepalive: Duration::from_secs(45),
        }
    }
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Open the store again.
    #[error("this store serves another server, or did")]
    StoreInUse,
}

/// What every request and stream needs.
pub(crate) struct App {
    pub(crate) settings: Settings,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) cursors: Cursors,
    pub(crate) registry: Arc<Registry>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) passwords: Passwords,
    /// Places for sign-ins under way.
    pub(crate) sign_ins: Semaphore,
    pub(crate) attempts: Attempts,
    pub(crate) known_passwords: KnownPasswords,
    /// Who follows topics in ntfy's form.
    pub(crate) followers: Followers,
    /// Places for requests with files.
    pub(crate) uploads: Semaphore,
    /// Held by whatever must end before the server does.
    open: watch::Sender<()>,
}

/// Something that must end before the server does.
pub(crate) type Open = watch::Receiver<()>;

/// Serves until `shutdown` is ready, then ends every stream with 1012 and returns within 5 s. The
/// store stays open.
pub async fn serve(
    settings: Settings,
    store: Arc<dyn Store>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let commits = store.commits().ok_or(ServeError::StoreInUse)?;
    let app = Arc::new(App::new(settings, store));
    let follower = Arc::clone(&app.accounts).follow(commits, Arc::clone(&app.registry));
    let mut tasks = JoinSet::new();
    tasks.spawn(follower);
    tasks.spawn(attachments::keep_sweeping(Arc::clone(&app.store)));
    tasks.spawn(upkeep::expire(
        Arc::clone(&app.store),
        app.accounts.expiring(),
    ));
    tasks.spawn(upkeep::retain(
        Arc::clone(&app.store),
        app.settings.retention,
    ));
    let (closing, closed) = watch::channel(());
    tokio::select! {
        () = accept(&app, &listener, &closed) => {}
        () = shutdown => {}
    }
    drop(listener);
    drop(closing);
    app.registry.close();
    if timeout(SHUTDOWN_WITHIN, app.open.closed()).await.is_err() {
        tracing::warn!("some connections did not end in time");
    }
    app.accounts.close();
    tasks.shutdown().await;
    Ok(())
}

async fn accept(app: &Arc<App>, listener: &TcpListener, closed: &watch::Receiver<()>) {
    let routes = http::routes(Arc::clone(app));
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let open = app.open();
                let limits = app.settings.limits;
                let connection = connection(stream, peer, routes.clone(), limits, closed.clone());
                tokio::spawn(async move {
                    connection.await;
                    drop(open);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "no connection taken");
                sleep(BREATHER).await;
            }
        }
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    routes: Router,
    limits: Limits,
    mut closed: watch::Receiver<()>,
) {
    // Small frames must not wait for company; a socket that refuses this is about to fail anyway.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    // Streams have a limit of their own and say why; this one is for answers that nobody takes.
    stream.set_write_timeout(Some(limits.drain_within * 2));
    let routes = TowerToHyperService::new(routes);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        routes.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.headers_within)
        .serve_connection(TokioIo::new(Box::pin(stream)), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = closed.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "connection ended");
    }
}

impl App {
    fn new(settings: Settings, store: Arc<dyn Store>) -> Self {
        let limits = settings.limits;
        Self {
            cursors: store.cursors(),
            registry: Arc::default(),
            accounts: Arc::new(Accounts::new(
                Arc::clone(&store),
                settings.timings,
                limits.streams_per_account,
            )),
            passwords: Passwords::default(),
            sign_ins: Semaphore::new(limits.sign_ins),
            attempts: Attempts::new(limits.failed_sign_ins, limits.failed_sign_in_every),
            known_passwords: KnownPasswords::default(),
            followers: Followers::default(),
            uploads: Semaphore::new(settings.attachments.uploads),
            open: watch::Sender::new(()),
            settings,
            store,
        }
    }

    /// To be held by whatever must end before the server does.
    pub(crate) fn open(&self) -> Open {
        self.open.subscribe()
    }

    /// Whom an access token stands for, if it is alive.
    pub(crate) async fn identify(
        &self,
        token: &AccessToken,
    ) -> Result<Option<Identity>, StoreError> {
        let now = clock::wall();
        let hash = secret::hash(token.expose());
        self.store
            .identify(&hash, now, http::session_expiry(now))
            .await
    }

    /// A client as it runs at this moment, which may be newer than at its sign-in.
    pub(crate) async fn at_version(
        &self,
        identity: Identity,
        client: ClientInfo,
    ) -> Result<Identity, StoreError> {
        let ClientInfo { name, version } = client;
        let same = name != identity.application || version == identity.version;
        if same || !http::is_name(&version) {
            return Ok(identity);
        }
        self.store
            .set_version(identity.client, version.clone())
            .await?;
        Ok(Identity {
            version,
            ..identity
        })
    }

    /// Carries out what a stream's client asks for.
    pub(crate) async fn write(&self, of: &Identity, write: Write) -> Result<(), StoreError> {
        let (store, device) = (&self.store, &of.device.id);
        let (reader, now) = (Reader::Client(of.client), clock::wall());
        match write {
            Write::Shown(ids) => store.mark_shown(&reader, device, ids, now).await,
            Write::Read(ids) => store.mark_read(&reader, ids, now).await,
            Write::Action(id, action) => {
                store.record_action(&reader, device, id, action, now).await
            }
            Write::Ack(upto) => store.ack(of.client, upto).await,
        }
    }
}
