//! Names the commands windows may call, so that a page without a capability can call none.
fn main() {
    tauri_build::build();
}
