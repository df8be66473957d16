//! The connection to the compositor, and what it says in the protocol's words.

use core::time::Duration;
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::Path;

use tokio::io::Interest;
use wayland_client::backend::WaylandError;
use wayland_client::protocol::{wl_callback, wl_registry, wl_seat};
use wayland_client::{Connection, Dispatch, EventQueue, Proxy, QueueHandle, delegate_noop};
use wayland_protocols::ext::idle_notify::v1::client::ext_idle_notification_v1::{
    self, ExtIdleNotificationV1,
};
use wayland_protocols::ext::idle_notify::v1::client::ext_idle_notifier_v1::ExtIdleNotifierV1;

use super::seat::{Change, FINE, Of, WATCHED};

/// From here on the protocol tells input and inhibitors apart.
const TELLS_APART: u32 = 2;

/// The connection to the compositor.
pub(super) struct Wire {
    connection: Connection,
    queue: EventQueue<Heard>,
    /// The same socket again, for waiting.
    readable: tokio::net::UnixStream,
    pub(super) heard: Heard,
}

/// What the compositor said.
#[derive(Default)]
pub(super) struct Heard {
    seat: Option<wl_seat::WlSeat>,
    notifier: Option<ExtIdleNotifierV1>,
    /// How many questions it answered.
    pub(super) answers: usize,
    pub(super) changes: VecDeque<Change>,
}

impl Wire {
    pub(super) fn connect(socket: &Path) -> Result<Self, String> {
        let stream = UnixStream::connect(socket).map_err(|error| error.to_string())?;
        let readable = readiness(&stream).map_err(|error| error.to_string())?;
        let connection = Connection::from_socket(stream).map_err(|error| error.to_string())?;
        let queue = connection.new_event_queue();
        Ok(Self {
            connection,
            queue,
            readable,
            heard: Heard::default(),
        })
    }

    /// Learns what the compositor offers.
    pub(super) async fn introduce(&mut self) -> Result<(), String> {
        self.connection
            .display()
            .get_registry(&self.queue.handle(), ());
        self.ask();
        while self.heard.answers == 0 {
            self.hear().await?;
        }
        self.heard.answers = 0;
        Ok(())
    }

    /// Whether input and inhibitors are told apart.
    pub(super) fn subscribe(&self) -> Result<bool, String> {
        let (Some(notifier), Some(seat)) = (&self.heard.notifier, &self.heard.seat) else {
            return Err("this compositor does not speak ext-idle-notify-v1".to_owned());
        };
        let millis = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        let queue = self.queue.handle();
        let tells_apart = notifier.version() >= TELLS_APART;
        if tells_apart {
            notifier.get_input_idle_notification(millis(FINE), seat, &queue, Of::Input);
            notifier.get_idle_notification(millis(WATCHED), seat, &queue, Of::Watching);
        } else {
            notifier.get_idle_notification(millis(FINE), seat, &queue, Of::Input);
        }
        Ok(tells_apart)
    }

    /// Has the compositor answer, which proves that it is not hung.
    pub(super) fn ask(&self) {
        self.connection.display().sync(&self.queue.handle(), ());
    }

    /// Waits for the compositor to say something; cancel safe.
    pub(super) async fn hear(&mut self) -> Result<(), String> {
        let words = |error: &dyn core::fmt::Display| format!("the compositor went away: {error}");
        let dispatched = self.queue.dispatch_pending(&mut self.heard);
        if dispatched.map_err(|error| words(&error))? > 0 {
            return Ok(());
        }
        match self.queue.flush() {
            // What it does not take yet goes with the next word.
            Err(error) if !would_block(&error) => return Err(words(&error)),
            _ => {}
        }
        self.readable.readable().await.map_err(|it| words(&it))?;
        let Some(guard) = self.queue.prepare_read() else {
            return Ok(());
        };
        let read = self
            .readable
            .try_io(Interest::READABLE, || match guard.read() {
                Err(WaylandError::Io(error)) => Err(error),
                other => Ok(other),
            });
        match read {
            Ok(Err(error)) => Err(words(&error)),
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(words(&error)),
            _ => Ok(()),
        }
    }
}

fn readiness(stream: &UnixStream) -> std::io::Result<tokio::net::UnixStream> {
    let again = stream.try_clone()?;
    again.set_nonblocking(true)?;
    tokio::net::UnixStream::from_std(again)
}

fn would_block(error: &WaylandError) -> bool {
    matches!(error, WaylandError::Io(error) if error.kind() == ErrorKind::WouldBlock)
}

impl Dispatch<wl_registry::WlRegistry, ()> for Heard {
    fn event(
        heard: &mut Self,
        registry: &wl_registry::WlRegistry,
        event: wl_registry::Event,
        (): &(),
        _: &Connection,
        queue: &QueueHandle<Self>,
    ) {
        let wl_registry::Event::Global {
            name,
            interface,
            version,
        } = event
        else {
            return;
        };
        if interface == wl_seat::WlSeat::interface().name && heard.seat.is_none() {
            heard.seat = Some(registry.bind(name, 1, queue, ()));
        } else if interface == ExtIdleNotifierV1::interface().name {
            heard.notifier = Some(registry.bind(name, version.min(TELLS_APART), queue, ()));
        }
    }
}

impl Dispatch<wl_callback::WlCallback, ()> for Heard {
    fn event(
        heard: &mut Self,
        _: &wl_callback::WlCallback,
        _: wl_callback::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        heard.answers += 1;
    }
}

impl Dispatch<ExtIdleNotificationV1, Of> for Heard {
    fn event(
        heard: &mut Self,
        _: &ExtIdleNotificationV1,
        event: ext_idle_notification_v1::Event,
        of: &Of,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        let idle = matches!(event, ext_idle_notification_v1::Event::Idled);
        heard.changes.push_back(Change { of: *of, idle });
    }
}

delegate_noop!(Heard: ignore wl_seat::WlSeat);
delegate_noop!(Heard: ExtIdleNotifierV1);
