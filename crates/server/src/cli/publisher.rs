//! Managing publishers.

use std::path::Path;
use std::str::FromStr;

use anyhow::bail;
use clap::{Args, Subcommand, ValueEnum};
use hither_protocol::{AccountName, PublisherId};
use serde_json::json;

use super::answer::Answer;
use super::{disabled, enabled_word, execute, expect_done};
use crate::admin::{AdminReply, AdminRequest, PublisherSummary};
use crate::secret;
use crate::store::{Audience, Change, Permissions};

#[derive(Debug, Subcommand)]
pub(super) enum PublisherCommand {
    /// Make a publisher; prints its id and, once, its secret
    Add {
        /// As shown to people
        #[arg(value_parser = publisher_name)]
        name: String,
        /// What its id begins with: 2 to 16 letters a-z
        #[arg(long, value_name = "PREFIX", default_value = "app", value_parser = publisher_kind)]
        kind: String,
        /// How its people can be reached
        #[arg(long, default_value = "")]
        contact: String,
        /// Only whom it may reach: accounts=NAME,… or topics=NAME,…; without it, every account
        #[arg(long, value_name = "AUDIENCE")]
        audience: Vec<Reach>,
        /// What it may not do
        #[arg(long, value_name = "RIGHT")]
        without: Vec<Right>,
    },
    /// List the publishers
    List,
    /// Let a publisher that registered itself publish
    Approve {
        /// Which
        id: PublisherId,
    },
    /// Let a publisher reach more, or do more
    Grant {
        /// Which
        id: PublisherId,
        #[command(flatten)]
        what: What,
    },
    /// Let a publisher reach less, or do less; withdraw 'all' to narrow it to its audience
    Withdraw {
        /// Which
        id: PublisherId,
        #[command(flatten)]
        what: What,
    },
    /// Make a new secret, printed once; the one before it stays valid until the next rotation
    RotateSecret {
        /// Whose
        id: PublisherId,
    },
    /// Forbid publishing
    Disable {
        /// Whose
        id: PublisherId,
    },
    /// Allow publishing again
    Enable {
        /// Whose
        id: PublisherId,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(super) struct What {
    /// Whom it reaches: all, accounts=NAME,… or topics=NAME,…
    #[arg(long, value_name = "AUDIENCE")]
    audience: Vec<Reach>,
    /// What it may do
    #[arg(long, value_name = "RIGHT")]
    right: Vec<Right>,
}

/// Part of an audience.
#[derive(Clone, Debug)]
pub(super) enum Reach {
    All,
    Accounts(Vec<AccountName>),
    Topics(Vec<String>),
}

/// What can be taken from a publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Right {
    /// Send to everyone at once and to applications
    Everyone,
    /// Send urgent messages
    Urgent,
    /// Send H5 pages
    Html,
}

impl FromStr for Reach {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words = |list: &str| -> Vec<String> {
            let words = list.split(',').map(str::trim);
            words
                .filter(|it| !it.is_empty())
                .map(str::to_owned)
                .collect()
        };
        match text.split_once('=') {
            None if text == "all" => Ok(Self::All),
            Some(("accounts", names)) => words(names)
                .into_iter()
                .map(|name| AccountName::try_from(name).map_err(|error| error.to_string()))
                .collect::<Result<_, _>>()
                .map(Self::Accounts),
            Some(("topics", names)) => Ok(Self::Topics(words(names))),
            _ => Err("give all, accounts=NAME,… or topics=NAME,…".to_owned()),
        }
    }
}

pub(super) async fn run(data: &Path, command: PublisherCommand) -> anyhow::Result<Answer> {
    match command {
        PublisherCommand::Add {
            name,
            kind,
            contact,
            audience,
            without,
        } => {
            let request = |id, secret| {
                let reach = change(&audience, &[]);
                AdminRequest::AddPublisher {
                    id,
                    name,
                    contact,
                    secret,
                    rights: rights(!audience.is_empty() && !reach.every_account, &without),
                    audience: reach.audience,
                }
            };
            add(data, &kind, request).await
        }
        PublisherCommand::List => match execute(data, AdminRequest::Publishers).await? {
            AdminReply::Publishers(publishers) => Answer::table(&publishers, line),
            other => bail!("unexpected answer: {other:?}"),
        },
        PublisherCommand::Approve { id } => {
            expect_done(data, AdminRequest::ApprovePublisher { id: id.clone() }).await?;
            Ok(Answer::new(
                format!("publisher {id} approved; grant it an audience if it has none"),
                json!({ "id": id, "approved": true }),
            ))
        }
        PublisherCommand::Grant { id, what } => {
            let more = change(&what.audience, &what.right);
            let request = AdminRequest::WidenPublisher {
                id: id.clone(),
                more,
            };
            changed(data, id, request).await
        }
        PublisherCommand::Withdraw { id, what } => {
            let less = change(&what.audience, &what.right);
            let request = AdminRequest::NarrowPublisher {
                id: id.clone(),
                less,
            };
            changed(data, id, request).await
        }
        PublisherCommand::RotateSecret { id } => {
            let secret = secret::publisher_secret();
            let request = AdminRequest::RotateSecret {
                id: id.clone(),
                secret: secret::hash(&secret),
            };
            expect_done(data, request).await?;
            Ok(Answer::credentials(&id, &secret))
        }
        PublisherCommand::Disable { id } => set_disabled(data, id, true).await,
        PublisherCommand::Enable { id } => set_disabled(data, id, false).await,
    }
}

async fn add(
    data: &Path,
    kind: &str,
    request: impl FnOnce(PublisherId, crate::store::SecretHash) -> AdminRequest,
) -> anyhow::Result<Answer> {
    let (id, secret) = (secret::publisher_id(kind)?, secret::publisher_secret());
    expect_done(data, request(id.clone(), secret::hash(&secret))).await?;
    Ok(Answer::credentials(&id, &secret))
}

/// Says what the publisher may do afterwards.
async fn changed(data: &Path, id: PublisherId, request: AdminRequest) -> anyhow::Result<Answer> {
    expect_done(data, request).await?;
    let AdminReply::Publishers(publishers) = execute(data, AdminRequest::Publishers).await? else {
        bail!("the server did not list its publishers");
    };
    let Some(publisher) = publishers.into_iter().find(|one| one.id == id) else {
        bail!("publisher {id} is gone");
    };
    Ok(Answer::new(
        line(&publisher),
        serde_json::to_value(&publisher)?,
    ))
}

async fn set_disabled(data: &Path, id: PublisherId, disabled: bool) -> anyhow::Result<Answer> {
    let request = AdminRequest::SetPublisherDisabled {
        id: id.clone(),
        disabled,
    };
    expect_done(data, request).await?;
    Ok(Answer::new(
        format!("publisher {id} {}", enabled_word(disabled)),
        json!({ "id": id, "disabled": disabled }),
    ))
}

fn change(reaches: &[Reach], rights: &[Right]) -> Change {
    let mut change = Change {
        everyone: rights.contains(&Right::Everyone),
        urgent: rights.contains(&Right::Urgent),
        html: rights.contains(&Right::Html),
        ..Change::default()
    };
    for reach in reaches.iter().cloned() {
        match reach {
            Reach::All => change.every_account = true,
            Reach::Accounts(names) => change.audience.accounts.extend(names),
            Reach::Topics(names) => change.audience.topics.extend(names),
        }
    }
    change
}

fn rights(narrowed: bool, without: &[Right]) -> Permissions {
    Permissions {
        narrowed,
        everyone: !narrowed && !without.contains(&Right::Everyone),
        urgent: !without.contains(&Right::Urgent),
        html: !without.contains(&Right::Html),
    }
}

fn line(publisher: &PublisherSummary) -> String {
    let waits = if publisher.approved_at.is_none() {
        "  waits for approval"
    } else {
        ""
    };
    format!(
        "{}  {}  {}{waits}{}",
        publisher.id,
        publisher.name,
        reach(publisher.rights, &publisher.audience),
        disabled(publisher.disabled_at)
    )
}

fn reach(rights: Permissions, audience: &Audience) -> String {
    let accounts = audience.accounts.iter().map(AccountName::as_str);
    let topics = audience.topics.iter().map(String::as_str);
    let mut said = match rights.narrowed {
        false => vec!["reaches every account".to_owned()],
        true if accounts.len() + topics.len() == 0 => vec!["reaches nobody".to_owned()],
        true => {
            let named = |what: &str, names: Vec<&str>| format!("{what} {}", names.join(","));
            let parts = [
                named("reaches accounts", accounts.collect()),
                named("reaches topics", topics.collect()),
            ];
            parts.into_iter().filter(|it| !it.ends_with(' ')).collect()
        }
    };
    let rights = [
        (rights.everyone || rights.narrowed, "not everyone at once"),
        (rights.urgent, "not urgent"),
        (rights.html, "no html"),
    ];
    said.extend(rights.iter().filter(|it| !it.0).map(|it| it.1.to_owned()));
    said.join(", ")
}

/// The kind of a new publisher's id, refused before anything else happens.
fn publisher_kind(text: &str) -> Result<String, String> {
    secret::publisher_id(text)
        .map(|_| text.to_owned())
        .map_err(|error| error.to_string())
}

fn publisher_name(text: &str) -> Result<String, String> {
    if crate::text::is_one_line(text, 100) {
        Ok(text.to_owned())
    } else {
        Err("a name is one line of 1 to 100 characters".to_owned())
    }
}
