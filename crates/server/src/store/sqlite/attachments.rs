use std::sync::Arc;

use async_trait::async_trait;
use hither_protocol::{Message, PublisherId, Timestamp};
use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::publishers::publisher_number;
use super::rows::{damaged, ms, time};
use super::writer::Tx;
use super::{SqliteStore, publish};
use crate::attachments::{FileHash, Files};
use crate::store::{Attachments, Quota, StoreError, Stored, Upload};

#[async_trait]
impl Attachments for SqliteStore {
    fn files(&self) -> Arc<Files> {
        Arc::clone(&self.files)
    }

    async fn add_uploads(&self, uploads: Vec<Upload>, quota: Quota) -> Result<(), StoreError> {
        self.writer
            .write(move |tx| add_uploads(tx, &uploads, quota))
            .await
    }

    async fn upload(
        &self,
        publisher: &PublisherId,
        id: Uuid,
    ) -> Result<Option<Upload>, StoreError> {
        let (publisher, now) = (publisher.clone(), self.now());
        self.readers
            .read(move |conn| upload(conn, publisher, id, now))
            .await
    }

    async fn forget_uploads(&self, ids: Vec<Uuid>) -> Result<(), StoreError> {
        self.writer.write(move |tx| forget_uploads(tx, &ids)).await
    }

    async fn answered(
        &self,
        publisher: &PublisherId,
        key: String,
        body: [u8; 32],
    ) -> Result<Option<Stored>, StoreError> {
        let (publisher, now) = (publisher.clone(), self.now());
        self.readers
            .read(move |conn| publish::answered(conn, &publisher, &key, &body, now))
            .await
    }

    async fn forget_outlived_attachments(&self) -> Result<(), StoreError> {
        let now = self.now();
        // Found beside the commits, so that a commit has only what is to go.
        let gone = self.readers.read(move |conn| outlived(conn, now)).await?;
        if gone.is_empty() {
            return Ok(());
        }
        self.writer.write(move |tx| gone.forget(tx)).await
    }

    async fn forget_files(&self, most: usize) -> Result<Vec<FileHash>, StoreError> {
        let found = self
            .readers
            .read(move |conn| unreferred(conn, most))
            .await?;
        if found.is_empty() {
            return Ok(found);
        }
        self.writer
            .write(move |tx| {
                for hash in &found {
                    tx.prepare_cached("DELETE FROM files WHERE hash = ?1")?
                        .execute([hash])?;
                }
                Ok(found)
            })
            .await
    }

    async fn known_files(&self, hashes: Vec<FileHash>) -> Result<Vec<FileHash>, StoreError> {
        self.readers
            .read(move |conn| {
                let mut find = conn.prepare_cached("SELECT 1 FROM files WHERE hash = ?1")?;
                let mut known = Vec::new();
                for hash in hashes {
                    if find.exists([hash])? {
                        known.push(hash);
                    }
                }
                Ok(known)
            })
            .await
    }

    async fn all_files(&self) -> Result<Vec<(FileHash, u64)>, StoreError> {
        self.readers.read(all_files).await
    }
}

fn add_uploads(tx: &mut Tx<'_>, uploads: &[Upload], quota: Quota) -> Result<(), StoreError> {
    for upload in uploads {
        let publisher = publisher_number(tx, &upload.publisher)?;
        note_file(tx, &upload.file, upload.size)?;
        tx.prepare_cached("INSERT INTO uploads VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![
                upload.id.as_bytes(),
                publisher,
                upload.file,
                upload.name,
                upload.media_type,
                ms(upload.expires_at),
            ])?;
        if used_by(tx, publisher)? > quota.publisher || used(tx)? > quota.total {
            return Err(StoreError::OverQuota);
        }
    }
    Ok(())
}

fn note_file(tx: &Tx<'_>, hash: &FileHash, size: u64) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT OR IGNORE INTO files VALUES (?1, ?2)")?
        .execute(params![hash, size.cast_signed()])?;
    Ok(())
}

fn used_by(tx: &Tx<'_>, publisher: i64) -> Result<u64, StoreError> {
    Ok(tx
        .prepare_cached(
            "SELECT ifnull(sum(size), 0) FROM files WHERE hash IN (
                 SELECT file FROM uploads WHERE publisher = ?1
                 UNION SELECT file FROM attachments WHERE publisher = ?1)",
        )?
        .query_row([publisher], |row| row.get(0))?)
}

fn used(tx: &Tx<'_>) -> Result<u64, StoreError> {
    Ok(tx
        .prepare_cached("SELECT ifnull(sum(size), 0) FROM files")?
        .query_row([], |row| row.get(0))?)
}

fn upload(
    conn: &Connection,
    publisher: PublisherId,
    id: Uuid,
    now: Timestamp,
) -> Result<Option<Upload>, StoreError> {
    let found = conn
        .prepare_cached(
            "SELECT file, size, uploads.name, media_type, expires_at FROM uploads
             JOIN files ON hash = file JOIN publishers ON publishers.id = publisher
             WHERE uploads.id = ?1 AND public_id = ?2 AND expires_at > ?3",
        )?
        .query_row(params![id.as_bytes(), publisher.as_str(), ms(now)], |row| {
            let end: i64 = row.get(4)?;
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, end))
        })
        .optional()?;
    let Some((file, size, name, media_type, end)) = found else {
        return Ok(None);
    };
    Ok(Some(Upload {
        id,
        publisher,
        file,
        size,
        name,
        media_type,
        expires_at: time(end)?,
    }))
}

fn forget_uploads(tx: &Tx<'_>, ids: &[Uuid]) -> Result<(), StoreError> {
    for id in ids {
        tx.prepare_cached("DELETE FROM uploads WHERE id = ?1")?
            .execute([id.as_bytes()])?;
    }
    Ok(())
}

/// A message that is stored needs its files from here on.
pub(super) fn need(
    tx: &Tx<'_>,
    publisher: i64,
    number: i64,
    message: &Message,
) -> Result<(), StoreError> {
    for attachment in &message.attachments {
        let hash = attachment.sha256.as_deref().unwrap_or_default();
        let hash: FileHash = hash.parse().map_err(damaged)?;
        note_file(tx, &hash, attachment.size)?;
        // The same content under two names is one file.
        tx.prepare_cached("INSERT OR IGNORE INTO attachments VALUES (?1, ?2, ?3)")?
            .execute(params![number, hash, publisher])?;
    }
    Ok(())
}

/// What can go, found on one connection and removed on another: nothing outlived comes back.
struct Outlived {
    uploads: Vec<Uuid>,
    messages: Vec<i64>,
}

fn outlived(conn: &Connection, now: Timestamp) -> Result<Outlived, StoreError> {
    let mut uploads = conn
        .prepare_cached("SELECT id FROM uploads WHERE expires_at <= ?1")?
        .query_map([ms(now)], |row| Ok(Uuid::from_bytes(row.get(0)?)))?
        .collect::<Result<Vec<_>, _>>()?;
    uploads.extend(used_up(conn, now)?);
    let messages = conn
        .prepare_cached(
            "SELECT DISTINCT message FROM attachments JOIN messages ON number = message
             WHERE withdrawn_at IS NOT NULL OR messages.expires_at <= ?1",
        )?
        .query_map([ms(now)], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(Outlived { uploads, messages })
}

/// Uploads of before a message that is gone (the ids of both tell the time), whose file no other
/// message of the publisher needs: who takes a message back wants its files gone with it, not within
/// the hour for which an upload waits. A newer upload of the same content waits for its message.
fn used_up(conn: &Connection, now: Timestamp) -> Result<Vec<Uuid>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT DISTINCT uploads.id
             FROM attachments AS it JOIN messages ON number = message
             JOIN uploads ON uploads.publisher = it.publisher AND uploads.file = it.file
                          AND uploads.id < messages.id
             WHERE (withdrawn_at IS NOT NULL OR messages.expires_at <= ?1)
               AND NOT EXISTS (
                 SELECT 1 FROM attachments AS other JOIN messages AS live
                   ON live.number = other.message
                 WHERE other.publisher = it.publisher AND other.file = it.file
                   AND live.withdrawn_at IS NULL AND ifnull(live.expires_at > ?1, TRUE))",
        )?
        .query_map([ms(now)], |row| Ok(Uuid::from_bytes(row.get(0)?)))?
        .collect::<Result<_, _>>()?)
}

impl Outlived {
    fn is_empty(&self) -> bool {
        self.uploads.is_empty() && self.messages.is_empty()
    }

    fn forget(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        forget_uploads(tx, &self.uploads)?;
        for message in &self.messages {
            tx.prepare_cached("DELETE FROM attachments WHERE message = ?1")?
                .execute([message])?;
        }
        Ok(())
    }
}

fn unreferred(conn: &Connection, most: usize) -> Result<Vec<FileHash>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT hash FROM files
             WHERE NOT EXISTS (SELECT 1 FROM uploads WHERE file = hash)
               AND NOT EXISTS (SELECT 1 FROM attachments WHERE file = hash)
             LIMIT ?1",
        )?
        .query_map([most], |row| row.get(0))?
        .collect::<Result<_, _>>()?)
}

pub(super) fn all_files(conn: &Connection) -> Result<Vec<(FileHash, u64)>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT hash, size FROM files ORDER BY hash")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?)
}

impl ToSql for FileHash {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(&self.0)))
    }
}

impl FromSql for FileHash {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        FromSql::column_result(value).map(Self)
    }
}
