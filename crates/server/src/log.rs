//! What is logged, and that it can go wrong.

use std::env;
use std::io::{self, IsTerminal, Stderr, Write};
use std::sync::LazyLock;

use prometheus_client::metrics::counter::Counter;
use tracing::Level;
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
    let asked = env::var("HITHER_LOG").unwrap_or_default();
    let understood = EnvFilter::try_new(&asked);
    let problem = understood.as_ref().err().map(ToString::to_string);
    let usual = || EnvFilter::new("info");
    let filter = match understood {
        Ok(filter) if !asked.is_empty() => filter,
        _ => usual(),
    };
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
    if let Some(problem) = problem {
        tracing::warn!(problem, "HITHER_LOG is not understood, so info is logged");
    } else if asked != "off" && !tracing::enabled!(target: "hither_server", Level::ERROR) {
        // Not in the log, which has nothing of this program.
        let said = "HITHER_LOG asks for nothing of this program; write info, debug, or off";
        let _ = writeln!(io::stderr(), "hither-server: {said}");
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
