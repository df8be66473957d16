//! Lock, sleep and session switches as logind knows them.
//!
//! Sleep is held back by a delay inhibitor until the goodbye was sent, or for a moment at most.

use core::future::{pending, ready};
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::collections::HashMap;
use std::process;
use std::sync::Arc;

use futures_util::stream::select;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until};
use zbus::fdo::PropertiesProxy;
use zbus::names::{InterfaceName, OwnedUniqueName};
use zbus::zvariant::{ObjectPath, OwnedFd, OwnedObjectPath, Value};
use zbus::{Connection, MatchRule, MessageStream, message};

use super::bus::{Service, SharedBus};
use super::lock::{Locks, Says};
use crate::Event;
use crate::source::{SourceState, Sources, Topic};

const NAME: &str = "logind session";
const SESSION: &str = "org.freedesktop.login1.Session";

/// logind itself waits five seconds at most, by default.
const HOLD_SLEEP_FOR: Duration = Duration::from_secs(2);

/// What the watch needs and feeds.
pub(super) struct Watch {
    pub(super) bus: SharedBus,
    /// logind's name for this session, if somebody told it.
    pub(super) session_id: Option<String>,
    pub(super) events: mpsc::UnboundedSender<Event>,
    pub(super) locks: Locks,
    pub(super) sources: Sources,
    pub(super) sleep_ready: Arc<Notify>,
    /// Whether another session is in front, as it was told.
    pub(super) away: AtomicBool,
    /// Whether the computer is about to sleep, as it was told.
    pub(super) asleep: AtomicBool,
}

#[zbus::proxy(
    interface = "org.freedesktop.login1.Manager",
    default_path = "/org/freedesktop/login1",
    gen_blocking = false
)]
trait Manager {
    fn get_session(&self, id: &str) -> zbus::Result<OwnedObjectPath>;
    #[zbus(name = "GetSessionByPID")]
    fn get_session_by_pid(&self, pid: u32) -> zbus::Result<OwnedObjectPath>;
    #[zbus(name = "GetUserByPID")]
    fn get_user_by_pid(&self, pid: u32) -> zbus::Result<OwnedObjectPath>;
    fn inhibit(&self, what: &str, who: &str, why: &str, mode: &str) -> zbus::Result<OwnedFd>;
    #[zbus(signal)]
    fn session_new(&self, id: String, path: OwnedObjectPath) -> zbus::Result<()>;
    #[zbus(signal)]
    fn session_removed(&self, id: String, path: OwnedObjectPath) -> zbus::Result<()>;
    #[zbus(signal)]
    fn prepare_for_sleep(&self, start: bool) -> zbus::Result<()>;
}

#[zbus::proxy(interface = "org.freedesktop.login1.Session", gen_blocking = false)]
trait Session {
    #[zbus(signal)]
    fn lock(&self) -> zbus::Result<()>;
    #[zbus(signal)]
    fn unlock(&self) -> zbus::Result<()>;
}

#[zbus::proxy(interface = "org.freedesktop.login1.User", gen_blocking = false)]
trait User {
    #[zbus(property(emits_changed_signal = "false"))]
    fn display(&self) -> zbus::Result<(String, OwnedObjectPath)>;
}

/// Follows logind until the system bus goes away.
pub(super) async fn watch(watch: Watch) {
    let reason = match watch.connect().await {
        Ok((connection, service)) => watch.follow(&connection, service).await,
        Err(reason) => reason,
    };
    watch.say(&SourceState::Skipped(reason));
}

impl Watch {
    async fn connect(&self) -> Result<(Connection, Service), String> {
        let bus = self.bus.clone();
        let connection = bus
            .await
            .map_err(|reason| format!("no system bus: {reason}"))?;
        let service = Service::follow(&connection, "org.freedesktop.login1")
            .await
            .map_err(|error| format!("the system bus refused: {error}"))?;
        Ok((connection, service))
    }

    /// Returns why it ended, for people.
    async fn follow(&self, connection: &Connection, mut service: Service) -> String {
        loop {
            let owner = service.owner().await;
            tokio::select! {
                () = self.listen(connection, owner) => {}
                changed = service.changed() => if !changed { break },
            }
        }
        self.forget();
        "the system bus is gone".to_owned()
    }

    /// Tells people what became of it.
    fn say(&self, state: &SourceState) {
        for topic in [Topic::Lock, Topic::Session, Topic::Sleep] {
            self.sources.set(topic, NAME, state.clone());
        }
    }

    /// Nobody says any more that the screen is locked, or somebody else's, or will say that the
    /// computer woke.
    fn forget(&self) {
        self.locks.set(Says::Hint, false);
        self.switched_away(false);
        if self.asleep.load(Ordering::Acquire) {
            self.sleeping(false);
        }
    }

    fn sleeping(&self, begins: bool) {
        self.asleep.store(begins, Ordering::Release);
        if !begins {
            self.locks.woke();
        }
        let _ = self.events.send(Event::Sleeping(begins));
    }

    fn switched_away(&self, away: bool) {
        if self.away.swap(away, Ordering::AcqRel) != away {
            let _ = self.events.send(Event::SwitchedAway(away));
        }
    }

    /// Takes what one logind says, for as long as it may say something.
    async fn listen(&self, connection: &Connection, owner: Option<OwnedUniqueName>) {
        let reason = match owner {
            None => "logind is not running".to_owned(),
            Some(owner) => match self.follow_sessions(connection, &owner).await {
                Ok(()) => "it fell silent".to_owned(),
                Err(error) => format!("it does not answer: {error}"),
            },
        };
        self.forget();
        self.say(&SourceState::Skipped(reason));
        pending::<()>().await;
    }

    /// Our session may come later than this process, and another one after it.
    async fn follow_sessions(
        &self,
        connection: &Connection,
        owner: &OwnedUniqueName,
    ) -> zbus::Result<()> {
        let manager = ManagerProxy::builder(connection)
            .destination(owner.clone())?
            .build()
            .await?;
        let new = manager.receive_session_new().await?.map(drop);
        let seen = changes_of_users(connection, owner).await?.map(drop);
        let mut others = select(new, seen);
        loop {
            match self.attach(connection, owner, &manager).await {
                Ok(attached) => {
                    self.say(&SourceState::Taken);
                    tokio::select! {
                        () = attached.run(self) => {}
                        // What nobody takes stops the whole connection once its queue is full.
                        () = others.by_ref().for_each(|()| ready(())) => {}
                    }
                    self.say(&SourceState::Starting);
                    self.forget();
                }
                Err(error) => {
                    let reason = format!("no session of ours: {error}");
                    self.say(&SourceState::Skipped(reason));
                    if others.next().await.is_none() {
                        return Ok(());
                    }
                }
            }
        }
    }

    async fn attach(
        &self,
        connection: &Connection,
        owner: &OwnedUniqueName,
        manager: &ManagerProxy<'static>,
    ) -> zbus::Result<Attached> {
        let path = self.find_session(manager, connection, owner).await?;
        let session = SessionProxy::builder(connection)
            .destination(owner.clone())?
            .path(path.clone())?
            .build()
            .await?;
        let properties = PropertiesProxy::builder(connection)
            .destination(owner.clone())?
            .path(path.clone())?
            .build()
            .await?;
        Attached::new(manager.clone(), session, properties, path).await
    }

    /// The session this process belongs to, or the one the person sees: a process started by the
    /// user's service manager belongs to none.
    async fn find_session(
        &self,
        manager: &ManagerProxy<'_>,
        connection: &Connection,
        owner: &OwnedUniqueName,
    ) -> zbus::Result<OwnedObjectPath> {
        if let Some(id) = &self.session_id
            && let Ok(path) = manager.get_session(id).await
        {
            return Ok(path);
        }
        if let Ok(path) = manager.get_session_by_pid(process::id()).await {
            return Ok(path);
        }
        let user = manager.get_user_by_pid(process::id()).await?;
        let user = UserProxy::builder(connection)
            .destination(owner.clone())?
            .path(user)?
            .build()
            .await?;
        let (_, path) = user.display().await?;
        if path.as_ref() == ObjectPath::from_static_str_unchecked("/") {
            return Err(zbus::Error::Failure(
                "this user has no graphical session".to_owned(),
            ));
        }
        Ok(path)
    }

    /// What the session's properties say, at the start and at every change.
    fn heed(&self, properties: &HashMap<&str, &Value<'_>>) {
        if let Some(Value::Bool(locked)) = properties.get("LockedHint") {
            self.locks.set(Says::Hint, *locked);
        }
        if let Some(Value::Bool(active)) = properties.get("Active") {
            self.switched_away(!*active);
        }
    }

    /// Without an idle source nothing would end a request that the locker does not confirm.
    fn heed_request(&self, lock: bool) {
        if !lock || self.sources.has(Topic::Idle) {
            self.locks.set(Says::Request, lock);
        }
    }
}

/// Which session each user sees, whenever that changes.
async fn changes_of_users(
    connection: &Connection,
    owner: &OwnedUniqueName,
) -> zbus::Result<MessageStream> {
    let rule = MatchRule::builder()
        .msg_type(message::Type::Signal)
        .sender(owner)?
        .interface("org.freedesktop.DBus.Properties")?
        .member("PropertiesChanged")?
        .path_namespace("/org/freedesktop/login1/user")?
        .build();
    MessageStream::for_match_rule(rule, connection, None).await
}

/// A logind whose signals we hear.
struct Attached {
    path: OwnedObjectPath,
    manager: ManagerProxy<'static>,
    properties: PropertiesProxy<'static>,
    changes: zbus::fdo::PropertiesChangedStream,
    locks: LockStream,
    unlocks: UnlockStream,
    sleeps: PrepareForSleepStream,
    removed: SessionRemovedStream,
}

impl Attached {
    async fn new(
        manager: ManagerProxy<'static>,
        session: SessionProxy<'static>,
        properties: PropertiesProxy<'static>,
        path: OwnedObjectPath,
    ) -> zbus::Result<Self> {
        Ok(Self {
            path,
            changes: properties
                .receive_properties_changed_with_args(&[(0, SESSION)])
                .await?,
            locks: session.receive_lock().await?,
            unlocks: session.receive_unlock().await?,
            sleeps: manager.receive_prepare_for_sleep().await?,
            removed: manager.receive_session_removed().await?,
            manager,
            properties,
        })
    }

    /// Until the session is over.
    async fn run(mut self, watch: &Watch) {
        if let Ok(now) = self.read_all().await {
            let now = now.iter().map(|(name, value)| (name.as_str(), &**value));
            watch.heed(&now.collect());
        }
        let mut inhibitor = Inhibitor::take(&self.manager).await;
        loop {
            tokio::select! {
                Some(change) = self.changes.next() => if let Ok(args) = change.args() {
                    let changed = args.changed_properties();
                    watch.heed(&changed.iter().map(|(name, value)| (*name, value)).collect());
                },
                Some(_) = self.locks.next() => watch.heed_request(true),
                Some(_) = self.unlocks.next() => watch.heed_request(false),
                Some(sleep) = self.sleeps.next() => if let Ok(args) = sleep.args() {
                    self.sleep(watch, *args.start(), &mut inhibitor).await;
                },
                Some(gone) = self.removed.next() => if let Ok(args) = gone.args() && args.path == self.path {
                    return;
                },
                () = Inhibitor::released(inhibitor.as_ref(), &watch.sleep_ready) => inhibitor = None,
            }
        }
    }

    async fn read_all(&self) -> zbus::fdo::Result<HashMap<String, zbus::zvariant::OwnedValue>> {
        let session = InterfaceName::from_static_str_unchecked(SESSION);
        self.properties.get_all(session).await
    }

    async fn sleep(&self, watch: &Watch, begins: bool, inhibitor: &mut Option<Inhibitor>) {
        watch.sleeping(begins);
        if begins {
            // What was said about an earlier sleep does not count for this one.
            let _ = watch.sleep_ready.notified().now_or_never();
            if let Some(inhibitor) = inhibitor {
                inhibitor.until = Some(Instant::now() + HOLD_SLEEP_FOR);
            }
        } else {
            // May take its time, which nobody who woke has.
            *inhibitor = Inhibitor::take(&self.manager).await;
        }
    }
}

/// Holds sleep back while its file is open.
struct Inhibitor {
    _file: OwnedFd,
    /// Set while sleep waits for us, until then at most.
    until: Option<Instant>,
}

impl Inhibitor {
    async fn take(manager: &ManagerProxy<'_>) -> Option<Self> {
        let why = "To say goodbye before the network goes";
        match manager.inhibit("sleep", "Hither", why, "delay").await {
            Ok(file) => Some(Self {
                _file: file,
                until: None,
            }),
            Err(error) => {
                tracing::info!(%error, "sleep cannot be held back for a goodbye");
                None
            }
        }
    }

    /// Waits until sleep need not be held back any longer; for ever when it is not.
    async fn released(held: Option<&Self>, ready: &Notify) {
        let Some(deadline) = held.and_then(|inhibitor| inhibitor.until) else {
            return pending().await;
        };
        tokio::select! {
            () = ready.notified() => {}
            () = sleep_until(deadline) => {}
        }
    }
}
