//! The table: every rule, for all people and for each kind.

use core::fmt;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::day::Days;
use crate::duel::Duel;
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
    /// The same without those who have none.
    with_phone: Score,
    kinds: BTreeMap<String, Score>,
}

impl Table {
    pub(crate) fn new(contenders: &[Contender]) -> Self {
        let rows = contenders.iter().map(|contender| Row {
            name: contender.name.clone(),
            is_hither: contender.name.starts_with("Hither"),
            total: Score::default(),
            with_phone: Score::default(),
            kinds: BTreeMap::new(),
        });
        Self {
            rows: rows.collect(),
        }
    }

    /// What each rule came to with one person; the same order of persons is the same table.
    pub(crate) fn record(&mut self, days: &Days, scores: Vec<Score>) {
        for (row, score) in self.rows.iter_mut().zip(scores) {
            row.total.add(score.clone());
            if days.phones > 0 {
                row.with_phone.add(score.clone());
            }
            row.kinds.entry(days.person.clone()).or_default().add(score);
        }
    }

    /// To be done before anything is read from it.
    pub(crate) fn sort(&mut self) {
        for row in &mut self.rows {
            row.total.delays.sort_unstable();
            row.with_phone.delays.sort_unstable();
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
            let with_phone = figures(&row.with_phone);
            json!({"rule": row.name, "total": figures(&row.total), "with_phone": with_phone, "kinds": kinds})
        });
        json!({"rules": rows.collect::<Vec<_>>(), "goals": self.goals()})
    }

    /// What each other rule is compared in: all people, all with a phone, each kind.
    fn pools(&self) -> Vec<Pool<'_>> {
        let Some(first) = self.rows.first() else {
            return Vec::new();
        };
        let all: Pool<'_> = ("all".to_owned(), Box::new(|row| &row.total));
        let phones: Pool<'_> = ("with a phone".to_owned(), Box::new(|row| &row.with_phone));
        let kinds = first
            .kinds
            .keys()
            .map(|kind| -> Pool<'_> { (kind.clone(), Box::new(|row: &Row| &row.kinds[kind])) });
        [all, phones].into_iter().chain(kinds).collect()
    }

    /// Each other rule against the positions of the slider.
    fn duels<'a>(
        &'a self,
        of: &'a dyn Fn(&Row) -> &Score,
    ) -> impl Iterator<Item = (&'a Row, Duel)> {
        let (ours, others): (Vec<_>, Vec<_>) = self.rows.iter().partition(|row| row.is_hither);
        others.into_iter().map(move |other| {
            let ours = ours.iter().map(|row| (row.position(), of(row)));
            (other, Duel::of(ours, of(other)))
        })
    }

    fn goals(&self) -> Value {
        let ours = self.rows.iter().filter(|row| row.is_hither);
        let missed: BTreeMap<_, _> = ours.map(|row| (&row.name, row.total.missed)).collect();
        let pools = self.pools();
        let beaten = pools.iter().map(|(pool, of)| {
            let duels = self
                .duels(of)
                .map(|(other, duel)| (&other.name, duel.json()));
            (pool, duels.collect::<BTreeMap<_, _>>())
        });
        let beaten: BTreeMap<_, _> = beaten.collect();
        json!({"missed": missed, "beaten_by": beaten})
    }

    fn write_duels(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pools = self.pools();
        write!(f, "| rule |")?;
        for (pool, _) in &pools {
            write!(f, " {pool} |")?;
        }
        writeln!(f, "\n|---|{}", "---|".repeat(pools.len()))?;
        for (number, row) in self.rows.iter().filter(|row| !row.is_hither).enumerate() {
            write!(f, "| {} |", row.name)?;
            for (_, of) in &pools {
                let duel = self.duels(of).nth(number).map(|(_, duel)| duel);
                write!(f, " {} |", duel.unwrap_or_default())?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// A name, and what a rule came to with these people.
type Pool<'a> = (String, Box<dyn Fn(&Row) -> &Score + 'a>);

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

impl Row {
    /// The slider's, of Hither.
    fn position(&self) -> &str {
        self.name.strip_prefix("Hither, ").unwrap_or(&self.name)
    }
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
        writeln!(
            f,
            "\n### Beaten by which positions of the slider\n\n\
             No more missed, p99 surely lower (the intervals lie apart), fewer needless alerts\n"
        )?;
        self.write_duels(f)?;
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
