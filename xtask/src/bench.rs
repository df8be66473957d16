//! Benchmarks: everything is built for release first, and measured by `tests/bench`.

use crate::command::{cargo, command, run, target};
use crate::setup::{self, Purpose};

/// What is measured, and what measures it.
const MEASURED: [&str; 6] = [
    "-p",
    "hither-server",
    "-p",
    "hither-bench",
    "-p",
    "hither-people",
];
/// The attention rule has a program of its own.
const ROUTER: [&str; 4] = ["-p", "hither-attention", "--example", "events"];

/// Runs the benchmarks of these names, or all; prints a table and writes target/bench/NAME.json.
pub(crate) fn bench(names: &[String]) -> anyhow::Result<()> {
    setup::packages(Purpose::Bench)?;
    let build = ["build", "--release"];
    run(&mut cargo(&[build.as_slice(), &MEASURED].concat()))?;
    run(&mut cargo(&[build.as_slice(), &ROUTER].concat()))?;
    run(command(target().join("release/hither-bench"), &[]).args(names))
}
