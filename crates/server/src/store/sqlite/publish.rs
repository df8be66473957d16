//! Storing a message.

use core::mem;
use core::time::Duration;
use std::sync::Arc;

use hither_protocol::{DeviceId, Message, PublisherId, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::access;
use super::attachments;
use super::content::Content;
use super::events::{self, Told, Whom};
use super::log::{MessageRow, append};
use super::receivers::{self, Resolved};
use super::rows::{damaged, message_id, ms, taken};
use super::scheduled::{self, Later};
use super::templates::{Template, only_accounts};
use super::withdrawals;
use super::writer::Tx;
use crate::store::{EventType, Log, NewMessage, StoreError, Stored, What};
use crate::template::Unfilled;

/// How long a repeated publish is recognised.
const KEY_LIFE_MS: i64 = 24 * 60 * 60 * 1000;

pub(super) fn publish(tx: &mut Tx<'_>, new: NewMessage) -> Result<Stored, StoreError> {
    publish_elsewhere(tx, new, None)
}

/// The same for all devices of the receivers but the one that the message is about.
pub(super) fn publish_elsewhere(
    tx: &mut Tx<'_>,
    mut new: NewMessage,
    not_for: Option<&DeviceId>,
) -> Result<Stored, StoreError> {
    let publisher = enabled_publisher(tx, &new.message.publisher.id)?;
    if let Some((key, body)) = &new.idempotency
        && let Some(first) = first_answer(tx, publisher, key, body, tx.now)?
    {
        return Ok(first);
    }
    let only_accounts = only_accounts(&new.to);
    if let (Some(key), Some(_)) = (&new.message.key, new.deliver_at) {
        // It makes room for this one.
        scheduled::supersede(tx, publisher, key)?;
    }
    let later = Later::of(tx, publisher, &new)?;
    for topic in &new.to.topics {
        access::claim(tx, topic, &new.by)?;
    }
    let to = receivers::resolve(tx, publisher, mem::take(&mut new.to))?;
    if to.logs.is_empty() {
        return Err(StoreError::NoReceivers);
    }
    let template = Template::of(tx, publisher, &mut new, &to)?;
    if template.is_some() && !only_accounts {
        return Err(Unfilled::NotForAccounts.into());
    }
    match &new.message.key {
        Some(key) if later.is_none() => withdrawals::replace(tx, publisher, key)?,
        _ => {}
    }
    let idempotency = new.idempotency.take();
    let (row, message) = insert_message(tx, publisher, new, &to, later.as_ref(), not_for)?;
    let stored = Stored {
        id: message.id,
        receivers: to.receivers,
        unknown_tokens: to.unknown_tokens.clone(),
    };
    let own = template.map(|template| template.fill(tx, &message, row.number, &to.logs));
    let said = own
        .transpose()?
        .map_or_else(|| Said::Alike(Arc::new(message)), Said::Each);
    match later {
        Some(later) => later.wait(tx, publisher, row.number, to)?,
        None => bring(tx, row, to, said)?,
    }
    if let Some((key, body)) = idempotency {
        remember_answer(tx, publisher, &key, body, &stored)?;
    }
    Ok(stored)
}

/// What a message says.
pub(super) enum Said {
    /// The same to all.
    Alike(Arc<Message>),
    /// Its own in each log, in their order.
    Each(Vec<Message>),
}

/// Puts a stored message into the logs of its receivers.
pub(super) fn bring(
    tx: &mut Tx<'_>,
    row: MessageRow,
    to: Resolved,
    said: Said,
) -> Result<(), StoreError> {
    let number = row.number;
    let clients = to.clients();
    match said {
        Said::Alike(message) => {
            append(tx, to.logs, What::Message(message), Some(row))?;
        }
        Said::Each(own) => {
            for (log, message) in to.logs.into_iter().zip(own) {
                let what = What::Message(Arc::new(message));
                append(tx, vec![log], what, Some(row.clone()))?;
            }
        }
    }
    // Webhooks are told of those in whose log it stands by now.
    for account in to.accounts {
        tx.prepare_cached("INSERT INTO inbox (message, account) VALUES (?1, ?2)")?
            .execute((number, account))?;
        let told = Told {
            what: EventType::Stored,
            message: number,
            whom: Whom::Account(account),
            action: None,
            refusal: None,
            at: tx.now,
        };
        events::tell(tx, &told)?;
    }
    let at = tx.now;
    clients.into_iter().try_for_each(|client| {
        events::tell_of_client(tx, EventType::Stored, number, client, None, at)
    })
}

fn enabled_publisher(tx: &Tx<'_>, id: &PublisherId) -> Result<i64, StoreError> {
    let (publisher, enabled) = tx
        .prepare_cached("SELECT id, disabled_at IS NULL FROM publishers WHERE public_id = ?1")?
        .query_row([id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?
        .ok_or(StoreError::NotFound)?;
    if enabled {
        Ok(publisher)
    } else {
        Err(StoreError::Disabled)
    }
}

pub(super) fn application(to: &Resolved) -> Option<String> {
    to.logs.iter().find_map(|(_, log)| match log {
        Log::Application(application) => Some(application.name.clone()),
        _ => None,
    })
}

/// A message that is only for who is connected does not vanish from there.
pub(super) fn expiry(from: Timestamp, ttl: Option<Duration>) -> Option<Timestamp> {
    let ttl = ttl.filter(|ttl| !ttl.is_zero())?;
    from.checked_add(ttl).ok()
}

/// A message that is only for who is connected is never served again, and not withdrawn either.
pub(super) fn last_moment(
    tx: &Tx<'_>,
    expires_at: Option<Timestamp>,
    ttl: Option<Duration>,
) -> Option<Timestamp> {
    match ttl {
        Some(Duration::ZERO) => Some(tx.now),
        _ => expires_at,
    }
}

/// Answers the message as clients get it, and its row. Of one that comes later it is not noted yet
/// that it expires and what it replaces.
fn insert_message(
    tx: &Tx<'_>,
    publisher: i64,
    new: NewMessage,
    to: &Resolved,
    later: Option<&Later>,
    not_for: Option<&DeviceId>,
) -> Result<(MessageRow, Message), StoreError> {
    let comes = later.map_or(tx.now, |later| later.at);
    let message = Message {
        topic: to.topic.clone().map(String::from),
        application: application(to),
        created_at: comes,
        expires_at: expiry(comes, new.ttl),
        read_at: None,
        ..new.message
    };
    let Content {
        message,
        json,
        html,
    } = Content::new(message, new.html)?;
    let last_moment = last_moment(tx, message.expires_at, new.ttl).map(ms);
    tx.prepare_cached(
        "INSERT INTO messages
             (id, publisher, priority, created_at, expires_at, content, html, key, ntfy, receivers,
              not_for)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        message.id.0.as_bytes(),
        publisher,
        u8::from(message.priority),
        ms(tx.now),
        last_moment.filter(|_| later.is_none()),
        json,
        html,
        message.key.as_ref().filter(|_| later.is_none()),
        new.ntfy,
        to.receivers.cast_signed(),
        not_for.map(DeviceId::as_str),
    ])
    .map_err(taken)?;
    let number = tx.last_insert_rowid();
    attachments::need(tx, publisher, number, &message)?;
    let row = MessageRow {
        number,
        fleeting: new.ttl == Some(Duration::ZERO),
        versions: None,
        not_for: not_for.cloned(),
    };
    Ok((row, message))
}

/// What a publish that came before was answered.
pub(super) fn answered(
    conn: &Connection,
    publisher: &PublisherId,
    key: &str,
    body: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Stored>, StoreError> {
    let publisher = conn
        .prepare_cached("SELECT id FROM publishers WHERE public_id = ?1")?
        .query_row([publisher.as_str()], |row| row.get(0))?;
    first_answer(conn, publisher, key, body, now)
}

fn first_answer(
    conn: &Connection,
    publisher: i64,
    key: &str,
    body: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Stored>, StoreError> {
    let first = conn
        .prepare_cached(
            "SELECT body_hash, message_id, receivers, unknown_tokens FROM idempotency
             WHERE publisher = ?1 AND key = ?2 AND created_at > ?3",
        )?
        .query_and_then((publisher, key, oldest_key(now)), |row| {
            let unknown: Option<String> = row.get(3)?;
            let stored = Stored {
                id: message_id(row.get(1)?),
                receivers: row.get::<_, i64>(2)?.cast_unsigned(),
                unknown_tokens: serde_json::from_str(unknown.as_deref().unwrap_or("[]"))
                    .map_err(damaged)?,
            };
            Ok::<_, StoreError>((row.get::<_, [u8; 32]>(0)?, stored))
        })?
        .next()
        .transpose()?;
    match first {
        Some((first_body, _)) if first_body != *body => Err(StoreError::IdempotencyMismatch),
        first => Ok(first.map(|(_, stored)| stored)),
    }
}

fn remember_answer(
    tx: &Tx<'_>,
    publisher: i64,
    key: &str,
    body: [u8; 32],
    stored: &Stored,
) -> Result<(), StoreError> {
    let unknown = serde_json::to_string(&stored.unknown_tokens).map_err(damaged)?;
    tx.prepare_cached(
        "INSERT OR REPLACE INTO idempotency
             (publisher, key, body_hash, message_id, receivers, created_at, unknown_tokens)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        publisher,
        key,
        body,
        stored.id.0.as_bytes(),
        stored.receivers.cast_signed(),
        ms(tx.now),
        unknown,
    ])?;
    Ok(())
}

pub(super) fn forget_old_keys(tx: &Tx<'_>) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM idempotency WHERE created_at <= ?1")?
        .execute([oldest_key(tx.now)])?;
    Ok(())
}

fn oldest_key(now: Timestamp) -> i64 {
    ms(now).saturating_sub(KEY_LIFE_MS)
}
