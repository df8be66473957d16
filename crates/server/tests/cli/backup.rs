//! `backup`, `restore` and `check`.

use std::fs;
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

/// What a check reports, whether it finds problems or not.
fn checked(place: &Place) -> (bool, Value) {
    let output = place.run(&["check", "--json"]);
    let report = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.success(), report)
}

#[test]
fn a_database_of_no_bytes_is_a_damaged_store() {
    let place = Place::new();
    place.json(&["account", "add", "ada"]);
    let kept = place.data().join("attachments/ab/cd");
    fs::create_dir_all(&kept).unwrap();
    let kept = kept.join("abcd".repeat(16));
    fs::write(&kept, "kept").unwrap();
    let database = place.data().join("hither.db");
    for damage in [
        (|database| fs::write(database, "").unwrap()) as fn(&Path),
        |database| fs::remove_file(database).unwrap(),
        without_tables,
    ] {
        damage(&database);
        let before = fs::read(&database).ok();
        let (fine, report) = checked(&place);
        assert!(
            !fine && report["problems"].to_string().contains("restore a backup"),
            "{report}"
        );
        for command in [
            &["serve", "--listen", "127.0.0.1:0"][..],
            &["account", "list"],
        ] {
            let said = place.refusal(command);
            assert!(said.contains("restore a backup"), "{said}");
        }
        assert_eq!(fs::read(&database).ok(), before, "nothing is made of it");
        assert!(kept.exists());
    }
}

/// A database in which no table ever was.
fn without_tables(database: &Path) {
    let conn = rusqlite::Connection::open(database).unwrap();
    conn.execute_batch("CREATE TABLE x (y); DROP TABLE x")
        .unwrap();
}

#[test]
fn a_first_start_that_was_cut_off_is_no_store_and_in_nobodys_way() {
    let place = Place::new();
    fs::create_dir(place.data()).unwrap();
    let database = place.data().join("hither.db");
    fs::write(&database, "").unwrap();
    let (fine, report) = checked(&place);
    assert!(
        !fine && report["problems"].to_string().contains("there is no store"),
        "{report}"
    );
    assert_eq!(fs::read(&database).unwrap(), b"");
    place.serve().stop(rustix::process::Signal::TERM);
}

#[test]
fn what_a_restore_that_was_cut_off_left_is_removed() {
    let place = Place::new();
    let unpacked = place.data().join("restoring");
    fs::create_dir_all(&unpacked).unwrap();
    fs::write(unpacked.join("hither.db"), "half").unwrap();
    place.json(&["account", "add", "ada"]);
    assert!(!unpacked.exists());
}

#[test]
fn a_misspelt_folder_is_not_made_into_a_store() {
    let place = Place::new();
    let backup = place.0.path().join("hither.backup");
    for command in [
        &["account", "list"][..],
        &["publisher", "list"],
        &["account", "disable", "ada"],
        &["backup", backup.to_str().unwrap()],
    ] {
        let said = place.refusal(command);
        assert!(
            said.contains("there is no store") && said.contains("--data"),
            "{said}"
        );
    }
    assert!(!place.data().exists());
}

#[test]
fn a_check_brings_no_database_up_to_date() {
    let place = Place::new();
    fs::create_dir(place.data()).unwrap();
    let database = place.data().join("hither.db");
    let old = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/server/first_version/hither.db"
    );
    fs::copy(old, &database).unwrap();
    let (fine, report) = checked(&place);
    assert!(fine, "{report}");
    assert_eq!(fs::read(&database).unwrap(), fs::read(old).unwrap());
    place.json(&["account", "list"]);
    let (fine, after) = checked(&place);
    assert_eq!((fine, &after["accounts"]), (true, &report["accounts"]));
}
