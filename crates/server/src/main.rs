//! The server and the commands of its administrator.

use std::process::ExitCode;

use clap::Parser;
use hither_server::cli::{self, Cli};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli::run(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(
                clippy::print_stderr,
                reason = "the last word of a command that failed"
            )]
            {
                eprintln!("hither-server: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}
