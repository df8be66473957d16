//! The lines of one subscription: what was missed, then what comes.

use std::collections::VecDeque;
use std::sync::Arc;

use hither_protocol::{Message, MessageId, Timestamp, TopicName, WithdrawWhy};
use tokio::sync::{broadcast, watch};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::error::{NtfyError, Why};
use super::filter::{Filter, Since};
use super::message::{Event, NtfyMessage};
use super::places::Place;
use super::publication::Beyond;
use super::who::Who;
use crate::accounts::clock;
use crate::http::{App, Origin};
use crate::store::{Appended, Entry, Log, Page, Position, Rights, Topic, TopicId, What};

/// What a client asks for.
pub(super) struct Wanted {
    pub(super) topics: Vec<TopicName>,
    pub(super) since: Since,
    pub(super) filter: Filter,
    /// Also what the client itself published that waits for its time.
    pub(super) scheduled: bool,
    /// Only what is there.
    pub(super) poll: bool,
}

/// A subscription's lines, one after the other.
///
/// It never keeps more than one page: who reads slowly is read for slowly, and who falls behind
/// the live entries is served from the store again.
pub(super) struct Feed {
    app: Arc<App>,
    who: Who,
    origin: Origin,
    /// As the client named them; reading makes no topic, so some may not be there yet.
    wanted: Vec<TopicName>,
    /// Those that are there.
    topics: Vec<Topic>,
    /// The newest topic that any message so far stood in: a newer one may be one of the wanted.
    newest: TopicId,
    /// The names, with commas.
    names: String,
    filter: Filter,
    ready: VecDeque<NtfyMessage>,
    /// Everything up to here was looked at.
    after: Position,
    /// Where the beginning was given as a time.
    from: Option<Timestamp>,
    behind: bool,
    /// What waits for its time is still to come.
    scheduled: bool,
    live: Option<Live>,
    _place: Place,
}

struct Live {
    entries: broadcast::Receiver<Arc<Appended>>,
    /// Sessions ended, rights changed, or the server stops.
    news: watch::Receiver<bool>,
    keepalive: Interval,
}

/// Why nothing comes at this moment.
enum Waited {
    Entry(Arc<Appended>),
    Lagged,
    Verify,
    Keepalive,
    Over,
}

impl Feed {
    pub(super) async fn new(
        app: Arc<App>,
        who: Who,
        origin: Origin,
        wanted: Wanted,
    ) -> Result<Self, NtfyError> {
        let place = app.followers.take(&who.grantee())?;
        let names: Vec<_> = wanted.topics.iter().map(TopicName::as_str).collect();
        let mut feed = Self {
            names: names.join(","),
            // Before the first look at the store, so that nothing falls in between.
            live: (!wanted.poll).then(|| Live::new(&app)),
            app,
            who,
            origin,
            wanted: wanted.topics,
            topics: Vec::new(),
            newest: TopicId(0),
            filter: wanted.filter,
            ready: VecDeque::new(),
            after: Position(0),
            from: None,
            behind: true,
            scheduled: wanted.scheduled && wanted.since != Since::None,
            _place: place,
        };
        if !wanted.poll {
            feed.sign(Event::Open);
        }
        feed.look_topics_up().await?;
        feed.begin(wanted.since).await?;
        Ok(feed)
    }

    /// The next line; none after the last.
    pub(super) async fn next(&mut self) -> Option<NtfyMessage> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Some(line);
            }
            if let Err(error) = self.fill().await? {
                tracing::warn!(topics = %self.names, ?error, "a subscription broke off");
                return None;
            }
        }
    }

    /// Looks or waits for more; none where nothing can come.
    async fn fill(&mut self) -> Option<Result<(), NtfyError>> {
        if self.behind {
            return Some(self.read_on().await);
        }
        match self.live.as_mut()?.wait().await {
            Waited::Entry(entry) => Some(self.take(&entry).await),
            Waited::Lagged => {
                self.behind = true;
                Some(Ok(()))
            }
            Waited::Verify => self.may_go_on().await,
            Waited::Keepalive => {
                let on = self.may_go_on().await;
                self.sign(Event::Keepalive);
                on
            }
            Waited::Over => None,
        }
    }

    async fn begin(&mut self, since: Since) -> Result<(), NtfyError> {
        match since {
            Since::All => {}
            Since::None => self.after = self.app.store.head().await?,
            Since::Time(time) => self.from = Some(time),
            Since::Latest => {
                self.after = self.app.store.head().await?;
                self.latest().await?;
            }
            Since::Message(id) => match self.place_of(id).await? {
                Some(position) => self.after = position,
                // It is gone, but its id says when it came.
                None => self.from = Some(time_of(id)?),
            },
        }
        Ok(())
    }

    /// The newest message of each topic.
    async fn latest(&mut self) -> Result<(), NtfyError> {
        for topic in self.topics.clone() {
            if let Some(Position(newest)) = self.app.store.topic_newest(topic.id).await? {
                let before = Position(newest.saturating_sub(1));
                let page = self.app.store.topic_page(topic.id, before, None, 1).await?;
                self.put(vec![(topic, page.entries)]).await?;
            }
        }
        Ok(())
    }

    async fn place_of(&self, id: MessageId) -> Result<Option<Position>, NtfyError> {
        for topic in &self.topics {
            if let Some(position) = self.app.store.topic_position(topic.id, id).await? {
                return Ok(Some(position));
            }
        }
        Ok(None)
    }

    async fn look_topics_up(&mut self) -> Result<(), NtfyError> {
        self.topics.clear();
        for name in &self.wanted {
            self.topics.extend(self.app.store.topic(name).await?);
        }
        Ok(())
    }

    /// Reads a page of every topic, as far as all of them are known.
    async fn read_on(&mut self) -> Result<(), NtfyError> {
        let pages = self.pages().await?;
        let upto = pages.iter().map(|(_, page)| page.upto).min();
        let more = pages.iter().any(|(_, page)| page.more);
        let upto = upto.unwrap_or(self.after);
        let known = pages
            .into_iter()
            .map(|(topic, page)| (topic, until(page, upto)));
        self.put(known.collect()).await?;
        self.after = upto;
        self.from = None;
        self.behind = more;
        if !more && core::mem::take(&mut self.scheduled) {
            self.read_scheduled().await?;
        }
        Ok(())
    }

    /// A page of every wanted topic that is there. One that came meanwhile is read as well: its
    /// first message may stand before the end of the others' pages.
    async fn pages(&mut self) -> Result<Vec<(Topic, Page)>, NtfyError> {
        let limit = self.app.settings.limits.page_entries;
        self.look_topics_up().await?;
        loop {
            let mut pages = Vec::new();
            for topic in &self.topics {
                let store = &self.app.store;
                let page = store
                    .topic_page(topic.id, self.after, self.from, limit)
                    .await?;
                pages.push((topic.clone(), page));
            }
            self.look_topics_up().await?;
            if pages.iter().map(|(topic, _)| topic).eq(&self.topics) {
                return Ok(pages);
            }
        }
    }

    async fn read_scheduled(&mut self) -> Result<(), NtfyError> {
        let by = self.who.grantee();
        for topic in self.topics.clone() {
            let waiting = self.app.store.scheduled_in(&topic.name, &by).await?;
            let ids = waiting.iter().map(|message| message.id).collect();
            let mut beyond = self.app.store.ntfy_fields(ids).await?;
            for message in waiting {
                let fields = beyond.remove(&message.id);
                self.message(message, fields.as_deref(), &topic);
            }
        }
        Ok(())
    }

    async fn take(&mut self, appended: &Appended) -> Result<(), NtfyError> {
        if appended.entry.position <= self.after {
            return Ok(());
        }
        let newest = appended.logs.iter().filter_map(topic_id).max();
        if newest > Some(self.newest) {
            self.newest = newest.unwrap_or(self.newest);
            self.look_topics_up().await?;
        }
        let stands_in = |topic: &&Topic| appended.logs.contains(&Log::Topic(topic.id));
        if let Some(topic) = self.topics.iter().find(stands_in).cloned() {
            self.put(vec![(topic, vec![Entry::clone(&appended.entry)])])
                .await?;
            self.after = appended.entry.position;
        }
        Ok(())
    }

    /// Makes lines of entries, in order of position. What stands in several topics comes once.
    async fn put(&mut self, entries: Vec<(Topic, Vec<Entry>)>) -> Result<(), NtfyError> {
        let mut entries: Vec<_> = entries
            .into_iter()
            .flat_map(|(topic, entries)| entries.into_iter().map(move |one| (topic.clone(), one)))
            .collect();
        entries.sort_by_key(|(_, entry)| entry.position);
        entries.dedup_by_key(|(_, entry)| entry.position);
        let ids: Vec<_> = entries
            .iter()
            .filter_map(|(_, entry)| message_id(entry))
            .collect();
        let mut beyond = if ids.is_empty() {
            std::collections::HashMap::new()
        } else {
            self.app.store.ntfy_fields(ids).await?
        };
        let recalled: Vec<_> = entries
            .iter()
            .flat_map(|(_, entry)| recalled(entry))
            .copied()
            .collect();
        let keys = if recalled.is_empty() {
            std::collections::HashMap::new()
        } else {
            self.app.store.keys_of(recalled).await?
        };
        for (topic, entry) in entries {
            match entry.what {
                What::Message(message) => {
                    let fields = beyond.remove(&message.id);
                    self.message(*message, fields.as_deref(), &topic);
                }
                What::Withdraw(ids, WithdrawWhy::Recalled) => {
                    let gone = |id| {
                        let key = keys.get(&id).map(String::as_str);
                        NtfyMessage::gone(id, key, topic.name.as_str(), clock::wall())
                    };
                    self.ready.extend(ids.into_iter().map(gone));
                }
                What::Withdraw(..) | What::Read(_) => {}
            }
        }
        Ok(())
    }

    fn message(&mut self, message: Message, fields: Option<&str>, topic: &Topic) {
        let beyond: Beyond = fields
            .and_then(|fields| serde_json::from_str(fields).ok())
            .unwrap_or_default();
        let kept_for = self.app.settings.retention.age;
        let line = NtfyMessage::of(message, beyond, topic.name.as_str(), &self.origin, kept_for);
        if self.filter.lets_through(&line) {
            self.ready.push_back(line);
        }
    }

    fn sign(&mut self, event: Event) {
        let line = NtfyMessage::sign(event, &self.names, clock::wall());
        self.ready.push_back(line);
    }

    /// None where the client may not read any more.
    async fn may_go_on(&self) -> Option<Result<(), NtfyError>> {
        match self.may_read().await {
            Ok(true) => Some(Ok(())),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }

    async fn may_read(&self) -> Result<bool, NtfyError> {
        if !self.who.is_still_right(&self.app).await? {
            return Ok(false);
        }
        for topic in &self.wanted {
            let Rights { read, .. } = self.app.store.rights(topic, &self.who.grantee()).await?;
            if !read {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Live {
    fn new(app: &App) -> Self {
        let mut keepalive = interval(app.settings.limits.keepalive);
        keepalive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        keepalive.reset();
        Self {
            entries: app.accounts.topic_entries(),
            news: app.registry.news(),
            keepalive,
        }
    }

    async fn wait(&mut self) -> Waited {
        if *self.news.borrow() {
            return Waited::Over;
        }
        tokio::select! {
            entry = self.entries.recv() => match entry {
                Ok(entry) => Waited::Entry(entry),
                Err(broadcast::error::RecvError::Lagged(_)) => Waited::Lagged,
                Err(broadcast::error::RecvError::Closed) => Waited::Over,
            },
            changed = self.news.changed() => match changed {
                Ok(()) => Waited::Verify,
                Err(_) => Waited::Over,
            },
            _ = self.keepalive.tick() => Waited::Keepalive,
        }
    }
}

fn until(page: Page, upto: Position) -> Vec<Entry> {
    let known = |entry: &Entry| entry.position <= upto;
    page.entries.into_iter().filter(known).collect()
}

fn message_id(entry: &Entry) -> Option<MessageId> {
    match &entry.what {
        What::Message(message) => Some(message.id),
        _ => None,
    }
}

const fn topic_id(log: &Log) -> Option<TopicId> {
    match log {
        Log::Topic(id) => Some(*id),
        _ => None,
    }
}

fn recalled(entry: &Entry) -> &[MessageId] {
    match &entry.what {
        What::Withdraw(ids, WithdrawWhy::Recalled) => ids,
        _ => &[],
    }
}

/// A message's id begins with the time at which it came.
fn time_of(MessageId(id): MessageId) -> Result<Timestamp, NtfyError> {
    id.get_timestamp()
        .and_then(|time| {
            let (seconds, nanoseconds) = time.to_unix();
            let seconds = i64::try_from(seconds).ok()?;
            Timestamp::new(seconds, nanoseconds.try_into().ok()?).ok()
        })
        .ok_or_else(|| NtfyError::new(Why::Since, "this is no id of a message of this server"))
}
