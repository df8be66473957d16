//! How the values of a row become the project's own types, and back.

use hither_protocol::{MessageId, Timestamp};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{ErrorCode, ffi};
use uuid::Uuid;

use crate::store::{Position, StoreError};

pub(super) const ID_BYTES: usize = 16;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let full = error.sqlite_error().is_some_and(|cause| {
            cause.code == ErrorCode::DiskFull
                // Growing the shared memory beside the log is the one write SQLite reports so.
                || cause.extended_code == ffi::SQLITE_IOERR_SHMSIZE
        });
        if full {
            Self::Full
        } else {
            Self::Broken(error.to_string())
        }
    }
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        if matches!(error.kind(), FileTooLarge | QuotaExceeded | StorageFull) {
            Self::Full
        } else {
            Self::Broken(error.to_string())
        }
    }
}

impl ToSql for Position {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        i64::try_from(self.0)
            .map(ToSqlOutput::from)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
    }
}

impl FromSql for Position {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = value.as_i64()?;
        u64::try_from(number)
            .map(Self)
            .map_err(|_| FromSqlError::OutOfRange(number))
    }
}

/// `Taken` where a name or id exists already, else as the error says.
pub(super) fn taken(error: rusqlite::Error) -> StoreError {
    if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) {
        StoreError::Taken
    } else {
        error.into()
    }
}

/// A value that this version did not write.
pub(super) fn damaged(what: impl std::fmt::Display) -> StoreError {
    StoreError::Broken(format!("damaged row: {what}"))
}

pub(super) fn time(ms: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(ms).map_err(damaged)
}

pub(super) fn optional_time(ms: Option<i64>) -> Result<Option<Timestamp>, StoreError> {
    ms.map(time).transpose()
}

pub(super) fn ms(time: Timestamp) -> i64 {
    time.as_millisecond()
}

pub(super) fn message_id(bytes: [u8; ID_BYTES]) -> MessageId {
    MessageId(Uuid::from_bytes(bytes))
}

pub(super) fn pack(ids: &[MessageId]) -> Vec<u8> {
    ids.iter().flat_map(|id| *id.0.as_bytes()).collect()
}

pub(super) fn unpack(bytes: &[u8]) -> Result<Vec<MessageId>, StoreError> {
    let (ids, rest) = bytes.as_chunks::<ID_BYTES>();
    if !rest.is_empty() {
        return Err(damaged("message ids are cut off"));
    }
    Ok(ids.iter().copied().map(message_id).collect())
}
