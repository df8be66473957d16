use std::future::Future;
use std::time::{Duration, Instant};

/// A generous deadline for what should take a moment, on a machine that does other things too.
pub const SOON: Duration = Duration::from_secs(30);

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
pub async fn wait_for_async<T, F>(
    what: &str,
    within: Duration,
    mut condition: impl FnMut() -> F,
) -> T
where
    F: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + within;
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(Instant::now() < deadline, "waited {within:?} for {what}");
        tokio::time::sleep(INTERVAL).await;
    }
}
