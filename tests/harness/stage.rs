//! A server, a companion and a phone page, as real processes that know each other.

use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use fantoccini::Locator;
use hither_protocol::PublishRequest;
use serde_json::Value;

use crate::browser::Browser;
use crate::companion::open_read_only;
use crate::desktop::{Desktop, Part};
use crate::program::program;
use crate::server::{Publisher, Server, plain};
use crate::{SOON, wait_for, wait_for_async};

/// The account that everything on a stage is signed in to.
pub const ACCOUNT: &str = "ada";
const PASSWORD: &str = "correct horse battery staple";

/// A server with one account and one publisher.
#[derive(Debug)]
pub struct Hub {
    server: Server,
    publisher: Publisher,
    _folder: tempfile::TempDir,
}

impl Hub {
    /// Starts one whose desktops count as inactive after so many seconds without input.
    pub fn start(idle_after_s: u64) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("hither-server-")
            .tempdir()?;
        let settings = vec![("HITHER_IDLE_AFTER_S", idle_after_s.to_string())];
        let server = Server::start_with(folder.path(), settings);
        server.add_account(ACCOUNT, PASSWORD);
        let publisher = server.add_publisher("CI");
        Ok(Self {
            server,
            publisher,
            _folder: folder,
        })
    }

    /// Publishes to the account and returns the message's id, which is committed then.
    #[must_use]
    pub fn publish(&self, title: &str) -> String {
        self.publish_with(title, |_| ())
    }

    /// [`Hub::publish`] with more than a title, which also serves as its idempotency key.
    #[must_use]
    pub fn publish_with(&self, title: &str, more: impl FnOnce(&mut PublishRequest)) -> String {
        let mut message = plain(ACCOUNT, title);
        message.body = format!("About {title}.");
        more(&mut message);
        self.publisher.publish(title, &message).to_string()
    }

    /// Where it listens: `http://127.0.0.1:…`.
    #[must_use]
    pub fn address(&self) -> &str {
        self.server.url()
    }

    /// How often any device said that a pop-up was up.
    pub fn shown(&self) -> anyhow::Result<u64> {
        let database = open_read_only(&self.server.data().join("hither.db"));
        Ok(database.query_row("SELECT count(*) FROM shown", [], |row| row.get(0))?)
    }
}

/// The resident process on a desktop, signed in.
#[derive(Debug)]
pub struct Resident {
    process: Option<Part>,
}

impl Resident {
    /// Starts it and waits until it is connected.
    pub fn start(desktop: &Desktop, hub: &Hub) -> anyhow::Result<Self> {
        Self::start_at(desktop, hub.address())
    }

    /// [`Resident::start`], with the server's address as this desktop knows it.
    pub fn start_at(desktop: &Desktop, server: &str) -> anyhow::Result<Self> {
        let companion = |arguments: &[&str]| companion(desktop, arguments);
        let process = begin(desktop)?;
        let mut signin = companion(&["signin", "--account", ACCOUNT, "--password-stdin"]);
        signin.args(["--server", server]);
        let mut signin = signin.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        let mut stdin = signin.stdin.take().context("stdin is piped")?;
        stdin.write_all(PASSWORD.as_bytes())?;
        drop(stdin);
        ensure!(signin.wait()?.success(), "the companion could not sign in");
        wait_for("the companion's connection", SOON, || {
            status(desktop).filter(|said| said.contains("Online"))
        });
        let process = Some(process);
        Ok(Self { process })
    }

    /// Ends it as a crash does.
    pub fn crash(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }

    /// Starts it again, and waits until it is connected.
    pub fn restart(&mut self, desktop: &Desktop) -> anyhow::Result<()> {
        self.process = Some(begin(desktop)?);
        wait_for("the companion's connection", SOON, || {
            status(desktop).filter(|said| said.contains("Online"))
        });
        Ok(())
    }
}

fn begin(desktop: &Desktop) -> anyhow::Result<Part> {
    let log = std::fs::File::create(desktop.home().join("companion.log"))?;
    let mut companion = companion(desktop, &["--background"]);
    let process = Part::start("hither-companion", companion.stderr(log))?;
    wait_for("the companion", SOON, || status(desktop));
    Ok(process)
}

/// What the companion of this desktop says of itself, in words.
#[must_use]
pub fn status(desktop: &Desktop) -> Option<String> {
    answer(companion(desktop, &["status"]))
}

/// Its view, as JSON.
#[must_use]
pub fn view(desktop: &Desktop) -> Option<Value> {
    let said = answer(companion(desktop, &["status", "--json"]))?;
    serde_json::from_str(&said).ok()
}

/// What a command says, where it ends well.
fn answer(mut command: Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    String::from_utf8(output.stdout)
        .ok()
        .filter(|_| output.status.success())
}

fn companion(desktop: &Desktop, arguments: &[&str]) -> Command {
    let mut command = desktop.command(program("hither-companion").get_program());
    command
        .arg("--data")
        .arg(desktop.home().join("hither"))
        .args(arguments)
        .env("HITHER_LOG", "debug");
    command
}

/// The phone page in a real browser, signed in and connected.
#[derive(Debug)]
pub struct Phone {
    /// The browser it is open in.
    pub browser: Browser,
}

impl Phone {
    /// Opens it and signs in as a person would.
    pub async fn sign_in(hub: &Hub) -> anyhow::Result<Self> {
        let browser = Browser::start().await?;
        let page = &browser.page;
        page.goto(&format!("{}/app/", hub.address())).await?;
        let phone = Self { browser };
        phone.fill_in(ACCOUNT, PASSWORD).await?;
        phone.wait_for("[data-link=online]").await;
        Ok(phone)
    }

    /// Types name and password, and sends them.
    pub async fn fill_in(&self, account: &str, password: &str) -> anyhow::Result<()> {
        let page = &self.browser.page;
        self.wait_for("#sign-in:not([hidden])").await;
        let name = page.find(Locator::Id("account")).await?;
        name.clear().await?;
        name.send_keys(account).await?;
        page.find(Locator::Id("password"))
            .await?
            .send_keys(password)
            .await?;
        page.find(Locator::Css("#sign-in button"))
            .await?
            .click()
            .await?;
        Ok(())
    }

    /// Waits until the page has an element like this.
    pub async fn wait_for(&self, selector: &str) {
        let page = &self.browser.page;
        wait_for_async(&format!("{selector} on the phone page"), SOON, async || {
            page.find(Locator::Css(selector)).await.ok()
        })
        .await;
    }

    /// Waits until the message is in the list.
    pub async fn wait_for_message(&self, id: &str) {
        self.wait_for(&format!("#messages [data-id='{id}']")).await;
    }

    /// Waits until the page rang for the message.
    pub async fn wait_for_ring(&self, id: &str) {
        self.wait_for(&format!("[data-rang='{id}']")).await;
    }

    /// The messages that the page ever rang for.
    pub async fn rang(&self) -> anyhow::Result<Vec<String>> {
        self.list("[...document.querySelectorAll('[data-rang]')].map((li) => li.dataset.rang)")
            .await
    }

    /// Texts of the banners that are up.
    pub async fn banners(&self) -> anyhow::Result<Vec<String>> {
        self.list("[...document.querySelectorAll('.banner b')].map((b) => b.textContent)")
            .await
    }

    /// Opens the message, as a touch on it does.
    pub async fn open(&self, id: &str) -> anyhow::Result<()> {
        self.wait_for_message(id).await;
        let link = format!("document.querySelector(\"#messages [data-id='{id}'] a\").click()");
        self.browser.page.execute(&link, vec![]).await?;
        self.wait_for(&format!("article[data-id='{id}']")).await;
        Ok(())
    }

    async fn list(&self, script: &str) -> anyhow::Result<Vec<String>> {
        let script = format!("return {script}");
        let list = self.browser.page.execute(&script, vec![]).await?;
        Ok(serde_json::from_value(list)?)
    }
}
