use core::time::Duration;

use hither_protocol::{AlertStyle, AlertWhy, DeviceId, Instant, MessageId};

use crate::way::{Via, Way};
use crate::{Accepted, Effect};

/// Alerts decided at one moment: those for one device and reason become one effect.
#[derive(Debug, Default)]
pub(crate) struct Batch(Vec<Group>);

#[derive(Debug)]
struct Group {
    way: Way,
    why: AlertWhy,
    messages: Vec<(Instant, MessageId)>,
}

impl Batch {
    pub(crate) fn add(&mut self, way: Way, why: AlertWhy, message: &Accepted) {
        let message = (message.at, message.id);
        let same = |group: &&mut Group| {
            group.way == way && (group.why == why || group.way.via == Via::Push)
        };
        match self.0.iter_mut().find(same) {
            Some(group) => group.messages.push(message),
            None => self.0.push(Group {
                way,
                why,
                messages: vec![message],
            }),
        }
    }

    /// Whether one of the alerts is a summary of several.
    pub(crate) fn sums_up(&self) -> bool {
        self.0.iter().any(|group| group.messages.len() > 1)
    }

    pub(crate) fn emit(self, now: Instant, summary_after: Duration, effects: &mut Vec<Effect>) {
        for group in self.0 {
            effects.push(group.effect(now, summary_after));
        }
    }
}

impl Group {
    fn effect(mut self, now: Instant, summary_after: Duration) -> Effect {
        self.messages.sort_unstable();
        let style = match *self.messages {
            [(at, _)] if now.since(at) <= summary_after => AlertStyle::Each,
            _ => AlertStyle::Summary,
        };
        let device = self.way.device;
        let ids = self.messages.into_iter().map(|(_, id)| id).collect();
        match self.way.via {
            Via::Push => Effect::Push { device, ids, style },
            Via::Stream => Effect::Alert {
                device,
                ids,
                style,
                why: self.why,
            },
        }
    }
}

/// Pushes to take back, one effect per device.
pub(crate) fn cancel(pushes: Vec<(DeviceId, MessageId)>, effects: &mut Vec<Effect>) {
    let mut pushes = pushes;
    pushes.sort_unstable();
    for group in pushes.chunk_by(|(one, _), (other, _)| one == other) {
        let [(device, _), ..] = group else { continue };
        effects.push(Effect::CancelPush {
            device: device.clone(),
            ids: group.iter().map(|(_, id)| *id).collect(),
        });
    }
}
