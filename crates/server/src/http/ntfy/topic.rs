//! Which names a topic may have, and who may use it.

use hither_protocol::{ErrorCode, PublisherId, TopicName};

use super::error::{NtfyError, Why};
use crate::http::{App, Failure};
use crate::store::{Grantee, MAX_TOPICS, StoreError, Topic};

/// Names that are addresses of the server itself, or of an ntfy or Gotify server.
const RESERVED: &[&str] = &[
    "_matrix",
    "account",
    "admin",
    "app",
    "application",
    "assets",
    "client",
    "docs",
    "file",
    "health",
    "healthz",
    "login",
    "message",
    "metrics",
    "plugin",
    "pricing",
    "readyz",
    "reset-password",
    "settings",
    "signup",
    "static",
    "stream",
    "user",
    "v1",
    "version",
];

/// Why a topic is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Choose a name of letters, digits, `_` and `-`.
    Invalid,
    /// Choose another name.
    Reserved,
    /// Ask the owner or an administrator for a grant.
    Forbidden(TopicName, &'static str),
    /// Use one that is there.
    TooMany,
    /// As the store says.
    Store(StoreError),
}

/// A name that may be a topic's.
pub(crate) fn topic_name(text: &str) -> Result<TopicName, Refused> {
    let name = text.parse().map_err(|_| Refused::Invalid)?;
    if RESERVED.contains(&text) {
        return Err(Refused::Reserved);
    }
    Ok(name)
}

/// The name, for somebody who may publish to the topic. A free one is not claimed yet.
pub(crate) async fn writable(app: &App, name: &str, who: &Grantee) -> Result<TopicName, Refused> {
    let name = topic_name(name)?;
    if !app.store.rights(&name, who).await?.write {
        return Err(Refused::Forbidden(name, "write"));
    }
    Ok(name)
}

/// The topic, for a publisher that may write to it; a free one becomes its own.
pub(crate) async fn claimed(app: &App, name: &str, who: &PublisherId) -> Result<Topic, Refused> {
    let name = topic_name(name)?;
    let topic = app.store.claim_topic(&name, who).await;
    topic.map_err(|error| Refused::of(error, &name, "write"))
}

/// The name, for somebody who may read the topic, which need not be there.
pub(crate) async fn readable(app: &App, name: &str, who: &Grantee) -> Result<TopicName, Refused> {
    let name = topic_name(name)?;
    if !app.store.rights(&name, who).await?.read {
        return Err(Refused::Forbidden(name, "read"));
    }
    Ok(name)
}

impl Refused {
    fn of(error: StoreError, name: &TopicName, right: &'static str) -> Self {
        match error {
            StoreError::Forbidden => Self::Forbidden(name.clone(), right),
            StoreError::TooManyTopics => Self::TooMany,
            other => Self::Store(other),
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Invalid => "a topic is 1 to 64 letters, digits, '_' and '-'".to_owned(),
            Self::Reserved => "this name is an address of the server; choose another".to_owned(),
            Self::Forbidden(topic, right) => format!(
                "you may not {right} {topic}; its owner or an administrator can allow it: \
                 hither-server topic grant {topic} NAME {right}"
            ),
            Self::TooMany => format!(
                "publishers own {MAX_TOPICS} topics here, and more may not be; use one that is there"
            ),
            Self::Store(error) => error.to_string(),
        }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Refused> for NtfyError {
    fn from(refused: Refused) -> Self {
        let why = match refused {
            Refused::Store(error) => return error.into(),
            Refused::Invalid => Why::Topic,
            Refused::Reserved => Why::TopicReserved,
            Refused::Forbidden(..) => Why::Forbidden,
            Refused::TooMany => Why::TooManyTopics,
        };
        Self::new(why, refused.detail())
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        let code = match refused {
            Refused::Store(error) => return error.into(),
            Refused::Invalid | Refused::Reserved | Refused::TooMany => ErrorCode::Invalid,
            Refused::Forbidden(..) => ErrorCode::Forbidden,
        };
        let detail = refused.detail();
        let mut letters = detail.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        let sentence: String = first.into_iter().chain(letters).chain(['.']).collect();
        Self::new(code, sentence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_names_are_taken_from_the_start() {
        for (name, expected) in [
            ("alerts", Ok("alerts".parse().unwrap())),
            ("V1", Ok("V1".parse().unwrap())),
            ("v1", Err(Refused::Reserved)),
            ("message", Err(Refused::Reserved)),
            ("settings", Err(Refused::Reserved)),
            ("", Err(Refused::Invalid)),
            ("a b", Err(Refused::Invalid)),
            ("a,b", Err(Refused::Invalid)),
            ("é", Err(Refused::Invalid)),
        ] {
            assert_eq!(topic_name(name), expected, "{name}");
        }
        assert!(topic_name(&"x".repeat(64)).is_ok());
        assert!(topic_name(&"x".repeat(65)).is_err());
        assert!(RESERVED.is_sorted());
    }
}
