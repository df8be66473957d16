//! A desktop without one: X server, message bus and what runs on them, each ended by its handle.

use core::time::Duration;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use tempfile::TempDir;
use zbus::Connection;

/// Loud failure beats a hanging test.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Between two looks at what is waited for.
const INTERVAL: Duration = Duration::from_millis(20);

/// A bus that starts nothing by itself.
const BUS: &str = r#"<busconfig>
  <type>session</type>
  <listen>unix:dir=DIR</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>"#;

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

    fn start_saying(command: &mut Command) -> (Self, String) {
        let mut running = Self::start(command.stdout(Stdio::piped()).stderr(Stdio::null()));
        let stdout = running.0.stdout.take().unwrap();
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        assert!(!line.trim().is_empty(), "{command:?} said nothing");
        (running, line.trim().to_owned())
    }

    pub(crate) fn take_stdin(&mut self) -> ChildStdin {
        self.0.stdin.take().unwrap()
    }

    pub(crate) fn take_stdout(&mut self) -> ChildStdout {
        self.0.stdout.take().unwrap()
    }

    pub(crate) fn signal(&self, signal: &str) {
        run(Command::new("kill").args([&format!("-{signal}"), &self.0.id().to_string()]));
    }
}

pub(crate) fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}");
}

/// Waits until something holds.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let holding = async {
        while !holds().await {
            tokio::time::sleep(INTERVAL).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, holding).await;
    assert!(in_time.is_ok(), "waited in vain: {what}");
}

/// An X server and a session bus.
pub(crate) struct Stage {
    pub(crate) display: String,
    pub(crate) address: String,
    pub(crate) connection: Connection,
    pub(crate) folder: TempDir,
    _x_server: Running,
    pub(crate) bus: Running,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("Xvfb");
        command.args([
            "-displayfd",
            "1",
            "-screen",
            "0",
            "800x600x24",
            "-nolisten",
            "tcp",
        ]);
        let (x_server, number) = Running::start_saying(&mut command);

        let config = folder.path().join("bus.conf");
        let text = BUS.replace("DIR", folder.path().to_str().unwrap());
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new("dbus-daemon");
        command.args(["--nofork", "--nopidfile", "--print-address=1"]);
        command.arg(format!("--config-file={}", config.display()));
        let (bus, address) = Running::start_saying(&mut command);

        let builder = zbus::connection::Builder::address(address.as_str()).unwrap();
        Self {
            display: format!(":{number}"),
            connection: builder.build().await.unwrap(),
            address,
            folder,
            _x_server: x_server,
            bus,
        }
    }

    /// A command that sees this desktop and no other.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("DISPLAY", &self.display)
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .env("XDG_RUNTIME_DIR", self.folder.path())
            .env_remove("WAYLAND_DISPLAY");
        command
    }

    /// Clicks at a place on the screen.
    pub(crate) fn click(&self, x: u32, y: u32) {
        let (x, y) = (x.to_string(), y.to_string());
        run(self
            .command("xdotool")
            .args(["mousemove", &x, &y, "click", "1"]));
    }

    /// Waits until somebody owns the name.
    pub(crate) async fn owned(&self, name: &'static str) {
        let bus = zbus::fdo::DBusProxy::new(&self.connection).await.unwrap();
        until(name, || async {
            let name = zbus::names::BusName::from_static_str(name).unwrap();
            bus.name_has_owner(name).await.unwrap()
        })
        .await;
    }
}
