use core::future::{Future, pending};
use core::time::Duration;
use std::io;
use std::path::{Path, PathBuf};

use hither_engine::view::{Command, View};
use hither_engine::{Config, SignedIn, StoreOp, Toast, ToastKey};
use hither_protocol::{AccessToken, ClientInfo, MessageId};

use super::{Broken, Running, Runtime};
use crate::history::testing::{Tokens, at, signed_in};
use crate::{Credentials, Door, Platform, PlatformEvent, history};

/// A desktop on which nothing happens.
struct Nowhere;

impl Platform for Nowhere {
    fn next_event(&mut self) -> impl Future<Output = PlatformEvent> {
        pending()
    }
    fn read_idle(&mut self) {}
    fn watch_idle(&mut self, _: Duration) {}
    fn await_input(&mut self) {}
    fn show_toast(&mut self, _: Toast) {}
    fn withdraw_toast(&mut self, _: &ToastKey) {}
    fn open_window(&mut self, _: Option<MessageId>) {}
    fn open_link(&mut self, _: &str) {}
    fn downloads(&self) -> Option<PathBuf> {
        None
    }
    fn open_folder(&mut self, _: &Path) {}
    fn view_changed(&mut self, _: &View) {}
}

/// Takes the store's thread along when a token is to be forgotten.
struct Breaking;

impl Credentials for Breaking {
    fn load(&self, _: &str, _: &str) -> io::Result<Option<AccessToken>> {
        Ok(None)
    }

    fn save(&mut self, _: &str, _: &str, _: &AccessToken) -> io::Result<()> {
        Ok(())
    }

    fn forget(&mut self) -> io::Result<()> {
        panic!("as the test wants it");
    }
}

fn open(data: &Path) -> (Runtime, Door) {
    let config = Config {
        client: ClientInfo {
            name: "test".to_owned(),
            version: "0".to_owned(),
        },
        device_name: "desk".to_owned(),
        platform: "test".to_owned(),
        backoff: (Duration::from_secs(1), Duration::from_secs(1)),
    };
    Runtime::open(config, data, Breaking).unwrap()
}

async fn soon<T>(wanted: impl Future<Output = T>) -> T {
    let soon = tokio::time::timeout(Duration::from_secs(30), wanted);
    soon.await.expect("it does not take that long")
}

#[tokio::test]
async fn a_history_that_panicked_ends_the_companion() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody listens there.
    let ada = SignedIn {
        server: "http://127.0.0.1:1".to_owned(),
        stream_url: "ws://127.0.0.1:1/v1/stream".to_owned(),
        ..signed_in("ada")
    };
    let mut seeded = history::open(folder.path(), Box::new(Tokens::default())).unwrap();
    let account = [StoreOp::SetAccount(ada)];
    seeded.store.write(at(0), &account).unwrap();
    drop(seeded);

    let (runtime, door) = open(folder.path());
    let running = runtime.run(Nowhere, pending());
    let both = async { tokio::join!(running, door.command(Command::SignOut)) };
    let (ended, told) = soon(Box::pin(both)).await;
    assert_eq!((ended, told), (Err(Broken("the history")), Ok(())));
}

#[tokio::test]
async fn work_that_panicked_ends_the_companion() {
    let folder = tempfile::tempdir().unwrap();
    let (runtime, _door) = open(folder.path());
    let mut running = Running::new(runtime, Nowhere);
    running.in_background(async { panic!("as the test wants it") });
    let ended = async {
        while !running.is_over() {
            let input = running.next_input().await;
            running.take_in(input);
        }
        running.broken
    };
    assert_eq!(soon(ended).await, Some(Broken("work in the background")));
}
