//! The rules one by one, in scripts.

mod about_a_device;
mod active;
mod away;
mod choices;
mod comeback;
mod handover;
mod memory;
mod nobody;
mod not_shown;
mod odd_events;
mod priorities;
mod read;
mod reconnect;
mod restart;
mod trace;
mod unknown;
mod untold;
