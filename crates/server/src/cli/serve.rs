//! Running the server: everything around it until it stops.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::answer::Answer;
use super::{LOOK_AGAIN, PATIENCE};
use crate::admin::{self, AdminSocket};
use crate::config::Config;
use crate::store::{DataFolder, FolderError, SqliteStore, Store, system_clock};

/// Runs the server until SIGTERM or SIGINT.
pub(super) async fn serve(config: &Config, json: bool) -> anyhow::Result<()> {
    let (address, settings) = (config.listen()?, config.settings()?);
    let stop = stop_signal()?;
    let folder = lock_to_serve(&config.data.value).await?;
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    let door = AdminSocket::bind(folder.path()).with_context(|| {
        let folder = folder.path().display();
        format!("cannot make admin.sock in {folder}; its path may have about 90 bytes")
    })?;
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder, system_clock())?);
    let scheme = if settings.tls.is_some() {
        "https"
    } else {
        "http"
    };
    announce(scheme, listener.local_addr()?, json)?;

    let door = tokio::spawn(door.run(Arc::clone(&store)));
    let served = crate::serve(settings, Arc::clone(&store), listener, stop).await;
    // Gone before the folder is free, or it could take the next server's socket with it.
    door.abort();
    let _ = door.await;
    store.close().await;
    Ok(served?)
}

/// A server found listening is told at once; a command that holds the lock is waited for.
async fn lock_to_serve(data: &Path) -> anyhow::Result<DataFolder> {
    let begun = Instant::now();
    loop {
        match DataFolder::lock(data) {
            Err(FolderError::InUse { .. })
                if !admin::is_open(data).await && begun.elapsed() <= PATIENCE =>
            {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            locked => return Ok(locked?),
        }
    }
}

fn announce(scheme: &str, address: SocketAddr, json: bool) -> anyhow::Result<()> {
    let url = format!("{scheme}://{address}");
    Answer::new(
        format!("listening on {url}"),
        json!({ "listening": url, "pid": std::process::id() }),
    )
    .print(json)
}

/// Resolves with the first SIGTERM or SIGINT.
fn stop_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
    })
}
