use hither_protocol::{AlertWhy, DeviceId};

use crate::devices::Devices;
use crate::ledger::{Entry, Via, Way};

/// What the rule says about one message at one moment.
#[derive(Debug)]
pub(crate) enum Decision {
    Alert(Vec<Way>),
    /// A device may be about to answer for itself: decide again when it did, for this reason.
    Hold(AlertWhy),
    /// Nobody to alert: decide again when some device comes back.
    Nobody,
}

/// The whole rule. `restarting`: the devices did not have their time to come back yet.
pub(crate) fn decide(devices: &Devices, entry: &Entry, restarting: bool) -> Decision {
    if restarting && entry.wanted == Some(AlertWhy::Restarted) {
        return Decision::Hold(AlertWhy::Restarted);
    }
    if entry.is_urgent() {
        return everyone(devices, entry);
    }
    let untried = |device: &&DeviceId| entry.is_open_to(device, Via::Stream);
    if let Some(desktop) = devices.active_desktops().find(untried) {
        return Decision::Alert(vec![Way::stream(desktop)]);
    }
    let may_answer = |device: &DeviceId| untried(&device) || entry.is_shown_on(device);
    if devices.doubtful_desktops().any(may_answer) {
        return Decision::Hold(AlertWhy::PresenceKnown);
    }
    let mobile = best_mobile(devices, entry);
    if restarting && mobile.as_ref().is_none_or(|way| way.via == Via::Push) {
        return Decision::Hold(AlertWhy::Waiting);
    }
    let possible = devices.unknown_desktops().filter(untried).map(Way::stream);
    alert(possible.chain(mobile))
}

fn everyone(devices: &Devices, entry: &Entry) -> Decision {
    let streams = devices.connected().map(Way::stream);
    let ways = streams.chain(devices.pushable_mobiles().map(Way::push));
    alert(ways.filter(|way| entry.is_open_to(&way.device, way.via)))
}

fn best_mobile(devices: &Devices, entry: &Entry) -> Option<Way> {
    let open = devices.open_mobiles().map(Way::stream);
    let mut ways = open.chain(devices.pushable_mobiles().map(Way::push));
    ways.find(|way| entry.is_open_to(&way.device, way.via))
}

fn alert(ways: impl Iterator<Item = Way>) -> Decision {
    let ways: Vec<_> = ways.collect();
    if ways.is_empty() {
        Decision::Nobody
    } else {
        Decision::Alert(ways)
    }
}
