//! What the loop and the engine rely on, held against a real file.

use std::path::Path;

use hither_engine::view::{Answer, AppLockWhen, Glance, Headline, Query, UNTIL_RESUMED};
use hither_engine::{AppLockSaved, SavedAccount, StoreFailed, StoreOp, Stored};
use hither_protocol::{
    Action, ClientFrame, Cursor, Html, Message, MessageId, Priority, WithdrawWhy,
};
use proptest::prelude::*;
use tempfile::TempDir;

use super::testing::{Tokens, at, id, message, signed_in};
use super::{FILE, History, OpenError, open, write};

/// A data folder and the token store of one computer, with a history that can be reopened.
struct Computer {
    folder: TempDir,
    tokens: Tokens,
    history: Option<History>,
}

impl Computer {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tokens = Tokens::default();
        let history = open(folder.path(), Box::new(tokens.clone())).unwrap();
        Self {
            folder,
            tokens,
            history: Some(history),
        }
    }

    fn signed_in() -> Self {
        let mut computer = Self::new();
        computer.write(&[StoreOp::SetAccount(signed_in("ada"))]);
        computer
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn history(&mut self) -> &mut History {
        self.history.as_mut().unwrap()
    }

    #[track_caller]
    fn write(&mut self, ops: &[StoreOp]) -> Vec<Stored> {
        self.history().store.write(at(1_000), ops).unwrap().0
    }

    fn reopen(&mut self) -> &mut History {
        self.history = None;
        let history = open(self.folder.path(), Box::new(self.tokens.clone())).unwrap();
        self.history.insert(history)
    }

    fn ask(&self, query: Query) -> Answer {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let history = self.history.as_ref().unwrap();
        runtime.block_on(history.reader.ask(query)).answer
    }

    fn page(
        &self,
        before: Option<MessageId>,
        unread_only: bool,
        limit: u32,
    ) -> (Vec<MessageId>, bool) {
        match self.ask(Query::Page {
            before,
            unread_only,
            limit,
        }) {
            Answer::Page { rows, more } => (rows.iter().map(|row| row.id).collect(), more),
            other => panic!("{other:?}"),
        }
    }

    fn all(&self) -> Vec<MessageId> {
        self.page(None, false, 200).0
    }

    fn message(&self, n: u16) -> Option<Message> {
        match self.ask(Query::Message { id: id(n) }) {
            Answer::Message { message } => message.map(|message| *message),
            other => panic!("{other:?}"),
        }
    }

    /// Whether any file of the data folder holds this text.
    fn holds(&self, text: &str) -> bool {
        std::fs::read_dir(self.path()).unwrap().any(|entry| {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            bytes
                .windows(text.len())
                .any(|window| window == text.as_bytes())
        })
    }
}

fn cursor(n: u16) -> Cursor {
    format!("c{n}").parse().unwrap()
}

fn save(n: u16) -> StoreOp {
    save_of(message(n), false)
}

fn save_due(n: u16) -> StoreOp {
    save_of(message(n), true)
}

fn save_of(message: Message, alert_due: bool) -> StoreOp {
    let n = u16::try_from(message.id.0.as_u128()).unwrap();
    StoreOp::Save {
        message: Box::new(message),
        cursor: cursor(n),
        alert_due,
    }
}

fn read(ns: &[u16], seconds: i64) -> StoreOp {
    StoreOp::MarkRead {
        ids: ids(ns),
        at: at(seconds),
        cursor: None,
    }
}

fn withdraw(ns: &[u16]) -> StoreOp {
    StoreOp::Withdraw {
        ids: ids(ns),
        why: WithdrawWhy::Recalled,
        cursor: cursor(99),
    }
}

fn ids(ns: &[u16]) -> Vec<MessageId> {
    ns.iter().copied().map(id).collect()
}

fn ids_of(headlines: &[Headline]) -> Vec<MessageId> {
    headlines.iter().map(|headline| headline.id).collect()
}

fn frame(n: u16) -> ClientFrame {
    ClientFrame::Read { ids: vec![id(n)] }
}

#[test]
fn a_new_folder_is_empty_and_private() {
    let mut computer = Computer::new();
    let saved = &computer.history().saved;
    assert!(saved.account.is_none() && saved.due.is_empty() && saved.outbox.is_empty());
    assert_eq!(saved.glance.unread, 0);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        computer.write(&[save(1)]);
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(computer.path()), 0o700);
        for entry in std::fs::read_dir(computer.path()).unwrap() {
            assert_eq!(mode(&entry.unwrap().path()), 0o600);
        }
    }
}

fn app_lock(failures: u32) -> AppLockSaved {
    AppLockSaved {
        verifier: "$argon2id$of-ada".to_owned(),
        when: AppLockWhen {
            after_s: Some(600),
            with_screen: true,
        },
        failures,
    }
}

#[test]
fn f4_everything_is_there_after_a_restart() {
    let mut computer = Computer::signed_in();
    computer.write(&[
        save_due(1),
        save(2),
        StoreOp::PutOutbox(7, frame(1)),
        StoreOp::PutOutbox(8, frame(2)),
        StoreOp::SetPaused(Some(UNTIL_RESUMED)),
        StoreOp::SetAppLock(Some(app_lock(3))),
        StoreOp::SetAppLock(Some(app_lock(4))),
    ]);
    let saved = &computer.reopen().saved;
    let SavedAccount {
        signed_in: account,
        cursor: at,
    } = saved.account.clone().unwrap();
    assert_eq!((account, at), (signed_in("ada"), Some(cursor(2))));
    assert_eq!(saved.glance.unread, 2);
    assert_eq!(ids_of(&saved.due), ids(&[1]));
    assert_eq!(saved.outbox, [(7, frame(1)), (8, frame(2))]);
    assert_eq!(saved.paused_until, Some(UNTIL_RESUMED));
    assert_eq!(saved.app_lock, Some(app_lock(4)));

    computer.write(&[
        StoreOp::MarkShown(ids(&[1])),
        StoreOp::DropOutbox(7),
        StoreOp::SetPaused(None),
        StoreOp::SetAppLock(None),
    ]);
    let saved = &computer.reopen().saved;
    assert!(saved.due.is_empty());
    assert_eq!(saved.outbox, [(8, frame(2))]);
    assert_eq!(saved.paused_until, None);
    assert_eq!(saved.app_lock, None);
    assert_eq!(computer.message(1), Some(message(1)));
}

#[test]
fn a9_a_crash_before_the_commit_leaves_neither_row_nor_cursor() {
    let mut computer = Computer::signed_in();
    computer.write(&[save(1)]);
    for upto in 0..3 {
        let store = &mut computer.history().store;
        store.crash_after(
            at(1_000),
            &[save(2), save(3), StoreOp::MarkShown(ids(&[1]))][..=upto],
        );
        let saved = &computer.reopen().saved;
        assert_eq!(saved.account.as_ref().unwrap().cursor, Some(cursor(1)));
        assert_eq!(computer.all(), ids(&[1]));
    }
}

#[test]
fn a_message_is_stored_once_and_stays_as_it_was() {
    let mut computer = Computer::signed_in();
    let mut repeat = message(1);
    repeat.title = "another".to_owned();
    let outcomes = computer.write(&[save_due(1), read(&[1], 500), save_of(repeat, true)]);
    let saved = |fresh| Stored::Saved { id: id(1), fresh };
    assert_eq!(outcomes, [saved(true), Stored::Done, saved(false)]);
    assert_eq!(computer.all(), ids(&[1]));
    let kept = computer.message(1).unwrap();
    assert_eq!(
        (kept.title.as_str(), kept.read_at),
        ("title 1", Some(at(500)))
    );
    assert!(computer.reopen().saved.due.is_empty());
}

#[test]
fn reading_keeps_the_earliest_time_and_ends_the_alert() {
    let mut computer = Computer::signed_in();
    computer.write(&[
        save_due(1),
        save_due(2),
        read(&[1, 77], 500),
        read(&[1], 400),
        read(&[1], 600),
    ]);
    assert_eq!(computer.message(1).unwrap().read_at, Some(at(400)));
    let saved = &computer.reopen().saved;
    assert_eq!(saved.glance.unread, 1);
    assert_eq!(ids_of(&saved.due), ids(&[2]));
}

#[test]
fn b6_what_is_withdrawn_leaves_the_list_the_file_and_the_count() {
    let mut computer = Computer::signed_in();
    let mut secret = message(2);
    secret.body = "a body to be gone".to_owned();
    computer.write(&[save(1), save_of(secret, true), save(3), withdraw(&[2, 77])]);
    assert_eq!(computer.all(), ids(&[3, 1]));
    assert_eq!(computer.message(2), None);
    assert_eq!(computer.reopen().saved.glance.unread, 2);
}

#[test]
fn the_list_is_in_the_order_of_the_servers_time_whatever_came_first() {
    let mut computer = Computer::signed_in();
    let mut same_time = message(9);
    same_time.created_at = at(2);
    computer.write(&[save(3), save(1), save_of(same_time, false), save(2)]);
    assert_eq!(computer.all(), ids(&[3, 9, 2, 1]));
}

#[test]
fn pages_go_on_behind_a_message_that_was_withdrawn() {
    let mut computer = Computer::signed_in();
    computer.write(&(1..=7).map(save).collect::<Vec<_>>());
    assert_eq!(computer.page(None, false, 3), (ids(&[7, 6, 5]), true));
    computer.write(&[withdraw(&[5])]);
    assert_eq!(
        computer.page(Some(id(5)), false, 3),
        (ids(&[4, 3, 2]), true)
    );
    assert_eq!(computer.page(Some(id(2)), false, 3), (ids(&[1]), false));
    assert_eq!(
        computer.page(Some(id(77)), false, 3),
        (vec![], false),
        "never held"
    );
    assert_eq!(
        computer.page(None, false, 0),
        (ids(&[7]), true),
        "at least one"
    );
}

#[test]
fn unread_pages_and_the_glance_leave_out_what_is_read() {
    let mut computer = Computer::signed_in();
    let mut urgent = message(8);
    urgent.priority = Priority::Urgent;
    let mut ops: Vec<_> = (1..=7).map(save).collect();
    ops.extend([save_of(urgent, true), read(&[7, 2], 500)]);
    computer.write(&ops);
    assert_eq!(computer.page(None, true, 200).0, ids(&[8, 6, 5, 4, 3, 1]));
    let glance = computer.reopen().saved.glance.clone();
    assert_eq!((glance.unread, glance.urgent), (6, true));
    assert_eq!(ids_of(&glance.newest), ids(&[8, 6, 5, 4, 3]));
    let (_, glance) = computer
        .history()
        .store
        .write(at(1), &[read(&[8], 500)])
        .unwrap();
    assert!(!glance.urgent);
}

#[test]
fn publishers_are_named_once_by_their_newest_name() {
    let mut computer = Computer::signed_in();
    let of = |n: u16, id: &str, name: &str| {
        let mut message = message(n);
        message.publisher.id = id.parse().unwrap();
        name.clone_into(&mut message.publisher.name);
        save_of(message, false)
    };
    computer.write(&[
        of(1, "app-0000000000000001", "Build"),
        of(2, "app-0000000000000002", "Bank"),
        of(3, "app-0000000000000001", "Build server"),
    ]);
    let Answer::Publishers { publishers } = computer.ask(Query::Publishers) else {
        panic!("no publishers");
    };
    let named: Vec<_> = publishers
        .iter()
        .map(|one| (one.id.as_str(), one.name.as_str()))
        .collect();
    assert_eq!(
        named,
        [
            ("app-0000000000000002", "Bank"),
            ("app-0000000000000001", "Build server"),
        ]
    );
}

#[test]
fn silent_rows_are_those_stored_since_then_unread_and_never_shown() {
    let mut computer = Computer::signed_in();
    let store = &mut computer.history().store;
    store.write(at(100), &[save(1)]).unwrap();
    store
        .write(at(200), &[save(5), save(4), save(3), save(2)])
        .unwrap();
    store
        .write(at(201), &[StoreOp::MarkShown(ids(&[3])), read(&[4], 201)])
        .unwrap();
    let recalled = store
        .write(at(300), &[StoreOp::RecallSilent { since: at(200) }])
        .unwrap()
        .0;
    let [Stored::Headlines(rows)] = recalled.as_slice() else {
        panic!("{recalled:?}")
    };
    assert_eq!(ids_of(rows), ids(&[2, 5]));
}

#[test]
fn rows_ids_and_actions_are_recalled() {
    let mut computer = Computer::signed_in();
    let mut with_action = message(3);
    let action = Action {
        id: "open".to_owned(),
        label: "Open".to_owned(),
        url: None,
    };
    with_action.actions.push(action.clone());
    let recall = |id, action: &str| StoreOp::RecallAction {
        id,
        action: action.to_owned(),
    };
    let outcomes = computer.write(&[
        save(2),
        save(1),
        save_of(with_action, false),
        read(&[2], 500),
        StoreOp::Recall(ids(&[3, 77, 2, 3])),
        StoreOp::RecallUnread,
        recall(id(3), "open"),
        recall(id(3), "close"),
        recall(id(77), "open"),
    ]);
    let [_, _, _, _, Stored::Headlines(rows), rest @ ..] = outcomes.as_slice() else {
        panic!("{outcomes:?}")
    };
    assert_eq!(ids_of(rows), ids(&[2, 3]));
    assert!(rows[0].read && !rows[1].read);
    let unread = Stored::Unread(ids(&[1, 3]));
    let actions = [Some(action), None, None].map(Stored::Action);
    assert_eq!(rest, [&[unread][..], &actions].concat());
}

#[test]
fn a_page_is_kept_beside_its_message() {
    let mut computer = Computer::signed_in();
    let with_html = |n, inline: Option<&str>, href: Option<&str>| {
        let mut message = message(n);
        message.html = Some(Html {
            size: 4,
            inline: inline.map(str::to_owned),
            href: href.map(str::to_owned),
        });
        message
    };
    let inline = with_html(1, Some("<p>"), None);
    let elsewhere = with_html(2, None, Some("/v1/messages/x/html"));
    computer.write(&[save_of(inline.clone(), false), save_of(elsewhere, false)]);
    assert_eq!(computer.message(1), Some(inline));
    assert_eq!(computer.message(2).unwrap().html.unwrap().inline, None);

    computer.history().store.keep_page(id(2), "<b>");
    computer.history().store.keep_page(id(77), "nobody's");
    assert_eq!(
        computer.message(2).unwrap().html.unwrap().inline.as_deref(),
        Some("<b>")
    );
    computer.write(&[withdraw(&[2])]);
    assert!(!computer.holds("nobody's"));
}

#[test]
fn a_resync_keeps_the_rows_and_forgets_the_cursor() {
    let mut computer = Computer::signed_in();
    computer.write(&[save(1), StoreOp::ForgetCursor]);
    assert_eq!(
        computer.reopen().saved.account.as_ref().unwrap().cursor,
        None
    );
    assert_eq!(computer.all(), ids(&[1]));
}

#[test]
fn the_same_account_signs_in_again_and_keeps_its_history() {
    let mut computer = Computer::signed_in();
    let mut again = signed_in("ada");
    again.access_token = hither_protocol::AccessToken::new("newer".to_owned());
    computer.write(&[save(1), StoreOp::SetAccount(again.clone())]);
    let saved = &computer.reopen().saved;
    let account = saved.account.clone().unwrap();
    assert_eq!(
        (account.signed_in, account.cursor),
        (again, Some(cursor(1)))
    );
    assert_eq!(computer.all(), ids(&[1]));
}

#[test]
fn b6_nothing_of_the_old_account_stays_in_any_file() {
    let ends: [(&str, &[StoreOp]); 2] = [
        ("signed out", &[StoreOp::Wipe]),
        ("switched", &[StoreOp::SetAccount(signed_in("bob"))]),
    ];
    for (name, end) in ends {
        let mut computer = Computer::signed_in();
        let mut secret = message(1);
        secret.body = "the old account's secret".to_owned();
        computer.write(&[
            save_of(secret, true),
            StoreOp::PutOutbox(1, frame(1)),
            StoreOp::SetAppLock(Some(app_lock(0))),
        ]);
        assert!(
            computer.holds("old account's secret"),
            "the check sees nothing"
        );
        computer.write(end);
        for when in ["at once", "after a restart"] {
            for text in ["old account's secret", "title 1", "ada", "$argon2id$of-ada"] {
                assert!(!computer.holds(text), "{name}, {when}: {text}");
            }
            assert_eq!(computer.all(), []);
            let saved = &computer.reopen().saved;
            assert_eq!(saved.glance.unread, 0);
            assert_eq!(saved.app_lock, None);
            assert!(saved.due.is_empty() && saved.outbox.is_empty());
            let cursor = saved
                .account
                .as_ref()
                .and_then(|account| account.cursor.clone());
            assert_eq!(cursor, None);
        }
    }
}

#[test]
fn b6_a_wipe_that_was_cut_short_is_finished_at_the_next_start() {
    let mut computer = Computer::signed_in();
    computer.write(&[save(1)]);
    computer
        .history()
        .store
        .commit_only(at(1), &[StoreOp::Wipe]);
    assert!(computer.reopen().saved.account.is_none());
    assert!(!computer.holds("title 1") && computer.tokens.is_empty());
}

#[test]
fn b6_a_wipe_that_is_killed_leaves_nobody_signed_in_and_nothing_to_see() {
    for end in [StoreOp::Wipe, StoreOp::SetAccount(signed_in("bob"))] {
        let mut computer = Computer::signed_in();
        let mut ops: Vec<_> = (0..1_200).map(save_due).collect();
        ops.push(StoreOp::PutOutbox(1, frame(1)));
        ops.push(StoreOp::SetAppLock(Some(app_lock(0))));
        computer.write(&ops);
        computer.history().store.leave_only(&[end]);
        // Where what is left cannot go, on a full disk for instance.
        let saved = computer.history().store.saved().unwrap();
        assert!(saved.account.is_none() && saved.app_lock.is_none());
        assert_eq!(saved.glance, Glance::default());
        assert!(saved.due.is_empty() && saved.outbox.is_empty());

        let saved = &computer.reopen().saved;
        assert!(saved.account.is_none());
        assert_eq!(computer.all(), []);
        assert!(!computer.holds("title 1") && computer.tokens.is_empty());
    }
}

#[test]
fn a_device_is_remembered_without_naming_its_account() {
    let mut computer = Computer::signed_in();
    computer.write(&[StoreOp::Wipe]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let ada = signed_in("ada");
    let reader = &computer.history().reader;
    let known = reader.device(ada.server.clone(), ada.account);
    assert_eq!(runtime.block_on(known), Some(ada.device_id));
    let unknown = reader.device(ada.server, "bob".to_owned());
    assert_eq!(runtime.block_on(unknown), None);
}

#[test]
fn an_account_without_its_token_is_signed_in_again_by_the_server() {
    let mut computer = Computer::signed_in();
    computer.tokens.clear();
    let account = computer.reopen().saved.account.clone().unwrap().signed_in;
    assert_eq!(account.access_token.expose(), "");
}

#[test]
fn a_full_disk_fails_the_whole_batch_and_the_next_one_works_again() {
    let mut computer = Computer::signed_in();
    computer.write(&[save(1)]);
    computer.history().store.limit_pages(true);
    let mut large = message(3);
    large.body = "x".repeat(1024 * 1024);
    let ops = [save(2), save_of(large, false)];
    let failed = computer.history().store.write(at(1), &ops);
    assert_eq!(failed.unwrap_err(), StoreFailed::DiskFull);
    assert_eq!(computer.all(), ids(&[1]));
    computer.history().store.limit_pages(false);
    computer.write(&ops);
    let saved = &computer.reopen().saved;
    assert_eq!(saved.account.as_ref().unwrap().cursor, Some(cursor(3)));
    assert_eq!(computer.all(), ids(&[3, 2, 1]));
}

#[test]
fn two_companions_never_share_a_folder() {
    let computer = Computer::new();
    let second = open(computer.path(), Box::new(Tokens::default()));
    assert!(matches!(second.err(), Some(OpenError::InUse)));
}

#[test]
fn a_newer_or_damaged_file_is_left_alone_and_said_plainly() {
    let mut computer = Computer::new();
    computer.history = None;
    let path = computer.path().join(FILE);
    let refused = || open(computer.path(), Box::new(Tokens::default())).err();

    let db = rusqlite::Connection::open(&path).unwrap();
    db.pragma_update(None, "user_version", 999).unwrap();
    drop(db);
    assert!(matches!(refused(), Some(OpenError::Newer)));

    std::fs::write(
        &path,
        "not a database, but long enough to be looked at ".repeat(100),
    )
    .unwrap();
    assert!(matches!(refused(), Some(OpenError::Damaged(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The kept count is the true count, and the list is whole, whatever happened in whatever
    /// order.
    #[test]
    fn the_count_is_always_the_true_one(steps in prop::collection::vec((0..4_u8, 1..12_u16), 1..60)) {
        let mut computer = Computer::signed_in();
        let ops: Vec<_> = steps.iter().map(|&(kind, n)| match kind {
            0 | 1 => save(n),
            2 => read(&[n], i64::from(n)),
            _ => withdraw(&[n]),
        }).collect();
        let mut glance = None;
        for batch in ops.chunks(7) {
            glance = Some(computer.history().store.write(at(1), batch).unwrap().1);
        }
        let unread = computer.page(None, true, 200).0;
        let glance = glance.unwrap();
        prop_assert_eq!(glance.unread, unread.len() as u64);
        prop_assert_eq!(ids_of(&glance.newest), unread[..unread.len().min(5)].to_vec());
        let mut paged = Vec::new();
        let mut before = None;
        loop {
            let (rows, more) = computer.page(before, false, 2);
            before = rows.last().copied();
            paged.extend(rows);
            if !more { break }
        }
        prop_assert_eq!(paged, computer.all());
    }
}

#[test]
fn the_writer_answers_each_batch_once_in_order() {
    let mut computer = Computer::signed_in();
    let (answers, answered) = std::sync::mpsc::channel();
    let store = computer.history.take().unwrap().store;
    let writer: write::Writer = store.spawn(move |written| answers.send(written).unwrap());
    writer.write(at(1), vec![save(1), save(2)]);
    writer.write(at(2), vec![save(1)]);
    let fresh = |written: write::Written| match written.unwrap().0[0] {
        Stored::Saved { fresh, .. } => fresh,
        ref other => panic!("{other:?}"),
    };
    assert!(fresh(answered.recv().unwrap()));
    assert!(!fresh(answered.recv().unwrap()));
    drop(writer);
    assert!(answered.recv().is_err(), "the thread ends with its writer");
}
