//! The frontier as a picture: how late against how needless.

use core::fmt::Write as _;

use crate::report::{Row, Table};

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 480.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 200.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 52.0;

/// An SVG that reads on light and dark pages.
pub(crate) fn frontier(table: &Table) -> String {
    let axes = Axes::of(table);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"system-ui, sans-serif\" font-size=\"12\">\n\
         <title>How late alerts are, and how many are needless, under each rule</title>\n\
         <style>text {{ fill: #444 }} .grid {{ stroke: #8884 }} .other {{ fill: #c2571a }} .own {{ fill: #1f6feb; stroke: #1f6feb }} .line {{ fill: none; stroke: #1f6feb; stroke-width: 2 }} @media (prefers-color-scheme: dark) {{ text {{ fill: #ccc }} }}</style>\n"
    );
    axes.draw(&mut svg);
    let own: Vec<_> = table.rows().iter().filter(|row| row.is_hither).collect();
    let line: Vec<_> = own.iter().map(|row| axes.place(row)).collect();
    let line: Vec<_> = line.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let _ = writeln!(
        svg,
        "<polyline class=\"line\" points=\"{}\"/>",
        line.join(" ")
    );
    let mut labels = Labels::default();
    for row in table.rows() {
        let (x, y) = axes.place(row);
        let class = if row.is_hither { "own" } else { "other" };
        let _ = writeln!(
            svg,
            "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/><text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            x + 7.0,
            labels.place(x + 7.0, y + 4.0, &row.name),
            row.name,
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// What is written where: from, to, and the height of the line.
#[derive(Default)]
struct Labels(Vec<(f64, f64, f64)>);

impl Labels {
    /// The height nearest to `y` within the axes at which nothing is written yet.
    fn place(&mut self, from: f64, y: f64, text: &str) -> f64 {
        let to = from + text.chars().map(|_| 7.0).sum::<f64>();
        let heights = (0..20).flat_map(|step| {
            let off = f64::from(step) * 13.0;
            [y - off, y + off]
        });
        let is_free = |height: &f64| {
            let mut others = self.0.iter();
            others.all(|other| other.1 < from || to < other.0 || (other.2 - height).abs() >= 12.5)
        };
        let inside = |height: &f64| (TOP..HEIGHT - BOTTOM).contains(height);
        let height = heights.filter(inside).find(is_free).unwrap_or(y);
        self.0.push((from, to, height));
        height
    }
}

/// Needless alerts a day to the right, seconds of the 99th percentile upwards, both by powers.
struct Axes {
    x: (f64, f64),
    y: (f64, f64),
}

impl Axes {
    fn of(table: &Table) -> Self {
        let all = || table.rows().iter().map(figures);
        let x = all().fold((f64::MAX, 0.0_f64), |(low, high), (x, _)| {
            (low.min(x), high.max(x))
        });
        let y = all().fold((f64::MAX, 0.0_f64), |(low, high), (_, y)| {
            (low.min(y), high.max(y))
        });
        Self {
            x: (x.0 / 1.2, x.1 * 1.2),
            y: (y.0 / 1.3, y.1 * 1.3),
        }
    }

    fn place(&self, row: &Row) -> (f64, f64) {
        let (x, y) = figures(row);
        (self.right(x), self.up(y))
    }

    fn right(&self, x: f64) -> f64 {
        let share = (x / self.x.0).ln() / (self.x.1 / self.x.0).ln();
        LEFT + share * (WIDTH - LEFT - RIGHT)
    }

    fn up(&self, y: f64) -> f64 {
        let share = (y / self.y.0).ln() / (self.y.1 / self.y.0).ln();
        HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
    }

    fn draw(&self, svg: &mut String) {
        let (bottom, end) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
        for tick in [0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 50.0] {
            if (self.x.0..self.x.1).contains(&tick) {
                let x = self.right(tick);
                let _ = writeln!(
                    svg,
                    "<line class=\"grid\" x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\"/><text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{tick}</text>",
                    bottom + 18.0
                );
            }
        }
        for tick in [
            1.0, 3.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0,
        ] {
            if (self.y.0..self.y.1).contains(&tick) {
                let y = self.up(tick);
                let _ = writeln!(
                    svg,
                    "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{end}\" y2=\"{y:.1}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{tick} s</text>",
                    LEFT - 6.0,
                    y + 4.0
                );
            }
        }
        let middle = f64::midpoint(LEFT, end);
        let _ = writeln!(
            svg,
            "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">needless alerts a day (fewer is left)</text>",
            HEIGHT - 12.0
        );
        let _ = writeln!(
            svg,
            "<text x=\"{LEFT}\" y=\"14\">time to an alert that is noticed, 99th percentile (sooner is lower)</text>"
        );
    }
}

fn figures(row: &Row) -> (f64, f64) {
    let total = &row.total;
    (total.needless_a_day().max(0.01), total.delay(990).max(0.1))
}
