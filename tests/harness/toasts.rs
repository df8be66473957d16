//! What the notification daemon was told to show, seen by watching the bus.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use zbus::message::Type;
use zbus::{MatchRule, MessageStream, connection, fdo::MonitoringProxy};

type NotifyArguments = (
    String,
    u32,
    String,
    String,
    String,
    Vec<String>,
    HashMap<String, zbus::zvariant::OwnedValue>,
    i32,
);

/// A toast on the screen, or one that was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// The daemon's id; a replacement keeps it.
    pub id: u32,
    /// First line.
    pub title: String,
    /// The text.
    pub body: String,
    /// Labels of its buttons, without the default action.
    pub actions: Vec<String>,
    /// Still on the screen.
    pub displayed: bool,
}

/// Follows every toast of one session bus from its start on.
#[derive(Debug)]
pub struct Toasts {
    seen: Arc<Mutex<Vec<Toast>>>,
    watcher: tokio::task::JoinHandle<()>,
}

impl Toasts {
    /// Begins to watch. Nothing that comes after is missed.
    pub async fn watch(bus: &str) -> anyhow::Result<Self> {
        let connection = connection::Builder::address(bus)?.build().await?;
        let stream = MessageStream::from(&connection);
        let rule = MatchRule::builder()
            .interface("org.freedesktop.Notifications")?
            .build();
        let returns = MatchRule::builder().msg_type(Type::MethodReturn).build();
        MonitoringProxy::new(&connection)
            .await?
            .become_monitor(&[rule, returns], 0)
            .await?;
        let seen = Arc::default();
        let watcher = tokio::spawn(follow(stream, Arc::clone(&seen)));
        Ok(Self { seen, watcher })
    }

    /// Every toast so far, oldest first; a replaced one is listed once, as it is.
    #[must_use]
    pub fn all(&self) -> Vec<Toast> {
        self.seen.lock().expect("never poisoned").clone()
    }

    /// The toasts on the screen.
    #[must_use]
    pub fn displayed(&self) -> Vec<Toast> {
        let mut toasts = self.all();
        toasts.retain(|toast| toast.displayed);
        toasts
    }

    /// One on the screen whose title or body holds this text.
    #[must_use]
    pub fn displaying(&self, text: &str) -> Option<Toast> {
        let mut toasts = self.displayed().into_iter();
        toasts.find(|toast| toast.title.contains(text) || toast.body.contains(text))
    }
}

impl Drop for Toasts {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

async fn follow(mut stream: MessageStream, seen: Arc<Mutex<Vec<Toast>>>) {
    // Calls that wait for the id the daemon answers with, by caller and serial.
    let mut calls = HashMap::new();
    while let Some(Ok(message)) = stream.next().await {
        let header = message.header();
        let member = header.member().map_or("", |member| member.as_str());
        match header.message_type() {
            Type::MethodCall if member == "Notify" => {
                let caller = header.sender().map(ToString::to_string);
                let serial = message.primary_header().serial_num();
                if let Ok(arguments) = message.body().deserialize::<NotifyArguments>() {
                    calls.insert((caller, serial), arguments);
                }
            }
            Type::MethodReturn => {
                let caller = header.destination().map(ToString::to_string);
                let call = header
                    .reply_serial()
                    .and_then(|serial| calls.remove(&(caller, serial)));
                if let (Some(call), Ok(id)) = (call, message.body().deserialize::<u32>()) {
                    shown(&mut seen.lock().expect("never poisoned"), id, call);
                }
            }
            Type::Signal if member == "NotificationClosed" => {
                if let Ok((id, _reason)) = message.body().deserialize::<(u32, u32)>() {
                    let mut seen = seen.lock().expect("never poisoned");
                    let closed = seen.iter_mut().filter(|toast| toast.id == id);
                    closed.for_each(|toast| toast.displayed = false);
                }
            }
            _ => {}
        }
    }
}

fn shown(seen: &mut Vec<Toast>, id: u32, call: NotifyArguments) {
    let (_, _, _, title, body, actions, _, _) = call;
    let toast = Toast {
        id,
        title,
        body,
        actions: labels(&actions),
        displayed: true,
    };
    match seen.iter_mut().find(|old| old.id == id && old.displayed) {
        Some(old) => *old = toast,
        None => seen.push(toast),
    }
}

/// Keys and labels alternate on the wire.
fn labels(actions: &[String]) -> Vec<String> {
    let pairs = actions.chunks_exact(2);
    pairs
        .filter(|pair| pair[0] != "default")
        .map(|pair| pair[1].clone())
        .collect()
}
