use std::fmt::Write as _;
use std::io::{self, Write as _};

use hither_protocol::PublisherId;
use serde_json::{Value, json};

use crate::admin::Refusal;
use crate::config::Config;

/// The code of what no server refused.
const FAILED: &str = "failed";

/// What is wrong, where the answer that was printed says it already.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Told(pub(super) String);

/// Says why a command failed: to people on standard error, and to programs as the answer, which has
/// the server's own code where it was the server that refused.
pub(super) fn failed(error: &anyhow::Error, json: bool) {
    let detail = words(error);
    // There is nobody else to tell.
    let _ = writeln!(io::stderr(), "hither-server: {detail}");
    if !json || error.is::<Told>() {
        return;
    }
    let refusal = error.downcast_ref::<Refusal>();
    let code = refusal.and_then(|refusal| refusal.code);
    let code = code.map_or(FAILED, |code| code.as_str());
    let answer = json!({ "error": { "code": code, "detail": detail } });
    let _ = Answer::new(String::new(), answer).print(true);
}

/// An error and its causes, each once: some say their cause themselves.
pub(super) fn words(error: &anyhow::Error) -> String {
    let causes = error.chain().skip(1).map(ToString::to_string);
    causes.fold(error.to_string(), |said, cause| {
        if said.contains(&cause) {
            said
        } else {
            format!("{said}: {cause}")
        }
    })
}

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

    /// Says to programs what is wrong with what the answer is about.
    pub(super) fn add_problem(&mut self, problem: &Told) {
        self.json["error"] = json!({ "code": FAILED, "detail": problem.0 });
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
