//! Who may publish to a topic and who may read it.

use std::collections::HashMap;

use async_trait::async_trait;
use hither_protocol::{AccountName, MessageId, PublisherId, TopicName};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::accounts::account_number;
use super::places::Place;
use super::publishers::{publisher, publisher_number};
use super::rows::{damaged, message_id, ms, time};
use super::writer::Tx;
use super::{SqliteStore, topics};
use crate::store::{
    Committed, Grant, Grantee, MAX_TOPICS, PublisherRecord, Right, Rights, StoreError, Topic,
    TopicAccess, TopicId, TopicSummary,
};

#[async_trait]
impl TopicAccess for SqliteStore {
    async fn rights(&self, topic: &TopicName, who: &Grantee) -> Result<Rights, StoreError> {
        let (topic, who) = (topic.clone(), who.clone());
        self.readers
            .read(move |conn| rights(conn, &topic, &who))
            .await
    }

    async fn claim_topic(
        &self,
        topic: &TopicName,
        publisher: &PublisherId,
    ) -> Result<Topic, StoreError> {
        let who = Grantee::Publisher(publisher.clone());
        let (name, reader) = (topic.clone(), who.clone());
        let settled = self
            .readers
            .read(move |conn| match topics::topic(conn, &name)? {
                None => Ok(None),
                Some(topic) => {
                    let facts = Facts::of(conn, &name, &reader)?;
                    Ok((!facts.free).then(|| (topic, facts.rights(&reader))))
                }
            })
            .await?;
        match settled {
            Some((topic, rights)) if rights.write => Ok(topic),
            Some(_) => Err(StoreError::Forbidden),
            None => {
                let name = topic.clone();
                self.writer.write(move |tx| claim(tx, &name, &who)).await
            }
        }
    }

    async fn set_private(&self, topic: &TopicName, private: bool) -> Result<(), StoreError> {
        let name = topic.clone();
        self.writer
            .write(move |tx| set_private(tx, &name, private))
            .await
    }

    async fn grant(&self, topic: &TopicName, grant: Grant) -> Result<(), StoreError> {
        let name = topic.clone();
        self.writer.write(move |tx| give(tx, &name, &grant)).await
    }

    async fn revoke(&self, topic: &TopicName, grant: Grant) -> Result<(), StoreError> {
        let name = topic.clone();
        self.writer
            .write(move |tx| take_back(tx, &name, &grant))
            .await
    }

    async fn topic_summaries(&self) -> Result<Vec<TopicSummary>, StoreError> {
        self.readers.read(summaries).await
    }

    async fn publisher_of(
        &self,
        account: &AccountName,
        proposed: PublisherId,
    ) -> Result<PublisherRecord, StoreError> {
        let name = account.clone();
        let known = self
            .readers
            .read(move |conn| publisher_of(conn, account_number(conn, &name)?))
            .await?;
        if let Some(known) = known {
            return Ok(known);
        }
        let name = account.clone();
        self.writer
            .write(move |tx| make_publisher_of(tx, &name, &proposed))
            .await
    }

    async fn keyed_messages(
        &self,
        publisher: &PublisherId,
        key: &str,
    ) -> Result<Vec<MessageId>, StoreError> {
        let (publisher, key) = (publisher.clone(), key.to_owned());
        self.readers
            .read(move |conn| keyed_messages(conn, &publisher, &key))
            .await
    }

    async fn keys_of(
        &self,
        messages: Vec<MessageId>,
    ) -> Result<HashMap<MessageId, String>, StoreError> {
        let key = "SELECT id, ifnull(messages.key, scheduled.key) AS its FROM messages
                   LEFT JOIN scheduled ON message = number WHERE id = ?1 AND its IS NOT NULL";
        self.readers
            .read(move |conn| texts_of(conn, key, &messages))
            .await
    }

    async fn is_in_topic(&self, message: MessageId, topic: &TopicName) -> Result<bool, StoreError> {
        let topic = topic.clone();
        self.readers
            .read(move |conn| is_in_topic(conn, message, &topic))
            .await
    }

    async fn ntfy_fields(
        &self,
        messages: Vec<MessageId>,
    ) -> Result<HashMap<MessageId, String>, StoreError> {
        let fields = "SELECT id, ntfy FROM messages WHERE id = ?1 AND ntfy IS NOT NULL";
        self.readers
            .read(move |conn| texts_of(conn, fields, &messages))
            .await
    }
}

/// What somebody may do with a topic.
pub(super) fn rights(
    conn: &Connection,
    topic: &TopicName,
    who: &Grantee,
) -> Result<Rights, StoreError> {
    Ok(Facts::of(conn, topic, who)?.rights(who))
}

/// What the store knows about somebody and a topic.
#[derive(Default)]
struct Facts {
    free: bool,
    owns: bool,
    private: bool,
    granted: Rights,
}

impl Facts {
    fn of(conn: &Connection, topic: &TopicName, who: &Grantee) -> Result<Self, StoreError> {
        let (account, publisher) = numbers(conn, who)?;
        let facts = conn
            .prepare_cached(
                "SELECT owner IS NULL, ifnull(owner = ?3, FALSE), private,
                    EXISTS (SELECT 1 FROM topic_grants WHERE topic = topics.id AND may = 'read'
                        AND (account = ?2 OR publisher = ?3)),
                    EXISTS (SELECT 1 FROM topic_grants WHERE topic = topics.id AND may = 'write'
                        AND (account = ?2 OR publisher = ?3))
                 FROM topics WHERE name = ?1",
            )?
            .query_row(params![topic.as_str(), account, publisher], |row| {
                Ok(Self {
                    free: row.get(0)?,
                    owns: row.get(1)?,
                    private: row.get(2)?,
                    granted: Rights {
                        read: row.get(3)?,
                        write: row.get(4)?,
                        owns: false,
                    },
                })
            })
            .optional()?;
        let facts = facts.unwrap_or(Self {
            free: true,
            ..Self::default()
        });
        Ok(Self {
            free: facts.free && may_claim(conn, publisher, topic)?,
            ..facts
        })
    }

    const fn rights(&self, who: &Grantee) -> Rights {
        match who {
            Grantee::Account(_) => Rights {
                read: !self.private || self.granted.read,
                write: self.granted.write,
                owns: false,
            },
            Grantee::Publisher(_) => Rights {
                read: self.owns || self.granted.read,
                write: self.owns || self.free || self.granted.write,
                owns: self.owns,
            },
        }
    }
}

/// A narrowed publisher makes only names of its audience its own.
fn may_claim(
    conn: &Connection,
    publisher: Option<i64>,
    topic: &TopicName,
) -> Result<bool, StoreError> {
    let Some(publisher) = publisher else {
        return Ok(true);
    };
    Ok(conn
        .prepare_cached(
            "SELECT NOT narrowed OR EXISTS (
                 SELECT 1 FROM audience_topics WHERE publisher = id AND topic = ?2)
             FROM publishers WHERE id = ?1",
        )?
        .query_row(params![publisher, topic.as_str()], |row| row.get(0))?)
}

/// The number of an account, or that of a publisher.
pub(super) fn numbers(
    conn: &Connection,
    who: &Grantee,
) -> Result<(Option<i64>, Option<i64>), StoreError> {
    match who {
        Grantee::Account(name) => Ok((Some(account_number(conn, name)?), None)),
        Grantee::Publisher(id) => Ok((None, Some(publisher_number(conn, id)?))),
    }
}

/// The topic, for somebody who may write to it; a publisher makes a free one its own.
pub(super) fn claim(tx: &Tx<'_>, name: &TopicName, who: &Grantee) -> Result<Topic, StoreError> {
    let topic = topics::ensure(tx, name)?;
    let facts = Facts::of(tx, name, who)?;
    if !facts.rights(who).write {
        return Err(StoreError::Forbidden);
    }
    // Who was granted the right to write keeps what is free free.
    if facts.free && !facts.granted.write {
        if owned(tx)? >= MAX_TOPICS {
            return Err(StoreError::TooManyTopics);
        }
        tx.prepare_cached("UPDATE topics SET owner = ?2 WHERE id = ?1")?
            .execute(params![topic.id, numbers(tx, who)?.1])?;
    }
    Ok(topic)
}

fn owned(conn: &Connection) -> Result<usize, StoreError> {
    Ok(conn
        .prepare_cached("SELECT count(*) FROM topics WHERE owner IS NOT NULL")?
        .query_row([], |row| row.get(0))?)
}

fn set_private(tx: &mut Tx<'_>, name: &TopicName, private: bool) -> Result<(), StoreError> {
    let topic = topics::ensure(tx, name)?;
    tx.prepare_cached("UPDATE topics SET private = ?2 WHERE id = ?1")?
        .execute(params![topic.id, private])?;
    shut_out(tx, &topic)?;
    tx.announce(Committed::Access);
    Ok(())
}

/// Ends the subscriptions of those who may not read.
fn shut_out(tx: &mut Tx<'_>, topic: &Topic) -> Result<(), StoreError> {
    let names = tx
        .prepare_cached(
            "SELECT accounts.name FROM subscriptions
             JOIN accounts ON accounts.id = subscriptions.account
             JOIN topics ON topics.id = subscriptions.topic
             WHERE topics.id = ?1 AND until IS NULL AND private
               AND NOT EXISTS (SELECT 1 FROM topic_grants WHERE topic = topics.id
                   AND account = accounts.id AND may = 'read')",
        )?
        .query_and_then([topic.id], |row| {
            AccountName::try_from(row.get::<_, String>(0)?).map_err(damaged)
        })?
        .collect::<Result<Vec<_>, _>>()?;
    for name in names {
        topics::unsubscribe(tx, name, topic.id)?;
    }
    Ok(())
}

const fn word(right: Right) -> &'static str {
    match right {
        Right::Read => "read",
        Right::Write => "write",
    }
}

fn give(tx: &mut Tx<'_>, name: &TopicName, grant: &Grant) -> Result<(), StoreError> {
    let (account, publisher) = numbers(tx, &grant.to)?;
    let topic = topics::ensure(tx, name)?;
    tx.prepare_cached("INSERT OR IGNORE INTO topic_grants VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![topic.id, account, publisher, word(grant.may)])?;
    Ok(())
}

fn take_back(tx: &mut Tx<'_>, name: &TopicName, grant: &Grant) -> Result<(), StoreError> {
    let (account, publisher) = numbers(tx, &grant.to)?;
    let topic = topics::topic(tx, name)?.ok_or(StoreError::NotFound)?;
    let taken = tx
        .prepare_cached(
            "DELETE FROM topic_grants
             WHERE topic = ?1 AND account IS ?2 AND publisher IS ?3 AND may = ?4",
        )?
        .execute(params![topic.id, account, publisher, word(grant.may)])?;
    if taken == 0 {
        return Err(StoreError::NotFound);
    }
    shut_out(tx, &topic)?;
    tx.announce(Committed::Access);
    Ok(())
}

fn summaries(conn: &Connection) -> Result<Vec<TopicSummary>, StoreError> {
    let snapshot = conn.unchecked_transaction()?;
    let mut grants = grants(&snapshot)?;
    snapshot
        .prepare_cached(
            "SELECT topics.id, topics.name, public_id, private, topics.created_at,
                (SELECT count(*) FROM subscriptions WHERE topic = topics.id AND until IS NULL)
             FROM topics LEFT JOIN publishers ON publishers.id = owner ORDER BY topics.name",
        )?
        .query_and_then([], |row| {
            Ok(TopicSummary {
                name: TopicName::try_from(row.get::<_, String>(1)?).map_err(damaged)?,
                owner: row.get::<_, Option<String>>(2)?.map(id).transpose()?,
                private: row.get(3)?,
                created_at: time(row.get(4)?)?,
                subscribers: row.get::<_, i64>(5)?.cast_unsigned(),
                grants: grants.remove(&row.get(0)?).unwrap_or_default(),
            })
        })?
        .collect()
}

fn grants(conn: &Connection) -> Result<HashMap<TopicId, Vec<Grant>>, StoreError> {
    let mut found: HashMap<TopicId, Vec<Grant>> = HashMap::new();
    let mut query = conn.prepare_cached(
        "SELECT topic, accounts.name, public_id, may FROM topic_grants
         LEFT JOIN accounts ON accounts.id = topic_grants.account
         LEFT JOIN publishers ON publishers.id = topic_grants.publisher",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        found.entry(row.get(0)?).or_default().push(grant(row)?);
    }
    for grants in found.values_mut() {
        grants.sort();
    }
    Ok(found)
}

fn grant(row: &Row<'_>) -> Result<Grant, StoreError> {
    let to = match row.get::<_, Option<String>>(1)? {
        Some(name) => Grantee::Account(AccountName::try_from(name).map_err(damaged)?),
        None => Grantee::Publisher(id(row.get(2)?)?),
    };
    let may = match row.get_ref(3)?.as_str().map_err(damaged)? {
        "read" => Right::Read,
        "write" => Right::Write,
        other => return Err(damaged(format!("grant {other:?}"))),
    };
    Ok(Grant { to, may })
}

fn id(text: String) -> Result<PublisherId, StoreError> {
    PublisherId::try_from(text).map_err(damaged)
}

fn publisher_of(conn: &Connection, account: i64) -> Result<Option<PublisherRecord>, StoreError> {
    let known: Option<String> = conn
        .prepare_cached("SELECT public_id FROM publishers WHERE account = ?1")?
        .query_row([account], |row| row.get(0))
        .optional()?;
    match known {
        Some(known) => publisher(conn, &id(known)?),
        None => Ok(None),
    }
}

fn make_publisher_of(
    tx: &Tx<'_>,
    name: &AccountName,
    proposed: &PublisherId,
) -> Result<PublisherRecord, StoreError> {
    let account = account_number(tx, name)?;
    tx.prepare_cached(
        "INSERT OR IGNORE INTO publishers (public_id, name, created_at, account, approved_at)
         VALUES (?1, ?2, ?3, ?4, ?3)",
    )?
    .execute(params![
        proposed.as_str(),
        name.as_str(),
        ms(tx.now),
        account
    ])?;
    publisher_of(tx, account)?.ok_or(StoreError::Taken)
}

fn keyed_messages(
    conn: &Connection,
    publisher: &PublisherId,
    key: &str,
) -> Result<Vec<MessageId>, StoreError> {
    let publisher = publisher_number(conn, publisher)?;
    Ok(conn
        .prepare_cached(
            "SELECT id FROM messages WHERE publisher = ?1 AND key = ?2 AND withdrawn_at IS NULL
             UNION
             SELECT id FROM departed WHERE publisher = ?1 AND key = ?2
             UNION
             SELECT id FROM scheduled JOIN messages ON number = message
             WHERE scheduled.publisher = ?1 AND scheduled.key = ?2 AND deliver_at IS NOT NULL",
        )?
        .query_map(params![publisher, key], |row| Ok(message_id(row.get(0)?)))?
        .collect::<Result<_, _>>()?)
}

fn is_in_topic(
    conn: &Connection,
    message: MessageId,
    topic: &TopicName,
) -> Result<bool, StoreError> {
    let scope = Place::Topic(TopicId(0)).scope();
    Ok(conn
        .prepare_cached(
            "SELECT EXISTS (
                 SELECT 1 FROM messages JOIN log ON message = number AND kind = 'message'
                 JOIN topics ON topics.id = log.owner
                 WHERE messages.id = ?1 AND scope = ?2 AND name = ?3
                 UNION ALL
                 SELECT 1 FROM departed JOIN topics ON topics.id = departed.owner
                 WHERE departed.id = ?1 AND scope = ?2 AND name = ?3
                 UNION ALL
                 SELECT 1 FROM messages JOIN scheduled ON message = number,
                               json_each(scheduled.receivers, '$.topics') AS named
                 WHERE messages.id = ?1 AND named.value = ?3
             )",
        )?
        .query_row(
            params![message.0.as_bytes(), scope, topic.as_str()],
            |row| row.get(0),
        )?)
}

/// What a query says about each of the messages, where it says anything.
fn texts_of(
    conn: &Connection,
    query: &str,
    messages: &[MessageId],
) -> Result<HashMap<MessageId, String>, StoreError> {
    let mut find = conn.prepare_cached(query)?;
    let mut found = HashMap::new();
    for id in messages {
        let text = find
            .query_row([id.0.as_bytes()], |row| {
                Ok((message_id(row.get(0)?), row.get(1)?))
            })
            .optional()?;
        found.extend(text);
    }
    Ok(found)
}
