//! What a request's `Authorization` header carries.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Some clients leave the padding out.
pub(super) const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);

/// Credentials, which nobody has looked at yet.
#[derive(PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(super) enum Authorization {
    /// Name and secret.
    Basic(String, String),
    /// A token.
    Bearer(String),
}

impl Authorization {
    /// What the header carries; none where there is none, or it is of another kind or broken.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        Self::parse(headers.get(AUTHORIZATION)?.to_str().ok()?)
    }

    /// The same of a header's value.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let (scheme, rest) = value.trim().split_once(' ')?;
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(Self::Bearer(rest.to_owned()));
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = String::from_utf8(BASE64.decode(rest).ok()?).ok()?;
        let (name, secret) = decoded.split_once(':')?;
        Some(Self::Basic(name.to_owned(), secret.to_owned()))
    }

    pub(super) fn bearer(self) -> Option<String> {
        match self {
            Self::Bearer(token) => Some(token),
            Self::Basic(..) => None,
        }
    }

    /// A publisher's id and secret; as a token they are `id.secret`.
    pub(super) fn id_and_secret(self) -> Option<(String, String)> {
        match self {
            Self::Basic(id, secret) => Some((id, secret)),
            Self::Bearer(token) => {
                let (id, secret) = token.split_once('.')?;
                Some((id.to_owned(), secret.to_owned()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(name: &str, secret: &str) -> Authorization {
        Authorization::Basic(name.to_owned(), secret.to_owned())
    }

    #[test]
    fn a_name_with_a_secret_or_a_token_is_understood() {
        let bearer = |token: &str| Authorization::Bearer(token.to_owned());
        for (value, expected) in [
            ("Basic YWRhOnBhc3M=", Some(basic("ada", "pass"))),
            ("basic YWRhOnBhc3M", Some(basic("ada", "pass"))),
            ("BASIC  OnRrXzE= ", Some(basic("", "tk_1"))),
            ("Bearer tk_1", Some(bearer("tk_1"))),
            ("bearer  tk_1 ", Some(bearer("tk_1"))),
            ("Digest x", None),
            ("Basic %%", None),
            ("Basic YWRh", None),
            ("Basic", None),
            ("", None),
        ] {
            assert_eq!(Authorization::parse(value), expected, "{value}");
        }
    }

    #[test]
    fn a_publisher_says_id_and_secret_either_way() {
        let said = Some(("app-1".to_owned(), "s:e.c".to_owned()));
        for value in ["Basic YXBwLTE6czplLmM=", "Bearer app-1.s:e.c"] {
            let authorization = Authorization::parse(value).unwrap();
            assert_eq!(authorization.id_and_secret(), said, "{value}");
        }
        let token = Authorization::Bearer("no-dot".to_owned());
        assert_eq!(token.id_and_secret(), None);
    }
}
