//! Accepts messages, stores them, knows who is connected where, delivers, reroutes.

pub mod admin;
pub mod cli;
pub mod config;
pub mod secret;
pub mod store;

use std::sync::Arc;

use tokio::net::TcpListener;

/// Serves until `shutdown`, then says goodbye to open streams.
pub async fn serve(
    settings: config::Settings,
    store: Arc<dyn store::Store>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let _ = (settings, store, listener);
    shutdown.await;
    Ok(())
}
