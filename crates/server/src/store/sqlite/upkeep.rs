//! What goes by itself: what nobody can read any more.

use rusqlite::params;

use super::places::Place;
use super::writer::Tx;
use crate::store::StoreError;

/// Removes a whole log, with the messages that stand in no other.
pub(super) fn remove_log(tx: &Tx<'_>, place: Place) -> Result<(), StoreError> {
    let messages = tx
        .prepare_cached("DELETE FROM log WHERE scope = ?1 AND owner = ?2 RETURNING message")?
        .query_map(params![place.scope(), place.owner()], |row| {
            row.get::<_, Option<i64>>(0)
        })?
        .collect::<Result<Vec<_>, _>>()?;
    remove_unread(tx, messages.into_iter().flatten())
}

/// Removes those of the messages that stand in no log.
pub(super) fn remove_unread(
    tx: &Tx<'_>,
    messages: impl Iterator<Item = i64>,
) -> Result<(), StoreError> {
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
