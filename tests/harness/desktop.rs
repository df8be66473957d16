//! A whole desktop of its own: X server, buses, window manager, panel, notifications, screen lock.
//!
//! Nothing of it is shared with the person's desktop or with another test, and all of it ends with
//! the value. This file stands alone, because `cargo xtask run` shows its demo on the same desktop.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

const READY_WITHIN: Duration = Duration::from_secs(30);
const STOPPED_WITHIN: Duration = Duration::from_secs(5);
const INTERVAL: Duration = Duration::from_millis(20);

/// The logind session that the screen belongs to.
const SESSION_ID: &str = "c1";
const SESSION: &str = "/org/freedesktop/login1/session/c1";
const MOCK: &str = "org.freedesktop.DBus.Mock";
const SCREEN_SAVER: [&str; 2] = [
    "org.freedesktop.ScreenSaver",
    "/org/freedesktop/ScreenSaver",
];

/// Left click chooses, right click closes, no icons from the network, nothing expires by itself.
const DUNSTRC: &str = include_str!("desktop/dunstrc");

const PANEL: &str = include_str!("desktop/xfce4-panel.xml");

/// What the desktop has besides screen, buses, window manager and notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Panel {
    /// No tray host.
    None,
    /// A panel with a tray, as people have it.
    Xfce,
}

/// A running desktop.
#[derive(Debug)]
pub struct Desktop {
    // Dropped in this order: the latest started ends first, and its files go last.
    parts: Vec<Part>,
    display: String,
    folder: tempfile::TempDir,
}

impl Desktop {
    /// Starts one. Everything is ready when this returns.
    pub fn start(panel: Panel) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("hither-desktop-")
            .tempdir()?;
        let mut desktop = Self {
            parts: Vec::new(),
            display: String::new(),
            folder,
        };
        desktop.make_folders()?;
        desktop.start_buses()?;
        desktop.start_screen()?;
        desktop.start_locks()?;
        desktop.start_notifications()?;
        if panel == Panel::Xfce {
            desktop.start_panel()?;
        }
        Ok(desktop)
    }

    /// A command that lives on this desktop: its display, buses, home and folders, and nothing of
    /// the caller's desktop.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        for inherited in ["WAYLAND_DISPLAY", "XAUTHORITY", "XDG_CURRENT_DESKTOP"] {
            command.env_remove(inherited);
        }
        command.envs(self.env()).stdin(Stdio::null());
        command
    }

    /// What [`Desktop::command`] sets.
    #[must_use]
    pub fn env(&self) -> Vec<(&'static str, String)> {
        let path = |name: &str| self.path(name).to_string_lossy().into_owned();
        vec![
            // Without a UTF-8 locale, xdotool finds no window whose title has a dash in it.
            ("LC_ALL", "C.UTF-8".to_owned()),
            ("DISPLAY", self.display.clone()),
            ("XDG_SESSION_TYPE", "x11".to_owned()),
            ("XDG_SESSION_ID", SESSION_ID.to_owned()),
            ("DBUS_SESSION_BUS_ADDRESS", self.bus("session")),
            ("DBUS_SYSTEM_BUS_ADDRESS", self.bus("system")),
            ("XDG_RUNTIME_DIR", path("run")),
            ("HOME", path("home")),
            ("XDG_CONFIG_HOME", path("home/.config")),
            ("XDG_DATA_HOME", path("home/.local/share")),
            ("XDG_STATE_HOME", path("home/.local/state")),
            ("XDG_CACHE_HOME", path("home/.cache")),
            // No accessibility bus here, which GTK would otherwise wait for.
            ("GTK_A11Y", "none".to_owned()),
            ("NO_AT_BRIDGE", "1".to_owned()),
            ("LIBGL_ALWAYS_SOFTWARE", "1".to_owned()),
        ]
    }

    /// The home folder that programs see here.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// Address of the session bus.
    #[must_use]
    pub fn session_bus(&self) -> String {
        self.bus("session")
    }

    /// Writes what the screen shows, as PNG.
    pub fn screenshot(&self, to: &Path) -> anyhow::Result<()> {
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        self.run("import", &["-window", "root", &to.to_string_lossy()])?;
        Ok(())
    }

    /// The person moves the pointer.
    pub fn input(&self) -> anyhow::Result<()> {
        self.run("xdotool", &["mousemove_relative", "--", "-3", "0"])?;
        self.run("xdotool", &["mousemove_relative", "--", "3", "0"])?;
        Ok(())
    }

    /// The person clicks at this place of the screen.
    pub fn click(&self, x: u32, y: u32) -> anyhow::Result<()> {
        let (x, y) = (x.to_string(), y.to_string());
        self.run("xdotool", &["mousemove", &x, &y, "click", "1"])?;
        Ok(())
    }

    /// The person clicks into the newest toast.
    pub fn click_toast(&self) -> anyhow::Result<()> {
        let windows = self.run("xdotool", &["search", "--onlyvisible", "--class", "dunst"])?;
        let window = windows.lines().next().context("no toast on the screen")?;
        let place = ["mousemove", "--window", window, "100", "24", "click", "1"];
        self.run("xdotool", &place)?;
        Ok(())
    }

    /// The person locks the screen, or unlocks it: logind and the screen saver say so.
    pub fn lock_screen(&self, locked: bool) -> anyhow::Result<()> {
        let hint = format!("{{'LockedHint': <{locked}>}}");
        let session = "org.freedesktop.login1.Session";
        let signal = if locked { "Lock" } else { "Unlock" };
        self.login1(SESSION, "EmitSignal", &[session, signal, "", "@av []"])?;
        self.login1(SESSION, "UpdateProperties", &[session, &hint])?;
        let [name, path] = SCREEN_SAVER;
        let arguments = [name, "ActiveChanged", "b", &format!("[<{locked}>]")];
        self.mock(&self.bus("session"), name, path, "EmitSignal", &arguments)
    }

    /// The computer goes to sleep, or wakes up.
    pub fn suspend(&self, asleep: bool) -> anyhow::Result<()> {
        let arguments = [
            "org.freedesktop.login1.Manager",
            "PrepareForSleep",
            "b",
            &format!("[<{asleep}>]"),
        ];
        self.login1("/org/freedesktop/login1", "EmitSignal", &arguments)
    }

    /// Whether somebody asked to be waited for before the computer sleeps.
    pub fn sleep_is_held(&self) -> anyhow::Result<bool> {
        let path = "/org/freedesktop/login1";
        let method = "org.freedesktop.login1.Manager.ListInhibitors";
        let system = self.bus("system");
        let said = self.gdbus(&system, "org.freedesktop.login1", path, method, &[])?;
        Ok(said.contains("'sleep'"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn bus(&self, name: &str) -> String {
        format!("unix:path={}", self.path(&format!("{name}-bus")).display())
    }

    fn make_folders(&self) -> anyhow::Result<()> {
        for name in ["run", "home", "home/.config", "home/.local/share", "logs"] {
            let mut folder = fs::DirBuilder::new();
            folder.recursive(true).mode(0o700).create(self.path(name))?;
        }
        Ok(())
    }

    /// Buses that start nothing by themselves: what is not here must be missing.
    fn start_buses(&mut self) -> anyhow::Result<()> {
        for kind in ["session", "system"] {
            let config = self.path(&format!("{kind}.conf"));
            let address = self.bus(kind);
            let policy = r#"<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>"#;
            fs::write(
                &config,
                format!(
                    r#"<busconfig><type>{kind}</type><listen>{address}</listen><auth>EXTERNAL</auth><policy context="default">{policy}</policy></busconfig>"#
                ),
            )?;
            let mut daemon = Command::new("dbus-daemon");
            daemon.arg("--nofork").arg("--config-file").arg(config);
            self.keep("dbus-daemon", daemon)?;
            let socket = self.path(&format!("{kind}-bus"));
            until(&format!("the {kind} bus"), || {
                UnixStream::connect(&socket).is_ok()
            })?;
        }
        Ok(())
    }

    fn start_screen(&mut self) -> anyhow::Result<()> {
        let mut server = Command::new("Xvfb");
        server.args(["-displayfd", "1", "-screen", "0", "1280x800x24"]);
        server.args(["-nolisten", "tcp", "-noreset"]);
        let mut part = Part::start("Xvfb", server.stdout(Stdio::piped()).stderr(Stdio::null()))?;
        let stdout = part.stdout().context("stdout is piped")?;
        self.parts.push(part);
        let mut number = String::new();
        BufReader::new(stdout).read_line(&mut number)?;
        ensure!(!number.trim().is_empty(), "Xvfb did not start");
        self.display = format!(":{}", number.trim());

        let openbox = self.command("openbox");
        self.keep("openbox", openbox)?;
        until("the window manager", || {
            let check = ["-root", "_NET_SUPPORTING_WM_CHECK"];
            self.run("xprop", &check)
                .is_ok_and(|said| said.contains("window id"))
        })?;
        self.run("xsetroot", &["-solid", "#4a5568"])?;
        Ok(())
    }

    fn start_locks(&mut self) -> anyhow::Result<()> {
        let [name, path] = SCREEN_SAVER;
        for arguments in [
            ["--system", "--template", "logind"].as_slice(),
            &["--session", name, path, name],
        ] {
            // The system's python has the system's packages.
            let mut mock = self.command("/usr/bin/python3");
            mock.args(["-m", "dbusmock"]).args(arguments);
            self.keep("dbusmock", mock)?;
        }
        self.wait_for_name("system", "org.freedesktop.login1")?;
        self.wait_for_name("session", name)?;
        let uid = rustix::process::getuid().as_raw().to_string();
        let session = [SESSION_ID, "seat0", &uid, "person", "true"];
        self.login1("/org/freedesktop/login1", "AddSession", &session)
    }

    fn start_notifications(&mut self) -> anyhow::Result<()> {
        let config = self.path("dunstrc");
        fs::write(&config, DUNSTRC)?;
        let mut dunst = self.command("dunst");
        dunst.arg("-conf").arg(config);
        self.keep("dunst", dunst)?;
        self.wait_for_name("session", "org.freedesktop.Notifications")
    }

    fn start_panel(&mut self) -> anyhow::Result<()> {
        let folder = self.path("home/.config/xfce4/xfconf/xfce-perchannel-xml");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("xfce4-panel.xml"), PANEL)?;
        let xfconfd = glob_first("/usr/lib", "xfce4/xfconf/xfconfd")
            .context("xfconfd is not installed (package xfconf)")?;
        let xfconfd = self.command(xfconfd);
        self.keep("xfconfd", xfconfd)?;
        self.wait_for_name("session", "org.xfce.Xfconf")?;
        let mut panel = self.command("xfce4-panel");
        panel.arg("--disable-wm-check");
        self.keep("xfce4-panel", panel)?;
        self.wait_for_name("session", "org.kde.StatusNotifierWatcher")
    }

    fn wait_for_name(&self, bus: &str, name: &str) -> anyhow::Result<()> {
        let address = self.bus(bus);
        until(name, || {
            let method = "org.freedesktop.DBus.NameHasOwner";
            let bus = ["org.freedesktop.DBus", "/org/freedesktop/DBus"];
            self.gdbus(&address, bus[0], bus[1], method, &[name])
                .is_ok_and(|answer| answer.contains("true"))
        })
    }

    fn login1(&self, path: &str, method: &str, arguments: &[&str]) -> anyhow::Result<()> {
        let system = self.bus("system");
        self.mock(&system, "org.freedesktop.login1", path, method, arguments)
    }

    fn mock(
        &self,
        bus: &str,
        name: &str,
        path: &str,
        method: &str,
        arguments: &[&str],
    ) -> anyhow::Result<()> {
        self.gdbus(bus, name, path, &format!("{MOCK}.{method}"), arguments)?;
        Ok(())
    }

    fn gdbus(
        &self,
        bus: &str,
        name: &str,
        path: &str,
        method: &str,
        arguments: &[&str],
    ) -> anyhow::Result<String> {
        let call = ["call", "--address", bus, "--dest", name];
        let what = ["--object-path", path, "--method", method];
        self.run("gdbus", &[call.as_slice(), &what, arguments].concat())
    }

    /// Runs a short command here and returns what it said.
    fn run(&self, program: &str, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self
            .command(program)
            .args(arguments)
            .output()
            .with_context(|| format!("could not start {program}; is it installed?"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("{program} {arguments:?} failed: {}", said.trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn keep(&mut self, name: &str, mut command: Command) -> anyhow::Result<()> {
        let log = fs::File::create(self.path(&format!("logs/{}-{name}", self.parts.len())))?;
        command.stdout(log.try_clone()?).stderr(log);
        self.parts.push(Part::start(name, &mut command)?);
        Ok(())
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        while self.parts.pop().is_some() {}
    }
}

/// A program in a process group of its own, which ends with the value.
#[derive(Debug)]
pub struct Part(Child);

impl Part {
    /// Starts it.
    pub fn start(name: &str, command: &mut Command) -> anyhow::Result<Self> {
        let child = command.stdin(Stdio::null()).process_group(0).spawn();
        Ok(Self(child.with_context(|| {
            format!("could not start {name}; is it installed?")
        })?))
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// What it writes to stdout, where the command pipes it; once.
    pub fn stdout(&mut self) -> Option<ChildStdout> {
        self.0.stdout.take()
    }

    /// Whether it ended by itself, and how.
    pub fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.0.try_wait().ok().flatten()
    }

    /// Ends it at once; it has no last words.
    pub fn kill(mut self) {
        self.signal(rustix::process::Signal::KILL);
        let _ = self.0.wait();
    }

    /// Sends a signal to all of its group.
    fn signal(&self, signal: rustix::process::Signal) {
        if let Some(group) = rustix::process::Pid::from_raw(self.0.id().cast_signed()) {
            // Already gone is what we want.
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.signal(rustix::process::Signal::TERM);
        let deadline = Instant::now() + STOPPED_WITHIN;
        while self.ended().is_none() && Instant::now() < deadline {
            std::thread::sleep(INTERVAL);
        }
        self.signal(rustix::process::Signal::KILL);
        let _ = self.0.wait();
    }
}

fn until(what: &str, ready: impl Fn() -> bool) -> anyhow::Result<()> {
    let deadline = Instant::now() + READY_WITHIN;
    while !ready() {
        ensure!(Instant::now() < deadline, "{what} did not come up");
        std::thread::sleep(INTERVAL);
    }
    Ok(())
}

/// The first `tail` below one of the folders in `top`: libraries sit in a folder per architecture.
fn glob_first(top: &str, tail: &str) -> Option<PathBuf> {
    let folders = fs::read_dir(top).ok()?;
    folders
        .flatten()
        .map(|folder| folder.path().join(tail))
        .find(|path| path.is_file())
}
