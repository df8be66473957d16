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
fn no_more_than_a_thousand_are_remembered_for_a_handover() {
    let start = "0s desktop d1 connects active 0s\n0s mobile p1 connects\n";
    let shown = (0..1100).map(|m| format!("1s message m{m}\n1s d1 shows m{m}"));
    let shown = shown.collect::<Vec<_>>().join("\n");
    let log = play(&format!("{start}{shown}\n2s d1 is inactive 2s"));
    let handover = log.last().unwrap();
    assert_eq!(handover.matches('m').count(), 1000);
    assert!(handover.starts_with("2s alert p1 m100 m101 "));
}
