use std::time::{Duration, Instant};

/// A generous deadline for what should take a moment, on a machine that does other things too.
pub const SOON: Duration = Duration::from_mins(1);

const INTERVAL: Duration = Duration::from_millis(20);

/// Asks again and again until `condition` yields a value.
///
/// # Panics
/// With `what`, when `within` is over.
#[track_caller]
pub fn wait_for<T>(what: &str, within: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited {within:?} for {what}");
        std::thread::sleep(INTERVAL);
    }
}

/// [`wait_for`] with a condition that has to be awaited.
///
/// # Panics
/// With `what`, when `within` is over.
pub async fn wait_for_async<T>(
    what: &str,
    within: Duration,
    condition: impl AsyncFnMut() -> Option<T>,
) -> T {
    let in_time = patiently(within, condition).await;
    in_time.unwrap_or_else(|| panic!("waited {within:?} for {what}"))
}

/// What `condition` yields at last; `None` when it did not `within` this time.
pub(crate) async fn patiently<T>(
    within: Duration,
    mut condition: impl AsyncFnMut() -> Option<T>,
) -> Option<T> {
    let deadline = Instant::now() + within;
    loop {
        if let Some(value) = condition().await {
            return Some(value);
        }
        if Instant::now() >= deadline {
            return None;
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
