//! How phones are reached while their streams are closed.

use async_trait::async_trait;
use hither_protocol::{AccountName, DeviceId, PushProvider, PushRegistration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::SqliteStore;
use super::accounts::account_number;
use super::rows::{damaged, ms};
use super::writer::Tx;
use crate::store::{ClientId, Committed, DeviceRecord, PushRegistrations, StoreError};

#[async_trait]
impl PushRegistrations for SqliteStore {
    async fn register_push(
        &self,
        client: ClientId,
        registration: PushRegistration,
    ) -> Result<(), StoreError> {
        self.writer
            .write(move |tx| register(tx, client, &registration))
            .await
    }

    async fn remove_push(&self, client: ClientId) -> Result<(), StoreError> {
        self.writer.write(move |tx| remove(tx, client)).await
    }

    async fn push_registrations(
        &self,
        account: &AccountName,
    ) -> Result<Vec<(DeviceId, PushRegistration)>, StoreError> {
        let (account, now) = (account.clone(), self.now());
        self.readers
            .read(move |conn| registrations(conn, &account, now))
            .await
    }
}

fn register(
    tx: &mut Tx<'_>,
    client: ClientId,
    registration: &PushRegistration,
) -> Result<(), StoreError> {
    if !is_signed_in(tx, client)? {
        return Err(StoreError::NotFound);
    }
    let content = serde_json::to_string(registration).map_err(damaged)?;
    let kept: Option<String> = tx
        .prepare_cached("SELECT content FROM push WHERE client = ?1")?
        .query_row([client], |row| row.get(0))
        .optional()?;
    if kept.as_ref() == Some(&content) {
        return Ok(());
    }
    let (provider, address) = (registration.provider(), registration.address());
    let other = tx
        .prepare_cached(
            "SELECT client FROM push WHERE provider = ?1 AND address = ?2 AND client <> ?3",
        )?
        .query_row(params![provider.as_str(), address, client], |row| {
            row.get(0)
        })
        .optional()?;
    if let Some(other) = other {
        remove(tx, other)?;
    }
    tx.prepare_cached("INSERT OR REPLACE INTO push VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![
            client,
            provider.as_str(),
            address,
            content,
            ends(registration)
        ])?;
    tell(tx, client, Some(provider))
}

fn is_signed_in(tx: &Tx<'_>, client: ClientId) -> Result<bool, StoreError> {
    Ok(tx
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM sessions WHERE client = ?1 AND expires_at > ?2)",
        )?
        .query_row((client, ms(tx.now)), |row| row.get(0))?)
}

/// When the provider forgets it, in milliseconds since 1970, where that is known.
fn ends(registration: &PushRegistration) -> Option<i64> {
    match registration {
        PushRegistration::Webpush {
            expiration_time, ..
        } => expiration_time.map(|time| i64::try_from(time).unwrap_or(i64::MAX)),
        PushRegistration::Apns { .. } | PushRegistration::Fcm { .. } => None,
    }
}

/// Forgets a client's registration, if it has one.
pub(super) fn remove(tx: &mut Tx<'_>, client: ClientId) -> Result<(), StoreError> {
    let removed = tx
        .prepare_cached("DELETE FROM push WHERE client = ?1")?
        .execute([client])?;
    if removed > 0 {
        tell(tx, client, None)?;
    }
    Ok(())
}

/// Forgets what the device was registered with when it said that it is another kind of device.
pub(super) fn remove_unfit(
    tx: &mut Tx<'_>,
    account: i64,
    device: &DeviceRecord,
) -> Result<(), StoreError> {
    let found = tx
        .prepare_cached(
            "SELECT client, provider FROM push JOIN clients ON clients.id = client
             WHERE account = ?1 AND device = ?2",
        )?
        .query_and_then(params![account, device.id.as_str()], |row| {
            Ok((row.get(0)?, provider(row, 1)?))
        })?
        .collect::<Result<Vec<_>, StoreError>>()?;
    for (client, provider) in found {
        if !provider.is_some_and(|one| one.fits(&device.platform, device.kind)) {
            remove(tx, client)?;
        }
    }
    Ok(())
}

/// Forgets registrations that ended by themselves, or whose sessions did.
pub(super) fn remove_ended(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    let ended = tx
        .prepare_cached(
            "SELECT client FROM push JOIN sessions USING (client)
             WHERE min(sessions.expires_at, ifnull(push.expires_at, sessions.expires_at)) <= ?1",
        )?
        .query_map([ms(tx.now)], |row| row.get(0))?
        .collect::<Result<Vec<ClientId>, _>>()?;
    ended.into_iter().try_for_each(|client| remove(tx, client))
}

/// Tells the client's account which provider reaches it now, if any.
fn tell(
    tx: &mut Tx<'_>,
    client: ClientId,
    provider: Option<PushProvider>,
) -> Result<(), StoreError> {
    let (account, device) = tx
        .prepare_cached(
            "SELECT name, device FROM clients JOIN accounts ON accounts.id = account
             WHERE clients.id = ?1",
        )?
        .query_and_then([client], |row| {
            let account = AccountName::try_from(row.get::<_, String>(0)?).map_err(damaged)?;
            Ok((account, device(row, 1)?))
        })?
        .next()
        .unwrap_or(Err(StoreError::NotFound))?;
    tx.announce(Committed::Push(account, device, provider));
    Ok(())
}

fn registrations(
    conn: &Connection,
    account: &AccountName,
    now: Timestamp,
) -> Result<Vec<(DeviceId, PushRegistration)>, StoreError> {
    let account = account_number(conn, account)?;
    conn.prepare_cached(
        "SELECT device, content FROM push
         JOIN clients ON clients.id = push.client
         JOIN sessions ON sessions.client = push.client
         WHERE account = ?1 AND sessions.expires_at > ?2 AND ifnull(push.expires_at > ?2, TRUE)
         ORDER BY device",
    )?
    .query_and_then((account, ms(now)), |row| {
        let content: String = row.get(1)?;
        let registration = serde_json::from_str(&content).map_err(damaged)?;
        Ok((device(row, 0)?, registration))
    })?
    .collect()
}

fn device(row: &Row<'_>, column: usize) -> Result<DeviceId, StoreError> {
    DeviceId::try_from(row.get::<_, String>(column)?).map_err(damaged)
}

pub(super) fn provider(row: &Row<'_>, column: usize) -> Result<Option<PushProvider>, StoreError> {
    let word: Option<String> = row.get(column)?;
    let named = |word: String| {
        let mut all = PushProvider::ALL.into_iter();
        all.find(|one| one.as_str() == word)
            .ok_or_else(|| damaged(format!("push provider {word:?}")))
    };
    word.map(named).transpose()
}
