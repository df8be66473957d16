//! Devices, clients and their sessions.

use std::sync::Arc;

use hither_protocol::{AccountName, DeviceId, DeviceKind, Message, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::accounts::{account, account_number};
use super::log::{MessageRow, append};
use super::places::{Place, application_number, parse_range};
use super::publish;
use super::push;
use super::rows::{damaged, ms, taken, time};
use super::states;
use super::upkeep;
use super::writer::Tx;
use crate::store::{
    ClientId, Committed, DeviceRecord, INBOX, Identity, Log, NewSession, Position, SecretHash,
    StoreError, What,
};

pub(super) fn create(tx: &mut Tx<'_>, mut new: NewSession) -> Result<Identity, StoreError> {
    let may_sign_in = account(tx, &new.account)?.is_some_and(|found| found.disabled_at.is_none());
    if !may_sign_in {
        return Err(StoreError::NotFound);
    }
    let account = account_number(tx, &new.account)?;
    if is_removed(tx, account, &new.device.id)? {
        return Err(StoreError::Changed);
    }
    if let Some(notice) = new.notice.take()
        && is_news(tx, account, &new.device.id)?
    {
        publish::publish_elsewhere(tx, *notice, Some(&new.device.id))?;
    }
    if let Some(token) = &new.replaces {
        switch_account(tx, account, token)?;
    }
    upsert_device(tx, account, &new.device)?;
    let before = version_of(tx, account, &new)?;
    let (client, message_token, acked) = upsert_client(tx, account, &new)?;
    end_sessions(tx, &[client])?;
    if let Some(before) = before {
        upgrade(tx, client, &before)?;
    }
    tx.prepare_cached("INSERT INTO sessions (token, client, expires_at) VALUES (?1, ?2, ?3)")?
        .execute(params![new.token, client.0, ms(new.expires_at)])
        .map_err(taken)?;
    Ok(Identity {
        client,
        account: new.account,
        device: new.device,
        application: new.application.0,
        version: new.application.1,
        message_token,
        acked,
        expires_at: new.expires_at,
    })
}

fn is_removed(tx: &Tx<'_>, account: i64, device: &DeviceId) -> Result<bool, StoreError> {
    Ok(tx
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM removed_devices WHERE account = ?1 AND id = ?2)",
        )?
        .query_row(params![account, device.as_str()], |row| row.get(0))?)
}

/// Whether nobody is signed in on the device, and another one of the account can be told: one whose
/// inbox was opened since somebody signed in there. Two devices that are set up together, neither
/// in use yet, are no news to each other.
fn is_news(tx: &Tx<'_>, account: i64, device: &DeviceId) -> Result<bool, StoreError> {
    Ok(tx
        .prepare_cached(
            "SELECT ifnull(sum(device = ?2), 0) = 0
                    AND ifnull(sum(device <> ?2 AND application = ?4 AND opened), 0) > 0
             FROM sessions JOIN clients ON clients.id = client
             WHERE account = ?1 AND expires_at > ?3",
        )?
        .query_row(
            params![account, device.as_str(), ms(tx.now), INBOX],
            |row| row.get(0),
        )?)
}

/// Signs out whoever holds a token, unless it is this account itself.
fn switch_account(tx: &mut Tx<'_>, account: i64, token: &SecretHash) -> Result<(), StoreError> {
    let other = tx
        .prepare_cached(
            "SELECT client FROM sessions JOIN clients ON clients.id = client
             WHERE token = ?1 AND account <> ?2",
        )?
        .query_row((token, account), |row| row.get(0))
        .optional()?;
    if let Some(client) = other {
        revoke(tx, &[client])?;
        forget_token(tx, client)?;
    }
    Ok(())
}

/// A device in four columns from `first` on: id, name, platform, kind.
pub(super) fn device_record(row: &Row<'_>, first: usize) -> Result<DeviceRecord, StoreError> {
    Ok(DeviceRecord {
        id: DeviceId::try_from(row.get::<_, String>(first)?).map_err(damaged)?,
        name: row.get(first + 1)?,
        platform: row.get(first + 2)?,
        kind: kind_named(&row.get::<_, String>(first + 3)?)?,
    })
}

fn upsert_device(tx: &mut Tx<'_>, account: i64, device: &DeviceRecord) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO devices (account, id, name, platform, kind) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE
         SET name = excluded.name, platform = excluded.platform, kind = excluded.kind",
    )?
    .execute(params![
        account,
        device.id.as_str(),
        device.name,
        device.platform,
        kind_name(device.kind),
    ])?;
    push::remove_unfit(tx, account, device)
}

fn upsert_client(
    tx: &Tx<'_>,
    account: i64,
    new: &NewSession,
) -> Result<(ClientId, String, Option<Position>), StoreError> {
    let (application, version) = &new.application;
    tx.prepare_cached(
        "INSERT INTO clients (account, device, application, version, message_token, seen_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (account, device, application) DO UPDATE
         SET version = excluded.version,
             seen_at = excluded.seen_at,
             message_token = ifnull(message_token, excluded.message_token)
         RETURNING id, message_token, acked",
    )?
    .query_row(
        params![
            account,
            new.device.id.as_str(),
            application,
            version,
            new.message_token,
            ms(tx.now),
        ],
        |row| Ok((ClientId(row.get(0)?), row.get(1)?, row.get(2)?)),
    )
    .map_err(taken)
}

/// Whom a live token stands for.
pub(super) fn identify(
    conn: &Connection,
    token: &SecretHash,
    now: Timestamp,
) -> Result<Option<Identity>, StoreError> {
    conn.prepare_cached(
        "SELECT clients.id, accounts.name, devices.id, devices.name, platform, kind,
                application, message_token, acked, expires_at, version
         FROM sessions
         JOIN clients ON clients.id = client
         JOIN devices ON devices.account = clients.account AND devices.id = device
         JOIN accounts ON accounts.id = clients.account
         WHERE token = ?1 AND expires_at > ?2 AND disabled_at IS NULL",
    )?
    .query_and_then(params![token, ms(now)], identity)?
    .next()
    .transpose()
}

fn identity(row: &Row<'_>) -> Result<Identity, StoreError> {
    Ok(Identity {
        client: ClientId(row.get(0)?),
        account: AccountName::try_from(row.get::<_, String>(1)?).map_err(damaged)?,
        device: device_record(row, 2)?,
        application: row.get(6)?,
        version: row.get(10)?,
        message_token: row.get(7)?,
        acked: row.get(8)?,
        expires_at: time(row.get(9)?)?,
    })
}

pub(super) fn slide(
    tx: &Tx<'_>,
    token: &SecretHash,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE sessions SET expires_at = max(expires_at, ?2) WHERE token = ?1")?
        .execute(params![token, ms(expires_at)])?;
    Ok(())
}

/// The version that a client said before, if it was here before.
fn version_of(tx: &Tx<'_>, account: i64, new: &NewSession) -> Result<Option<String>, StoreError> {
    Ok(tx
        .prepare_cached(
            "SELECT version FROM clients WHERE account = ?1 AND device = ?2 AND application = ?3",
        )?
        .query_row(
            params![account, new.device.id.as_str(), new.application.0],
            |row| row.get(0),
        )
        .optional()?)
}

pub(super) fn set_version(
    tx: &mut Tx<'_>,
    client: ClientId,
    version: &str,
) -> Result<(), StoreError> {
    let before: String = tx
        .prepare_cached("SELECT version FROM clients WHERE id = ?1")?
        .query_row([client], |row| row.get(0))
        .optional()?
        .ok_or(StoreError::NotFound)?;
    tx.prepare_cached("UPDATE clients SET version = ?2 WHERE id = ?1")?
        .execute((client, version))?;
    upgrade(tx, client, &before)
}

/// Puts what waits for the client's present version, and was not for the one before, into its
/// own log: its cursor may have passed the place where that stands.
fn upgrade(tx: &mut Tx<'_>, client: ClientId, before: &str) -> Result<(), StoreError> {
    let present = PresentClient::read(tx, client)?;
    if present.version == before {
        return Ok(());
    }
    for (row, message) in waiting_for(tx, &present, before)? {
        let own = Place::Client(client);
        tx.prepare_cached(
            "DELETE FROM log WHERE message = ?1 AND kind = 'message' AND scope = ?2 AND owner = ?3",
        )?
        .execute((row.number, own.scope(), own.owner()))?;
        let log = Log::Client(present.account.clone(), client);
        append(
            tx,
            vec![(own, log)],
            What::Message(Arc::new(message)),
            Some(row),
        )?;
    }
    Ok(())
}

struct PresentClient {
    id: ClientId,
    account: AccountName,
    application: String,
    version: String,
}

impl PresentClient {
    fn read(tx: &Tx<'_>, id: ClientId) -> Result<Self, StoreError> {
        tx.prepare_cached(
            "SELECT name, application, version FROM clients
             JOIN accounts ON accounts.id = account WHERE clients.id = ?1",
        )?
        .query_and_then([id], |row| {
            Ok(Self {
                id,
                account: AccountName::try_from(row.get::<_, String>(0)?).map_err(damaged)?,
                application: row.get(1)?,
                version: row.get(2)?,
            })
        })?
        .next()
        .unwrap_or(Err(StoreError::NotFound))
    }
}

/// Valid messages for the client's application that its present version is meant by and the one
/// before was not, oldest first; without those that name the client itself.
fn waiting_for(
    tx: &Tx<'_>,
    present: &PresentClient,
    before: &str,
) -> Result<Vec<(MessageRow, Message)>, StoreError> {
    let Some(application) = application_number(tx, &present.application)? else {
        return Ok(Vec::new());
    };
    let (all, own) = (Place::Application(application), Place::Client(present.id));
    let mut query = tx.prepare_cached(
        "SELECT versions, number, content FROM log JOIN messages ON number = message
         WHERE scope = ?1 AND owner = ?2 AND kind = 'message'
           AND withdrawn_at IS NULL AND ifnull(expires_at > ?5, TRUE)
           AND NOT EXISTS (
               SELECT 1 FROM log AS own WHERE own.scope = ?3 AND own.owner = ?4
                 AND own.position = log.position
           )
         ORDER BY position",
    )?;
    let mut rows = query.query(params![
        all.scope(),
        all.owner(),
        own.scope(),
        own.owner(),
        ms(tx.now)
    ])?;
    let mut waiting = Vec::new();
    while let Some(row) = rows.next()? {
        let range = parse_range(row.get_ref(0)?.as_str().map_err(damaged)?)?;
        if range.matches(&present.version) && !range.matches(before) {
            let content = row.get_ref(2)?.as_str().map_err(damaged)?;
            let message = serde_json::from_str(content).map_err(damaged)?;
            let row = MessageRow {
                number: row.get(1)?,
                fleeting: false,
                versions: Some(range.to_string()),
                not_for: None,
            };
            waiting.push((row, message));
        }
    }
    Ok(waiting)
}

/// Signs a client out. What was for its message token goes with it.
pub(super) fn end(tx: &mut Tx<'_>, client: ClientId) -> Result<(), StoreError> {
    if !revoke(tx, &[client])? {
        return Err(StoreError::NotFound);
    }
    forget_token(tx, client)
}

pub(super) fn forget_token(tx: &Tx<'_>, client: ClientId) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE clients SET message_token = NULL WHERE id = ?1")?
        .execute([client])?;
    upkeep::remove_log(tx, Place::Client(client))
}

/// Revokes all sessions of an account.
pub(super) fn revoke_all(tx: &mut Tx<'_>, account: i64) -> Result<(), StoreError> {
    revoke_all_but(tx, account, None)
}

/// Revokes all sessions of an account, but perhaps one.
pub(super) fn revoke_all_but(
    tx: &mut Tx<'_>,
    account: i64,
    keep: Option<ClientId>,
) -> Result<(), StoreError> {
    let clients = tx
        .prepare_cached(
            "SELECT client FROM sessions JOIN clients ON clients.id = client
             WHERE account = ?1 AND client IS NOT ?2",
        )?
        .query_map((account, keep), |row| row.get(0))?
        .collect::<Result<Vec<_>, _>>()?;
    // Also whoever reads by name and password.
    tx.announce(Committed::Access);
    revoke(tx, &clients).map(drop)
}

/// Ends these clients' sessions for good: whoever comes with such a token learns that it was
/// revoked. Answers whether there were any.
pub(super) fn revoke(tx: &mut Tx<'_>, clients: &[ClientId]) -> Result<bool, StoreError> {
    let mut note = tx.prepare_cached(
        "INSERT INTO revoked (token, expires_at)
         SELECT token, expires_at FROM sessions WHERE client = ?1",
    )?;
    for client in clients {
        note.execute([client])?;
    }
    drop(note);
    end_sessions(tx, clients)
}

/// Ends these clients' sessions, if they have any. Answers whether they had.
fn end_sessions(tx: &mut Tx<'_>, clients: &[ClientId]) -> Result<bool, StoreError> {
    let mut ended = Vec::new();
    for client in clients {
        push::remove(tx, *client)?;
        let mut delete = tx.prepare_cached("DELETE FROM sessions WHERE client = ?1")?;
        if delete.execute([client])? > 0 {
            ended.push(*client);
        }
    }
    let any = !ended.is_empty();
    if any {
        tx.announce(Committed::Ended(ended));
    }
    Ok(any)
}

/// Whether a token was revoked, and would be alive otherwise.
pub(super) fn is_revoked(
    conn: &Connection,
    token: &SecretHash,
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM revoked WHERE token = ?1 AND expires_at > ?2)",
        )?
        .query_row((token, ms(now)), |row| row.get(0))?)
}

/// Forgets revoked tokens that would have expired by now.
pub(super) fn forget_revoked(tx: &Tx<'_>) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM revoked WHERE expires_at <= ?1")?
        .execute([ms(tx.now)])?;
    Ok(())
}

/// How far a client acked, if it did, and that it was there.
pub(super) fn write_ack(
    tx: &mut Tx<'_>,
    client: ClientId,
    upto: Option<Position>,
) -> Result<(), StoreError> {
    if let Some(upto) = upto {
        states::note_delivered(tx, client, upto)?;
    }
    tx.prepare_cached(
        "UPDATE clients SET seen_at = ?3,
             acked = iif(?2 IS NULL, acked, max(ifnull(acked, 0), ?2))
         WHERE id = ?1",
    )?
    .execute(params![client.0, upto, ms(tx.now)])?;
    // Only a stream says that a client was there.
    tx.prepare_cached("UPDATE sessions SET opened = 1 WHERE client = ?1 AND NOT opened")?
        .execute([client])?;
    Ok(())
}

fn kind_name(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Desktop => "desktop",
        DeviceKind::Mobile => "mobile",
    }
}

fn kind_named(name: &str) -> Result<DeviceKind, StoreError> {
    match name {
        "desktop" => Ok(DeviceKind::Desktop),
        "mobile" => Ok(DeviceKind::Mobile),
        other => Err(damaged(format!("device kind {other:?}"))),
    }
}
