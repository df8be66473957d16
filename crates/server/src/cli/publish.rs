//! Publishing from a shell or a crontab on the server's own computer.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{ArgGroup, Args};
use hither_protocol::{Format, Priority, PublishRequest, PublisherId, Recipients, Timestamp};
use jiff::Zoned;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, DuplexStream, copy, duplex};

use super::answer::Answer;
use super::{Held, lock_or_ask, with_store};
use crate::admin::{self, AdminReply, AdminRequest, FileAhead, Publish, Repeat};
use crate::config::Config;
use crate::http::{moment, priority_named};
use crate::secret;
use crate::serve::App;
use crate::text::{MAX_BODY, MAX_HTML};

const ID: &str = "HITHER_PUBLISHER_ID";
const SECRET: &str = "HITHER_PUBLISHER_SECRET";
/// More than any message may have: the server says how much that is.
const MAX_INPUT: u64 = 2 * 1024 * 1024;
/// Bytes of files in memory.
const READ_AT_ONCE: usize = 64 * 1024;

const BY_WHOM: &str = "The publisher's id and secret come from the variables HITHER_PUBLISHER_ID and \
    HITHER_PUBLISHER_SECRET; `hither-server publisher add` prints them. The message goes through the \
    same checks as over HTTP. A running server is asked through admin.sock in its data folder, as its own \
    user or root; where none runs, the message is stored and waits for it.

With --idempotency-key a script may repeat the command when it does not know what became of it: the same \
    arguments, texts and files are published once, and each repeat gets the first answer. Something else \
    with that key is refused. Keys are the publisher's own and are remembered for 24 hours.

Example, in a crontab:
  0 3 * * *  backup.sh || hither-server publish --to ada --priority high --title 'Backup failed'";

#[derive(Debug, Args)]
#[command(after_help = BY_WHOM)]
#[command(group = ArgGroup::new("receivers").required(true).multiple(true))]
#[command(group = ArgGroup::new("text").required(true).multiple(true))]
pub(super) struct PublishCommand {
    /// Accounts it is for
    #[arg(long, value_name = "NAME", num_args = 1.., group = "receivers")]
    to: Vec<String>,
    /// Topics it is for
    #[arg(long, value_name = "NAME", num_args = 1.., group = "receivers")]
    topic: Vec<String>,
    /// It is for every account
    #[arg(long, group = "receivers")]
    everyone: bool,
    /// One line
    #[arg(long, value_name = "TEXT", group = "text")]
    title: Option<String>,
    /// The text; - reads it from standard input
    #[arg(long, value_name = "TEXT", group = "text")]
    body: Option<String>,
    /// The text is Markdown
    #[arg(long, requires = "body")]
    markdown: bool,
    /// A page: HTML with its styles and pictures inside
    #[arg(long, value_name = "FILE", group = "text")]
    html: Option<PathBuf>,
    /// 1 to 5, or min, low, default, high, urgent
    #[arg(long, value_name = "PRIORITY", value_parser = priority)]
    priority: Option<Priority>,
    /// A free word; may be given several times
    #[arg(long, value_name = "WORD")]
    tag: Vec<String>,
    /// Where a click leads
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Replaces the publisher's earlier message with this key
    #[arg(long)]
    key: Option<String>,
    /// A file beside the message; may be given several times
    #[arg(long, value_name = "FILE")]
    attach: Vec<PathBuf>,
    /// When it comes: 30m, 'tomorrow, 10am', a Unix time, or 2026-03-04T10:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<At>,
    /// Repeating the same command with the same key, within 24 hours, publishes nothing more
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Seconds after which it is withdrawn
    #[arg(long, value_name = "SECONDS")]
    ttl: Option<u64>,
}

pub(super) async fn run(config: &Config, command: PublishCommand) -> anyhow::Result<Answer> {
    let id: PublisherId = variable(ID)?
        .parse()
        .with_context(|| format!("{ID} is no publisher's id"))?;
    let secret = secret::hash(&variable(SECRET)?);
    let to = command.receivers();
    let files = command.attach.iter().map(|file| open(file));
    let (ahead, files) = files.collect::<anyhow::Result<(Vec<_>, Vec<_>)>>()?;
    let sizes = ahead.iter().map(|file: &FileAhead| file.size);
    let mut content = content(sizes.zip(files).collect());
    let (key, at) = (command.idempotency_key.clone(), command.at.clone());
    let message = command.message(to)?;
    let repeat = key.map(|key| repeat(key, &message, at.as_ref()));
    let request = AdminRequest::Publish(Box::new(Publish {
        id,
        secret,
        files: ahead,
        repeat: repeat.transpose()?,
        message: PublishRequest {
            deliver_at: at.map(|at| at.time),
            ..message
        },
    }));
    let reply = match lock_or_ask(&config.data.value, &request, &mut content).await? {
        Held::Here(folder) => {
            let settings = config.settings()?;
            let publish = async |store| {
                let app = Arc::new(App::new(settings, store));
                admin::carry_out(&app, request, &mut content).await
            };
            with_store(folder, publish).await?
        }
        Held::Elsewhere(reply) => reply,
    };
    match reply {
        AdminReply::Published {
            published,
            deliver_at,
        } => {
            let count = published.receivers;
            let receivers = if count == 1 { "receiver" } else { "receivers" };
            let comes = deliver_at.map_or_else(String::new, |at| format!(", comes at {at}"));
            let text = format!("message {}: {count} {receivers}{comes}", published.id);
            let mut said = serde_json::to_value(published)?;
            if let (Some(at), Value::Object(said)) = (deliver_at, &mut said) {
                said.insert("deliver_at".to_owned(), json!(at));
            }
            Ok(Answer::new(text, said))
        }
        AdminReply::Refused(why) => Err(why.into()),
        other => bail!("unexpected answer: {other:?}"),
    }
}

/// A time, and in which words it was said.
#[derive(Clone, Debug)]
struct At {
    said: String,
    time: Timestamp,
}

impl PublishCommand {
    fn receivers(&self) -> Recipients {
        Recipients {
            accounts: self.to.clone(),
            topics: self.topic.clone(),
            everyone: self.everyone,
            ..Recipients::default()
        }
    }

    /// All but its time.
    fn message(self, to: Recipients) -> anyhow::Result<PublishRequest> {
        let body = match self.body {
            Some(dash) if dash == "-" => from_stdin()?,
            body => body.unwrap_or_default(),
        };
        let html = self.html.map(|file| page(&file)).transpose()?;
        Ok(PublishRequest {
            to,
            title: self.title.unwrap_or_default(),
            body,
            format: if self.markdown {
                Format::Markdown
            } else {
                Format::Plain
            },
            html,
            url: self.url,
            priority: self.priority.unwrap_or_default(),
            tags: self.tag,
            key: self.key,
            ttl_s: self.ttl,
            ..PublishRequest::default()
        })
    }
}

/// Without the line's end that commands print.
fn from_stdin() -> anyhow::Result<String> {
    let text = text(io::stdin(), "the text from standard input", MAX_BODY)?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

fn page(path: &Path) -> anyhow::Result<String> {
    let name = path.display().to_string();
    let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
    text(file, &name, MAX_HTML)
}

/// All of it, unless it is far longer than the `most` bytes that the server takes.
fn text(from: impl Read, name: &str, most: usize) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    from.take(MAX_INPUT + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {name}"))?;
    if bytes.len() as u64 > MAX_INPUT {
        bail!(
            "{name} has more than {MAX_INPUT} bytes, and {most} is the most: shorten it, or bring \
             it as a file with --attach"
        );
    }
    String::from_utf8(bytes).with_context(|| format!("{name} is not UTF-8"))
}

fn variable(name: &str) -> anyhow::Result<String> {
    let value = env::var(name).unwrap_or_default();
    if value.is_empty() {
        bail!(
            "set {ID} and {SECRET}, as `hither-server publisher add` printed them; {name} is missing"
        );
    }
    Ok(value)
}

/// `30m` said twice is the same request, though not the same time.
fn repeat(key: String, message: &PublishRequest, at: Option<&At>) -> anyhow::Result<Repeat> {
    let asked = serde_json::to_vec(&(message, at.map(|at| &at.said)))?;
    Ok(Repeat {
        key,
        asked: Sha256::digest(asked).into(),
    })
}

/// The server may not see what this command sees.
fn open(path: &Path) -> anyhow::Result<(FileAhead, File)> {
    let cannot = || format!("cannot read {}", path.display());
    // Opening a pipe would wait for whoever writes into it.
    let about = fs::metadata(path).with_context(cannot)?;
    if !about.is_file() {
        bail!("{}: it is no file", cannot());
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let ahead = FileAhead {
        name: name.into_owned(),
        size: about.len(),
    };
    Ok((ahead, File::open(path).with_context(cannot)?))
}

/// The bytes of all files, as many of each as were announced; it ends early where one has fewer.
fn content(files: Vec<(u64, File)>) -> DuplexStream {
    let (mut into, content) = duplex(READ_AT_ONCE);
    tokio::spawn(async move {
        for (size, file) in files {
            let mut file = tokio::fs::File::from_std(file).take(size);
            match copy(&mut file, &mut into).await {
                Ok(sent) if sent == size => {}
                _ => return,
            }
        }
    });
    content
}

fn priority(text: &str) -> Result<Priority, String> {
    priority_named(text).ok_or_else(|| "give 1 to 5, or min, low, default, high, urgent".to_owned())
}

fn time(text: &str) -> Result<At, String> {
    let time = moment(text, &Zoned::now()).ok_or_else(|| {
        "give a duration (30m, 2 days), a time ('tomorrow, 10am', 'Tuesday, 7am', 8:30pm), a Unix time, or \
         2026-03-04T10:00:00Z"
            .to_owned()
    })?;
    Ok(At {
        said: text.to_owned(),
        time,
    })
}
