//! What Windows says to the sensors' window, said to it by the test, and Windows' own idle time.
//! `cargo xtask cross` runs this under wine.
#![cfg(windows)]
#![expect(
    unsafe_code,
    clippy::unwrap_used,
    reason = "the system's own calls; a test fails where it stands"
)]

use core::ptr::null_mut;
use core::time::Duration;
use std::sync::mpsc as sync;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use hither_presence::{Event, Sensors, SourceState};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use windows_sys::Win32::Foundation::{HWND, WPARAM};
use windows_sys::Win32::UI::Input::KeyboardAndMouse::{
    INPUT, INPUT_KEYBOARD, KEYEVENTF_KEYUP, SendInput,
};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    FindWindowExW, GetWindowThreadProcessId, PBT_APMRESUMEAUTOMATIC, PBT_APMSUSPEND, SendMessageW,
    WM_ENDSESSION, WM_POWERBROADCAST, WM_QUERYENDSESSION, WM_WTSSESSION_CHANGE,
    WTS_CONSOLE_CONNECT, WTS_CONSOLE_DISCONNECT, WTS_REMOTE_CONNECT, WTS_REMOTE_DISCONNECT,
    WTS_SESSION_LOCK, WTS_SESSION_UNLOCK,
};
use windows_sys::core::w;

/// Loud failure beats a hanging test.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long Windows is held back from sleeping at most.
const HELD_FOR: Duration = Duration::from_secs(2);
/// Longer than between two looks for the return, every second.
const AFTER: Duration = Duration::from_secs(3);

/// The sensors, and what they noticed.
struct Watched {
    sensors: Sensors,
    events: UnboundedReceiver<Event>,
    /// One process has one window of this name at a time.
    _alone: MutexGuard<'static, ()>,
}

impl Watched {
    fn start() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let deadline = Instant::now() + PATIENCE;
        while window().is_some() {
            assert!(Instant::now() < deadline, "an earlier window stays");
        }
        let (tell, events) = unbounded_channel();
        Self {
            sensors: Sensors::start(tell),
            events,
            _alone: alone,
        }
    }

    async fn next(&mut self) -> Event {
        let event = tokio::time::timeout(PATIENCE, self.events.recv()).await;
        event.expect("nothing was noticed").unwrap()
    }
}

/// The sensors' window in this process, as a number: threads may have it.
fn window() -> Option<usize> {
    let name = w!("hither-presence");
    let mut window: HWND = null_mut();
    loop {
        // SAFETY: the name ends with a zero; a window that is gone ends the search.
        window = unsafe { FindWindowExW(null_mut(), window, name, name) };
        if window.is_null() {
            return None;
        }
        let mut process = 0;
        // SAFETY: it writes a number.
        unsafe { GetWindowThreadProcessId(window, &raw mut process) };
        if process == std::process::id() {
            return Some(window as usize);
        }
    }
}

/// Says it to the sensors' window, and waits until that has answered.
fn say(message: u32, what: u32) -> isize {
    let window = window().expect("the sensors have a window");
    // SAFETY: messages without pointers.
    unsafe { SendMessageW(window as HWND, message, what as WPARAM, 0) }
}

/// [`say`] on a thread of its own: what it answered, and after how long.
fn say_meanwhile(message: u32, what: u32) -> sync::Receiver<(isize, Duration)> {
    let (answer, answered) = sync::channel();
    std::thread::spawn(move || {
        let asked = Instant::now();
        let said = say(message, what);
        let _ = answer.send((said, asked.elapsed()));
    });
    answered
}

#[tokio::test]
async fn every_source_is_taken() {
    let watched = Watched::start();
    for source in watched.sensors.describe() {
        assert_eq!(source.state, SourceState::Taken, "{source:?}");
    }
}

#[tokio::test]
async fn locks_and_sessions_are_told_once_each() {
    let mut watched = Watched::start();
    for (change, event) in [
        (WTS_SESSION_LOCK, Event::Locked(true)),
        (WTS_SESSION_UNLOCK, Event::Locked(false)),
        (WTS_CONSOLE_DISCONNECT, Event::SwitchedAway(true)),
        (WTS_CONSOLE_CONNECT, Event::SwitchedAway(false)),
        (WTS_REMOTE_DISCONNECT, Event::SwitchedAway(true)),
        (WTS_REMOTE_CONNECT, Event::SwitchedAway(false)),
    ] {
        say(WM_WTSSESSION_CHANGE, change);
        say(WM_WTSSESSION_CHANGE, change);
        assert_eq!(watched.next().await, event, "{change}");
    }
    assert!(watched.events.is_empty());
}

/// Sleep, and the end of the session, are what the goodbye is said before.
const ENDS: [(u32, u32); 2] = [(WM_POWERBROADCAST, PBT_APMSUSPEND), (WM_ENDSESSION, 1)];

#[tokio::test]
async fn sleep_and_the_end_of_the_session_wait_for_the_goodbye() {
    for (message, what) in ENDS {
        let mut watched = Watched::start();
        let answered = say_meanwhile(message, what);
        assert_eq!(watched.next().await, Event::Sleeping(true));
        assert!(answered.try_recv().is_err(), "{message} waited for nobody");
        watched.sensors.sleep_ready();
        let (_, took) = answered.recv_timeout(PATIENCE).unwrap();
        assert!(took < HELD_FOR, "{message}: {took:?}");
    }
}

#[tokio::test]
async fn a_goodbye_that_is_never_said_holds_nothing_for_longer_than_two_seconds() {
    for (message, what) in ENDS {
        let _watched = Watched::start();
        let (_, took) = say_meanwhile(message, what).recv_timeout(PATIENCE).unwrap();
        assert!(took >= HELD_FOR, "{message}: {took:?}");
    }
}

#[tokio::test]
async fn waking_is_told_and_a_session_that_goes_on_is_not() {
    let mut watched = Watched::start();
    assert_eq!(say(WM_QUERYENDSESSION, 0), 1, "the session may end");
    say(WM_ENDSESSION, 0);
    assert_eq!(say(WM_POWERBROADCAST, PBT_APMRESUMEAUTOMATIC), 1);
    assert_eq!(watched.next().await, Event::Sleeping(false));
    assert!(watched.events.is_empty());
}

#[tokio::test]
async fn absence_and_the_next_input_are_told() {
    let mut watched = Watched::start();
    touch();
    watched.sensors.watch_idle(AFTER);
    let Event::Idle(Some(idle)) = watched.next().await else {
        panic!("an absence is told");
    };
    assert!(idle >= AFTER, "{idle:?}");
    touch();
    let Event::Idle(Some(idle)) = watched.next().await else {
        panic!("a return is told");
    };
    assert!(idle < AFTER, "{idle:?}");
}

/// Windows' own input call: somebody lets go of a key that no keyboard has.
fn touch() {
    const NOBODYS: u16 = 0xE8;
    let mut input = INPUT {
        r#type: INPUT_KEYBOARD,
        ..INPUT::default()
    };
    input.Anonymous.ki.wVk = NOBODYS;
    input.Anonymous.ki.dwFlags = KEYEVENTF_KEYUP;
    let size = i32::try_from(size_of::<INPUT>()).unwrap();
    // SAFETY: one structure, of the size it is told.
    let sent = unsafe { SendInput(1, &raw const input, size) };
    assert_eq!(sent, 1);
}
