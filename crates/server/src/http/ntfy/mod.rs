//! ntfy's API: scripts and clients that speak it publish and subscribe here unchanged.

mod actions;
mod asked;
mod delay;
mod encoded_word;
mod error;
mod feed;
mod file;
mod filter;
#[cfg(any(test, fuzzing))]
pub(super) mod fuzzing;
mod known;
mod message;
mod params;
mod publication;
mod publish;
mod reading;
mod subscribe;
mod template;
mod topic;
mod who;

use std::sync::Arc;

use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

pub(crate) use self::delay::moment;
pub(crate) use self::feed::MAX_FEEDS;
pub(crate) use self::known::KnownPasswords;
pub(crate) use self::publication::{of_page, priority_named};
pub(crate) use self::publish::as_json;
pub(crate) use self::topic::{Refused, claimed, readable, topic_name, writable};
use super::App;

/// What is answered in ntfy's words, beside `POST /`.
pub(crate) fn routes() -> Router<Arc<App>> {
    let topic = get(subscribe::page)
        .post(publish::to_topic)
        .put(publish::to_topic);
    let word = get(subscribe::word)
        .post(publish::in_sequence)
        .put(publish::in_sequence)
        .delete(publish::recall);
    Router::new()
        .route("/file/{topic}/{id}/{name}", get(file::download))
        .route("/{topic}", topic)
        .route("/{topic}/{word}", word)
}

/// `GET /v1/health`: what ntfy's clients ask first.
pub(crate) async fn health() -> Json<Value> {
    Json(json!({ "healthy": true }))
}
