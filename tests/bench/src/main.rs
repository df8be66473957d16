//! What the server and the attention router cost: `cargo xtask bench [NAME…]`.
//!
//! Each benchmark is a subject of its own (`publish.rs` and so on) and answers rows; what stands
//! beside them, the raw floors and the other products, is measured in the same run, in turns.
//! docs/performance.md explains the rows and holds the figures of one machine.

#![expect(clippy::print_stdout, reason = "the table is what it is for")]
#![expect(clippy::print_stderr, reason = "progress, beside the table")]
#![expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]

mod client;
mod floor;
mod idle;
mod place;
mod probe;
#[path = "../../harness/program.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "tests, whose file it is, do more with programs"
)]
mod program;
mod public;
mod publish;
mod redis;
mod router;
mod storm;
mod table;
mod throughput;
#[path = "../../harness/wait.rs"]
#[expect(unreachable_pub, reason = "it is the tests' file")]
mod wait;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use table::{Report, Row};
use wait::{SOON, wait_for};

/// Measures what the server and the attention router cost.
#[derive(Debug, Parser)]
struct Arguments {
    /// Which; all without a name.
    names: Vec<Name>,
}

/// A benchmark.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Name {
    /// One durable message after the other: from publish to delivery.
    Publish,
    /// Many durable messages at the same time, beside Redis Streams.
    Throughput,
    /// Memory of signed-in connections on which nothing happens.
    Idle,
    /// Everybody comes back at once, and missed ten messages.
    Storm,
    /// A message for everyone, to 10,000 connected.
    Public,
    /// The attention rule alone.
    Router,
}

fn main() -> ExitCode {
    let done = match std::env::args().nth(1) {
        Some(word) if word == floor::FLOOR => floor::run(),
        _ => measure_all(&Arguments::parse().names),
    };
    if let Err(error) = done {
        eprintln!("{error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn measure_all(names: &[Name]) -> anyhow::Result<()> {
    raise_file_limit();
    // One thread: the other core is the server's.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let names = match names {
        [] => Name::value_variants(),
        names => names,
    };
    for name in names {
        let report = runtime.block_on(measure(*name))?;
        report.write(&results()?)?;
        println!("{report}");
    }
    Ok(())
}

async fn measure(name: Name) -> anyhow::Result<Report> {
    let word = name.to_possible_value();
    let word = word.map_or_else(String::new, |it| it.get_name().to_owned());
    eprintln!("{word} …");
    let (others_before, at, begun) = (probe::busy_cores()?, jiff::Timestamp::now(), Instant::now());
    let rows: Vec<Row> = match name {
        Name::Publish => publish::measure().await?,
        Name::Throughput => throughput::measure().await?,
        Name::Idle => idle::measure().await?,
        Name::Storm => storm::measure().await?,
        Name::Public => public::measure().await?,
        Name::Router => router::measure()?,
    };
    Ok(Report {
        name: word,
        at: at.to_string(),
        cores: cores(),
        others_before,
        seconds: begun.elapsed().as_secs_f64(),
        others_after: probe::busy_cores()?,
        rows,
    })
}

/// Where the results and the servers' folders are: beside the programs.
fn results() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2);
    let folder = target.unwrap_or(&program).join("bench");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Each connection takes a file. How many this process may have open afterwards.
fn raise_file_limit() -> usize {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where that fails, it stays as it was.
    let _ = setrlimit(Resource::Nofile, limit);
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(files).unwrap_or(usize::MAX)
}
