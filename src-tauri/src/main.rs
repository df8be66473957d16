//! `hither`: opens the window; every other word goes to the companion.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use hither_protocol::MessageId;
use hither_window::{Companion, Opening};

/// Opens Hither's window, and starts Hither if it is not running.
#[derive(Parser)]
#[command(name = "hither", version)]
struct Cli {
    /// Where Hither keeps its data.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Open the window at this message.
    #[arg(long, value_name = "ID")]
    open: Option<MessageId>,

    /// Start Hither without a window: the tray, the connection, the pop-ups.
    #[arg(long)]
    background: bool,

    /// Show the rich message that standard input hands over, in a cage.
    #[arg(long, hide = true)]
    rich: bool,

    /// For the running Hither: status, show, open ID, pause 1h, signin, quit.
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "WORDS"
    )]
    words: Vec<OsString>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let companion = Companion::new(cli.data);
    let done = if cli.rich {
        hither_window::show_rich()
    } else if cli.background {
        companion.become_it(&["--background".into()])
    } else if !cli.words.is_empty() {
        companion.become_it(&cli.words)
    } else {
        hither_window::open(companion, Opening { message: cli.open })
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            use std::io::Write;
            // Without anybody at the other end there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "hither: {error:#}");
            ExitCode::FAILURE
        }
    }
}
