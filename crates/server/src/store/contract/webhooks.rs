use core::time::Duration;

use hither_protocol::Settings;

use super::*;
use crate::store::{
    Application, DueWebhook, Event, EventType, MAX_WAITING, NewWebhook, Outcome, Wait, WebhookLoad,
    WebhookNumber, WebhookRecord,
};
use crate::webhooks::SigningKey;

/// Webhooks of one publisher.
const MOST: usize = 3;
const WAIT: Duration = Duration::from_mins(1);
const DAYS: Duration = Duration::from_hours(72);

impl<B: Bed> Scene<B> {
    pub(super) async fn add_webhook(
        &self,
        id: &str,
        events: Option<Vec<EventType>>,
    ) -> WebhookRecord {
        let new = NewWebhook {
            events,
            ..a_webhook(id)
        };
        let made = self.store.add_webhook(&publisher_id(), new, MOST).await;
        made.unwrap()
    }

    async fn webhook(&self, id: &str) -> WebhookRecord {
        self.store.webhook(&publisher_id(), id).await.unwrap()
    }

    /// Webhooks that can be sent something at this moment.
    async fn ready(&self) -> Vec<WebhookNumber> {
        let due = self.store.due_webhooks().await.unwrap();
        let ready = due.into_iter().filter(|due| due.ahead.is_zero());
        ready.map(|due| due.webhook).collect()
    }

    /// The next event for the only webhook that is ready.
    async fn next_event(&self) -> Option<Event> {
        let ready = self.ready().await;
        assert!(ready.len() < 2, "{ready:?}");
        let event = self.store.next_event(*ready.first()?, DAYS).await.unwrap();
        Some(event.expect("it is ready"))
    }

    async fn settle(&self, event: &Event, outcome: Outcome) -> u64 {
        self.store
            .settle_event(event.number, outcome)
            .await
            .unwrap()
    }

    /// Everything that waits for the only webhook, in order, each as if it arrived.
    pub(super) async fn drain(&self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next_event().await {
            assert_eq!(self.settle(&event, Outcome::Delivered).await, 0);
            events.push(event);
        }
        events
    }

    /// What waits, in words: type, account or token, action.
    pub(super) async fn told(&self) -> Vec<String> {
        let in_words = |event: Event| {
            let account = event.account.map_or_else(String::new, String::from);
            let words = [event.what.as_str().to_owned(), account];
            let words = words.into_iter().chain(event.token).chain(event.action);
            words
                .filter(|it| !it.is_empty())
                .collect::<Vec<_>>()
                .join(" ")
        };
        self.drain().await.into_iter().map(in_words).collect()
    }
}

fn a_webhook(id: &str) -> NewWebhook {
    NewWebhook {
        id: id.to_owned(),
        url: "https://shop.example/hook".to_owned(),
        events: None,
        key: SigningKey::from([7; 32]),
    }
}

fn failed() -> Outcome {
    Outcome::Failed(
        "answered 500".to_owned(),
        Wait {
            event: WAIT,
            webhook: WAIT,
        },
    )
}

pub(crate) async fn a_webhook_is_its_publishers_own<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let made = scene.add_webhook("one", Some(vec![EventType::Shown])).await;
    let expected = WebhookRecord {
        id: "one".to_owned(),
        url: "https://shop.example/hook".to_owned(),
        events: Some(vec![EventType::Shown]),
        created_at: scene.hands.now(),
        disabled_at: None,
        failing_since: None,
        waiting: 0,
        dropped: 0,
        delivered_at: None,
        failure: None,
    };
    assert_eq!(made, expected);
    let scene = scene.reopen().await;
    assert_eq!(scene.webhook("one").await, expected);

    let other = "app-0000000000000000".parse().unwrap();
    let record = PublisherRecord::new(other, "Other".to_owned(), vec![], scene.hands.now());
    let other = record.id.clone();
    scene.store.add_publisher(record).await.unwrap();
    let (store, key) = (&scene.store, SigningKey::from([8; 32]));
    assert_eq!(store.webhooks(&other).await.unwrap(), []);
    let not_found = StoreError::NotFound;
    assert_eq!(refused(store.webhook(&other, "one").await), not_found);
    assert_eq!(refused(store.test_webhook(&other, "one").await), not_found);
    assert_eq!(
        refused(store.remove_webhook(&other, "one").await),
        not_found
    );
    let rotated = store.rotate_webhook_key(&other, "one", key).await;
    assert_eq!(refused(rotated), not_found);
    let taken = store.add_webhook(&other, a_webhook("one"), MOST).await;
    assert_eq!(refused(taken), StoreError::Taken);

    for number in 1..MOST {
        scene.add_webhook(&number.to_string(), None).await;
    }
    let publisher = publisher_id();
    let more = store.add_webhook(&publisher, a_webhook("more"), MOST);
    assert_eq!(refused(more.await), StoreError::TooMany);
    store.remove_webhook(&publisher_id(), "one").await.unwrap();
    let left = store.webhooks(&publisher_id()).await.unwrap();
    assert_eq!(left.len(), MOST - 1);
}

pub(crate) async fn each_state_is_told_once_in_order<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let before = scene.publish(&["ada"]).await;
    scene.add_webhook("one", None).await;
    assert!(scene.told().await.is_empty());
    scene.sign_in("ada", "desk", 1).await;
    let (token, now) = ([1; 32], scene.hands.now());
    let desk = scene.store.identify(&token, now, in_days(now, 60));
    let desk = desk.await.unwrap().expect("a live token").client;
    let allow = Settings {
        read_receipts: true,
        ..Settings::default()
    };
    scene.store.set_settings(&name("ada"), allow).await.unwrap();

    let id = scene.publish(&["ada", "bob"]).await;
    let head = scene.store.head();
    scene.store.ack(desk, head).await.unwrap();
    let (ada, bob) = (inbox("ada"), inbox("bob"));
    for on in ["desk", "phone"] {
        let (on, at) = (device(on), scene.hands.now());
        let shown = scene.store.mark_shown(&ada, &on, vec![id], false, at);
        shown.await.unwrap();
        for action in ["yes", "no", "yes", "of no button"] {
            let action = action.to_owned();
            let chosen = scene.store.record_action(&ada, &on, id, action, at);
            chosen.await.unwrap();
        }
        for reader in [&ada, &bob] {
            scene.store.mark_read(reader, vec![id], at).await.unwrap();
        }
        scene.hands.turn(5);
    }
    for _ in 0..2 {
        scene.store.recall(&publisher_id(), id).await.unwrap();
    }
    let scene = scene.reopen().await;
    let told = scene.drain().await;
    let told: Vec<_> = told
        .iter()
        .map(|it| {
            let account = it.account.as_ref().map_or("", AccountName::as_str);
            let action = it.action.as_deref().unwrap_or_default();
            (it.what, account, action, it.message, it.at)
        })
        .collect();
    // Bob did not allow it to be told that he read.
    let expected = [
        (EventType::Stored, "ada", "", id, now),
        (EventType::Stored, "bob", "", id, now),
        (EventType::Delivered, "ada", "", before, now),
        (EventType::Delivered, "ada", "", id, now),
        (EventType::Shown, "ada", "", id, now),
        (EventType::Action, "ada", "yes", id, now),
        (EventType::Action, "ada", "no", id, now),
        (EventType::Read, "ada", "", id, now),
    ];
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(what, account, action, id, at)| (what, account, action, Some(id), at))
        .chain([(EventType::Recalled, "", "", Some(id), scene.hands.now())])
        .collect();
    assert_eq!(told, expected);
}

pub(crate) async fn a_publisher_is_told_no_more_than_it_may_ask<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    scene.add_webhook("one", None).await;
    scene.sign_in("ada", "desk", 1).await;
    let topic = "news".parse().unwrap();
    scene.store.subscribe(&name("ada"), &topic).await.unwrap();
    let cases = [
        Receivers {
            topics: vec!["news".parse().unwrap()],
            ..Receivers::default()
        },
        Receivers {
            everyone: true,
            ..Receivers::default()
        },
        Receivers {
            application: Some(Application {
                name: "hither".to_owned(),
                versions: "*".parse().unwrap(),
            }),
            ..Receivers::default()
        },
    ];
    let now = scene.hands.now();
    let identity = scene.store.identify(&[1; 32], now, in_days(now, 60));
    let client = identity.await.unwrap().expect("a live token").client;
    let reader = Reader::Client(client);
    for to in cases {
        let new = NewMessage {
            to,
            ..a_message(&[])
        };
        let id = scene.store.publish(new).await.unwrap().id;
        let head = scene.store.head();
        scene.store.ack(client, head).await.unwrap();
        let (desk, at) = (device("desk"), scene.hands.now());
        let shown = scene.store.mark_shown(&reader, &desk, vec![id], false, at);
        shown.await.unwrap();
        let chosen = scene
            .store
            .record_action(&reader, &desk, id, "yes".to_owned(), at);
        chosen.await.unwrap();
        scene.store.recall(&publisher_id(), id).await.unwrap();
        assert_eq!(scene.told().await, ["message.recalled"]);
    }
}

pub(crate) async fn what_is_shown_was_delivered<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    scene.add_webhook("one", None).await;
    scene.sign_in("ada", "desk", 1).await;
    let now = scene.hands.now();
    let identity = scene.store.identify(&[1; 32], now, in_days(now, 60));
    let client = identity.await.unwrap().expect("a live token").client;
    let token = "address-ada-desk-1";
    // For whoever is there, so no ack is counted; withdrawn before its ack; and acked later.
    for (ttl, withdrawn) in [(Some(Duration::ZERO), false), (None, true), (None, false)] {
        let new = NewMessage {
            ttl,
            to: Receivers {
                tokens: vec![token.to_owned()],
                ..Receivers::accounts(vec![name("ada")])
            },
            ..a_message(&[])
        };
        let id = scene.store.publish(new).await.unwrap().id;
        if withdrawn {
            scene.store.recall(&publisher_id(), id).await.unwrap();
        }
        let told = scene.told().await;
        assert!(told.iter().all(|it| !it.contains("delivered")), "{told:?}");
        let (reader, desk) = (Reader::Client(client), device("desk"));
        for _ in 0..2 {
            let shown = scene.store.mark_shown(&reader, &desk, vec![id], false, now);
            shown.await.unwrap();
        }
        let head = scene.store.head();
        scene.store.ack(client, head).await.unwrap();
        scene.publish(&["bob"]).await;
        let states = scene.store.states(&publisher_id(), id, None, 9).await;
        assert_eq!(states.unwrap().counts.delivered, 1);
        let mut expected = ["delivered", "shown"]
            .map(|what| [token, "ada"].map(|whom| format!("message.{what} {whom}")))
            .concat();
        expected.push("message.stored bob".to_owned());
        let mut told = scene.told().await;
        told.sort();
        expected.sort();
        assert_eq!(told, expected);
    }
}

pub(crate) async fn a_webhook_is_told_what_it_wants<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let wanted = vec![EventType::Expired, EventType::Replaced];
    scene.add_webhook("one", Some(wanted)).await;
    let publish = async |key: Option<&str>, ttl: Option<Duration>| {
        let mut new = a_message(&["ada"]);
        new.message.key = key.map(str::to_owned);
        new.ttl = ttl;
        scene.store.publish(new).await.unwrap().id
    };
    publish(Some("build"), None).await;
    publish(Some("build"), None).await;
    publish(None, Some(Duration::from_secs(1))).await;
    let recalled = publish(None, None).await;
    scene.store.recall(&publisher_id(), recalled).await.unwrap();
    scene.hands.turn(1000);
    scene.store.expire().await.unwrap();
    scene
        .store
        .test_webhook(&publisher_id(), "one")
        .await
        .unwrap();
    let expected = ["message.replaced", "message.expired", "webhook.test"];
    assert_eq!(scene.told().await, expected);
}

pub(crate) async fn what_is_not_understood_holds_up_no_other<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    scene.add_webhook("one", None).await;
    for _ in 0..20 {
        scene.publish(&["ada"]).await;
    }
    let mut last = 0;
    for _ in 0..20 {
        let event = scene.next_event().await.unwrap();
        last = event.number;
        scene.settle(&event, failed()).await;
        scene.hands.turn(60_000);
    }
    scene.publish(&["bob"]).await;
    let fresh = scene.next_event().await.unwrap();
    assert!(fresh.number > last, "the old ones are due, too");
    scene.settle(&fresh, Outcome::Delivered).await;
    let again = scene.next_event().await.unwrap();
    assert!(again.number <= last, "in order again");
}

pub(crate) async fn one_failure_lets_others_pass_and_further_ones_wait<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    scene.add_webhook("one", None).await;
    for account in ["ada", "bob", "ada"] {
        scene.publish(&[account]).await;
    }
    let first = scene.next_event().await.unwrap();
    assert_eq!((first.failures, first.webhook_failures), (0, 0));
    scene.settle(&first, failed()).await;
    let second = scene.next_event().await.unwrap();
    assert!(second.number > first.number && second.id != first.id);
    assert_eq!((second.failures, second.webhook_failures), (0, 1));
    assert_eq!(
        scene.webhook("one").await.failing_since,
        None,
        "once is nothing"
    );
    scene.settle(&second, failed()).await;

    assert!(scene.next_event().await.is_none(), "it waits");
    let due = scene.store.due_webhooks().await.unwrap();
    assert!(
        matches!(due[..], [DueWebhook { ahead: WAIT, .. }]),
        "{due:?}"
    );
    let since = scene.hands.now();
    let failing = scene.webhook("one").await;
    assert_eq!(failing.failing_since, Some(since));
    assert_eq!(failing.failure, Some((since, "answered 500".to_owned())));
    let load = scene.store.webhook_load().await.unwrap();
    assert_eq!(
        load,
        WebhookLoad {
            waiting: 3,
            failing: 1
        }
    );

    let scene = scene.reopen().await;
    scene.hands.turn(59_999);
    assert!(scene.next_event().await.is_none(), "it waits");
    scene.hands.turn(1);
    let again = scene.next_event().await.unwrap();
    assert_eq!((&again.id, again.failures), (&first.id, 1));
    assert_eq!(again.webhook_failures, 2);
    let rest: Vec<_> = scene.drain().await.iter().map(|it| it.number).collect();
    assert_eq!(rest[..2], [first.number, second.number], "in order again");
    assert_eq!(rest.len(), 3);
    let well = scene.webhook("one").await;
    assert_eq!(
        (well.failing_since, well.waiting, well.dropped),
        (None, 0, 0)
    );
    assert_eq!(well.delivered_at, Some(scene.hands.now()));

    // A clock that is set back ends the wait, and does not prolong it.
    scene.publish(&["ada"]).await;
    let event = scene.next_event().await.unwrap();
    scene.settle(&event, failed()).await;
    scene.hands.turn(-3 * 24 * 3_600_000);
    let early = scene.next_event().await.unwrap();
    // What is said to be ready is: the webhook waits, though its only event does not.
    scene.publish(&["bob"]).await;
    let other = scene.store.settle_event(early.number + 1, failed());
    other.await.unwrap();
    scene.store.remove_account(&name("bob")).await.unwrap();
    assert!(scene.next_event().await.is_none(), "it waits");
    assert_eq!(scene.webhook("one").await.waiting, 1);
}

pub(crate) async fn a_receiver_that_is_gone_is_asked_no_more<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    scene.add_webhook("one", None).await;
    scene.publish(&["ada", "bob"]).await;
    let event = scene.next_event().await.unwrap();
    let gone = Outcome::Gone("answered 410".to_owned());
    assert_eq!(scene.settle(&event, gone).await, 2);
    scene.publish(&["ada"]).await;
    assert!(scene.next_event().await.is_none());
    let disabled = scene.webhook("one").await;
    assert_eq!(disabled.disabled_at, Some(scene.hands.now()));
    assert_eq!((disabled.waiting, disabled.dropped), (0, 2));

    scene
        .store
        .test_webhook(&publisher_id(), "one")
        .await
        .unwrap();
    assert_eq!(scene.webhook("one").await.disabled_at, None);
    scene.publish(&["ada"]).await;
    assert_eq!(scene.told().await, ["webhook.test", "message.stored ada"]);
}

pub(crate) async fn a_test_ends_the_wait<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    scene.add_webhook("one", None).await;
    scene.publish(&["ada", "bob"]).await;
    for _ in 0..2 {
        let event = scene.next_event().await.unwrap();
        scene.settle(&event, failed()).await;
    }
    assert!(scene.next_event().await.is_none());
    let mut news = scene.store.commits().unwrap();
    announced(&mut news);
    scene
        .store
        .test_webhook(&publisher_id(), "one")
        .await
        .unwrap();
    let told = announced(&mut news);
    let one = Committed::Events {
        queued: 1,
        dropped: 0,
    };
    assert_eq!(format!("{told:?}"), format!("{:?}", [one]));
    let expected = ["message.stored ada", "message.stored bob", "webhook.test"];
    assert_eq!(scene.told().await, expected);
}

pub(crate) async fn a_disabled_publisher_is_told_later<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    scene.add_webhook("one", None).await;
    let id = scene.publish(&["ada"]).await;
    scene.drain().await;
    let publisher = publisher_id();
    let disable = async |yes| {
        let disabled = scene.store.set_publisher_disabled(&publisher, yes);
        disabled.await.unwrap();
    };
    disable(true).await;
    let at = scene.hands.now();
    scene
        .store
        .mark_read(&inbox("ada"), vec![id], at)
        .await
        .unwrap();
    scene.store.recall(&publisher_id(), id).await.unwrap();
    assert_eq!(scene.ready().await, []);
    let mut news = scene.store.commits().unwrap();
    announced(&mut news);
    disable(false).await;
    let told = announced(&mut news);
    let look = |one: &Committed| {
        matches!(
            one,
            Committed::Events {
                queued: 0,
                dropped: 0
            }
        )
    };
    assert!(told.iter().any(look), "nobody looks: {told:?}");
    assert_eq!(scene.told().await, ["message.recalled"]);
}

pub(crate) async fn what_waits_has_bounds<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    scene
        .add_webhook("one", Some(vec![EventType::Stored]))
        .await;
    scene.publish(&["ada"]).await;
    scene.hands.turn(1000);
    // Each publish is a commit; a thousand accounts would take as long to make.
    scene.publish(&["ada", "bob"]).await;
    let dropped = scene.store.drop_events(Duration::from_millis(999)).await;
    assert_eq!(dropped.unwrap(), 1);
    let dropped = scene.store.drop_events(Duration::from_millis(999)).await;
    assert_eq!(dropped.unwrap(), 0);
    let bounded = scene.webhook("one").await;
    assert_eq!((bounded.waiting, bounded.dropped), (2, 1));
    assert_eq!(MAX_WAITING, 10_000);

    // What is gone takes its events along.
    scene.store.remove_account(&name("bob")).await.unwrap();
    assert_eq!(scene.webhook("one").await.waiting, 1);
    let event = scene.next_event().await.unwrap();
    let publisher = publisher_id();
    scene.store.remove_webhook(&publisher, "one").await.unwrap();
    assert_eq!(scene.settle(&event, Outcome::Delivered).await, 0);
    let load = scene.store.webhook_load().await.unwrap();
    assert_eq!(load, WebhookLoad::default());
}

pub(crate) async fn the_key_before_signs_for_a_day<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    scene.add_webhook("one", None).await;
    scene.publish(&["ada"]).await;
    let keys = async || scene.next_event().await.unwrap().keys;
    let (old, new) = (SigningKey::from([7; 32]), SigningKey::from([8; 32]));
    assert_eq!(keys().await, std::slice::from_ref(&old));
    let (store, publisher) = (&scene.store, publisher_id());
    let rotated = store.rotate_webhook_key(&publisher, "one", new.clone());
    rotated.await.unwrap();
    assert_eq!(keys().await, [new.clone(), old]);
    scene.hands.turn(24 * 3_600_000);
    assert_eq!(keys().await, [new]);
}
