//! What nobody can tell.

use crate::tests::script::check;

#[test]
fn what_failed_before_the_lock_rings_when_a_desktop_that_cannot_tell_more_is_unlocked() {
    check(
        "0s desktop d1 connects unknown
         5s message m1
         5s d1 shows m1
         60s d1 is inactive
         120s d1 is unknown",
        "5s deliver m1 rings d1
         120s alert d1 m1: Waiting",
    );
}

#[test]
fn a_desktop_that_never_can_tell_does_not_ring_with_every_return() {
    check(
        "0s desktop d1 connects unknown
         5s message m1
         5s d1 shows m1
         60s d1 is lost
         70s desktop d1 connects unknown
         70s d1 shows m1
         80s d1 is lost
         90s desktop d1 connects unknown
         100s d1 is inactive
         110s d1 is unknown
         120s mobile p1 connects",
        "5s deliver m1 rings d1
         70s alert d1 m1: Waiting
         120s alert p1 m1: Waiting",
    );
}

#[test]
fn a_pop_up_that_was_gone_before_the_first_word_of_input_rings_again() {
    check(
        "0s desktop d1 connects unknown
         5s message m1
         5s d1 shows m1
         60s d1 says goodbye
         3600s desktop d1 connects active 0s",
        "5s deliver m1 rings d1
         3600s alert d1 m1 in one: Waiting",
    );
    check(
        "0s desktop d1 connects unknown
         5s message m1
         5s d1 shows m1
         1800s d1 is active 0s",
        "5s deliver m1 rings d1
         1800s alert d1 m1 in one: Waiting",
    );
    // One that stays is in front of whoever comes.
    check(
        "0s desktop d1 connects unknown
         5s message m1
         5s d1 shows m1 until input
         1800s d1 is active 0s",
        "5s deliver m1 rings d1",
    );
}
