//! Whom a message is for, as the store knows them.

use std::collections::{BTreeMap, BTreeSet};

use hither_protocol::{AccountName, TopicName, VersionRange};
use rusqlite::{OptionalExtension, params};

use super::places::{Place, account_name, application_number};
use super::publishers::{MAY_REACH, reached};
use super::rows::damaged;
use super::topics;
use super::writer::Tx;
use crate::store::{Application, ClientId, Log, Receivers, StoreError, TopicId};

/// Receivers that exist.
#[derive(Default)]
pub(super) struct Resolved {
    /// In no order, each once.
    pub(super) logs: Vec<(Place, Log)>,
    /// Into whose inboxes a row goes.
    pub(super) accounts: Vec<i64>,
    /// How many there are at this moment: people, each once, and clients of their own address, each
    /// once. Somebody by name and a client of theirs by token are two.
    pub(super) receivers: u64,
    pub(super) unknown_tokens: Vec<String>,
    /// The first one.
    pub(super) topic: Option<TopicName>,
}

/// Those that the publisher may reach. Whether it may write to the topics, and to everyone, was
/// asked before.
pub(super) fn resolve(tx: &Tx<'_>, publisher: i64, to: Receivers) -> Result<Resolved, StoreError> {
    let mut resolved = Resolved::default();
    resolved.accounts(tx, publisher, to.accounts, to.everyone)?;
    resolved.topics(tx, &to.topics, to.everyone)?;
    resolved.tokens(tx, publisher, to.tokens)?;
    if let Some(application) = to.application {
        resolved.application(tx, application)?;
    }
    Ok(resolved)
}

impl Resolved {
    fn put(&mut self, place: Place, log: Log, receivers: u64) {
        self.logs.push((place, log));
        self.receivers += receivers;
    }

    /// Those addressed by token.
    pub(super) fn clients(&self) -> Vec<ClientId> {
        let places = self.logs.iter().map(|(place, _)| *place);
        places.filter_map(Place::client).collect()
    }

    /// The accounts that exist and may sign in, each once. What is for everyone is for all of
    /// them, and for none of them in particular.
    fn accounts(
        &mut self,
        tx: &Tx<'_>,
        publisher: i64,
        names: Vec<AccountName>,
        everyone: bool,
    ) -> Result<(), StoreError> {
        if everyone {
            let count = "SELECT count(*) FROM accounts WHERE disabled_at IS NULL";
            let receivers = tx.prepare_cached(count)?.query_row([], |row| row.get(0))?;
            self.put(Place::Everyone, Log::Everyone, receivers);
            return Ok(());
        }
        let mut found = BTreeMap::new();
        for name in names {
            let account = reached(tx, publisher, &name)?;
            found.extend(account.map(|account| (account, name)));
        }
        for (account, name) in found {
            self.accounts.push(account);
            self.put(Place::Account(account), Log::Account(name), 1);
        }
        Ok(())
    }

    fn topics(
        &mut self,
        tx: &Tx<'_>,
        names: &[TopicName],
        everyone: bool,
    ) -> Result<(), StoreError> {
        // Who gets the message already.
        let mut people: BTreeSet<_> = self.accounts.iter().copied().collect();
        for name in names {
            let Some(topic) = topics::topic(tx, name)?.map(|topic| topic.id) else {
                continue;
            };
            self.topic.get_or_insert_with(|| name.clone());
            let place = Place::Topic(topic);
            if self.logs.iter().any(|(other, _)| *other == place) {
                continue;
            }
            let before = people.len();
            if !everyone {
                people.extend(subscribers(tx, topic)?);
            }
            self.put(place, Log::Topic(topic), (people.len() - before) as u64);
        }
        Ok(())
    }

    fn tokens(
        &mut self,
        tx: &Tx<'_>,
        publisher: i64,
        mut tokens: Vec<String>,
    ) -> Result<(), StoreError> {
        let mut find = tx.prepare_cached(&format!(
            "SELECT clients.id, accounts.id FROM clients
             JOIN accounts ON accounts.id = clients.account
             JOIN publishers ON publishers.id = ?2
             WHERE message_token = ?1 AND {MAY_REACH}"
        ))?;
        tokens.sort_unstable();
        tokens.dedup();
        for token in tokens {
            let client: Option<(ClientId, i64)> = find
                .query_row(params![token, publisher], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()?;
            match client {
                Some((client, account)) => {
                    let log = Log::Client(account_name(tx, account)?, client);
                    self.put(Place::Client(client), log, 1);
                }
                None => self.unknown_tokens.push(token),
            }
        }
        Ok(())
    }

    fn application(&mut self, tx: &Tx<'_>, meant: Application) -> Result<(), StoreError> {
        tx.prepare_cached("INSERT OR IGNORE INTO applications (name) VALUES (?1)")?
            .execute([&meant.name])?;
        let number = application_number(tx, &meant.name)?
            .ok_or_else(|| damaged("an application that was just stored is missing"))?;
        let present = present_clients(tx, &meant, &self.clients())?;
        self.put(Place::Application(number), Log::Application(meant), present);
        Ok(())
    }
}

fn subscribers(tx: &Tx<'_>, topic: TopicId) -> Result<Vec<i64>, StoreError> {
    Ok(tx
        .prepare_cached(
            "SELECT account FROM subscriptions JOIN accounts ON accounts.id = account
             WHERE topic = ?1 AND until IS NULL AND disabled_at IS NULL",
        )?
        .query_map([topic], |row| row.get(0))?
        .collect::<Result<_, _>>()?)
}

/// Signed-in clients that an application and its versions mean at this moment, without those that
/// get the message anyway.
fn present_clients(
    tx: &Tx<'_>,
    meant: &Application,
    without: &[ClientId],
) -> Result<u64, StoreError> {
    let without: Vec<_> = without.iter().map(|client| client.0).collect();
    let without = serde_json::to_string(&without).map_err(damaged)?;
    let mut find = tx.prepare_cached(
        "SELECT version, count(*) FROM clients JOIN accounts ON accounts.id = account
         WHERE application = ?1 AND message_token IS NOT NULL AND disabled_at IS NULL
           AND clients.id NOT IN (SELECT value FROM json_each(?2))
         GROUP BY version",
    )?;
    let mut rows = find.query((&meant.name, without))?;
    let mut present = 0;
    while let Some(row) = rows.next()? {
        let version = row.get_ref(0)?.as_str().map_err(damaged)?;
        if meant.versions.matches(version) {
            present += row.get::<_, u64>(1)?;
        }
    }
    Ok(present)
}

/// The logs that a message stands in, or stood in before retention took it.
pub(super) fn logs_of(tx: &Tx<'_>, message: i64) -> Result<Vec<(Place, Log)>, StoreError> {
    let places = tx
        .prepare_cached(
            "SELECT scope, owner FROM log WHERE message = ?1 AND kind = 'message'
             UNION SELECT scope, owner FROM departed WHERE message = ?1",
        )?
        .query_and_then([message], |row| Place::of_row(row, 0))?
        .collect::<Result<Vec<_>, _>>()?;
    places
        .into_iter()
        .map(|place| Ok((place, log_at(tx, place)?)))
        .collect()
}

fn log_at(tx: &Tx<'_>, place: Place) -> Result<Log, StoreError> {
    Ok(match place {
        Place::Everyone => Log::Everyone,
        Place::Account(account) => Log::Account(account_name(tx, account)?),
        Place::Topic(topic) => Log::Topic(topic),
        Place::Client(client) => {
            let account = tx
                .prepare_cached("SELECT account FROM clients WHERE id = ?1")?
                .query_row(params![client], |row| row.get(0))?;
            Log::Client(account_name(tx, account)?, client)
        }
        Place::Application(number) => Log::Application(Application {
            name: tx
                .prepare_cached("SELECT name FROM applications WHERE id = ?1")?
                .query_row([number], |row| row.get(0))?,
            versions: VersionRange::any(),
        }),
    })
}
