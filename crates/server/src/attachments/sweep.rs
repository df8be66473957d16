//! Files go with the last row that refers to them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use tokio::time::{MissedTickBehavior, interval};

use super::{FileHash, Files, on_a_thread_that_may_wait};
use crate::store::{Store, StoreError};

/// How long a file may stay after the last message that needed it.
const SWEEP_EVERY: Duration = Duration::from_mins(1);
/// A day.
const SWEEPS_BETWEEN_STRAYS: u32 = 24 * 60;
/// Files removed at a time, so that nobody waits long for it.
const BATCH: usize = 100;

/// Sweeps until it is dropped. What a crash left is found at the start.
pub async fn keep_sweeping(store: Arc<dyn Store>) {
    let mut ticks = interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        said(remove_strays(&*store).await);
        for _ in 0..SWEEPS_BETWEEN_STRAYS {
            ticks.tick().await;
            said(sweep(&*store).await);
        }
    }
}

fn said(swept: Result<usize, StoreError>) {
    match swept {
        Ok(0) | Err(StoreError::Closed) => {}
        Ok(files) => tracing::info!(files, "attachments that nothing needs are removed"),
        Err(error) => tracing::warn!(%error, "attachments that nothing needs could not be removed"),
    }
}

/// Removes what is outlived: uploads that no message named in time, what only messages referred
/// to that are gone, and their files. Answers how many files went.
pub async fn sweep(store: &dyn Store) -> Result<usize, StoreError> {
    let files = store.files();
    let _only = files.sweeping.lock().await;
    store.forget_outlived_attachments().await?;
    let mut removed = 0;
    loop {
        let _nobody_holds = files.held.write().await;
        let unreferred = store.forget_files(BATCH).await?;
        if unreferred.is_empty() {
            return Ok(removed);
        }
        removed += unreferred.len();
        files.remove(unreferred).await?;
    }
}

/// Removes files that no row refers to, as a crash may leave them. Looks at every file.
pub async fn remove_strays(store: &dyn Store) -> Result<usize, StoreError> {
    let files = store.files();
    let all = on_a_thread_that_may_wait(move || files.list()).await?;
    remove_strays_among(store, all).await
}

/// Removes those of these files that no row refers to.
pub async fn remove_strays_among(
    store: &dyn Store,
    mut all: Vec<FileHash>,
) -> Result<usize, StoreError> {
    let files = store.files();
    let _only = files.sweeping.lock().await;
    let mut removed = 0;
    while !all.is_empty() {
        let batch = all.split_off(all.len().saturating_sub(BATCH));
        let _nobody_holds = files.held.write().await;
        let known: HashSet<FileHash> = store
            .known_files(batch.clone())
            .await?
            .into_iter()
            .collect();
        let strays: Vec<_> = batch
            .into_iter()
            .filter(|hash| !known.contains(hash))
            .collect();
        removed += strays.len();
        files.remove(strays).await?;
    }
    Ok(removed)
}

impl Files {
    async fn remove(&self, hashes: Vec<FileHash>) -> io::Result<()> {
        let paths: Vec<_> = hashes.iter().map(|hash| self.path(hash)).collect();
        on_a_thread_that_may_wait(move || {
            for path in paths {
                match fs::remove_file(path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            Ok(())
        })
        .await
    }
}
