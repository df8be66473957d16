//! What an administrator may ask, once: the command line asks the store itself while no server
//! runs, else the server through `admin.sock` in the data folder.
//!
//! One JSON line asks, one answers; the content of files follows the question. Passwords and secrets
//! travel as their hashes only.

mod refusal;
mod socket;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hither_protocol::{AccountName, PublishRequest, Published, PublisherId, Timestamp, TopicName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncRead;

pub use self::refusal::Refusal;
pub use self::socket::{AdminSocket, ask, is_open};
use crate::http;
use crate::serve::App;
use crate::store::{
    AccountRecord, Audience, BackupReport, Change, CheckReport, Grant, Grantee, Permissions,
    PublisherRecord, Right, SecretHash, Store, StoreError, TopicSummary,
};

/// How long either side waits for the other's line.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long everything may take to be read.
const LONG_PATIENCE: Duration = Duration::from_hours(24);

/// A wish of the administrator.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum AdminRequest {
    /// Makes an account.
    AddAccount {
        /// Its name.
        name: AccountName,
        /// PHC string.
        password_hash: String,
        /// May use the admin page.
        admin: bool,
    },
    /// Lists all accounts.
    Accounts,
    /// Sets a password; all sessions of the account end.
    SetPassword {
        /// Whose.
        name: AccountName,
        /// PHC string.
        password_hash: String,
    },
    /// Forbids or allows sign-in.
    SetAccountDisabled {
        /// Whose.
        name: AccountName,
        /// Whether it is forbidden.
        disabled: bool,
    },
    /// Removes an account with everything that is only its own.
    RemoveAccount {
        /// Which.
        name: AccountName,
    },
    /// Makes a publisher.
    AddPublisher {
        /// Its id.
        id: PublisherId,
        /// As shown to people.
        name: String,
        /// How its people can be reached.
        contact: String,
        /// SHA-256 of its secret.
        secret: SecretHash,
        /// What it may do.
        rights: Permissions,
        /// Whom it reaches, if it is narrowed.
        audience: Audience,
    },
    /// Lists all publishers.
    Publishers,
    /// Lets a publisher that registered itself publish.
    ApprovePublisher {
        /// Which.
        id: PublisherId,
    },
    /// Adds to what a publisher may.
    WidenPublisher {
        /// Which.
        id: PublisherId,
        /// What is added.
        more: Change,
    },
    /// Takes from what a publisher may.
    NarrowPublisher {
        /// Which.
        id: PublisherId,
        /// What is taken.
        less: Change,
    },
    /// Adds a secret; of three, the oldest goes.
    RotateSecret {
        /// Whose.
        id: PublisherId,
        /// SHA-256 of the new secret.
        secret: SecretHash,
    },
    /// Writes everything into one new file.
    Backup {
        /// Absolute; the server's user must be allowed to make it.
        file: PathBuf,
    },
    /// Reads everything and compares rows and files.
    Check,
    /// Forbids or allows publishing.
    SetPublisherDisabled {
        /// Whose.
        id: PublisherId,
        /// Whether it is forbidden.
        disabled: bool,
    },
    /// Publishes a message, as a publisher.
    Publish(Box<Publish>),
    /// Lists all topics.
    Topics,
    /// Lets somebody read or write a topic.
    GrantTopic {
        /// Which.
        topic: TopicName,
        /// A publisher's id or an account's name.
        to: String,
        /// What it may do.
        may: Right,
    },
    /// Takes a grant back.
    RevokeTopic {
        /// Which.
        topic: TopicName,
        /// A publisher's id or an account's name.
        from: String,
        /// What it may not do any more.
        may: Right,
    },
    /// Whether reading a topic needs a grant.
    SetTopicPrivate {
        /// Which.
        topic: TopicName,
        /// Whether it does.
        private: bool,
    },
}

/// A message that a command publishes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Publish {
    /// Whose.
    pub id: PublisherId,
    /// SHA-256 of its secret.
    pub secret: SecretHash,
    /// As over HTTP.
    pub message: PublishRequest,
    /// Beside it. Their bytes follow the question, in this order.
    pub files: Vec<FileAhead>,
    /// For one that may be repeated.
    #[serde(default)]
    pub repeat: Option<Repeat>,
}

/// By what a repeated publish is known.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Repeat {
    /// Its idempotency key.
    pub key: String,
    /// SHA-256 of what was asked for, but for the files: the same text may mean another time.
    pub asked: [u8; 32],
}

/// A file whose bytes come later.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FileAhead {
    /// As its receivers see it.
    pub name: String,
    /// Bytes.
    pub size: u64,
}

/// What follows a question.
pub type Content<'a> = &'a mut (dyn AsyncRead + Send + Unpin);

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdminReply {
    /// It is done.
    Done,
    /// All accounts, by name.
    Accounts(Vec<AccountSummary>),
    /// All publishers, by id.
    Publishers(Vec<PublisherSummary>),
    /// All topics, by name.
    Topics(Vec<TopicSummary>),
    /// The backup is on disk.
    BackedUp(BackupReport),
    /// What the check found.
    Checked(CheckReport),
    /// The message is on disk.
    Published {
        /// As over HTTP.
        #[serde(flatten)]
        published: Published,
        /// When it comes, while it waits for that.
        deliver_at: Option<Timestamp>,
    },
    /// It was not done.
    Refused(Refusal),
}

/// An account, as an administrator sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountSummary {
    /// Unique.
    pub name: AccountName,
    /// May use the admin page.
    pub admin: bool,
    /// Since when it may not sign in.
    #[serde(serialize_with = "hither_protocol::write_optional_time")]
    pub disabled_at: Option<Timestamp>,
    /// When it was made.
    #[serde(serialize_with = "hither_protocol::write_time")]
    pub created_at: Timestamp,
}

/// A publisher, as an administrator sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublisherSummary {
    /// Unique.
    pub id: PublisherId,
    /// As shown to people.
    pub name: String,
    /// How its people can be reached.
    pub contact: String,
    /// How many secrets are valid.
    pub secrets: usize,
    /// What it may do.
    pub rights: Permissions,
    /// Whom it reaches, if it is narrowed.
    pub audience: Audience,
    /// Since when it may publish at all; absent while it waits for approval.
    #[serde(serialize_with = "hither_protocol::write_optional_time")]
    pub approved_at: Option<Timestamp>,
    /// Since when it may not publish.
    #[serde(serialize_with = "hither_protocol::write_optional_time")]
    pub disabled_at: Option<Timestamp>,
    /// When it was made.
    #[serde(serialize_with = "hither_protocol::write_time")]
    pub created_at: Timestamp,
}

/// Does what somebody with this server's own rights wishes.
pub(crate) async fn carry_out(
    app: &Arc<App>,
    request: AdminRequest,
    content: Content<'_>,
) -> AdminReply {
    let AdminRequest::Publish(publish) = request else {
        return execute(&*app.store, request).await;
    };
    match http::on_command(app, *publish, content).await {
        Ok((published, deliver_at)) => AdminReply::Published {
            published,
            deliver_at,
        },
        Err(failure) => AdminReply::Refused(failure.into()),
    }
}

/// Does what the administrator wishes with the store alone.
pub async fn execute(store: &dyn Store, request: AdminRequest) -> AdminReply {
    let done = match request {
        AdminRequest::Backup { file } => match store.backup(file).await {
            Ok(report) => Ok(AdminReply::BackedUp(report)),
            Err(error) => Err(error.into()),
        },
        request => checked(store, request).await,
    };
    done.unwrap_or_else(AdminReply::Refused)
}

async fn checked(store: &dyn Store, request: AdminRequest) -> Result<AdminReply, Refusal> {
    request.check()?;
    let (mut what, named) = (request.subject(), request.named());
    match attempt(store, request).await {
        Ok(reply) => Ok(reply),
        Err(error) => {
            if error == StoreError::NotFound
                && let Some(name) = refusal::unknown(store, &named).await
            {
                what = format!("account {name}");
            }
            Err(Refusal::of(error, &what))
        }
    }
}

async fn attempt(store: &dyn Store, request: AdminRequest) -> Result<AdminReply, StoreError> {
    match request {
        AdminRequest::Accounts => {
            let accounts = store.accounts().await?;
            let summaries = accounts.into_iter().map(AccountSummary::from);
            return Ok(AdminReply::Accounts(summaries.collect()));
        }
        AdminRequest::Publishers => {
            return Ok(AdminReply::Publishers(publishers(store).await?));
        }
        AdminRequest::Check => return Ok(AdminReply::Checked(store.check().await?)),
        // Done before, because they fail in other ways.
        AdminRequest::Backup { .. } | AdminRequest::Publish(_) => {}
        AdminRequest::AddAccount {
            name,
            password_hash,
            admin,
        } => {
            let account = AccountRecord {
                name,
                password_hash,
                admin,
                disabled_at: None,
                created_at: Timestamp::now(),
            };
            store.add_account(account).await?;
        }
        AdminRequest::SetPassword {
            name,
            password_hash,
        } => store.set_password(&name, password_hash).await?,
        AdminRequest::SetAccountDisabled { name, disabled } => {
            store.set_account_disabled(&name, disabled).await?;
        }
        AdminRequest::RemoveAccount { name } => store.remove_account(&name).await?,
        AdminRequest::AddPublisher {
            id,
            name,
            contact,
            secret,
            rights,
            audience,
        } => {
            let publisher = PublisherRecord {
                contact,
                rights,
                ..PublisherRecord::new(id, name, vec![secret], Timestamp::now())
            };
            store.register(publisher, audience).await?;
        }
        AdminRequest::ApprovePublisher { id } => store.approve(&id).await?,
        AdminRequest::WidenPublisher { id, more } => store.widen(&id, more).await?,
        AdminRequest::NarrowPublisher { id, less } => store.narrow(&id, less).await?,
        AdminRequest::RotateSecret { id, secret } => store.rotate_secret(&id, secret).await?,
        AdminRequest::SetPublisherDisabled { id, disabled } => {
            store.set_publisher_disabled(&id, disabled).await?;
        }
        AdminRequest::Topics => {
            return Ok(AdminReply::Topics(store.topic_summaries().await?));
        }
        AdminRequest::GrantTopic { topic, to, may } => {
            let to = grantee(store, &to).await?;
            store.grant(&topic, Grant { to, may }).await?;
        }
        AdminRequest::RevokeTopic { topic, from, may } => {
            let to = grantee(store, &from).await?;
            store.revoke(&topic, Grant { to, may }).await?;
        }
        AdminRequest::SetTopicPrivate { topic, private } => {
            store.set_private(&topic, private).await?;
        }
    }
    Ok(AdminReply::Done)
}

/// All publishers, by id.
pub(crate) async fn publishers(store: &dyn Store) -> Result<Vec<PublisherSummary>, StoreError> {
    let mut summaries = Vec::new();
    for publisher in store.publishers().await? {
        let audience = store.audience(&publisher.id).await?;
        summaries.push(PublisherSummary::new(publisher, audience));
    }
    Ok(summaries)
}

/// A publisher of that id, else an account of that name.
pub(crate) async fn grantee(store: &dyn Store, text: &str) -> Result<Grantee, StoreError> {
    if let Ok(id) = text.parse()
        && store.publisher(&id).await?.is_some()
    {
        return Ok(Grantee::Publisher(id));
    }
    let name = text.parse().map_err(|_| StoreError::NotFound)?;
    Ok(Grantee::Account(name))
}

impl AdminRequest {
    /// Whether it makes sense where there is no store yet.
    pub(crate) const fn may_be_the_first(&self) -> bool {
        matches!(self, Self::AddAccount { .. } | Self::AddPublisher { .. })
    }

    /// How long it may take.
    fn patience(&self) -> Duration {
        match self {
            Self::Backup { .. } | Self::Check | Self::Publish(_) => LONG_PATIENCE,
            _ => PATIENCE,
        }
    }

    fn subject(&self) -> String {
        match self {
            Self::Accounts | Self::Publishers | Self::Topics => "list".to_owned(),
            Self::GrantTopic { to, .. } => format!("account or publisher {to}"),
            Self::RevokeTopic { topic, from, .. } => format!("such grant of {topic} to {from}"),
            Self::SetTopicPrivate { topic, .. } => format!("topic {topic}"),
            Self::Backup { .. } => "backup".to_owned(),
            Self::Publish(_) => "message".to_owned(),
            Self::Check => "check".to_owned(),
            Self::AddAccount { name, .. }
            | Self::SetPassword { name, .. }
            | Self::SetAccountDisabled { name, .. }
            | Self::RemoveAccount { name } => format!("account {name}"),
            Self::AddPublisher { id, .. }
            | Self::ApprovePublisher { id }
            | Self::WidenPublisher { id, .. }
            | Self::NarrowPublisher { id, .. }
            | Self::RotateSecret { id, .. }
            | Self::SetPublisherDisabled { id, .. } => format!("publisher {id}"),
        }
    }
}

impl From<AccountRecord> for AccountSummary {
    fn from(account: AccountRecord) -> Self {
        Self {
            name: account.name,
            admin: account.admin,
            disabled_at: account.disabled_at,
            created_at: account.created_at,
        }
    }
}

impl PublisherSummary {
    fn new(publisher: PublisherRecord, audience: Audience) -> Self {
        Self {
            id: publisher.id,
            name: publisher.name,
            contact: publisher.contact,
            secrets: publisher.secrets.len(),
            rights: publisher.rights,
            audience,
            approved_at: publisher.approved_at,
            disabled_at: publisher.disabled_at,
            created_at: publisher.created_at,
        }
    }
}
