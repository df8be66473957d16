//! `publish`, as scripts use it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::place::Place;

/// A publisher's shell, with its id and secret in the environment.
struct Shell<'a> {
    place: &'a Place,
    id: String,
    secret: String,
}

impl Shell<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.place.command(&["publish"]);
        command
            .args(arguments)
            .env("HITHER_PUBLISHER_ID", &self.id)
            .env("HITHER_PUBLISHER_SECRET", &self.secret)
            .current_dir(self.place.0.path());
        command
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.command(arguments).arg("--json").output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{arguments:?}: {error}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn refusal(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments:?} must fail");
        assert!(output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    }

    fn with_stdin(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A command that refuses early does not read.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        child.wait_with_output().unwrap()
    }
}

impl Place {
    fn shell(&self, publisher: &[&str]) -> Shell<'_> {
        let add = [&["publisher", "add", "Cron"], publisher].concat();
        let made = self.json(&add);
        let text = |field: &str| made[field].as_str().unwrap().to_owned();
        Shell {
            place: self,
            id: text("id"),
            secret: text("secret"),
        }
    }

    /// What the store holds, as JSON, oldest first.
    fn messages(&self) -> Vec<Value> {
        let conn = rusqlite::Connection::open(self.data().join("hither.db")).unwrap();
        let mut find = conn
            .prepare("SELECT content FROM messages ORDER BY number")
            .unwrap();
        let rows = find.query_map([], |row| row.get::<_, String>(0)).unwrap();
        rows.map(|text| serde_json::from_str(&text.unwrap()).unwrap())
            .collect()
    }
}

/// Everything that can be published from a shell, whether a server runs or not.
fn publish(place: &Place) {
    for name in ["ada", "bob"] {
        place.json(&["account", "add", name]);
    }
    let shell = place.shell(&[]);
    fs::write(place.0.path().join("page.html"), "<p>Hello</p>").unwrap();
    fs::write(place.0.path().join("report.txt"), "all is well").unwrap();
    let before = place.messages().len();
    let all = [
        "--to",
        "ada",
        "bob",
        "--title",
        "Backup",
        "--body",
        "**done**",
        "--markdown",
        "--html",
        "page.html",
        "--priority",
        "high",
        "--tag",
        "a",
        "--tag",
        "b",
        "--url",
        "https://x.org",
        "--key",
        "backup",
        "--attach",
        "report.txt",
        "--ttl",
        "3600",
    ];
    let said = shell.json(&all);
    assert_eq!(said["receivers"], 2);
    let message = place.messages().remove(before);
    assert_eq!(message["id"], said["id"]);
    for (field, value) in [
        ("title", json!("Backup")),
        ("body", json!("**done**")),
        ("format", json!("markdown")),
        ("priority", json!(4)),
        ("tags", json!(["a", "b"])),
        ("url", json!("https://x.org")),
        ("key", json!("backup")),
    ] {
        assert_eq!(message[field], value, "{field}");
    }
    assert_eq!(message["html"]["inline"], "<p>Hello</p>");
    assert_eq!(message["publisher"]["name"], "Cron");
    let file = &message["attachments"][0];
    assert_eq!(
        (&file["name"], &file["size"]),
        (&json!("report.txt"), &json!(11))
    );
    assert!(message["expires_at"].is_string());

    let output = shell.with_stdin(&["--topic", "jobs", "--body", "-"], "two\nlines\n");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.starts_with("message ") && text.contains(": 0 receivers"),
        "{text}"
    );
    let message = place.messages().remove(before + 1);
    assert_eq!(
        (&message["body"], &message["topic"]),
        (&json!("two\nlines"), &json!("jobs"))
    );

    let said = shell.json(&["--everyone", "--title", "Later", "--at", "2 days"]);
    assert!(said["deliver_at"].is_string(), "{said}");
    let conn = rusqlite::Connection::open(place.data().join("hither.db")).unwrap();
    let waiting = "SELECT count(*) FROM scheduled WHERE deliver_at IS NOT NULL";
    let waiting: i64 = conn.query_row(waiting, [], |row| row.get(0)).unwrap();
    assert_eq!(waiting, 1);
    refuse(place, &shell);
}

/// What the checks of HTTP refuse.
fn refuse(place: &Place, shell: &Shell<'_>) {
    let before = place.messages().len();
    let long = "x".repeat(32 * 1024 + 1);
    let narrow = place.shell(&["--audience", "accounts=ada", "--without", "urgent"]);
    let wrong = Shell {
        secret: shell.secret.clone(),
        ..place.shell(&[])
    };
    place.json(&["publisher", "disable", &wrong.id]);
    let disabled = place.shell(&[]);
    place.json(&["publisher", "disable", &disabled.id]);
    for (shell, arguments, says) in [
        (
            shell,
            &["--to", "eve", "--title", "x"][..],
            "None of the receivers",
        ),
        (
            shell,
            &["--to", "ada", "--body", &long],
            "at most 32768 bytes",
        ),
        (
            shell,
            &["--to", "ada", "--title", "x", "--attach", "none"],
            "cannot read none",
        ),
        (
            shell,
            &["--to", "ada", "--title", "x", "--attach", "."],
            "it is no file",
        ),
        (
            shell,
            &["--topic", "v1", "--title", "x"],
            "address of the server",
        ),
        (
            &narrow,
            &["--to", "bob", "--title", "x"],
            "None of the receivers",
        ),
        (
            &narrow,
            &["--everyone", "--title", "x"],
            "may not send to everyone",
        ),
        (
            &narrow,
            &["--to", "ada", "--title", "x", "--priority", "5"],
            "urgent",
        ),
        (&wrong, &["--to", "ada", "--title", "x"], "id and secret"),
        (&disabled, &["--to", "ada", "--title", "x"], "is disabled"),
    ] {
        let refusal = shell.refusal(arguments);
        assert!(refusal.contains(says), "{arguments:?}: {refusal}");
    }
    assert_eq!(place.messages().len(), before, "nothing else was stored");
}

#[test]
fn a_shell_publishes_while_no_server_runs() {
    publish(&Place::new());
}

#[test]
fn a_shell_publishes_while_a_server_runs() {
    let place = Place::new();
    let server = place.serve();
    publish(&place);
    server.stop(rustix::process::Signal::TERM);
    assert_eq!(place.json(&["check"])["problems"], json!([]));
}

/// As in somebody's home, which the server's unit hides from it.
fn attach_what_only_the_command_sees(place: &Place) {
    place.json(&["account", "add", "ada"]);
    let shell = place.shell(&[]);
    let mut nameless = tempfile::tempfile().unwrap();
    nameless.write_all(b"all is well").unwrap();
    let large = place.0.path().join("large.bin");
    fs::write(&large, vec![7; 200_000]).unwrap();
    let files = ["--attach", "/dev/stdin", "--attach", "large.bin"];
    let mut command = shell.command(&["--to", "ada", "--title", "Files"]);
    let output = command.args(files).stdin(nameless).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{error}");
    let message = place.messages().pop().unwrap();
    let files: Vec<_> = message["attachments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            (
                file["name"].as_str().unwrap(),
                file["size"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(files, [("stdin", 11), ("large.bin", 200_000)]);

    // Whoever is refused is told why, however much of it was not read.
    let wrong = Shell {
        secret: "hither_ps_guess".to_owned(),
        ..place.shell(&[])
    };
    let file = ["--to", "ada", "--title", "x", "--attach", "large.bin"];
    fs::write(&large, vec![7; 20 * 1024 * 1024]).unwrap();
    assert!(wrong.refusal(&file).contains("id and secret"));
    fs::write(&large, vec![7; 26 * 1024 * 1024]).unwrap();
    let refusal = shell.refusal(&file);
    assert!(refusal.contains("at most 26214400 bytes"), "{refusal}");
    assert_eq!(place.json(&["check"])["problems"], json!([]));
}

/// What a script does that was cut off before it had its answer.
fn repeat(place: &Place) {
    for name in ["ada", "bob"] {
        place.json(&["account", "add", name]);
    }
    let (shell, other) = (place.shell(&[]), place.shell(&[]));
    let report = place.0.path().join("report.txt");
    fs::write(&report, "all is well").unwrap();
    let key = ["--idempotency-key", "night 17"];
    let with_key = |arguments: &[&'static str]| [arguments, &key].concat();
    let command = with_key(&["--to", "ada", "--title", "x", "--attach", "report.txt"]);
    let first = shell.json(&command);
    assert_eq!(shell.json(&command), first);
    assert_eq!(place.messages().len(), 1);
    fs::write(&report, "all is not well").unwrap();
    assert!(shell.refusal(&command).contains("with another body"));
    let to_bob = with_key(&["--to", "bob", "--title", "x"]);
    assert!(shell.refusal(&to_bob).contains("with another body"));
    assert_ne!(other.json(&to_bob)["id"], first["id"]);

    let later = [
        "--to",
        "ada",
        "--title",
        "x",
        "--at",
        "2 days",
        "--idempotency-key",
        "b",
    ];
    let first = shell.json(&later);
    assert!(first["deliver_at"].is_string(), "{first}");
    // Two days from now are later than two days from then.
    assert_eq!(shell.json(&later), first);
    assert_eq!(place.messages().len(), 3);
    for wrong in ["", "\u{e4}", &"x".repeat(129)] {
        let refusal = shell.refusal(&["--to", "ada", "--title", "x", "--idempotency-key", wrong]);
        assert!(refusal.contains("1 to 128 printable"), "{refusal}");
    }
}

#[test]
fn a_repeated_command_publishes_once_while_no_server_runs() {
    repeat(&Place::new());
}

#[test]
fn a_repeated_command_publishes_once_while_a_server_runs() {
    let place = Place::new();
    let server = place.serve();
    repeat(&place);
    server.stop(rustix::process::Signal::TERM);
}

/// What is more than a running server reads, or than anybody should.
fn too_much(place: &Place) -> [String; 3] {
    place.json(&["account", "add", "ada"]);
    let shell = place.shell(&[]);
    let folder = place.0.path();
    fs::write(folder.join("long.html"), "x".repeat(3 * 1024 * 1024)).unwrap();
    // Six times as long in JSON.
    fs::write(folder.join("odd.html"), "\u{1}".repeat(1024 * 1024)).unwrap();
    let long = "\u{e4}".repeat(2 * 1024 * 1024);
    let page = |name| shell.refusal(&["--to", "ada", "--html", name]);
    let piped = shell.with_stdin(&["--to", "ada", "--body", "-"], &long);
    assert!(!piped.status.success());
    let piped = String::from_utf8(piped.stderr).unwrap();
    [page("long.html"), piped, page("odd.html")]
}

#[test]
fn what_is_too_long_says_how_long_it_may_be_while_no_server_runs() {
    let [long, piped, odd] = too_much(&Place::new());
    assert!(
        long.contains("524288 is the most") && long.contains("--attach"),
        "{long}"
    );
    assert!(piped.contains("32768 is the most"), "{piped}");
    assert!(odd.contains("at most 524288 bytes"), "{odd}");
}

#[test]
fn what_is_too_long_says_how_long_it_may_be_while_a_server_runs() {
    let place = Place::new();
    let server = place.serve();
    let [long, piped, odd] = too_much(&place);
    assert!(
        long.contains("524288 is the most") && long.contains("--attach"),
        "{long}"
    );
    assert!(piped.contains("32768 is the most"), "{piped}");
    assert!(
        odd.contains("at most 4194304 bytes") && odd.contains("--attach"),
        "{odd}"
    );

    // Another program, which does not look first.
    let mut line = "x".repeat(5 * 1024 * 1024);
    line.push('\n');
    let mut socket = UnixStream::connect(place.data().join("admin.sock")).unwrap();
    // It hangs up before it has read everything.
    let _ = socket.write_all(line.as_bytes());
    let mut answer = String::new();
    let _ = BufReader::new(socket).read_line(&mut answer);
    assert!(answer.contains("at most 4194304 bytes"), "{answer}");
    server.stop(rustix::process::Signal::TERM);
}

#[test]
fn a_shell_reads_its_files_itself_while_no_server_runs() {
    attach_what_only_the_command_sees(&Place::new());
}

#[test]
fn a_shell_reads_its_files_itself_while_a_server_runs() {
    let place = Place::new();
    let server = place.serve();
    attach_what_only_the_command_sees(&place);
    server.stop(rustix::process::Signal::TERM);
}

#[test]
fn what_root_makes_beside_a_stopped_server_belongs_to_the_folders_owner() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not tried: only root can make what belongs to root");
        return;
    }
    let place = Place::new();
    place.json(&["account", "add", "ada"]);
    let shell = place.shell(&[]);
    let data = place.data();
    let say = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let give = || say(Command::new("chown").args(["-R", "65534:65534"]).arg(&data));
    let foreign = || say(Command::new("find").arg(&data).args(["!", "-uid", "65534"]));
    give();
    fs::remove_file(data.join("lock")).unwrap();
    fs::write(place.0.path().join("report.txt"), "all is well").unwrap();
    shell.json(&["--to", "ada", "--title", "x", "--attach", "report.txt"]);
    assert_eq!(foreign(), "", "after a message");
    let file = place.0.path().join("all.tar");
    let file = file.to_str().unwrap();
    place.json(&["backup", file]);
    fs::remove_dir_all(data.join("attachments")).unwrap();
    place.json(&["restore", file, "--force"]);
    assert_eq!(foreign(), "", "after a restore");
    place.refusal(&["account", "add", "ada"]);
    assert_eq!(foreign(), "", "after a refusal");
}

#[test]
fn publishing_wants_a_publisher_a_receiver_and_a_text() {
    let place = Place::new();
    let shell = place.shell(&[]);
    for (arguments, says) in [
        (&["--title", "x"][..], "--to"),
        (&["--to", "ada"], "--title"),
        (
            &["--to", "ada", "--title", "x", "--at", "soon"],
            "tomorrow, 10am",
        ),
        (
            &["--to", "ada", "--title", "x", "--priority", "6"],
            "1 to 5",
        ),
        (&["--to", "ada", "--title", "x", "--markdown"], "--body"),
        (&["--to", "ada", "--html", "none.html"], "none.html"),
    ] {
        let refusal = shell.refusal(arguments);
        assert!(refusal.contains(says), "{arguments:?}: {refusal}");
    }
    let refusal = place.refusal(&["publish", "--to", "ada", "--title", "x"]);
    assert!(refusal.contains("HITHER_PUBLISHER_ID"), "{refusal}");
    let help = String::from_utf8(place.run(&["publish", "--help"]).stdout).unwrap();
    for word in [
        "--attach",
        "--at",
        "--idempotency-key",
        "24 hours",
        "HITHER_PUBLISHER_SECRET",
        "crontab",
    ] {
        assert!(help.contains(word), "{help}");
    }
}
