//! Publishers.

use async_trait::async_trait;
use hither_protocol::{AccountName, PublisherId};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Map, Value};

use super::SqliteStore;
use super::accounts::account_number;
use super::rows::{damaged, ms, optional_time, taken, time};
use super::writer::Tx;
use crate::store::{
    Audience, Change, Committed, MAX_AWAITING, Permissions, PublisherRecord, Publishers,
    ReceiverRecord, SecretHash, StoreError,
};

/// Secrets of a publisher that are valid at once.
const SECRETS: i64 = 2;

#[async_trait]
impl Publishers for SqliteStore {
    async fn register(
        &self,
        publisher: PublisherRecord,
        audience: Audience,
    ) -> Result<(), StoreError> {
        self.writer
            .write(move |tx| register(tx, &publisher, &audience))
            .await
    }

    async fn publisher(&self, id: &PublisherId) -> Result<Option<PublisherRecord>, StoreError> {
        let id = id.clone();
        self.readers.read(move |conn| publisher(conn, &id)).await
    }

    async fn publishers(&self) -> Result<Vec<PublisherRecord>, StoreError> {
        self.readers.read(publishers).await
    }

    async fn audience(&self, id: &PublisherId) -> Result<Audience, StoreError> {
        let id = id.clone();
        self.readers
            .read(move |conn| audience(conn, publisher_number(conn, &id)?))
            .await
    }

    async fn approve(&self, id: &PublisherId) -> Result<(), StoreError> {
        let id = id.clone();
        self.writer.write(move |tx| approve(tx, &id)).await
    }

    async fn rotate_secret(&self, id: &PublisherId, secret: SecretHash) -> Result<(), StoreError> {
        let id = id.clone();
        self.writer
            .write(move |tx| rotate_secret(tx, &id, &secret))
            .await
    }

    async fn set_publisher_disabled(
        &self,
        id: &PublisherId,
        disabled: bool,
    ) -> Result<(), StoreError> {
        let id = id.clone();
        self.writer
            .write(move |tx| set_disabled(tx, &id, disabled))
            .await
    }

    async fn widen(&self, id: &PublisherId, more: Change) -> Result<(), StoreError> {
        let id = id.clone();
        self.writer.write(move |tx| widen(tx, &id, &more)).await
    }

    async fn narrow(&self, id: &PublisherId, less: Change) -> Result<(), StoreError> {
        let id = id.clone();
        self.writer.write(move |tx| narrow(tx, &id, &less)).await
    }

    async fn put_record(
        &self,
        publisher: &PublisherId,
        account: &AccountName,
        values: Map<String, Value>,
    ) -> Result<(), StoreError> {
        let (publisher, account) = (publisher.clone(), account.clone());
        self.writer
            .write(move |tx| put_record(tx, &publisher, &account, &values))
            .await
    }

    async fn record(
        &self,
        publisher: &PublisherId,
        account: &AccountName,
    ) -> Result<Option<ReceiverRecord>, StoreError> {
        let (publisher, account) = (publisher.clone(), account.clone());
        self.readers
            .read(move |conn| {
                let (publisher, account) = reachable(conn, &publisher, &account)?;
                record_row(conn, publisher, account)
            })
            .await
    }

    async fn records(&self, account: &AccountName) -> Result<Vec<ReceiverRecord>, StoreError> {
        let account = account.clone();
        self.readers.read(move |conn| records(conn, &account)).await
    }

    async fn erase_record(
        &self,
        publisher: &PublisherId,
        account: &AccountName,
    ) -> Result<(), StoreError> {
        let (publisher, account) = (publisher.clone(), account.clone());
        self.writer
            .write(move |tx| erase_record(tx, &publisher, &account))
            .await
    }
}

/// Whether a publisher may reach an account, which may sign in: a condition on both rows.
pub(super) const MAY_REACH: &str =
    "accounts.disabled_at IS NULL AND (NOT publishers.narrowed OR EXISTS (
     SELECT 1 FROM audience
         WHERE audience.publisher = publishers.id AND audience.account = accounts.id))";

/// The number of an account that a publisher may reach.
pub(super) fn reached(
    conn: &Connection,
    publisher: i64,
    name: &AccountName,
) -> Result<Option<i64>, StoreError> {
    Ok(conn
        .prepare_cached(&format!(
            "SELECT accounts.id FROM accounts JOIN publishers ON publishers.id = ?1
             WHERE accounts.name = ?2 AND {MAY_REACH}"
        ))?
        .query_row(params![publisher, name.as_str()], |row| row.get(0))
        .optional()?)
}

fn register(
    tx: &Tx<'_>,
    publisher: &PublisherRecord,
    audience: &Audience,
) -> Result<(), StoreError> {
    if publisher.approved_at.is_none() {
        room_for_one_more(tx)?;
    }
    let rights = publisher.rights;
    tx.prepare_cached(
        "INSERT INTO publishers (public_id, name, contact, narrowed, may_everyone, may_urgent,
                                 may_html, approved_at, disabled_at, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        publisher.id.as_str(),
        publisher.name,
        publisher.contact,
        rights.narrowed,
        rights.everyone,
        rights.urgent,
        rights.html,
        publisher.approved_at.map(ms),
        publisher.disabled_at.map(ms),
        ms(publisher.created_at),
    ])
    .map_err(taken)?;
    let number = tx.last_insert_rowid();
    for secret in &publisher.secrets {
        add_secret(tx, number, secret)?;
    }
    add_audience(tx, number, audience)
}

fn room_for_one_more(tx: &Tx<'_>) -> Result<(), StoreError> {
    let waiting: u64 = tx
        .prepare_cached(
            "SELECT count(*) FROM publishers
             WHERE approved_at IS NULL AND public_id <> 'hither-0000000000000000'",
        )?
        .query_row([], |row| row.get(0))?;
    if waiting < MAX_AWAITING {
        Ok(())
    } else {
        Err(StoreError::TooMany)
    }
}

/// Without `SERVER_ITSELF`, which nobody may publish as or change.
const PUBLISHER: &str = "SELECT id, public_id, name, contact, narrowed, may_everyone, may_urgent,
     may_html, approved_at, disabled_at, created_at FROM publishers
     WHERE public_id <> 'hither-0000000000000000'";

pub(super) fn publisher(
    conn: &Connection,
    id: &PublisherId,
) -> Result<Option<PublisherRecord>, StoreError> {
    conn.prepare_cached(&format!("{PUBLISHER} AND public_id = ?1"))?
        .query_and_then([id.as_str()], |row| publisher_record(conn, row))?
        .next()
        .transpose()
}

fn publishers(conn: &Connection) -> Result<Vec<PublisherRecord>, StoreError> {
    conn.prepare_cached(&format!("{PUBLISHER} ORDER BY public_id"))?
        .query_and_then([], |row| publisher_record(conn, row))?
        .collect()
}

fn publisher_record(conn: &Connection, row: &Row<'_>) -> Result<PublisherRecord, StoreError> {
    Ok(PublisherRecord {
        id: public_id(row.get(1)?)?,
        name: row.get(2)?,
        contact: row.get(3)?,
        secrets: secrets(conn, row.get(0)?)?,
        rights: Permissions {
            narrowed: row.get(4)?,
            everyone: row.get(5)?,
            urgent: row.get(6)?,
            html: row.get(7)?,
        },
        approved_at: optional_time(row.get(8)?)?,
        disabled_at: optional_time(row.get(9)?)?,
        created_at: time(row.get(10)?)?,
    })
}

fn public_id(text: String) -> Result<PublisherId, StoreError> {
    PublisherId::try_from(text).map_err(damaged)
}

fn secrets(conn: &Connection, publisher: i64) -> Result<Vec<SecretHash>, StoreError> {
    conn.prepare_cached("SELECT hash FROM publisher_secrets WHERE publisher = ?1 ORDER BY age")?
        .query_and_then([publisher], |row| Ok(row.get(0)?))?
        .collect()
}

fn audience(conn: &Connection, publisher: i64) -> Result<Audience, StoreError> {
    let accounts = conn
        .prepare_cached(
            "SELECT name FROM audience JOIN accounts ON accounts.id = account WHERE publisher = ?1",
        )?
        .query_and_then([publisher], |row| {
            AccountName::try_from(row.get::<_, String>(0)?).map_err(damaged)
        })?
        .collect::<Result<_, StoreError>>()?;
    let topics = conn
        .prepare_cached("SELECT topic FROM audience_topics WHERE publisher = ?1")?
        .query_and_then([publisher], |row| Ok(row.get(0)?))?
        .collect::<Result<_, StoreError>>()?;
    Ok(Audience { accounts, topics })
}

fn approve(tx: &Tx<'_>, id: &PublisherId) -> Result<(), StoreError> {
    let number = publisher_number(tx, id)?;
    tx.prepare_cached("UPDATE publishers SET approved_at = ifnull(approved_at, ?2) WHERE id = ?1")?
        .execute((number, ms(tx.now)))?;
    Ok(())
}

fn rotate_secret(tx: &mut Tx<'_>, id: &PublisherId, secret: &SecretHash) -> Result<(), StoreError> {
    let number = publisher_number(tx, id)?;
    add_secret(tx, number, secret)?;
    tx.prepare_cached(
        "DELETE FROM publisher_secrets WHERE publisher = ?1 AND age NOT IN (
             SELECT age FROM publisher_secrets WHERE publisher = ?1 ORDER BY age DESC LIMIT ?2
         )",
    )?
    .execute([number, SECRETS])?;
    tx.announce(Committed::Access);
    Ok(())
}

fn add_secret(tx: &Tx<'_>, publisher: i64, secret: &SecretHash) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT INTO publisher_secrets (publisher, hash) VALUES (?1, ?2)")?
        .execute((publisher, secret))?;
    Ok(())
}

fn set_disabled(tx: &mut Tx<'_>, id: &PublisherId, disabled: bool) -> Result<(), StoreError> {
    let number = publisher_number(tx, id)?;
    let since = disabled.then(|| ms(tx.now));
    tx.prepare_cached(
        "UPDATE publishers SET disabled_at = iif(?2 IS NULL, NULL, ifnull(disabled_at, ?2))
         WHERE id = ?1",
    )?
    .execute((number, since))?;
    tx.announce(Committed::Access);
    if !disabled {
        // What waited for its webhooks is due.
        tx.announce(Committed::Events {
            queued: 0,
            dropped: 0,
        });
    }
    Ok(())
}

fn widen(tx: &Tx<'_>, id: &PublisherId, more: &Change) -> Result<(), StoreError> {
    let number = publisher_number(tx, id)?;
    tx.prepare_cached(
        "UPDATE publishers SET narrowed = narrowed AND NOT ?2, may_everyone = may_everyone OR ?3,
             may_urgent = may_urgent OR ?4, may_html = may_html OR ?5
         WHERE id = ?1",
    )?
    .execute((
        number,
        more.every_account,
        more.everyone,
        more.urgent,
        more.html,
    ))?;
    add_audience(tx, number, &more.audience)
}

fn narrow(tx: &Tx<'_>, id: &PublisherId, less: &Change) -> Result<(), StoreError> {
    let number = publisher_number(tx, id)?;
    tx.prepare_cached(
        "UPDATE publishers SET narrowed = narrowed OR ?2, may_everyone = may_everyone AND NOT ?3,
             may_urgent = may_urgent AND NOT ?4, may_html = may_html AND NOT ?5
         WHERE id = ?1",
    )?
    .execute((
        number,
        less.every_account,
        less.everyone,
        less.urgent,
        less.html,
    ))?;
    for name in &less.audience.accounts {
        let account = account_number(tx, name)?;
        tx.prepare_cached("DELETE FROM audience WHERE publisher = ?1 AND account = ?2")?
            .execute([number, account])?;
    }
    for topic in &less.audience.topics {
        tx.prepare_cached("DELETE FROM audience_topics WHERE publisher = ?1 AND topic = ?2")?
            .execute(params![number, topic])?;
    }
    Ok(())
}

fn add_audience(tx: &Tx<'_>, publisher: i64, audience: &Audience) -> Result<(), StoreError> {
    for name in &audience.accounts {
        let account = account_number(tx, name)?;
        tx.prepare_cached("INSERT OR IGNORE INTO audience VALUES (?1, ?2)")?
            .execute([publisher, account])?;
    }
    for topic in &audience.topics {
        tx.prepare_cached("INSERT OR IGNORE INTO audience_topics VALUES (?1, ?2)")?
            .execute(params![publisher, topic])?;
    }
    Ok(())
}

pub(super) fn publisher_number(conn: &Connection, id: &PublisherId) -> Result<i64, StoreError> {
    conn.prepare_cached(&format!("{PUBLISHER} AND public_id = ?1"))?
        .query_row([id.as_str()], |row| row.get(0))
        .optional()?
        .ok_or(StoreError::NotFound)
}

/// The numbers of a publisher and of an account that it may reach.
fn reachable(
    conn: &Connection,
    publisher: &PublisherId,
    account: &AccountName,
) -> Result<(i64, i64), StoreError> {
    let publisher = publisher_number(conn, publisher)?;
    let account = reached(conn, publisher, account)?.ok_or(StoreError::NotFound)?;
    Ok((publisher, account))
}

fn put_record(
    tx: &Tx<'_>,
    publisher: &PublisherId,
    account: &AccountName,
    values: &Map<String, Value>,
) -> Result<(), StoreError> {
    let (publisher, account) = reachable(tx, publisher, account)?;
    let content = serde_json::to_string(values).map_err(damaged)?;
    tx.prepare_cached("INSERT OR REPLACE INTO records VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![publisher, account, content, ms(tx.now)])?;
    Ok(())
}

const RECORD: &str = "SELECT public_id, name, records.content, records.updated_at FROM records
     JOIN publishers ON publishers.id = publisher";

fn record_row(
    conn: &Connection,
    publisher: i64,
    account: i64,
) -> Result<Option<ReceiverRecord>, StoreError> {
    conn.prepare_cached(&format!(
        "{RECORD} WHERE publisher = ?1 AND records.account = ?2"
    ))?
    .query_and_then([publisher, account], receiver_record)?
    .next()
    .transpose()
}

fn records(conn: &Connection, account: &AccountName) -> Result<Vec<ReceiverRecord>, StoreError> {
    let account = account_number(conn, account)?;
    conn.prepare_cached(&format!(
        "{RECORD} WHERE records.account = ?1 ORDER BY public_id"
    ))?
    .query_and_then([account], receiver_record)?
    .collect()
}

fn receiver_record(row: &Row<'_>) -> Result<ReceiverRecord, StoreError> {
    let content = row.get_ref(2)?.as_str().map_err(damaged)?;
    Ok(ReceiverRecord {
        publisher: public_id(row.get(0)?)?,
        publisher_name: row.get(1)?,
        values: serde_json::from_str(content).map_err(damaged)?,
        updated_at: time(row.get(3)?)?,
    })
}

fn erase_record(
    tx: &Tx<'_>,
    publisher: &PublisherId,
    account: &AccountName,
) -> Result<(), StoreError> {
    let publisher = publisher_number(tx, publisher)?;
    let account = account_number(tx, account)?;
    let erased = tx
        .prepare_cached("DELETE FROM records WHERE publisher = ?1 AND account = ?2")?
        .execute([publisher, account])?;
    if erased == 0 {
        return Err(StoreError::NotFound);
    }
    Ok(())
}
