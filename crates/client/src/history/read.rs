use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use hither_engine::view::{Answer, AppLockWhen, Glance, Headline, Query};
use hither_engine::{AppLockSaved, OutboxSeq, Saved, SavedAccount, SignedIn};
use hither_protocol::{
    Action, ClientFrame, Cursor, DeviceId, Message, MessageId, Priority, PublisherId, PublisherRef,
    Timestamp,
};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Params, Row};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The most rows of one page.
const MAX_PAGE: u32 = 200;

/// The most rows that a summary is made of.
const MAX_SILENT: u32 = 500;

/// How many rows are looked through for missing pages at the start, and for publishers.
const MAX_LOOKED_THROUGH: u32 = 1000;

/// Answers queries on a connection of its own. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Reader(Arc<Mutex<Connection>>);

/// An answer, and what turned out to be missing.
pub(crate) struct Asked {
    pub(crate) answer: Answer,
    /// The H5 page of the answered message is on the server only.
    pub(crate) page_missing: Option<MessageId>,
}

impl Reader {
    pub(super) fn new(db: Connection) -> Self {
        Self(Arc::new(Mutex::new(db)))
    }

    /// Answers a screen's question.
    pub(crate) async fn ask(&self, query: Query) -> Asked {
        self.with(move |db| answer(db, &query))
            .await
            .unwrap_or_else(|error| Asked {
                answer: Answer::Failed {
                    detail: error.to_string(),
                },
                page_missing: None,
            })
    }

    /// The device id of an earlier sign-in of this account on this server, here.
    pub(crate) async fn device(&self, server: String, account: String) -> Option<DeviceId> {
        self.with(move |db| device(db, &server, &account))
            .await
            .unwrap_or_else(|error| {
                tracing::warn!(%error, "device id cannot be read; signing in as a new device");
                None
            })
    }

    /// The newest messages whose H5 pages are on the server only.
    pub(crate) async fn missing_pages(&self) -> Vec<MessageId> {
        self.with(missing_pages).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "missing pages are fetched when they are looked at");
            Vec::new()
        })
    }

    /// Where the H5 page of a message is to be fetched from, unless it is here already.
    pub(crate) async fn missing_page(&self, id: MessageId) -> Option<String> {
        let whole = self.with(move |db| whole(db, id)).await.ok()??;
        missing_href(&whole)
    }

    async fn with<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> rusqlite::Result<T> {
        let db = Arc::clone(&self.0);
        let reading = tokio::task::spawn_blocking(move || {
            read(&db.lock().unwrap_or_else(PoisonError::into_inner))
        });
        reading
            .await
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }
}

fn answer(db: &Connection, query: &Query) -> rusqlite::Result<Asked> {
    match *query {
        Query::Page {
            before,
            unread_only,
            limit,
        } => Ok(Asked {
            answer: page(db, before, unread_only, limit.clamp(1, MAX_PAGE))?,
            page_missing: None,
        }),
        // What these need besides is not the history's.
        Query::Message { id } | Query::Rich { id } | Query::Save { id, .. } => {
            let message = whole(db, id)?;
            let page_missing = message.as_ref().and_then(missing_href).map(|_| id);
            let message = message.map(Box::new);
            Ok(Asked {
                answer: Answer::Message { message },
                page_missing,
            })
        }
        Query::Publishers => Ok(Asked {
            answer: publishers(db)?,
            page_missing: None,
        }),
        // The loop and the server know; they are not asked here.
        Query::Diagnostics | Query::Trace { .. } | Query::Settings | Query::KeepSettings { .. } => {
            Ok(Asked {
                answer: Answer::Failed {
                    detail: "The history does not know that.".to_owned(),
                },
                page_missing: None,
            })
        }
    }
}

/// Whose messages the newest rows are.
fn publishers(db: &Connection) -> rusqlite::Result<Answer> {
    let mut rows = db.prepare(
        "SELECT whole ->> '$.publisher.id', publisher FROM message
         ORDER BY created_at DESC, id DESC LIMIT ?1",
    )?;
    let rows = rows.query_map([MAX_LOOKED_THROUGH], |row| {
        Ok((parsed(row, 0)?, row.get(1)?))
    })?;
    let mut names = BTreeMap::new();
    for row in rows {
        let (id, name): (PublisherId, String) = row?;
        names.entry(id).or_insert(name);
    }
    let publishers = names.into_iter();
    let mut publishers: Vec<_> = publishers
        .map(|(id, name)| PublisherRef { id, name })
        .collect();
    publishers.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Answer::Publishers { publishers })
}

fn missing_pages(db: &Connection) -> rusqlite::Result<Vec<MessageId>> {
    db.prepare(
        "SELECT id FROM (SELECT seq, id, rich FROM message
                         ORDER BY created_at DESC, id DESC LIMIT ?1)
         WHERE rich AND NOT EXISTS (SELECT 1 FROM page WHERE page.message = seq)",
    )?
    .query_map([MAX_LOOKED_THROUGH], |row| message_id(row, 0))?
    .collect()
}

pub(crate) fn missing_href(message: &Message) -> Option<String> {
    let html = message.html.as_ref()?;
    html.href.clone().filter(|_| html.inline.is_none())
}

const HEADLINE: &str = "id, title, line, publisher, priority, created_at, read_at, rich";

fn page(
    db: &Connection,
    before: Option<MessageId>,
    unread_only: bool,
    limit: u32,
) -> rusqlite::Result<Answer> {
    let (created_at, id) = match before {
        None => (i64::MAX, MessageId(Uuid::max())),
        Some(id) => (place(db, id)?.unwrap_or(i64::MIN), id),
    };
    let unread = if unread_only {
        "AND read_at IS NULL"
    } else {
        ""
    };
    let sql = format!(
        "SELECT {HEADLINE} FROM message WHERE (created_at, id) < (?1, ?2) {unread}
         ORDER BY created_at DESC, id DESC LIMIT ?3"
    );
    let mut rows = headlines(db, &sql, (created_at, blob(&id), limit + 1))?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    Ok(Answer::Page { rows, more })
}

/// When a message was made, also one that is gone. `None`: this history never held it.
fn place(db: &Connection, id: MessageId) -> rusqlite::Result<Option<i64>> {
    db.prepare_cached(
        "SELECT created_at FROM message WHERE id = ?1
         UNION ALL SELECT created_at FROM gone WHERE id = ?1",
    )?
    .query_row([blob(&id)], |row| row.get(0))
    .optional()
}

fn whole(db: &Connection, id: MessageId) -> rusqlite::Result<Option<Message>> {
    db.prepare_cached(
        "SELECT whole, read_at, html FROM message LEFT JOIN page ON page.message = seq
         WHERE id = ?1",
    )?
    .query_row([blob(&id)], |row| {
        let mut message: Message = json(row, 0)?;
        message.read_at = row.get::<_, Option<i64>>(1)?.map(time);
        if let Some(html) = &mut message.html {
            html.inline = row.get(2)?;
        }
        Ok(message)
    })
    .optional()
}

pub(super) fn device(
    db: &Connection,
    server: &str,
    account: &str,
) -> rusqlite::Result<Option<DeviceId>> {
    db.query_row(
        "SELECT id FROM device WHERE who = ?1",
        [who(server, account)],
        |row| parsed(row, 0),
    )
    .optional()
}

/// Stands for an account on a server without naming it.
pub(super) fn who(server: &str, account: &str) -> [u8; 32] {
    Sha256::digest(format!("{server}\n{account}")).into()
}

/// The history in a few numbers; takes the same time whatever it holds.
pub(super) fn glance(db: &Connection) -> rusqlite::Result<Glance> {
    let (unread, urgent) = db
        .prepare_cached(
            "SELECT unread, EXISTS (SELECT 1 FROM message WHERE read_at IS NULL AND priority = 5)
             FROM state",
        )?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let sql = format!(
        "SELECT {HEADLINE} FROM message WHERE read_at IS NULL
         ORDER BY created_at DESC, id DESC LIMIT 5"
    );
    Ok(Glance {
        unread,
        urgent,
        newest: headlines(db, &sql, ())?,
    })
}

/// Unread rows stored since then that were never shown here: the newest [`MAX_SILENT`], oldest
/// first.
pub(super) fn silent(db: &Connection, since: Timestamp) -> rusqlite::Result<Vec<Headline>> {
    let sql = format!(
        "SELECT {HEADLINE} FROM message INDEXED BY message_silent
         WHERE read_at IS NULL AND shown = 0 AND stored_at >= ?1
         ORDER BY created_at DESC, id DESC LIMIT ?2"
    );
    let mut rows = headlines(db, &sql, (since.as_millisecond(), MAX_SILENT))?;
    rows.reverse();
    Ok(rows)
}

/// The rows of these messages, oldest first.
pub(super) fn named(db: &Connection, ids: &[MessageId]) -> rusqlite::Result<Vec<Headline>> {
    let sql = format!("SELECT {HEADLINE} FROM message WHERE id = ?1");
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        rows.extend(statement.query_row([blob(id)], headline).optional()?);
    }
    rows.sort_by_key(|row| (row.created_at, row.id));
    rows.dedup_by_key(|row| row.id);
    Ok(rows)
}

/// Everything unread, oldest first.
pub(super) fn unread(db: &Connection) -> rusqlite::Result<Vec<MessageId>> {
    db.prepare_cached("SELECT id FROM message WHERE read_at IS NULL ORDER BY created_at, id")?
        .query_map([], |row| message_id(row, 0))?
        .collect()
}

/// One action of a message.
pub(super) fn action(
    db: &Connection,
    id: MessageId,
    action: &str,
) -> rusqlite::Result<Option<Action>> {
    let actions = whole(db, id)?.map(|message| message.actions);
    Ok(actions.into_iter().flatten().find(|it| it.id == action))
}

/// What the disk knows at the start; the access token is not on this one. What is left of a wipe
/// is nobody's.
pub(super) fn saved(db: &Connection) -> rusqlite::Result<Saved> {
    let Some(account) = account(db)? else {
        return Ok(Saved {
            paused_until: paused_until(db)?,
            ..Saved::default()
        });
    };
    let due = format!(
        "SELECT {HEADLINE} FROM message WHERE alert_due = 1 AND read_at IS NULL
         ORDER BY created_at, id"
    );
    Ok(Saved {
        account: Some(account),
        glance: glance(db)?,
        due: headlines(db, &due, ())?,
        outbox: outbox(db)?,
        paused_until: paused_until(db)?,
        app_lock: app_lock(db)?,
    })
}

fn app_lock(db: &Connection) -> rusqlite::Result<Option<AppLockSaved>> {
    let sql = "SELECT verifier, after_s, with_screen, failures FROM app_lock";
    db.query_row(sql, [], |row| {
        Ok(AppLockSaved {
            verifier: row.get(0)?,
            when: AppLockWhen {
                after_s: row.get(1)?,
                with_screen: row.get(2)?,
            },
            failures: row.get(3)?,
        })
    })
    .optional()
}

fn paused_until(db: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    let text: Option<String> =
        db.query_row("SELECT paused_until FROM state", [], |row| row.get(0))?;
    text.map(|text| text.parse().map_err(|e: jiff::Error| unreadable(0, e)))
        .transpose()
}

fn account(db: &Connection) -> rusqlite::Result<Option<SavedAccount>> {
    db.query_row(
        "SELECT server, account, device_id, stream_url, cursor FROM state WHERE account IS NOT NULL",
        [],
        |row| {
            let signed_in = SignedIn {
                server: row.get(0)?,
                account: row.get(1)?,
                device_id: parsed(row, 2)?,
                access_token: super::no_token(),
                stream_url: row.get(3)?,
            };
            let cursor: Option<String> = row.get(4)?;
            Ok(SavedAccount {
                signed_in,
                cursor: cursor.map(Cursor::from),
            })
        },
    )
    .optional()
}

fn outbox(db: &Connection) -> rusqlite::Result<Vec<(OutboxSeq, ClientFrame)>> {
    db.prepare("SELECT seq, frame FROM outbox ORDER BY seq")?
        .query_map([], |row| Ok((row.get(0)?, json(row, 1)?)))?
        .collect()
}

fn headlines(db: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<Vec<Headline>> {
    db.prepare_cached(sql)?
        .query_map(params, headline)?
        .collect()
}

fn headline(row: &Row<'_>) -> rusqlite::Result<Headline> {
    let priority: u8 = row.get(4)?;
    Ok(Headline {
        id: message_id(row, 0)?,
        title: row.get(1)?,
        line: row.get(2)?,
        publisher: row.get(3)?,
        priority: Priority::try_from(priority).map_err(|e| unreadable(4, e))?,
        created_at: time(row.get(5)?),
        read: row.get::<_, Option<i64>>(6)?.is_some(),
        rich: row.get(7)?,
    })
}

fn message_id(row: &Row<'_>, column: usize) -> rusqlite::Result<MessageId> {
    Uuid::from_slice(row.get_ref(column)?.as_blob()?)
        .map(MessageId)
        .map_err(|e| unreadable(column, e))
}

pub(super) fn blob(id: &MessageId) -> &[u8] {
    id.0.as_bytes()
}

/// Milliseconds as written by this crate, which took them from a timestamp.
fn time(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or_default()
}

fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    serde_json::from_str(row.get_ref(column)?.as_str()?).map_err(|e| unreadable(column, e))
}

fn parsed<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: TryFrom<String, Error: core::error::Error + Send + Sync + 'static>,
{
    T::try_from(row.get(column)?).map_err(|e| unreadable(column, e))
}

fn unreadable(
    column: usize,
    error: impl core::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}
