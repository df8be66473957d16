//! The real program, as an administrator uses it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod administering;
mod backup;
mod place;
mod publish;
mod serve;
mod topic;
mod usage;
