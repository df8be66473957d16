//! What happens to a person's devices and when, prepared for many rules.

use hither_protocol::DeviceId;

use super::device;
use super::queue::Due;
use crate::day::{Days, Is, Ms, Screen};
use crate::spans::Spans;

/// A person's days, prepared for many rules.
#[derive(Debug)]
pub(crate) struct Timeline<'a> {
    pub(crate) days: &'a Days,
    pub(super) desktops: Vec<DesktopTimes>,
    pub(super) phones: Vec<PhoneTimes>,
    pub(super) edges: Vec<(Ms, Due)>,
}

#[derive(Debug)]
pub(super) struct DesktopTimes {
    pub(super) id: DeviceId,
    /// The person would notice a pop-up.
    pub(super) seen: Spans,
    pub(super) locked: Spans,
    pub(super) asleep: Spans,
    pub(super) video: Spans,
    pub(super) blind: Spans,
    pub(super) mute: Spans,
    pub(super) offline: Spans,
    pub(super) half_open: Spans,
    pub(super) stalled: Spans,
}

#[derive(Debug)]
pub(super) struct PhoneTimes {
    pub(super) id: DeviceId,
    pub(super) seen: Spans,
    pub(super) offline: Spans,
}

impl<'a> Timeline<'a> {
    pub(crate) fn new(days: &'a Days) -> Self {
        let desktops: Vec<_> = (0..days.desktops)
            .map(|d| DesktopTimes::of(days, d))
            .collect();
        let phones = (0..days.phones).map(|p| PhoneTimes::of(days, p)).collect();
        let mut edges = vec![(0, Due::Start)];
        for (d, times) in desktops.iter().enumerate() {
            edges.extend(times.edges().map(|at| (at, Due::Changed(d))));
        }
        let messages = days.messages.iter().enumerate();
        edges.extend(messages.map(|(m, message)| (message.at_ms, Due::Message(m))));
        edges.sort_unstable_by_key(|(at, _)| *at);
        Self {
            days,
            desktops,
            phones,
            edges,
        }
    }

    /// When the person perceives a screen that the server can reach, one for each screen.
    pub(crate) fn reachable(&self) -> Vec<Spans> {
        let desktops = self.desktops.iter();
        let desktops = desktops.map(|it| {
            let seen = it.seen.without(&it.offline);
            seen.without(&it.stalled).without(&it.mute)
        });
        let phones = self.phones.iter().map(|it| it.seen.without(&it.offline));
        desktops.chain(phones).collect()
    }
}

impl DesktopTimes {
    fn of(days: &Days, number: u8) -> Self {
        let screen = Screen::Desktop(number);
        let of = |which| Spans::conditions(days, screen, &[which]);
        let dark = Spans::conditions(days, screen, &[Is::Locked, Is::Asleep]);
        Self {
            id: device(screen),
            seen: Spans::seen(days, screen).without(&dark),
            locked: of(Is::Locked),
            asleep: of(Is::Asleep),
            video: of(Is::Video),
            blind: of(Is::Blind),
            mute: of(Is::Mute),
            offline: Spans::conditions(days, screen, &[Is::Offline, Is::HalfOpen]),
            half_open: of(Is::HalfOpen),
            stalled: of(Is::Stalled),
        }
    }

    fn edges(&self) -> impl Iterator<Item = Ms> {
        let all = [
            &self.locked,
            &self.asleep,
            &self.video,
            &self.blind,
            &self.offline,
        ];
        all.into_iter().flat_map(Spans::edges)
    }

    pub(super) fn is_up(&self, now: Ms) -> bool {
        !self.asleep.contains(now) && !self.offline.contains(now)
    }
}

impl PhoneTimes {
    fn of(days: &Days, number: u8) -> Self {
        let screen = Screen::Phone(number);
        let which = [Is::Offline, Is::HalfOpen, Is::Asleep];
        let offline = Spans::conditions(days, screen, &which);
        Self {
            id: device(screen),
            seen: Spans::seen(days, screen),
            offline,
        }
    }
}
