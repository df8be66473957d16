//! Each account's attention router and its timers, loaded while a device or an alert is live.

mod account;
mod choices;
pub(crate) mod clock;
mod mailbox;

use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hither_attention::Timings;
use hither_protocol::{AccountName, DeviceId, Instant, Policy, Presence};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;

pub(crate) use account::{Command, Stream, StreamId};
pub(crate) use mailbox::{Live, Mailbox, Signal};

use self::account::Account;
use crate::registry::Registry;
use crate::store::{Committed, Entry, Store, StoreError};

/// The loaded accounts.
pub(crate) struct Accounts {
    store: Arc<dyn Store>,
    timings: Timings,
    /// For people who chose nothing else.
    policy: Policy,
    max_streams: usize,
    started: Instant,
    loaded: Mutex<Loaded>,
}

#[derive(Default)]
struct Loaded {
    /// Unbounded because an account's task never waits for anything but its first load, and what
    /// is put in was paid for by a commit or a client's frame.
    accounts: HashMap<AccountName, UnboundedSender<Command>>,
    streams: StreamId,
}

impl Accounts {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        timings: Timings,
        policy: Policy,
        max_streams: usize,
    ) -> Self {
        Self {
            store,
            timings,
            policy,
            max_streams,
            started: clock::now(),
            loaded: Mutex::default(),
        }
    }

    /// Adds a stream to its account, which is loaded first where it is not. Whatever is committed
    /// after this reaches the stream's mailbox.
    pub(crate) fn attach(self: &Arc<Self>, account: &AccountName, stream: Stream) -> Link {
        let mut loaded = self.lock();
        loaded.streams += 1;
        let id = loaded.streams;
        let commands = loaded
            .accounts
            .get(account)
            .filter(|commands| !commands.is_closed())
            .cloned()
            .unwrap_or_else(|| {
                let commands = self.load(account.clone());
                loaded.accounts.insert(account.clone(), commands.clone());
                commands
            });
        let link = Link {
            id,
            commands,
            goodbye: false,
        };
        link.send(Command::Attach(id, stream));
        link
    }

    /// What an account's clients are told about timing.
    pub(crate) async fn policy(&self, account: &AccountName) -> Result<Policy, StoreError> {
        let settings = self.store.settings(account).await?;
        Ok(choices::policy(self.policy, &settings))
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

    /// Tells the accounts concerned what commits brought, until the store closes.
    pub(crate) async fn follow(
        self: Arc<Self>,
        mut commits: UnboundedReceiver<Committed>,
        registry: Arc<Registry>,
    ) {
        while let Some(committed) = commits.recv().await {
            match committed {
                Committed::Entries(entries) => self.fan_out(entries),
                Committed::Shown(account, device, ids) => {
                    self.tell(&account, Command::Shown(device, ids));
                }
                Committed::Ended(clients) => registry.end_sessions(&clients),
                Committed::Settings(account, settings) => {
                    self.tell(&account, Command::Settings(settings));
                }
            }
        }
    }

    /// Lets every account's task end.
    pub(crate) fn close(&self) {
        self.lock().accounts.clear();
    }

    fn fan_out(&self, entries: Vec<Entry>) {
        for entry in entries {
            let account = entry.account.clone();
            self.tell(&account, Command::Entry(entry));
        }
    }

    /// An account that is not loaded has nobody to be told, and learns it from the store later.
    fn tell(&self, account: &AccountName, command: Command) {
        if let Some(commands) = self.lock().accounts.get(account) {
            let _ = commands.send(command);
        }
    }

    fn load(self: &Arc<Self>, name: AccountName) -> UnboundedSender<Command> {
        let (sender, commands) = mpsc::unbounded_channel();
        let account = Account::new(name, self.timings, self.policy, self.max_streams);
        tokio::spawn(Arc::clone(self).keep(account, commands));
        sender
    }

    /// An account's task.
    async fn keep(self: Arc<Self>, mut account: Account, mut commands: UnboundedReceiver<Command>) {
        account.restore(&*self.store, self.started).await;
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => account.handle(command),
                    None => return,
                },
                () = clock::sleep_until(account.next_wakeup()) => account.wake(),
            }
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
            loaded.accounts.remove(account);
        }
        unload
    }

    fn lock(&self) -> MutexGuard<'_, Loaded> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
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
    pub(crate) fn announce(&self, presence: Option<Presence>) {
        self.send(Command::Announce(self.id, presence));
    }

    /// The device's presence changed.
    pub(crate) fn presence(&self, presence: Presence) {
        self.send(Command::Presence(self.id, presence));
    }

    /// The device is alive.
    pub(crate) fn heartbeat(&self, last_input: Option<Duration>) {
        self.send(Command::Heartbeat(self.id, last_input));
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
