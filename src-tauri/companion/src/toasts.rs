//! Pop-ups through the desktop's own notifications.

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod linux;
mod text;

use core::time::Duration;
use std::path::PathBuf;

#[cfg(not(target_os = "linux"))]
use elsewhere as system;
use hither_engine::{Toast, ToastEvent, ToastKey};
#[cfg(target_os = "linux")]
use linux as system;
use tokio::sync::{mpsc, oneshot};

/// A daemon that does not answer does not hold up the end of this process.
const GONE_WITHIN: Duration = Duration::from_secs(1);

/// The pop-ups of this process, in the order they are asked for.
#[derive(Debug)]
pub(crate) struct Toasts {
    orders: mpsc::UnboundedSender<Order>,
    events: mpsc::UnboundedReceiver<ToastEvent>,
}

#[derive(Debug)]
enum Order {
    Show(Box<Toast>),
    Withdraw(ToastKey),
    /// The sender is dropped when all are gone.
    WithdrawAll(oneshot::Sender<()>),
}

impl Toasts {
    /// Inside a tokio runtime. `file` keeps what is up, for the next process after a crash. Unless
    /// an earlier one left something there, nothing is connected to before the first pop-up.
    pub(crate) fn start(file: Option<PathBuf>) -> Self {
        Self::start_with(system::Notifications::kept_in(file))
    }

    fn start_with(notifications: system::Notifications) -> Self {
        let (orders, taken) = mpsc::unbounded_channel();
        let (tell, events) = mpsc::unbounded_channel();
        tokio::spawn(notifications.run(taken, tell));
        Self { orders, events }
    }

    /// Puts one up, in place of the one with its key; answered by `Up` or `Failed`.
    pub(crate) fn show(&self, toast: Toast) {
        let _ = self.orders.send(Order::Show(Box::new(toast)));
    }

    /// Takes one down, if it is up.
    pub(crate) fn withdraw(&self, key: ToastKey) {
        let _ = self.orders.send(Order::Withdraw(key));
    }

    /// Takes all down; returns when they are gone, or after a moment.
    pub(crate) async fn withdraw_all(&self) {
        let (done, all_gone) = oneshot::channel();
        let _ = self.orders.send(Order::WithdrawAll(done));
        let _ = tokio::time::timeout(GONE_WITHIN, all_gone).await;
    }

    /// Waits for the next event; cancel safe, and `None` when none can come.
    pub(crate) async fn next_event(&mut self) -> Option<ToastEvent> {
        self.events.recv().await
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
