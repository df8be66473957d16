//! Errors as ntfy's clients know them: `{"code":40301,"http":403,"error":"…","link":"…"}`.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_RANGE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use hither_protocol::ErrorCode;
use serde::Serialize;

use crate::http::failure::{BASIC, beyond};
use crate::http::{Failure, code_of};
use crate::limits::TooSoon;
use crate::store::StoreError;

/// When another subscription may have ended, in seconds.
const SUBSCRIPTIONS_END_S: u64 = 30;

/// Why a request in ntfy's form is not answered as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NtfyError {
    why: Why,
    /// What to do next.
    detail: String,
    retry_after_s: Option<u64>,
    /// Bytes of the file whose part is not there.
    length: Option<u64>,
    /// For whoever counts.
    code: ErrorCode,
}

#[derive(Debug, Serialize)]
struct Body {
    code: u32,
    http: u16,
    error: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    link: &'static str,
}

macro_rules! reasons {
    ($($name:ident = $code:literal, $text:literal, $link:literal;)*) => {
        /// ntfy's own numbers and words, as far as they fit.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Why { $($name),* }

        impl Why {
            /// The number; its first three digits are the HTTP status.
            pub(crate) const fn code(self) -> u32 {
                match self { $(Self::$name => $code),* }
            }

            fn status(self) -> StatusCode {
                let status = u16::try_from(self.code() / 100).unwrap_or(500);
                StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }

            const fn text(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// Where ntfy explains the syntax.
            const fn link(self) -> &'static str {
                match self { $(Self::$name => $link),* }
            }
        }
    };
}

reasons! {
    Invalid = 40000, "invalid request", "";
    Email = 40001, "e-mail notifications are not enabled", "";
    DelayNoCache = 40002, "cannot disable cache for delayed message", "";
    Delay = 40004, "invalid delay parameter: unable to parse delay",
        "https://ntfy.sh/docs/publish/#scheduled-delivery";
    DelayTooSmall = 40005, "invalid delay parameter: too small",
        "https://ntfy.sh/docs/publish/#scheduled-delivery";
    DelayTooLarge = 40006, "invalid delay parameter: too large",
        "https://ntfy.sh/docs/publish/#scheduled-delivery";
    Priority = 40007, "invalid priority parameter",
        "https://ntfy.sh/docs/publish/#message-priority";
    Since = 40008, "invalid since parameter",
        "https://ntfy.sh/docs/subscribe/api/#fetch-cached-messages";
    Topic = 40009, "invalid request: topic invalid", "";
    TopicReserved = 40010, "invalid request: topic name is not allowed", "";
    NotUtf8 = 40011, "invalid message: message must be UTF-8 encoded", "";
    AttachUrl = 40013, "invalid request: attachment URL is invalid",
        "https://ntfy.sh/docs/publish/#attachments";
    NotWebSocket = 40016, "invalid request: client not using the websocket protocol",
        "https://ntfy.sh/docs/subscribe/api/#websockets";
    Json = 40017, "invalid request: request body must be message JSON",
        "https://ntfy.sh/docs/publish/#publish-as-json";
    Actions = 40018, "invalid request: actions invalid",
        "https://ntfy.sh/docs/publish/#action-buttons";
    Icon = 40021, "invalid request: icon URL is invalid",
        "https://ntfy.sh/docs/publish/#icons";
    Call = 40032, "invalid request: calling is disabled", "";
    TemplateNotJson = 40042,
        "invalid request: message body must be JSON if templating is enabled",
        "https://ntfy.sh/docs/publish/#message-templating";
    Template = 40043, "invalid request: could not parse template",
        "https://ntfy.sh/docs/publish/#message-templating";
    Unauthorized = 40101, "unauthorized", "";
    Forbidden = 40301, "forbidden", "";
    NotFound = 40401, "page not found", "";
    MethodNotAllowed = 40501, "method not allowed", "";
    TooLarge = 41301, "attachment too large, or bandwidth limit reached", "";
    JsonTooLarge = 41303, "JSON body too large", "";
    Range = 41601, "range not satisfiable", "";
    TooMany = 42901, "limit reached: too many requests, please be nice", "";
    TooManySubscriptions = 42903,
        "limit reached: too many active subscriptions, please be nice", "";
    TooManyTopics = 42904, "limit reached: the total number of topics has been reached", "";
    TooManyGuesses = 42909, "limit reached: too many auth failures", "";
    Internal = 50001, "internal server error", "";
    Unavailable = 50301, "service unavailable", "";
    Full = 50702, "insufficient storage", "";
}

impl Why {
    /// When the next try makes sense, where nobody says it better.
    const fn retry_after_s(self) -> Option<u64> {
        match self {
            // A subscription may end at any time.
            Self::TooManySubscriptions => Some(SUBSCRIPTIONS_END_S),
            _ => None,
        }
    }
}

impl NtfyError {
    /// With a word on what to do next.
    pub(crate) fn new(why: Why, detail: impl Into<String>) -> Self {
        Self {
            why,
            detail: detail.into(),
            retry_after_s: why.retry_after_s(),
            length: None,
            code: code_of(why.status()),
        }
    }

    /// The next try makes sense after so many seconds.
    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        Self {
            retry_after_s: Some(seconds),
            ..self
        }
    }

    #[cfg(test)]
    pub(crate) const fn why(&self) -> Why {
        self.why
    }

    fn text(&self) -> String {
        if self.detail.is_empty() {
            return self.why.text().to_owned();
        }
        format!("{}, {}", self.why.text(), self.detail)
    }
}

impl From<Why> for NtfyError {
    fn from(why: Why) -> Self {
        Self::new(why, "")
    }
}

impl From<Failure> for NtfyError {
    fn from(failure: Failure) -> Self {
        let why = match failure.code() {
            ErrorCode::Unauthenticated | ErrorCode::WrongCredentials => Why::Unauthorized,
            ErrorCode::Forbidden | ErrorCode::NoReceivers => Why::Forbidden,
            ErrorCode::NotFound => Why::NotFound,
            ErrorCode::MethodNotAllowed => Why::MethodNotAllowed,
            ErrorCode::TooLarge | ErrorCode::QuotaExceeded => Why::TooLarge,
            ErrorCode::TooMany => Why::TooMany,
            ErrorCode::RangeNotSatisfiable => Why::Range,
            ErrorCode::Internal | ErrorCode::Unknown => Why::Internal,
            ErrorCode::Unavailable => Why::Unavailable,
            ErrorCode::StorageFull => Why::Full,
            _ => Why::Invalid,
        };
        Self {
            why,
            code: failure.code(),
            retry_after_s: failure.retry_after_s(),
            length: failure.length(),
            detail: failure.into_detail(),
        }
    }
}

impl From<TooSoon> for NtfyError {
    fn from(too_soon: TooSoon) -> Self {
        Failure::from(too_soon).into()
    }
}

impl From<StoreError> for NtfyError {
    fn from(error: StoreError) -> Self {
        Failure::from(error).into()
    }
}

impl IntoResponse for NtfyError {
    fn into_response(self) -> Response {
        let status = self.why.status();
        let body = Body {
            code: self.why.code(),
            http: status.as_u16(),
            error: self.text(),
            link: self.why.link(),
        };
        let mut response = (status, Json(body)).into_response();
        response.extensions_mut().insert(self.code);
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, BASIC);
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
    fn a_code_begins_with_its_status() {
        for (why, status) in [
            (Why::Forbidden, 403),
            (Why::Unauthorized, 401),
            (Why::TooMany, 429),
            (Why::Full, 507),
        ] {
            let response = NtfyError::from(why).into_response();
            assert_eq!(response.status().as_u16(), status);
        }
    }

    #[test]
    fn the_detail_follows_ntfys_words() {
        let error = NtfyError::new(Why::Forbidden, "ask for a grant");
        assert_eq!(error.text(), "forbidden, ask for a grant");
        assert_eq!(NtfyError::from(Why::Topic).text(), Why::Topic.text());
    }
}
