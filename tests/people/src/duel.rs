//! Another rule against every position of Hither's slider, with the same people.

use core::cmp::Ordering;
use core::fmt;

use serde_json::{Value, json};

use crate::judge::Score;

/// The columns in which a rule is compared.
const COLUMNS: [&str; 3] = ["missed", "p99", "needless"];

/// Which positions beat a rule.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Duel {
    /// How many positions there are.
    positions: usize,
    /// No more missed, a p99 that is surely lower, fewer needless alerts.
    beat: Vec<String>,
    /// The same, but the two p99 cannot be told apart.
    tie: Vec<String>,
    /// Columns in which no position at all is good enough; empty where none is in all at once.
    lacks: Vec<&'static str>,
}

impl Duel {
    /// Each position by its name. The delays of all must be sorted.
    pub(crate) fn of<'a>(
        positions: impl Iterator<Item = (&'a str, &'a Score)>,
        other: &Score,
    ) -> Self {
        let mut duel = Self::default();
        let mut enough = [false; 3];
        for (name, own) in positions {
            duel.positions += 1;
            let p99 = own.compare_p99(other);
            let fits = [
                own.missed <= other.missed,
                p99.is_le(),
                own.needless_a_day() < other.needless_a_day(),
            ];
            for (enough, fits) in enough.iter_mut().zip(fits) {
                *enough |= fits;
            }
            match p99 {
                _ if fits.contains(&false) => {}
                Ordering::Equal => duel.tie.push(name.to_owned()),
                _ => duel.beat.push(name.to_owned()),
            }
        }
        let lacks = COLUMNS.into_iter().zip(enough);
        duel.lacks = lacks
            .filter_map(|(name, enough)| (!enough).then_some(name))
            .collect();
        duel
    }

    pub(crate) fn json(&self) -> Value {
        json!({"beaten_by": self.beat, "p99_tied": self.tie, "lacks": self.lacks})
    }
}

impl Duel {
    fn named(&self, which: &[String]) -> String {
        if which.len() == self.positions {
            "all".to_owned()
        } else {
            which.join(", ")
        }
    }
}

impl fmt::Display for Duel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self { beat, .. } if !beat.is_empty() => f.write_str(&self.named(beat)),
            Self { tie, .. } if !tie.is_empty() => write!(f, "same p99: {}", self.named(tie)),
            Self { lacks, .. } if lacks.is_empty() => f.write_str("**none** at once"),
            Self { lacks, .. } => write!(f, "**none**: {}", lacks.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many missed, needless ones on one day, and 1,000 delays of so many seconds.
    fn score(missed: u64, seconds: u32, twice: u64) -> Score {
        Score {
            days: 1.0,
            missed,
            delays: vec![seconds * 1000; 1000],
            twice,
            ..Score::default()
        }
    }

    #[track_caller]
    fn check(other: &Score, expected: &str) {
        let (short, long) = (score(0, 10, 9), score(1, 20, 5));
        let positions = [("1 min", &short), ("3 min", &long)];
        assert_eq!(Duel::of(positions.into_iter(), other).to_string(), expected);
    }

    #[test]
    fn a_rule_is_beaten_in_all_three_columns_or_it_is_said_where_not() {
        check(&score(1, 30, 10), "all");
        check(&score(0, 30, 10), "1 min");
        check(&score(1, 10, 10), "same p99: 1 min");
        check(&score(1, 10, 9), "**none** at once");
        check(&score(1, 5, 3), "**none**: p99, needless");
    }

    #[test]
    fn percentiles_whose_intervals_overlap_are_the_same() {
        // The last ranks differ, and nobody can tell whether that is chance.
        let mut few = score(0, 10, 0);
        few.delays[995..].fill(40_000);
        let mut others = score(0, 10, 0);
        others.delays[990..].fill(50_000);
        assert!(few.delay(990) < others.delay(990));
        assert_eq!(few.compare_p99(&others), Ordering::Equal);
        let mut hardly = score(0, 10, 0);
        hardly.delays.fill(10_300);
        assert_eq!(hardly.compare_p99(&score(0, 10, 0)), Ordering::Equal);
        assert_eq!(score(0, 9, 0).compare_p99(&others), Ordering::Less);
        assert_eq!(score(0, 51, 0).compare_p99(&others), Ordering::Greater);
    }
}
