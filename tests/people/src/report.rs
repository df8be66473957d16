//! The table: every rule, for all people and for each kind.

use core::fmt;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::judge::Score;
use crate::rules::Contender;

/// What each rule came to.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) is_hither: bool,
    pub(crate) total: Score,
    kinds: BTreeMap<String, Score>,
}

impl Table {
    pub(crate) fn new(contenders: &[Contender]) -> Self {
        let rows = contenders.iter().map(|contender| Row {
            name: contender.name.clone(),
            is_hither: contender.name.starts_with("Hither"),
            total: Score::default(),
            kinds: BTreeMap::new(),
        });
        Self {
            rows: rows.collect(),
        }
    }

    pub(crate) fn record(&mut self, row: usize, kind: &str, score: Score) {
        let row = &mut self.rows[row];
        row.total.add(score.clone());
        row.kinds.entry(kind.to_owned()).or_default().add(score);
    }

    pub(crate) fn add(&mut self, other: Self) {
        for (row, other) in self.rows.iter_mut().zip(other.rows) {
            row.total.add(other.total);
            for (kind, score) in other.kinds {
                row.kinds.entry(kind).or_default().add(score);
            }
        }
    }

    /// To be done before anything is read from it.
    pub(crate) fn sort(&mut self) {
        for row in &mut self.rows {
            row.total.delays.sort_unstable();
            for score in row.kinds.values_mut() {
                score.delays.sort_unstable();
            }
        }
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    #[cfg(test)]
    pub(crate) fn total(&self, name: &str) -> &Score {
        let row = self.rows.iter().find(|row| row.name == name);
        &row.expect("a rule of that name").total
    }

    /// Lived by all rules together.
    pub(crate) fn person_years(&self) -> f64 {
        let days: f64 = self.rows.iter().map(|row| row.total.days).sum();
        days / 365.0
    }

    pub(crate) fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let kinds = row.kinds.iter();
            let kinds: BTreeMap<_, _> = kinds.map(|(kind, score)| (kind, figures(score))).collect();
            json!({"rule": row.name, "total": figures(&row.total), "kinds": kinds})
        });
        json!({"rules": rows.collect::<Vec<_>>(), "goals": self.goals()})
    }

    /// For each other rule, the positions of the slider that beat it in both columns.
    fn beaten_by(&self) -> impl Iterator<Item = (&Row, Vec<&Row>)> {
        let (ours, others): (Vec<_>, Vec<_>) = self.rows.iter().partition(|row| row.is_hither);
        others.into_iter().map(move |other| {
            let better = |own: &&Row| {
                let (own, other) = (&own.total, &other.total);
                own.missed <= other.missed
                    && own.delay(990) < other.delay(990)
                    && own.needless_a_day() < other.needless_a_day()
            };
            (other, ours.iter().copied().filter(better).collect())
        })
    }

    fn goals(&self) -> Value {
        let ours = self.rows.iter().filter(|row| row.is_hither);
        let missed: BTreeMap<_, _> = ours.map(|row| (&row.name, row.total.missed)).collect();
        let beaten: BTreeMap<_, Vec<_>> = self
            .beaten_by()
            .map(|(other, by)| (&other.name, by.iter().map(|row| &row.name).collect()))
            .collect();
        json!({"missed": missed, "beaten_by": beaten})
    }
}

fn figures(score: &Score) -> Value {
    json!({
        "persons": score.persons,
        "days": score.days,
        "messages": score.messages,
        "unjudged": score.unjudged,
        "quiet": score.quiet,
        "reachable": score.reachable,
        "could_notice": score.delays.len(),
        "missed": score.missed,
        "p50_s": score.delay(500),
        "p95_s": score.delay(950),
        "p99_s": score.delay(990),
        "p99_within_s": score.p99_within(),
        "max_s": score.delay(1000),
        "needless_a_day": score.needless_a_day(),
        "needless_within": score.needless_within(),
        "twice_a_day": score.a_day(score.twice),
        "unseen_a_day": score.a_day(score.unseen),
        "unseen_phone_a_day": score.a_day(score.unseen_phone),
        "alerts_a_day": score.a_day(score.alerts),
        "events": score.events,
    })
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.rows.first() else {
            return Ok(());
        };
        let total = &first.total;
        writeln!(
            f,
            "{} persons, {:.0} days, {} messages, {} to people who could be reached for five minutes (missed), {} to people who could notice one within ten (p50 to max)",
            total.persons,
            total.days,
            total.messages,
            total.reachable,
            total.delays.len()
        )?;
        writeln!(
            f,
            "Not judged: {} that came in the last ten minutes, {} that shall not ring\n",
            total.unjudged, total.quiet
        )?;
        writeln!(
            f,
            "| rule | missed | p50 | p95 | p99 (95 % interval) | max | needless/day | twice | unseen | alerts/day |\n|---|---|---|---|---|---|---|---|---|---|"
        )?;
        for row in &self.rows {
            write_row(f, &row.name, &row.total)?;
        }
        writeln!(
            f,
            "\n### For each kind of person\n\nmissed / p99 / needless a day\n"
        )?;
        self.write_kinds(f)?;
        writeln!(f, "\n### Beaten in p99 and needless alerts together\n")?;
        for (other, by) in self.beaten_by() {
            let by: Vec<_> = by.iter().map(|row| row.name.as_str()).collect();
            let by = if by.is_empty() {
                "no position of the slider".to_owned()
            } else {
                by.join("; ")
            };
            writeln!(f, "- {}: {by}", other.name)?;
        }
        Ok(())
    }
}

fn write_row(f: &mut fmt::Formatter<'_>, name: &str, score: &Score) -> fmt::Result {
    let (low, high) = score.p99_within();
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let share = 100.0 * score.missed as f64 / score.reachable.max(1) as f64;
    writeln!(
        f,
        "| {name} | {} ({share:.3} %) | {:.1} s | {:.0} s | {:.0} s ({low:.0}-{high:.0}) | {:.0} s | {:.2} ± {:.2} | {:.2} | {:.2} | {:.1} |",
        score.missed,
        score.delay(500),
        score.delay(950),
        score.delay(990),
        score.delay(1000),
        score.needless_a_day(),
        score.needless_within(),
        score.a_day(score.twice),
        score.a_day(score.unseen),
        score.a_day(score.alerts),
    )
}

impl Table {
    fn write_kinds(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<_> = self.rows[0].kinds.keys().collect();
        write!(f, "| rule |")?;
        for kind in &kinds {
            write!(f, " {kind} |")?;
        }
        writeln!(f, "\n|---|{}", "---|".repeat(kinds.len()))?;
        for row in &self.rows {
            write!(f, "| {} |", row.name)?;
            for kind in &kinds {
                let score = &row.kinds[*kind];
                let (missed, p99) = (score.missed, score.delay(990));
                write!(
                    f,
                    " {missed} / {p99:.0} s / {:.2} |",
                    score.needless_a_day()
                )?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
