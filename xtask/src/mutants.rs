//! Breaks the code on purpose, in the ways that `tests/mutants` lists, and sees that tests notice.
//!
//! A mutant is one text in one file, put in the place of another: what somebody could get wrong
//! about a promise of Hither. One that lives is a promise that no test holds.
//!
//! `cargo-mutants` makes its mutants itself, from operators and whole functions, and takes no list
//! of others' (its settings only leave some out). It finds what nobody thought of; this holds what
//! somebody did. CONTRIBUTING.md says when to run which.

mod copy;
mod list;
mod trial;

use std::fs;
use std::time::Instant;

use anyhow::{bail, ensure};

use self::list::{Mutant, Set};
use self::trial::{Trial, Verdict};
use crate::command::{installed, root, target};
use crate::stop::Stop;
use crate::test::spoken;

/// Tries the mutants of these sets, or of all, whose name contains one of the words, if there are
/// any. Fails when one of them lives or does not fit the code.
pub(crate) fn run(names: &[String], only: &[String], list: bool) -> anyhow::Result<()> {
    let sets = sets(names, only)?;
    if list {
        print(&sets);
    }
    fit(&sets)?;
    if list {
        return Ok(());
    }
    ensure!(
        installed("cargo-nextest"),
        "Mutants need cargo-nextest: `cargo install cargo-nextest --locked`."
    );
    let place = target().join("mutants");
    fs::create_dir_all(&place)?;
    let lock = fs::File::create(place.join("lock"))?;
    if lock.try_lock().is_err() {
        bail!("Mutants are being tried already, in {}.", place.display());
    }
    let stop = Stop::on_signals()?;
    let mut failed = Vec::new();
    for set in &sets {
        failed.extend(kill(set, &Trial::new(set, &place, &stop))?);
    }
    ensure!(
        failed.is_empty(),
        "\nThese did not die:\n{}",
        failed.join("\n")
    );
    Ok(())
}

fn sets(names: &[String], only: &[String]) -> anyhow::Result<Vec<Set>> {
    let mut sets = list::read(names)?;
    let wanted = |mutant: &Mutant| only.iter().any(|word| mutant.name.contains(word));
    for set in &mut sets {
        set.mutants
            .retain(|mutant| only.is_empty() || wanted(mutant));
    }
    sets.retain(|set| !set.mutants.is_empty());
    let words = only.join("\" or \"");
    ensure!(!sets.is_empty(), "No mutant has a name with \"{words}\".");
    Ok(sets)
}

fn print(sets: &[Set]) {
    for set in sets {
        println!("{} ({} mutants)", set.name, set.mutants.len());
        for mutant in &set.mutants {
            println!("    {mutant}");
        }
    }
}

fn fit(sets: &[Set]) -> anyhow::Result<()> {
    let mutants = sets.iter().flat_map(|set| &set.mutants);
    let unfit = mutants.filter_map(|mutant| {
        let why = mutant.mutated(&root()).err()?;
        Some(format!("    {mutant}: {why:#}"))
    });
    let unfit: Vec<_> = unfit.collect();
    ensure!(
        unfit.is_empty(),
        "The code has moved on; these entries of tests/mutants want renewing:\n{}",
        unfit.join("\n")
    );
    Ok(())
}

/// Tries the mutants of one set. Returns those that no test noticed or that are none.
fn kill(set: &Set, trial: &Trial<'_>) -> anyhow::Result<Vec<String>> {
    let begin = Instant::now();
    println!("\n=== {}: {} mutants", set.name, set.mutants.len());
    copy::refresh(trial.tree())?;
    trial.prepare()?;
    println!("    unbroken, it passes ({})", spoken(begin.elapsed()));
    let mut failed = Vec::new();
    for mutant in &set.mutants {
        failed.extend(attempt(mutant, trial)?);
    }
    let dead = set.mutants.len() - failed.len();
    println!(
        "=== {}: {dead} of {} died, {}",
        set.name,
        set.mutants.len(),
        spoken(begin.elapsed())
    );
    Ok(failed)
}

fn attempt(mutant: &Mutant, trial: &Trial<'_>) -> anyhow::Result<Option<String>> {
    let begin = Instant::now();
    let verdict = trial.attempt(mutant)?;
    let (word, lines) = match &verdict {
        Verdict::Dead(by) => ("dead ", by.clone()),
        Verdict::Lives => ("LIVES", Vec::new()),
        Verdict::NoCode(why) => ("does not compile", why.clone()),
    };
    println!("    {word} {mutant} ({})", spoken(begin.elapsed()));
    for line in lines {
        println!("          {line}");
    }
    Ok(match verdict {
        Verdict::Dead(_) => None,
        Verdict::Lives => Some(format!("    {mutant}")),
        Verdict::NoCode(_) => Some(format!(
            "    {mutant}: does not compile, so it is no mutant"
        )),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutant_fits_the_code() {
        let sets = sets(&[], &[]).unwrap();
        fit(&sets).unwrap();
        for set in &sets {
            let mut names: Vec<_> = set.mutants.iter().map(|mutant| &mutant.name).collect();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), set.mutants.len(), "{}: a name twice", set.name);
        }
    }
}
