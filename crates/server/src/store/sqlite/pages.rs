//! Reads of the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use hither_protocol::{
    AccountName, DeviceId, Message, MessageId, Priority, PublisherId, Timestamp, WithdrawWhy,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::accounts::account_number;
use super::log::{head, received};
use super::places::{Found, Place, Shelf, Span};
use super::rows::{damaged, message_id, ms, optional_time, time, unpack};
use crate::store::{Entry, Page, Pending, Position, Reader, StoreError, What};

/// Entries of one page, whatever was asked for.
const MAX_ENTRIES: usize = 1000;
/// A page ends after so many bytes of content, so that memory stays bounded with large messages.
const MAX_CONTENT_BYTES: usize = 1024 * 1024;
/// Of a log that many read, so many messages at most wait for an alert.
const MAX_PENDING: usize = 100;

/// The connection must be in a transaction, so that everything belongs to the same commit.
pub(super) fn page(
    snapshot: &Connection,
    shelf: &Shelf,
    after: Position,
    since: Option<Timestamp>,
    limit: usize,
    now: Timestamp,
) -> Result<Page, StoreError> {
    let limit = limit.clamp(1, MAX_ENTRIES);
    let mut page = Page {
        entries: Vec::new(),
        upto: head(snapshot)?.max(after),
        more: false,
        gap: gap(snapshot, shelf, after, since)?,
    };
    let mut found = shelf.entries(snapshot, after, since, limit + 1)?;
    if found.len() > limit {
        found.truncate(limit);
        page.more = true;
    }
    let mut bytes = 0;
    let mut last = after;
    for one in found {
        if bytes >= MAX_CONTENT_BYTES {
            page.more = true;
            break;
        }
        last = one.position;
        let (entry, size) = entry(snapshot, shelf, one, now)?;
        bytes += size;
        page.entries.extend(entry);
    }
    if page.more {
        page.upto = last;
    }
    Ok(page)
}

/// An entry with the size of its content; none, when its message is gone, or kept from the reader.
fn entry(
    conn: &Connection,
    shelf: &Shelf,
    found: Found,
    now: Timestamp,
) -> Result<(Option<Entry>, usize), StoreError> {
    let Found { position, place } = found;
    let mut query = conn.prepare_cached(
        "SELECT log.kind, log.ids, iif(?4, client_inbox.read_at, inbox.read_at),
                iif(withdrawn_at IS NULL AND ifnull(expires_at > ?7, TRUE)
                        AND ifnull(not_for <> ?8, TRUE),
                    ifnull(own_content.content, messages.content), NULL)
         FROM log
         LEFT JOIN messages ON number = log.message
         LEFT JOIN own_content
             ON own_content.message = log.message AND own_content.account = ?5
         LEFT JOIN inbox ON inbox.message = log.message AND inbox.account = ?5
         LEFT JOIN client_inbox ON client_inbox.message = log.message AND client = ?6
         WHERE log.scope = ?1 AND log.owner = ?2 AND log.position = ?3",
    )?;
    let mut rows = query.query(params![
        place.scope(),
        place.owner(),
        position,
        place.is_of_clients(),
        shelf.account,
        shelf.client,
        ms(now),
        shelf.device,
    ])?;
    let Some(row) = rows.next()? else {
        return Err(damaged("an entry vanished from its log"));
    };
    let size = content(row)?.map_or(0, str::len);
    let entry = what(row)?.map(|what| Entry { position, what });
    Ok((entry, size))
}

/// What an entry says; nothing, when its message has no content for the reader.
fn what(row: &Row<'_>) -> Result<Option<What>, StoreError> {
    let kind = row.get_ref(0)?.as_str().map_err(damaged)?;
    let why = match kind {
        "message" => {
            let Some(content) = content(row)? else {
                return Ok(None);
            };
            let message = parse(content, row.get(2)?)?;
            return Ok(Some(What::Message(Arc::new(message))));
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
    row.get_ref(3)?.as_str_or_null().map_err(damaged)
}

fn ids(row: &Row<'_>) -> Result<Vec<MessageId>, StoreError> {
    unpack(row.get_ref(1)?.as_blob().map_err(damaged)?)
}

fn parse(content: &str, read_at: Option<i64>) -> Result<Message, StoreError> {
    let message: Message = serde_json::from_str(content).map_err(damaged)?;
    Ok(Message {
        read_at: optional_time(read_at)?,
        ..message
    })
}

/// The moment before which retention removed something that comes after a position.
fn gap(
    conn: &Connection,
    shelf: &Shelf,
    after: Position,
    since: Option<Timestamp>,
) -> Result<Option<Timestamp>, StoreError> {
    let mut newest = None;
    let unread = |span: &&Span| span.may_bring_messages(after);
    for span in shelf.spans.iter().filter(unread) {
        let at: Option<i64> = conn
            .prepare_cached(
                "SELECT at FROM removed
                 WHERE scope = ?1 AND owner = ?2 AND position > ?3 AND at >= ?4",
            )?
            .query_row(
                params![
                    span.place.scope(),
                    span.place.owner(),
                    span.after(after),
                    since.map_or(i64::MIN, ms)
                ],
                |row| row.get(0),
            )
            .optional()?;
        newest = newest.max(at);
    }
    newest.map(|at| time(at.saturating_add(1))).transpose()
}

pub(super) fn message(
    conn: &Connection,
    reader: &Reader,
    id: MessageId,
    now: Timestamp,
) -> Result<Option<Message>, StoreError> {
    let shelf = Shelf::of(conn, reader)?;
    let Some((number, place)) = received(conn, &shelf, id)? else {
        return Ok(None);
    };
    let found: Option<(String, Option<i64>)> = conn
        .prepare_cached(
            "SELECT ifnull(own_content.content, messages.content),
                    iif(?2, client_inbox.read_at, inbox.read_at)
             FROM messages
             LEFT JOIN own_content ON own_content.message = number AND own_content.account = ?3
             LEFT JOIN inbox ON inbox.message = number AND inbox.account = ?3
             LEFT JOIN client_inbox ON client_inbox.message = number AND client = ?4
             WHERE number = ?1 AND withdrawn_at IS NULL
               AND ifnull(expires_at > ?5 OR expires_at = created_at, TRUE)",
        )?
        .query_row(
            params![
                number,
                place.is_of_clients(),
                shelf.account,
                shelf.client,
                ms(now)
            ],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    found
        .map(|(content, read_at)| parse(&content, read_at))
        .transpose()
}

pub(super) fn html(
    conn: &Connection,
    reader: &Reader,
    id: MessageId,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let snapshot = conn.unchecked_transaction()?;
    let Some(message) = message(&snapshot, reader, id, now)? else {
        return Ok(None);
    };
    match message.html {
        None => Ok(None),
        Some(html) if html.inline.is_some() => Ok(html.inline),
        Some(_) => beside(&snapshot, reader, id),
    }
}

/// The page of a message that is too large to be inside.
fn beside(conn: &Connection, reader: &Reader, id: MessageId) -> Result<Option<String>, StoreError> {
    let account = Shelf::of(conn, reader)?.account;
    Ok(conn
        .prepare_cached(
            "SELECT ifnull(own_content.html, messages.html) FROM messages
             LEFT JOIN own_content ON message = number AND account = ?2
             WHERE id = ?1",
        )?
        .query_row(params![id.0.as_bytes(), account], |row| row.get(0))?)
}

pub(super) fn pending(
    conn: &Connection,
    name: &AccountName,
    now: Timestamp,
    upto: Position,
) -> Result<Vec<Pending>, StoreError> {
    let snapshot = conn.unchecked_transaction()?;
    let account = account_number(&snapshot, name)?;
    let mut pending = BTreeMap::new();
    addressed(&snapshot, account, now, &mut pending)?;
    let made_after = snapshot
        .prepare_cached("SELECT made_after FROM accounts WHERE id = ?1")?
        .query_row([account], |row| row.get(0))?;
    for span in Shelf::of_inbox(&snapshot, account)?.spans {
        match span.place {
            _ if span.changes_only => {}
            Place::Everyone => shared(&snapshot, account, &span, made_after, now, &mut pending)?,
            Place::Topic(_) => {
                shared(&snapshot, account, &span, Position(0), now, &mut pending)?;
            }
            _ => {}
        }
    }
    if head(&snapshot)? > upto {
        let mut come = snapshot.prepare_cached(
            "SELECT min(position) FROM log WHERE message = ?1 AND kind = 'message'",
        )?;
        for number in pending.keys().copied().collect::<Vec<_>>() {
            if come.query_row([number], |row| row.get::<_, Option<Position>>(0))? > Some(upto) {
                pending.remove(&number);
            }
        }
    }
    Ok(pending.into_values().collect())
}

/// Pending messages for the account by name, by number.
fn addressed(
    conn: &Connection,
    account: i64,
    now: Timestamp,
    pending: &mut BTreeMap<i64, Pending>,
) -> Result<(), StoreError> {
    let mut query = conn.prepare_cached(
        "SELECT messages.id, public_id, priority, messages.created_at, expires_at,
                not_for, number
         FROM inbox JOIN messages ON number = message
         JOIN publishers ON publishers.id = publisher
         WHERE inbox.account = ?1 AND read_at IS NULL AND shown_at IS NULL
           AND withdrawn_at IS NULL AND ifnull(expires_at > ?2, TRUE)",
    )?;
    let mut rows = query.query(params![account, ms(now)])?;
    while let Some(row) = rows.next()? {
        pending.insert(row.get(6)?, waiting(row)?);
    }
    Ok(())
}

/// Pending messages of a log that many read, by number.
fn shared(
    conn: &Connection,
    account: i64,
    span: &Span,
    after: Position,
    now: Timestamp,
    pending: &mut BTreeMap<i64, Pending>,
) -> Result<(), StoreError> {
    let mut query = conn.prepare_cached(
        "SELECT messages.id, public_id, priority, messages.created_at, expires_at,
                not_for, number
         FROM (
             SELECT message AS newest FROM log
             WHERE scope = ?1 AND owner = ?2 AND position > ?3 AND kind = 'message'
               AND (?4 IS NULL OR position <= ?4)
             ORDER BY position DESC LIMIT ?7
         )
         JOIN messages ON number = newest
         JOIN publishers ON publishers.id = publisher
         LEFT JOIN inbox ON message = number AND inbox.account = ?5
         WHERE read_at IS NULL AND shown_at IS NULL
           AND withdrawn_at IS NULL AND ifnull(expires_at > ?6, TRUE)",
    )?;
    let mut rows = query.query(params![
        span.place.scope(),
        span.place.owner(),
        span.after(after),
        span.until,
        account,
        ms(now),
        MAX_PENDING,
    ])?;
    while let Some(row) = rows.next()? {
        pending.insert(row.get(6)?, waiting(row)?);
    }
    Ok(())
}

/// From the columns that [`addressed`] asks for.
pub(super) fn waiting(row: &Row<'_>) -> Result<Pending, StoreError> {
    Ok(Pending {
        id: message_id(row.get(0)?),
        publisher: PublisherId::try_from(row.get::<_, String>(1)?).map_err(damaged)?,
        priority: Priority::try_from(row.get::<_, u8>(2)?).map_err(damaged)?,
        created_at: time(row.get(3)?)?,
        expires_at: optional_time(row.get(4)?)?,
        not_for: row
            .get::<_, Option<String>>(5)?
            .map(DeviceId::try_from)
            .transpose()
            .map_err(damaged)?,
    })
}
