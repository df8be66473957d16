//! The command line: reads it, does it, says what came of it.

mod account;
mod answer;
mod copies;
mod publish;
mod publisher;
mod serve;
mod systemd;
mod topic;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};
use hither_protocol::Timestamp;
use tokio::io::empty;

use self::account::AccountCommand;
use self::answer::{Answer, Told, words};
use self::publish::PublishCommand;
use self::publisher::PublisherCommand;
use self::topic::TopicCommand;
use crate::Origin;
use crate::admin::{self, AdminReply, AdminRequest, Content};
use crate::config::{self, Config, Layer};
use crate::log;
use crate::store::{self, DataFolder, FolderError, SqliteStore, Store, system_clock};

/// How long a command waits for another one that holds the data folder.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often it looks.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

const VARIABLES: &str = "Settings come from flags, then variables (HITHER_ and the setting's name in \
    capitals; HITHER_CONFIG names the file), then the configuration file, then defaults; \
    `hither-server config` lists them all. HITHER_LOG says what is logged (default: info).";

/// Hither's server: accepts messages, keeps them, and brings them to the screen people are at.
#[derive(Debug, Parser)]
#[command(
    name = "hither-server",
    version,
    arg_required_else_help = true,
    after_help = VARIABLES
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Common {
    /// TOML file with settings
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the data
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print one JSON object or array; of a command that fails, {"error": {"code", "detail"}}
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server until SIGTERM or Ctrl-C
    Serve {
        /// Where to listen for HTTP [default: 127.0.0.1:7480]
        #[arg(long, value_name = "ADDRESS:PORT")]
        listen: Option<SocketAddr>,
        /// Listen beyond this computer without TLS
        #[arg(long)]
        insecure_http: bool,
        /// Under which address people reach the server: scheme and host
        #[arg(long, value_name = "URL")]
        public_url: Option<Origin>,
        /// PEM file of the certificate and those between it and the authority
        #[arg(long, value_name = "FILE")]
        tls_cert: Option<PathBuf>,
        /// PEM file of the certificate's private key
        #[arg(long, value_name = "FILE")]
        tls_key: Option<PathBuf>,
    },
    /// Manage the accounts people sign in with
    #[command(subcommand)]
    Account(AccountCommand),
    /// Manage the publishers that send messages
    #[command(subcommand)]
    Publisher(PublisherCommand),
    /// Manage who may read and write the topics
    #[command(subcommand)]
    Topic(TopicCommand),
    /// Publish a message, as a publisher
    Publish(Box<PublishCommand>),
    /// Write everything into one new file, also while the server runs
    Backup {
        /// The new file; it holds secrets and is readable by the server's user only
        file: PathBuf,
    },
    /// Make a backup the store, while no server runs; every client then starts over
    Restore {
        /// What `backup` wrote
        file: PathBuf,
        /// Replace accounts, publishers and messages that are there
        #[arg(long)]
        force: bool,
    },
    /// Read everything and compare rows and files, also while the server runs
    Check,
    /// Print the settings and where each comes from
    Config,
}

/// Does what the command line says, and says what came of it.
pub async fn run(cli: Cli) -> ExitCode {
    let json = cli.common.json;
    match act(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            answer::failed(&error, json);
            ExitCode::FAILURE
        }
    }
}

async fn act(cli: Cli) -> anyhow::Result<()> {
    let Cli { command, common } = cli;
    let mut flags = Layer {
        data: common.data,
        ..Layer::default()
    };
    if let Command::Serve {
        listen,
        insecure_http,
        public_url,
        tls_cert,
        tls_key,
    } = &command
    {
        flags.public_url = public_url.clone().map(Some);
        flags.tls_cert = tls_cert.clone().map(Some);
        flags.tls_key = tls_key.clone().map(Some);
        flags.listen = *listen;
        flags.insecure_http = insecure_http.then_some(true);
    }
    let config = Config::gather(flags, common.config.as_deref())?;
    log::to_stderr(config.log_format.value);
    if matches!(command, Command::Serve { .. } | Command::Config) {
        warn_of_strays();
    }
    let answer = match command {
        Command::Serve { .. } => return serve::serve(&config, common.json).await,
        Command::Config => return settings(&config, common.json),
        Command::Backup { file } => copies::backup(&config.data.value, &file).await?,
        Command::Restore { file, force } => copies::restore(&config.data.value, &file, force)?,
        Command::Check => return copies::check(&config.data.value, common.json).await,
        Command::Account(command) => account::run(&config.data.value, command).await?,
        Command::Publisher(command) => publisher::run(&config.data.value, command).await?,
        Command::Publish(command) => publish::run(&config, *command).await?,
        Command::Topic(command) => topic::run(&config.data.value, command).await?,
    };
    answer.print(common.json)
}

/// Prints the settings, also such as no server would run with.
fn settings(config: &Config, json: bool) -> anyhow::Result<()> {
    let mut answer = Answer::config(config)?;
    let checked = config.listen().and_then(|_| config.settings());
    let problem = checked.err().map(|error| Told(words(&error.into())));
    if let Some(problem) = &problem {
        answer.add_problem(problem);
    }
    answer.print(json)?;
    problem.map_or(Ok(()), |problem| Err(problem.into()))
}

/// A warning and no refusal: what else is called so is not ours alone, as where a platform tells
/// its programs where a service of the name `hither` is.
fn warn_of_strays() {
    for variable in config::strays() {
        tracing::warn!(
            variable,
            "no setting has this variable; `hither-server config` lists them all"
        );
    }
}

fn disabled(since: Option<Timestamp>) -> String {
    since.map_or_else(String::new, |time| format!("  disabled since {time}"))
}

const fn enabled_word(disabled: bool) -> &'static str {
    if disabled { "disabled" } else { "enabled" }
}

async fn expect_done(data: &Path, request: AdminRequest) -> anyhow::Result<()> {
    match execute(data, request).await? {
        AdminReply::Done => Ok(()),
        other => bail!("unexpected answer: {other:?}"),
    }
}

/// Has it done by whoever may: this process while it holds the folder's lock, else the server
/// that holds it.
async fn execute(data: &Path, request: AdminRequest) -> anyhow::Result<AdminReply> {
    let reply = match lock_or_ask(data, &request, &mut empty()).await? {
        Held::Here(folder) => {
            with_store(folder, async |store| admin::execute(&*store, request).await).await?
        }
        Held::Elsewhere(reply) => reply,
    };
    match reply {
        AdminReply::Refused(why) => Err(why.into()),
        reply => Ok(reply),
    }
}

/// Why nothing is asked of a folder: most likely its name is misspelt.
fn no_store(data: &Path) -> String {
    let folder = data.display();
    format!("there is no store in {folder}; name its folder with --data")
}

/// Does something in the folder of a server that does not run. Root may do it, too.
async fn with_store<T>(
    folder: DataFolder,
    act: impl AsyncFnOnce(Arc<dyn Store>) -> T,
) -> anyhow::Result<T> {
    let path = folder.path().to_owned();
    let acted = match SqliteStore::open(folder, system_clock()) {
        Ok(store) => {
            let store: Arc<dyn Store> = Arc::new(store);
            let acted = act(Arc::clone(&store)).await;
            store.close().await;
            Ok(acted)
        }
        Err(error) => Err(error.into()),
    };
    leave(&path)?;
    acted
}

/// What root made belongs to the folder's owner.
fn leave(data: &Path) -> anyhow::Result<()> {
    store::give_back(data).with_context(|| {
        let folder = data.display();
        format!("not everything in {folder} could be given to its owner; run `chown -R` there")
    })
}

enum Held {
    Here(DataFolder),
    Elsewhere(AdminReply),
}

/// Another command, or a server that is starting, holds the lock for a moment without listening.
async fn lock_or_ask(
    data: &Path,
    request: &AdminRequest,
    content: Content<'_>,
) -> anyhow::Result<Held> {
    if !request.may_be_the_first() && !store::is_there(data) {
        bail!(no_store(data));
    }
    let begun = Instant::now();
    loop {
        let in_use = match DataFolder::lock(data) {
            Ok(folder) => return Ok(Held::Here(folder)),
            Err(in_use @ FolderError::InUse { .. }) => in_use,
            Err(other) => return Err(other.into()),
        };
        match admin::ask(data, request, content).await {
            Ok(reply) => return Ok(Held::Elsewhere(reply)),
            Err(error) if !nobody_listens(&error) => {
                return Err(error).context("the running server did not answer");
            }
            Err(_) if begun.elapsed() > PATIENCE => return Err(in_use.into()),
            Err(_) => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
}

fn nobody_listens(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, NotFound};
    matches!(error.kind(), NotFound | ConnectionRefused)
}
