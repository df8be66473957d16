use core::time::Duration;

use hither_protocol::{Settings, WithdrawWhy};

use super::*;
use crate::store::{Application, ClientId, MessageStates, Receiver, ReceiverState, StateCounts};

impl<B: Bed> Scene<B> {
    async fn states(&self, id: MessageId) -> MessageStates {
        let found = self.store.states(&publisher_id(), id, None, 100).await;
        found.unwrap()
    }

    /// Signs in and answers the client.
    async fn signed_in(&self, account: &str, device: &str, token: u8) -> ClientId {
        self.sign_in(account, device, token).await;
        let now = self.hands.now();
        let (token, expires_at) = ([token; 32], in_days(now, 60));
        let found = self.store.identify(&token, now, expires_at);
        found.await.unwrap().expect("a live token").client
    }

    /// Acks everything, and waits until that is written: acks travel with the next commit.
    async fn acks(&self, client: ClientId) {
        let head = self.store.head();
        self.store.ack(client, head).await.unwrap();
        self.publish(&["bob"]).await;
    }
}

fn to(to: Receivers) -> NewMessage {
    NewMessage {
        to,
        ..a_message(&[])
    }
}

fn counts(stored: u64, delivered: u64, shown: u64, read: u64) -> StateCounts {
    StateCounts {
        stored,
        delivered,
        shown,
        read,
    }
}

pub(crate) async fn a_message_is_delivered_once_a_device_has_it<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let desk = scene.signed_in("ada", "desk", 1).await;
    let phone = scene.signed_in("ada", "phone", 2).await;
    let before = scene.hands.now();
    let id = scene.publish(&["ada", "bob"]).await;
    let states = scene.states(id).await;
    assert_eq!(states.counts, counts(2, 0, 0, 0));
    assert_eq!((states.created_at, states.withdrawn), (before, None));
    let names: Vec<_> = states
        .receivers
        .iter()
        .map(|one| one.receiver.clone())
        .collect();
    assert_eq!(
        names,
        ["ada", "bob"].map(|text| Receiver::Account(name(text)))
    );
    assert_eq!(states.receivers[0].stored_at, before);
    assert_eq!(states.receivers[0].delivered_at, None);

    scene.hands.turn(1000);
    let first = scene.hands.now();
    scene.acks(desk).await;
    scene.hands.turn(1000);
    scene.acks(phone).await;
    let scene = scene.reopen().await;
    let states = scene.states(id).await;
    assert_eq!(states.counts, counts(2, 1, 0, 0));
    assert_eq!(states.receivers[0].delivered_at, Some(first));
    assert_eq!(states.receivers[1].delivered_at, None);

    // What is shown is there, also where the ack is still on its way.
    let later = scene.publish(&["ada"]).await;
    let at = scene.hands.now();
    let (reader, desk) = (inbox("ada"), device("desk"));
    let shown = scene
        .store
        .mark_shown(&reader, &desk, vec![later], false, at);
    shown.await.unwrap();
    let states = scene.states(later).await;
    assert_eq!(states.counts, counts(1, 1, 1, 0));
    let ada = &states.receivers[0];
    assert_eq!((ada.delivered_at, ada.shown_at), (Some(at), Some(at)));
}

pub(crate) async fn names_are_only_of_those_who_were_addressed_by_name<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let desk = scene.signed_in("ada", "desk", 1).await;
    let topic = scene.store.ensure_topic(&"news".parse().unwrap()).await;
    let topic = topic.unwrap();
    scene
        .store
        .subscribe(&name("ada"), &topic.name)
        .await
        .unwrap();
    let application = |versions: &str| {
        Some(Application {
            name: "hither".to_owned(),
            versions: versions.parse().unwrap(),
        })
    };
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
            application: application("^1"),
            ..Receivers::default()
        },
        Receivers {
            application: application("^2"),
            ..Receivers::default()
        },
    ];
    let mut sent = Vec::new();
    for case in cases {
        sent.push(scene.store.publish(to(case)).await.unwrap());
    }
    scene.acks(desk).await;
    // What waits for a version comes into the client's own log.
    scene
        .store
        .set_version(desk, "2.0.0".to_owned())
        .await
        .unwrap();
    scene.acks(desk).await;
    let expected = [(1, 1), (2, 1), (1, 1), (0, 1)];
    for (stored, (receivers, delivered)) in sent.iter().zip(expected) {
        let states = scene.states(stored.id).await;
        assert_eq!(states.counts, counts(receivers, delivered, 0, 0));
        assert_eq!(states.receivers, [], "nobody was named");
    }
}

pub(crate) async fn what_went_before_it_came_is_not_delivered<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let desk = scene.signed_in("ada", "desk", 1).await;
    let recalled = scene.publish(&["ada"]).await;
    scene.hands.turn(1);
    let at = scene.hands.now();
    let publisher = publisher_id();
    scene.store.recall(&publisher, recalled).await.unwrap();
    let mut ids = Vec::new();
    for ttl in [Duration::ZERO, Duration::from_secs(1)] {
        let message = NewMessage {
            ttl: Some(ttl),
            ..a_message(&["ada"])
        };
        ids.push(scene.store.publish(message).await.unwrap().id);
    }
    scene.hands.turn(2000);
    scene.acks(desk).await;
    scene.store.expire().await.unwrap();

    let states = scene.states(recalled).await;
    assert_eq!(states.counts, counts(1, 0, 0, 0));
    assert_eq!(states.withdrawn, Some((at, Some(WithdrawWhy::Recalled))));
    let fleeting = scene.states(ids[0]).await;
    assert_eq!(fleeting.counts, counts(1, 0, 0, 0));
    assert_eq!((fleeting.expires_at, fleeting.withdrawn), (None, None));
    let expired = scene.states(ids[1]).await;
    assert_eq!(expired.counts, counts(1, 0, 0, 0));
    let now = scene.hands.now();
    assert_eq!(expired.withdrawn, Some((now, Some(WithdrawWhy::Expired))));
}

pub(crate) async fn reading_is_told_with_consent_only<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let id = scene.publish(&["ada", "bob"]).await;
    let at = scene.hands.now();
    for account in ["ada", "bob"] {
        let reader = inbox(account);
        scene.store.mark_read(&reader, vec![id], at).await.unwrap();
    }
    let allow = async |read_receipts: bool| {
        let settings = Settings {
            read_receipts,
            ..Settings::default()
        };
        let bob = name("bob");
        scene.store.set_settings(&bob, settings).await.unwrap();
    };
    for (allowed, read, told) in [(false, 0, None), (true, 1, Some(at)), (false, 0, None)] {
        allow(allowed).await;
        let states = scene.states(id).await;
        assert_eq!(states.counts, counts(2, 0, 0, read));
        assert_eq!(states.receivers[0].read_at, None, "ada chose nothing");
        assert_eq!(states.receivers[1].read_at, told);
        assert_eq!(states.receivers[1].delivered_at, None, "nor is it inferred");
    }
}

pub(crate) async fn states_are_the_publishers_own_and_come_in_parts<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    scene.store.add_account(an_account("cyd")).await.unwrap();
    let id = scene.publish(&["cyd", "ada", "bob"]).await;
    let foreign = "app-0000000000000000".parse().unwrap();
    for (publisher, message) in [(publisher_id(), MessageId(Uuid::now_v7())), (foreign, id)] {
        let found = scene.store.states(&publisher, message, None, 10).await;
        assert_eq!(refused(found), StoreError::NotFound);
    }
    let part = async |after: Option<&str>, limit: usize| {
        let after = after.map(|text| Receiver::Account(name(text)));
        let part = scene.store.states(&publisher_id(), id, after, limit).await;
        let part = part.unwrap();
        let names: Vec<String> = part
            .receivers
            .iter()
            .map(|one| match &one.receiver {
                Receiver::Account(name) => name.to_string(),
                Receiver::Token(token) => token.clone(),
            })
            .collect();
        (names.join(" "), part.more)
    };
    assert_eq!(part(None, 2).await, ("ada bob".to_owned(), true));
    assert_eq!(part(Some("bob"), 2).await, ("cyd".to_owned(), false));
    assert_eq!(part(None, 3).await, ("ada bob cyd".to_owned(), false));
    assert_eq!(part(Some("zoe"), 3).await, (String::new(), false));
    scene.store.remove_account(&name("bob")).await.unwrap();
    assert_eq!(part(None, 3).await, ("ada cyd".to_owned(), false));
}

pub(crate) async fn a_client_addressed_by_token_has_its_own_states<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let desk = scene.signed_in("ada", "desk", 1).await;
    let phone = scene.signed_in("ada", "phone", 2).await;
    scene.add_webhook("one", None).await;
    let stored_at = scene.hands.now();
    let tokens = ["address-ada-desk-1", "address-ada-phone-2"];
    let both = Receivers {
        tokens: tokens.map(str::to_owned).to_vec(),
        ..Receivers::default()
    };
    let id = scene.store.publish(to(both)).await.unwrap().id;
    scene.hands.turn(1000);
    let delivered_at = scene.hands.now();
    scene.acks(desk).await;
    scene.hands.turn(1000);
    let at = scene.hands.now();
    for (client, on) in [(desk, "desk"), (phone, "phone")] {
        let (reader, on) = (Reader::Client(client), device(on));
        for _ in 0..2 {
            let shown = scene.store.mark_shown(&reader, &on, vec![id], false, at);
            shown.await.unwrap();
            let chosen = scene
                .store
                .record_action(&reader, &on, id, "yes".to_owned(), at);
            chosen.await.unwrap();
        }
    }
    let read = async |client: ClientId| {
        let reader = Reader::Client(client);
        let read = scene.store.mark_read(&reader, vec![id], at);
        read.await.unwrap();
    };
    read(desk).await;
    let allow = Settings {
        read_receipts: true,
        ..Settings::default()
    };
    scene.store.set_settings(&name("ada"), allow).await.unwrap();
    read(phone).await;

    let scene = scene.reopen().await;
    let state = |token: usize, delivered_at| ReceiverState {
        receiver: Receiver::Token(tokens[token].to_owned()),
        stored_at,
        delivered_at: Some(delivered_at),
        shown_at: Some(at),
        read_at: Some(at),
    };
    let expected = [state(0, delivered_at), state(1, at)];
    assert_eq!(scene.states(id).await.receivers, expected);
    let after = Some(expected[0].receiver.clone());
    let part = scene
        .store
        .states(&publisher_id(), id, after, 1)
        .await
        .unwrap();
    assert_eq!((&part.receivers[..], part.more), (&expected[1..], false));
    assert_eq!(
        scene.told().await,
        [
            "message.stored address-ada-desk-1",
            "message.stored address-ada-phone-2",
            "message.delivered address-ada-desk-1",
            // Another message, with which the ack travelled.
            "message.stored bob",
            "message.shown address-ada-desk-1",
            "message.action address-ada-desk-1 yes",
            "message.delivered address-ada-phone-2",
            "message.shown address-ada-phone-2",
            "message.action address-ada-phone-2 yes",
            // By then ada had allowed it to be told.
            "message.read address-ada-phone-2",
        ]
    );

    scene.store.end_session(desk).await.unwrap();
    assert_eq!(
        scene.states(id).await.receivers,
        expected[1..],
        "a dead token"
    );
}
