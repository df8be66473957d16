//! Settings, devices, and the administrator's view.

use std::path::Path;

use async_trait::async_trait;
use hither_protocol::{
    AccountName, DeviceId, Priority, PublisherId, PublisherRef, Settings, Timestamp,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::SqliteStore;
use super::accounts::{account_number, account_record};
use super::push;
use super::rows::{damaged, message_id, ms, optional_time, time};
use super::sessions::{device_record, forget_token, revoke, revoke_all_but};
use super::writer::Tx;
use crate::store::{
    AccountOverview, ApplicationSummary, ClientId, Committed, DeviceSummary, Extent,
    MessageOverview, People, StoreError,
};

#[async_trait]
impl People for SqliteStore {
    async fn settings(&self, account: &AccountName) -> Result<Option<Settings>, StoreError> {
        let account = account.clone();
        self.readers
            .read(move |conn| settings(conn, &account))
            .await
    }

    async fn set_settings(
        &self,
        account: &AccountName,
        settings: Settings,
    ) -> Result<(), StoreError> {
        let account = account.clone();
        self.writer
            .write(move |tx| set_settings(tx, account, settings))
            .await
    }

    async fn replace_settings(
        &self,
        account: &AccountName,
        held: Option<Settings>,
        wanted: Settings,
    ) -> Result<(), StoreError> {
        let account = account.clone();
        self.writer
            .write(move |tx| {
                if settings(tx, &account)? != held {
                    return Err(StoreError::Changed);
                }
                set_settings(tx, account, wanted)
            })
            .await
    }

    async fn change_password(
        &self,
        account: &AccountName,
        old: String,
        new: String,
        keep: ClientId,
    ) -> Result<(), StoreError> {
        let account = account.clone();
        self.writer
            .write(move |tx| change_password(tx, &account, &old, &new, keep))
            .await
    }

    async fn devices(&self, account: &AccountName) -> Result<Vec<DeviceSummary>, StoreError> {
        let (account, now) = (account.clone(), self.now());
        self.readers
            .read(move |conn| devices(conn, &account, now))
            .await
    }

    async fn remove_device(&self, account: &AccountName, id: &DeviceId) -> Result<(), StoreError> {
        let (account, id) = (account.clone(), id.clone());
        self.writer
            .write(move |tx| remove_device(tx, &account, &id))
            .await
    }

    fn seen(&self, client: ClientId) -> Result<(), StoreError> {
        self.writer.seen(client)
    }

    async fn account_overviews(
        &self,
        part: &str,
        limit: usize,
    ) -> Result<(Vec<AccountOverview>, u64), StoreError> {
        let part = part.to_owned();
        self.readers
            .read(move |conn| account_overviews(conn, &part, limit))
            .await
    }

    async fn recent_messages(&self, limit: usize) -> Result<Vec<MessageOverview>, StoreError> {
        self.readers
            .read(move |conn| recent_messages(conn, limit))
            .await
    }

    async fn extent(&self) -> Result<Extent, StoreError> {
        self.readers.read(extent).await
    }
}

fn settings(conn: &Connection, name: &AccountName) -> Result<Option<Settings>, StoreError> {
    let content: Option<String> = conn
        .prepare_cached(
            "SELECT content FROM accounts LEFT JOIN settings ON account = accounts.id
             WHERE name = ?1",
        )?
        .query_row([name.as_str()], |row| row.get(0))
        .optional()?
        .ok_or(StoreError::NotFound)?;
    content
        .map(|content| serde_json::from_str(&content).map_err(damaged))
        .transpose()
}

fn set_settings(tx: &mut Tx<'_>, name: AccountName, settings: Settings) -> Result<(), StoreError> {
    let account = account_number(tx, &name)?;
    let content = serde_json::to_string(&settings).map_err(damaged)?;
    tx.prepare_cached("INSERT OR REPLACE INTO settings VALUES (?1, ?2)")?
        .execute((account, content))?;
    tx.announce(Committed::Settings(name, Box::new(settings)));
    Ok(())
}

fn change_password(
    tx: &mut Tx<'_>,
    name: &AccountName,
    old: &str,
    new: &str,
    keep: ClientId,
) -> Result<(), StoreError> {
    let account = account_number(tx, name)?;
    let changed = tx
        .prepare_cached(
            "UPDATE accounts SET password_hash = ?3 WHERE id = ?1 AND password_hash = ?2",
        )?
        .execute(params![account, old, new])?;
    if changed == 0 {
        return Err(StoreError::NotFound);
    }
    revoke_all_but(tx, account, Some(keep))
}

/// A row for each application; those of one device follow each other.
fn devices(
    conn: &Connection,
    name: &AccountName,
    now: Timestamp,
) -> Result<Vec<DeviceSummary>, StoreError> {
    let account = account_number(conn, name)?;
    let mut find = conn.prepare_cached(
        "SELECT devices.id, name, platform, kind, application, version, seen_at,
                EXISTS (SELECT 1 FROM sessions WHERE client = clients.id AND expires_at > ?2),
                (SELECT provider FROM push WHERE client = clients.id
                 AND ifnull(expires_at > ?2, TRUE))
         FROM devices JOIN clients
           ON clients.account = devices.account AND clients.device = devices.id
         WHERE devices.account = ?1 ORDER BY name, devices.id, application",
    )?;
    let mut rows = find.query((account, ms(now)))?;
    let mut devices: Vec<DeviceSummary> = Vec::new();
    while let Some(row) = rows.next()? {
        add_application(&mut devices, row)?;
    }
    Ok(devices)
}

fn add_application(devices: &mut Vec<DeviceSummary>, row: &Row<'_>) -> Result<(), StoreError> {
    let device = device_record(row, 0)?;
    let application = ApplicationSummary {
        name: row.get(4)?,
        version: row.get(5)?,
        signed_in: row.get(7)?,
    };
    let seen_at = optional_time(row.get(6)?)?;
    let push = push::provider(row, 8)?.filter(|_| application.signed_in);
    match devices.last_mut() {
        Some(last) if last.device.id == device.id => {
            last.applications.push(application);
            last.seen_at = last.seen_at.max(seen_at);
            last.push = last.push.or(push);
        }
        _ => devices.push(DeviceSummary {
            device,
            applications: vec![application],
            seen_at,
            push,
        }),
    }
    Ok(())
}

fn remove_device(tx: &mut Tx<'_>, name: &AccountName, id: &DeviceId) -> Result<(), StoreError> {
    let account = account_number(tx, name)?;
    let clients = tx
        .prepare_cached("SELECT id FROM clients WHERE account = ?1 AND device = ?2")?
        .query_and_then(params![account, id.as_str()], |row| {
            Ok(ClientId(row.get(0)?))
        })?
        .collect::<Result<Vec<_>, StoreError>>()?;
    revoke(tx, &clients)?;
    for client in clients {
        forget_token(tx, client)?;
    }
    let removed = tx
        .prepare_cached("DELETE FROM devices WHERE account = ?1 AND id = ?2")?
        .execute(params![account, id.as_str()])?;
    if removed == 0 {
        return Err(StoreError::NotFound);
    }
    tx.prepare_cached("INSERT OR IGNORE INTO removed_devices VALUES (?1, ?2)")?
        .execute(params![account, id.as_str()])?;
    Ok(())
}

fn account_overviews(
    conn: &Connection,
    part: &str,
    limit: usize,
) -> Result<(Vec<AccountOverview>, u64), StoreError> {
    let found = conn
        .prepare_cached(
            "SELECT name, password_hash, admin, disabled_at, created_at,
                    (SELECT count(*) FROM devices WHERE account = accounts.id),
                    (SELECT max(seen_at) FROM clients WHERE account = accounts.id)
             FROM accounts WHERE instr(name, ?1) > 0 ORDER BY name LIMIT ?2",
        )?
        .query_and_then((part, limit), |row| {
            Ok(AccountOverview {
                account: account_record(row)?,
                devices: row.get(5)?,
                seen_at: optional_time(row.get(6)?)?,
            })
        })?
        .collect::<Result<_, StoreError>>()?;
    let count = conn
        .prepare_cached("SELECT count(*) FROM accounts WHERE instr(name, ?1) > 0")?
        .query_row([part], |row| row.get(0))?;
    Ok((found, count))
}

fn recent_messages(conn: &Connection, limit: usize) -> Result<Vec<MessageOverview>, StoreError> {
    conn.prepare_cached(
        "SELECT messages.id, public_id, name, priority, messages.created_at, expires_at,
                (SELECT count(*) FROM inbox WHERE message = number),
                (SELECT count(shown_at) FROM inbox WHERE message = number),
                (SELECT count(read_at) FROM inbox JOIN settings USING (account)
                 WHERE message = number AND content ->> '$.read_receipts'),
                deliver_at
         FROM messages JOIN publishers ON publishers.id = messages.publisher
         LEFT JOIN scheduled ON scheduled.message = number
         WHERE number IN (
             SELECT number FROM (SELECT number FROM messages ORDER BY number DESC LIMIT ?1)
             UNION ALL
             SELECT number FROM (SELECT number FROM messages WHERE refused IS NOT NULL
                                 ORDER BY created_at DESC LIMIT ?1))
         ORDER BY messages.created_at DESC, number DESC LIMIT ?1",
    )?
    .query_and_then([limit], message_overview)?
    .collect()
}

fn message_overview(row: &Row<'_>) -> Result<MessageOverview, StoreError> {
    Ok(MessageOverview {
        id: message_id(row.get(0)?),
        publisher: PublisherRef {
            id: PublisherId::try_from(row.get::<_, String>(1)?).map_err(damaged)?,
            name: row.get(2)?,
        },
        priority: Priority::try_from(row.get::<_, u8>(3)?).map_err(damaged)?,
        created_at: time(row.get(4)?)?,
        expires_at: optional_time(row.get(5)?)?,
        receivers: row.get(6)?,
        shown: row.get(7)?,
        read: row.get(8)?,
        deliver_at: optional_time(row.get(9)?)?,
    })
}

fn extent(conn: &Connection) -> Result<Extent, StoreError> {
    let count = |table: &str| -> Result<u64, StoreError> {
        let counted = format!("SELECT count(*) FROM {table}");
        Ok(conn.query_row(&counted, [], |row| row.get(0))?)
    };
    let path = conn.path().map(Path::new);
    Ok(Extent {
        accounts: count("accounts")?,
        publishers: count("publishers")? - 1,
        bytes: path.map_or(0, bytes),
        free_bytes: path.and_then(free_bytes),
    })
}

/// The database with its log.
fn bytes(path: &Path) -> u64 {
    let log = path.with_extension("db-wal");
    [path, &log]
        .iter()
        .filter_map(|path| path.metadata().ok())
        .map(|metadata| metadata.len())
        .sum()
}

fn free_bytes(path: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(path).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}
