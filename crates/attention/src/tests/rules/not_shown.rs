//! Rule 4: not shown.

use crate::tests::script::{check, play};

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
         21.1s alert d1 m1: NotShown
         56.1s alert d1 m1: NotShown",
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
         21.1s alert d1 m1: NotShown",
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
         57s d1 shows m1
         700s end",
        "1s deliver m1 rings d1
         6s alert p1 m1: NotShown
         21.1s alert d1 m1: NotShown
         56.1s alert d1 m1: NotShown",
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
         70s d1 is inactive 70s
         700s end",
        "1s deliver m1 rings d1
         6s alert p1 m1: NotShown
         21.1s alert d1 m1: NotShown
         56.1s alert d1 m1: NotShown",
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
         21.1s alert d1 m1: NotShown",
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

#[test]
fn beside_a_desktop_that_shows_nothing_another_phone_has_its_time_too() {
    let script = "0s desktop d1 connects active 0s
         0s mobile p2 connects
         0s mobile p1 connects
         5s message m1
         11s p1 shows m1
         SOMETHING
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
    let at: f64 = rang_p2("35s d1 beats 0s").unwrap().parse().unwrap();
    assert!(at >= 191.0, "{at}");
    assert_eq!(rang_p2("35s d1 beats 0s\n40s p1 is used"), None);
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

#[test]
fn a_phone_that_shows_it_takes_nothing_from_a_desktop_that_is_asked() {
    let before = "0s timings lease 86400s
         0s desktop d1 connects active 0s
         0s mobile p1 connects
         5s message m1 urgent
         5.5s p1 shows m1";
    check(
        &format!("{before}\n30s d1 shows m1\n700s end"),
        "5s deliver m1 rings d1 p1
         25s alert d1 m1: NotShown",
    );
    // What it shows by itself is not asked for.
    check(
        &format!("{before}\n6s d1 shows m1\n700s end"),
        "5s deliver m1 rings d1 p1",
    );
}

#[test]
fn an_unknown_desktop_that_does_not_show_it_is_asked_again_although_a_phone_does() {
    let script = "0s timings lease 86400s
         0s desktop d1 connects unknown
         0s mobile p1 connects
         5s message m1
         5.5s p1 shows m1
         30s d1 shows m1
         700s end";
    check(
        script,
        "5s deliver m1 rings d1 p1
         25s alert d1 m1: NotShown",
    );
    check(
        &format!("0s settings {{\"when_unknown\":\"phone\"}}\n{script}"),
        "5s deliver m1 rings p1",
    );
}

#[test]
fn who_left_a_desktop_that_did_not_show_it_may_be_far_from_the_phone_that_does() {
    let left = "d1 is inactive 10s";
    for then in [
        format!("10.5s {left}\n11s p1 shows m1"),
        format!("11s p1 shows m1\n20s {left}"),
    ] {
        check(
            &format!(
                "0s desktop d1 connects active 0s
                 0s mobile p2 connects
                 0s mobile p1 connects
                 5s message m1
                 {then}
                 900s end"
            ),
            "5s deliver m1 rings d1
             10s alert p1 m1: NotShown
             191s alert p2 m1: Handover",
        );
    }
}

#[test]
fn signs_of_health_do_not_put_off_the_next_time() {
    let sign = |at: u32| format!("{at}s message m{at}\n{at}s d1 shows m{at}");
    let signs = [7, 13, 19, 25].map(sign).join("\n");
    let rang = play(&format!(
        "0s timings lease 86400s
         0s desktop d1 connects active 0s
         1s message m1
         {signs}
         45s end"
    ));
    let again = rang.iter().filter(|line| line.contains("alert d1 m1:"));
    let again: Vec<_> = again.map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(again, ["7s", "13s", "19s", "39s"], "{rang:#?}");
}
