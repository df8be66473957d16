use core::time::Duration;

use hither_protocol::{AlertWhy, Because, DeviceId, Instant, Priority, Route};

use crate::piles::Kind;
use crate::way::{Via, Way};
use crate::{Accepted, PoppedUp};

/// So often a device that shows other messages is asked at once for one that it did not show.
const BELIEVED: u32 = 3;

/// So often a device that does not answer is asked again for what a phone has.
const ENOUGH: u32 = 6;

/// So often a message pops up on a desktop that never says whether anybody is there.
const BLINDLY: usize = 2;

/// What is known about one message.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) message: Accepted,
    /// An alert is owed, for this reason, as soon as there is someone to alert.
    pub(crate) wanted: Option<AlertWhy>,
    /// What the person's choices made of it when it was decided about last.
    pub(crate) loudness: Option<(Priority, Route)>,
    /// Why it waited when that was traced last.
    pub(crate) waits: Option<Because>,
    /// There is nobody left to ask: at most its pushes are still to be cancelled, or a phone has
    /// yet to say that it shows it.
    done: bool,
    /// The desktops that show it, since somebody used them last.
    showing: Vec<Showing>,
    /// Desktops that could not tell whether anybody was there, once for each time it popped up.
    blindly: Vec<DeviceId>,
    /// Devices whose stream it rang on, and that did not show it.
    asked: Vec<DeviceId>,
    calls: Vec<Call>,
    /// Ways that were used in vain.
    tried: Vec<Tried>,
    /// A device that reconnected while it was asked, and until when it had time.
    resumed: Option<(DeviceId, Instant)>,
    /// How often what was mute was asked again because time went by.
    retries: u32,
    /// And how often because it came back or showed something else.
    believed: u32,
    /// When it is asked again next.
    retry_at: Option<Instant>,
    comebacks: u64,
    taken: Option<Taken>,
    /// The phones that have it, as they or their push services say.
    phones: Vec<DeviceId>,
    /// Until when the person may open it there before somewhere else is looked for them.
    lies_until: Option<Instant>,
}

/// A way that was used in vain.
#[derive(Debug)]
struct Tried {
    way: Way,
    why: InVain,
}

/// Why a way was used in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InVain {
    /// Nobody sits there any more: so until somebody comes to this very device.
    Left,
    /// It leads nowhere: so until any device comes back.
    Refused,
    /// There was no answer: there may be one the next time.
    Mute,
}

/// Push services took it, and no phone said yet that it shows it.
#[derive(Debug)]
struct Taken {
    by: Vec<DeviceId>,
    /// From then on it counts as shown.
    until: Instant,
}

#[derive(Debug)]
struct Showing {
    on: DeviceId,
    at: Instant,
    /// Whether it stays up until there is input after it.
    stays: bool,
    /// Whether someone surely sits there.
    seen: bool,
}

/// An alert without an answer yet.
#[derive(Debug)]
struct Call {
    way: Way,
    /// `None` once it is not waited for; a push may still have to be cancelled.
    until: Option<Instant>,
}

impl Entry {
    pub(crate) fn new(message: Accepted, wanted: Option<AlertWhy>) -> Self {
        Self {
            message,
            wanted,
            loudness: None,
            waits: None,
            done: false,
            showing: Vec::new(),
            blindly: Vec::new(),
            asked: Vec::new(),
            calls: Vec::new(),
            tried: Vec::new(),
            resumed: None,
            retries: 0,
            believed: 0,
            retry_at: None,
            comebacks: 0,
            taken: None,
            phones: Vec::new(),
            lies_until: None,
        }
    }

    /// What it has in common with others that nothing was tried for.
    pub(crate) fn merely_waits(&self) -> Option<Kind> {
        let tried = self.done
            || !self.calls.is_empty()
            || !self.showing.is_empty()
            || !self.blindly.is_empty()
            || !self.tried.is_empty()
            || self.resumed.is_some()
            || !self.phones.is_empty()
            || self.taken.is_some()
            || self.retries + self.believed > 0;
        let alike = self.message.comes_to_all();
        Some(Kind {
            why: self.wanted.filter(|_| !tried && alike)?,
            loudness: self.loudness?,
            waits: self.waits,
        })
    }

    /// Whether an alert is owed for it though something was tried, or it is unlike all others.
    pub(crate) fn is_stuck(&self) -> bool {
        self.wanted.is_some() && self.loudness.is_some() && self.merely_waits().is_none()
    }

    /// Whether there was no answer from a device that `may` answer yet.
    pub(crate) fn is_mute(&self, may: impl Fn(&DeviceId) -> bool) -> bool {
        let mut tried = self.tried.iter();
        tried.any(|tried| tried.why == InVain::Mute && may(&tried.way.device))
    }

    /// Whether there is nothing left to do about it.
    pub(crate) fn is_over(&self) -> bool {
        self.done && self.calls.is_empty() && self.taken.is_none()
    }

    /// Whether it rings on more than one screen, and ringing on one does not end it on the others.
    pub(crate) fn insists(&self) -> bool {
        let loud = |(_, route)| matches!(route, Route::PhoneToo | Route::Everywhere);
        self.loudness.is_some_and(loud)
    }

    /// From a pile.
    pub(crate) fn waiting(message: Accepted, kind: Kind) -> Self {
        Self {
            loudness: Some(kind.loudness),
            waits: kind.waits,
            ..Self::new(message, Some(kind.why))
        }
    }

    /// These pop-ups are from before a restart.
    pub(crate) fn showed(&mut self, popped_up: Vec<PoppedUp>) {
        let showing = popped_up
            .into_iter()
            .map(|PoppedUp { on, at, stays }| Showing {
                on,
                at,
                stays,
                seen: false,
            });
        self.showing.extend(showing);
    }

    pub(crate) fn is_shown_on(&self, desktop: &DeviceId) -> bool {
        self.shown_at(desktop).is_some()
    }

    /// Since when the desktop shows it.
    pub(crate) fn shown_at(&self, desktop: &DeviceId) -> Option<Instant> {
        Some(self.showing_on(desktop)?.at)
    }

    /// The same for a pop-up that goes by itself, seen or not.
    pub(crate) fn shown_in_passing(&self, desktop: &DeviceId) -> Option<Instant> {
        let showing = self.showing_on(desktop)?;
        (!showing.stays).then_some(showing.at)
    }

    pub(crate) fn shows_on(&self) -> impl Iterator<Item = &DeviceId> {
        self.showing.iter().map(|showing| &showing.on)
    }

    pub(crate) fn taken_until(&self) -> Option<Instant> {
        self.taken.as_ref().map(|taken| taken.until)
    }

    fn showing_on(&self, desktop: &DeviceId) -> Option<&Showing> {
        let mut showing = self.showing.iter();
        showing.find(|showing| showing.on == *desktop)
    }

    pub(crate) fn is_called(&self, device: &DeviceId) -> bool {
        self.calls.iter().any(|call| call.way.device == *device)
    }

    pub(crate) fn has_pushes(&self) -> bool {
        self.calls.iter().any(|call| call.way.via == Via::Push)
    }

    /// Whether this way was not used in vain, is not being used, and leads where it is not shown
    /// and may ring.
    pub(crate) fn is_open_to(&self, device: &DeviceId, via: Via) -> bool {
        if !self.message.comes_to(device) {
            return false;
        }
        let leads = |way: &Way| way.via == via && way.device == *device;
        let tried = self.tried.iter().any(|tried| leads(&tried.way));
        let used = tried || self.calls.iter().any(|call| leads(&call.way));
        let shown = via == Via::Stream && self.is_shown_on(device);
        let taken = via == Via::Push && self.is_taken_for(device);
        let has = self.phones.contains(device);
        !used && !shown && !taken && !has && !self.is_spent(device)
    }

    /// Whether it popped up there again already although nobody could tell who is there: it must
    /// not ring with every return of such a desktop.
    fn is_spent(&self, desktop: &DeviceId) -> bool {
        let times = self.blindly.iter().filter(|on| *on == desktop);
        times.count() >= BLINDLY
    }

    pub(crate) fn popped_up_blindly(&mut self, desktop: &DeviceId) {
        self.blindly.push(desktop.clone());
    }

    pub(crate) fn did_so_blindly(&self) -> bool {
        !self.blindly.is_empty()
    }

    /// Somebody is there after all.
    pub(crate) fn forget_blindness(&mut self) {
        self.blindly.clear();
    }

    /// Whether this device was tried in vain.
    pub(crate) fn was_tried_on(&self, device: &DeviceId) -> bool {
        self.tried.iter().any(|tried| tried.way.device == *device)
    }

    /// It came back after a while, or somebody came to it.
    pub(crate) fn forgive(&mut self, device: &DeviceId) {
        self.tried.retain(|tried| tried.way.device != *device);
        self.retries = 0;
        self.believed = 0;
        self.retry_at = None;
    }

    /// Whether it rang on this desktop, which did not show it.
    pub(crate) fn was_asked(&self, desktop: &DeviceId) -> bool {
        self.asked.contains(desktop)
    }

    /// Whether this device's push service took it, and it did not say yet that it shows it.
    pub(crate) fn is_taken_for(&self, device: &DeviceId) -> bool {
        let taken = self.taken.as_ref();
        taken.is_some_and(|taken| taken.by.contains(device))
    }

    pub(crate) fn is_taken(&self) -> bool {
        self.taken.is_some()
    }

    /// A push service took it: enough, unless somebody comes to a desktop before the phone says
    /// that it shows it.
    pub(crate) fn taken(&mut self, by: &DeviceId, until: Instant) {
        let is_shown = self.phones.iter().any(|phone| !self.is_taken_for(phone));
        if is_shown || (self.done && self.taken.is_none()) {
            return;
        }
        let mut by = vec![by.clone()];
        by.extend(self.taken.take().into_iter().flat_map(|taken| taken.by));
        self.taken = Some(Taken { by, until });
    }

    /// A phone has it, perhaps in another room than the person, who has until then to open it.
    pub(crate) fn lies_on(&mut self, phone: &DeviceId, until: Instant) {
        if !self.done && !self.is_on(phone) {
            self.phones.push(phone.clone());
            self.lies_until = Some(until);
        }
    }

    /// This phone is online, or says that it shows it: it has what its push service took.
    pub(crate) fn arrived(&mut self, phone: &DeviceId) {
        if self.is_taken_for(phone) {
            self.phones.retain(|on| on != phone);
        }
        self.taken = None;
    }

    /// A push service lost it after all.
    pub(crate) fn lost(&mut self, by: &DeviceId) {
        self.phones.retain(|phone| phone != by);
        if let Some(taken) = &mut self.taken {
            taken.by.retain(|phone| phone != by);
        }
        self.taken.take_if(|taken| taken.by.is_empty());
        self.done &= !self.phones.is_empty();
    }

    pub(crate) fn is_on_a_phone(&self) -> bool {
        !self.phones.is_empty()
    }

    /// Whether this phone has it.
    pub(crate) fn is_on(&self, phone: &DeviceId) -> bool {
        self.phones.contains(phone)
    }

    /// Until when it lies on a phone before another device is asked.
    pub(crate) const fn lies_until(&self) -> Option<Instant> {
        self.lies_until
    }

    /// Whether it lies on a phone, and nobody opened it there in time.
    pub(crate) fn lay_unopened(&self) -> bool {
        self.is_on_a_phone() && self.lies_until.is_none()
    }

    /// What has it is enough, for now or for good.
    pub(crate) fn is_enough(&mut self) {
        if self.lies_until.is_some() {
            self.wanted = None;
            self.waits = None;
        } else {
            self.done = true;
            self.showing.clear();
            self.rest();
        }
    }

    /// Whether a device that does not answer was asked often enough, where a phone has it.
    pub(crate) const fn was_asked_enough(&self) -> bool {
        self.retries >= ENOUGH
    }

    /// Nobody knows whether a phone shows it, and somebody came.
    pub(crate) fn doubt(&mut self) {
        self.done = false;
        self.forget_takers();
        self.want(AlertWhy::Returned);
    }

    /// A device came back: what led nowhere may lead somewhere.
    pub(crate) fn came_back(&mut self, comebacks: u64) {
        if self.comebacks != comebacks {
            self.comebacks = comebacks;
            self.tried.retain(|tried| tried.why != InVain::Refused);
        }
    }

    fn forgive_mute(&mut self) {
        self.tried.retain(|tried| tried.why != InVain::Mute);
        self.retry_at = None;
    }

    /// Nobody else can take it: who did not answer is asked again, after ever longer pauses.
    pub(crate) fn retry_later(&mut self, now: Instant, first: Duration) {
        if self.is_mute(|_| true) && self.retry_at.is_none() {
            let pause = first.saturating_mul(2_u32.saturating_pow(self.retries));
            self.retry_at = Some(now + pause);
        }
    }

    /// The device came back or showed something else: it is in order again. Not believed for ever
    /// of one that never shows this.
    pub(crate) fn recover(&mut self, device: &DeviceId) {
        if self.believed < BELIEVED && self.is_mute(|mute| mute == device) {
            self.believed += 1;
            self.forgive_mute();
        }
    }

    pub(crate) fn alerted(&mut self, ways: Vec<Way>, until: Instant) {
        for way in ways.iter().filter(|way| way.via == Via::Stream) {
            if !self.asked.contains(&way.device) {
                self.asked.push(way.device.clone());
            }
        }
        let resumed = self.resumed.take();
        let calls = ways.into_iter().map(|way| {
            let earlier = resumed.as_ref().filter(|(device, _)| *device == way.device);
            Call {
                until: Some(earlier.map_or(until, |(_, earlier)| until.min(*earlier))),
                way,
            }
        });
        self.calls.extend(calls);
        self.wanted = None;
        self.waits = None;
        self.retry_at = None;
    }

    /// Owes an alert, unless one is on its way or someone surely sees it.
    pub(crate) fn want(&mut self, why: AlertWhy) {
        let called = self.calls.iter().any(|call| call.until.is_some());
        if !self.is_seen() && !called && self.wanted.is_none() {
            self.wanted = Some(why);
        }
    }

    /// Whether nobody needs to be alerted at this moment.
    fn is_seen(&self) -> bool {
        self.done || self.showing.iter().any(|showing| showing.seen)
    }

    /// Whether it popped up on this desktop in front of somebody, or counts as if it had.
    pub(crate) fn is_seen_on(&self, desktop: &DeviceId) -> bool {
        let showing = self.showing_on(desktop);
        showing.is_some_and(|showing| showing.seen)
    }

    /// That way leads nowhere. Says whether it was being used.
    pub(crate) fn fail(&mut self, way: Way, why: InVain, comebacks: u64) -> bool {
        let used = self.hang_up(&way.device, way.via);
        self.came_back(comebacks);
        self.tried.retain(|tried| tried.way != way);
        self.tried.push(Tried { way, why });
        used
    }

    /// Ends the waiting for the answers of streams that `which` says.
    pub(crate) fn hang_up_all(&mut self, which: impl Fn(&DeviceId) -> bool) {
        let hangs_up = |way: &Way| way.via == Via::Stream && which(&way.device);
        self.calls.retain(|call| !hangs_up(&call.way));
        self.tried.retain(|tried| !hangs_up(&tried.way));
    }

    /// Ends the waiting for an answer. Says whether there was any.
    pub(crate) fn hang_up(&mut self, device: &DeviceId, via: Via) -> bool {
        let calls = self.calls.len();
        self.calls
            .retain(|call| call.way.via != via || call.way.device != *device);
        self.calls.len() < calls
    }

    /// What its stream had on the way may be lost. It is asked anew, but has no more time than it
    /// had: one that comes and goes must not keep the message from all others.
    pub(crate) fn resume(&mut self, device: &DeviceId) {
        let mut calls = self.calls.iter();
        let asked = calls.find(|call| call.way.via == Via::Stream && call.way.device == *device);
        let Some(until) = asked.and_then(|call| call.until) else {
            return;
        };
        self.hang_up(device, Via::Stream);
        self.resumed = Some((device.clone(), until));
        self.wanted = self.wanted.or(Some(AlertWhy::NotShown));
    }

    /// Ends the waiting for push services. Names the devices of those that did not answer.
    pub(crate) fn take_pushes(&mut self) -> impl Iterator<Item = DeviceId> {
        let pushes = self.calls.extract_if(.., |call| call.way.via == Via::Push);
        pushes.map(|call| call.way.device)
    }

    /// Gives up on the answers that are due: a push goes on, but nobody waits for it.
    pub(crate) fn time_out(&mut self, now: Instant, comebacks: u64) {
        self.taken.take_if(|taken| taken.until <= now);
        self.lies_until.take_if(|until| *until <= now);
        self.came_back(comebacks);
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retries += 1;
            self.forgive_mute();
        }
        if let Some((device, _)) = self.resumed.take_if(|(_, until)| *until <= now) {
            let (way, why) = (Way::stream(&device), InVain::Mute);
            self.tried.push(Tried { way, why });
        }
        for call in &mut self.calls {
            if call.until.is_some_and(|until| until <= now) {
                call.until = None;
                let why = match call.way.via {
                    Via::Stream => InVain::Mute,
                    // It may still come; a second one would be too much.
                    Via::Push => InVain::Refused,
                };
                let way = call.way.clone();
                self.tried.push(Tried { way, why });
            }
        }
        self.calls
            .retain(|call| call.until.is_some() || call.way.via == Via::Push);
    }

    /// The desktop shows it, perhaps to nobody: that counts like an alert on its way.
    pub(crate) fn show(&mut self, desktop: &DeviceId, at: Instant, stays: bool) {
        self.hang_up(desktop, Via::Stream);
        self.asked.retain(|asked| asked != desktop);
        self.hide(desktop);
        self.showing.push(Showing {
            on: desktop.clone(),
            at,
            stays,
            seen: false,
        });
        self.want(AlertWhy::Waiting);
    }

    /// What the desktop shows does not count any more.
    pub(crate) fn hide(&mut self, desktop: &DeviceId) {
        self.showing.retain(|showing| showing.on != *desktop);
    }

    /// Nobody has it after all: the phone may be asked once more.
    pub(crate) fn ask_phones_again(&mut self) {
        if !self.done {
            self.forget_takers();
            self.taken = None;
        }
    }

    /// Whether the phones of these push services have it is not known.
    fn forget_takers(&mut self) {
        if let Some(taken) = &self.taken {
            self.phones.retain(|phone| !taken.by.contains(phone));
        }
    }

    /// Someone is at the desktop that shows it.
    pub(crate) fn see(&mut self, desktop: &DeviceId) {
        self.taken = None;
        for showing in &mut self.showing {
            showing.seen |= showing.on == *desktop;
        }
        self.rest();
    }

    /// Someone saw it, or nothing can be done about it any more.
    pub(crate) fn finish(&mut self) {
        self.done = true;
        self.taken = None;
        self.lies_until = None;
        self.showing.clear();
        self.rest();
    }

    /// No alert is owed. One that is on its way to a push service may still be cancelled; those
    /// of an urgent message are meant to arrive everywhere.
    fn rest(&mut self) {
        self.wanted = None;
        self.tried.clear();
        self.resumed = None;
        self.retry_at = None;
        self.calls.retain(|call| call.way.via == Via::Push);
        for call in &mut self.calls {
            call.until = None;
        }
    }

    pub(crate) fn is_expired(&self, now: Instant) -> bool {
        self.message.expires.is_some_and(|expires| expires <= now)
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        let answers = self.calls.iter().filter_map(|call| call.until);
        let own = [
            self.resumed.as_ref().map(|(_, until)| *until),
            self.taken_until(),
            self.lies_until,
            self.retry_at,
            self.message.expires,
        ];
        answers.chain(own.into_iter().flatten()).min()
    }

    pub(crate) fn showing_since(&self) -> Option<Instant> {
        self.showing.iter().map(|showing| showing.at).min()
    }
}
