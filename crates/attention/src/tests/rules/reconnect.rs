//! A reconnect is not activity.

use crate::tests::script::{check, play};

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
         16s alert p1 m2: PresenceKnown",
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

#[test]
fn a_desktop_that_comes_and_goes_keeps_the_message_from_nobody() {
    for every in [2, 3, 4] {
        let comes_and_goes = |n: u32| {
            let at = 1 + n * every;
            let before = if (7..7 + every).contains(&at) {
                "6.5s p1 shows m1"
            } else {
                ""
            };
            format!("{before}\n{at}s d1 is lost\n{at}s desktop d1 connects active 1s")
        };
        let comes_and_goes: Vec<_> = (1..60).map(comes_and_goes).collect();
        let log = play(&format!(
            "0s desktop d1 connects active 0s
             0s mobile p1 connects
             1s message m1
             {}",
            comes_and_goes.join("\n")
        ));
        let phone = log.iter().find(|line| line.contains("alert p1"));
        assert_eq!(phone.unwrap(), "6s alert p1 m1: NotShown", "{log:#?}");
        let asked = log.iter().filter(|line| line.contains("d1 m1")).count();
        assert!(asked < 25, "{log:#?}");
    }
}

#[test]
fn a_desktop_that_was_lost_while_it_was_asked_is_asked_again_when_it_comes_back() {
    for back in ["7s", "10s", "14s"] {
        check(
            &format!(
                "0s timings lease 86400s
                 0s desktop d1 connects active 0s
                 0s mobile p1 connects
                 1s message m1
                 5.5s d1 is lost
                 6.5s p1 shows m1
                 {back} desktop d1 connects active 1s
                 15s d1 shows m1
                 900s end"
            ),
            &format!(
                "1s deliver m1 rings d1
                 6s alert p1 m1: NotShown
                 {back} alert d1 m1: NotShown"
            ),
        );
    }
}

#[test]
fn a_device_that_comes_is_asked_before_one_that_did_not_answer() {
    check(
        "0s desktop d1 connects active 0s
         1s message m1
         8s mobile p1 connects
         9s p1 shows m1
         10s p1 is used",
        "1s deliver m1 rings d1
         8s alert p1 m1: Waiting",
    );
}
