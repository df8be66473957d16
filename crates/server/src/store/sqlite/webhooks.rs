//! Publishers' webhooks.

use core::time::Duration;

use async_trait::async_trait;
use hither_protocol::{PublisherId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::publishers::publisher_number;
use super::rows::{damaged, ms, optional_time, taken, time};
use super::writer::Tx;
use super::{SqliteStore, events};
use crate::store::{
    DueWebhook, Event, NewWebhook, OLD_SECRET_FOR, Outcome, StoreError, WebhookLoad, WebhookNumber,
    WebhookRecord, Webhooks,
};
use crate::webhooks::SigningKey;

/// A webhook as [`record`] reads it.
const RECORD: &str = "SELECT id, url, events, created_at, disabled_at, waiting, dropped,
        delivered_at, failed_at, failure, iif(failures > 1, failing_since, NULL)
    FROM webhooks";

#[async_trait]
impl Webhooks for SqliteStore {
    async fn add_webhook(
        &self,
        publisher: &PublisherId,
        new: NewWebhook,
        most: usize,
    ) -> Result<WebhookRecord, StoreError> {
        let publisher = publisher.clone();
        self.writer
            .write(move |tx| add(tx, &publisher, &new, most))
            .await
    }

    async fn webhooks(&self, publisher: &PublisherId) -> Result<Vec<WebhookRecord>, StoreError> {
        let publisher = publisher.clone();
        self.readers
            .read(move |conn| all(conn, publisher_number(conn, &publisher)?))
            .await
    }

    async fn webhook(
        &self,
        publisher: &PublisherId,
        id: &str,
    ) -> Result<WebhookRecord, StoreError> {
        let (publisher, id) = (publisher.clone(), id.to_owned());
        self.readers
            .read(move |conn| one(conn, publisher_number(conn, &publisher)?, &id))
            .await
    }

    async fn remove_webhook(&self, publisher: &PublisherId, id: &str) -> Result<(), StoreError> {
        let (publisher, id) = (publisher.clone(), id.to_owned());
        self.writer
            .write(move |tx| remove(tx, &publisher, &id))
            .await
    }

    async fn rotate_webhook_key(
        &self,
        publisher: &PublisherId,
        id: &str,
        key: SigningKey,
    ) -> Result<(), StoreError> {
        let (publisher, id) = (publisher.clone(), id.to_owned());
        self.writer
            .write(move |tx| rotate(tx, &publisher, &id, &key))
            .await
    }

    async fn test_webhook(&self, publisher: &PublisherId, id: &str) -> Result<(), StoreError> {
        let (publisher, id) = (publisher.clone(), id.to_owned());
        self.writer
            .write(move |tx| {
                let webhook = number(tx, publisher_number(tx, &publisher)?, &id)?;
                events::test(tx, webhook)
            })
            .await
    }

    async fn due_webhooks(&self) -> Result<Vec<DueWebhook>, StoreError> {
        let now = self.now();
        self.readers.read(move |conn| events::due(conn, now)).await
    }

    async fn next_event(
        &self,
        webhook: WebhookNumber,
        age: Duration,
    ) -> Result<Option<Event>, StoreError> {
        let now = self.now();
        let oldest = now.checked_sub(age).unwrap_or(Timestamp::MIN);
        self.readers
            .read(move |conn| events::next(conn, webhook, now, oldest))
            .await
    }

    async fn settle_event(&self, number: i64, outcome: Outcome) -> Result<u64, StoreError> {
        self.writer
            .write(move |tx| events::settle(tx, number, &outcome))
            .await
    }

    async fn drop_events(&self, older_than: Duration) -> Result<u64, StoreError> {
        let oldest = self.now().checked_sub(older_than).unwrap_or(Timestamp::MIN);
        let mut dropped = 0;
        while self
            .readers
            .read(move |conn| events::any_before(conn, oldest))
            .await?
        {
            dropped += self
                .writer
                .write(move |tx| events::drop_before(tx, oldest))
                .await?;
        }
        Ok(dropped)
    }

    async fn webhook_load(&self) -> Result<WebhookLoad, StoreError> {
        self.readers.read(load).await
    }
}

fn add(
    tx: &mut Tx<'_>,
    publisher: &PublisherId,
    new: &NewWebhook,
    most: usize,
) -> Result<WebhookRecord, StoreError> {
    let publisher = publisher_number(tx, publisher)?;
    let present: usize = tx
        .prepare_cached("SELECT count(*) FROM webhooks WHERE publisher = ?1")?
        .query_row([publisher], |row| row.get(0))?;
    if present >= most {
        return Err(StoreError::TooMany);
    }
    let events = new.events.as_ref().map(serde_json::to_string).transpose();
    tx.prepare_cached(
        "INSERT INTO webhooks (id, publisher, url, events, secret, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        new.id,
        publisher,
        new.url,
        events.map_err(damaged)?,
        new.key.bytes(),
        ms(tx.now),
    ])
    .map_err(taken)?;
    tx.webhook_came();
    one(tx, publisher, &new.id)
}

fn all(conn: &Connection, publisher: i64) -> Result<Vec<WebhookRecord>, StoreError> {
    conn.prepare_cached(&format!("{RECORD} WHERE publisher = ?1 ORDER BY number"))?
        .query_and_then([publisher], record)?
        .collect()
}

fn one(conn: &Connection, publisher: i64, id: &str) -> Result<WebhookRecord, StoreError> {
    conn.prepare_cached(&format!("{RECORD} WHERE publisher = ?1 AND id = ?2"))?
        .query_and_then((publisher, id), record)?
        .next()
        .unwrap_or(Err(StoreError::NotFound))
}

fn record(row: &Row<'_>) -> Result<WebhookRecord, StoreError> {
    let events: Option<String> = row.get(2)?;
    let events = events.as_deref().map(serde_json::from_str).transpose();
    let failed_at = optional_time(row.get(8)?)?;
    Ok(WebhookRecord {
        id: row.get(0)?,
        url: row.get(1)?,
        events: events.map_err(damaged)?,
        created_at: time(row.get(3)?)?,
        disabled_at: optional_time(row.get(4)?)?,
        waiting: row.get(5)?,
        dropped: row.get(6)?,
        delivered_at: optional_time(row.get(7)?)?,
        failure: failed_at.zip(row.get(9)?),
        failing_since: optional_time(row.get(10)?)?,
    })
}

fn number(conn: &Connection, publisher: i64, id: &str) -> Result<WebhookNumber, StoreError> {
    conn.prepare_cached("SELECT number FROM webhooks WHERE publisher = ?1 AND id = ?2")?
        .query_row((publisher, id), |row| Ok(WebhookNumber(row.get(0)?)))
        .optional()?
        .ok_or(StoreError::NotFound)
}

fn remove(tx: &Tx<'_>, publisher: &PublisherId, id: &str) -> Result<(), StoreError> {
    let webhook = number(tx, publisher_number(tx, publisher)?, id)?;
    tx.prepare_cached("DELETE FROM webhooks WHERE number = ?1")?
        .execute([webhook.0])?;
    Ok(())
}

fn rotate(
    tx: &Tx<'_>,
    publisher: &PublisherId,
    id: &str,
    key: &SigningKey,
) -> Result<(), StoreError> {
    let webhook = number(tx, publisher_number(tx, publisher)?, id)?;
    let until = tx.now.checked_add(OLD_SECRET_FOR).unwrap_or(Timestamp::MAX);
    tx.prepare_cached(
        "UPDATE webhooks SET old_secret = secret, old_until = ?2, secret = ?3 WHERE number = ?1",
    )?
    .execute(params![webhook.0, ms(until), key.bytes()])?;
    Ok(())
}

fn load(conn: &Connection) -> Result<WebhookLoad, StoreError> {
    let sql = "SELECT ifnull(sum(waiting), 0), count(*) FILTER (WHERE failures > 1) FROM webhooks
               WHERE disabled_at IS NULL";
    Ok(conn.prepare_cached(sql)?.query_row([], |row| {
        Ok(WebhookLoad {
            waiting: row.get(0)?,
            failing: row.get(1)?,
        })
    })?)
}
