use hither_protocol::Settings;

use super::*;
use crate::store::{ADMINISTRATION, ClientId, Identity, Retention};

impl<B: Bed> Scene<B> {
    async fn whois(&self, token: u8) -> Option<Identity> {
        let now = self.hands.now();
        let (token, expires_at) = ([token; 32], in_days(now, 60));
        let identified = self.store.identify(&token, now, expires_at).await;
        identified.unwrap()
    }

    async fn client(&self, token: u8) -> ClientId {
        self.whois(token).await.expect("a live token").client
    }
}

fn ended(told: &[Committed]) -> Vec<ClientId> {
    let clients = told.iter().filter_map(|what| match what {
        Committed::Ended(clients) => Some(clients.clone()),
        _ => None,
    });
    clients.flatten().collect()
}

pub(crate) async fn a_name_is_taken_once<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let store = &scene.store;
    assert_eq!(
        refused(store.add_account(an_account("ada")).await),
        StoreError::Taken
    );
    assert_eq!(
        refused(store.add_publisher(a_publisher()).await),
        StoreError::Taken
    );
    let missing = store.set_password(&name("eve"), String::new()).await;
    assert_eq!(refused(missing), StoreError::NotFound);
    assert_eq!(
        refused(store.remove_account(&name("eve")).await),
        StoreError::NotFound
    );
    let nobody = a_session("eve", "d", 1, scene.hands.now());
    assert_eq!(
        refused(store.create_session(nobody).await),
        StoreError::NotFound
    );
    let missing = "app-0000000000000000".parse().unwrap();
    let rotated = store.rotate_secret(&missing, [1; 32]).await;
    assert_eq!(refused(rotated), StoreError::NotFound);
}

pub(crate) async fn accounts_and_publishers_survive_reopening<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await.reopen().await;
    let accounts = scene.store.accounts().await.unwrap();
    let names: Vec<_> = accounts.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["ada", "bob"]);
    assert_eq!(accounts[0].password_hash, "$argon2id$");
    assert_eq!(accounts[0].created_at, Hands::new().now());
    let publisher = scene
        .store
        .publisher(&publisher_id())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (publisher.name.as_str(), publisher.secrets),
        ("Build", vec![[1; 32]])
    );
    assert_eq!(scene.store.publishers().await.unwrap().len(), 1);
    assert!(scene.store.account(&name("eve")).await.unwrap().is_none());
}

pub(crate) async fn the_oldest_of_three_secrets_goes<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let (id, store) = (publisher_id(), &scene.store);
    for (secret, valid) in [(2, vec![[1; 32], [2; 32]]), (3, vec![[2; 32], [3; 32]])] {
        store.rotate_secret(&id, [secret; 32]).await.unwrap();
        let publisher = store.publisher(&id).await.unwrap().unwrap();
        assert_eq!(publisher.secrets, valid);
    }
    store.set_publisher_disabled(&id, true).await.unwrap();
    let publisher = store.publisher(&id).await.unwrap().unwrap();
    assert_eq!(publisher.disabled_at, Some(scene.hands.now()));
    store.set_publisher_disabled(&id, false).await.unwrap();
    let publisher = store.publisher(&id).await.unwrap().unwrap();
    assert_eq!(publisher.disabled_at, None);
}

pub(crate) async fn a_client_has_one_session<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let mut news = scene.store.commits().unwrap();
    scene.sign_in("ada", "desk", 1).await;
    let first = scene.whois(1).await.unwrap();
    assert_eq!(
        (first.account.as_str(), first.device.id.as_str()),
        ("ada", "desk")
    );
    assert_eq!((first.application.as_str(), first.acked), ("hither", None));
    assert!(ended(&announced(&mut news)).is_empty());

    scene.sign_in("ada", "desk", 2).await;
    let second = scene.whois(2).await.unwrap();
    assert_eq!(scene.whois(1).await, None);
    assert_eq!(second.client, first.client);
    assert_eq!(
        second.message_token, first.message_token,
        "the address stays"
    );
    assert_eq!(ended(&announced(&mut news)), [first.client]);

    scene.sign_in("ada", "phone", 3).await;
    let taken = a_session("ada", "phone", 2, scene.hands.now());
    let answer = scene.store.create_session(taken).await;
    assert_eq!(refused(answer), StoreError::Taken);
    assert!(
        scene.whois(3).await.is_some(),
        "a refused sign-in ends nothing"
    );
    assert_eq!(scene.client(2).await, first.client);
    assert!(ended(&announced(&mut news)).is_empty());
}

pub(crate) async fn two_applications_on_a_device_are_two_clients<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    scene.sign_in("ada", "desk", 1).await;
    let other = NewSession {
        application: ("example".to_owned(), "2.0.0".to_owned()),
        ..a_session("ada", "desk", 2, scene.hands.now())
    };
    scene.store.create_session(other).await.unwrap();
    let (hither, example) = (scene.whois(1).await.unwrap(), scene.whois(2).await.unwrap());
    assert_ne!(hither.client, example.client);
    assert_ne!(hither.message_token, example.message_token);
    assert_eq!(example.application, "example");
}

pub(crate) async fn a_device_id_means_nothing_to_another_account<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    scene.sign_in("ada", "desk", 1).await;
    scene.sign_in("bob", "desk", 2).await;
    let (ada, bob) = (scene.whois(1).await.unwrap(), scene.whois(2).await.unwrap());
    assert_ne!(ada.client, bob.client);
    assert_ne!(ada.message_token, bob.message_token);
    assert_eq!((ada.account, bob.account), (name("ada"), name("bob")));
}

pub(crate) async fn a_session_ends_with_its_tokens<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let before = scene.sign_in("ada", "desk", 1).await;
    let client = scene.client(1).await;
    let mut news = scene.store.commits().unwrap();
    announced(&mut news);
    scene.store.end_session(client).await.unwrap();
    assert_eq!(scene.whois(1).await, None);
    assert_eq!(ended(&announced(&mut news)), [client]);
    assert_eq!(
        refused(scene.store.end_session(client).await),
        StoreError::NotFound
    );

    scene.sign_in("ada", "desk", 2).await;
    let again = scene.whois(2).await.unwrap();
    assert_ne!(
        again.message_token, before.message_token,
        "the old address is dead"
    );
}

pub(crate) async fn a_revoked_session_is_told_from_a_replaced_one<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let (ada, store) = (name("ada"), &scene.store);
    let revoked = async |scene: &Scene<B>, token: u8| {
        let (token, now) = ([token; 32], scene.hands.now());
        scene.store.is_revoked(&token, now).await.unwrap()
    };
    for (device, token) in [
        ("desk", 1),
        ("desk", 2),
        ("phone", 3),
        ("watch", 4),
        ("car", 5),
    ] {
        scene.sign_in("ada", device, token).await;
    }
    scene.sign_in("bob", "desk", 6).await;
    let (desk, watch) = (scene.client(2).await, scene.client(4).await);
    store.end_session(watch).await.unwrap();
    store.remove_device(&ada, &device("phone")).await.unwrap();
    let changed = store.change_password(&ada, "$argon2id$".to_owned(), String::new(), desk);
    changed.await.unwrap();
    let switch = NewSession {
        replaces: Some([2; 32]),
        ..a_session("bob", "other", 7, scene.hands.now())
    };
    store.create_session(switch).await.unwrap();
    store.remove_account(&name("bob")).await.unwrap();

    let scene = scene.reopen().await;
    for (token, expected) in [
        (1, false),
        (2, true),
        (3, true),
        (4, true),
        (5, true),
        (6, true),
        (7, true),
        (8, false),
    ] {
        assert_eq!(revoked(&scene, token).await, expected, "{token}");
    }
    scene.hands.turn(60 * 86_400_000);
    assert!(!revoked(&scene, 2).await, "it would have expired");
    scene.store.retain(Retention::default()).await.unwrap();
    scene.hands.turn(-60 * 86_400_000);
    assert!(!revoked(&scene, 2).await, "forgotten");
}

pub(crate) async fn a_new_password_ends_all_sessions<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    scene.sign_in("ada", "desk", 1).await;
    scene.sign_in("ada", "phone", 2).await;
    scene.sign_in("bob", "desk", 3).await;
    let mut clients = vec![scene.client(1).await, scene.client(2).await];
    let mut news = scene.store.commits().unwrap();
    announced(&mut news);
    let new = "$argon2id$new".to_owned();
    scene
        .store
        .set_password(&name("ada"), new.clone())
        .await
        .unwrap();
    let mut gone = ended(&announced(&mut news));
    gone.sort();
    clients.sort();
    assert_eq!(gone, clients);
    assert_eq!((scene.whois(1).await, scene.whois(2).await), (None, None));
    assert!(scene.whois(3).await.is_some());
    let account = scene.store.account(&name("ada")).await.unwrap().unwrap();
    assert_eq!(account.password_hash, new);
}

pub(crate) async fn a_renewed_hash_ends_no_session<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    scene.sign_in("ada", "desk", 1).await;
    let ada = name("ada");
    for (old, new) in [("$argon2id$", "$new$"), ("$argon2id$", "$late$")] {
        let renewed = scene
            .store
            .renew_password_hash(&ada, old.to_owned(), new.to_owned());
        renewed.await.unwrap();
        let account = scene.store.account(&ada).await.unwrap().unwrap();
        assert_eq!(account.password_hash, "$new$");
    }
    assert!(scene.whois(1).await.is_some());
}

pub(crate) async fn a_disabled_account_is_shut_out<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    scene.sign_in("ada", "desk", 1).await;
    let (ada, client) = (name("ada"), scene.client(1).await);
    let mut news = scene.store.commits().unwrap();
    announced(&mut news);
    scene.store.set_account_disabled(&ada, true).await.unwrap();
    assert_eq!(ended(&announced(&mut news)), [client]);
    let since = scene.hands.now();
    scene.hands.turn(1000);
    scene.store.set_account_disabled(&ada, true).await.unwrap();
    let record = scene.store.account(&ada).await.unwrap().unwrap();
    assert_eq!(record.disabled_at, Some(since), "since the first time");
    let again = a_session("ada", "desk", 2, since);
    assert_eq!(
        refused(scene.store.create_session(again.clone()).await),
        StoreError::NotFound
    );
    scene.store.set_account_disabled(&ada, false).await.unwrap();
    assert_eq!(scene.whois(1).await, None, "an ended session stays ended");
    scene.store.create_session(again).await.unwrap();
    assert!(scene.whois(2).await.is_some());
}

pub(crate) async fn an_expiry_slides_once_a_day<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let begun = scene.hands.now();
    scene.sign_in("ada", "desk", 1).await;
    scene.hands.turn(86_400_000 - 1);
    assert_eq!(scene.whois(1).await.unwrap().expires_at, in_days(begun, 60));
    scene.hands.turn(1);
    assert_eq!(scene.whois(1).await.unwrap().expires_at, in_days(begun, 61));
    scene.hands.turn(-86_400_000);
    assert_eq!(scene.whois(1).await.unwrap().expires_at, in_days(begun, 61));
    let scene = scene.reopen().await;
    scene.hands.turn(61 * 86_400_000 - 1);
    let late = scene.hands.now();
    let live = scene.store.identify(&[1; 32], late, late).await.unwrap();
    assert!(live.is_some());
    scene.hands.turn(1);
    assert_eq!(scene.whois(1).await, None, "expired");
}

pub(crate) async fn an_administrators_session_never_slides<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let mut session = a_session("ada", "desk", 1, scene.hands.now());
    ADMINISTRATION.clone_into(&mut session.application.0);
    let ends = in_days(scene.hands.now(), 2);
    session.expires_at = ends;
    scene.store.create_session(session).await.unwrap();
    scene.hands.turn(86_400_000);
    assert_eq!(scene.whois(1).await.unwrap().expires_at, ends);
    scene.hands.turn(86_400_000);
    assert_eq!(scene.whois(1).await, None);
}

pub(crate) async fn a_removed_account_leaves_nothing<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let ada = name("ada");
    scene.sign_in("ada", "desk", 1).await;
    let client = scene.client(1).await;
    let own = scene.publish(&["ada"]).await;
    let both = scene.publish(&["ada", "bob"]).await;
    let at = scene.hands.now();
    let desk = device("desk");
    scene
        .store
        .mark_shown(&inbox("ada"), &desk, vec![own, both], false, at)
        .await
        .unwrap();
    scene
        .store
        .mark_read(&inbox("ada"), vec![both], at)
        .await
        .unwrap();
    let head = scene.store.head();
    let mut news = scene.store.commits().unwrap();
    announced(&mut news);
    scene.store.remove_account(&ada).await.unwrap();
    assert_eq!(ended(&announced(&mut news)), [client]);
    assert_eq!(scene.whois(1).await, None);
    assert_eq!(ids(&scene.whole_log("bob").await), [both]);

    let scene = scene.reopen().await;
    scene.store.add_account(an_account("ada")).await.unwrap();
    assert!(scene.whole_log("ada").await.entries.is_empty());
    assert_eq!(scene.store.message(&inbox("ada"), own).await.unwrap(), None);
    assert_eq!(scene.store.pending(&ada, at, NEWEST).await.unwrap(), []);
    scene.publish(&["ada"]).await;
    let next = scene.store.head();
    assert_eq!(
        next,
        Position(head.0 + 1),
        "positions are never given out twice"
    );
}

pub(crate) async fn an_ack_never_goes_back<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    scene.sign_in("ada", "desk", 1).await;
    for _ in 0..9 {
        scene.publish(&["ada"]).await;
    }
    let client = scene.client(1).await;
    for upto in [3, 7, 5] {
        scene.store.ack(client, Position(upto)).await.unwrap();
    }
    scene.store.ack(ClientId(999), Position(1)).await.unwrap();
    assert_eq!(scene.whois(1).await.unwrap().acked, Some(Position(7)));
    let scene = scene.reopen().await;
    assert_eq!(scene.whois(1).await.unwrap().acked, Some(Position(7)));
    scene.store.ack(client, Position(2)).await.unwrap();
    assert_eq!(scene.whois(1).await.unwrap().acked, Some(Position(7)));
    let scene = scene.reopen().await;
    assert_eq!(scene.whois(1).await.unwrap().acked, Some(Position(7)));
}

pub(crate) async fn settings_are_kept_and_announced<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let mut news = scene.store.commits().unwrap();
    let ada = name("ada");
    assert_eq!(scene.store.settings(&ada).await.unwrap(), None);
    let chosen = Settings {
        read_receipts: true,
        ..Settings::default()
    };
    scene
        .store
        .set_settings(&ada, chosen.clone())
        .await
        .unwrap();
    let told = announced(&mut news);
    assert!(
        matches!(&told[..], [Committed::Settings(who, what)] if *who == ada && **what == chosen),
        "{told:?}"
    );
    for eve in [
        scene.store.settings(&name("eve")).await.map(|_| ()),
        scene.store.set_settings(&name("eve"), chosen.clone()).await,
    ] {
        assert_eq!(refused(eve), StoreError::NotFound);
    }
    let replace = |held: Option<&Settings>, wanted: Settings| {
        let (store, held) = (scene.store.clone(), held.cloned());
        async move { store.replace_settings(&name("ada"), held, wanted).await }
    };
    let other = Settings::default();
    for held in [None, Some(&other)] {
        let stale = replace(held, other.clone()).await;
        assert_eq!(refused(stale), StoreError::Changed);
    }
    assert!(announced(&mut news).is_empty());
    replace(Some(&chosen), other.clone()).await.unwrap();
    assert_eq!(scene.store.settings(&ada).await.unwrap(), Some(other));
    let other = Some(Settings::default());
    replace(other.as_ref(), chosen.clone()).await.unwrap();
    assert_eq!(announced(&mut news).len(), 2);
    let scene = scene.reopen().await;
    assert_eq!(scene.store.settings(&ada).await.unwrap(), Some(chosen));
    scene.store.remove_account(&ada).await.unwrap();
    scene.store.add_account(an_account("ada")).await.unwrap();
    assert_eq!(
        scene.store.settings(&ada).await.unwrap(),
        None,
        "of another person"
    );
}

pub(crate) async fn a_changed_password_keeps_one_session<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let mut news = scene.store.commits().unwrap();
    for (account, device, token) in [("ada", "desk", 1), ("ada", "phone", 2), ("bob", "desk", 3)] {
        scene.sign_in(account, device, token).await;
    }
    let (keep, ends) = (scene.client(1).await, scene.client(2).await);
    let change = |old: &str| {
        let (store, old) = (scene.store.clone(), old.to_owned());
        async move {
            let new = "new".to_owned();
            store.change_password(&name("ada"), old, new, keep).await
        }
    };
    assert_eq!(refused(change("wrong").await), StoreError::NotFound);
    assert!(ended(&announced(&mut news)).is_empty());
    change("$argon2id$").await.unwrap();
    assert_eq!(ended(&announced(&mut news)), [ends]);
    assert!(scene.whois(1).await.is_some() && scene.whois(3).await.is_some());
    assert_eq!(scene.whois(2).await, None);
    let account = scene.store.account(&name("ada")).await.unwrap().unwrap();
    assert_eq!(account.password_hash, "new");
}

pub(crate) async fn a_removed_device_takes_its_clients_along<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let mut news = scene.store.commits().unwrap();
    scene.sign_in("ada", "desk", 1).await;
    scene.sign_in("ada", "phone", 2).await;
    scene.sign_in("bob", "phone", 3).await;
    let (ada, phone) = (name("ada"), device("phone"));
    let gone = scene.client(2).await;
    let seen: Vec<_> = scene.store.devices(&ada).await.unwrap();
    let ids: Vec<_> = seen.iter().map(|one| one.device.id.as_str()).collect();
    assert_eq!(ids, ["desk", "phone"]);
    assert_eq!(seen[0].seen_at, Some(scene.hands.now()));

    scene.store.remove_device(&ada, &phone).await.unwrap();
    assert_eq!(ended(&announced(&mut news)), [gone]);
    assert_eq!(scene.whois(2).await, None);
    assert!(scene.whois(1).await.is_some() && scene.whois(3).await.is_some());
    let again = scene.store.remove_device(&ada, &phone).await;
    assert_eq!(refused(again), StoreError::NotFound);
    let back = a_session("ada", "phone", 4, scene.hands.now());
    let back = scene.store.create_session(back).await;
    assert_eq!(refused(back), StoreError::Changed);
    assert_eq!(scene.whois(4).await, None);
    assert_eq!(scene.store.devices(&ada).await.unwrap().len(), 1);
    for (account, id, token) in [
        ("ada", "desk", 4),
        ("ada", "tablet", 5),
        ("bob", "phone", 6),
    ] {
        scene.sign_in(account, id, token).await;
        assert_eq!(scene.whois(token).await.unwrap().device.id, device(id));
    }
}

impl<B: Bed> Scene<B> {
    /// Signs in with a notice for the account's other devices.
    async fn announce(&self, device: &str, token: u8) -> Result<Identity, StoreError> {
        let session = NewSession {
            notice: Some(Box::new(a_message(&["ada"]))),
            ..a_session("ada", device, token, self.hands.now())
        };
        self.store.create_session(session).await
    }

    /// A client opens its stream.
    async fn open(&self, token: u8) -> ClientId {
        let client = self.client(token).await;
        self.store.seen(client).unwrap();
        client
    }

    async fn notices(&self) -> usize {
        ids(&self.whole_log("ada").await).len()
    }
}

pub(crate) async fn a_notice_is_for_a_new_device_where_another_is_in_use<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    scene.announce("desk", 1).await.unwrap();
    scene.announce("phone", 2).await.unwrap();
    assert_eq!(scene.notices().await, 0, "neither is in use yet");
    let desk = scene.open(1).await;
    scene.announce("desk", 3).await.unwrap();
    scene.announce("phone", 4).await.unwrap();
    let mut other = a_session("ada", "phone", 5, scene.hands.now());
    other.application.0 = "example".to_owned();
    other.notice = Some(Box::new(a_message(&["ada"])));
    scene.store.create_session(other).await.unwrap();
    assert_eq!(scene.notices().await, 0, "both are known");

    scene.announce("tablet", 6).await.unwrap();
    assert_eq!(scene.notices().await, 0, "the desk was not opened since");
    scene.open(3).await;
    scene.announce("car", 7).await.unwrap();
    assert_eq!(scene.notices().await, 1);
    let taken = scene.announce("watch", 7).await;
    assert_eq!(refused(taken), StoreError::Taken);
    assert_eq!(scene.notices().await, 1, "no notice without a session");

    let scene = scene.reopen().await;
    scene
        .store
        .end_session(scene.client(7).await)
        .await
        .unwrap();
    scene.announce("car", 8).await.unwrap();
    assert_eq!(scene.notices().await, 2, "nobody was signed in there");
    scene.store.end_session(desk).await.unwrap();
    scene.announce("watch", 9).await.unwrap();
    assert_eq!(scene.notices().await, 2, "nobody to be told");
    assert!(ids(&scene.whole_log("bob").await).is_empty());
}

pub(crate) async fn a_notice_is_kept_from_the_device_it_is_about<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let mut news = scene.store.commits().unwrap();
    scene.announce("desk", 1).await.unwrap();
    let desk = Reader::Client(scene.open(1).await);
    scene.announce("new", 2).await.unwrap();
    let new = scene.client(2).await;
    let same = a_session("ada", "new", 3, scene.hands.now());
    let same = NewSession {
        application: ("example".to_owned(), "1.0.0".to_owned()),
        ..same
    };
    scene.store.create_session(same).await.unwrap();
    let [id] = ids(&scene.whole_log("ada").await)[..] else {
        panic!("one notice");
    };
    let kept_from: Vec<_> = announced(&mut news)
        .into_iter()
        .filter_map(|news| match news {
            Committed::Entries(entries) => Some(entries),
            _ => None,
        })
        .flatten()
        .map(|appended| appended.not_for)
        .collect();
    assert_eq!(kept_from, [Some(device("new"))]);

    let at = scene.hands.now();
    let scene = scene.reopen().await;
    let pending = scene.store.pending(&name("ada"), at, NEWEST).await.unwrap();
    assert_eq!(pending[0].not_for, Some(device("new")));
    for client in [new, scene.client(3).await] {
        let (there, store) = (Reader::Client(client), &scene.store);
        let page = store.page(&there, Position(0), None, 10).await.unwrap();
        assert!(page.entries.is_empty() && page.upto == store.head());
        assert_eq!(store.message(&there, id).await.unwrap(), None);
        assert_eq!(refused(store.trace(&there, id).await), StoreError::NotFound);
        let on = device("new");
        store.mark_read(&there, vec![id], at).await.unwrap();
        let shown = store.mark_shown(&there, &on, vec![id], true, at);
        shown.await.unwrap();
        let chosen = store.record_action(&there, &on, id, "yes".to_owned(), at);
        assert_eq!(refused(chosen.await), StoreError::NotFound);
    }
    let told = scene.store.message(&desk, id).await.unwrap().unwrap();
    assert_eq!(told.read_at, None);
    assert_eq!(
        ids(&scene
            .store
            .page(&desk, Position(0), None, 10)
            .await
            .unwrap()),
        [id]
    );
    let pending = scene.store.pending(&name("ada"), at, NEWEST).await.unwrap();
    assert_eq!(pending.len(), 1, "it is still owed");
    let on = device("desk");
    let shown = scene.store.mark_shown(&desk, &on, vec![id], true, at);
    shown.await.unwrap();
    let unseen = scene.store.unseen(&name("ada"), at).await.unwrap();
    assert_eq!(unseen[0].message.not_for, Some(device("new")));
}
