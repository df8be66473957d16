//! Pop-ups on Windows and macOS. Showing may wait for the system, so it happens on a thread for
//! such work; what the system does not report back is not told.

use std::path::PathBuf;

use hither_engine::{Toast, ToastEvent};
use notify_rust::{Notification, Timeout};
use tokio::sync::mpsc;

use super::{Order, text};

/// The system's notifications.
#[derive(Debug, Default)]
pub(super) struct Notifications;

impl Notifications {
    /// Here pop-ups are nobody's once they are shown.
    pub(super) fn kept_in(_file: Option<PathBuf>) -> Self {
        Self
    }

    /// Carries out orders until there will be no more.
    pub(super) async fn run(
        self,
        mut orders: mpsc::UnboundedReceiver<Order>,
        tell: mpsc::UnboundedSender<ToastEvent>,
    ) {
        while let Some(order) = orders.recv().await {
            match order {
                Order::Show(toast) => drop(tell.send(show(*toast).await)),
                Order::Withdraw(key) => {
                    tracing::debug!(?key, "pop-ups stay until the system hides them");
                }
                Order::WithdrawAll(done) => drop(done),
            }
        }
    }
}

async fn show(toast: Toast) -> ToastEvent {
    let key = toast.key.clone();
    let shown = tokio::task::spawn_blocking(move || notification(&toast).show().map(drop));
    match shown.await {
        // Windows keeps a long one for 25 seconds, macOS does as the person set it there.
        Ok(Ok(())) => ToastEvent::Up { key, stays: false },
        Ok(Err(error)) => ToastEvent::Failed(key, error.to_string()),
        Err(error) => ToastEvent::Failed(key, error.to_string()),
    }
}

fn notification(toast: &Toast) -> Notification {
    Notification::new()
        .appname("Hither")
        .summary(&text::title(toast))
        .body(&text::body(toast))
        .timeout(Timeout::Never)
        .finalize()
}
