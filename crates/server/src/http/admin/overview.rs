//! How the server does.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;

use super::super::{App, Failure};
use super::Admin;
use crate::accounts::clock;

/// How the server does.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Health {
    version: &'static str,
    uptime_s: u64,
    /// Open streams.
    streams: usize,
    accounts: u64,
    publishers: u64,
    /// Of the store, on the disk.
    store_bytes: u64,
    /// What the store's disk has left, where the system says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    disk_free_bytes: Option<u64>,
}

/// `GET /admin/api/health`
pub(crate) async fn health(
    State(app): State<Arc<App>>,
    Admin(_): Admin,
) -> Result<Json<Health>, Failure> {
    let extent = app.store.extent().await?;
    Ok(Json(Health {
        version: env!("CARGO_PKG_VERSION"),
        uptime_s: clock::now().since(app.started).as_secs(),
        streams: app.registry.count().0,
        accounts: extent.accounts,
        publishers: extent.publishers,
        store_bytes: extent.bytes,
        disk_free_bytes: extent.free_bytes,
    }))
}
