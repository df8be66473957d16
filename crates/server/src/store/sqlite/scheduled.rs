//! Messages between their publish and their time.

use core::time::Duration;

use async_trait::async_trait;
use hither_protocol::{
    AccountName, Message, MessageId, PublisherId, Timestamp, TopicName, WithdrawWhy,
};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::log::MessageRow;
use super::places::{Place, account_name, parse_range};
use super::publish::{Said, application, bring, expiry, last_moment};
use super::receivers::{self, Resolved};
use super::rows::{damaged, message_id, ms, optional_time, time};
use super::writer::Tx;
use super::{SqliteStore, access, withdrawals};
use crate::store::{
    Application, Committed, Grantee, MAX_SCHEDULED, NewMessage, Receivers, Schedule, StoreError,
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
struct Addressed {
    accounts: Vec<i64>,
    topics: Vec<TopicName>,
    tokens: Vec<String>,
    everyone: bool,
    /// Name and range of versions.
    application: Option<(String, String)>,
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
        accounts: Vec<i64>,
    ) -> Result<(), StoreError> {
        let to = self.to;
        let addressed = Addressed {
            accounts,
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

/// A message whose time has come.
struct Due {
    number: i64,
    id: MessageId,
    publisher: i64,
    key: Option<String>,
    ttl: Option<Duration>,
    to: Addressed,
    content: String,
}

/// Brings a message to those of its receivers that are left. One that was withdrawn or released in
/// between is left alone.
fn release(tx: &mut Tx<'_>, number: i64) -> Result<(), StoreError> {
    let Some(due) = Due::find(tx, number)? else {
        return Ok(());
    };
    let to = due.receivers(tx)?;
    if to.logs.is_empty() {
        return withdrawals::withdraw(tx, number, due.id, WithdrawWhy::Expired);
    }
    tx.prepare_cached("DELETE FROM scheduled WHERE message = ?1")?
        .execute([number])?;
    if let Some(key) = &due.key {
        withdrawals::replace(tx, due.publisher, key)?;
    }
    let said = due.said(tx, &to)?;
    let row = MessageRow {
        number,
        fleeting: due.ttl == Some(Duration::ZERO),
        versions: None,
    };
    bring(tx, row, to, said)
}

impl Due {
    fn find(tx: &Tx<'_>, number: i64) -> Result<Option<Self>, StoreError> {
        tx.prepare_cached(
            "SELECT id, scheduled.publisher, scheduled.key, ttl_ms, scheduled.receivers, content
             FROM scheduled JOIN messages ON number = message
             WHERE message = ?1 AND deliver_at IS NOT NULL",
        )?
        .query_and_then([number], |row| {
            let ttl: Option<u64> = row.get(3)?;
            let to = row.get_ref(4)?.as_str().map_err(damaged)?;
            Ok(Self {
                number,
                id: message_id(row.get(0)?),
                publisher: row.get(1)?,
                key: row.get(2)?,
                ttl: ttl.map(Duration::from_millis),
                to: serde_json::from_str(to).map_err(damaged)?,
                content: row.get(5)?,
            })
        })?
        .next()
        .transpose()
    }

    /// Those who are there at this moment, and whom the publisher may reach at this moment.
    fn receivers(&self, tx: &Tx<'_>) -> Result<Resolved, StoreError> {
        let Some(by) = Rights::of(tx, self.publisher)? else {
            return Ok(Resolved::default());
        };
        let mut accounts = Vec::new();
        let exists = "SELECT 1 FROM accounts WHERE id = ?1";
        for account in &self.to.accounts {
            if tx.prepare_cached(exists)?.exists([account])? {
                accounts.push(account_name(tx, *account)?);
            }
        }
        let mut topics = Vec::new();
        for topic in &self.to.topics {
            if access::rights(tx, topic, &by.who)?.write {
                topics.push(topic.clone());
            }
        }
        let application = self.to.application.as_ref().filter(|_| by.everyone);
        let application = application.map(|(name, versions)| {
            let versions = parse_range(versions)?;
            let name = name.clone();
            Ok::<_, StoreError>(Application { name, versions })
        });
        let to = Receivers {
            accounts,
            topics,
            tokens: self.to.tokens.clone(),
            everyone: self.to.everyone && by.everyone,
            application: application.transpose()?,
        };
        receivers::resolve(tx, self.publisher, to)
    }

    /// Writes down when it came and how long it is good, and answers what is said to whom.
    fn said(&self, tx: &Tx<'_>, to: &Resolved) -> Result<Said, StoreError> {
        let came = Came {
            at: tx.now,
            expires_at: expiry(tx.now, self.ttl),
            to,
        };
        let (message, content) = came.note(&self.content)?;
        tx.prepare_cached(
            "UPDATE messages SET created_at = ?2, expires_at = ?3, key = ?4, receivers = ?5,
                                 content = ?6
             WHERE number = ?1",
        )?
        .execute(params![
            self.number,
            ms(came.at),
            last_moment(tx, came.expires_at, self.ttl).map(ms),
            self.key,
            to.receivers.cast_signed(),
            content,
        ])?;
        let own = self.own(tx, &came)?;
        Ok(own.map_or_else(|| Said::Alike(Box::new(message)), Said::Each))
    }

    /// What was filled in for each receiver when it was published; nothing where all get the same.
    fn own(&self, tx: &Tx<'_>, came: &Came<'_>) -> Result<Option<Vec<Message>>, StoreError> {
        let mut own = Vec::new();
        for (place, _) in &came.to.logs {
            let Place::Account(account) = place else {
                return Ok(None);
            };
            let content: Option<String> = tx
                .prepare_cached(
                    "SELECT content FROM own_content WHERE message = ?1 AND account = ?2",
                )?
                .query_row((self.number, account), |row| row.get(0))
                .optional()?;
            let Some(content) = content else {
                return Ok(None);
            };
            let (message, content) = came.note(&content)?;
            tx.prepare_cached(
                "UPDATE own_content SET content = ?3 WHERE message = ?1 AND account = ?2",
            )?
            .execute(params![self.number, account, content])?;
            own.push(message);
        }
        Ok(Some(own))
    }
}

/// What is known of a message only when it comes.
struct Came<'a> {
    at: Timestamp,
    expires_at: Option<Timestamp>,
    to: &'a Resolved,
}

impl Came<'_> {
    fn note(&self, content: &str) -> Result<(Message, String), StoreError> {
        let message = Message {
            created_at: self.at,
            expires_at: self.expires_at,
            topic: self.to.topic.clone().map(String::from),
            application: application(self.to),
            ..serde_json::from_str(content).map_err(damaged)?
        };
        let content = serde_json::to_string(&message).map_err(damaged)?;
        Ok((message, content))
    }
}

/// What a publisher may do at this moment.
struct Rights {
    who: Grantee,
    /// And applications.
    everyone: bool,
}

impl Rights {
    /// None for one that may not publish any more.
    fn of(tx: &Tx<'_>, publisher: i64) -> Result<Option<Self>, StoreError> {
        tx.prepare_cached(
            "SELECT public_id, accounts.name, NOT narrowed AND may_everyone
             FROM publishers LEFT JOIN accounts ON accounts.id = publishers.account
             WHERE publishers.id = ?1 AND publishers.disabled_at IS NULL
               AND accounts.disabled_at IS NULL",
        )?
        .query_and_then([publisher], |row| {
            let who = if let Some(name) = row.get::<_, Option<String>>(1)? {
                Grantee::Account(AccountName::try_from(name).map_err(damaged)?)
            } else {
                let id: String = row.get(0)?;
                Grantee::Publisher(PublisherId::try_from(id).map_err(damaged)?)
            };
            let everyone = row.get(2)?;
            Ok(Self { who, everyone })
        })?
        .next()
        .transpose()
    }
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
