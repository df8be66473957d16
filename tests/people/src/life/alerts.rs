//! What rings where, and what the person does about it.

use hither_attention::Event;
use hither_protocol::{DeviceId, MessageId};

use super::queue::Due;
use super::times::{DesktopTimes, PhoneTimes};
use super::{Alert, Life, device, id, number};
use crate::day::{MINUTE, Ms, SECOND, Screen};

/// So long a pop-up stays on a desktop.
const BANNER: Ms = 10 * SECOND;
/// So long a pop-up stays where nobody can tell of input.
const UNTOLD: Ms = 10 * MINUTE;

impl Life<'_> {
    pub(super) fn ring(&mut self, device: &DeviceId, messages: Vec<usize>) {
        let is = |times: &DesktopTimes| times.id == *device;
        let Some(d) = self.times.desktops.iter().position(is) else {
            return;
        };
        let way = self.dice.u64(15..120);
        let stalled = self.times.desktops[d].stalled.end(self.now);
        let desktop = &mut self.desktops[d];
        let Some(conn) = desktop.served else { return };
        desktop.down = desktop.down.max(stalled.unwrap_or(self.now) + way);
        let wait = desktop.down - self.now;
        self.after(wait, Due::Ring(d, conn, messages));
    }

    pub(super) fn push(&mut self, device: &DeviceId, ids: Vec<MessageId>) {
        let is = |times: &PhoneTimes| times.id == *device;
        let Some(p) = self.times.phones.iter().position(is) else {
            return;
        };
        let messages = ids.iter().copied().map(number).collect();
        let accepted = Event::PushAnswered {
            device: device.clone(),
            ids,
            accepted: true,
        };
        self.after(150, Due::FromPhone(Box::new(accepted)));
        let way = self.dice.u64(400..3000);
        let sent = self.now + way;
        let offline = self.times.phones[p].offline.end(sent);
        let arrives = offline.map_or(sent, |end| end + way);
        self.after(arrives - self.now, Due::Push(p, messages));
    }

    pub(super) fn pop_up(&mut self, d: usize, mut messages: Vec<usize>) {
        let times = &self.times.desktops[d];
        let locked = self.contender.is_hither && times.locked.contains(self.now);
        if locked || times.mute.contains(self.now) {
            if self.contender.sums_up {
                self.desktops[d].silent.append(&mut messages);
            }
            return;
        }
        messages.retain(|m| !self.read[*m]);
        let blind = times.blind.contains(self.now);
        let stays = self.contender.stays_up && !blind;
        if self.contender.is_hither && !messages.is_empty() {
            let device = times.id.clone();
            let ids = messages.iter().copied().map(id).collect();
            self.send(d, Event::Shown { device, ids, stays });
        }
        // What is up already does not pop up anew.
        let until = match self.contender.stays_up {
            // Without a sensor nobody could tell when to take it down.
            true if blind => self.now + UNTOLD,
            true => self.used_from(d) + BANNER,
            false => self.now + BANNER,
        };
        let (now, popped) = (self.now, &mut self.desktops[d].popped);
        messages.retain(|m| popped.insert(*m, until).is_none_or(|until| until < now));
        self.desktops[d].silent.retain(|m| !messages.contains(m));
        let noticed = times.seen.first(self.now);
        let noticed = noticed.filter(|at| *at <= until);
        let number = u8::try_from(d).unwrap_or(u8::MAX);
        self.alerted(Screen::Desktop(number), messages, noticed);
    }

    pub(super) fn sum_up(&mut self, d: usize) {
        let messages = core::mem::take(&mut self.desktops[d].silent);
        if !messages.is_empty() {
            self.pop_up(d, messages);
        }
    }

    pub(super) fn buzz(&mut self, p: usize, messages: &[usize]) {
        let times = &self.times.phones[p];
        if self.times.days.phones_confirm {
            let shown = Event::Shown {
                device: times.id.clone(),
                ids: messages.iter().copied().map(id).collect(),
                stays: false,
            };
            self.after(100, Due::FromPhone(Box::new(shown)));
        }
        let unread = messages.iter().copied().filter(|m| !self.read[*m]);
        let unread = unread.collect();
        let number = u8::try_from(p).unwrap_or(u8::MAX);
        self.alerted(Screen::Phone(number), unread, times.seen.first(self.now));
    }

    pub(super) fn alerted(&mut self, on: Screen, of: Vec<usize>, noticed: Option<Ms>) {
        if of.is_empty() {
            return;
        }
        for m in of.iter().copied() {
            let wait = self.times.days.messages[m].opened_after_ms;
            if let Some(at) = noticed.zip(wait).map(|(noticed, wait)| noticed + wait)
                && self.sees(on, at)
            {
                self.after(at - self.now, Due::Open(on, m));
            }
        }
        let at = self.now;
        self.alerts.push(Alert {
            on,
            at,
            of,
            noticed,
        });
    }

    pub(super) fn sees(&self, screen: Screen, at: Ms) -> bool {
        match screen {
            Screen::Desktop(d) => self.times.desktops[usize::from(d)].seen.contains(at),
            Screen::Phone(p) => self.times.phones[usize::from(p)].seen.contains(at),
        }
    }

    /// The person opens a message where they noticed it.
    pub(super) fn open(&mut self, screen: Screen, m: usize) {
        if core::mem::replace(&mut self.read[m], true) {
            return;
        }
        let used = Event::Used {
            device: device(screen),
        };
        let read = Event::Read { ids: vec![id(m)] };
        match screen {
            Screen::Desktop(d) => {
                let d = usize::from(d);
                self.desktops[d].reaction = self.now;
                if self.desktops[d].open {
                    self.sense(d);
                    self.send(d, used);
                    self.send(d, read);
                }
            }
            Screen::Phone(p) => {
                let offline = self.times.phones[usize::from(p)].offline.end(self.now);
                let wait = offline.map_or(0, |end| end - self.now) + 300;
                self.after(wait, Due::FromPhone(Box::new(used)));
                self.after(wait, Due::FromPhone(Box::new(read)));
            }
        }
    }

    /// The next input at a desktop that is not locked. Without any, the end of days.
    fn used_from(&self, d: usize) -> Ms {
        let times = &self.times.desktops[d];
        let inputs = &self.times.days.inputs_ms[d];
        let later = inputs.partition_point(|at| *at <= self.now);
        let mut later = inputs[later..].iter().copied();
        let input = later.find(|at| !times.locked.contains(*at));
        input.unwrap_or(Ms::MAX - BANNER)
    }
}
