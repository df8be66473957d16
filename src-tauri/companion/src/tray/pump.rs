//! How the tray's thread waits for its next picture. Windows answers clicks only on a thread that
//! reads window messages meanwhile, so there a picture has to ring.

#[cfg(not(windows))]
pub(super) use elsewhere::{Bell, next};
#[cfg(windows)]
pub(super) use windows::{Bell, next};

#[cfg(not(windows))]
mod elsewhere {
    use std::sync::mpsc::Receiver;

    /// Nothing to ring: the channel wakes the thread.
    #[derive(Debug)]
    pub(in crate::tray) struct Bell;

    impl Bell {
        pub(in crate::tray) fn hang() -> Self {
            Self
        }

        #[expect(clippy::unused_self, reason = "elsewhere it rings")]
        pub(in crate::tray) fn ring(&self) {}
    }

    /// Waits for the next; `None` when there will be none.
    pub(in crate::tray) fn next<T>(inbox: &Receiver<T>) -> Option<T> {
        inbox.recv().ok()
    }
}

#[cfg(windows)]
#[expect(
    unsafe_code,
    reason = "the system's own calls; there is no safe binding"
)]
mod windows {
    use core::ptr::null_mut;
    use std::sync::mpsc::{Receiver, TryRecvError};

    use windows_sys::Win32::System::Threading::GetCurrentThreadId;
    use windows_sys::Win32::UI::WindowsAndMessaging::{
        DispatchMessageW, GetMessageW, MSG, PM_NOREMOVE, PeekMessageW, PostThreadMessageW,
        TranslateMessage, WM_APP,
    };

    /// Wakes the thread that hung it.
    #[derive(Debug)]
    pub(in crate::tray) struct Bell(u32);

    impl Bell {
        pub(in crate::tray) fn hang() -> Self {
            let mut message = MSG::default();
            // SAFETY: the structure is ours; looking makes the thread's queue, so that no ring is
            // lost.
            unsafe { PeekMessageW(&raw mut message, null_mut(), WM_APP, WM_APP, PM_NOREMOVE) };
            // SAFETY: it takes nothing and returns a number.
            Self(unsafe { GetCurrentThreadId() })
        }

        pub(in crate::tray) fn ring(&self) {
            // SAFETY: a message without pointers; a thread that is gone refuses it.
            unsafe { PostThreadMessageW(self.0, WM_APP, 0, 0) };
        }
    }

    /// Lets windows answer until there is something; `None` when there will be nothing. An open
    /// menu swallows rings, so the inbox is looked into after every message.
    pub(in crate::tray) fn next<T>(inbox: &Receiver<T>) -> Option<T> {
        loop {
            match inbox.try_recv() {
                Ok(item) => return Some(item),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => {}
            }
            let mut message = MSG::default();
            // SAFETY: the structure is ours and outlives each call.
            unsafe {
                if GetMessageW(&raw mut message, null_mut(), 0, 0) <= 0 {
                    return None;
                }
                TranslateMessage(&raw const message);
                DispatchMessageW(&raw const message);
            }
        }
    }
}
