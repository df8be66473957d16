//! The phone page in a real Chromium, against a real server.
#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

use fantoccini::Locator;
use hither_protocol::Priority;
use serde_json::json;
use system_tests::stage::{Hub, Phone};
use system_tests::{SOON, wait_for_async};

const IDLE_AFTER_S: u64 = 180;

#[tokio::test]
async fn c4_an_open_phone_page_receives_rings_and_marks_read() {
    let hub = Hub::start(IDLE_AFTER_S).unwrap();
    let old = hub.publish("before sign-in");
    let phone = Phone::sign_in(&hub).await.unwrap();
    phone.wait_for_message(&old).await;
    // It waited for somebody to come.
    phone.wait_for_ring(&old).await;

    let new = hub.publish("while open");
    phone.wait_for_ring(&new).await;
    wait_for_banners(&phone, &["while open", "before sign-in"]).await;
    phone.open(&new).await.unwrap();
    wait_for_banners(&phone, &["before sign-in"]).await;
    let page = &phone.browser.page;
    page.find(Locator::Id("back"))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
    phone
        .wait_for(&format!("#messages [data-id='{new}']:not(.unread)"))
        .await;
    phone
        .wait_for(&format!("#messages [data-id='{old}'].unread"))
        .await;
}

#[tokio::test]
async fn what_was_read_on_one_phone_is_read_on_the_other() {
    let hub = Hub::start(IDLE_AFTER_S).unwrap();
    let one = Phone::sign_in(&hub).await.unwrap();
    let other = Phone::sign_in(&hub).await.unwrap();
    let id = hub.publish_with("both", |it| it.priority = Priority::Urgent);
    one.wait_for_ring(&id).await;
    other.wait_for_ring(&id).await;
    one.open(&id).await.unwrap();
    other
        .wait_for(&format!("#messages [data-id='{id}']:not(.unread)"))
        .await;
    no_banner(&other).await;
}

#[tokio::test]
async fn a_reload_keeps_messages_place_and_session() {
    let hub = Hub::start(IDLE_AFTER_S).unwrap();
    let phone = Phone::sign_in(&hub).await.unwrap();
    let id = hub.publish("kept");
    phone.wait_for_ring(&id).await;
    phone.browser.page.refresh().await.unwrap();
    phone.wait_for_message(&id).await;
    phone.wait_for("[data-link=online]").await;
    let rings = phone
        .browser
        .page
        .find(Locator::Css("[data-rang]"))
        .await
        .unwrap();
    assert_eq!(rings.attr("data-times").await.unwrap().unwrap(), "1");
}

#[tokio::test]
async fn b6_signing_out_leaves_nothing_on_the_phone() {
    let hub = Hub::start(IDLE_AFTER_S).unwrap();
    let phone = Phone::sign_in(&hub).await.unwrap();
    let id = hub.publish("secret");
    phone.wait_for_message(&id).await;
    phone
        .browser
        .page
        .execute("document.querySelector('#sign-out').click()", vec![])
        .await
        .unwrap();
    phone.wait_for("#sign-in:not([hidden])").await;
    wait_for_async("an empty phone", SOON, async || {
        (stored_rows(&phone).await == json!([0, 0, 0])).then_some(())
    })
    .await;
    assert!(
        !phone
            .browser
            .page
            .source()
            .await
            .unwrap()
            .contains("secret")
    );
}

#[tokio::test]
async fn a2_a_wrong_password_is_refused_in_words() {
    let hub = Hub::start(IDLE_AFTER_S).unwrap();
    let phone = Phone::sign_in(&hub).await.unwrap();
    phone
        .browser
        .page
        .execute("document.querySelector('#sign-out').click()", vec![])
        .await
        .unwrap();
    phone.fill_in("ada", "guess").await.unwrap();
    wait_for_async("the refusal", SOON, async || {
        let notice = phone.browser.page.find(Locator::Id("notice")).await.ok()?;
        notice
            .text()
            .await
            .ok()
            .filter(|text| text.contains("Name or password is not right"))
    })
    .await;
}

#[tokio::test]
async fn a8_a_rich_message_shows_and_runs_no_script() {
    let hub = Hub::start(IDLE_AFTER_S).unwrap();
    let phone = Phone::sign_in(&hub).await.unwrap();
    let html = "<h1 id=shown>Rich</h1><script>document.title = 'ran'; document.getElementById('shown').textContent = 'ran'</script>";
    let id = hub.publish_with("rich", |it| it.html = Some(html.to_owned()));
    phone.open(&id).await.unwrap();
    let page = &phone.browser.page;
    let frame = page.find(Locator::Css("iframe")).await.unwrap();
    assert_eq!(frame.attr("sandbox").await.unwrap().as_deref(), Some(""));
    frame.enter_frame().await.unwrap();
    let shown = wait_for_async("the page inside", SOON, async || {
        page.find(Locator::Id("shown")).await.ok()
    })
    .await;
    assert_eq!(shown.text().await.unwrap(), "Rich");
}

async fn no_banner(phone: &Phone) {
    wait_for_banners(phone, &[]).await;
}

async fn wait_for_banners(phone: &Phone, wanted: &[&str]) {
    wait_for_async("banners", SOON, async || {
        (phone.banners().await.unwrap() == wanted).then_some(())
    })
    .await;
}

/// How many rows each store of the page's database has.
async fn stored_rows(phone: &Phone) -> serde_json::Value {
    let script = r#"
        const done = arguments[0];
        const request = indexedDB.open("hither");
        request.onsuccess = async () => {
            const names = ["facts", "messages", "unsentReads"];
            const count = (name) => new Promise((resolve) => {
                const rows = request.result.transaction(name).objectStore(name).count();
                rows.onsuccess = () => resolve(rows.result);
            });
            const counts = await Promise.all(names.map(count));
            request.result.close();
            done(counts);
        };
    "#;
    phone
        .browser
        .page
        .execute_async(script, vec![])
        .await
        .unwrap()
}
