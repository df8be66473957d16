use std::fmt::Write as _;
use std::io::{self, Write as _};

use hither_protocol::PublisherId;
use serde_json::{Value, json};

use crate::config::Config;

/// What a command prints, for people and for programs.
pub(super) struct Answer {
    text: String,
    json: Value,
}

impl Answer {
    pub(super) fn new(text: String, json: Value) -> Self {
        Self { text, json }
    }

    pub(super) fn config(config: &Config) -> anyhow::Result<Self> {
        Ok(Self::new(config.to_string(), serde_json::to_value(config)?))
    }

    /// Tells a password that was made up; nobody knows it yet.
    pub(super) fn add_password(&mut self, password: &str) {
        let _ = write!(self.text, "\npassword: {password}");
        self.json["password"] = password.into();
    }

    pub(super) fn credentials(id: &PublisherId, secret: &str) -> Self {
        Self::new(
            format!("id:     {id}\nsecret: {secret}"),
            json!({ "id": id, "secret": secret }),
        )
    }

    pub(super) fn table<T: serde::Serialize>(
        rows: &[T],
        line: impl Fn(&T) -> String,
    ) -> anyhow::Result<Self> {
        let lines: Vec<_> = rows.iter().map(line).collect();
        Ok(Self::new(lines.join("\n"), serde_json::to_value(rows)?))
    }

    pub(super) fn print(self, json: bool) -> anyhow::Result<()> {
        let text = if json {
            self.json.to_string()
        } else {
            self.text
        };
        if text.is_empty() {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        writeln!(out, "{text}")?;
        Ok(out.flush()?)
    }
}
