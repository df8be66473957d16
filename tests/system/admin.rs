//! The admin page in a real Chromium, against a real server.
#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::fs;
use std::path::Path;

use fantoccini::Locator;
use fantoccini::key::Key;
use serde_json::json;
use system_tests::browser::Browser;
use system_tests::server::Server;
use system_tests::{SOON, wait_for_async};
use tempfile::TempDir;

const PASSWORD: &str = "battery staple";

/// An administrator who is signed in and uses the keyboard only.
struct Administrator {
    browser: Browser,
    _server: Server,
    _folder: TempDir,
}

impl Administrator {
    async fn sign_in() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path());
        server.add_administrator("root", PASSWORD);
        server.add_account("ada", PASSWORD);
        let browser = Browser::start().await.unwrap();
        let page = &browser.page;
        page.goto(&format!("{}/admin/", server.url()))
            .await
            .unwrap();
        let this = Self {
            browser,
            _server: server,
            _folder: folder,
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

    async fn text(&self, of: &str) -> String {
        let element = self.browser.page.find(Locator::Css(of)).await.unwrap();
        element.text().await.unwrap()
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

#[tokio::test]
async fn every_view_can_be_used_by_everyone() {
    let root = Administrator::sign_in().await;
    root.complain_about_nothing().await;
    for (view, shows) in [
        ("publishers", ".bar .main"),
        ("messages", "p.quiet"),
        ("health", "dl dd"),
        ("accounts", "#search"),
    ] {
        root.focus(&format!("nav a[href='#{view}']")).await;
        root.press(&Key::Enter.to_string()).await;
        root.see(&format!("nav a[href='#{view}'][aria-current]"))
            .await;
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
