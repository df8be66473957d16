//! Writes to the log: messages and what becomes of them.

use std::collections::BTreeMap;

use hither_protocol::{
    AccountName, DeviceId, Html, MAX_FRAME_BYTES, Message, MessageId, PublisherId, Timestamp,
};
use rusqlite::{Connection, OptionalExtension, params};

use super::accounts::account_number;
use super::publishers::reached;
use super::rows::{ID_BYTES, damaged, message_id, ms, pack, taken};
use super::writer::Tx;
use crate::store::{Committed, NewMessage, Position, StoreError, Stored, What};

/// The largest page that travels inside its message.
const INLINE_HTML_BYTES: usize = 16 * 1024;
/// What a frame may need around a message: cursor, alert and `read_at`.
const ENVELOPE_BYTES: usize = 512;
/// How long a repeated publish is recognised.
const KEY_LIFE_MS: i64 = 24 * 60 * 60 * 1000;
/// Ids of one log entry, so that it fits a frame.
const IDS_PER_ENTRY: usize = 1000;

pub(super) fn head(conn: &Connection) -> Result<Position, StoreError> {
    Ok(conn
        .prepare_cached("SELECT head FROM meta")?
        .query_row([], |row| row.get(0))?)
}

pub(super) fn set_head(conn: &Connection, head: Position) -> Result<(), StoreError> {
    conn.prepare_cached("UPDATE meta SET head = ?1")?
        .execute([head])?;
    Ok(())
}

pub(super) fn publish(tx: &mut Tx<'_>, new: NewMessage) -> Result<Stored, StoreError> {
    let publisher = enabled_publisher(tx, &new.message.publisher.id)?;
    if let Some((key, body)) = &new.idempotency
        && let Some(first) = first_answer(tx, publisher, key, body)?
    {
        return Ok(first);
    }
    let mut stored = Stored {
        id: new.message.id,
        receivers: 0,
    };
    let receivers = reached_accounts(tx, publisher, new.accounts)?;
    if receivers.is_empty() {
        return Ok(stored);
    }
    let message = Message {
        created_at: tx.now,
        read_at: None,
        ..new.message
    };
    let (message, number) = insert_message(tx, publisher, message, new.html)?;
    for (account, name) in receivers {
        deliver(tx, account, name, number, &message)?;
        stored.receivers += 1;
    }
    if let Some((key, body)) = new.idempotency {
        remember_answer(tx, publisher, &key, body, &stored)?;
    }
    Ok(stored)
}

fn enabled_publisher(tx: &Tx<'_>, id: &PublisherId) -> Result<i64, StoreError> {
    tx.prepare_cached("SELECT id FROM publishers WHERE public_id = ?1 AND disabled_at IS NULL")?
        .query_row([id.as_str()], |row| row.get(0))
        .optional()?
        .ok_or(StoreError::NotFound)
}

fn first_answer(
    tx: &Tx<'_>,
    publisher: i64,
    key: &str,
    body: &[u8; 32],
) -> Result<Option<Stored>, StoreError> {
    let first = tx
        .prepare_cached(
            "SELECT body_hash, message_id, receivers FROM idempotency
             WHERE publisher = ?1 AND key = ?2 AND created_at > ?3",
        )?
        .query_row((publisher, key, oldest_key(tx.now)), |row| {
            let body: [u8; 32] = row.get(0)?;
            let stored = Stored {
                id: message_id(row.get(1)?),
                receivers: row.get::<_, i64>(2)?.cast_unsigned(),
            };
            Ok((body, stored))
        })
        .optional()?;
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
    tx.prepare_cached("INSERT OR REPLACE INTO idempotency VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![
            publisher,
            key,
            body,
            stored.id.0.as_bytes(),
            stored.receivers.cast_signed(),
            ms(tx.now),
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

/// The receivers that exist, may sign in, and may be reached, each once.
fn reached_accounts(
    tx: &Tx<'_>,
    publisher: i64,
    names: Vec<AccountName>,
) -> Result<BTreeMap<i64, AccountName>, StoreError> {
    let mut found = BTreeMap::new();
    for name in names {
        let account = reached(tx, publisher, &name)?;
        found.extend(account.map(|account| (account, name)));
    }
    Ok(found)
}

/// Answers the message as clients get it, and its number.
fn insert_message(
    tx: &Tx<'_>,
    publisher: i64,
    message: Message,
    html: Option<String>,
) -> Result<(Message, i64), StoreError> {
    let Content {
        message,
        json,
        html,
    } = Content::new(message, html)?;
    tx.prepare_cached(
        "INSERT INTO messages
             (id, publisher, priority, created_at, expires_at, content, html)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        message.id.0.as_bytes(),
        publisher,
        u8::from(message.priority),
        ms(message.created_at),
        message.expires_at.map(ms),
        json,
        html,
    ])
    .map_err(taken)?;
    Ok((message, tx.last_insert_rowid()))
}

/// A message with its page inside, where that fits a frame, or with the page's address.
struct Content {
    message: Message,
    json: String,
    /// The page, when it is not inside.
    html: Option<String>,
}

impl Content {
    fn new(mut message: Message, html: Option<String>) -> Result<Self, StoreError> {
        let Some(page) = html else {
            message.html = None;
            return Self::written(message, None);
        };
        let size = page.len() as u64;
        if page.len() <= INLINE_HTML_BYTES {
            message.html = Some(Html {
                size,
                inline: Some(page.clone()),
                href: None,
            });
            let inside = Self::written(message, None)?;
            if inside.json.len() + ENVELOPE_BYTES < MAX_FRAME_BYTES {
                return Ok(inside);
            }
            message = inside.message;
        }
        message.html = Some(Html {
            size,
            inline: None,
            href: Some(format!("/v1/messages/{}/html", message.id)),
        });
        Self::written(message, Some(page))
    }

    fn written(message: Message, html: Option<String>) -> Result<Self, StoreError> {
        let json = serde_json::to_string(&message).map_err(damaged)?;
        Ok(Self {
            message,
            json,
            html,
        })
    }
}

fn deliver(
    tx: &mut Tx<'_>,
    account: i64,
    name: AccountName,
    number: i64,
    message: &Message,
) -> Result<(), StoreError> {
    let position = tx.append(name, What::Message(Box::new(message.clone())));
    tx.prepare_cached(
        "INSERT INTO log (account, position, kind, message) VALUES (?1, ?2, 'message', ?3)",
    )?
    .execute((account, position, number))?;
    tx.prepare_cached("INSERT INTO inbox (message, account) VALUES (?1, ?2)")?
        .execute((number, account))?;
    Ok(())
}

pub(super) fn mark_read(
    tx: &mut Tx<'_>,
    name: &AccountName,
    ids: &[MessageId],
    at: Timestamp,
) -> Result<(), StoreError> {
    let account = account_number(tx, name)?;
    let mut newly = Vec::new();
    for id in ids {
        let changed = tx
            .prepare_cached(
                "UPDATE inbox SET read_at = ?3
                 WHERE message = (SELECT number FROM messages WHERE id = ?1)
                   AND account = ?2 AND read_at IS NULL",
            )?
            .execute(params![id.0.as_bytes(), account, ms(at)])?;
        newly.extend((changed > 0).then_some(*id));
    }
    for part in newly.chunks(IDS_PER_ENTRY) {
        let position = tx.append(name.clone(), What::Read(part.to_vec()));
        tx.prepare_cached(
            "INSERT INTO log (account, position, kind, ids) VALUES (?1, ?2, 'read', ?3)",
        )?
        .execute((account, position, pack(part)))?;
    }
    Ok(())
}

pub(super) fn mark_shown(
    tx: &mut Tx<'_>,
    name: &AccountName,
    device: &DeviceId,
    ids: &[MessageId],
    at: Timestamp,
) -> Result<(), StoreError> {
    let account = account_number(tx, name)?;
    let mut newly = Vec::new();
    for id in ids {
        if let Some(number) = received(tx, account, *id)?
            && show(tx, account, number, device, at)?
        {
            newly.push(*id);
        }
    }
    if !newly.is_empty() {
        tx.announce(Committed::Shown(name.clone(), device.clone(), newly));
    }
    Ok(())
}

/// Whether it was not shown on this device before.
fn show(
    tx: &Tx<'_>,
    account: i64,
    number: i64,
    device: &DeviceId,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let added = tx
        .prepare_cached("INSERT OR IGNORE INTO shown VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![number, account, device.as_str(), ms(at)])?;
    if added > 0 {
        tx.prepare_cached(
            "UPDATE inbox SET shown_at = ?3
             WHERE message = ?1 AND account = ?2 AND shown_at IS NULL",
        )?
        .execute((number, account, ms(at)))?;
    }
    Ok(added > 0)
}

pub(super) fn record_action(
    tx: &Tx<'_>,
    name: &AccountName,
    device: &DeviceId,
    id: MessageId,
    action: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    let account = account_number(tx, name)?;
    let number = received(tx, account, id)?.ok_or(StoreError::NotFound)?;
    tx.prepare_cached("INSERT OR IGNORE INTO chosen_actions VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![number, account, action, device.as_str(), ms(at)])?;
    Ok(())
}

/// The number of a message, when the account has it.
fn received(tx: &Tx<'_>, account: i64, id: MessageId) -> Result<Option<i64>, StoreError> {
    let bytes: &[u8; ID_BYTES] = id.0.as_bytes();
    Ok(tx
        .prepare_cached(
            "SELECT number FROM messages JOIN inbox ON message = number
             WHERE id = ?1 AND account = ?2",
        )?
        .query_row(params![bytes, account], |row| row.get(0))
        .optional()?)
}
