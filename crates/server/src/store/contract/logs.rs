use core::time::Duration;

use hither_protocol::TopicName;

use super::*;
use crate::store::{Application, ClientId, Log, Retention, Topic};

const DAY: Duration = Duration::from_hours(24);

impl<B: Bed> Scene<B> {
    async fn publish_to(&self, to: Receivers) -> MessageId {
        let new = NewMessage {
            to,
            ..a_message(&[])
        };
        self.store.publish(new).await.unwrap().id
    }

    async fn publish_keyed(&self, to: Receivers, key: &str) -> MessageId {
        let mut new = NewMessage {
            to,
            ..a_message(&[])
        };
        new.message.key = Some(key.to_owned());
        self.store.publish(new).await.unwrap().id
    }

    async fn publish_for(&self, to: Receivers, ttl: Duration) -> MessageId {
        let new = NewMessage {
            to,
            ttl: Some(ttl),
            ..a_message(&[])
        };
        self.store.publish(new).await.unwrap().id
    }

    async fn topic(&self, text: &str) -> Topic {
        self.store.ensure_topic(&topic_name(text)).await.unwrap()
    }

    /// Signs a client in; answers it and its message token.
    async fn runs(&self, account: &str, application: &str, version: &str, token: u8) -> ClientId {
        let session = NewSession {
            application: (application.to_owned(), version.to_owned()),
            ..a_session(account, "desk", token, self.hands.now())
        };
        let identity = self.store.create_session(session).await.unwrap();
        identity.client
    }

    async fn read(&self, reader: Reader) -> Page {
        self.read_after(reader, 0).await
    }

    async fn read_after(&self, reader: Reader, after: u64) -> Page {
        let page = self.store.page(&reader, Position(after), None, 1000).await;
        page.unwrap()
    }

    async fn pending(&self, account: &str) -> Vec<MessageId> {
        let now = self.hands.now();
        let pending = self
            .store
            .pending(&name(account), now, NEWEST)
            .await
            .unwrap();
        pending.iter().map(|one| one.id).collect()
    }

    fn head(&self) -> u64 {
        self.store.head().0
    }
}

fn topic_name(text: &str) -> TopicName {
    text.parse().unwrap()
}

fn to_everyone() -> Receivers {
    Receivers {
        everyone: true,
        ..Receivers::default()
    }
}

fn to_topics(names: &[&str]) -> Receivers {
    Receivers {
        topics: names.iter().map(|text| topic_name(text)).collect(),
        ..Receivers::default()
    }
}

fn to_tokens(tokens: &[&str]) -> Receivers {
    Receivers {
        tokens: tokens.iter().map(|token| (*token).to_owned()).collect(),
        ..Receivers::default()
    }
}

fn to_application(name: &str, versions: &str) -> Receivers {
    Receivers {
        application: Some(Application {
            name: name.to_owned(),
            versions: versions.parse().unwrap(),
        }),
        ..Receivers::default()
    }
}

fn to_accounts(names: &[&str]) -> Receivers {
    Receivers::accounts(names.iter().map(|text| name(text)).collect())
}

/// Everything a page says, in few words.
fn words(page: &Page) -> Vec<String> {
    let word = |entry: &Entry| match &entry.what {
        What::Message(message) => format!("message {}", message.id),
        What::Read(ids) => format!("read {}", ids[0]),
        What::Withdraw(ids, why) => format!("{why:?} {}", ids[0]),
    };
    page.entries.iter().map(word).collect()
}

pub(crate) async fn d4_what_is_for_everyone_is_one_row_for_all<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let mut news = scene.store.commits().unwrap();
    let own = scene.publish(&["ada"]).await;
    let stored = scene.store.publish(NewMessage {
        to: to_everyone(),
        ..a_message(&[])
    });
    let stored = stored.await.unwrap();
    assert_eq!(stored.receivers, 2);
    let public = stored.id;
    assert_eq!(ids(&scene.whole_log("ada").await), [own, public]);
    assert_eq!(ids(&scene.whole_log("bob").await), [public]);
    assert_eq!(scene.head(), 2);
    let told = announced(&mut news);
    let entries = told.iter().filter_map(|what| match what {
        Committed::Entries(entries) => Some(entries),
        _ => None,
    });
    let [.., last] = &entries.flatten().collect::<Vec<_>>()[..] else {
        panic!("nothing announced");
    };
    assert_eq!(last.logs, [Log::Everyone]);
}

pub(crate) async fn d4_a_new_account_finds_the_newest_public_messages_silently<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let mut sent = Vec::new();
    for number in 0..130 {
        let id = match number % 10 {
            0 => scene.publish_for(to_everyone(), DAY).await,
            _ => scene.publish_to(to_everyone()).await,
        };
        sent.push((number, id));
    }
    scene.hands.turn(86_400_000);
    scene.store.add_account(an_account("eve")).await.unwrap();
    let valid = sent.iter().filter(|(number, _)| number % 10 != 0);
    let newest: Vec<_> = valid.skip(117 - 100).map(|(_, id)| *id).collect();
    assert_eq!(ids(&scene.whole_log("eve").await), newest);
    assert_eq!(scene.pending("eve").await, []);
    assert_eq!(
        scene.pending("ada").await.len(),
        90,
        "of the newest hundred"
    );
    let later = scene.publish_to(to_everyone()).await;
    assert_eq!(scene.pending("eve").await, [later]);
    let scene = scene.reopen().await;
    assert_eq!(scene.pending("eve").await, [later]);
}

pub(crate) async fn what_is_for_everyone_is_read_by_each_alone<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let public = scene.publish_to(to_everyone()).await;
    let (ada, at) = (inbox("ada"), scene.hands.now());
    for _ in 0..2 {
        let read = scene.store.mark_read(&ada, vec![public], at).await;
        read.unwrap();
    }
    let message = format!("message {public}");
    let read = format!("read {public}");
    assert_eq!(
        words(&scene.whole_log("ada").await),
        [message.clone(), read]
    );
    assert_eq!(words(&scene.whole_log("bob").await), [message]);
    let seen = |page: &Page| messages(page)[0].read_at;
    assert_eq!(seen(&scene.whole_log("ada").await), Some(at));
    assert_eq!(seen(&scene.whole_log("bob").await), None);
    assert_eq!(scene.pending("ada").await, []);
    assert_eq!(scene.pending("bob").await, [public]);
    let shown = scene
        .store
        .mark_shown(&inbox("bob"), &device("d"), vec![public], false, at)
        .await;
    shown.unwrap();
    assert_eq!(scene.pending("bob").await, []);
}

pub(crate) async fn a_topic_is_read_from_subscribing_to_leaving<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let (ada, news) = (name("ada"), scene.topic("news").await);
    let _before = scene.publish_to(to_topics(&["news"])).await;
    scene.store.subscribe(&ada, &news.name).await.unwrap();
    scene.store.subscribe(&ada, &news.name).await.unwrap();
    let within = scene.publish_to(to_topics(&["news"])).await;
    assert_eq!(scene.pending("ada").await, [within]);
    scene.store.unsubscribe(&ada, &news.name).await.unwrap();
    let again = scene.store.unsubscribe(&ada, &news.name).await;
    assert_eq!(refused(again), StoreError::NotFound);
    let between = scene.publish_to(to_topics(&["news"])).await;
    // What became of a message that came is told even after leaving.
    for id in [within, between] {
        scene.store.recall(&publisher_id(), id).await.unwrap();
    }
    scene.store.subscribe(&ada, &news.name).await.unwrap();
    let after = scene.publish_to(to_topics(&["news"])).await;
    let log = scene.whole_log("ada").await;
    assert_eq!(ids(&log), [after]);
    let gone = [within, between].map(|id| format!("Recalled {id}"));
    assert_eq!(words(&log)[..2], gone);
    assert!(scene.whole_log("bob").await.entries.is_empty());
    let subscribed = scene.store.subscriptions(&ada).await.unwrap();
    assert_eq!(subscribed, [news]);
    assert_eq!(scene.store.subscribed(&ada).await.unwrap().len(), 2);
}

pub(crate) async fn who_left_a_topic_misses_nothing_of_it<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let (ada, news) = (name("ada"), scene.topic("news").await);
    scene.store.subscribe(&ada, &news.name).await.unwrap();
    let own = scene.publish_to(to_topics(&["news"])).await;
    scene.store.unsubscribe(&ada, &news.name).await.unwrap();
    for _ in 0..5 {
        scene.publish_to(to_topics(&["news"])).await;
    }
    assert_eq!(scene.pending("ada").await, [own]);
    let one = Retention {
        age: DAY,
        entries: 1,
    };
    assert_eq!(scene.store.retain(one).await.unwrap(), 5);
    assert_eq!(scene.read_after(inbox("ada"), 1).await.gap, None);
    assert!(scene.read_after(inbox("ada"), 0).await.gap.is_some());
    assert_eq!(scene.pending("ada").await, []);
}

pub(crate) async fn joining_and_leaving_a_silent_topic_leaves_no_trace<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let (ada, quiet) = (name("ada"), scene.topic("quiet").await);
    for _ in 0..20 {
        scene.publish(&["bob"]).await;
        scene.store.subscribe(&ada, &quiet.name).await.unwrap();
        scene.store.unsubscribe(&ada, &quiet.name).await.unwrap();
    }
    assert_eq!(scene.store.subscribed(&ada).await.unwrap(), []);
    let mut topics = Vec::new();
    for number in 0..crate::store::MAX_SUBSCRIPTIONS {
        topics.push(scene.topic(&format!("t{number}")).await);
    }
    for topic in &topics {
        scene.store.subscribe(&ada, &topic.name).await.unwrap();
    }
    let one_more = scene.store.subscribe(&ada, &quiet.name).await;
    assert_eq!(refused(one_more), StoreError::TooMany);
}

pub(crate) async fn a_topics_log_is_read_by_position_and_by_time<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let news = scene.topic("news").await;
    assert_eq!(scene.topic("news").await, news);
    assert_eq!(scene.store.topic(&topic_name("other")).await.unwrap(), None);
    let first = scene.publish_to(to_topics(&["news"])).await;
    scene.publish(&["ada"]).await;
    scene.hands.turn(1000);
    let noon = scene.hands.now();
    let second = scene.publish_to(to_topics(&["news", "other"])).await;
    let store = &scene.store;
    let page = |after, since| store.topic_page(news.id, Position(after), since, 9);
    assert_eq!(ids(&page(0, None).await.unwrap()), [first, second]);
    assert_eq!(ids(&page(1, None).await.unwrap()), [second]);
    assert_eq!(ids(&page(0, Some(noon)).await.unwrap()), [second]);
    let stands = |id| store.topic_position(news.id, id);
    assert_eq!(stands(first).await.unwrap(), Some(Position(1)));
    assert_eq!(stands(MessageId(Uuid::now_v7())).await.unwrap(), None);
    for (upto, latest) in [(3, Some(second)), (2, Some(first)), (0, None)] {
        let found = store.topic_latest(news.id, Position(upto)).await.unwrap();
        let id = found.map(|entry| match entry.what {
            What::Message(message) => message.id,
            other => panic!("{other:?}"),
        });
        assert_eq!(id, latest, "up to {upto}");
    }
    let topic = &messages(&page(0, None).await.unwrap())[0].topic.clone();
    assert_eq!(topic.as_deref(), Some("news"));
}

pub(crate) async fn a_message_for_many_logs_has_one_position<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let news = scene.topic("news").await;
    scene
        .store
        .subscribe(&name("ada"), &news.name)
        .await
        .unwrap();
    let client = scene.runs("ada", "hither", "1.0.0", 1).await;
    let token = "address-ada-desk-1";
    let new = NewMessage {
        to: Receivers {
            accounts: vec![name("ada"), name("bob")],
            topics: vec![topic_name("news"), topic_name("nobody")],
            tokens: vec![token.to_owned(), "dead".to_owned(), token.to_owned()],
            application: to_application("hither", "*").application,
            everyone: false,
        },
        ..a_message(&[])
    };
    let stored = scene.store.publish(new).await.unwrap();
    assert_eq!(stored.unknown_tokens, ["dead"]);
    assert_eq!(scene.head(), 1);
    assert_eq!(ids(&scene.read(Reader::Client(client)).await), [stored.id]);
    assert_eq!(ids(&scene.whole_log("ada").await), [stored.id]);
    let at = scene.hands.now();
    let reader = Reader::Client(client);
    scene
        .store
        .mark_read(&reader, vec![stored.id], at)
        .await
        .unwrap();
    let read = scene.whole_log("ada").await;
    assert_eq!(
        messages(&read)[0].read_at,
        Some(at),
        "read as a person's own"
    );
    assert_eq!(scene.pending("ada").await, []);
}

pub(crate) async fn whoever_is_reached_twice_is_counted_once<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    for topic in ["news", "sport"] {
        let topic = scene.topic(topic).await;
        for account in ["ada", "bob"] {
            let joined = scene.store.subscribe(&name(account), &topic.name).await;
            joined.unwrap();
        }
    }
    scene.runs("ada", "report", "1.0.0", 1).await;
    scene.runs("bob", "report", "2.0.0", 2).await;
    let token = "address-ada-desk-1";
    let count = async |to: Receivers| {
        let new = NewMessage {
            to,
            ..a_message(&[])
        };
        scene.store.publish(new).await.unwrap().receivers
    };
    let both = || to_topics(&["news", "sport"]);
    let application = |versions| to_application("report", versions);
    let with_token = |to| Receivers {
        tokens: vec![token.to_owned()],
        ..to
    };
    assert_eq!(count(both()).await, 2);
    let ada = vec![name("ada")];
    let by_name = Receivers {
        accounts: ada.clone(),
        ..both()
    };
    assert_eq!(count(by_name).await, 2);
    assert_eq!(count(application("*")).await, 2);
    assert_eq!(count(with_token(application("*"))).await, 2);
    assert_eq!(count(with_token(application("^2"))).await, 2);
    let person_and_client = with_token(Receivers::accounts(ada));
    assert_eq!(count(person_and_client).await, 2, "an address of its own");
    let ada = name("ada");
    scene.store.set_account_disabled(&ada, true).await.unwrap();
    for to in [both(), application("*"), to_everyone()] {
        assert_eq!(count(to.clone()).await, 1, "{to:?}");
    }
    assert_eq!(count(application("^1")).await, 0);
}

pub(crate) async fn b1_b2_a_token_is_exactly_one_client<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let report = scene.runs("ada", "report", "1.0.0", 1).await;
    let hither = scene.runs("ada", "hither", "1.0.0", 2).await;
    let bobs = scene.runs("bob", "report", "1.0.0", 3).await;
    let to = to_tokens(&["address-ada-desk-1", "address-bob-desk-3", "dead"]);
    let stored = scene.store.publish(NewMessage {
        to,
        idempotency: Some(("k".to_owned(), [1; 32])),
        ..a_message(&[])
    });
    let stored = stored.await.unwrap();
    assert_eq!(stored.receivers, 2);
    assert_eq!(stored.unknown_tokens, ["dead"]);
    for (client, expected) in [
        (report, &[stored.id][..]),
        (bobs, &[stored.id]),
        (hither, &[]),
    ] {
        for reader in [Reader::Client(client), Reader::Address(client)] {
            assert_eq!(ids(&scene.read(reader).await), expected);
        }
    }
    assert!(scene.whole_log("ada").await.entries.is_empty());
    assert_eq!(scene.pending("ada").await, []);
    let dead = scene.store.publish(NewMessage {
        to: to_tokens(&["dead"]),
        ..a_message(&[])
    });
    assert_eq!(refused(dead.await), StoreError::NoReceivers);
    let repeated = scene.store.publish(NewMessage {
        to: to_tokens(&["dead"]),
        idempotency: Some(("k".to_owned(), [1; 32])),
        ..a_message(&[])
    });
    assert_eq!(repeated.await.unwrap(), stored, "with its dead tokens");
}

pub(crate) async fn b5_what_a_client_reads_stays_its_own<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let report = scene.runs("ada", "report", "1.0.0", 1).await;
    let mail = scene.runs("ada", "mail", "1.0.0", 2).await;
    let hither = scene.runs("ada", "hither", "1.0.0", 3).await;
    let to = to_tokens(&["address-ada-desk-1", "address-ada-desk-2"]);
    let both = scene
        .publish_to(Receivers {
            accounts: vec![name("ada")],
            ..to
        })
        .await;
    let own = scene.publish(&["ada"]).await;
    let at = scene.hands.now();
    let reader = Reader::Client(report);
    scene
        .store
        .mark_read(&reader, vec![both, own], at)
        .await
        .unwrap();
    let shown = vec![both, own];
    let desk = device("desk");
    let shown = scene.store.mark_shown(&reader, &desk, shown, false, at);
    shown.await.unwrap();
    let page = scene.read(reader.clone()).await;
    assert_eq!(
        words(&page),
        [format!("message {both}"), format!("read {both}")]
    );
    assert_eq!(messages(&page)[0].read_at, Some(at));
    for other in [Reader::Client(mail), Reader::Client(hither)] {
        let page = scene.read(other).await;
        assert!(
            messages(&page)
                .iter()
                .all(|message| message.read_at.is_none())
        );
        assert!(words(&page).iter().all(|word| word.starts_with("message")));
    }
    assert_eq!(scene.pending("ada").await, [both, own]);
    assert_eq!(scene.store.message(&reader, own).await.unwrap(), None);
    let action = scene
        .store
        .record_action(&reader, &desk, own, "x".into(), at);
    assert_eq!(refused(action.await), StoreError::NotFound);
}

pub(crate) async fn b1_b6_a_token_dies_with_its_session_and_with_another_account<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let sign_in = |account: &str, replaces: Option<u8>, token: u8| NewSession {
        application: ("report".to_owned(), "1.0.0".to_owned()),
        replaces: replaces.map(|token| [token; 32]),
        ..a_session(account, "desk", token, scene.hands.now())
    };
    let store = &scene.store;
    let first = store.create_session(sign_in("ada", None, 1)).await.unwrap();
    let hither = scene.runs("ada", "hither", "1.0.0", 9).await;
    scene.publish_to(to_tokens(&[&first.message_token])).await;
    let again = store
        .create_session(sign_in("ada", Some(1), 2))
        .await
        .unwrap();
    assert_eq!(
        again.message_token, first.message_token,
        "the same live one"
    );

    let mut news = store.commits().unwrap();
    announced(&mut news);
    let bobs = store
        .create_session(sign_in("bob", Some(2), 3))
        .await
        .unwrap();
    let told = announced(&mut news);
    assert!(
        matches!(&told[..], [Committed::Ended(clients)] if *clients == [first.client]),
        "{told:?}"
    );
    let dead = scene.store.publish(NewMessage {
        to: to_tokens(&[&first.message_token]),
        ..a_message(&[])
    });
    assert_eq!(refused(dead.await), StoreError::NoReceivers);
    assert!(ids(&scene.read(Reader::Client(bobs.client)).await).is_empty());
    let live = store.identify(&[9; 32], scene.hands.now(), scene.hands.now());
    assert_eq!(
        live.await.unwrap().unwrap().client,
        hither,
        "another application"
    );

    let back = store
        .create_session(sign_in("ada", Some(3), 4))
        .await
        .unwrap();
    assert_ne!(back.message_token, first.message_token);
    let page = scene.read(Reader::Client(back.client)).await;
    assert!(
        page.entries.is_empty(),
        "what was for the dead token went with it"
    );
    store.end_session(back.client).await.unwrap();
    let dead = to_tokens(&[&back.message_token]);
    let dead = scene.store.publish(NewMessage {
        to: dead,
        ..a_message(&[])
    });
    assert_eq!(refused(dead.await), StoreError::NoReceivers);
}

pub(crate) async fn b3_an_application_is_reached_in_its_range<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let old = scene.runs("ada", "report", "1.4.0", 1).await;
    let new = scene.runs("bob", "report", "2.0.0", 2).await;
    let odd = scene.runs("bob", "mail", "2.0.0", 3).await;
    let stored = scene.store.publish(NewMessage {
        to: to_application("report", ">=1.2, <2"),
        ..a_message(&[])
    });
    let update = stored.await.unwrap();
    assert_eq!(update.receivers, 1);
    let all = scene.publish_to(to_application("report", "*")).await;
    assert_eq!(
        ids(&scene.read(Reader::Client(old)).await),
        [update.id, all]
    );
    assert_eq!(ids(&scene.read(Reader::Client(new)).await), [all]);
    assert_eq!(ids(&scene.read(Reader::Client(odd)).await), []);
    let page = scene.read(Reader::Client(old)).await;
    assert_eq!(messages(&page)[0].application.as_deref(), Some("report"));
    // Who signs in later finds it, also with a version that is none.
    scene.store.add_account(an_account("eve")).await.unwrap();
    let eve = scene.runs("eve", "report", "1.9.9", 4).await;
    assert_eq!(
        ids(&scene.read(Reader::Client(eve)).await),
        [update.id, all]
    );
    let vague = scene.runs("eve", "report", "newest", 5).await;
    assert_eq!(ids(&scene.read(Reader::Client(vague)).await), [all]);
    let recalled = scene.store.recall(&publisher_id(), update.id).await;
    recalled.unwrap();
    let gone = format!("Recalled {}", update.id);
    let page = scene.read(Reader::Client(old)).await;
    assert_eq!(words(&page), [format!("message {all}"), gone]);
}

pub(crate) async fn b3_upgrading_into_the_range_brings_it_behind_the_cursor<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let client = scene.runs("ada", "report", "1.0.0", 1).await;
    let reader = || Reader::Client(client);
    let valid = scene
        .publish_for(to_application("report", ">=2"), DAY * 2)
        .await;
    let short = scene
        .publish_for(to_application("report", ">=2"), DAY)
        .await;
    let both = scene.publish_to(to_application("report", ">=1")).await;
    let upto = scene.head();
    assert_eq!(ids(&scene.read(reader()).await), [both]);
    scene.hands.turn(86_400_000);

    let mut news = scene.store.commits().unwrap();
    announced(&mut news);
    let upgraded = scene.store.set_version(client, "2.1.0".to_owned()).await;
    upgraded.unwrap();
    assert_eq!(
        ids(&scene.read_after(reader(), upto).await),
        [valid],
        "not {short}"
    );
    let told = announced(&mut news);
    assert!(matches!(&told[..], [Committed::Entries(entries)]
        if entries.len() == 1 && entries[0].logs == [Log::Client(name("ada"), client)]));
    // Once, for who reads from the beginning.
    assert_eq!(ids(&scene.read(reader()).await), [both, valid]);
    // Nothing new in a version of the same range; again after having left it.
    let upto = scene.head();
    scene
        .store
        .set_version(client, "2.2.0".to_owned())
        .await
        .unwrap();
    assert_eq!(scene.head(), upto);
    scene
        .store
        .set_version(client, "1.5.0".to_owned())
        .await
        .unwrap();
    assert_eq!(ids(&scene.read(reader()).await), [both]);
    let back = scene.runs("ada", "report", "2.0.0", 2).await;
    assert_eq!(back, client);
    assert_eq!(ids(&scene.read_after(reader(), upto).await), [valid]);
    assert_eq!(ids(&scene.read(reader()).await), [both, valid]);
}

pub(crate) async fn d5_a_key_replaces_at_every_receiver<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let first = scene
        .publish_keyed(to_accounts(&["ada", "bob"]), "build")
        .await;
    let other = scene.publish_keyed(to_accounts(&["ada"]), "other").await;
    let at = scene.hands.now();
    scene
        .store
        .mark_read(&inbox("ada"), vec![first], at)
        .await
        .unwrap();
    let second = scene.publish_keyed(to_accounts(&["ada"]), "build").await;
    let ada = scene.whole_log("ada").await;
    let expected = [
        format!("message {other}"),
        format!("read {first}"),
        format!("Replaced {first}"),
        format!("message {second}"),
    ];
    assert_eq!(words(&ada), expected);
    assert_eq!(
        words(&scene.whole_log("bob").await),
        [format!("Replaced {first}")]
    );
    assert_eq!(scene.pending("ada").await, [other, second], "unread again");
    assert_eq!(scene.pending("bob").await, []);
    assert_eq!(
        scene.store.message(&inbox("bob"), first).await.unwrap(),
        None
    );

    let mut foreign = a_publisher();
    foreign.id = "app-0000000000000009".parse().unwrap();
    foreign.secrets = vec![[9; 32]];
    scene.store.add_publisher(foreign.clone()).await.unwrap();
    let mut theirs = a_message(&["ada"]);
    theirs.message.publisher.id = foreign.id;
    theirs.message.key = Some("build".to_owned());
    let theirs = scene.store.publish(theirs).await.unwrap().id;
    let kept = ids(&scene.whole_log("ada").await);
    assert_eq!(
        kept,
        [other, second, theirs],
        "a key is its publisher's own"
    );
    // Refused as a whole: what is there stays.
    let mut nobody = a_message(&["eve"]);
    nobody.message.key = Some("build".to_owned());
    assert_eq!(
        refused(scene.store.publish(nobody).await),
        StoreError::NoReceivers
    );
    assert_eq!(ids(&scene.whole_log("ada").await), kept);
}

pub(crate) async fn a_recall_is_the_publishers_own<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let id = scene.publish_to(to_everyone()).await;
    let other: PublisherId = "app-0000000000000009".parse().unwrap();
    let foreign = PublisherRecord {
        id: other.clone(),
        ..a_publisher()
    };
    scene.store.add_publisher(foreign).await.unwrap();
    assert_eq!(
        refused(scene.store.recall(&other, id).await),
        StoreError::NotFound
    );
    let unknown = MessageId(Uuid::now_v7());
    let recalled = scene.store.recall(&publisher_id(), unknown).await;
    assert_eq!(refused(recalled), StoreError::NotFound);
    for _ in 0..2 {
        scene.store.recall(&publisher_id(), id).await.unwrap();
    }
    assert_eq!(
        words(&scene.whole_log("bob").await),
        [format!("Recalled {id}")]
    );
    assert_eq!(scene.pending("bob").await, []);
}

pub(crate) async fn expired_messages_are_withdrawn_once<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    assert_eq!(scene.store.expire().await.unwrap(), None);
    let kept = scene.publish(&["ada"]).await;
    let short = scene.publish_for(to_accounts(&["ada", "bob"]), DAY).await;
    let long = scene.publish_for(to_everyone(), DAY * 2).await;
    assert_eq!(scene.store.expire().await.unwrap(), Some(DAY));
    assert_eq!(scene.head(), 3);
    scene.hands.turn(86_400_000);
    assert_eq!(scene.store.expire().await.unwrap(), Some(DAY));
    assert_eq!(scene.store.expire().await.unwrap(), Some(DAY));
    let expected = [
        format!("message {kept}"),
        format!("message {long}"),
        format!("Expired {short}"),
    ];
    assert_eq!(words(&scene.whole_log("ada").await), expected);
    scene.hands.turn(86_400_000);
    assert_eq!(scene.store.expire().await.unwrap(), None);
    let gone = [short, long].map(|id| format!("Expired {id}"));
    assert_eq!(words(&scene.whole_log("bob").await), gone);
}

pub(crate) async fn a_ttl_of_zero_is_only_for_who_is_connected<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let mut news = scene.store.commits().unwrap();
    let mut new = a_message(&["ada"]);
    new.ttl = Some(Duration::ZERO);
    new.html = Some("x".repeat(20_000));
    let id = scene.store.publish(new).await.unwrap().id;
    let told = announced(&mut news);
    let [Committed::Entries(entries)] = &told[..] else {
        panic!("{told:?}");
    };
    assert!(entries[0].fleeting);
    assert!(matches!(&entries[0].entry.what, What::Message(message)
        if message.id == id && message.expires_at.is_none()));
    assert!(scene.whole_log("ada").await.entries.is_empty());
    assert_eq!(scene.pending("ada").await, []);
    assert_eq!(scene.store.expire().await.unwrap(), None);
    scene.hands.turn(1000);
    assert_eq!(scene.store.expire().await.unwrap(), None);
    assert!(scene.whole_log("ada").await.entries.is_empty());
    // Who got it fetches its page.
    let page = scene.store.html(&inbox("ada"), id).await.unwrap();
    assert_eq!(page.map(|page| page.len()), Some(20_000));
}

pub(crate) async fn a6_time_is_asked_inclusively_in_order_of_position<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let before = scene.publish(&["ada"]).await;
    scene.hands.turn(1000);
    let noon = scene.hands.now();
    let first = scene.publish(&["ada"]).await;
    let twin = scene.publish(&["ada"]).await;
    scene.hands.turn(-1);
    let back = scene.publish(&["ada"]).await;
    scene.hands.turn(10);
    let last = scene.publish(&["ada"]).await;
    let ada = inbox("ada");
    let ask = async |after, since| {
        let page = scene
            .store
            .page(&ada, Position(after), Some(since), 2)
            .await;
        page.unwrap()
    };
    let page = ask(0, noon).await;
    assert_eq!((ids(&page), page.more), (vec![first, twin], true));
    let rest = ask(page.upto.0, noon).await;
    assert_eq!((ids(&rest), rest.more), (vec![last], false));
    assert_eq!(rest.upto, Position(5), "not {before}, not {back}");
    let all = ask(0, Timestamp::UNIX_EPOCH).await;
    assert_eq!(ids(&all), [before, first]);
    assert_eq!(ids(&ask(0, in_days(noon, 1)).await), []);
}

pub(crate) async fn a9_retention_leaves_a_gap_for_whoever_was_not_there<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let mut sent = Vec::new();
    for _ in 0..10 {
        scene.hands.turn(1000);
        sent.push(scene.publish(&["ada"]).await);
        scene.publish(&["bob"]).await;
    }
    let both = scene.publish(&["ada", "bob"]).await;
    let few = |entries| Retention { age: DAY, entries };
    assert_eq!(scene.store.retain(few(11)).await.unwrap(), 0);
    assert_eq!(scene.store.retain(few(4)).await.unwrap(), 14);
    let fifth = scene.whole_log("ada").await;
    assert_eq!(ids(&fifth), [sent[7], sent[8], sent[9], both]);
    // The newest that went was the seventh of ada's, at position 13.
    let since = fifth.gap.expect("a gap");
    let start = Hands::new().now().as_millisecond();
    assert_eq!(since.as_millisecond(), start + 7001);
    for (after, gap) in [(12, true), (13, false), (21, false)] {
        let page = scene.read_after(inbox("ada"), after).await;
        assert_eq!(page.gap.is_some(), gap, "after {after}");
    }
    for (since, gap) in [(0, true), (7000, true), (7001, false)] {
        let since = Timestamp::from_millisecond(start + since).unwrap();
        let page = scene
            .store
            .page(&inbox("ada"), Position(0), Some(since), 9)
            .await;
        assert_eq!(page.unwrap().gap.is_some(), gap, "since {since}");
    }
    for gone in &sent[..7] {
        assert_eq!(
            scene.store.message(&inbox("ada"), *gone).await.unwrap(),
            None
        );
    }
    assert_eq!(
        scene.pending("ada").await,
        [sent[7], sent[8], sent[9], both]
    );

    scene.hands.turn(86_400_000 + 1);
    let scene = scene.reopen().await;
    scene.store.retain(few(100)).await.unwrap();
    assert!(scene.whole_log("ada").await.entries.is_empty());
    assert!(scene.read_after(inbox("bob"), 20).await.gap.is_some());
    assert_eq!(scene.read_after(inbox("bob"), 21).await.gap, None);
    let next = scene.publish(&["bob"]).await;
    assert_eq!(ids(&scene.whole_log("bob").await), [next]);
}

pub(crate) async fn what_nobody_misses_leaves_no_gap<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let news = scene.topic("news").await;
    let early = scene.publish_to(to_topics(&["news"])).await;
    scene.publish_for(to_accounts(&["ada"]), DAY).await;
    scene.publish_to(to_everyone()).await;
    scene.hands.turn(2 * 86_400_000);
    scene
        .store
        .subscribe(&name("ada"), &news.name)
        .await
        .unwrap();
    let day = Retention {
        age: DAY,
        entries: 100,
    };
    let removed = scene.store.retain(day).await.unwrap();
    assert_eq!(removed, 3);
    let stands = scene.store.topic_position(news.id, early).await.unwrap();
    assert_eq!(stands, None);
    let page = scene.read_after(inbox("ada"), 2).await;
    assert!(page.gap.is_some(), "the public one is missed");
    let page = scene.read_after(inbox("ada"), 3).await;
    assert_eq!(page.gap, None);
    // Made after it went: nothing is missing.
    scene.store.add_account(an_account("eve")).await.unwrap();
    let page = scene.read_after(inbox("eve"), 3).await;
    assert_eq!(page.gap, None);
}

impl<B: Bed> Scene<B> {
    /// Lets everything become too old; answers how many entries went.
    async fn all_goes(&self) -> u64 {
        self.hands.turn(86_400_000 + 1);
        let day = Retention {
            age: DAY,
            entries: 100,
        };
        self.store.retain(day).await.unwrap()
    }
}

pub(crate) async fn d5_what_retention_took_is_withdrawn_from_who_has_it<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let client = scene.runs("ada", "report", "1.0.0", 1).await;
    let keyed = scene
        .publish_keyed(to_accounts(&["ada", "bob"]), "build")
        .await;
    let public = scene.publish_keyed(to_everyone(), "public").await;
    let short = scene.publish_for(to_accounts(&["ada"]), 2 * DAY).await;
    let own = scene.publish_to(to_tokens(&["address-ada-desk-1"])).await;
    let fleeting = scene
        .publish_for(to_accounts(&["ada"]), Duration::ZERO)
        .await;
    assert_eq!(scene.all_goes().await, 6);
    let scene = scene.reopen().await;
    scene.add_webhook("one", None).await;
    let new = scene.publish_keyed(to_accounts(&["bob"]), "build").await;
    scene.publish_keyed(to_everyone(), "public").await;
    scene.store.recall(&publisher_id(), own).await.unwrap();
    let again = scene.store.recall(&publisher_id(), own).await;
    assert_eq!(refused(again), StoreError::NotFound);
    // It stays with whoever was there.
    scene.store.recall(&publisher_id(), fleeting).await.unwrap();
    assert!(scene.store.expire().await.unwrap().is_some());
    scene.hands.turn(86_400_000);
    assert_eq!(scene.store.expire().await.unwrap(), None);
    let ada = words(&scene.whole_log("ada").await);
    let gone = |why, id| format!("{why} {id}");
    assert_eq!(ada[0], gone("Replaced", keyed));
    assert_eq!(ada[1], gone("Replaced", public));
    assert_eq!(
        ada[3..],
        [gone("Recalled", fleeting), gone("Expired", short)]
    );
    assert_eq!(
        scene.told().await,
        [
            "message.replaced",
            "message.stored bob",
            "message.replaced",
            "message.recalled",
            "message.recalled",
            "message.expired"
        ]
    );
    let bob = words(&scene.whole_log("bob").await);
    assert_eq!(
        bob[..2],
        [gone("Replaced", keyed), format!("message {new}")]
    );
    let client = words(&scene.read(Reader::Client(client)).await);
    assert_eq!(client, [gone("Recalled", own)]);
}

pub(crate) async fn what_stands_in_another_log_is_withdrawn_from_all<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let first = scene
        .publish_keyed(to_accounts(&["ada", "bob"]), "build")
        .await;
    scene.publish(&["ada"]).await;
    let one = Retention {
        age: DAY,
        entries: 1,
    };
    assert_eq!(scene.store.retain(one).await.unwrap(), 1);
    assert_eq!(ids(&scene.whole_log("bob").await), [first]);
    scene.publish_keyed(to_accounts(&["bob"]), "build").await;
    let replaced = format!("Replaced {first}");
    for account in ["ada", "bob"] {
        let log = words(&scene.whole_log(account).await);
        assert_eq!(log.iter().filter(|one| **one == replaced).count(), 1);
    }
}

pub(crate) async fn what_retention_took_is_known_as_long_again<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let mut sent = Vec::new();
    for _ in 0..4 {
        sent.push(scene.publish(&["ada"]).await);
    }
    let keep = |entries| Retention { age: DAY, entries };
    assert_eq!(scene.store.retain(keep(1)).await.unwrap(), 3);
    let recall = async |id| scene.store.recall(&publisher_id(), id).await;
    assert_eq!(refused(recall(sent[0]).await), StoreError::NotFound);
    assert_eq!(refused(recall(sent[1]).await), StoreError::NotFound);
    assert_eq!(recall(sent[2]).await, Ok(()), "as many again");
    let by_age = scene.publish(&["bob"]).await;
    let last = scene.publish(&["bob"]).await;
    scene.hands.turn(2 * 86_400_000);
    assert_eq!(scene.store.retain(keep(2)).await.unwrap(), 4);
    assert_eq!(recall(by_age).await, Ok(()), "for as long again");
    scene.hands.turn(1);
    scene.store.retain(keep(2)).await.unwrap();
    assert_eq!(refused(recall(last).await), StoreError::NotFound);
}

pub(crate) async fn who_left_a_topic_learns_what_became_of_what_went<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let (ada, news) = (name("ada"), scene.topic("news").await);
    scene.store.subscribe(&ada, &news.name).await.unwrap();
    let old = scene.publish_to(to_topics(&["news"])).await;
    assert_eq!(scene.all_goes().await, 1);
    scene.store.unsubscribe(&ada, &news.name).await.unwrap();
    scene.store.recall(&publisher_id(), old).await.unwrap();
    let log = scene.whole_log("ada").await;
    assert_eq!(words(&log), [format!("Recalled {old}")]);
}
