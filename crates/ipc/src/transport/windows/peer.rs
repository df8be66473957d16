//! Whose process is at the other end of a pipe, by what the system says.
#![expect(unsafe_code, reason = "the system's own calls, one by one")]

use core::ptr::null_mut;
use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};

use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::Security::{
    EqualSid, GetTokenInformation, PSID, TOKEN_QUERY, TOKEN_USER, TokenUser,
};
use windows_sys::Win32::System::Pipes::{GetNamedPipeClientProcessId, GetNamedPipeServerProcessId};
use windows_sys::Win32::System::Threading::{
    GetCurrentProcess, OpenProcess, OpenProcessToken, PROCESS_QUERY_LIMITED_INFORMATION,
};
use windows_sys::core::BOOL;

/// Whether the process that made this pipe runs as this process's user.
pub(super) fn check_server(pipe: &impl AsRawHandle) -> io::Result<()> {
    let mut process = 0;
    // SAFETY: the handle is open, and the number has a place.
    done(unsafe { GetNamedPipeServerProcessId(pipe.as_raw_handle(), &raw mut process) })?;
    check(process)
}

/// Whether the process that opened this pipe runs as this process's user.
pub(super) fn check_client(pipe: &impl AsRawHandle) -> io::Result<()> {
    let mut process = 0;
    // SAFETY: the handle is open, and the number has a place.
    done(unsafe { GetNamedPipeClientProcessId(pipe.as_raw_handle(), &raw mut process) })?;
    check(process)
}

fn check(process: u32) -> io::Result<()> {
    // SAFETY: a number that names no process is answered with none.
    let handle = unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, process) };
    if handle.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was opened just now, for nobody else.
    let peer = unsafe { OwnedHandle::from_raw_handle(handle) };
    // SAFETY: this process's own handle is always open.
    let own = User::of(unsafe { GetCurrentProcess() })?;
    if User::of(peer.as_raw_handle())?.is(own.sid()) {
        return Ok(());
    }
    let text = "the other end runs as another user";
    Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
}

/// A `TOKEN_USER`, and behind it the id that it points to.
struct User(Box<Room>);

/// For the longest id, aligned for the pointer.
type Room = [u64; 16];

/// In bytes.
const ROOM: u32 = 128;

impl User {
    fn of(process: HANDLE) -> io::Result<Self> {
        let mut token = null_mut();
        // SAFETY: the process is open, and the token's handle has a place.
        done(unsafe { OpenProcessToken(process, TOKEN_QUERY, &raw mut token) })?;
        // SAFETY: it was opened just now, for nobody else.
        let token = unsafe { OwnedHandle::from_raw_handle(token) };
        let mut room = Box::<Room>::default();
        let (place, mut needed) = (room.as_mut_ptr().cast(), 0);
        // SAFETY: no more is written than there is room for.
        done(unsafe {
            GetTokenInformation(
                token.as_raw_handle(),
                TokenUser,
                place,
                ROOM,
                &raw mut needed,
            )
        })?;
        Ok(Self(room))
    }

    /// Points into this.
    fn sid(&self) -> PSID {
        // SAFETY: the system wrote one there, and a u64 is aligned as it wants to be.
        unsafe { (*self.0.as_ptr().cast::<TOKEN_USER>()).User.Sid }
    }

    fn is(&self, other: PSID) -> bool {
        // SAFETY: both are ids that the system made.
        unsafe { EqualSid(self.sid(), other) != 0 }
    }
}

fn done(answer: BOOL) -> io::Result<()> {
    if answer == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use windows_sys::Win32::Security::{CreateWellKnownSid, WinLocalSystemSid};

    use super::*;

    #[test]
    fn a_user_is_told_from_another() {
        // SAFETY: this process's own handle is always open.
        let own = || User::of(unsafe { GetCurrentProcess() }).unwrap();
        assert!(own().is(own().sid()));
        let (mut room, mut size) = (Room::default(), ROOM);
        let system: PSID = room.as_mut_ptr().cast();
        // SAFETY: no more is written than there is room for.
        done(unsafe { CreateWellKnownSid(WinLocalSystemSid, null_mut(), system, &raw mut size) })
            .unwrap();
        assert!(!own().is(system));
    }

    #[test]
    fn a_process_that_cannot_be_looked_at_is_refused() {
        check(std::process::id()).unwrap();
        // The idle process has no token that anybody may open.
        assert!(check(0).is_err());
    }
}
