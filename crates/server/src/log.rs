//! What is logged, and that it can go wrong.

use std::io::{self, IsTerminal, Stderr, Write};
use std::sync::LazyLock;

use prometheus_client::metrics::counter::Counter;
use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// Lines that could not be written.
static LOST: LazyLock<Counter> = LazyLock::new(Counter::default);

/// How many log lines could not be written.
pub(crate) fn lost() -> Counter {
    LOST.clone()
}

/// `HITHER_LOG` says what; ids only, never content.
pub(crate) fn to_stderr(format: LogFormat) {
    let filter = EnvFilter::try_from_env("HITHER_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        // It would say on standard error that standard error cannot be written to, and panic.
        .log_internal_errors(false)
        .with_writer(|| Lines(io::stderr()));
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}

/// Standard error, where a line may get lost: a full disk or a reader that went away is no reason
/// to stop delivering messages.
struct Lines(Stderr);

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.write_all(line)?;
        Ok(line.len())
    }

    fn write_all(&mut self, line: &[u8]) -> io::Result<()> {
        if self.0.write_all(line).is_err() {
            LOST.inc();
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
