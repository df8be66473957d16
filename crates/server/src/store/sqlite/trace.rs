//! Why messages alerted where they did.

use async_trait::async_trait;
use hither_protocol::{MessageId, Timestamp, TraceStep};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::places::Shelf;
use super::rows::{damaged, ms, time};
use super::writer::Tx;
use super::{SqliteStore, log, pages};
use crate::store::{Decided, MAX_STEPS, Reader, StoreError, Traces};

#[async_trait]
impl Traces for SqliteStore {
    async fn add_steps(&self, decided: Vec<Decided>) -> Result<(), StoreError> {
        self.writer
            .write(move |tx| decided.iter().try_for_each(|one| add_step(tx, one)))
            .await
    }

    async fn trace(&self, reader: &Reader, id: MessageId) -> Result<Vec<TraceStep>, StoreError> {
        let (reader, now) = (reader.clone(), self.now());
        self.readers
            .read(move |conn| trace(conn, &reader, id, now))
            .await
    }
}

const ADD_STEP: &str = "INSERT INTO trace (message, account, step, at, decision)
     SELECT number, accounts.id, 1 + ifnull(
                (SELECT max(step) FROM trace
                 WHERE message = number AND account = accounts.id), 0), ?3, ?4
     FROM messages, accounts WHERE messages.id = ?1 AND name = ?2
     RETURNING message, account, step";

fn add_step(tx: &Tx<'_>, decided: &Decided) -> Result<(), StoreError> {
    let Decided { account, id, step } = decided;
    let decision = serde_json::to_string(&step.decision).map_err(damaged)?;
    let added: Option<(i64, i64, i64)> = tx
        .prepare_cached(ADD_STEP)?
        .query_row(
            params![id.0.as_bytes(), account.as_str(), ms(step.at), decision],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()?;
    let Some((message, account, newest)) = added else {
        return Ok(());
    };
    tx.prepare_cached("DELETE FROM trace WHERE message = ?1 AND account = ?2 AND step <= ?3")?
        .execute((message, account, newest - i64::from(MAX_STEPS)))?;
    Ok(())
}

/// How often SQLite planned it anew.
#[cfg(test)]
pub(super) fn planned_again(tx: &Tx<'_>) -> Result<i32, StoreError> {
    let statement = tx.prepare_cached(ADD_STEP)?;
    Ok(statement.get_status(rusqlite::StatementStatus::RePrepare))
}

fn trace(
    conn: &Connection,
    reader: &Reader,
    id: MessageId,
    now: Timestamp,
) -> Result<Vec<TraceStep>, StoreError> {
    let snapshot = conn.unchecked_transaction()?;
    pages::message(&snapshot, reader, id, now)?.ok_or(StoreError::NotFound)?;
    let shelf = Shelf::of(&snapshot, reader)?;
    let (message, _) = log::received(&snapshot, &shelf, id)?.ok_or(StoreError::NotFound)?;
    snapshot
        .prepare_cached(
            "SELECT at, decision FROM trace WHERE message = ?1 AND account = ?2 ORDER BY step",
        )?
        .query_and_then((message, shelf.account), step)?
        .collect()
}

fn step(row: &Row<'_>) -> Result<TraceStep, StoreError> {
    let decision: String = row.get(1)?;
    Ok(TraceStep {
        at: time(row.get(0)?)?,
        decision: serde_json::from_str(&decision).map_err(damaged)?,
    })
}
