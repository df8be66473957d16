//! What holds for anything that is sent in Gotify's form.

use axum::body::Body;
use axum::http::{HeaderValue, Request};
use futures_util::FutureExt as _;

use super::{CONTENT_TYPE, Recipients, sent};
use crate::http::publish::fuzzing::taken_fits_a_frame;

/// The media type, then a line break, then the body.
pub(crate) fn gotify(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (media_type, body) = bytes.split_at(end.unwrap_or(bytes.len()));
    let Ok(media_type) = HeaderValue::from_bytes(media_type) else {
        return;
    };
    let mut request = Request::new(Body::from(body.get(1..).unwrap_or_default().to_vec()));
    request.headers_mut().insert(CONTENT_TYPE, media_type);
    let read = sent(request).now_or_never();
    let Ok(sent) = read.expect("a whole body is read at once") else {
        return;
    };
    let Ok(priority) = sent.priority() else {
        return;
    };
    if let Ok(request) = sent.request(Recipients::default(), priority) {
        assert!(!request.body.is_empty());
        assert!(!request.title.contains(char::is_control));
        taken_fits_a_frame(request);
    }
}
