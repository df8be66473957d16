//! How long pop-ups stay up.

use hither_engine::{Effect, Event, FoundToast, Sensed, ToastEvent, ToastKey};
use hither_protocol::AlertStyle::{Each, Summary};
use hither_protocol::{ClientFrame, FirstAlert, Message, Priority, ServerFrame};

use crate::desk::Step::{After, On, Stored, Wake};
use crate::desk::{
    Desk, alert, arrives, check, frame, id, idle, is_up, locked, message, read_elsewhere,
    read_here, rings, secs, silent, stays_up, up,
};

/// Message 1, which rings.
fn arriving(priority: Priority) -> Event {
    let message = Message {
        priority,
        ..message(1)
    };
    arrives(message, FirstAlert::Now)
}

/// Online, where message 1 rings a second after the last input.
fn ringing(priority: Priority) -> Desk {
    let mut desk = Desk::online();
    desk.elapsed += secs(1);
    desk.on(arriving(priority));
    desk.store();
    desk
}

/// The same, with its pop-up on the screen.
fn showing_one(priority: Priority, up: Event) -> Desk {
    let mut desk = ringing(priority);
    desk.on(up);
    desk.store();
    desk
}

fn showing(up: Event) -> Desk {
    showing_one(Priority::Default, up)
}

/// An urgent one comes at a locked screen; it is not stored yet.
fn arriving_at_a_locked_screen() -> Desk {
    let mut desk = Desk::online();
    desk.on(locked(true));
    desk.on(arriving(Priority::Urgent));
    desk
}

fn expired(number: u128) -> Event {
    Event::Toast(ToastEvent::Expired(ToastKey::Message(id(number))))
}

fn dismissed(number: u128) -> Event {
    Event::Toast(ToastEvent::Dismissed(ToastKey::Message(id(number))))
}

#[test]
fn a_pop_up_stays_until_ten_seconds_after_the_next_input() {
    let mut desk = Desk::online();
    desk.elapsed += secs(1);
    check(
        &mut desk,
        [
            (On(rings(1)), "save 1 due c1"),
            (Stored, "show 1 <T1|body>; say ack c1"),
            (
                On(stays_up(1)),
                "mark-shown 1; await input; put #1 shown 1 until input; say shown 1 until input",
            ),
            (Stored, ""),
        ],
    );
    // Readings that know of no input after it change nothing.
    desk.elapsed += secs(20);
    check(&mut desk, [(On(idle(21)), ""), (On(idle(20)), "")]);
    desk.elapsed += secs(100);
    assert_eq!(toasts(&desk.step(On(idle(0)))), [""; 0]);
    assert!(desk.until_wakeup() <= secs(10));
    assert_eq!(toasts(&desk.step(After(secs(9)))), [""; 0]);
    assert_eq!(toasts(&desk.step(After(secs(1)))), ["unshow 1"]);
}

#[test]
fn several_wait_for_one_input() {
    let mut desk = showing(stays_up(1));
    desk.elapsed += secs(1);
    desk.on(rings(2));
    desk.store();
    check(
        &mut desk,
        [(
            On(stays_up(2)),
            "mark-shown 2; put #2 shown 2 until input; say shown 2 until input",
        )],
    );
    desk.store();
    // Input between the two: the second one waits for another.
    check(&mut desk, [(On(idle(1)), "")]);
    desk.elapsed += secs(1);
    check(&mut desk, [(On(idle(2)), "")]);
    desk.on(rings(3));
    desk.store();
    desk.on(stays_up(3));
    desk.store();
    desk.elapsed += secs(1);
    check(&mut desk, [(On(idle(0)), "")]);
}

#[test]
fn input_at_a_locked_screen_is_nobody_who_saw_it() {
    let mut desk = showing(stays_up(1));
    desk.elapsed += secs(1);
    check(
        &mut desk,
        [
            (
                On(locked(true)),
                "say presence inactive/locked 2000; unshow 1",
            ),
            (On(idle(0)), ""),
            (After(secs(5)), ""),
            (On(locked(false)), "sense"),
            (On(idle(0)), "say presence active 0; recall silent"),
            (Stored, ""),
        ],
    );
}

#[test]
fn what_pops_up_in_a_film_waits_for_input_like_any_other() {
    let mut desk = showing(stays_up(1));
    desk.elapsed += secs(1);
    check(
        &mut desk,
        [
            (On(Event::Sensed(Sensed::Inhibited(true))), ""),
            (After(secs(11)), ""),
            (On(idle(0)), ""),
            (After(secs(10)), "unshow 1"),
        ],
    );
}

#[test]
fn no_content_stays_on_a_locked_screen() {
    let shown = |priority| {
        let mut desk = showing_one(priority, stays_up(1));
        desk.elapsed += secs(1);
        desk
    };
    let away = [
        Sensed::ScreenLocked(true),
        Sensed::SwitchedAway(true),
        Sensed::Sleeping(true),
    ];
    for priority in [Priority::Default, Priority::High, Priority::Urgent] {
        for away in away {
            let mut desk = shown(priority);
            let gone = toasts(&desk.step(On(Event::Sensed(away))));
            assert_eq!(gone, ["unshow 1"], "{priority:?} {away:?}");
            desk.elapsed += secs(5);
            assert_eq!(toasts(&desk.step(On(expired(1)))), [""; 0]);
            desk.on(Event::Sensed(match away {
                Sensed::ScreenLocked(_) => Sensed::ScreenLocked(false),
                Sensed::SwitchedAway(_) => Sensed::SwitchedAway(false),
                _ => Sensed::Sleeping(false),
            }));
            desk.elapsed += secs(1);
            let back = toasts(&desk.step(On(idle(0))));
            assert_eq!(
                back, [""; 0],
                "the server says where it rings: {priority:?} {away:?}"
            );
        }
    }
    // There was input already: it does not come again.
    let mut desk = shown(Priority::Default);
    desk.on(idle(0));
    assert_eq!(toasts(&desk.step(On(locked(true)))), ["unshow 1"]);
    desk.on(locked(false));
    desk.elapsed += secs(1);
    assert_eq!(toasts(&desk.step(On(idle(0)))), [""; 0]);
    // It came up only after the screen was locked.
    let mut desk = Desk::online();
    desk.on(rings(1));
    desk.store();
    desk.on(locked(true));
    assert_eq!(toasts(&desk.step(On(stays_up(1)))), ["unshow 1"]);
    // What comes at a locked screen says nothing, and stays.
    let mut desk = arriving_at_a_locked_screen();
    let hidden = "show 1 <New message from CI|>";
    assert_eq!(toasts(&desk.store()), [hidden]);
    assert_eq!(toasts(&desk.step(On(stays_up(1)))), [""; 0]);
    assert_eq!(toasts(&desk.step(After(secs(15)))), [""; 0]);
}

#[test]
fn no_content_stays_in_a_list_of_the_desktops_own_while_it_is_locked() {
    // It is on the screen still, or in the list only.
    for seconds in [1, 60] {
        let mut desk = showing(up(1));
        desk.rest(seconds);
        desk.store();
        assert_eq!(toasts(&desk.step(On(locked(true)))), ["unshow 1"]);
        assert_eq!(toasts(&desk.step(After(secs(20)))), [""; 0]);
        desk.on(locked(false));
        desk.on(idle(0));
        assert_eq!(toasts(&desk.step(On(locked(true)))), [""; 0]);
    }
    // The person took it off both.
    let mut desk = showing(up(1));
    desk.on(dismissed(1));
    assert_eq!(toasts(&desk.step(On(locked(true)))), [""; 0]);
    // It says nothing.
    let mut desk = arriving_at_a_locked_screen();
    desk.store();
    desk.on(up(1));
    assert_eq!(toasts(&desk.step(After(secs(20)))), [""; 0]);
}

#[test]
fn pop_ups_from_before_a_crash_are_taken_over_or_taken_down() {
    let found = |key: ToastKey, numbers: &[u128], stays| {
        let about = numbers.iter().map(|number| id(*number)).collect();
        let found = FoundToast { key, about, stays };
        On(Event::Toast(ToastEvent::Found(found)))
    };
    let one = |number| ToastKey::Message(id(number));
    // Five were shown; 2 and 5 are read meanwhile, 6 is gone.
    let crashed = || {
        let mut desk = Desk::online();
        for number in 1..=5 {
            desk.on(silent(number));
        }
        desk.on(read_elsewhere(6, [2, 5]));
        desk.store();
        let mut desk = Desk::new(desk.disk);
        desk.on(Event::Started);
        desk
    };
    let mut desk = crashed();
    // Whose the screen is, is not known yet.
    check(&mut desk, [(found(one(1), &[1], true), "")]);
    check(
        &mut desk,
        [
            (On(idle(0)), "recall 1"),
            (Stored, "show 1 <T1|body>"),
            (
                On(stays_up(1)),
                "mark-shown 1; await input; put #1 shown 1 until input",
            ),
            (Stored, ""),
            (found(one(2), &[2], true), "recall 2"),
            (Stored, "unshow 2"),
            (found(one(6), &[6], true), "recall 6"),
            (Stored, "unshow 6"),
            (found(ToastKey::Summary, &[3, 4, 5], true), "recall 3,4,5"),
            (
                Stored,
                "show summary <2 while you were away|CI: T4 / CI: T3>",
            ),
        ],
    );
    // What may be in a list only does not pop up again.
    let mut desk = crashed();
    desk.on(idle(0));
    check(
        &mut desk,
        [
            (found(one(1), &[1], false), "recall 1"),
            (Stored, ""),
            (found(ToastKey::Summary, &[3, 4], false), "recall 3,4"),
            (Stored, ""),
        ],
    );
    let seen = toasts(&desk.step(On(read_here([3, 4]))));
    assert_eq!(seen, ["unshow summary"]);
    assert_eq!(toasts(&desk.step(On(locked(true)))), ["unshow 1"]);
    // On a locked screen nothing stays.
    let mut desk = crashed();
    desk.on(locked(true));
    check(
        &mut desk,
        [
            (found(one(1), &[1], true), "recall 1"),
            (Stored, "unshow 1"),
        ],
    );
}

#[test]
fn without_an_idle_source_a_pop_up_stays_ten_minutes_and_promises_nothing() {
    let mut desk = Desk::online();
    desk.on(Event::Sensed(Sensed::Idle(None)));
    desk.on(rings(1));
    desk.store();
    check(
        &mut desk,
        [
            (On(stays_up(1)), "mark-shown 1; put #1 shown 1; say shown 1"),
            (Stored, ""),
        ],
    );
    assert_eq!(toasts(&desk.step(After(secs(599)))), [""; 0]);
    assert_eq!(toasts(&desk.step(After(secs(1)))), ["unshow 1"]);
}

#[test]
fn an_idle_source_that_comes_or_goes_changes_how_long_a_pop_up_stays() {
    let mut desk = showing(stays_up(1));
    desk.elapsed += secs(1);
    desk.on(Event::Sensed(Sensed::Idle(None)));
    assert_eq!(toasts(&desk.step(After(secs(300)))), [""; 0]);
    assert_eq!(toasts(&desk.step(On(idle(0)))), [""; 0]);
    assert_eq!(toasts(&desk.step(After(secs(10)))), ["unshow 1"]);

    let mut desk = showing(stays_up(1));
    desk.on(Event::Sensed(Sensed::Idle(None)));
    assert_eq!(toasts(&desk.step(After(secs(600)))), ["unshow 1"]);
}

#[test]
fn what_the_desktop_took_down_too_early_comes_again_with_the_input() {
    let mut desk = showing(stays_up(1));
    desk.elapsed += secs(5);
    check(&mut desk, [(On(expired(1)), "")]);
    desk.elapsed += secs(10);
    check(
        &mut desk,
        [
            (On(idle(0)), "show 1 <T1|body>"),
            // Recorded before; it may go with the next input.
            (On(stays_up(1)), "await input"),
            (On(dismissed(1)), ""),
            (On(idle(0)), ""),
        ],
    );
    // After there was input its time is over anyway.
    let mut desk = showing(stays_up(1));
    desk.elapsed += secs(2);
    check(
        &mut desk,
        [
            (On(idle(0)), ""),
            (On(expired(1)), ""),
            (After(secs(10)), ""),
        ],
    );
}

#[test]
fn a_desktop_that_takes_everything_down_is_not_fought_for_ever() {
    for priority in [Priority::Default, Priority::High] {
        let mut desk = ringing(priority);
        for comes_again in [&["show 1 <T1|body>"][..], &[]] {
            desk.on(stays_up(1));
            desk.on(expired(1));
            desk.elapsed += secs(1);
            assert_eq!(toasts(&desk.step(On(idle(0)))), comes_again);
        }
    }
}

#[test]
fn the_end_of_the_one_before_is_not_that_of_the_next() {
    for end in [expired(1), dismissed(1)] {
        let mut desk = ringing(Priority::Default);
        check(
            &mut desk,
            [
                (On(end), ""),
                (
                    On(stays_up(1)),
                    "mark-shown 1; await input; put #1 shown 1 until input; \
                     say shown 1 until input",
                ),
            ],
        );
    }
}

#[test]
fn what_is_off_the_screen_pops_up_again_when_the_server_asks() {
    let there = "put #2 shown 1 until input; say shown 1 until input";
    for (is_up, then, expected) in [
        (up(1), None, "show 1 <T1|body>"),
        (up(1), Some(dismissed(1)), "show 1 <T1|body>"),
        (up(1), Some(expired(1)), "show 1 <T1|body>"),
        (stays_up(1), Some(dismissed(1)), "show 1 <T1|body>"),
        // Still there, or to come again by itself.
        (stays_up(1), None, there),
        (stays_up(1), Some(expired(1)), there),
    ] {
        let mut desk = showing(is_up);
        desk.rest(60);
        then.map(|event| desk.on(event));
        desk.store();
        check(
            &mut desk,
            [(On(alert(Each, [1])), "recall 1"), (Stored, expected)],
        );
    }
}

#[test]
fn high_and_urgent_ones_stay_until_they_are_closed() {
    for priority in [Priority::High, Priority::Urgent] {
        let mut desk = ringing(priority);
        check(
            &mut desk,
            [(
                On(stays_up(1)),
                "mark-shown 1; put #1 shown 1 until input; say shown 1 until input",
            )],
        );
        desk.store();
        desk.elapsed += secs(1);
        check(&mut desk, [(On(idle(0)), ""), (After(secs(15)), "")]);
        check(
            &mut desk,
            [(On(read_elsewhere(2, [1])), "unshow 1; mark-read 1 c2")],
        );
    }
}

#[test]
fn high_and_urgent_ones_that_the_desktop_took_down_come_again_with_the_input() {
    for priority in [Priority::High, Priority::Urgent] {
        let mut desk = showing_one(priority, stays_up(1));
        desk.elapsed += secs(5);
        check(&mut desk, [(On(expired(1)), "await input")]);
        desk.elapsed += secs(5);
        check(
            &mut desk,
            [
                (On(idle(0)), "show 1 <T1|body>"),
                (On(stays_up(1)), ""),
                (After(secs(5)), ""),
                (On(dismissed(1)), ""),
                (On(idle(0)), ""),
            ],
        );
    }
}

#[test]
fn a_ring_before_the_server_confirmed_pops_up_again_what_passed() {
    let mut desk = showing(up(1));
    desk.elapsed += secs(11);
    check(
        &mut desk,
        [
            (On(alert(Each, [1])), "recall 1"),
            (Stored, "show 1 <T1|body>"),
        ],
    );
    // What is up, or comes again, is said again.
    for lost in [false, true] {
        let mut desk = showing(stays_up(1));
        desk.elapsed += secs(11);
        if lost {
            desk.on(expired(1));
        }
        check(
            &mut desk,
            [
                (On(alert(Each, [1])), "recall 1"),
                (
                    Stored,
                    "put #2 shown 1 until input; say shown 1 until input",
                ),
            ],
        );
    }
}

#[test]
fn a_summary_that_left_starts_afresh() {
    let mut desk = Desk::online();
    for number in 1..=3 {
        desk.on(silent(number));
    }
    desk.store();
    desk.on(alert(Summary, [1, 2]));
    desk.store();
    desk.elapsed += secs(1);
    desk.on(is_up(ToastKey::Summary, true));
    desk.store();
    desk.elapsed += secs(1);
    desk.on(idle(0));
    check(&mut desk, [(After(secs(10)), "unshow summary")]);
    desk.on(alert(Summary, [3]));
    check(
        &mut desk,
        [(Stored, "show summary <1 while you were away|CI: T3>")],
    );
}

#[test]
fn readings_echo_the_fastest_pong_of_the_last_minutes() {
    let mut desk = Desk::signed_in();
    desk.on(Event::Started);
    desk.on(idle(0));
    desk.on(Event::Opened);
    desk.elapsed += secs(1);
    desk.on(crate::desk::welcome());
    // Before any pong: since the stream was opened.
    assert_eq!(echo(desk.on(idle(0))), Some((0, 1000)));
    for (passed, sent_ms, expected) in [
        // It came faster than the answer that opened the stream.
        (2, Some(3_500), (3_500, 0)),
        // Slow: the one before says more.
        (30, Some(23_500), (3_500, 30_000)),
        // An old server says nothing.
        (30, None, (3_500, 60_000)),
        // As fast.
        (30, Some(93_500), (93_500, 0)),
        // Clocks drift apart.
        (300, Some(300_000), (300_000, 0)),
    ] {
        desk.elapsed += secs(passed);
        desk.on(frame(ServerFrame::Pong { sent_ms }));
        let said = [true, false].map(|it| desk.on(locked(it)));
        assert_eq!(echo(said.concat()), Some(expected), "{sent_ms:?}");
        desk.on(idle(0));
    }
    // Another stream has another clock.
    desk.on(crate::desk::lost());
    while !desk
        .step(Wake)
        .iter()
        .any(|it| matches!(it, Effect::Connect { .. }))
    {}
    desk.on(idle(0));
    desk.on(Event::Opened);
    desk.on(crate::desk::welcome());
    assert_eq!(echo(desk.on(idle(0))), Some((0, 0)));
}

/// What happens to pop-ups, in a few words.
fn toasts(effects: &[Effect]) -> Vec<String> {
    let toasts = effects.iter().map(crate::show::effect);
    toasts.filter(|effect| effect.contains("show ")).collect()
}

fn echo(effects: Vec<Effect>) -> Option<(u64, u64)> {
    effects.into_iter().find_map(|effect| match effect {
        Effect::Send(ClientFrame::Ping { echo, .. } | ClientFrame::Presence { echo, .. }) => {
            echo.map(|echo| (echo.sent_ms, echo.held_ms))
        }
        _ => None,
    })
}
