//! Entity tags: which version of something somebody has.

use axum::http::{HeaderMap, HeaderName};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::attachments::FileHash;

/// Of what is answered as JSON: the same for the same content.
pub(crate) fn of(content: &impl Serialize) -> String {
    let json = serde_json::to_vec(content).unwrap_or_default();
    format!("\"{}\"", FileHash(Sha256::digest(json).into()))
}

/// Whether a header with entity tags names this one. What a proxy that compresses made weak is
/// taken for what it was.
pub(crate) fn named_in(headers: &HeaderMap, name: &HeaderName, etag: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|tag| tag.trim().trim_start_matches("W/"))
        .any(|tag| tag == etag || tag == "*")
}
