//! Spans of time that do not overlap, in order.

use crate::day::{Condition, Days, Is, Ms, Screen};

/// From the first until before the second, rising.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans(Vec<(Ms, Ms)>);

impl Spans {
    pub(crate) fn of(spans: impl Iterator<Item = (Ms, Ms)>) -> Self {
        let mut spans: Vec<_> = spans.filter(|(from, to)| from < to).collect();
        spans.sort_unstable();
        let mut merged: Vec<(Ms, Ms)> = Vec::with_capacity(spans.len());
        for (from, to) in spans {
            match merged.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        Self(merged)
    }

    /// Those of a screen's conditions that `which` names.
    pub(crate) fn conditions(days: &Days, screen: Screen, which: &[Is]) -> Self {
        let wanted = |one: &&Condition| one.screen == screen && which.contains(&one.is);
        let conditions = days.conditions.iter().filter(wanted);
        Self::of(conditions.map(|one| (one.from_ms, one.to_ms)))
    }

    pub(crate) fn seen(days: &Days, screen: Screen) -> Self {
        let segments = days.segments.iter();
        let segments = segments.filter(|segment| segment.sees.contains(&screen));
        Self::of(segments.map(|segment| (segment.from_ms, segment.to_ms)))
    }

    /// What is left of these outside of `others`.
    pub(crate) fn without(&self, others: &Self) -> Self {
        let mut left = Vec::new();
        for &(mut from, to) in &self.0 {
            let first = others.0.partition_point(|(_, end)| *end <= from);
            for &(begin, end) in others.0[first..].iter().take_while(|(b, _)| *b < to) {
                left.push((from, begin.max(from)));
                from = end;
            }
            left.push((from, to));
        }
        Self::of(left.into_iter())
    }

    /// The span that `at` is in, or else the next one.
    pub(crate) fn from(&self, at: Ms) -> impl Iterator<Item = (Ms, Ms)> {
        let first = self.0.partition_point(|(_, to)| *to <= at);
        self.0[first..].iter().copied()
    }

    /// The end of the span that `at` is in.
    pub(crate) fn end(&self, at: Ms) -> Option<Ms> {
        let (from, to) = self.from(at).next()?;
        (from <= at).then_some(to)
    }

    pub(crate) fn contains(&self, at: Ms) -> bool {
        self.end(at).is_some()
    }

    /// The first moment in them from `at` on.
    pub(crate) fn first(&self, at: Ms) -> Option<Ms> {
        self.from(at).next().map(|(from, _)| from.max(at))
    }

    /// The end of the last span that ended by `at`.
    pub(crate) fn last_end(&self, at: Ms) -> Option<Ms> {
        let ended = self.0.partition_point(|(_, to)| *to <= at);
        ended.checked_sub(1).map(|last| self.0[last].1)
    }

    /// Whether one of them covers so much in one piece of the time from `from` to `to`.
    pub(crate) fn cover(&self, from: Ms, to: Ms, length: Ms) -> bool {
        let mut spans = self.from(from).take_while(|(begin, _)| *begin < to);
        spans.any(|(begin, end)| end.min(to) >= begin.max(from) + length)
    }

    pub(crate) fn edges(&self) -> impl Iterator<Item = Ms> {
        self.0.iter().flat_map(|(from, to)| [*from, *to])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_merged_cut_and_searched() {
        let spans = Spans::of([(10, 20), (15, 30), (50, 60), (70, 70)].into_iter());
        assert_eq!(spans.0, [(10, 30), (50, 60)]);
        let holes = Spans::of([(0, 12), (20, 25), (29, 55)].into_iter());
        assert_eq!(spans.without(&holes).0, [(12, 20), (25, 29), (55, 60)]);
        assert_eq!((spans.end(29), spans.end(30)), (Some(30), None));
        assert_eq!(
            (spans.first(5), spans.first(55), spans.first(60)),
            (Some(10), Some(55), None)
        );
        assert_eq!((spans.last_end(29), spans.last_end(55)), (None, Some(30)));
        assert!(spans.cover(15, 100, 15) && !spans.cover(16, 100, 15));
    }
}
