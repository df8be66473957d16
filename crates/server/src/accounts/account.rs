//! One account: its open streams and its router. The only place where the router is asked.

mod handing;
mod restore;

pub(super) use restore::accepted;

use core::time::Duration;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use hither_attention::{Accepted, Effect, Event, Router, Timings};
use hither_protocol::{
    AccountName, CloseCode, DeviceId, FirstAlert, Instant, Message, MessageId, Policy, Presence,
    PushProvider, Settings, Timestamp,
};
use tokio::sync::oneshot;

use super::clock::{self, Now};
use super::{Decisions, Live, Stream, choices};
use crate::gateway::Gateways;
use crate::metrics::{Metrics, Owed};
use crate::session::Taken;
use crate::store::{Appended, Log, Position, Subscription, TopicId, What};

/// How long a message for who is connected at this moment may still ring: on the next best device
/// where the first does not say `shown`.
const FLEETING: Duration = Duration::from_secs(15);

/// Numbers the streams of this node.
pub(crate) type StreamId = u64;

/// What an account's task is told. Kept small: each account has room for a few dozen.
#[derive(Debug)]
pub(crate) enum Command {
    Attach(StreamId, Box<Stream>),
    Announce(StreamId, Option<Presence>, Taken),
    Presence(StreamId, Presence, Taken),
    Heartbeat(StreamId, Option<Duration>, Taken),
    /// The person read or answered something there.
    Used(StreamId),
    Detach {
        stream: StreamId,
        goodbye: bool,
    },
    Entry(Arc<Appended>),
    Subscribed(TopicId, Position),
    Unsubscribed(TopicId, Position),
    /// Pop-ups are up on a device; whether they stay until there is input.
    Shown(DeviceId, Vec<MessageId>, bool),
    Settings(Box<Settings>),
    /// By which provider a device is reached now while its stream is closed, if by any.
    Push(DeviceId, Option<PushProvider>),
    /// Which devices have an open stream of the inbox, and what they say about their person.
    Online(oneshot::Sender<HashMap<DeviceId, Option<Presence>>>),
    /// Answered once everything before it is decided.
    Decided(oneshot::Sender<()>),
}

// A waiting line is made of blocks of 32: an idle account's costs 2 KiB.
const _: () = assert!(size_of::<Command>() <= 64);

pub(crate) struct Account {
    name: AccountName,
    router: Router,
    timings: Timings,
    /// For people who chose nothing else.
    base: Policy,
    settings: Settings,
    /// When the router is to be told again what the clock on the wall shows.
    wall_clock_due: Instant,
    streams: Vec<(StreamId, Stream)>,
    max_streams: usize,
    metrics: Arc<Metrics>,
    gateways: Gateways,
    decisions: Arc<Decisions>,
    owed: Owed,
    /// The router wants to be told again what waits.
    recall: bool,
    /// Nothing that came later reached this account yet.
    followed: Position,
    subscriptions: Vec<Subscription>,
}

impl Account {
    pub(crate) fn new(
        name: AccountName,
        timings: Timings,
        base: Policy,
        max_streams: usize,
        metrics: Arc<Metrics>,
        gateways: Gateways,
        decisions: Arc<Decisions>,
    ) -> Self {
        Self {
            name,
            router: Router::new(timings),
            timings,
            base,
            settings: Settings::default(),
            wall_clock_due: clock::now(),
            streams: Vec::new(),
            max_streams,
            owed: metrics.owed(),
            metrics,
            gateways,
            decisions,
            recall: false,
            followed: Position::default(),
            subscriptions: Vec::new(),
        }
    }

    pub(crate) const fn name(&self) -> &AccountName {
        &self.name
    }

    /// The topics of which some entries may be the account's.
    pub(crate) fn topics(&self) -> impl Iterator<Item = TopicId> {
        self.subscriptions.iter().map(|part| part.topic)
    }

    pub(crate) fn handle(&mut self, command: Command) {
        match command {
            Command::Attach(id, stream) => self.attach(id, *stream),
            Command::Announce(id, presence, taken) => self.announce(id, presence, taken),
            Command::Presence(id, presence, taken) => {
                self.note(id, |stream| stream.report(Some(presence)));
                self.report(id, taken, |device, delay| Event::Presence {
                    device,
                    presence,
                    delay,
                });
            }
            Command::Heartbeat(id, last_input, taken) => {
                self.note(id, |stream| stream.renew(last_input));
                self.report(id, taken, |device, delay| Event::Heartbeat {
                    device,
                    last_input,
                    delay,
                });
            }
            Command::Detach { stream, goodbye } => self.detach(stream, goodbye),
            Command::Entry(appended) => self.entry(&appended),
            Command::Subscribed(topic, since) => self.subscribed(topic, since),
            Command::Unsubscribed(topic, until) => self.unsubscribed(topic, until),
            Command::Used(id) => {
                if let Some(stream) = self.stream(id).filter(|stream| stream.announced) {
                    let device = stream.device.clone();
                    self.route(Event::Used { device });
                }
            }
            Command::Shown(device, ids, stays) => {
                let on = device.clone();
                self.route(Event::Shown { device, ids, stays });
                // So that a reading after it is known to be one.
                let streams = self.inboxes().filter(|stream| stream.device == on);
                streams.for_each(|stream| stream.mailbox.probe());
            }
            Command::Settings(settings) => self.adopt(*settings),
            Command::Push(device, provider) => self.registered(device, provider),
            Command::Online(answer) => {
                let _ = answer.send(self.online());
            }
            Command::Decided(answer) => {
                let _ = answer.send(());
            }
        }
    }

    pub(crate) fn wake(&mut self) {
        if clock::now() >= self.wall_clock_due {
            return self.tell_time();
        }
        self.route(Event::WokeUp);
    }

    pub(crate) fn next_wakeup(&self) -> Instant {
        let due = self.router.next_wakeup();
        due.map_or(self.wall_clock_due, |due| due.min(self.wall_clock_due))
    }

    /// Says how many alerts are owed here.
    pub(crate) fn count_owed(&mut self) {
        self.owed.set(self.router.owed());
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.streams.is_empty() && self.router.is_idle()
    }

    fn adopt(&mut self, settings: Settings) {
        self.settings = settings;
        let policy = self.policy();
        for (_, stream) in &mut self.streams {
            // Also where it is the same as before: it is how a screen that shows other choices
            // learns that they changed.
            stream.tell_again(policy);
        }
        self.choose();
    }

    /// Only what this server can send to makes a phone one that rings.
    fn registered(&mut self, device: DeviceId, provider: Option<PushProvider>) {
        let rings = provider.is_some_and(|provider| self.gateways.reach(provider));
        self.route(if rings {
            Event::PushRegistered { device }
        } else {
            Event::PushRemoved { device }
        });
    }

    fn choose(&mut self) {
        self.route(choices::chosen(&self.settings));
        self.tell_time();
    }

    /// Tells the router what the clock on the wall shows, and the clients what it means for them;
    /// again when a quiet time is over, after which comes another.
    fn tell_time(&mut self) {
        let now = Now::read();
        let policy = self.policy();
        let over = policy.quiet.and_then(|quiet| quiet.until);
        let due = now.instant + choices::wall_clock_every(&self.settings);
        self.wall_clock_due = over.map_or(due, |over| due.min(now.moment(over)));
        self.route(choices::wall_clock(&self.settings, now.wall));
        for (_, stream) in &mut self.streams {
            stream.tell(policy);
        }
    }

    fn policy(&self) -> Policy {
        choices::policy(self.base, &self.settings, Timestamp::now())
    }

    fn online(&self) -> HashMap<DeviceId, Option<Presence>> {
        let lease = self.timings.lease;
        self.inboxes()
            .map(|stream| (stream.device.clone(), stream.presence(lease)))
            .collect()
    }

    fn attach(&mut self, id: StreamId, mut stream: Stream) {
        let older = self
            .streams
            .iter()
            .position(|(_, present)| present.client == stream.client);
        if let Some(older) = older {
            let (_, older) = self.streams.swap_remove(older);
            stream.announced = older.announced;
        } else if self.streams.len() >= self.max_streams {
            return stream.mailbox.end(CloseCode::TooMany);
        }
        // They may have changed since it was welcomed.
        stream.tell(self.policy());
        // Few people have many devices; an idle account pays for each place.
        self.streams.reserve_exact(1);
        self.streams.push((id, stream));
    }

    fn announce(&mut self, id: StreamId, presence: Option<Presence>, taken: Taken) {
        let assumed = self.timings.delay;
        let Some(stream) = self.stream(id) else {
            return;
        };
        stream.announced = true;
        stream.report(presence);
        let connected = Event::Connected {
            device: stream.device.clone(),
            kind: stream.kind,
            presence,
            delay: stream.delay(taken, assumed),
        };
        self.route(connected);
    }

    fn report(
        &mut self,
        id: StreamId,
        taken: Taken,
        event: impl FnOnce(DeviceId, Option<Duration>) -> Event,
    ) {
        let assumed = self.timings.delay;
        if let Some(stream) = self.stream(id) {
            let event = event(stream.device.clone(), stream.delay(taken, assumed));
            self.route(event);
        }
    }

    fn note(&mut self, id: StreamId, note: impl FnOnce(&mut Stream)) {
        if let Some(stream) = self.stream(id) {
            note(stream);
        }
    }

    fn detach(&mut self, id: StreamId, goodbye: bool) {
        let Some(index) = self.streams.iter().position(|(present, _)| *present == id) else {
            return;
        };
        let (_, stream) = self.streams.swap_remove(index);
        if stream.announced {
            let device = stream.device;
            self.route(Event::Disconnected { device, goodbye });
        }
    }

    fn subscribed(&mut self, topic: TopicId, since: Position) {
        self.subscriptions
            .retain(|part| part.topic != topic || part.since < since);
        self.subscriptions.push(Subscription {
            topic,
            since,
            until: None,
        });
    }

    fn unsubscribed(&mut self, topic: TopicId, until: Position) {
        let live = self.subscriptions.iter_mut();
        for part in live.filter(|part| part.topic == topic && part.until.is_none()) {
            part.until = Some(until);
        }
    }

    fn entry(&mut self, appended: &Appended) {
        let Appended { logs, entry, .. } = appended;
        self.followed = entry.position;
        if !self.is_own(appended) {
            return self.hand_to_clients(entry, logs);
        }
        match &entry.what {
            What::Message(message) => self.message(appended, message),
            What::Read(ids) => {
                self.hand_out(appended, FirstAlert::Silent, &[]);
                self.route(Event::Read { ids: ids.clone() });
            }
            What::Withdraw(ids, _) => {
                self.hand_out(appended, FirstAlert::Silent, &[]);
                self.route(Event::Withdrawn { ids: ids.clone() });
            }
        }
    }

    /// Whether it is the account's own, and not only one of its clients'.
    fn is_own(&self, appended: &Appended) -> bool {
        let position = appended.entry.position;
        let message = matches!(appended.entry.what, What::Message(_));
        appended.logs.iter().any(|log| match log {
            Log::Everyone => true,
            Log::Account(name) => *name == self.name,
            Log::Topic(topic) => self
                .subscriptions
                .iter()
                .any(|part| part.topic == *topic && part.takes(position, message)),
            Log::Client(..) | Log::Application(_) => false,
        })
    }

    fn message(&mut self, appended: &Appended, message: &Message) {
        let now = Now::read();
        let expires = if appended.fleeting {
            Some(now.instant + FLEETING)
        } else {
            message.expires_at.map(|time| now.moment(time))
        };
        let mut effects = Vec::new();
        let event = Event::Accepted(Accepted {
            expires,
            except: appended.not_for.clone(),
            only: appended.fleeting.then(|| self.present()),
            ..announced(message, now)
        });
        self.router.handle(now.instant, event, &mut effects);
        let ring = effects.iter().find_map(|effect| match effect {
            Effect::Deliver { id, ring } if *id == message.id => Some(ring.as_slice()),
            _ => None,
        });
        let others = choices::silently(&self.settings, message);
        let ring = ring.unwrap_or_default();
        self.hand_out(appended, others, ring);
        self.carry_out(effects);
    }

    fn route(&mut self, event: Event) {
        let mut effects = Vec::new();
        self.router.handle(clock::now(), event, &mut effects);
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            self.metrics.decided(&effect);
            match effect {
                // Handed out where the message came in.
                Effect::Deliver { .. } => {}
                Effect::Recall => self.recall = true,
                Effect::Trace { id, traced } => self.decisions.note(&self.name, id, *traced),
                Effect::Alert {
                    device,
                    ids,
                    style,
                    why,
                } => self.put(&device, &Live::Alert { ids, style, why }),
                Effect::Push { device, .. } | Effect::CancelPush { device, .. } => {
                    tracing::error!(account = %self.name, %device, "nothing sends to its push service");
                }
            }
        }
    }

    fn put(&self, device: &DeviceId, live: &Live) {
        for stream in self.inboxes().filter(|stream| stream.device == *device) {
            stream.mailbox.put(live.clone());
        }
    }

    /// The devices whose inboxes are handed what comes now.
    fn present(&self) -> BTreeSet<DeviceId> {
        self.inboxes().map(|stream| stream.device.clone()).collect()
    }

    fn inboxes(&self) -> impl Iterator<Item = &Stream> {
        self.streams
            .iter()
            .map(|(_, stream)| stream)
            .filter(|stream| stream.is_inbox())
    }

    fn stream(&mut self, id: StreamId) -> Option<&mut Stream> {
        self.streams
            .iter_mut()
            .find_map(|(present, stream)| (*present == id).then_some(stream))
    }
}

/// A message that just came; it is said elsewhere when it expires.
fn announced(message: &Message, now: Now) -> Accepted {
    Accepted {
        id: message.id,
        publisher: Some(message.publisher.id.clone()),
        priority: message.priority,
        at: now.instant,
        expires: None,
        except: None,
        only: None,
    }
}
