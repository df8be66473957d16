//! Frames View, Query and Command over the local socket; checks who is at the other end.
//!
//! JSON lines. Both sides begin with `{"hither_ipc":1,"build":"…"}`. Then a screen asks
//! `{"id":1,"query":{…}}` or `{"id":2,"command":{…}}` and is answered
//! `{"id":1,"answer":{…}}` and `{"id":2,"done":true}`, in the order in which the answers are
//! known; in between, the companion says `{"view":{…}}` at once and whenever it changed. `{"error":"…"}` is the companion's last line.

mod client;
mod lines;
mod place;
mod server;
mod transport;
mod words;

pub use client::{Client, ConnectError, Disconnected};
pub use place::{data_folder, socket_path, window_socket};
pub use server::{Host, serve};
pub use transport::{BindError, Listener};
pub use words::VERSION;
