use hither_engine::StoreFailed;
use hither_engine::view::Notice;
use hither_protocol::{ServerFrame, Timestamp};

use crate::desk::Step::{On, StoreFailed as Fails, Stored, Wake};
use crate::desk::{
    Desk, Step, check, closed, frame, idle, locked, lost, pong, read_elsewhere, read_here, rings,
    secs, silent, synced, up, welcome, withdrawn,
};
use hither_engine::Event;

#[test]
fn what_is_stored_is_acked_once_per_batch() {
    check(
        &mut Desk::online(),
        [
            (On(silent(1)), "save 1 silent c1"),
            (On(silent(2)), "save 2 silent c2"),
            (On(read_elsewhere(3, [1])), "mark-read 1 c3"),
            (On(withdrawn(4, [2])), "withdraw 2 c4"),
            (Stored, "say ack c4"),
            (Stored, ""),
        ],
    );
}

#[test]
fn a_repeat_is_acked_and_rings_nothing() {
    check(
        &mut Desk::online(),
        [
            (On(rings(1)), "save 1 due c1"),
            (Stored, "show 1 <T1|body>; say ack c1"),
            (On(up(1)), "mark-shown 1; put #1 shown 1; say shown 1"),
            (On(rings(1)), "save 1 due c1"),
            (On(rings(1)), "save 1 due c1"),
            (Stored, "say ack c1"),
        ],
    );
}

#[test]
fn an_entry_of_an_earlier_stream_is_not_acked() {
    let mut desk = Desk::online();
    check(
        &mut desk,
        [(On(silent(1)), "save 1 silent c1"), (On(lost()), "")],
    );
    desk.step(Wake);
    check(
        &mut desk,
        [
            (On(idle(0)), ""),
            (On(Event::Opened), "say hello c0 active 0"),
            (On(welcome()), "sense"),
            (On(idle(0)), "say ping 0"),
            (Stored, ""),
            (On(silent(1)), "save 1 silent c1"),
            (Stored, "say ack c1"),
        ],
    );
}

#[test]
fn an_unknown_cursor_asks_for_everything_and_keeps_the_rows() {
    let mut desk = Desk::online();
    check(
        &mut desk,
        [
            (On(silent(1)), "save 1 silent c1"),
            (Stored, "say ack c1"),
            (On(silent(2)), "save 2 silent c2"),
            (On(closed(4410)), "forget cursor"),
        ],
    );
    desk.step(Wake);
    check(
        &mut desk,
        [
            (On(idle(0)), ""),
            (On(Event::Opened), "say hello all active 0"),
            (Stored, ""),
        ],
    );
    assert_eq!(desk.disk.cursor, None);
    assert_eq!(desk.disk.rows.len(), 2);
}

#[test]
fn a_failed_save_drops_the_stream_and_is_received_again() {
    let mut desk = Desk::online();
    check(
        &mut desk,
        [
            (On(rings(1)), "save 1 due c1"),
            (Fails(StoreFailed::DiskFull), "disconnect"),
            (On(rings(2)), ""),
        ],
    );
    assert_eq!(desk.engine.view().notice, Some(Notice::DiskFull));
    desk.step(Wake);
    check(
        &mut desk,
        [
            (On(idle(0)), ""),
            (On(Event::Opened), "say hello c0 active 0"),
            (On(welcome()), "sense"),
            (On(idle(0)), "say ping 0"),
            (On(rings(1)), "save 1 due c1"),
            (Stored, "show 1 <T1|body>; say ack c1"),
        ],
    );
    assert_eq!(desk.engine.view().notice, None);
}

#[test]
fn the_server_decides_anew_whether_a_repeat_rings() {
    let mut desk = Desk::online();
    check(
        &mut desk,
        [
            (On(rings(1)), "save 1 due c1"),
            (Fails(StoreFailed::DiskFull), "disconnect"),
            (Wake, "connect; sense"),
            (On(idle(0)), ""),
            (On(Event::Opened), "say hello c0 active 0"),
            (On(welcome()), "sense"),
            (On(silent(1)), "save 1 silent c1"),
            (Stored, "say ack c1"),
        ],
    );
}

#[test]
fn what_was_decided_here_is_written_again_and_in_order() {
    let mut desk = Desk::online();
    check(
        &mut desk,
        [
            (On(read_here([1])), "mark-read 1; put #1 read 1; say read 1"),
            (Fails(StoreFailed::Broken("i/o".to_owned())), ""),
            // Held back, but said at once: only the disk has to wait.
            (On(read_here([2])), "say read 2"),
            (Step::After(secs(9)), ""),
        ],
    );
    desk.elapsed += secs(1);
    let again: Vec<_> = desk
        .on(Event::WokeUp)
        .iter()
        .map(crate::show::effect)
        .collect();
    let again: Vec<_> = again
        .iter()
        .filter(|effect| !effect.starts_with('s'))
        .collect();
    assert_eq!(
        again,
        [
            "mark-read 1",
            "put #1 read 1",
            "mark-read 2",
            "put #2 read 2"
        ]
    );
    desk.store();
    assert_eq!(desk.disk.outbox.len(), 2);
}

#[test]
fn log_entries_take_what_was_held_back_along() {
    let mut desk = Desk::online();
    check(
        &mut desk,
        [
            (On(read_here([9])), "mark-read 9; put #1 read 9; say read 9"),
            (Fails(StoreFailed::DiskFull), ""),
            (
                On(silent(1)),
                "mark-read 9; put #1 read 9; save 1 silent c1",
            ),
            (Stored, "say ack c1"),
        ],
    );
}

#[test]
fn a_gap_is_said_plainly_and_can_be_put_away() {
    let mut desk = Desk::online();
    let since = Timestamp::UNIX_EPOCH;
    desk.on(frame(ServerFrame::Gap { since }));
    assert_eq!(desk.engine.view().notice, Some(Notice::Gap { since }));
    desk.on(Event::Command(hither_engine::Command::DismissNotice));
    assert_eq!(desk.engine.view().notice, None);
}

#[test]
fn unknown_frames_are_skipped() {
    check(
        &mut Desk::online(),
        [
            (On(frame(ServerFrame::Unknown)), ""),
            (On(pong()), ""),
            (On(synced(5)), "advance c5"),
            (On(locked(false)), ""),
            (Stored, "say ack c5"),
        ],
    );
}
