use std::sync::{Arc, Mutex, PoisonError};

/// Where readings come from, for people who want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What it tells.
    pub topic: Topic,
    /// What it is: `X11 idle counter`.
    pub name: &'static str,
    /// Whether it is used.
    pub state: SourceState,
}

/// What a source tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// When the last input was.
    Idle,
    /// Whether something keeps the screen awake for somebody who watches.
    Inhibition,
    /// Whether the person shows their screen to others.
    Presenting,
    /// Whether the screen is locked.
    Lock,
    /// Whether this session is in front.
    Session,
    /// When the computer sleeps and wakes.
    Sleep,
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
    pub(crate) fn set(&self, topic: Topic, name: &'static str, state: SourceState) {
        tracing::debug!(?topic, name, ?state, "presence source");
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = sources
            .iter_mut()
            .find(|source| (source.topic, source.name) == (topic, name));
        match known {
            Some(source) => source.state = state,
            None => sources.push(Source { topic, name, state }),
        }
    }

    pub(crate) fn skip(&self, topic: Topic, name: &'static str, reason: impl Into<String>) {
        self.set(topic, name, SourceState::Skipped(reason.into()));
    }

    #[cfg(target_os = "linux")]
    /// Whether anything tells this.
    pub(crate) fn has(&self, topic: Topic) -> bool {
        let sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sources
            .iter()
            .any(|source| source.topic == topic && source.state == SourceState::Taken)
    }

    /// By topic; within one, in the order they were tried.
    pub(crate) fn list(&self) -> Vec<Source> {
        let sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sources = sources.clone();
        sources.sort_by_key(|source| source.topic);
        sources
    }
}
