//! Accounts and publishers, whether a server runs or not.

use serde_json::{Value, json};

use crate::place::Place;

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
