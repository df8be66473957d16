//! Rule 5: handover.

use crate::tests::script::{check, play};

#[test]
fn what_the_desktop_showed_after_the_last_input_is_handed_over() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         10s message m1
         10s d1 shows m1
         30s d1 beats 10s
         40s message m2
         40s d1 shows m2
         60s d1 beats 40s
         80s message m3
         80s d1 shows m3
         90s d1 beats 70s
         120s d1 beats 100s
         150s d1 beats 130s
         180s d1 beats 160s
         200s d1 is inactive 180s
         201s p1 shows m2 m3
         300s end",
        "10s deliver m1 rings d1
         40s deliver m2 rings d1
         80s deliver m3 rings d1
         200s alert p1 m2 m3 in one: Handover",
    );
}

#[test]
fn shown_in_the_very_moment_of_the_last_input_is_handed_over() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         10s message m1
         11s d1 shows m1
         20s d1 is inactive 9s
         20s p1 shows m1
         21s d1 is active 0s",
        "10s deliver m1 rings d1
         20s alert p1 m1: Handover",
    );
}

#[test]
fn input_between_ringing_and_showing_does_not_count_as_seen() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         10s message m1
         13s d1 shows m1
         20s d1 is inactive 8s",
        "10s deliver m1 rings d1
         20s alert p1 m1: Handover",
    );
}

#[test]
fn a_reading_that_arrives_late_does_not_make_an_older_toast_seen() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         10s message m1
         10.1s d1 shows m1
         32.5s d1 beats 21s delayed 3s
         60s d1 is inactive 51.5s delayed 0.1s",
        "10s deliver m1 rings d1
         60s alert p1 m1: Handover",
    );
}

#[test]
fn a_reading_of_which_nobody_knows_how_late_it_is_counts_as_late() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         10s message m1
         10s d1 shows m1
         10s message m2
         13s d1 shows m2
         16s d1 is inactive 0s delayed unmeasured",
        "10s deliver m1 rings d1
         10s deliver m2 rings d1
         16s alert p1 m2: Handover",
    );
}

#[test]
fn a_late_heartbeat_renews_the_lease_from_when_it_was_sent() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         30s message m1
         30s d1 shows m1
         39s d1 beats 20s delayed 19s
         65s end",
        "30s deliver m1 rings d1
         60s alert p1 m1: Handover",
    );
}

#[test]
fn a_stream_without_a_report_renews_none_of_the_one_before_it() {
    check(
        "0s mobile p1 connects
         0s desktop d1 connects active 0s
         10s desktop d1 connects
         30s d1 beats 0s
         45s d1 is lost
         46s message m1",
        "46s deliver m1 rings p1",
    );
}

#[test]
fn what_came_and_went_in_a_pause_rings_again_when_that_ends() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         30s d1 beats 0s
         55s message m1
         55s d1 shows m1
         60s d1 beats 30s
         85s message m2
         85s d1 shows m2
         90s d1 beats 60s
         120s d1 beats 2s
         120s d1 shows m1
         150s d1 beats 1s
         180s d1 is inactive 2s
         300s end",
        "55s deliver m1 rings d1
         85s deliver m2 rings d1
         120s alert d1 m1: Returned",
    );
}

#[test]
fn what_stays_up_until_there_is_input_is_seen_with_it_however_long_the_pause() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         30s d1 beats 30s
         55s message m1
         55s d1 shows m1 until input
         60s d1 beats 60s
         90s d1 beats 90s
         120s d1 beats 2s
         150s d1 is inactive 30s
         300s end",
        "55s deliver m1 rings d1",
    );
}

#[test]
fn what_stays_up_is_handed_over_all_the_same_when_nobody_touches_the_desktop() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         30s d1 beats 30s
         55s message m1
         55s d1 shows m1 until input
         60s d1 beats 60s
         90s d1 beats 90s
         120s d1 beats 120s
         150s d1 beats 150s
         180s d1 is inactive 180s
         181s p1 shows m1
         300s end",
        "55s deliver m1 rings d1
         180s alert p1 m1: Handover",
    );
}

#[test]
fn what_popped_up_anew_goes_or_stays_as_the_desktop_said_last() {
    for (first, last, rings) in [("", " until input", false), (" until input", "", true)] {
        let script = format!(
            "0s desktop d1 connects active 0s
             30s d1 beats 30s
             55s message m1
             55s d1 shows m1{first}
             60s d1 shows m1{last}
             60s d1 beats 60s
             90s d1 beats 90s
             120s d1 beats 2s"
        );
        let again = "120s alert d1 m1: Returned".to_owned();
        assert_eq!(play(&script).contains(&again), rings, "{first:?} {last:?}");
    }
}

#[test]
fn what_only_a_push_service_took_rings_where_a_desktop_that_cannot_tell_more_is_unlocked() {
    check(
        "0s desktop d1 connects inactive
         0s p1 registers
         5s message m1
         6s gateway takes p1 m1
         60s d1 is unknown
         61s d1 shows m1
         90s end",
        "5s deliver m1 silently
         5s push p1 m1
         60s alert d1 m1: Returned",
    );
}

#[test]
fn what_was_read_or_seen_is_not_handed_over() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         10s message m1
         10s message m2
         10s d1 shows m1 m2
         11s read m1
         20s d1 is inactive 5s
         60s end",
        "10s deliver m1 rings d1
         10s deliver m2 rings d1",
    );
}

#[test]
fn without_any_reading_everything_unread_is_handed_over() {
    check(
        "0s desktop d1 connects active
         0s mobile p1 connects
         10s message m1
         10s d1 shows m1
         20s d1 is active
         25s d1 is inactive
         26s p1 shows m1
         60s end",
        "10s deliver m1 rings d1
         25s alert p1 m1: Handover",
    );
}

#[test]
fn a_report_without_a_reading_is_no_input() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         10s message m1
         10s d1 shows m1
         20s d1 is active
         25s d1 is inactive",
        "10s deliver m1 rings d1
         25s alert p1 m1: Handover",
    );
}

#[test]
fn what_was_not_shown_yet_is_handed_over_at_once() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         10s message m1
         12s d1 is inactive 1s
         12.5s d1 shows m1
         18s d1 is active 0s",
        "10s deliver m1 rings d1
         12s alert p1 m1: Handover
         18s alert d1 m1: Waiting",
    );
}

#[test]
fn a_lease_that_ends_hands_over() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         10s message m1
         10s d1 shows m1
         30s d1 beats 25s
         35s d1 beats
         71s p1 shows m1
         90s end",
        "10s deliver m1 rings d1
         70s alert p1 m1: Handover",
    );
}

#[test]
fn a_lost_socket_hands_over_when_its_grace_ends() {
    check(
        "0s desktop d1 connects active 0s
         0s p1 registers
         10s message m1
         10s d1 shows m1
         20s d1 is lost
         60s end",
        "10s deliver m1 rings d1
         30s push p1 m1",
    );
}

#[test]
fn a_goodbye_hands_over_at_once() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         10s message m1
         10s d1 shows m1
         20s d1 says goodbye
         21s p1 shows m1
         60s end",
        "10s deliver m1 rings d1
         20s alert p1 m1: Handover",
    );
}

#[test]
fn a_handover_goes_to_another_active_desktop_first() {
    check(
        "0s desktop d1 connects active 0s
         0s desktop d2 connects active 60s
         0s mobile p1 connects
         10s message m1
         10s d1 shows m1
         12s d1 is inactive 12s
         12s d2 shows m1
         14s d2 is inactive 74s
         15s p1 shows m1
         16s p1 says goodbye",
        "10s deliver m1 rings d1
         12s alert d2 m1: Handover
         14s alert p1 m1: Handover",
    );
}

#[test]
fn a_handover_to_nobody_waits() {
    check(
        "0s desktop d1 connects active 0s
         10s message m1
         10s d1 shows m1
         30s d1 is inactive 30s
         40s mobile p1 connects
         41s p1 shows m1",
        "10s deliver m1 rings d1
         40s alert p1 m1: Waiting",
    );
}

#[test]
fn a_handover_that_waited_is_rung_when_the_person_returns() {
    check(
        "0s desktop d1 connects active 0s
         10s message m1
         10s d1 shows m1
         30s d1 is inactive 30s
         40s d1 is active 0s",
        "10s deliver m1 rings d1
         40s alert d1 m1: Waiting",
    );
}

#[test]
fn a_handover_waits_for_a_desktop_that_may_answer() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         5s message m1
         5s d1 shows m1
         9.5s desktop d2 connects
         10s d1 is inactive 10s
         10.5s d2 is active 0s",
        "5s deliver m1 rings d1
         10.5s alert d2 m1: Handover",
    );
}

#[test]
fn two_reasons_at_one_moment_stay_two_alerts() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         5s message m1
         5s d1 shows m1
         15s message m2
         20s late d1 is inactive 20s",
        "5s deliver m1 rings d1
         15s deliver m2 rings d1
         20s alert p1 m1: Handover
         20s alert p1 m2: NotShown",
    );
}

#[test]
fn what_a_desktop_and_a_phone_show_is_handed_over_to_another_phone() {
    check(
        "0s timings lease 86400s
         0s desktop d1 connects active 0s
         0s mobile p2 connects
         0s mobile p1 connects
         2s message m1
         7.2s p1 shows m1
         8s d1 shows m1 until input
         180s d1 is inactive 180s
         900s end",
        "2s deliver m1 rings d1
         7s alert p1 m1: NotShown
         187.2s alert p2 m1: Handover",
    );
}

#[test]
fn a_late_answer_of_a_push_service_does_not_end_the_handover() {
    check(
        "0s desktop d1 connects active 0s
         0s p1 registers
         1s message m1
         7s d1 shows m1 until input
         7.5s gateway takes p1 m1
         30s d1 is inactive 30s",
        "1s deliver m1 rings d1
         6s push p1 m1
         7s cancel p1 m1
         30s push p1 m1",
    );
}

#[test]
fn a_desktop_that_was_left_does_not_ring_with_another_device_that_comes_back() {
    check(
        "0s timings lease 86400s
         0s desktop d1 connects active 0s
         1s message m1
         2s d1 shows m1 until input
         180s d1 is unknown 180s
         200s desktop d2 connects inactive 200s
         900s end",
        "1s deliver m1 rings d1",
    );
}
