//! One notification daemon, and our pop-ups on it.

use std::collections::HashMap;

use hither_engine::{Toast, ToastEvent, ToastKey};
use hither_protocol::{MessageId, Priority};
use serde::Serialize;
use zbus::names::OwnedUniqueName;
use zbus::zvariant::{DynamicType, Value};
use zbus::{Connection, Message};

use super::call;
use crate::toasts::text;
use crate::words::one_line;

/// The click on the pop-up itself, by the specification.
const DEFAULT: &str = "default";

/// The person is done with the message.
pub(in crate::toasts) const MARK_READ: &str = "mark-read";

/// Before a publisher's own action, so that none can pass for one of ours.
const PUBLISHERS: &str = "publisher:";

/// Longer buttons push others off the pop-up.
const LABEL: usize = 40;

/// Until it is closed.
const FOR_EVER: i32 = 0;
/// The daemon's own choice.
const AS_USUAL: i32 = -1;

/// Daemons that take pop-ups down whatever they are told. GNOME Shell waits for input by itself,
/// but not for one that came a moment before the pop-up, and keeps it in a list of its own.
const IMPATIENT: [&str; 2] = ["gnome-shell", "notify-osd"];

/// Why a pop-up was closed: by the person's hand. All other reasons are the desktop's.
const BY_HAND: u32 = 2;

/// One daemon, by its unique name, and our pop-ups on it. Another daemon counts from the beginning
/// again, so ids never outlive the one that gave them.
#[derive(Debug)]
pub(super) struct Daemon {
    pub(super) owner: OwnedUniqueName,
    actions: bool,
    markup: bool,
    /// Whether it leaves a pop-up up for as long as it is told to.
    patient: bool,
    pub(super) up: HashMap<ToastKey, Up>,
}

/// One that is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Up {
    pub(super) id: u32,
    pub(super) about: Vec<MessageId>,
    /// Whether it stays until it is closed.
    pub(super) stays: bool,
}

impl Daemon {
    /// Starts one where it is installed but does not run.
    pub(super) async fn find(connection: &Connection) -> zbus::Result<Self> {
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
    pub(super) fn request(&self, toast: &Toast) -> impl Serialize + DynamicType + use<> {
        let replaces = self.up.get(&toast.key).map_or(0, |up| up.id);
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
            self.expires(),
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
    const fn expires(&self) -> i32 {
        if self.patient { FOR_EVER } else { AS_USUAL }
    }

    /// Notes that it is up; whether it stays.
    pub(super) fn shown(&mut self, toast: &Toast, id: u32) -> bool {
        let stays = self.patient;
        let about = toast.about.clone();
        self.up.insert(toast.key.clone(), Up { id, about, stays });
        stays
    }

    pub(super) fn heed(&mut self, signal: &Message) -> Option<ToastEvent> {
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
        up.find(|(_, up)| up.id == id).map(|(key, _)| key.clone())
    }
}

/// The text as itself, for a daemon that reads markup.
pub(in crate::toasts) fn escaped(text: &str) -> String {
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
