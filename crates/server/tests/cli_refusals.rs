//! How the program says no: to people on standard error, to scripts as an object.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A place for a data folder.
struct Place(tempfile::TempDir);

/// Exit status, answer and what was said on standard error.
struct Said(Output);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn run(&self, arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Said {
        let mut child = Command::new(env!("CARGO_BIN_EXE_hither-server"))
            .args(arguments)
            .env_clear()
            .env("HITHER_DATA", self.data())
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that refuses early does not read.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        Said(child.wait_with_output().unwrap())
    }

    fn json(&self, arguments: &[&str]) -> Said {
        self.run(&[arguments, &["--json"]].concat(), &[], "")
    }

    fn make(&self, arguments: &[&str]) -> Value {
        let said = self.json(arguments);
        assert_eq!(said.0.status.code(), Some(0), "{}", said.error());
        said.answer()
    }
}

impl Said {
    fn answer(&self) -> Value {
        serde_json::from_slice(&self.0.stdout).unwrap_or_default()
    }

    fn error(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    /// The words of a command that failed.
    #[track_caller]
    fn refusal(&self) -> String {
        assert_eq!(self.0.status.code(), Some(1), "{}", self.error());
        self.error()
    }
}

/// Overwrites so much of a file from one place on.
fn damage(file: &Path, from: usize, length: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[from..from + length].fill(0xa5);
    fs::write(file, bytes).unwrap();
}

/// Where a table begins in the database.
fn table(database: &Path, name: &str) -> usize {
    let place =
        "SELECT (rootpage - 1) * page_size FROM sqlite_schema, pragma_page_size WHERE name = ?1";
    let conn = rusqlite::Connection::open(database).unwrap();
    conn.query_row(place, [name], |row| row.get(0)).unwrap()
}

#[test]
fn a_check_reports_a_database_that_cannot_be_read() {
    for (name, opens) in [(Some("accounts"), true), (None, false)] {
        let place = Place::new();
        place.make(&["account", "add", "ada"]);
        let database = place.data().join("hither.db");
        let from = name.map_or(0, |name| table(&database, name));
        damage(&database, from, 100);
        let said = place.json(&["check"]);
        assert!(said.refusal().contains("problem"), "{}", said.error());
        let report = said.answer();
        let problems = report["problems"].as_array().expect("a report");
        assert!(!problems.is_empty(), "{report}");
        assert!(report.get("error").is_none(), "one answer is enough");
        let text = place.run(&["check"], &[], "");
        text.refusal();
        let text = String::from_utf8(text.0.stdout).unwrap();
        assert!(
            text.contains("database") && !text.contains("in order"),
            "{text}"
        );
        assert_eq!(text.contains("cannot open"), !opens, "{text}");
    }
}

#[test]
fn a_check_makes_no_store() {
    let place = Place::new();
    let missing = place.0.path().join("missing");
    let missing = missing.to_str().unwrap();
    fs::create_dir(place.data()).unwrap();
    for folder in [missing, place.data().to_str().unwrap()] {
        let said = place.json(&["check", "--data", folder]);
        said.refusal();
        let problem = said.answer()["problems"][0].clone();
        let problem = problem.as_str().unwrap_or_default();
        assert!(
            problem.contains("no store") && problem.contains(folder),
            "{problem}"
        );
    }
    assert!(!Path::new(missing).exists() && fs::read_dir(place.data()).unwrap().next().is_none());
}

#[test]
fn names_that_are_addresses_are_given_to_nobody() {
    let place = Place::new();
    place.make(&["account", "add", "ada"]);
    let id = place.make(&["publisher", "add", "Build"])["id"].clone();
    let id = id.as_str().unwrap();
    for name in ["v1", "message"] {
        let topics = format!("topics=news,{name}");
        for command in [
            &["topic", "grant", name, "ada", "read"][..],
            &["publisher", "add", "Shop", "--audience", &topics],
            &["publisher", "grant", id, "--audience", &topics],
        ] {
            let said = place.json(command);
            let why = said.refusal();
            assert!(why.contains(name) && why.contains("address"), "{why}");
            assert_eq!(said.answer()["error"]["code"], "invalid");
        }
        // What was given before this was asked can be taken back.
        place.make(&["publisher", "withdraw", id, "--audience", &topics]);
    }
    let nonsense = place.json(&["publisher", "add", "Shop", "--audience", "topics=a b"]);
    assert!(nonsense.refusal().contains("letters"));
    assert_eq!(
        place.make(&["publisher", "list"]).as_array().unwrap().len(),
        1
    );
}

#[test]
fn a_password_is_as_long_from_the_command_line_as_from_anywhere() {
    let place = Place::new();
    place.make(&["account", "add", "ada"]);
    let long = "x".repeat(1025);
    for command in [
        ["account", "add", "bob"],
        ["account", "reset-password", "ada"],
    ] {
        let command = [&command[..], &["--password-stdin", "--json"]].concat();
        for password in ["seven77", "ééééééé", &long] {
            let said = place.run(&command, &[], password);
            assert!(said.refusal().contains("at least 8"), "{password}");
            assert_eq!(said.answer()["error"]["code"], "invalid");
        }
        let said = place.run(&command, &[], "éééééééé\n");
        assert_eq!(said.0.status.code(), Some(0), "{}", said.error());
    }
}

#[test]
fn whoever_does_not_exist_is_named() {
    let place = Place::new();
    place.make(&["account", "add", "ada"]);
    let id = place.make(&["publisher", "add", "Build"])["id"].clone();
    let id = id.as_str().unwrap();
    let audience = ["--audience", "accounts=ada,zz"];
    for command in [
        &["publisher", "add", "Shop"][..],
        &["publisher", "grant", id],
        &["publisher", "withdraw", id],
    ] {
        let said = place.json(&[command, &audience].concat());
        let why = said.refusal();
        assert!(
            why.contains("there is no account zz") && !why.contains("publisher"),
            "{why}"
        );
        assert_eq!(said.answer()["error"]["code"], "not_found");
    }
    let nobody = [
        "publisher",
        "grant",
        "app-0000000000000009",
        "--audience",
        "accounts=ada",
    ];
    assert!(
        place
            .json(&nobody)
            .refusal()
            .contains("no publisher app-0000000000000009")
    );
}

#[test]
fn a_cause_is_said_once() {
    let place = Place::new();
    place.make(&["account", "add", "ada"]);
    let backup = place.0.path().join("b.tar");
    let backup = backup.to_str().unwrap();
    place.make(&["backup", backup]);
    let why = place.json(&["restore", backup]).refusal();
    assert_eq!(why.matches("holds accounts").count(), 1, "{why}");
    let nowhere = place.json(&["restore", "/nowhere", "--force"]).refusal();
    assert_eq!(nowhere.matches("No such file").count(), 1, "{nowhere}");
    let nowhere = place.json(&["config", "--config", "/nowhere"]).refusal();
    assert_eq!(nowhere.matches("No such file").count(), 1, "{nowhere}");
}

#[test]
fn a_script_learns_from_the_answer_why_a_command_failed() {
    let place = Place::new();
    place.make(&["account", "add", "ada"]);
    let made = place.make(&["publisher", "add", "Build"]);
    let (id, secret) = (
        made["id"].as_str().unwrap(),
        made["secret"].as_str().unwrap(),
    );
    let as_publisher = [
        ("HITHER_PUBLISHER_ID", id),
        ("HITHER_PUBLISHER_SECRET", secret),
    ];
    let publish = ["publish", "--title", "x", "--to"];
    for (arguments, variables, code) in [
        (
            &[&publish[..], &["zz", "--json"]].concat(),
            &as_publisher[..],
            "no_receivers",
        ),
        (&[&publish[..], &["ada", "--json"]].concat(), &[], "failed"),
        (&vec!["account", "add", "ada", "--json"], &[], "taken"),
        (
            &vec!["account", "remove", "bob", "--json"],
            &[],
            "not_found",
        ),
    ] {
        let said = place.run(arguments, variables, "");
        let why = said.refusal();
        let error = said.answer()["error"].clone();
        assert_eq!(error["code"], code, "{arguments:?} {why}");
        let detail = error["detail"].as_str().unwrap();
        assert!(
            !detail.is_empty() && why.trim_end().ends_with(detail),
            "{why}"
        );
    }
    let said = place.run(&["account", "add", "ada"], &[], "");
    said.refusal();
    assert!(said.0.stdout.is_empty(), "only scripts need it twice");
}

#[test]
fn the_settings_are_looked_at_before_a_server_runs_with_them() {
    let place = Place::new();
    for (variable, value, why) in [
        ("HITHER_IDLE_AFTER_S", "5", "idle_after_s is 5"),
        ("HITHER_LISTEN", "192.0.2.1:80", "without TLS"),
        ("HITHER_TLS_CERT", "/nowhere", "tls_key is missing"),
    ] {
        let said = place.run(&["config", "--json"], &[(variable, value)], "");
        let words = said.refusal();
        assert!(words.contains(why), "{words}");
        assert!(
            said.answer()["listen"].is_object(),
            "it is shown all the same"
        );
    }
    let fine = place.run(&["config"], &[("HITHER_LOG", "warn")], "");
    assert_eq!((fine.0.status.code(), fine.error().as_str()), (Some(0), ""));
}

#[test]
fn a_variable_that_no_setting_has_is_named() {
    let place = Place::new();
    let variables = [
        ("HITHER_IDLE_AFTR_S", "60"),
        ("HITHER_PUBLISHER_ID", "x"),
        ("HITHER_PUBLISHER_SECRET", "x"),
        ("HITHER_LOG", "info"),
        ("HITHER_IDLE_AFTER_S", "5"),
    ];
    for command in ["config", "serve"] {
        let said = place.run(&[command], &variables, "").refusal();
        assert!(said.contains("HITHER_IDLE_AFTR_S"), "{command}: {said}");
        assert!(
            !said.contains("HITHER_PUBLISHER") && !said.contains("HITHER_LOG"),
            "{said}"
        );
    }
}
