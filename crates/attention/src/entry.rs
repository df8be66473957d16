use core::time::Duration;

use hither_protocol::{AlertWhy, Because, DeviceId, Instant, Priority, Route};

use crate::piles::Kind;
use crate::way::{Via, Way};
use crate::{Accepted, PoppedUp};

/// So often a device that shows other messages is asked at once for one that it did not show.
const BELIEVED: u32 = 8;

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
    /// Seen, or with a phone: at most its pushes are still to be cancelled, or a phone has yet to
    /// say that it shows it.
    done: bool,
    /// The desktops that show it, since somebody used them last.
    showing: Vec<Showing>,
    /// Desktops that could not tell whether anybody was there, once for each time it popped up.
    blindly: Vec<DeviceId>,
    calls: Vec<Call>,
    /// Ways that are known to lead nowhere since a device came back last.
    failed: Vec<Way>,
    /// Ways that did not answer since then: they may yet.
    mute: Vec<Way>,
    /// How often what was mute was asked again since a device came back.
    retries: u32,
    /// When that happens next.
    retry_at: Option<Instant>,
    comebacks: u64,
    taken: Option<Taken>,
    /// The phones that have it, as they or their push services say.
    phones: Vec<DeviceId>,
    /// Since when the first of them has it.
    on_a_phone_since: Option<Instant>,
    /// It lay there for long enough: another phone may ring.
    another: bool,
    /// Nobody is known to have looked at these phones, and there is another: it is asked then.
    pub(crate) lies_until: Option<Instant>,
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
            calls: Vec::new(),
            failed: Vec::new(),
            mute: Vec::new(),
            retries: 0,
            retry_at: None,
            comebacks: 0,
            taken: None,
            phones: Vec::new(),
            on_a_phone_since: None,
            another: false,
            lies_until: None,
        }
    }

    /// What it has in common with others that nothing was tried for.
    pub(crate) fn merely_waits(&self) -> Option<Kind> {
        let tried = self.done
            || !self.calls.is_empty()
            || !self.showing.is_empty()
            || !self.blindly.is_empty()
            || !self.failed.is_empty()
            || self.is_mute()
            || !self.phones.is_empty()
            || self.taken.is_some()
            || self.retries > 0;
        let alike = self.message.except.is_none();
        Some(Kind {
            why: self.wanted.filter(|_| !tried && alike)?,
            loudness: self.loudness?,
            waits: self.waits,
        })
    }

    /// Whether a device did not answer that may yet.
    pub(crate) const fn is_mute(&self) -> bool {
        !self.mute.is_empty()
    }

    /// Whether what did not answer was asked once more since a device came back.
    pub(crate) const fn was_asked_again(&self) -> bool {
        self.retries > 0
    }

    pub(crate) fn is_retried(&self) -> bool {
        (self.is_mute() || self.was_asked_again()) && self.wanted.is_some()
    }

    /// Whether there is nothing left to do about it.
    pub(crate) fn is_over(&self) -> bool {
        let waits = self.taken.is_some() || self.lies_until.is_some();
        self.done && self.calls.is_empty() && !waits
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
        if self.message.except.as_ref() == Some(device) {
            return false;
        }
        let leads = |way: &Way| way.via == via && way.device == *device;
        let mut tried = self.failed.iter().chain(&self.mute);
        let used = tried.any(leads) || self.calls.iter().any(|call| leads(&call.way));
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

    /// Whether this device's push service took it, and it did not say yet that it shows it.
    pub(crate) fn is_taken_for(&self, device: &DeviceId) -> bool {
        let taken = self.taken.as_ref();
        taken.is_some_and(|taken| taken.by.contains(device))
    }

    pub(crate) fn is_taken(&self) -> bool {
        self.taken.is_some()
    }

    /// A push service took it: done, unless somebody comes to a desktop before the phone says
    /// that it shows it.
    pub(crate) fn taken(&mut self, by: &DeviceId, until: Instant) {
        if self.is_seen() && self.taken.is_none() {
            return self.finish();
        }
        let earlier = self.taken.take();
        self.finish();
        let mut by = vec![by.clone()];
        by.extend(earlier.into_iter().flat_map(|taken| taken.by));
        self.taken = Some(Taken { by, until });
    }

    /// A phone has it, perhaps in another room than the person.
    pub(crate) fn lies_on(&mut self, phone: &DeviceId, now: Instant) {
        if self.phones.is_empty() {
            self.on_a_phone_since = Some(now);
            self.another = false;
        }
        if !self.phones.contains(phone) {
            self.phones.push(phone.clone());
        }
    }

    pub(crate) fn is_on_a_phone(&self) -> bool {
        !self.phones.is_empty()
    }

    /// Whether this phone has it.
    pub(crate) fn is_on(&self, phone: &DeviceId) -> bool {
        self.phones.contains(phone)
    }

    /// Unless somebody looks at those that have it, another phone is asked then.
    pub(crate) const fn lies_until(&mut self, until: Instant) {
        self.lies_until = Some(until);
    }

    /// It lay there for long enough, and nobody looked.
    pub(crate) fn lay_unopened(&mut self, now: Instant) -> bool {
        self.lies_until.take_if(|until| *until <= now).is_some()
    }

    /// A device that did not show it is asked again; another phone, once it lay on this one for
    /// long enough.
    pub(crate) fn ask_another(&mut self, now: Instant, long_enough: Duration) {
        let due = self.on_a_phone_since.map(|since| since + long_enough);
        self.another = due.is_none_or(|due| due <= now);
        self.lies_until = due.filter(|_| !self.another);
        self.done = false;
        self.want(AlertWhy::Handover);
    }

    pub(crate) const fn may_ask_another(&self) -> bool {
        self.another
    }

    /// Whether a device that does not answer was asked often enough, where a phone has it.
    pub(crate) const fn was_asked_enough(&self) -> bool {
        self.retries >= ENOUGH
    }

    /// Nobody knows whether a phone shows it, and somebody came.
    pub(crate) fn doubt(&mut self) {
        self.done = false;
        self.lies_until = None;
        self.forget_takers();
        self.want(AlertWhy::Returned);
    }

    /// Failures are forgiven once a device came back after them.
    pub(crate) fn forgive(&mut self, comebacks: u64) {
        if self.comebacks != comebacks {
            self.comebacks = comebacks;
            self.retries = 0;
            self.failed.clear();
            self.forgive_mute();
        }
    }

    fn forgive_mute(&mut self) {
        self.mute.clear();
        self.retry_at = None;
    }

    /// Nobody else can take it: who did not answer is asked again, after ever longer pauses.
    pub(crate) fn retry_later(&mut self, now: Instant, first: Duration) {
        if self.is_mute() && self.retry_at.is_none() {
            let pause = first.saturating_mul(2_u32.saturating_pow(self.retries));
            self.retry_at = Some(now + pause);
        }
    }

    fn retry(&mut self) {
        self.retries += 1;
        self.forgive_mute();
    }

    /// The device showed something else: it is in order again. Not believed for ever of one that
    /// never shows this.
    pub(crate) fn recover(&mut self, device: &DeviceId) {
        if self.retries < BELIEVED && self.mute.iter().any(|way| way.device == *device) {
            self.retry();
        }
    }

    pub(crate) fn alerted(&mut self, ways: Vec<Way>, until: Instant) {
        let calls = ways.into_iter().map(|way| Call {
            way,
            until: Some(until),
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

    /// Whether nobody needs to be alerted any more.
    fn is_seen(&self) -> bool {
        self.done || self.showing.iter().any(|showing| showing.seen)
    }

    /// Whether somebody saw it: more than that it lies on a phone.
    pub(crate) fn is_known(&self) -> bool {
        self.is_seen() && self.lies_until.is_none()
    }

    /// That way leads nowhere. Says whether it was being used.
    pub(crate) fn fail(&mut self, device: &DeviceId, via: Via, comebacks: u64) -> bool {
        let used = self.hang_up(device, via);
        self.forgive(comebacks);
        let way = Way {
            device: device.clone(),
            via,
        };
        if !self.failed.contains(&way) {
            self.failed.push(way);
        }
        used
    }

    /// Ends the waiting for an answer. Says whether there was any.
    pub(crate) fn hang_up(&mut self, device: &DeviceId, via: Via) -> bool {
        let calls = self.calls.len();
        self.calls
            .retain(|call| call.way.via != via || call.way.device != *device);
        self.calls.len() < calls
    }

    /// Ends the waiting for push services. Names the devices of those that did not answer.
    pub(crate) fn take_pushes(&mut self) -> impl Iterator<Item = DeviceId> {
        let pushes = self.calls.extract_if(.., |call| call.way.via == Via::Push);
        pushes.map(|call| call.way.device)
    }

    /// Gives up on the answers that are due: a push goes on, but nobody waits for it.
    pub(crate) fn time_out(&mut self, now: Instant, comebacks: u64) {
        self.taken.take_if(|taken| taken.until <= now);
        self.forgive(comebacks);
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry();
        }
        for call in &mut self.calls {
            if call.until.is_some_and(|until| until <= now) {
                call.until = None;
                match call.way.via {
                    Via::Stream => self.mute.push(call.way.clone()),
                    // It may still come; a second one would be too much.
                    Via::Push => self.failed.push(call.way.clone()),
                }
            }
        }
        self.calls
            .retain(|call| call.until.is_some() || call.way.via == Via::Push);
    }

    /// The desktop shows it, perhaps to nobody: that counts like an alert on its way.
    pub(crate) fn show(&mut self, desktop: &DeviceId, at: Instant, stays: bool) {
        self.hang_up(desktop, Via::Stream);
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

    /// The same, unless somebody surely sits there.
    pub(crate) fn hide_unseen(&mut self, desktop: &DeviceId) {
        self.showing
            .retain(|showing| showing.seen || showing.on != *desktop);
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

    /// Someone saw it, or has it on the phone.
    pub(crate) fn finish(&mut self) {
        self.done = true;
        self.taken = None;
        self.showing.clear();
        self.rest();
    }

    /// No alert is owed. One that is on its way to a push service may still be cancelled; those
    /// of an urgent message are meant to arrive everywhere.
    fn rest(&mut self) {
        self.wanted = None;
        self.lies_until = None;
        self.failed.clear();
        self.forgive_mute();
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
