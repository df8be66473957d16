//! What screens ask: the engine, the history and the server each know a part.

use hither_engine::SignedIn;
use hither_engine::view::{Answer, Query};
use tokio::sync::oneshot;

use super::fetches::{Fetched, signed_out};
use super::{Finished, Running, blocking};
use crate::clock;
use crate::platform::Platform;
use crate::questions::Question;

impl<P: Platform> Running<P> {
    pub(super) fn ask(&mut self, query: Query, answer: oneshot::Sender<Answer>) {
        match query {
            // Whoever asked may be gone.
            Query::Diagnostics => drop(answer.send(self.diagnose())),
            _ if self.it.engine.is_locked() => drop(answer.send(Answer::Locked)),
            Query::Rich { id } => self.ask_rich(id, answer),
            Query::Save { id, attachment } => self.save_file(id, attachment, answer),
            Query::Trace { id } => self.ask_server(Question::Trace(id), answer),
            Query::Settings => self.ask_server(Question::Settings, answer),
            Query::KeepSettings { was, to } => {
                self.ask_server(Question::KeepSettings(was, to), answer);
            }
            query => self.ask_history(query, answer),
        }
    }

    fn ask_history(&mut self, query: Query, answer: oneshot::Sender<Answer>) {
        let reader = self.it.reader.clone();
        self.in_background(async move { Finished::Query(reader.ask(query).await, answer) });
    }

    fn diagnose(&self) -> Answer {
        let mut sources = self.platform.sources();
        sources.push(self.network.source());
        Answer::Diagnostics {
            diagnostics: self.it.engine.diagnostics(&clock::now(), sources),
        }
    }

    /// Asks the server what only it knows.
    fn ask_server(&mut self, question: Question, answer: oneshot::Sender<Answer>) {
        let Some(account) = self.it.pages.account() else {
            // Whoever asked may be gone.
            let _ = answer.send(signed_out());
            return;
        };
        let trust = self.it.trust.clone();
        self.in_background(async move {
            let of = account.clone();
            let said = blocking(move || question.ask(&of, &trust)).await;
            Finished::Fetch(Fetched::Answered(account, said, answer))
        });
    }

    /// An answer that took its time: by now the app lock may be locked, or somebody else signed in.
    pub(super) fn to_whom_it_is(&self, account: &SignedIn, said: Answer) -> Answer {
        let theirs = self.it.pages.belongs_to(account);
        self.unless_locked(if theirs { said } else { signed_out() })
    }

    /// Every answer with content takes its time, if only the disk's.
    pub(super) fn unless_locked(&self, said: Answer) -> Answer {
        if self.it.engine.is_locked() {
            return Answer::Locked;
        }
        said
    }
}
