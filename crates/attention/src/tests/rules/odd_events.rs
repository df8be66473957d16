//! Time and odd events.

use crate::tests::script::check;

#[test]
fn what_was_due_during_sleep_happens_before_the_event() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         10s message m1
         10s d1 shows m1
         30000s late d1 is active 1s",
        "10s deliver m1 rings d1
         30000s alert d1 m1 in one: Handover",
    );
}

#[test]
fn what_ended_during_sleep_is_decided_as_things_are_after_it() {
    check(
        "0s desktop d1 connects active 0s
         0s desktop d2 connects active 60s
         0s mobile p1 connects
         10s message m1
         10s d1 shows m1
         20s d2 beats 80s
         30000s late end",
        "10s deliver m1 rings d1
         30000s alert d2 m1 in one: Handover
         30000s alert p1 m1 in one: Handover",
    );
}

#[test]
fn time_that_goes_back_stands_still() {
    check(
        "10s p2 registers
         11s mobile p1 connects
         20s message m1
         5s late message m2
         24s p1 shows m1
         26s gateway takes p2 m2
         60s end",
        "20s deliver m1 rings p1
         5s deliver m2 rings p1
         25s push p2 m2",
    );
}

#[test]
fn what_is_unknown_or_said_twice_changes_nothing() {
    check(
        "0s d9 is active 0s
         0s d9 beats 0s
         0s d9 says goodbye
         0s d9 shows m1
         0s p9 unregisters
         0s read m1
         0s gateway takes p9 m1
         1s desktop d1 connects active 0s
         2s message m1
         2s message m1
         2s d1 shows m1 m1
         2s d1 shows m1
         3s d1 is active 0s
         3s d1 is active 0s
         4s d1 says goodbye
         4s d1 is lost
         5s read m1 m1
         5s idle",
        "2s deliver m1 rings d1
         2s deliver m1 silently",
    );
}

#[test]
fn a_desktop_is_never_pushed() {
    check(
        "0s desktop d1 connects inactive 200s
         0s d1 registers
         1s d1 says goodbye
         2s message m1",
        "2s deliver m1 silently",
    );
}

#[test]
fn a_router_is_busy_while_a_device_or_a_message_is_there() {
    check(
        "0s p1 registers
         0s idle
         1s desktop d1 connects active 0s
         1s busy
         2s d1 is lost
         3s busy
         12s idle
         13s desktop d1 connects inactive 200s
         14s message m1
         15s d1 says goodbye
         15s busy
         16s gateway takes p1 m1
         16s busy
         17s p1 shows m1
         18s p1 is used
         18s idle",
        "14s deliver m1 silently
         14s push p1 m1",
    );
}

#[test]
fn a_shorter_lease_counts_at_once() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         5s message m1
         5s d1 shows m1
         20s timings lease 10s",
        "5s deliver m1 rings d1
         20s alert p1 m1: Handover",
    );
}
