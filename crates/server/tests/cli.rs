//! The real program, as an administrator uses it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_hither-server");

/// A data folder, and the commands that use it.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn data(&self) -> std::path::PathBuf {
        self.0.path().join("data")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(arguments)
            .env_clear()
            .env("HITHER_DATA", self.data())
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.command(arguments).arg("--json").output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{arguments:?}: {error}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What a command that must fail says.
    fn refusal(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?} must fail");
        assert!(output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    }

    fn with_stdin(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that refuses early does not read.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    fn serve(&self) -> Server {
        let mut child = self
            .command(&["serve", "--listen", "127.0.0.1:0", "--json"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(said["pid"], child.id());
        assert!(
            said["listening"]
                .as_str()
                .unwrap()
                .starts_with("http://127.0.0.1:")
        );
        Server(child)
    }
}

struct Server(Child);

impl Server {
    fn stop(mut self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, signal).unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Everything an administrator can do, whether a server runs or not.
fn administer(place: &Place) {
    let added = place.json(&["account", "add", "ada"]);
    assert_eq!(
        (&added["name"], &added["admin"]),
        (&json!("ada"), &json!(false))
    );
    assert!(added["password"].as_str().unwrap().len() >= 20);
    let arguments = [
        "account",
        "add",
        "bob",
        "--password-stdin",
        "--admin",
        "--json",
    ];
    let output = place.with_stdin(&arguments, "päss wörd\n");
    let added: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        added,
        json!({ "name": "bob", "admin": true }),
        "said once only if made up"
    );
    assert!(
        place
            .refusal(&["account", "add", "bob"])
            .contains("account bob exists already")
    );

    let disabled = place.json(&["account", "disable", "ada"]);
    assert_eq!(disabled, json!({ "name": "ada", "disabled": true }));
    let list = place.json(&["account", "list"]);
    assert_eq!(
        (&list[0]["name"], &list[1]["name"]),
        (&json!("ada"), &json!("bob"))
    );
    assert!(list[0]["disabled_at"].is_string() && list[1]["disabled_at"].is_null());
    assert!(list[0]["created_at"].is_string() && list[0].get("password_hash").is_none());
    place.json(&["account", "enable", "ada"]);
    assert!(place.json(&["account", "list"])[0]["disabled_at"].is_null());
    assert!(place.json(&["account", "reset-password", "ada"])["password"].is_string());
    let removed = place.json(&["account", "remove", "ada"]);
    assert_eq!(removed, json!({ "name": "ada", "removed": true }));
    for verb in ["remove", "disable", "enable", "reset-password"] {
        assert!(
            place
                .refusal(&["account", verb, "ada"])
                .contains("there is no account ada")
        );
    }

    let made = place.json(&["publisher", "add", "Build server", "--kind", "ci"]);
    let id = made["id"].as_str().unwrap();
    assert!(id.starts_with("ci-") && made["secret"].as_str().unwrap().starts_with("hither_ps_"));
    let rotated = place.json(&["publisher", "rotate-secret", id]);
    assert_eq!(rotated["id"], made["id"]);
    assert_ne!(rotated["secret"], made["secret"]);
    place.json(&["publisher", "disable", id]);
    let list = place.json(&["publisher", "list"]);
    assert_eq!(
        (&list[0]["id"], &list[0]["secrets"]),
        (&made["id"], &json!(2))
    );
    assert_eq!(list[0]["name"], "Build server");
    assert!(list[0]["disabled_at"].is_string());
    let text = String::from_utf8(place.run(&["publisher", "list"]).stdout).unwrap();
    assert!(text.contains(id) && text.contains("Build server") && text.contains("disabled since"));
}

#[test]
fn d2_an_administrator_says_what_a_publisher_may() {
    let place = Place::new();
    for name in ["ada", "bob"] {
        place.json(&["account", "add", name]);
    }
    let audience = "accounts=ada,bob";
    let made = place.json(&[
        "publisher",
        "add",
        "Shop",
        "--audience",
        audience,
        "--without",
        "urgent",
    ]);
    let id = made["id"].as_str().unwrap();
    let listed = place.json(&["publisher", "list"])[0].clone();
    assert_eq!(listed["audience"]["accounts"], json!(["ada", "bob"]));
    let rights = json!({ "narrowed": true, "everyone": false, "urgent": false, "html": true });
    assert_eq!(listed["rights"], rights);

    let grant = [
        "publisher",
        "grant",
        id,
        "--audience",
        "topics=news",
        "--right",
        "urgent",
    ];
    let granted = place.json(&grant);
    assert_eq!(granted["audience"]["topics"], json!(["news"]));
    assert_eq!(granted["rights"]["urgent"], true);
    let bob = ["publisher", "withdraw", id, "--audience", "accounts=bob"];
    assert_eq!(place.json(&bob)["audience"]["accounts"], json!(["ada"]));
    let all = ["publisher", "grant", id, "--audience", "all"];
    assert_eq!(place.json(&all)["rights"]["narrowed"], false);
    let text = String::from_utf8(place.run(&["publisher", "list"]).stdout).unwrap();
    assert!(
        text.contains("reaches every account, not everyone at once"),
        "{text}"
    );
    place.json(&["publisher", "approve", id]);

    let unknown = ["publisher", "grant", id, "--audience", "accounts=eve"];
    assert!(place.refusal(&unknown).contains("eve"));
    let unknown = ["publisher", "add", "X", "--audience", "accounts=eve"];
    assert!(place.refusal(&unknown).contains("eve"));
    assert!(
        place
            .refusal(&["publisher", "grant", id])
            .contains("--audience")
    );
    let nonsense = ["publisher", "grant", id, "--audience", "ada"];
    assert!(place.refusal(&nonsense).contains("accounts=NAME"));
    assert_eq!(
        place.json(&["publisher", "list"]).as_array().unwrap().len(),
        1
    );
}

#[test]
fn an_administrator_works_while_no_server_runs() {
    administer(&Place::new());
}

#[test]
fn an_administrator_works_while_a_server_runs() {
    let place = Place::new();
    let server = place.serve();
    assert!(place.data().join("admin.sock").exists());
    administer(&place);
    server.stop(rustix::process::Signal::TERM);
    assert!(!place.data().join("admin.sock").exists());
    assert_eq!(
        place.json(&["account", "list"])[0]["name"],
        "bob",
        "kept by the server"
    );
}

#[test]
fn one_folder_has_one_server() {
    let place = Place::new();
    let server = place.serve();
    let said = place.refusal(&["serve", "--listen", "127.0.0.1:0"]);
    let pid = format!("process {}", server.0.id());
    assert!(
        said.contains("in use") && said.contains(&pid) && said.contains("--data"),
        "{said}"
    );
    server.stop(rustix::process::Signal::INT);
    place.serve().stop(rustix::process::Signal::TERM);
}

#[test]
fn a_killed_server_leaves_nothing_in_the_way() {
    let place = Place::new();
    let mut server = place.serve();
    place.json(&["account", "add", "ada"]);
    server.0.kill().unwrap();
    server.0.wait().unwrap();
    assert!(
        place.data().join("admin.sock").exists(),
        "nobody was there to remove it"
    );
    assert_eq!(place.json(&["account", "list"])[0]["name"], "ada");
    place.serve().stop(rustix::process::Signal::TERM);
}

#[test]
fn commands_take_turns() {
    let place = Place::new();
    let names: Vec<_> = (0..6).map(|number| format!("user{number}")).collect();
    let children: Vec<_> = names
        .iter()
        .map(|name| {
            let mut command = place.command(&["account", "add", name]);
            command.stdout(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in children {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    let list = place.json(&["account", "list"]);
    let listed: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|a| &a["name"])
        .collect();
    assert_eq!(listed, names.iter().collect::<Vec<_>>());
}

#[test]
fn only_its_user_can_read_the_data() {
    let place = Place::new();
    fs::create_dir(place.data()).unwrap();
    fs::set_permissions(place.data(), fs::Permissions::from_mode(0o755)).unwrap();
    let server = place.serve();
    place.json(&["account", "add", "ada"]);
    assert_eq!(mode(&place.data()), 0o700);
    let files: Vec<_> = fs::read_dir(place.data()).unwrap().flatten().collect();
    let names: Vec<_> = files.iter().map(fs::DirEntry::file_name).collect();
    assert!(names.iter().any(|name| name == "admin.sock"), "{names:?}");
    assert!(
        names.iter().any(|name| name == "hither.db-wal"),
        "{names:?}"
    );
    for file in files {
        let own = if file.path().is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&file.path()), own, "{file:?}");
    }
    server.stop(rustix::process::Signal::TERM);
}

#[test]
fn wrong_usage_says_what_is_right() {
    let place = Place::new();
    for (arguments, words) in [
        (&["account", "add", "Not A Name"][..], &["a-z, 0-9"][..]),
        (&["account", "ad", "x"], &["add"]),
        (
            &["publisher", "add", "x", "--kind", "X1"],
            &["2 to 16 letters"],
        ),
        (&["publisher", "add", ""], &["1 to 100 characters"]),
        (&["publisher", "disable", "nonsense"], &["16 digits"]),
        (
            &["serve", "--listen", "localhost"],
            &["invalid socket address"],
        ),
        (
            &["serve", "--listen", "0.0.0.0:0"],
            &["--insecure-http", "TLS"],
        ),
        (
            &["serve", "--public-url", "hither.example"],
            &["--public-url", "https://"],
        ),
        (
            &["config", "--config", "/nowhere"],
            &["/nowhere", "No such file"],
        ),
        (
            &["account", "list", "--data", "/dev/null/x"],
            &["/dev/null/x"],
        ),
        (
            &[],
            &["Usage", "serve", "account", "publisher", "HITHER_CONFIG"],
        ),
    ] {
        let said = place.refusal(arguments);
        for word in words {
            assert!(said.contains(word), "{arguments:?}: {said}");
        }
    }
    for (input, says) in [
        ("", "empty"),
        ("\n", "empty"),
        ("a\nb\n", "more than one line"),
    ] {
        let output = place.with_stdin(&["account", "add", "ada", "--password-stdin"], input);
        assert!(!output.status.success());
        assert!(String::from_utf8(output.stderr).unwrap().contains(says));
    }
    assert!(!place.data().exists() || place.json(&["account", "list"]) == json!([]));
}

#[test]
fn config_says_where_each_value_comes_from() {
    let place = Place::new();
    let file = place.0.path().join("hither.toml");
    fs::write(&file, "insecure_http = true\nlisten = '127.0.0.1:81'\n").unwrap();
    let file = file.to_str().unwrap();
    let said = place.json(&["config", "--config", file, "--data", "/elsewhere"]);
    assert_eq!(
        said["data"],
        json!({ "value": "/elsewhere", "from": "flag" })
    );
    assert_eq!(
        said["listen"],
        json!({ "value": "127.0.0.1:81", "from": "file" })
    );
    assert_eq!(
        said["insecure_http"],
        json!({ "value": true, "from": "file" })
    );
    let said = place.json(&["config"]);
    assert_eq!(said["data"]["from"], "environment");
    assert_eq!(
        said["listen"],
        json!({ "value": "127.0.0.1:7480", "from": "default" })
    );
    assert!(
        !place.data().exists(),
        "looking at the settings makes nothing"
    );
    fs::write(file, "listen = '127.0.0.1:81'\nlsiten = 1\n").unwrap();
    let said = place.refusal(&["config", "--config", file]);
    assert!(said.contains("line 2") && said.contains("lsiten"), "{said}");
}

#[test]
fn topics_are_granted_and_listed() {
    let place = Place::new();
    place.json(&["account", "add", "ada"]);
    let id = place.json(&["publisher", "add", "Build"])["id"].clone();
    let id = id.as_str().unwrap();
    assert_eq!(place.json(&["topic", "list"]), json!([]));
    let granted = place.json(&["topic", "grant", "news", "ada", "write"]);
    let expected = json!({ "topic": "news", "to": "ada", "may": "write", "granted": true });
    assert_eq!(granted, expected);
    place.json(&["topic", "grant", "news", id, "write"]);
    place.json(&["topic", "private", "news"]);
    let topics = place.json(&["topic", "list"]);
    assert_eq!(topics[0]["name"], "news");
    assert_eq!(topics[0]["private"], true);
    assert_eq!(topics[0]["owner"], Value::Null);
    assert_eq!(topics[0]["grants"].as_array().unwrap().len(), 2);
    let listed = place.run(&["topic", "list"]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(
        listed.contains("news  free  0 subscribed  private  ada:write"),
        "{listed}"
    );
    place.json(&["topic", "public", "news"]);
    place.json(&["topic", "revoke", "news", "ada", "write"]);
    for (arguments, says) in [
        (
            &["topic", "revoke", "news", "ada", "write"][..],
            "no such grant",
        ),
        (
            &["topic", "grant", "news", "nobody", "read"],
            "no account or publisher nobody",
        ),
        (&["topic", "grant", "a b", "ada", "read"], "letters, digits"),
        (&["topic", "grant", "news", "ada", "own"], "read"),
    ] {
        let refusal = place.refusal(arguments);
        assert!(refusal.contains(says), "{arguments:?}: {refusal}");
    }
}

#[test]
fn a_backup_is_made_while_the_server_runs_and_restored_where_none_does() {
    let place = Place::new();
    place.json(&["account", "add", "ada"]);
    let file = place.0.path().join("hither.backup");
    let file = file.to_str().unwrap();
    let server = place.serve();
    // A path of the command's own folder, which the server does not know.
    let output = place
        .command(&["backup", "hither.backup", "--json"])
        .current_dir(place.0.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["file"], mode(Path::new(file))),
        (&json!(file), 0o600)
    );
    assert!(place.refusal(&["backup", file]).contains("exists already"));
    let check = place.json(&["check"]);
    assert_eq!(
        (&check["accounts"], &check["problems"]),
        (&json!(1), &json!([]))
    );
    let refused = place.refusal(&["restore", file, "--force"]);
    assert!(refused.contains("stopped server"), "{refused}");
    server.stop(rustix::process::Signal::TERM);

    assert!(place.refusal(&["restore", file]).contains("--force"));
    assert!(place.refusal(&["restore", "/nowhere"]).contains("/nowhere"));
    let elsewhere = Place::new();
    let report = elsewhere.json(&["restore", file]);
    assert_eq!(report["accounts"], 1);
    let names = elsewhere.json(&["account", "list"]);
    assert_eq!(names[0]["name"], "ada");
    elsewhere.json(&["account", "add", "bob"]);
    elsewhere.json(&["restore", file, "--force"]);
    assert_eq!(
        elsewhere
            .json(&["account", "list"])
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_check_that_finds_something_fails() {
    let place = Place::new();
    place.json(&["account", "add", "ada"]);
    let database = place.data().join("hither.db");
    let conn = rusqlite::Connection::open(database).unwrap();
    conn.pragma_update(None, "foreign_keys", false).unwrap();
    conn.execute("INSERT INTO publisher_secrets VALUES (1, 7, x'00')", [])
        .unwrap();
    conn.execute("INSERT INTO files VALUES (x'0102', 5)", [])
        .unwrap_err();
    conn.execute("INSERT INTO files VALUES (zeroblob(32), 5)", [])
        .unwrap();
    drop(conn);
    let output = place.run(&["check", "--json"]);
    assert!(!output.status.success());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let problems = report["problems"].to_string();
    assert!(problems.contains("publisher_secrets") && problems.contains("attachment 0000"));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("2 problems")
    );
}

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
