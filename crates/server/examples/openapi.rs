//! Prints the description of the HTTP interface, for `cargo xtask codegen`.

fn main() {
    use std::io::Write;
    // Nobody reads: nothing to do about it.
    let _ = std::io::stdout().write_all(hither_server::openapi().as_bytes());
}
