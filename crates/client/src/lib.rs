//! Carries out the engine's effects: socket, local database, clock. Decides nothing.

mod address;
mod clock;
mod credentials;
mod downloads;
mod history;
mod http;
mod network;
mod pages;
mod passphrase;
mod platform;
mod questions;
mod runtime;
mod socket;
mod trust;

pub use credentials::Credentials;
pub use history::OpenError;
pub use platform::{Platform, PlatformEvent};
pub use runtime::{Broken, Door, Gone, Runtime};
