//! What a message says to each receiver alone.

use hither_protocol::{Fields, Html};
use serde_json::{Map, Value, json};

use super::{Bed, Scene, a_message, ids, inbox, messages, name, publisher_id, refused};
use crate::store::{NewMessage, StoreError, Unfilled};

fn a_template(fields: Option<Value>) -> NewMessage {
    let mut new = a_message(&["ada", "bob"]);
    new.message.title = "Dear {{name}}".to_owned();
    new.message.body = "{{due}}".to_owned();
    new.fields = fields.map(fields_of);
    new
}

fn fields_of(value: Value) -> Fields {
    serde_json::from_value(value).unwrap()
}

impl<B: Bed> Scene<B> {
    async fn keep(&self, account: &str, values: Value) {
        let values: Map<_, _> = serde_json::from_value(values).unwrap();
        let (publisher, account) = (publisher_id(), name(account));
        let kept = self.store.put_record(&publisher, &account, values);
        kept.await.unwrap();
    }

    /// Titles and bodies of an account's log.
    async fn texts(&self, account: &str) -> Vec<(String, String)> {
        let page = self.whole_log(account).await;
        messages(&page)
            .into_iter()
            .map(|message| (message.title.clone(), message.body.clone()))
            .collect()
    }
}

fn text(title: &str, body: &str) -> (String, String) {
    (title.to_owned(), body.to_owned())
}

pub(crate) async fn d3_each_receiver_gets_its_own<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    scene
        .keep("ada", json!({ "name": "A", "due": "May" }))
        .await;
    scene.keep("bob", json!({ "name": "B", "due": 12.5 })).await;
    let fields = json!({ "ada": { "name": "Ada" }, "nobody": { "due": "x" } });
    let stored = scene.store.publish(a_template(Some(fields))).await.unwrap();
    assert_eq!(stored.receivers, 2);
    // What is kept afterwards changes nothing of what was sent.
    scene.keep("ada", json!({})).await;
    let scene = scene.reopen().await;
    assert_eq!(scene.texts("ada").await, [text("Dear Ada", "May")]);
    assert_eq!(scene.texts("bob").await, [text("Dear B", "12.5")]);
    for (account, title) in [("ada", "Dear Ada"), ("bob", "Dear B")] {
        let message = scene.store.message(&inbox(account), stored.id).await;
        assert_eq!(message.unwrap().unwrap().title, title);
        assert_eq!(ids(&scene.whole_log(account).await), [stored.id]);
    }
    scene.store.remove_account(&name("bob")).await.unwrap();
    assert_eq!(scene.texts("ada").await, [text("Dear Ada", "May")]);
    scene
        .store
        .recall(&publisher_id(), stored.id)
        .await
        .unwrap();
    assert_eq!(scene.texts("ada").await, []);
    let gone = scene.store.message(&inbox("ada"), stored.id).await;
    assert_eq!(gone.unwrap(), None);
}

pub(crate) async fn d3_without_fields_and_records_braces_are_text<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    scene.store.publish(a_template(None)).await.unwrap();
    assert_eq!(scene.texts("ada").await, [text("Dear {{name}}", "{{due}}")]);
    // A record of anybody is enough, also of one who is no receiver.
    scene.keep("bob", json!({})).await;
    let mut to_ada = a_template(None);
    to_ada.to.accounts = vec![name("ada")];
    for new in [a_template(None), to_ada] {
        let missing = refused(scene.store.publish(new).await);
        let (account, name) = (name("ada"), "name".to_owned());
        assert_eq!(
            missing,
            StoreError::Unfilled(Unfilled::Missing { account, name })
        );
    }
    // Of everyone nothing is kept.
    let mut public = a_template(None);
    (public.to.accounts, public.to.everyone) = (Vec::new(), true);
    scene.store.publish(public).await.unwrap();
    assert_eq!(scene.texts("ada").await.len(), 2);
}

pub(crate) async fn d3_one_missing_value_stores_nothing<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let before = scene.publish(&["ada"]).await;
    let head = scene.store.head();
    let mut new = a_template(Some(json!({
        "ada": { "name": "Ada", "due": "May" }, "bob": { "name": "Bob" },
    })));
    new.message.key = Some("due".to_owned());
    new.idempotency = Some(("first".to_owned(), [1; 32]));
    let missing = refused(scene.store.publish(new.clone()).await);
    let (account, field) = (name("bob"), "due".to_owned());
    let expected = Unfilled::Missing {
        account,
        name: field,
    };
    assert_eq!(missing, StoreError::Unfilled(expected));
    assert_eq!(ids(&scene.whole_log("ada").await), [before]);
    assert_eq!(scene.store.head(), head);
    // The idempotency key is free still, as is the message's id.
    new.idempotency = Some(("first".to_owned(), [2; 32]));
    new.to.accounts.retain(|account| account.as_str() == "ada");
    let id = scene.store.publish(new).await.unwrap().id;
    assert_eq!(ids(&scene.whole_log("ada").await), [before, id]);
}

pub(crate) async fn d3_a_large_page_is_each_receivers_own<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let pad = "x".repeat(100 * 1024);
    let page = format!("<p>{{{{name}}}}{pad}");
    let mut new = a_template(Some(json!({
        "ada": { "name": "<Ada>", "due": 1 }, "bob": { "name": "Bob", "due": 2 },
    })));
    new.message.html = Some(Html {
        size: page.len() as u64,
        inline: None,
        href: None,
    });
    new.html = Some(page);
    let id = scene.store.publish(new).await.unwrap().id;
    for (account, filled) in [("ada", "&lt;Ada&gt;"), ("bob", "Bob")] {
        let expected = format!("<p>{filled}{pad}");
        let message = scene.store.message(&inbox(account), id).await;
        let html = message.unwrap().unwrap().html.unwrap();
        assert_eq!(html.size, expected.len() as u64);
        let found = scene.store.html(&inbox(account), id).await.unwrap();
        assert_eq!(found, Some(expected));
    }
}

pub(crate) async fn d3_all_of_a_publish_has_a_bound<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let page = format!("{{{{n}}}}{}", "x".repeat(500 * 1024));
    let accounts: Vec<_> = (0..40).map(|n| format!("a{n}")).collect();
    for account in &accounts {
        scene
            .store
            .add_account(super::an_account(account))
            .await
            .unwrap();
    }
    let to = |count: usize| {
        let names: Vec<_> = accounts.iter().take(count).map(String::as_str).collect();
        let values: Map<_, _> = names
            .iter()
            .map(|name| ((*name).to_owned(), json!({ "n": 1 })))
            .collect();
        NewMessage {
            html: Some(page.clone()),
            fields: Some(fields_of(values.into())),
            ..a_message(&names)
        }
    };
    let too_much = refused(scene.store.publish(to(40)).await);
    let most = 16 * 1024 * 1024;
    assert_eq!(too_much, StoreError::Unfilled(Unfilled::TooMuch { most }));
    assert_eq!(ids(&scene.whole_log("a0").await), []);
    scene.store.publish(to(30)).await.unwrap();
}

pub(crate) async fn d3_a_key_replaces_what_each_receiver_got<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let keyed = |due: &str| NewMessage {
        message: hither_protocol::Message {
            key: Some("due".to_owned()),
            ..a_template(None).message
        },
        ..a_template(Some(json!({
            "ada": { "name": "Ada", "due": due }, "bob": { "name": "Bob", "due": due },
        })))
    };
    scene.store.publish(keyed("May")).await.unwrap();
    scene.store.publish(keyed("June")).await.unwrap();
    assert_eq!(scene.texts("ada").await, [text("Dear Ada", "June")]);
    assert_eq!(scene.texts("bob").await, [text("Dear Bob", "June")]);
}
