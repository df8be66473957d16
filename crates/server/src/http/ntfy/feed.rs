//! The lines of one subscription: what was missed, then what comes.

use std::collections::VecDeque;
use std::sync::Arc;

use hither_protocol::{Message, MessageId, TopicName, WithdrawWhy};
use tokio::sync::{broadcast, watch};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::error::{NtfyError, Why};
use super::filter::{Filter, Since};
use super::message::{Event, NtfyMessage};
use super::publication::Beyond;
use super::reading::{Found, Reading};
use super::who::Who;
use crate::accounts::clock;
use crate::http::{App, Origin};
use crate::limits::Place;
use crate::store::{Appended, Entry, Grantee, Rights, Topic, What};

/// Open subscriptions of one account or publisher.
pub(crate) const MAX_FEEDS: usize = 30;

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
    reading: Reading,
    /// The topics' names, with commas.
    names: String,
    filter: Filter,
    ready: VecDeque<NtfyMessage>,
    /// What waits for its time is still to come.
    scheduled: bool,
    live: Option<Live>,
    _place: Place<Grantee>,
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
        let place = app.followers.take(Some(who.grantee())).map_err(|_| {
            let detail = format!("{MAX_FEEDS} are the most of one account or publisher");
            NtfyError::new(Why::TooManySubscriptions, detail)
        })?;
        let names: Vec<_> = wanted.topics.iter().map(TopicName::as_str).collect();
        let mut feed = Self {
            names: names.join(","),
            // Before the first look at the store, so that nothing falls in between.
            live: (!wanted.poll).then(|| Live::new(&app)),
            app,
            who,
            origin,
            reading: Reading::of(wanted.topics),
            filter: wanted.filter,
            ready: VecDeque::new(),
            scheduled: wanted.scheduled && wanted.since != Since::None,
            _place: place,
        };
        if !wanted.poll {
            feed.sign(Event::Open);
        }
        let store = &*feed.app.store;
        let found = feed.reading.begin(store, wanted.since).await?;
        feed.put(found).await?;
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
        if self.reading.is_behind() {
            return Some(self.read_on().await);
        }
        match self.live.as_mut()?.wait().await {
            Waited::Entry(entry) => Some(self.take(&entry).await),
            Waited::Lagged => {
                self.app.metrics.lagged();
                self.reading.fall_behind();
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

    /// Reads what is there; then what waits for its time.
    async fn read_on(&mut self) -> Result<(), NtfyError> {
        let limit = self.app.settings.limits.page_entries;
        let found = self.reading.read_on(&*self.app.store, limit).await?;
        self.put(found).await?;
        if !self.reading.is_behind() && core::mem::take(&mut self.scheduled) {
            self.read_scheduled().await?;
        }
        Ok(())
    }

    async fn read_scheduled(&mut self) -> Result<(), NtfyError> {
        let by = self.who.grantee();
        for topic in self.reading.topics().to_vec() {
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
        if let Some(topic) = self.reading.take(&*self.app.store, appended).await? {
            let entry = Entry::clone(&appended.entry);
            self.put(vec![(topic, entry)]).await?;
        }
        Ok(())
    }

    /// Makes lines of entries, in the order given.
    async fn put(&mut self, entries: Vec<Found>) -> Result<(), NtfyError> {
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
                    self.message(Arc::unwrap_or_clone(message), fields.as_deref(), &topic);
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
        for topic in self.reading.wanted() {
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

fn message_id(entry: &Entry) -> Option<MessageId> {
    match &entry.what {
        What::Message(message) => Some(message.id),
        _ => None,
    }
}

fn recalled(entry: &Entry) -> &[MessageId] {
    match &entry.what {
        What::Withdraw(ids, WithdrawWhy::Recalled) => ids,
        _ => &[],
    }
}
