//! Events for webhooks: queued in the commit of what they tell, and kept until they arrived.

use core::time::Duration;

use hither_protocol::{AccountName, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::rows::{ID_BYTES, damaged, message_id, ms, time};
use super::writer::Tx;
use crate::store::{
    ClientId, Committed, DueWebhook, Event, EventType, LONGEST_WAIT, MAX_WAITING, Outcome, Refusal,
    StoreError, Wait, WebhookNumber,
};
use crate::webhooks::SigningKey;

/// Events dropped in one commit.
const DROPPED_AT_ONCE: usize = 500;

/// After more failures in a row, events that were not tried yet go first: those that failed may
/// be what the receiver does not understand.
const IN_ORDER_UNTIL: u32 = 3;

/// What happened to a message.
pub(super) struct Told<'a> {
    pub(super) what: EventType,
    /// The store's own number.
    pub(super) message: i64,
    pub(super) whom: Whom<'a>,
    pub(super) action: Option<&'a str>,
    pub(super) refusal: Option<&'a Refusal>,
    pub(super) at: Timestamp,
}

/// With which receiver it happened.
pub(super) enum Whom<'a> {
    /// With the message everywhere.
    All,
    Account(i64),
    /// With a client that was addressed by its message token, and to which account that belongs.
    Token(&'a str, i64),
}

impl Whom<'_> {
    const fn account(&self) -> Option<i64> {
        match self {
            Self::All => None,
            Self::Account(account) | Self::Token(_, account) => Some(*account),
        }
    }
}

/// Queues what happened for those webhooks of the message's publisher that want it. Of receivers,
/// a publisher is told of those that it addressed by name or token, and that somebody read only
/// with their consent: the same as when it asks. What is for one that is disabled waits.
pub(super) fn tell(tx: &mut Tx<'_>, told: &Told<'_>) -> Result<(), StoreError> {
    if !tx.has_webhooks()? {
        return Ok(());
    }
    let (mut queued, mut dropped) = (0, 0);
    for (webhook, has_place, message) in wanting(tx, told)? {
        if has_place {
            queue(tx, webhook, message, told)?;
            queued += 1;
        } else {
            count_dropped(tx, webhook, 1)?;
            dropped += 1;
        }
    }
    if queued + dropped > 0 {
        tx.announce(Committed::Events { queued, dropped });
    }
    Ok(())
}

/// Queues what happened with a client for the publisher that addressed it by its message token. A
/// client that has the message for another reason stays unknown to it.
pub(super) fn tell_of_client(
    tx: &mut Tx<'_>,
    what: EventType,
    message: i64,
    client: ClientId,
    action: Option<&str>,
    at: Timestamp,
) -> Result<(), StoreError> {
    if !tx.has_webhooks()? {
        return Ok(());
    }
    let addressed: Option<(String, i64)> = tx
        .prepare_cached(
            "SELECT message_token, account FROM log JOIN clients ON clients.id = owner
             WHERE message = ?1 AND kind = 'message' AND scope = 3 AND owner = ?2
               AND versions IS NULL AND message_token IS NOT NULL",
        )?
        .query_row((message, client), |row| row.try_into())
        .optional()?;
    let Some((token, account)) = addressed else {
        return Ok(());
    };
    let told = Told {
        what,
        message,
        whom: Whom::Token(&token, account),
        action,
        refusal: None,
        at,
    };
    tell(tx, &told)
}

/// Webhooks that want it, whether they have a place for it, and the message's own id.
fn wanting(tx: &Tx<'_>, told: &Told<'_>) -> Result<Vec<(i64, bool, [u8; ID_BYTES])>, StoreError> {
    Ok(tx
        .prepare_cached(
            "SELECT webhooks.number, waiting < ?4, its.id
             FROM (SELECT id, publisher FROM messages WHERE number = ?1
                   UNION SELECT id, publisher FROM departed WHERE message = ?1) AS its
             CROSS JOIN webhooks ON webhooks.publisher = its.publisher
             WHERE webhooks.disabled_at IS NULL
               AND (events IS NULL OR ?2 IN (SELECT value FROM json_each(events)))
               AND (?3 IS NULL OR ?5 OR EXISTS (
                   SELECT 1 FROM log
                   WHERE message = ?1 AND kind = 'message' AND scope = 1 AND owner = ?3))
               AND (?2 <> 'message.read' OR EXISTS (
                   SELECT 1 FROM settings
                   WHERE account = ?3 AND content ->> '$.read_receipts'))",
        )?
        .query_map(
            params![
                told.message,
                told.what.as_str(),
                told.whom.account(),
                MAX_WAITING,
                matches!(told.whom, Whom::Token(..)),
            ],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?
        .collect::<Result<_, _>>()?)
}

fn queue(
    tx: &Tx<'_>,
    webhook: i64,
    message: [u8; ID_BYTES],
    told: &Told<'_>,
) -> Result<(), StoreError> {
    let (account, token) = match told.whom {
        Whom::All => (None, None),
        Whom::Account(account) => (Some(account), None),
        Whom::Token(token, _) => (None, Some(token)),
    };
    let refusal = told.refusal.map(serde_json::to_string).transpose();
    tx.prepare_cached(
        "INSERT INTO webhook_events (webhook, type, at, message, account, action, refusal, token)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        webhook,
        told.what.as_str(),
        ms(told.at),
        message,
        account,
        told.action,
        refusal.map_err(damaged)?,
        token,
    ])?;
    Ok(())
}

fn count_dropped(tx: &Tx<'_>, webhook: i64, events: u64) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE webhooks SET dropped = dropped + ?2 WHERE number = ?1")?
        .execute(params![webhook, events])?;
    Ok(())
}

/// Queues an event that tells nothing, and lets everything be tried at once. Where too many wait,
/// they are test enough.
pub(super) fn test(tx: &mut Tx<'_>, webhook: WebhookNumber) -> Result<(), StoreError> {
    let has_place: bool = tx
        .prepare_cached(
            "UPDATE webhooks SET disabled_at = NULL, next_at = 0 WHERE number = ?1
             RETURNING waiting < ?2",
        )?
        .query_row(params![webhook.0, MAX_WAITING], |row| row.get(0))?;
    tx.prepare_cached("UPDATE webhook_events SET next_at = 0 WHERE webhook = ?1 AND next_at > 0")?
        .execute([webhook.0])?;
    if has_place {
        tx.prepare_cached("INSERT INTO webhook_events (webhook, type, at) VALUES (?1, ?2, ?3)")?
            .execute(params![webhook.0, EventType::Test.as_str(), ms(tx.now)])?;
    }
    tx.announce(Committed::Events {
        queued: has_place.into(),
        dropped: 0,
    });
    Ok(())
}

/// A time further away than any wait was noted before the clock was set back.
fn latest(now: Timestamp) -> i64 {
    ms(now.checked_add(LONGEST_WAIT).unwrap_or(Timestamp::MAX))
}

pub(super) fn due(conn: &Connection, now: Timestamp) -> Result<Vec<DueWebhook>, StoreError> {
    let (latest, now) = (latest(now), ms(now));
    Ok(conn
        .prepare_cached(
            "SELECT number, publisher, next_at, (
                 SELECT min(next_at) FROM webhook_events WHERE webhook = webhooks.number)
             FROM webhooks JOIN publishers ON publishers.id = publisher
             WHERE waiting > 0 AND webhooks.disabled_at IS NULL
               AND publishers.disabled_at IS NULL",
        )?
        .query_map([], |row| {
            let ahead = |at: i64| if at > latest { 0 } else { (at - now).max(0) };
            let ahead = ahead(row.get(2)?).max(ahead(row.get(3)?));
            Ok(DueWebhook {
                webhook: WebhookNumber(row.get(0)?),
                publisher: row.get(1)?,
                ahead: Duration::from_millis(ahead.unsigned_abs()),
            })
        })?
        .collect::<Result<_, _>>()?)
}

pub(super) fn next(
    conn: &Connection,
    webhook: WebhookNumber,
    now: Timestamp,
    oldest: Timestamp,
) -> Result<Option<Event>, StoreError> {
    let order = if failures(conn, webhook)? > IN_ORDER_UNTIL {
        "event.failures > 0, event.number"
    } else {
        "event.number"
    };
    conn.prepare_cached(&format!(
        "SELECT event.number, webhooks.id, hex(event.id), url, secret,
                iif(old_until > ?2, old_secret, NULL), type, event.at, message, accounts.name,
                action, event.failures, webhooks.failures, refusal, token
         FROM webhooks JOIN publishers ON publishers.id = publisher
         CROSS JOIN webhook_events AS event INDEXED BY events_of_webhook
           ON event.webhook = webhooks.number
         LEFT JOIN accounts ON accounts.id = event.account
         WHERE webhooks.number = ?1 AND webhooks.disabled_at IS NULL
           AND publishers.disabled_at IS NULL
           AND (webhooks.next_at <= ?2 OR webhooks.next_at > ?3)
           AND (event.next_at <= ?2 OR event.next_at > ?3) AND event.at >= ?4
         ORDER BY {order} LIMIT 1"
    ))?
    .query_and_then(params![webhook.0, ms(now), latest(now), ms(oldest)], event)?
    .next()
    .transpose()
}

/// How often it failed in a row.
fn failures(conn: &Connection, webhook: WebhookNumber) -> Result<u32, StoreError> {
    let found = conn
        .prepare_cached("SELECT failures FROM webhooks WHERE number = ?1")?
        .query_row([webhook.0], |row| row.get(0))
        .optional()?;
    Ok(found.unwrap_or_default())
}

fn event(row: &Row<'_>) -> Result<Event, StoreError> {
    let id: String = row.get(2)?;
    let keys: [Option<[u8; 32]>; 2] = [Some(row.get(4)?), row.get(5)?];
    let what: String = row.get(6)?;
    let account: Option<String> = row.get(9)?;
    Ok(Event {
        number: row.get(0)?,
        webhook: row.get(1)?,
        id: format!("evt_{}", id.to_ascii_lowercase()),
        url: row.get(3)?,
        keys: keys.into_iter().flatten().map(SigningKey::from).collect(),
        what: EventType::ALL
            .into_iter()
            .find(|known| known.as_str() == what)
            .ok_or_else(|| damaged(format!("event of type {what:?}")))?,
        at: time(row.get(7)?)?,
        message: row.get::<_, Option<[u8; ID_BYTES]>>(8)?.map(message_id),
        account: account
            .map(AccountName::try_from)
            .transpose()
            .map_err(damaged)?,
        action: row.get(10)?,
        refusal: refusal(row)?,
        failures: row.get(11)?,
        webhook_failures: row.get(12)?,
        token: row.get(14)?,
    })
}

fn refusal(row: &Row<'_>) -> Result<Option<Refusal>, StoreError> {
    let text = row.get_ref(13)?.as_str_or_null().map_err(damaged)?;
    text.map(serde_json::from_str).transpose().map_err(damaged)
}

/// Answers how many events were dropped.
pub(super) fn settle(tx: &Tx<'_>, number: i64, outcome: &Outcome) -> Result<u64, StoreError> {
    // It went with its webhook or its account.
    let Some(webhook) = webhook_of(tx, number)? else {
        return Ok(0);
    };
    match outcome {
        Outcome::Delivered => delivered(tx, number, webhook)?,
        Outcome::Failed(why, wait) => failed(tx, number, webhook, why, *wait)?,
        Outcome::Gone(why) => return gone(tx, webhook, why),
    }
    Ok(0)
}

fn webhook_of(tx: &Tx<'_>, number: i64) -> Result<Option<i64>, StoreError> {
    Ok(tx
        .prepare_cached("SELECT webhook FROM webhook_events WHERE number = ?1")?
        .query_row([number], |row| row.get(0))
        .optional()?)
}

fn delivered(tx: &Tx<'_>, number: i64, webhook: i64) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM webhook_events WHERE number = ?1")?
        .execute([number])?;
    tx.prepare_cached(
        "UPDATE webhooks SET failures = 0, next_at = 0, failing_since = NULL, delivered_at = ?2
         WHERE number = ?1",
    )?
    .execute((webhook, ms(tx.now)))?;
    Ok(())
}

fn failed(tx: &Tx<'_>, number: i64, webhook: i64, why: &str, wait: Wait) -> Result<(), StoreError> {
    let after = |wait| ms(tx.now.checked_add(wait).unwrap_or(Timestamp::MAX));
    tx.prepare_cached(
        "UPDATE webhook_events SET failures = failures + 1, next_at = ?2 WHERE number = ?1",
    )?
    .execute((number, after(wait.event)))?;
    tx.prepare_cached(
        "UPDATE webhooks SET failures = failures + 1, next_at = iif(failures = 0, next_at, ?3),
             failing_since = ifnull(failing_since, ?2), failed_at = ?2, failure = ?4
         WHERE number = ?1",
    )?
    .execute((webhook, ms(tx.now), after(wait.webhook), why))?;
    Ok(())
}

fn gone(tx: &Tx<'_>, webhook: i64, why: &str) -> Result<u64, StoreError> {
    let dropped = tx
        .prepare_cached("DELETE FROM webhook_events WHERE webhook = ?1")?
        .execute([webhook])? as u64;
    count_dropped(tx, webhook, dropped)?;
    tx.prepare_cached(
        "UPDATE webhooks SET disabled_at = ?2, failed_at = ?2, failure = ?3 WHERE number = ?1",
    )?
    .execute((webhook, ms(tx.now), why))?;
    Ok(dropped)
}

/// Whether the first event of any webhook is older; the others came after it.
pub(super) fn any_before(conn: &Connection, oldest: Timestamp) -> Result<bool, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM webhooks WHERE waiting > 0 AND ?1 > (
                 SELECT at FROM webhook_events INDEXED BY events_of_webhook
                 WHERE webhook = webhooks.number ORDER BY number LIMIT 1))",
        )?
        .query_row([ms(oldest)], |row| row.get(0))?)
}

/// Drops what is older, or a part of it.
pub(super) fn drop_before(tx: &Tx<'_>, oldest: Timestamp) -> Result<u64, StoreError> {
    let webhooks = tx
        .prepare_cached(
            "DELETE FROM webhook_events WHERE number IN (
                 SELECT number FROM webhook_events WHERE at < ?1 LIMIT ?2)
             RETURNING webhook",
        )?
        .query_map(params![ms(oldest), DROPPED_AT_ONCE], |row| row.get(0))?
        .collect::<Result<Vec<i64>, _>>()?;
    for webhook in &webhooks {
        count_dropped(tx, *webhook, 1)?;
    }
    Ok(webhooks.len() as u64)
}
