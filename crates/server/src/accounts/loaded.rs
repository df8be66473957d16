//! The loaded accounts, and which of them a log entry may concern.

use std::collections::{HashMap, HashSet};

use hither_protocol::AccountName;
use tokio::sync::mpsc::UnboundedSender;

use super::{Command, StreamId};
use crate::store::{Log, Position, TopicId};

/// The loaded accounts.
#[derive(Default)]
pub(super) struct Loaded {
    accounts: HashMap<AccountName, Handle>,
    /// Who wants to know of a topic. They look at each entry again.
    followers: HashMap<TopicId, HashSet<AccountName>>,
    /// Those that do not know their topics yet, and want all.
    loading: HashSet<AccountName>,
    /// All that were loaded since the start, whether they still are or not.
    known: HashSet<AccountName>,
    streams: StreamId,
    /// The newest entry that the accounts were told of.
    pub(super) followed: Position,
}

/// The way to an account's task.
struct Handle {
    /// Unbounded because an account's task never waits for anything but its first load, and what
    /// is put in was paid for by a commit or a client's frame.
    commands: UnboundedSender<Command>,
    /// What it follows.
    topics: HashSet<TopicId>,
}

impl Loaded {
    pub(super) const fn next_stream(&mut self) -> StreamId {
        self.streams += 1;
        self.streams
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.accounts.len()
    }

    /// The way to an account that is loaded.
    pub(super) fn get(&self, account: &AccountName) -> Option<&UnboundedSender<Command>> {
        self.accounts.get(account).map(|handle| &handle.commands)
    }

    /// Whether an account is loaded for the first time since the start.
    pub(super) fn is_first(&mut self, account: &AccountName) -> bool {
        self.known.insert(account.clone())
    }

    /// Adds an account whose topics are not known yet.
    pub(super) fn add(&mut self, account: AccountName, commands: UnboundedSender<Command>) {
        self.remove(&account);
        let topics = HashSet::new();
        self.loading.insert(account.clone());
        self.accounts.insert(account, Handle { commands, topics });
    }

    /// The account was loaded and follows these topics, and those that it followed meanwhile.
    pub(super) fn knows(&mut self, account: &AccountName, topics: impl Iterator<Item = TopicId>) {
        for topic in topics {
            self.follow(account, topic);
        }
        self.loading.remove(account);
    }

    /// A loaded account follows a topic, and does so even when it leaves it: what was its own may
    /// be read or withdrawn.
    pub(super) fn follow(&mut self, account: &AccountName, topic: TopicId) {
        if let Some(handle) = self.accounts.get_mut(account) {
            handle.topics.insert(topic);
            let followers = self.followers.entry(topic).or_default();
            followers.insert(account.clone());
        }
    }

    pub(super) fn remove(&mut self, account: &AccountName) {
        self.loading.remove(account);
        let handle = self.accounts.remove(account);
        for topic in handle.into_iter().flat_map(|handle| handle.topics) {
            if let Some(followers) = self.followers.get_mut(&topic) {
                followers.remove(account);
                if followers.is_empty() {
                    self.followers.remove(&topic);
                }
            }
        }
    }

    /// Lets every account's task end.
    pub(super) fn clear(&mut self) {
        self.accounts.clear();
        self.followers.clear();
        self.loading.clear();
    }

    /// The accounts that entries of these logs may concern, each once.
    pub(super) fn concerned<'a>(&'a self, logs: &'a [Log]) -> HashSet<&'a AccountName> {
        let mut names = HashSet::new();
        for log in logs {
            match log {
                Log::Everyone | Log::Application(_) => return self.accounts.keys().collect(),
                Log::Account(name) | Log::Client(name, _) => {
                    names.insert(name);
                }
                Log::Topic(topic) => {
                    names.extend(&self.loading);
                    names.extend(self.followers.get(topic).into_iter().flatten());
                }
            }
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tokio::sync::mpsc::unbounded_channel;

    use super::*;
    use crate::store::ClientId;
    use crate::store::contract::name;

    const T: TopicId = TopicId(1);
    const U: TopicId = TopicId(2);

    /// Ada follows both topics, bob one of them, and carol is being loaded.
    fn three() -> Loaded {
        let mut loaded = Loaded::default();
        for account in ["ada", "bob", "carol"] {
            loaded.add(name(account), unbounded_channel().0);
        }
        loaded.knows(&name("ada"), [T].into_iter());
        loaded.follow(&name("ada"), U);
        loaded.knows(&name("bob"), [U].into_iter());
        loaded
    }

    fn check(loaded: &Loaded, logs: &[Log], expected: &[&str]) {
        let found = loaded.concerned(logs).into_iter();
        let found: BTreeSet<_> = found.map(AccountName::as_str).collect();
        let expected = expected.iter().copied().collect();
        assert_eq!(found, expected, "{logs:?}");
    }

    #[test]
    fn an_entry_concerns_its_receivers_and_who_follows_its_topics() {
        let loaded = three();
        let all: &[_] = &["ada", "bob", "carol"];
        check(&loaded, &[Log::Everyone], all);
        check(&loaded, &[Log::Account(name("bob"))], &["bob"]);
        check(&loaded, &[Log::Client(name("ada"), ClientId(1))], &["ada"]);
        check(&loaded, &[Log::Topic(T)], &["ada", "carol"]);
        check(&loaded, &[Log::Topic(U)], all);
        check(&loaded, &[Log::Topic(TopicId(3))], &["carol"]);
        check(&loaded, &[Log::Topic(T), Log::Account(name("bob"))], all);
        check(&loaded, &[Log::Topic(T), Log::Everyone], all);
    }

    #[test]
    fn who_goes_follows_nothing() {
        let mut loaded = three();
        loaded.remove(&name("ada"));
        check(&loaded, &[Log::Topic(U)], &["bob", "carol"]);
        loaded.follow(&name("ada"), T);
        loaded.knows(&name("carol"), [].into_iter());
        check(&loaded, &[Log::Topic(T)], &[]);
        assert_eq!(loaded.followers.len(), 1, "only what somebody follows");
        loaded.add(name("bob"), unbounded_channel().0);
        loaded.knows(&name("bob"), [].into_iter());
        check(&loaded, &[Log::Topic(U)], &[]);
        loaded.clear();
        check(&loaded, &[Log::Everyone], &[]);
    }
}
