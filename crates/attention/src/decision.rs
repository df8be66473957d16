use hither_protocol::{AlertWhy, Because, DeviceId, Route, WhenAway, WhenPresenting, WhenUnknown};

use crate::choices::Plan;
use crate::devices::Devices;
use crate::entry::Entry;
use crate::way::{Via, Way};

/// What the rule says about one message at one moment.
#[derive(Debug)]
pub(crate) enum Decision {
    Alert(Vec<(Way, Because)>),
    /// Not at this moment: decide again when things changed, then ring for this reason.
    Hold(AlertWhy, Because),
    /// Nobody to alert: decide again when some device comes back.
    Nobody(Because),
    /// A phone has it, but a desktop that did not answer is to be asked again later.
    AskAgain,
    /// What has it is enough.
    Enough,
    /// The person does not want it to ring at all.
    Silent,
}

/// The whole rule. `restarting`: the devices did not have their time to come back yet.
pub(crate) fn decide(devices: &Devices, entry: &Entry, plan: Plan, restarting: bool) -> Decision {
    if plan.route == Route::Silent {
        return Decision::Silent;
    }
    if plan.held {
        return Decision::Hold(AlertWhy::QuietEnded, Because::Quiet);
    }
    if restarting && entry.wanted == Some(AlertWhy::Restarted) {
        return Decision::Hold(AlertWhy::Restarted, Because::Restarted);
    }
    if entry.is_on_a_phone() {
        return beside_a_phone(devices, entry, plan);
    }
    if plan.route == Route::Everywhere {
        return everyone(devices, entry);
    }
    if let Some(desktop) = devices.active_desktops().find(|id| untried(entry, id)) {
        let desktop = (Way::stream(desktop), Because::Active);
        let phone = best_mobile(devices, entry).filter(|_| plan.route == Route::PhoneToo);
        let phone = phone.map(|way| (way, Because::PhoneToo));
        return Decision::Alert([desktop].into_iter().chain(phone).collect());
    }
    if plan.when_presenting == WhenPresenting::Hold && devices.is_presenting() {
        return Decision::Hold(AlertWhy::Waiting, Because::Presenting);
    }
    if let Some(only) = only_screen(devices, entry).filter(|_| !restarting) {
        return Decision::Alert(vec![(Way::stream(only), Because::Unknown)]);
    }
    let may_answer = |id: &DeviceId| untried(entry, id) || entry.is_shown_on(id);
    if devices.doubtful_desktops().any(may_answer) {
        return Decision::Hold(AlertWhy::PresenceKnown, Because::DeviceMayAnswer);
    }
    nobody_surely_there(devices, entry, plan, restarting)
}

/// A phone has it, but may lie in another room than the person. A desktop that was asked before and
/// did not show it is asked again. Where it lay unopened for long enough, another phone is asked, or
/// whatever desktop somebody is at by then.
fn beside_a_phone(devices: &Devices, entry: &Entry, plan: Plan) -> Decision {
    let other = best_mobile(devices, entry).filter(|_| entry.lay_unopened());
    let is_meant = |id: &DeviceId| untried(entry, id) && (other.is_some() || entry.was_asked(id));
    if let Some(desktop) = devices.active_desktops().find(|id| is_meant(id)) {
        return Decision::Alert(vec![(Way::stream(desktop), Because::Active)]);
    }
    let may_answer = |id: &DeviceId| is_meant(id) || entry.is_shown_on(id);
    if devices.doubtful_desktops().any(may_answer) {
        return Decision::Hold(AlertWhy::PresenceKnown, Because::DeviceMayAnswer);
    }
    if other.is_some() && plan.when_presenting == WhenPresenting::Hold && devices.is_presenting() {
        return Decision::Hold(AlertWhy::Waiting, Because::Presenting);
    }
    if other.is_some() && plan.when_away == WhenAway::Hold {
        return Decision::Nobody(Because::HeldUntilReturn);
    }
    if let Some(phone) = other {
        return Decision::Alert(vec![(phone, Because::NobodyAtADesktop)]);
    }
    let may_be_there = || {
        let unknown = devices.unknown_desktops();
        unknown.filter(|_| plan.when_unknown != WhenUnknown::Phone)
    };
    if let Some(desktop) = may_be_there().find(|id| is_meant(id)) {
        return Decision::Alert(vec![(Way::stream(desktop), Because::Unknown)]);
    }
    let there = devices.active_desktops().chain(may_be_there());
    let mut there = there.chain(devices.uncertain_desktops());
    if !entry.was_asked_enough() && there.any(|id| entry.is_mute(|mute| mute == id)) {
        return Decision::AskAgain;
    }
    Decision::Enough
}

fn nobody_surely_there(devices: &Devices, entry: &Entry, plan: Plan, restarting: bool) -> Decision {
    let hold = plan.when_away == WhenAway::Hold;
    let mobile = best_mobile(devices, entry).filter(|_| !hold);
    if restarting && mobile.as_ref().is_none_or(|way| way.via == Via::Push) {
        return Decision::Hold(AlertWhy::Waiting, Because::DeviceMayAnswer);
    }
    let possible = devices.unknown_desktops().filter(|id| untried(entry, id));
    let mut desktops: Vec<_> = possible
        .map(|id| (Way::stream(id), Because::Unknown))
        .collect();
    let mut mobile = mobile.map(|way| (way, Because::NobodyAtADesktop));
    match plan.when_unknown {
        WhenUnknown::Desktop if !desktops.is_empty() => mobile = None,
        WhenUnknown::Phone if mobile.is_some() => desktops.clear(),
        WhenUnknown::Both | WhenUnknown::Desktop | WhenUnknown::Phone => {}
    }
    let nobody = if hold {
        Because::HeldUntilReturn
    } else {
        Because::NobodyReachable
    };
    alert(desktops.into_iter().chain(mobile), nobody)
}

fn everyone(devices: &Devices, entry: &Entry) -> Decision {
    let streams = devices.connected().map(Way::stream);
    let ways = streams.chain(devices.pushable_mobiles().map(Way::push));
    let ways = ways.filter(|way| entry.is_open_to(&way.device, way.via));
    alert(
        ways.map(|way| (way, Because::Everywhere)),
        Because::NobodyReachable,
    )
}

/// A desktop that did not say yet whether anyone is there, where no other device could ring: to wait
/// for its word would only be later.
fn only_screen<'a>(devices: &'a Devices, entry: &Entry) -> Option<&'a DeviceId> {
    let mut doubtful = devices.doubtful_desktops().filter(|id| untried(entry, id));
    let others = doubtful.nth(1).is_some()
        || devices.unknown_desktops().any(|id| untried(entry, id))
        || best_mobile(devices, entry).is_some();
    let mut silent = devices.silent_desktops().filter(|id| untried(entry, id));
    silent.next().filter(|_| !others)
}

fn untried(entry: &Entry, desktop: &DeviceId) -> bool {
    entry.is_open_to(desktop, Via::Stream)
}

pub(crate) fn best_mobile(devices: &Devices, entry: &Entry) -> Option<Way> {
    let open = devices.open_mobiles().map(Way::stream);
    let mut ways = open.chain(devices.pushable_mobiles().map(Way::push));
    ways.find(|way| entry.is_open_to(&way.device, way.via))
}

fn alert(ways: impl Iterator<Item = (Way, Because)>, nobody: Because) -> Decision {
    let ways: Vec<_> = ways.collect();
    if ways.is_empty() {
        Decision::Nobody(nobody)
    } else {
        Decision::Alert(ways)
    }
}
