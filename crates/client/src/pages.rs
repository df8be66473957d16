//! H5 pages that were too large for a frame: fetched in the background, one at a time, and kept
//! beside their message.

use core::time::Duration;
use std::collections::VecDeque;

use hither_engine::SignedIn;
use hither_protocol::{Message, MessageId};

/// Pages beyond so many waiting ones are fetched when their message is looked at.
const MAX_WAITING: usize = 256;

/// From the first failure to the next try; doubled by each further failure.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// The longest wait between two tries.
const AGAIN_WITHIN: Duration = Duration::from_mins(15);

/// Which pages are wanted, and whose token fetches them.
#[derive(Default)]
pub(crate) struct Pages {
    account: Option<SignedIn>,
    waiting: VecDeque<MessageId>,
    fetching: bool,
    /// Fetches that failed in a row.
    failures: u32,
}

impl Pages {
    /// Pages are fetched for this account from here on; what was wanted for another one is not.
    pub(crate) fn set_account(&mut self, account: Option<SignedIn>) {
        self.account = account;
        self.failures = 0;
        self.waiting.clear();
    }

    /// A stored message may have a page on the server.
    pub(crate) fn stored(&mut self, message: &Message) {
        let html = message.html.as_ref();
        if html.is_some_and(|html| html.inline.is_none() && html.href.is_some()) {
            self.want(message.id);
        }
    }

    /// A page is missing here.
    pub(crate) fn want(&mut self, id: MessageId) {
        if self.waiting.len() < MAX_WAITING && !self.waiting.contains(&id) {
            self.waiting.push_back(id);
        }
    }

    /// The next page to fetch, and for whom; the caller says [`fetched`](Self::fetched) after it.
    pub(crate) fn next_fetch(&mut self) -> Option<(SignedIn, MessageId)> {
        if self.fetching {
            return None;
        }
        let account = self.account.clone()?;
        let id = self.waiting.pop_front()?;
        self.fetching = true;
        Some((account, id))
    }

    /// The fetch is over, and nothing is to be fetched again.
    pub(crate) fn fetched(&mut self) {
        self.fetching = false;
        self.failures = 0;
    }

    /// The fetch failed; answers after what time the page is wanted again.
    pub(crate) fn failed(&mut self) -> Duration {
        self.fetching = false;
        self.failures = self.failures.saturating_add(1);
        let growing = AGAIN_AFTER * 2_u32.saturating_pow(self.failures - 1);
        growing.min(AGAIN_WITHIN)
    }

    /// Whose pages are fetched.
    pub(crate) fn account(&self) -> Option<SignedIn> {
        self.account.clone()
    }

    /// Whether what was asked for `account` is still theirs, also after they signed in again.
    pub(crate) fn belongs_to(&self, account: &SignedIn) -> bool {
        let theirs =
            |now: &SignedIn| (&now.server, &now.account) == (&account.server, &account.account);
        self.account.as_ref().is_some_and(theirs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::testing::{id, signed_in};

    #[test]
    fn one_page_at_a_time_each_wanted_once() {
        let mut pages = Pages::default();
        pages.want(id(1));
        assert_eq!(pages.next_fetch(), None, "nobody is signed in");
        pages.set_account(Some(signed_in("ada")));
        for n in [1, 2, 1, 2] {
            pages.want(id(n));
        }
        assert_eq!(pages.next_fetch(), Some((signed_in("ada"), id(1))));
        assert_eq!(pages.next_fetch(), None);
        pages.fetched();
        assert_eq!(pages.next_fetch(), Some((signed_in("ada"), id(2))));
        pages.fetched();
        assert_eq!(pages.next_fetch(), None);
    }

    #[test]
    fn a_page_that_failed_is_tried_again_later_and_later() {
        let mut pages = Pages::default();
        pages.set_account(Some(signed_in("ada")));
        let mut waits = Vec::new();
        for _ in 0..100 {
            pages.want(id(1));
            assert!(pages.next_fetch().is_some());
            waits.push(pages.failed());
        }
        assert_eq!(waits[..3], [5, 10, 20].map(Duration::from_secs));
        assert_eq!(waits[99], AGAIN_WITHIN);
        pages.fetched();
        assert_eq!(pages.failed(), AGAIN_AFTER);
    }

    #[test]
    fn b6_another_account_fetches_and_keeps_nothing_of_the_old_one() {
        let mut pages = Pages::default();
        pages.set_account(Some(signed_in("ada")));
        pages.want(id(1));
        pages.want(id(2));
        let (ada, _) = pages.next_fetch().unwrap();
        pages.set_account(Some(signed_in("bob")));
        assert!(!pages.belongs_to(&ada));
        pages.fetched();
        assert_eq!(pages.next_fetch(), None);
    }
}
