//! Takes connections in and lets them go.

use core::fmt;
use core::future::pending;
use core::str::FromStr;
use core::time::Duration;
use std::sync::Arc;

use axum::http::HeaderMap;
use hither_attention::Timings;
use hither_protocol::{AccessToken, ClientInfo, CloseCode, Instant, Policy, PublisherId};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;

use crate::Network;
use crate::accounts::{Accounts, clock};
use crate::admin::AdminSocket;
use crate::attachments;
use crate::connection::Entrance;
use crate::gateway::Gateways;
use crate::http::{self, Attempts, Failure, KnownPasswords, MAX_FEEDS, Origin};
use crate::limits::{Limiter, Limits, Places};
use crate::metrics::{Metrics, Vitals};
use crate::outbound::Outbound;
use crate::registry::Registry;
use crate::secret::{self, Passwords};
use crate::session::Write;
use crate::store::{
    ADMINISTRATION, Committed, Condition, Cursors, Grantee, Identity, Quota, Reader, Retention,
    Store, StoreError, WebhookLoad,
};
use crate::tls::Tls;
use crate::{upkeep, webhooks};

pub(crate) const MIB: u64 = 1024 * 1024;
/// Between two clients that come back after a restart.
const COMEBACK: Duration = Duration::from_millis(2);
/// Few clients come back within this time, after as long a wait.
const SHORTEST_SPREAD: Duration = Duration::from_millis(300);
/// However many they are.
const LONGEST_SPREAD: Duration = Duration::from_mins(1);

/// What an operator can set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Under which address people reach this server; what each request was sent to where it is
    /// not set.
    pub public_url: Option<Origin>,
    /// Other origins whose pages browsers may send requests from.
    pub origins: Vec<Origin>,
    /// Who is believed when it says for whom it forwards.
    pub trusted_proxies: Vec<Network>,
    /// The certificate; without one, plain HTTP is spoken.
    pub tls: Option<Tls>,
    /// Who may read the metrics.
    pub metrics: MetricsAccess,
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
    /// Whether a person's other devices are told of a new sign-in.
    pub announce_sign_ins: bool,
    /// Networks that requests to addresses which others chose may reach, on any port, beside
    /// what is public.
    pub outbound_allow: Vec<Network>,
    /// For how long after the start no webhook event counts as too old: it was not tried while the
    /// server was away.
    pub old_events_stay: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: None,
            origins: Vec::new(),
            trusted_proxies: Vec::new(),
            tls: None,
            metrics: MetricsAccess::default(),
            timings: Timings::default(),
            policy: Policy::default(),
            limits: Limits::default(),
            retention: Retention::default(),
            attachments: AttachmentLimits::default(),
            announce_sign_ins: true,
            outbound_allow: Vec::new(),
            old_events_stay: webhooks::OLD_EVENTS_STAY,
            registration: Registration::default(),
        }
    }
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
    /// Those of one publisher among them.
    pub uploads_per_publisher: usize,
    /// How long the next part of a file may take to arrive; and by how much all of it may be later
    /// than at `bytes_per_second`.
    pub patience: Duration,
    /// A file that comes more slowly than this is refused.
    pub bytes_per_second: u64,
}

impl AttachmentLimits {
    /// What fits most.
    pub const DEFAULT: Self = Self {
        file_bytes: 25 * MIB,
        quota: Quota {
            publisher: 1024 * MIB,
            total: 5 * 1024 * MIB,
        },
        uploads: 16,
        uploads_per_publisher: 4,
        patience: Duration::from_secs(30),
        bytes_per_second: 16 * 1024,
    };
}

impl Default for AttachmentLimits {
    fn default() -> Self {
        Self::DEFAULT
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

/// Who may read the metrics, besides whoever reaches a listener of their own.
#[derive(Clone, Debug, Default)]
pub struct MetricsAccess {
    /// Whoever asks from this computer itself, where everything else is answered, too.
    pub on_main: bool,
    /// Who has it, from anywhere.
    pub token: Option<AccessToken>,
}

/// Where a server listens.
#[derive(Debug)]
pub struct Listeners {
    /// For everything.
    pub main: TcpListener,
    /// For metrics alone, in plain HTTP.
    pub metrics: Option<TcpListener>,
    /// For the administrator's commands.
    pub admin: Option<AdminSocket>,
}

impl From<TcpListener> for Listeners {
    fn from(main: TcpListener) -> Self {
        Self {
            main,
            metrics: None,
            admin: None,
        }
    }
}

/// Why a server does not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Open the store again.
    #[error("this store serves another server, or did")]
    StoreInUse,
    /// Start it again; its log says what panicked.
    #[error("a part of the server failed, and without it messages would wait for ever: {0}")]
    Failed(JoinError),
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
    pub(crate) limiter: Limiter,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) started: Instant,
    /// The way to addresses that others chose.
    pub(crate) outbound: Outbound,
    /// The way to phones whose streams are closed.
    pub(crate) gateways: Gateways,
    pub(crate) known_passwords: KnownPasswords,
    /// Places for who follows topics in ntfy's form.
    pub(crate) followers: Arc<Places<Grantee>>,
    /// Places for requests with files.
    pub(crate) uploads: Arc<Places<PublisherId>>,
    /// Held by whatever must end before the server does.
    open: watch::Sender<()>,
}

/// Something that must end before the server does.
pub(crate) type Open = watch::Receiver<()>;

/// Serves until `shutdown` is ready or a part of the server fails, then tells every stream when to
/// come back, ends it with 1012, and returns in time. The store stays open.
pub async fn serve(
    settings: Settings,
    store: Arc<dyn Store>,
    listeners: impl Into<Listeners>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let Listeners {
        main,
        metrics,
        admin,
    } = listeners.into();
    let commits = store.commits().ok_or(ServeError::StoreInUse)?;
    let head = store.head();
    let app = Arc::new(App::new(settings, store));
    app.accounts.begin_after(head);
    let (closing, closed) = watch::channel(());
    let mut tasks = background(&app, commits, closed.clone());
    if let Some(admin) = admin {
        tasks.spawn(admin.run(Arc::clone(&app)));
    }
    let entrance = Entrance {
        routes: http::routes(Arc::clone(&app)),
        app: Arc::clone(&app),
        encrypted: true,
        closed,
    };
    let own_metrics = Entrance {
        routes: http::metrics_routes(Arc::clone(&app)),
        encrypted: false,
        ..entrance.clone()
    };
    let served = tokio::select! {
        () = entrance.accept(&main) => Ok(()),
        () = own_metrics.accept_on(metrics.as_ref()) => Ok(()),
        failed = first_failed(&mut tasks) => Err(ServeError::Failed(failed)),
        () = shutdown => Ok(()),
    };
    drop((main, metrics));
    drop(closing);
    app.registry.close();
    app.store.give_up();
    let stop_within = app.settings.limits.stop_within;
    if timeout(stop_within, app.open.closed()).await.is_err() {
        tracing::warn!("some connections did not end in time");
    }
    app.accounts.close();
    tasks.shutdown().await;
    app.accounts.decisions().write().await;
    served
}

/// Begins what goes on beside requests, as long as the server runs.
fn background(
    app: &Arc<App>,
    commits: UnboundedReceiver<Committed>,
    closed: watch::Receiver<()>,
) -> JoinSet<()> {
    let store = || Arc::clone(&app.store);
    let accounts = Arc::clone(&app.accounts);
    let mut tasks = JoinSet::new();
    tasks.spawn(accounts.follow(commits, Arc::clone(&app.registry)));
    tasks.spawn(app.accounts.decisions().keep_writing());
    tasks.spawn(attachments::keep_sweeping(store()));
    tasks.spawn(upkeep::expire(store(), app.accounts.expiring()));
    tasks.spawn(upkeep::release(store(), app.accounts.scheduling()));
    tasks.spawn(upkeep::retain(store(), app.settings.retention));
    tasks.spawn(webhooks::keep_posting(Arc::clone(app), closed));
    tasks
}

/// Waits for a task that panicked; one that is done is none.
async fn first_failed(tasks: &mut JoinSet<()>) -> JoinError {
    loop {
        match tasks.join_next().await {
            Some(Ok(())) => {}
            Some(Err(failed)) => return failed,
            None => pending().await,
        }
    }
}

impl App {
    pub(crate) fn new(settings: Settings, store: Arc<dyn Store>) -> Self {
        let limits = settings.limits;
        let gateways = Gateways::default();
        let metrics = Arc::new(Metrics::new(&store.measures()));
        Self {
            cursors: store.cursors(),
            registry: Arc::default(),
            accounts: Arc::new(Accounts::new(
                Arc::clone(&store),
                settings.timings,
                settings.policy,
                limits.streams_per_account,
                Arc::clone(&metrics),
                gateways,
            )),
            passwords: Passwords::default(),
            sign_ins: Semaphore::new(limits.sign_ins),
            attempts: Attempts::new(limits.failed_sign_ins),
            limiter: Limiter::new(&limits),
            metrics,
            started: clock::now(),
            outbound: Outbound::new(settings.outbound_allow.clone()),
            gateways,
            known_passwords: KnownPasswords::default(),
            followers: Places::new(usize::MAX, MAX_FEEDS),
            uploads: Places::new(
                settings.attachments.uploads,
                settings.attachments.uploads_per_publisher,
            ),
            open: watch::Sender::new(()),
            settings,
            store,
        }
    }

    /// To be held by whatever must end before the server does.
    pub(crate) fn open(&self) -> Open {
        self.open.subscribe()
    }

    /// Under which address the sender of a request reaches this server.
    pub(crate) fn origin(&self, headers: &HeaderMap) -> Result<Origin, Failure> {
        match &self.settings.public_url {
            Some(public) => Ok(public.clone()),
            None => Origin::asked_for(headers, self.settings.tls.is_some()),
        }
    }

    /// Whether a browser sent the request from a page that may.
    pub(crate) fn is_from_own_page(&self, headers: &HeaderMap) -> Result<bool, Failure> {
        let others = &self.settings.origins;
        Ok(self.origin(headers)?.sent(headers) || others.iter().any(|other| other.sent(headers)))
    }

    /// Whom an access token stands for, if it is alive. An administrator's stands for nobody beside
    /// the admin page.
    pub(crate) async fn identify(
        &self,
        token: &AccessToken,
    ) -> Result<Option<Identity>, StoreError> {
        let now = clock::wall();
        let hash = secret::hash(token.expose());
        let expires_at = http::session_expiry(now);
        let identity = self.store.identify(&hash, now, expires_at).await?;
        Ok(identity.filter(|identity| identity.application != ADMINISTRATION))
    }

    /// The same for a stream, which is closed with this code where the token is dead.
    pub(crate) async fn admit(
        &self,
        token: &AccessToken,
    ) -> Result<Result<Identity, CloseCode>, StoreError> {
        if let Some(identity) = self.identify(token).await? {
            return Ok(Ok(identity));
        }
        let hash = secret::hash(token.expose());
        Ok(Err(if self.store.is_revoked(&hash, clock::wall()).await? {
            CloseCode::Revoked
        } else {
            CloseCode::SignInAgain
        }))
    }

    /// The server at this moment.
    pub(crate) async fn vitals(&self) -> Vitals {
        let store = self.store.condition().await.unwrap_or_else(|error| {
            tracing::error!(%error, "the store does not say how it is");
            Condition::default()
        });
        let webhooks = self.store.webhook_load().await.unwrap_or_else(|error| {
            tracing::error!(%error, "the store does not say how webhooks are");
            WebhookLoad::default()
        });
        let (streams, owing_since) = self.registry.count();
        Vitals {
            streams,
            oldest_unacked: owing_since.map_or(Duration::ZERO, |since| clock::now().since(since)),
            places: self.limiter.places(),
            accounts: self.accounts.loaded(),
            sign_ins_waiting: self.settings.limits.sign_ins - self.sign_ins.available_permits(),
            commit_waiting: store.waiting,
            scheduled: store.scheduled,
            store_bytes: store.used_bytes,
            free_bytes: store.free_bytes,
            webhooks,
            certificate_expires: self.settings.tls.as_ref().map_or(0, Tls::expires_at),
        }
    }

    /// How long a client waits before it comes back after a restart: all of them together come
    /// back at about five hundred each second.
    pub(crate) fn comeback(&self) -> Duration {
        let (streams, _) = self.registry.count();
        let streams = u32::try_from(streams).unwrap_or(u32::MAX);
        let spread = (COMEBACK * streams).clamp(SHORTEST_SPREAD, LONGEST_SPREAD);
        SHORTEST_SPREAD + spread.mul_f64(secret::fraction())
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
            Write::Shown(ids, stays) => {
                let shown = store.mark_shown(&reader, device, ids, stays, now).await?;
                self.metrics.shown(shown);
            }
            Write::Read(ids) => self.metrics.read(store.mark_read(&reader, ids, now).await?),
            Write::Action(id, action) => {
                store
                    .record_action(&reader, device, id, action, now)
                    .await?;
            }
            Write::Ack(upto) => {
                store.ack(of.client, upto).await?;
                self.metrics.acked();
            }
        }
        Ok(())
    }
}
