//! One account: its open streams and its router. The only place where the router is asked.

use core::time::Duration;
use std::sync::Arc;

use hither_attention::{Accepted, Effect, Event, Router, Timings};
use hither_protocol::{
    AccountName, CloseCode, DeviceId, DeviceKind, Instant, Message, MessageId, Presence,
};

use super::clock::{self, Now};
use super::{Live, Mailbox};
use crate::metrics::{Metrics, Owed};
use crate::session::INBOX;
use crate::store::{ClientId, Entry, Identity, Pending, Store, What};

/// Numbers the streams of this node.
pub(crate) type StreamId = u64;

/// What an account's task is told.
#[derive(Debug)]
pub(crate) enum Command {
    Attach(StreamId, Stream),
    Announce(StreamId, Option<Presence>),
    Presence(StreamId, Presence),
    Heartbeat(StreamId, Option<Duration>),
    Detach { stream: StreamId, goodbye: bool },
    Entry(Entry),
    Shown(DeviceId, Vec<MessageId>),
}

/// An open stream of the account.
#[derive(Debug)]
pub(crate) struct Stream {
    client: ClientId,
    device: DeviceId,
    kind: DeviceKind,
    inbox: bool,
    /// The router knows the device as connected.
    announced: bool,
    mailbox: Arc<Mailbox>,
}

impl Stream {
    pub(crate) fn new(identity: &Identity, mailbox: Arc<Mailbox>) -> Self {
        Self {
            client: identity.client,
            device: identity.device.id.clone(),
            kind: identity.device.kind,
            inbox: identity.application == INBOX,
            announced: false,
            mailbox,
        }
    }
}

pub(crate) struct Account {
    name: AccountName,
    router: Router,
    timings: Timings,
    streams: Vec<(StreamId, Stream)>,
    max_streams: usize,
    metrics: Arc<Metrics>,
    owed: Owed,
}

impl Account {
    pub(crate) fn new(
        name: AccountName,
        timings: Timings,
        max_streams: usize,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            name,
            router: Router::new(timings),
            timings,
            streams: Vec::new(),
            max_streams,
            owed: metrics.owed(),
            metrics,
        }
    }

    pub(crate) const fn name(&self) -> &AccountName {
        &self.name
    }

    /// Rebuilds the router from what the store knows. Within the grace after a start other
    /// devices may be on their way; later the first one that comes is alerted.
    pub(crate) async fn restore(&mut self, store: &dyn Store, started: Instant) {
        let pending = self.pending(store).await;
        let now = Now::read();
        let pending = pending.iter().map(|one| accepted(one, now));
        let grace_ends = started + self.timings.restart_grace;
        if now.instant < grace_ends {
            let timings = Timings {
                restart_grace: grace_ends.since(now.instant),
                ..self.timings
            };
            self.router = Router::restored(timings, pending.collect(), now.instant);
            return;
        }
        for message in pending {
            let mut delivered_later = Vec::new();
            let event = Event::Accepted(message);
            self.router.handle(now.instant, event, &mut delivered_later);
        }
    }

    pub(crate) fn handle(&mut self, command: Command) {
        match command {
            Command::Attach(id, stream) => self.attach(id, stream),
            Command::Announce(id, presence) => self.announce(id, presence),
            Command::Presence(id, presence) => {
                self.report(id, |device| Event::Presence { device, presence });
            }
            Command::Heartbeat(id, last_input) => {
                self.report(id, |device| Event::Heartbeat { device, last_input });
            }
            Command::Detach { stream, goodbye } => self.detach(stream, goodbye),
            Command::Entry(entry) => self.entry(entry),
            Command::Shown(device, ids) => self.route(Event::Shown { device, ids }),
        }
    }

    pub(crate) fn wake(&mut self) {
        self.route(Event::WokeUp);
    }

    pub(crate) fn next_wakeup(&self) -> Option<Instant> {
        self.router.next_wakeup()
    }

    /// Says how many alerts are owed here.
    pub(crate) fn count_owed(&mut self) {
        self.owed.set(self.router.owed());
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.streams.is_empty() && self.router.is_idle()
    }

    /// Asks until the store answers: what is not known would never be alerted.
    async fn pending(&self, store: &dyn Store) -> Vec<Pending> {
        loop {
            match store
                .pending(&self.name, hither_protocol::Timestamp::now())
                .await
            {
                Ok(pending) => return pending,
                Err(crate::store::StoreError::Closed) => return Vec::new(),
                Err(error) => {
                    tracing::error!(account = %self.name, %error, "pending messages not read");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
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
        self.streams.push((id, stream));
    }

    fn announce(&mut self, id: StreamId, presence: Option<Presence>) {
        let Some(stream) = self.stream(id) else {
            return;
        };
        stream.announced = true;
        let (device, kind) = (stream.device.clone(), stream.kind);
        self.route(Event::Connected {
            device,
            kind,
            presence,
        });
    }

    fn report(&mut self, id: StreamId, event: impl FnOnce(DeviceId) -> Event) {
        if let Some(stream) = self.stream(id) {
            let device = stream.device.clone();
            self.route(event(device));
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

    fn entry(&mut self, entry: Entry) {
        let entry = Arc::new(entry);
        match &entry.what {
            What::Message(message) => self.message(&entry, message),
            What::Read(ids) => {
                self.hand_out(&entry, &[]);
                self.route(Event::Read { ids: ids.clone() });
            }
            What::Withdraw(ids, _) => {
                self.hand_out(&entry, &[]);
                self.route(Event::Withdrawn { ids: ids.clone() });
            }
        }
    }

    fn message(&mut self, entry: &Arc<Entry>, message: &Message) {
        let now = Now::read();
        let mut effects = Vec::new();
        let event = Event::Accepted(Accepted {
            id: message.id,
            priority: message.priority,
            at: now.instant,
            expires: message.expires_at.map(|time| now.moment(time)),
        });
        self.router.handle(now.instant, event, &mut effects);
        let ring = effects.iter().find_map(|effect| match effect {
            Effect::Deliver { id, ring } if *id == message.id => Some(ring.as_slice()),
            _ => None,
        });
        self.hand_out(entry, ring.unwrap_or_default());
        self.carry_out(effects);
    }

    fn route(&mut self, event: Event) {
        let mut effects = Vec::new();
        self.router.handle(clock::now(), event, &mut effects);
        self.carry_out(effects);
    }

    fn carry_out(&self, effects: Vec<Effect>) {
        for effect in effects {
            self.metrics.decided(&effect);
            match effect {
                // Handed out where the message came in.
                Effect::Deliver { .. } => {}
                Effect::Alert {
                    device,
                    ids,
                    style,
                    why,
                } => self.put(&device, &Live::Alert { ids, style, why }),
                Effect::Push { device, .. } | Effect::CancelPush { device, .. } => {
                    tracing::warn!(account = %self.name, %device, "no push service is set up");
                }
            }
        }
    }

    fn hand_out(&self, entry: &Arc<Entry>, ring: &[DeviceId]) {
        for stream in self.inboxes() {
            stream.mailbox.put(Live::Entry {
                entry: Arc::clone(entry),
                ring: ring.contains(&stream.device),
            });
        }
    }

    fn put(&self, device: &DeviceId, live: &Live) {
        for stream in self.inboxes().filter(|stream| stream.device == *device) {
            stream.mailbox.put(live.clone());
        }
    }

    fn inboxes(&self) -> impl Iterator<Item = &Stream> {
        self.streams
            .iter()
            .map(|(_, stream)| stream)
            .filter(|stream| stream.inbox)
    }

    fn stream(&mut self, id: StreamId) -> Option<&mut Stream> {
        self.streams
            .iter_mut()
            .find_map(|(present, stream)| (*present == id).then_some(stream))
    }
}

fn accepted(pending: &Pending, now: Now) -> Accepted {
    Accepted {
        id: pending.id,
        priority: pending.priority,
        at: now.moment(pending.created_at),
        expires: pending.expires_at.map(|time| now.moment(time)),
    }
}
