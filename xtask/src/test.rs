//! Every check there is, one after the other, from cheap to expensive.

use std::time::{Duration, Instant};

use anyhow::Context;

use crate::codegen;
use crate::command::{cargo, installed, output, root, run};
use crate::mutants;
use crate::setup::{self, Purpose, npm};

type Check = fn() -> anyhow::Result<()>;

const CHECKS: &[(&str, Check)] = &[
    ("set-up", set_up),
    ("format", format),
    ("generated files", generated),
    ("dependencies", dependencies),
    ("window pages", window_pages),
    ("lints", lints),
    ("build", build),
    ("tests", tests),
    ("mutants", attention_mutants),
];

/// Runs them all; the first that fails ends it.
pub(crate) fn run_all() -> anyhow::Result<()> {
    let begin = Instant::now();
    for (name, check) in CHECKS {
        println!("\n=== {name}");
        let start = Instant::now();
        check().with_context(|| format!("FAILED at {name} after {}", spoken(begin.elapsed())))?;
        println!("=== {name}: {}", spoken(start.elapsed()));
    }
    println!("\nEverything passed in {}.", spoken(begin.elapsed()));
    Ok(())
}

fn set_up() -> anyhow::Result<()> {
    setup::packages(Purpose::Test)?;
    setup::publishing_clients()?;
    setup::fuzzer()?;
    setup::window_pages()
}

fn format() -> anyhow::Result<()> {
    run(&mut cargo(&["fmt", "--all", "--check"]))
}

fn generated() -> anyhow::Result<()> {
    codegen::run(true)
}

fn dependencies() -> anyhow::Result<()> {
    if output(&mut cargo(&["deny", "--version"])).is_err() {
        println!("cargo-deny is not installed; the architecture test still holds the duplicates.");
        return Ok(());
    }
    run(&mut cargo(&[
        "deny",
        "--workspace",
        "--all-features",
        "check",
    ]))
}

fn window_pages() -> anyhow::Result<()> {
    let ui = root().join("ui");
    if !ui.join("package.json").exists() {
        return Ok(());
    }
    run(npm(&["run", "--silent", "check"]).current_dir(&ui))?;
    run(npm(&["run", "--silent", "test"]).current_dir(&ui))
}

fn lints() -> anyhow::Result<()> {
    let everything = ["clippy", "--workspace", "--all-targets", "--quiet"];
    let strictly = ["--", "--deny", "warnings"];
    run(&mut cargo(&[everything.as_slice(), &strictly].concat()))
}

/// System tests start the programs themselves.
fn build() -> anyhow::Result<()> {
    run(&mut cargo(&[
        "build",
        "--workspace",
        "--all-targets",
        "--quiet",
    ]))
}

fn tests() -> anyhow::Result<()> {
    if installed("cargo-nextest") {
        return run(&mut cargo(&[
            "nextest",
            "run",
            "--workspace",
            "--no-fail-fast",
        ]));
    }
    run(&mut cargo(&["test", "--workspace", "--no-fail-fast"]))
}

/// Those that take about a minute.
fn attention_mutants() -> anyhow::Result<()> {
    if !installed("cargo-nextest") {
        println!("cargo-nextest is not installed; no mutants are tried.");
        return Ok(());
    }
    mutants::run(&["attention".to_owned()], &[], false)
}

pub(crate) fn spoken(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds / 60 {
        0 => format!("{seconds} s"),
        minutes => format!("{minutes} min {} s", seconds % 60),
    }
}
