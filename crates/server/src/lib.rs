//! Accepts messages, stores them, knows who is connected where, delivers, reroutes.

pub mod store;
