//! What publishers do beside publishing.

mod records;
mod registration;

use std::sync::Arc;

use axum::Router;
use axum::routing::{delete, get, post};

pub(super) use self::records::{AllKept, Values};
pub(super) use self::registration::{MAX_CONTACT, Register, Registered};
use super::{App, Client, Failure, JsonBody, Publisher};

pub(super) fn routes() -> Router<Arc<App>> {
    let record = get(records::show).put(records::put).delete(records::remove);
    Router::new()
        .route("/publishers", post(registration::register))
        .route("/receivers/{account}/record", record)
        .route("/records", get(records::list))
        .route("/records/{publisher}", delete(records::erase))
}
