//! Taking messages back.

use hither_protocol::{MessageId, PublisherId, Timestamp, WithdrawWhy};
use rusqlite::{Connection, OptionalExtension, Params, params};

use super::events::{self, Told, Whom};
use super::log::append;
use super::publishers::publisher_number;
use super::receivers::logs_of;
use super::rows::{message_id, ms, optional_time};
use super::scheduled;
use super::states::note_withdrawn;
use super::writer::Tx;
use crate::store::{EventType, StoreError, What};

/// So many messages expire in one commit.
const EXPIRED_AT_ONCE: usize = 500;

pub(super) fn recall(
    tx: &mut Tx<'_>,
    publisher: &PublisherId,
    id: MessageId,
) -> Result<(), StoreError> {
    let publisher = publisher_number(tx, publisher)?;
    let number = tx
        .prepare_cached(
            "SELECT number FROM messages WHERE id = ?1 AND publisher = ?2
             UNION SELECT message FROM departed WHERE id = ?1 AND publisher = ?2",
        )?
        .query_row(params![id.0.as_bytes(), publisher], |row| row.get(0))
        .optional()?
        .ok_or(StoreError::NotFound)?;
    withdraw(tx, number, id, WithdrawWhy::Recalled)
}

/// Withdraws the publisher's messages with this key: those that are present, those that only devices
/// have, and those that wait.
pub(super) fn replace(tx: &mut Tx<'_>, publisher: i64, key: &str) -> Result<(), StoreError> {
    scheduled::supersede(tx, publisher, key)?;
    let present = "SELECT number, id FROM messages
                   WHERE publisher = ?1 AND key = ?2 AND withdrawn_at IS NULL
                   UNION SELECT message, id FROM departed WHERE publisher = ?1 AND key = ?2";
    for (number, id) in found(tx, present, (publisher, key))? {
        withdraw(tx, number, id, WithdrawWhy::Replaced)?;
    }
    Ok(())
}

/// Withdraws what expired, or a part of it.
pub(super) fn expire(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    let present = "SELECT number, id FROM messages
                   WHERE expires_at <= ?1 AND expires_at > created_at AND withdrawn_at IS NULL
                   ORDER BY expires_at LIMIT ?2";
    let departed = "SELECT message, id FROM departed
                    WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2";
    for expired in [present, departed] {
        for (number, id) in found(tx, expired, params![ms(tx.now), EXPIRED_AT_ONCE])? {
            withdraw(tx, number, id, WithdrawWhy::Expired)?;
        }
    }
    Ok(())
}

/// The moment at which the next message expires.
pub(super) fn next_expiry(conn: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let next = conn
        .prepare_cached(
            "SELECT min(at) FROM (
                 SELECT min(expires_at) AS at FROM messages
                 WHERE expires_at > created_at AND withdrawn_at IS NULL
                 UNION ALL
                 SELECT min(expires_at) FROM departed WHERE expires_at IS NOT NULL)",
        )?
        .query_row([], |row| row.get(0))?;
    optional_time(next)
}

pub(super) fn found(
    tx: &Tx<'_>,
    query: &str,
    params: impl Params,
) -> Result<Vec<(i64, MessageId)>, StoreError> {
    Ok(tx
        .prepare_cached(query)?
        .query_map(params, |row| Ok((row.get(0)?, message_id(row.get(1)?))))?
        .collect::<Result<_, _>>()?)
}

/// Withdraws a message from every log it stands in or stood in; again, it does nothing.
pub(super) fn withdraw(
    tx: &mut Tx<'_>,
    number: i64,
    id: MessageId,
    why: WithdrawWhy,
) -> Result<(), StoreError> {
    if !note_withdrawn(tx, number, why)? && !is_departed(tx, number)? {
        return Ok(());
    }
    let logs = logs_of(tx, number)?;
    if logs.is_empty() {
        scheduled::never_comes(tx, number)?;
    } else {
        append(tx, logs, What::Withdraw(vec![id], why), None)?;
    }
    let told = Told {
        what: match why {
            WithdrawWhy::Recalled => EventType::Recalled,
            WithdrawWhy::Replaced => EventType::Replaced,
            WithdrawWhy::Expired => EventType::Expired,
        },
        message: number,
        whom: Whom::All,
        action: None,
        refusal: None,
        at: tx.now,
    };
    events::tell(tx, &told)?;
    forget_departed(tx, number)
}

/// Whether devices may have it that retention took it from.
fn is_departed(tx: &Tx<'_>, number: i64) -> Result<bool, StoreError> {
    Ok(tx
        .prepare_cached("SELECT 1 FROM departed WHERE message = ?1")?
        .exists([number])?)
}

fn forget_departed(tx: &Tx<'_>, number: i64) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM departed WHERE message = ?1")?
        .execute([number])?;
    Ok(())
}
