//! Rule 9: unknown.

use crate::tests::script::check;

#[test]
fn an_unknown_desktop_rings_together_with_the_phone() {
    check(
        "0s desktop d1 connects unknown
         0s desktop d2 connects unknown
         0s p1 registers
         5s message m1
         5s d1 shows m1
         6s gateway refuses p1 m1
         7s d2 shows m1
         8s mobile p2 connects",
        "5s deliver m1 rings d1 d2
         5s push p1 m1
         8s alert p2 m1: Waiting",
    );
}

#[test]
fn an_active_desktop_beats_an_unknown_one() {
    check(
        "0s desktop d1 connects unknown
         0s desktop d2 connects active 0s
         0s mobile p1 connects
         5s message m1",
        "5s deliver m1 rings d2",
    );
}

#[test]
fn an_unknown_desktop_that_proves_active_was_enough() {
    check(
        "0s desktop d1 connects unknown
         0s p1 registers
         5s message m1
         5s d1 shows m1
         6s d1 is active 6s
         20s d1 is inactive 20s",
        "5s deliver m1 rings d1
         5s push p1 m1
         6s cancel p1 m1
         20s push p1 m1",
    );
}

#[test]
fn an_unknown_desktop_that_proves_inactive_was_not() {
    check(
        "0s desktop d1 connects unknown
         5s message m1
         5s d1 shows m1
         6s d1 is inactive 300s
         60s d1 is active 0s",
        "5s deliver m1 rings d1
         60s alert d1 m1: Waiting",
    );
}

#[test]
fn a_person_who_uses_the_unknown_desktop_saw_it() {
    check(
        "0s desktop d1 connects unknown
         0s p1 registers
         5s message m1
         5s d1 shows m1
         7s d1 beats 1s
         8s gateway refuses p1 m1
         9s mobile p2 connects",
        "5s deliver m1 rings d1
         5s push p1 m1
         7s cancel p1 m1",
    );
}

#[test]
fn an_unknown_desktop_that_leaves_is_not_waited_for() {
    check(
        "0s desktop d1 connects unknown
         5s message m1
         6s d1 says goodbye
         7s mobile p1 connects",
        "5s deliver m1 rings d1
         7s alert p1 m1: Waiting",
    );
}

#[test]
fn a_phone_that_is_asked_is_enough_beside_an_unknown_desktop() {
    check(
        "0s desktop d1 connects unknown
         0s mobile p2 connects
         1s mobile p1 connects
         5s message m1
         5s d1 shows m1
         6s p1 shows m1
         20s end",
        "5s deliver m1 rings d1 p1",
    );
}

#[test]
fn what_a_desktop_shows_before_its_first_presence_is_not_rung_meanwhile() {
    check(
        "0s mobile p1 connects
         1s desktop d1 connects
         1.1s message m1
         1.2s d1 shows m1
         1.5s d1 is active 0.4s
         20s end",
        "1.1s deliver m1 silently",
    );
}

#[test]
fn the_first_presence_is_waited_for() {
    check(
        "0s desktop d1 connects
         0s mobile p1 connects
         1s message m1
         1.5s d1 is active 0s
         1.6s d1 shows m1
         30s end",
        "1s deliver m1 silently
         1.5s alert d1 m1: PresenceKnown",
    );
}

#[test]
fn the_wait_for_the_first_presence_ends() {
    check(
        "0s desktop d1 connects
         0s mobile p1 connects
         1s message m1
         1.1s message m2
         2s p1 shows m1 m2",
        "1s deliver m1 silently
         1.1s deliver m2 silently
         2s alert d1 m1 m2 in one: PresenceKnown
         2s alert p1 m1 m2 in one: PresenceKnown",
    );
}

#[test]
fn a_certain_desktop_does_not_wait_for_a_doubtful_one() {
    check(
        "0s desktop d1 connects active 0s
         1s desktop d2 connects
         1.5s message m1
         1.6s d1 shows m1
         9s end",
        "1.5s deliver m1 rings d1",
    );
}
