//! A server, a companion and a phone page, as real processes that know each other.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use fantoccini::Locator;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::desktop::{Desktop, Part};
use crate::{SOON, wait_for, wait_for_async};

/// The account that everything on a stage is signed in to.
pub const ACCOUNT: &str = "ada";

/// A server with one account and one publisher.
#[derive(Debug)]
pub struct Server {
    /// `http://127.0.0.1:PORT`
    pub address: String,
    password: String,
    publisher: (String, String),
    _process: Part,
    folder: tempfile::TempDir,
}

impl Server {
    /// Starts one whose desktops count as inactive after so many seconds without input.
    pub fn start(idle_after_s: u64) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("hither-server-")
            .tempdir()?;
        let mut serve = server_command(folder.path());
        serve.args(["--json", "serve", "--listen", "127.0.0.1:0"]);
        serve.env("HITHER_IDLE_AFTER_S", idle_after_s.to_string());
        let mut process = Part::start("hither-server", serve.stdout(Stdio::piped()))?;
        let mut line = String::new();
        let stdout = process.stdout().context("stdout is piped")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let address = text(&serde_json::from_str(&line)?, "listening")?;
        let account = server_says(folder.path(), &["account", "add", ACCOUNT])?;
        let publisher = server_says(folder.path(), &["publisher", "add", "CI"])?;
        Ok(Self {
            address,
            password: text(&account, "password")?,
            publisher: (text(&publisher, "id")?, text(&publisher, "secret")?),
            _process: process,
            folder,
        })
    }

    /// Publishes to the account and returns the message's id, which is committed then.
    pub fn publish(&self, title: &str) -> anyhow::Result<String> {
        self.publish_with(json!({ "title": title, "body": format!("About {title}.") }))
    }

    /// [`Server::publish`] with more than a title.
    pub fn publish_with(&self, mut message: Value) -> anyhow::Result<String> {
        message["to"] = json!({ "accounts": [ACCOUNT] });
        let (id, secret) = &self.publisher;
        let answer: Value = ureq::post(format!("{}/v1/messages", self.address))
            .header("authorization", format!("Bearer {id}.{secret}"))
            .send_json(message)?
            .body_mut()
            .read_json()?;
        text(&answer, "id")
    }

    /// How often any device said that a pop-up was up.
    pub fn shown(&self) -> anyhow::Result<u64> {
        let only_look = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let path = self.folder.path().join("hither.db");
        let database = rusqlite::Connection::open_with_flags(path, only_look)?;
        Ok(database.query_row("SELECT count(*) FROM shown", [], |row| row.get(0))?)
    }
}

/// The resident process on a desktop, signed in.
#[derive(Debug)]
pub struct Companion {
    _process: Part,
}

impl Companion {
    /// Starts it and waits until it is connected.
    pub fn start(desktop: &Desktop, server: &Server) -> anyhow::Result<Self> {
        let data = desktop.home().join("hither");
        let companion = |arguments: &[&str]| {
            let mut command = desktop.command(program("hither-companion"));
            command.arg("--data").arg(&data).args(arguments);
            command.env("HITHER_LOG", "debug");
            command
        };
        let log = std::fs::File::create(desktop.home().join("companion.log"))?;
        let process = Part::start("hither-companion", companion(&["--background"]).stderr(log))?;
        let status = || {
            let output = companion(&["status"]).stderr(Stdio::null()).output().ok()?;
            String::from_utf8(output.stdout)
                .ok()
                .filter(|_| output.status.success())
        };
        wait_for("the companion", SOON, status);
        let mut signin = companion(&["signin", "--account", ACCOUNT, "--password-stdin"]);
        signin.args(["--server", &server.address]);
        let mut signin = signin.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        let mut stdin = signin.stdin.take().context("stdin is piped")?;
        stdin.write_all(server.password.as_bytes())?;
        drop(stdin);
        ensure!(signin.wait()?.success(), "the companion could not sign in");
        wait_for("the companion's connection", SOON, || {
            status().filter(|said| said.contains("Online"))
        });
        Ok(Self { _process: process })
    }
}

/// The phone page in a real browser, signed in and connected.
#[derive(Debug)]
pub struct Phone {
    /// The browser it is open in.
    pub browser: Browser,
}

impl Phone {
    /// Opens it and signs in as a person would.
    pub async fn sign_in(server: &Server) -> anyhow::Result<Self> {
        let browser = Browser::start().await?;
        let page = &browser.page;
        page.goto(&format!("{}/app/", server.address)).await?;
        let phone = Self { browser };
        phone.fill_in(ACCOUNT, &server.password).await?;
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

/// One of the workspace's programs, which lie where cargo built this test.
///
/// # Panics
/// Where it was not built.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test is a program");
    let folder = test
        .ancestors()
        .nth(2)
        .expect("tests lie in target/debug/deps");
    let program = folder.join(name);
    assert!(
        program.exists(),
        "{} is missing: run `cargo build --workspace` first",
        program.display()
    );
    program
}

fn server_command(data: &Path) -> Command {
    let mut server = Command::new(program("hither-server"));
    server.arg("--data").arg(data).env("HITHER_LOG", "warn");
    server
}

fn server_says(data: &Path, arguments: &[&str]) -> anyhow::Result<Value> {
    let output = server_command(data)
        .arg("--json")
        .args(arguments)
        .output()?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "hither-server {arguments:?}: {complaint}"
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn text(answer: &Value, name: &str) -> anyhow::Result<String> {
    let text = answer[name].as_str();
    Ok(text
        .with_context(|| format!("no {name} in {answer}"))?
        .to_owned())
}
