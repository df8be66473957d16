//! `backup`, `restore` and `check`.

use std::path::Path;

use serde_json::{Value, json};

use crate::place::{Place, mode};

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
