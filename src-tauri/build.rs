//! Names the commands windows may call, so that a page without a capability can call none.

const COMMANDS: &[&str] = &["ready", "send", "ask", "open_link", "open_rich", "close"];

fn main() {
    let attributes = tauri_build::Attributes::new()
        .capabilities_path_pattern("./src-tauri/capabilities/*.json")
        .app_manifest(tauri_build::AppManifest::new().commands(COMMANDS));
    tauri_build::try_build(attributes).expect("tauri.conf.json and the capabilities are valid");
}
