//! People's days under the attention rule and under the rules of other products.
//!
//! `cargo xtask simulate` prints a table and draws the frontier; docs/simulation.md explains both.

#![expect(clippy::print_stdout, reason = "the table is what it is for")]
#![expect(clippy::print_stderr, reason = "progress, beside the table")]

#[cfg(test)]
mod cases;
mod check;
mod day;
mod duel;
mod file;
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
use file::parse;
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
            "{}; {:.0} s on {threads} threads: {years:.1} person-years a second and thread",
            source.persons(),
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

    /// Who lives there, in words.
    fn persons(&self) -> String {
        match self {
            Self::Generated { seed, months, .. } => {
                format!("seeds {seed} to {}", seed + months - 1)
            }
            Self::File(days) => format!("{} persons", days.len()),
        }
    }

    fn person(&self, number: u64) -> Days {
        match self {
            Self::Generated { seed, faults, .. } => {
                let seed = seed + number;
                let kinds = KINDS.len() as u64;
                let kind = usize::try_from(seed % kinds).expect("one of few kinds");
                person(&KINDS[kind], MONTH, seed, *faults)
            }
            Self::File(days) => days[usize::try_from(number).expect("one of the list")].clone(),
        }
    }
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
        let mut lives = live_together(source, round..end, contenders, blame);
        // Sums of fractions depend on their order.
        lives.sort_unstable_by_key(|life| life.number);
        for life in lives {
            table.record(&life.days, life.scores);
        }
        if end < source.count() {
            eprintln!("{end} of {} persons", source.count());
        }
    }
    table.sort();
    table
}

/// One person's days under every rule.
struct Lived {
    number: u64,
    days: Days,
    scores: Vec<Score>,
}

fn live_together(
    source: &Source,
    persons: Range<u64>,
    contenders: &[Contender],
    blame: Option<&str>,
) -> Vec<Lived> {
    let next = AtomicU64::new(persons.start);
    let work = || {
        let mut lives = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= persons.end {
                return lives;
            }
            let days = source.person(number);
            let seed = days.seed.unwrap_or(number);
            let scores = live(&days, seed, contenders, blame);
            lives.push(Lived {
                number,
                days,
                scores,
            });
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads()).map(|_| scope.spawn(work)).collect();
        let lives = workers
            .into_iter()
            .flat_map(|worker| worker.join().expect("a panic in a simulated life is a bug"));
        lives.collect()
    })
}

fn live(days: &Days, seed: u64, contenders: &[Contender], blame: Option<&str>) -> Vec<Score> {
    let times = Timeline::new(days);
    let reachable = times.reachable();
    let scores = contenders.iter().map(|contender| {
        let mut life = Life::new(&times, contender, seed);
        let alerts = life.live();
        if blame.is_some_and(|name| contender.name == name) {
            for (at, told) in judge::missed(days, &reachable, &alerts) {
                eprintln!(
                    "{} missed, seed {seed} ({}), at {at} ms: {told}",
                    contender.name, days.person
                );
            }
        }
        Score {
            events: life.events,
            ..judge(days, &reachable, &alerts)
        }
    });
    scores.collect()
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
    fn an_export_comes_to_the_same_figures_and_every_run_does() {
        let generated = generated(4, 40);
        let rules = &rules::all()[..13];
        let persons: Vec<_> = (0..4).map(|number| generated.person(number)).collect();
        let text = serde_json::to_string(&persons).unwrap();
        assert_eq!(parse(&text).unwrap(), persons);
        let figures = |source: &Source| simulate(source, rules, None).json().to_string();
        let first = figures(&generated);
        assert_eq!(first, figures(&generated));
        assert_eq!(first, figures(&Source::File(persons)));
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
