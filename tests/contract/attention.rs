use serde_json::{Value, json};

use crate::place::{Client, DESK, Device, Person, Place, Stream};

const PHONE: Device = Device {
    kind: "mobile",
    ..DESK
};

/// Who is at the desktop, for how long without input.
async fn report(stream: &mut Stream, state: &str, last_input_ms: u64) {
    let reason = (state == "inactive").then_some("idle");
    let frame = json!({
        "type": "presence", "state": state, "reason": reason, "last_input_ms": last_input_ms,
    });
    stream.say(&frame).await;
    stream.ping().await;
}

async fn both<'a>(ada: &Person<'a>) -> [(Client<'a>, Stream); 2] {
    let (desk, phone) = (ada.sign_in(&DESK), ada.sign_in(&PHONE));
    let (desks, _) = desk.connect(None).await;
    let (phones, _) = phone.connect(None).await;
    [(desk, desks), (phone, phones)]
}

async fn alert(stream: &mut Stream) -> Value {
    stream.next_of("message").await["alert"].clone()
}

#[tokio::test]
async fn c2_c3_c4_the_one_screen_the_person_looks_at_rings() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let [(_, mut desk), (_, mut phone)] = both(&ada).await;
    report(&mut desk, "active", 10).await;
    publisher.send(&ada, "while there");
    assert_eq!(alert(&mut desk).await, "now");
    assert_eq!(alert(&mut phone).await, "silent");
    report(&mut desk, "inactive", 600_000).await;
    publisher.send(&ada, "while away");
    assert_eq!(alert(&mut phone).await, "now");
    assert_eq!(alert(&mut desk).await, "silent");
}

#[tokio::test]
async fn what_was_shown_to_an_empty_chair_is_handed_over_when_the_person_has_left() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let [(_, mut desk), (_, mut phone)] = both(&ada).await;
    report(&mut desk, "active", 60_000).await;
    let id = publisher.send(&ada, "x")["id"].clone();
    assert_eq!(alert(&mut desk).await, "now");
    assert_eq!(alert(&mut phone).await, "silent");
    desk.say(&json!({ "type": "shown", "ids": [id] })).await;
    report(&mut desk, "inactive", 180_000).await;
    let handed_over = phone.next_of("alert").await;
    let expected = json!({ "type": "alert", "ids": [id], "style": "each", "why": "handover" });
    assert_eq!(handed_over, expected);
}

#[tokio::test]
async fn what_a_desktop_does_not_show_in_time_rings_on_the_phone() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let [(_, mut desk), (_, mut phone)] = both(&ada).await;
    report(&mut desk, "active", 10).await;
    let ids = ["1", "2"].map(|title| publisher.send(&ada, title)["id"].clone());
    alert(&mut desk).await;
    desk.say(&json!({ "type": "shown", "ids": [ids[0]] })).await;
    let again = phone.next_of("alert").await;
    assert_eq!(
        (&again["ids"], &again["why"]),
        (&json!([ids[1]]), &json!("not_shown"))
    );
}

#[tokio::test]
async fn priorities_and_the_persons_choices_say_what_rings() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let [(client, mut desk), (_, mut phone)] = both(&ada).await;
    report(&mut desk, "active", 10).await;
    for (priority, quiet, at_the_desk, on_the_phone, never) in [
        (5, "off", "now", "now", false),
        (2, "off", "silent", "silent", true),
        (3, "on", "silent", "silent", false),
        (5, "on", "now", "now", false),
        (3, "off", "now", "silent", false),
    ] {
        let choices = json!({ "do_not_disturb": quiet, "urgent_breaks_through": true });
        client.ask("PUT", "/v1/settings", Some(&choices)).is(200);
        let to = json!({ "accounts": [ada.name] });
        publisher.publish(&json!({ "to": to, "title": "x", "priority": priority }));
        for (stream, expected) in [(&mut desk, at_the_desk), (&mut phone, on_the_phone)] {
            let got = stream.next_of("message").await;
            assert_eq!(got["alert"], expected, "{priority} {quiet}");
            assert_eq!(got["never"] == true, never, "{priority} {quiet}");
        }
    }
}

#[tokio::test]
async fn a_person_is_told_why_and_nobody_else() {
    let place = Place::find();
    let (ada, publisher) = (place.person(), place.publisher());
    let [(client, mut desk), (_, mut phone)] = both(&ada).await;
    report(&mut desk, "active", 10).await;
    let id = publisher.send(&ada, "x")["id"].as_str().unwrap().to_owned();
    alert(&mut desk).await;
    alert(&mut phone).await;
    let path = format!("/v1/messages/{id}/trace");
    let trace = client.get(&path);
    assert_eq!(trace["steps"][0]["outcome"], "alerted", "{trace}");
    assert_eq!(trace["steps"][0]["device"], client.device_id);
    let bob = place.person().sign_in(&DESK);
    assert_eq!(bob.ask("GET", &path, None).problem(), (404, "not_found"));
    let asked = place.ask("GET", &path, Some(&publisher.bearer), None);
    assert_eq!(asked.problem(), (401, "unauthenticated"));
}
