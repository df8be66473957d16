//! Invents people and their days.

use crate::day::{Condition, DAY, Days, HOUR, Is, MINUTE, Message, Ms, SECOND, Screen, Segment};
use crate::kinds::{Kind, Phones};

/// One person of a kind for so many days; the same for the same seed.
pub(crate) fn person(kind: &Kind, days: u64, seed: u64, faults: bool) -> Days {
    let mut diary = Diary::new(kind, seed);
    for day in 0..days {
        diary.live(day * DAY, day % 7 >= 5);
    }
    diary.finish(days * DAY, faults)
}

struct Diary<'a> {
    kind: &'a Kind,
    dice: fastrand::Rng,
    days: Days,
    now: Ms,
    /// The desktop in front of the person.
    desk: u8,
    /// Since when each desktop is untouched and not locked by hand.
    left_at: Vec<Option<Ms>>,
    /// Whether it was locked when the person left it.
    locked: Vec<bool>,
    is_home: bool,
    /// From when to when a film runs on a desktop that the person walked away from.
    film: Vec<Option<(Ms, Ms)>>,
}

/// A desktop that nobody touches locks itself.
const LOCKS_ITSELF: Ms = 10 * MINUTE;
/// A laptop that nobody touches falls asleep.
const SLEEPS_AFTER: Ms = 30 * MINUTE;

impl<'a> Diary<'a> {
    fn new(kind: &'a Kind, seed: u64) -> Self {
        let desktops = usize::from(kind.desktops);
        Self {
            kind,
            dice: fastrand::Rng::with_seed(seed),
            days: Days {
                person: kind.name.to_owned(),
                seed: Some(seed),
                length_ms: 0,
                desktops: kind.desktops,
                phones: kind.phones.count(),
                phones_confirm: true,
                segments: Vec::new(),
                inputs_ms: vec![Vec::new(); desktops],
                conditions: Vec::new(),
                messages: Vec::new(),
            },
            now: 0,
            desk: 0,
            left_at: vec![Some(0); desktops],
            locked: vec![true; desktops],
            is_home: true,
            film: vec![None; desktops],
        }
    }

    /// From midnight to midnight.
    fn live(&mut self, midnight: Ms, weekend: bool) {
        let wakes = midnight + 7 * HOUR + self.upto(HOUR);
        let (from, to) = self.kind.hours;
        self.pass(wakes);
        if !weekend {
            let starts = midnight + from * HOUR + self.upto(40 * MINUTE);
            self.roam(starts);
            let early = self.upto(HOUR);
            self.is_home = false;
            self.work(midnight + to * HOUR - early);
            self.is_home = true;
        }
        let bedtime = midnight + 22 * HOUR + self.upto(90 * MINUTE);
        while self.now < bedtime {
            let free = self.now + self.between(20 * MINUTE, 3 * HOUR);
            self.roam(free.min(bedtime));
            if self.now < bedtime && self.chance(self.kind.evenings) {
                let leaves = self.now + self.between(5 * MINUTE, 90 * MINUTE);
                let desk = self.at_home();
                self.sit_down(desk);
                self.at_the_desk(leaves.min(bedtime));
                if self.chance(self.kind.films) {
                    let lasts = self.between(20 * MINUTE, 150 * MINUTE);
                    self.watch(lasts, 40 * MINUTE);
                }
                self.leave();
            }
        }
        self.pass(midnight + DAY);
    }

    fn work(&mut self, home: Ms) {
        let noon = self.now / DAY * DAY + 12 * HOUR + self.upto(HOUR);
        let mut fed = false;
        while self.now < home {
            let desk = self.at_work();
            self.sit_down(desk);
            let stays = self.heavy_tail(self.kind.at_desk * MINUTE);
            self.at_the_desk((self.now + stays).min(home));
            if self.chance(self.kind.calls) {
                let lasts = self.between(5 * MINUTE, 45 * MINUTE);
                self.watch(lasts, 6 * MINUTE);
            }
            self.leave();
            if self.now > noon && !fed {
                fed = true;
                let lunch = self.between(25 * MINUTE, 70 * MINUTE);
                self.away(lunch, 1.0);
            } else if self.chance(self.kind.meetings) {
                let meeting = self.between(15 * MINUTE, 70 * MINUTE);
                self.away(meeting, self.kind.phone_in_meeting);
            } else {
                let pause = self.heavy_tail(4 * MINUTE);
                self.away(pause, 0.95);
            }
        }
    }

    fn at_home(&self) -> u8 {
        if self.kind.home_desktop {
            self.kind.desktops - 1
        } else {
            0
        }
    }

    fn at_work(&mut self) -> u8 {
        let at_home = u8::from(self.kind.home_desktop);
        self.dice.u8(0..self.kind.desktops - at_home)
    }

    fn sit_down(&mut self, desk: u8) {
        self.desk = desk;
        let d = usize::from(desk);
        self.unattended(desk, self.now.saturating_sub(4 * SECOND));
        let now = self.now;
        self.days.inputs_ms[d].push(now);
    }

    /// What happens on a desktop from when the person left it last until they are back.
    fn unattended(&mut self, desk: u8, wakes: Ms) {
        self.desk = desk;
        let (d, now) = (usize::from(desk), self.now);
        if let Some((begins, ends)) = self.film[d].take() {
            self.condition(Is::Video, begins, ends.min(now));
        }
        let Some(left) = self.left_at[d].take() else {
            return;
        };
        if self.kind.home_desktop && desk == self.at_home() {
            return;
        }
        let locks = if self.locked[d] {
            left
        } else {
            left + LOCKS_ITSELF
        };
        self.condition(Is::Locked, locks, now);
        if self.kind.sleeps {
            self.condition(Is::Asleep, left + SLEEPS_AFTER, wakes);
        }
    }

    /// Types and reads until then.
    fn at_the_desk(&mut self, until: Ms) {
        let begins = self.now;
        let d = usize::from(self.desk);
        while self.now < until {
            let ends = (self.now + self.heavy_tail(4 * MINUTE)).min(until);
            while self.now < ends {
                let now = self.now;
                self.days.inputs_ms[d].push(now);
                self.now += self.heavy_tail(5 * SECOND);
            }
            self.now = ends;
            let share = self.kind.reads / (1.0 - self.kind.reads);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "some minutes"
            )]
            let read = self.heavy_tail((share * (2 * MINUTE) as f64) as Ms);
            // Nobody reads on behind a screen that locks itself.
            self.now += read.min(LOCKS_ITSELF - MINUTE);
        }
        self.now = self.now.min(until);
        self.segment(begins, self.now, true, 0.95);
    }

    /// A call or a film, which keeps the desktop awake and is touched now and then. Whoever walks
    /// away from it leaves it running.
    fn watch(&mut self, lasts: Ms, touched: Ms) {
        let (d, begins) = (usize::from(self.desk), self.now);
        let walks_off = self.chance(self.kind.walks_off);
        let stays = if walks_off { self.upto(lasts) } else { lasts };
        self.now += stays;
        self.segment(begins, self.now, true, 0.9);
        let mut touch = begins + self.heavy_tail(touched);
        while touch < self.now {
            self.days.inputs_ms[d].push(touch);
            touch += self.heavy_tail(touched);
        }
        if walks_off {
            self.film[d] = Some((begins, begins + lasts));
            return;
        }
        let now = self.now;
        self.condition(Is::Video, begins, now);
        self.days.inputs_ms[d].push(now);
    }

    fn leave(&mut self) {
        let d = usize::from(self.desk);
        let input = self.days.inputs_ms[d].last().copied().unwrap_or_default();
        if let Some((_, ends)) = self.film[d] {
            self.locked[d] = false;
            self.left_at[d] = Some(ends);
            return;
        }
        self.locked[d] = self.chance(self.kind.locks);
        self.left_at[d] = Some(if self.locked[d] {
            self.now
        } else {
            input.max(self.now.saturating_sub(MINUTE))
        });
    }

    /// Somewhere else for a while; the phone, if it came along, is noticed so often.
    fn away(&mut self, time: Ms, noticed: f64) {
        let begins = self.now;
        self.now += time;
        let phone = self.chance(self.kind.takes_phone) && self.chance(noticed);
        self.segment(begins, self.now, false, f64::from(u8::from(phone)));
    }

    /// At home and outdoors, mostly with the phone.
    fn roam(&mut self, until: Ms) {
        while self.now < until {
            let begins = self.now;
            self.now = (self.now + self.between(10 * MINUTE, 2 * HOUR)).min(until);
            self.segment(begins, self.now, false, 0.85);
        }
    }

    fn pass(&mut self, until: Ms) {
        self.now = self.now.max(until);
    }

    fn segment(&mut self, from_ms: Ms, to_ms: Ms, at_desk: bool, phone: f64) {
        let mut sees = Vec::new();
        if at_desk {
            sees.push(Screen::Desktop(self.desk));
        }
        sees.extend(self.phones(phone));
        if from_ms < to_ms {
            self.days.segments.push(Segment {
                from_ms,
                to_ms,
                sees,
            });
        }
    }

    /// Those that would be noticed, where one that is carried around is so often.
    fn phones(&mut self, carried: f64) -> impl Iterator<Item = Screen> + use<> {
        let first = self.chance(carried);
        let (first, second) = match self.kind.phones {
            Phones::None => (false, false),
            Phones::One => (first, false),
            Phones::AndTablet => {
                let tablet = self.is_home && self.chance(0.5);
                // Whoever has it in hand may have the phone in another room.
                (first && !(tablet && self.chance(0.3)), tablet)
            }
            Phones::ForWorkAndOwn => {
                let work = if self.is_home { 0.15 } else { 0.8 * carried };
                (first, self.chance(work))
            }
        };
        let seen = [(0, first), (1, second)].into_iter();
        let seen = seen.filter(|(_, is_seen)| *is_seen);
        seen.map(|(number, _)| Screen::Phone(number))
    }

    fn condition(&mut self, is: Is, from_ms: Ms, to_ms: Ms) {
        self.special(Screen::Desktop(self.desk), is, from_ms, to_ms);
    }

    fn special(&mut self, screen: Screen, is: Is, from_ms: Ms, to_ms: Ms) {
        if from_ms < to_ms {
            self.days.conditions.push(Condition {
                screen,
                is,
                from_ms,
                to_ms,
            });
        }
    }

    fn finish(mut self, length: Ms, faults: bool) -> Days {
        self.now = length;
        for desk in 0..self.kind.desktops {
            self.unattended(desk, length);
        }
        if faults {
            self.faults(length);
        }
        self.messages(length);
        self.days.length_ms = length + HOUR;
        for inputs in &mut self.days.inputs_ms {
            inputs.sort_unstable();
        }
        debug_assert_eq!(self.days.check(), Ok(()));
        self.days
    }

    fn faults(&mut self, length: Ms) {
        for desk in 0..self.kind.desktops {
            let screen = Screen::Desktop(desk);
            let losses = self.kind.losses;
            self.now_and_then(
                length,
                losses,
                (5 * SECOND, 6 * MINUTE),
                screen,
                Is::Offline,
            );
            self.now_and_then(
                length,
                losses,
                (20 * SECOND, 6 * MINUTE),
                screen,
                Is::HalfOpen,
            );
            self.now_and_then(length, 4.0, (SECOND, 25 * SECOND), screen, Is::Stalled);
            self.now_and_then(length, 0.1, (MINUTE, 90 * MINUTE), screen, Is::Blind);
            self.now_and_then(length, 0.3, (5 * SECOND, 4 * MINUTE), screen, Is::Mute);
        }
        for phone in (0..self.kind.phones.count()).map(Screen::Phone) {
            let losses = self.kind.phone_losses;
            self.now_and_then(length, losses, (MINUTE, 20 * MINUTE), phone, Is::Offline);
            self.now_and_then(length, 0.04, (HOUR, 6 * HOUR), phone, Is::Offline);
        }
    }

    /// Between 7 and 23 o'clock, so often a day on average.
    fn now_and_then(&mut self, length: Ms, a_day: f64, lasts: (Ms, Ms), screen: Screen, is: Is) {
        let mut at = 0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "some hours"
        )]
        let mean = ((16 * HOUR) as f64 / a_day) as Ms;
        loop {
            at += self.heavy_tail(mean);
            let (day, hour) = (at / (16 * HOUR), at % (16 * HOUR));
            let from = day * DAY + 7 * HOUR + hour;
            if from >= length {
                return;
            }
            let to = from + self.between(lasts.0, lasts.1);
            self.special(screen, is, from, to);
        }
    }

    /// Some forty on a working day, most of them while others work.
    fn messages(&mut self, length: Ms) {
        let mut at = 0;
        loop {
            let (day, hour) = (at / DAY, at % DAY / HOUR);
            let busy = day % 7 < 5 && (9..18).contains(&hour);
            let asleep = !(7..23).contains(&hour);
            let mean = match (busy, asleep) {
                (true, _) => 15 * MINUTE,
                (_, true) => 6 * HOUR,
                _ => 75 * MINUTE,
            };
            at += self.heavy_tail(mean).min(2 * HOUR);
            if at >= length {
                return;
            }
            let opened_after_ms = self
                .chance(self.kind.opens)
                .then(|| 2 * SECOND + self.heavy_tail(45 * SECOND));
            self.days.messages.push(Message {
                at_ms: at,
                priority: 3,
                opened_after_ms,
            });
        }
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.dice.f64() < probability
    }

    fn upto(&mut self, most: Ms) -> Ms {
        self.dice.u64(0..most)
    }

    fn between(&mut self, least: Ms, most: Ms) -> Ms {
        self.dice.u64(least..most)
    }

    /// An exponential time of this mean.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "times are far below 2^52"
    )]
    fn heavy_tail(&mut self, mean: Ms) -> Ms {
        let share = -(1.0 - self.dice.f64()).ln();
        1 + (share * mean as f64) as Ms
    }
}
