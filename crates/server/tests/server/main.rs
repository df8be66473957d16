//! The server as its clients see it: real sockets on loopback, the real store in a folder of its
//! own.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails where it stands"
)]

mod account;
mod addressing;
mod admin;
mod attachments;
mod backup;
mod delivery;
mod documentation;
mod gotify;
mod harness;
mod limits;
mod ntfy;
mod openapi;
mod operating;
mod protocol;
mod publishers;
mod publishing;
mod push;
mod routing;
mod scheduled;
mod sessions;
mod states;
mod templates;
mod trace;
mod trust;
mod upgrade;
mod webhooks;
