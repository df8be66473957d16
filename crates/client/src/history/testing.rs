use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use hither_engine::SignedIn;
use hither_protocol::{AccessToken, Format, Message, MessageId, Priority, PublisherRef, Timestamp};
use uuid::Uuid;

use crate::Credentials;

/// Message number `n`, made `n` seconds after the epoch.
pub(crate) fn message(n: u16) -> Message {
    Message {
        id: id(n),
        publisher: PublisherRef {
            id: "app-0000000000000001".parse().unwrap(),
            name: "CI".to_owned(),
        },
        application: None,
        topic: None,
        title: format!("title {n}"),
        body: format!("body {n}"),
        format: Format::Plain,
        html: None,
        url: None,
        priority: Priority::Default,
        tags: Vec::new(),
        icon: None,
        actions: Vec::new(),
        attachments: Vec::new(),
        key: None,
        created_at: at(n.into()),
        expires_at: None,
        read_at: None,
    }
}

pub(crate) fn id(n: u16) -> MessageId {
    MessageId(Uuid::from_u128(u128::from(n)))
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

/// Tokens in memory, shared by all clones.
#[derive(Clone, Default)]
pub(crate) struct Tokens(Arc<Mutex<BTreeMap<(String, String), AccessToken>>>);

impl Tokens {
    pub(crate) fn clear(&self) {
        self.0.lock().unwrap().clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }
}

impl Credentials for Tokens {
    fn load(&self, server: &str, account: &str) -> io::Result<Option<AccessToken>> {
        let key = (server.to_owned(), account.to_owned());
        Ok(self.0.lock().unwrap().get(&key).cloned())
    }

    fn save(&mut self, server: &str, account: &str, token: &AccessToken) -> io::Result<()> {
        let mut tokens = self.0.lock().unwrap();
        tokens.clear();
        tokens.insert((server.to_owned(), account.to_owned()), token.clone());
        Ok(())
    }

    fn forget(&mut self) -> io::Result<()> {
        self.0.lock().unwrap().clear();
        Ok(())
    }
}

pub(crate) fn signed_in(account: &str) -> SignedIn {
    SignedIn {
        server: "https://push.example.org".to_owned(),
        account: account.to_owned(),
        device_id: format!("device-{}", account.bytes().map(u32::from).sum::<u32>())
            .parse()
            .unwrap(),
        access_token: AccessToken::new(format!("token-of-{account}")),
        stream_url: "wss://push.example.org/v1/stream".to_owned(),
    }
}
