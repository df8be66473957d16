use hither_engine::{Effect, Event, Sensed};
use hither_protocol::{InactiveReason, PresenceState};

use crate::desk::Step::{After, On, Stored, Wake};
use crate::desk::{Desk, check, idle, locked, lost, read_here, secs};

#[test]
fn the_state_follows_from_the_facts() {
    use InactiveReason::{Idle, Locked, SessionSwitched, Suspended};
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
        (vec![no_source, locked(true)], (Inactive, Some(Locked))),
        (vec![locked(true), idle(0)], (Inactive, Some(Locked))),
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
        (vec![idle(300)], "sense", ""),
        (vec![locked(true)], "", ""),
        (vec![Event::Sensed(Sensed::Idle(None))], read, ""),
    ] {
        let mut desk = Desk::online();
        for fact in facts {
            desk.on(fact);
        }
        check(&mut desk, [(On(read_here([1])), at_once)]);
        if at_once == "sense" {
            check(&mut desk, [(On(idle(300)), after_reading)]);
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
