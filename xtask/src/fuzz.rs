//! Searches for bytes that Hither cannot take.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};

use crate::command::{command, output, root, run, target};

/// The largest input, in bytes: large enough for every shape, small enough to try many.
const LONGEST: usize = 4096;
/// One input may take so long, in seconds; what is slower is a finding.
const SLOWEST: u64 = 5;

/// Searches with the targets of these names, or with all, for so many minutes each.
pub(crate) fn fuzz(names: &[String], minutes: u64) -> anyhow::Result<()> {
    if output(&mut nightly(&["--version"])).is_err() {
        bail!(
            "Fuzzing needs nightly Rust and cargo-fuzz: `rustup toolchain install nightly && cargo \
             install cargo-fuzz --locked`. `cargo xtask test` tries what was kept without them."
        );
    }
    let all = all()?;
    if let Some(unknown) = names.iter().find(|name| !all.contains(name)) {
        bail!(
            "There is no target {unknown}; there are {}.",
            all.join(", ")
        );
    }
    // The versions that are tried are the ones that are built.
    fs::copy(root().join("Cargo.lock"), place().join("Cargo.lock"))?;
    for name in if names.is_empty() { &all } else { names } {
        println!("\n=== {name}: {minutes} min");
        search(name, minutes).with_context(|| {
            format!("put what was found into tests/fuzz/corpus/{name}, where the suite tries it")
        })?;
    }
    Ok(())
}

/// What is new goes below target/; what was kept is tried first and stays as it is.
fn search(name: &str, minutes: u64) -> anyhow::Result<()> {
    let found = target().join("fuzz-corpus").join(name);
    fs::create_dir_all(&found)?;
    let built = target().join("fuzz");
    let mut search = nightly(&["run", "--fuzz-dir", "tests/fuzz", "--sanitizer", "none"]);
    search.arg("--target-dir").arg(built).arg(name);
    search.arg(found).arg(place().join("corpus").join(name));
    search.arg("--").args([
        format!("-max_total_time={}", 60 * minutes),
        format!("-max_len={LONGEST}"),
        format!("-timeout={SLOWEST}"),
        "-print_final_stats=1".to_owned(),
    ]);
    run(&mut search)
}

fn place() -> PathBuf {
    root().join("tests/fuzz")
}

fn all() -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for program in fs::read_dir(place().join("fuzz_targets"))? {
        let path = program?.path();
        names.extend(
            path.file_stem()
                .map(|name| name.to_string_lossy().into_owned()),
        );
    }
    names.sort();
    Ok(names)
}

/// `cargo fuzz` of nightly Rust, whichever runs this.
fn nightly(arguments: &[&str]) -> Command {
    let mut fuzz = command("rustup", &["run", "nightly", "cargo", "fuzz"]);
    fuzz.args(arguments);
    // The ones of the toolchain that runs this task.
    for name in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
        fuzz.env_remove(name);
    }
    fuzz
}
