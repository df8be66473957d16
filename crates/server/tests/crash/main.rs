//! A process that is killed in the middle keeps what it answered, and does what it had begun.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod files;
mod log;
mod scene;
mod scheduled;
