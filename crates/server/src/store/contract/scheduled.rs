//! What comes at its time, and not before.

use core::time::Duration;

use futures_util::future::join_all;
use hither_protocol::{Attachment, Message, Priority, TopicName, WithdrawWhy};
use serde_json::json;

use super::*;
use crate::attachments::sweep;
use crate::store::{
    Change, ClientId, EventType, Grant, Grantee, Lost, MAX_SCHEDULED, MessageStates, Quota,
    Refusal, Refused, Right, Stored,
};

/// A minute, in milliseconds.
const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

impl<B: Bed> Scene<B> {
    fn in_ms(&self, ms: i64) -> Timestamp {
        Timestamp::from_millisecond(self.hands.now().as_millisecond() + ms).unwrap()
    }

    /// Publishes something that comes in so many milliseconds.
    async fn schedule(&self, ms: i64, new: NewMessage) -> Stored {
        let deliver_at = Some(self.in_ms(ms));
        let stored = self.store.publish(NewMessage { deliver_at, ..new });
        stored.await.unwrap()
    }

    /// What waits, comes; answers for how many milliseconds nothing does.
    async fn release(&self) -> Option<u128> {
        let wait = self.store.release().await.unwrap();
        wait.map(|wait| wait.as_millis())
    }

    async fn released_after(&self, ms: i64) {
        self.hands.turn(ms);
        self.release().await;
    }

    async fn became(&self, id: MessageId) -> MessageStates {
        let found = self.store.states(&publisher_id(), id, None, 100).await;
        found.unwrap()
    }

    /// What waits for an alert.
    async fn rings(&self, account: &str) -> Vec<MessageId> {
        let (account, now) = (name(account), self.hands.now());
        let pending = self.store.pending(&account, now, NEWEST).await.unwrap();
        pending.into_iter().map(|one| one.id).collect()
    }

    async fn ids_of(&self, reader: &Reader) -> Vec<MessageId> {
        let page = self.store.page(reader, Position(0), None, 1000).await;
        ids(&page.unwrap())
    }

    async fn addressable(&self, account: &str, device: &str, token: u8) -> (ClientId, String) {
        let session = self.sign_in(account, device, token).await;
        let (now, later) = (self.hands.now(), session.expires_at);
        let found = self.store.identify(&[token; 32], now, later).await;
        (found.unwrap().unwrap().client, session.message_token)
    }
}

fn to(to: Receivers) -> NewMessage {
    NewMessage {
        to,
        ..a_message(&[])
    }
}

fn everyone() -> NewMessage {
    to(Receivers {
        everyone: true,
        ..Receivers::default()
    })
}

fn keyed(key: &str, to: &[&str]) -> NewMessage {
    let mut new = a_message(to);
    new.message.key = Some(key.to_owned());
    new
}

fn topic() -> TopicName {
    "news".parse().unwrap()
}

pub(crate) async fn what_is_scheduled_comes_once_at_its_time<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let mut news = scene.store.commits().unwrap();
    let repeated = || NewMessage {
        idempotency: Some(("once".to_owned(), [1; 32])),
        ..a_message(&["ada", "bob", "nobody"])
    };
    let accepted = scene.hands.now();
    let stored = scene.schedule(MINUTE, repeated()).await;
    assert_eq!(stored.receivers, 2);
    assert!(matches!(announced(&mut news)[..], [Committed::Scheduled]));
    assert_eq!(scene.store.head(), Position(0));
    let due = scene.in_ms(MINUTE);
    let states = scene.became(stored.id).await;
    assert_eq!(
        (states.created_at, states.deliver_at, states.counts.stored),
        (accepted, Some(due), 2)
    );
    assert!(states.receivers.is_empty());
    scene.hands.turn(MINUTE - 1);
    assert_eq!(scene.release().await, Some(1));
    for account in ["ada", "bob"] {
        assert!(scene.whole_log(account).await.entries.is_empty());
        let early = scene.store.message(&inbox(account), stored.id).await;
        assert_eq!(early.unwrap(), None);
        assert_eq!(scene.rings(account).await, []);
    }
    assert!(announced(&mut news).is_empty());

    scene.hands.turn(1);
    let both = join_all([scene.store.release(), scene.store.release()]).await;
    assert_eq!(both, [Ok(None), Ok(None)]);
    let told = announced(&mut news);
    let [Committed::Entries(entries)] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!(entries.len(), 1, "once, and for both at one position");
    for account in ["ada", "bob"] {
        let page = scene.whole_log(account).await;
        let message = messages(&page)[0];
        assert_eq!((message.id, message.created_at), (stored.id, due));
        assert_eq!(scene.rings(account).await, [stored.id]);
    }
    let states = scene.became(stored.id).await;
    assert_eq!((states.created_at, states.deliver_at), (due, None));
    assert_eq!(states.receivers.len(), 2);
    // A repeat gets the first answer before and after, and nothing comes again.
    assert_eq!(scene.schedule(MINUTE, repeated()).await, stored);
    scene.released_after(DAY / 2).await;
    assert_eq!(ids(&scene.whole_log("ada").await), [stored.id]);
}

pub(crate) async fn a_time_that_has_passed_is_no_wait<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    for ms in [0, -1, -DAY] {
        let stored = scene.schedule(ms, a_message(&["ada"])).await;
        assert_eq!(ids(&scene.whole_log("ada").await).last(), Some(&stored.id));
        assert_eq!(scene.became(stored.id).await.deliver_at, None);
    }
}

pub(crate) async fn overdue_messages_come_in_order_after_reopening<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let mut expected = Vec::new();
    for n in 0..150 {
        let stored = scene.schedule(MINUTE - n / 2, a_message(&["ada"])).await;
        expected.push((-(n / 2), n, stored.id));
    }
    expected.sort_unstable();
    let expected: Vec<_> = expected.into_iter().map(|(.., id)| id).collect();
    let scene = scene.reopen().await;
    assert!(scene.release().await.is_some());
    assert_eq!(scene.store.condition().await.unwrap().scheduled, 150);
    let scene = scene.reopen().await;
    scene.released_after(DAY).await;
    assert_eq!(ids(&scene.whole_log("ada").await), expected);
    assert_eq!(scene.store.condition().await.unwrap().scheduled, 0);
    let scene = scene.reopen().await;
    scene.release().await;
    assert_eq!(ids(&scene.whole_log("ada").await), expected);
}

pub(crate) async fn the_clock_may_be_set<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let first = scene.schedule(MINUTE, a_message(&["ada"])).await.id;
    let second = scene.schedule(2 * MINUTE, a_message(&["ada"])).await.id;
    scene.hands.turn(-DAY);
    assert_eq!(
        scene.release().await,
        Some((DAY + MINUTE).unsigned_abs().into())
    );
    scene.released_after(DAY + MINUTE).await;
    assert_eq!(ids(&scene.whole_log("ada").await), [first]);
    scene.hands.turn(-DAY);
    scene.release().await;
    assert_eq!(ids(&scene.whole_log("ada").await), [first]);
    scene.released_after(400 * DAY).await;
    assert_eq!(ids(&scene.whole_log("ada").await), [first, second]);
}

pub(crate) async fn it_comes_to_those_who_are_there_at_its_time<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let store = &scene.store;
    for account in ["renamed", "shut"] {
        store.add_account(an_account(account)).await.unwrap();
    }
    let (gone, dead) = scene.addressable("ada", "old", 1).await;
    let (kept, live) = scene.addressable("ada", "new", 2).await;
    let named = a_message(&["ada", "renamed", "shut", "later"]);
    let named = scene.schedule(MINUTE, named).await;
    assert_eq!(named.receivers, 3);
    let only = scene.schedule(MINUTE, a_message(&["renamed"])).await.id;
    let public = scene.schedule(MINUTE, everyone()).await.id;
    let addressed = to(Receivers {
        tokens: vec![dead, live],
        topics: vec![topic()],
        ..Receivers::default()
    });
    store.ensure_topic(&topic()).await.unwrap();
    let addressed = scene.schedule(MINUTE, addressed).await.id;

    store.end_session(gone).await.unwrap();
    store.remove_account(&name("renamed")).await.unwrap();
    for account in ["renamed", "later"] {
        store.add_account(an_account(account)).await.unwrap();
    }
    let shut = name("shut");
    store.set_account_disabled(&shut, true).await.unwrap();
    store.subscribe(&name("bob"), &topic()).await.unwrap();
    scene.released_after(MINUTE).await;

    for (account, expected) in [
        ("ada", vec![named.id, public]),
        ("bob", vec![public, addressed]),
        // Another person, with the name of one who was meant.
        ("renamed", vec![public]),
        ("later", vec![public]),
    ] {
        assert_eq!(scene.ids_of(&inbox(account)).await, expected, "{account}");
    }
    assert_eq!(scene.ids_of(&Reader::Address(kept)).await, [addressed]);
    assert_eq!(scene.became(named.id).await.counts.stored, 1);
    let why = scene.became(only).await.withdrawn.unwrap().1;
    assert_eq!(why, Some(WithdrawWhy::Expired), "nobody was left");
}

pub(crate) async fn a_publisher_reaches_only_whom_it_may_at_that_time<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let (store, by) = (&scene.store, publisher_id());
    let grantee = Grantee::Publisher(by.clone());
    let write = Grant {
        to: grantee,
        may: Right::Write,
    };
    let owner = PublisherRecord {
        id: "app-0000000000000009".parse().unwrap(),
        ..a_publisher()
    };
    store.add_publisher(owner.clone()).await.unwrap();
    store.claim_topic(&topic(), &owner.id).await.unwrap();
    store.grant(&topic(), write.clone()).await.unwrap();
    let to_topic = || {
        to(Receivers {
            topics: vec![topic()],
            ..Receivers::default()
        })
    };
    let only = Some(vec![EventType::Refused]);
    scene.add_webhook("one", only).await;
    let mut in_topic = to_topic();
    in_topic.message.key = Some("key".to_owned());
    let in_topic = scene.schedule(MINUTE, in_topic).await.id;
    let due = scene.in_ms(MINUTE);
    let public = scene.schedule(MINUTE, everyone()).await.id;
    let named = scene.schedule(MINUTE, a_message(&["ada", "bob"])).await.id;
    let mut less = Change {
        every_account: true,
        everyone: true,
        ..Change::default()
    };
    store.narrow(&by, less.clone()).await.unwrap();
    less.every_account = false;
    less.everyone = false;
    less.audience.accounts.insert(name("ada"));
    store.widen(&by, less).await.unwrap();
    store.revoke(&topic(), write).await.unwrap();
    scene.released_after(MINUTE).await;
    assert_eq!(scene.ids_of(&inbox("ada")).await, [named]);
    assert_eq!(scene.ids_of(&inbox("bob")).await, []);
    for id in [in_topic, public] {
        assert!(scene.became(id).await.withdrawn.is_some());
    }
    for id in [in_topic, public, named] {
        assert_eq!(scene.became(id).await.refused, [Refused::Receivers]);
    }
    let told = scene.drain().await.into_iter().map(|event| event.refusal);
    let expected = [
        (Some("key"), Lost::Topic(topic())),
        (None, Lost::Everyone),
        (None, Lost::SomeReceivers),
    ];
    let expected = expected.map(|(key, lost)| Refusal {
        key: key.map(str::to_owned),
        deliver_at: due,
        lost: vec![lost],
    });
    assert_eq!(told.flatten().collect::<Vec<_>>(), expected);
    let stopped = scene.schedule(MINUTE, a_message(&["ada"])).await.id;
    store.set_publisher_disabled(&by, true).await.unwrap();
    scene.released_after(MINUTE).await;
    store.set_publisher_disabled(&by, false).await.unwrap();
    scene.released_after(MINUTE).await;
    assert_eq!(scene.ids_of(&inbox("ada")).await, [named]);
    assert!(scene.became(stopped).await.withdrawn.is_some());
}

pub(crate) async fn a_publisher_says_only_what_it_may_at_that_time<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let (store, by) = (&scene.store, publisher_id());
    scene.add_webhook("one", None).await;
    let pages = ["<p>small", &format!("<p>{}", "large ".repeat(5000))];
    let loud = |title: &str, page: &str| {
        let mut new = a_message(&["ada"]);
        new.message.priority = Priority::Urgent;
        title.clone_into(&mut new.message.title);
        new.html = Some(page.to_owned());
        new
    };
    let fields = json!({ "ada": { "who": "Ada" } });
    let mut filled = loud("{{who}}", pages[1]);
    filled.fields = serde_json::from_value(fields).unwrap();
    let wordless = || {
        let mut new = loud("", pages[0]);
        new.message.body.clear();
        new
    };
    let (choice, mut link, mut silent) = (wordless(), wordless(), wordless());
    link.message.actions.clear();
    link.message.url = Some("https://example.org".to_owned());
    silent.message.actions.clear();
    let mut all = Vec::new();
    let small = loud("1", pages[0]);
    for new in [small, loud("2", pages[1]), filled, choice, link, silent] {
        all.push(scene.schedule(MINUTE, new).await.id);
    }
    let kept = scene.schedule(0, loud("kept", pages[1])).await.id;
    scene.told().await;
    let less = Change {
        urgent: true,
        html: true,
        ..Change::default()
    };
    store.narrow(&by, less.clone()).await.unwrap();
    scene.released_after(MINUTE).await;

    let (page, ada) = (scene.whole_log("ada").await, inbox("ada"));
    let came: Vec<_> = messages(&page)
        .into_iter()
        .map(|one| (one.title.as_str(), one.priority, one.html.is_some()))
        .collect();
    let lower = |title| (title, Priority::High, false);
    let expected = [
        ("kept", Priority::Urgent, true),
        lower("1"),
        lower("2"),
        lower("Ada"),
        lower(""),
        lower(""),
    ];
    assert_eq!(came, expected);
    assert!(store.html(&ada, kept).await.unwrap().is_some());
    for id in &all {
        assert_eq!(store.html(&ada, *id).await.unwrap(), None);
        let states = scene.became(*id).await;
        assert_eq!(states.refused, [Refused::Urgent, Refused::Html]);
        // Nothing is left of one that was only a page.
        assert_eq!(states.withdrawn.is_some(), *id == all[5]);
    }
    let pending = store.pending(&name("ada"), scene.hands.now(), NEWEST).await;
    let pending: Vec<_> = pending.unwrap().iter().map(|one| one.priority).collect();
    let (high, urgent) = (Priority::High, Priority::Urgent);
    assert_eq!(pending, [high, high, high, high, high, urgent]);
    let refused_and = |then: &'static str| ["message.refused", then];
    let expected = [
        refused_and("message.stored ada"),
        refused_and("message.stored ada"),
        refused_and("message.stored ada"),
        refused_and("message.stored ada"),
        refused_and("message.stored ada"),
        refused_and("message.expired"),
    ];
    assert_eq!(scene.told().await, expected.concat());

    store.widen(&by, less).await.unwrap();
    let again = scene.schedule(MINUTE, loud("again", pages[1])).await.id;
    scene.released_after(MINUTE).await;
    assert_eq!(scene.became(again).await.refused, []);
    assert!(store.html(&ada, again).await.unwrap().is_some());
    assert_eq!(scene.told().await, ["message.stored ada"]);
}

pub(crate) async fn what_is_withdrawn_before_its_time_never_comes<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let quota = Quota {
        publisher: 1000,
        total: 1000,
    };
    let upload = scene.upload(b"content", quota).await.unwrap();
    let mut new = a_message(&["ada"]);
    new.message.attachments.push(Attachment {
        name: "x".to_owned(),
        media_type: "text/plain".to_owned(),
        size: upload.size,
        href: String::new(),
        sha256: Some(upload.file.to_string()),
    });
    let file = scene.store.files().path(&upload.file);
    let recalled = scene.schedule(9 * DAY, new.clone()).await.id;
    new.message.id = MessageId(Uuid::now_v7());
    let kept = scene.schedule(9 * DAY, new).await.id;
    let other = "app-0000000000000009".parse().unwrap();
    let others = scene.store.recall(&other, kept).await;
    assert_eq!(refused(others), StoreError::NotFound);
    for _ in 0..2 {
        let again = scene.store.recall(&publisher_id(), recalled).await;
        again.unwrap();
    }
    let states = scene.became(recalled).await;
    let (_, why) = states.withdrawn.unwrap();
    assert_eq!(
        (states.deliver_at, why),
        (None, Some(WithdrawWhy::Recalled))
    );
    assert_eq!(scene.store.condition().await.unwrap().scheduled, 1);
    // The upload is forgotten by then; what waits keeps the file.
    scene.released_after(8 * DAY).await;
    sweep(&*scene.store).await.unwrap();
    assert!(file.exists());
    // A while later it is forgotten, with the first write after a pause.
    let scene = scene.reopen().await;
    scene.publish(&["bob"]).await;
    let by = publisher_id();
    let states = scene.store.states(&by, recalled, None, 1).await;
    assert_eq!(refused(states), StoreError::NotFound);
    scene.released_after(DAY).await;
    assert_eq!(ids(&scene.whole_log("ada").await), [kept]);
    scene.store.recall(&publisher_id(), kept).await.unwrap();
    sweep(&*scene.store).await.unwrap();
    assert!(!file.exists());
}

pub(crate) async fn of_a_key_the_newest_publish_counts<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let (by, key) = (publisher_id(), "build");
    let present = scene.store.publish(keyed(key, &["ada"])).await.unwrap().id;
    let first = scene.schedule(MINUTE, keyed(key, &["ada"])).await.id;
    let second = scene.schedule(2 * MINUTE, keyed(key, &["ada"])).await.id;
    let other = scene.schedule(MINUTE, keyed("other", &["ada"])).await.id;
    assert_eq!(
        scene.store.keyed_messages(&by, key).await.unwrap(),
        [present, second]
    );
    scene.released_after(MINUTE).await;
    let reader = inbox("ada");
    let ada = || scene.ids_of(&reader);
    assert_eq!(ada().await, [present, other], "stays until the newer comes");
    let why = scene.became(first).await.withdrawn.unwrap().1;
    assert_eq!(why, Some(WithdrawWhy::Replaced));
    scene.released_after(MINUTE).await;
    assert_eq!(ada().await, [other, second]);
    let why = scene.became(present).await.withdrawn.unwrap().1;
    assert_eq!(why, Some(WithdrawWhy::Replaced));

    let third = scene.schedule(MINUTE, keyed(key, &["ada"])).await.id;
    let now = scene.store.publish(keyed(key, &["ada"])).await.unwrap().id;
    scene.released_after(MINUTE).await;
    assert_eq!(ada().await, [other, now], "the newer came sooner");
    assert!(scene.became(third).await.withdrawn.is_some());
}

pub(crate) async fn each_receivers_own_is_filled_at_the_publish<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let values = |value| serde_json::from_value(value).unwrap();
    let by = publisher_id();
    let record = async |account, value| {
        let put = scene.store.put_record(&by, account, value).await;
        put.unwrap();
    };
    let (ada, bob) = (name("ada"), name("bob"));
    record(&ada, values(json!({ "due": "May" }))).await;
    let mut new = a_message(&["ada", "bob"]);
    new.message.title = "{{due}}".to_owned();
    let missing = scene.store.publish(NewMessage {
        deliver_at: Some(scene.in_ms(MINUTE)),
        ..new.clone()
    });
    assert!(matches!(refused(missing.await), StoreError::Unfilled(_)));
    assert_eq!(scene.store.condition().await.unwrap().scheduled, 0);
    record(&bob, values(json!({ "due": "June" }))).await;
    let id = scene.schedule(MINUTE, new).await.id;
    record(&ada, values(json!({ "due": "changed" }))).await;
    record(&bob, values(json!({}))).await;
    scene.released_after(MINUTE).await;
    for (account, title) in [("ada", "May"), ("bob", "June")] {
        let page = scene.whole_log(account).await;
        let message = messages(&page)[0];
        assert_eq!((message.id, message.title.as_str()), (id, title));
        assert_eq!(message.created_at, scene.hands.now());
    }
}

pub(crate) async fn its_time_counts_from_when_it_comes<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let mut news = scene.store.commits().unwrap();
    let ttl = |ttl| NewMessage {
        ttl: Some(ttl),
        ..a_message(&["ada"])
    };
    let long = scene
        .schedule(MINUTE, ttl(Duration::from_mins(10)))
        .await
        .id;
    let now_or_never = scene.schedule(MINUTE, ttl(Duration::ZERO)).await.id;
    scene.hands.turn(DAY);
    assert_eq!(scene.store.expire().await.unwrap(), None, "it waits");
    announced(&mut news);
    scene.release().await;
    // In one commit, or in two that follow each other.
    let mut fleeting = Vec::new();
    for told in announced(&mut news) {
        let Committed::Entries(entries) = told else {
            panic!("{told:?}");
        };
        fleeting.extend(entries.iter().map(|entry| entry.fleeting));
    }
    assert_eq!(fleeting, [false, true]);
    let page = scene.whole_log("ada").await;
    assert_eq!(ids(&page), [long], "and not {now_or_never}");
    let expires = Some(scene.in_ms(10 * MINUTE));
    assert_eq!(messages(&page)[0].expires_at, expires);
    assert_eq!(scene.became(long).await.expires_at, expires);
    scene.hands.turn(10 * MINUTE);
    scene.store.expire().await.unwrap();
    assert_eq!(ids(&scene.whole_log("ada").await), []);
}

pub(crate) async fn so_many_may_wait<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let most = (0..MAX_SCHEDULED).map(|_| scene.schedule(DAY, a_message(&["ada"])));
    let stored = join_all(most).await;
    let later = || NewMessage {
        deliver_at: Some(scene.in_ms(MINUTE)),
        ..a_message(&["ada"])
    };
    let one_more = scene.store.publish(later()).await;
    assert_eq!(refused(one_more), StoreError::TooMany);
    scene.publish(&["ada"]).await;
    let by = publisher_id();
    scene.store.recall(&by, stored[0].id).await.unwrap();
    scene.store.publish(later()).await.unwrap();
}

pub(crate) async fn a_topics_waiting_messages_are_their_publishers_own<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    scene.store.ensure_topic(&topic()).await.unwrap();
    let in_topic = |name: &str| {
        to(Receivers {
            topics: vec![name.parse().unwrap()],
            ..Receivers::default()
        })
    };
    let second = scene.schedule(2 * MINUTE, in_topic("news")).await.id;
    let first = scene.schedule(MINUTE, in_topic("news")).await.id;
    scene
        .store
        .ensure_topic(&"x".parse().unwrap())
        .await
        .unwrap();
    scene.schedule(MINUTE, in_topic("x")).await;
    let by = Grantee::Publisher;
    let waiting = scene
        .store
        .scheduled_in(&topic(), &by(publisher_id()))
        .await;
    let waiting: Vec<Message> = waiting.unwrap();
    let found: Vec<_> = waiting.iter().map(|one| one.id).collect();
    assert_eq!(found, [first, second]);
    assert_eq!(waiting[0].created_at, scene.in_ms(MINUTE));
    assert_eq!(waiting[0].topic.as_deref(), Some("news"));
    let other = PublisherRecord {
        id: "app-0000000000000009".parse().unwrap(),
        ..a_publisher()
    };
    scene.store.add_publisher(other.clone()).await.unwrap();
    let ada = Grantee::Account(name("ada"));
    let adas = scene.store.scheduled_in(&topic(), &ada).await;
    assert_eq!(adas.unwrap(), []);
    let others = scene.store.scheduled_in(&topic(), &by(other.id)).await;
    assert_eq!(others.unwrap(), []);
}

pub(crate) async fn the_newest_messages_are_those_that_came_last<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let newest = async |limit| {
        let found = scene.store.recent_messages(limit).await.unwrap();
        let found = found.into_iter().map(|one| (one.id, one.deliver_at));
        found.collect::<Vec<_>>()
    };
    let first = scene.schedule(MINUTE, a_message(&["ada"])).await.id;
    let waits = scene.schedule(9 * MINUTE, a_message(&["ada"])).await.id;
    let at = Some(scene.in_ms(9 * MINUTE));
    scene.hands.turn(1000);
    let second = scene.publish(&["ada"]).await;
    let third = scene.publish(&["bob"]).await;
    let due = Some(scene.in_ms(MINUTE - 1000));
    assert_eq!(
        newest(9).await,
        [(third, None), (second, None), (waits, at), (first, due)]
    );
    scene.released_after(MINUTE).await;
    let came = [(first, None), (third, None), (second, None), (waits, at)];
    assert_eq!(newest(9).await, came);
    assert_eq!(newest(1).await, came[..1]);
    scene.hands.turn(1);
    let fourth = scene.publish(&["ada"]).await;
    assert_eq!(newest(2).await, [(fourth, None), (first, None)]);
}
