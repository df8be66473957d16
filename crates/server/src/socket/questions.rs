//! What a stream asks the store; nothing else waits for the answers.

use core::future::Future;
use core::pin::Pin;
use std::sync::Arc;

use hither_protocol::{AccessToken, ClientInfo, CloseCode};
use tokio::time::Instant;

use super::{Attached, Socket};
use crate::accounts::clock;
use crate::session::{Identified, Input, Write};
use crate::store::{Position, Reader, StoreError};

/// A question to the store; `None` when its answer changes nothing.
pub(super) type Job = Pin<Box<dyn Future<Output = Option<Input>> + Send>>;

impl Socket {
    pub(super) fn identify(&mut self, token: Option<AccessToken>, client: ClientInfo) {
        self.still_there();
        self.token = token
            .or_else(|| self.browser.take())
            .map(|token| (token, self.app.registry.ended()));
        let app = Arc::clone(&self.app);
        let token = self.token.as_ref().map(|(token, _)| token.clone());
        self.ask(async move {
            let Some(token) = token else {
                return Ok(Some(Input::Identified(Err(CloseCode::SignInAgain))));
            };
            let identity = match app.admit(&token).await? {
                Ok(identity) => app.at_version(identity, client).await?,
                Err(code) => return Ok(Some(Input::Identified(Err(code)))),
            };
            Ok(Some(Input::Identified(Ok(Identified {
                head: app.store.head(),
                at: clock::wall(),
                policy: app.accounts.policy(&identity.account).await?,
                identity,
            }))))
        });
    }

    /// Sessions ended; this one's may be among them.
    pub(super) fn verify(&self) {
        let Some((token, _)) = self.token.clone() else {
            return;
        };
        let app = Arc::clone(&self.app);
        self.ask(async move { Ok(app.admit(&token).await?.err().map(Input::End)) });
    }

    /// A session whose stream stays open is in use.
    pub(super) fn keep_signed_in(&mut self) {
        if self.verify_at <= Instant::now() {
            self.verify_at = Instant::now() + self.app.settings.limits.session_again;
            self.verify();
        }
    }

    pub(super) fn read_page(&self, after: Position) {
        let Some(Attached { identity, .. }) = &self.attached else {
            return;
        };
        let (app, reader) = (Arc::clone(&self.app), Reader::Client(identity.client));
        let account = identity.account.clone();
        self.ask(async move {
            let limit = app.settings.limits.page_entries;
            let page = app.store.page(&reader, after, None, limit).await?;
            let never = app.accounts.never_ring(&account, &page).await?;
            Ok(Some(Input::Page { page, never }))
        });
    }

    pub(super) fn write(&self, write: Write) {
        let Some(Attached { identity, .. }) = &self.attached else {
            return;
        };
        let (app, identity) = (Arc::clone(&self.app), Arc::clone(identity));
        self.ask(async move {
            match app.write(&identity, write).await {
                // A message that is gone needs no mark.
                Ok(()) | Err(StoreError::NotFound) => Ok(Some(Input::Written)),
                Err(error) => Err(error),
            }
        });
    }

    fn ask(
        &self,
        question: impl Future<Output = Result<Option<Input>, StoreError>> + Send + 'static,
    ) {
        self.jobs.push(Box::pin(async {
            question.await.unwrap_or_else(|error| {
                tracing::error!(%error, "a stream's question to the store failed");
                Some(Input::StoreFailed)
            })
        }));
    }
}
