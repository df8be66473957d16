//! Rule 3: nobody reachable.

use crate::piles::REMEMBERED;
use crate::tests::script::{check, play};

#[test]
fn a_message_for_nobody_waits_for_the_phone() {
    check(
        "0s message m1
         50s mobile p1 connects
         51s p1 shows m1
         90s mobile p2 connects",
        "0s deliver m1 silently
         50s alert p1 m1: Waiting",
    );
}

#[test]
fn a_message_for_nobody_waits_for_someone_at_the_desktop() {
    check(
        "0s desktop d1 connects inactive 200s
         1s message m1
         2s message m2
         3s desktop d2 connects inactive 10s
         30s d1 beats 240s
         300s d1 is active 0s",
        "1s deliver m1 silently
         2s deliver m2 silently
         300s alert d1 m1 m2 in one: Waiting",
    );
}

#[test]
fn a_desktop_that_cannot_tell_takes_what_waits() {
    check(
        "0s desktop d1 connects inactive 200s
         1s message m1
         20s d1 is unknown",
        "1s deliver m1 silently
         20s alert d1 m1: Waiting",
    );
}

#[test]
fn a_phone_that_registers_takes_what_waits() {
    check(
        "0s message m1
         20s p1 registers",
        "0s deliver m1 silently
         20s push p1 m1",
    );
}

#[test]
fn what_waited_for_long_rings_as_a_summary() {
    check(
        "0s message m1
         600s mobile p1 connects
         600s p1 shows m1
         601s p1 says goodbye
         601s message m2
         1202s mobile p1 connects",
        "0s deliver m1 silently
         600s alert p1 m1: Waiting
         601s deliver m2 silently
         1202s alert p1 m2 in one: Waiting",
    );
}

#[test]
fn more_than_are_remembered_ring_as_one_summary() {
    let all = REMEMBERED + 5;
    let messages = (0..all).map(|m| format!("0s message m{m}"));
    let phone = "9s mobile p1 connects".to_owned();
    let script: Vec<_> = messages.chain([phone]).collect();
    let rings = play(&script.join("\n"));
    let (summary, delivered) = rings.split_last().unwrap();
    assert_eq!(delivered.len(), all);
    assert_eq!(summary.split(" m").count(), REMEMBERED + 1);
    assert!(summary.contains(" m5 m6 ") && summary.ends_with("in one: Waiting"));
}

#[test]
fn what_is_not_remembered_comes_back_when_what_spoke_for_it_is_gone() {
    let all = REMEMBERED + 5;
    let urgent = ["0s message m99999 urgent".to_owned()].into_iter();
    let messages = (0..all).map(|m| format!("1s message m{m}"));
    let read = (6..all).map(|m| format!("2s read m{m}"));
    let mut script: Vec<_> = urgent.chain(messages).chain(read).collect();
    // What is louder was not forgotten for it.
    script.push("3s mobile p1 connects\n3s p1 shows m99999\n4s recalled m0 m1".to_owned());
    let rings = play(&script.join("\n"));
    assert_eq!(
        rings.get(all + 1..).unwrap(),
        [
            "3s recall",
            "3s alert p1 m99999: Waiting",
            "4s alert p1 m0 m1 in one: Waiting"
        ]
    );
}

#[test]
fn what_waits_for_different_things_rings_each_at_its_time() {
    check(
        r#"0s settings {"priorities":{"default":"one_screen"},"when_away":"hold"}
         0s message m1
         0s message m2 urgent
         1s message m3
         2s mobile p1 connects
         2.5s p1 shows m2
         3s desktop d1 connects active 0s
         3s d1 shows m1 m3"#,
        "0s deliver m1 silently
         0s deliver m2 silently
         1s deliver m3 silently
         2s alert p1 m2: Waiting
         3s alert d1 m1 m3 in one: Waiting",
    );
}
