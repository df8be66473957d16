//! What a desktop does by itself: its connection, its sensors, and what it says of them.

use core::time::Duration;
use std::collections::BTreeMap;

use hither_attention::Event;
use hither_protocol::{DeviceKind, InactiveReason, Presence, PresenceState};

use super::Life;
use super::queue::Due;
use crate::day::{MINUTE, Ms, SECOND};

/// So long after the last input a video speaks for somebody.
const FILM: Ms = 8 * MINUTE;
const HEARTBEAT: Ms = 30 * SECOND;
/// Without heartbeats the server closes a stream after this time.
pub(crate) const SILENT_FOR: Ms = 3 * HEARTBEAT;

pub(super) type State = (PresenceState, Option<InactiveReason>);

#[derive(Debug, Default)]
pub(super) struct Desktop {
    /// Numbers the connections; the newest the device knows of, if it is open.
    pub(super) conn: u32,
    pub(super) open: bool,
    /// The connection that the server knows of.
    pub(super) served: Option<u32>,
    pub(super) reported: Option<State>,
    pub(super) check_at: Ms,
    /// Input that the person's reaction brought about.
    pub(super) reaction: Ms,
    /// When the newest frame arrives, there and here.
    pub(super) up: Ms,
    pub(super) down: Ms,
    pub(super) away: bool,
    /// Came silently while nobody was there.
    pub(super) silent: Vec<usize>,
    /// Was sent into a connection that was dead.
    pub(super) lost: Vec<usize>,
    /// Until when each message's pop-up is up.
    pub(super) popped: BTreeMap<usize, Ms>,
}

impl Life<'_> {
    pub(super) fn changed(&mut self, d: usize) {
        let times = &self.times.desktops[d];
        let up = times.is_up(self.now);
        let asleep = times.asleep.contains(self.now) && !times.offline.contains(self.now);
        let wait = match (asleep, times.half_open.contains(self.now)) {
            (true, _) => 50,
            (false, true) => SILENT_FOR,
            (false, false) => 300,
        };
        match (self.desktops[d].open, up) {
            (true, false) => {
                let desktop = &mut self.desktops[d];
                desktop.open = false;
                let conn = desktop.conn;
                self.after(wait, Due::Ended(d, conn, asleep));
            }
            (false, true) => {
                let wait = self.dice.u64(500..3000);
                self.after(wait, Due::Dial(d));
            }
            _ => {}
        }
        self.sense(d);
    }

    pub(super) fn dial(&mut self, d: usize) {
        if self.desktops[d].open || !self.times.desktops[d].is_up(self.now) {
            return;
        }
        let desktop = &mut self.desktops[d];
        desktop.open = true;
        desktop.conn += 1;
        desktop.reported = None;
        let conn = desktop.conn;
        let state = self.state(d);
        self.desktops[d].reported = Some(state);
        let event = Event::Connected {
            device: self.times.desktops[d].id.clone(),
            kind: DeviceKind::Desktop,
            presence: Some(self.presence(d, state)),
            delay: Some(Duration::ZERO),
        };
        self.send(d, event);
        self.after(HEARTBEAT, Due::Heartbeat(d, conn));
        self.sense(d);
        let lost = core::mem::take(&mut self.desktops[d].lost);
        if !lost.is_empty() {
            let way = self.dice.u64(30..240);
            self.after(way, Due::Ring(d, conn, lost));
        }
        if self.contender.sums_up && state.0 != PresenceState::Inactive {
            self.sum_up(d);
        }
    }

    pub(super) fn heartbeat(&mut self, d: usize, conn: u32) {
        let desktop = &self.desktops[d];
        if !desktop.open || desktop.conn != conn {
            return;
        }
        // Those of a desktop that nobody is at tell nothing new.
        let tells = !matches!(desktop.reported, Some((PresenceState::Inactive, _)));
        if tells && (self.contender.heeds_heartbeats || self.desktops.len() > 1) {
            let blind = self.times.desktops[d].blind.contains(self.now);
            let age = self.now - self.last_input(d);
            let event = Event::Heartbeat {
                device: self.times.desktops[d].id.clone(),
                last_input: (!blind).then(|| Duration::from_millis(age)),
                delay: Some(Duration::ZERO),
            };
            self.send(d, event);
        }
        self.after(HEARTBEAT, Due::Heartbeat(d, conn));
    }

    /// Looks at the sensors, reports what changed, and sees to it that it looks again in time.
    pub(super) fn sense(&mut self, d: usize) {
        if !self.desktops[d].open {
            return;
        }
        let state = self.state(d);
        let active = state.0 == PresenceState::Active;
        if self.desktops[d].reported != Some(state) {
            self.desktops[d].reported = Some(state);
            let event = Event::Presence {
                device: self.times.desktops[d].id.clone(),
                presence: self.presence(d, state),
                delay: Some(Duration::ZERO),
            };
            self.send(d, event);
        }
        let away = state.0 == PresenceState::Inactive;
        let was_away = core::mem::replace(&mut self.desktops[d].away, away);
        let locked = self.times.desktops[d].locked.last_end(self.now);
        let unlocked = locked == Some(self.now) && !away;
        if was_away && (active || unlocked) && self.contender.sums_up {
            self.sum_up(d);
        }
        let check = match state {
            (PresenceState::Active, _) => Some(self.active_until(d)),
            (_, Some(InactiveReason::Idle)) | (PresenceState::Unknown, _) => self.next_input(d),
            _ => None,
        };
        let at = check.map(|at| at.max(self.now + 1));
        let pending = self.desktops[d].check_at;
        if let Some(at) = at.filter(|at| pending <= self.now || *at < pending) {
            self.desktops[d].check_at = at;
            self.after(at - self.now, Due::Check(d));
        }
    }

    pub(super) fn state(&self, d: usize) -> State {
        let times = &self.times.desktops[d];
        if self.contender.lock_counts && times.locked.contains(self.now) {
            return (PresenceState::Inactive, Some(InactiveReason::Locked));
        }
        if times.blind.contains(self.now) {
            return (PresenceState::Unknown, None);
        }
        if self.now < self.active_until(d) {
            (PresenceState::Active, None)
        } else if self.contender.is_hither && times.video.contains(self.now) {
            (PresenceState::Unknown, None)
        } else {
            (PresenceState::Inactive, Some(InactiveReason::Idle))
        }
    }

    pub(super) fn presence(&self, d: usize, (state, reason): State) -> Presence {
        Presence {
            state,
            reason,
            last_input_ms: (!self.times.desktops[d].blind.contains(self.now))
                .then(|| self.now - self.last_input(d)),
        }
    }

    /// When it is inactive, or unknown, if nothing else happens.
    pub(super) fn active_until(&self, d: usize) -> Ms {
        let until = self.last_input(d) + self.contender.idle_after;
        let film = self.contender.is_hither && self.times.desktops[d].video.contains(self.now);
        until.max(if film { self.touched(d) + FILM } else { 0 })
    }

    /// The last input, or the end of a video, whichever is later. To Hither a video is no input.
    pub(super) fn last_input(&self, d: usize) -> Ms {
        let times = &self.times.desktops[d];
        let input = self.touched(d);
        if self.contender.is_hither {
            return input;
        }
        let video = if times.video.contains(self.now) {
            self.now
        } else {
            times.video.last_end(self.now).unwrap_or_default()
        };
        input.max(video)
    }

    /// The last input alone.
    pub(super) fn touched(&self, d: usize) -> Ms {
        let inputs = &self.times.days.inputs_ms[d];
        let so_far = inputs.partition_point(|at| *at <= self.now);
        let input = so_far.checked_sub(1).map_or(0, |last| inputs[last]);
        input.max(self.desktops[d].reaction)
    }

    pub(super) fn next_input(&self, d: usize) -> Option<Ms> {
        let inputs = &self.times.days.inputs_ms[d];
        inputs
            .get(inputs.partition_point(|at| *at <= self.now))
            .copied()
    }

    /// Sends a frame, which arrives behind all earlier ones and knows how late it is at most.
    pub(super) fn send(&mut self, d: usize, mut event: Event) {
        let way = self.dice.u64(15..120);
        let stalled = self.times.desktops[d].stalled.end(self.now);
        let desktop = &mut self.desktops[d];
        let arrives = stalled.unwrap_or(self.now) + way;
        desktop.up = desktop.up.max(arrives);
        let (at, conn) = (desktop.up, desktop.conn);
        if let Event::Connected { delay, .. }
        | Event::Presence { delay, .. }
        | Event::Heartbeat { delay, .. } = &mut event
        {
            // Measured by the echo of an earlier answer, whose own way counts as well.
            *delay = Some(Duration::from_millis(at - self.now + 120));
        }
        self.after(at - self.now, Due::ToServer(d, conn, Box::new(event)));
    }

    pub(super) fn arrived(&mut self, d: usize, conn: u32, event: Event) {
        let desktop = &mut self.desktops[d];
        if matches!(event, Event::Connected { .. }) {
            desktop.served = Some(conn);
        } else if desktop.served != Some(conn) {
            return;
        }
        // What was under way when the network broke is lost.
        if desktop.conn == conn && !desktop.open {
            return;
        }
        self.tell(event);
    }
}
