//! What people outside the code rely on, asked of a server over HTTP and WebSocket alone.
//!
//! `HITHER_CONTRACT_URL=https://… HITHER_CONTRACT_ADMIN=NAME:PASSWORD cargo test -p system-tests
//! --test contract` asks any server, whatever it is made of; it adds accounts and publishers of its
//! own. Without them each test starts a server.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails where it stands"
)]

mod answer;
mod attention;
mod connections;
mod corners;
mod delivery;
mod files;
mod forms;
mod history;
mod hook;
mod place;
mod problems;
mod publishers;
mod push;
mod signing_in;
mod streams;
mod topics;
mod webhooks;
