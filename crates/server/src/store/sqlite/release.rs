//! A message's time has come: it is judged by what its publisher may do at this moment.

use core::time::Duration;
use std::sync::Arc;

use hither_protocol::{
    AccountName, Message, MessageId, Priority, PublisherId, Timestamp, TopicName, WithdrawWhy,
};
use rusqlite::{OptionalExtension, params};

use super::events::{self, Told, Whom};
use super::log::MessageRow;
use super::places::{Place, account_name, parse_range};
use super::publish::{Said, application, bring, expiry, last_moment};
use super::receivers::{self, Resolved};
use super::rows::{damaged, message_id, ms, time};
use super::scheduled::Addressed;
use super::writer::Tx;
use super::{access, withdrawals};
use crate::store::{
    Application, EventType, Grantee, Lost, Receivers, Refusal, Refused, StoreError,
};

/// A message whose time has come.
struct Due {
    number: i64,
    id: MessageId,
    publisher: i64,
    key: Option<String>,
    deliver_at: Timestamp,
    ttl: Option<Duration>,
    to: Addressed,
    content: String,
}

/// Brings a message to those of its receivers that are left. One that was withdrawn or released in
/// between is left alone.
pub(super) fn release(tx: &mut Tx<'_>, number: i64) -> Result<(), StoreError> {
    let Some(due) = Due::find(tx, number)? else {
        return Ok(());
    };
    let by = Rights::of(tx, due.publisher)?;
    let shut = due.shut_topics(tx, by.as_ref())?;
    let to = due.receivers(tx, by.as_ref(), &shut)?;
    let message: Message = serde_json::from_str(&due.content).map_err(damaged)?;
    let lost = due.lost(by.as_ref(), &to, shut, &message);
    let mut refused: Vec<_> = lost.iter().map(Lost::refused).collect();
    refused.dedup();
    tell(tx, &due, &refused, lost)?;
    if to.logs.is_empty() || says_nothing(&message, &refused) {
        return withdrawals::withdraw(tx, number, due.id, WithdrawWhy::Expired);
    }
    tx.prepare_cached("DELETE FROM scheduled WHERE message = ?1")?
        .execute([number])?;
    if let Some(key) = &due.key {
        withdrawals::replace(tx, due.publisher, key)?;
    }
    let said = due.said(tx, &to, message, &refused)?;
    let row = MessageRow {
        number,
        fleeting: due.ttl == Some(Duration::ZERO),
        versions: None,
        not_for: None,
    };
    bring(tx, row, to, said)
}

/// Keeps what was refused, for whoever asks, and tells webhooks what it was.
fn tell(
    tx: &mut Tx<'_>,
    due: &Due,
    refused: &[Refused],
    lost: Vec<Lost>,
) -> Result<(), StoreError> {
    let noted = serde_json::to_string(refused).map_err(damaged)?;
    tx.prepare_cached("UPDATE messages SET refused = ?2 WHERE number = ?1")?
        .execute((due.number, noted))?;
    if lost.is_empty() {
        return Ok(());
    }
    let refusal = Refusal {
        key: due.key.clone(),
        deliver_at: due.deliver_at,
        lost,
    };
    let told = Told {
        what: EventType::Refused,
        message: due.number,
        whom: Whom::All,
        action: None,
        refusal: Some(&refusal),
        at: tx.now,
    };
    events::tell(tx, &told)
}

/// Whether it was nothing but its page, which was refused.
fn says_nothing(message: &Message, refused: &[Refused]) -> bool {
    refused.contains(&Refused::Html)
        && message.title.is_empty()
        && message.body.is_empty()
        && message.url.is_none()
        && message.actions.is_empty()
        && message.attachments.is_empty()
}

impl Due {
    fn find(tx: &Tx<'_>, number: i64) -> Result<Option<Self>, StoreError> {
        tx.prepare_cached(
            "SELECT id, scheduled.publisher, scheduled.key, ttl_ms, scheduled.receivers, content,
                    deliver_at
             FROM scheduled JOIN messages ON number = message
             WHERE message = ?1 AND deliver_at IS NOT NULL",
        )?
        .query_and_then([number], |row| {
            let ttl: Option<u64> = row.get(3)?;
            let to = row.get_ref(4)?.as_str().map_err(damaged)?;
            Ok(Self {
                number,
                id: message_id(row.get(0)?),
                publisher: row.get(1)?,
                key: row.get(2)?,
                deliver_at: time(row.get(6)?)?,
                ttl: ttl.map(Duration::from_millis),
                to: serde_json::from_str(to).map_err(damaged)?,
                content: row.get(5)?,
            })
        })?
        .next()
        .transpose()
    }

    /// Topics that the publisher may not write to any more.
    fn shut_topics(&self, tx: &Tx<'_>, by: Option<&Rights>) -> Result<Vec<TopicName>, StoreError> {
        let mut shut = Vec::new();
        for topic in &self.to.topics {
            if let Some(by) = by
                && !access::rights(tx, topic, &by.who)?.write
            {
                shut.push(topic.clone());
            }
        }
        Ok(shut)
    }

    /// Those who are there at this moment, and whom the publisher may reach at this moment.
    fn receivers(
        &self,
        tx: &Tx<'_>,
        by: Option<&Rights>,
        shut: &[TopicName],
    ) -> Result<Resolved, StoreError> {
        let Some(by) = by else {
            return Ok(Resolved::default());
        };
        let mut accounts = Vec::new();
        let exists = "SELECT 1 FROM accounts WHERE id = ?1";
        for account in &self.to.accounts {
            if tx.prepare_cached(exists)?.exists([account])? {
                accounts.push(account_name(tx, *account)?);
            }
        }
        let topics = self.to.topics.iter().filter(|topic| !shut.contains(topic));
        let application = self.to.application.as_ref().filter(|_| by.everyone);
        let application = application.map(|(name, versions)| {
            let versions = parse_range(versions)?;
            let name = name.clone();
            Ok::<_, StoreError>(Application { name, versions })
        });
        let to = Receivers {
            accounts,
            topics: topics.cloned().collect(),
            tokens: self.to.tokens.clone(),
            everyone: self.to.everyone && by.everyone,
            application: application.transpose()?,
        };
        receivers::resolve(tx, self.publisher, to)
    }

    /// What was accepted, and may not be said any more. Of a publisher that may say nothing, only
    /// that it reaches nobody.
    fn lost(
        &self,
        by: Option<&Rights>,
        to: &Resolved,
        shut: Vec<TopicName>,
        message: &Message,
    ) -> Vec<Lost> {
        let may = |right: fn(&Rights) -> bool| by.is_none_or(right);
        let is_urgent = message.priority == Priority::Urgent;
        let applications = self.to.application.is_some();
        let what = [
            (is_urgent && !may(|by| by.urgent), Lost::Urgent),
            (message.html.is_some() && !may(|by| by.html), Lost::Html),
        ];
        let whom = [
            (self.to.everyone && !may(|by| by.everyone), Lost::Everyone),
            (applications && !may(|by| by.everyone), Lost::Application),
        ];
        let lost = |(lost, what): (bool, Lost)| lost.then_some(what);
        let topics = shut.into_iter().map(Lost::Topic);
        let mut whom: Vec<_> = whom.into_iter().filter_map(lost).chain(topics).collect();
        if whom.is_empty() && to.logs.len() < self.to.logs.max(1) {
            whom.push(if to.logs.is_empty() {
                Lost::AllReceivers
            } else {
                Lost::SomeReceivers
            });
        }
        what.into_iter().filter_map(lost).chain(whom).collect()
    }

    /// Writes down when it came, what is left of it and how long it is good, and answers what is
    /// said to whom.
    fn said(
        &self,
        tx: &Tx<'_>,
        to: &Resolved,
        message: Message,
        refused: &[Refused],
    ) -> Result<Said, StoreError> {
        let came = Came {
            at: tx.now,
            expires_at: expiry(tx.now, self.ttl),
            to,
            refused,
        };
        let (message, content) = came.note(message)?;
        tx.prepare_cached(
            "UPDATE messages SET created_at = ?2, expires_at = ?3, key = ?4, receivers = ?5,
                                 content = ?6, priority = ?7, html = iif(?8, html, NULL)
             WHERE number = ?1",
        )?
        .execute(params![
            self.number,
            ms(came.at),
            last_moment(tx, came.expires_at, self.ttl).map(ms),
            self.key,
            to.receivers.cast_signed(),
            content,
            u8::from(message.priority),
            message.html.is_some(),
        ])?;
        let own = self.own(tx, &came)?;
        Ok(own.map_or_else(|| Said::Alike(Arc::new(message)), Said::Each))
    }

    /// What was filled in for each receiver when it was published; nothing where all get the same.
    fn own(&self, tx: &Tx<'_>, came: &Came<'_>) -> Result<Option<Vec<Message>>, StoreError> {
        let mut own = Vec::new();
        for (place, _) in &came.to.logs {
            let Place::Account(account) = place else {
                return Ok(None);
            };
            let content: Option<String> = tx
                .prepare_cached(
                    "SELECT content FROM own_content WHERE message = ?1 AND account = ?2",
                )?
                .query_row((self.number, account), |row| row.get(0))
                .optional()?;
            let Some(content) = content else {
                return Ok(None);
            };
            let message = serde_json::from_str(&content).map_err(damaged)?;
            let (message, content) = came.note(message)?;
            tx.prepare_cached(
                "UPDATE own_content SET content = ?3, html = iif(?4, html, NULL)
                 WHERE message = ?1 AND account = ?2",
            )?
            .execute(params![
                self.number,
                account,
                content,
                message.html.is_some()
            ])?;
            own.push(message);
        }
        Ok(Some(own))
    }
}

/// What is known of a message only when it comes.
struct Came<'a> {
    at: Timestamp,
    expires_at: Option<Timestamp>,
    to: &'a Resolved,
    refused: &'a [Refused],
}

impl Came<'_> {
    fn note(&self, accepted: Message) -> Result<(Message, String), StoreError> {
        let mut message = Message {
            created_at: self.at,
            expires_at: self.expires_at,
            topic: self.to.topic.clone().map(String::from),
            application: application(self.to),
            ..accepted
        };
        if self.refused.contains(&Refused::Urgent) {
            message.priority = Priority::High;
        }
        if self.refused.contains(&Refused::Html) {
            message.html = None;
        }
        let content = serde_json::to_string(&message).map_err(damaged)?;
        Ok((message, content))
    }
}

/// What a publisher may do at this moment.
struct Rights {
    who: Grantee,
    /// And applications.
    everyone: bool,
    urgent: bool,
    html: bool,
}

impl Rights {
    /// None for one that may not publish any more.
    fn of(tx: &Tx<'_>, publisher: i64) -> Result<Option<Self>, StoreError> {
        tx.prepare_cached(
            "SELECT public_id, accounts.name, NOT narrowed AND may_everyone, may_urgent, may_html
             FROM publishers LEFT JOIN accounts ON accounts.id = publishers.account
             WHERE publishers.id = ?1 AND publishers.disabled_at IS NULL
               AND accounts.disabled_at IS NULL",
        )?
        .query_and_then([publisher], |row| {
            let who = if let Some(name) = row.get::<_, Option<String>>(1)? {
                Grantee::Account(AccountName::try_from(name).map_err(damaged)?)
            } else {
                let id: String = row.get(0)?;
                Grantee::Publisher(PublisherId::try_from(id).map_err(damaged)?)
            };
            Ok(Self {
                who,
                everyone: row.get(2)?,
                urgent: row.get(3)?,
                html: row.get(4)?,
            })
        })?
        .next()
        .transpose()
    }
}
