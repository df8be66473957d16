//! A real Chromium, driven through chromedriver: the phone in tests.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::Context;
use fantoccini::{Client, ClientBuilder};
use serde_json::json;

use crate::desktop::Part;

const SAYS_PORT: &str = "started successfully on port ";

/// One browser with a fresh profile. Ends with the value.
#[derive(Debug)]
pub struct Browser {
    /// The page and everything in it.
    pub page: Client,
    // Dropped in this order: the driver ends the browser, then the profile goes.
    _driver: Part,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts one that is as wide as a phone.
    pub async fn start() -> anyhow::Result<Self> {
        let profile = tempfile::Builder::new().prefix("hither-phone-").tempdir()?;
        let (driver, port) = start_driver()?;
        let flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--window-size=412,860",
        ];
        let profile_flag = format!("--user-data-dir={}", profile.path().display());
        let flags: Vec<&str> = flags.into_iter().chain([profile_flag.as_str()]).collect();
        let capabilities = json!({ "goog:chromeOptions": { "args": flags } });
        let capabilities = capabilities.as_object().context("an object")?.clone();
        let page = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await?;
        Ok(Self {
            page,
            _driver: driver,
            _profile: profile,
        })
    }
}

/// Chooses a free port by itself and says which.
fn start_driver() -> anyhow::Result<(Part, u16)> {
    let mut command = Command::new("chromedriver");
    command.args(["--port=0", "--allowed-ips=127.0.0.1"]);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut driver = Part::start("chromedriver", &mut command)?;
    let said = BufReader::new(driver.stdout().context("stdout is piped")?);
    for line in said.lines() {
        let line = line?;
        if let Some((_, port)) = line.split_once(SAYS_PORT) {
            let port = port.trim_end_matches('.').parse()?;
            return Ok((driver, port));
        }
    }
    anyhow::bail!("chromedriver ended without saying its port")
}
