//! Rule 6: return.

use crate::tests::script::check;

#[test]
fn a_person_who_returns_cancels_the_waiting_push_and_gets_it_there() {
    check(
        "0s desktop d1 connects inactive 200s
         0s p1 registers
         5s message m1
         6s d1 is active 0s
         6s d1 shows m1
         7s d1 beats 0s
         30s end",
        "5s deliver m1 silently
         5s push p1 m1
         6s cancel p1 m1
         6s alert d1 m1: Waiting",
    );
}

#[test]
fn what_reached_the_phone_is_not_rung_again() {
    check(
        "0s desktop d1 connects inactive 200s
         0s p1 registers
         5s message m1
         5s gateway takes p1 m1
         5.5s p1 shows m1
         6s mobile p2 connects
         7s message m2
         7s p2 shows m2
         8s d1 is active 0s
         30s end",
        "5s deliver m1 silently
         5s push p1 m1
         7s deliver m2 rings p2",
    );
}

#[test]
fn what_only_a_push_service_took_is_rung_on_return() {
    check(
        "0s desktop d1 connects inactive 200s
         0s p1 registers
         5s message m1
         5s gateway takes p1 m1
         6s message m2
         6s gateway takes p1 m2
         6s message m3
         6s gateway takes p1 m3
         7s read m3
         100s d1 is active 0s
         100s d1 shows m1 m2
         105s d1 is active 0s
         200s d1 is inactive 95s
         201s d1 is active 0s
         300s end",
        "5s deliver m1 silently
         5s push p1 m1
         6s deliver m2 silently
         6s push p1 m2
         6s deliver m3 silently
         6s push p1 m3
         100s alert d1 m1 m2 in one: Returned",
    );
}

#[test]
fn a_phone_that_shows_it_before_its_push_service_answers_has_it() {
    check(
        "0s desktop d1 connects inactive 200s
         0s p1 registers
         5s message m1
         5s p1 shows m1
         6s gateway takes p1 m1
         100s d1 is active 0s
         101s d1 says goodbye
         185s idle",
        "5s deliver m1 silently
         5s push p1 m1",
    );
}

#[test]
fn a_phone_that_opens_its_stream_has_what_its_push_service_took() {
    check(
        "0s desktop d1 connects inactive 200s
         0s p1 registers
         5s message m1
         6s gateway takes p1 m1
         50s mobile p1 connects
         100s d1 is active 0s
         200s end",
        "5s deliver m1 silently
         5s push p1 m1",
    );
}

#[test]
fn what_was_rung_on_return_to_nobody_goes_to_the_phone_once_more() {
    check(
        "0s desktop d1 connects inactive 200s
         0s p1 registers
         5s message m1
         6s gateway takes p1 m1
         50s d1 is active 0s
         51s d1 shows m1
         60s d1 is inactive 10s
         61s p1 shows m1
         70s d1 is active 0s",
        "5s deliver m1 silently
         5s push p1 m1
         50s alert d1 m1: Returned
         60s push p1 m1",
    );
}

#[test]
fn what_a_push_service_took_long_ago_is_forgotten() {
    check(
        "0s p1 registers
         5s message m1
         6s gateway takes p1 m1
         43205s busy
         43206s idle
         50000s desktop d1 connects active 0s",
        "5s deliver m1 silently
         5s push p1 m1",
    );
}

#[test]
fn an_alert_on_its_way_to_an_open_phone_goes_on() {
    check(
        "0s desktop d1 connects inactive 200s
         0s mobile p1 connects
         5s message m1
         6s d1 is active 0s
         11s d1 shows m1
         30s end",
        "5s deliver m1 rings p1
         10s alert d1 m1: NotShown",
    );
}
