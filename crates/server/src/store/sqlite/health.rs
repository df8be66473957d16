//! How the database is doing.

use std::fs;
use std::path::Path;

use async_trait::async_trait;
use rusqlite::Connection;

use super::{SqliteStore, scheduled};
use crate::store::{Condition, Health, Measures, StoreError};

#[async_trait]
impl Health for SqliteStore {
    fn measures(&self) -> Measures {
        self.measures.clone()
    }

    async fn answers(&self) -> Result<(), StoreError> {
        let read = |conn: &Connection| conn.query_row("SELECT 1", [], |_| Ok(()));
        self.readers.read(move |conn| Ok(read(conn)?)).await?;
        self.writer.write(|_| Ok(())).await
    }

    async fn condition(&self) -> Result<Condition, StoreError> {
        let (waiting, folder) = (self.writer.waiting(), self.folder.path().to_owned());
        self.readers
            .read(move |conn| {
                Ok(Condition {
                    waiting,
                    scheduled: scheduled::count(conn)?,
                    used_bytes: used(&folder),
                    free_bytes: free(&folder)?,
                })
            })
            .await
    }
}

fn used(folder: &Path) -> u64 {
    ["hither.db", "hither.db-wal"]
        .iter()
        .filter_map(|name| fs::metadata(folder.join(name)).ok())
        .map(|about| about.len())
        .sum()
}

fn free(folder: &Path) -> Result<u64, StoreError> {
    let space =
        rustix::fs::statvfs(folder).map_err(|error| StoreError::Broken(error.to_string()))?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}
