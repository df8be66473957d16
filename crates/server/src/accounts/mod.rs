//! Each account's attention router and its timers, loaded while a device or an alert is live.

mod absence;
mod account;
mod choices;
pub(crate) mod clock;
mod decisions;
mod loaded;
mod mailbox;
mod stream;
#[cfg(test)]
mod tests;

use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hither_attention::Timings;
use hither_protocol::{
    AccountName, DeviceId, FirstAlert, Instant, MessageId, Policy, Presence, Settings, Timestamp,
    TraceStep,
};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{Notify, broadcast, oneshot};

pub(crate) use account::{Command, StreamId};
pub(crate) use decisions::Decisions;
pub(crate) use mailbox::{Live, Mailbox, Signal};
pub(crate) use stream::Stream;

use self::account::Account;
use self::loaded::Loaded;
use crate::gateway::Gateways;
use crate::metrics::{Dropped, Metrics};
use crate::registry::Registry;
use crate::session::Taken;
use crate::store::{
    Appended, Committed, Entry, Log, Page, Position, Reader, Store, StoreError, What,
};

/// Entries of topics that a follower may fall behind before it must read on from the store.
const FOLLOWED_ENTRIES: usize = 256;

/// The loaded accounts.
pub(crate) struct Accounts {
    store: Arc<dyn Store>,
    timings: Timings,
    /// For people who chose nothing else.
    policy: Policy,
    max_streams: usize,
    started: Instant,
    metrics: Arc<Metrics>,
    gateways: Gateways,
    decisions: Arc<Decisions>,
    loaded: Mutex<Loaded>,
    topic_entries: broadcast::Sender<Arc<Appended>>,
    /// Told when a message comes that expires.
    expiring: Arc<Notify>,
    /// Told when a message comes that waits for its time.
    scheduling: Arc<Notify>,
    /// Told when something waits for webhooks.
    events: Arc<Notify>,
}

impl Accounts {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        timings: Timings,
        policy: Policy,
        max_streams: usize,
        metrics: Arc<Metrics>,
        gateways: Gateways,
    ) -> Self {
        Self {
            decisions: Arc::new(Decisions::new(Arc::clone(&store))),
            store,
            timings,
            policy,
            max_streams,
            started: clock::now(),
            metrics,
            gateways,
            loaded: Mutex::default(),
            topic_entries: broadcast::Sender::new(FOLLOWED_ENTRIES),
            expiring: Arc::default(),
            scheduling: Arc::default(),
            events: Arc::default(),
        }
    }

    /// Notified when a message comes that expires.
    pub(crate) fn expiring(&self) -> Arc<Notify> {
        Arc::clone(&self.expiring)
    }

    /// Notified when a message comes that waits for its time.
    pub(crate) fn scheduling(&self) -> Arc<Notify> {
        Arc::clone(&self.scheduling)
    }

    /// Notified when something waits for webhooks.
    pub(crate) fn events(&self) -> Arc<Notify> {
        Arc::clone(&self.events)
    }

    /// Every entry that comes to any topic's log from now on, in order of position. A follower
    /// that lags reads on from the store.
    pub(crate) fn topic_entries(&self) -> broadcast::Receiver<Arc<Appended>> {
        self.topic_entries.subscribe()
    }

    /// Adds a stream to its account, which is loaded first where it is not. Whatever is committed
    /// after this reaches the stream's mailbox.
    pub(crate) fn attach(self: &Arc<Self>, account: &AccountName, stream: Stream) -> Link {
        let mut loaded = self.lock();
        let id = loaded.next_stream();
        let alive = loaded.get(account).filter(|commands| !commands.is_closed());
        let commands = alive.cloned().unwrap_or_else(|| {
            let first = loaded.is_first(account);
            let commands = self.load(account.clone(), first, loaded.followed);
            loaded.add(account.clone(), commands.clone());
            commands
        });
        let link = Link {
            id,
            commands,
            goodbye: false,
        };
        link.send(Command::Attach(id, Box::new(stream)));
        link
    }

    /// What an account's clients are told about timing and quiet.
    pub(crate) async fn policy(&self, account: &AccountName) -> Result<Policy, StoreError> {
        let settings = self.settings(account).await?;
        Ok(choices::policy(self.policy, &settings, Timestamp::now()))
    }

    /// What an account's person chose, with the operator's idle threshold where they chose nothing.
    pub(crate) async fn settings(&self, account: &AccountName) -> Result<Settings, StoreError> {
        Ok(self.or_none(self.store.settings(account).await?))
    }

    /// The same, of what was read already.
    pub(crate) fn or_none(&self, chosen: Option<Settings>) -> Settings {
        chosen.unwrap_or_else(|| choices::none(self.policy))
    }

    /// Which messages of a page ring nowhere by the choices of an account's person.
    pub(crate) async fn never_ring(
        &self,
        account: &AccountName,
        page: &Page,
    ) -> Result<Vec<MessageId>, StoreError> {
        let message = |entry: &Entry| matches!(entry.what, What::Message(_));
        if !page.entries.iter().any(message) {
            return Ok(Vec::new());
        }
        let settings = self.settings(account).await?;
        let never = |entry: &Entry| match &entry.what {
            What::Message(message) => {
                (choices::silently(&settings, message) == FirstAlert::Never).then_some(message.id)
            }
            What::Read(_) | What::Withdraw(..) => None,
        };
        Ok(page.entries.iter().filter_map(never).collect())
    }

    /// The devices of an account with an open stream of its inbox, and what they say about their
    /// person.
    pub(crate) async fn online(
        &self,
        account: &AccountName,
    ) -> HashMap<DeviceId, Option<Presence>> {
        let (ask, answer) = oneshot::channel();
        self.tell(account, Command::Online(ask));
        // An account that is not loaded drops the question.
        answer.await.unwrap_or_default()
    }

    /// What was decided so far about a message of the account's reader, oldest first. `NotFound`
    /// where it has no such message.
    pub(crate) async fn trace(
        &self,
        account: &AccountName,
        reader: &Reader,
        id: MessageId,
    ) -> Result<Vec<TraceStep>, StoreError> {
        let (ask, answer) = oneshot::channel();
        self.tell(account, Command::Decided(ask));
        // An account that is not loaded decides nothing.
        let _ = answer.await;
        self.decisions.write().await;
        let steps = self.store.trace(reader, id).await?;
        if steps.is_empty() {
            return self.explain_absence(account, reader, id).await;
        }
        Ok(steps)
    }

    /// Why nothing was decided about a message so far: it came while no device was there.
    async fn explain_absence(
        &self,
        account: &AccountName,
        reader: &Reader,
        id: MessageId,
    ) -> Result<Vec<TraceStep>, StoreError> {
        let head = self.store.head();
        let pending = self.store.pending(account, Timestamp::now(), head).await?;
        if let Some(message) = pending.iter().find(|message| message.id == id) {
            let settings = self.settings(account).await?;
            return Ok(absence::of_everyone(message, &settings, self.timings));
        }
        let Reader::Client(client) = *reader else {
            return Ok(Vec::new());
        };
        let own = self.store.message(&Reader::Address(client), id).await?;
        let unread = own.filter(|message| message.read_at.is_none());
        Ok(unread.iter().map(absence::of_client).collect())
    }

    /// Decisions on their way to the store.
    pub(crate) fn decisions(&self) -> Arc<Decisions> {
        Arc::clone(&self.decisions)
    }

    /// Everything up to here was committed before anybody could be told of it.
    pub(crate) fn begin_after(&self, head: Position) {
        self.lock().followed = head;
    }

    /// Tells the accounts concerned what commits brought, until the store closes.
    pub(crate) async fn follow(
        self: Arc<Self>,
        mut commits: UnboundedReceiver<Committed>,
        registry: Arc<Registry>,
    ) {
        while let Some(committed) = commits.recv().await {
            match committed {
                Committed::Entries(entries) => {
                    for appended in entries {
                        self.fan_out(&Arc::new(appended));
                    }
                }
                Committed::Scheduled => self.scheduling.notify_one(),
                Committed::Subscribed(account, topic, since) => {
                    self.lock().follow(&account, topic);
                    self.tell(&account, Command::Subscribed(topic, since));
                }
                Committed::Unsubscribed(account, topic, until) => {
                    self.tell(&account, Command::Unsubscribed(topic, until));
                }
                Committed::Shown {
                    account,
                    on,
                    ids,
                    stays,
                } => self.tell(&account, Command::Shown(on, ids, stays)),
                Committed::Access => registry.rights_changed(),
                Committed::Ended(clients) => registry.end_sessions(&clients),
                Committed::Push(account, device, provider) => {
                    self.tell(&account, Command::Push(device, provider));
                }
                Committed::Settings(account, settings) => {
                    self.tell(&account, Command::Settings(settings));
                }
                Committed::Events { queued, dropped } => {
                    self.metrics.events_queued(queued);
                    self.metrics.events_dropped(Dropped::Full, dropped);
                    self.events.notify_one();
                }
            }
        }
    }

    /// Lets every account's task end.
    pub(crate) fn close(&self) {
        self.lock().clear();
    }

    /// How many there are.
    pub(crate) fn loaded(&self) -> usize {
        self.lock().count()
    }

    fn fan_out(&self, appended: &Arc<Appended>) {
        self.metrics.committed(&appended.entry.what);
        if matches!(&appended.entry.what, What::Message(message) if message.expires_at.is_some()) {
            self.expiring.notify_one();
        }
        if appended.logs.iter().any(|log| matches!(log, Log::Topic(_))) {
            // Nobody needs to follow.
            let _ = self.topic_entries.send(Arc::clone(appended));
        }
        let mut loaded = self.lock();
        loaded.followed = appended.entry.position;
        for account in loaded.concerned(&appended.logs) {
            if let Some(commands) = loaded.get(account) {
                let _ = commands.send(Command::Entry(Arc::clone(appended)));
            }
        }
    }

    /// An account that is not loaded has nobody to be told, and learns it from the store later.
    fn tell(&self, account: &AccountName, command: Command) {
        if let Some(commands) = self.lock().get(account) {
            let _ = commands.send(command);
        }
    }

    fn load(
        self: &Arc<Self>,
        name: AccountName,
        first: bool,
        followed: Position,
    ) -> UnboundedSender<Command> {
        let (sender, commands) = mpsc::unbounded_channel();
        let account = Account::new(
            name,
            self.timings,
            self.policy,
            self.max_streams,
            Arc::clone(&self.metrics),
            self.gateways,
            self.decisions(),
        );
        tokio::spawn(Arc::clone(self).keep(account, commands, first, followed));
        sender
    }

    /// An account's task.
    async fn keep(
        self: Arc<Self>,
        mut account: Account,
        mut commands: UnboundedReceiver<Command>,
        first: bool,
        followed: Position,
    ) {
        let (store, started) = (&*self.store, self.started);
        // Boxed: what it takes for a moment, this task would keep room for as long as it lives.
        Box::pin(account.restore(store, started, first, followed)).await;
        self.lock().knows(account.name(), account.topics());
        account.count_owed();
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => account.handle(command),
                    None => return,
                },
                () = clock::sleep_until(account.next_wakeup()) => account.wake(),
            }
            if account.wants_recall() {
                Box::pin(account.recall(&*self.store)).await;
            }
            account.count_owed();
            if account.is_idle() && self.unload(account.name(), &commands) {
                return;
            }
        }
    }

    /// Forgets an idle account, unless something was just put into its line.
    fn unload(&self, account: &AccountName, commands: &UnboundedReceiver<Command>) -> bool {
        let mut loaded = self.lock();
        let unload = commands.is_empty();
        if unload {
            loaded.remove(account);
        }
        unload
    }

    fn lock(&self) -> MutexGuard<'_, Loaded> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks until the store answers: what is not known would never be alerted.
async fn until_answered<T, F>(account: &AccountName, ask: impl Fn() -> F) -> T
where
    T: Default,
    F: Future<Output = Result<T, StoreError>>,
{
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(StoreError::Closed | StoreError::NotFound) => return T::default(),
            Err(error) => {
                tracing::error!(%account, %error, "an account is not loaded yet");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// A stream's way to its account. Dropping it takes the stream out again.
#[derive(Debug)]
pub(crate) struct Link {
    id: StreamId,
    commands: UnboundedSender<Command>,
    goodbye: bool,
}

impl Link {
    /// The backlog is done: the device may be alerted.
    pub(crate) fn announce(&self, presence: Option<Presence>, taken: Taken) {
        self.send(Command::Announce(self.id, presence, taken));
    }

    /// The device's presence changed.
    pub(crate) fn presence(&self, presence: Presence, taken: Taken) {
        self.send(Command::Presence(self.id, presence, taken));
    }

    /// The device is alive.
    pub(crate) fn heartbeat(&self, last_input: Option<Duration>, taken: Taken) {
        self.send(Command::Heartbeat(self.id, last_input, taken));
    }

    /// The person read or answered something on the device.
    pub(crate) fn used(&self) {
        self.send(Command::Used(self.id));
    }

    /// The client closes the stream by itself.
    pub(crate) const fn say_goodbye(&mut self) {
        self.goodbye = true;
    }

    fn send(&self, command: Command) {
        // Fails only while the server shuts down, when nobody is alerted any more.
        let _ = self.commands.send(command);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.send(Command::Detach {
            stream: self.id,
            goodbye: self.goodbye,
        });
    }
}
