//! Files of the server's own pages, which are inside the program.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};

use super::Failure;

/// What a page may load and do: what this server itself serves, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; manifest-src 'self'; worker-src 'self'; \
    frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Name, media type and bytes.
pub(super) type File = (&'static str, &'static str, &'static [u8]);

pub(super) const HTML: &str = "text/html; charset=utf-8";
pub(super) const SCRIPT: &str = "text/javascript; charset=utf-8";
pub(super) const STYLE: &str = "text/css; charset=utf-8";
pub(super) const MANIFEST: &str = "application/manifest+json";
pub(super) const PICTURE: &str = "image/svg+xml";

/// One of a page's files.
pub(super) fn serve(files: &[File], name: &str) -> Result<Response, Failure> {
    let (_, media_type, bytes) = files
        .iter()
        .find(|(present, ..)| *present == name)
        .ok_or_else(no_file)?;
    let headers = [
        (CONTENT_TYPE, *media_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-cache"),
    ];
    Ok((headers, *bytes).into_response())
}

pub(super) fn no_file() -> Failure {
    Failure::not_found("This page has no such file; open /app/ or /admin/.")
}
