use hither_engine::view::{AppLockWhen, ConnectionView, Glance, Notice, Password};
use hither_engine::{AppLockSaved, Command, Event, SignInFailed, StoreFailed};

use crate::desk::Step::{On, StoreFailed as Fails, Stored};
use crate::desk::{Desk, check, closed, idle, rings, signed_in, up};
use crate::disk::Disk;

fn sign_in(account: &str) -> Event {
    Event::Command(Command::SignIn {
        server: "push.example.org".to_owned(),
        account: account.to_owned(),
        password: Password("secret".to_owned()),
    })
}

fn signed(account: &str) -> Event {
    Event::SignedIn(Ok(signed_in(account)))
}

#[test]
fn signing_in_connects_once_the_account_is_on_disk() {
    let mut desk = Desk::new(Disk::default());
    check(
        &mut desk,
        [
            (On(Event::Started), "watch 180s; sense"),
            (On(idle(0)), ""),
            (On(sign_in("ada")), "sign in ada"),
            (On(sign_in("ada")), ""),
        ],
    );
    assert!(desk.engine.view().signing_in);
    check(
        &mut desk,
        [
            (On(signed("ada")), "set account ada"),
            (Fails(StoreFailed::DiskFull), ""),
        ],
    );
    assert_eq!(desk.engine.view().notice, Some(Notice::DiskFull));
    desk.elapsed += crate::desk::secs(10);
    check(
        &mut desk,
        [
            (On(Event::WokeUp), "set account ada"),
            (Stored, "connect; sense"),
            (On(idle(0)), ""),
            (On(Event::Opened), "say hello all active 0"),
        ],
    );
    let view = desk.engine.view();
    assert_eq!(view.account.unwrap().name, "ada");
    assert!(!view.signing_in);
}

#[test]
fn a_failed_sign_in_says_what_to_do() {
    let detail = || "no such host".to_owned();
    for (failed, notice) in [
        (SignInFailed::WrongCredentials, Notice::WrongCredentials),
        (SignInFailed::TooMany, Notice::TooManyTries),
        (
            SignInFailed::Unreachable(detail()),
            Notice::Unreachable { detail: detail() },
        ),
        (
            SignInFailed::Unexpected(detail()),
            Notice::Unreachable { detail: detail() },
        ),
    ] {
        let mut desk = Desk::new(Disk::default());
        desk.on(Event::Started);
        desk.on(sign_in("ada"));
        check(&mut desk, [(On(Event::SignedIn(Err(failed))), "")]);
        let view = desk.engine.view();
        assert_eq!(view.notice, Some(notice));
        assert!(!view.signing_in);
        assert_eq!(view.connection, ConnectionView::SignedOut);
    }
}

#[test]
fn b6_another_account_sees_nothing_of_the_one_before() {
    let mut desk = Desk::online();
    check(
        &mut desk,
        [
            (On(rings(1)), "save 1 due c1"),
            (Stored, "show 1 <T1|body>; say ack c1"),
            (On(up(1)), "mark-shown 1; put #1 shown 1; say shown 1"),
            (On(rings(2)), "save 2 due c2"),
            (On(sign_in("eve")), "sign in eve"),
            (
                On(signed("eve")),
                "sign out ada; disconnect; unshow 1; set account eve",
            ),
        ],
    );
    assert_eq!(desk.engine.view().glance, Glance::default());
    check(
        &mut desk,
        [
            // Message 2 was on its way to the disk: no pop-up, and no trace in hello.
            (Stored, "connect; sense"),
            (On(idle(0)), ""),
            (On(Event::Opened), "say hello all active 0"),
            (On(crate::desk::welcome()), "sense"),
        ],
    );
    assert_eq!(desk.disk.rows.len(), 0);
    assert_eq!(desk.disk.outbox.len(), 0);
}

#[test]
fn b6_nobody_is_signed_in_until_the_history_before_is_gone() {
    for is_locked in [false, true] {
        for account in ["ada", "eve"] {
            let mut desk = Desk::new(Disk {
                app_lock: is_locked.then(|| AppLockSaved {
                    verifier: "slow hash".to_owned(),
                    when: AppLockWhen::default(),
                    failures: 0,
                }),
                ..crate::desk::ada()
            });
            desk.begin();
            desk.on(crate::desk::silent(1));
            desk.store();
            assert!(desk.engine.is_signed_in());
            desk.on(signed(account));
            let keeps = account == "ada" && !is_locked;
            for _ in 0..2 {
                let view = desk.engine.view();
                assert_eq!(view.account.is_some(), keeps, "{account}");
                assert_eq!(view.glance.unread, u64::from(keeps), "{account}");
                assert_eq!(desk.engine.is_signed_in(), keeps, "{account}");
                assert!(view.signing_in);
                // However often the disk refuses.
                desk.step(Fails(StoreFailed::DiskFull));
                desk.elapsed += crate::desk::secs(10);
                desk.on(Event::WokeUp);
            }
            desk.store();
            let view = desk.engine.view();
            assert_eq!(view.account.unwrap().name, account);
            assert_eq!(view.glance.unread, u64::from(keeps), "{account}");
            // Whoever is told that it worked finds it so.
            assert_eq!(view.connection, ConnectionView::Connecting);
            assert!(!view.signing_in);
        }
    }
}

#[test]
fn b6_a_pause_ends_with_its_account() {
    for (end, fails) in [
        (Event::Command(Command::SignOut), false),
        (signed("eve"), false),
        (closed(4403), true),
    ] {
        let mut desk = Desk::online();
        desk.on(Event::Command(Command::Pause { until: None }));
        if fails {
            // What the disk did not take is not tried again for the next one.
            desk.step(Fails(StoreFailed::DiskFull));
        }
        desk.on(end);
        assert_eq!(desk.engine.view().paused_until, None);
        desk.elapsed += crate::desk::secs(10);
        desk.on(Event::WokeUp);
        desk.store();
        assert_eq!(desk.disk.paused_until, None);
    }
}

#[test]
fn b6_what_was_under_way_for_the_account_before_ends_there() {
    let mut desk = Desk::online();
    desk.on(crate::desk::silent(1));
    desk.on(Event::Command(Command::MarkAllRead));
    let under_way = core::mem::take(&mut desk.batch);
    check(
        &mut desk,
        [(
            On(Event::Command(Command::SignOut)),
            "disconnect; sign out ada; wipe",
        )],
    );
    let wipe = core::mem::replace(&mut desk.batch, under_way);
    check(&mut desk, [(Stored, "")]);
    assert_eq!(desk.disk.glance().unread, 1);
    assert_eq!(desk.engine.view().glance, Glance::default());
    desk.batch = wipe;
    check(&mut desk, [(Stored, "")]);
    assert_eq!(desk.disk.glance().unread, 0);
}

#[test]
fn the_same_account_signs_in_again_and_keeps_its_history() {
    let mut desk = Desk::online();
    check(
        &mut desk,
        [
            (On(rings(1)), "save 1 due c1"),
            (Stored, "show 1 <T1|body>; say ack c1"),
            (On(closed(4401)), ""),
        ],
    );
    let view = desk.engine.view();
    assert_eq!(view.connection, ConnectionView::SignedOut);
    assert_eq!(view.glance.unread, 1);
    check(
        &mut desk,
        [
            (On(signed("ada")), "set account ada"),
            (Stored, "connect; sense"),
            (On(idle(0)), ""),
            (On(Event::Opened), "say hello c1 active 0"),
        ],
    );
    assert_eq!(desk.engine.view().notice, None);
}

#[test]
fn signing_out_leaves_nothing() {
    let mut desk = Desk::online();
    check(
        &mut desk,
        [
            (On(rings(1)), "save 1 due c1"),
            (Stored, "show 1 <T1|body>; say ack c1"),
            (On(up(1)), "mark-shown 1; put #1 shown 1; say shown 1"),
            (
                On(Event::Command(Command::SignOut)),
                "disconnect; unshow 1; sign out ada; wipe",
            ),
            (On(Event::Command(Command::SignOut)), ""),
            (On(crate::desk::read_here([1])), ""),
            (Stored, ""),
        ],
    );
    let view = desk.engine.view();
    assert_eq!(
        (view.account, view.connection),
        (None, ConnectionView::SignedOut)
    );
    assert_eq!(view.glance, Glance::default());
    assert!(desk.disk.rows.is_empty() && desk.disk.account.is_none());
}

#[test]
fn a_revoked_device_wipes_its_history_and_its_screen() {
    let mut desk = Desk::online();
    check(
        &mut desk,
        [
            (On(rings(1)), "save 1 due c1"),
            (Stored, "show 1 <T1|body>; say ack c1"),
            (On(closed(4403)), "unshow 1; wipe"),
            (Fails(StoreFailed::DiskFull), ""),
        ],
    );
    assert_eq!(desk.engine.view().glance, Glance::default());
    desk.elapsed += crate::desk::secs(10);
    check(&mut desk, [(On(Event::WokeUp), "wipe"), (Stored, "")]);
    assert!(desk.disk.rows.is_empty());
}

#[test]
fn quitting_says_goodbye_and_then_nothing() {
    let mut desk = Desk::online();
    check(
        &mut desk,
        [
            (On(Event::Command(Command::Quit)), "disconnect; exit"),
            (On(rings(1)), ""),
            (On(Event::WokeUp), ""),
        ],
    );
    assert_eq!(desk.engine.next_wakeup(), None);
}

#[test]
fn a_password_stays_out_of_logs() {
    let said = format!("{:?}", sign_in("ada"));
    assert!(!said.contains("secret"), "{said}");
    for command in [
        r#"{"type": "unlock", "passphrase": 4711}"#,
        r#"{"type": "set_app_lock", "passphrase": [4711], "when": {"with_screen": true}}"#,
    ] {
        let said = serde_json::from_str::<Command>(command)
            .unwrap_err()
            .to_string();
        assert!(!said.contains("4711"), "{said}");
    }
}
