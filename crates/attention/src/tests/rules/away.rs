//! Rule 2: no active desktop.

use crate::tests::script::check;

#[test]
fn c2_c4_an_inactive_desktop_is_silent_and_the_connected_phone_rings() {
    check(
        "0s desktop d1 connects inactive 200s
         0s p2 registers
         0s mobile p1 connects
         5s message m1
         6s p1 shows m1
         60s end",
        "5s deliver m1 rings p1",
    );
}

#[test]
fn c5_a_phone_without_a_stream_is_pushed() {
    check(
        "0s desktop d1 connects inactive 200s
         0s p1 registers
         5s message m1
         6s gateway takes p1 m1
         60s end",
        "5s deliver m1 silently
         5s push p1 m1",
    );
}

#[test]
fn of_two_phones_the_one_used_last_rings_and_the_other_is_next() {
    check(
        "0s mobile p1 connects
         1s mobile p2 connects
         2s message m1
         3s p2 shows m1
         4s p2 says goodbye
         5s mobile p2 connects
         6s p1 says goodbye
         7s p1 registers
         8s message m2
         14s gateway takes p1 m2
         60s end",
        "2s deliver m1 rings p2
         8s deliver m2 rings p2
         13s push p1 m2",
    );
}

#[test]
fn what_nobody_opens_on_one_phone_rings_on_the_other() {
    check(
        "0s p1 registers
         1s p2 registers
         5s message m1
         6s gateway takes p2 m1
         7s p2 shows m1
         60s message m2
         61s gateway takes p2 m2
         188s gateway takes p1 m1
         189s p1 shows m1
         200s p2 is used
         900s end",
        "5s deliver m1 silently
         5s push p2 m1
         60s deliver m2 silently
         60s push p2 m2
         187s push p1 m1",
    );
}

#[test]
fn a_phone_that_is_offline_is_not_the_only_one() {
    check(
        "0s p1 registers
         1s p2 registers
         5s message m1
         6s gateway takes p2 m1
         187s gateway takes p1 m1
         900s end",
        "5s deliver m1 silently
         5s push p2 m1
         186s push p1 m1",
    );
}

#[test]
fn what_was_opened_on_one_phone_rings_on_no_other() {
    check(
        "0s p1 registers
         0s mobile p2 connects
         5s message m1
         6s p2 shows m1
         7s message m2
         8s p2 shows m2
         60s p2 is used
         60s read m2
         900s end",
        "5s deliver m1 rings p2
         7s deliver m2 rings p2",
    );
}

#[test]
fn what_nobody_opened_on_a_phone_rings_at_the_desktop_they_came_to() {
    check(
        "0s p1 registers
         0s mobile p2 connects
         5s message m1
         6s p2 shows m1
         60s desktop d1 connects active 0s
         90s d1 beats 0s
         120s d1 beats 0s
         150s d1 beats 0s
         180s d1 beats 0s
         187s d1 shows m1
         188s d1 beats 0s
         220s end",
        "5s deliver m1 rings p2
         186s alert d1 m1: Handover",
    );
}

#[test]
fn a_refused_push_goes_to_the_next_phone_at_once() {
    check(
        "0s p1 registers
         1s p2 registers
         5s message m1
         6s gateway refuses p2 m1
         7s gateway refuses p1 m1
         60s end",
        "5s deliver m1 silently
         5s push p2 m1
         6s push p1 m1",
    );
}

#[test]
fn a_phone_whose_stream_closes_before_it_shows_is_pushed() {
    check(
        "0s p1 registers
         0s mobile p1 connects
         5s message m1
         6s p1 is lost",
        "5s deliver m1 rings p1
         6s push p1 m1",
    );
}

#[test]
fn a_phone_that_frozen_holds_its_stream_is_pushed_once_that_ends() {
    check(
        "0s p1 registers
         0s mobile p1 connects
         5s message m1
         20s p1 is lost",
        "5s deliver m1 rings p1
         20s push p1 m1",
    );
}

#[test]
fn a_phone_that_opens_while_its_push_waits_rings_itself() {
    check(
        "0s p1 registers
         5s message m1
         6s mobile p1 connects
         6s p1 shows m1
         60s end",
        "5s deliver m1 silently
         5s push p1 m1
         6s cancel p1 m1
         6s alert p1 m1: Waiting",
    );
}

#[test]
fn another_phone_may_come_later() {
    check(
        "0s mobile p1 connects
         5s message m1
         6s p1 shows m1
         16s mobile p2 connects
         900s end",
        "5s deliver m1 rings p1
         186s alert p2 m1: Handover",
    );
}

#[test]
fn what_only_a_push_service_has_that_cannot_reach_the_phone_any_more_is_lost() {
    check(
        "0s p1 registers
         5s message m1
         6s gateway takes p1 m1
         7s p1 unregisters
         8s mobile p2 connects
         9s p2 shows m1",
        "5s deliver m1 silently
         5s push p1 m1
         8s alert p2 m1: Waiting",
    );
}

#[test]
fn a_push_to_another_phone_goes_on_however_slow_it_is() {
    check(
        "0s p1 registers
         0s mobile p2 connects
         5s message m1
         6s p2 shows m1
         900s end",
        "5s deliver m1 rings p2
         186s push p1 m1",
    );
}

#[test]
fn another_phone_waits_for_a_desktop_that_may_answer() {
    check(
        "0s p1 registers
         0s mobile p2 connects
         5s message m1
         6s p2 shows m1
         185.5s desktop d1 connects
         186.5s d1 is active 0s
         187s d1 shows m1",
        "5s deliver m1 rings p2
         186.5s alert d1 m1: Handover",
    );
}

#[test]
fn another_phone_stays_silent_where_the_person_wants_no_phone_to_ring() {
    let choices = [
        (r#"{"when_away":"hold"}"#, "Waiting"),
        (r#"{"when_presenting":"hold"}"#, "Handover"),
    ];
    for (choice, why) in choices {
        check(
            &format!(
                "0s timings lease 86400s
                 0s p1 registers
                 0s desktop d1 connects inactive 200s
                 0s mobile p2 connects
                 5s message m1
                 6s p2 shows m1
                 60s settings {choice}
                 100s d1 is presenting 0s
                 700s d1 is active 0s"
            ),
            &format!("5s deliver m1 rings p2\n700s alert d1 m1 in one: {why}"),
        );
    }
}

#[test]
fn the_phone_used_last_stays_that_when_it_reconnects() {
    check(
        "0s mobile p1 connects
         0s mobile p2 connects
         1s p1 is used
         2s p1 is lost
         3s mobile p1 connects
         4s p2 is lost
         5s mobile p2 connects
         6s message m1",
        "6s deliver m1 rings p1",
    );
}
