//! The real window, driven through WebKit's own driver as a person would use it.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};

use anyhow::Context;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::json;

use crate::desktop::{Desktop, Part};
use crate::program::program;
use crate::wait::patiently;
use crate::{SOON, free_port, wait_for};

/// Hither's window on a desktop, over a data folder. The driver ends with the value.
#[derive(Debug)]
pub struct Window {
    /// The page in it.
    page: Client,
    _driver: Part,
}

impl Window {
    /// Opens it with these words, as `hither --data DATA WORDS…` would.
    pub async fn open(desktop: &Desktop, data: &Path, words: &[&str]) -> anyhow::Result<Self> {
        let (driver, port) = start_driver(desktop)?;
        let data = data.to_string_lossy();
        let args = [&["--data", &data], words].concat();
        let binary = program("hither").get_program().to_owned();
        let options = json!({ "binary": binary.to_string_lossy(), "args": args });
        let capabilities = json!({ "webkitgtk:browserOptions": options });
        let page = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities.as_object().context("an object")?.clone())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await?;
        Ok(Self {
            page,
            _driver: driver,
        })
    }

    /// Waits until the page has an element like this.
    pub async fn wait_for(&self, selector: &str) {
        let found = async || self.page.find(Locator::Css(selector)).await.ok();
        self.patiently(selector, found).await;
    }

    /// Waits until an element like this says so.
    pub async fn wait_for_text(&self, selector: &str, text: &str) {
        self.patiently(&format!("{selector} saying {text:?}"), async || {
            let element = self.page.find(Locator::Css(selector)).await.ok()?;
            // The driver takes text that is cut off with an ellipsis for invisible.
            let said = element.prop("textContent").await.ok()??;
            said.contains(text).then_some(())
        })
        .await;
    }

    /// Shows the page when it is not as it should be `SOON`.
    async fn patiently<T>(&self, what: &str, condition: impl AsyncFnMut() -> Option<T>) {
        if patiently(SOON, condition).await.is_none() {
            let page = self.page.source().await;
            panic!("waited {SOON:?} for {what} in {page:?}");
        }
    }

    /// Whether this text is anywhere in the page.
    pub async fn says(&self, text: &str) -> anyhow::Result<bool> {
        Ok(self.page.source().await?.contains(text))
    }

    /// Clicks an element like this, once it is there.
    pub async fn click(&self, selector: &str) -> anyhow::Result<()> {
        self.wait_for(selector).await;
        Ok(self
            .page
            .find(Locator::Css(selector))
            .await?
            .click()
            .await?)
    }

    /// Gives an element like this the keyboard, once it is there.
    pub async fn focus(&self, selector: &str) -> anyhow::Result<()> {
        self.wait_for(selector).await;
        let element = self.page.find(Locator::Css(selector)).await?;
        let arguments = vec![serde_json::to_value(element)?];
        self.page.execute("arguments[0].focus()", arguments).await?;
        Ok(())
    }

    /// Fills in an element like this.
    ///
    /// Not by keys: when a window gets the focus late, as on a busy machine, the web engine puts
    /// the cursor into the first field, and the rest of the word with it.
    pub async fn fill(&self, selector: &str, text: &str) -> anyhow::Result<()> {
        self.wait_for(selector).await;
        let field = self.page.find(Locator::Css(selector)).await?;
        let into = "const [field, text] = arguments; field.value = text; \
                    field.dispatchEvent(new Event('input', { bubbles: true }))";
        let arguments = vec![serde_json::to_value(field)?, text.into()];
        self.page.execute(into, arguments).await?;
        Ok(())
    }
}

/// The driver does not say which port it chose by itself.
fn start_driver(desktop: &Desktop) -> anyhow::Result<(Part, u16)> {
    let port = free_port();
    let mut driver = desktop.command("WebKitWebDriver");
    driver.arg(format!("--port={port}"));
    driver.env("TAURI_WEBVIEW_AUTOMATION", "true");
    let mut driver = Part::start("WebKitWebDriver", &mut driver)?;
    wait_for("WebKitWebDriver", SOON, || {
        let ended = driver.ended();
        assert!(ended.is_none(), "WebKitWebDriver ended: {ended:?}");
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
    });
    Ok((driver, port))
}

/// The programs that run on a desktop, by process id: Hither's and the web engine's.
#[must_use]
pub fn running_on(desktop: &Desktop) -> Vec<(u32, String)> {
    let home = format!("HOME={}", desktop.home().display());
    let ours = |process: &PathBuf| {
        let environ = fs::read(process.join("environ")).ok()?;
        let mut entries = environ.split(|byte| *byte == 0);
        entries.find(|entry| *entry == home.as_bytes())?;
        let name = fs::read_to_string(process.join("comm")).ok()?;
        let id = process.file_name()?.to_str()?.parse().ok()?;
        let name = name.trim().to_owned();
        (name.starts_with("hither") || name.starts_with("WebKitW") || name.starts_with("WebKitN"))
            .then_some((id, name))
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .map(|process| process.path())
        .filter_map(|process| ours(&process))
        .filter(|(_, name)| name != "WebKitWebDriver")
        .collect()
}
