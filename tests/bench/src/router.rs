//! The attention rule alone: row 13.

use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::probe::{PAIRS, median};
use crate::table::{Goal, Row};

/// Thirteen months of 28 days are a year.
const YEAR: [&str; 4] = ["--months", "13", "--only", "Hither"];

pub(crate) fn measure() -> anyhow::Result<Vec<Row>> {
    let (mut events, mut years) = (Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        let said = say("examples/events", &[])?;
        let line = said.lines().next().unwrap_or_default();
        events.push(number_before(line, " million events a second")?);
        let said = say("hither-people", &YEAR)?;
        years.push(1.0 / number_before(&said, " person-years a second and thread")?);
    }
    Ok(vec![
        Row::alone(
            13,
            "attention router, million events a second on one core",
            median(events),
            "M/s",
            Goal::AtLeast(2.0),
        ),
        Row::alone(
            13,
            "a simulated person-year on one core",
            median(years),
            "s",
            Goal::AtMost(1.0),
        ),
    ])
}

/// What a program beside this one prints.
fn say(program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let path = std::env::current_exe()?.with_file_name(program);
    let output = Command::new(&path).args(arguments).output();
    let output = output.with_context(|| format!("{} does not start", path.display()))?;
    ensure!(output.status.success(), "{program} failed");
    let said = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&said).into_owned())
}

fn number_before(text: &str, words: &str) -> anyhow::Result<f64> {
    let before = text.split(words).next().unwrap_or_default();
    let number = before.rsplit(' ').next().unwrap_or_default();
    let number = number.parse::<f64>();
    number.with_context(|| format!("nothing before{words} in: {text}"))
}
