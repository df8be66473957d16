//! A desktop for machines without one, and for tests: presence, clicks and commands come in as
//! JSON lines on standard input, pop-ups and views go out as JSON lines on standard output.
//!
//! In: `{"idle_ms":0}` `{"idle_ms":null}` `{"inhibited":true}` `{"presenting":true}`
//! `{"locked":true}` `{"sleeping":true}` `{"switched_away":true}` `{"network_changed":true}` `{"clicked":"ID"}`
//! `{"chosen":{"toast":"ID","action":"open"}}` `{"command":{"type":"quit"}}`.
//! The idle time stays what the last line said; before the first it is unknown.
//!
//! Out: `{"toast":{…}}` `{"withdraw":"ID"}` `{"open_window":"ID"}` `{"open_link":"…"}`
//! `{"open_folder":"…"}` `{"view":{…}}` `{"sleep_ready":true}`, where the toast of a summary has
//! the id `"summary"`.

use core::time::Duration;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use hither_client::{Platform, PlatformEvent};
use hither_companion::downloads;
use hither_engine::view::{Command, SourceTopic, SourceView, View};
use hither_engine::{Sensed, Toast, ToastEvent, ToastKey};
use hither_protocol::{Action, MessageId, Priority};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// The desktop on standard input and output.
pub(crate) struct Headless {
    events: mpsc::UnboundedReceiver<PlatformEvent>,
    again: mpsc::UnboundedSender<PlatformEvent>,
    input: mpsc::UnboundedReceiver<Input>,
    idle: Option<Duration>,
}

/// One line of standard input.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Input {
    IdleMs(Option<u64>),
    Inhibited(bool),
    Presenting(bool),
    Locked(bool),
    Sleeping(bool),
    SwitchedAway(bool),
    #[expect(dead_code, reason = "the line's value says nothing")]
    NetworkChanged(bool),
    Clicked(Key),
    Chosen {
        toast: Key,
        action: String,
    },
    Command(Command),
}

/// One line of standard output.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Output<'a> {
    Toast {
        id: Key,
        title: &'a str,
        body: &'a str,
        publisher: &'a str,
        priority: Priority,
        actions: &'a [Action],
    },
    Withdraw(Key),
    OpenWindow(Option<MessageId>),
    OpenLink(&'a str),
    OpenFolder(&'a Path),
    View(&'a View),
    SleepReady(bool),
}

/// A pop-up's key as one word: a message's id, or `summary`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Key(ToastKey);

impl From<Key> for String {
    fn from(key: Key) -> Self {
        match key.0 {
            ToastKey::Message(id) => id.to_string(),
            ToastKey::Summary => "summary".to_owned(),
        }
    }
}

impl TryFrom<String> for Key {
    type Error = hither_protocol::InvalidId;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        Ok(Self(match word.as_str() {
            "summary" => ToastKey::Summary,
            id => ToastKey::Message(id.parse()?),
        }))
    }
}

impl Headless {
    /// Begins to read standard input; its end ends nothing.
    pub(crate) fn start() -> Self {
        let (again, events) = mpsc::unbounded_channel();
        let (lines, input) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines().map_while(Result::ok) {
                let sent = match serde_json::from_str(&line) {
                    Ok(input) => lines.send(input).is_ok(),
                    Err(error) => {
                        tracing::error!(%error, "a line of standard input makes no sense");
                        true
                    }
                };
                if !sent {
                    return;
                }
            }
        });
        Self {
            events,
            again,
            input,
            idle: None,
        }
    }

    fn take_in(&mut self, input: Input) -> PlatformEvent {
        PlatformEvent::Sensed(match input {
            Input::IdleMs(millis) => {
                self.idle = millis.map(Duration::from_millis);
                Sensed::Idle(self.idle)
            }
            Input::Inhibited(inhibited) => Sensed::Inhibited(inhibited),
            Input::Presenting(presenting) => Sensed::Presenting(presenting),
            Input::Locked(locked) => Sensed::ScreenLocked(locked),
            Input::Sleeping(sleeping) => Sensed::Sleeping(sleeping),
            Input::SwitchedAway(away) => Sensed::SwitchedAway(away),
            Input::NetworkChanged(_) => Sensed::NetworkChanged,
            Input::Clicked(Key(key)) => return PlatformEvent::Toast(ToastEvent::Clicked(key)),
            Input::Chosen {
                toast: Key(key),
                action,
            } => return PlatformEvent::Toast(ToastEvent::Chosen(key, action)),
            Input::Command(command) => return PlatformEvent::Command(command),
        })
    }

    fn answer(&self, event: PlatformEvent) {
        // The receiver lives as long as this sender.
        let _ = self.again.send(event);
    }
}

impl Platform for Headless {
    async fn next_event(&mut self) -> PlatformEvent {
        tokio::select! {
            Some(event) = self.events.recv() => event,
            Some(input) = self.input.recv() => self.take_in(input),
        }
    }

    fn read_idle(&mut self) {
        self.answer(PlatformEvent::Sensed(Sensed::Idle(self.idle)));
    }

    /// Every change of the idle time is reported as it comes.
    fn watch_idle(&mut self, _: Duration) {}

    /// The same.
    fn await_input(&mut self) {}

    fn show_toast(&mut self, toast: Toast) {
        print(&Output::Toast {
            id: Key(toast.key.clone()),
            title: &toast.title,
            body: &toast.body,
            publisher: &toast.publisher,
            priority: toast.priority,
            actions: &toast.actions,
        });
        self.answer(PlatformEvent::Toast(ToastEvent::Up {
            key: toast.key,
            stays: true,
        }));
    }

    fn withdraw_toast(&mut self, key: &ToastKey) {
        print(&Output::Withdraw(Key(key.clone())));
    }

    fn open_window(&mut self, at: Option<MessageId>) {
        print(&Output::OpenWindow(at));
    }

    fn open_link(&mut self, url: &str) {
        print(&Output::OpenLink(url));
    }

    fn downloads(&self) -> Option<PathBuf> {
        downloads()
    }

    fn open_folder(&mut self, folder: &Path) {
        print(&Output::OpenFolder(folder));
    }

    fn view_changed(&mut self, view: &View) {
        print(&Output::View(view));
    }

    fn sleep_ready(&mut self) {
        print(&Output::SleepReady(true));
    }

    fn sources(&self) -> Vec<SourceView> {
        vec![SourceView {
            topic: SourceTopic::Idle,
            name: "standard input".to_owned(),
            used: true,
            reason: None,
        }]
    }
}

fn print(line: &Output<'_>) {
    let mut out = std::io::stdout().lock();
    let mut text = match serde_json::to_vec(line) {
        Ok(text) => text,
        Err(error) => return tracing::error!(%error, "a line of standard output cannot be written"),
    };
    text.push(b'\n');
    // Whoever read it may be gone; the companion goes on.
    let _ = out.write_all(&text).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_lines_are_understood() {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        for line in [
            r#"{"idle_ms":0}"#.to_owned(),
            r#"{"idle_ms":null}"#.to_owned(),
            r#"{"inhibited":true}"#.to_owned(),
            r#"{"presenting":true}"#.to_owned(),
            r#"{"locked":true}"#.to_owned(),
            r#"{"sleeping":true}"#.to_owned(),
            r#"{"switched_away":true}"#.to_owned(),
            r#"{"network_changed":true}"#.to_owned(),
            format!(r#"{{"clicked":"{id}"}}"#),
            r#"{"clicked":"summary"}"#.to_owned(),
            format!(r#"{{"chosen":{{"toast":"{id}","action":"open"}}}}"#),
            r#"{"command":{"type":"quit"}}"#.to_owned(),
        ] {
            let read: Result<Input, _> = serde_json::from_str(&line);
            assert!(read.is_ok(), "{line}: {read:?}");
        }
    }
}
