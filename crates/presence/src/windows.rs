//! Windows: a window that nobody sees hears of locks, session switches, sleep and the session's
//! end; the last input is asked for.
#![expect(
    unsafe_code,
    clippy::cast_possible_truncation,
    reason = "the system's own calls, which are told sizes; there is no safe binding"
)]

use core::cell::RefCell;
use core::ptr::{null, null_mut};
use core::time::Duration;
use std::sync::mpsc as sync;
use std::thread;

use tokio::sync::mpsc;
use windows_sys::Win32::Foundation::{HWND, LPARAM, LRESULT, WPARAM};
use windows_sys::Win32::System::LibraryLoader::GetModuleHandleW;
use windows_sys::Win32::System::Power::{
    CallNtPowerInformation, ES_DISPLAY_REQUIRED, RegisterSuspendResumeNotification,
    SystemExecutionState,
};
use windows_sys::Win32::System::RemoteDesktop::{
    NOTIFY_FOR_THIS_SESSION, WTS_CURRENT_SERVER_HANDLE, WTS_CURRENT_SESSION, WTS_SESSIONSTATE_LOCK,
    WTSActive, WTSFreeMemory, WTSINFOEXW, WTSQuerySessionInformationW,
    WTSRegisterSessionNotification, WTSSessionInfoEx,
};
use windows_sys::Win32::System::SystemInformation::GetTickCount;
use windows_sys::Win32::UI::Input::KeyboardAndMouse::{GetLastInputInfo, LASTINPUTINFO};
use windows_sys::Win32::UI::Shell::{
    QUERY_USER_NOTIFICATION_STATE, QUNS_BUSY, QUNS_PRESENTATION_MODE, QUNS_RUNNING_D3D_FULL_SCREEN,
    SHQueryUserNotificationState,
};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    CreateWindowExW, DEVICE_NOTIFY_WINDOW_HANDLE, DefWindowProcW, DispatchMessageW, GetMessageW,
    KillTimer, MSG, PBT_APMRESUMEAUTOMATIC, PBT_APMSUSPEND, PostMessageW, PostQuitMessage,
    RegisterClassW, SetTimer, WM_CLOSE, WM_ENDSESSION, WM_POWERBROADCAST, WM_TIMER,
    WM_WTSSESSION_CHANGE, WNDCLASSW, WTS_CONSOLE_CONNECT, WTS_CONSOLE_DISCONNECT,
    WTS_REMOTE_CONNECT, WTS_REMOTE_DISCONNECT, WTS_SESSION_LOCK, WTS_SESSION_UNLOCK,
};
use windows_sys::core::w;

use crate::Event;
use crate::polled::Ask;
use crate::source::{SourceState, Sources, Topic};

pub(crate) const IDLE: &str = "GetLastInputInfo";
const SESSION: &str = "session notifications";
const POWER: &str = "power notifications";
const EXECUTION: &str = "execution state";
const NOTIFICATION: &str = "user notification state";

pub(crate) const ASK: Ask = Ask {
    idle,
    watched: display_is_wanted,
    presenting: is_presenting,
};

/// Windows itself waits about two seconds.
const HOLD_SLEEP_FOR: Duration = Duration::from_secs(2);
/// Early after the boot nobody tells about sessions yet.
const TRY_AGAIN_MS: u32 = 5_000;
const TRY_AGAIN: usize = 1;

fn idle() -> Option<Duration> {
    let mut last = LASTINPUTINFO {
        cbSize: size_of::<LASTINPUTINFO>() as u32,
        dwTime: 0,
    };
    // SAFETY: it writes into the structure, whose size it is told.
    if unsafe { GetLastInputInfo(&raw mut last) } == 0 {
        return None;
    }
    // SAFETY: it takes nothing and returns a number.
    let ticks = unsafe { GetTickCount() }.wrapping_sub(last.dwTime);
    // The input may be a little younger than the clock.
    let ticks = u32::try_from(ticks.cast_signed()).unwrap_or(0);
    Some(Duration::from_millis(ticks.into()))
}

fn display_is_wanted() -> bool {
    let mut state = 0_u32;
    let size = size_of::<u32>() as u32;
    // SAFETY: it writes a number of the size it is told.
    let status = unsafe {
        CallNtPowerInformation(
            SystemExecutionState,
            null(),
            0,
            (&raw mut state).cast(),
            size,
        )
    };
    status == 0 && state & ES_DISPLAY_REQUIRED != 0
}

/// Windows' own presentation mode, or something that keeps the display awake and fills it.
fn is_presenting() -> bool {
    let mut state = QUERY_USER_NOTIFICATION_STATE::default();
    // SAFETY: it writes a number.
    if unsafe { SHQueryUserNotificationState(&raw mut state) } < 0 {
        return false;
    }
    match state {
        QUNS_PRESENTATION_MODE => true,
        QUNS_BUSY | QUNS_RUNNING_D3D_FULL_SCREEN => display_is_wanted(),
        _ => false,
    }
}

/// The window's thread; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    /// A handle is a number to everybody but the system.
    window: Option<usize>,
    ready: sync::SyncSender<()>,
}

impl Watch {
    pub(crate) fn start(events: &mpsc::UnboundedSender<Event>, sources: &Sources) -> Self {
        let (ready, is_ready) = sync::sync_channel(1);
        let (made, window) = sync::channel();
        let heard = Heard {
            events: events.clone(),
            sources: sources.clone(),
            is_ready,
            away: false,
            locked: false,
        };
        let thread = thread::Builder::new()
            .name("session".to_owned())
            .spawn(move || listen(heard, &made));
        let window = thread.ok().and_then(|_| window.recv().ok()).flatten();
        if window.is_none() {
            for (topic, name) in TOLD {
                sources.skip(topic, name, "no window for it");
            }
        }
        sources.set(Topic::Inhibition, EXECUTION, SourceState::Taken);
        sources.set(Topic::Presenting, NOTIFICATION, SourceState::Taken);
        Self { window, ready }
    }

    pub(crate) fn sleep_ready(&self) {
        let _ = self.ready.try_send(());
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(window) = self.window {
            // SAFETY: a message without pointers; a window that is gone refuses it.
            unsafe { PostMessageW(window as HWND, WM_CLOSE, 0, 0) };
        }
    }
}

const TOLD: [(Topic, &str); 3] = [
    (Topic::Lock, SESSION),
    (Topic::Session, SESSION),
    (Topic::Sleep, POWER),
];

/// What the window knows.
struct Heard {
    events: mpsc::UnboundedSender<Event>,
    sources: Sources,
    is_ready: sync::Receiver<()>,
    away: bool,
    locked: bool,
}

thread_local! {
    /// The window is called with no more than its handle, on the thread that made it.
    static HEARD: RefCell<Option<Heard>> = const { RefCell::new(None) };
}

fn listen(heard: Heard, made: &sync::Sender<Option<usize>>) {
    HEARD.set(Some(heard));
    let window = make_window();
    let _ = made.send((!window.is_null()).then_some(window as usize));
    if window.is_null() {
        return;
    }
    hear_of_power(window);
    hear_of_session(window);
    let mut message = MSG::default();
    // SAFETY: the structure lives as long as the loop; the handle is of this thread.
    while unsafe { GetMessageW(&raw mut message, null_mut(), 0, 0) } > 0 {
        // SAFETY: as it was just filled in.
        unsafe { DispatchMessageW(&raw const message) };
    }
}

fn make_window() -> HWND {
    let name = w!("hither-presence");
    // SAFETY: the names are constants that end with a zero, the procedure has the right shape,
    // and everything else may be absent. A window that is only for messages hears no broadcasts.
    unsafe {
        let instance = GetModuleHandleW(null());
        let class = WNDCLASSW {
            lpfnWndProc: Some(on_message),
            hInstance: instance,
            lpszClassName: name,
            ..WNDCLASSW::default()
        };
        RegisterClassW(&raw const class);
        CreateWindowExW(
            0,
            name,
            name,
            0,
            0,
            0,
            0,
            0,
            null_mut(),
            null_mut(),
            instance,
            null(),
        )
    }
}

fn hear_of_power(window: HWND) {
    // SAFETY: the window is ours. Where this is refused, the broadcast comes nevertheless.
    let registered =
        unsafe { RegisterSuspendResumeNotification(window.cast(), DEVICE_NOTIFY_WINDOW_HANDLE) };
    if registered == 0 {
        tracing::debug!("sleep is told by broadcast only");
    }
    with_heard(|heard| heard.sources.set(Topic::Sleep, POWER, SourceState::Taken));
}

fn hear_of_session(window: HWND) {
    // SAFETY: the window is ours.
    let registered =
        unsafe { WTSRegisterSessionNotification(window, NOTIFY_FOR_THIS_SESSION) } != 0;
    if registered {
        // SAFETY: as above; a timer that does not run is no harm.
        unsafe { KillTimer(window, TRY_AGAIN) };
    } else {
        // SAFETY: as above, and no procedure: the timer's message comes to the window.
        unsafe { SetTimer(window, TRY_AGAIN, TRY_AGAIN_MS, None) };
    }
    with_heard(|heard| {
        for topic in [Topic::Lock, Topic::Session] {
            if registered {
                heard.sources.set(topic, SESSION, SourceState::Taken);
            } else {
                let reason = "the system does not tell yet";
                heard.sources.skip(topic, SESSION, reason);
            }
        }
        if let Some((away, locked)) = session_state() {
            heard.away(away);
            heard.locked(locked);
        }
    });
}

/// Whether the session is away from its screen, and whether it is locked.
fn session_state() -> Option<(bool, bool)> {
    let mut buffer = null_mut();
    let mut size = 0;
    // SAFETY: it allocates what it returns; that is freed below.
    let said = unsafe {
        WTSQuerySessionInformationW(
            WTS_CURRENT_SERVER_HANDLE,
            WTS_CURRENT_SESSION,
            WTSSessionInfoEx,
            &raw mut buffer,
            &raw mut size,
        )
    };
    if said == 0 || buffer.is_null() {
        return None;
    }
    let whole = size as usize >= size_of::<WTSINFOEXW>();
    // SAFETY: as large as the structure, of which level 1 is the only shape there is.
    let state = whole.then(|| unsafe {
        let info = buffer.cast::<WTSINFOEXW>().read_unaligned();
        let session = info.Data.WTSInfoExLevel1;
        let locked = session.SessionFlags.cast_unsigned() == WTS_SESSIONSTATE_LOCK;
        (info.Level == 1).then_some((session.SessionState != WTSActive, locked))
    });
    // SAFETY: allocated by the call above.
    unsafe { WTSFreeMemory(buffer.cast()) };
    state.flatten()
}

/// Never more than a loan: a message may come in while another is being answered.
fn with_heard(act: impl FnOnce(&mut Heard)) {
    HEARD.with(|heard| {
        if let Ok(mut heard) = heard.try_borrow_mut()
            && let Some(heard) = heard.as_mut()
        {
            act(heard);
        }
    });
}

impl Heard {
    fn session_changed(&mut self, change: u32) {
        match change {
            WTS_SESSION_LOCK => self.locked(true),
            WTS_SESSION_UNLOCK => self.locked(false),
            WTS_CONSOLE_CONNECT | WTS_REMOTE_CONNECT => self.away(false),
            WTS_CONSOLE_DISCONNECT | WTS_REMOTE_DISCONNECT => self.away(true),
            _ => {}
        }
    }

    fn locked(&mut self, locked: bool) {
        if self.locked != locked {
            self.locked = locked;
            let _ = self.events.send(Event::Locked(locked));
        }
    }

    fn away(&mut self, away: bool) {
        if self.away != away {
            self.away = away;
            let _ = self.events.send(Event::SwitchedAway(away));
        }
    }

    /// The computer sleeps when this returns.
    fn fall_asleep(&mut self) {
        // What was said about an earlier sleep does not count for this one.
        let _ = self.is_ready.try_recv();
        if self.events.send(Event::Sleeping(true)).is_ok() {
            let _ = self.is_ready.recv_timeout(HOLD_SLEEP_FOR);
        }
    }
}

/// What the system says to the window.
unsafe extern "system" fn on_message(
    window: HWND,
    message: u32,
    what: WPARAM,
    more: LPARAM,
) -> LRESULT {
    let number = u32::try_from(what).unwrap_or(u32::MAX);
    match (message, number) {
        (WM_WTSSESSION_CHANGE, change) => with_heard(|heard| heard.session_changed(change)),
        // Whoever logs out or shuts down is as gone as when the computer sleeps, and this process
        // ends when the answer is given.
        (WM_POWERBROADCAST, PBT_APMSUSPEND) | (WM_ENDSESSION, 1) => with_heard(Heard::fall_asleep),
        (WM_POWERBROADCAST, PBT_APMRESUMEAUTOMATIC) => {
            with_heard(|heard| {
                let _ = heard.events.send(Event::Sleeping(false));
            });
        }
        (WM_TIMER, _) => hear_of_session(window),
        // SAFETY: it takes a number.
        (WM_CLOSE, _) => unsafe { PostQuitMessage(0) },
        // SAFETY: as the system said it.
        _ => return unsafe { DefWindowProcW(window, message, what, more) },
    }
    // Where it is a question: yes.
    LRESULT::from(message == WM_POWERBROADCAST)
}
