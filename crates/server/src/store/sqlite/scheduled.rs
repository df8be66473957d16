//! Messages between their publish and their time.

use core::time::Duration;

use async_trait::async_trait;
use hither_protocol::{Message, Timestamp, TopicName, WithdrawWhy};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::receivers::Resolved;
use super::release::release;
use super::rows::{damaged, ms, optional_time, time};
use super::writer::Tx;
use super::{SqliteStore, access, withdrawals};
use crate::store::{
    Committed, Grantee, MAX_SCHEDULED, NewMessage, Receivers, Schedule, StoreError,
};

/// So many are released before it is looked again what is due.
const RELEASED_AT_ONCE: usize = 100;
/// For so long it is known what was withdrawn before its time.
const IN_VAIN_MS: i64 = 24 * 60 * 60 * 1000;
/// So much of that is forgotten in one commit.
const FORGOTTEN_AT_ONCE: usize = 5000;

#[async_trait]
impl Schedule for SqliteStore {
    async fn release(&self) -> Result<Option<Duration>, StoreError> {
        while let Some(next) = self.readers.read(next_release).await? {
            let now = self.now();
            let ahead = next.duration_since(now);
            if ahead.is_positive() {
                return Ok(Some(ahead.unsigned_abs()));
            }
            let due = self.readers.read(move |conn| due(conn, now)).await?;
            // One after another, so that they come in their order; one that fails does not hold
            // the others back.
            let mut outcome = Ok(());
            for number in due {
                let released = self.writer.write(move |tx| release(tx, number));
                outcome = outcome.and(released.await);
            }
            outcome?;
        }
        Ok(None)
    }

    async fn scheduled_in(
        &self,
        topic: &TopicName,
        by: &Grantee,
    ) -> Result<Vec<Message>, StoreError> {
        let (topic, by) = (topic.clone(), by.clone());
        self.readers
            .read(move |conn| scheduled_in(conn, &topic, &by))
            .await
    }
}

/// Whom a message is for, as it is kept until its time: accounts are those that were named, not
/// others that get their names in between.
#[derive(Serialize, Deserialize)]
pub(super) struct Addressed {
    pub(super) accounts: Vec<i64>,
    pub(super) topics: Vec<TopicName>,
    pub(super) tokens: Vec<String>,
    pub(super) everyone: bool,
    /// Name and range of versions.
    pub(super) application: Option<(String, String)>,
    /// How many logs it was for. What was accepted before this was noted says 0.
    #[serde(default)]
    pub(super) logs: usize,
}

/// When a message comes, and to whom.
pub(super) struct Later {
    pub(super) at: Timestamp,
    key: Option<String>,
    ttl: Option<Duration>,
    to: Receivers,
}

impl Later {
    /// Nothing where it is time already.
    pub(super) fn of(
        tx: &Tx<'_>,
        publisher: i64,
        new: &NewMessage,
    ) -> Result<Option<Self>, StoreError> {
        let at = new.deliver_at.map(ms).filter(|at| *at > ms(tx.now));
        let Some(at) = at else {
            return Ok(None);
        };
        let waiting: u64 = tx
            .prepare_cached(
                "SELECT count(*) FROM scheduled WHERE publisher = ?1 AND deliver_at IS NOT NULL",
            )?
            .query_row([publisher], |row| row.get(0))?;
        if waiting >= MAX_SCHEDULED {
            return Err(StoreError::TooMany);
        }
        Ok(Some(Self {
            at: time(at)?,
            key: new.message.key.clone(),
            ttl: new.ttl,
            to: new.to.clone(),
        }))
    }

    /// Lets a message that is stored wait. The accounts are those that were found by name.
    pub(super) fn wait(
        self,
        tx: &mut Tx<'_>,
        publisher: i64,
        number: i64,
        found: Resolved,
    ) -> Result<(), StoreError> {
        let to = self.to;
        let addressed = Addressed {
            logs: found.logs.len(),
            accounts: found.accounts,
            topics: to.topics,
            tokens: to.tokens,
            everyone: to.everyone,
            application: to
                .application
                .map(|meant| (meant.name, meant.versions.to_string())),
        };
        tx.prepare_cached("INSERT INTO scheduled VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![
                number,
                publisher,
                ms(self.at),
                self.key,
                self.ttl
                    .map(|ttl| i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX)),
                serde_json::to_string(&addressed).map_err(damaged)?,
            ])?;
        tx.announce(Committed::Scheduled);
        Ok(())
    }
}

/// The moment at which the next message is due.
fn next_release(conn: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let next = conn
        .prepare_cached("SELECT min(deliver_at) FROM scheduled WHERE deliver_at IS NOT NULL")?
        .query_row([], |row| row.get(0))?;
    optional_time(next)
}

/// In the order in which they are due.
fn due(conn: &Connection, now: Timestamp) -> Result<Vec<i64>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT message FROM scheduled WHERE deliver_at <= ?1
             ORDER BY deliver_at, message LIMIT ?2",
        )?
        .query_map(params![ms(now), RELEASED_AT_ONCE], |row| row.get(0))?
        .collect::<Result<_, _>>()?)
}

/// Withdraws what waits with this key of a publisher: a newer message takes its place.
pub(super) fn supersede(tx: &mut Tx<'_>, publisher: i64, key: &str) -> Result<(), StoreError> {
    let waiting = "SELECT number, id FROM scheduled JOIN messages ON number = message
                   WHERE scheduled.publisher = ?1 AND scheduled.key = ?2
                     AND deliver_at IS NOT NULL";
    for (number, id) in withdrawals::found(tx, waiting, (publisher, key))? {
        withdrawals::withdraw(tx, number, id, WithdrawWhy::Replaced)?;
    }
    Ok(())
}

/// Takes back what waits of the publisher that an account's own messages come from.
pub(super) fn recall_all_of(tx: &mut Tx<'_>, account: i64) -> Result<(), StoreError> {
    let waiting = "SELECT number, messages.id FROM scheduled JOIN messages ON number = message
                   JOIN publishers ON publishers.id = scheduled.publisher
                   WHERE account = ?1 AND deliver_at IS NOT NULL";
    for (number, id) in withdrawals::found(tx, waiting, [account])? {
        withdrawals::withdraw(tx, number, id, WithdrawWhy::Recalled)?;
    }
    Ok(())
}

/// A message that was withdrawn before its time: only that is known of it for a while.
pub(super) fn never_comes(tx: &Tx<'_>, number: i64) -> Result<(), StoreError> {
    let waited = tx
        .prepare_cached(
            "UPDATE scheduled SET deliver_at = NULL, receivers = '{}' WHERE message = ?1",
        )?
        .execute([number])?;
    if waited > 0 {
        tx.prepare_cached("DELETE FROM own_content WHERE message = ?1")?
            .execute([number])?;
        tx.prepare_cached(
            "UPDATE messages SET content = '{}', html = NULL, ntfy = NULL WHERE number = ?1",
        )?
        .execute([number])?;
    }
    Ok(())
}

/// Forgets what was withdrawn before its time, a while after that.
pub(super) fn forget_in_vain(tx: &Tx<'_>) -> Result<(), StoreError> {
    tx.prepare_cached(
        "DELETE FROM messages WHERE number IN (
             SELECT message FROM scheduled JOIN messages ON number = message
             WHERE deliver_at IS NULL AND withdrawn_at <= ?1 LIMIT ?2)",
    )?
    .execute(params![
        ms(tx.now).saturating_sub(IN_VAIN_MS),
        FORGOTTEN_AT_ONCE
    ])?;
    Ok(())
}

fn scheduled_in(
    conn: &Connection,
    topic: &TopicName,
    by: &Grantee,
) -> Result<Vec<Message>, StoreError> {
    let (account, publisher) = access::numbers(conn, by)?;
    conn.prepare_cached(
        "SELECT content FROM scheduled JOIN messages ON number = message
         JOIN publishers ON publishers.id = scheduled.publisher
         WHERE (publishers.id = ?1 OR account = ?2) AND deliver_at IS NOT NULL
           AND EXISTS (SELECT 1 FROM json_each(scheduled.receivers, '$.topics') WHERE value = ?3)
         ORDER BY deliver_at, message",
    )?
    .query_and_then(params![publisher, account, topic.as_str()], |row| {
        serde_json::from_str(row.get_ref(0)?.as_str().map_err(damaged)?).map_err(damaged)
    })?
    .collect()
}

/// How many messages wait.
pub(super) fn count(conn: &Connection) -> Result<u64, StoreError> {
    Ok(conn
        .prepare_cached("SELECT count(*) FROM scheduled WHERE deliver_at IS NOT NULL")?
        .query_row([], |row| row.get(0))?)
}
