use core::time::Duration;

use hither_engine::view::{ConnectionView, Notice};
use hither_engine::{ConnectFailed, Effect, Event, Sensed};
use hither_protocol::{ClientFrame, CloseCode, Instant, Policy, ServerFrame};

use crate::desk::Step::{After, On, Stored, Wake};
use crate::desk::{
    Desk, check, closed, cursor, frame, idle, lost, pong, rings, secs, signed_in, synced,
    unreachable, welcome,
};

#[test]
fn a_heartbeat_does_not_wait_for_a_sensor_that_hung() {
    for (reading, waits) in [
        (idle(0), true),
        (Event::Sensed(Sensed::IdleUnanswered), false),
    ] {
        let mut desk = Desk::online();
        desk.on(reading);
        desk.elapsed += secs(40);
        let effects = desk.on(Event::WokeUp);
        let pings = |effect: &Effect| matches!(effect, Effect::Send(ClientFrame::Ping { .. }));
        assert!(effects.contains(&Effect::ReadIdle));
        assert_eq!(effects.iter().any(pings), !waits, "{effects:?}");
    }
}

#[test]
fn a_sleep_of_which_nobody_says_that_it_is_over_ends_by_itself() {
    let mut desk = Desk::online();
    desk.on(Event::Sensed(Sensed::Sleeping(true)));
    desk.on(idle(5));
    assert_eq!(
        desk.engine.next_wakeup().map(Instant::since_zero),
        Some(desk.elapsed + secs(60))
    );
    check(
        &mut desk,
        [(Wake, "sense"), (On(idle(0)), ""), (Wake, "connect; sense")],
    );
    assert_eq!(desk.engine.view().presence.reason, None);
}

#[test]
fn it_connects_and_says_hello_before_anything_else() {
    let mut desk = Desk::signed_in();
    check(
        &mut desk,
        [
            (On(Event::Started), "watch 180s; sense; connect"),
            (On(idle(5)), ""),
            (On(Event::Opened), "say hello c0 active 5000"),
            (On(Event::Sensed(Sensed::ScreenLocked(true))), ""),
            (On(pong()), ""),
            (On(rings(1)), ""),
            (On(welcome()), "sense; say presence inactive/locked 5000"),
            (On(idle(6)), "say ping 6000"),
            (On(synced(0)), "advance c0"),
        ],
    );
    assert_eq!(desk.engine.view().connection, ConnectionView::Online);
}

#[test]
fn without_a_reading_hello_leaves_the_presence_open() {
    let mut desk = Desk::signed_in();
    check(
        &mut desk,
        [
            (On(Event::Started), "watch 180s; sense; connect"),
            (On(Event::Opened), "say hello c0 ?"),
            (On(welcome()), ""),
            (On(idle(5)), "say presence active 5000; say ping 5000"),
        ],
    );
}

#[test]
fn a_heartbeat_carries_a_fresh_reading() {
    let mut desk = Desk::online();
    let wake = desk.engine.next_wakeup().unwrap();
    assert!(
        wake.since_zero() < desk.elapsed + secs(30),
        "first offset is jittered"
    );
    check(
        &mut desk,
        [
            (Wake, "sense"),
            (On(idle(3)), "say ping 3000"),
            (On(pong()), ""),
        ],
    );
    let between = desk.engine.next_wakeup().unwrap().since(wake);
    assert_eq!(between, secs(30), "later ones are not");
}

#[test]
fn a_hanging_sensor_does_not_hold_the_heartbeat() {
    check(
        &mut Desk::online(),
        [
            (Wake, "sense"),
            (After(Duration::from_millis(1999)), ""),
            (After(secs(2)), "say presence unknown; say ping ?"),
        ],
    );
}

#[test]
fn a_missing_pong_ends_the_stream() {
    let mut desk = Desk::online();
    check(
        &mut desk,
        [
            (Wake, "sense"),
            (On(idle(0)), "say ping 0"),
            (After(Duration::from_millis(8999)), ""),
            (After(Duration::from_millis(1)), "disconnect"),
            (On(pong()), ""),
            (On(lost()), ""),
            (Wake, "connect; sense"),
        ],
    );
}

#[test]
fn a_stuck_try_and_a_mute_server_are_given_up() {
    let mut desk = Desk::signed_in();
    check(
        &mut desk,
        [
            (On(Event::Started), "watch 180s; sense; connect"),
            (On(idle(0)), ""),
            (After(Duration::from_millis(29_999)), ""),
            (After(Duration::from_millis(1)), "disconnect"),
            (On(Event::Opened), "disconnect"),
            (Wake, "connect; sense"),
            (On(idle(0)), ""),
            (On(Event::Opened), "say hello c0 active 0"),
            (After(Duration::from_millis(9_999)), ""),
            (After(Duration::from_millis(1)), "disconnect"),
        ],
    );
    assert!(matches!(
        desk.engine.view().connection,
        ConnectionView::Offline { .. }
    ));
}

/// Waits before each of `tries` tries to connect, none of which succeeds.
fn waits(seed: u64, tries: usize) -> Vec<Duration> {
    let mut desk = Desk::with_seed(crate::desk::ada(), seed);
    desk.on(Event::Started);
    desk.on(idle(0));
    let mut waits = Vec::new();
    while waits.len() < tries {
        desk.on(unreachable());
        let failed = desk.elapsed;
        // Other deadlines may come first; the sensor always answers.
        while !desk
            .step(Wake)
            .iter()
            .any(|effect| matches!(effect, Effect::Connect { .. }))
        {
            desk.on(idle(0));
        }
        desk.on(idle(0));
        waits.push(desk.elapsed.saturating_sub(failed));
    }
    waits
}

#[test]
fn backoff_doubles_its_ceiling_with_full_jitter() {
    let seeds: Vec<_> = (0..200).map(|seed| waits(seed, 9)).collect();
    for (attempt, ceiling) in [1, 2, 4, 8, 16, 32, 60, 60, 60].into_iter().enumerate() {
        let longest = seeds.iter().map(|waits| waits[attempt]).max().unwrap();
        let shortest = seeds.iter().map(|waits| waits[attempt]).min().unwrap();
        assert!(longest <= secs(ceiling), "try {attempt}: {longest:?}");
        assert!(
            longest > secs(ceiling) * 9 / 10,
            "try {attempt}: {longest:?}"
        );
        assert!(shortest < secs(ceiling) / 10, "try {attempt}: {shortest:?}");
    }
}

#[test]
fn only_a_stable_stream_starts_the_backoff_over() {
    for (lived, longest) in [(59, 60), (61, 1)] {
        let waits = (0..100).map(|seed| {
            let mut desk = Desk::with_seed(crate::desk::ada(), seed);
            desk.on(Event::Started);
            desk.on(idle(0));
            for _ in 0..8 {
                desk.on(unreachable());
                while !desk
                    .step(Wake)
                    .iter()
                    .any(|effect| matches!(effect, Effect::Connect { .. }))
                {
                    desk.on(idle(0));
                }
            }
            desk.on(idle(0));
            desk.connect();
            desk.elapsed += secs(lived);
            desk.on(lost());
            desk.until_wakeup()
        });
        let max = waits.max().unwrap();
        assert!(max <= secs(longest), "{lived}: {max:?}");
        assert!(max > secs(longest) / 2 || longest == 60, "{lived}: {max:?}");
        assert!(longest == 1 || max > secs(2), "{lived}: {max:?}");
    }
}

#[test]
fn each_close_code_has_its_own_next_step() {
    use CloseCode::{
        Malformed, NoHello, Replaced, Restarting, Revoked, SignInAgain, TooLarge, TooMany, TooSlow,
        UnknownCursor,
    };
    for (code, effects, notice, tries_again) in [
        (Restarting, "", None, true),
        (TooSlow, "", None, true),
        (Malformed, "", None, true),
        (SignInAgain, "", Some(Notice::SignInAgain), false),
        (Revoked, "wipe", Some(Notice::Revoked), false),
        (NoHello, "", None, true),
        (Replaced, "", Some(Notice::ConnectedElsewhere), false),
        (UnknownCursor, "forget cursor", None, true),
        (TooLarge, "", None, true),
        (TooMany, "", None, true),
    ] {
        let mut desk = Desk::online();
        check(
            &mut desk,
            [(On(closed(code as u16)), effects), (Stored, "")],
        );
        assert_eq!(desk.engine.view().notice, notice, "{code:?}");
        let connects = (0..20).any(|_| {
            let connect = |effect: &Effect| matches!(effect, Effect::Connect { .. });
            desk.engine.next_wakeup().is_some() && desk.step(Wake).iter().any(connect)
        });
        assert_eq!(connects, tries_again, "{code:?}");
    }
}

#[test]
fn a_rejected_upgrade_is_a_session_that_is_over() {
    let mut desk = Desk::signed_in();
    check(
        &mut desk,
        [
            (On(Event::Started), "watch 180s; sense; connect"),
            (On(idle(0)), ""),
            (On(Event::ConnectFailed(ConnectFailed::Refused(401))), ""),
            (On(Event::Sensed(Sensed::NetworkChanged)), ""),
        ],
    );
    let view = desk.engine.view();
    assert_eq!(view.connection, ConnectionView::SignedOut);
    assert_eq!(view.notice, Some(Notice::SignInAgain));
    assert_eq!(
        desk.disk.account,
        Some(signed_in("ada")),
        "the history stays"
    );
}

#[test]
fn too_many_means_at_least_half_a_minute_even_when_the_network_changes() {
    for seed in 0..50 {
        let mut desk = Desk::with_seed(crate::desk::ada(), seed);
        desk.begin();
        desk.on(closed(4429));
        desk.on(Event::Sensed(Sensed::NetworkChanged));
        let wait = desk.until_wakeup();
        assert!(wait >= secs(30), "{wait:?}");
    }
}

#[test]
fn the_servers_own_wait_is_kept() {
    let mut desk = Desk::online();
    desk.on(frame(ServerFrame::Error {
        code: "busy".to_owned(),
        detail: "Come back later.".to_owned(),
        retry_after_ms: Some(45_000),
    }));
    desk.on(closed(1013));
    let wait = desk.until_wakeup();
    assert!(wait >= secs(45), "{wait:?}");
    let ConnectionView::Offline { why, .. } = desk.engine.view().connection else {
        panic!("not offline");
    };
    assert_eq!(why, "Come back later.");
}

#[test]
fn a_network_change_brings_the_next_try_forward() {
    let mut desk = Desk::signed_in();
    desk.on(Event::Started);
    desk.on(idle(0));
    let mut longest = Duration::ZERO;
    for _ in 0..8 {
        desk.on(unreachable());
        desk.on(Event::Sensed(Sensed::NetworkChanged));
        let wait = desk.until_wakeup();
        longest = longest.max(wait);
        check(&mut desk, [(Wake, "connect; sense"), (On(idle(0)), "")]);
    }
    assert!(longest <= secs(1), "{longest:?}");
    let mut live = Desk::online();
    check(
        &mut live,
        [(On(Event::Sensed(Sensed::NetworkChanged)), "sense")],
    );
}

#[test]
fn sleep_says_goodbye_and_waking_reconnects() {
    let mut desk = Desk::online();
    check(
        &mut desk,
        [
            (
                On(Event::Sensed(Sensed::Sleeping(true))),
                "say presence inactive/suspended 0; disconnect",
            ),
            (On(lost()), ""),
        ],
    );
    desk.elapsed += secs(3600);
    check(
        &mut desk,
        [
            (On(Event::Sensed(Sensed::Sleeping(false))), "sense"),
            (On(idle(4000)), ""),
        ],
    );
    let wait = desk.until_wakeup();
    assert!(wait <= secs(1), "{wait:?}");
    check(
        &mut desk,
        [
            (Wake, "connect; sense"),
            (On(idle(0)), ""),
            (On(Event::Opened), "say hello c0 active 0"),
        ],
    );
}

#[test]
fn policies_are_adopted_within_bounds() {
    let mut desk = Desk::online();
    let policy = Policy {
        idle_after_ms: 0,
        heartbeat_ms: 0,
        ack_within_ms: 0,
        quiet: None,
    };
    check(
        &mut desk,
        [
            (On(frame(ServerFrame::Policy { policy })), "watch 1s; sense"),
            (On(idle(0)), ""),
        ],
    );
    assert_eq!(desk.disk.cursor, Some(cursor(0)));
}

#[test]
fn offline_says_why_and_since_when() {
    let mut desk = Desk::online();
    let since = desk.now().wall.timestamp();
    desk.on(lost());
    let offline = |why: &str| ConnectionView::Offline {
        since,
        why: why.to_owned(),
    };
    assert_eq!(
        desk.engine.view().connection,
        offline("The connection was lost.")
    );
    desk.step(Wake);
    assert_eq!(desk.engine.view().connection, ConnectionView::Connecting);
    desk.on(unreachable());
    let why = "The server cannot be reached: no route";
    assert_eq!(desk.engine.view().connection, offline(why));
}
