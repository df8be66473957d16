//! Topics and subscriptions.

use async_trait::async_trait;
use hither_protocol::{AccountName, MessageId, Timestamp, TopicName};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::accounts::account_number;
use super::places::{Place, Shelf, subscribed};
use super::rows::{damaged, ms};
use super::writer::Tx;
use super::{SqliteStore, pages, upkeep};
use crate::store::{
    Committed, Entry, MAX_SUBSCRIPTIONS, Page, Position, StoreError, Subscription, Topic, TopicId,
    Topics,
};

#[async_trait]
impl Topics for SqliteStore {
    async fn ensure_topic(&self, name: &TopicName) -> Result<Topic, StoreError> {
        if let Some(topic) = self.topic(name).await? {
            return Ok(topic);
        }
        let name = name.clone();
        self.writer.write(move |tx| ensure(tx, &name)).await
    }

    async fn topic(&self, name: &TopicName) -> Result<Option<Topic>, StoreError> {
        let name = name.clone();
        self.readers.read(move |conn| topic(conn, &name)).await
    }

    async fn topics(&self) -> Result<Vec<Topic>, StoreError> {
        self.readers.read(topics).await
    }

    async fn subscribe(&self, account: &AccountName, topic: &TopicName) -> Result<(), StoreError> {
        let (account, topic) = (account.clone(), topic.clone());
        self.writer
            .write(move |tx| subscribe(tx, account, &topic))
            .await
    }

    async fn unsubscribe(
        &self,
        account: &AccountName,
        topic: &TopicName,
    ) -> Result<(), StoreError> {
        let (account, name) = (account.clone(), topic.clone());
        self.writer
            .write(move |tx| {
                let topic = topic_named(tx, &name)?;
                unsubscribe(tx, account, topic)?;
                remove_unused(tx, Some(topic))
            })
            .await
    }

    async fn subscriptions(&self, account: &AccountName) -> Result<Vec<Topic>, StoreError> {
        let account = account.clone();
        self.readers
            .read(move |conn| subscriptions(conn, &account))
            .await
    }

    async fn subscribed(&self, account: &AccountName) -> Result<Vec<Subscription>, StoreError> {
        let account = account.clone();
        self.readers
            .read(move |conn| subscribed(conn, account_number(conn, &account)?))
            .await
    }

    async fn topic_page(
        &self,
        topic: TopicId,
        after: Position,
        since: Option<Timestamp>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let now = self.now();
        self.readers
            .read(move |conn| {
                let snapshot = conn.unchecked_transaction()?;
                let log = Shelf::of_topic(topic);
                pages::page(&snapshot, &log, after, since, limit, now)
            })
            .await
    }

    async fn topic_position(
        &self,
        topic: TopicId,
        message: MessageId,
    ) -> Result<Option<Position>, StoreError> {
        self.readers
            .read(move |conn| topic_position(conn, topic, message))
            .await
    }

    async fn topic_latest(
        &self,
        topic: TopicId,
        upto: Position,
    ) -> Result<Option<Entry>, StoreError> {
        let now = self.now();
        self.readers
            .read(move |conn| topic_latest(conn, topic, upto, now))
            .await
    }
}

/// The topic of this name, made and left free where it is not there.
pub(super) fn ensure(tx: &Tx<'_>, name: &TopicName) -> Result<Topic, StoreError> {
    if let Some(topic) = topic(tx, name)? {
        return Ok(topic);
    }
    tx.prepare_cached("INSERT OR IGNORE INTO topics (name, created_at) VALUES (?1, ?2)")?
        .execute((name.as_str(), ms(tx.now)))?;
    topic(tx, name)?.ok_or_else(|| damaged("a topic that was just stored is missing"))
}

pub(super) fn topic(conn: &Connection, name: &TopicName) -> Result<Option<Topic>, StoreError> {
    conn.prepare_cached("SELECT id, name FROM topics WHERE name = ?1")?
        .query_and_then([name.as_str()], topic_of)?
        .next()
        .transpose()
}

fn topics(conn: &Connection) -> Result<Vec<Topic>, StoreError> {
    conn.prepare_cached("SELECT id, name FROM topics ORDER BY name")?
        .query_and_then([], topic_of)?
        .collect()
}

fn topic_of(row: &Row<'_>) -> Result<Topic, StoreError> {
    Ok(Topic {
        id: row.get(0)?,
        name: TopicName::try_from(row.get::<_, String>(1)?).map_err(damaged)?,
    })
}

fn topic_named(conn: &Connection, name: &TopicName) -> Result<TopicId, StoreError> {
    Ok(topic(conn, name)?.ok_or(StoreError::NotFound)?.id)
}

fn subscribe(tx: &mut Tx<'_>, name: AccountName, topic: &TopicName) -> Result<(), StoreError> {
    let account = account_number(tx, &name)?;
    let topic = ensure(tx, topic)?.id;
    let live = subscribed(tx, account)?;
    let live: Vec<_> = live.iter().filter(|part| part.until.is_none()).collect();
    if live.iter().any(|part| part.topic == topic) {
        return Ok(());
    }
    if live.len() >= MAX_SUBSCRIPTIONS {
        return Err(StoreError::TooMany);
    }
    let since = tx.head();
    // Left and joined again with nothing in between: as if it had never been left.
    tx.prepare_cached(
        "INSERT INTO subscriptions (account, topic, since) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET until = NULL",
    )?
    .execute((account, topic, since))?;
    tx.announce(Committed::Subscribed(name, topic, since));
    Ok(())
}

pub(super) fn unsubscribe(
    tx: &mut Tx<'_>,
    name: AccountName,
    topic: TopicId,
) -> Result<(), StoreError> {
    let account = account_number(tx, &name)?;
    let until = tx.head();
    let left = tx
        .prepare_cached(
            "UPDATE subscriptions SET until = ?3
             WHERE account = ?1 AND topic = ?2 AND until IS NULL",
        )?
        .execute((account, topic, until))?;
    if left == 0 {
        return Err(StoreError::NotFound);
    }
    forget_empty(tx, account, topic)?;
    tx.announce(Committed::Unsubscribed(name, topic, until));
    Ok(())
}

/// Removes the topic, or all topics, where nobody owns, may use, reads or has read it, so that names
/// which somebody only tried do not use up what there is.
pub(super) fn remove_unused(tx: &Tx<'_>, topic: Option<TopicId>) -> Result<(), StoreError> {
    let scope = Place::Topic(TopicId(0)).scope();
    let removed = tx
        .prepare_cached(
            "DELETE FROM topics
             WHERE ifnull(id = ?1, TRUE) AND owner IS NULL AND NOT private
               AND NOT EXISTS (SELECT 1 FROM topic_grants WHERE topic = topics.id)
               AND NOT EXISTS (SELECT 1 FROM subscriptions WHERE topic = topics.id)
               AND NOT EXISTS (SELECT 1 FROM log WHERE scope = ?2 AND log.owner = topics.id)
             RETURNING id",
        )?
        .query_map((topic, scope), |row| row.get::<_, TopicId>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    removed
        .into_iter()
        .try_for_each(|topic| upkeep::forget_log(tx, Place::Topic(topic)))
}

/// Times in which the topic said nothing need not be remembered.
fn forget_empty(tx: &Tx<'_>, account: i64, topic: TopicId) -> Result<(), StoreError> {
    tx.prepare_cached(
        "DELETE FROM subscriptions WHERE account = ?1 AND topic = ?2 AND NOT EXISTS (
             SELECT 1 FROM log WHERE scope = ?3 AND owner = ?2
               AND position > since AND position <= until
             UNION ALL
             SELECT 1 FROM departed WHERE scope = ?3 AND owner = ?2
               AND position > since AND position <= until
         )",
    )?
    .execute((account, topic, Place::Topic(topic).scope()))?;
    Ok(())
}

fn subscriptions(conn: &Connection, name: &AccountName) -> Result<Vec<Topic>, StoreError> {
    let account = account_number(conn, name)?;
    conn.prepare_cached(
        "SELECT id, name FROM subscriptions JOIN topics ON id = topic
         WHERE account = ?1 AND until IS NULL ORDER BY name",
    )?
    .query_and_then([account], topic_of)?
    .collect()
}

fn topic_position(
    conn: &Connection,
    topic: TopicId,
    message: MessageId,
) -> Result<Option<Position>, StoreError> {
    let place = Place::Topic(topic);
    Ok(conn
        .prepare_cached(
            "SELECT position FROM messages JOIN log ON message = number AND kind = 'message'
             WHERE id = ?1 AND scope = ?2 AND owner = ?3",
        )?
        .query_row(
            params![message.0.as_bytes(), place.scope(), place.owner()],
            |row| row.get(0),
        )
        .optional()?)
}

fn topic_latest(
    conn: &Connection,
    topic: TopicId,
    upto: Position,
    now: Timestamp,
) -> Result<Option<Entry>, StoreError> {
    let snapshot = conn.unchecked_transaction()?;
    let place = Place::Topic(topic);
    let found: Option<Position> = snapshot
        .prepare_cached(
            "SELECT position FROM log JOIN messages ON number = message
             WHERE scope = ?1 AND owner = ?2 AND kind = 'message' AND position <= ?4
               AND withdrawn_at IS NULL AND ifnull(expires_at > ?3, TRUE)
             ORDER BY position DESC LIMIT 1",
        )?
        .query_row(
            params![place.scope(), place.owner(), ms(now), upto],
            |row| row.get(0),
        )
        .optional()?;
    let Some(Position(newest)) = found else {
        return Ok(None);
    };
    let before = Position(newest.saturating_sub(1));
    let page = pages::page(&snapshot, &Shelf::of_topic(topic), before, None, 1, now)?;
    Ok(page.entries.into_iter().next())
}
