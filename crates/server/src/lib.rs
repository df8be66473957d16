//! Accepts messages, stores them, knows who is connected where, delivers, reroutes.

mod accounts;
pub mod admin;
pub mod attachments;
pub mod cli;
pub mod config;
mod connection;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod gateway;
mod http;
mod leftover;
pub mod limits;
mod log;
mod metrics;
mod network;
pub mod outbound;
mod page_text;
mod registry;
pub mod secret;
mod serve;
pub mod session;
mod socket;
pub mod store;
mod template;
mod text;
mod tls;
mod upkeep;
pub mod webhooks;

pub use http::{InvalidOrigin, Origin, openapi};
pub use limits::{Limits, Rate};
pub use network::{InvalidNetwork, Network};
pub use serve::{
    AttachmentLimits, InvalidRegistration, Listeners, MetricsAccess, Registration, ServeError,
    Settings, serve,
};
pub use tls::{Tls, TlsError};
