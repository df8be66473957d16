//! Whom a message is for.

use core::fmt::Display;

use hither_protocol::{ApplicationVersions, Recipients, TopicName};

use super::{App, Failure};
use crate::http::is_name;
use crate::http::ntfy::writable;
use crate::store::{Application, Grantee, Receivers};

pub(crate) const MAX_ACCOUNTS: usize = 1000;
pub(crate) const MAX_TOKENS: usize = 1000;
pub(crate) const MAX_TOPICS: usize = 20;

/// Names that cannot be an account's are as unknown as others.
pub(super) async fn receivers(
    app: &App,
    by: &Grantee,
    to: &Recipients,
) -> Result<Receivers, Failure> {
    at_most("to.accounts", to.accounts.len(), MAX_ACCOUNTS)?;
    at_most("to.tokens", to.tokens.len(), MAX_TOKENS)?;
    at_most("to.topics", to.topics.len(), MAX_TOPICS)?;
    let application = to.application.as_ref().map(application).transpose()?;
    let nobody = to.accounts.is_empty() && to.tokens.is_empty() && to.topics.is_empty();
    if nobody && !to.everyone && application.is_none() {
        return Err(Failure::invalid(
            "to must name somebody: accounts, topics, tokens, application, or everyone.",
        ));
    }
    Ok(Receivers {
        accounts: to
            .accounts
            .iter()
            .filter_map(|name| name.parse().ok())
            .collect(),
        topics: topics(app, by, &to.topics).await?,
        tokens: to.tokens.clone(),
        everyone: to.everyone,
        application,
    })
}

/// The topics, where this publisher may write to each. Free ones become its own only together with
/// the message.
async fn topics(app: &App, by: &Grantee, names: &[String]) -> Result<Vec<TopicName>, Failure> {
    let mut topics = Vec::new();
    for name in names {
        topics.push(writable(app, name, by).await?);
    }
    Ok(topics)
}

fn application(asked: &ApplicationVersions) -> Result<Application, Failure> {
    if !is_name(&asked.name) {
        return Err(Failure::invalid(
            "to.application.name must be 1 to 100 bytes on one line.",
        ));
    }
    let versions = asked
        .versions
        .parse()
        .map_err(|error| invalid("to.application.versions", &error))?;
    Ok(Application {
        name: asked.name.clone(),
        versions,
    })
}

fn invalid(field: &str, error: &impl Display) -> Failure {
    Failure::invalid(format!("{field}: {error}."))
}

fn at_most(field: &str, count: usize, most: usize) -> Result<(), Failure> {
    if count <= most {
        return Ok(());
    }
    Err(Failure::invalid(format!(
        "{field} may name at most {most}; this one names {count}."
    )))
}
