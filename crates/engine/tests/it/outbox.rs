use hither_engine::{Command, Event, ToastEvent, ToastKey};
use hither_protocol::{Action, FirstAlert};

use crate::desk::Step::{On, Stored, Wake};
use crate::desk::{
    Desk, arrives, check, id, idle, locked, lost, message, pong, read_here, welcome,
};

#[test]
fn a_pong_confirms_what_was_said_before_its_ping() {
    check(
        &mut Desk::online(),
        [
            (On(read_here([1])), "mark-read 1; put #1 read 1; say read 1"),
            (Wake, "sense"),
            (On(idle(0)), "say ping 0"),
            (On(read_here([2])), "mark-read 2; put #2 read 2; say read 2"),
            (On(pong()), "drop #1"),
            (On(pong()), ""),
            (Stored, ""),
        ],
    );
}

#[test]
fn what_is_not_confirmed_is_said_again_after_a_reconnect_and_a_restart() {
    let mut desk = Desk::online();
    check(
        &mut desk,
        [
            (On(read_here([1])), "mark-read 1; put #1 read 1; say read 1"),
            (Stored, ""),
            (On(lost()), ""),
            (On(read_here([2])), "mark-read 2; put #2 read 2"),
            (Stored, ""),
            (Wake, "connect; sense"),
            (On(idle(0)), ""),
            (On(Event::Opened), "say hello c0 active 0"),
            (On(welcome()), "say read 1; say read 2; sense"),
        ],
    );
    let mut again = Desk::new(desk.disk);
    check(
        &mut again,
        [
            (On(Event::Started), "watch 180s; sense; connect"),
            (On(idle(0)), ""),
            (On(Event::Opened), "say hello c0 active 0"),
            (On(welcome()), "say read 1; say read 2; sense"),
            (On(idle(0)), "say ping 0"),
            (On(read_here([3])), "mark-read 3; put #3 read 3; say read 3"),
            (On(pong()), "drop #2"),
        ],
    );
}

#[test]
fn everything_unread_is_read_by_name() {
    let mut desk = Desk::online();
    check(
        &mut desk,
        [
            (On(crate::desk::silent(1)), "save 1 silent c1"),
            (On(crate::desk::silent(2)), "save 2 silent c2"),
            (Stored, "say ack c2"),
            (On(Event::Command(Command::MarkAllRead)), "recall unread"),
            (Stored, "mark-read 1,2; put #1 read 1,2; say read 1,2"),
            (Stored, ""),
            (On(Event::Command(Command::MarkAllRead)), "recall unread"),
            (Stored, ""),
        ],
    );
    assert_eq!(desk.engine.view().glance.unread, 0);
}

#[test]
fn an_action_is_kept_and_opens_only_safe_links() {
    for (url, opens) in [
        (Some("https://example.org/a"), "link https://example.org/a"),
        (Some("MAILTO:a@example.org"), "link MAILTO:a@example.org"),
        (
            Some("mailto:a@example.org?attach=/etc/passwd&subject=hi"),
            "link mailto:a@example.org?subject=hi",
        ),
        (Some("file:///etc/passwd"), ""),
        (Some("javascript:alert(1)"), ""),
        (Some("https://x\n--flag"), ""),
        (None, ""),
    ] {
        let mut desk = Desk::online();
        let mut offering = message(1);
        offering.actions = vec![Action {
            id: "go".to_owned(),
            label: "Go".to_owned(),
            url: url.map(str::to_owned),
        }];
        desk.on(arrives(offering, FirstAlert::Silent));
        desk.store();
        let act = Command::Act {
            id: id(1),
            action: "go".to_owned(),
        };
        check(
            &mut desk,
            [
                (
                    On(Event::Command(act)),
                    "put #1 action 1 go; say action 1 go; recall action 1 go; \
                     mark-read 1; put #2 read 1; say read 1",
                ),
                (Stored, opens),
            ],
        );
    }
}

#[test]
fn a_hand_on_a_pop_up_counts_but_not_on_a_locked_screen() {
    let on = |event: fn(ToastKey) -> ToastEvent| On(Event::Toast(event(ToastKey::Message(id(1)))));
    let chosen = |action: &str| {
        On(Event::Toast(ToastEvent::Chosen(
            ToastKey::Message(id(1)),
            action.to_owned(),
        )))
    };
    let read = "mark-read 1; put #1 read 1; say read 1";
    let clicked = format!("window 1; {read}");
    check(&mut Desk::online(), [(on(ToastEvent::Clicked), &*clicked)]);
    check(&mut Desk::online(), [(chosen("mark-read"), read)]);
    let mut idle_desk = Desk::online();
    idle_desk.on(idle(500));
    check(&mut idle_desk, [(chosen("mark-read"), read)]);
    let mut locked_desk = Desk::online();
    locked_desk.on(locked(true));
    check(
        &mut locked_desk,
        [
            (on(ToastEvent::Clicked), "window 1"),
            (chosen("mark-read"), ""),
            (chosen("go"), ""),
        ],
    );
    let summary = ToastEvent::Clicked(ToastKey::Summary);
    check(
        &mut Desk::online(),
        [(On(Event::Toast(summary)), "window list")],
    );
}
