//! Phones that only a push service reaches: whom the router counts as one.

use hither_protocol::{
    DeviceKind, InactiveReason, Outcome, Presence, PresenceState, PushKeys, PushProvider,
    PushRegistration,
};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::store::contract::{a_message, a_publisher, a_session, an_account, inbox, name};
use crate::store::{DataFolder, DeviceRecord, Identity, NewSession, SqliteStore, system_clock};

/// Anything that takes longer is broken.
const PATIENCE: Duration = Duration::from_mins(1);
const PHONE: u8 = 1;
const DESK: u8 = 2;

/// A server's accounts over a store of their own, with `ada`'s phone registered for Web Push and
/// nobody at her desktop, whose stream is open.
struct House {
    folder: TempDir,
    store: Arc<dyn Store>,
    accounts: Arc<Accounts>,
    following: JoinHandle<()>,
    gateways: Gateways,
    desk: Option<Link>,
}

impl House {
    async fn with(gateways: Gateways) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut house = Self::open(folder, gateways);
        for name in ["ada", "bob"] {
            house.store.add_account(an_account(name)).await.unwrap();
        }
        house.store.add_publisher(a_publisher()).await.unwrap();
        let phone = house.sign_in("ada", PHONE, DeviceKind::Mobile).await;
        house.register(&phone, subscription()).await;
        house.open_desk().await;
        house
    }

    fn open(folder: TempDir, gateways: Gateways) -> Self {
        let data = DataFolder::lock(folder.path()).unwrap();
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(data, system_clock()).unwrap());
        let timings = Timings {
            restart_grace: Duration::ZERO,
            ..Timings::default()
        };
        let metrics = Arc::new(Metrics::new(&store.measures()));
        let accounts = Accounts::new(
            Arc::clone(&store),
            timings,
            Policy::default(),
            20,
            metrics,
            gateways,
        );
        let accounts = Arc::new(accounts);
        let commits = store.commits().unwrap();
        let following = tokio::spawn(Arc::clone(&accounts).follow(commits, Arc::default()));
        Self {
            folder,
            store,
            accounts,
            following,
            gateways,
            desk: None,
        }
    }

    async fn restart(self) -> Self {
        let Self {
            folder,
            store,
            accounts,
            following,
            gateways,
            desk,
        } = self;
        drop(desk);
        accounts.close();
        store.close().await;
        following.await.unwrap();
        drop((accounts, store));
        let mut house = Self::open(folder, gateways);
        house.open_desk().await;
        house
    }

    async fn sign_in(&self, account: &str, token: u8, kind: DeviceKind) -> Identity {
        let session = a_session(account, &format!("device-{token}"), token, Timestamp::now());
        let session = NewSession {
            device: DeviceRecord {
                kind,
                ..session.device
            },
            ..session
        };
        self.store.create_session(session).await.unwrap()
    }

    /// Ada's phone, as it signed in.
    async fn phone(&self) -> Identity {
        let now = Timestamp::now();
        let known = self.store.identify(&[PHONE; 32], now, now).await;
        known.unwrap().expect("a live session")
    }

    async fn register(&self, phone: &Identity, registration: PushRegistration) {
        let registered = self.store.register_push(phone.client, registration);
        registered.await.unwrap();
    }

    /// Opens the stream of a desktop that nobody is at.
    async fn open_desk(&mut self) {
        let desk = self.sign_in("ada", DESK, DeviceKind::Desktop).await;
        let stream = Stream::new(
            &desk,
            Policy::default(),
            clock::now(),
            Arc::new(Mailbox::new(8)),
        );
        let link = self.accounts.attach(&desk.account, stream);
        let away = Presence {
            state: PresenceState::Inactive,
            reason: Some(InactiveReason::Locked),
            last_input_ms: None,
        };
        link.announce(Some(away), None);
        self.desk = Some(link);
    }

    /// What is first decided about a message that comes now.
    async fn decided(&self) -> Outcome {
        let id = self.store.publish(a_message(&["ada"])).await.unwrap().id;
        let decided = async {
            // The account hears of the commit a moment after the publish is answered.
            loop {
                let steps = self.accounts.trace(&name("ada"), &inbox("ada"), id).await;
                if let Some(first) = steps.unwrap().first() {
                    return first.decision.outcome;
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, decided).await.expect("a decision")
    }
}

fn subscription() -> PushRegistration {
    PushRegistration::Webpush {
        endpoint: "https://push.example/ada".to_owned(),
        keys: PushKeys {
            p256dh: "p".to_owned(),
            auth: "a".to_owned(),
        },
        expiration_time: None,
    }
}

#[tokio::test]
async fn c5_a_phone_counts_as_reached_only_through_a_gateway() {
    for (gateways, expected) in [
        (Gateways::default(), Outcome::Waits),
        (Gateways::to(&[PushProvider::Apns]), Outcome::Waits),
        (Gateways::to(&[PushProvider::Webpush]), Outcome::Pushed),
    ] {
        let house = House::with(gateways).await;
        assert_eq!(house.decided().await, expected, "{gateways:?}");
        let house = house.restart().await;
        assert_eq!(
            house.decided().await,
            expected,
            "{gateways:?}, after a restart"
        );
    }
}

#[tokio::test]
async fn c5_a_phone_may_register_while_its_account_is_loaded() {
    let house = House::with(Gateways::to(&[PushProvider::Webpush])).await;
    let phone = house.phone().await;
    for _ in 0..2 {
        house.store.remove_push(phone.client).await.unwrap();
        assert_eq!(house.decided().await, Outcome::Waits);
        house.register(&phone, subscription()).await;
        assert_eq!(house.decided().await, Outcome::Pushed);
    }
}

#[tokio::test]
async fn b6_nothing_is_pushed_to_a_phone_whose_registration_ended() {
    let ada = name("ada");
    for way in ["other service", "signed out", "revoked", "other account"] {
        let house = House::with(Gateways::to(&[PushProvider::Webpush])).await;
        assert_eq!(house.decided().await, Outcome::Pushed, "{way}");
        let phone = house.phone().await;
        match way {
            "other service" => {
                let token = "t".to_owned();
                house
                    .register(&phone, PushRegistration::Fcm { token })
                    .await;
            }
            "signed out" => house.store.end_session(phone.client).await.unwrap(),
            "revoked" => {
                let removed = house.store.remove_device(&ada, &phone.device.id);
                removed.await.unwrap();
            }
            _ => {
                let bob = house.sign_in("bob", 3, DeviceKind::Mobile).await;
                house.register(&bob, subscription()).await;
            }
        }
        assert_eq!(house.decided().await, Outcome::Waits, "{way}");
    }
}
