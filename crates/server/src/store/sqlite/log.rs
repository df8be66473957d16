//! Writes to the log, and what becomes of messages.

use hither_protocol::{DeviceId, MessageId, Timestamp, WithdrawWhy};
use rusqlite::{Connection, OptionalExtension, params};

use super::events::{self, Told, Whom};
use super::places::{Place, Shelf, account_name};
use super::rows::{damaged, ms, pack};
use super::states;
use super::writer::Tx;
use crate::store::{ClientId, Committed, EventType, Log, Position, Reader, StoreError, What};

/// Ids of one log entry, so that it fits a frame.
const IDS_PER_ENTRY: usize = 1000;

pub(super) fn head(conn: &Connection) -> Result<Position, StoreError> {
    Ok(conn
        .prepare_cached("SELECT head FROM meta")?
        .query_row([], |row| row.get(0))?)
}

pub(super) fn set_head(conn: &Connection, head: Position) -> Result<(), StoreError> {
    conn.prepare_cached("UPDATE meta SET head = ?1")?
        .execute([head])?;
    Ok(())
}

/// A message that an entry brings.
#[derive(Clone, Debug)]
pub(super) struct MessageRow {
    /// The store's own.
    pub(super) number: i64,
    /// Only for who is connected at this moment.
    pub(super) fleeting: bool,
    /// Only for clients whose version is in this range.
    pub(super) versions: Option<String>,
    /// The device that it is about, and that does not get it.
    pub(super) not_for: Option<DeviceId>,
}

/// Appends one entry to all of these logs, at one position.
pub(super) fn append(
    tx: &mut Tx<'_>,
    logs: Vec<(Place, Log)>,
    what: What,
    message: Option<MessageRow>,
) -> Result<Position, StoreError> {
    let (kind, ids) = match &what {
        What::Message(_) => ("message", None),
        What::Read(ids) => ("read", Some(pack(ids))),
        What::Withdraw(ids, why) => (kind_of(*why), Some(pack(ids))),
    };
    let (places, logs): (Vec<_>, Vec<_>) = logs.into_iter().unzip();
    let versions: Vec<_> = logs
        .iter()
        .map(|log| versions(log, message.as_ref()))
        .collect();
    let fleeting = message.as_ref().is_some_and(|message| message.fleeting);
    let (number, not_for) = message
        .map(|message| (message.number, message.not_for))
        .unzip();
    let position = tx.append(logs, what, fleeting, not_for.flatten());
    for (place, versions) in places.into_iter().zip(versions) {
        tx.prepare_cached(
            "INSERT INTO log (scope, owner, position, kind, message, ids, versions, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            place.scope(),
            place.owner(),
            position,
            kind,
            number,
            ids,
            versions,
            ms(tx.now),
        ])?;
    }
    Ok(position)
}

pub(super) const fn kind_of(why: WithdrawWhy) -> &'static str {
    match why {
        WithdrawWhy::Recalled => "recalled",
        WithdrawWhy::Replaced => "replaced",
        WithdrawWhy::Expired => "expired",
    }
}

pub(super) fn why_named(kind: &str) -> Result<WithdrawWhy, StoreError> {
    match kind {
        "recalled" => Ok(WithdrawWhy::Recalled),
        "replaced" => Ok(WithdrawWhy::Replaced),
        "expired" => Ok(WithdrawWhy::Expired),
        other => Err(damaged(format!("withdrawn why {other:?}"))),
    }
}

/// What becomes of a message is told to all clients of its application.
fn versions(log: &Log, message: Option<&MessageRow>) -> Option<String> {
    match log {
        Log::Application(application) => message.map(|_| application.versions.to_string()),
        _ => message.and_then(|message| message.versions.clone()),
    }
}

pub(super) fn mark_read(
    tx: &mut Tx<'_>,
    reader: &Reader,
    ids: &[MessageId],
    at: Timestamp,
) -> Result<usize, StoreError> {
    let shelf = Shelf::of(tx, reader)?;
    let (mut by_person, mut by_client) = (Vec::new(), Vec::new());
    for id in ids {
        let Some((number, place)) = received(tx, &shelf, *id)? else {
            continue;
        };
        match shelf.client.filter(|_| place.is_of_clients()) {
            Some(client) if client_read(tx, number, client, at)? => {
                by_client.push(*id);
                events::tell_of_client(tx, EventType::Read, number, client, None, at)?;
            }
            None if person_read(tx, number, shelf.account, at)? => {
                by_person.push(*id);
                tell(tx, EventType::Read, number, shelf.account, None, at)?;
            }
            _ => {}
        }
    }
    let name = account_name(tx, shelf.account)?;
    let inbox = (Place::Account(shelf.account), Log::Account(name.clone()));
    tell_read(tx, &inbox, &by_person)?;
    if let Some(client) = shelf.client {
        let own = (Place::Client(client), Log::Client(name, client));
        tell_read(tx, &own, &by_client)?;
    }
    Ok(by_person.len() + by_client.len())
}

fn tell_read(tx: &mut Tx<'_>, log: &(Place, Log), ids: &[MessageId]) -> Result<(), StoreError> {
    for part in ids.chunks(IDS_PER_ENTRY) {
        append(tx, vec![log.clone()], What::Read(part.to_vec()), None)?;
    }
    Ok(())
}

/// Whether it was not read before.
fn person_read(tx: &Tx<'_>, number: i64, account: i64, at: Timestamp) -> Result<bool, StoreError> {
    let changed = tx
        .prepare_cached(
            "INSERT INTO inbox (message, account, read_at) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET read_at = excluded.read_at WHERE read_at IS NULL",
        )?
        .execute((number, account, ms(at)))?;
    Ok(changed > 0)
}

/// Whether it was not read before.
fn client_read(
    tx: &Tx<'_>,
    number: i64,
    client: ClientId,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let added = tx
        .prepare_cached("INSERT OR IGNORE INTO client_inbox VALUES (?1, ?2, ?3)")?
        .execute((number, client, ms(at)))?;
    Ok(added > 0)
}

pub(super) fn mark_shown(
    tx: &mut Tx<'_>,
    reader: &Reader,
    device: &DeviceId,
    ids: &[MessageId],
    stays: bool,
    at: Timestamp,
) -> Result<usize, StoreError> {
    let shelf = Shelf::of(tx, reader)?;
    let (mut own, mut new) = (Vec::new(), 0);
    for id in ids {
        let Some((number, place)) = received(tx, &shelf, *id)? else {
            continue;
        };
        new += usize::from(show(tx, shelf.account, number, device, stays, at)?);
        if let Some(client) = shelf.client {
            states::note_shown(tx, number, client, at)?;
        }
        if place.is_of_clients() {
            continue;
        }
        if states::note_there(tx, number, shelf.account, at)? {
            tell(tx, EventType::Delivered, number, shelf.account, None, at)?;
        }
        if shown_anywhere(tx, shelf.account, number, at)? {
            tell(tx, EventType::Shown, number, shelf.account, None, at)?;
        }
        own.push(*id);
    }
    if !own.is_empty() {
        let name = account_name(tx, shelf.account)?;
        tx.announce(Committed::Shown {
            account: name,
            on: device.clone(),
            ids: own,
            stays,
        });
    }
    Ok(new)
}

/// Whether this device had not shown it before.
fn show(
    tx: &Tx<'_>,
    account: i64,
    number: i64,
    device: &DeviceId,
    stays: bool,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let row = params![number, account, device.as_str(), ms(at), stays];
    let is_new = tx
        .prepare_cached("INSERT OR IGNORE INTO shown VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(row)?;
    if is_new == 0 {
        tx.prepare_cached(
            "UPDATE shown SET shown_at = ?4, stays = ?5
             WHERE message = ?1 AND account = ?2 AND device = ?3",
        )?
        .execute(row)?;
    }
    Ok(is_new > 0)
}

/// Whether it was not shown on any device before.
fn shown_anywhere(
    tx: &Tx<'_>,
    account: i64,
    number: i64,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let changed = tx
        .prepare_cached(
            "INSERT INTO inbox (message, account, shown_at) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET shown_at = excluded.shown_at WHERE shown_at IS NULL",
        )?
        .execute((number, account, ms(at)))?;
    Ok(changed > 0)
}

/// What happened to a message with one of its receivers.
fn tell(
    tx: &mut Tx<'_>,
    what: EventType,
    message: i64,
    account: i64,
    action: Option<&str>,
    at: Timestamp,
) -> Result<(), StoreError> {
    let told = Told {
        what,
        message,
        whom: Whom::Account(account),
        action,
        refusal: None,
        at,
    };
    events::tell(tx, &told)
}

pub(super) fn record_action(
    tx: &mut Tx<'_>,
    reader: &Reader,
    device: &DeviceId,
    id: MessageId,
    action: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    let shelf = Shelf::of(tx, reader)?;
    let (number, place) = received(tx, &shelf, id)?.ok_or(StoreError::NotFound)?;
    if !is_offered(tx, number, shelf.account, action)? {
        return Ok(());
    }
    let first = !is_chosen(tx, number, shelf.account, action)?;
    let here = tx
        .prepare_cached("INSERT OR IGNORE INTO chosen_actions VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![
            number,
            shelf.account,
            action,
            device.as_str(),
            ms(at)
        ])?;
    let (what, chosen) = (EventType::Action, Some(action));
    match shelf.client.filter(|_| place.is_of_clients()) {
        Some(client) if here > 0 => events::tell_of_client(tx, what, number, client, chosen, at),
        None if first => tell(tx, what, number, shelf.account, chosen, at),
        _ => Ok(()),
    }
}

/// Whether the message says that it can be chosen.
fn is_offered(tx: &Tx<'_>, number: i64, account: i64, action: &str) -> Result<bool, StoreError> {
    Ok(tx
        .prepare_cached(
            "SELECT EXISTS (
                 SELECT 1 FROM messages
                 LEFT JOIN own_content ON message = number AND account = ?2,
                 json_each(ifnull(own_content.content, messages.content), '$.actions')
                 WHERE number = ?1 AND value ->> '$.id' = ?3)",
        )?
        .query_row((number, account, action), |row| row.get(0))?)
}

/// Whether the person chose it already, on whichever device.
fn is_chosen(tx: &Tx<'_>, number: i64, account: i64, action: &str) -> Result<bool, StoreError> {
    Ok(tx
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM chosen_actions
             WHERE message = ?1 AND account = ?2 AND action = ?3)",
        )?
        .query_row((number, account, action), |row| row.get(0))?)
}

/// The number of a message, and the log by which it is the shelf's. There is none on the device
/// that the message is about.
pub(super) fn received(
    conn: &Connection,
    shelf: &Shelf,
    id: MessageId,
) -> Result<Option<(i64, Place)>, StoreError> {
    let number: Option<i64> = conn
        .prepare_cached(
            "SELECT number FROM messages WHERE id = ?1 AND ifnull(not_for <> ?2, TRUE)",
        )?
        .query_row(params![id.0.as_bytes(), shelf.device], |row| row.get(0))
        .optional()?;
    let Some(number) = number else {
        return Ok(None);
    };
    Ok(shelf.place_of(conn, number)?.map(|place| (number, place)))
}
