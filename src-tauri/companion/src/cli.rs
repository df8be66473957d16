//! The command line: what to run, and what to say to the companion that runs.

use core::time::Duration;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};
use hither_engine::view::{
    Answer, Command, ConnectionView, Diagnostics, Notice, Password, Query, View,
};
use hither_ipc::Client;
use hither_protocol::{MessageId, Timestamp};
use jiff::SignedDuration;
use serde::Serialize;

use crate::diagnostics;

/// Hither's resident process: connection, notifications, tray.
#[derive(Debug, Parser)]
#[command(
    name = "hither-companion",
    version,
    args_conflicts_with_subcommands = false
)]
pub(crate) struct Cli {
    /// Where history and token are, instead of the usual place.
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) start: Start,

    #[command(subcommand)]
    pub(crate) wish: Option<Wish>,
}

/// How to run.
#[derive(Debug, Args)]
pub(crate) struct Start {
    /// Without a desktop: JSON lines in and out.
    #[arg(long)]
    pub(crate) headless: bool,

    /// Started at login: open no window.
    #[arg(long)]
    pub(crate) background: bool,

    /// PEM file of authorities whose certificates are believed, besides the system's; without it,
    /// `ca.pem` in the data folder, where that exists.
    #[arg(long, value_name = "FILE", env = "HITHER_CA_FILE")]
    pub(crate) ca_file: Option<PathBuf>,

    /// The longest wait between two tries to connect, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 120_000, hide = true)]
    pub(crate) retry_within_ms: u64,
}

/// What to say to the running companion.
#[derive(Debug, Subcommand)]
pub(crate) enum Wish {
    /// Say how it is doing.
    Status {
        /// As one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Open the window.
    Show,
    /// Open a message.
    Open {
        /// The message's id.
        id: MessageId,
    },
    /// Lock the companion; only the app lock's passphrase opens it again.
    Lock,
    /// Open the app lock.
    Unlock {
        /// Read the passphrase from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// No pop-ups for a while: 30m, 1h, 2h30m; until `resume` when no time is given.
    Pause {
        /// How long.
        time: Option<SignedDuration>,
    },
    /// Pop-ups again.
    Resume,
    /// Sign in.
    Signin {
        /// The server's address, such as push.example.org.
        #[arg(long)]
        server: String,
        /// The account's name.
        #[arg(long)]
        account: String,
        /// Read the password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Sign out; the history here goes.
    Signout,
    /// End the companion.
    Quit,
}

/// A sign-in takes no longer: connecting, and the server's slow hash.
const SIGN_IN_WITHIN: Duration = Duration::from_mins(1);

/// Carries a wish to the companion that listens at `socket`.
pub(crate) async fn carry_out(wish: Wish, socket: &Path) -> anyhow::Result<()> {
    let companion = Client::connect(socket, crate::BUILD).await?;
    let command = match wish {
        Wish::Status { json } => return status(&companion, json).await,
        Wish::Signin {
            server,
            account,
            password_stdin,
        } => {
            let password = read_password(password_stdin)?;
            return sign_in(&companion, server, account, password).await;
        }
        Wish::Show => Command::Open { id: None },
        Wish::Open { id } => Command::Open { id: Some(id) },
        Wish::Lock => return lock(&companion).await,
        Wish::Unlock { password_stdin } => {
            return unlock(&companion, read_password(password_stdin)?).await;
        }
        Wish::Pause { time } => Command::Pause {
            until: time.map(pause_end).transpose()?,
        },
        Wish::Resume => Command::Resume,
        Wish::Signout => Command::SignOut,
        Wish::Quit => {
            quit(&companion).await;
            return Ok(());
        }
    };
    Ok(companion.command(command).await?)
}

fn pause_end(time: SignedDuration) -> anyhow::Result<Timestamp> {
    if !time.is_positive() {
        bail!("a pause takes some time: 30m, for instance");
    }
    Timestamp::now()
        .checked_add(time)
        .context("that pause ends after the end of time; use `pause` without a time")
}

fn read_password(stdin: bool) -> anyhow::Result<Password> {
    if !stdin {
        bail!(
            "give the password on standard input with --password-stdin, or sign in in the window: hither"
        );
    }
    let mut password = String::new();
    std::io::stdin()
        .take(4096)
        .read_to_string(&mut password)
        .context("the password cannot be read")?;
    let password = password.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        bail!("no password came on standard input");
    }
    Ok(Password(password.to_owned()))
}

async fn sign_in(
    companion: &Client,
    server: String,
    account: String,
    password: Password,
) -> anyhow::Result<()> {
    let mut views = companion.views();
    let command = Command::SignIn {
        server,
        account,
        password,
    };
    // What was there before is out of the view then.
    companion.command(command).await?;
    let ended = views.wait_for(|view| !view.signing_in);
    let view = tokio::time::timeout(SIGN_IN_WITHIN, ended)
        .await
        .context("the sign-in takes too long; `status` says how it went on")?
        .context("Hither has ended")?;
    match (sign_in_failure(&view), &view.account) {
        (Some(failure), _) => bail!(failure),
        (None, None) => bail!("the sign-in did not work"),
        (None, Some(account)) => say(&format!(
            "Signed in as {} on {}.",
            account.name, account.server
        )),
    }
}

fn sign_in_failure(view: &View) -> Option<String> {
    let notice = view.notice.as_ref()?;
    matches!(
        notice,
        Notice::WrongCredentials | Notice::Unreachable { .. } | Notice::TooManyTries
    )
    .then(|| notice_text(notice))
}

/// An answer takes no longer: the passphrase's slow hash, on a slow computer.
const CHECKED_WITHIN: Duration = Duration::from_secs(20);

async fn lock(companion: &Client) -> anyhow::Result<()> {
    if companion.views().borrow().app_lock.is_none() {
        bail!("no app lock is set; set one in the window: hither");
    }
    Ok(companion.command(Command::Lock).await?)
}

async fn unlock(companion: &Client, passphrase: Password) -> anyhow::Result<()> {
    let mut views = companion.views();
    if let Some(refusal) = refusal(&views.borrow()) {
        bail!(refusal);
    }
    // What was there before is out of the view then.
    companion.command(Command::Unlock { passphrase }).await?;
    let looked_at = |view: &View| {
        let lock = view.app_lock.as_ref();
        lock.is_none_or(|lock| !lock.locked || (lock.wrong && !lock.checking))
    };
    let answered = views.wait_for(looked_at);
    let view = tokio::time::timeout(CHECKED_WITHIN, answered)
        .await
        .context("the passphrase is still being checked; `status` says how it went on")?
        .context("Hither has ended")?;
    match &view.app_lock {
        Some(lock) if lock.locked => bail!("that is not the passphrase"),
        _ => say("Unlocked."),
    }
}

/// Why no passphrase is looked at.
fn refusal(view: &View) -> Option<String> {
    let Some(lock) = view.app_lock.as_ref().filter(|lock| lock.locked) else {
        return Some("the companion is not locked".to_owned());
    };
    let until = lock.closed_until?;
    Some(format!(
        "too many wrong passphrases; try again after {until}"
    ))
}

async fn quit(companion: &Client) {
    let mut views = companion.views();
    // The connection ends with the companion, perhaps before its answer.
    let _ = companion.command(Command::Quit).await;
    while views.changed().await.is_ok() {}
}

/// The view, and with it what this computer can notice.
#[derive(Serialize)]
struct Status<'a> {
    #[serde(flatten)]
    view: &'a View,
    diagnostics: Option<Diagnostics>,
}

async fn status(companion: &Client, json: bool) -> anyhow::Result<()> {
    let view = companion.views().borrow().clone();
    let diagnostics = match companion.ask(Query::Diagnostics).await? {
        Answer::Diagnostics { diagnostics } => Some(diagnostics),
        _ => None,
    };
    if json {
        let view = &view;
        return say(&serde_json::to_string(&Status { view, diagnostics })?);
    }
    let mut lines = vec![connection_text(&view)];
    lines.push(match view.glance.unread {
        0 => "Nothing unread.".to_owned(),
        n => format!("{n} unread."),
    });
    lines.extend(view.paused_until.map(|_| "Alerts are paused.".to_owned()));
    let locked = view.app_lock.as_ref().is_some_and(|lock| lock.locked);
    lines.extend(locked.then(|| "Locked: open it with its passphrase.".to_owned()));
    lines.extend(view.notice.as_ref().map(notice_text));
    lines.extend(diagnostics.iter().map(diagnostics::text));
    say(&lines.join("\n"))
}

fn connection_text(view: &View) -> String {
    let account = view.account.as_ref();
    let who = account.map_or_else(String::new, |it| {
        format!(" as {} on {}", it.name, it.server)
    });
    match &view.connection {
        ConnectionView::SignedOut => "Not signed in.".to_owned(),
        ConnectionView::Connecting => format!("Connecting{who}."),
        ConnectionView::Online => format!("Online{who}."),
        ConnectionView::Offline { why, .. } => format!("Offline{who}: {why}"),
    }
}

fn notice_text(notice: &Notice) -> String {
    match notice {
        Notice::WrongCredentials => {
            "Name or password is not right. Try again, or ask whoever runs this server.".to_owned()
        }
        Notice::Unreachable { detail } => detail.clone(),
        Notice::TooManyTries => "Too many tries. Wait a while, then try again.".to_owned(),
        Notice::SignInAgain => "The server ended this session: sign in again.".to_owned(),
        Notice::Revoked => "This device was revoked and its history wiped.".to_owned(),
        Notice::ConnectedElsewhere => {
            "This device signed in elsewhere; this one stopped.".to_owned()
        }
        Notice::DiskFull => {
            "The disk is full: messages wait on the server. Free some space.".to_owned()
        }
        Notice::HistoryBroken { detail } => format!("The history cannot be written: {detail}"),
        Notice::NoNotifications { detail } => format!("No pop-ups here: {detail}"),
        Notice::UnfitPassphrase => "A passphrase has 4 characters or more.".to_owned(),
        Notice::Gap { since } => {
            format!("The server removed messages before {since} that this computer never got.")
        }
    }
}

fn say(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}").context("standard output cannot be written")
}
