use std::path::Path;

use anyhow::bail;
use clap::{Subcommand, ValueEnum};
use hither_protocol::TopicName;
use serde_json::json;

use super::answer::Answer;
use super::{execute, expect_done};
use crate::admin::{AdminReply, AdminRequest};
use crate::store::{Grantee, Right, TopicSummary};

#[derive(Debug, Subcommand)]
pub(super) enum TopicCommand {
    /// List the topics with their owners and grants
    List,
    /// Let an account or a publisher read or write a topic
    Grant {
        /// Its name
        topic: TopicName,
        /// Name of an account, or id of a publisher
        #[arg(value_name = "ACCOUNT")]
        to: String,
        /// What it may do
        may: May,
    },
    /// Take a grant back
    Revoke {
        /// Its name
        topic: TopicName,
        /// Name of an account, or id of a publisher
        #[arg(value_name = "ACCOUNT")]
        from: String,
        /// What it may not do any more
        may: May,
    },
    /// Let only those with a grant read a topic
    Private {
        /// Its name
        topic: TopicName,
    },
    /// Let every account read a topic
    Public {
        /// Its name
        topic: TopicName,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum May {
    /// Subscribe
    Read,
    /// Publish
    Write,
}

impl From<May> for Right {
    fn from(may: May) -> Self {
        match may {
            May::Read => Self::Read,
            May::Write => Self::Write,
        }
    }
}

pub(super) async fn run(data: &Path, command: TopicCommand) -> anyhow::Result<Answer> {
    match command {
        TopicCommand::List => match execute(data, AdminRequest::Topics).await? {
            AdminReply::Topics(topics) => Answer::table(&topics, line),
            other => bail!("unexpected answer: {other:?}"),
        },
        TopicCommand::Grant { topic, to, may } => {
            let may = Right::from(may);
            let text = format!("{to} may {} {topic}", word(may));
            let json = json!({ "topic": topic, "to": to, "may": may, "granted": true });
            expect_done(data, AdminRequest::GrantTopic { topic, to, may }).await?;
            Ok(Answer::new(text, json))
        }
        TopicCommand::Revoke { topic, from, may } => {
            let may = Right::from(may);
            let text = format!("{from} has no grant to {} {topic}", word(may));
            let json = json!({ "topic": topic, "to": from, "may": may, "granted": false });
            expect_done(data, AdminRequest::RevokeTopic { topic, from, may }).await?;
            Ok(Answer::new(text, json))
        }
        TopicCommand::Private { topic } => set_private(data, topic, true).await,
        TopicCommand::Public { topic } => set_private(data, topic, false).await,
    }
}

async fn set_private(data: &Path, topic: TopicName, private: bool) -> anyhow::Result<Answer> {
    let readers = if private {
        "only those with a grant"
    } else {
        "every account"
    };
    let text = format!("{topic} is read by {readers}");
    let json = json!({ "topic": topic, "private": private });
    expect_done(data, AdminRequest::SetTopicPrivate { topic, private }).await?;
    Ok(Answer::new(text, json))
}

fn line(topic: &TopicSummary) -> String {
    let owner = topic.owner.as_ref();
    let owner = owner.map_or_else(|| "free".to_owned(), |id| format!("of {id}"));
    let private = if topic.private { "  private" } else { "" };
    let grants = topic.grants.iter();
    let grants = grants.map(|grant| format!("{}:{}", name(&grant.to), word(grant.may)));
    let grants: Vec<_> = [String::new()].into_iter().chain(grants).collect();
    let grants = grants.join("  ");
    let subscribers = topic.subscribers;
    format!(
        "{}  {owner}  {subscribers} subscribed{private}{grants}",
        topic.name
    )
}

fn name(grantee: &Grantee) -> &str {
    match grantee {
        Grantee::Account(name) => name.as_str(),
        Grantee::Publisher(id) => id.as_str(),
    }
}

const fn word(right: Right) -> &'static str {
    match right {
        Right::Read => "read",
        Right::Write => "write",
    }
}
