//! Accounts.

use hither_protocol::AccountName;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::places::Place;
use super::rows::{damaged, ms, optional_time, taken, time};
use super::writer::Tx;
use super::{scheduled, sessions, upkeep};
use crate::store::{AccountRecord, Position, StoreError};

/// So many public messages, the newest, are there for an account made after them.
const PUBLIC_MESSAGES: i64 = 100;

/// The store's own number of an account.
pub(super) fn account_number(conn: &Connection, name: &AccountName) -> Result<i64, StoreError> {
    conn.prepare_cached("SELECT id FROM accounts WHERE name = ?1")?
        .query_row([name.as_str()], |row| row.get(0))
        .optional()?
        .ok_or(StoreError::NotFound)
}

pub(super) fn add_account(tx: &Tx<'_>, account: &AccountRecord) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO accounts
             (name, password_hash, admin, disabled_at, created_at, public_after, made_after)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        account.name.as_str(),
        account.password_hash,
        account.admin,
        account.disabled_at.map(ms),
        ms(account.created_at),
        newest_public(tx)?,
        tx.head(),
    ])
    .map_err(taken)?;
    Ok(())
}

/// The position before the newest public messages that are still valid.
fn newest_public(tx: &Tx<'_>) -> Result<Position, StoreError> {
    let oldest: Option<Position> = tx
        .prepare_cached(
            "SELECT position FROM log JOIN messages ON number = message
             WHERE scope = ?1 AND owner = ?2 AND kind = 'message'
               AND withdrawn_at IS NULL AND ifnull(expires_at > ?3, TRUE)
             ORDER BY position DESC LIMIT 1 OFFSET ?4",
        )?
        .query_row(
            params![
                Place::Everyone.scope(),
                Place::Everyone.owner(),
                ms(tx.now),
                PUBLIC_MESSAGES - 1
            ],
            |row| row.get(0),
        )
        .optional()?;
    Ok(Position(oldest.map_or(0, |oldest| oldest.0 - 1)))
}

const ACCOUNT: &str = "SELECT name, password_hash, admin, disabled_at, created_at FROM accounts";

pub(super) fn account(
    conn: &Connection,
    name: &AccountName,
) -> Result<Option<AccountRecord>, StoreError> {
    conn.prepare_cached(&format!("{ACCOUNT} WHERE name = ?1"))?
        .query_and_then([name.as_str()], account_record)?
        .next()
        .transpose()
}

pub(super) fn accounts(conn: &Connection) -> Result<Vec<AccountRecord>, StoreError> {
    conn.prepare_cached(&format!("{ACCOUNT} ORDER BY name"))?
        .query_and_then([], account_record)?
        .collect()
}

pub(super) fn account_record(row: &Row<'_>) -> Result<AccountRecord, StoreError> {
    Ok(AccountRecord {
        name: AccountName::try_from(row.get::<_, String>(0)?).map_err(damaged)?,
        password_hash: row.get(1)?,
        admin: row.get(2)?,
        disabled_at: optional_time(row.get(3)?)?,
        created_at: time(row.get(4)?)?,
    })
}

pub(super) fn set_password(
    tx: &mut Tx<'_>,
    name: &AccountName,
    phc: &str,
) -> Result<(), StoreError> {
    let account = account_number(tx, name)?;
    tx.prepare_cached("UPDATE accounts SET password_hash = ?2 WHERE id = ?1")?
        .execute((account, phc))?;
    sessions::revoke_all(tx, account)
}

pub(super) fn renew_password_hash(
    tx: &Tx<'_>,
    name: &AccountName,
    old: &str,
    new: &str,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE accounts SET password_hash = ?3 WHERE name = ?1 AND password_hash = ?2",
    )?
    .execute([name.as_str(), old, new])?;
    Ok(())
}

pub(super) fn set_account_disabled(
    tx: &mut Tx<'_>,
    name: &AccountName,
    disabled: bool,
) -> Result<(), StoreError> {
    let account = account_number(tx, name)?;
    let since = disabled.then(|| ms(tx.now));
    tx.prepare_cached(
        "UPDATE accounts SET disabled_at = iif(?2 IS NULL, NULL, ifnull(disabled_at, ?2))
         WHERE id = ?1",
    )?
    .execute((account, since))?;
    if disabled {
        sessions::revoke_all(tx, account)?;
    }
    Ok(())
}

/// Messages that reached others too stay with them.
pub(super) fn remove_account(tx: &mut Tx<'_>, name: &AccountName) -> Result<(), StoreError> {
    let account = account_number(tx, name)?;
    sessions::revoke_all(tx, account)?;
    scheduled::recall_all_of(tx, account)?;
    let clients = tx
        .prepare_cached("SELECT id FROM clients WHERE account = ?1")?
        .query_and_then([account], |row| Ok(Place::Client(row.get(0)?)))?
        .collect::<Result<Vec<_>, StoreError>>()?;
    for client in clients {
        upkeep::remove_log(tx, client)?;
    }
    upkeep::remove_log(tx, Place::Account(account))?;
    for table in ["inbox", "delivered", "shown", "chosen_actions", "trace"] {
        tx.execute(
            &format!("DELETE FROM {table} WHERE account = ?1"),
            [account],
        )?;
    }
    tx.execute("DELETE FROM accounts WHERE id = ?1", [account])?;
    Ok(())
}
