use std::collections::BTreeMap;

use hither_protocol::{AlertWhy, Because, MessageId, Priority, Route};

use crate::Accepted;

/// So many messages that merely wait are remembered: as many as a server keeps of a log, unless its
/// operator chose otherwise. They ring as one summary, which speaks for those that are not.
pub(crate) const REMEMBERED: usize = 20_000;

/// The messages that wait and that nothing was tried for yet, in piles that are decided about alike:
/// what is true of one of them is true of all.
#[derive(Debug, Default)]
pub(crate) struct Piles {
    piles: Vec<Pile>,
    /// There were more than are remembered.
    forgot: bool,
}

#[derive(Debug)]
struct Pile {
    kind: Kind,
    messages: BTreeMap<MessageId, Accepted>,
}

/// All that a decision about such a message is made from, besides the devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) loudness: (Priority, Route),
    pub(crate) why: AlertWhy,
    pub(crate) waits: Option<Because>,
}

impl Piles {
    pub(crate) fn len(&self) -> usize {
        self.piles.iter().map(|pile| pile.messages.len()).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.piles.is_empty()
    }

    pub(crate) fn kind_of(&self, id: MessageId) -> Option<Kind> {
        let mut piles = self.piles.iter();
        let pile = piles.find(|pile| pile.messages.contains_key(&id));
        pile.map(|pile| pile.kind)
    }

    pub(crate) fn kinds(&self) -> Vec<Kind> {
        self.piles.iter().map(|pile| pile.kind).collect()
    }

    /// One that stands for all of its kind.
    pub(crate) fn first(&self, kind: Kind) -> Option<MessageId> {
        let pile = self.piles.iter().find(|pile| pile.kind == kind)?;
        pile.messages.keys().next().copied()
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = MessageId> {
        let piles = self.piles.iter();
        piles.flat_map(|pile| pile.messages.keys().copied())
    }

    pub(crate) fn take(&mut self, id: MessageId) -> Option<(Kind, Accepted)> {
        let mut piles = self.piles.iter_mut();
        let taken = piles.find_map(|pile| Some((pile.kind, pile.messages.remove(&id)?)));
        self.piles.retain(|pile| !pile.messages.is_empty());
        taken
    }

    /// Returns what is forgotten for it: the oldest of the quietest.
    pub(crate) fn put(&mut self, kind: Kind, message: Accepted) -> Option<Accepted> {
        match self.piles.iter_mut().find(|pile| pile.kind == kind) {
            Some(pile) => drop(pile.messages.insert(message.id, message)),
            None => self.piles.push(Pile {
                kind,
                messages: BTreeMap::from([(message.id, message)]),
            }),
        }
        if self.len() <= REMEMBERED {
            return None;
        }
        self.forgot = true;
        let quietest = self.piles.iter().min_by_key(|pile| pile.kind.loudness.0)?;
        let (oldest, _) = quietest.messages.first_key_value()?;
        self.take(*oldest).map(|(_, message)| message)
    }

    /// Notes that another kind of waiting was too much to be remembered.
    pub(crate) fn forget(&mut self) {
        self.forgot = true;
    }

    /// Whether some were forgotten; asked once, when none of those that stood for them waits.
    pub(crate) fn recall(&mut self) -> bool {
        core::mem::take(&mut self.forgot)
    }
}
