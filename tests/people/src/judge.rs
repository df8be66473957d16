//! What a rule's alerts were worth to the person.

use core::cmp::Ordering;

use crate::day::{DAY, Days, HOUR, MINUTE, Message, Ms, Screen};
use crate::life::{Alert, MISSED_AFTER};
use crate::spans::Spans;

/// Who can be reached on one screen for so long of the ten minutes after a message must be.
const REACHABLE_FOR: Ms = 5 * MINUTE;
/// An alert that never came counts as so late, and so does any that came later.
const NEVER: Ms = HOUR;

/// What many days came to under one rule.
#[derive(Clone, Debug, Default)]
pub(crate) struct Score {
    pub(crate) persons: u64,
    pub(crate) days: f64,
    pub(crate) messages: u64,
    /// Of these, the ones that end too soon before the days do: nobody can tell what became of them.
    pub(crate) unjudged: u64,
    /// And the ones that must not ring.
    pub(crate) quiet: u64,
    /// Reachable, and not noticed within ten minutes.
    pub(crate) missed: u64,
    /// Could be reached for five minutes of the first ten.
    pub(crate) reachable: u64,
    /// From the first moment at which a screen could be noticed to the noticed alert. Of all who
    /// could notice one within ten minutes, which is more than the reachable.
    pub(crate) delays: Vec<u32>,
    /// Rang after somebody had noticed, or beside what they noticed.
    pub(crate) twice: u64,
    /// Rang on a screen that nobody saw.
    pub(crate) unseen: u64,
    /// The same on phones alone.
    pub(crate) unseen_phone: u64,
    pub(crate) alerts: u64,
    /// Needless alerts a day, of each person.
    pub(crate) needless: Vec<f64>,
    pub(crate) events: u64,
}

impl Score {
    pub(crate) fn add(&mut self, other: Self) {
        self.persons += other.persons;
        self.days += other.days;
        self.messages += other.messages;
        self.unjudged += other.unjudged;
        self.quiet += other.quiet;
        self.missed += other.missed;
        self.reachable += other.reachable;
        self.delays.extend(other.delays);
        self.twice += other.twice;
        self.unseen += other.unseen;
        self.unseen_phone += other.unseen_phone;
        self.alerts += other.alerts;
        self.needless.extend(other.needless);
        self.events += other.events;
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(crate) fn needless_a_day(&self) -> f64 {
        (self.twice + self.unseen) as f64 / self.days
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(crate) fn a_day(&self, count: u64) -> f64 {
        count as f64 / self.days
    }

    /// Half the width of the 95 % interval of needless alerts a day.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(crate) fn needless_within(&self) -> f64 {
        let count = self.needless.len() as f64;
        let mean = self.needless.iter().sum::<f64>() / count;
        let squares = self.needless.iter().map(|one| (one - mean).powi(2));
        1.96 * (squares.sum::<f64>() / (count - 1.0).max(1.0) / count).sqrt()
    }

    /// The delay that so many of a thousand do not exceed, in seconds; `delays` must be sorted.
    pub(crate) fn delay(&self, permille: usize) -> f64 {
        self.ranked(self.delays.len() * permille / 1000)
    }

    /// The 95 % interval of the 99th percentile, in seconds.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "ranks are far below 2^52"
    )]
    pub(crate) fn p99_within(&self) -> (f64, f64) {
        let count = self.delays.len() as f64;
        let half = 1.96 * (count * 0.99 * 0.01).sqrt();
        let rank = |at: f64| self.ranked(at.max(0.0) as usize);
        (rank(count * 0.99 - half), rank(count * 0.99 + half))
    }

    /// Less and greater where the two intervals of the 99th percentile lie apart, in whole seconds:
    /// nobody feels less.
    pub(crate) fn compare_p99(&self, other: &Self) -> Ordering {
        let rounded = |(low, high): (f64, f64)| (low.round(), high.round());
        let (low, high) = rounded(self.p99_within());
        let (others_low, others_high) = rounded(other.p99_within());
        if high < others_low {
            Ordering::Less
        } else if others_high < low {
            Ordering::Greater
        } else {
            Ordering::Equal
        }
    }

    fn ranked(&self, rank: usize) -> f64 {
        let last = self.delays.len().saturating_sub(1);
        let delay = self.delays.get(rank.min(last)).copied();
        f64::from(delay.unwrap_or_default()) / 1000.0
    }
}

/// Judges the alerts of one person's days.
pub(crate) fn judge(days: &Days, reachable: &[Spans], alerts: &[Alert]) -> Score {
    let noticed = first_noticed(days.messages.len(), alerts);
    let mut score = Score {
        persons: 1,
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        days: days.length_ms as f64 / DAY as f64,
        messages: days.messages.len() as u64,
        ..Score::default()
    };
    let verdicts: Vec<_> = days.messages.iter().map(|m| Verdict::of(days, m)).collect();
    for (m, message) in days.messages.iter().enumerate() {
        match verdicts[m] {
            Verdict::TooLate => score.unjudged += 1,
            Verdict::Quiet => score.quiet += 1,
            Verdict::Ordinary | Verdict::Urgent => {
                let noticed = noticed[m].map(|(at, _)| at);
                judge_message(&mut score, message.at_ms, noticed, reachable);
            }
        }
    }
    for (number, alert) in alerts.iter().enumerate() {
        judge_alert(&mut score, number, alert, &noticed, &verdicts);
    }
    score.needless = vec![score.needless_a_day()];
    score
}

/// What is to be judged about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Nothing: the days end before it can be missed.
    TooLate,
    /// That it does not ring.
    Quiet,
    /// That it rings once, where somebody is.
    Ordinary,
    /// That it rings; everywhere, on purpose.
    Urgent,
}

impl Verdict {
    const fn of(days: &Days, message: &Message) -> Self {
        match message.priority {
            _ if days.length_ms < message.at_ms + MISSED_AFTER => Self::TooLate,
            ..=2 => Self::Quiet,
            3 | 4 => Self::Ordinary,
            5.. => Self::Urgent,
        }
    }
}

/// The messages that were missed, and every alert of them, to be looked into.
pub(crate) fn missed(
    days: &Days,
    reachable: &[Spans],
    alerts: &[Alert],
) -> impl Iterator<Item = (Ms, String)> {
    let noticed = first_noticed(days.messages.len(), alerts);
    let messages = days.messages.iter().enumerate();
    let rings = |message: &Message| {
        matches!(
            Verdict::of(days, message),
            Verdict::Ordinary | Verdict::Urgent
        )
    };
    let messages = messages.filter(move |(_, message)| rings(message));
    messages.filter_map(move |(m, message)| {
        let mut score = Score::default();
        let noticed = noticed[m].map(|(at, _)| at);
        judge_message(&mut score, message.at_ms, noticed, reachable);
        let of = alerts.iter().filter(|alert| alert.of.contains(&m));
        let of: Vec<_> = of
            .map(|alert| (alert.on, alert.at, alert.noticed))
            .collect();
        (score.missed > 0).then(|| (message.at_ms, format!("{of:?}")))
    })
}

/// For each message, when it was first noticed and by which alert.
fn first_noticed(messages: usize, alerts: &[Alert]) -> Vec<Option<(Ms, usize)>> {
    let mut first: Vec<Option<(Ms, usize)>> = vec![None; messages];
    for (number, alert) in alerts.iter().enumerate() {
        let Some(at) = alert.noticed else { continue };
        for m in &alert.of {
            let earlier = first[*m].is_some_and(|first| first <= (at, number));
            if !earlier {
                first[*m] = Some((at, number));
            }
        }
    }
    first
}

fn judge_message(score: &mut Score, at: Ms, noticed: Option<Ms>, reachable: &[Spans]) {
    let until = at + MISSED_AFTER;
    let first = reachable.iter().filter_map(|spans| spans.first(at)).min();
    let Some(first) = first.filter(|first| *first < until) else {
        return;
    };
    let delay = noticed.map_or(NEVER, |noticed| noticed.saturating_sub(first).min(NEVER));
    score.delays.push(u32::try_from(delay).unwrap_or(u32::MAX));
    let mut spans = reachable.iter();
    if spans.any(|spans| spans.cover(at, until, REACHABLE_FOR)) {
        score.reachable += 1;
        score.missed += u64::from(noticed.is_none_or(|noticed| noticed > until));
    }
}

/// An alert was worth it when it was the first that the person noticed of some message, or one of
/// an urgent one.
fn judge_alert(
    score: &mut Score,
    number: usize,
    alert: &Alert,
    noticed: &[Option<(Ms, usize)>],
    verdicts: &[Verdict],
) {
    if alert.of.iter().all(|m| verdicts[*m] == Verdict::TooLate) {
        return;
    }
    score.alerts += 1;
    let first = |m: &usize| noticed[*m].is_some_and(|(_, first)| first == number);
    let worth = |m: &usize| match verdicts[*m] {
        Verdict::Urgent => true,
        Verdict::Quiet => false,
        Verdict::Ordinary | Verdict::TooLate => first(m),
    };
    if alert.of.iter().any(worth) {
        return;
    }
    let before = |m: &usize| noticed[*m].is_some_and(|(at, _)| at <= alert.at);
    if alert.noticed.is_some() || alert.of.iter().all(before) {
        score.twice += 1;
    } else {
        score.unseen += 1;
        score.unseen_phone += u64::from(matches!(alert.on, Screen::Phone(_)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::day::{DAY, Message};

    type Told<'a> = (Ms, &'a [usize], Option<Ms>);

    #[track_caller]
    fn check(seen: &[(Ms, Ms)], alerts: &[Told<'_>], expected: [u64; 5]) {
        let score = scored([(100, 3), (200, 3)], seen, alerts);
        assert_eq!(figures(&score), expected);
    }

    /// Messages at these seconds, of these priorities.
    fn scored(messages: [(Ms, u8); 2], seen: &[(Ms, Ms)], alerts: &[Told<'_>]) -> Score {
        let messages = messages.map(|(second, priority)| Message {
            at_ms: second * 1000,
            priority,
            opened_after_ms: None,
        });
        let days = Days {
            person: "x".to_owned(),
            seed: None,
            length_ms: DAY,
            desktops: 1,
            phones: 0,
            phones_confirm: false,
            segments: Vec::new(),
            inputs_ms: vec![Vec::new()],
            conditions: Vec::new(),
            messages: messages.to_vec(),
        };
        let alerts = alerts.iter().map(|(at, of, noticed)| Alert {
            on: Screen::Desktop(0),
            at: at * 1000,
            of: of.to_vec(),
            noticed: noticed.map(|at| at * 1000),
        });
        let alerts: Vec<_> = alerts.collect();
        let seen = Spans::of(seen.iter().map(|(from, to)| (from * 1000, to * 1000)));
        judge(&days, &[seen], &alerts)
    }

    fn figures(score: &Score) -> [u64; 5] {
        let longest = score.delays.iter().max().copied().unwrap_or_default() / 1000;
        [
            score.reachable,
            score.missed,
            u64::from(longest),
            score.twice,
            score.unseen,
        ]
    }

    #[test]
    fn never_is_not_better_than_late() {
        let whole = &[(0, 80_000)];
        check(whole, &[(101, &[0], Some(101))], [2, 1, 3600, 0, 0]);
        check(
            whole,
            &[(101, &[0], Some(101)), (14_500, &[1], Some(14_500))],
            [2, 1, 3600, 0, 0],
        );
    }

    #[test]
    fn what_shall_not_ring_is_never_missed_and_rings_needlessly() {
        let whole = &[(0, 10_000)];
        let low = |alerts: &[Told<'_>]| scored([(100, 2), (200, 1)], whole, alerts);
        assert_eq!(figures(&low(&[])), [0; 5]);
        let score = low(&[(101, &[0], Some(101)), (201, &[1], None)]);
        assert_eq!(figures(&score), [0, 0, 0, 1, 1]);
        assert_eq!((score.quiet, score.alerts, score.delays.len()), (2, 2, 0));
    }

    #[test]
    fn urgent_may_ring_on_every_screen() {
        let alerts: &[Told<'_>] = &[
            (101, &[0], Some(101)),
            (102, &[0], Some(102)),
            (201, &[1], Some(201)),
            (202, &[1], Some(202)),
            (203, &[1], None),
        ];
        let score = scored([(100, 5), (200, 4)], &[(0, 10_000)], alerts);
        assert_eq!(figures(&score), [2, 0, 1, 2, 0]);
    }

    #[test]
    fn what_comes_too_late_to_be_judged_is_left_out() {
        let last = DAY / 1000 - 600;
        let alerts: &[Told<'_>] = &[(last + 2, &[1], None), (last + 3, &[0, 1], None)];
        let score = scored([(last, 3), (last + 1, 3)], &[(0, last + 1000)], alerts);
        assert_eq!(figures(&score), [1, 1, 3600, 0, 1]);
        assert_eq!((score.unjudged, score.alerts), (1, 1));
    }

    #[test]
    fn reachable_missed_latest_twice_unseen() {
        let whole = &[(0, 10_000)];
        check(
            whole,
            &[(101, &[0], Some(101)), (202, &[1], Some(202))],
            [2, 0, 2, 0, 0],
        );
        check(whole, &[(101, &[0], Some(101))], [2, 1, 3600, 0, 0]);
        check(
            whole,
            &[
                (101, &[0], Some(101)),
                (102, &[0], Some(102)),
                (801, &[1], Some(801)),
            ],
            [2, 1, 601, 1, 0],
        );
        check(
            whole,
            &[(101, &[0], None), (300, &[0, 1], Some(300))],
            [2, 0, 200, 0, 1],
        );
        // Nobody was there for five minutes in one piece; of the first ten, a moment counts.
        check(
            &[(0, 210), (790, 9000)],
            &[(205, &[0, 1], Some(205))],
            [0, 0, 105, 0, 0],
        );
        check(
            &[(9000, 9900)],
            &[(101, &[0], None), (9000, &[0, 1], Some(9000))],
            [0, 0, 0, 0, 1],
        );
        // A summary is worth it for one new message; seen before on all counts as twice.
        check(
            whole,
            &[(201, &[0, 1], Some(201)), (400, &[0, 1], None)],
            [2, 0, 101, 1, 0],
        );
    }
}
