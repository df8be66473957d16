//! Memory.

use crate::tests::script::{check, play};

#[test]
fn what_lay_on_a_phone_for_long_enough_is_forgotten() {
    check(
        "0s mobile p1 connects
         5s message m1
         6s p1 shows m1
         7s p1 says goodbye
         185s busy
         186s idle",
        "5s deliver m1 rings p1",
    );
}

#[test]
fn what_was_seen_on_the_desktop_is_forgotten() {
    check(
        "0s desktop d1 connects active 0s
         5s message m1
         6s d1 shows m1
         8s d1 beats 1s
         9s d1 says goodbye
         9s idle",
        "5s deliver m1 rings d1",
    );
}

#[test]
fn a_flood_that_expires_takes_nothing_from_what_was_shown_before_it() {
    let flood = (1..1100).map(|m| format!("2s message m{m} 42s\n2s d1 shows m{m}"));
    let flood = flood.collect::<Vec<_>>().join("\n");
    let start = "0s timings lease 86400s
         0s desktop d1 connects active 0s
         0s mobile p1 connects
         1s message m0
         1s d1 shows m0 until input";
    let log = play(&format!("{start}\n{flood}\n100s d1 is inactive 100s"));
    assert_eq!(log.last().unwrap(), "100s alert p1 m0: Handover");
}

#[test]
fn many_at_once_are_handed_over_and_passed_on_whole() {
    let shown = (0..1200).map(|m| format!("2s message m{m}\n2s d1 shows m{m} until input"));
    let shown = shown.collect::<Vec<_>>().join("\n");
    let log = play(&format!(
        "0s timings lease 86400s
         0s desktop d1 connects active 0s
         0s mobile p1 connects
         0s mobile p2 connects
         {shown}
         100s d1 is inactive 100s
         106s end"
    ));
    for phone in ["100s alert p1 ", "105s alert p2 "] {
        let line = log.iter().find(|line| line.starts_with(phone)).unwrap();
        assert_eq!(line.matches(" m").count(), 1200, "{}", &line[..60]);
    }
}
