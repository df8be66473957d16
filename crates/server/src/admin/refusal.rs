//! Why an administrator's wish was not done.

use hither_protocol::{AccountName, ErrorCode};
use serde::{Deserialize, Serialize};

use super::AdminRequest;
use crate::http::{Failure, topic_name};
use crate::store::{BackupError, Change, Store, StoreError};

/// Nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{detail}")]
pub struct Refusal {
    /// For programs, as over HTTP; absent where nothing over HTTP is refused so.
    #[serde(default)]
    pub code: Option<ErrorCode>,
    /// For people.
    pub detail: String,
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        let (code, detail) = (Some(code), detail.into());
        Self { code, detail }
    }

    /// Of what the store did not do to `what`.
    pub(super) fn of(error: StoreError, what: &str) -> Self {
        let detail = match &error {
            StoreError::Taken => format!("{what} exists already"),
            StoreError::NotFound => format!("there is no {what}"),
            other => other.to_string(),
        };
        Self::new(Failure::from(error).code(), detail)
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::new(failure.code(), failure.into_detail())
    }
}

impl From<BackupError> for Refusal {
    fn from(error: BackupError) -> Self {
        let code = match &error {
            BackupError::Exists(_) => Some(ErrorCode::Taken),
            BackupError::Stopped => Some(ErrorCode::Unavailable),
            BackupError::Store(_) => Some(ErrorCode::Internal),
            // Most likely the folder is missing, or the server may not write there.
            BackupError::Io { .. } => None,
        };
        let detail = error.to_string();
        Self { code, detail }
    }
}

impl AdminRequest {
    /// Whether what it gives can be given: some names of topics are addresses of the server. Taking
    /// them back is always possible.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let given: Vec<&str> = match self {
            Self::GrantTopic { topic, .. } => vec![topic.as_str()],
            Self::AddPublisher { audience, .. }
            | Self::WidenPublisher {
                more: Change { audience, .. },
                ..
            } => audience.topics.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        };
        for name in given {
            let refused = |why| {
                Refusal::new(
                    ErrorCode::Invalid,
                    format!("{name} is no name for a topic: {why}"),
                )
            };
            topic_name(name).map_err(|error| refused(error.detail()))?;
        }
        Ok(())
    }

    /// Accounts that it names beside its subject.
    pub(super) fn named(&self) -> Vec<AccountName> {
        let audience = match self {
            Self::AddPublisher { audience, .. } => audience,
            Self::WidenPublisher { more: change, .. }
            | Self::NarrowPublisher { less: change, .. } => &change.audience,
            _ => return Vec::new(),
        };
        audience.accounts.iter().cloned().collect()
    }
}

/// The first of the accounts that does not exist.
pub(super) async fn unknown(store: &dyn Store, names: &[AccountName]) -> Option<AccountName> {
    for name in names {
        if matches!(store.account(name).await, Ok(None)) {
            return Some(name.clone());
        }
    }
    None
}
