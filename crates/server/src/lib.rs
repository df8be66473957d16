//! Accepts messages, stores them, knows who is connected where, delivers, reroutes.

mod accounts;
pub mod admin;
pub mod attachments;
pub mod cli;
pub mod config;
mod http;
mod registry;
pub mod secret;
mod serve;
pub mod session;
mod socket;
pub mod store;
mod text;
mod upkeep;

pub use http::{InvalidOrigin, Origin};
pub use serve::{
    AttachmentLimits, InvalidRegistration, Limits, Registration, ServeError, Settings, serve,
};
