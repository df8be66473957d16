//! Drives the companion's Windows build under wine, against a server of this system, as a person
//! at that computer would: `wine COMPANION.EXE`, with wine's variables and a screen in the
//! environment. `cargo xtask cross` makes both. Ends at the first thing that is not as it should.
#![expect(clippy::print_stdout, reason = "what was seen goes to its output")]
#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::fmt::Debug;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use system_tests::companion::open_read_only;
use system_tests::desktop::Part;
use system_tests::server::{Publisher, Server, plain};
use system_tests::{SOON, wait_for};

const PASSWORD: &str = "correct horse battery staple";
/// The shortest there is.
const IDLE_AFTER: Duration = Duration::from_secs(10);
/// Windows is asked every second who came back; and a process starts slowly under wine.
const NOTICED_WITHIN: Duration = Duration::from_secs(5);

fn main() {
    let program = std::env::args_os().nth(1).expect("the companion's .exe");
    let mut world = World::start(program.into());
    world.signs_in_over_the_pipe();
    world.input_makes_active_and_its_absence_idle();
    world.messages_come_into_the_history();
    world.a_second_companion_does_not_start();
    world.quits_and_comes_back();
    world.ends_with_the_session();
    println!("Everything was as it should be.");
}

struct World {
    program: PathBuf,
    companion: Option<Part>,
    /// Input counts under wine when it reaches a window of Windows.
    _screen: Part,
    server: Server,
    publisher: Publisher,
    folder: tempfile::TempDir,
}

impl World {
    fn start(program: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let idle_after = IDLE_AFTER.as_secs().to_string();
        let settings = vec![("HITHER_IDLE_AFTER_S", idle_after)];
        let server = Server::start_with(&folder.path().join("server"), settings);
        server.add_account("ada", PASSWORD);
        let publisher = server.add_publisher("CI");
        let screen = Part::start(
            "wine",
            Command::new("wine").args(["explorer", "/desktop=hither,800x600"]),
        )
        .unwrap();
        wait_for("a window of Windows", SOON, || {
            let search = ["search", "--onlyvisible", "--name", "hither"];
            Command::new("xdotool")
                .args(search)
                .output()
                .unwrap()
                .status
                .success()
                .then_some(())
        });
        let mut world = Self {
            program,
            companion: None,
            _screen: screen,
            server,
            publisher,
            folder,
        };
        world.start_companion();
        world
    }

    fn start_companion(&mut self) {
        let companion = Part::start(
            "the companion",
            self.command(&["--background"]).env("HITHER_LOG", "warn"),
        );
        self.companion = Some(companion.unwrap());
        wait_for("the companion's pipe", SOON, || self.status());
    }

    fn signs_in_over_the_pipe(&self) {
        let url = self.server.url();
        let words = [
            "signin",
            "--server",
            url,
            "--account",
            "ada",
            "--password-stdin",
        ];
        let signed_in = self.ask(&words, PASSWORD);
        assert!(signed_in.status.success(), "{signed_in:?}");
        self.wait_for_status("the connection", |status| {
            status["connection"]["state"] == "online"
        });
        let used = self.status().unwrap();
        seen("signed in over the named pipe; online", &used["connection"]);
    }

    fn input_makes_active_and_its_absence_idle(&self) {
        // Windows that open count as input under wine.
        self.wait_for_presence("inactive", IDLE_AFTER + NOTICED_WITHIN);
        let touched = Instant::now();
        touch();
        let active = self.wait_for_presence("active", NOTICED_WITHIN);
        seen("input: active", (touched.elapsed(), active));
        let idle = self.wait_for_presence("inactive", IDLE_AFTER + NOTICED_WITHIN);
        let took = touched.elapsed();
        assert_eq!(idle["reason"], "idle");
        assert!(took >= IDLE_AFTER, "{took:?}");
        seen("ten seconds without: inactive", (took, idle));
        let touched = Instant::now();
        touch();
        let active = self.wait_for_presence("active", NOTICED_WITHIN);
        seen("input again: active", (touched.elapsed(), active));
    }

    fn messages_come_into_the_history(&self) {
        let id = self
            .publisher
            .publish("under wine", &plain("ada", "under wine"));
        let title = wait_for("the message in the history", SOON, || {
            let history = open_read_only(&self.data().join("history.sqlite3"));
            let find = "SELECT title FROM message WHERE id = ?1";
            history
                .query_row(find, [id.0.as_bytes().as_slice()], |row| {
                    row.get::<_, String>(0)
                })
                .ok()
        });
        assert_eq!(title, "under wine");
        self.wait_for_status("one unread", |status| status["glance"]["unread"] == 1);
        seen("a message is in the history, unread", id);
    }

    fn a_second_companion_does_not_start(&self) {
        let second = self.ask(&["--background"], "");
        assert!(!second.status.success(), "{second:?}");
        let why = String::from_utf8_lossy(&second.stderr).trim().to_owned();
        assert!(why.contains("another Hither"), "{why}");
        seen("a second companion does not start", why);
    }

    fn quits_and_comes_back(&mut self) {
        assert!(self.ask(&["quit"], "").status.success());
        self.companion_ends();
        seen("quit ends it", self.device());
        self.start_companion();
        let online = |status: &Value| {
            status["connection"]["state"] == "online" && status["glance"]["unread"] == 1
        };
        self.wait_for_status("the connection, and the history", online);
        seen(
            "started again: online without signing in, the message still unread",
            (),
        );
    }

    fn ends_with_the_session(&mut self) {
        touch();
        self.wait_for_presence("active", NOTICED_WITHIN);
        let end = Command::new("wineboot")
            .arg("--end-session")
            .status()
            .unwrap();
        assert!(end.success());
        self.companion_ends();
        seen("the session's end ends it", self.device());
    }

    fn companion_ends(&mut self) {
        let mut companion = self.companion.take().unwrap();
        wait_for("the companion's end", SOON, || companion.ended());
        wait_for("the server to know", NOTICED_WITHIN, || {
            (self.device()["online"] == false).then_some(())
        });
    }

    fn wait_for_presence(&self, state: &str, within: Duration) -> Value {
        wait_for(&format!("the server to know {state}"), within, || {
            let presence = self.device()["presence"].take();
            (presence["state"] == state).then_some(presence)
        })
    }

    /// The companion's device, as the server tells it.
    fn device(&self) -> Value {
        let kept = std::fs::read(self.data().join("token.json")).unwrap();
        let kept: Value = serde_json::from_slice(&kept).unwrap();
        let bearer = format!("Bearer {}", kept["access_token"].as_str().unwrap());
        let list = self
            .publisher
            .agent()
            .get(format!("{}/v1/devices", self.server.url()));
        let list = list.header("authorization", bearer).call().unwrap();
        let mut devices: Value = list.into_body().read_json().unwrap();
        let devices = devices["devices"].as_array_mut().unwrap();
        let windows = devices
            .iter_mut()
            .find(|device| device["platform"] == "windows");
        windows.unwrap().take()
    }

    fn wait_for_status(&self, what: &str, wanted: impl Fn(&Value) -> bool) {
        wait_for(what, SOON, || self.status().filter(&wanted));
    }

    fn status(&self) -> Option<Value> {
        serde_json::from_slice(&self.ask(&["status", "--json"], "").stdout).ok()
    }

    /// What it says goes to files: what wine starts beside it would keep pipes open for ever.
    fn ask(&self, words: &[&str], input: &str) -> Output {
        let said = [1, 2].map(|which| self.folder.path().join(format!("said-{which}")));
        let [out, err] = said.each_ref().map(|path| File::create(path).unwrap());
        let mut command = self.command(words);
        command.stdin(Stdio::piped()).stdout(out).stderr(err);
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // It may have ended without reading.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let status = child.wait().unwrap();
        let [stdout, stderr] = said.map(|path| std::fs::read(path).unwrap());
        Output {
            status,
            stdout,
            stderr,
        }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("wine");
        // Where wine shows the files of this system.
        let data = format!("Z:{}", self.data().display());
        command
            .arg(&self.program)
            .args(["--data", &data])
            .args(words);
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("companion")
    }
}

fn seen(what: &str, evidence: impl Debug) {
    println!("ok  {what}: {evidence:?}");
}

/// The person clicks on the empty desktop: wine takes a pointer that went and came back for one
/// that did not move.
fn touch() {
    let click = ["mousemove", "300", "300", "click", "1"];
    let clicked = Command::new("xdotool").args(click).status();
    assert!(clicked.unwrap().success());
}
