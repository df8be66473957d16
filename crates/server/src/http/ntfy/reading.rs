//! What one subscription has read of its topics: every entry comes once, whatever is published
//! while it looks.

use async_trait::async_trait;
use hither_protocol::{MessageId, Timestamp, TopicName};

use super::error::{NtfyError, Why};
use super::filter::Since;
use crate::store::{
    Appended, Entry, Log, Page, Position, Store, StoreError, Topic, TopicId, Topics,
};

/// An entry with the topic that it is shown in.
pub(super) type Found = (Topic, Entry);

/// Where topics are looked up and read. Between two looks anything may be published.
#[async_trait]
pub(super) trait Source: Send + Sync {
    async fn head(&self) -> Result<Position, StoreError>;
    async fn topic(&self, name: &TopicName) -> Result<Option<Topic>, StoreError>;
    async fn latest(&self, topic: TopicId, upto: Position) -> Result<Option<Entry>, StoreError>;
    async fn position(&self, topic: TopicId, of: MessageId)
    -> Result<Option<Position>, StoreError>;
    async fn page(
        &self,
        topic: TopicId,
        after: Position,
        from: Option<Timestamp>,
        limit: usize,
    ) -> Result<Page, StoreError>;
}

#[async_trait]
impl Source for dyn Store {
    async fn head(&self) -> Result<Position, StoreError> {
        Ok(Store::head(self))
    }

    async fn topic(&self, name: &TopicName) -> Result<Option<Topic>, StoreError> {
        Topics::topic(self, name).await
    }

    async fn latest(&self, topic: TopicId, upto: Position) -> Result<Option<Entry>, StoreError> {
        self.topic_latest(topic, upto).await
    }

    async fn position(
        &self,
        topic: TopicId,
        of: MessageId,
    ) -> Result<Option<Position>, StoreError> {
        self.topic_position(topic, of).await
    }

    async fn page(
        &self,
        topic: TopicId,
        after: Position,
        from: Option<Timestamp>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        self.topic_page(topic, after, from, limit).await
    }
}

/// How far it got.
pub(super) struct Reading {
    /// As the client named them; reading makes no topic, so some may not be there yet.
    wanted: Vec<TopicName>,
    /// Those that are there.
    topics: Vec<Topic>,
    /// The newest topic that any message so far stood in: a newer one may be one of the wanted.
    newest: TopicId,
    /// Everything up to here was looked at.
    after: Position,
    /// Where the beginning was given as a time.
    from: Option<Timestamp>,
    behind: bool,
}

impl Reading {
    pub(super) const fn of(wanted: Vec<TopicName>) -> Self {
        Self {
            wanted,
            topics: Vec::new(),
            newest: TopicId(0),
            after: Position(0),
            from: None,
            behind: true,
        }
    }

    pub(super) fn wanted(&self) -> &[TopicName] {
        &self.wanted
    }

    pub(super) fn topics(&self) -> &[Topic] {
        &self.topics
    }

    /// Whether there may be something to read before what comes live.
    pub(super) const fn is_behind(&self) -> bool {
        self.behind
    }

    /// Something that came live was missed.
    pub(super) const fn fall_behind(&mut self) {
        self.behind = true;
    }

    /// Finds the beginning; answers what comes before everything else.
    pub(super) async fn begin<S: Source + ?Sized>(
        &mut self,
        store: &S,
        since: Since,
    ) -> Result<Vec<Found>, NtfyError> {
        match since {
            Since::All => {}
            Since::None => self.after = store.head().await?,
            Since::Time(time) => self.from = Some(time),
            Since::Latest => {
                self.after = store.head().await?;
                return self.latest(store).await;
            }
            Since::Message(id) => match self.place_of(store, id).await? {
                Some(position) => self.after = position,
                // It is gone, but its id says when it came.
                None => self.from = Some(time_of(id)?),
            },
        }
        Ok(Vec::new())
    }

    /// The newest message of each topic, up to where the reading begins.
    async fn latest<S: Source + ?Sized>(&mut self, store: &S) -> Result<Vec<Found>, NtfyError> {
        self.look_topics_up(store).await?;
        let mut found = Vec::new();
        for topic in &self.topics {
            let latest = store.latest(topic.id, self.after).await?;
            found.extend(latest.map(|entry| (topic.clone(), entry)));
        }
        Ok(in_order(found))
    }

    async fn place_of<S: Source + ?Sized>(
        &mut self,
        store: &S,
        id: MessageId,
    ) -> Result<Option<Position>, NtfyError> {
        self.look_topics_up(store).await?;
        for topic in &self.topics {
            if let Some(position) = store.position(topic.id, id).await? {
                return Ok(Some(position));
            }
        }
        Ok(None)
    }

    /// Reads a page of every topic, as far as all of them are known.
    pub(super) async fn read_on<S: Source + ?Sized>(
        &mut self,
        store: &S,
        limit: usize,
    ) -> Result<Vec<Found>, NtfyError> {
        let pages = self.pages(store, limit).await?;
        let upto = pages.iter().map(|(_, page)| page.upto).min();
        let upto = upto.unwrap_or(self.after);
        self.behind = pages.iter().any(|(_, page)| page.more);
        self.after = upto;
        self.from = None;
        let known = pages
            .into_iter()
            .flat_map(|(topic, page)| {
                page.entries
                    .into_iter()
                    .map(move |one| (topic.clone(), one))
            })
            .filter(|(_, entry)| entry.position <= upto);
        Ok(in_order(known.collect()))
    }

    /// A page of every wanted topic that is there. One that came meanwhile is read as well: its
    /// first message may stand before the end of the others' pages.
    async fn pages<S: Source + ?Sized>(
        &mut self,
        store: &S,
        limit: usize,
    ) -> Result<Vec<(Topic, Page)>, NtfyError> {
        self.look_topics_up(store).await?;
        loop {
            let mut pages = Vec::new();
            for topic in &self.topics {
                let page = store.page(topic.id, self.after, self.from, limit).await?;
                pages.push((topic.clone(), page));
            }
            self.look_topics_up(store).await?;
            if pages.iter().map(|(topic, _)| topic).eq(&self.topics) {
                return Ok(pages);
            }
        }
    }

    /// In which topic an entry is shown that came live; none where it is no wanted one's, or was
    /// read already.
    pub(super) async fn take<S: Source + ?Sized>(
        &mut self,
        store: &S,
        appended: &Appended,
    ) -> Result<Option<Topic>, NtfyError> {
        let position = appended.entry.position;
        // What is only for who is connected was in no page.
        if position <= self.after && !appended.fleeting {
            return Ok(None);
        }
        let newest = appended.logs.iter().filter_map(topic_id).max();
        if newest > Some(self.newest) {
            self.newest = newest.unwrap_or(self.newest);
            self.look_topics_up(store).await?;
        }
        let stands_in = |topic: &&Topic| appended.logs.contains(&Log::Topic(topic.id));
        let topic = self.topics.iter().find(stands_in).cloned();
        if topic.is_some() {
            self.after = self.after.max(position);
        }
        Ok(topic)
    }

    async fn look_topics_up<S: Source + ?Sized>(&mut self, store: &S) -> Result<(), NtfyError> {
        self.topics.clear();
        for name in &self.wanted {
            self.topics.extend(store.topic(name).await?);
        }
        Ok(())
    }
}

/// What stands in several topics comes once.
fn in_order(mut found: Vec<Found>) -> Vec<Found> {
    found.sort_by_key(|(_, entry)| entry.position);
    found.dedup_by_key(|(_, entry)| entry.position);
    found
}

const fn topic_id(log: &Log) -> Option<TopicId> {
    match log {
        Log::Topic(id) => Some(*id),
        _ => None,
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

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::mpsc::UnboundedReceiver;

    use super::*;
    use crate::store::contract::{a_message, a_publisher, announced};
    use crate::store::{
        Committed, DataFolder, NewMessage, Publishers, Receivers, SqliteStore, What, system_clock,
    };

    /// Two topics to which somebody publishes just before the store is looked into for the n-th
    /// time.
    struct Meddled<'a> {
        store: &'a dyn Store,
        topics: [TopicName; 2],
        before: usize,
        looks: AtomicUsize,
    }

    impl<'a> Meddled<'a> {
        /// One of the topics is there, with the message `1`.
        async fn new(store: &'a dyn Store, round: usize, before: usize) -> Self {
            let meddled = Self {
                store,
                topics: ["t", "u"].map(|name| format!("{name}{round}").parse().unwrap()),
                before,
                looks: AtomicUsize::new(0),
            };
            meddled.publish("1", &meddled.topics[..1], None).await;
            meddled
        }

        async fn publish(&self, title: &str, topics: &[TopicName], ttl: Option<Duration>) {
            let mut new = NewMessage {
                to: Receivers {
                    topics: topics.to_vec(),
                    ..Receivers::default()
                },
                ttl,
                ..a_message(&[])
            };
            new.message.title = title.to_owned();
            self.store.publish(new).await.unwrap();
        }

        /// The first message of the topic that was not there, one of the other, one of both, and
        /// one that is only for who is connected.
        async fn meddle(&self) {
            self.publish("2", &self.topics[1..], None).await;
            self.publish("3", &self.topics[..1], None).await;
            self.publish("4", &self.topics, None).await;
            let fleeting = Some(Duration::ZERO);
            self.publish("now", &self.topics[..1], fleeting).await;
        }

        async fn look(&self) -> &dyn Store {
            if self.looks.fetch_add(1, Ordering::SeqCst) == self.before {
                self.meddle().await;
            }
            self.store
        }

        /// The titles that come to whoever follows both topics, and how often that looked.
        async fn follow(
            &self,
            since: Since,
            live: &mut UnboundedReceiver<Committed>,
        ) -> (Vec<String>, usize) {
            // What was published before it follows does not come live.
            announced(live);
            let mut reading = Reading::of(self.topics.to_vec());
            let mut found = reading.begin(self, since).await.unwrap();
            while reading.is_behind() {
                found.extend(reading.read_on(self, 2).await.unwrap());
            }
            let looks = self.looks.load(Ordering::SeqCst);
            if looks <= self.before {
                self.meddle().await;
            }
            let mut titles: Vec<_> = found.iter().map(|(_, entry)| title(entry)).collect();
            for appended in announced(live).iter().flat_map(entries) {
                let taken = reading.take(self.store, appended).await.unwrap();
                titles.extend(taken.map(|_| title(&appended.entry)));
            }
            (titles, looks)
        }
    }

    #[async_trait]
    impl Source for Meddled<'_> {
        async fn head(&self) -> Result<Position, StoreError> {
            Source::head(self.look().await).await
        }

        async fn topic(&self, name: &TopicName) -> Result<Option<Topic>, StoreError> {
            Source::topic(self.look().await, name).await
        }

        async fn latest(
            &self,
            topic: TopicId,
            upto: Position,
        ) -> Result<Option<Entry>, StoreError> {
            self.look().await.latest(topic, upto).await
        }

        async fn position(
            &self,
            topic: TopicId,
            of: MessageId,
        ) -> Result<Option<Position>, StoreError> {
            self.look().await.position(topic, of).await
        }

        async fn page(
            &self,
            topic: TopicId,
            after: Position,
            from: Option<Timestamp>,
            limit: usize,
        ) -> Result<Page, StoreError> {
            Source::page(self.look().await, topic, after, from, limit).await
        }
    }

    fn entries(commit: &Committed) -> &[Appended] {
        match commit {
            Committed::Entries(appended) => appended,
            _ => &[],
        }
    }

    fn title(entry: &Entry) -> String {
        match &entry.what {
            What::Message(message) => message.title.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn what_is_published_at_any_moment_comes_once() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::lock(folder.path()).unwrap();
        let store = SqliteStore::open(data, system_clock()).unwrap();
        store.add_publisher(a_publisher()).await.unwrap();
        let mut live = store.commits().unwrap();
        let all = ["1", "2", "3", "4", "now"];
        let mut round = 0;
        for (since, at_once, later) in [
            (Since::All, &all[..], &all[..]),
            (Since::Time(Timestamp::UNIX_EPOCH), &all, &all),
            (Since::None, &["now"], &all[1..]),
            (Since::Latest, &["4", "now"], &all),
        ] {
            for before in 0.. {
                round += 1;
                let meddled = Meddled::new(&store, round, before).await;
                let (titles, looks) = meddled.follow(since, &mut live).await;
                let expected = if before == 0 { at_once } else { later };
                assert_eq!(
                    titles, expected,
                    "{since:?}, published before look {before}"
                );
                if before > looks {
                    break;
                }
            }
        }
    }
}
