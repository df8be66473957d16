//! `org.freedesktop.Notifications` over one connection with one loop: every answer and every click
//! arrives in the order it happened.

mod daemon;
mod kept;

use core::future::pending;
use core::time::Duration;
use std::path::PathBuf;

use futures_util::StreamExt as _;
use hither_engine::{FoundToast, Toast, ToastEvent, ToastKey};
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};
use zbus::connection::Builder;
use zbus::fdo::DBusProxy;
use zbus::names::{BusName, OwnedUniqueName};
use zbus::zvariant::DynamicType;
use zbus::{Connection, MatchRule, Message, MessageStream, message};

use self::daemon::{Daemon, Up};
#[cfg(test)]
pub(super) use self::daemon::{MARK_READ, escaped};
use self::kept::{File, Kept};
use super::Order;

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

const ANSWER_WITHIN: Duration = Duration::from_secs(3);

const BUS: &str = "org.freedesktop.DBus";

/// The session's notifications; connected with the first pop-up.
#[derive(Debug, Default)]
pub(super) struct Notifications {
    /// The session bus; `None` is the usual place.
    address: Option<String>,
    session: Option<Session>,
    file: File,
}

/// A bus, and what we know of the daemon on it.
#[derive(Debug)]
struct Session {
    connection: Connection,
    /// What names this bus among all.
    bus: String,
    signals: MessageStream,
    /// Another daemon, or none, takes the place of the one before it.
    changes: MessageStream,
    daemon: Option<Daemon>,
    /// Went with their daemon, which nobody was told yet.
    lost: Vec<ToastKey>,
}

impl Notifications {
    /// Those on the usual bus. What is up is kept in `file`.
    pub(super) fn kept_in(file: Option<PathBuf>) -> Self {
        Self {
            file: File::at(file),
            ..Self::default()
        }
    }

    /// Those on another bus than the usual one.
    #[cfg(test)]
    pub(super) fn on(address: &str) -> Self {
        Self {
            address: Some(address.to_owned()),
            ..Self::default()
        }
    }

    #[cfg(test)]
    pub(super) fn keeping(self, file: PathBuf) -> Self {
        Self {
            file: File::at(Some(file)),
            ..self
        }
    }

    /// Carries out orders and tells what the daemon says, until there will be no more orders.
    pub(super) async fn run(
        mut self,
        mut orders: mpsc::UnboundedReceiver<Order>,
        tell: mpsc::UnboundedSender<ToastEvent>,
    ) {
        let mut events = self.find_left_behind().await;
        loop {
            // Before anybody takes it for shown.
            self.file
                .keep(self.session.as_ref().and_then(Session::kept));
            for event in events.drain(..) {
                let _ = tell.send(event);
            }
            tokio::select! {
                order = orders.recv() => match order {
                    Some(Order::Show(toast)) => events = self.show(&toast).await,
                    Some(Order::Withdraw(key)) => self.withdraw(&key).await,
                    Some(Order::WithdrawAll(_done)) => self.withdraw_all().await,
                    None => return,
                },
                signal = self.next_signal() => events = self.heed(signal),
            }
        }
    }

    /// What a process before this one left on the screen, if its daemon still runs.
    async fn find_left_behind(&mut self) -> Vec<ToastEvent> {
        let Some(kept) = self.file.read() else {
            return Vec::new();
        };
        let finding = self.try_to_find(&kept);
        let found = tokio::time::timeout(ANSWER_WITHIN, finding).await;
        if !matches!(found, Ok(Some(()))) {
            self.session = None;
            return Vec::new();
        }
        let found = kept.up().map(|(key, up)| FoundToast {
            key,
            about: up.about,
            stays: up.stays,
        });
        found.map(ToastEvent::Found).collect()
    }

    async fn try_to_find(&mut self, kept: &Kept) -> Option<()> {
        let session = self.session().await.ok()?;
        let owner = session.owner().await?;
        if !kept.is_from(&session.bus, &owner) {
            return None;
        }
        let mut daemon = Daemon::find(&session.connection).await.ok()?;
        if daemon.owner != owner {
            return None;
        }
        daemon.up.extend(kept.up());
        session.daemon = Some(daemon);
        Some(())
    }

    /// What became of it, after those that turned out to be gone. It takes the place of the one
    /// with its key, whose end is no news.
    async fn show(&mut self, toast: &Toast) -> Vec<ToastEvent> {
        let shown = match tokio::time::timeout(ANSWER_WITHIN, self.try_show(toast)).await {
            Ok(shown) => shown,
            Err(_) => Err(NO_ANSWER.to_owned()),
        };
        let lost = self.session.iter_mut().flat_map(Session::take_lost);
        let mut events: Vec<_> = lost
            .filter(|key| *key != toast.key)
            .map(ToastEvent::Expired)
            .collect();
        events.push(match shown {
            Ok(stays) => ToastEvent::Up {
                key: toast.key.clone(),
                stays,
            },
            Err(why) => ToastEvent::Failed(toast.key.clone(), why),
        });
        events
    }

    /// Whether it stays as long as it is asked to; the error is for people.
    async fn try_show(&mut self, toast: &Toast) -> Result<bool, String> {
        let session = self.session().await?;
        session.notify(toast).await.map_err(|error| explain(&error))
    }

    async fn session(&mut self) -> Result<&mut Session, String> {
        let session = match self.session.take() {
            Some(session) => session,
            None => Session::open(self.address.as_deref())
                .await
                .map_err(|error| {
                    format!("There is no session bus to show notifications on: {error}")
                })?,
        };
        Ok(self.session.insert(session))
    }

    async fn withdraw(&mut self, key: &ToastKey) {
        if let Some(session) = &mut self.session {
            session.close(key).await;
        }
    }

    async fn withdraw_all(&mut self) {
        if let Some(session) = &mut self.session {
            for key in session.keys() {
                session.close(&key).await;
            }
        }
    }

    /// The next signal, or `None` when the bus is gone; waits for ever while there is no bus.
    async fn next_signal(&mut self) -> Option<Message> {
        match &mut self.session {
            Some(session) => session.next_signal().await,
            None => pending().await,
        }
    }

    fn heed(&mut self, signal: Option<Message>) -> Vec<ToastEvent> {
        let Some(session) = &mut self.session else {
            return Vec::new();
        };
        if let Some(signal) = signal {
            return session.heed(&signal);
        }
        session.lose_daemon();
        let events = session.take_lost().into_iter().map(ToastEvent::Expired);
        let events = events.collect();
        self.session = None;
        events
    }
}

const NO_ANSWER: &str = "The desktop's notifications do not answer.";

fn explain(error: &zbus::Error) -> String {
    match error {
        zbus::Error::MethodError(name, ..) if name.ends_with(".ServiceUnknown") => {
            "No notification daemon runs on this desktop.".to_owned()
        }
        error => format!("The desktop's notifications refused: {error}"),
    }
}

impl Session {
    async fn open(address: Option<&str>) -> zbus::Result<Self> {
        let builder = match address {
            Some(address) => Builder::address(address)?,
            None => Builder::session()?,
        };
        let connection = builder.build().await?;
        let bus = DBusProxy::new(&connection).await?.get_id().await?;
        let rule = MatchRule::builder()
            .msg_type(message::Type::Signal)
            .sender(NAME)?
            .interface(NAME)?
            .path(PATH)?
            .build();
        let change = MatchRule::builder()
            .msg_type(message::Type::Signal)
            .sender(BUS)?
            .interface(BUS)?
            .member("NameOwnerChanged")?
            .add_arg(NAME)?
            .build();
        Ok(Self {
            signals: MessageStream::for_match_rule(rule, &connection, None).await?,
            changes: MessageStream::for_match_rule(change, &connection, None).await?,
            connection,
            bus: bus.to_string(),
            daemon: None,
            lost: Vec::new(),
        })
    }

    /// What the daemon said goes before its end.
    async fn next_signal(&mut self) -> Option<Message> {
        let signal = tokio::select! {
            biased;
            signal = self.signals.next() => signal,
            change = self.changes.next() => change,
        };
        signal?.ok()
    }

    fn heed(&mut self, signal: &Message) -> Vec<ToastEvent> {
        let Some(daemon) = &mut self.daemon else {
            return Vec::new();
        };
        if !ends(signal, &daemon.owner) {
            return daemon.heed(signal).into_iter().collect();
        }
        self.lose_daemon();
        let lost = self.take_lost().into_iter();
        lost.map(ToastEvent::Expired).collect()
    }

    /// The daemon takes its pop-ups with it.
    fn lose_daemon(&mut self) {
        let daemon = self.daemon.take().into_iter();
        self.lost
            .extend(daemon.flat_map(|daemon| daemon.up.into_keys()));
    }

    fn take_lost(&mut self) -> Vec<ToastKey> {
        core::mem::take(&mut self.lost)
    }

    async fn notify(&mut self, toast: &Toast) -> zbus::Result<bool> {
        let daemon = if let Some(daemon) = self.still_running().await {
            daemon
        } else {
            self.lose_daemon();
            Daemon::find(&self.connection).await?
        };
        let daemon = self.daemon.insert(daemon);
        let shown = ask_to_show(&self.connection, daemon, toast).await;
        Ok(daemon.shown(toast, shown.map_err(|_| zbus::Error::InvalidReply)??))
    }

    /// The daemon we know, unless another one or none has its place.
    async fn still_running(&mut self) -> Option<Daemon> {
        let owner = self.owner().await?;
        self.daemon.take_if(|daemon| daemon.owner == owner)
    }

    /// Whoever is the daemon now.
    async fn owner(&self) -> Option<OwnedUniqueName> {
        let bus = DBusProxy::new(&self.connection).await.ok()?;
        let name = BusName::from_static_str(NAME).ok()?;
        bus.get_name_owner(name).await.ok()
    }

    /// What is up, for the next process.
    fn kept(&self) -> Option<Kept> {
        let daemon = self
            .daemon
            .as_ref()
            .filter(|daemon| !daemon.up.is_empty())?;
        Some(Kept::new(&self.bus, &daemon.owner, &daemon.up))
    }

    fn keys(&self) -> Vec<ToastKey> {
        let up = self.daemon.iter().flat_map(|daemon| daemon.up.keys());
        up.cloned().collect()
    }

    async fn close(&mut self, key: &ToastKey) {
        let Some(daemon) = &mut self.daemon else {
            return;
        };
        let owner = daemon.owner.clone();
        if let Some(Up { id, .. }) = daemon.up.remove(key) {
            // When it fails, the pop-up or its daemon is gone already: off the screen either way.
            let _ = tokio::time::timeout(ANSWER_WITHIN, close(&self.connection, &owner, id)).await;
        }
    }
}

/// The daemon's id for it. One that comes when nobody waits for it any more was given up: what it
/// shows by then is nobody's, and is closed at once.
fn ask_to_show(
    connection: &Connection,
    daemon: &Daemon,
    toast: &Toast,
) -> oneshot::Receiver<zbus::Result<u32>> {
    let (answer, answered) = oneshot::channel();
    let (connection, owner) = (connection.clone(), daemon.owner.clone());
    let request = daemon.request(toast);
    tokio::spawn(async move {
        let reply = call(&connection, "Notify", &request).await;
        let id = reply.and_then(|reply| reply.body().deserialize());
        if let Err(Ok(late)) = answer.send(id) {
            // As above.
            let _ = close(&connection, &owner, late).await;
        }
    });
    answered
}

async fn close(connection: &Connection, owner: &OwnedUniqueName, id: u32) -> zbus::Result<Message> {
    connection
        .call_method(Some(owner), PATH, Some(NAME), "CloseNotification", &(id,))
        .await
}

/// Whether the bus says that this one is no longer the daemon.
fn ends(signal: &Message, owner: &OwnedUniqueName) -> bool {
    let header = signal.header();
    let from_bus = header.sender().is_some_and(|sender| sender.as_str() == BUS);
    let body = signal.body();
    from_bus
        && body
            .deserialize()
            .is_ok_and(|(name, old, _new): (&str, &str, &str)| {
                name == NAME && old == owner.as_str()
            })
}

async fn call(
    connection: &Connection,
    method: &'static str,
    body: &(impl Serialize + DynamicType),
) -> zbus::Result<Message> {
    connection
        .call_method(Some(NAME), PATH, Some(NAME), method, body)
        .await
}
