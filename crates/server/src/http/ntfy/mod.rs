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
pub(crate) use self::error::NtfyError;
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

/// Addresses of ntfy's own that mean nothing here: about its accounts, its limits and its server.
const ITS_OWN: &[&str] = &["account", "config", "stats", "tiers", "version", "webpush"];

/// Whether an address that is not there is one that ntfy's clients ask for: they understand no other
/// answer than ntfy's.
pub(crate) fn is_asked_for(path: &str) -> bool {
    let mut parts = path.trim_start_matches('/').split('/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("v1"), Some(word), _) => ITS_OWN.contains(&word),
        (Some(_), Some(_), Some("clear" | "read" | "delete")) => parts.next().is_none(),
        _ => false,
    }
}

/// Whether a route is about topics.
pub(crate) fn is_of_topics(route: &str) -> bool {
    route.starts_with("/{topic}")
}

/// `GET /v1/health`: what ntfy's clients ask first.
pub(crate) async fn health() -> Json<Value> {
    Json(json!({ "healthy": true }))
}

#[cfg(test)]
mod tests {
    use super::is_asked_for;

    #[test]
    fn what_ntfys_clients_ask_for_is_known() {
        for path in [
            "/v1/account",
            "/v1/account/token",
            "/v1/stats",
            "/home/disk/clear",
        ] {
            assert!(is_asked_for(path), "{path}");
        }
        for path in [
            "/v1/nothing",
            "/v1",
            "/",
            "/home/disk",
            "/a/b/c",
            "/a/b/clear/d",
        ] {
            assert!(!is_asked_for(path), "{path}");
        }
    }
}
