//! A real companion without a desktop, and everything it ever said.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use hither_engine::View;
use hither_engine::view::ConnectionView;
use hither_ipc::Client;
use hither_protocol::MessageId;
use serde_json::{Value, json};

use crate::program::{Process, program};
use crate::{SOON, wait_for};

/// `hither-companion --headless` over a data folder. Killed and restarted, it keeps the folder.
#[derive(Debug)]
pub struct Companion {
    data: PathBuf,
    trusting: Option<PathBuf>,
    /// A process whose network is the companion's, too.
    beside: Option<u32>,
    running: Option<(Process, ChildStdin)>,
    life: usize,
    said: Arc<Mutex<Vec<Said>>>,
}

/// One line of its standard output.
#[derive(Clone, Debug)]
pub struct Said {
    /// Which start of the companion said it, from 1.
    pub life: usize,
    /// When it was read.
    pub at: Instant,
    /// `{"toast":{…}}`, `{"withdraw":"ID"}`, `{"view":{…}}` …
    pub line: Value,
}

impl Said {
    /// The id of the pop-up, when this line puts one up: a message's, or `summary`.
    #[must_use]
    pub fn toast(&self) -> Option<&str> {
        self.line["toast"]["id"].as_str()
    }
}

impl Companion {
    /// Starts one with its data in `data`, presence unknown.
    #[must_use]
    pub fn start(data: &Path) -> Self {
        Self::start_trusting(data, None)
    }

    /// [`Companion::start`] with a file of authorities whose certificates it believes.
    #[must_use]
    pub fn start_trusting(data: &Path, authorities: Option<&Path>) -> Self {
        Self::new(data, authorities, None)
    }

    /// [`Companion::start_trusting`] in the network of another process. Like that of a person it
    /// waits for longer and longer between two tries to connect.
    #[must_use]
    pub fn start_beside(process: u32, data: &Path, authorities: &Path) -> Self {
        Self::new(data, Some(authorities), Some(process))
    }

    fn new(data: &Path, authorities: Option<&Path>, beside: Option<u32>) -> Self {
        let mut companion = Self {
            data: data.to_owned(),
            trusting: authorities.map(Path::to_owned),
            beside,
            running: None,
            life: 0,
            said: Arc::default(),
        };
        companion.restart();
        companion
    }

    /// Starts it again, presence unknown; it takes orders when this returns.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        self.running = None;
        self.life += 1;
        let mut command = self.command();
        command.arg("--headless");
        if self.beside.is_none() {
            command.args(["--retry-within-ms", "200"]);
        }
        let mut process = Process::start(&mut command);
        let input = process.input().expect("its input is ours");
        let lines = process.lines().expect("its output is ours");
        let (said, life) = (Arc::clone(&self.said), self.life);
        std::thread::spawn(move || {
            // A line that a kill cut short was not said.
            for line in lines.map_while(Result::ok) {
                if let Ok(line) = serde_json::from_str(&line) {
                    let at = Instant::now();
                    lock(&said).push(Said { life, at, line });
                }
            }
        });
        self.running = Some((process, input));
        self.wait_for_view("a first view", |_| true);
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// Asks it to end, as the system does at logout, and waits for it.
    ///
    /// # Panics
    /// When it does not end well.
    pub fn stop(&mut self) {
        let (mut process, _input) = self.running.take().expect("it runs");
        assert!(process.terminate(), "the companion did not end well");
    }

    /// Tells it something about the person or the computer: `{"idle_ms":0}`, `{"locked":true}` …
    ///
    /// # Panics
    /// When it does not run.
    pub fn tell(&mut self, line: &Value) {
        let (_, input) = self.running.as_mut().expect("it runs");
        writeln!(input, "{line}").expect("it reads");
    }

    /// Somebody is at this computer.
    pub fn somebody_is_there(&mut self) {
        self.tell(&json!({ "idle_ms": 0 }));
    }

    /// Signs in through the command line of the running companion.
    ///
    /// # Panics
    /// With what it said, when that fails.
    pub fn sign_in(&self, server: &str, account: &str, password: &str) {
        let words = [
            "signin",
            "--server",
            server,
            "--account",
            account,
            "--password-stdin",
        ];
        let (fine, said) = self.ask(&words, password);
        assert!(fine, "{said}");
    }

    /// Runs a command against the running companion: whether it went well, and all it said.
    ///
    /// # Panics
    /// When the command does not start.
    #[must_use]
    pub fn ask(&self, words: &[&str], input: &str) -> (bool, String) {
        let mut child = self
            .command()
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the companion's command line starts");
        let mut stdin = child.stdin.take().expect("its input is ours");
        // It may have ended without reading.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&said).into_owned(),
        )
    }

    /// A connection as a window has it.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn connect(&self) -> Client {
        let socket = hither_ipc::socket_path(Some(&self.data)).expect("an absolute path");
        Client::connect(&socket, "test")
            .await
            .expect("a companion that listens")
    }

    /// Everything it said, in all its lives.
    #[must_use]
    pub fn said(&self) -> Vec<Said> {
        lock(&self.said).clone()
    }

    /// The pop-ups it put up: messages' ids, or `summary`.
    #[must_use]
    pub fn toasts(&self) -> Vec<String> {
        let said = lock(&self.said);
        said.iter()
            .filter_map(Said::toast)
            .map(str::to_owned)
            .collect()
    }

    /// The newest view of this life.
    #[must_use]
    pub fn view(&self) -> Option<View> {
        let said = lock(&self.said);
        let mut lines = said.iter().rev().filter(|said| said.life == self.life);
        let view = lines.find_map(|said| said.line.get("view"))?;
        Some(serde_json::from_value(view.clone()).expect("a view"))
    }

    /// Waits until the newest view is as wanted.
    ///
    /// # Panics
    /// When that takes too long.
    pub fn wait_for_view(&self, what: &str, wanted: impl Fn(&View) -> bool) -> View {
        wait_for(what, SOON, || self.view().filter(&wanted))
    }

    /// Waits until the backlog is done.
    pub fn wait_until_online(&self) {
        self.wait_for_view("being online", |view| {
            view.connection == ConnectionView::Online
        });
    }

    /// Waits for the pop-up of a message, or `summary`.
    pub fn wait_for_toast(&self, id: &str) {
        wait_for(&format!("the pop-up {id}"), SOON, || {
            self.toasts().iter().any(|toast| toast == id).then_some(())
        });
    }

    /// Its history as it is on the disk, readable while it runs.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn history(&self) -> rusqlite::Connection {
        open_read_only(&self.data.join("history.sqlite3"))
    }

    /// The download folder of its person.
    #[must_use]
    pub fn downloads(&self) -> PathBuf {
        self.home().join("Downloads")
    }

    fn home(&self) -> PathBuf {
        self.data.with_extension("home")
    }

    fn command(&self) -> Command {
        let mut command = program("hither-companion");
        if let Some(process) = self.beside {
            let mut entering = Command::new("nsenter");
            entering.args(["--target", &process.to_string(), "--net"]);
            entering.arg(command.get_program());
            command = entering;
        }
        command.arg("--data").arg(&self.data);
        command.env("HOME", self.home());
        command.env_remove("XDG_CONFIG_HOME");
        command.env("HITHER_LOG", "warn,hither_companion::credentials=error");
        if let Some(authorities) = &self.trusting {
            command.env("HITHER_CA_FILE", authorities);
        }
        command
    }
}

/// A database of somebody else.
///
/// # Panics
/// When it cannot be opened.
#[must_use]
pub fn open_read_only(path: &Path) -> rusqlite::Connection {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let db = rusqlite::Connection::open_with_flags(path, flags).expect("a database");
    db.busy_timeout(SOON).expect("a timeout can be set");
    db
}

/// A message's id as a column holds it.
///
/// # Panics
/// When it holds something else.
#[must_use]
pub fn message_id(bytes: &[u8]) -> MessageId {
    MessageId(uuid::Uuid::from_slice(bytes).expect("16 bytes"))
}

fn lock(said: &Mutex<Vec<Said>>) -> MutexGuard<'_, Vec<Said>> {
    said.lock().unwrap_or_else(PoisonError::into_inner)
}
