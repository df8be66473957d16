//! The engine, through its own door: scripts with the effects they must have, and random worlds.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set itself up shall fail"
)]

mod account;
mod alerts;
mod app_lock;
mod desk;
mod disk;
mod inbox;
mod link;
mod outbox;
mod presence;
mod screen;
mod show;
mod world;
