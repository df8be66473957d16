//! Lines of JSON with a limit, over anything that reads and writes bytes.

use core::time::Duration;
use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};

/// A side that takes no bytes for so long is not waited for.
const WRITE_WITHIN: Duration = Duration::from_secs(3);

/// Why no line could be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LineError {
    #[error("a line is longer than {0} bytes")]
    TooLong(usize),
    #[error("a line makes no sense: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads lines of at most `limit` bytes.
pub(crate) struct Lines<R> {
    reader: BufReader<R>,
    line: Vec<u8>,
    limit: usize,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(crate) fn new(reader: R, limit: usize) -> Self {
        Self {
            reader: BufReader::with_capacity(4096, reader),
            line: Vec::new(),
            limit,
        }
    }

    /// The next line; `None` at the end, an unfinished last line included. Cancel safe: what was
    /// read so far stays here.
    pub(crate) async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, LineError> {
        loop {
            let bytes = self.reader.fill_buf().await?;
            if bytes.is_empty() {
                return Ok(None);
            }
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let part = end.unwrap_or(bytes.len());
            if self.line.len() + part > self.limit {
                return Err(LineError::TooLong(self.limit));
            }
            self.line.extend_from_slice(&bytes[..part]);
            self.reader.consume(end.map_or(part, |end| end + 1));
            if end.is_some() {
                let line = core::mem::take(&mut self.line);
                return Ok(Some(serde_json::from_slice(&line)?));
            }
        }
    }
}

/// Writes one line, or fails when the other side does not read.
pub(crate) async fn write<T: Serialize>(
    writer: &mut (impl AsyncWrite + Unpin),
    line: &T,
) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    tokio::time::timeout(WRITE_WITHIN, writer.write_all(&bytes))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}
