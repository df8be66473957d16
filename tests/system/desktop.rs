//! End to end: which screen gets the alert. Real server, companion, screen, pop-ups and browser.
#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::time::{Duration, Instant};

use hither_protocol::Priority;
use system_tests::desktop::{Desktop, Panel};
use system_tests::stage::{Hub, Phone, Resident, status, view};
use system_tests::toasts::{Toast, Toasts};
use system_tests::wire::Wire;
use system_tests::{SOON, wait_for_async};

/// A person's day: a desktop they sit at, and a phone in their pocket.
struct Day {
    phone: Phone,
    toasts: Toasts,
    companion: Resident,
    hub: Hub,
    desktop: Desktop,
}

/// So long that nobody becomes idle by accident.
const PATIENT_S: u64 = 600;
/// As the router takes it where nothing measures it.
const READING_LATE_BY: Duration = Duration::from_secs(5);
/// The shortest there is.
const IMPATIENT_S: u64 = 10;
const A_MOMENT: Duration = Duration::from_secs(2);

impl Day {
    async fn begin(idle_after_s: u64) -> Self {
        Self::begin_at(idle_after_s, |hub| hub.address().to_owned()).await
    }

    /// A day at a desktop that knows the server by another address. It begins with somebody there.
    async fn begin_at(idle_after_s: u64, address: impl FnOnce(&Hub) -> String) -> Self {
        let desktop = Desktop::start(Panel::None).unwrap();
        let toasts = Toasts::watch(&desktop.session_bus()).await.unwrap();
        let hub = Hub::start(idle_after_s).unwrap();
        desktop.input().unwrap();
        let companion = Resident::start_at(&desktop, &address(&hub)).unwrap();
        let phone = Phone::sign_in(&hub).await.unwrap();
        let day = Self {
            phone,
            toasts,
            companion,
            hub,
            desktop,
        };
        day.somebody_is_there().await;
        day
    }

    /// Waits until the desktop takes somebody for being there, who touches it where it does not.
    async fn somebody_is_there(&self) {
        wait_for_async("the desktop to notice somebody", SOON, async || {
            let view = view(&self.desktop)?;
            let there = view["presence"]["state"] == "active";
            if !there {
                self.desktop.input().unwrap();
            }
            there.then_some(())
        })
        .await;
    }

    /// Somebody touched the desktop, and it knows: so long ago that no reading, however late, takes
    /// it for input after what comes now, and not so long that nobody is there.
    async fn somebody_was_there(&self) {
        self.desktop.input().unwrap();
        self.somebody_is_there().await;
        let touched = Instant::now();
        wait_for_async("a moment", SOON, async || {
            (touched.elapsed() > A_MOMENT).then_some(())
        })
        .await;
    }

    async fn toast(&self, text: &str) -> Toast {
        wait_for_async(&format!("a toast about {text}"), SOON, async || {
            self.toasts.displaying(text)
        })
        .await
    }

    async fn server_knows_shown(&self, count: u64) {
        wait_for_async("the server to know", SOON, async || {
            (self.hub.shown().unwrap() == count).then_some(())
        })
        .await;
    }

    async fn no_toast(&self, text: &str) {
        wait_for_async(&format!("no toast about {text}"), SOON, async || {
            self.toasts.displaying(text).is_none().then_some(())
        })
        .await;
    }

    /// The person is shown a message, locks the screen and leaves. When the phone rings for that
    /// message, the server knows that nobody is at the desktop.
    async fn lock_and_leave(&self) -> String {
        let last = self.hub.publish("last before I left");
        self.toast("last before I left").await;
        assert_eq!(self.phone.rang().await.unwrap(), [""; 0]);
        self.desktop.lock_screen(true).unwrap();
        let locked = Instant::now();
        self.phone.wait_for_ring(&last).await;
        let took = locked.elapsed();
        assert!(took < LEASE, "the lock itself rings the phone: {took:?}");
        last
    }
}

#[tokio::test]
async fn c3_the_desktop_in_use_shows_the_toast_and_the_phone_stays_silent() {
    let day = Day::begin(PATIENT_S).await;
    let id = day.hub.publish("at my desk");
    day.toast("at my desk").await;
    day.phone.wait_for_message(&id).await;
    assert_eq!(day.phone.rang().await.unwrap(), [""; 0]);
    assert_eq!(day.phone.banners().await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn c2_with_the_screen_locked_the_phone_rings_and_the_desktop_does_not() {
    let day = Day::begin(PATIENT_S).await;
    day.lock_and_leave().await;
    let id = day.hub.publish("gone for lunch");
    day.phone.wait_for_ring(&id).await;
    let toasts = day.toasts.all();
    let about = |toast: &Toast| toast.title.contains("lunch") || toast.body.contains("lunch");
    assert!(!toasts.iter().any(about), "{toasts:?}");
}

#[tokio::test]
async fn pop_ups_of_a_companion_that_crashed_go_or_are_taken_over() {
    let mut day = Day::begin(PATIENT_S).await;
    let read = day.hub.publish("read meanwhile");
    day.toast("read meanwhile").await;
    let unread = day.hub.publish("still unread");
    let before = day.toast("still unread").await;
    day.server_knows_shown(2).await;
    day.companion.crash();
    day.phone.open(&read).await.unwrap();
    day.companion.restart(&day.desktop).unwrap();
    day.no_toast("read meanwhile").await;
    let after = day.toast("still unread").await;
    assert_eq!(after.id, before.id, "in its own place");
    assert_eq!(day.toasts.displayed().len(), 1);
    // It is the new companion's.
    day.desktop.click_toast().unwrap();
    wait_for_async("it to be read", SOON, async || {
        status(&day.desktop).filter(|said| said.contains("Nothing unread"))
    })
    .await;
    day.phone
        .wait_for(&format!("li[data-id='{unread}']:not(.unread)"))
        .await;
}

#[tokio::test]
async fn what_an_empty_chair_was_shown_is_handed_to_the_phone() {
    let day = Day::begin(IMPATIENT_S).await;
    day.somebody_was_there().await;
    let before = day.hub.publish("seen before I left");
    day.toast("seen before I left").await;
    day.desktop.input().unwrap();
    day.server_knows_shown(1).await;
    // Input after the alert, and by more than a reading can be late: the person was there to see it.
    let shown = Instant::now();
    wait_for_async("certainty", SOON, async || {
        day.desktop.input().unwrap();
        (shown.elapsed() > READING_LATE_BY).then_some(())
    })
    .await;
    day.desktop.input().unwrap();
    for title in ["no", "hurry"] {
        let silent = day
            .hub
            .publish_with(title, |it| it.priority = Priority::Low);
        day.phone.wait_for_message(&silent).await;
    }
    day.somebody_was_there().await;
    let after = day.hub.publish("nobody saw this");
    day.toast("nobody saw this").await;
    let begin = Instant::now();
    day.phone.wait_for_ring(&after).await;
    let rang = begin.elapsed();
    assert!(rang < LEASE, "rang after {rang:?}");
    assert_eq!(
        day.phone.rang().await.unwrap(),
        [after],
        "{before} was seen"
    );
}

/// So long a desktop shows a pop-up, or leaves it up after the first input.
const POP_UP: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_toast_waits_for_somebody_to_touch_the_desktop() {
    let day = Day::begin(PATIENT_S).await;
    let shown = Instant::now();
    let id = day.hub.publish("while you fetched coffee");
    day.toast("while you fetched coffee").await;
    day.server_knows_shown(1).await;
    wait_for_async("its usual time to pass", POP_UP + SOON, async || {
        (shown.elapsed() > POP_UP + Duration::from_secs(2)).then_some(())
    })
    .await;
    day.toast("while you fetched coffee").await;
    let back = Instant::now();
    day.desktop.input().unwrap();
    wait_for_async("it to go", POP_UP + SOON, async || {
        let displayed = day.toasts.displaying("while you fetched coffee");
        displayed.is_none().then_some(())
    })
    .await;
    assert!(back.elapsed() + Duration::from_secs(1) > POP_UP);
    assert_eq!(day.phone.rang().await.unwrap(), [""; 0]);
    day.phone.wait_for_message(&id).await;
}

#[tokio::test]
async fn reading_on_the_phone_withdraws_the_toast() {
    let day = Day::begin(PATIENT_S).await;
    let id = day.hub.publish("read me anywhere");
    day.toast("read me anywhere").await;
    day.phone.open(&id).await.unwrap();
    day.no_toast("read me anywhere").await;
}

#[tokio::test]
async fn coming_back_brings_one_summary() {
    let day = Day::begin(PATIENT_S).await;
    let last = day.lock_and_leave().await;
    day.phone.open(&last).await.unwrap();
    day.no_toast("last before I left").await;
    let shown_before = day.toasts.all();
    let mut ids = Vec::new();
    for title in ["one", "two", "three", "four"] {
        ids.push(day.hub.publish(title));
        day.phone.wait_for_ring(&ids[ids.len() - 1]).await;
    }
    day.phone.open(&ids[0]).await.unwrap();
    day.phone
        .wait_for(&format!("article[data-id='{}']", ids[0]))
        .await;
    assert_eq!(day.toasts.all(), shown_before);

    day.desktop.lock_screen(false).unwrap();
    day.desktop.input().unwrap();
    wait_for_async("the summary", SOON, async || {
        (!day.toasts.displayed().is_empty()).then_some(())
    })
    .await;
    let id = day.hub.publish("back at my desk");
    day.toast("back at my desk").await;
    day.phone.wait_for_message(&id).await;
    let since = &day.toasts.all()[shown_before.len()..];
    assert_eq!(since.len(), 2, "one summary, then the new one: {since:?}");
    let summary = format!("{} {}", since[0].title, since[0].body);
    assert!(
        summary.contains('3') || summary.contains("unread"),
        "{summary}"
    );
    assert!(!day.phone.rang().await.unwrap().contains(&id));
}

#[tokio::test]
async fn sleep_says_goodbye_at_once_and_waking_brings_one_summary() {
    let day = Day::begin(PATIENT_S).await;
    let last = day.hub.publish("before I closed the lid");
    day.toast("before I closed the lid").await;
    let shown_before = day.toasts.all();
    wait_for_async("sleep to be held back", SOON, async || {
        day.desktop.sleep_is_held().unwrap().then_some(())
    })
    .await;

    day.desktop.suspend(true).unwrap();
    wait_for_async("sleep to be let through", SOON, async || {
        (!day.desktop.sleep_is_held().unwrap()).then_some(())
    })
    .await;
    day.phone.wait_for_ring(&last).await;
    for title in ["one", "two", "three"] {
        let id = day.hub.publish(title);
        day.phone.wait_for_ring(&id).await;
    }
    assert_eq!(day.toasts.all().len(), shown_before.len());

    day.desktop.suspend(false).unwrap();
    day.desktop.input().unwrap();
    wait_for_async("the summary", SOON, async || {
        let since = &day.toasts.all()[shown_before.len()..];
        (!since.is_empty()).then_some(())
    })
    .await;
    let back = day.hub.publish("after I opened it");
    day.toast("after I opened it").await;
    let since = &day.toasts.all()[shown_before.len()..];
    assert_eq!(since.len(), 2, "one summary, then the new one: {since:?}");
    assert!(!day.phone.rang().await.unwrap().contains(&back));
}

/// A desktop keeps its presence for so long without a word: a lease, and the grace after it.
const LEASE: Duration = Duration::from_secs(40);
const GRACE: Duration = Duration::from_secs(10);
/// A companion notices within 1.3 heartbeats that nothing comes back; read by polling.
const HALF_OPEN: Duration = Duration::from_secs(39 + 2);
/// The companion answers a process of its own each time.
const ASKED_EVERY: Duration = Duration::from_millis(250);

#[tokio::test]
async fn a_killed_network_hands_over_to_the_phone() {
    let mut cable = None;
    let day = Day::begin_at(PATIENT_S, |hub| {
        cable.insert(Wire::to(hub.address())).address()
    })
    .await;
    let cable = cable.unwrap();
    let seen_by_nobody = day.hub.publish("the last one that came through");
    day.toast("the last one that came through").await;
    day.server_knows_shown(1).await;
    assert_eq!(day.phone.rang().await.unwrap(), [""; 0]);

    let cut = Instant::now();
    cable.cut();
    // Sent to a desktop that seems to be there: nobody says it was shown.
    let lost = day.hub.publish("into the void");
    day.phone.wait_for_ring(&lost).await;
    let unconfirmed = cut.elapsed();
    assert!(unconfirmed < LEASE, "{unconfirmed:?}");

    let says = async |word: &str| {
        tokio::time::sleep(ASKED_EVERY).await;
        status(&day.desktop).filter(|said| said.contains(word))
    };
    wait_for_async("the desktop to notice", HALF_OPEN + SOON, async || {
        says("Offline").await
    })
    .await;
    wait_for_async("the handover", LEASE + GRACE + SOON, async || {
        let rang = day.phone.rang().await.unwrap();
        rang.contains(&seen_by_nobody).then_some(())
    })
    .await;

    let shown_before = day.toasts.all();
    cable.mend();
    wait_for_async("the desktop to come back", LEASE + SOON, async || {
        says("Online").await
    })
    .await;
    day.desktop.input().unwrap();
    let _back = day.hub.publish("back online");
    day.toast("back online").await;
    let since = &day.toasts.all()[shown_before.len()..];
    assert!(since.len() <= 2, "at most a summary before it: {since:?}");
}
