//! What systemd is told, where it runs the server.

use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::task::JoinHandle;

use crate::store::Store;

/// Tells systemd that the server lives, as long as this does.
pub(super) struct Systemd(Option<JoinHandle<()>>);

impl Systemd {
    /// Says that the server is ready, and from then on that its store answers.
    pub(super) fn ready(store: Arc<dyn Store>) -> Self {
        say(NotifyState::Ready);
        let patience = sd_notify::watchdog_enabled();
        Self(patience.map(|patience| tokio::spawn(watch(store, patience / 3))))
    }
}

impl Drop for Systemd {
    fn drop(&mut self) {
        if let Some(watch) = &self.0 {
            watch.abort();
        }
    }
}

/// Says that the server is about to end.
pub(super) fn stopping() {
    say(NotifyState::Stopping);
}

async fn watch(store: Arc<dyn Store>, every: Duration) {
    loop {
        match store.answers().await {
            Ok(()) => say(NotifyState::Watchdog),
            Err(error) => tracing::error!(%error, "the store does not answer"),
        }
        tokio::time::sleep(every).await;
    }
}

/// Does nothing where systemd does not run the server.
fn say(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "systemd was not told");
    }
}
