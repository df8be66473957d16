use hither_engine::view::{Notice, UNTIL_RESUMED};
use hither_engine::{Command, Event, Sensed, ToastEvent, ToastKey};
use hither_protocol::AlertStyle::{Each, Summary};
use hither_protocol::{Action, FirstAlert, Format, Message, Policy, Priority, Quiet, ServerFrame};
use jiff::Timestamp;

use crate::desk::Step::{After, On, Stored, Wake};
use crate::desk::{
    Desk, alert, arrives, check, frame, id, idle, is_up, locked, lost, message, read_elsewhere,
    read_here, rings, secs, silent, summary_up, synced, up, welcome, withdrawn,
};
use crate::disk::Disk;

fn urgent(number: u128) -> Message {
    Message {
        priority: Priority::Urgent,
        ..message(number)
    }
}

/// Online, with silent messages 1 to `count` on disk, saved at this moment.
fn with_silent(count: u128) -> Desk {
    let mut desk = Desk::online();
    for number in 1..=count {
        desk.on(silent(number));
    }
    desk.store();
    desk
}

fn pause(until: Option<Timestamp>) -> Event {
    Event::Command(Command::Pause { until })
}

#[test]
fn it_shows_what_is_stored_and_records_what_is_up() {
    check(
        &mut Desk::online(),
        [
            (On(rings(1)), "save 1 due c1"),
            (Stored, "show 1 <T1|body>; say ack c1"),
            (On(up(1)), "mark-shown 1; put #1 shown 1; say shown 1"),
            (On(up(1)), ""),
        ],
    );
}

#[test]
fn a_pop_up_that_failed_is_not_said_to_be_shown() {
    let mut desk = Desk::online();
    desk.on(rings(1));
    desk.store();
    let failed = ToastEvent::Failed(ToastKey::Message(id(1)), "no daemon".to_owned());
    check(&mut desk, [(On(Event::Toast(failed)), ""), (On(up(1)), "")]);
    let detail = "no daemon".to_owned();
    assert_eq!(
        desk.engine.view().notice,
        Some(Notice::NoNotifications { detail })
    );
    assert!(desk.disk.row(id(1)).unwrap().due, "a restart tries again");
}

#[test]
fn a_pop_up_says_what_the_message_says() {
    let mut desk = Desk::online();
    let action = |id: &str| Action {
        id: id.to_owned(),
        label: id.to_owned(),
        url: None,
    };
    let whole = Message {
        title: String::new(),
        body: "# Build *failed*\n\nin main\n\n- one\n- two\n- three".to_owned(),
        format: Format::Markdown,
        actions: vec![action("a"), action("b"), action("c")],
        ..message(1)
    };
    desk.on(arrives(whole, FirstAlert::Now));
    let effects = desk.store();
    let Some(hither_engine::Effect::ShowToast(toast)) = effects.first() else {
        panic!("{effects:?}");
    };
    assert_eq!(toast.title, "Build failed");
    assert_eq!(toast.body, "in main\none\ntwo");
    assert_eq!(toast.publisher, "CI");
    assert_eq!(toast.actions, [action("a"), action("b")]);
}

#[test]
fn nothing_pops_up_for_what_is_read_or_withdrawn_already() {
    check(
        &mut Desk::online(),
        [
            (On(rings(1)), "save 1 due c1"),
            (On(rings(2)), "save 2 due c2"),
            (On(read_elsewhere(3, [1])), "mark-read 1 c3"),
            (On(withdrawn(4, [2])), "withdraw 2 c4"),
            (Stored, "say ack c4"),
        ],
    );
    check(
        &mut with_silent(1),
        [
            (On(alert(Each, [1])), "recall 1"),
            (On(read_elsewhere(2, [1])), "mark-read 1 c2"),
            (Stored, "say ack c2"),
            (On(alert(Each, [1, 9])), "recall 1,9"),
            (Stored, ""),
        ],
    );
    let mut back = Desk::online();
    back.on(silent(1));
    back.store();
    back.on(idle(500));
    check(
        &mut back,
        [
            (On(Event::Command(Command::MarkAllRead)), "recall unread"),
            (On(idle(0)), "say presence active 0; recall silent"),
            (Stored, "mark-read 1; put #1 read 1; say read 1"),
        ],
    );
    let mut read = message(1);
    read.read_at = Some(Timestamp::UNIX_EPOCH);
    check(
        &mut Desk::online(),
        [
            (On(arrives(read, FirstAlert::Now)), "save 1 silent c1"),
            (Stored, "say ack c1"),
        ],
    );
}

#[test]
fn read_anywhere_takes_the_pop_up_down() {
    let mut desk = Desk::online();
    for number in 1..=3 {
        desk.on(rings(number));
    }
    desk.store();
    check(
        &mut desk,
        [
            (On(read_elsewhere(4, [1, 9])), "unshow 1; mark-read 1,9 c4"),
            (On(withdrawn(5, [2])), "unshow 2; withdraw 2 c5"),
            (
                On(read_here([3])),
                "unshow 3; mark-read 3; put #1 read 3; say read 3",
            ),
            // Too late: it came up after it was taken down.
            (On(up(1)), ""),
        ],
    );
}

#[test]
fn the_server_rings_for_what_is_here() {
    check(
        &mut with_silent(3),
        [
            (On(alert(Each, [1, 2])), "recall 1,2"),
            (Stored, "show 1 <T1|body>; show 2 <T2|body>"),
            (On(up(1)), "mark-shown 1; put #1 shown 1; say shown 1"),
            // Up: said again. Not up yet: its own answer follows.
            (On(alert(Each, [1, 2, 3])), "recall 1,2,3"),
            (Stored, "show 3 <T3|body>; put #2 shown 1; say shown 1"),
        ],
    );
}

#[test]
fn several_are_one_summary() {
    check(
        &mut with_silent(6),
        [
            (On(alert(Summary, [1])), "recall 1"),
            (Stored, "show summary <1 while you were away|CI: T1>"),
            (
                On(summary_up()),
                "mark-shown 1; put #1 shown 1; say shown 1",
            ),
            (On(alert(Each, [2, 3, 4, 5])), "recall 2,3,4,5"),
            (
                Stored,
                "show summary <5 while you were away|CI: T5 / CI: T4 / CI: T3>",
            ),
            (
                On(summary_up()),
                "mark-shown 1,2,3,4,5; put #2 shown 1,2,3,4,5; say shown 1,2,3,4,5",
            ),
            (On(read_elsewhere(7, [1, 2])), "mark-read 1,2 c7"),
            (On(alert(Summary, [6])), "recall 6"),
            (
                Stored,
                "say ack c7; show summary <6 while you were away, 4 unread|CI: T6 / CI: T5 / CI: T4>",
            ),
            (
                On(read_elsewhere(8, [3, 4, 5, 6])),
                "unshow summary; mark-read 3,4,5,6 c8",
            ),
        ],
    );
}

#[test]
fn a_locked_screen_shows_nothing_but_urgent_ones_without_content() {
    let mut desk = with_silent(2);
    desk.on(locked(true));
    check(
        &mut desk,
        [
            (On(rings(3)), "save 3 silent c3"),
            (On(arrives(urgent(4), FirstAlert::Now)), "save 4 due c4"),
            (Stored, "show 4 <New message from CI|>; say ack c4"),
            (On(up(4)), "mark-shown 4; put #1 shown 4; say shown 4"),
            (On(alert(Each, [1])), "recall 1"),
            (On(alert(Summary, [1, 2])), "recall 1,2"),
            (Stored, ""),
        ],
    );
    for away in [Sensed::SwitchedAway(true), Sensed::ScreenLocked(true)] {
        let mut desk = Desk::online();
        desk.on(rings(1));
        desk.on(Event::Sensed(away));
        check(&mut desk, [(Stored, "say ack c1")]);
    }
    let mut idle_desk = Desk::online();
    idle_desk.on(idle(500));
    idle_desk.on(rings(1));
    check(&mut idle_desk, [(Stored, "show 1 <T1|body>; say ack c1")]);
}

#[test]
fn a_summary_speaks_for_all_of_them_however_many() {
    let mut desk = with_silent(1_500);
    let mut number = 0;
    let all: [u128; 1_500] = core::array::from_fn(|_| {
        number += 1;
        number
    });
    desk.on(alert(Summary, all));
    desk.store();
    desk.on(summary_up());
    desk.store();
    let unshown = all
        .iter()
        .filter(|n| !desk.disk.row(id(**n)).unwrap().shown);
    assert_eq!(unshown.count(), 0);
}

#[test]
fn a_return_is_one_summary_of_what_stayed_silent() {
    let mut desk = with_silent(1);
    desk.rest(60);
    check(
        &mut desk,
        [
            (On(locked(true)), "say presence inactive/locked 60000"),
            (On(silent(2)), "save 2 silent c2"),
            (On(silent(3)), "save 3 silent c3"),
            (Stored, "say ack c3"),
            (On(locked(false)), "sense"),
            (On(idle(0)), "say presence active 0; recall silent"),
            (
                Stored,
                "show summary <2 while you were away|CI: T3 / CI: T2>",
            ),
            (On(alert(Summary, [2, 3])), "recall 2,3"),
            (Stored, ""),
            (
                On(summary_up()),
                "mark-shown 2,3; put #1 shown 2,3; say shown 2,3",
            ),
            (
                On(locked(true)),
                "say presence inactive/locked 0; unshow summary",
            ),
            (On(silent(4)), "save 4 silent c4"),
            (On(locked(false)), "sense"),
            (On(idle(0)), "say presence active 0; recall silent"),
            (
                Stored,
                "say ack c4; show summary <1 while you were away|CI: T4>",
            ),
        ],
    );
}

#[test]
fn what_is_owed_waits_for_the_end_of_quiet() {
    let at = |seconds| crate::desk::now(secs(seconds)).wall.timestamp();
    let quiet = |from: Option<u64>, until: Option<u64>| {
        let policy = Policy {
            quiet: Some(Quiet {
                from: from.map(at),
                until: until.map(at),
            }),
            ..Policy::default()
        };
        frame(ServerFrame::Policy { policy })
    };
    let comes_back = |desk: &mut Desk| {
        desk.on(locked(true));
        desk.on(silent(1));
        desk.store();
        desk.on(locked(false));
        check(desk, [(On(idle(0)), "say presence active 0")]);
    };
    // Quiet since the server said so, or by the clock since then.
    for from in [None, Some(1_000)] {
        let mut desk = Desk::online();
        desk.on(quiet(from, Some(1_005)));
        comes_back(&mut desk);
        assert_eq!(desk.until_wakeup(), secs(5));
        check(
            &mut desk,
            [
                (After(secs(4)), ""),
                (After(secs(1)), "recall silent"),
                (Stored, "show summary <1 while you were away|CI: T1>"),
            ],
        );
    }
    // It ends where the server says so; what rings by then is in it already.
    let mut desk = Desk::online();
    desk.on(quiet(None, None));
    comes_back(&mut desk);
    let over = frame(ServerFrame::Policy {
        policy: Policy::default(),
    });
    check(
        &mut desk,
        [
            (On(alert(Summary, [1])), "recall 1"),
            (Stored, "show summary <1 while you were away|CI: T1>"),
            (On(over), "recall silent"),
            (Stored, ""),
            (
                On(summary_up()),
                "mark-shown 1; put #1 shown 1; say shown 1",
            ),
        ],
    );
    // Not yet.
    let mut desk = Desk::online();
    desk.on(quiet(Some(2_000), Some(3_000)));
    desk.on(locked(true));
    desk.on(locked(false));
    check(
        &mut desk,
        [(On(idle(0)), "say presence active 0; recall silent")],
    );
}

#[test]
fn what_never_rings_is_summed_up_nowhere() {
    let mut desk = Desk::online();
    desk.on(locked(true));
    desk.on(silent(1));
    check(
        &mut desk,
        [
            (
                On(arrives(message(2), FirstAlert::Never)),
                "save 2 silent c2; mark-shown 2",
            ),
            (Stored, "say ack c2"),
            (On(locked(false)), "sense"),
            (On(idle(0)), "say presence active 0; recall silent"),
            (Stored, "show summary <1 while you were away|CI: T1>"),
            // It would, if the server said so.
            (On(alert(Each, [2])), "recall 2"),
            (Stored, "show 2 <T2|body>"),
        ],
    );
}

#[test]
fn idle_people_left_at_their_last_input() {
    let mut desk = Desk::online();
    desk.elapsed += secs(100);
    desk.on(silent(1));
    desk.store();
    desk.elapsed += secs(80);
    check(
        &mut desk,
        [
            (
                On(idle(180)),
                "say presence inactive/idle 180000; say ping 180000",
            ),
            (On(idle(0)), "say presence active 0; recall silent"),
            (Stored, "show summary <1 while you were away|CI: T1>"),
        ],
    );
}

#[test]
fn after_sleep_the_summary_waits_for_the_backlog() {
    let mut desk = Desk::online();
    desk.on(Event::Sensed(Sensed::Sleeping(true)));
    desk.elapsed += secs(3600);
    desk.on(Event::Sensed(Sensed::Sleeping(false)));
    check(&mut desk, [(On(idle(0)), ""), (Wake, "connect; sense")]);
    check(
        &mut desk,
        [
            (On(idle(0)), ""),
            (On(Event::Opened), "say hello c0 active 0"),
            (On(welcome()), "sense"),
            (On(idle(0)), "say ping 0"),
            (On(silent(1)), "save 1 silent c1"),
            (On(synced(1)), "advance c1; recall silent"),
            (
                Stored,
                "say ack c1; show summary <1 while you were away|CI: T1>",
            ),
        ],
    );
}

#[test]
fn what_came_while_this_computer_was_cut_off_is_summed_up_with_the_connection() {
    let mut desk = Desk::online();
    desk.elapsed += secs(1);
    desk.on(lost());
    while !matches!(
        desk.step(Wake).first(),
        Some(hither_engine::Effect::Connect { .. })
    ) {}
    desk.on(idle(0));
    desk.on(Event::Opened);
    desk.on(welcome());
    desk.on(idle(0));
    desk.on(silent(1));
    check(
        &mut desk,
        [
            (On(synced(1)), "advance c1; recall silent"),
            (
                Stored,
                "say ack c1; show summary <1 while you were away|CI: T1>",
            ),
        ],
    );
}

#[test]
fn who_unlocks_a_desktop_without_an_idle_source_is_there() {
    let mut desk = Desk::online();
    desk.elapsed += secs(1);
    desk.on(locked(true));
    desk.on(silent(1));
    desk.store();
    desk.on(locked(false));
    check(
        &mut desk,
        [(
            On(Event::Sensed(Sensed::Idle(None))),
            "say presence unknown; recall silent",
        )],
    );
    // Whatever kept the screen from them.
    for away in [Sensed::SwitchedAway as fn(bool) -> Sensed, Sensed::Sleeping] {
        let mut desk = Desk::online();
        desk.elapsed += secs(1);
        desk.on(Event::Sensed(away(true)));
        desk.on(silent(1));
        desk.store();
        desk.elapsed += secs(30);
        desk.on(Event::Sensed(away(false)));
        desk.on(Event::Sensed(Sensed::Idle(None)));
        desk.elapsed += secs(10);
        // With the next event, or once it waited long enough for a connection.
        let shown: Vec<_> = desk
            .on(Event::WokeUp)
            .iter()
            .map(crate::show::effect)
            .collect();
        let owed = shown.contains(&"recall silent".to_owned());
        let told = desk
            .batch
            .iter()
            .any(|op| matches!(op, hither_engine::StoreOp::RecallSilent { .. }));
        assert!(owed || told, "{away:?}: {shown:?}");
    }
    // A sensor that fails tells of nobody.
    let mut desk = Desk::online();
    desk.on(idle(500));
    check(
        &mut desk,
        [(
            On(Event::Sensed(Sensed::Idle(None))),
            "say presence unknown",
        )],
    );
}

#[test]
fn without_a_connection_the_summary_tells_what_is_here_and_the_rest_later() {
    let mut desk = with_silent(0);
    desk.elapsed += secs(1);
    desk.on(locked(true));
    desk.on(silent(1));
    desk.store();
    desk.on(lost());
    desk.on(locked(false));
    desk.on(idle(0));
    let recalls = |effects: Vec<hither_engine::Effect>| {
        let shown: Vec<_> = effects.iter().map(crate::show::effect).collect();
        shown.iter().any(|effect| effect == "recall silent")
    };
    assert!(!recalls(desk.step(After(secs(9)))));
    assert!(recalls(desk.step(After(secs(1)))));
    check(
        &mut desk,
        [(Stored, "show summary <1 while you were away|CI: T1>")],
    );
    while !matches!(
        desk.step(Wake).first(),
        Some(hither_engine::Effect::Connect { .. })
    ) {
        desk.on(crate::desk::unreachable());
        desk.on(idle(0));
    }
    desk.on(idle(0));
    desk.on(Event::Opened);
    desk.on(welcome());
    desk.on(idle(0));
    desk.on(silent(2));
    check(
        &mut desk,
        [
            (On(synced(2)), "advance c2; recall silent"),
            (
                Stored,
                "say ack c2; show summary <2 while you were away|CI: T2 / CI: T1>",
            ),
        ],
    );
}

#[test]
fn a_crash_between_storing_and_showing_shows_again() {
    let mut before = Desk::online();
    for number in 1..=3 {
        before.on(rings(number));
    }
    before.store();
    let mut desk = Desk::new(before.disk.clone());
    check(
        &mut desk,
        [
            (On(Event::Started), "watch 180s; sense; connect"),
            (
                On(idle(0)),
                "show 1 <T1|body>; show 2 <T2|body>; show 3 <T3|body>",
            ),
            (On(up(2)), "mark-shown 2; put #1 shown 2"),
            (Stored, ""),
        ],
    );
    let mut read_desk = Desk::new(desk.disk.clone());
    check(
        &mut read_desk,
        [
            (On(locked(true)), ""),
            (On(Event::Started), "watch 180s; sense; connect"),
            (On(Event::Opened), "say hello c3 inactive/locked"),
            (On(welcome()), "say shown 2"),
            (On(read_elsewhere(4, [1, 3])), "mark-read 1,3 c4"),
            (On(locked(false)), "sense"),
            (On(idle(0)), "say presence active 0; say ping 0"),
        ],
    );
    let mut locked_desk = Desk::new(desk.disk.clone());
    check(
        &mut locked_desk,
        [
            (On(locked(true)), ""),
            (On(Event::Started), "watch 180s; sense; connect"),
            (On(idle(0)), ""),
            (On(locked(false)), "sense"),
            (On(idle(0)), "show 1 <T1|body>; show 3 <T3|body>"),
        ],
    );
    let mut late = Desk::new(desk.disk);
    late.elapsed += secs(601);
    late.on(Event::Started);
    check(
        &mut late,
        [(
            On(idle(0)),
            "show summary <2 while you were away|CI: T3 / CI: T1>",
        )],
    );
    before.on(rings(4));
    before.store();
    let mut many = Desk::new(before.disk);
    many.on(Event::Started);
    check(
        &mut many,
        [(
            On(idle(0)),
            "show summary <4 while you were away|CI: T4 / CI: T3 / CI: T2>",
        )],
    );
}

#[test]
fn a_pause_shows_nothing_and_rings_nowhere_else_and_ends_in_one_summary() {
    let mut desk = with_silent(1);
    let until = desk.now().wall.timestamp() + secs(5);
    check(
        &mut desk,
        [
            (On(pause(Some(until))), "set paused true"),
            (On(rings(2)), "save 2 due c2"),
            (Stored, "say ack c2; put #1 shown 2; say shown 2"),
            (On(alert(Each, [1])), "recall 1"),
            (Stored, "put #2 shown 1; say shown 1"),
            (On(rings(3)), "save 3 due c3"),
            (Stored, "say ack c3; put #3 shown 3; say shown 3"),
            (On(read_elsewhere(4, [3])), "mark-read 3 c4"),
            (Stored, "say ack c4"),
        ],
    );
    assert_eq!(desk.engine.view().paused_until, Some(until));
    while desk.engine.view().paused_until.is_some() {
        assert!(
            desk.elapsed < secs(1005),
            "the end of the pause is a wake-up"
        );
        let at = desk.engine.next_wakeup().unwrap();
        desk.elapsed = desk.elapsed.max(at.since_zero());
        desk.on(Event::WokeUp);
        desk.on(idle(0));
    }
    check(
        &mut desk,
        [
            (
                Stored,
                "show summary <2 while you were away|CI: T2 / CI: T1>",
            ),
            (
                On(summary_up()),
                "mark-shown 1,2; put #4 shown 1,2; say shown 1,2",
            ),
        ],
    );
    assert_eq!(desk.disk.paused_until, None);
}

#[test]
fn what_a_pause_kept_back_waits_for_the_end_of_a_presentation() {
    let presents = |on| On(Event::Sensed(Sensed::Presenting(on)));
    let mut desk = Desk::online();
    desk.on(pause(None));
    desk.on(rings(1));
    desk.store();
    desk.on(Event::Sensed(Sensed::Presenting(true)));
    desk.on(Event::Sensed(Sensed::IdleUnanswered));
    desk.store();
    let shows = "show summary <1 while you were away|CI: T1>";
    check(
        &mut desk,
        [
            (On(Event::Command(Command::Resume)), "set paused false"),
            (Stored, ""),
            (presents(false), "recall 1"),
            // It begins again before the history has answered.
            (presents(true), ""),
            (Stored, ""),
            (presents(false), "recall 1"),
            (Stored, shows),
        ],
    );
}

#[test]
fn a_wall_clock_that_jumps_ends_a_pause_within_a_minute() {
    // Signed out there is no heartbeat that looks at the clock.
    let mut desk = Desk::new(Disk::default());
    desk.on(Event::Started);
    desk.on(idle(0));
    let until = desk.now().wall.timestamp() + secs(7200);
    desk.on(pause(Some(until)));
    assert_eq!(desk.until_wakeup(), secs(60));
    desk.elapsed += secs(60);
    let mut now = desk.now();
    now.wall = &now.wall + secs(7200);
    desk.engine.handle(&now, Event::WokeUp, &mut Vec::new());
    assert_eq!(desk.engine.view().paused_until, None);
}

#[test]
fn a_pause_outlives_a_restart_and_ends_when_resumed() {
    let mut desk = Desk::online();
    check(
        &mut desk,
        [
            (On(pause(None)), "set paused true"),
            (On(rings(1)), "save 1 due c1"),
            (Stored, "say ack c1; put #1 shown 1; say shown 1"),
            (Stored, ""),
        ],
    );
    assert_eq!(desk.disk.paused_until, Some(UNTIL_RESUMED));
    let mut again = Desk::new(desk.disk);
    again.begin();
    check(
        &mut again,
        [
            (
                On(Event::Command(Command::Resume)),
                "set paused false; recall 1",
            ),
            (Stored, "show summary <1 while you were away|CI: T1>"),
        ],
    );
}

#[test]
fn a_hundred_pop_ups_are_enough() {
    let mut desk = Desk::online();
    for number in 1..=101 {
        desk.on(rings(number));
    }
    let effects: Vec<_> = desk.store().iter().map(crate::show::effect).collect();
    assert_eq!(
        effects
            .iter()
            .filter(|effect| effect.starts_with("show"))
            .count(),
        101
    );
    assert!(effects.contains(&"unshow 1".to_owned()), "{effects:?}");
}

#[test]
fn what_is_off_the_screen_goes_before_what_is_on_it() {
    let mut desk = Desk::online();
    desk.on(rings(1));
    desk.on(rings(2));
    desk.store();
    desk.on(is_up(ToastKey::Message(id(1)), true));
    desk.on(up(2));
    // By its time only: nothing has happened since.
    desk.elapsed += secs(11);
    for number in 3..=101 {
        desk.on(rings(number));
    }
    let effects: Vec<_> = desk.store().iter().map(crate::show::effect).collect();
    let goes: Vec<_> = effects
        .iter()
        .filter(|it| it.starts_with("unshow"))
        .collect();
    assert_eq!(goes, ["unshow 2"]);
}

#[test]
fn a_summary_that_had_to_go_rings_again() {
    let mut desk = with_silent(2);
    desk.on(alert(Summary, [1, 2]));
    desk.store();
    for number in 11..=110 {
        desk.on(rings(number));
    }
    let effects: Vec<_> = desk.store().iter().map(crate::show::effect).collect();
    assert!(
        effects.contains(&"unshow summary".to_owned()),
        "{effects:?}"
    );
    desk.on(alert(Summary, [1, 2]));
    let effects: Vec<_> = desk.store().iter().map(crate::show::effect).collect();
    assert!(
        effects.iter().any(|effect| effect.starts_with("show ")),
        "{effects:?}"
    );
}
