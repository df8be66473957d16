//! Ports for programs that cannot choose one by themselves.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Below those that systems give out by themselves, so that nobody is given one before it is used.
const FIRST: u32 = 10_000;
const COUNT: u32 = 20_000;

/// How many this process has tried.
static TRIED: AtomicU32 = AtomicU32::new(0);

/// A port of loopback that nobody listens on. Tests that run at the same time get different ones.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_port() -> u16 {
    // Such tests are processes of their own, and need fewer than 8.
    let begin = std::process::id().wrapping_mul(8);
    let mut ports = (0..COUNT).map(|_| {
        let tried = TRIED.fetch_add(1, Ordering::Relaxed);
        FIRST + begin.wrapping_add(tried) % COUNT
    });
    ports
        .find_map(|port| {
            let port = u16::try_from(port).ok()?;
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
            free.then_some(port)
        })
        .expect("a free port")
}
