//! The rules of other products, from their source, documentation and issue threads, in their own
//! words over the same events. Each gets the benefit of the doubt.

use core::time::Duration;
use std::collections::BTreeMap;

use hither_attention::{Accepted, Effect, Event, Router};
use hither_protocol::{
    AlertStyle, AlertWhy, DeviceId, DeviceKind, Instant, MessageId, PresenceState, Priority,
};

/// Who gets alerted: events in, effects out.
pub(crate) trait Rule {
    fn handle(&mut self, now: Instant, event: Event, effects: &mut Vec<Effect>);
    fn next_wakeup(&self) -> Option<Instant>;
}

impl Rule for Router {
    fn handle(&mut self, now: Instant, event: Event, effects: &mut Vec<Effect>) {
        Self::handle(self, now, event, effects);
    }

    fn next_wakeup(&self) -> Option<Instant> {
        Self::next_wakeup(self)
    }
}

/// Which desktops pop up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Toast {
    /// All that are connected, locked or not.
    Connected,
    /// The one that is in use.
    Active,
}

/// When the phone is pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Push {
    /// Always.
    Always,
    /// When nobody is at a desktop as the message comes.
    IfAway,
    /// That, and what is unread so long after the last desktop was lost.
    IfAwayOrLost(Duration),
    /// If nobody is at a desktop; else so long after the message, unless it is read by then.
    Parked(Duration),
    /// As `Parked`, but at once when the person leaves.
    ParkedUntilAway(Duration),
    /// If nobody is at a desktop; else when the person leaves, if it is unread.
    OnceAway,
}

/// A rule in the manner of other products.
#[derive(Debug)]
pub(crate) struct Rival {
    toast: Toast,
    push: Push,
    /// A desktop that said nothing for so long is not active.
    stale: Duration,
    desktops: BTreeMap<DeviceId, Desktop>,
    phones: Vec<DeviceId>,
    /// Unread and not pushed; pushed at the latest then.
    parked: BTreeMap<MessageId, Option<Instant>>,
    /// For the first desktop that comes.
    waiting: Vec<MessageId>,
    lost_at: Option<Instant>,
}

#[derive(Debug, Default)]
struct Desktop {
    connected: bool,
    active: bool,
    said: Instant,
    input: Instant,
}

impl Rival {
    pub(crate) fn new(toast: Toast, push: Push, stale: Duration) -> Self {
        Self {
            toast,
            push,
            stale,
            desktops: BTreeMap::new(),
            phones: Vec::new(),
            parked: BTreeMap::new(),
            waiting: Vec::new(),
            lost_at: None,
        }
    }

    /// The desktop in use; the one used last, of several.
    fn active(&self, now: Instant) -> Option<&DeviceId> {
        let fresh = |desktop: &Desktop| desktop.active && now < desktop.said + self.stale;
        let active = self.desktops.iter().filter(|(_, desktop)| fresh(desktop));
        let last = active.max_by_key(|(_, desktop)| desktop.input);
        last.map(|(id, _)| id)
    }

    fn connected(&self) -> impl Iterator<Item = &DeviceId> {
        let desktops = self.desktops.iter();
        let connected = desktops.filter(|(_, desktop)| desktop.connected);
        connected.map(|(id, _)| id)
    }

    fn accepted(&mut self, now: Instant, message: &Accepted, effects: &mut Vec<Effect>) {
        let id = message.id;
        if message.priority < Priority::Default {
            return effects.push(Effect::Deliver {
                id,
                ring: Vec::new(),
            });
        }
        let active = self.active(now).cloned();
        let ring: Vec<_> = match self.toast {
            Toast::Active if !self.phones.is_empty() => active.iter().cloned().collect(),
            _ => self.connected().cloned().collect(),
        };
        let somebody_rings = !ring.is_empty();
        effects.push(Effect::Deliver { id, ring });
        if self.phones.is_empty() {
            if !somebody_rings {
                self.waiting.push(id);
            }
            return;
        }
        let away = active.is_none();
        match self.push {
            Push::Always => self.push(&[id], effects),
            _ if away => self.push(&[id], effects),
            Push::Parked(wait) | Push::ParkedUntilAway(wait) => {
                self.parked.insert(id, Some(now + wait));
            }
            Push::OnceAway | Push::IfAwayOrLost(_) => drop(self.parked.insert(id, None)),
            Push::IfAway => {}
        }
    }

    fn push(&mut self, ids: &[MessageId], effects: &mut Vec<Effect>) {
        for id in ids {
            self.parked.remove(id);
        }
        if ids.is_empty() {
            return;
        }
        let pushes = self.phones.iter().map(|phone| Effect::Push {
            device: phone.clone(),
            ids: ids.to_vec(),
            style: AlertStyle::Summary,
        });
        effects.extend(pushes);
    }

    fn push_all(&mut self, effects: &mut Vec<Effect>) {
        let ids: Vec<_> = self.parked.keys().copied().collect();
        self.push(&ids, effects);
    }

    fn settle(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        for desktop in self.desktops.values_mut() {
            desktop.active &= now < desktop.said + self.stale;
        }
        let due = |until: &Option<Instant>| until.is_some_and(|until| until <= now);
        if self.parked.values().any(due) {
            // Once the phone is told of one, it is told of all.
            self.push_all(effects);
        }
        let away = self.active(now).is_none();
        match self.push {
            Push::OnceAway | Push::ParkedUntilAway(_) if away => self.push_all(effects),
            Push::IfAwayOrLost(wait) if self.lost_at.is_some_and(|at| at + wait <= now) => {
                self.lost_at = None;
                self.push_all(effects);
            }
            _ => {}
        }
    }

    fn heard(&mut self, now: Instant, device: DeviceId, active: Option<bool>, age: Duration) {
        let desktop = self.desktops.entry(device).or_default();
        desktop.active = active.unwrap_or(desktop.active);
        desktop.said = now;
        desktop.input = now - age;
    }

    fn come(&mut self, device: DeviceId, effects: &mut Vec<Effect>) {
        self.desktops.entry(device.clone()).or_default().connected = true;
        self.lost_at = None;
        let ids = core::mem::take(&mut self.waiting);
        if !ids.is_empty() {
            effects.push(Effect::Alert {
                device,
                ids,
                style: AlertStyle::Summary,
                why: AlertWhy::Waiting,
            });
        }
    }
}

impl Rule for Rival {
    fn handle(&mut self, now: Instant, event: Event, effects: &mut Vec<Effect>) {
        match event {
            Event::Connected {
                device,
                kind: DeviceKind::Desktop,
                presence,
                ..
            } => {
                let active = presence.map(|said| said.state == PresenceState::Active);
                let age = presence
                    .and_then(|said| said.last_input_ms)
                    .unwrap_or_default();
                self.heard(now, device.clone(), active, Duration::from_millis(age));
                self.come(device, effects);
            }
            Event::Disconnected { device, .. } => {
                if let Some(desktop) = self.desktops.get_mut(&device) {
                    desktop.connected = false;
                    // Zulip's presence outlives the connection; all others' ends with it.
                    desktop.active &= matches!(self.push, Push::IfAwayOrLost(_));
                }
                if self.connected().next().is_none() {
                    self.lost_at = Some(now);
                }
            }
            Event::Presence {
                device, presence, ..
            } => {
                let active = presence.state == PresenceState::Active;
                let age = Duration::from_millis(presence.last_input_ms.unwrap_or_default());
                self.heard(now, device, Some(active), age);
            }
            Event::Heartbeat {
                device,
                last_input: Some(age),
                ..
            } => self.heard(now, device, None, age),
            Event::Accepted(message) => self.accepted(now, &message, effects),
            Event::Read { ids } => {
                for id in ids {
                    self.parked.remove(&id);
                }
            }
            Event::PushRegistered { device } => self.phones.push(device),
            _ => {}
        }
        self.settle(now, effects);
    }

    fn next_wakeup(&self) -> Option<Instant> {
        let parked = self.parked.values().flatten().min().copied();
        let lost = match self.push {
            Push::IfAwayOrLost(wait) => self.lost_at.map(|at| at + wait),
            _ => None,
        };
        let stale = self.desktops.values().filter(|desktop| desktop.active);
        let stale = stale.map(|desktop| desktop.said + self.stale).min();
        let stale = stale.filter(|_| !self.parked.is_empty());
        [parked, lost, stale].into_iter().flatten().min()
    }
}
