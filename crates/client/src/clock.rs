//! The two clocks. The only place of this crate that reads either.

use hither_engine::Now;
use hither_protocol::Instant;

/// The present moment.
pub(crate) fn now() -> Now {
    Now {
        instant: instant(),
        wall: jiff::Zoned::now(),
    }
}

/// The monotonic clock, time asleep included.
#[cfg(unix)]
pub(crate) fn instant() -> Instant {
    use rustix::time::{ClockId, clock_gettime};

    // Apple's CLOCK_MONOTONIC counts time asleep; on Linux only CLOCK_BOOTTIME does.
    #[cfg(target_os = "linux")]
    const CLOCK: ClockId = ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    const CLOCK: ClockId = ClockId::Monotonic;

    let since_boot = clock_gettime(CLOCK);
    // Neither part is ever negative: the clock's zero is the boot.
    let seconds = u64::try_from(since_boot.tv_sec).unwrap_or(0);
    let nanos = u32::try_from(since_boot.tv_nsec).unwrap_or(0);
    Instant::from_zero(core::time::Duration::new(seconds, nanos))
}

/// The performance counter, which Windows keeps counting asleep; its zero is the first call.
#[cfg(windows)]
pub(crate) fn instant() -> Instant {
    use std::sync::OnceLock;

    static ZERO: OnceLock<std::time::Instant> = OnceLock::new();
    Instant::from_zero(ZERO.get_or_init(std::time::Instant::now).elapsed())
}
