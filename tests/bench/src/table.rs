//! The table of what was measured, for people and as JSON.

use core::fmt;
use std::path::Path;

use serde::Serialize;

/// Where others use more cores than this, figures say little.
const QUIET: f64 = 0.2;

/// What is promised of a row.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goal {
    AtMost(f64),
    AtLeast(f64),
    /// Nothing; the figure is for comparison.
    None,
}

impl Goal {
    fn met(self, value: f64) -> Option<bool> {
        match self {
            Self::AtMost(most) => Some(value <= most),
            Self::AtLeast(least) => Some(value >= least),
            Self::None => None,
        }
    }
}

/// One figure, with what it stands beside where it stands beside something.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// As design and documents number it.
    number: u32,
    what: String,
    unit: &'static str,
    figure: Option<f64>,
    beside: Option<Beside>,
    /// What the goal is about where there is one beside: the median of each pair's own.
    ratio: Option<f64>,
    goal: Goal,
    met: Option<bool>,
    /// Why there is no figure, or what has to be known about it.
    note: String,
}

/// The floor or peer of the same run.
#[derive(Debug, Serialize)]
struct Beside {
    what: &'static str,
    figure: f64,
}

impl Row {
    /// A figure that the goal is about.
    pub(crate) fn alone(
        number: u32,
        what: impl Into<String>,
        figure: f64,
        unit: &'static str,
        goal: Goal,
    ) -> Self {
        Self {
            number,
            what: what.into(),
            unit,
            figure: Some(figure),
            beside: None,
            ratio: None,
            goal,
            met: goal.met(figure),
            note: String::new(),
        }
    }

    /// Something that was left out, and why.
    pub(crate) fn unmeasured(number: u32, what: &str, why: &str) -> Self {
        Self {
            figure: None,
            met: None,
            ..Self::alone(number, what, 0.0, "", Goal::None).noting(why)
        }
    }

    /// Beside a floor or a peer, with the ratio that the goal is about.
    pub(crate) fn beside(self, what: &'static str, figure: f64, ratio: f64) -> Self {
        Self {
            beside: Some(Beside { what, figure }),
            ratio: Some(ratio),
            met: self.goal.met(ratio),
            ..self
        }
    }

    pub(crate) fn noting(self, note: impl Into<String>) -> Self {
        Self {
            note: note.into(),
            ..self
        }
    }
}

/// What one benchmark measured, and how busy the machine was with other things.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) name: String,
    pub(crate) at: String,
    pub(crate) cores: usize,
    /// Cores that others used just before and just after.
    pub(crate) others_before: f64,
    pub(crate) others_after: f64,
    pub(crate) seconds: f64,
    pub(crate) rows: Vec<Row>,
}

impl Report {
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        Ok(std::fs::write(
            folder.join(format!("{}.json", self.name)),
            text + "\n",
        )?)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            cores,
            others_before,
            others_after,
            seconds,
            ..
        } = self;
        writeln!(
            f,
            "\n{name}: {seconds:.0} s; of {cores} cores others used {others_before:.1} before and \
             {others_after:.1} after"
        )?;
        if others_before.max(*others_after) > QUIET {
            writeln!(
                f,
                "     The machine was busy with other things: this says little."
            )?;
        }
        self.rows.iter().try_for_each(|row| write!(f, "{row}"))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = self.unit;
        let number = |figure: f64| format!("{} {unit}", rounded(figure));
        let figure = self.figure.map_or_else(|| "-".to_owned(), number);
        write!(f, "{:>3}  {:<58} {figure:>16}", self.number, self.what)?;
        if let Some(Beside { what, figure }) = &self.beside {
            write!(f, "  {} {what}", number(*figure))?;
        }
        if let Some(ratio) = self.ratio {
            write!(f, "  ratio {ratio:.2}")?;
        }
        match self.goal {
            Goal::AtMost(most) => write!(f, "  goal ≤ {}", rounded(most))?,
            Goal::AtLeast(least) => write!(f, "  goal ≥ {}", rounded(least))?,
            Goal::None => {}
        }
        let met = self.met.map(|met| if met { "  met" } else { "  NOT MET" });
        write!(f, "{}", met.unwrap_or_default())?;
        if !self.note.is_empty() {
            write!(f, "  ({})", self.note)?;
        }
        writeln!(f)
    }
}

fn rounded(figure: f64) -> String {
    if figure.abs() >= 100.0 {
        format!("{figure:.0}")
    } else {
        format!("{figure:.2}")
    }
}
