//! A real server with its accounts and publishers.
//!
//! They are written into its store before it starts, through the store's own code: tens of
//! thousands of sign-ins by password would take an hour of hashing, which is not what is measured.

use core::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use hither_protocol::{AccessToken, AccountName, Cursor, DeviceKind, Timestamp};
use hither_server::secret;
use hither_server::store::{
    AccountRecord, DataFolder, DeviceRecord, NewSession, PublisherRecord, Publishers as _,
    SqliteStore, Store as _, system_clock,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::client::Stream;
use crate::program::Process;

/// So many are made, or connect, at the same time.
const AT_ONCE: usize = 128;
const SESSION: Duration = Duration::from_hours(24);

/// A server's data folder.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) people: Vec<Person>,
    /// Each `ID.SECRET`.
    pub(crate) publishers: Vec<String>,
}

/// An account that is signed in on one device.
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) token: AccessToken,
    /// Where its history ends.
    pub(crate) cursor: Option<Cursor>,
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    process: Process,
}

impl Place {
    pub(crate) async fn new(people: usize, publishers: usize) -> anyhow::Result<Self> {
        let folder = folder()?;
        let store = open(folder.path())?;
        let people = stream::iter(0..people).map(|number| sign_up(&store, number));
        let people = people.buffered(AT_ONCE).try_collect().await?;
        let publishers = stream::iter(0..publishers).map(|_| add_publisher(&store));
        let publishers = publishers.buffered(AT_ONCE).try_collect().await?;
        store.close().await;
        Ok(Self {
            folder,
            people,
            publishers,
        })
    }

    pub(crate) fn serve(&self) -> anyhow::Result<Server> {
        let program = std::env::current_exe()?.with_file_name("hither-server");
        let mut command = Command::new(program);
        command.args(["serve", "--json", "--listen", "127.0.0.1:0", "--data"]);
        command.arg(self.folder.path()).env("HITHER_LOG", "warn");
        // What one publisher may ask for is not what the server can take.
        command.env("HITHER_REQUESTS_PER_PUBLISHER", "off");
        // Nor is how soon a client gets to say hello on a busy machine.
        command.env("HITHER_HELLO_WITHIN_S", "60");
        let mut process = Process::start(&mut command);
        let line = process.lines().and_then(|mut lines| lines.next());
        let said: Value = serde_json::from_str(&line.transpose()?.context("no server")?)?;
        let address = said["listening"].as_str().context("no address")?;
        let address = address.trim_start_matches("http://").parse()?;
        Ok(Server { address, process })
    }
}

impl Server {
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Opens a stream and signs in on it; also how many messages were missed.
    pub(crate) async fn sign_in(
        &self,
        person: &Person,
        number: usize,
    ) -> anyhow::Result<(Stream, usize)> {
        let mut stream = Stream::open(self.address, number).await?;
        let missed = stream.sign_in(&person.token, person.cursor.clone()).await?;
        Ok((stream, missed))
    }

    /// The same for many people; `first` counts the connections that were made before.
    pub(crate) async fn sign_in_all(
        &self,
        people: &[Person],
        first: usize,
    ) -> anyhow::Result<Vec<(Stream, usize)>> {
        let people = people.iter().enumerate();
        let streams = people.map(|(number, person)| self.sign_in(person, first + number));
        stream::iter(streams)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }
}

/// A folder on the disk that holds the programs; others may be none.
pub(crate) fn folder() -> anyhow::Result<TempDir> {
    let folders = crate::results()?;
    Ok(tempfile::Builder::new()
        .prefix("run-")
        .tempdir_in(folders)?)
}

fn open(folder: &Path) -> anyhow::Result<SqliteStore> {
    Ok(SqliteStore::open(
        DataFolder::lock(folder)?,
        system_clock(),
    )?)
}

async fn sign_up(store: &SqliteStore, number: usize) -> anyhow::Result<Person> {
    let text = format!("p{number:05}");
    let name: AccountName = text.parse()?;
    let account = AccountRecord {
        name: name.clone(),
        password_hash: String::new(),
        admin: false,
        disabled_at: None,
        created_at: Timestamp::now(),
    };
    store.add_account(account).await?;
    let token = secret::access_token();
    let session = NewSession {
        account: name.clone(),
        device: DeviceRecord {
            id: secret::device_id(),
            name: "Desk".to_owned(),
            platform: "linux".to_owned(),
            kind: DeviceKind::Desktop,
        },
        replaces: None,
        application: ("hither".to_owned(), "0.1.0".to_owned()),
        token: secret::hash(token.expose()),
        message_token: secret::message_token(),
        expires_at: Timestamp::now() + SESSION,
        notice: None,
    };
    store.create_session(session).await?;
    let cursor = store.cursors().make(&name, store.head());
    Ok(Person {
        name: text,
        token,
        cursor: Some(cursor),
    })
}

async fn add_publisher(store: &SqliteStore) -> anyhow::Result<String> {
    let (id, word) = (secret::publisher_id("bench")?, secret::publisher_secret());
    let secrets = vec![secret::hash(&word)];
    let record = PublisherRecord::new(id.clone(), "Bench".to_owned(), secrets, Timestamp::now());
    store.add_publisher(record).await?;
    Ok(format!("{id}.{word}"))
}
