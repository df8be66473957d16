//! How far messages came, for those who published them.

use async_trait::async_trait;
use hither_protocol::{AccountName, MessageId, PublisherId, Timestamp, WithdrawWhy};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::SqliteStore;
use super::events::{self, Told, Whom};
use super::log::{kind_of, why_named};
use super::places::parse_range;
use super::rows::{damaged, ms, optional_time, time};
use super::writer::Tx;
use crate::store::{
    ClientId, EventType, INBOX, MessageStates, Position, Receiver, ReceiverState, StateCounts,
    States, StoreError,
};

#[async_trait]
impl States for SqliteStore {
    async fn states(
        &self,
        publisher: &PublisherId,
        id: MessageId,
        after: Option<Receiver>,
        limit: usize,
    ) -> Result<MessageStates, StoreError> {
        let publisher = publisher.clone();
        self.readers
            .read(move |conn| {
                let snapshot = conn.unchecked_transaction()?;
                states(&snapshot, &publisher, id, after.as_ref(), limit)
            })
            .await
    }
}

fn states(
    conn: &Connection,
    publisher: &PublisherId,
    id: MessageId,
    after: Option<&Receiver>,
    limit: usize,
) -> Result<MessageStates, StoreError> {
    let (number, states) = conn
        .prepare_cached(
            "SELECT number, messages.created_at, nullif(expires_at, messages.created_at),
                    withdrawn_at, withdrawn_why, messages.receivers, deliver_at, refused
             FROM messages JOIN publishers ON publishers.id = messages.publisher
             LEFT JOIN scheduled ON message = number
             WHERE messages.id = ?1 AND public_id = ?2",
        )?
        .query_and_then(params![id.0.as_bytes(), publisher.as_str()], message)?
        .next()
        .unwrap_or(Err(StoreError::NotFound))?;
    let mut receivers = receivers(conn, number, after, limit.saturating_add(1))?;
    let more = receivers.len() > limit;
    receivers.truncate(limit);
    Ok(MessageStates {
        counts: StateCounts {
            stored: states.counts.stored,
            ..counts(conn, number)?
        },
        receivers,
        more,
        ..states
    })
}

/// The message's number, and what its own row says.
fn message(row: &Row<'_>) -> Result<(i64, MessageStates), StoreError> {
    let why = row.get::<_, Option<String>>(4)?;
    let why = why.map(|why| why_named(&why)).transpose()?;
    let refused = row.get::<_, Option<String>>(7)?;
    let refused = refused.as_deref().map(serde_json::from_str).transpose();
    let states = MessageStates {
        created_at: time(row.get(1)?)?,
        deliver_at: optional_time(row.get(6)?)?,
        expires_at: optional_time(row.get(2)?)?,
        withdrawn: optional_time(row.get(3)?)?.map(|at| (at, why)),
        refused: refused.map_err(damaged)?.unwrap_or_default(),
        counts: StateCounts {
            stored: row.get(5)?,
            delivered: 0,
            shown: 0,
            read: 0,
        },
        receivers: Vec::new(),
        more: false,
    };
    Ok((row.get(0)?, states))
}

/// Those that were addressed by name, and then those that were by token, and no others.
fn receivers(
    conn: &Connection,
    number: i64,
    after: Option<&Receiver>,
    limit: usize,
) -> Result<Vec<ReceiverState>, StoreError> {
    let (name, token) = match after {
        None => (Some(""), ""),
        Some(Receiver::Account(name)) => (Some(name.as_str()), ""),
        Some(Receiver::Token(token)) => (None, token.as_str()),
    };
    let mut found = match name {
        Some(name) => accounts(conn, number, name, limit)?,
        None => Vec::new(),
    };
    found.extend(clients(conn, number, token, limit - found.len())?);
    Ok(found)
}

/// Accounts whose own log has the message.
fn accounts(
    conn: &Connection,
    number: i64,
    after: &str,
    limit: usize,
) -> Result<Vec<ReceiverState>, StoreError> {
    conn.prepare_cached(
        "SELECT log.at, ifnull(delivered_at, shown_at), shown_at,
                iif(settings.content ->> '$.read_receipts', read_at, NULL), name
         FROM log JOIN accounts ON accounts.id = owner
         LEFT JOIN inbox ON inbox.message = log.message AND inbox.account = owner
         LEFT JOIN delivered ON delivered.message = log.message AND delivered.account = owner
         LEFT JOIN settings ON settings.account = owner
         WHERE log.message = ?1 AND kind = 'message' AND scope = 1 AND name > ?2
         ORDER BY name LIMIT ?3",
    )?
    .query_and_then(params![number, after, limit], |row| {
        let name = AccountName::try_from(row.get::<_, String>(4)?).map_err(damaged)?;
        state(row, Receiver::Account(name))
    })?
    .collect()
}

/// Clients whose own log has the message, but for those that it came to with their version.
fn clients(
    conn: &Connection,
    number: i64,
    after: &str,
    limit: usize,
) -> Result<Vec<ReceiverState>, StoreError> {
    conn.prepare_cached(
        "SELECT log.at, ifnull(delivered_at, shown_at), shown_at,
                iif(settings.content ->> '$.read_receipts', read_at, NULL), message_token
         FROM log JOIN clients ON clients.id = owner
         LEFT JOIN client_states AS state ON state.message = log.message AND state.client = owner
         LEFT JOIN client_inbox AS inbox ON inbox.message = log.message AND inbox.client = owner
         LEFT JOIN settings ON settings.account = clients.account
         WHERE log.message = ?1 AND kind = 'message' AND scope = 3 AND versions IS NULL
           AND message_token > ?2
         ORDER BY message_token LIMIT ?3",
    )?
    .query_and_then(params![number, after, limit], |row| {
        state(row, Receiver::Token(row.get(4)?))
    })?
    .collect()
}

/// From four columns: when it was stored, delivered, shown and read.
fn state(row: &Row<'_>, receiver: Receiver) -> Result<ReceiverState, StoreError> {
    Ok(ReceiverState {
        receiver,
        stored_at: time(row.get(0)?)?,
        delivered_at: optional_time(row.get(1)?)?,
        shown_at: optional_time(row.get(2)?)?,
        read_at: optional_time(row.get(3)?)?,
    })
}

/// Notes that an account has a message, also where no ack will say so; whether it was not noted
/// before.
pub(super) fn note_there(
    tx: &Tx<'_>,
    message: i64,
    account: i64,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let added = tx
        .prepare_cached("INSERT OR IGNORE INTO delivered VALUES (?1, ?2, ?3)")?
        .execute((message, account, ms(at)))?;
    Ok(added > 0)
}

/// Notes that a client that was addressed by its message token showed the message, so that it was
/// delivered.
pub(super) fn note_shown(
    tx: &mut Tx<'_>,
    message: i64,
    client: ClientId,
    at: Timestamp,
) -> Result<(), StoreError> {
    for (what, column) in [
        (EventType::Delivered, "delivered_at"),
        (EventType::Shown, "shown_at"),
    ] {
        let first = tx
            .prepare_cached(&format!(
                "INSERT INTO client_states (message, client, {column})
                 SELECT message, owner, ?3 FROM log
                 WHERE message = ?1 AND kind = 'message' AND scope = 3 AND owner = ?2
                   AND versions IS NULL
                 ON CONFLICT DO UPDATE SET {column} = excluded.{column} WHERE {column} IS NULL"
            ))?
            .execute((message, client, ms(at)))?;
        if first > 0 {
            events::tell_of_client(tx, what, message, client, None, at)?;
        }
    }
    Ok(())
}

/// Accounts, each once, whatever addressed them. What is shown was delivered, which was not noted
/// always.
fn counts(conn: &Connection, number: i64) -> Result<StateCounts, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT
                 (SELECT count(*) FROM (
                     SELECT account FROM delivered WHERE message = ?1
                     UNION SELECT account FROM shown WHERE message = ?1)),
                 (SELECT count(DISTINCT account) FROM shown WHERE message = ?1),
                 (SELECT count(*) FROM (
                     SELECT account FROM inbox WHERE message = ?1 AND read_at IS NOT NULL
                     UNION SELECT account FROM client_inbox JOIN clients ON clients.id = client
                     WHERE message = ?1)
                  JOIN settings USING (account) WHERE content ->> '$.read_receipts')",
        )?
        .query_row([number], |row| {
            Ok(StateCounts {
                stored: 0,
                delivered: row.get(0)?,
                shown: row.get(1)?,
                read: row.get(2)?,
            })
        })?)
}

/// Notes what a client newly has on its disk. What was withdrawn or expired before it came was
/// never sent to it.
pub(super) fn note_delivered(
    tx: &mut Tx<'_>,
    client: ClientId,
    upto: Position,
) -> Result<(), StoreError> {
    let found = tx
        .prepare_cached(
            "SELECT account, application, version, ifnull(acked, 0),
                    (SELECT ifnull(max(acked), 0) FROM clients AS other
                     WHERE other.account = clients.account AND other.application = ?2)
             FROM clients WHERE id = ?1",
        )?
        .query_row(params![client, INBOX], |row| {
            Ok(Ack {
                client,
                account: row.get(0)?,
                application: row.get(1)?,
                version: row.get(2)?,
                own: row.get(3)?,
                inbox: row.get(4)?,
                upto,
                now: tx.now,
            })
        })
        .optional()?;
    let Some(ack) = found else {
        return Ok(());
    };
    let mut newly = Vec::new();
    if ack.application == INBOX && upto > ack.inbox {
        newly.extend(ack.note_inbox(tx)?);
    }
    if upto > ack.own {
        newly.extend(ack.note_client(tx)?);
        newly.extend(ack.note_application(tx)?);
    }
    newly
        .into_iter()
        .try_for_each(|message| ack.tell(tx, message))?;
    if upto > ack.own {
        ack.note_token(tx)?;
    }
    Ok(())
}

/// Inserts what is newly delivered. Which messages those are is answered only where somebody wants
/// to be told.
fn note(tx: &Tx<'_>, sql: &str, params: impl Params) -> Result<Vec<i64>, StoreError> {
    if !tx.has_webhooks()? {
        tx.prepare_cached(sql)?.execute(params)?;
        return Ok(Vec::new());
    }
    Ok(tx
        .prepare_cached(&format!("{sql} RETURNING message"))?
        .query_map(params, |row| row.get(0))?
        .collect::<Result<_, _>>()?)
}

/// A client's ack that goes further than the one before.
struct Ack {
    client: ClientId,
    account: i64,
    application: String,
    version: String,
    /// How far the client was.
    own: Position,
    /// How far the furthest of the person's devices was.
    inbox: Position,
    upto: Position,
    now: Timestamp,
}

impl Ack {
    /// From each of the account's logs to its new entries: the cross joins keep that order, which
    /// the sizes of the tables would not suggest.
    fn note_inbox(&self, tx: &Tx<'_>) -> Result<Vec<i64>, StoreError> {
        note(
            tx,
            "INSERT OR IGNORE INTO delivered
             SELECT message, ?1, ?4 FROM (
                 SELECT message FROM log
                 WHERE scope = 1 AND owner = ?1 AND position > ?2 AND position <= ?3
                   AND kind = 'message'
                 UNION ALL
                 SELECT message FROM accounts CROSS JOIN log
                   ON scope = 0 AND owner = 0 AND position > max(?2, public_after)
                   AND position <= ?3 AND kind = 'message'
                 WHERE accounts.id = ?1
                 UNION ALL
                 SELECT message FROM subscriptions CROSS JOIN log
                   ON scope = 2 AND owner = topic AND position > max(?2, since)
                   AND position <= min(?3, ifnull(until, ?3)) AND kind = 'message'
                 WHERE account = ?1
             ) JOIN messages ON number = message
             WHERE withdrawn_at IS NULL AND ifnull(expires_at > ?4, TRUE)",
            params![self.account, self.inbox, self.upto, ms(self.now)],
        )
    }

    fn note_client(&self, tx: &Tx<'_>) -> Result<Vec<i64>, StoreError> {
        note(
            tx,
            "INSERT OR IGNORE INTO delivered
             SELECT message, ?1, ?5 FROM log JOIN messages ON number = message
             WHERE scope = 3 AND owner = ?2 AND position > ?3 AND position <= ?4
               AND kind = 'message' AND withdrawn_at IS NULL AND ifnull(expires_at > ?5, TRUE)",
            params![self.account, self.client, self.own, self.upto, ms(self.now)],
        )
    }

    /// Of what was for its message token, the client's publishers learn that it came here.
    fn note_token(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let newly = note(
            tx,
            "INSERT INTO client_states (message, client, delivered_at)
             SELECT message, owner, ?4 FROM log JOIN messages ON number = message
             WHERE scope = 3 AND owner = ?1 AND position > ?2 AND position <= ?3
               AND kind = 'message' AND versions IS NULL
               AND withdrawn_at IS NULL AND ifnull(expires_at > ?4, TRUE)
             ON CONFLICT DO UPDATE SET delivered_at = excluded.delivered_at
               WHERE delivered_at IS NULL",
            params![self.client, self.own, self.upto, ms(self.now)],
        )?;
        newly.into_iter().try_for_each(|message| {
            let what = EventType::Delivered;
            events::tell_of_client(tx, what, message, self.client, None, self.now)
        })
    }

    fn note_application(&self, tx: &Tx<'_>) -> Result<Vec<i64>, StoreError> {
        let mut find = tx.prepare_cached(
            "SELECT message, versions FROM applications
             CROSS JOIN log ON scope = 4 AND owner = applications.id AND position > ?2
               AND position <= ?3 AND kind = 'message'
             JOIN messages ON number = message
             WHERE applications.name = ?1 AND withdrawn_at IS NULL
               AND ifnull(expires_at > ?4, TRUE)",
        )?;
        let mut rows = find.query(params![self.application, self.own, self.upto, ms(self.now)])?;
        let mut note = tx.prepare_cached("INSERT OR IGNORE INTO delivered VALUES (?1, ?2, ?3)")?;
        let mut newly = Vec::new();
        while let Some(row) = rows.next()? {
            let range = parse_range(row.get_ref(1)?.as_str().map_err(damaged)?)?;
            let message: i64 = row.get(0)?;
            if range.matches(&self.version)
                && note.execute(params![message, self.account, ms(self.now)])? > 0
            {
                newly.push(message);
            }
        }
        Ok(newly)
    }

    fn tell(&self, tx: &mut Tx<'_>, message: i64) -> Result<(), StoreError> {
        let told = Told {
            what: EventType::Delivered,
            message,
            whom: Whom::Account(self.account),
            action: None,
            refusal: None,
            at: self.now,
        };
        events::tell(tx, &told)
    }
}

/// Notes when and why a message was withdrawn; whether it was not before.
pub(super) fn note_withdrawn(
    tx: &Tx<'_>,
    number: i64,
    why: WithdrawWhy,
) -> Result<bool, StoreError> {
    let changed = tx
        .prepare_cached(
            "UPDATE messages SET withdrawn_at = ?2, withdrawn_why = ?3
             WHERE number = ?1 AND withdrawn_at IS NULL",
        )?
        .execute((number, ms(tx.now), kind_of(why)))?;
    Ok(changed > 0)
}
