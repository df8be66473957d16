//! Running the server: everything around it until it stops.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::answer::Answer;
use super::systemd::{self, Systemd};
use super::{LOOK_AGAIN, PATIENCE};
use crate::Listeners;
use crate::admin::{self, AdminSocket};
use crate::config::Config;
use crate::store::{DataFolder, FolderError, SqliteStore, Store, system_clock};

/// As shells say of a program that an interrupt ended.
const STOPPED_AT_ONCE: i32 = 130;

/// Runs the server until SIGTERM or SIGINT.
pub(super) async fn serve(config: &Config, json: bool) -> anyhow::Result<()> {
    let (address, settings) = (config.listen()?, config.settings()?);
    let stop = stop_signal()?;
    raise_file_limit();
    let folder = lock_to_serve(&config.data.value).await?;
    let main = listen(address).await?;
    let metrics = match config.metrics_listen.value {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    let admin = AdminSocket::bind(folder.path()).with_context(|| {
        let folder = folder.path().display();
        format!("cannot make admin.sock in {folder}; its path may have about 90 bytes")
    })?;
    let listeners = Listeners {
        main,
        metrics,
        // Gone with the server, before the folder is free: it could take the next one's along.
        admin: Some(admin),
    };
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder, system_clock())?);
    let scheme = if settings.tls.is_some() {
        "https"
    } else {
        "http"
    };
    announce(scheme, &listeners, json)?;
    let systemd = Systemd::ready(Arc::clone(&store));

    let served = crate::serve(settings, Arc::clone(&store), listeners, stop).await;
    drop(systemd);
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

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))
}

fn announce(scheme: &str, listeners: &Listeners, json: bool) -> anyhow::Result<()> {
    let url = format!("{scheme}://{}", listeners.main.local_addr()?);
    let metrics = match &listeners.metrics {
        Some(listener) => Some(format!("http://{}/metrics", listener.local_addr()?)),
        None => None,
    };
    Answer::new(
        format!("listening on {url}"),
        json!({ "listening": url, "metrics": metrics, "pid": std::process::id() }),
    )
    .print(json)
}

/// Each connection takes a file; the system's usual limit is meant for programs with few of them.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// Resolves with the first SIGTERM or SIGINT; the second ends the process at once. What was
/// answered is on the disk by then.
fn stop_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        either(&mut terminate, &mut interrupt).await;
        tracing::info!("stopping; a second signal stops at once");
        systemd::stopping();
        tokio::spawn(async move {
            either(&mut terminate, &mut interrupt).await;
            tracing::warn!("stopped at once");
            std::process::exit(STOPPED_AT_ONCE);
        });
    })
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}
