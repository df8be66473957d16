//! Sets a machine up, runs Hither, tests it, and generates what is generated: `cargo xtask --help`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what it prints is its product"
)]

mod codegen;
mod command;

use std::process::ExitCode;

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
    /// Write the generated files anew: icons and the window's types.
    Codegen {
        /// Change nothing; fail when a committed file differs from what would be written.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Codegen { check } => codegen::run(check),
    };
    if let Err(error) = result {
        eprintln!("{error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
