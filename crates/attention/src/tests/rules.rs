use crate::piles::REMEMBERED;

use super::script::{check, check_trace, play};

// Rule 1: active desktop.

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

// Rule 2: no active desktop.

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

// Rule 3: nobody reachable.

#[test]
fn a_message_for_nobody_waits_for_the_phone() {
    check(
        "0s message m1
         50s mobile p1 connects
         51s p1 shows m1
         90s mobile p2 connects",
        "0s deliver m1 silently
         50s alert p1 m1: Waiting",
    );
}

#[test]
fn a_message_for_nobody_waits_for_someone_at_the_desktop() {
    check(
        "0s desktop d1 connects inactive 200s
         1s message m1
         2s message m2
         3s desktop d2 connects inactive 10s
         30s d1 beats 240s
         300s d1 is active 0s",
        "1s deliver m1 silently
         2s deliver m2 silently
         300s alert d1 m1 m2 in one: Waiting",
    );
}

#[test]
fn a_desktop_that_cannot_tell_takes_what_waits() {
    check(
        "0s desktop d1 connects inactive 200s
         1s message m1
         20s d1 is unknown",
        "1s deliver m1 silently
         20s alert d1 m1: Waiting",
    );
}

#[test]
fn a_phone_that_registers_takes_what_waits() {
    check(
        "0s message m1
         20s p1 registers",
        "0s deliver m1 silently
         20s push p1 m1",
    );
}

#[test]
fn what_waited_for_long_rings_as_a_summary() {
    check(
        "0s message m1
         600s mobile p1 connects
         600s p1 shows m1
         601s p1 says goodbye
         601s message m2
         1202s mobile p1 connects",
        "0s deliver m1 silently
         600s alert p1 m1: Waiting
         601s deliver m2 silently
         1202s alert p1 m2 in one: Waiting",
    );
}

#[test]
fn more_than_are_remembered_ring_as_one_summary() {
    let all = REMEMBERED + 5;
    let messages = (0..all).map(|m| format!("0s message m{m}"));
    let phone = "9s mobile p1 connects".to_owned();
    let script: Vec<_> = messages.chain([phone]).collect();
    let rings = play(&script.join("\n"));
    let (summary, delivered) = rings.split_last().unwrap();
    assert_eq!(delivered.len(), all);
    assert_eq!(summary.split(" m").count(), REMEMBERED + 1);
    assert!(summary.contains(" m5 m6 ") && summary.ends_with("in one: Waiting"));
}

#[test]
fn what_is_not_remembered_comes_back_when_what_spoke_for_it_is_gone() {
    let all = REMEMBERED + 5;
    let urgent = ["0s message m99999 urgent".to_owned()].into_iter();
    let messages = (0..all).map(|m| format!("1s message m{m}"));
    let read = (6..all).map(|m| format!("2s read m{m}"));
    let mut script: Vec<_> = urgent.chain(messages).chain(read).collect();
    // What is louder was not forgotten for it.
    script.push("3s mobile p1 connects\n3s p1 shows m99999\n4s recalled m0 m1".to_owned());
    let rings = play(&script.join("\n"));
    assert_eq!(
        rings.get(all + 1..).unwrap(),
        [
            "3s recall",
            "3s alert p1 m99999: Waiting",
            "4s alert p1 m0 m1 in one: Waiting"
        ]
    );
}

#[test]
fn what_waits_for_different_things_rings_each_at_its_time() {
    check(
        r#"0s settings {"priorities":{"default":"one_screen"},"when_away":"hold"}
         0s message m1
         0s message m2 urgent
         1s message m3
         2s mobile p1 connects
         2.5s p1 shows m2
         3s desktop d1 connects active 0s
         3s d1 shows m1 m3"#,
        "0s deliver m1 silently
         0s deliver m2 silently
         1s deliver m3 silently
         2s alert p1 m2: Waiting
         3s alert d1 m1 m3 in one: Waiting",
    );
}

// Rule 4: not shown.

#[test]
fn a_desktop_that_does_not_show_it_within_five_seconds_is_passed_over() {
    check(
        "0s desktop d1 connects active 0s
         0s desktop d2 connects active 9s
         0s mobile p1 connects
         0s p2 registers
         1s message m1
         20s gateway takes p2 m1
         30s end",
        "1s deliver m1 rings d1
         6s alert d2 m1: NotShown
         11s alert p1 m1: NotShown
         16s push p2 m1",
    );
}

#[test]
fn with_no_device_left_it_waits_until_one_comes_back() {
    check(
        "0s desktop d1 connects active 0s
         1s message m1
         20s d1 beats 0s
         20.5s d1 is inactive 1s
         60s d1 is active 0s
         60s d1 shows m1
         90s mobile p1 connects",
        "1s deliver m1 rings d1
         60s alert d1 m1: Waiting",
    );
}

#[test]
fn with_no_device_left_the_one_that_is_there_is_asked_again_after_ever_longer_pauses() {
    check(
        "0s timings lease 86400s
         0s desktop d1 connects active 0s
         1s message m1
         700s end",
        "1s deliver m1 rings d1
         21s alert d1 m1: Waiting
         56s alert d1 m1: Waiting
         121s alert d1 m1: Waiting
         246s alert d1 m1: Waiting
         491s alert d1 m1: Waiting",
    );
}

#[test]
fn what_it_shows_when_asked_again_is_over() {
    check(
        "0s timings lease 86400s
         0s desktop d1 connects active 0s
         1s message m1
         22s d1 shows m1
         700s end",
        "1s deliver m1 rings d1
         21s alert d1 m1: Waiting",
    );
}

#[test]
fn a_device_that_shows_another_message_is_asked_again_at_once() {
    check(
        "0s timings lease 86400s
         0s desktop d1 connects active 0s
         1s message m1
         2s message m2
         9s message m3
         9.5s d1 shows m3
         9.7s d1 shows m1 m2
         700s end",
        "1s deliver m1 rings d1
         2s deliver m2 rings d1
         9s deliver m3 rings d1
         9.5s alert d1 m1 m2 in one: Waiting",
    );
}

#[test]
fn one_message_that_is_never_shown_does_not_ring_with_every_other() {
    let begin = "0s timings lease 86400s\n0s desktop d1 connects active 0s\n1s message m1";
    let others = (2..40).map(|m| (20 * m, m));
    let others = others.map(|(at, m)| format!("{at}s message m{m}\n{at}s d1 shows m{m}"));
    let script: Vec<_> = [begin.to_owned()].into_iter().chain(others).collect();
    let rings = play(&script.join("\n"));
    let again = rings.iter().filter(|line| line.contains("alert d1 m1"));
    assert_eq!(again.count(), 8, "{rings:#?}");
}

#[test]
fn somebody_at_a_desktop_that_does_not_show_it_may_be_far_from_the_phone_that_does() {
    check(
        "0s timings lease 86400s
         0s desktop d1 connects active 0s
         0s mobile p1 connects
         1s message m1
         6.1s p1 shows m1
         60s d1 shows m1
         700s end",
        "1s deliver m1 rings d1
         6s alert p1 m1: NotShown
         21.1s alert d1 m1: Handover
         41.1s alert d1 m1: Waiting",
    );
}

#[test]
fn once_they_left_the_phone_that_shows_it_is_enough() {
    check(
        "0s timings lease 86400s
         0s desktop d1 connects active 0s
         0s mobile p1 connects
         1s message m1
         6.1s p1 shows m1
         30s d1 is inactive 20s
         700s end",
        "1s deliver m1 rings d1
         6s alert p1 m1: NotShown
         21.1s alert d1 m1: Handover",
    );
}

#[test]
fn a_desktop_that_does_not_show_it_is_asked_again_although_it_cannot_tell_any_more() {
    check(
        "0s timings lease 86400s
         0s desktop d1 connects active 0s
         0s mobile p1 connects
         1s message m1
         6.1s p1 shows m1
         30s d1 is unknown 30s
         42s d1 shows m1
         700s end",
        "1s deliver m1 rings d1
         6s alert p1 m1: NotShown
         21.1s alert d1 m1: Handover
         41.1s alert d1 m1: Waiting",
    );
}

#[test]
fn a_desktop_that_cannot_tell_any_more_while_it_is_asked_is_asked_again() {
    check(
        "0s timings lease 86400s
         0s desktop d1 connects active 0s
         0s mobile p1 connects
         1s message m1
         6.1s p1 shows m1
         23s d1 is unknown 23s
         50s d1 is inactive 50s
         700s end",
        "1s deliver m1 rings d1
         6s alert p1 m1: NotShown
         21.1s alert d1 m1: Handover
         41.1s alert d1 m1: Waiting",
    );
}

#[test]
fn a_desktop_that_cannot_tell_is_not_asked_again_where_the_person_wants_the_phone_alone() {
    check(
        r#"0s settings {"when_unknown":"phone"}
         0s timings lease 86400s
         0s desktop d1 connects active 0s
         0s mobile p1 connects
         1s message m1
         6.1s p1 shows m1
         30s d1 is unknown 30s
         700s end"#,
        "1s deliver m1 rings d1
         6s alert p1 m1: NotShown
         21.1s alert d1 m1: Handover",
    );
}

#[test]
fn a_phone_is_enough_beside_a_desktop_that_was_never_asked() {
    check(
        "0s timings lease 86400s
         0s desktop d1 connects inactive 300s
         0s mobile p1 connects
         1s message m1
         1.1s p1 shows m1
         30s d1 is unknown 30s
         700s end",
        "1s deliver m1 rings p1",
    );
}

#[test]
fn a_desktop_that_was_left_is_not_asked_again() {
    check(
        "0s timings lease 86400s
         0s desktop d1 connects active 0s
         1s message m1
         2s d1 shows m1 until input
         180s d1 is unknown 180s
         700s end",
        "1s deliver m1 rings d1",
    );
}

#[test]
fn another_device_that_comes_back_forgives_them_all() {
    check(
        "0s mobile p1 connects
         1s message m1
         20s desktop d1 connects inactive 200s",
        "1s deliver m1 rings p1
         20s alert p1 m1: Waiting",
    );
}

#[test]
fn a_failure_is_forgiven_while_the_next_device_is_asked() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         1s message m1
         7s d1 is inactive 5s
         8s d1 is active 0s
         11s end",
        "1s deliver m1 rings d1
         6s alert p1 m1: NotShown
         11s alert d1 m1: NotShown",
    );
}

#[test]
fn a_late_shown_still_counts() {
    check(
        "0s desktop d1 connects active 0s
         0s p1 registers
         1s message m1
         7s d1 shows m1
         60s end",
        "1s deliver m1 rings d1
         6s push p1 m1
         7s cancel p1 m1
         40s push p1 m1",
    );
}

#[test]
fn a_gateway_that_does_not_answer_is_asked_once() {
    check(
        "0s p1 registers
         1s message m1
         20s p2 registers
         21s gateway refuses p2 m1
         30s desktop d1 connects inactive 60s
         40s gateway refuses p1 m1
         41s desktop d2 connects inactive 60s
         42s gateway takes p2 m1",
        "1s deliver m1 silently
         1s push p1 m1
         20s push p2 m1
         30s push p2 m1
         41s push p1 m1
         42s cancel p1 m1",
    );
}

// Rule 5: handover.

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

// Rule 6: return.

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
         101s idle",
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

// Rule 7: read anywhere is read everywhere.

#[test]
fn reading_cancels_the_push_and_nothing_brings_it_back() {
    check(
        "0s p1 registers
         0s p2 registers
         5s message m1
         6s read m1
         7s gateway refuses p1 m1
         7s gateway takes p2 m1
         8s mobile p2 connects
         9s p2 shows m1
         10s desktop d1 connects active 0s
         11s p2 says goodbye
         12s p1 unregisters
         12s p2 unregisters
         13s d1 says goodbye
         60s idle",
        "5s deliver m1 silently
         5s push p1 m1
         6s cancel p1 m1",
    );
}

#[test]
fn withdrawn_is_forgotten_too() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         5s message m1
         5s message m2
         6s withdraw m1 m2
         7s d1 shows m1
         8s d1 is inactive 8s
         9s p1 says goodbye
         9s d1 says goodbye
         9s idle",
        "5s deliver m1 rings d1
         5s deliver m2 rings d1",
    );
}

#[test]
fn expiry_cancels_by_itself() {
    check(
        "0s p1 registers
         5s message m1 until 7s
         6s message m2 until 6s
         20s mobile p1 connects
         21s p1 says goodbye
         21s idle",
        "5s deliver m1 silently
         5s push p1 m1
         6s deliver m2 silently
         7s cancel p1 m1",
    );
}

#[test]
fn beside_a_desktop_that_shows_nothing_another_phone_has_its_time_too() {
    let script = "0s desktop d1 connects active 0s
         0s mobile p2 connects
         0s mobile p1 connects
         5s message m1
         11s p1 shows m1
         SOMETHING
         35s d1 beats 0s
         70s d1 beats 0s
         105s d1 beats 0s
         140s d1 beats 0s
         175s d1 beats 0s
         200s end";
    let rang_p2 = |something: &str| {
        let rang = play(&script.replace("SOMETHING", something));
        let on_p2 = rang.into_iter().find(|line| line.contains("alert p2"));
        on_p2.map(|line| line.split('s').next().unwrap().to_owned())
    };
    let at: f64 = rang_p2("11s d1 beats 0s").unwrap().parse().unwrap();
    assert!(at >= 191.0, "{at}");
    assert_eq!(rang_p2("40s p1 is used"), None);
}

#[test]
fn what_a_phone_has_is_not_asked_for_without_end() {
    let heartbeats = (1..200).map(|n| format!("{}s d1 beats 0s", 30 * n));
    let start = "0s desktop d1 connects active 0s
         0s mobile p1 connects
         5s message m1
         11s p1 shows m1";
    let script: Vec<_> = core::iter::once(start.to_owned())
        .chain(heartbeats)
        .collect();
    let rang = play(&script.join("\n"));
    let asked = rang.iter().filter(|line| line.contains("alert d1")).count();
    assert!((2..=7).contains(&asked), "{rang:?}");
}

// What is about a device.

#[test]
fn what_is_about_a_device_rings_on_another_one() {
    check(
        "0s desktop d1 connects active 0s
         0s desktop d2 connects inactive 200s
         0s mobile p1 connects
         5s message m1 but-d1
         6s message m2 urgent but-p1
         20s end",
        "5s deliver m1 rings p1
         6s deliver m2 rings d1 d2",
    );
    check(
        "0s desktop d1 connects active 0s
         5s message m1 but-d1
         20s desktop d2 connects active 0s
         30s end",
        "5s deliver m1 silently
         20s alert d2 m1: Waiting",
    );
}

// Rule 8: priorities.

#[test]
fn urgent_rings_everywhere_at_once() {
    check(
        "0s desktop d1 connects active 0s
         0s desktop d2 connects inactive 200s
         0s mobile p1 connects
         0s p2 registers
         0s p1 registers
         0s p3 registers
         5s message m1 urgent
         6s p1 shows m1
         7s d1 is inactive 0s
         8s d1 is active 0s
         9s read m1",
        "5s deliver m1 rings d1 d2 p1
         5s push p2 m1
         5s push p3 m1
         9s cancel p2 m1
         9s cancel p3 m1",
    );
}

#[test]
fn urgent_that_nobody_showed_rings_again_with_the_next_device() {
    check(
        "0s desktop d1 connects inactive 200s
         5s message m1 urgent
         6s d1 shows m1
         30s mobile p1 connects
         31s p1 shows m1
         60s d1 is active 0s",
        "5s deliver m1 rings d1
         30s alert d1 m1: Waiting
         30s alert p1 m1: Waiting",
    );
}

#[test]
fn urgent_pushes_survive_the_return() {
    check(
        "0s desktop d1 connects inactive 200s
         0s p1 registers
         5s message m1 urgent
         6s d1 is active 0s
         6s d1 shows m1
         7s gateway refuses p1 m1
         8s read m1
         8s d1 says goodbye
         8s idle",
        "5s deliver m1 rings d1
         5s push p1 m1",
    );
}

#[test]
fn low_and_min_never_alert() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         5s message m1 low
         5s message m2 min
         6s d1 says goodbye
         7s p1 says goodbye
         8s idle",
        "5s deliver m1 silently
         5s deliver m2 silently",
    );
}

// Rule 9: unknown.

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

// A reconnect is not activity.

#[test]
fn a_reconnect_in_the_grace_neither_hands_over_nor_rings_twice() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         10s message m1
         10s d1 shows m1
         11s d1 is lost
         12s message m2
         13s desktop d1 connects
         14s message m3
         14.5s d1 is active 14s
         14.6s d1 shows m2 m3
         30s end",
        "10s deliver m1 rings d1
         12s deliver m2 silently
         14s deliver m3 silently
         14.5s alert d1 m2 m3 in one: PresenceKnown",
    );
}

#[test]
fn a_reconnect_without_a_report_does_not_stay_active() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         10s message m1
         10s d1 shows m1
         20s desktop d1 connects
         30s end",
        "10s deliver m1 rings d1
         22s alert p1 m1: Handover",
    );
}

#[test]
fn reconnecting_again_and_again_does_not_stay_active() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         10s message m1
         10s d1 shows m1
         20s desktop d1 connects
         21s d1 is lost
         21.5s desktop d1 connects
         23.4s d1 beats 13.4s
         30s end",
        "10s deliver m1 rings d1
         22s alert p1 m1: Handover",
    );
}

#[test]
fn an_alert_on_its_way_when_the_socket_is_lost_is_repeated_after_the_reconnect() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         10s message m1
         10.1s d1 is lost
         12s desktop d1 connects active 2s
         12s d1 shows m1",
        "10s deliver m1 rings d1
         12s alert d1 m1: NotShown",
    );
}

#[test]
fn an_alert_on_its_way_when_the_socket_is_lost_waits_no_longer_than_others() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         10s message m1
         11s d1 is lost
         12s message m2
         30s end",
        "10s deliver m1 rings d1
         12s deliver m2 silently
         15s alert p1 m1: NotShown
         21s alert p1 m2: PresenceKnown",
    );
}

#[test]
fn a_device_shows_before_its_reconnect_is_complete() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         10s message m1
         10.1s d1 is lost
         12s d1 shows m1
         12s desktop d1 connects active 2s
         30s end",
        "10s deliver m1 rings d1",
    );
}

#[test]
fn a_lost_device_reports_nothing() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         10s message m1
         10s d1 shows m1
         11s d1 is lost
         12s d1 is inactive 12s
         13s d1 beats 0s
         30s end",
        "10s deliver m1 rings d1
         21s alert p1 m1: Handover",
    );
}

#[test]
fn an_inactive_desktop_that_is_lost_holds_nothing_up() {
    check(
        "0s desktop d1 connects inactive 200s
         0s mobile p1 connects
         1s d1 is lost
         2s message m1",
        "2s deliver m1 rings p1",
    );
}

#[test]
fn of_several_phones_the_one_used_last_rings_however_often_another_reconnects() {
    check(
        "0s mobile p1 connects
         0s mobile p2 connects
         1s p1 is used
         2s p2 says goodbye
         3s mobile p2 connects
         5s message m1
         5s p1 shows m1",
        "5s deliver m1 rings p1",
    );
}

// What nobody can tell.

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

// Rule 10a: a crash in the middle.

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

// Time and odd events.

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
         17s idle",
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

// Memory.

#[test]
fn what_a_phone_shows_is_forgotten() {
    check(
        "0s mobile p1 connects
         5s message m1
         6s p1 shows m1
         7s p1 says goodbye
         7s idle",
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

// The person's choices.

#[test]
fn a_publisher_may_be_silenced_tamed_or_wanted_on_the_phone_too() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         0s settings {\"publishers\":{\"app-0000000000000001\":{\"loudest\":2},\"app-0000000000000002\":{\"loudest\":4},\"app-0000000000000003\":{\"phone_too\":true}}}
         1s message m1 urgent by 1
         2s message m2 urgent by 2
         2s d1 shows m2
         3s message m3 by 3
         3s d1 shows m3
         4s message m4 urgent",
        "1s deliver m1 silently
         2s deliver m2 rings d1
         3s deliver m3 rings d1 p1
         4s deliver m4 rings d1 p1",
    );
}

#[test]
fn priorities_have_routes() {
    check(
        "0s desktop d1 connects active 0s
         0s p1 registers
         0s settings {\"priorities\":{\"low\":\"one_screen\",\"default\":\"silent\",\"high\":\"phone_too\",\"urgent\":\"one_screen\"}}
         1s message m1 low
         1s d1 shows m1
         2s message m2
         3s message m3 high
         3s d1 shows m3
         4s message m4 urgent
         4s d1 shows m4",
        "1s deliver m1 rings d1
         2s deliver m2 silently
         3s deliver m3 rings d1
         3s push p1 m3
         4s deliver m4 rings d1",
    );
}

#[test]
fn a_publisher_silenced_while_its_message_waits_does_not_ring() {
    check(
        "0s message m1 by 1
         0s message m2
         1s settings {\"publishers\":{\"app-0000000000000001\":{\"loudest\":2}}}
         2s mobile p1 connects",
        "0s deliver m1 silently
         0s deliver m2 silently
         2s alert p1 m2: Waiting",
    );
}

#[test]
fn what_quiet_times_hold_back_rings_as_one_when_they_end() {
    check(
        "0s wall 2026-03-02T21:59:50Z
         0s settings {\"quiet_times\":[{\"from\":\"22:00\",\"to\":\"07:00\"}]}
         0s mobile p1 connects
         1s message m1
         2s p1 shows m1
         11s message m2
         12s message m3 urgent
         13s p1 shows m3
         14s message m4
         15s read m4
         20s desktop d1 connects active 0s
         21s message m5
         22s d1 is inactive 1s
         32411s p1 shows m2 m5
         40000s end",
        "1s deliver m1 rings p1
         11s deliver m2 silently
         12s deliver m3 rings p1
         14s deliver m4 silently
         21s deliver m5 silently
         32410s alert p1 m2 m5 in one: QuietEnded",
    );
}

#[test]
fn a_handover_waits_for_the_end_of_quiet_times() {
    check(
        "0s desktop d1 connects active 0s
         0s p1 registers
         1s message m1
         1s d1 shows m1
         2s settings {\"do_not_disturb\":\"on\"}
         30s d1 is inactive 30s
         40s settings {}",
        "1s deliver m1 rings d1
         40s push p1 m1",
    );
}

#[test]
fn urgent_breaks_through_only_where_allowed() {
    check(
        "0s mobile p1 connects
         0s settings {\"do_not_disturb\":\"on\",\"urgent_breaks_through\":false}
         1s message m1 urgent
         2s settings {\"do_not_disturb\":\"on\"}",
        "1s deliver m1 silently
         2s alert p1 m1: QuietEnded",
    );
}

#[test]
fn what_waits_for_the_return_rings_at_no_phone() {
    check(
        "0s settings {\"when_away\":\"hold\"}
         0s desktop d1 connects inactive 200s
         0s mobile p1 connects
         1s message m1
         2s message m2 urgent
         2s p1 shows m2
         3s p1 says goodbye
         4s mobile p1 connects
         50s d1 is active 0s",
        "1s deliver m1 silently
         2s deliver m2 rings d1 p1
         50s alert d1 m1: Waiting",
    );
}

#[test]
fn an_unknown_desktop_rings_alone_or_not_at_all_where_the_person_wants_that() {
    check(
        "0s settings {\"when_unknown\":\"desktop\"}
         0s desktop d1 connects unknown
         0s mobile p1 connects
         1s message m1
         1s d1 shows m1
         10s settings {\"when_unknown\":\"phone\"}
         11s message m2
         11s p1 shows m2
         12s p1 says goodbye
         13s message m3",
        "1s deliver m1 rings d1
         11s deliver m2 rings p1
         13s deliver m3 rings d1",
    );
}

#[test]
fn a_presentation_stays_undisturbed_and_the_phone_rings_unless_held() {
    check(
        "0s desktop d1 connects active 0s
         0s mobile p1 connects
         1s d1 is presenting 1s
         2s message m1
         2s p1 shows m1
         3s settings {\"when_presenting\":\"hold\"}
         4s message m2
         5s message m3 urgent
         5s p1 shows m3
         60s d1 is inactive 50s",
        "2s deliver m1 rings p1
         4s deliver m2 silently
         5s deliver m3 rings d1 p1
         60s alert p1 m2: Waiting",
    );
}

// The trace.

#[test]
fn every_decision_is_explained() {
    check_trace(
        "0s desktop d1 connects active 0s
         0s p1 registers
         10s message m1
         10s d1 shows m1
         20s message m2
         20s d1 shows m2
         24s d1 is idle 9s
         25s gateway takes p1 m2
         26s message m3 low
         27s settings {\"do_not_disturb\":\"on\"}
         28s message m4
         30s d1 is active 0s
         31s read m2",
        "10s m1 d1 alerted: someone is there, active for 10 s, input 10 s ago; p1 with the person
         20s m2 d1 alerted: someone is there, active for 20 s, input 20 s ago; p1 with the person
         24s m1 d1 showed it to someone: there was input afterwards, or someone was there
         24s m2 p1 pushed: handed over, shown elsewhere to nobody, with the person; d1 idle for 0 s, input 9 s ago
         25s m2 p1 is being reached by its push service: its push service said so
         26s m3 silent: its priority, or the choice for its publisher
         28s m4 waits: quiet times; d1 idle for 4 s, input 13 s ago; p1 with the person
         30s m2 waits: quiet times; d1 active for 0 s, input 0 s ago; p1 with the person",
    );
}
