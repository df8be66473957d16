//! What goes by itself: expired messages, and what need not be kept.

use core::time::Duration;

use async_trait::async_trait;
use hither_protocol::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::places::Place;
use super::rows::ms;
use super::writer::Tx;
use super::{SqliteStore, push, sessions, topics, withdrawals};
use crate::store::{Position, Retention, StoreError, Upkeep};

/// Entries removed in one commit.
const REMOVED_AT_ONCE: usize = 500;

#[async_trait]
impl Upkeep for SqliteStore {
    async fn expire(&self) -> Result<Option<Duration>, StoreError> {
        while let Some(next) = self.readers.read(withdrawals::next_expiry).await? {
            let ahead = next.duration_since(self.now());
            if ahead.is_positive() {
                return Ok(Some(ahead.unsigned_abs()));
            }
            self.writer.write(withdrawals::expire).await?;
        }
        Ok(None)
    }

    async fn retain(&self, retention: Retention) -> Result<u64, StoreError> {
        let oldest = ms(self
            .now()
            .checked_sub(retention.age)
            .unwrap_or(Timestamp::MIN));
        let entries = i64::try_from(retention.entries).unwrap_or(i64::MAX);
        self.writer.write(|tx| sessions::forget_revoked(tx)).await?;
        self.writer.write(push::remove_ended).await?;
        let mut removed = 0;
        let mut last = None;
        while let Some(place) = self.readers.read(move |conn| next_log(conn, last)).await? {
            last = Some(place);
            let surplus = move |conn: &Connection| surplus(conn, place, oldest, entries);
            while let Some(upto) = self.readers.read(surplus).await? {
                removed += self
                    .writer
                    .write(move |tx| remove_upto(tx, place, upto))
                    .await?;
            }
        }
        self.writer
            .write(|tx| topics::remove_unused(tx, None))
            .await?;
        Ok(removed)
    }
}

/// The log that comes after another one, in no order that means anything.
fn next_log(conn: &Connection, last: Option<Place>) -> Result<Option<Place>, StoreError> {
    let (scope, owner) = last.map_or((-1, 0), |place| (place.scope(), place.owner()));
    conn.prepare_cached(
        "SELECT scope, owner FROM log WHERE (scope, owner) > (?1, ?2)
         ORDER BY scope, owner LIMIT 1",
    )?
    .query_and_then((scope, owner), |row| Place::of_row(row, 0))?
    .next()
    .transpose()
}

/// Up to where a log is too old or too long; so much that it fits one commit.
fn surplus(
    conn: &Connection,
    place: Place,
    oldest: i64,
    entries: i64,
) -> Result<Option<Position>, StoreError> {
    let log = (place.scope(), place.owner());
    let too_many: Option<Position> = conn
        .prepare_cached(
            "SELECT position FROM log WHERE scope = ?1 AND owner = ?2
             ORDER BY position DESC LIMIT 1 OFFSET ?3",
        )?
        .query_row((log.0, log.1, entries), |row| row.get(0))
        .optional()?;
    let mut query = conn.prepare_cached(
        "SELECT position, at FROM log WHERE scope = ?1 AND owner = ?2
         ORDER BY position LIMIT ?3",
    )?;
    let mut rows = query.query(params![log.0, log.1, REMOVED_AT_ONCE])?;
    let mut upto = None;
    while let Some(row) = rows.next()? {
        let position = Some(row.get(0)?);
        if position > too_many && row.get::<_, i64>(1)? >= oldest {
            break;
        }
        upto = position;
    }
    Ok(upto)
}

/// Removes the beginning of a log and answers how many entries that was.
fn remove_upto(tx: &mut Tx<'_>, place: Place, upto: Position) -> Result<u64, StoreError> {
    let log = (place.scope(), place.owner());
    // What became of a message is missed by whoever has it; a message that is gone by nobody.
    let missed: Option<(Position, i64)> = tx
        .prepare_cached(
            "SELECT max(position), max(at) FROM log LEFT JOIN messages ON number = message
             WHERE scope = ?1 AND owner = ?2 AND position <= ?3
               AND (kind <> 'message'
                    OR (withdrawn_at IS NULL AND ifnull(expires_at > ?4, TRUE)))",
        )?
        .query_row(params![log.0, log.1, upto, ms(tx.now)], |row| {
            Ok(row.get::<_, Option<_>>(0)?.zip(row.get(1)?))
        })?;
    if let Some((position, at)) = missed {
        note_removed(tx, place, position, at)?;
    }
    let removed = tx
        .prepare_cached(
            "DELETE FROM log WHERE scope = ?1 AND owner = ?2 AND position <= ?3
             RETURNING message",
        )?
        .query_map(params![log.0, log.1, upto], |row| row.get(0))?
        .collect::<Result<Vec<Option<i64>>, _>>()?;
    let count = removed.len() as u64;
    let messages: Vec<_> = removed.into_iter().flatten().collect();
    if let Place::Account(account) = place {
        for table in ["inbox", "own_content"] {
            let mut forget = tx.prepare_cached(&format!(
                "DELETE FROM {table} WHERE message = ?1 AND account = ?2"
            ))?;
            for message in &messages {
                forget.execute((message, account))?;
            }
        }
    }
    remove_unread(tx, messages.into_iter())?;
    Ok(count)
}

fn note_removed(tx: &Tx<'_>, place: Place, position: Position, at: i64) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO removed (scope, owner, position, at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET position = max(position, excluded.position),
                                   at = max(at, excluded.at)",
    )?
    .execute(params![place.scope(), place.owner(), position, at])?;
    Ok(())
}

/// Removes a whole log, with the messages that stand in no other.
pub(super) fn remove_log(tx: &Tx<'_>, place: Place) -> Result<(), StoreError> {
    let log = (place.scope(), place.owner());
    let messages = tx
        .prepare_cached("DELETE FROM log WHERE scope = ?1 AND owner = ?2 RETURNING message")?
        .query_map(log, |row| row.get::<_, Option<i64>>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    tx.prepare_cached("DELETE FROM removed WHERE scope = ?1 AND owner = ?2")?
        .execute(log)?;
    remove_unread(tx, messages.into_iter().flatten())
}

/// Removes those of the messages that stand in no log.
fn remove_unread(tx: &Tx<'_>, messages: impl Iterator<Item = i64>) -> Result<(), StoreError> {
    let mut remove = tx.prepare_cached(
        "DELETE FROM messages WHERE number = ?1 AND NOT EXISTS (
             SELECT 1 FROM log WHERE message = ?1 AND kind = 'message'
         )",
    )?;
    for message in messages {
        remove.execute([message])?;
    }
    Ok(())
}
