//! What happens next, by time and then in the order in which it was planned.

use hither_attention::Event;

use crate::day::{Ms, Screen};

/// What happens next.
#[derive(Clone, Debug)]
pub(super) enum Due {
    Start,
    /// A condition of this desktop begins or ends.
    Changed(usize),
    Message(usize),
    /// The desktop asks itself whether the person is still, or again, there.
    Check(usize),
    Dial(usize),
    /// Of this connection of this desktop.
    Heartbeat(usize, u32),
    /// The server learns of a connection's end.
    Ended(usize, u32, bool),
    ToServer(usize, u32, Box<Event>),
    FromPhone(Box<Event>),
    Ring(usize, u32, Vec<usize>),
    Push(usize, Vec<usize>),
    Open(Screen, usize),
    Wake,
}

#[derive(Debug)]
pub(super) struct Entry(pub(super) Ms, pub(super) u64, pub(super) Due);

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}
