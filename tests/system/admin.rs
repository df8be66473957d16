//! The admin page in a real Chromium, against a real server.
#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::fs;
use std::path::Path;

use fantoccini::Locator;
use fantoccini::key::Key;
use hither_protocol::Priority;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use system_tests::browser::Browser;
use system_tests::companion::Companion;
use system_tests::server::{Server, plain};
use system_tests::{SOON, wait_for, wait_for_async};
use tempfile::TempDir;

const PASSWORD: &str = "battery staple";

/// An administrator who is signed in and uses the keyboard only.
struct Administrator {
    browser: Browser,
    server: Server,
    folder: TempDir,
}

impl Administrator {
    async fn sign_in() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(&folder.path().join("server"));
        server.add_administrator("root", PASSWORD);
        server.add_account("ada", PASSWORD);
        let browser = Browser::start().await.unwrap();
        let page = &browser.page;
        page.goto(&format!("{}/admin/", server.url()))
            .await
            .unwrap();
        let this = Self {
            browser,
            server,
            folder,
        };
        this.see("#sign-in:not([hidden])").await;
        this.complain_about_nothing().await;
        this.type_into("#account", "root").await;
        this.press(&Key::Tab.to_string()).await;
        this.press(PASSWORD).await;
        this.press(&Key::Enter.to_string()).await;
        this.see("#content table").await;
        this
    }

    async fn see(&self, what: &str) {
        let page = &self.browser.page;
        wait_for_async(what, SOON, async || {
            page.find(Locator::Css(what)).await.ok().map(|_| ())
        })
        .await;
    }

    async fn not_see(&self, what: &str) {
        let page = &self.browser.page;
        wait_for_async(what, SOON, async || {
            page.find(Locator::Css(what)).await.err().map(|_| ())
        })
        .await;
    }

    /// Of an element that may be drawn anew meanwhile.
    async fn text(&self, of: &str) -> String {
        wait_for_async(of, SOON, async || {
            let element = self.browser.page.find(Locator::Css(of)).await.ok()?;
            element.text().await.ok()
        })
        .await
    }

    async fn read(&self, within: &str, what: &str) {
        wait_for_async(what, SOON, async || {
            self.text(within).await.contains(what).then_some(())
        })
        .await;
    }

    /// What has the focus.
    async fn press(&self, keys: &str) {
        let focused = self.browser.page.active_element().await.unwrap();
        focused.send_keys(keys).await.unwrap();
    }

    async fn type_into(&self, field: &str, text: &str) {
        self.focus(field).await;
        self.press(text).await;
    }

    /// By its name in the navigation.
    async fn open(&self, view: &str) {
        self.follow(&format!("nav a[href='#{view}']")).await;
        self.see(&format!("nav a[href='#{view}'][aria-current]"))
            .await;
        self.see("#content .bar").await;
    }

    async fn follow(&self, link: &str) {
        self.see(link).await;
        self.focus(link).await;
        self.press(&Key::Enter.to_string()).await;
    }

    async fn focus(&self, what: &str) {
        let script = format!("document.querySelector({}).focus()", json!(what));
        self.browser.page.execute(&script, vec![]).await.unwrap();
    }

    /// axe-core finds nothing.
    async fn complain_about_nothing(&self) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let axe = root.join("ui/node_modules/axe-core/axe.min.js");
        let axe = fs::read_to_string(axe).expect("`cargo xtask test` installs axe-core in ui/");
        let page = &self.browser.page;
        page.execute(&axe, vec![]).await.unwrap();
        let script = "const done = arguments[0]; \
            axe.run().then(({violations}) => done(violations.map(({id, nodes}) => \
                [id, ...nodes.map((node) => node.html)])));";
        let found = page.execute_async(script, vec![]).await.unwrap();
        assert_eq!(found, json!([]));
    }
}

#[tokio::test]
async fn an_account_is_added_and_removed_with_the_keyboard_alone() {
    let root = Administrator::sign_in().await;
    root.focus(".bar .main").await;
    root.press(&Key::Enter.to_string()).await;
    root.see("dialog[open] #field-name:focus").await;
    root.complain_about_nothing().await;
    root.press("eve").await;
    root.press(&Key::Enter.to_string()).await;
    root.see("dialog[open] .secret").await;
    assert!(root.text(".secret").await.len() >= 16);
    root.complain_about_nothing().await;
    root.press(&Key::Escape.to_string()).await;
    root.not_see(".secret").await;
    root.see("a[href='#accounts/eve']").await;

    root.focus("button[aria-label='Remove… eve']").await;
    root.press(&Key::Enter.to_string()).await;
    root.see("dialog[open] #field-typed").await;
    root.type_into("#field-typed", "adam").await;
    root.see("dialog[open] button[type=submit]:disabled").await;
    root.press(&Key::Backspace.to_string().repeat(4)).await;
    root.press("eve").await;
    root.press(&Key::Enter.to_string()).await;
    root.not_see("a[href='#accounts/eve']").await;
    root.see("a[href='#accounts/ada']").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_publisher_may_is_changed_and_what_became_of_its_message_is_seen() {
    let root = Administrator::sign_in().await;
    let (_companion, id) = tokio::task::block_in_place(|| {
        let companion = Companion::start(&root.folder.path().join("companion"));
        companion.sign_in(root.server.url(), "ada", PASSWORD);
        companion.wait_until_online();
        let mut request = plain("ada", "Build failed");
        request.to.topics = vec!["builds".to_owned()];
        let publisher = root.server.add_publisher("CI");
        (companion, publisher.publish("one", &request))
    });

    root.open("publishers").await;
    root.focus("button[aria-label='Rights… CI']").await;
    root.press(&Key::Enter.to_string()).await;
    root.see("dialog[open] [name=narrowed]").await;
    root.complain_about_nothing().await;
    root.focus("[name=narrowed]").await;
    root.press(" ").await;
    root.type_into("#field-accounts", "ada nobody").await;
    root.complain_about_nothing().await;
    root.press(&Key::Enter.to_string()).await;
    root.see("dialog[open] [role=alert]:not([hidden])").await;
    root.press(&Key::Backspace.to_string().repeat(7)).await;
    root.press(&Key::Enter.to_string()).await;
    root.not_see("dialog[open]").await;
    root.read("#content table", "ada").await;

    root.open("topics").await;
    root.follow("a[href='#topics/builds']").await;
    root.see("#content h2").await;
    root.complain_about_nothing().await;
    root.focus(".bar .main").await;
    root.press(&Key::Enter.to_string()).await;
    root.see("dialog[open] #field-to:focus").await;
    root.press("ada").await;
    root.press(&Key::Enter.to_string()).await;
    root.see("button[aria-label='Revoke ada']").await;

    root.open("messages").await;
    root.follow(&format!("#content td a[href$='/{id}']")).await;
    root.see("#content dl").await;
    root.complain_about_nothing().await;
    root.follow("#content td a[href$='/ada']").await;
    root.see("#content td [lang=en]").await;
    root.complain_about_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_later_says_when_and_what_came_says_what_was_refused() {
    let root = Administrator::sign_in().await;
    let lost = tokio::task::block_in_place(|| {
        let publisher = root.server.add_publisher("CI");
        let later = |key: &str, priority| {
            let mut request = plain("ada", "Build failed");
            request.deliver_at = Some(Timestamp::now() + SignedDuration::from_hours(1));
            request.priority = priority;
            publisher.publish(key, &request)
        };
        let lost = later("one", Priority::Urgent);
        let withdraw = ["publisher", "withdraw", publisher.id(), "--right", "urgent"];
        let _ = root.server.administer(&withdraw);
        let database = rusqlite::Connection::open(root.server.data().join("hither.db")).unwrap();
        database
            .execute("UPDATE scheduled SET deliver_at = 1", [])
            .unwrap();
        // The server looks again at what is due.
        later("two", Priority::Default);
        wait_for("the first to come", SOON, || {
            let refused = "SELECT count(*) FROM messages WHERE refused IS NOT NULL";
            let came: usize = database.query_row(refused, [], |row| row.get(0)).unwrap();
            (came == 1).then_some(())
        });
        lost
    });
    root.open("messages").await;
    root.see("#content td[data-label='Comes at']").await;
    root.complain_about_nothing().await;
    root.follow(&format!("#content td a[href$='/{lost}']"))
        .await;
    root.see("#content dl").await;
    let facts = root.text("#content dl").await;
    let refused = facts.split_once("Not allowed any more when it came");
    assert!(refused.unwrap().1.trim().starts_with("urgent"), "{facts}");
    root.complain_about_nothing().await;
}

#[tokio::test]
async fn every_view_can_be_used_by_everyone() {
    let root = Administrator::sign_in().await;
    root.complain_about_nothing().await;
    for (view, shows) in [
        ("publishers", ".bar .main"),
        ("topics", "p.quiet"),
        ("messages", "p.quiet"),
        ("health", "dl dd"),
        ("accounts", "#search"),
    ] {
        root.open(view).await;
        root.see(shows).await;
        root.complain_about_nothing().await;
    }
    let wider = "return document.documentElement.scrollWidth > innerWidth";
    let wider = root.browser.page.execute(wider, vec![]).await.unwrap();
    assert_eq!(wider, json!(false), "nobody scrolls sideways on a phone");

    root.focus("#sign-out").await;
    root.press(&Key::Enter.to_string()).await;
    root.see("#sign-in:not([hidden])").await;
}
