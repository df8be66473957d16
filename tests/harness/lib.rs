//! What tests with real processes and screens share: a desktop, a browser, waiting for conditions.

pub mod authority;
pub mod browser;
pub mod companion;
pub mod desktop;
pub mod phone;
mod port;
pub mod program;
pub mod server;
pub mod sink;
pub mod stage;
pub mod toasts;
mod wait;
pub mod window;
pub mod wire;

pub use port::free_port;
pub use wait::{SOON, wait_for, wait_for_async};
