//! The desktop as the companion sees it: sensors, pop-ups, the tray and the way to the windows.

mod desktop;
mod icon;
mod open;
mod toasts;
mod tray;
mod words;

#[cfg(test)]
#[cfg(target_os = "linux")]
mod stage;

pub use desktop::Desktop;
pub use open::downloads;
