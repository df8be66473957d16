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
    File(Result<PathBuf, String>, oneshot::Sender<Answer>),
    /// An answer of the server's, for a person who waits for it.
    Answered(SignedIn, Answer, oneshot::Sender<Answer>),
    /// Nothing came of it that matters here.
    Nothing,
}

impl<P: Platform> Running<P> {
    /// Looks for what an earlier life could not fetch.
    pub(super) fn find_missing_pages(&self) {
        let reader = self.it.reader.clone();
        self.in_background(async move {
            Finished::Fetch(Fetched::Missing(reader.missing_pages().await))
        });
    }

    pub(super) fn fetch_page(&self, account: SignedIn, id: MessageId) {
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
    pub(super) fn ask_rich(&self, id: MessageId, answer: oneshot::Sender<Answer>) {
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
                known => {
                    // Whoever asked may be gone, here and below.
                    let _ = answer.send(known);
                    return Finished::Fetch(Fetched::Nothing);
                }
            };
            let Some(account) = account else {
                let _ = answer.send(signed_out());
                return Finished::Fetch(Fetched::Nothing);
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
        &self,
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
                let _ = answer.send(known);
                return Finished::Fetch(Fetched::Nothing);
            };
            let attachment = message.attachments.into_iter().nth(attachment as usize);
            let (Some(attachment), Some(account), Some(folder)) = (attachment, account, folder)
            else {
                let nowhere = "There is no such file, no folder for it, or nobody is signed in.";
                let saved = Err(nowhere.to_owned());
                return Finished::Fetch(Fetched::File(saved, answer));
            };
            let saved = blocking(move || downloads::save(&account, &trust, &attachment, &folder));
            let saved = saved.await;
            let saved = saved.map_err(|error| format!("The file was not saved: {error}."));
            Finished::Fetch(Fetched::File(saved, answer))
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
                let _ = answer.send(self.with_page(&account, message, page));
            }
            Fetched::File(Ok(path), answer) => {
                if let Some(folder) = path.parent() {
                    self.platform.open_folder(folder);
                }
                let path = path.display().to_string();
                let _ = answer.send(Answer::Saved { path });
            }
            Fetched::File(Err(detail), answer) => {
                let _ = answer.send(Answer::Failed { detail });
            }
            Fetched::Answered(account, said, answer) => {
                let _ = answer.send(self.to_whom_it_is(&account, said));
            }
            Fetched::Nothing => {}
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

    /// What a person gets who asked for a page; nothing, where another account is signed in by now.
    fn with_page(
        &self,
        account: &SignedIn,
        mut message: Box<Message>,
        page: Result<String, FetchFailed>,
    ) -> Answer {
        if !self.it.pages.belongs_to(account) {
            return Answer::Message { message: None };
        }
        match page {
            Ok(page) => {
                self.it.writer.keep_page(message.id, page.clone());
                if let Some(html) = &mut message.html {
                    html.inline = Some(page);
                }
                Answer::Message {
                    message: Some(message),
                }
            }
            Err(error) => Answer::Failed {
                detail: format!("The rich message is not on this computer yet: {error}."),
            },
        }
    }
}

pub(super) fn signed_out() -> Answer {
    Answer::Failed {
        detail: "Nobody is signed in.".to_owned(),
    }
}
