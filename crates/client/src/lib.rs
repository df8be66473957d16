//! Carries out the engine's effects: socket, local database, clock. Decides nothing.

mod credentials;
mod platform;
mod runtime;

pub use credentials::Credentials;
pub use platform::{Platform, PlatformEvent};
pub use runtime::{Door, Gone, Runtime};

/// The data folder could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {}
