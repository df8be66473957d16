//! People's days under the attention rule and under the rules of other products.
//!
//! `cargo xtask simulate` prints a table and draws the frontier; docs/simulation.md explains both.

#![expect(clippy::print_stdout, reason = "the table is what it is for")]
#![expect(clippy::print_stderr, reason = "progress, beside the table")]

#[cfg(test)]
mod cases;
mod day;
mod generate;
mod judge;
mod kinds;
mod life;
mod plot;
mod report;
mod rivals;
mod rules;
mod spans;

use core::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::Context as _;
use clap::Parser;
use day::Days;
use generate::person;
use judge::{Score, judge};
use kinds::KINDS;
use life::{Life, Timeline};
use report::Table;
use rules::Contender;

/// A person lives through so many days.
const MONTH: u64 = 28;
/// So many live before progress is told.
const ROUND: usize = 100;

/// Judges rules of attention on people's days.
#[derive(Debug, Parser)]
struct Arguments {
    /// So many person-months, spread over all kinds of people.
    #[arg(long, default_value_t = 80)]
    months: u64,
    /// The first person's seed; the others count up from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Judge these days instead of generated ones: a JSON file with one person's days or a list.
    #[arg(long)]
    days: Option<PathBuf>,
    /// Leave out device and network faults.
    #[arg(long)]
    no_faults: bool,
    /// Print the table as JSON.
    #[arg(long)]
    json: bool,
    /// Only rules whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// Write the first person's generated days to this file and stop.
    #[arg(long)]
    export: Option<PathBuf>,
    /// Draw the frontier into this file.
    #[arg(long)]
    plot: Option<PathBuf>,
    /// Name the persons for whom a rule of this name missed a message.
    #[arg(long)]
    blame: Option<String>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let source = Source::of(arguments)?;
    if let Some(path) = &arguments.export {
        let text = serde_json::to_string(&source.person(0))?;
        return std::fs::write(path, text)
            .with_context(|| format!("could not write {}", path.display()));
    }
    let mut contenders = rules::all();
    if let Some(only) = &arguments.only {
        contenders.retain(|contender| contender.name.contains(only));
        anyhow::ensure!(!contenders.is_empty(), "no rule is called {only:?}");
    }
    let began = Instant::now();
    let table = simulate(&source, &contenders, arguments.blame.as_deref());
    let took = began.elapsed();
    if arguments.json {
        println!("{}", table.json());
    } else {
        println!("{table}");
        let threads = threads();
        let years = table.person_years() / (took.as_secs_f64() * f64::from(threads));
        eprintln!(
            "seeds {}; {:.0} s on {threads} threads: {years:.1} person-years a second and thread",
            source.seeds(),
            took.as_secs_f64(),
        );
    }
    if let Some(path) = &arguments.plot {
        let drawn = std::fs::write(path, plot::frontier(&table));
        drawn.with_context(|| format!("could not write {}", path.display()))?;
    }
    Ok(())
}

/// Where days come from.
enum Source {
    Generated {
        months: u64,
        seed: u64,
        faults: bool,
    },
    File(Vec<Days>),
}

impl Source {
    fn of(arguments: &Arguments) -> anyhow::Result<Self> {
        let Some(path) = &arguments.days else {
            return Ok(Self::Generated {
                months: arguments.months,
                seed: arguments.seed,
                faults: !arguments.no_faults,
            });
        };
        let text = std::fs::read_to_string(path);
        let text = text.with_context(|| format!("could not read {}", path.display()))?;
        let days = parse(&text).with_context(|| format!("{} holds no days", path.display()))?;
        Ok(Self::File(days))
    }

    fn count(&self) -> u64 {
        match self {
            Self::Generated { months, .. } => *months,
            Self::File(days) => days.len() as u64,
        }
    }

    fn seed(&self, number: u64) -> u64 {
        match self {
            Self::Generated { seed, .. } => seed + number,
            Self::File(_) => number,
        }
    }

    fn seeds(&self) -> String {
        format!("{} to {}", self.seed(0), self.seed(self.count() - 1))
    }

    fn person(&self, number: u64) -> Days {
        match self {
            Self::Generated { faults, .. } => {
                let seed = self.seed(number);
                let kinds = KINDS.len() as u64;
                let kind = usize::try_from(seed % kinds).expect("one of few kinds");
                person(&KINDS[kind], MONTH, seed, *faults)
            }
            Self::File(days) => days[usize::try_from(number).expect("one of the list")].clone(),
        }
    }
}

fn parse(text: &str) -> anyhow::Result<Vec<Days>> {
    let days: Vec<Days> = if text.trim_start().starts_with('[') {
        serde_json::from_str(text)?
    } else {
        vec![serde_json::from_str(text)?]
    };
    anyhow::ensure!(!days.is_empty(), "the list is empty");
    for one in &days {
        one.check().map_err(anyhow::Error::msg)?;
    }
    Ok(days)
}

fn threads() -> u32 {
    let threads = std::thread::available_parallelism();
    threads.map_or(1, |count| u32::try_from(count.get()).unwrap_or(1))
}

/// Every rule on every person's days.
fn simulate(source: &Source, contenders: &[Contender], blame: Option<&str>) -> Table {
    let mut table = Table::new(contenders);
    for round in (0..source.count()).step_by(ROUND) {
        let end = source.count().min(round + ROUND as u64);
        table.add(live_together(source, round..end, contenders, blame));
        if end < source.count() {
            eprintln!("{end} of {} persons", source.count());
        }
    }
    table.sort();
    table
}

fn live_together(
    source: &Source,
    persons: Range<u64>,
    contenders: &[Contender],
    blame: Option<&str>,
) -> Table {
    let next = AtomicU64::new(persons.start);
    let work = || {
        let mut table = Table::new(contenders);
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= persons.end {
                return table;
            }
            live(
                &source.person(number),
                source.seed(number),
                contenders,
                blame,
                &mut table,
            );
        }
    };
    let mut table = Table::new(contenders);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads()).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            table.add(worker.join().expect("a panic in a simulated life is a bug"));
        }
    });
    table
}

fn live(days: &Days, seed: u64, contenders: &[Contender], blame: Option<&str>, table: &mut Table) {
    let times = Timeline::new(days);
    let reachable = times.reachable();
    for (row, contender) in contenders.iter().enumerate() {
        let mut life = Life::new(&times, contender, seed);
        let alerts = life.live();
        let score = Score {
            events: life.events,
            ..judge(days, &reachable, &alerts)
        };
        if blame.is_some_and(|name| contender.name == name) {
            for (at, told) in judge::missed(days, &reachable, &alerts) {
                eprintln!(
                    "{} missed, seed {seed} ({}), at {at} ms: {told}",
                    contender.name, days.person
                );
            }
        }
        table.record(row, &days.person, score);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generated(months: u64, seed: u64) -> Source {
        Source::Generated {
            months,
            seed,
            faults: true,
        }
    }

    fn hither(seconds: u64) -> Vec<Contender> {
        vec![Contender::hither(seconds * day::SECOND)]
    }

    #[test]
    fn the_same_seed_is_the_same_life() {
        let days = generated(1, 42).person(0);
        assert_eq!(days, generated(1, 42).person(0));
        assert_ne!(days, generated(1, 43).person(0));
        let alerts = |seed| Life::new(&Timeline::new(&days), &rules::all()[12], seed).live();
        assert_eq!(alerts(7), alerts(7));
    }

    #[test]
    fn days_survive_their_file() {
        let days = generated(1, 5).person(0);
        let text = serde_json::to_string(&days).unwrap();
        assert_eq!(parse(&text).unwrap(), [days]);
    }

    #[test]
    fn a_file_that_makes_no_sense_is_refused_with_the_reason() {
        let text = serde_json::to_string(&generated(1, 5).person(0)).unwrap();
        let cases = [
            ("[]", "empty"),
            ("{}", "missing field"),
            (&text.replace("\"p0\"", "\"p7\""), "p7"),
            (&text.replace("\"p0\"", "\"x0\""), "d0 is a desktop"),
            (&text.replace("\"priority\":3", "\"priority\":9"), "1 to 5"),
        ];
        for (text, reason) in cases {
            let error = format!("{:#}", parse(text).unwrap_err());
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn the_documented_example_is_judged() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let text =
            std::fs::read_to_string(root.join("../../docs/simulation-example.json")).unwrap();
        let source = Source::File(parse(&text).unwrap());
        let table = simulate(&source, &rules::all(), None);
        let missed = |name: &str| table.total(name).missed;
        // A toast to an empty chair: handed over, parked, or lost for good.
        assert_eq!(missed("Hither, 3 min"), 0);
        assert_eq!(missed("parked 60 s"), 0);
        assert_eq!(missed("active/inactive alone, 3 min"), 1);
    }

    #[test]
    fn c4_hither_misses_nobody_who_can_be_reached() {
        let source = generated(2 * KINDS.len() as u64, 1_000);
        for seconds in [30, 180] {
            let contender = &hither(seconds);
            let table = simulate(&source, contender, Some(&contender[0].name));
            let total = table.total(&contender[0].name);
            assert!(
                total.reachable > 10_000,
                "people must be there to be missed"
            );
            assert_eq!(total.missed, 0, "after {seconds} s");
        }
    }
}
