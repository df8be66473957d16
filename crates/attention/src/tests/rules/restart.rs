//! Rule 10a: a crash in the middle.

use crate::tests::script::check;

#[test]
fn after_a_restart_devices_have_ten_seconds_to_come_back() {
    check(
        "0s restart m1 m2
         1s p1 registers
         3s desktop d1 connects active 0s
         4s message m3
         4s d1 shows m3
         9s d1 beats 0s
         11s d1 shows m1 m2
         30s end",
        "4s deliver m3 rings d1
         10s alert d1 m1 m2 in one: Restarted",
    );
}

#[test]
fn shown_or_read_in_the_meantime_needs_no_repeat() {
    check(
        "0s restart m1 m2
         1s p1 registers
         3s desktop d1 connects active 0s
         3s d1 shows m1
         4s read m2
         20s end",
        "",
    );
}

#[test]
fn a_desktop_that_perhaps_nobody_is_at_does_not_end_the_wait() {
    check(
        "0s restart m1
         0s mobile p1 connects
         1s desktop d1 connects unknown
         2s d1 shows m1
         20s end",
        "10s alert p1 m1: Restarted",
    );
}

#[test]
fn nothing_is_pushed_before_the_devices_had_their_time() {
    check(
        "0s restart m1
         0s p1 registers
         1s message m2
         2s message m3 urgent
         3s gateway takes p1 m3
         20s end",
        "1s deliver m2 silently
         2s deliver m3 silently
         2s push p1 m3
         10s push p1 m1 m2 in one",
    );
}

#[test]
fn nobody_after_a_restart_waits_as_ever() {
    check(
        "0s restart m1
         60s mobile p1 connects",
        "60s alert p1 m1: Waiting",
    );
}

#[test]
fn a_restart_with_nothing_pending_ends_too() {
    check(
        "0s restart
         0s p1 registers
         60s message m1",
        "60s deliver m1 silently
         60s push p1 m1",
    );
}

#[test]
fn what_was_shown_before_a_restart_is_handed_over_when_nobody_was_there() {
    check(
        "100s restart m1@d1:60s
         100s mobile p1 connects
         103s desktop d1 connects idle 43s
         103s p1 shows m1
         120s end",
        "103s alert p1 m1: Handover",
    );
    // Still there, then gone without another input.
    check(
        "100s restart m1@d1:60s
         100s mobile p1 connects
         103s desktop d1 connects active 43s
         133s d1 is idle 73s",
        "133s alert p1 m1: Handover",
    );
}

#[test]
fn what_was_shown_before_a_restart_is_seen_with_input_after_it() {
    check(
        "100s restart m1@d1:60s m2@d1:60s!
         100s mobile p1 connects
         103s desktop d1 connects active 1s
         200s d1 is idle 100s",
        "",
    );
    check(
        "1000s restart m1@d1:60s m2@d1:60s!
         1000s mobile p1 connects
         1003s desktop d1 connects active 1s
         1004s d1 shows m1 until input
         1005s d1 beats 0s
         1100s d1 is idle 95s",
        "1003s alert d1 m1 in one: Returned",
    );
}

#[test]
fn what_a_desktop_that_does_not_come_back_had_shown_is_handed_over() {
    check(
        "100s restart m1@d1:60s
         100s mobile p1 connects
         120s end",
        "110s alert p1 m1: Handover",
    );
    // Nobody is there: it waits for the first who comes.
    check(
        "100s restart m1@d1:60s
         600s desktop d1 connects active 0s",
        "600s alert d1 m1: Waiting",
    );
}

#[test]
fn what_was_shown_before_a_restart_to_perhaps_nobody_is_owed_to_the_phone() {
    check(
        "100s restart m1@d1:60s
         103s desktop d1 connects unknown
         200s mobile p1 connects",
        "200s alert p1 m1: Waiting",
    );
}
