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
        self.writer.write(|tx| sessions::forget_revoked(tx)).await?;
        self.writer.write(push::remove_ended).await?;
        let removed = self.trim(Kept::LOG, retention).await?;
        let as_long_again = Retention {
            age: retention.age.saturating_mul(2),
            ..retention
        };
        self.trim(Kept::DEPARTED, as_long_again).await?;
        self.writer
            .write(|tx| topics::remove_unused(tx, None))
            .await?;
        Ok(removed)
    }
}

impl SqliteStore {
    /// Answers how many entries it removed.
    async fn trim(&self, kept: Kept, retention: Retention) -> Result<u64, StoreError> {
        let oldest = self.now().checked_sub(retention.age);
        let oldest = ms(oldest.unwrap_or(Timestamp::MIN));
        let entries = i64::try_from(retention.entries).unwrap_or(i64::MAX);
        let (mut removed, mut last) = (0, None);
        while let Some(place) = self.readers.read(move |conn| kept.next(conn, last)).await? {
            last = Some(place);
            let surplus = move |conn: &Connection| kept.surplus(conn, place, oldest, entries);
            while let Some(upto) = self.readers.read(surplus).await? {
                let remove = move |tx: &mut Tx<'_>| (kept.remove_upto)(tx, place, upto);
                removed += self.writer.write(remove).await?;
            }
        }
        Ok(removed)
    }
}

/// What is kept of each log.
#[derive(Clone, Copy)]
struct Kept {
    table: &'static str,
    /// Removes its beginning and answers how many entries that was.
    remove_upto: fn(&mut Tx<'_>, Place, Position) -> Result<u64, StoreError>,
}

impl Kept {
    const LOG: Self = Self {
        table: "log",
        remove_upto,
    };
    /// What is known of messages that went.
    const DEPARTED: Self = Self {
        table: "departed",
        remove_upto: forget_upto,
    };

    /// The log that comes after another one, in no order that means anything.
    fn next(self, conn: &Connection, last: Option<Place>) -> Result<Option<Place>, StoreError> {
        let (scope, owner) = last.map_or((-1, 0), |place| (place.scope(), place.owner()));
        conn.prepare_cached(&format!(
            "SELECT scope, owner FROM {} WHERE (scope, owner) > (?1, ?2)
             ORDER BY scope, owner LIMIT 1",
            self.table
        ))?
        .query_and_then((scope, owner), |row| Place::of_row(row, 0))?
        .next()
        .transpose()
    }

    /// Up to where a log is too old or too long; so much that it fits one commit.
    fn surplus(
        self,
        conn: &Connection,
        place: Place,
        oldest: i64,
        entries: i64,
    ) -> Result<Option<Position>, StoreError> {
        let (scope, owner) = (place.scope(), place.owner());
        let too_many: Option<Position> = conn
            .prepare_cached(&format!(
                "SELECT position FROM {} WHERE scope = ?1 AND owner = ?2
                 ORDER BY position DESC LIMIT 1 OFFSET ?3",
                self.table
            ))?
            .query_row((scope, owner, entries), |row| row.get(0))
            .optional()?;
        let mut query = conn.prepare_cached(&format!(
            "SELECT position, at FROM {} WHERE scope = ?1 AND owner = ?2
             ORDER BY position LIMIT ?3",
            self.table
        ))?;
        let mut rows = query.query(params![scope, owner, REMOVED_AT_ONCE])?;
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
}

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
    note_departed(tx, place, upto)?;
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

/// Devices keep what they have: its publisher may withdraw it still.
fn note_departed(tx: &Tx<'_>, place: Place, upto: Position) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO departed
         SELECT scope, owner, position, at, number, id, publisher, key,
                nullif(expires_at, created_at)
         FROM log JOIN messages ON number = message
         WHERE scope = ?1 AND owner = ?2 AND position <= ?3 AND kind = 'message'
           AND withdrawn_at IS NULL AND ifnull(expires_at > ?4 OR expires_at = created_at, TRUE)",
    )?
    .execute(params![place.scope(), place.owner(), upto, ms(tx.now)])?;
    Ok(())
}

fn forget_upto(tx: &mut Tx<'_>, place: Place, upto: Position) -> Result<u64, StoreError> {
    let forgotten = tx
        .prepare_cached("DELETE FROM departed WHERE scope = ?1 AND owner = ?2 AND position <= ?3")?
        .execute(params![place.scope(), place.owner(), upto])?;
    Ok(forgotten as u64)
}

/// Removes a whole log, with the messages that stand in no other.
pub(super) fn remove_log(tx: &Tx<'_>, place: Place) -> Result<(), StoreError> {
    let log = (place.scope(), place.owner());
    let messages = tx
        .prepare_cached("DELETE FROM log WHERE scope = ?1 AND owner = ?2 RETURNING message")?
        .query_map(log, |row| row.get::<_, Option<i64>>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    forget_log(tx, place)?;
    remove_unread(tx, messages.into_iter().flatten())
}

/// What is known of a log beside its entries.
pub(super) fn forget_log(tx: &Tx<'_>, place: Place) -> Result<(), StoreError> {
    for table in ["removed", "departed"] {
        tx.prepare_cached(&format!(
            "DELETE FROM {table} WHERE scope = ?1 AND owner = ?2"
        ))?
        .execute((place.scope(), place.owner()))?;
    }
    Ok(())
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
