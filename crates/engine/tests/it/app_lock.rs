//! The companion's own lock.

use core::time::Duration;

use hither_engine::view::{AppLockWhen, Command, Notice, Password};
use hither_engine::{AppLockSaved, Effect, Event, Sensed, SignedIn, StoreOp};
use hither_protocol::{AccessToken, FirstAlert, InactiveReason, Priority};

use crate::desk::Step::{After, On, Stored, Wake};
use crate::desk::{
    Desk, ada, arrives, check, idle, locked, message, read_here, rings, secs, signed_in, silent, up,
};

const BY_HAND: AppLockWhen = AppLockWhen {
    after_s: None,
    with_screen: false,
};

fn saved(when: AppLockWhen, failures: u32) -> AppLockSaved {
    AppLockSaved {
        verifier: "slow hash".to_owned(),
        when,
        failures,
    }
}

fn password(text: &str) -> Password {
    Password(text.to_owned())
}

fn set(text: &str, when: AppLockWhen) -> Event {
    let passphrase = password(text);
    Event::Command(Command::SetAppLock { passphrase, when })
}

fn unlock() -> Event {
    let passphrase = password("1234");
    Event::Command(Command::Unlock { passphrase })
}

fn lock() -> Event {
    Event::Command(Command::Lock)
}

fn hashed() -> Event {
    Event::PassphraseHashed(Some("slow hash".to_owned()))
}

/// Online and unlocked, with a lock that is set.
fn desk(when: AppLockWhen) -> Desk {
    let mut desk = Desk::online();
    desk.on(set("1234", when));
    desk.on(hashed());
    desk.on(idle(0));
    desk.store();
    desk
}

fn is_locked(desk: &Desk) -> bool {
    let view = desk.engine.view();
    let locked = view.app_lock.is_some_and(|lock| lock.locked);
    assert_eq!(locked, desk.engine.is_locked());
    let reason = view.presence.reason;
    assert!(!locked || reason.is_some(), "locked and {reason:?}");
    locked
}

#[test]
fn c1_a_locked_companion_is_inactive_until_the_passphrase_and_a_fresh_reading() {
    let mut desk = desk(BY_HAND);
    check(
        &mut desk,
        [
            (On(lock()), "say presence inactive/applocked 0"),
            (On(lock()), ""),
            (On(unlock()), "check passphrase"),
            // One look at a time.
            (On(unlock()), ""),
            (On(Event::PassphraseChecked(false)), "app lock, 1 failures"),
            (On(unlock()), "check passphrase"),
            (
                On(Event::PassphraseChecked(true)),
                "app lock, 0 failures; sense",
            ),
            (On(idle(0)), "say presence active 0; recall silent"),
        ],
    );
}

#[test]
fn locked_it_shows_no_content_anywhere() {
    let mut desk = desk(BY_HAND);
    desk.on(rings(1));
    desk.store();
    desk.on(up(1));
    desk.on(silent(2));
    desk.store();
    assert_eq!(desk.engine.view().glance.newest.len(), 2);
    let effects = desk.on(lock());
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::WithdrawToast(_))),
        "{effects:?}"
    );
    let glance = desk.engine.view().glance;
    assert_eq!((glance.unread, glance.newest.len()), (2, 0));

    // What arrives is kept without a word; an urgent one says only that it is there.
    desk.on(rings(3));
    assert!(!shows_anything(&desk.store()));
    let mut urgent = message(4);
    urgent.priority = Priority::Urgent;
    desk.on(arrives(urgent, FirstAlert::Now));
    for effect in desk.store() {
        if let Effect::ShowToast(toast) = effect {
            assert!(
                !toast.title.contains("T4") && toast.body.is_empty() && toast.actions.is_empty()
            );
        }
    }
    // Nothing is read behind the lock.
    assert!(desk.on(read_here([1])).is_empty());

    desk.on(unlock());
    desk.on(Event::PassphraseChecked(true));
    assert_eq!(desk.engine.view().glance.newest.len(), 4);
}

fn shows_anything(effects: &[Effect]) -> bool {
    effects
        .iter()
        .any(|effect| matches!(effect, Effect::ShowToast(_)))
}

#[test]
fn it_locks_with_the_screen_only_where_that_was_asked_for() {
    for with_screen in [true, false] {
        let mut desk = desk(AppLockWhen {
            with_screen,
            after_s: None,
        });
        desk.on(locked(true));
        desk.on(locked(false));
        desk.on(idle(0));
        assert_eq!(is_locked(&desk), with_screen);
        let expected = with_screen.then_some(InactiveReason::AppLocked);
        assert_eq!(desk.engine.view().presence.reason, expected);
    }
}

#[test]
fn it_locks_after_a_time_without_input() {
    let mut desk = desk(AppLockWhen {
        after_s: Some(120),
        with_screen: false,
    });
    // Input was seen later than it thought: it waits on.
    desk.elapsed += secs(120);
    desk.on(Event::WokeUp);
    desk.on(idle(30));
    assert!(!is_locked(&desk));
    desk.elapsed += secs(90);
    desk.on(Event::WokeUp);
    desk.on(idle(119));
    assert!(!is_locked(&desk));
    desk.elapsed += secs(1);
    desk.on(Event::WokeUp);
    desk.on(idle(120));
    assert!(is_locked(&desk));
}

#[test]
fn it_wakes_by_itself_to_lock() {
    let mut desk = Desk::signed_in();
    desk.on(Event::Started);
    desk.on(idle(0));
    desk.on(set(
        "1234",
        AppLockWhen {
            after_s: Some(60),
            with_screen: false,
        },
    ));
    desk.on(hashed());
    desk.on(idle(0));
    let begun = desk.elapsed;
    while !is_locked(&desk) {
        assert!(desk.elapsed < begun + secs(70), "never locked");
        desk.step(Wake);
        let age = desk.elapsed.saturating_sub(begun);
        desk.on(Event::Sensed(Sensed::Idle(Some(age))));
    }
    assert!(desk.elapsed < begun + secs(61), "{:?}", desk.elapsed);
}

#[test]
fn without_an_idle_source_time_does_not_lock() {
    let mut desk = desk(AppLockWhen {
        after_s: Some(60),
        with_screen: false,
    });
    desk.on(Event::Sensed(Sensed::Idle(None)));
    desk.step(After(Duration::from_hours(2)));
    desk.on(Event::Sensed(Sensed::Idle(None)));
    assert!(!is_locked(&desk));
}

#[test]
fn wrong_passphrases_cost_waiting_and_a_restart_is_no_way_around() {
    let mut desk = desk(BY_HAND);
    desk.on(lock());
    for _ in 0..5 {
        assert!(!desk.on(unlock()).is_empty());
        desk.on(Event::PassphraseChecked(false));
        desk.store();
    }
    let view = desk.engine.view().app_lock.unwrap();
    assert!(view.wrong && view.closed_until.is_some());
    assert!(desk.on(unlock()).is_empty(), "looked at too early");

    let mut again = Desk::new(desk.disk.clone());
    again.begin();
    assert!(is_locked(&again));
    assert!(again.on(unlock()).is_empty(), "a restart opened it");
    again.elapsed += secs(30);
    again.on(Event::WokeUp);
    assert_eq!(again.engine.view().app_lock.unwrap().closed_until, None);
    assert!(!again.on(unlock()).is_empty());
    again.on(Event::PassphraseChecked(true));
    again.store();
    assert!(!is_locked(&again));
    assert_eq!(again.disk.app_lock.unwrap().failures, 0);
}

#[test]
fn it_is_locked_from_the_start_on() {
    let mut desk = Desk::new(crate::disk::Disk {
        app_lock: Some(saved(BY_HAND, 0)),
        ..ada()
    });
    check(
        &mut desk,
        [
            (On(Event::Started), "watch 180s; sense; connect"),
            (On(idle(0)), ""),
        ],
    );
    assert!(is_locked(&desk));
}

#[test]
fn a_passphrase_has_a_shortest_and_a_longest_form() {
    for (passphrase, fits) in [
        ("", false),
        ("123", false),
        ("1234", true),
        ("密码口令", true),
        ("密码口", false),
        (&*"x".repeat(256), true),
        (&*"x".repeat(257), false),
    ] {
        let mut desk = Desk::online();
        let effects = desk.on(set(passphrase, BY_HAND));
        assert_eq!(effects.is_empty(), !fits, "{passphrase}");
        let refused = desk.engine.view().notice == Some(Notice::UnfitPassphrase);
        assert_eq!(refused, !fits, "{passphrase}");
    }
}

#[test]
fn only_who_knows_the_passphrase_changes_or_removes_it() {
    let mut desk = desk(BY_HAND);
    // A second lock is not laid over the first.
    assert!(desk.on(set("other", BY_HAND)).is_empty());
    let when = AppLockWhen {
        after_s: Some(5),
        with_screen: true,
    };
    let change = || {
        let passphrase = password("1234");
        Event::Command(Command::ChangeAppLock { passphrase, when })
    };
    let remove = || {
        let passphrase = password("1234");
        Event::Command(Command::RemoveAppLock { passphrase })
    };
    for wish in [change(), remove()] {
        desk.on(wish);
        desk.on(Event::PassphraseChecked(false));
        assert_eq!(desk.engine.view().app_lock.unwrap().when, BY_HAND);
    }
    desk.on(change());
    desk.on(Event::PassphraseChecked(true));
    let bounded = AppLockWhen {
        after_s: Some(60),
        with_screen: true,
    };
    assert_eq!(desk.engine.view().app_lock.unwrap().when, bounded);
    desk.on(remove());
    desk.on(Event::PassphraseChecked(true));
    desk.store();
    assert_eq!(desk.engine.view().app_lock, None);
    assert_eq!(desk.disk.app_lock, None);
    assert!(desk.on(lock()).is_empty());
}

#[test]
fn whoever_forgot_it_signs_in_again_and_starts_over() {
    let again = SignedIn {
        access_token: AccessToken::new("new".to_owned()),
        ..signed_in("ada")
    };
    for is_locked in [false, true] {
        let mut desk = desk(BY_HAND);
        if is_locked {
            desk.on(lock());
        }
        let effects = desk.on(Event::SignedIn(Ok(again.clone())));
        let wipes = |effect: &Effect| matches!(effect, Effect::Store(StoreOp::Wipe));
        assert_eq!(effects.iter().any(wipes), is_locked);
        assert_eq!(desk.engine.view().app_lock.is_none(), is_locked);
    }
}

#[test]
fn b6_signing_out_takes_the_lock_along() {
    let mut desk = desk(BY_HAND);
    desk.on(lock());
    desk.on(Event::Command(Command::SignOut));
    check(&mut desk, [(Stored, "")]);
    assert_eq!(desk.engine.view().app_lock, None);
    assert_eq!(desk.disk.app_lock, None);
}
