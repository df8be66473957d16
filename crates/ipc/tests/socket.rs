//! Real sockets, both ends, friends and foes.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use core::time::Duration;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use hither_engine::View;
use hither_engine::view::{Answer, Command, ConnectionView, Glance, PresenceView, Query};
use hither_ipc::{BindError, Client, ConnectError, Host, Listener, VERSION, serve};
use hither_protocol::{MessageId, PresenceState};
use tempfile::TempDir;
use tokio::sync::watch;
use uuid::Uuid;

/// However slow the machine is.
const DEADLINE: Duration = Duration::from_secs(30);

const HELLO: &str = r#"{"hither_ipc":1,"build":"test"}"#;

/// A question that is answered when something is unread.
const SLOW: u32 = 500;

/// A companion that answers every question with "failed: <limit>", keeps the commands, and has one
/// more unread for every lock.
#[derive(Clone)]
struct Companion {
    commands: Arc<Mutex<Vec<Command>>>,
    views: watch::Sender<View>,
}

impl Host for Companion {
    async fn command(&self, command: Command) -> bool {
        if command == Command::Lock {
            self.views.send_modify(|view| view.glance.unread += 1);
        }
        self.commands.lock().unwrap().push(command);
        true
    }

    async fn ask(&self, query: Query) -> Option<Answer> {
        let Query::Page { limit, .. } = query else {
            return None;
        };
        if limit == SLOW {
            let mut views = self.views();
            let _ = views.wait_for(|view| view.glance.unread > 0).await.ok()?;
        }
        let detail = limit.to_string();
        Some(Answer::Failed { detail })
    }

    fn views(&self) -> watch::Receiver<View> {
        self.views.subscribe()
    }
}

/// A served socket in a folder of its own.
struct Served {
    folder: TempDir,
    companion: Companion,
}

impl Served {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = Listener::bind(&socket(&folder)).unwrap();
        let companion = Companion {
            commands: Arc::default(),
            views: watch::Sender::new(view(0)),
        };
        tokio::spawn(serve(listener, "test".to_owned(), companion.clone()));
        Self { folder, companion }
    }

    fn path(&self) -> PathBuf {
        socket(&self.folder)
    }

    async fn connect(&self) -> Client {
        Client::connect(&self.path(), "test").await.unwrap()
    }

    /// A connection that speaks by hand, on a thread that may block.
    async fn by_hand<T: Send + 'static>(
        &self,
        talk: impl FnOnce(UnixStream) -> T + Send + 'static,
    ) -> T {
        let path = self.path();
        blocking(move || {
            let stream = UnixStream::connect(path).unwrap();
            stream.set_read_timeout(Some(DEADLINE)).unwrap();
            stream.set_write_timeout(Some(DEADLINE)).unwrap();
            talk(stream)
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

fn socket(folder: &TempDir) -> PathBuf {
    folder.path().join("hither/companion.sock")
}

fn view(unread: u64) -> View {
    View {
        account: None,
        connection: ConnectionView::SignedOut,
        presence: PresenceView {
            state: PresenceState::Unknown,
            reason: None,
        },
        glance: Glance {
            unread,
            ..Glance::default()
        },
        paused_until: None,
        notice: None,
        signing_in: false,
        app_lock: None,
        settings_changes: 0,
    }
}

fn page(limit: u32) -> Query {
    Query::Page {
        before: None,
        unread_only: false,
        limit,
    }
}

/// Everything the other side still says, until it closes.
fn rest(stream: &mut UnixStream) -> String {
    let mut said = Vec::new();
    // A reset after the last line is a close as well.
    let _ = stream.read_to_end(&mut said);
    String::from_utf8(said).unwrap()
}

#[tokio::test]
async fn questions_commands_and_views_cross_the_socket() {
    let served = Served::start();
    let client = served.connect().await;
    let mut views = client.views();
    assert_eq!(*views.borrow(), view(0));

    for limit in 1..=20 {
        let answer = client.ask(page(limit)).await.unwrap();
        assert_eq!(
            answer,
            Answer::Failed {
                detail: limit.to_string()
            }
        );
    }
    let at_once = tokio::join!(
        client.ask(page(1)),
        client.ask(page(2)),
        client.ask(page(3))
    );
    for (n, answer) in [at_once.0, at_once.1, at_once.2].into_iter().enumerate() {
        assert_eq!(
            answer.unwrap(),
            Answer::Failed {
                detail: (n + 1).to_string()
            }
        );
    }
    client.command(Command::MarkAllRead).await.unwrap();
    assert_eq!(
        *served.companion.commands.lock().unwrap(),
        [Command::MarkAllRead]
    );

    served.companion.views.send_replace(view(3));
    let seen = tokio::time::timeout(DEADLINE, views.wait_for(|view| view.glance.unread == 3)).await;
    assert_eq!(*seen.unwrap().unwrap(), view(3));
}

#[tokio::test]
async fn what_a_command_did_is_in_the_view_when_it_is_done() {
    let served = Served::start();
    let client = served.connect().await;
    let views = client.views();
    for locks in 1..=100 {
        client.command(Command::Lock).await.unwrap();
        assert_eq!(*views.borrow(), view(locks));
    }
}

#[tokio::test]
async fn a_slow_answer_keeps_no_other_waiting_and_none_is_lost() {
    let served = Served::start();
    let client = served.connect().await;
    let says = |limit: u32| Answer::Failed {
        detail: limit.to_string(),
    };
    let slow = client.ask(page(SLOW));
    let quick = async {
        for limit in 1..=3 {
            assert_eq!(client.ask(page(limit)).await.unwrap(), says(limit));
        }
        served.companion.views.send_replace(view(1));
    };
    let both = async { tokio::join!(slow, quick) };
    let (slow, ()) = tokio::time::timeout(DEADLINE, both).await.expect("answers");
    assert_eq!(slow.unwrap(), says(SLOW));
    assert_eq!(client.ask(page(4)).await.unwrap(), says(4));
}

#[tokio::test]
async fn a_large_answerable_request_and_many_screens_are_fine() {
    let served = Served::start();
    let ids = (0..10_000).map(|n| MessageId(Uuid::from_u128(n))).collect();
    let command = Command::MarkRead { ids };
    for _ in 0..20 {
        let client = served.connect().await;
        client.command(command.clone()).await.unwrap();
    }
    assert_eq!(served.companion.commands.lock().unwrap().len(), 20);
}

#[tokio::test]
async fn a_companion_that_is_asked_too_much_or_ends_says_so() {
    let served = Served::start();
    let client = served.connect().await;
    let query = Query::Message {
        id: MessageId(Uuid::nil()),
    };
    assert!(
        client.ask(query).await.is_err(),
        "this companion ends at that question"
    );
    let mut views = client.views();
    let closed = async { while views.changed().await.is_ok() {} };
    tokio::time::timeout(DEADLINE, closed)
        .await
        .expect("the views end with the companion");
    assert!(client.command(Command::Quit).await.is_err());
}

#[tokio::test]
async fn only_this_person_can_enter_folder_and_socket() {
    let served = Served::start();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&served.path()), 0o600);
    assert_eq!(mode(served.path().parent().unwrap()), 0o700);
}

#[tokio::test]
async fn a_folder_that_was_open_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let path = socket(&folder);
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    std::fs::set_permissions(path.parent().unwrap(), PermissionsExt::from_mode(0o777)).unwrap();
    let _listener = Listener::bind(&path).unwrap();
    assert_eq!(
        path.parent()
            .unwrap()
            .metadata()
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o700
    );
}

#[tokio::test]
async fn a_dead_ones_socket_is_replaced_and_a_living_ones_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = socket(&folder);
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "the dead one leaves its file");
    let missing = Client::connect(&path, "test").await;
    assert!(matches!(missing, Err(ConnectError::NotRunning)));

    let living = Listener::bind(&path).unwrap();
    let second = Listener::bind(&path);
    assert!(matches!(second.err(), Some(BindError::AlreadyRunning)));
    drop(living);
    assert!(!path.exists());
    Listener::bind(&path).unwrap();
    let missing = Client::connect(&path, "test").await;
    assert!(matches!(missing, Err(ConnectError::NotRunning)));
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_is_said_plainly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x".repeat(120)).join("companion.sock");
    assert!(matches!(
        Listener::bind(&path).err(),
        Some(BindError::TooLong(_))
    ));
}

#[tokio::test]
async fn an_oversized_line_ends_the_connection_and_only_that() {
    let served = Served::start();
    let said = served
        .by_hand(|mut stream| {
            writeln!(stream, "{HELLO}").unwrap();
            let endless = vec![b'x'; 64 * 1024];
            let mut sent = 0;
            while stream.write_all(&endless).is_ok() {
                sent += endless.len();
                assert!(sent < 64 * 1024 * 1024, "nobody stops it");
            }
            rest(&mut stream)
        })
        .await;
    assert!(
        said.contains(r#"{"error":"a line is longer than 1048576 bytes"}"#) || said.is_empty(),
        "{said}"
    );
    served.connect().await;
}

#[tokio::test]
async fn nonsense_is_answered_with_an_error_and_a_close() {
    for nonsense in [
        "",
        "{",
        "null",
        "[]",
        r#"{"id":1}"#,
        r#"{"id":1,"query":{"type":"?"}}"#,
        r#"{"id":-1,"command":{"type":"quit"}}"#,
        "\u{0}",
    ] {
        let served = Served::start();
        let said = served
            .by_hand(move |mut stream| {
                writeln!(stream, "{HELLO}\n{nonsense}").unwrap();
                rest(&mut stream)
            })
            .await;
        assert!(
            said.contains(r#"{"error":"a line makes no sense"#),
            "{nonsense}: {said}"
        );
        assert!(served.companion.commands.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn nothing_is_said_before_the_hello_of_the_other_side() {
    let served = Served::start();
    let said = served
        .by_hand(|mut stream| {
            stream
                .set_read_timeout(Some(Duration::from_millis(200)))
                .unwrap();
            let early = stream.read(&mut [0; 1]);
            assert!(early.is_err(), "{early:?}");
            stream.set_read_timeout(Some(DEADLINE)).unwrap();
            writeln!(stream, "not a hello").unwrap();
            rest(&mut stream)
        })
        .await;
    assert!(!said.contains("view"), "{said}");
}

#[tokio::test]
async fn another_version_is_told_which_side_is_older() {
    let served = Served::start();
    let said = served
        .by_hand(|mut stream| {
            writeln!(stream, r#"{{"hither_ipc":{},"build":"9.9"}}"#, VERSION + 1).unwrap();
            rest(&mut stream)
        })
        .await;
    assert_eq!(
        said,
        format!("{HELLO}\n"),
        "a hello, and nothing of the content"
    );

    let older = foreign_companion(r#"{"hither_ipc":0,"build":"0.1"}"#).await;
    assert!(
        matches!(&older, ConnectError::CompanionOlder(build) if build == "0.1"),
        "{older}"
    );
    let newer = foreign_companion(r#"{"hither_ipc":2,"build":"9.9","more":true}"#).await;
    assert!(
        matches!(&newer, ConnectError::ThisOlder(build) if build == "9.9"),
        "{newer}"
    );
    let broken = foreign_companion("HTTP/1.1 400 Bad Request").await;
    assert!(matches!(broken, ConnectError::Broken(_)), "{broken}");
}

/// What a client makes of a companion that begins with this line.
async fn foreign_companion(hello: &'static str) -> ConnectError {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("companion.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let companion = blocking(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(&stream);
        lines.read_line(&mut String::new()).unwrap();
        writeln!(&stream, "{hello}").unwrap();
        let _ = lines.read_line(&mut String::new());
    });
    let (refused, ()) = tokio::join!(Client::connect(&path, "test"), companion);
    refused.err().unwrap()
}

#[tokio::test]
async fn a_screen_that_does_not_read_is_closed() {
    let served = Served::start();
    let companion = served.companion.clone();
    let path = served.path();
    // It asks and asks, and never reads an answer.
    let stuck = blocking(move || {
        let mut stream = UnixStream::connect(path).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        writeln!(stream, "{HELLO}").unwrap();
        let ask = r#"{"id":1,"query":{"type":"page","before":null,"unread_only":false,"limit":1}}"#;
        let mut asked = 0_u32;
        loop {
            if let Err(error) = writeln!(stream, "{ask}") {
                return (asked, error.kind());
            }
            asked += 1;
        }
    });
    let (asked, end) = stuck.await;
    let closed = matches!(end, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset);
    assert!(closed, "{end} after {asked} questions");
    drop(companion);
}

/// Runs `work` as another user; only its own thread changes.
#[cfg(target_os = "linux")]
fn as_nobody<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    if !rustix::process::geteuid().is_root() {
        // Only root can become another user.
        return None;
    }
    let other = std::thread::spawn(move || {
        rustix::thread::set_thread_uid(rustix::process::Uid::from_raw(65_534)).unwrap();
        work()
    });
    Some(other.join().unwrap())
}

#[cfg(target_os = "linux")]
fn open_to_all(path: &Path) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o777)).unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn another_user_gets_not_one_byte() {
    let served = Served::start();
    let path = served.path();
    for open in [served.folder.path(), path.parent().unwrap(), &path] {
        open_to_all(open);
    }
    let said = blocking(move || {
        as_nobody(move || {
            let mut stream = UnixStream::connect(&path).unwrap();
            stream.set_read_timeout(Some(DEADLINE)).unwrap();
            // It may be closed already.
            let quit = r#"{"id":1,"command":{"type":"quit"}}"#;
            let _ = writeln!(stream, "{HELLO}\n{quit}");
            rest(&mut stream)
        })
    })
    .await;
    assert!(said.is_none_or(|said| said.is_empty()));
    assert!(served.companion.commands.lock().unwrap().is_empty());
    served.connect().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn another_users_companion_is_not_talked_to() {
    let folder = tempfile::tempdir().unwrap();
    open_to_all(folder.path());
    let path = folder.path().join("companion.sock");
    let theirs = path.clone();
    let Some(listener) = as_nobody(move || UnixListener::bind(theirs).unwrap()) else {
        return;
    };
    open_to_all(&path);
    let refused = Client::connect(&path, "test").await.err().unwrap();
    assert!(
        matches!(&refused, ConnectError::Broken(text) if text.contains("65534")),
        "{refused}"
    );
    let heard = blocking(move || rest(&mut listener.accept().unwrap().0)).await;
    assert_eq!(heard, "");
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_of_another_user_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    open_to_all(folder.path());
    let theirs = folder.path().join("hither");
    let made = theirs.clone();
    if as_nobody(move || std::fs::create_dir(made).unwrap()).is_none() {
        return;
    }
    let refused = Listener::bind(&theirs.join("companion.sock"));
    assert!(matches!(refused.err(), Some(BindError::ForeignFolder(_))));
}
