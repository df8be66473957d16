//! A JSON body, or a failure that says what is wrong with it.

use core::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use hither_protocol::ErrorCode;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::Failure;

/// How long a body may take to arrive.
const ARRIVES_WITHIN: Duration = Duration::from_secs(30);

/// A body that was JSON of the right shape.
pub(crate) struct JsonBody<T> {
    pub(crate) value: T,
    pub(crate) bytes: Bytes,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        if !says_json(request.headers()) {
            return Err(Failure::new(
                ErrorCode::UnsupportedMediaType,
                "Send the body as JSON, with the header Content-Type: application/json.",
            ));
        }
        let bytes = timeout(ARRIVES_WITHIN, Bytes::from_request(request, state))
            .await
            .map_err(|_| Failure::malformed("The body came too slowly; send it again."))?
            .map_err(|rejection| unreadable(rejection.status()))?;
        let value = Self::parse(&bytes)?;
        Ok(Self { value, bytes })
    }
}

impl<T: DeserializeOwned> JsonBody<T> {
    /// What a body's bytes say.
    pub(crate) fn parse(bytes: &[u8]) -> Result<T, Failure> {
        serde_json::from_slice(bytes).map_err(|error| not_as_expected(&error))
    }
}

fn says_json(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn unreadable(status: StatusCode) -> Failure {
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        Failure::new(ErrorCode::TooLarge, "The body is too large; send less.")
    } else {
        Failure::malformed("The body could not be read to its end; send it again.")
    }
}

fn not_as_expected(error: &serde_json::Error) -> Failure {
    if error.is_data() {
        Failure::invalid(format!("The body does not fit: {error}."))
    } else {
        Failure::malformed(format!("The body is not JSON: {error}."))
    }
}
