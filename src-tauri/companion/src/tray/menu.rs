//! The tray's menu and tooltip as data: what they say follows from the view alone.

use hither_engine::view::{AccountView, Command, ConnectionView, Headline, UNTIL_RESUMED, View};
use hither_protocol::Timestamp;
use jiff::{ToSpan as _, Zoned};
use serde::{Deserialize, Serialize};

use crate::words::{moment, one_line};

/// Longer lines make the menu wider than people like.
const LABEL: usize = 60;

/// One line of the menu.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    Separator,
    /// Says something; cannot be chosen.
    Words(String),
    Choice(String, Choice),
    Submenu(String, Vec<Item>),
}

/// What a line does. It travels through the menu as text, so a click on a menu that changed in the
/// meantime still does what the person saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Choice {
    Do(Command),
    PauseForAnHour,
    PauseUntilTomorrow,
}

impl Choice {
    /// What it asks for when it is chosen at this moment.
    pub(crate) fn command(self, now: &Zoned) -> Command {
        let until = match self {
            Self::Do(command) => return command,
            Self::PauseForAnHour => now.checked_add(1.hour()),
            Self::PauseUntilTomorrow => next_morning(now),
        };
        Command::Pause {
            until: until.ok().map(|until| until.timestamp()),
        }
    }

    pub(crate) fn open() -> Self {
        Self::Do(Command::Open { id: None })
    }
}

/// Eight o'clock: midnight would ring people out of bed.
fn next_morning(now: &Zoned) -> Result<Zoned, jiff::Error> {
    let morning = now.date().tomorrow()?.at(8, 0, 0, 0);
    morning.to_zoned(now.time_zone().clone())
}

/// The whole menu, top to bottom.
pub(crate) fn menu(view: &View, now: &Zoned) -> Vec<Item> {
    let Some(account) = &view.account else {
        return signed_out(view);
    };
    if view.app_lock.as_ref().is_some_and(|lock| lock.locked) {
        return locked(account, view, now);
    }
    let mut items = unread(view);
    items.push(choice("Open Hither", Choice::open()));
    items.push(mark_all_as_read(view));
    if view.app_lock.is_some() {
        items.push(choice("Lock", Choice::Do(Command::Lock)));
    }
    items.extend(pause(view.paused_until, now));
    items.push(Item::Separator);
    items.push(Item::Words(connection(account, view, now)));
    items.extend(quit());
    items
}

/// No content, and nothing that acts on it.
fn locked(account: &AccountView, view: &View, now: &Zoned) -> Vec<Item> {
    let mut items = vec![
        choice("Unlock…", Choice::open()),
        Item::Separator,
        Item::Words(connection(account, view, now)),
    ];
    items.extend(quit());
    items
}

fn signed_out(view: &View) -> Vec<Item> {
    let state = if view.signing_in {
        "Signing in…"
    } else {
        "Not signed in"
    };
    let mut items = vec![
        Item::Words(state.to_owned()),
        choice("Sign in…", Choice::open()),
    ];
    items.extend(quit());
    items
}

fn quit() -> [Item; 2] {
    [
        Item::Separator,
        choice("Quit Hither", Choice::Do(Command::Quit)),
    ]
}

fn choice(label: &str, choice: Choice) -> Item {
    Item::Choice(label.to_owned(), choice)
}

fn unread(view: &View) -> Vec<Item> {
    let mut items = view
        .glance
        .newest
        .iter()
        .take(5)
        .map(headline)
        .collect::<Vec<_>>();
    if !items.is_empty() {
        items.push(Item::Separator);
    }
    items
}

fn headline(message: &Headline) -> Item {
    let title = one_line(&message.title, LABEL);
    let publisher = one_line(&message.publisher, LABEL / 3);
    let label = match (publisher.as_str(), title.as_str()) {
        ("", "") => "Message".to_owned(),
        ("", only) | (only, "") => only.to_owned(),
        _ => one_line(&format!("{publisher}: {title}"), LABEL),
    };
    let open = Command::Open {
        id: Some(message.id),
    };
    Item::Choice(label, Choice::Do(open))
}

fn mark_all_as_read(view: &View) -> Item {
    let label = "Mark all as read";
    if view.glance.unread == 0 {
        return Item::Words(label.to_owned());
    }
    choice(label, Choice::Do(Command::MarkAllRead))
}

fn pause(paused_until: Option<Timestamp>, now: &Zoned) -> Vec<Item> {
    match paused_until {
        None => vec![Item::Submenu(
            "Pause alerts".to_owned(),
            vec![
                choice("For 1 hour", Choice::PauseForAnHour),
                choice("Until tomorrow", Choice::PauseUntilTomorrow),
                choice("Until I resume", Choice::Do(Command::Pause { until: None })),
            ],
        )],
        Some(until) => vec![
            Item::Words(paused(until, now)),
            choice("Resume alerts", Choice::Do(Command::Resume)),
        ],
    }
}

fn paused(until: Timestamp, now: &Zoned) -> String {
    if until == UNTIL_RESUMED {
        return "Alerts are paused".to_owned();
    }
    format!("Alerts are paused until {}", moment(until, now))
}

fn connection(account: &AccountView, view: &View, now: &Zoned) -> String {
    let server = account.server.split_once("://");
    let server = server.map_or(account.server.as_str(), |(_, host)| host);
    let name = one_line(&format!("{} on {server}", account.name), LABEL);
    let state = match &view.connection {
        ConnectionView::SignedOut => "signed out".to_owned(),
        ConnectionView::Connecting => "connecting…".to_owned(),
        ConnectionView::Online => "connected".to_owned(),
        ConnectionView::Offline { since, .. } => format!("offline since {}", moment(*since, now)),
    };
    format!("{name}: {state}")
}

/// What the icon says when the pointer rests on it.
pub(crate) fn state(view: &View) -> String {
    if view.account.is_none() {
        return "not signed in".to_owned();
    }
    let unread = match view.glance.unread {
        0 => "nothing unread".to_owned(),
        unread => format!("{unread} unread"),
    };
    let state = match view.connection {
        ConnectionView::SignedOut => "signed out",
        ConnectionView::Connecting => "connecting",
        ConnectionView::Online => "connected",
        ConnectionView::Offline { .. } => "offline",
    };
    let paused = if view.paused_until.is_some() {
        ", alerts paused"
    } else {
        ""
    };
    format!("{unread}, {state}{paused}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tray::tests::{id, message, offline, view};

    fn now() -> Zoned {
        "2026-11-22T14:30[Europe/Berlin]".parse().unwrap()
    }

    /// The menu as text: what a person sees, one line each.
    fn seen(items: &[Item]) -> Vec<String> {
        let line = |item: &Item| match item {
            Item::Separator => vec!["-".to_owned()],
            Item::Words(words) => vec![format!("({words})")],
            Item::Choice(label, _) => vec![label.clone()],
            Item::Submenu(label, items) => {
                let inner = seen(items).into_iter().map(|line| format!("  {line}"));
                std::iter::once(format!("{label} >")).chain(inner).collect()
            }
        };
        items.iter().flat_map(line).collect()
    }

    fn chosen(items: &[Item], label: &str) -> Option<Choice> {
        items.iter().find_map(|item| match item {
            Item::Choice(found, choice) if found == label => Some(choice.clone()),
            Item::Submenu(_, items) => chosen(items, label),
            _ => None,
        })
    }

    #[test]
    fn f1_the_menu_of_a_quiet_day() {
        assert_eq!(
            seen(&menu(&view(), &now())),
            [
                "Open Hither",
                "(Mark all as read)",
                "Pause alerts >",
                "  For 1 hour",
                "  Until tomorrow",
                "  Until I resume",
                "-",
                "(ada on push.example.org: connected)",
                "-",
                "Quit Hither",
            ]
        );
    }

    #[test]
    fn f1_the_newest_unread_come_first_and_a_click_opens_them() {
        let mut view = view();
        view.glance.unread = 9;
        view.glance.newest = (1..=7).map(|n| message(n, &format!("Build {n}"))).collect();
        let items = menu(&view, &now());
        let lines = seen(&items);
        assert_eq!(
            lines[..6],
            [
                "CI: Build 1",
                "CI: Build 2",
                "CI: Build 3",
                "CI: Build 4",
                "CI: Build 5",
                "-"
            ]
        );
        assert_eq!(
            chosen(&items, "CI: Build 3"),
            Some(Choice::Do(Command::Open { id: Some(id(3)) }))
        );
        assert_eq!(
            chosen(&items, "Mark all as read"),
            Some(Choice::Do(Command::MarkAllRead))
        );
    }

    #[test]
    fn hostile_headlines_stay_one_short_line() {
        let mut view = view();
        let table = [
            ("", "CI"),
            ("a\nb", "CI: a b"),
            (&"x".repeat(10_000), &format!("CI: {}…", "x".repeat(55))),
        ];
        for (title, expected) in table {
            view.glance.newest = vec![message(1, title)];
            assert_eq!(seen(&menu(&view, &now()))[0], *expected);
        }
        view.glance.newest[0].publisher.clear();
        view.glance.newest[0].title.clear();
        assert_eq!(seen(&menu(&view, &now()))[0], "Message");
    }

    #[test]
    fn f1_signed_out_there_is_one_way_in() {
        let mut view = view();
        view.account = None;
        view.connection = ConnectionView::SignedOut;
        let lines = ["(Not signed in)", "Sign in…", "-", "Quit Hither"];
        assert_eq!(seen(&menu(&view, &now())), lines);
        let sign_in = chosen(&menu(&view, &now()), "Sign in…");
        assert_eq!(sign_in, Some(Choice::Do(Command::Open { id: None })));
        view.signing_in = true;
        assert_eq!(seen(&menu(&view, &now()))[0], "(Signing in…)");
    }

    #[test]
    fn f1_the_connection_is_said_in_words() {
        let mut view = view();
        let table = [
            (ConnectionView::Connecting, "connecting…"),
            (offline(), "offline since 14:02"),
            (ConnectionView::SignedOut, "signed out"),
        ];
        for (connection, expected) in table {
            view.connection = connection;
            let expected = format!("(ada on push.example.org: {expected})");
            assert!(seen(&menu(&view, &now())).contains(&expected), "{expected}");
        }
    }

    #[test]
    fn f1_a_pause_says_its_end_and_offers_to_resume() {
        let mut view = view();
        let table = [
            ("2026-11-22T14:30Z", "(Alerts are paused until 15:30)"),
            ("2026-11-23T07:00Z", "(Alerts are paused until Mon 08:00)"),
        ];
        for (until, expected) in table {
            view.paused_until = Some(until.parse().unwrap());
            assert!(seen(&menu(&view, &now())).contains(&expected.to_owned()));
        }
        view.paused_until = Some(UNTIL_RESUMED);
        let items = menu(&view, &now());
        assert!(seen(&items).contains(&"(Alerts are paused)".to_owned()));
        assert_eq!(
            chosen(&items, "Resume alerts"),
            Some(Choice::Do(Command::Resume))
        );
        assert_eq!(chosen(&items, "For 1 hour"), None);
    }

    #[test]
    fn pauses_end_when_they_say() {
        let table = [
            (
                "For 1 hour",
                "2026-11-22T14:30[Europe/Berlin]",
                Some("2026-11-22T14:30Z"),
            ),
            (
                "Until tomorrow",
                "2026-11-22T23:59[Europe/Berlin]",
                Some("2026-11-23T07:00Z"),
            ),
            (
                "Until tomorrow",
                "2026-03-28T22:00[Europe/Berlin]",
                Some("2026-03-29T06:00Z"),
            ),
            ("Until I resume", "2026-11-22T14:30[Europe/Berlin]", None),
        ];
        for (label, now, expected) in table {
            let now: Zoned = now.parse().unwrap();
            let choice = chosen(&menu(&view(), &now), label).unwrap();
            let until = expected.map(|until| until.parse().unwrap());
            assert_eq!(choice.command(&now), Command::Pause { until }, "{label}");
        }
    }

    #[test]
    fn the_tooltip_says_what_waits_and_whether_it_arrives() {
        let mut view = view();
        assert_eq!(state(&view), "nothing unread, connected");
        view.glance.unread = 3;
        assert_eq!(state(&view), "3 unread, connected");
        view.connection = offline();
        view.paused_until = Some(UNTIL_RESUMED);
        assert_eq!(state(&view), "3 unread, offline, alerts paused");
        view.account = None;
        assert_eq!(state(&view), "not signed in");
    }

    #[test]
    fn choices_survive_their_way_through_the_menu() {
        let mut view = view();
        view.glance.newest = vec![message(1, "Build")];
        for label in [
            "CI: Build",
            "For 1 hour",
            "Until tomorrow",
            "Until I resume",
            "Quit Hither",
        ] {
            let choice = chosen(&menu(&view, &now()), label).unwrap();
            let text = serde_json::to_string(&choice).unwrap();
            assert_eq!(serde_json::from_str::<Choice>(&text).unwrap(), choice);
        }
    }
}
