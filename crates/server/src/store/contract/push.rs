use hither_protocol::{ApnsEnvironment, PushKeys, PushProvider, PushRegistration};

use super::*;
use crate::store::{ClientId, Retention};

impl<B: Bed> Scene<B> {
    /// Signs in on a phone.
    async fn phone(&self, account: &str, id: &str, token: u8) -> ClientId {
        self.phone_with(a_phone(account, id, token, self.hands.now()))
            .await
    }

    async fn phone_with(&self, session: NewSession) -> ClientId {
        let identity = self.store.create_session(session).await.unwrap();
        identity.client
    }

    async fn registers(&self, client: ClientId, registration: &PushRegistration) {
        let registered = self.store.register_push(client, registration.clone());
        registered.await.unwrap();
    }

    /// Which of an account's devices are registered with what, as senders get it and as the list of
    /// devices says it.
    async fn registered(&self, account: &str) -> Vec<(String, PushRegistration)> {
        let account = name(account);
        let found = self.store.push_registrations(&account).await.unwrap();
        let listed = self.store.devices(&account).await.unwrap();
        let listed: Vec<_> = listed
            .into_iter()
            .filter_map(|one| Some((one.device.id, one.push?)))
            .collect();
        let providers = found
            .iter()
            .map(|(device, registration)| (device.clone(), registration.provider()));
        assert_eq!(listed, providers.collect::<Vec<_>>(), "both say the same");
        let named = found
            .into_iter()
            .map(|(device, what)| (device.as_str().to_owned(), what));
        named.collect()
    }
}

fn a_phone(account: &str, id: &str, token: u8, now: Timestamp) -> NewSession {
    let session = a_session(account, id, token, now);
    NewSession {
        device: DeviceRecord {
            platform: "android".to_owned(),
            kind: DeviceKind::Mobile,
            name: id.to_owned(),
            ..session.device
        },
        ..session
    }
}

fn webpush(endpoint: &str, ends: Option<u64>) -> PushRegistration {
    PushRegistration::Webpush {
        endpoint: endpoint.to_owned(),
        keys: PushKeys {
            p256dh: "p".to_owned(),
            auth: "a".to_owned(),
        },
        expiration_time: ends,
    }
}

fn fcm(token: &str) -> PushRegistration {
    PushRegistration::Fcm {
        token: token.to_owned(),
    }
}

fn apns(token: &str) -> PushRegistration {
    PushRegistration::Apns {
        token: token.to_owned(),
        environment: ApnsEnvironment::Production,
        topic: None,
    }
}

/// Whose device is reached by what now.
fn told(news: &mut UnboundedReceiver<Committed>) -> Vec<(String, String, Option<PushProvider>)> {
    let told = announced(news).into_iter().filter_map(|what| match what {
        Committed::Push(account, device, provider) => Some((
            account.as_str().to_owned(),
            device.as_str().to_owned(),
            provider,
        )),
        _ => None,
    });
    told.collect()
}

fn word(
    account: &str,
    device: &str,
    provider: Option<PushProvider>,
) -> (String, String, Option<PushProvider>) {
    (account.to_owned(), device.to_owned(), provider)
}

pub(crate) async fn a_registration_takes_the_place_of_the_one_before<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let mut news = scene.store.commits().unwrap();
    let phone = scene.phone("ada", "phone", 1).await;
    assert_eq!(scene.registered("ada").await, []);
    let (first, second) = (webpush("https://push.example/1", None), fcm("1"));
    scene.registers(phone, &first).await;
    assert_eq!(
        told(&mut news),
        [word("ada", "phone", Some(PushProvider::Webpush))]
    );
    scene.registers(phone, &first).await;
    assert_eq!(told(&mut news), [], "nothing changed");
    let other_keys = PushRegistration::Webpush {
        endpoint: "https://push.example/1".to_owned(),
        keys: PushKeys {
            p256dh: "q".to_owned(),
            auth: "b".to_owned(),
        },
        expiration_time: None,
    };
    scene.registers(phone, &other_keys).await;
    assert_eq!(
        told(&mut news),
        [word("ada", "phone", Some(PushProvider::Webpush))],
        "it was never without one"
    );
    assert_eq!(
        scene.registered("ada").await,
        [("phone".to_owned(), other_keys)]
    );
    scene.registers(phone, &second).await;
    assert_eq!(
        told(&mut news),
        [word("ada", "phone", Some(PushProvider::Fcm))]
    );

    let scene = scene.reopen().await;
    let mut news = scene.store.commits().unwrap();
    assert_eq!(
        scene.registered("ada").await,
        [("phone".to_owned(), second)]
    );
    assert_eq!(scene.registered("bob").await, []);
    scene.store.remove_push(phone).await.unwrap();
    assert_eq!(scene.registered("ada").await, []);
    assert_eq!(told(&mut news), [word("ada", "phone", None)]);
    scene.store.remove_push(phone).await.unwrap();
    assert_eq!(told(&mut news), [], "nothing is left");
}

pub(crate) async fn b6_a_phone_is_one_clients<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let mut news = scene.store.commits().unwrap();
    let ada = scene.phone("ada", "phone", 1).await;
    let bob = scene.phone("bob", "phone", 2).await;
    let endpoint = webpush("https://push.example/1", None);
    scene.registers(ada, &endpoint).await;
    told(&mut news);
    scene.registers(bob, &endpoint).await;
    assert_eq!(scene.registered("ada").await, []);
    assert_eq!(
        scene.registered("bob").await,
        [("phone".to_owned(), endpoint.clone())]
    );
    let webpush = Some(PushProvider::Webpush);
    assert_eq!(
        told(&mut news),
        [word("ada", "phone", None), word("bob", "phone", webpush)]
    );
    let again = scene.phone("bob", "forgot-its-id", 3).await;
    scene.registers(again, &endpoint).await;
    assert_eq!(
        scene.registered("bob").await,
        [("forgot-its-id".to_owned(), endpoint)]
    );

    // Providers do not know each other's tokens.
    for (client, registration) in [(ada, apns("00ff")), (bob, fcm("00ff"))] {
        scene.registers(client, &registration).await;
    }
    assert_eq!(scene.registered("ada").await.len(), 1);
    assert_eq!(scene.registered("bob").await.len(), 2);
}

pub(crate) async fn b6_a_registration_ends_with_its_session<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let (ada, store) = (name("ada"), scene.store.clone());
    let mut news = store.commits().unwrap();
    let desk = scene.phone("ada", "desk", 1).await;
    let now = scene.hands.now();
    let phone = |token: u8| a_phone("ada", "phone", token, now);
    for (token, way) in (10..).zip(["out", "again", "switch", "password", "reset", "disabled"]) {
        let client = scene.phone_with(phone(token)).await;
        scene.registers(client, &fcm(way)).await;
        assert_eq!(scene.registered("ada").await.len(), 1, "{way}");
        told(&mut news);
        match way {
            "out" => store.end_session(client).await.unwrap(),
            "again" => drop(store.create_session(phone(100 + token)).await.unwrap()),
            "switch" => {
                let session = NewSession {
                    replaces: Some([token; 32]),
                    ..a_phone("bob", "phone", 100 + token, now)
                };
                store.create_session(session).await.unwrap();
            }
            "password" => {
                let old = store.account(&ada).await.unwrap().unwrap().password_hash;
                let changed = store.change_password(&ada, old, "new".to_owned(), desk);
                changed.await.unwrap();
            }
            "reset" => store.set_password(&ada, String::new()).await.unwrap(),
            "disabled" => {
                store.set_account_disabled(&ada, true).await.unwrap();
                store.set_account_disabled(&ada, false).await.unwrap();
            }
            _ => unreachable!(),
        }
        assert_eq!(scene.registered("ada").await, [], "{way}");
        assert_eq!(told(&mut news), [word("ada", "phone", None)], "{way}");
        let late = store.register_push(client, fcm("late")).await;
        if way != "again" {
            assert_eq!(refused(late), StoreError::NotFound, "{way}");
        }
    }
    let client = scene.phone_with(phone(30)).await;
    scene.registers(client, &fcm("revoked")).await;
    told(&mut news);
    store.remove_device(&ada, &device("phone")).await.unwrap();
    assert_eq!(scene.registered("ada").await, []);
    assert_eq!(told(&mut news), [word("ada", "phone", None)]);

    let other = scene.phone("ada", "other", 31).await;
    scene.registers(other, &fcm("removed")).await;
    told(&mut news);
    store.remove_account(&ada).await.unwrap();
    assert_eq!(told(&mut news), [word("ada", "other", None)]);
    let gone = store.push_registrations(&ada).await;
    assert_eq!(refused(gone), StoreError::NotFound);
}

pub(crate) async fn a_registration_is_good_for_its_time<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let mut news = scene.store.commits().unwrap();
    let (browser, phone) = (
        scene.phone("ada", "browser", 1).await,
        scene.phone("ada", "phone", 2).await,
    );
    let ends = scene.hands.now().as_millisecond().unsigned_abs() + 1000;
    let subscription = webpush("https://push.example/1", Some(ends));
    scene.registers(browser, &subscription).await;
    scene.registers(phone, &fcm("1")).await;
    told(&mut news);
    scene.hands.turn(999);
    scene.store.retain(Retention::default()).await.unwrap();
    assert_eq!(scene.registered("ada").await.len(), 2);
    scene.hands.turn(1);
    assert_eq!(
        scene.registered("ada").await,
        [("phone".to_owned(), fcm("1"))]
    );
    scene.store.retain(Retention::default()).await.unwrap();
    assert_eq!(told(&mut news), [word("ada", "browser", None)]);

    scene.hands.turn(60 * 86_400_000 - 1000);
    assert_eq!(scene.registered("ada").await, [], "its session is over");
    let late = scene.store.register_push(phone, fcm("2")).await;
    assert_eq!(refused(late), StoreError::NotFound);
    scene.store.retain(Retention::default()).await.unwrap();
    assert_eq!(told(&mut news), [word("ada", "phone", None)]);
}

pub(crate) async fn a_device_that_says_it_is_another_must_register_anew<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let phone = scene.phone("ada", "phone", 1).await;
    scene.registers(phone, &fcm("1")).await;
    let another = |token: u8, platform: &str, kind: DeviceKind| {
        let session = a_phone("ada", "phone", token, scene.hands.now());
        let device = DeviceRecord {
            platform: platform.to_owned(),
            kind,
            ..session.device.clone()
        };
        NewSession {
            application: ("example".to_owned(), "1.0.0".to_owned()),
            device,
            ..session
        }
    };
    scene
        .phone_with(another(2, "Android", DeviceKind::Mobile))
        .await;
    assert_eq!(scene.registered("ada").await.len(), 1);
    scene
        .phone_with(another(3, "ios", DeviceKind::Mobile))
        .await;
    assert_eq!(scene.registered("ada").await, []);
    scene
        .registers(phone, &webpush("https://push.example/1", None))
        .await;
    scene
        .phone_with(another(4, "android", DeviceKind::Mobile))
        .await;
    assert_eq!(scene.registered("ada").await.len(), 1);
    scene
        .phone_with(another(5, "android", DeviceKind::Desktop))
        .await;
    assert_eq!(scene.registered("ada").await, []);
}
