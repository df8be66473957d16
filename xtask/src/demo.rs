//! Hither running for a person to look at: a server, a companion signed in to it, three messages.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use crate::command::{command, output, run_quietly, target};
use crate::desktop::{Desktop, Panel, Part};
use crate::setup::{self, Purpose};
use crate::stop::Stop;

const USUAL_PORT: u16 = 7480;
const ACCOUNT: &str = "demo";
const READY_WITHIN: Duration = Duration::from_mins(1);
const INTERVAL: Duration = Duration::from_millis(100);
/// A screen counts as painted when two pictures this far apart are the same.
const STILL_FOR: Duration = Duration::from_millis(400);
/// An empty window has no more colours than this.
const BLANK_COLOURS: u32 = 40;
const RICH_TITLE: &str = "Your week in numbers";
const RICH_PAGE: &str = include_str!("demo.html");

/// Sets up, shows Hither, and keeps it running until Ctrl-C, or with `exit` until all was shown.
pub(crate) fn run(exit: bool) -> anyhow::Result<()> {
    let own_screen = ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some());
    let purpose = if own_screen {
        Purpose::RunHere
    } else {
        Purpose::RunVirtually
    };
    setup::prepare(purpose)?;
    let stop = Stop::on_signals()?;
    let shown = Demo::start(own_screen, stop.clone()).and_then(|mut demo| {
        demo.show()?;
        if exit { Ok(()) } else { demo.keep_running() }
    });
    if stop.asked() {
        println!("\nEverything that was started has ended.");
        return Ok(());
    }
    shown
}

/// Everything that was started; all of it ends with the value, the latest first.
struct Demo {
    companion: Part,
    server: Part,
    desktop: Option<Desktop>,
    place: Place,
    password: String,
    publisher: Publisher,
    stop: Stop,
}

/// Where it is.
struct Place {
    folder: tempfile::TempDir,
    address: String,
}

struct Publisher {
    id: String,
    secret: String,
}

impl Demo {
    fn start(own_screen: bool, stop: Stop) -> anyhow::Result<Self> {
        let place = Place::choose()?;
        let server = place.start_server()?;
        wait(&stop, "the server", || place.answers())?;
        let account = place.server_says(&["account", "add", ACCOUNT])?;
        let publisher = place.server_says(&["publisher", "add", "Demo"])?;
        let desktop = if own_screen {
            None
        } else {
            Some(Desktop::start(Panel::Xfce)?)
        };
        let companion = place.start_companion(desktop.as_ref())?;
        let demo = Self {
            companion,
            server,
            desktop,
            place,
            password: text(&account, "password")?,
            publisher: Publisher {
                id: text(&publisher, "id")?,
                secret: text(&publisher, "secret")?,
            },
            stop,
        };
        demo.sign_in()?;
        Ok(demo)
    }

    fn sign_in(&self) -> anyhow::Result<()> {
        wait(&self.stop, "the companion", || {
            output(&mut self.companion(&["status"])).is_ok()
        })?;
        let mut signin = self.companion(&["signin", "--account", ACCOUNT, "--password-stdin"]);
        signin
            .args(["--server", &self.place.address])
            .stdin(Stdio::piped());
        let mut child = signin.spawn()?;
        let mut stdin = child.stdin.take().context("stdin is piped")?;
        stdin.write_all(self.password.as_bytes())?;
        drop(stdin);
        ensure!(child.wait()?.success(), "the companion could not sign in");
        wait(&self.stop, "the connection", || {
            output(&mut self.companion(&["status"])).is_ok_and(|said| said.contains("Online"))
        })
    }

    fn show(&mut self) -> anyhow::Result<()> {
        self.picture("1-tray")?;
        if let Some(desktop) = &self.desktop {
            desktop.input()?;
        }
        self.publish(
            &json!({ "title": "Lunch?", "body": "12:30 at the canteen, the usual table." }),
        )?;
        self.publish(&json!({
            "title": "Build 4711 failed on main",
            "format": "markdown",
            "body": "**2 of 318** checks failed since `9f3c2e1`:\n\n- `ui › inbox keeps its place`\n- `server › restore`\n",
            "priority": 4,
        }))?;
        let rich = self.publish(&json!({
            "title": RICH_TITLE,
            "body": "23 reviews, 9 releases, 1 incident.",
            "html": RICH_PAGE,
        }))?;
        self.wait_for_toast()?;
        self.picture("2-toasts")?;
        self.say_what_to_look_at();
        self.show_window(&rich)
    }

    /// On a virtual screen only: on their own people click themselves.
    fn show_window(&self, rich: &str) -> anyhow::Result<()> {
        let Some(desktop) = &self.desktop else {
            return Ok(());
        };
        run_quietly(desktop.command("dunstctl").arg("close-all"))?;
        run_quietly(&mut self.companion(&["show"]))?;
        self.wait_for_painted_window(desktop, "^Hither$")?;
        self.picture("3-window")?;
        run_quietly(&mut self.companion(&["open", rich]))?;
        wait(&self.stop, "the message to be read", || {
            output(&mut self.companion(&["status"])).is_ok_and(|said| said.contains("2 unread"))
        })?;
        self.picture("4-message")?;
        run_quietly(desktop.command("xdotool").args(["key", "o"]))?;
        self.wait_for_painted_window(desktop, RICH_TITLE)?;
        self.picture("5-rich-message")
    }

    fn keep_running(&mut self) -> anyhow::Result<()> {
        println!("\nCtrl-C ends all of it.");
        while !self.stop.asked() {
            for (name, part) in [
                ("server", &mut self.server),
                ("companion", &mut self.companion),
            ] {
                if let Some(status) = part.ended() {
                    bail!("the {name} ended by itself ({status}); its log is above");
                }
            }
            std::thread::sleep(INTERVAL);
        }
        Ok(())
    }

    fn say_what_to_look_at(&self) {
        let Place { folder, address } = &self.place;
        let screen = if self.desktop.is_some() {
            let folder = pictures();
            format!(
                "a virtual one, as there is no display here; pictures in {}",
                folder.display()
            )
        } else {
            "this one: pop-ups, and the arrow in the tray (click it for the menu)".to_owned()
        };
        println!("\nHither runs.");
        println!("  Screen   {screen}");
        println!(
            "  Phone    {address}/app/  account {ACCOUNT}, password {}",
            self.password
        );
        println!(
            "  Data     {} (removed at the end)",
            folder.path().display()
        );
        println!("  Send     {}", self.send_line());
    }

    /// What the person can paste to send another message.
    fn send_line(&self) -> String {
        let Publisher { id, secret } = &self.publisher;
        let body =
            json!({ "to": { "accounts": [ACCOUNT] }, "title": "Hello", "body": "Sent with curl." });
        format!(
            "curl -u {id}:{secret} --json '{body}' {}/v1/messages",
            self.place.address
        )
    }

    /// Returns the new message's id.
    fn publish(&self, message: &Value) -> anyhow::Result<String> {
        let mut message = message.clone();
        message["to"] = json!({ "accounts": [ACCOUNT] });
        let user = format!("{}:{}", self.publisher.id, self.publisher.secret);
        let address = format!("{}/v1/messages", self.place.address);
        let body = message.to_string();
        let quiet = ["-sS", "--fail-with-body", "--noproxy", "*", "-u", &user];
        let json = [
            "-H",
            "content-type: application/json",
            "-d",
            &body,
            &address,
        ];
        let said = output(&mut command("curl", &[quiet.as_slice(), &json].concat()))?;
        text(&serde_json::from_str(&said)?, "id")
    }

    fn wait_for_toast(&self) -> anyhow::Result<()> {
        let Some(desktop) = &self.desktop else {
            return Ok(());
        };
        let search = ["search", "--onlyvisible", "--class", "dunst"];
        wait(&self.stop, "a pop-up on the screen", || {
            output(desktop.command("xdotool").args(search)).is_ok()
        })
    }

    fn wait_for_painted_window(&self, desktop: &Desktop, title: &str) -> anyhow::Result<()> {
        let search = ["search", "--onlyvisible", "--name", title];
        let colours = |window: &str| {
            let count = ["-window", window, "-format", "%k", "info:"];
            output(desktop.command("import").args(count))
                .ok()?
                .parse()
                .ok()
        };
        wait(&self.stop, "the window", || {
            let windows = output(desktop.command("xdotool").args(search)).unwrap_or_default();
            windows
                .lines()
                .filter_map(colours)
                .any(|count: u32| count > BLANK_COLOURS)
        })
    }

    /// Of the virtual screen, once nothing on it moves.
    fn picture(&self, name: &str) -> anyhow::Result<()> {
        let Some(desktop) = &self.desktop else {
            return Ok(());
        };
        let path = pictures().join(format!("{name}.png"));
        let deadline = Instant::now() + READY_WITHIN;
        let mut before = Vec::new();
        loop {
            desktop.screenshot(&path)?;
            let picture = fs::read(&path)?;
            if picture == before || Instant::now() > deadline {
                return Ok(());
            }
            before = picture;
            std::thread::sleep(STILL_FOR);
        }
    }

    fn companion(&self, arguments: &[&str]) -> Command {
        let mut companion = self
            .place
            .program(self.desktop.as_ref(), "hither-companion");
        companion
            .arg("--data")
            .arg(self.place.companion_data())
            .args(arguments);
        companion
    }
}

impl Place {
    fn choose() -> anyhow::Result<Self> {
        let demos = target().join("demo");
        fs::create_dir_all(&demos)?;
        let usual = TcpListener::bind(("127.0.0.1", USUAL_PORT));
        let listener = usual.or_else(|_| TcpListener::bind(("127.0.0.1", 0)))?;
        Ok(Self {
            folder: tempfile::Builder::new().prefix("run-").tempdir_in(demos)?,
            address: format!("http://{}", listener.local_addr()?),
        })
    }

    fn start_server(&self) -> anyhow::Result<Part> {
        let listen = self.address.trim_start_matches("http://");
        Part::start(
            "hither-server",
            self.server().args(["serve", "--listen", listen]),
        )
    }

    fn server(&self) -> Command {
        let mut server = self.program(None, "hither-server");
        server.arg("--data").arg(self.folder.path().join("server"));
        server
    }

    fn server_says(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let said = output(self.server().arg("--json").args(arguments))?;
        serde_json::from_str(&said).with_context(|| format!("hither-server said {said}"))
    }

    fn answers(&self) -> bool {
        let address = format!("{}/readyz", self.address);
        output(&mut command("curl", &["-sf", "--noproxy", "*", &address])).is_ok()
    }

    fn start_companion(&self, desktop: Option<&Desktop>) -> anyhow::Result<Part> {
        let mut companion = self.program(desktop, "hither-companion");
        companion
            .arg("--data")
            .arg(self.companion_data())
            .arg("--background");
        Part::start("hither-companion", &mut companion)
    }

    fn companion_data(&self) -> PathBuf {
        self.folder.path().join("companion")
    }

    /// One of our programs, quiet but for warnings, on the virtual desktop if there is one.
    fn program(&self, desktop: Option<&Desktop>, name: &str) -> Command {
        let path = target().join("debug").join(name);
        let mut program = desktop.map_or_else(|| Command::new(&path), |it| it.command(&path));
        // What the person set for their own Hither is not meant for the demo.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("HITHER_") {
                program.env_remove(name);
            }
        }
        program
            .env("HITHER_LOG", "warn")
            .current_dir(self.folder.path());
        program
    }
}

fn pictures() -> PathBuf {
    target().join("demo/screenshots")
}

fn text(answer: &Value, name: &str) -> anyhow::Result<String> {
    let text = answer[name].as_str();
    Ok(text
        .with_context(|| format!("no {name} in {answer}"))?
        .to_owned())
}

fn wait(stop: &Stop, what: &str, mut ready: impl FnMut() -> bool) -> anyhow::Result<()> {
    let deadline = Instant::now() + READY_WITHIN;
    while !ready() {
        ensure!(!stop.asked(), "stopped while waiting for {what}");
        ensure!(
            Instant::now() < deadline,
            "waited {READY_WITHIN:?} for {what}"
        );
        std::thread::sleep(INTERVAL);
    }
    Ok(())
}
