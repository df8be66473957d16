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
