//! The person's choices, and what they come to for one message at one moment.

use core::time::Duration;

use hither_protocol::{
    AttentionSettings, DoNotDisturb, Instant, Priority, PublisherId, Quiet, QuietTime, Route,
    WhenAway, WhenPresenting, WhenUnknown,
};
use jiff::{Timestamp, ToSpan, Zoned, civil::Date, tz::TimeZone};

use crate::Accepted;

/// Where quiet times follow upon each other for so long, their end is told once it is near.
const MOST_TURNS: usize = 30;

/// The settings, and whether they ask for quiet at this moment.
#[derive(Debug, Default)]
pub(crate) struct Choices {
    settings: AttentionSettings,
    /// What the clock on the wall showed at a moment. Without it there are no quiet times.
    wall: Option<(Instant, Zoned)>,
    quiet: bool,
    /// When `quiet` is to be looked at again.
    changes: Option<Instant>,
}

/// What the choices come to for one message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// As loud as the person lets its publisher be.
    pub(crate) priority: Priority,
    pub(crate) route: Route,
    /// Nothing may ring for it at this moment.
    pub(crate) held: bool,
    pub(crate) when_away: WhenAway,
    pub(crate) when_unknown: WhenUnknown,
    pub(crate) when_presenting: WhenPresenting,
}

impl Choices {
    pub(crate) fn adopt(&mut self, now: Instant, settings: AttentionSettings) {
        self.settings = settings;
        self.look(now);
    }

    pub(crate) fn set_wall(&mut self, now: Instant, wall: Zoned) {
        self.wall = Some((now, wall));
        self.look(now);
    }

    pub(crate) fn plan(&self, message: &Accepted) -> Plan {
        let settings = &self.settings;
        let publisher = message.publisher.as_ref();
        let (priority, route) = loudness(settings, publisher, message.priority);
        let breaks_through = settings.urgent_breaks_through && priority == Priority::Urgent;
        // Urgent is not to wait for anyone's return.
        let waits = priority < Priority::Urgent;
        Plan {
            priority,
            route,
            held: self.quiet && !breaks_through,
            when_away: settings.when_away.only_if(waits, WhenAway::Phone),
            when_unknown: settings.when_unknown,
            when_presenting: settings
                .when_presenting
                .only_if(waits, WhenPresenting::Phone),
        }
    }

    pub(crate) fn when_unknown(&self) -> WhenUnknown {
        self.settings.when_unknown
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// When quiet may begin or end.
    pub(crate) fn next_change(&self) -> Option<Instant> {
        self.changes
    }

    /// Does what is due. Says whether quiet has just ended.
    pub(crate) fn catch_up(&mut self, now: Instant) -> bool {
        if self.changes.is_none_or(|at| now < at) {
            return false;
        }
        let before = self.quiet;
        self.look(now);
        before && !self.quiet
    }

    fn look(&mut self, now: Instant) {
        let Some((at, wall)) = &self.wall else {
            self.quiet = self.settings.do_not_disturb == DoNotDisturb::On;
            self.changes = None;
            return;
        };
        let (at, passed) = (*at, now.since(*at));
        let Ok(wall) = wall.checked_add(passed) else {
            return;
        };
        let (quiet, until) = quiet_at(&self.settings, &wall);
        self.quiet = quiet;
        let ahead = |until: Timestamp| until.duration_since(wall.timestamp());
        let ahead = until.and_then(|until| Duration::try_from(ahead(until)).ok());
        self.changes = ahead.map(|ahead| at + passed + ahead);
    }
}

/// Whether by the person's choices a message rings anywhere, however late.
#[must_use]
pub fn rings(settings: &AttentionSettings, publisher: &PublisherId, priority: Priority) -> bool {
    loudness(settings, Some(publisher), priority).1 != Route::Silent
}

/// The quiet that goes on at `wall`, the clock where the person's quiet times are, or else the next
/// within a week.
#[must_use]
pub fn quiet(settings: &AttentionSettings, wall: &Zoned) -> Option<Quiet> {
    let turn = |from: &Zoned, into: bool| {
        let moments = core::iter::successors(Some(from.clone()), |wall| {
            let (_, next) = quiet_at(settings, wall);
            next.map(|next| next.to_zoned(wall.time_zone().clone()))
        });
        // Times that overlap or touch are one span.
        let mut turns = moments.skip(1).take(MOST_TURNS);
        turns.find(|wall| quiet_at(settings, wall).0 == into)
    };
    let begins = if quiet_at(settings, wall).0 {
        None
    } else {
        Some(turn(wall, true)?)
    };
    let ends = turn(begins.as_ref().unwrap_or(wall), false);
    Some(Quiet {
        from: begins.map(|wall| wall.timestamp()),
        until: ends.map(|wall| wall.timestamp()),
    })
}

fn loudness(
    settings: &AttentionSettings,
    publisher: Option<&PublisherId>,
    priority: Priority,
) -> (Priority, Route) {
    let choice = publisher.and_then(|publisher| settings.publishers.get(publisher));
    let Some(choice) = choice else {
        return (priority, settings.priorities.of(priority));
    };
    let priority = priority.min(choice.loudest);
    let route = match settings.priorities.of(priority) {
        Route::OneScreen if choice.phone_too => Route::PhoneToo,
        route => route,
    };
    (priority, route)
}

trait OnlyIf: Sized {
    fn only_if(self, holds: bool, otherwise: Self) -> Self {
        if holds { self } else { otherwise }
    }
}

impl OnlyIf for WhenAway {}
impl OnlyIf for WhenPresenting {}

/// Whether the settings ask for quiet at `wall`, and the next moment at which that may change.
fn quiet_at(settings: &AttentionSettings, wall: &Zoned) -> (bool, Option<Timestamp>) {
    let now = wall.timestamp();
    let by_hand = match settings.do_not_disturb {
        DoNotDisturb::Off => None,
        DoNotDisturb::On => Some((Timestamp::MIN, Timestamp::MAX)),
        DoNotDisturb::Until(until) => Some((Timestamp::MIN, until)),
    };
    let by_clock = settings
        .quiet_times
        .iter()
        .flat_map(|time| around(time, wall));
    let mut quiet = false;
    let mut next: Option<Timestamp> = None;
    for (from, to) in by_hand.into_iter().chain(by_clock) {
        quiet |= from <= now && now < to;
        let ahead = [from, to].into_iter().filter(|at| *at > now).min();
        next = next.into_iter().chain(ahead).min();
    }
    (quiet, next.filter(|at| *at != Timestamp::MAX))
}

/// A quiet time's spans from the one that may still go on to the one after a week.
fn around(time: &QuietTime, wall: &Zoned) -> impl Iterator<Item = (Timestamp, Timestamp)> {
    let zone = wall.time_zone().clone();
    let today = wall.date();
    let days = (-1..=8).filter_map(move |offset| today.checked_add(offset.days()).ok());
    days.filter_map(move |day| span(time, day, &zone))
}

fn span(time: &QuietTime, day: Date, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
    if !time.days.is_empty() && !time.days.contains(&day.weekday().into()) {
        return None;
    }
    let last = if time.to > time.from {
        day
    } else {
        day.tomorrow().ok()?
    };
    let from = zone.to_timestamp(day.to_datetime(time.from)).ok()?;
    let to = zone.to_timestamp(last.to_datetime(time.to)).ok()?;
    Some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Monday 2 March 2026 to its Sunday is `2026-03-02` to `08`; Berlin's clocks change on
    /// 29 March and 25 October.
    #[track_caller]
    fn check(times: &[(&[&str], &str, &str)], wall: &str, expected: (bool, Option<&str>)) {
        let quiet_times = times.iter().map(|(days, from, to)| QuietTime {
            days: days.iter().map(|day| weekday(day)).collect(),
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
        });
        let settings = AttentionSettings {
            quiet_times: quiet_times.collect(),
            ..AttentionSettings::default()
        };
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let wall: Timestamp = wall.parse().unwrap();
        let (quiet, until) = quiet_at(&settings, &wall.to_zoned(zone));
        let until = until.map(|until| until.to_string());
        assert_eq!((quiet, until.as_deref()), expected, "at {wall}");
    }

    fn weekday(day: &str) -> hither_protocol::Weekday {
        use hither_protocol::Weekday::{Friday, Monday, Sunday};
        match day {
            "mon" => Monday,
            "fri" => Friday,
            "sun" => Sunday,
            other => panic!("no such day here: {other}"),
        }
    }

    #[test]
    fn quiet_times_by_day_and_across_midnight() {
        let night: &[(&[&str], _, _)] = &[(&[], "22:00", "07:00")];
        let friday: &[(&[&str], _, _)] = &[(&["fri"], "22:00", "07:00")];
        let noon: &[(&[&str], _, _)] = &[(&["mon"], "12:00", "13:00")];
        let whole: &[(&[&str], _, _)] = &[(&["sun"], "00:00", "00:00")];
        let cases = [
            (
                night,
                "2026-03-02T20:59:59Z",
                (false, Some("2026-03-02T21:00:00Z")),
            ),
            (
                night,
                "2026-03-02T21:00:00Z",
                (true, Some("2026-03-03T06:00:00Z")),
            ),
            (
                night,
                "2026-03-03T05:59:59Z",
                (true, Some("2026-03-03T06:00:00Z")),
            ),
            (
                night,
                "2026-03-03T06:00:00Z",
                (false, Some("2026-03-03T21:00:00Z")),
            ),
            (
                friday,
                "2026-03-05T22:00:00Z",
                (false, Some("2026-03-06T21:00:00Z")),
            ),
            (
                friday,
                "2026-03-07T05:00:00Z",
                (true, Some("2026-03-07T06:00:00Z")),
            ),
            (
                friday,
                "2026-03-07T22:00:00Z",
                (false, Some("2026-03-13T21:00:00Z")),
            ),
            (
                noon,
                "2026-03-02T11:30:00Z",
                (true, Some("2026-03-02T12:00:00Z")),
            ),
            (
                noon,
                "2026-03-02T12:00:00Z",
                (false, Some("2026-03-09T11:00:00Z")),
            ),
            (
                whole,
                "2026-03-08T12:00:00Z",
                (true, Some("2026-03-08T23:00:00Z")),
            ),
            (&[], "2026-03-08T12:00:00Z", (false, None)),
        ];
        for (times, wall, expected) in cases {
            check(times, wall, expected);
        }
    }

    #[test]
    fn clients_are_told_one_span_of_quiet() {
        use jiff::civil::time;
        let daily = |from: i8, to: i8| QuietTime {
            days: Vec::new(),
            from: time(from, 0, 0, 0),
            to: time(to, 0, 0, 0),
        };
        let until = |text: &str| DoNotDisturb::Until(text.parse().unwrap());
        let (off, on) = (DoNotDisturb::Off, DoNotDisturb::On);
        // From and until, at noon of 2 March.
        for (times, by_hand, expected) in [
            (vec![], off, None),
            (vec![], on, Some((None, None))),
            (vec![], until("2026-03-02T11:00:00Z"), None),
            (
                vec![daily(22, 7)],
                off,
                Some((Some("02T22"), Some("03T07"))),
            ),
            (vec![daily(11, 13)], off, Some((None, Some("02T13")))),
            (
                vec![daily(22, 23), daily(23, 7)],
                off,
                Some((Some("02T22"), Some("03T07"))),
            ),
            (
                vec![daily(11, 13), daily(13, 18)],
                until("2026-03-02T14:00:00Z"),
                Some((None, Some("02T18"))),
            ),
            (vec![daily(0, 12), daily(12, 0)], off, Some((None, None))),
        ] {
            let settings = AttentionSettings {
                quiet_times: times,
                do_not_disturb: by_hand,
                ..AttentionSettings::default()
            };
            let noon: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
            let said = quiet(&settings, &noon.to_zoned(TimeZone::UTC));
            let moment = |hour: &str| format!("2026-03-{hour}:00:00Z").parse().unwrap();
            let expected = expected.map(|(from, until): (Option<_>, Option<_>)| Quiet {
                from: from.map(moment),
                until: until.map(moment),
            });
            assert_eq!(said, expected, "{settings:?}");
        }
    }

    #[test]
    fn what_never_rings_is_said_by_priority_and_publisher() {
        let publisher: PublisherId = "app-0000000000000001".parse().unwrap();
        let mut settings = AttentionSettings::default();
        for (priority, expected) in [
            (Priority::Min, false),
            (Priority::Low, false),
            (Priority::Default, true),
            (Priority::Urgent, true),
        ] {
            assert_eq!(rings(&settings, &publisher, priority), expected);
        }
        let quieter = hither_protocol::PublisherChoice {
            loudest: Priority::Low,
            phone_too: true,
        };
        settings.publishers.insert(publisher.clone(), quieter);
        assert!(!rings(&settings, &publisher, Priority::Urgent));
        settings.priorities.low = Route::OneScreen;
        assert!(rings(&settings, &publisher, Priority::Urgent));
    }

    #[test]
    fn quiet_times_follow_the_clock_on_the_wall_when_it_is_put_forward_or_back() {
        let night: &[(&[&str], _, _)] = &[(&[], "22:00", "07:00")];
        let gap: &[(&[&str], _, _)] = &[(&[], "02:30", "03:30")];
        check(
            night,
            "2026-03-28T22:00:00Z",
            (true, Some("2026-03-29T05:00:00Z")),
        );
        check(
            night,
            "2026-10-24T22:00:00Z",
            (true, Some("2026-10-25T06:00:00Z")),
        );
        // 02:30 is not on the clock that night: 03:30 in summer, at which it ends.
        check(
            gap,
            "2026-03-29T01:10:00Z",
            (false, Some("2026-03-29T01:30:00Z")),
        );
        check(
            gap,
            "2026-03-29T01:40:00Z",
            (false, Some("2026-03-30T00:30:00Z")),
        );
    }

    #[test]
    fn do_not_disturb_needs_no_clock_unless_it_has_an_end() {
        let mut choices = Choices::default();
        let settings = |do_not_disturb| AttentionSettings {
            do_not_disturb,
            ..AttentionSettings::default()
        };
        choices.adopt(Instant::default(), settings(DoNotDisturb::On));
        assert!(choices.is_quiet());
        let start: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
        choices.set_wall(Instant::default(), start.to_zoned(TimeZone::UTC));
        assert_eq!((choices.is_quiet(), choices.next_change()), (true, None));
        let end: Timestamp = "2026-03-02T12:30:00Z".parse().unwrap();
        choices.adopt(Instant::default(), settings(DoNotDisturb::Until(end)));
        let ends = Instant::from_zero(Duration::from_mins(30));
        assert_eq!(
            (choices.is_quiet(), choices.next_change()),
            (true, Some(ends))
        );
        assert!(choices.catch_up(ends));
        assert!(!choices.is_quiet());
    }
}
