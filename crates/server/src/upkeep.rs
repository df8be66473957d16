//! What is to be done from time to time: bring what was scheduled, withdraw what expired, remove
//! what need not be kept.

use core::time::Duration;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use crate::store::{Retention, Store, StoreError};

/// How often logs are looked through for what need not be kept.
const RETAIN_EVERY: Duration = Duration::from_mins(1);
/// The share of the time that this may take: a large store is looked through less often.
const RETAIN_SHARE: u32 = 100;
/// The wall clock is looked at so often: it may be set, and timers stop while a machine sleeps.
const LOOK_AGAIN: Duration = Duration::from_mins(1);
/// How long to wait where the store does not answer.
const BREATHER: Duration = Duration::from_secs(5);

/// Withdraws messages as they expire. `sooner` says that one came which may expire before the
/// others.
pub(crate) async fn expire(store: Arc<dyn Store>, sooner: Arc<Notify>) {
    let failed = "expired messages not withdrawn";
    while let Some(wait) = until_next(store.expire().await, failed) {
        sleep_or(wait, &sooner).await;
    }
}

/// Brings messages to their receivers as they are due; at first those that were due before.
/// `sooner` says that one came which may be due before the others.
pub(crate) async fn release(store: Arc<dyn Store>, sooner: Arc<Notify>) {
    let failed = "scheduled messages not released";
    while let Some(wait) = until_next(store.release().await, failed) {
        sleep_or(wait, &sooner).await;
    }
}

/// How long to wait before it is looked again; none once the store is closed.
fn until_next(
    next: Result<Option<Duration>, StoreError>,
    failed: &'static str,
) -> Option<Duration> {
    match next {
        Ok(wait) => Some(wait.map_or(LOOK_AGAIN, |wait| wait.min(LOOK_AGAIN))),
        Err(StoreError::Closed) => None,
        Err(error) => {
            tracing::error!(%error, "{failed}");
            Some(BREATHER)
        }
    }
}

async fn sleep_or(wait: Duration, sooner: &Notify) {
    tokio::select! {
        () = sleep(wait) => {}
        () = sooner.notified() => {}
    }
}

/// Removes what need not be kept.
pub(crate) async fn retain(store: Arc<dyn Store>, retention: Retention) {
    loop {
        let begun = Instant::now();
        match store.retain(retention).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "log entries removed"),
            Err(StoreError::Closed) => return,
            Err(error) => tracing::error!(%error, "old log entries not removed"),
        }
        sleep_until(begun + RETAIN_EVERY.max(begun.elapsed() * RETAIN_SHARE)).await;
    }
}
