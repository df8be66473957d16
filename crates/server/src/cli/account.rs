use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, bail};
use clap::Subcommand;
use hither_protocol::AccountName;
use serde_json::json;

use super::answer::Answer;
use super::{disabled, enabled_word, execute, expect_done};
use crate::admin::{AdminReply, AdminRequest, Refusal};
use crate::http::check_password;
use crate::secret::{self, Passwords};

#[derive(Debug, Subcommand)]
pub(super) enum AccountCommand {
    /// Make an account; without --password-stdin a password is made up and printed once
    Add {
        /// a-z, 0-9, '.', '_', '-'
        name: AccountName,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
        /// May use the admin page
        #[arg(long)]
        admin: bool,
    },
    /// List the accounts
    List,
    /// Forbid sign-in and end all sessions
    Disable {
        /// Whose
        name: AccountName,
    },
    /// Allow sign-in again
    Enable {
        /// Whose
        name: AccountName,
    },
    /// Remove an account with everything that is only its own
    Remove {
        /// Which
        name: AccountName,
    },
    /// Set a new password and end all sessions
    ResetPassword {
        /// Whose
        name: AccountName,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
}

pub(super) async fn run(data: &Path, command: AccountCommand) -> anyhow::Result<Answer> {
    match command {
        AccountCommand::Add {
            name,
            password_stdin,
            admin,
        } => add(data, name, password_stdin, admin).await,
        AccountCommand::List => match execute(data, AdminRequest::Accounts).await? {
            AdminReply::Accounts(accounts) => Answer::table(&accounts, |account| {
                let admin = if account.admin { "  administrator" } else { "" };
                let disabled = disabled(account.disabled_at);
                format!("{}{admin}{disabled}", account.name)
            }),
            other => bail!("unexpected answer: {other:?}"),
        },
        AccountCommand::Disable { name } => set_account_disabled(data, name, true).await,
        AccountCommand::Enable { name } => set_account_disabled(data, name, false).await,
        AccountCommand::Remove { name } => {
            expect_done(data, AdminRequest::RemoveAccount { name: name.clone() }).await?;
            Ok(Answer::new(
                format!("account {name} removed"),
                json!({ "name": name, "removed": true }),
            ))
        }
        AccountCommand::ResetPassword {
            name,
            password_stdin,
        } => reset_password(data, name, password_stdin).await,
    }
}

async fn add(
    data: &Path,
    name: AccountName,
    password_stdin: bool,
    admin: bool,
) -> anyhow::Result<Answer> {
    let password = NewPassword::get(password_stdin)?;
    let request = AdminRequest::AddAccount {
        name: name.clone(),
        password_hash: password.hash().await,
        admin,
    };
    expect_done(data, request).await?;
    let mut answer = Answer::new(
        format!("account {name} added"),
        json!({ "name": name, "admin": admin }),
    );
    password.reveal(&mut answer);
    Ok(answer)
}

async fn reset_password(
    data: &Path,
    name: AccountName,
    password_stdin: bool,
) -> anyhow::Result<Answer> {
    let password = NewPassword::get(password_stdin)?;
    let request = AdminRequest::SetPassword {
        name: name.clone(),
        password_hash: password.hash().await,
    };
    expect_done(data, request).await?;
    let mut answer = Answer::new(
        format!("password of {name} set; all its sessions ended"),
        json!({ "name": name }),
    );
    password.reveal(&mut answer);
    Ok(answer)
}

async fn set_account_disabled(
    data: &Path,
    name: AccountName,
    disabled: bool,
) -> anyhow::Result<Answer> {
    let request = AdminRequest::SetAccountDisabled {
        name: name.clone(),
        disabled,
    };
    expect_done(data, request).await?;
    Ok(Answer::new(
        format!("account {name} {}", enabled_word(disabled)),
        json!({ "name": name, "disabled": disabled }),
    ))
}

/// A password that was given, or made up and so to be shown once.
enum NewPassword {
    Given(String),
    MadeUp(String),
}

impl NewPassword {
    fn get(from_stdin: bool) -> anyhow::Result<Self> {
        if !from_stdin {
            return Ok(Self::MadeUp(secret::password()));
        }
        let mut text = String::new();
        io::stdin()
            .take(4096)
            .read_to_string(&mut text)
            .context("cannot read the password from standard input")?;
        let password = text.strip_suffix('\n').unwrap_or(&text);
        let password = password.strip_suffix('\r').unwrap_or(password);
        if password.is_empty() {
            bail!("the password on standard input is empty");
        }
        if password.contains('\n') {
            bail!("the password on standard input has more than one line");
        }
        check_password(password).map_err(Refusal::from)?;
        Ok(Self::Given(password.to_owned()))
    }

    async fn hash(&self) -> String {
        let (Self::Given(password) | Self::MadeUp(password)) = self;
        Passwords::default().hash(password.clone()).await
    }

    /// Tells a password that was made up; nobody knows it yet.
    fn reveal(self, answer: &mut Answer) {
        if let Self::MadeUp(password) = self {
            answer.add_password(&password);
        }
    }
}
