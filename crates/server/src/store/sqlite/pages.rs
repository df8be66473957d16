//! Reads of the log.

use hither_protocol::{AccountName, Message, MessageId, Priority, Timestamp, WithdrawWhy};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::accounts::account_number;
use super::log::head;
use super::rows::{damaged, message_id, ms, optional_time, time, unpack};
use crate::store::{Entry, Page, Pending, Position, StoreError, What};

/// Entries of one page, whatever was asked for.
const MAX_ENTRIES: usize = 1000;
/// A page ends after so many bytes of content, so that memory stays bounded with large messages.
const MAX_CONTENT_BYTES: usize = 1024 * 1024;

pub(super) fn page(
    conn: &Connection,
    name: &AccountName,
    after: Position,
    limit: usize,
    now: Timestamp,
) -> Result<Page, StoreError> {
    // One transaction, so that `upto` and the entries belong to the same commit.
    let snapshot = conn.unchecked_transaction()?;
    let mut page = Page {
        entries: Vec::new(),
        upto: head(&snapshot)?.max(after),
        more: false,
    };
    let account = account_number(&snapshot, name)?;
    let mut query = snapshot.prepare_cached(
        "SELECT log.position, log.kind, log.ids, inbox.read_at,
                iif(withdrawn_at IS NULL AND ifnull(expires_at > ?3, TRUE), content, NULL)
         FROM log
         LEFT JOIN messages ON number = log.message
         LEFT JOIN inbox ON inbox.message = log.message AND inbox.account = log.account
         WHERE log.account = ?1 AND log.position > ?2
         ORDER BY log.position",
    )?;
    let mut rows = query.query(params![account, after, ms(now)])?;
    let (mut looked_at, mut bytes, mut last) = (0, 0, after);
    while let Some(row) = rows.next()? {
        if looked_at == limit.clamp(1, MAX_ENTRIES) || bytes >= MAX_CONTENT_BYTES {
            page.upto = last;
            page.more = true;
            break;
        }
        last = row.get(0)?;
        looked_at += 1;
        bytes += content(row)?.map_or(0, str::len);
        page.entries.extend(what(row)?.map(|what| Entry {
            position: last,
            account: name.clone(),
            what,
        }));
    }
    Ok(page)
}

/// What an entry says; nothing, when its message is gone.
fn what(row: &Row<'_>) -> Result<Option<What>, StoreError> {
    let kind = row.get_ref(1)?.as_str().map_err(damaged)?;
    let why = match kind {
        "message" => {
            let Some(content) = content(row)? else {
                return Ok(None);
            };
            let message = parse(content, row.get(3)?)?;
            return Ok(Some(What::Message(Box::new(message))));
        }
        "read" => return Ok(Some(What::Read(ids(row)?))),
        "recalled" => WithdrawWhy::Recalled,
        "replaced" => WithdrawWhy::Replaced,
        "expired" => WithdrawWhy::Expired,
        other => return Err(damaged(format!("log entry {other:?}"))),
    };
    Ok(Some(What::Withdraw(ids(row)?, why)))
}

fn content<'r>(row: &'r Row<'_>) -> Result<Option<&'r str>, StoreError> {
    row.get_ref(4)?.as_str_or_null().map_err(damaged)
}

fn ids(row: &Row<'_>) -> Result<Vec<MessageId>, StoreError> {
    unpack(row.get_ref(2)?.as_blob().map_err(damaged)?)
}

fn parse(content: &str, read_at: Option<i64>) -> Result<Message, StoreError> {
    let message: Message = serde_json::from_str(content).map_err(damaged)?;
    Ok(Message {
        read_at: optional_time(read_at)?,
        ..message
    })
}

pub(super) fn message(
    conn: &Connection,
    name: &AccountName,
    id: MessageId,
    now: Timestamp,
) -> Result<Option<Message>, StoreError> {
    let found: Option<(String, Option<i64>)> = conn
        .prepare_cached(
            "SELECT content, read_at FROM messages
             JOIN inbox ON message = number JOIN accounts ON accounts.id = account
             WHERE messages.id = ?1 AND accounts.name = ?2
               AND withdrawn_at IS NULL AND ifnull(expires_at > ?3, TRUE)",
        )?
        .query_row(params![id.0.as_bytes(), name.as_str(), ms(now)], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    found
        .map(|(content, read_at)| parse(&content, read_at))
        .transpose()
}

pub(super) fn html(
    conn: &Connection,
    name: &AccountName,
    id: MessageId,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let snapshot = conn.unchecked_transaction()?;
    let Some(message) = message(&snapshot, name, id, now)? else {
        return Ok(None);
    };
    match message.html {
        None => Ok(None),
        Some(html) if html.inline.is_some() => Ok(html.inline),
        Some(_) => Ok(snapshot
            .prepare_cached("SELECT html FROM messages WHERE id = ?1")?
            .query_row([id.0.as_bytes()], |row| row.get(0))?),
    }
}

pub(super) fn pending(
    conn: &Connection,
    name: &AccountName,
    now: Timestamp,
) -> Result<Vec<Pending>, StoreError> {
    conn.prepare_cached(
        "SELECT messages.id, priority, messages.created_at, expires_at
         FROM accounts
         JOIN inbox ON account = accounts.id AND read_at IS NULL AND shown_at IS NULL
         JOIN messages ON number = message
         WHERE accounts.name = ?1
           AND withdrawn_at IS NULL AND ifnull(expires_at > ?2, TRUE)
         ORDER BY message",
    )?
    .query_and_then(params![name.as_str(), ms(now)], |row| {
        Ok(Pending {
            id: message_id(row.get(0)?),
            priority: Priority::try_from(row.get::<_, u8>(1)?).map_err(damaged)?,
            created_at: time(row.get(2)?)?,
            expires_at: optional_time(row.get(3)?)?,
        })
    })?
    .collect()
}

pub(super) fn accounts_with_pending(
    conn: &Connection,
    now: Timestamp,
) -> Result<Vec<AccountName>, StoreError> {
    conn.prepare_cached(
        "SELECT name FROM accounts WHERE EXISTS (
             SELECT 1 FROM inbox JOIN messages ON number = message
             WHERE account = accounts.id AND read_at IS NULL AND shown_at IS NULL
               AND withdrawn_at IS NULL AND ifnull(expires_at > ?1, TRUE)
         ) ORDER BY name",
    )?
    .query_and_then([ms(now)], |row| {
        AccountName::try_from(row.get::<_, String>(0)?).map_err(damaged)
    })?
    .collect()
}
