use core::future::Future;
use core::time::Duration;
use std::path::{Path, PathBuf};

use hither_engine::view::{Command, SourceView, View};
use hither_engine::{Sensed, Toast, ToastEvent, ToastKey};
use hither_protocol::MessageId;

/// The desktop, as far as the loop needs one: sensors, pop-ups, windows and the tray.
///
/// No method may block: what takes time happens in a task or thread of the implementation, and
/// what comes of it is an event from [`next_event`](Self::next_event). Nothing here has to be
/// `Send`; the loop stays on its thread.
pub trait Platform {
    /// Waits for what the desktop or the person says next; pends for ever when nothing will come.
    ///
    /// Dropped and called again at any moment (cancel safe): what it did not return yet must not
    /// be lost. A channel's `recv` is enough.
    fn next_event(&mut self) -> impl Future<Output = PlatformEvent>;

    /// Reads the idle sensor now. Answered by [`Sensed::Idle`].
    fn read_idle(&mut self);

    /// Reports [`Sensed::Idle`] when input has been absent for `after`, and again at the first
    /// input after that. Replaces an earlier watch.
    fn watch_idle(&mut self, after: Duration);

    /// Reports [`Sensed::Idle`] at the next input, once and within seconds.
    fn await_input(&mut self);

    /// Puts up a pop-up; one with the same key is replaced. Answered by [`ToastEvent::Up`] or
    /// [`ToastEvent::Failed`].
    fn show_toast(&mut self, toast: Toast);

    /// Takes a pop-up down, if it is up.
    fn withdraw_toast(&mut self, key: &ToastKey);

    /// Opens the window: at a message, or at the list.
    fn open_window(&mut self, at: Option<MessageId>);

    /// Opens a link (http, https or mailto) in the person's browser.
    fn open_link(&mut self, url: &str);

    /// The person's folder for downloads.
    fn downloads(&self) -> Option<PathBuf>;

    /// Shows a folder to the person; nothing in it is opened.
    fn open_folder(&mut self, folder: &Path);

    /// The view differs from the one before; the first call shows the view at the start.
    fn view_changed(&mut self, view: &View);

    /// The goodbye after [`Sensed::Sleeping`] is said, or there was nothing to say: the computer
    /// may sleep.
    fn sleep_ready(&mut self) {}

    /// Where what is sensed comes from, and what is not used and why.
    fn sources(&self) -> Vec<SourceView> {
        Vec::new()
    }

    /// The loop is over and this process ends: pop-ups and the tray icon go. Waited for, so that
    /// they are gone when it returns.
    fn exit(&mut self) -> impl Future<Output = ()> {
        async {}
    }
}

/// What the desktop or the person says.
#[derive(Clone, Debug)]
pub enum PlatformEvent {
    /// A sensor noticed something.
    Sensed(Sensed),
    /// The notification daemon answered, or the person touched a pop-up.
    Toast(ToastEvent),
    /// The person chose something in the tray's menu.
    Command(Command),
}
