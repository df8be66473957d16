use core::time::Duration;

use hither_protocol::{Because, MAX_FRAME_BYTES, Outcome, ServerFrame};
use tokio::task::JoinSet;

use super::trace::decided;
use super::*;
use crate::store::{PoppedUp, Stored};

pub(crate) async fn a6_positions_rise_in_commit_order<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let mut news = scene.store.commits().unwrap();
    let mut running = JoinSet::new();
    for _ in 0..200 {
        let store = Arc::clone(&scene.store);
        running.spawn(async move { store.publish(a_message(&["ada", "bob"])).await.unwrap() });
    }
    assert!(running.join_all().await.iter().all(|s| s.receivers == 2));

    let mut seen = Vec::new();
    for committed in announced(&mut news) {
        if let Committed::Entries(entries) = committed {
            seen.extend(positions(&new_entries(&entries)));
        }
    }
    assert_eq!(seen, (1..=200).collect::<Vec<_>>());
    assert_eq!(scene.store.head(), Position(200));
    for account in ["ada", "bob"] {
        let log = positions(&scene.whole_log(account).await.entries);
        assert_eq!(log, seen, "one position for all who get it");
    }
}

pub(crate) async fn a6_cursors_survive_equal_timestamps_and_a_clock_set_back<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let first = scene.publish(&["ada"]).await;
    let second = scene.publish(&["ada"]).await;
    let got = scene.page("ada", Position(0), 1).await;
    assert_eq!(ids(&got), [first]);
    assert_eq!(ids(&scene.page("ada", got.upto, 9).await), [second]);

    scene.hands.turn(-86_400_000);
    let third = scene.publish(&["ada"]).await;
    let scene = scene.reopen().await;
    scene.hands.turn(-86_400_000);
    let fourth = scene.publish(&["ada"]).await;
    let page = scene.page("ada", Position(2), 9).await;
    assert_eq!(ids(&page), [third, fourth]);
    let times: Vec<_> = messages(&page).iter().map(|m| m.created_at).collect();
    assert!(times[0] > times[1], "stamped with the clock as it was");
}

pub(crate) async fn a6_pages_end_where_they_say<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let empty = scene.whole_log("ada").await;
    assert_eq!((empty.upto, empty.more), (Position(0), false));

    let mut sent = Vec::new();
    for _ in 0..5 {
        sent.push(scene.publish(&["ada"]).await);
        scene.publish(&["bob"]).await;
    }
    for limit in [0, 1, 2, 4, 5, 6, 5000] {
        let mut got = Vec::new();
        let mut after = Position(0);
        loop {
            let page = scene.page("ada", after, limit).await;
            assert!(page.entries.len() <= limit.max(1));
            assert!(page.upto >= page.entries.last().map_or(after, |e| e.position));
            got.extend(ids(&page));
            after = page.upto;
            if !page.more {
                break;
            }
        }
        assert_eq!(got, sent, "limit {limit}");
        assert_eq!(after, Position(10), "all was looked at, bob's last one too");
    }
    let end = scene.page("ada", Position(10), 9).await;
    assert!(end.entries.is_empty() && !end.more);
    let unknown = scene.store.page(&inbox("eve"), Position(0), None, 9).await;
    assert_eq!(refused(unknown), StoreError::NotFound);
}

pub(crate) async fn a_repeated_publish_gets_the_first_answer<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let keyed = |key: &str, body: u8| NewMessage {
        idempotency: Some((key.to_owned(), [body; 32])),
        ..a_message(&["ada"])
    };
    let first = scene.store.publish(keyed("k", 1)).await.unwrap();
    let scene = scene.reopen().await;
    assert_eq!(scene.store.publish(keyed("k", 1)).await.unwrap(), first);
    let other_body = scene.store.publish(keyed("k", 2)).await;
    assert_eq!(refused(other_body), StoreError::IdempotencyMismatch);
    let other_key = scene.store.publish(keyed("l", 1)).await.unwrap();
    assert_eq!(ids(&scene.whole_log("ada").await), [first.id, other_key.id]);

    scene.hands.turn(24 * 3_600_000 - 1);
    assert_eq!(scene.store.publish(keyed("k", 1)).await.unwrap(), first);
    scene.hands.turn(1);
    let after_a_day = scene.store.publish(keyed("k", 2)).await.unwrap();
    assert_ne!(after_a_day.id, first.id);
    assert_eq!(
        scene.store.publish(keyed("k", 2)).await.unwrap(),
        after_a_day
    );

    let (one, two) = tokio::join!(
        scene.store.publish(keyed("at once", 1)),
        scene.store.publish(keyed("at once", 1)),
    );
    assert_eq!(one.unwrap(), two.unwrap());
}

pub(crate) async fn unknown_and_disabled_receivers_are_dropped<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let disabled = scene.store.set_account_disabled(&name("bob"), true).await;
    disabled.unwrap();
    let some = a_message(&["ada", "eve", "bob", "ada"]);
    assert_eq!(scene.store.publish(some).await.unwrap().receivers, 1);
    let none = a_message(&["eve", "bob"]);
    let none = scene.store.publish(none).await;
    assert_eq!(refused(none), StoreError::NoReceivers);
    assert_eq!(scene.store.head(), Position(1));

    let mut stranger = a_message(&["ada"]);
    stranger.message.publisher.id = "app-0000000000000000".parse().unwrap();
    let stranger = scene.store.publish(stranger).await;
    assert_eq!(refused(stranger), StoreError::NotFound);
    let publisher = publisher_id();
    let disabled = scene.store.set_publisher_disabled(&publisher, true).await;
    disabled.unwrap();
    let silenced = scene.store.publish(a_message(&["ada"])).await;
    assert_eq!(refused(silenced), StoreError::Disabled);
}

pub(crate) async fn accounts_never_see_each_other<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let mut secret = a_message(&["ada"]);
    secret.html = Some("<p>for ada</p>".to_owned());
    let id = scene.store.publish(secret).await.unwrap().id;
    let (ada, bob, at) = (inbox("ada"), inbox("bob"), scene.hands.now());
    let store = &scene.store;

    assert!(scene.whole_log("bob").await.entries.is_empty());
    assert_eq!(store.message(&bob, id).await.unwrap(), None);
    assert_eq!(store.html(&bob, id).await.unwrap(), None);
    assert_eq!(store.pending(&name("bob"), at, NEWEST).await.unwrap(), []);
    store.mark_read(&bob, vec![id], at).await.unwrap();
    let shown = store
        .mark_shown(&bob, &device("d"), vec![id], false, at)
        .await;
    shown.unwrap();
    assert_eq!(
        store.message(&ada, id).await.unwrap().unwrap().read_at,
        None
    );
    assert_eq!(
        store.pending(&name("ada"), at, NEWEST).await.unwrap().len(),
        1
    );
    assert!(store.html(&ada, id).await.unwrap().is_some());
    assert!(scene.whole_log("bob").await.entries.is_empty());
}

pub(crate) async fn read_anywhere_is_read_once<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let both = scene.publish(&["ada", "bob"]).await;
    let other = scene.publish(&["ada"]).await;
    let (ada, at) = (inbox("ada"), scene.hands.now());
    let unknown = MessageId(Uuid::now_v7());
    for ids in [vec![both, unknown, both], vec![both], vec![]] {
        scene.store.mark_read(&ada, ids, at).await.unwrap();
        scene.hands.turn(1000);
    }
    let log = scene.whole_log("ada").await;
    let read: Vec<_> = messages(&log).iter().map(|m| (m.id, m.read_at)).collect();
    assert_eq!(read, [(both, Some(at)), (other, None)]);
    let [.., last] = &log.entries[..] else {
        panic!("no entries");
    };
    assert_eq!(log.entries.len(), 3);
    assert!(matches!(&last.what, What::Read(ids) if *ids == [both]));
    let one = scene.store.message(&ada, both).await.unwrap().unwrap();
    assert_eq!(one.read_at, Some(at));
    assert_eq!(messages(&scene.whole_log("bob").await)[0].read_at, None);
}

pub(crate) async fn shown_and_read_messages_are_not_pending<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let (ada, bob, at) = (name("ada"), name("bob"), scene.hands.now());
    let shown = scene.publish(&["ada", "bob"]).await;
    let read = scene.publish(&["ada"]).await;
    let mut urgent = a_message(&["ada"]);
    urgent.message.priority = Priority::Urgent;
    urgent.ttl = Some(Duration::from_hours(24));
    let waiting = scene.store.publish(urgent).await.unwrap().id;
    let mut news = scene.store.commits().unwrap();
    announced(&mut news);

    for stays in [false, true] {
        let unknown = MessageId(Uuid::now_v7());
        let marked = scene
            .store
            .mark_shown(
                &inbox("ada"),
                &device("desk"),
                vec![shown, unknown],
                stays,
                at,
            )
            .await;
        marked.unwrap();
        let told = announced(&mut news);
        assert!(
            matches!(&told[..], [Committed::Shown { account, on, ids, stays: told }]
                if *account == ada && *on == device("desk") && *ids == [shown] && *told == stays),
            "{told:?}"
        );
    }
    scene
        .store
        .mark_read(&inbox("ada"), vec![read], at)
        .await
        .unwrap();

    let scene = scene.reopen().await;
    let pending = scene.store.pending(&ada, at, NEWEST).await.unwrap();
    assert_eq!(pending.len(), 1);
    assert_eq!(
        (pending[0].id, pending[0].priority),
        (waiting, Priority::Urgent)
    );
    assert_eq!(pending[0].created_at, at);
    assert_eq!(pending[0].publisher, publisher_id());
    assert_eq!(
        scene.store.pending(&bob, at, NEWEST).await.unwrap()[0].id,
        shown
    );
    let before = Position::default();
    assert_eq!(scene.store.pending(&ada, at, before).await.unwrap(), []);
    assert_eq!(
        scene
            .store
            .pending(&ada, in_days(at, 1), NEWEST)
            .await
            .unwrap(),
        []
    );
}

pub(crate) async fn what_popped_up_lately_and_nobody_saw_is_unseen<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let (ada, at) = (name("ada"), scene.hands.now());
    scene.sign_in("ada", "desk", 8).await;
    let mut phone = a_session("ada", "phone", 9, at);
    phone.device.kind = DeviceKind::Mobile;
    scene.store.create_session(phone).await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(scene.publish(&["ada"]).await);
    }
    let [unseen, seen, read, on_phone, _pending] = ids[..] else {
        panic!("{ids:?}")
    };
    let show = async |on: &str, shown: &[MessageId], stays, at| {
        let (reader, on) = (inbox("ada"), device(on));
        let shown = shown.to_vec();
        let marked = scene.store.mark_shown(&reader, &on, shown, stays, at).await;
        marked.unwrap();
    };
    show("desk", &[unseen, seen, read, on_phone], false, at).await;
    show("phone", &[on_phone], false, at).await;
    let later = at + jiff::SignedDuration::from_mins(30);
    show("desk", &[unseen], true, later).await;
    let mut step = decided("ada", seen, Because::InputAfterwards, at);
    step.step.decision.outcome = Outcome::Seen;
    let alerted = decided("ada", unseen, Because::Active, at);
    let steps = scene.store.add_steps(vec![step, alerted]).await;
    steps.unwrap();
    let marked = scene.store.mark_read(&inbox("ada"), vec![read], at).await;
    marked.unwrap();

    let within = at + jiff::SignedDuration::from_mins(80);
    let found = scene.store.unseen(&ada, within).await.unwrap();
    let shown = vec![PoppedUp {
        on: device("desk"),
        at: later,
        stays: true,
    }];
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].message.id, &found[0].shown), (unseen, &shown));
    assert_eq!(scene.store.unseen(&name("bob"), within).await.unwrap(), []);
    assert_eq!(scene.store.unseen(&ada, in_days(at, 9)).await.unwrap(), []);
}

pub(crate) async fn expired_messages_are_passed_over<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let before = scene.publish(&["ada"]).await;
    let mut short = a_message(&["ada"]);
    short.html = Some("x".repeat(20_000));
    short.ttl = Some(Duration::from_hours(24));
    let short = scene.store.publish(short).await.unwrap().id;
    assert_eq!(ids(&scene.whole_log("ada").await), [before, short]);

    scene.hands.turn(86_400_000);
    let log = scene.whole_log("ada").await;
    assert_eq!(ids(&log), [before]);
    assert_eq!((log.upto, log.more), (Position(2), false));
    let only_expired = scene.page("ada", Position(1), 1).await;
    assert!(only_expired.entries.is_empty());
    assert_eq!(only_expired.upto, Position(2));
    assert_eq!(
        scene.store.message(&inbox("ada"), short).await.unwrap(),
        None
    );
    assert_eq!(scene.store.html(&inbox("ada"), short).await.unwrap(), None);
}

pub(crate) async fn small_pages_travel_inside_large_ones_beside<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let sixteen = 16 * 1024;
    // Page, text beside it, whether the page travels inside.
    let cases = [
        ("a".repeat(sixteen), String::new(), true),
        ("a".repeat(sixteen + 1), String::new(), false),
        ("\u{1}".repeat(sixteen), String::new(), false),
        ("\"".repeat(sixteen), String::new(), true),
        ("中".repeat(sixteen / 3), String::new(), true),
        ("a".repeat(sixteen), "b".repeat(48 * 1024), false),
        (String::new(), String::new(), true),
    ];
    for (page, body, inside) in cases {
        let mut new = a_message(&["ada"]);
        new.html = Some(page.clone());
        new.message.body = body;
        let id = scene.store.publish(new).await.unwrap().id;
        let at = scene.hands.now();
        scene
            .store
            .mark_read(&inbox("ada"), vec![id], at)
            .await
            .unwrap();
        let got = scene
            .store
            .message(&inbox("ada"), id)
            .await
            .unwrap()
            .unwrap();
        let html = got.html.clone().unwrap();
        assert_eq!(html.size, page.len() as u64);
        assert_eq!(html.inline.is_some(), inside);
        assert_eq!(html.href.is_some(), !inside);
        let whole = scene.store.html(&inbox("ada"), id).await.unwrap();
        assert_eq!(whole, Some(page));
        let frame = ServerFrame::Message {
            cursor: "c".repeat(128).parse().unwrap(),
            alert: hither_protocol::FirstAlert::Silent,
            message: Box::new(got),
        };
        assert!(frame.to_text().len() < MAX_FRAME_BYTES);
    }
}

pub(crate) async fn one_failing_request_among_many_fails_alone<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let mut running = JoinSet::new();
    let twin = a_message(&["ada"]);
    for number in 0..300 {
        let store = Arc::clone(&scene.store);
        // Every third repeats an id: the first of them is stored, the others are refused.
        let new = match number % 3 {
            0 => twin.clone(),
            _ => a_message(&["ada"]),
        };
        running.spawn(async move { store.publish(new).await });
    }
    let answers = running.join_all().await;
    let refusals = answers.iter().filter(|answer| answer.is_err());
    assert!(refusals.clone().all(|r| *r == Err(StoreError::Taken)));
    assert_eq!(refusals.count(), 99);
    let log = scene.whole_log("ada").await;
    assert_eq!(positions(&log.entries), (1..=201).collect::<Vec<_>>());
    let mut stored: Vec<_> = answers
        .into_iter()
        .flatten()
        .map(|s: Stored| s.id)
        .collect();
    let mut kept = ids(&log);
    stored.sort();
    kept.sort();
    assert_eq!(stored, kept);
}

pub(crate) async fn commits_are_announced_before_they_are_answered<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let mut news = scene.store.commits().unwrap();
    assert!(scene.store.commits().is_none(), "can be taken once");
    for _ in 0..20 {
        let id = scene.publish(&["ada"]).await;
        let told = announced(&mut news);
        let [Committed::Entries(entries)] = &told[..] else {
            panic!("{told:?}");
        };
        assert!(matches!(&entries[0].entry.what, What::Message(message)
            if message.id == id && message.created_at == scene.hands.now()));
        let head = scene.store.head();
        assert_eq!(
            entries[0].entry.position, head,
            "visible to whoever was told"
        );
        assert_eq!(scene.whole_log("ada").await.upto, head);
    }
    let _ = scene.store.publish(a_message(&["eve"])).await;
    assert!(announced(&mut news).is_empty(), "nothing was stored");
    scene.store.close().await;
    assert!(news.recv().await.is_none(), "ends with the store");
}

pub(crate) async fn an_action_is_recorded_for_its_owner_only<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let id = scene.publish(&["ada"]).await;
    let at = scene.hands.now();
    let choose = |who: &str, id| {
        let (who, store) = (inbox(who), Arc::clone(&scene.store));
        async move {
            let yes = "yes".to_owned();
            store.record_action(&who, &device("d"), id, yes, at).await
        }
    };
    choose("ada", id).await.unwrap();
    choose("ada", id).await.unwrap();
    assert_eq!(refused(choose("bob", id).await), StoreError::NotFound);
    let unknown = MessageId(Uuid::now_v7());
    assert_eq!(refused(choose("ada", unknown).await), StoreError::NotFound);
}

pub(crate) async fn a9_what_was_answered_is_there_after_reopening<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let mut sent = Vec::new();
    for _ in 0..50 {
        sent.push(scene.publish(&["ada"]).await);
    }
    let cursors = scene.store.cursors();
    let cursor = cursors.make(&name("ada"), Position(20));
    let Scene { bed, hands, store } = scene;
    // Not closed: what was answered does not depend on it.
    drop(store);
    let store = bed.open(hands.clock());
    let scene = Scene { bed, hands, store };
    let head = scene.store.head();
    assert_eq!(head, Position(50));
    let after = scene.store.cursors().parse(&name("ada"), &cursor, head);
    assert_eq!(after, Ok(Position(20)));
    let rest = scene.page("ada", Position(20), 100).await;
    assert_eq!(ids(&rest), sent[20..]);
    scene.publish(&["ada"]).await;
    assert_eq!(scene.store.head(), Position(51));
}

pub(crate) async fn a_closed_store_says_so<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    assert_eq!(scene.store.answers().await, Ok(()));
    let store = Arc::clone(&scene.store);
    let queued = tokio::spawn(async move { store.publish(a_message(&["ada"])).await });
    scene.store.close().await;
    scene.store.close().await;
    assert_eq!(scene.store.answers().await, Err(StoreError::Closed));
    // Queued before or refused after, never lost without a word.
    let answer = queued.await.unwrap();
    let late = scene.store.publish(a_message(&["ada"])).await;
    assert_eq!(refused(late), StoreError::Closed);
    let late = scene.store.accounts().await;
    assert_eq!(refused(late), StoreError::Closed);
    let Scene { bed, hands, store } = scene;
    drop(store);
    let store = bed.open(hands.clock());
    let stored = store
        .page(&inbox("ada"), Position(0), None, 9)
        .await
        .unwrap();
    assert_eq!(answer.is_ok(), stored.entries.len() == 1);
}
