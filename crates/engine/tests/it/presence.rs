use hither_engine::{Effect, Event, Sensed};
use hither_protocol::{FirstAlert, InactiveReason, Message, PresenceState, Priority};

use crate::desk::Step::{After, On, Stored, Wake};
use crate::desk::{
    Desk, arrives, check, idle, locked, lost, message, read_here, rings, secs, stays_up,
};
use crate::disk::Disk;

#[test]
fn the_state_follows_from_the_facts() {
    use InactiveReason::{Idle, Locked, Presenting, SessionSwitched, Suspended};
    use PresenceState::{Active, Inactive, Unknown};
    let switched = Event::Sensed(Sensed::SwitchedAway(true));
    let asleep = Event::Sensed(Sensed::Sleeping(true));
    let no_source = Event::Sensed(Sensed::Idle(None));
    for (facts, expected) in [
        (vec![], (Unknown, None)),
        (vec![idle(0)], (Active, None)),
        (vec![idle(179)], (Active, None)),
        (vec![idle(180)], (Inactive, Some(Idle))),
        (vec![no_source.clone()], (Unknown, None)),
        (
            vec![idle(0), Event::Sensed(Sensed::IdleUnanswered)],
            (Unknown, None),
        ),
        (vec![no_source, locked(true)], (Inactive, Some(Locked))),
        (vec![locked(true), idle(0)], (Inactive, Some(Locked))),
        (
            vec![idle(0), film(true), presents(true)],
            (Inactive, Some(Presenting)),
        ),
        (
            vec![idle(0), presents(true), presents(false)],
            (Active, None),
        ),
        (vec![idle(180), presents(true)], (Inactive, Some(Idle))),
        (
            vec![presents(true), Event::Sensed(Sensed::Idle(None))],
            (Unknown, None),
        ),
        (
            vec![idle(0), presents(true), locked(true)],
            (Inactive, Some(Locked)),
        ),
        (
            vec![idle(0), locked(true), switched.clone()],
            (Inactive, Some(SessionSwitched)),
        ),
        (
            vec![switched, asleep, locked(true)],
            (Inactive, Some(Suspended)),
        ),
        (
            vec![idle(0), locked(true), locked(false)],
            (Inactive, Some(Locked)),
        ),
        (
            vec![idle(0), locked(true), locked(false), idle(0)],
            (Active, None),
        ),
        (
            vec![locked(true), locked(false), idle(999)],
            (Inactive, Some(Idle)),
        ),
    ] {
        let mut desk = Desk::signed_in();
        desk.on(Event::Started);
        let said = format!("{facts:?}");
        for fact in facts {
            desk.on(fact);
        }
        let view = desk.engine.view().presence;
        assert_eq!((view.state, view.reason), expected, "{said}");
    }
}

#[test]
fn every_transition_is_reported_once() {
    check(
        &mut Desk::online(),
        [
            (On(locked(true)), "say presence inactive/locked 0"),
            (On(locked(true)), ""),
            (On(idle(7)), ""),
            (On(locked(false)), "sense"),
            (On(idle(7)), "say presence active 7000; recall silent"),
            (On(idle(8)), ""),
        ],
    );
}

#[test]
fn the_idle_threshold_is_decided_by_a_fresh_reading() {
    let mut desk = Desk::signed_in();
    desk.on(Event::Started);
    desk.on(idle(170));
    desk.on(crate::desk::unreachable());
    desk.elapsed += secs(10);
    let sensed: Vec<_> = desk.on(Event::WokeUp);
    assert!(sensed.contains(&Effect::ReadIdle));
    assert_eq!(desk.engine.view().presence.state, PresenceState::Active);
    desk.on(idle(3));
    assert_eq!(desk.engine.view().presence.state, PresenceState::Active);
    desk.elapsed += secs(177);
    desk.on(Event::WokeUp);
    desk.on(idle(180));
    assert_eq!(desk.engine.view().presence.state, PresenceState::Inactive);
}

#[test]
fn the_watch_reports_by_itself() {
    check(
        &mut Desk::online(),
        [
            (On(idle(180)), "say presence inactive/idle 180000"),
            (On(idle(0)), "say presence active 0; recall silent"),
            (Stored, ""),
        ],
    );
}

#[test]
fn a_reconnect_is_not_activity() {
    let mut desk = Desk::online();
    desk.on(idle(200));
    desk.on(lost());
    desk.step(Wake);
    let waited = desk.elapsed.as_millis() - 1_000_000;
    let hello = format!("say hello c0 inactive/idle {}", 200_000 + waited);
    check(&mut desk, [(On(Event::Opened), hello.as_str())]);
}

#[test]
fn reading_in_a_window_counts_only_while_somebody_is_there() {
    let read = "mark-read 1; put #1 read 1; say read 1";
    for (facts, at_once, after_reading) in [
        (vec![idle(0)], read, ""),
        (vec![idle(300)], "sense", "say presence unknown"),
        (vec![locked(true)], "", ""),
        (vec![Event::Sensed(Sensed::Idle(None))], read, ""),
        (vec![Event::Sensed(Sensed::IdleUnanswered)], "sense", ""),
    ] {
        let mut desk = Desk::online();
        for fact in facts {
            desk.on(fact);
        }
        check(&mut desk, [(On(read_here([1])), at_once)]);
        if at_once == "sense" {
            let silent = Event::Sensed(Sensed::IdleUnanswered);
            check(&mut desk, [(On(silent), after_reading)]);
        }
    }
    let mut back = Desk::online();
    back.on(idle(300));
    check(
        &mut back,
        [
            (On(read_here([1])), "sense"),
            (
                On(idle(0)),
                "say presence active 0; mark-read 1; put #1 read 1; say read 1; recall silent",
            ),
        ],
    );
}

#[test]
fn a_hung_sensor_is_unknown_until_it_answers() {
    let mut desk = Desk::signed_in();
    check(
        &mut desk,
        [
            (On(Event::Started), "watch 180s; sense; connect"),
            (On(crate::desk::unreachable()), ""),
        ],
    );
    desk.step(After(secs(2)));
    assert_eq!(desk.engine.view().presence.state, PresenceState::Unknown);
    desk.on(Event::Sensed(Sensed::Sleeping(true)));
    check(
        &mut desk,
        [(After(secs(29)), ""), (After(secs(1)), "sense")],
    );
    desk.on(Event::Sensed(Sensed::Sleeping(false)));
    desk.on(idle(1));
    assert_eq!(desk.engine.view().presence.state, PresenceState::Active);
}

fn film(on: bool) -> Event {
    Event::Sensed(Sensed::Inhibited(on))
}

fn presents(on: bool) -> Event {
    Event::Sensed(Sensed::Presenting(on))
}

fn asleep(on: bool) -> Event {
    Event::Sensed(Sensed::Sleeping(on))
}

/// What is believed after each step: seconds that pass, what is sensed, and whether the person is
/// there then. Readings that are due come from `input`, the seconds since the last input.
fn follow(script: &[(u64, Option<Event>, PresenceState)]) {
    let mut desk = Desk::signed_in();
    desk.on(Event::Started);
    desk.on(idle(0));
    for (n, (seconds, event, expected)) in script.iter().enumerate() {
        desk.elapsed += secs(*seconds);
        desk.on(Event::WokeUp);
        if let Some(event) = event {
            desk.on(event.clone());
        }
        let state = desk.engine.view().presence.state;
        assert_eq!(state, *expected, "step {n}: {event:?}");
    }
}

#[test]
fn a_film_is_a_person_then_perhaps_one_until_it_ends_or_was_forgotten() {
    use PresenceState::{Active, Inactive, Unknown};
    let (minutes, hours) = (|n: u64| n * 60, |n: u64| n * 3600);
    // It ends soon: perhaps the person was there until then.
    follow(&[
        (0, Some(film(true)), Active),
        (minutes(6), Some(idle(minutes(6))), Active),
        (60, Some(film(false)), Unknown),
        (179, Some(idle(minutes(6) + 239)), Unknown),
        (1, Some(idle(minutes(6) + 240)), Inactive),
    ]);
    // For eight minutes after the last input somebody is there.
    follow(&[
        (0, Some(film(true)), Active),
        (minutes(8) - 1, Some(idle(minutes(8) - 1)), Active),
        (1, Some(idle(minutes(8))), Unknown),
        (hours(1), Some(idle(minutes(68))), Unknown),
        (0, Some(idle(0)), Active),
        (minutes(5), Some(idle(minutes(5))), Active),
        (minutes(3), Some(idle(minutes(8))), Unknown),
        (60, Some(film(false)), Unknown),
        (179, Some(idle(minutes(9) + 179)), Unknown),
        (1, Some(idle(minutes(9) + 180)), Inactive),
    ]);
    // It was forgotten.
    follow(&[
        (0, Some(film(true)), Active),
        (hours(4) - 1, Some(idle(hours(4) - 1)), Unknown),
        (1, Some(idle(hours(4))), Inactive),
        (60, Some(film(false)), Inactive),
        (0, Some(idle(0)), Active),
    ]);
    // It began without anybody, and somebody came.
    follow(&[
        (200, Some(idle(200)), Inactive),
        (100, Some(film(true)), Inactive),
        (200, Some(idle(500)), Inactive),
        (0, Some(idle(0)), Active),
        (300, Some(idle(300)), Active),
    ]);
}

#[test]
fn nothing_pops_up_on_a_screen_that_others_see() {
    let mut desk = Desk::online();
    desk.on(rings(1));
    desk.on(rings(2));
    desk.store();
    desk.on(stays_up(1));
    desk.store();
    let urgent = Message {
        priority: Priority::Urgent,
        ..message(4)
    };
    check(
        &mut desk,
        [
            (On(film(true)), ""),
            (
                On(presents(true)),
                "say presence inactive/presenting 0; unshow 1",
            ),
            // Routed before the server knew.
            (
                On(stays_up(2)),
                "mark-shown 2; unshow 2; put #2 shown 2 until input; say shown 2 until input",
            ),
            (Stored, ""),
            (On(rings(3)), "save 3 silent c3"),
            (On(arrives(urgent, FirstAlert::Now)), "save 4 due c4"),
            (Stored, "show 4 <New message from CI|>; say ack c4"),
            (On(presents(false)), "say presence active 0; recall silent"),
        ],
    );
}

#[test]
fn a_presentation_that_was_forgotten_is_nobody() {
    let mut desk = Desk::new(Disk::default());
    desk.on(Event::Started);
    for event in [idle(0), film(true), presents(true)] {
        desk.on(event);
    }
    assert_eq!(desk.until_wakeup(), secs(4 * 3600));
    // Nothing is on the screen that could be seen: only input counts.
    desk.elapsed += secs(600);
    desk.on(idle(600));
    let diagnostics = desk.engine.diagnostics(&desk.now(), vec![]);
    assert_eq!(diagnostics.last_input_ms, Some(600_000));
    desk.step(Wake);
    desk.on(idle(4 * 3600));
    let presence = desk.engine.view().presence;
    assert_eq!(presence.reason, Some(InactiveReason::Idle));
}

#[test]
fn a_film_is_asked_about_when_it_may_be_forgotten() {
    // Signed out there is no heartbeat that asks.
    let mut desk = Desk::new(Disk::default());
    desk.on(Event::Started);
    desk.on(idle(0));
    assert_eq!(desk.until_wakeup(), secs(180));
    desk.on(film(true));
    assert_eq!(desk.until_wakeup(), secs(8 * 60));
    desk.step(Wake);
    desk.on(idle(8 * 60));
    assert_eq!(desk.engine.view().presence.state, PresenceState::Unknown);
    assert_eq!(desk.until_wakeup(), secs(4 * 3600 - 8 * 60));
    desk.elapsed += secs(60);
    desk.on(film(false));
    assert_eq!(desk.until_wakeup(), secs(180));
}

#[test]
fn what_pops_up_in_a_film_is_not_seen() {
    let mut desk = Desk::online();
    desk.on(film(true));
    desk.elapsed += secs(6 * 60);
    desk.on(idle(6 * 60));
    let input = |desk: &Desk| desk.engine.diagnostics(&desk.now(), vec![]).last_input_ms;
    assert_eq!(input(&desk), Some(360_000));
    assert_eq!(desk.engine.view().presence.state, PresenceState::Active);
    desk.on(rings(1));
    desk.store();
    desk.on(stays_up(1));
    desk.store();
    let taken_down = |effect: &Effect| matches!(effect, Effect::WithdrawToast(_));
    assert!(!desk.step(After(secs(11))).iter().any(taken_down));
    desk.elapsed += secs(109);
    desk.on(idle(8 * 60));
    assert_eq!(desk.engine.view().presence.state, PresenceState::Unknown);
    assert_eq!(input(&desk), Some(480_000));
}

#[test]
fn waking_is_not_activity_though_the_sensors_clock_stood_still() {
    use PresenceState::{Active, Inactive};
    follow(&[
        (10, Some(idle(2)), Active),
        (1, Some(asleep(true)), Inactive),
        (8 * 3600, Some(asleep(false)), Inactive),
        (0, Some(idle(3)), Inactive),
        (30, Some(idle(33)), Inactive),
        (1, Some(idle(0)), Active),
        (5, Some(idle(5)), Active),
    ]);
    // A film that was on when the lid closed.
    follow(&[
        (0, Some(film(true)), Active),
        (1, Some(asleep(true)), Inactive),
        (3600, Some(asleep(false)), Inactive),
        (5, Some(idle(6)), Inactive),
        (1, Some(idle(0)), Active),
    ]);
}
