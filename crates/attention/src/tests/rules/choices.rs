//! The person's choices.

use crate::tests::script::check;

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

#[test]
fn a_presentation_goes_on_in_a_moment_without_network() {
    check(
        r#"0s settings {"when_presenting":"hold"}
         0s timings lease 86400s
         0s desktop d1 connects active 0s
         0s mobile p1 connects
         1s d1 is presenting 1s
         2s message m1
         60s d1 is lost
         61s message m2
         62s desktop d1 connects
         63s message m3
         63.5s d1 is presenting 62s
         700s d1 is active 0s"#,
        "2s deliver m1 silently
         61s deliver m2 silently
         63s deliver m3 silently
         700s alert d1 m1 m2 m3 in one: Waiting",
    );
}

#[test]
fn the_only_screen_does_not_pop_up_before_its_first_word_where_it_was_presenting() {
    check(
        "0s timings lease 86400s
         0s desktop d1 connects active 0s
         1s d1 is presenting 1s
         60s d1 is lost
         61s desktop d1 connects
         62s message m1
         62.5s d1 is presenting 60s
         70s d1 is active 0s",
        "62s deliver m1 silently
         70s alert d1 m1: Waiting",
    );
}

#[test]
fn what_was_taken_for_seen_on_a_desktop_that_is_gone_is_forgotten() {
    check(
        r#"0s settings {"when_unknown":"desktop"}
         0s desktop d1 connects unknown
         1s message m1
         1s d1 shows m1
         2s d1 says goodbye
         3s idle"#,
        "1s deliver m1 rings d1",
    );
}
