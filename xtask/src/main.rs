//! Sets a machine up, runs Hither, tests it, and generates what is generated: `cargo xtask --help`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what it prints is its product"
)]

mod bench;
mod codegen;
mod command;
mod cross;
mod demo;
#[path = "../../tests/harness/desktop.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "tests, whose file it is, do more on a desktop than the demo does"
)]
mod desktop;
mod fuzz;
mod mutants;
mod setup;
mod stop;
mod test;

use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Parser, Subcommand};

/// Hither's workshop.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Set up, build and show Hither: a server, the companion signed in to it, three messages.
    ///
    /// On the screen there is; without one, on a virtual one with a tray, leaving pictures.
    Run {
        /// End when everything was shown.
        #[arg(long)]
        exit_after_demo: bool,
    },
    /// Set up, then run every check: format, lints, generated files, pages, and all tests.
    Test,
    /// Look at Windows and macOS from a Debian machine: lints for both, Windows' tests and the
    /// companion's Windows build under wine.
    Cross,
    /// Write the generated files anew: icons and the window's types.
    Codegen {
        /// Change nothing; fail when a committed file differs from what would be written.
        #[arg(long)]
        check: bool,
    },
    /// Judge the attention rule, and those of other products, on people's days.
    Simulate {
        /// As `simulate --help` says: --months, --seed, --days FILE, --json, --plot FILE ...
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Search for bytes that the server or the companion cannot take, beyond those that are tried
    /// with every test. Needs nightly Rust and cargo-fuzz.
    Fuzz {
        /// Which targets, as in `tests/fuzz/fuzz_targets`; all without a name.
        names: Vec<String>,
        /// How long each.
        #[arg(long, default_value_t = 5)]
        minutes: u64,
    },
    /// Break the code on purpose, in every way that `tests/mutants` lists, and see that the tests
    /// notice each. Works on a copy below target/; needs cargo-nextest.
    Mutants {
        /// Which lists, as in `tests/mutants`; all without a name.
        sets: Vec<String>,
        /// Only the mutants whose name contains this, or one of these.
        #[arg(long)]
        only: Vec<String>,
        /// Break nothing; say what would be broken, and whether each still fits the code.
        #[arg(long)]
        list: bool,
    },
    /// Measure what the server and the attention rule cost, and print a table (docs/performance.md).
    Bench {
        /// Which: publish, throughput, idle, storm, public, router; all without a name.
        names: Vec<String>,
    },
    /// Make the installers for this platform.
    Package,
}

fn simulate(arguments: &[String]) -> anyhow::Result<()> {
    let mut simulate = command::cargo(&["run", "--quiet", "--package", "hither-people", "--"]);
    simulate.args(arguments);
    command::run(&mut simulate)
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Run { exit_after_demo } => demo::run(exit_after_demo),
        Task::Test => test::run_all(),
        Task::Cross => cross::cross(),
        Task::Codegen { check } => codegen::run(check),
        Task::Simulate { arguments } => simulate(&arguments),
        Task::Fuzz { names, minutes } => fuzz::fuzz(&names, minutes),
        Task::Mutants { sets, only, list } => mutants::run(&sets, &only, list),
        Task::Bench { names } => bench::bench(&names),
        Task::Package => Err(anyhow!(
            "There are no installers yet. `npx tauri build` at the root makes a package of the window alone."
        )),
    };
    if let Err(error) = result {
        eprintln!("{error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
