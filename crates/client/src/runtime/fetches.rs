//! What is on the server only: pages, in the background and on demand, files, and answers.

use std::path::PathBuf;

use hither_engine::SignedIn;
use hither_engine::view::{Answer, Query};
use hither_protocol::{Message, MessageId};
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::{Finished, Running, blocking};
use crate::downloads;
use crate::history::missing_href;
use crate::http::{self, FetchFailed};
use crate::platform::Platform;

/// A fetch that is over.
pub(super) enum Fetched {
    /// Pages that are not here, found at the start.
    Missing(Vec<MessageId>),
    /// A page that is wanted again.
    Again(MessageId),
    /// In the background.
    Page(SignedIn, MessageId, Result<String, FetchFailed>),
    /// For a person who waits for it.
    Rich {
        account: SignedIn,
        message: Box<Message>,
        page: Result<String, FetchFailed>,
        answer: oneshot::Sender<Answer>,
    },
    /// A file, for a person who waits for it.
    File(
        SignedIn,
        Result<PathBuf, FetchFailed>,
        oneshot::Sender<Answer>,
    ),
    /// An answer of the server's, for a person who waits for it.
    Answered(SignedIn, Answer, oneshot::Sender<Answer>),
    /// Nothing had to be fetched for an answer.
    Known(Answer, oneshot::Sender<Answer>),
}

impl<P: Platform> Running<P> {
    /// Looks for what an earlier life could not fetch.
    pub(super) fn find_missing_pages(&mut self) {
        let reader = self.it.reader.clone();
        self.in_background(async move {
            Finished::Fetch(Fetched::Missing(reader.missing_pages().await))
        });
    }

    pub(super) fn fetch_page(&mut self, account: SignedIn, id: MessageId) {
        let (reader, trust) = (self.it.reader.clone(), self.it.trust.clone());
        self.in_background(async move {
            let page = match reader.missing_page(id).await {
                Some(href) => {
                    let account = account.clone();
                    blocking(move || http::page(&account, &trust, &href)).await
                }
                None => Err(FetchFailed::Gone),
            };
            Finished::Fetch(Fetched::Page(account, id, page))
        });
    }

    /// Answers a message with its page.
    pub(super) fn ask_rich(&mut self, id: MessageId, answer: oneshot::Sender<Answer>) {
        let (reader, account) = (self.it.reader.clone(), self.it.pages.account());
        let trust = self.it.trust.clone();
        self.in_background(async move {
            let known = reader.ask(Query::Message { id }).await.answer;
            let (message, href) = match known {
                Answer::Message {
                    message: Some(message),
                } if missing_href(&message).is_some() => {
                    let href = missing_href(&message).unwrap_or_default();
                    (message, href)
                }
                known => return Finished::Fetch(Fetched::Known(known, answer)),
            };
            let Some(account) = account else {
                return Finished::Fetch(Fetched::Known(signed_out(), answer));
            };
            let of = account.clone();
            let page = blocking(move || http::page(&of, &trust, &href)).await;
            Finished::Fetch(Fetched::Rich {
                account,
                message,
                page,
                answer,
            })
        });
    }

    /// Fetches a file into the download folder.
    pub(super) fn save_file(
        &mut self,
        id: MessageId,
        attachment: u32,
        answer: oneshot::Sender<Answer>,
    ) {
        let (reader, account) = (self.it.reader.clone(), self.it.pages.account());
        let trust = self.it.trust.clone();
        let folder = self.platform.downloads();
        self.in_background(async move {
            let known = reader.ask(Query::Message { id }).await.answer;
            let Answer::Message {
                message: Some(message),
            } = known
            else {
                return Finished::Fetch(Fetched::Known(known, answer));
            };
            let attachment = message.attachments.into_iter().nth(attachment as usize);
            let (Some(attachment), Some(account), Some(folder)) = (attachment, account, folder)
            else {
                let nowhere = "There is no such file, no folder for it, or nobody is signed in.";
                let detail = nowhere.to_owned();
                return Finished::Fetch(Fetched::Known(Answer::Failed { detail }, answer));
            };
            let of = account.clone();
            let saved = blocking(move || downloads::save(&of, &trust, &attachment, &folder)).await;
            Finished::Fetch(Fetched::File(account, saved, answer))
        });
    }

    pub(super) fn take_in_fetched(&mut self, fetched: Fetched) {
        match fetched {
            Fetched::Missing(ids) => ids.into_iter().for_each(|id| self.it.pages.want(id)),
            Fetched::Again(id) => self.it.pages.want(id),
            Fetched::Page(account, id, page) => self.take_in_page(&account, id, page),
            Fetched::Rich {
                account,
                message,
                page,
                answer,
            } => {
                let said = self.with_page(&account, message, page);
                // Whoever asked may be gone, here and below.
                let _ = answer.send(self.to_whom_it_is(&account, said));
            }
            Fetched::File(account, saved, answer) => {
                let _ = answer.send(self.saved(&account, saved));
            }
            Fetched::Answered(account, said, answer) => {
                let _ = answer.send(self.to_whom_it_is(&account, said));
            }
            Fetched::Known(said, answer) => {
                let _ = answer.send(self.unless_locked(said));
            }
        }
    }

    fn take_in_page(
        &mut self,
        account: &SignedIn,
        id: MessageId,
        page: Result<String, FetchFailed>,
    ) {
        let is_wanted = self.it.pages.belongs_to(account);
        match page {
            Ok(html) => {
                self.it.pages.fetched();
                if is_wanted {
                    self.it.writer.keep_page(id, html);
                }
            }
            Err(FetchFailed::Gone) => self.it.pages.fetched(),
            Err(error) => {
                tracing::warn!(%id, %error, "page not fetched");
                let again_after = self.it.pages.failed();
                if is_wanted {
                    self.in_background(async move {
                        sleep(again_after).await;
                        Finished::Fetch(Fetched::Again(id))
                    });
                }
            }
        }
    }

    /// What a person gets who asked for a page, which is kept while it is their account's.
    fn with_page(
        &self,
        account: &SignedIn,
        mut message: Box<Message>,
        page: Result<String, FetchFailed>,
    ) -> Answer {
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                return Answer::Failed {
                    detail: format!("The rich message is not on this computer yet: {error}."),
                };
            }
        };
        if self.it.pages.belongs_to(account) {
            self.it.writer.keep_page(message.id, page.clone());
        }
        if let Some(html) = &mut message.html {
            html.inline = Some(page);
        }
        Answer::Message {
            message: Some(message),
        }
    }

    /// What a person gets who asked for a file; its folder opens for nobody else.
    fn saved(&mut self, account: &SignedIn, saved: Result<PathBuf, FetchFailed>) -> Answer {
        let path = match saved {
            Ok(path) => path,
            Err(error) => {
                let detail = format!("The file was not saved: {error}.");
                return self.to_whom_it_is(account, Answer::Failed { detail });
            }
        };
        let said = Answer::Saved {
            path: path.display().to_string(),
        };
        let said = self.to_whom_it_is(account, said);
        if let (Answer::Saved { .. }, Some(folder)) = (&said, path.parent()) {
            self.platform.open_folder(folder);
        }
        said
    }
}

pub(super) fn signed_out() -> Answer {
    Answer::Failed {
        detail: "Nobody is signed in.".to_owned(),
    }
}
