//! Real parts for the sensors: X server, buses and the mocks on them, each ended by its own handle.

use core::time::Duration;
use std::io::{BufRead as _, BufReader};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use futures_util::StreamExt as _;
use hither_presence::{Event, Sensors, SourceState, Surroundings};
use tempfile::TempDir;
use tokio::sync::mpsc;
use zbus::Connection;
use zbus::zvariant::{DynamicType, Value};

/// Loud failure beats a hanging test.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Between two looks at what is waited for.
pub(crate) const INTERVAL: Duration = Duration::from_millis(20);

/// A process that ends with its handle.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let name = format!("{command:?}");
        Self(
            command
                .spawn()
                .unwrap_or_else(|error| panic!("{name}: {error}")),
        )
    }

    /// Sends it a signal by name.
    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .args([&format!("-{signal}"), &self.0.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Starts a process that says one line, its address, when it is ready.
    fn start_saying(command: &mut Command) -> (Self, String) {
        let mut running = Self::start(command.stdout(Stdio::piped()).stderr(Stdio::null()));
        let stdout = running.0.stdout.take().unwrap();
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        assert!(!line.trim().is_empty(), "{command:?} said nothing");
        (running, line.trim().to_owned())
    }
}

/// An X server on a free display.
pub(crate) fn x_server() -> (Running, String) {
    let mut command = Command::new("Xvfb");
    command.args([
        "-displayfd",
        "1",
        "-screen",
        "0",
        "640x480x24",
        "-nolisten",
        "tcp",
    ]);
    let (running, number) = Running::start_saying(&mut command);
    (running, format!(":{number}"))
}

/// A Wayland compositor in a window of an X server; input there is input here.
pub(crate) struct Compositor {
    pub(crate) socket: PathBuf,
    pub(crate) display: String,
    process: Option<Running>,
    _bus: Running,
    _x_server: Running,
    _folder: TempDir,
}

impl Compositor {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (x_server, display) = x_server();
        let (bus, address) = bus();
        // The installed one carries a capability that a sandbox may refuse to grant. A copy has
        // none, and under another name it would not find its parts.
        let program = folder.path().join("kwin_wayland");
        std::fs::copy("/usr/bin/kwin_wayland", &program).unwrap();
        let compositor = Running::start(
            Command::new(&program)
                .args(["--x11-display", &display, "--socket", "wayland-9"])
                .args(["--width", "640", "--height", "480", "--no-lockscreen"])
                .env("XDG_RUNTIME_DIR", folder.path())
                .env("HOME", folder.path())
                .env("DBUS_SESSION_BUS_ADDRESS", address)
                .env("LIBGL_ALWAYS_SOFTWARE", "1")
                .env("KWIN_COMPOSE", "Q")
                .env_remove("WAYLAND_DISPLAY")
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
        );
        let socket = folder.path().join("wayland-9");
        let listening = async {
            while UnixStream::connect(&socket).is_err() {
                tokio::time::sleep(INTERVAL).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, listening).await;
        assert!(in_time.is_ok(), "the compositor does not listen");
        Self {
            socket,
            display,
            process: Some(compositor),
            _bus: bus,
            _x_server: x_server,
            _folder: folder,
        }
    }

    pub(crate) fn signal(&self, signal: &str) {
        self.process.as_ref().unwrap().signal(signal);
    }

    pub(crate) fn end(&mut self) {
        self.process = None;
    }
}

/// Somebody moves the pointer: after the moment that is returned.
pub(crate) fn move_pointer(display: &str) -> Instant {
    let before = Instant::now();
    let status = Command::new("xdotool")
        .env("DISPLAY", display)
        .args(["mousemove_relative", "3", "3"])
        .status()
        .unwrap();
    assert!(status.success());
    before
}

/// Waits until that is so.
pub(crate) async fn within(what: &str, is_so: impl Fn() -> bool) {
    let looking = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, looking).await;
    assert!(in_time.is_ok(), "{what}");
}

/// A message bus of our own; either kind.
pub(crate) fn bus() -> (Running, String) {
    let mut command = Command::new("dbus-daemon");
    command.args(["--session", "--nofork", "--nopidfile", "--print-address=1"]);
    Running::start_saying(&mut command)
}

/// The other side of a bus: mocks and what they are told.
pub(crate) struct Stage {
    pub(crate) connection: Connection,
    address: String,
}

impl Stage {
    pub(crate) async fn on(address: &str) -> Self {
        let builder = zbus::connection::Builder::address(address).unwrap();
        Self {
            connection: builder.build().await.unwrap(),
            address: address.to_owned(),
        }
    }

    /// Starts a mock and waits until it owns its name.
    pub(crate) async fn mock(&self, arguments: &[&str], name: &'static str) -> Running {
        let bus = zbus::fdo::DBusProxy::new(&self.connection).await.unwrap();
        let mut changes = bus
            .receive_name_owner_changed_with_args(&[(0, name)])
            .await
            .unwrap();
        let running = Running::start(
            Command::new("/usr/bin/python3")
                .args(["-m", "dbusmock"])
                .args(arguments)
                .env("DBUS_SYSTEM_BUS_ADDRESS", &self.address)
                .env("DBUS_SESSION_BUS_ADDRESS", &self.address)
                .stdout(Stdio::null()),
        );
        let appears = async {
            loop {
                let change = changes.next().await.unwrap();
                // The end of the one before may be told late.
                if change.args().unwrap().new_owner().is_some() {
                    break;
                }
            }
        };
        let appeared = tokio::time::timeout(PATIENCE, appears).await;
        assert!(appeared.is_ok(), "{name} did not appear");
        running
    }

    pub(crate) async fn call(
        &self,
        name: &str,
        path: &str,
        interface: &str,
        method: &str,
        body: &(impl serde::Serialize + DynamicType),
    ) -> zbus::Message {
        self.connection
            .call_method(Some(name), path, Some(interface), method, body)
            .await
            .unwrap_or_else(|error| panic!("{method} at {path}: {error}"))
    }

    /// Has a mock emit a signal.
    pub(crate) async fn emit(
        &self,
        name: &str,
        path: &str,
        interface: &str,
        signal: &str,
        signature: &str,
        arguments: Vec<Value<'_>>,
    ) {
        let body = (interface, signal, signature, arguments);
        self.call(name, path, "org.freedesktop.DBus.Mock", "EmitSignal", &body)
            .await;
    }
}

/// Sensors, and what they say.
pub(crate) struct Heard {
    pub sensors: Sensors,
    events: mpsc::UnboundedReceiver<Event>,
}

impl Heard {
    pub(crate) fn from(surroundings: Surroundings) -> Self {
        let (events, heard) = mpsc::unbounded_channel();
        Self {
            sensors: Sensors::start_in(surroundings, events),
            events: heard,
        }
    }

    pub(crate) async fn next(&mut self) -> Event {
        let next = tokio::time::timeout(PATIENCE, self.events.recv()).await;
        next.expect("a sensor says something").unwrap()
    }

    /// Somebody moves the pointer every twenty seconds, as the sensors' timers have it, until that
    /// is noticed.
    pub(crate) async fn works_until(&mut self, expected: Event, display: &str) {
        for _ in 0..60 {
            tokio::time::pause();
            tokio::time::advance(Duration::from_secs(20)).await;
            tokio::time::resume();
            move_pointer(display);
            let pause = Duration::from_millis(300);
            while let Ok(event) = tokio::time::timeout(pause, self.events.recv()).await {
                if event == Some(expected) {
                    return;
                }
            }
        }
        panic!("{expected:?} was not noticed");
    }

    /// `None`: nobody knows, for now or because there is no source.
    pub(crate) async fn next_idle(&mut self) -> Option<Duration> {
        match self.next().await {
            Event::Idle(idle) => idle,
            Event::IdleUnanswered => None,
            other => panic!("expected an idle reading, heard {other:?}"),
        }
    }

    /// A fresh reading. A busy machine may miss the time limit, and is asked again.
    pub(crate) async fn reading(&mut self) -> Duration {
        let asking = async {
            loop {
                self.sensors.read_idle();
                if let Some(idle) = self.next_idle().await {
                    return idle;
                }
            }
        };
        let reading = tokio::time::timeout(PATIENCE, asking).await;
        reading.expect("a reading in time")
    }

    /// Waits until nobody has touched anything for so long.
    pub(crate) async fn rests(&mut self, at_least: Duration) {
        while self.reading().await < at_least {
            tokio::time::sleep(INTERVAL).await;
        }
    }

    pub(crate) fn nothing_more(&mut self) -> bool {
        self.events.try_recv().is_err()
    }

    /// Why a source is skipped, or `None` when it is taken; waits while it starts.
    pub(crate) async fn skipped(&self, name: &str) -> Option<String> {
        self.state_when(name, |state| *state != SourceState::Starting)
            .await
    }

    /// Waits until a source is taken.
    pub(crate) async fn taken(&self, name: &str) {
        self.state_when(name, |state| *state == SourceState::Taken)
            .await;
    }

    async fn state_when(&self, name: &str, fits: impl Fn(&SourceState) -> bool) -> Option<String> {
        let look = async {
            loop {
                let sources = self.sensors.describe();
                let source = sources.into_iter().find(|source| source.name == name);
                match source {
                    Some(source) if fits(&source.state) => return source.state,
                    _ => tokio::time::sleep(INTERVAL).await,
                }
            }
        };
        let state = tokio::time::timeout(PATIENCE, look).await;
        match state.unwrap_or_else(|_| panic!("{name}: {:?}", self.sensors.describe())) {
            SourceState::Skipped(reason) => Some(reason),
            _ => None,
        }
    }
}
