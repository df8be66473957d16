//! What screens ask: the engine, the history and the server each know a part.

use hither_engine::SignedIn;
use hither_engine::view::{Answer, Query};
use tokio::sync::oneshot;

use super::fetches::Fetched;
use super::{Finished, Running, blocking};
use crate::clock;
use crate::platform::Platform;
use crate::questions::Question;

impl<P: Platform> Running<P> {
    pub(super) fn ask(&mut self, query: Query, answer: oneshot::Sender<Answer>) {
        // Whoever asked may be gone.
        if query == Query::Diagnostics {
            return drop(answer.send(self.diagnose()));
        }
        let account = match (self.refusal(), self.it.pages.account()) {
            (None, Some(account)) => account,
            (refusal, _) => return drop(answer.send(refusal.unwrap_or_else(signed_out))),
        };
        match query {
            Query::Rich { id } => self.ask_rich(account, id, answer),
            Query::Save { id, attachment } => self.save_file(account, id, attachment, answer),
            Query::Trace { id } => self.ask_server(account, Question::Trace(id), answer),
            Query::Settings => self.ask_server(account, Question::Settings, answer),
            Query::KeepSettings { was, to } => {
                self.ask_server(account, Question::KeepSettings(was, to), answer);
            }
            query => self.ask_history(account, query, answer),
        }
    }

    fn ask_history(&mut self, account: SignedIn, query: Query, answer: oneshot::Sender<Answer>) {
        let reader = self.it.reader.clone();
        self.in_background(
            async move { Finished::Query(account, reader.ask(query).await, answer) },
        );
    }

    fn diagnose(&self) -> Answer {
        let mut sources = self.platform.sources();
        sources.push(self.network.source());
        Answer::Diagnostics {
            diagnostics: self.it.engine.diagnostics(&clock::now(), sources),
        }
    }

    /// Asks the server what only it knows.
    fn ask_server(
        &mut self,
        account: SignedIn,
        question: Question,
        answer: oneshot::Sender<Answer>,
    ) {
        let trust = self.it.trust.clone();
        self.in_background(async move {
            let of = account.clone();
            let said = blocking(move || question.ask(&of, &trust)).await;
            Finished::Fetch(Fetched::Answered(account, said, answer))
        });
    }

    /// Every answer with content takes its time, if only the disk's: by now the app lock may be
    /// locked, or somebody else signed in.
    pub(super) fn to_whom_it_is(&self, account: &SignedIn, said: Answer) -> Answer {
        let theirs = self.it.pages.belongs_to(account);
        self.refusal()
            .unwrap_or_else(|| if theirs { said } else { signed_out() })
    }

    /// Why no screen gets any content now.
    fn refusal(&self) -> Option<Answer> {
        if self.it.engine.is_locked() {
            return Some(Answer::Locked);
        }
        (!self.it.engine.is_signed_in()).then(signed_out)
    }
}

fn signed_out() -> Answer {
    Answer::Failed {
        detail: "Nobody is signed in.".to_owned(),
    }
}
