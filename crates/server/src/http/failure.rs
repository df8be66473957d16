//! Errors as problem details (RFC 9457).

use axum::Json;
use axum::http::header::{CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use hither_protocol::{ErrorCode, PROBLEM_JSON, Problem};

use super::{ntfy, publisher};
use crate::limits::{NoPlace, TooSoon};
use crate::store::StoreError;

/// What is wrong, for whoever counts, where only the status is known.
pub(super) const fn code_of(status: StatusCode) -> ErrorCode {
    match status.as_u16() {
        401 => ErrorCode::Unauthenticated,
        403 => ErrorCode::Forbidden,
        404 => ErrorCode::NotFound,
        405 => ErrorCode::MethodNotAllowed,
        413 => ErrorCode::TooLarge,
        415 => ErrorCode::UnsupportedMediaType,
        416 => ErrorCode::RangeNotSatisfiable,
        422 => ErrorCode::Invalid,
        429 => ErrorCode::TooMany,
        503 => ErrorCode::Unavailable,
        507 => ErrorCode::StorageFull,
        400..500 => ErrorCode::Malformed,
        _ => ErrorCode::Internal,
    }
}

/// What is asked of whoever did not say who they are.
pub(super) const BASIC: HeaderValue = HeaderValue::from_static("Basic realm=\"hither\"");
const BEARER: HeaderValue = HeaderValue::from_static("Bearer realm=\"hither\"");

/// When there may be a place again, in seconds.
const NO_PLACE_S: u64 = 30;

/// Why a request is not answered as asked.
#[derive(Debug)]
pub(crate) struct Failure {
    code: ErrorCode,
    /// What happened and what to do next.
    detail: String,
    retry_after_s: Option<u64>,
    /// Whether HTTP Basic would do, too.
    takes_basic: bool,
    /// Bytes of the file, of which a part was asked for that it does not have.
    length: Option<u64>,
}

impl Failure {
    pub(crate) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            retry_after_s: None,
            takes_basic: false,
            length: None,
        }
    }

    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::Malformed, detail)
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::Invalid, detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::NotFound, detail)
    }

    /// Too many requests; the next one makes sense after so many seconds.
    pub(crate) fn too_many(detail: impl Into<String>, retry_after_s: u64) -> Self {
        Self {
            retry_after_s: Some(retry_after_s),
            ..Self::new(ErrorCode::TooMany, detail)
        }
    }

    /// Nobody proved who they are, where HTTP Basic does as well as a bearer token.
    pub(crate) fn unauthenticated_publisher(detail: impl Into<String>) -> Self {
        Self {
            takes_basic: true,
            ..Self::new(ErrorCode::Unauthenticated, detail)
        }
    }

    /// A part was asked for of a file that has no more than so many bytes.
    pub(crate) fn beyond(length: u64) -> Self {
        Self {
            length: Some(length),
            ..Self::new(
                ErrorCode::RangeNotSatisfiable,
                format!(
                    "The file has {length} bytes; ask for a part of it that begins before its end."
                ),
            )
        }
    }

    /// The server has too much to do; it may have less after so many seconds.
    pub(crate) fn busy(detail: impl Into<String>, retry_after_s: u64) -> Self {
        Self {
            retry_after_s: Some(retry_after_s),
            ..Self::new(ErrorCode::Unavailable, detail)
        }
    }
}

impl From<TooSoon> for Failure {
    fn from(too_soon: TooSoon) -> Self {
        let seconds = too_soon.seconds();
        Self::too_many(
            format!("Too many requests; wait {seconds} s and send fewer."),
            seconds,
        )
    }
}

impl From<NoPlace> for Failure {
    fn from(why: NoPlace) -> Self {
        match why {
            NoPlace::Full => Self::busy(
                "The server has as many connections as it may; try again later.",
                NO_PLACE_S,
            ),
            NoPlace::TooMany => Self::too_many(
                "Your address has as many connections as it may; close some first.",
                NO_PLACE_S,
            ),
        }
    }
}

impl Failure {
    /// For those who word it differently.
    pub(crate) const fn code(&self) -> ErrorCode {
        self.code
    }

    /// What happened and what to do next.
    pub(crate) fn into_detail(self) -> String {
        self.detail
    }

    /// When the next request makes sense.
    pub(crate) const fn retry_after_s(&self) -> Option<u64> {
        self.retry_after_s
    }

    /// Bytes of the file whose part is not there.
    pub(crate) const fn length(&self) -> Option<u64> {
        self.length
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken => Self::new(ErrorCode::Taken, "That name is taken; choose another."),
            StoreError::NotFound => Self::not_found("There is no such thing here."),
            StoreError::NoReceivers => Self::new(
                ErrorCode::NoReceivers,
                "None of the receivers is known here to this publisher; nothing was stored.",
            ),
            StoreError::Forbidden => Self::new(
                ErrorCode::Forbidden,
                "You may not do this; ask the owner or the server's administrator.",
            ),
            StoreError::Disabled => publisher::disabled(),
            StoreError::TooMany => Self::invalid("There are as many as may be; remove one first."),
            StoreError::TooManyTopics => ntfy::Refused::TooMany.into(),
            StoreError::Unfilled(why) => Self::invalid(why.to_string()),
            StoreError::IdempotencyMismatch => Self::new(
                ErrorCode::IdempotencyMismatch,
                "This Idempotency-Key came before with another body; use a new key for a new message.",
            ),
            StoreError::Changed => Self::new(
                ErrorCode::Changed,
                "It was changed meanwhile and nothing was stored; read it again, and decide anew.",
            ),
            StoreError::Full => Self::new(
                ErrorCode::StorageFull,
                "The server's disk is full and nothing was stored; try again later.",
            ),
            StoreError::OverQuota => Self::new(
                ErrorCode::QuotaExceeded,
                "There would be too many bytes of attachments; recall messages that carry some, \
                 or ask the server's administrator for a larger quota.",
            ),
            StoreError::Closed => Self::new(
                ErrorCode::Unavailable,
                "The server is shutting down; try again in a moment.",
            ),
            StoreError::Broken(reason) => {
                tracing::error!(reason, "store broken");
                Self::new(
                    ErrorCode::Internal,
                    "The server could not do this; its log says why.",
                )
            }
        }
    }
}

/// What a 416 says in `Content-Range`.
pub(super) fn beyond(length: u64) -> HeaderValue {
    HeaderValue::try_from(format!("bytes */{length}")).expect("digits are plain text")
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let problem = Problem {
            title: self.code.title().to_owned(),
            status: status.as_u16(),
            detail: self.detail,
            code: self.code,
        };
        let mut response = (status, Json(problem)).into_response();
        // For whoever counts.
        response.extensions_mut().insert(self.code);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if status == StatusCode::UNAUTHORIZED {
            if self.takes_basic {
                headers.append(WWW_AUTHENTICATE, BASIC);
            }
            headers.append(WWW_AUTHENTICATE, BEARER);
        }
        if let Some(length) = self.length {
            headers.insert(CONTENT_RANGE, beyond(length));
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publisher_disabled_meanwhile_hears_what_it_hears_afterwards() {
        let failure = Failure::from(StoreError::Disabled);
        assert_eq!(failure.code(), ErrorCode::Forbidden);
        assert!(failure.into_detail().contains("disabled"));
    }

    #[test]
    fn a_full_disk_says_that_nothing_was_stored() {
        let response = Failure::from(StoreError::Full).into_response();
        assert_eq!(response.status(), StatusCode::INSUFFICIENT_STORAGE);
        let code = response.extensions().get::<ErrorCode>();
        assert_eq!(code, Some(&ErrorCode::StorageFull));
    }
}
