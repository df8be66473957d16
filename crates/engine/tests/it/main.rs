//! The engine, through its own door: scripts with the effects they must have, and random worlds.

mod account;
mod alerts;
mod desk;
mod disk;
mod inbox;
mod link;
mod outbox;
mod presence;
mod show;
mod world;
