//! The desktop, the toasts and the browser that other tests stand on.

use system_tests::browser::Browser;
use system_tests::desktop::{Desktop, Panel};
use system_tests::toasts::Toasts;
use system_tests::{SOON, wait_for};

#[tokio::test]
async fn a_desktop_shows_toasts_and_takes_clicks() {
    let desktop = Desktop::start(Panel::Xfce).unwrap();
    let toasts = Toasts::watch(&desktop.session_bus()).await.unwrap();
    let notify = desktop
        .command("gdbus")
        .args([
            "call",
            "--session",
            "--dest",
            "org.freedesktop.Notifications",
        ])
        .args([
            "--object-path",
            "/org/freedesktop/Notifications",
            "--method",
        ])
        .args([
            "org.freedesktop.Notifications.Notify",
            "test",
            "0",
            "",
            "Title",
            "Body",
        ])
        .args(["['default', 'Open', 'read', 'Mark read']", "{}", "0"])
        .status()
        .unwrap();
    assert!(notify.success());
    let toast = wait_for_toast(&toasts).await;
    assert_eq!(
        (toast.body.as_str(), toast.actions.as_slice()),
        ("Body", ["Mark read".to_owned()].as_slice())
    );
    let picture = desktop.home().join("screen.png");
    desktop.screenshot(&picture).unwrap();
    assert!(std::fs::metadata(&picture).unwrap().len() > 1000);
    if let Some(keep) = std::env::var_os("HITHER_TEST_PICTURES") {
        std::fs::copy(
            &picture,
            std::path::Path::new(&keep).join("harness-desktop.png"),
        )
        .unwrap();
    }
    desktop.click_toast().unwrap();
    wait_until(|| toasts.displayed().is_empty()).await;
    desktop.input().unwrap();
    desktop.lock_screen(true).unwrap();
    desktop.lock_screen(false).unwrap();
    desktop.suspend(true).unwrap();
}

async fn wait_for_toast(toasts: &Toasts) -> system_tests::toasts::Toast {
    system_tests::wait_for_async("the toast", SOON, async || toasts.displaying("Title")).await
}

async fn wait_until(condition: impl Fn() -> bool) {
    system_tests::wait_for_async("the condition", SOON, async || condition().then_some(())).await;
}

#[test]
fn nothing_of_a_desktop_is_left() {
    let desktop = Desktop::start(Panel::None).unwrap();
    let home = desktop.home();
    let own = processes_with(&home);
    assert!(
        own > 2,
        "openbox, dunst and the mocks live in {home:?}, found {own}"
    );
    drop(desktop);
    wait_for("an empty desktop", SOON, || {
        (processes_with(&home) == 0).then_some(())
    });
    assert!(!home.exists());
}

/// How many processes have this home.
fn processes_with(home: &std::path::Path) -> usize {
    let wanted = format!("HOME={}", home.display());
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    processes
        .filter_map(|process| std::fs::read(process.path().join("environ")).ok())
        .filter(|environ| {
            environ
                .split(|byte| *byte == 0)
                .any(|entry| entry == wanted.as_bytes())
        })
        .count()
}

#[tokio::test]
async fn a_browser_opens_pages() {
    let browser = Browser::start().await.unwrap();
    browser
        .page
        .goto("data:text/html,<title>Hello</title>")
        .await
        .unwrap();
    assert_eq!(browser.page.title().await.unwrap(), "Hello");
}
