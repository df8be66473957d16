use std::sync::{Arc, Mutex, PoisonError};

/// Where readings come from, for people who want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What it is: `X11 idle counter`.
    pub name: &'static str,
    /// Whether it is used.
    pub state: SourceState,
}

/// Whether a source is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceState {
    /// It was asked and has not answered yet.
    Starting,
    /// It is used.
    Taken,
    /// It is not used; the reason is for people.
    Skipped(String),
}

/// The list of sources, shared by the tasks that keep it true.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources(Arc<Mutex<Vec<Source>>>);

impl Sources {
    pub(crate) fn set(&self, name: &'static str, state: SourceState) {
        tracing::debug!(name, ?state, "presence source");
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match sources.iter_mut().find(|source| source.name == name) {
            Some(source) => source.state = state,
            None => sources.push(Source { name, state }),
        }
    }

    pub(crate) fn skip(&self, name: &'static str, reason: impl Into<String>) {
        self.set(name, SourceState::Skipped(reason.into()));
    }

    pub(crate) fn list(&self) -> Vec<Source> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
