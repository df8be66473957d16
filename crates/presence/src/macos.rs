//! macOS: notification centres tell of locks, session switches and sleep; the last input is asked
//! for.
//!
//! The centres speak on the main thread, which has to run the application's loop.
#![expect(
    unsafe_code,
    reason = "observers are registered with unchecked pointers"
)]

use core::ptr::NonNull;
use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError, mpsc as sync};

use block2::RcBlock;
use objc2::rc::Retained;
use objc2::runtime::{NSObjectProtocol, ProtocolObject};
use objc2_app_kit::{
    NSWorkspace, NSWorkspaceDidWakeNotification, NSWorkspaceSessionDidBecomeActiveNotification,
    NSWorkspaceSessionDidResignActiveNotification, NSWorkspaceWillSleepNotification,
};
use objc2_core_foundation::{CFBoolean, CFDictionary, CFRetained, CFString, CFType};
use objc2_core_graphics::{
    CGEventSource, CGEventSourceStateID, CGEventType, CGSessionCopyCurrentDictionary,
};
use objc2_foundation::{
    NSDistributedNotificationCenter, NSNotification, NSNotificationCenter, NSNotificationName,
    NSString,
};
use tokio::sync::mpsc;

use crate::Event;
use crate::polled::Ask;
use crate::source::{SourceState, Sources, Topic};

pub(crate) const IDLE: &str = "CGEventSource";
const SCREEN: &str = "screen notifications";
const WORKSPACE: &str = "workspace notifications";
const ASSERTIONS: &str = "display assertions";
const SHARING: &str = "screen sharing";

pub(crate) const ASK: Ask = Ask {
    idle,
    watched: || false,
    presenting: || false,
};

/// The goodbye takes less.
const HOLD_SLEEP_FOR: Duration = Duration::from_secs(2);

fn idle() -> Option<Duration> {
    const ANY_INPUT: CGEventType = CGEventType(u32::MAX);
    let state = CGEventSourceStateID::HIDSystemState;
    let seconds = CGEventSource::seconds_since_last_event_type(state, ANY_INPUT);
    Duration::try_from_secs_f64(seconds).ok()
}

/// The observers; they stop when this is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    observers: Vec<Observer>,
    ready: sync::SyncSender<()>,
}

type Token = Retained<ProtocolObject<dyn NSObjectProtocol>>;

#[derive(Debug)]
struct Observer {
    center: Retained<NSNotificationCenter>,
    token: Token,
}

// SAFETY: centres may be used from every thread, and a token is only handed back to its centre.
unsafe impl Send for Observer {}
// SAFETY: as above; nothing is done through a shared reference.
unsafe impl Sync for Observer {}

impl Drop for Observer {
    fn drop(&mut self) {
        // SAFETY: the token came from this centre.
        unsafe { self.center.removeObserver(self.token.as_ref()) };
    }
}

impl Watch {
    pub(crate) fn start(events: &mpsc::UnboundedSender<Event>, sources: &Sources) -> Self {
        let (ready, is_ready) = sync::sync_channel(1);
        let mut watch = Self {
            observers: Vec::new(),
            ready,
        };
        watch.hear_of_screen(events);
        watch.hear_of_workspace(events, is_ready);
        sources.set(Topic::Lock, SCREEN, SourceState::Taken);
        for topic in [Topic::Session, Topic::Sleep] {
            sources.set(topic, WORKSPACE, SourceState::Taken);
        }
        sources.skip(Topic::Inhibition, ASSERTIONS, "not read on this system");
        sources.skip(Topic::Presenting, SHARING, "this system does not tell");
        say_how_it_is(events);
        watch
    }

    pub(crate) fn sleep_ready(&self) {
        let _ = self.ready.try_send(());
    }

    fn hear_of_screen(&mut self, events: &mpsc::UnboundedSender<Event>) {
        let center = NSDistributedNotificationCenter::defaultCenter();
        let center = Retained::into_super(center);
        for (name, event) in [
            ("com.apple.screenIsLocked", Event::Locked(true)),
            ("com.apple.screenIsUnlocked", Event::Locked(false)),
        ] {
            self.tell(&center, &NSString::from_str(name), event, events);
        }
    }

    fn hear_of_workspace(
        &mut self,
        events: &mpsc::UnboundedSender<Event>,
        is_ready: sync::Receiver<()>,
    ) {
        let center = NSWorkspace::sharedWorkspace().notificationCenter();
        // SAFETY: constants of the system.
        let [away, back, woke, sleeps] = unsafe {
            [
                NSWorkspaceSessionDidResignActiveNotification,
                NSWorkspaceSessionDidBecomeActiveNotification,
                NSWorkspaceDidWakeNotification,
                NSWorkspaceWillSleepNotification,
            ]
        };
        self.tell(&center, away, Event::SwitchedAway(true), events);
        self.tell(&center, back, Event::SwitchedAway(false), events);
        self.tell(&center, woke, Event::Sleeping(false), events);
        let events = events.clone();
        let is_ready = Arc::new(Mutex::new(is_ready));
        self.observe(&center, sleeps, move || {
            let is_ready = is_ready.lock().unwrap_or_else(PoisonError::into_inner);
            // What was said about an earlier sleep does not count for this one.
            let _ = is_ready.try_recv();
            if events.send(Event::Sleeping(true)).is_ok() {
                // The computer sleeps when this returns.
                let _ = is_ready.recv_timeout(HOLD_SLEEP_FOR);
            }
        });
    }

    fn tell(
        &mut self,
        center: &Retained<NSNotificationCenter>,
        name: &NSNotificationName,
        event: Event,
        to: &mpsc::UnboundedSender<Event>,
    ) {
        let to = to.clone();
        self.observe(center, name, move || {
            let _ = to.send(event);
        });
    }

    fn observe(
        &mut self,
        center: &Retained<NSNotificationCenter>,
        name: &NSNotificationName,
        act: impl Fn() + Send + Sync + 'static,
    ) {
        let block = RcBlock::new(move |_: NonNull<NSNotification>| act());
        // SAFETY: the block may run on every thread, and lives as long as its registration.
        let token = unsafe {
            center.addObserverForName_object_queue_usingBlock(Some(name), None, None, &block)
        };
        self.observers.push(Observer {
            center: center.clone(),
            token,
        });
    }
}

/// Locks and switches from before this process began.
fn say_how_it_is(events: &mpsc::UnboundedSender<Event>) {
    let Some(session) = CGSessionCopyCurrentDictionary() else {
        return;
    };
    if flag(&session, "CGSSessionScreenIsLocked") == Some(true) {
        let _ = events.send(Event::Locked(true));
    }
    if flag(&session, "kCGSSessionOnConsoleKey") == Some(false) {
        let _ = events.send(Event::SwitchedAway(true));
    }
}

fn flag(session: &CFRetained<CFDictionary>, key: &'static str) -> Option<bool> {
    // SAFETY: a dictionary of this system has text for keys and objects for values.
    let session = unsafe { session.cast_unchecked::<CFString, CFType>() };
    let value = session.get(&CFString::from_static_str(key))?;
    value.downcast_ref::<CFBoolean>().map(CFBoolean::as_bool)
}
