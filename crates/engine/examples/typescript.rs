//! Prints the window's types; `cargo xtask codegen` puts them in their place.
#![expect(clippy::print_stdout, reason = "what it prints is its product")]

fn main() {
    print!("{}", hither_engine::view::typescript());
}
