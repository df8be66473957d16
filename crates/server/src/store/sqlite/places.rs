//! Where the logs are in the database, and which of them a reader reads.

use hither_protocol::{AccountName, Timestamp, VersionRange};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::accounts::account_number;
use super::rows::{damaged, ms};
use crate::store::{ClientId, INBOX, Position, Reader, StoreError, Subscription, TopicId};

/// No position comes after it.
const LAST: Position = Position(i64::MAX.cast_unsigned());

/// One log. The order is that in which logs are asked for an entry that stands in several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Everyone,
    Account(i64),
    Topic(TopicId),
    Client(ClientId),
    Application(i64),
}

impl Place {
    pub(super) const fn scope(self) -> i64 {
        match self {
            Self::Everyone => 0,
            Self::Account(_) => 1,
            Self::Topic(_) => 2,
            Self::Client(_) => 3,
            Self::Application(_) => 4,
        }
    }

    pub(super) const fn owner(self) -> i64 {
        match self {
            Self::Everyone => 0,
            Self::Account(owner)
            | Self::Topic(TopicId(owner))
            | Self::Client(ClientId(owner))
            | Self::Application(owner) => owner,
        }
    }

    /// Whose it is alone.
    pub(super) const fn client(self) -> Option<ClientId> {
        match self {
            Self::Client(client) => Some(client),
            _ => None,
        }
    }

    /// From two columns, scope and owner.
    pub(super) fn of_row(row: &Row<'_>, first: usize) -> Result<Self, StoreError> {
        let owner = row.get(first + 1)?;
        Ok(match row.get::<_, i64>(first)? {
            0 => Self::Everyone,
            1 => Self::Account(owner),
            2 => Self::Topic(TopicId(owner)),
            3 => Self::Client(ClientId(owner)),
            4 => Self::Application(owner),
            other => return Err(damaged(format!("log of scope {other}"))),
        })
    }

    /// Whether what its messages are to their reader is kept for each client.
    pub(super) const fn is_of_clients(self) -> bool {
        matches!(self, Self::Client(_) | Self::Application(_))
    }
}

impl ToSql for TopicId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.into())
    }
}

impl FromSql for TopicId {
    fn column_result(value: ValueRef<'_>) -> Result<Self, FromSqlError> {
        value.as_i64().map(Self)
    }
}

impl ToSql for ClientId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.into())
    }
}

impl FromSql for ClientId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self)
    }
}

/// The part of a log that is a reader's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) place: Place,
    after: Position,
    pub(super) until: Option<Position>,
    /// Not the messages, only what became of them.
    pub(super) changes_only: bool,
}

impl Span {
    const fn whole(place: Place) -> Self {
        Self {
            place,
            after: Position(0),
            until: None,
            changes_only: false,
        }
    }

    /// What of a topic is an account's: the messages of a time, and what became of them later.
    fn of_topic(part: Subscription) -> impl Iterator<Item = Self> {
        let messages = Self {
            place: Place::Topic(part.topic),
            after: part.since,
            until: part.until,
            changes_only: false,
        };
        let later = part.until.map(|until| Self {
            after: until,
            until: None,
            changes_only: true,
            ..messages
        });
        core::iter::once(messages).chain(later)
    }

    pub(super) fn after(&self, position: Position) -> Position {
        self.after.max(position)
    }

    /// Whether a reader that got to a position may still find a message in it.
    pub(super) fn may_bring_messages(&self, after: Position) -> bool {
        !self.changes_only && self.until.is_none_or(|until| after < until)
    }

    /// Whether a message at this position is part of it.
    fn holds(&self, position: Position) -> bool {
        !self.changes_only
            && position > self.after
            && self.until.is_none_or(|until| position <= until)
    }
}

/// A reader and what is its own.
#[derive(Debug)]
pub(super) struct Shelf {
    /// Whose inbox it is, or to whom the client belongs.
    pub(super) account: i64,
    pub(super) client: Option<ClientId>,
    /// On which the client is: it does not get what is about this device.
    pub(super) device: Option<String>,
    version: String,
    pub(super) spans: Vec<Span>,
}

/// An entry in one of the logs of a shelf.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub(super) position: Position,
    pub(super) place: Place,
}

impl Shelf {
    pub(super) fn of(conn: &Connection, reader: &Reader) -> Result<Self, StoreError> {
        match reader {
            Reader::Inbox(name) => Self::of_inbox(conn, account_number(conn, name)?),
            Reader::Client(client) => Self::of_client(conn, *client, true),
            Reader::Address(client) => Self::of_client(conn, *client, false),
        }
    }

    /// One topic's log, which nobody in particular reads.
    pub(super) fn of_topic(topic: TopicId) -> Self {
        Self {
            account: 0,
            client: None,
            device: None,
            version: String::new(),
            spans: vec![Span::whole(Place::Topic(topic))],
        }
    }

    pub(super) fn of_inbox(conn: &Connection, account: i64) -> Result<Self, StoreError> {
        let mut spans = vec![
            Span {
                place: Place::Everyone,
                after: public_after(conn, account)?,
                ..Span::whole(Place::Everyone)
            },
            Span::whole(Place::Account(account)),
        ];
        spans.extend(
            subscribed(conn, account)?
                .into_iter()
                .flat_map(Span::of_topic),
        );
        Ok(Self {
            account,
            client: None,
            device: None,
            version: String::new(),
            spans,
        })
    }

    fn of_client(
        conn: &Connection,
        client: ClientId,
        with_inbox: bool,
    ) -> Result<Self, StoreError> {
        let (account, application, version, device): (i64, String, String, String) = conn
            .prepare_cached(
                "SELECT account, application, version, device FROM clients WHERE id = ?1",
            )?
            .query_row([client], |row| row.try_into())
            .optional()?
            .ok_or(StoreError::NotFound)?;
        let inbox = match application.as_str() {
            INBOX if with_inbox => Self::of_inbox(conn, account)?.spans,
            _ => Vec::new(),
        };
        let own = [
            Some(Place::Client(client)),
            application_number(conn, &application)?.map(Place::Application),
        ];
        let own = own.into_iter().flatten().map(Span::whole);
        Ok(Self {
            account,
            client: Some(client),
            device: Some(device),
            version,
            spans: inbox.into_iter().chain(own).collect(),
        })
    }

    /// What comes after a position, in order, an entry of several logs once; at most `limit`.
    pub(super) fn entries(
        &self,
        conn: &Connection,
        after: Position,
        since: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<Found>, StoreError> {
        let mut found = Vec::new();
        for span in &self.spans {
            self.entries_of(conn, span, after, since, limit, &mut found)?;
        }
        found.sort_unstable_by_key(|one| (one.position, one.place));
        found.dedup_by_key(|one| one.position);
        found.truncate(limit);
        Ok(found)
    }

    fn entries_of(
        &self,
        conn: &Connection,
        span: &Span,
        after: Position,
        since: Option<Timestamp>,
        limit: usize,
        found: &mut Vec<Found>,
    ) -> Result<(), StoreError> {
        // The few changes of a log have an index of their own.
        let sql = if span.changes_only {
            "SELECT position, versions, message FROM log INDEXED BY log_changes
             WHERE scope = ?1 AND owner = ?2 AND position > ?3 AND position <= ?4 AND at >= ?5
               AND kind <> 'message'
             ORDER BY position"
        } else {
            "SELECT position, versions, message FROM log
             WHERE scope = ?1 AND owner = ?2 AND position > ?3 AND position <= ?4 AND at >= ?5
             ORDER BY position"
        };
        let mut query = conn.prepare_cached(sql)?;
        let since = since.map_or(i64::MIN, ms);
        let until = span.until.unwrap_or(LAST);
        let (scope, owner) = (span.place.scope(), span.place.owner());
        let mut rows = query.query(params![scope, owner, span.after(after), until, since])?;
        let end = found.len() + limit;
        while let Some(row) = rows.next()?
            && found.len() < end
        {
            let position = row.get(0)?;
            if self.is_meant(row.get_ref(1)?.as_str_or_null().map_err(damaged)?)?
                && !self.comes_again(conn, span.place, position, row.get(2)?)?
            {
                let place = span.place;
                found.push(Found { position, place });
            }
        }
        Ok(())
    }

    fn is_meant(&self, versions: Option<&str>) -> Result<bool, StoreError> {
        match versions {
            None => Ok(true),
            Some(range) => Ok(parse_range(range)?.matches(&self.version)),
        }
    }

    /// Whether a message for the application stands in the client's own log later on.
    fn comes_again(
        &self,
        conn: &Connection,
        place: Place,
        position: Position,
        message: Option<i64>,
    ) -> Result<bool, StoreError> {
        let (Place::Application(_), Some(client), Some(message)) = (place, self.client, message)
        else {
            return Ok(false);
        };
        let own = Place::Client(client);
        Ok(conn
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM log WHERE message = ?1 AND kind = 'message'
                 AND scope = ?2 AND owner = ?3 AND position > ?4)",
            )?
            .query_row(
                params![message, own.scope(), own.owner(), position],
                |row| row.get(0),
            )?)
    }

    /// In which of the shelf's logs a message stands, if in any.
    pub(super) fn place_of(
        &self,
        conn: &Connection,
        message: i64,
    ) -> Result<Option<Place>, StoreError> {
        let topics = topics_of(conn, message)?;
        for span in &self.spans {
            let stands = match span.place {
                Place::Topic(topic) => topics
                    .iter()
                    .any(|(other, position)| *other == topic && span.holds(*position)),
                _ => self.stands_in(conn, span, message)?,
            };
            if stands {
                return Ok(Some(span.place));
            }
        }
        Ok(None)
    }

    fn stands_in(&self, conn: &Connection, span: &Span, message: i64) -> Result<bool, StoreError> {
        let (scope, owner) = (span.place.scope(), span.place.owner());
        let versions: Option<Option<String>> = conn
            .prepare_cached(
                "SELECT versions FROM log WHERE message = ?1 AND kind = 'message'
                 AND scope = ?2 AND owner = ?3 AND position > ?4",
            )?
            .query_row(params![message, scope, owner, span.after], |row| row.get(0))
            .optional()?;
        match versions {
            Some(versions) => self.is_meant(versions.as_deref()),
            None => Ok(false),
        }
    }
}

/// The topics in whose logs a message stands, and where.
fn topics_of(conn: &Connection, message: i64) -> Result<Vec<(TopicId, Position)>, StoreError> {
    let topic = Place::Topic(TopicId(0)).scope();
    Ok(conn
        .prepare_cached(
            "SELECT owner, position FROM log
             WHERE message = ?1 AND kind = 'message' AND scope = ?2",
        )?
        .query_map((message, topic), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?)
}

pub(super) fn parse_range(text: &str) -> Result<VersionRange, StoreError> {
    text.parse().map_err(damaged)
}

fn public_after(conn: &Connection, account: i64) -> Result<Position, StoreError> {
    Ok(conn
        .prepare_cached("SELECT public_after FROM accounts WHERE id = ?1")?
        .query_row([account], |row| row.get(0))?)
}

/// What of the topics' logs is an account's.
pub(super) fn subscribed(conn: &Connection, account: i64) -> Result<Vec<Subscription>, StoreError> {
    conn.prepare_cached("SELECT topic, since, until FROM subscriptions WHERE account = ?1")?
        .query_and_then([account], |row| {
            Ok(Subscription {
                topic: row.get(0)?,
                since: row.get(1)?,
                until: row.get(2)?,
            })
        })?
        .collect()
}

pub(super) fn application_number(conn: &Connection, name: &str) -> Result<Option<i64>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT id FROM applications WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?)
}

/// The name of an account.
pub(super) fn account_name(conn: &Connection, number: i64) -> Result<AccountName, StoreError> {
    let name: String = conn
        .prepare_cached("SELECT name FROM accounts WHERE id = ?1")?
        .query_row([number], |row| row.get(0))?;
    AccountName::try_from(name).map_err(damaged)
}
