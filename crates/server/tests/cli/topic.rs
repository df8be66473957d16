//! `topic`.

use serde_json::{Value, json};

use crate::place::Place;

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
