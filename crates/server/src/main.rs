//! The server and the commands of its administrator.

use std::process::ExitCode;

use clap::Parser;
use hither_server::cli::{self, Cli};

#[tokio::main]
async fn main() -> ExitCode {
    cli::run(Cli::parse()).await
}
