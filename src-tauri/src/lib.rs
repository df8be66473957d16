//! The windows of Hither.
//!
//! This process decides nothing and keeps nothing: it relays View, Command and Query between the
//! page in `ui/` and the companion, and cages rich messages in processes of their own. It ends
//! with its last window.

mod cage;
mod companion;
#[cfg(target_os = "linux")]
mod filter;
mod relay;
mod rich;
mod windows;

pub use companion::Companion;
pub use rich::{Handover, show_rich};
pub use windows::{Opening, open, with_commands};

/// What `tauri.conf.json`, the capabilities and `ui/dist` say.
#[must_use]
pub fn context() -> tauri::Context {
    tauri::generate_context!()
}

/// Whether there is a screen to open a window on; the toolkit would only panic.
fn screen() -> anyhow::Result<()> {
    let missing = |name: &str| std::env::var_os(name).is_none_or(|value| value.is_empty());
    if cfg!(target_os = "linux") && missing("DISPLAY") && missing("WAYLAND_DISPLAY") {
        anyhow::bail!("there is no screen here: start it from a desktop session");
    }
    Ok(())
}
