//! Rule 1: active desktop.

use crate::tests::script::check;

#[test]
fn c3_an_active_desktop_rings_and_the_phone_stays_silent() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         0s p2 registers
         5s message m1
         5.2s d1 shows m1
         30s end",
        "5s deliver m1 rings d1",
    );
}

#[test]
fn of_two_active_desktops_the_one_with_the_latest_input_rings() {
    check(
        "100s desktop d1 connects active 30s
         101s desktop d2 connects active 60s
         102s message m1
         102s d1 shows m1
         110s d2 beats 1s
         111s message m2
         111s d2 shows m2
         130s d1 beats 50s
         135s message m3",
        "102s deliver m1 rings d1
         111s deliver m2 rings d2
         135s deliver m3 rings d2",
    );
}

#[test]
fn of_two_active_desktops_the_one_used_last_rings_also_where_delays_are_only_assumed() {
    check(
        "100s desktop d1 connects active 1s
         100s desktop d2 connects active 0s
         102s d1 beats 0s delayed unmeasured
         103s message m1
         103s d1 shows m1",
        "103s deliver m1 rings d1",
    );
}

#[test]
fn the_only_screen_rings_before_it_said_whether_anyone_is_there() {
    check(
        "0s desktop d1 connects
         1s message m1
         1.1s d1 shows m1
         60s end",
        "1s deliver m1 rings d1",
    );
}

#[test]
fn with_another_device_the_first_word_about_presence_is_waited_for() {
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
