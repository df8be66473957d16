use hither_protocol::TopicName;

use super::*;
use crate::store::{Grant, Retention, Right, Rights};

const OTHER: &str = "app-0000000000000002";

fn topic(text: &str) -> TopicName {
    text.parse().unwrap()
}

fn account(text: &str) -> Grantee {
    Grantee::Account(name(text))
}

fn other() -> Grantee {
    Grantee::Publisher(OTHER.parse().unwrap())
}

fn grant(to: Grantee, may: Right) -> Grant {
    Grant { to, may }
}

impl<B: Bed> Scene<B> {
    async fn with_two_publishers(bed: B) -> Self {
        let scene = Self::new(bed).await;
        let publisher = PublisherRecord {
            id: OTHER.parse().unwrap(),
            ..a_publisher()
        };
        scene.store.add_publisher(publisher).await.unwrap();
        scene
    }

    /// Whether somebody may read and write.
    async fn may(&self, who: &Grantee, text: &str) -> (bool, bool) {
        let Rights { read, write, .. } = self.store.rights(&topic(text), who).await.unwrap();
        (read, write)
    }

    async fn claim(&self, text: &str) {
        let claimed = self.store.claim_topic(&topic(text), &publisher_id()).await;
        claimed.unwrap();
    }
}

pub(crate) async fn the_first_publisher_owns_a_topic<B: Bed>(bed: B) {
    let scene = Scene::with_two_publishers(bed).await;
    let first = Grantee::Publisher(publisher_id());
    assert_eq!(scene.may(&other(), "news").await, (false, true), "free");
    scene.claim("news").await;
    scene.claim("news").await;
    assert_eq!(scene.may(&first, "news").await, (true, true));
    assert_eq!(scene.may(&other(), "news").await, (false, false));
    let refusal = scene
        .store
        .claim_topic(&topic("news"), &OTHER.parse().unwrap())
        .await;
    assert_eq!(refused(refusal), StoreError::Forbidden);
    let scene = scene.reopen().await;
    assert_eq!(scene.may(&first, "news").await, (true, true));
    let topics = scene.store.topic_summaries().await.unwrap();
    assert_eq!(topics.len(), 1);
    assert_eq!(topics[0].owner, Some(publisher_id()));
}

pub(crate) async fn a_message_claims_its_topics_and_a_refused_one_none<B: Bed>(bed: B) {
    let scene = Scene::with_two_publishers(bed).await;
    scene.claim("taken").await;
    let to = |names: &[&str], by: &Grantee| NewMessage {
        to: Receivers {
            topics: names.iter().map(|text| topic(text)).collect(),
            ..Receivers::default()
        },
        by: by.clone(),
        ..a_message(&[])
    };
    let before = scene.store.topic_summaries().await.unwrap();
    let foreign = to(&["free", "taken"], &other());
    let unfillable = NewMessage {
        fields: Some(serde_json::from_value(serde_json::json!({})).unwrap()),
        message: Message {
            title: "{{name}}".to_owned(),
            ..a_message(&[]).message
        },
        ..to(&["free"], &other())
    };
    let reader = to(&["taken"], &account("ada"));
    assert_eq!(
        refused(scene.store.publish(foreign).await),
        StoreError::Forbidden
    );
    assert!(scene.store.publish(unfillable).await.is_err());
    assert_eq!(
        refused(scene.store.publish(reader).await),
        StoreError::Forbidden
    );
    assert_eq!(scene.store.topic_summaries().await.unwrap(), before);

    let news = to(&["free"], &other());
    scene.store.publish(news).await.unwrap();
    assert!(
        scene
            .store
            .rights(&topic("free"), &other())
            .await
            .unwrap()
            .owns
    );
}

pub(crate) async fn a_topic_that_is_nobodys_goes<B: Bed>(bed: B) {
    let scene = Scene::with_two_publishers(bed).await;
    let (store, ada) = (scene.store.clone(), name("ada"));
    let names = async || {
        let topics = store.topics().await.unwrap();
        let names = topics.into_iter().map(|topic| topic.name.to_string());
        names.collect::<Vec<_>>()
    };
    // Whoever joins and leaves leaves no name behind.
    for text in ["a", "b"] {
        store.subscribe(&ada, &topic(text)).await.unwrap();
    }
    store.unsubscribe(&ada, &topic("a")).await.unwrap();
    assert_eq!(names().await, ["b"]);

    scene.claim("owned").await;
    let write = grant(account("ada"), Right::Write);
    store.grant(&topic("granted"), write).await.unwrap();
    store.set_private(&topic("private"), true).await.unwrap();
    store.ensure_topic(&topic("nobodys")).await.unwrap();
    let published = NewMessage {
        to: Receivers {
            topics: vec![topic("used")],
            ..Receivers::default()
        },
        by: account("ada"),
        ..a_message(&[])
    };
    let write = grant(account("ada"), Right::Write);
    store.grant(&topic("used"), write.clone()).await.unwrap();
    store.publish(published).await.unwrap();
    store.revoke(&topic("used"), write).await.unwrap();
    store.retain(Retention::default()).await.unwrap();
    let stay = ["b", "granted", "owned", "private", "used"];
    assert_eq!(names().await, stay);

    scene.hands.turn(365 * 86_400_000);
    store.retain(Retention::default()).await.unwrap();
    assert_eq!(names().await, &stay[..4]);
}

pub(crate) async fn grants_are_given_and_taken_back<B: Bed>(bed: B) {
    let scene = Scene::with_two_publishers(bed).await;
    scene.claim("news").await;
    let news = topic("news");
    assert_eq!(scene.may(&account("ada"), "news").await, (true, false));
    for who in [account("ada"), other()] {
        let write = grant(who.clone(), Right::Write);
        scene.store.grant(&news, write.clone()).await.unwrap();
        scene.store.grant(&news, write.clone()).await.unwrap();
        assert!(scene.may(&who, "news").await.1);
        let topics = scene.store.topic_summaries().await.unwrap();
        assert_eq!(topics[0].grants, std::slice::from_ref(&write));
        scene.store.revoke(&news, write.clone()).await.unwrap();
        assert!(!scene.may(&who, "news").await.1);
        let again = scene.store.revoke(&news, write).await;
        assert_eq!(refused(again), StoreError::NotFound);
    }
    let nobody = grant(account("eve"), Right::Read);
    let granted = scene.store.grant(&news, nobody).await;
    assert_eq!(refused(granted), StoreError::NotFound);
    // A grant on a free name leaves it free.
    let write = grant(other(), Right::Write);
    scene.store.grant(&topic("free"), write).await.unwrap();
    let claimed = scene
        .store
        .claim_topic(&topic("free"), &OTHER.parse().unwrap())
        .await;
    claimed.unwrap();
    let topics = scene.store.topic_summaries().await.unwrap();
    assert_eq!(topics[0].owner, None);
}

pub(crate) async fn a_private_topic_shuts_out_who_has_no_grant<B: Bed>(bed: B) {
    let scene = Scene::with_two_publishers(bed).await;
    scene.claim("news").await;
    let news = topic("news");
    for account in ["ada", "bob"] {
        scene.store.subscribe(&name(account), &news).await.unwrap();
    }
    let read = grant(account("bob"), Right::Read);
    scene.store.grant(&news, read.clone()).await.unwrap();
    scene.store.set_private(&news, true).await.unwrap();
    assert_eq!(scene.may(&account("ada"), "news").await, (false, false));
    assert_eq!(scene.may(&account("bob"), "news").await, (true, false));
    let subscribed = async |account: &str| {
        let topics = scene.store.subscriptions(&name(account)).await;
        topics.unwrap().len()
    };
    assert_eq!((subscribed("ada").await, subscribed("bob").await), (0, 1));
    scene.store.revoke(&news, read).await.unwrap();
    assert_eq!(subscribed("bob").await, 0);
    scene.store.set_private(&news, false).await.unwrap();
    assert_eq!(scene.may(&account("ada"), "news").await, (true, false));
}

pub(crate) async fn an_account_has_one_publisher_of_its_own<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let (ada, first) = (name("ada"), "account-0000000000000001");
    let made = scene.store.publisher_of(&ada, first.parse().unwrap());
    let made = made.await.unwrap();
    assert_eq!((made.id.as_str(), made.name.as_str()), (first, "ada"));
    assert!(made.secrets.is_empty());
    let scene = scene.reopen().await;
    let again = "account-0000000000000002".parse().unwrap();
    let again = scene.store.publisher_of(&ada, again).await.unwrap();
    assert_eq!(again.id, made.id);
    scene.store.remove_account(&ada).await.unwrap();
    let left = scene.store.publisher(&made.id).await.unwrap();
    assert!(left.is_some(), "what it published still has a sender");
}

pub(crate) async fn what_ntfys_clients_alone_understand_is_kept<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let plain = scene.store.publish(a_message(&["ada"])).await.unwrap().id;
    let new = NewMessage {
        ntfy: Some("{}".to_owned()),
        ..a_message(&["ada"])
    };
    let with_fields = scene.store.publish(new).await.unwrap().id;
    let fields = scene.store.ntfy_fields(vec![plain, with_fields]).await;
    let fields = fields.unwrap();
    assert_eq!(fields.len(), 1);
    assert_eq!(fields[&with_fields], "{}");
}
