//! The server as its clients see it: real sockets on loopback, the real store in a folder of its
//! own.

mod delivery;
mod harness;
mod protocol;
mod publishing;
mod routing;
mod sessions;
