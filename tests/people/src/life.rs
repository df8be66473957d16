//! One rule lives through one person's days: devices, network, and the person's reactions.

mod alerts;
mod desktop;
mod queue;
mod times;

use core::cmp::Reverse;
use core::time::Duration;
use std::collections::BinaryHeap;

use hither_attention::{Accepted, Effect, Event};
use hither_protocol::{DeviceId, Instant, MessageId, Priority};
use uuid::Uuid;

use crate::day::{MINUTE, Ms, Screen};
use crate::rivals::Rule;
use crate::rules::Contender;

use desktop::Desktop;
use queue::{Due, Entry};

pub(crate) use desktop::SILENT_FOR;
pub(crate) use times::Timeline;

/// The longest that a message may take to reach a person who can be reached.
pub(crate) const MISSED_AFTER: Ms = 10 * MINUTE;

/// One alert on one screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Alert {
    pub(crate) on: Screen,
    pub(crate) at: Ms,
    /// Numbers of the messages.
    pub(crate) of: Vec<usize>,
    /// When the person noticed it, if ever.
    pub(crate) noticed: Option<Ms>,
}

/// The simulation of one rule.
pub(crate) struct Life<'a> {
    times: &'a Timeline<'a>,
    contender: &'a Contender,
    rule: Box<dyn Rule>,
    now: Ms,
    queue: BinaryHeap<Reverse<Entry>>,
    entries: u64,
    wake_at: Ms,
    dice: fastrand::Rng,
    desktops: Vec<Desktop>,
    read: Vec<bool>,
    alerts: Vec<Alert>,
    effects: Vec<Effect>,
    /// How many events the rule was given.
    pub(crate) events: u64,
}

impl<'a> Life<'a> {
    pub(crate) fn new(times: &'a Timeline<'a>, contender: &'a Contender, seed: u64) -> Self {
        Self {
            times,
            contender,
            rule: contender.rule(),
            now: 0,
            queue: BinaryHeap::new(),
            entries: 0,
            wake_at: Ms::MAX,
            dice: fastrand::Rng::with_seed(seed),
            desktops: times.desktops.iter().map(|_| Desktop::default()).collect(),
            read: vec![false; times.days.messages.len()],
            alerts: Vec::new(),
            effects: Vec::new(),
            events: 0,
        }
    }

    /// Lives to the end and tells every alert.
    pub(crate) fn live(&mut self) -> Vec<Alert> {
        let end = self.times.days.length_ms;
        let mut edges = self.times.edges.iter().peekable();
        loop {
            let edge = edges.peek().map_or(Ms::MAX, |(at, _)| *at);
            let next = self.queue.peek().map_or(Ms::MAX, |Reverse(entry)| entry.0);
            self.now = edge.min(next);
            if self.now >= end {
                return core::mem::take(&mut self.alerts);
            }
            let due = if edge <= next {
                edges.next().map(|(_, due)| due.clone())
            } else {
                self.queue.pop().map(|Reverse(Entry(_, _, due))| due)
            };
            if let Some(due) = due {
                self.step(due);
            }
        }
    }

    fn step(&mut self, due: Due) {
        match due {
            Due::Start => self.start(),
            Due::Changed(d) => self.changed(d),
            Due::Message(m) => self.message(m),
            Due::Check(d) => {
                self.desktops[d].check_at = 0;
                self.sense(d);
            }
            Due::Dial(d) => self.dial(d),
            Due::Heartbeat(d, conn) => self.heartbeat(d, conn),
            Due::Ended(d, conn, goodbye) => {
                if self.desktops[d].served == Some(conn) {
                    self.desktops[d].served = None;
                    let device = self.times.desktops[d].id.clone();
                    self.tell(Event::Disconnected { device, goodbye });
                }
            }
            Due::ToServer(d, conn, event) => self.arrived(d, conn, *event),
            Due::FromPhone(event) => self.tell(*event),
            Due::Ring(d, conn, messages) => {
                let desktop = &self.desktops[d];
                let dead = desktop.conn != conn && !self.contender.resyncs;
                if desktop.open && !dead {
                    self.pop_up(d, messages);
                } else if self.contender.sums_up {
                    // Lost on the way; the next backlog has them.
                    self.desktops[d].silent.extend(messages);
                } else if self.contender.resyncs {
                    self.desktops[d].lost.extend(messages);
                }
            }
            Due::Push(p, messages) => self.buzz(p, &messages),
            Due::Open(screen, m) => self.open(screen, m),
            Due::Wake => {
                if self.wake_at <= self.now {
                    self.wake_at = Ms::MAX;
                    self.tell(Event::WokeUp);
                }
            }
        }
    }

    fn start(&mut self) {
        for phone in &self.times.phones {
            let device = phone.id.clone();
            self.after(
                0,
                Due::FromPhone(Box::new(Event::PushRegistered { device })),
            );
        }
        for d in 0..self.desktops.len() {
            self.after(0, Due::Changed(d));
        }
    }

    fn message(&mut self, m: usize) {
        let message = &self.times.days.messages[m];
        self.tell(Event::Accepted(Accepted {
            id: id(m),
            publisher: None,
            priority: Priority::try_from(message.priority).unwrap_or_default(),
            at: instant(self.now),
            expires: None,
            except: None,
            only: None,
        }));
    }

    /// The rule decides, and what it decides is carried out.
    fn tell(&mut self, event: Event) {
        self.events += 1;
        let mut effects = core::mem::take(&mut self.effects);
        self.rule.handle(instant(self.now), event, &mut effects);
        for effect in effects.drain(..) {
            self.carry_out(effect);
        }
        self.effects = effects;
        if let Some(at) = self.rule.next_wakeup() {
            let at = u64::try_from(at.since_zero().as_millis()).unwrap_or(Ms::MAX);
            let at = at.max(self.now + 1);
            if at < self.wake_at {
                self.wake_at = at;
                self.after(at - self.now, Due::Wake);
            }
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Deliver { id, ring } => {
                // It comes with the backlog, silently.
                let silent = |desktop: &&mut Desktop| desktop.away || !desktop.open;
                if self.contender.sums_up {
                    for desktop in self.desktops.iter_mut().filter(silent) {
                        desktop.silent.push(number(id));
                    }
                }
                for device in ring {
                    self.ring(&device, vec![number(id)]);
                }
            }
            Effect::Alert { device, ids, .. } => {
                self.ring(&device, ids.into_iter().map(number).collect());
            }
            Effect::Push { device, ids, .. } => self.push(&device, ids),
            Effect::CancelPush { .. } | Effect::Recall | Effect::Trace { .. } => {}
        }
    }

    fn after(&mut self, wait: Ms, due: Due) {
        self.entries += 1;
        let entry = Entry(self.now + wait, self.entries, due);
        self.queue.push(Reverse(entry));
    }
}

fn device(screen: Screen) -> DeviceId {
    let name = String::from(screen);
    name.parse().expect("a letter and a number")
}

fn instant(at: Ms) -> Instant {
    Instant::from_zero(Duration::from_millis(at))
}

fn id(m: usize) -> MessageId {
    MessageId(Uuid::from_u128(m as u128))
}

fn number(id: MessageId) -> usize {
    usize::try_from(id.0.as_u128()).expect("made from a number")
}
