//! Whether days make sense, and what to change where they do not.

use std::collections::BTreeSet;

use crate::day::{Condition, DAY, Days, Is, Ms, Screen, Segment};
use crate::life::SILENT_FOR;
use crate::spans::Spans;

/// Nobody's days go on for longer.
const LONGEST: Ms = 400 * DAY;

type Checked = Result<(), String>;

impl Days {
    /// Says which entry of which list is wrong, and at what time.
    pub(crate) fn check(&self) -> Checked {
        if !(1..=LONGEST).contains(&self.length_ms) {
            let length = self.length_ms;
            return Err(format!(
                "`length_ms` is {length}; 1 to {LONGEST} (400 days)"
            ));
        }
        self.segments
            .iter()
            .enumerate()
            .try_for_each(|(number, segment)| {
                let at = segment.from_ms;
                self.check_segment(number, segment)
                    .map_err(|why| format!("`segments[{number}]` at {at} ms: {why}"))
            })?;
        self.conditions
            .iter()
            .enumerate()
            .try_for_each(|(number, condition)| {
                let at = condition.from_ms;
                self.check_condition(condition)
                    .map_err(|why| format!("`conditions[{number}]` at {at} ms: {why}"))
            })?;
        self.check_stalls()?;
        self.check_inputs()?;
        self.check_messages()
    }

    fn check_screen(&self, screen: Screen) -> Checked {
        let is_known = match screen {
            Screen::Desktop(number) => number < self.desktops,
            Screen::Phone(number) => number < self.phones,
        };
        let name = || String::from(screen);
        is_known
            .then_some(())
            .ok_or_else(|| format!("{} is more than `desktops` or `phones` say", name()))
    }

    fn check_segment(&self, number: usize, segment: &Segment) -> Checked {
        check_span(segment.from_ms, segment.to_ms)?;
        let before = number
            .checked_sub(1)
            .map_or(0, |before| self.segments[before].to_ms);
        if segment.from_ms < before {
            return Err(format!(
                "begins before the one before it ends, at {before} ms"
            ));
        }
        let mut seen = BTreeSet::new();
        segment.sees.iter().try_for_each(|screen| {
            self.check_screen(*screen)?;
            let twice = || format!("`sees` names {} twice", String::from(*screen));
            seen.insert(*screen).then_some(()).ok_or_else(twice)
        })
    }

    fn check_condition(&self, condition: &Condition) -> Checked {
        check_span(condition.from_ms, condition.to_ms)?;
        self.check_screen(condition.screen)?;
        let has = match condition.screen {
            Screen::Desktop(_) => true,
            Screen::Phone(_) => matches!(condition.is, Is::Offline | Is::HalfOpen | Is::Asleep),
        };
        let cannot = || "a phone can only be `offline`, `half_open` or `asleep`".to_owned();
        has.then_some(()).ok_or_else(cannot)
    }

    /// A server hears nothing in that time either, and closes what is silent for longer.
    fn check_stalls(&self) -> Checked {
        (0..self.desktops)
            .map(Screen::Desktop)
            .try_for_each(|screen| {
                let stalls = Spans::conditions(self, screen, &[Is::Stalled]);
                let long = stalls.from(0).find(|(from, to)| to - from > SILENT_FOR);
                long.map_or(Ok(()), |(from, to)| {
                let name = String::from(screen);
                Err(format!(
                    "`conditions`: {name} is stalled from {from} to {to} ms, but a server gives up \
                     after {SILENT_FOR} ms; that is `half_open`"
                ))
            })
            })
    }

    fn check_inputs(&self) -> Checked {
        if self.inputs_ms.len() != usize::from(self.desktops) {
            return Err("`inputs_ms` needs one list for each desktop".to_owned());
        }
        self.inputs_ms
            .iter()
            .enumerate()
            .try_for_each(|(d, inputs)| {
                check_order(&format!("inputs_ms[{d}]"), inputs.iter().copied())?;
                let screen = Screen::Desktop(u8::try_from(d).unwrap_or(u8::MAX));
                let asleep = Spans::conditions(self, screen, &[Is::Asleep]);
                let mut inputs = inputs.iter().enumerate();
                let wrong = inputs.find(|(_, at)| asleep.contains(**at));
                wrong.map_or(Ok(()), |(number, at)| {
                    Err(format!(
                        "`inputs_ms[{d}][{number}]` at {at} ms: d{d} is asleep then"
                    ))
                })
            })
    }

    fn check_messages(&self) -> Checked {
        check_order("messages", self.messages.iter().map(|m| m.at_ms))?;
        self.messages
            .iter()
            .enumerate()
            .try_for_each(|(number, message)| {
                let at = message.at_ms;
                let why = if at >= self.length_ms {
                    format!("the days end at {} ms", self.length_ms)
                } else if !(1..=5).contains(&message.priority) {
                    "a priority is 1 to 5".to_owned()
                } else if message.opened_after_ms.is_some_and(|wait| wait > LONGEST) {
                    "is opened after more than 400 days".to_owned()
                } else {
                    return Ok(());
                };
                Err(format!("`messages[{number}]` at {at} ms: {why}"))
            })
    }
}

fn check_span(from: Ms, to: Ms) -> Checked {
    match (from, to) {
        _ if from > to => Err(format!("ends before it begins, at {to} ms")),
        _ if to > LONGEST => Err(format!("ends after 400 days, at {to} ms")),
        _ => Ok(()),
    }
}

fn check_order(list: &str, times: impl Iterator<Item = Ms>) -> Checked {
    let mut before = 0;
    for (number, at) in times.enumerate() {
        if at < before {
            return Err(format!(
                "`{list}[{number}]` at {at} ms: comes after {before} ms in the list"
            ));
        }
        if at > LONGEST {
            return Err(format!(
                "`{list}[{number}]` at {at} ms: that is after 400 days"
            ));
        }
        before = at;
    }
    Ok(())
}
