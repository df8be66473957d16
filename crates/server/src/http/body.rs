//! A JSON body, or a failure that says what is wrong with it.

use core::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use hither_protocol::ErrorCode;
use serde::de::{DeserializeOwned, IgnoredAny};
use tokio::time::timeout;

use super::Failure;

/// How long a body may take to arrive.
const ARRIVES_WITHIN: Duration = Duration::from_secs(30);

/// A body that was a JSON object of the right shape.
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
        object(bytes).map_err(|why| match why {
            Unfit::NoJson(why) => Failure::malformed(format!("The body is not JSON: {why}.")),
            Unfit::Other(why) => Failure::invalid(format!("The body does not fit: {why}.")),
        })
    }
}

/// Why bytes are not the object that they should be, in words for whoever sent them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// They are no JSON at all.
    NoJson(String),
    /// They are something else.
    Other(String),
}

impl Unfit {
    pub(super) fn into_words(self) -> String {
        let (Self::NoJson(words) | Self::Other(words)) = self;
        words
    }
}

/// Reads a JSON object. By itself serde would take the fields of a struct from an array, too.
pub(super) fn object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unfit> {
    if bytes.trim_ascii_start().starts_with(b"[") {
        serde_json::from_slice::<IgnoredAny>(bytes).map_err(|error| unfit(&error))?;
        return Err(Unfit::Other(
            "it is an array, and must be an object".to_owned(),
        ));
    }
    serde_json::from_slice(bytes).map_err(|error| unfit(&error))
}

fn unfit(error: &serde_json::Error) -> Unfit {
    if error.is_data() {
        Unfit::Other(in_words(&error.to_string()))
    } else {
        Unfit::NoJson(error.to_string())
    }
}

/// What serde says, without the names that things have in this program.
pub(crate) fn in_words(said: &str) -> String {
    if let Some((start, rest)) = said.split_once(" of untagged enum ") {
        let place = rest.split_once(' ').map_or("", |(_, place)| place);
        return format!("{start} {place}").trim_end().to_owned();
    }
    let Some((found, rest)) = said.rsplit_once(", expected ") else {
        return said.to_owned();
    };
    let (wanted, place) = match rest.rfind(" at line ") {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let (found, end) = match found {
        it if it.ends_with("invalid type: map") => (it.trim_end_matches("map"), "an object"),
        it if it.ends_with("invalid type: sequence") => {
            (it.trim_end_matches("sequence"), "an array")
        }
        found => (found, ""),
    };
    format!("{found}{end}, expected {}{place}", kind(wanted))
}

fn kind(wanted: &str) -> &str {
    let first = wanted.split(' ').next().unwrap_or_default();
    match first {
        "struct" | "internally" | "adjacently" | "map" => "an object",
        "tuple" | "sequence" => "an array",
        "enum" => "one of its words",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0 on",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        _ if wanted == "a map" => "an object",
        _ if wanted == "a sequence" => "an array",
        _ => wanted,
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

#[cfg(test)]
mod tests {
    use hither_protocol::{CreateSession, PublishRequest, Settings};
    use serde_json::{Value, json};

    use super::*;

    fn said<T: DeserializeOwned>(body: &str) -> String {
        match object::<T>(body.as_bytes()) {
            Ok(_) => "fine".to_owned(),
            Err(why) => why.into_words(),
        }
    }

    #[test]
    fn a_body_is_an_object() {
        assert_eq!(said::<PublishRequest>(" {\"to\":{}}"), "fine");
        for body in ["[]", " [1]", "[\"ada\",\"x\",{},{}]"] {
            for said in [said::<CreateSession>(body), said::<Settings>(body)] {
                assert_eq!(said, "it is an array, and must be an object", "{body}");
            }
        }
        assert!(matches!(object::<Value>(b"[1"), Err(Unfit::NoJson(_))));
    }

    #[test]
    fn no_word_of_the_program_itself_is_said() {
        let sign_in = |field: &str, value: Value| {
            let mut body = json!({
                "account": "ada", "password": "x",
                "device": { "name": "a", "platform": "b", "kind": "desktop" },
                "application": { "name": "hither", "version": "1" },
            });
            body[field] = value;
            said::<CreateSession>(&body.to_string())
        };
        let publish = |field: &str, value: Value| {
            said::<PublishRequest>(&json!({ "to": {}, field: value }).to_string())
        };
        let choose =
            |field: &str, value: Value| said::<Settings>(&json!({ field: value }).to_string());
        for (said, words) in [
            (sign_in("device", json!(1)), "expected an object"),
            (
                sign_in("password", json!([])),
                "an array, expected a string",
            ),
            (sign_in("account", json!({})), "an object"),
            (said::<CreateSession>("1"), "expected an object"),
            (said::<CreateSession>("{}"), "missing field `account`"),
            (
                publish("ttl_s", json!(-1)),
                "expected a whole number from 0 on",
            ),
            (
                publish("ttl_s", json!("x")),
                "expected a whole number from 0 on",
            ),
            (publish("tags", json!("x")), "expected an array"),
            (publish("priority", json!(9)), "1"),
            (publish("format", json!("rtf")), "unknown variant `rtf`"),
            (publish("format", json!(1)), "expected"),
            (publish("actions", json!([3])), "expected an object"),
            (publish("title", json!("a, expected struct B")), "fine"),
            (choose("do_not_disturb", json!(5)), "expected"),
            (choose("quiet_times", json!([{ "days": 1 }])), ""),
            (choose("priorities", json!(1)), "expected an object"),
        ] {
            assert!(said.contains(words), "{said}");
            for word in [
                "struct",
                "enum",
                "u64",
                "u8",
                "i64",
                "sequence",
                "a map",
                "variant of",
            ] {
                assert!(!said.contains(word), "{said}");
            }
        }
    }
}
