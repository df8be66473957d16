//! `org.freedesktop.Notifications` over one connection with one loop: every answer and every click
//! arrives in the order it happened.

use core::future::pending;
use core::time::Duration;
use std::collections::HashMap;
use std::io;

use futures_util::StreamExt as _;
use hither_engine::{Toast, ToastEvent, ToastKey};
use hither_protocol::Priority;
use serde::Serialize;
use tokio::sync::mpsc;
use zbus::connection::Builder;
use zbus::fdo::DBusProxy;
use zbus::names::{BusName, OwnedUniqueName};
use zbus::zvariant::{DynamicType, Value};
use zbus::{Connection, MatchRule, Message, MessageStream, message};

use super::{Order, text};
use crate::words::one_line;

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// The click on the pop-up itself, by the specification.
const DEFAULT: &str = "default";

/// The person is done with the message.
pub(super) const MARK_READ: &str = "mark-read";

/// Before a publisher's own action, so that none can pass for one of ours.
const PUBLISHERS: &str = "publisher:";

/// Longer buttons push others off the pop-up.
const LABEL: usize = 40;

const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// Until it is closed.
const FOR_EVER: i32 = 0;
/// The daemon's own choice.
const AS_USUAL: i32 = -1;

/// Daemons that take pop-ups down whatever they are told. GNOME Shell waits for input by itself,
/// but not for one that came a moment before the pop-up, and keeps it in a list of its own.
const IMPATIENT: [&str; 2] = ["gnome-shell", "notify-osd"];

/// Why a pop-up was closed: by the person's hand. All other reasons are the desktop's.
const BY_HAND: u32 = 2;

const BUS: &str = "org.freedesktop.DBus";

/// The session's notifications; connected with the first pop-up.
#[derive(Debug, Default)]
pub(super) struct Notifications {
    /// The session bus; `None` is the usual place.
    address: Option<String>,
    session: Option<Session>,
}

/// A bus, and what we know of the daemon on it.
#[derive(Debug)]
struct Session {
    connection: Connection,
    signals: MessageStream,
    /// Another daemon, or none, takes the place of the one before it.
    changes: MessageStream,
    daemon: Option<Daemon>,
    /// Went with their daemon, which nobody was told yet.
    lost: Vec<ToastKey>,
}

/// One daemon, by its unique name, and our pop-ups on it. Another daemon counts from the beginning
/// again, so ids never outlive the one that gave them.
#[derive(Debug)]
struct Daemon {
    owner: OwnedUniqueName,
    actions: bool,
    markup: bool,
    /// Whether it leaves a pop-up up for as long as it is told to.
    patient: bool,
    up: HashMap<ToastKey, u32>,
}

impl Notifications {
    /// Those on another bus than the usual one.
    #[cfg(test)]
    pub(super) fn on(address: &str) -> Self {
        Self {
            address: Some(address.to_owned()),
            session: None,
        }
    }

    /// Carries out orders and tells what the daemon says, until there will be no more orders.
    pub(super) async fn run(
        mut self,
        mut orders: mpsc::UnboundedReceiver<Order>,
        tell: mpsc::UnboundedSender<ToastEvent>,
    ) {
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    Some(Order::Show(toast)) => {
                        for event in self.show(&toast).await {
                            let _ = tell.send(event);
                        }
                    }
                    Some(Order::Withdraw(key)) => self.withdraw(&key).await,
                    Some(Order::WithdrawAll(_done)) => self.withdraw_all().await,
                    None => return,
                },
                signal = self.next_signal() => {
                    for event in self.heed(signal) {
                        let _ = tell.send(event);
                    }
                }
            }
        }
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
        zbus::Error::InputOutput(error) if error.kind() == io::ErrorKind::TimedOut => {
            NO_ANSWER.to_owned()
        }
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
        let connection = builder.method_timeout(ANSWER_WITHIN).build().await?;
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
        let reply = call(&self.connection, "Notify", &daemon.request(toast)).await?;
        daemon
            .up
            .insert(toast.key.clone(), reply.body().deserialize()?);
        Ok(daemon.expires(toast) == FOR_EVER)
    }

    /// The daemon we know, unless another one or none has its place.
    async fn still_running(&mut self) -> Option<Daemon> {
        let bus = DBusProxy::new(&self.connection).await.ok()?;
        let name = BusName::from_static_str(NAME).ok()?;
        let owner = bus.get_name_owner(name).await.ok()?;
        self.daemon.take_if(|daemon| daemon.owner == owner)
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
        if let Some(id) = daemon.up.remove(key) {
            // When it fails, the pop-up or its daemon is gone already: off the screen either way.
            let _ = self
                .connection
                .call_method(Some(&owner), PATH, Some(NAME), "CloseNotification", &(id,))
                .await;
        }
    }
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

impl Daemon {
    /// Starts one where it is installed but does not run.
    async fn find(connection: &Connection) -> zbus::Result<Self> {
        let reply = call(connection, "GetCapabilities", &()).await?;
        let header = reply.header();
        let owner = header.sender().ok_or(zbus::Error::InvalidReply)?;
        let body = reply.body();
        let capabilities: Vec<&str> = body.deserialize()?;
        let about = call(connection, "GetServerInformation", &()).await?;
        let about = about.body();
        let (name, ..): (&str, &str, &str, &str) = about.deserialize()?;
        Ok(Self {
            owner: owner.to_owned().into(),
            actions: capabilities.contains(&"actions"),
            markup: capabilities.contains(&"body-markup"),
            patient: !IMPATIENT.contains(&name),
            up: HashMap::new(),
        })
    }

    /// The arguments of `Notify`.
    fn request(&self, toast: &Toast) -> impl Serialize + DynamicType + use<> {
        let replaces = self.up.get(&toast.key).copied().unwrap_or(0);
        let (title, body) = (text::title(toast), self.body_of(toast));
        let (actions, hints) = (self.actions_of(toast), hints(toast));
        let icon = "hither";
        (
            "Hither",
            replaces,
            icon,
            title,
            body,
            actions,
            hints,
            self.expires(toast),
        )
    }

    /// Pairs of key and label.
    fn actions_of(&self, toast: &Toast) -> Vec<String> {
        if !self.actions {
            return Vec::new();
        }
        let publishers = toast.actions.iter().take(2);
        let publishers = publishers.flat_map(|action| {
            let label = one_line(&action.label, LABEL);
            [format!("{PUBLISHERS}{}", action.id), label]
        });
        let mut actions = vec![DEFAULT.to_owned(), "Open".to_owned()];
        actions.extend(publishers);
        if matches!(toast.key, ToastKey::Message(_)) {
            actions.extend([MARK_READ.to_owned(), "Mark read".to_owned()]);
        }
        actions
    }

    fn body_of(&self, toast: &Toast) -> String {
        let body = text::body(toast);
        if self.markup { escaped(&body) } else { body }
    }

    /// Milliseconds. One that takes pop-ups down all the same may show a dialog for what is to
    /// stay.
    fn expires(&self, toast: &Toast) -> i32 {
        if self.patient && (toast.stays || toast.priority >= Priority::High) {
            FOR_EVER
        } else {
            AS_USUAL
        }
    }

    fn heed(&mut self, signal: &Message) -> Option<ToastEvent> {
        let header = signal.header();
        if header.sender()? != self.owner.inner() {
            return None;
        }
        let body = signal.body();
        match header.member()?.as_str() {
            "ActionInvoked" => {
                let (id, action) = body.deserialize().ok()?;
                event(self.key_of(id)?, action)
            }
            "NotificationClosed" => {
                let (id, reason): (u32, u32) = body.deserialize().ok()?;
                let key = self.key_of(id)?;
                self.up.remove(&key);
                Some(match reason {
                    BY_HAND => ToastEvent::Dismissed(key),
                    _ => ToastEvent::Expired(key),
                })
            }
            _ => None,
        }
    }

    fn key_of(&self, id: u32) -> Option<ToastKey> {
        let mut up = self.up.iter();
        up.find(|(_, up)| **up == id).map(|(key, _)| key.clone())
    }
}

/// The text as itself, for a daemon that reads markup.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn event(key: ToastKey, action: &str) -> Option<ToastEvent> {
    match action {
        DEFAULT => Some(ToastEvent::Clicked(key)),
        MARK_READ => Some(ToastEvent::Chosen(key, MARK_READ.to_owned())),
        _ => {
            let action = action.strip_prefix(PUBLISHERS)?;
            Some(ToastEvent::Chosen(key, action.to_owned()))
        }
    }
}

fn hints(toast: &Toast) -> HashMap<&'static str, Value<'static>> {
    let urgency: u8 = match toast.priority {
        Priority::Min | Priority::Low => 0,
        Priority::Default | Priority::High => 1,
        Priority::Urgent => 2,
    };
    HashMap::from([
        ("urgency", urgency.into()),
        ("desktop-entry", "hither".into()),
        ("category", "im.received".into()),
    ])
}
