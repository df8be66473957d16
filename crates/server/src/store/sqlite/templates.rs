//! Messages that say something of its own to each receiver.

use hither_protocol::{AccountName, Fields, Html, Message};
use rusqlite::{OptionalExtension, params};
use serde_json::{Map, Value};

use super::content::Content;
use super::places::Place;
use super::receivers::Resolved;
use super::rows::damaged;
use super::writer::Tx;
use crate::store::{Log, NewMessage, Receivers, StoreError};
use crate::template::{Texts, Unfilled, Values, has_placeholders};
use crate::text::MAX_MESSAGE;

/// All filled messages of one publish together, in bytes. One that is smaller than its template
/// counts as much as the template, which all wait for while it is read.
const MAX_FILLED: usize = 16 * 1024 * 1024;

/// A message before it is filled.
pub(super) struct Template {
    publisher: i64,
    texts: Texts,
    fields: Option<Fields>,
}

impl Template {
    /// What is to be filled; nothing, where there are no placeholders, and where the publisher
    /// gives no values and keeps none of anybody: to it braces are text.
    pub(super) fn of(
        tx: &Tx<'_>,
        publisher: i64,
        new: &mut NewMessage,
        to: &Resolved,
    ) -> Result<Option<Self>, StoreError> {
        let (message, html) = (&new.message, new.html.as_deref());
        let texts = [&message.title, &message.body, html.unwrap_or_default()];
        let filled = texts.into_iter().any(has_placeholders)
            && (new.fields.is_some() || (!to.accounts.is_empty() && keeps_records(tx, publisher)?));
        Ok(filled.then(|| Self {
            publisher,
            texts: Texts {
                title: message.title.clone(),
                body: message.body.clone(),
                html: new.html.clone(),
            },
            fields: new.fields.take(),
        }))
    }

    /// Keeps what the message says to each account, and answers it in the order of their logs.
    pub(super) fn fill(
        &self,
        tx: &Tx<'_>,
        message: &Message,
        number: i64,
        logs: &[(Place, Log)],
    ) -> Result<Vec<Message>, StoreError> {
        let mut filled = Vec::new();
        let mut bytes = 0;
        for (place, log) in logs {
            let (Place::Account(account), Log::Account(name)) = (*place, log) else {
                return Err(Unfilled::NotForAccounts.into());
            };
            let own = self.fill_for(tx, message, account, name)?;
            let size = own.json.len() + own.html.as_deref().map_or(0, str::len);
            bytes += size.max(self.texts.len());
            if bytes > MAX_FILLED {
                return Err(Unfilled::TooMuch { most: MAX_FILLED }.into());
            }
            tx.prepare_cached("INSERT INTO own_content VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![number, account, own.json, own.html])?;
            filled.push(own.message);
        }
        Ok(filled)
    }

    fn fill_for(
        &self,
        tx: &Tx<'_>,
        message: &Message,
        account: i64,
        name: &AccountName,
    ) -> Result<Content, StoreError> {
        let record = record(tx, self.publisher, account)?;
        let Texts { title, body, html } = self.texts.fill(&Values {
            account: name,
            fields: self.fields.as_ref(),
            record: record.as_ref(),
        })?;
        let own = Message {
            title,
            body,
            html: html.as_ref().map(|page| Html {
                size: page.len() as u64,
                inline: None,
                href: None,
            }),
            ..message.clone()
        };
        if serde_json::to_string(&own).map_err(damaged)?.len() > MAX_MESSAGE {
            return Err(StoreError::Unfilled(Unfilled::TooLong {
                account: name.clone(),
                part: "the message without html, as JSON,",
                most: MAX_MESSAGE,
            }));
        }
        Content::new(own, html)
    }
}

/// Whether a message is for accounts by name, and nobody else.
pub(super) fn only_accounts(to: &Receivers) -> bool {
    to.topics.is_empty() && to.tokens.is_empty() && to.application.is_none() && !to.everyone
}

/// Whether the publisher keeps anything of anybody.
fn keeps_records(tx: &Tx<'_>, publisher: i64) -> Result<bool, StoreError> {
    Ok(tx
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM records WHERE publisher = ?1)")?
        .query_row([publisher], |row| row.get(0))?)
}

fn record(
    tx: &Tx<'_>,
    publisher: i64,
    account: i64,
) -> Result<Option<Map<String, Value>>, StoreError> {
    let content: Option<String> = tx
        .prepare_cached("SELECT content FROM records WHERE publisher = ?1 AND account = ?2")?
        .query_row([publisher, account], |row| row.get(0))
        .optional()?;
    content
        .map(|content| serde_json::from_str(&content).map_err(damaged))
        .transpose()
}
