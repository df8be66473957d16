//! The Linux sensors against real parts: an X server, message buses, mocks of the services on them.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails loudly")]

mod films;
mod idle;
mod ladder;
mod locks;
mod support;
