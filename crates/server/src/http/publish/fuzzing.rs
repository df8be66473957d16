//! What holds for anything that is published.

use hither_protocol::{FirstAlert, MAX_FRAME_BYTES, PublishRequest, ServerFrame, Timestamp};

use super::{Named, message};
use crate::http::JsonBody;
use crate::store::PublisherRecord;

/// The body of `POST /v1/messages`: what is understood is written and read again without loss, and
/// what is taken fits a frame.
pub(crate) fn publish(bytes: &[u8]) {
    let Ok(request) = JsonBody::<PublishRequest>::parse(bytes) else {
        return;
    };
    let written = serde_json::to_vec(&request).expect("it was JSON");
    let again = JsonBody::<PublishRequest>::parse(&written);
    assert_eq!(again.ok().as_ref(), Some(&request));
    taken_fits_a_frame(request);
}

/// Whatever form it came in.
pub(in crate::http) fn taken_fits_a_frame(request: PublishRequest) {
    let now = Timestamp::UNIX_EPOCH;
    let id = "app-0000000000000001".parse().expect("an id");
    let publisher = PublisherRecord::new(id, "A publisher".to_owned(), Vec::new(), now);
    let Ok((message, _)) = message(&publisher, request, Named::default(), now) else {
        return;
    };
    let frame = ServerFrame::Message {
        cursor: "x".repeat(128).into(),
        alert: FirstAlert::Now,
        message: Box::new(message),
    };
    let text = frame.to_text();
    assert!(text.len() <= MAX_FRAME_BYTES, "{} bytes", text.len());
    assert_eq!(ServerFrame::parse(&text).ok(), Some(frame));
}
