//! Where a publisher listens for what its webhooks are told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde_json::Value;

use crate::place::PATIENCE;

/// Takes everything that is posted.
pub(crate) struct Hook {
    url: String,
    posted: Receiver<Value>,
}

impl Hook {
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (sender, posted) = channel();
        thread::spawn(move || {
            for socket in listener.incoming() {
                if sender.send(taken(&socket.unwrap())).is_err() {
                    return;
                }
            }
        });
        Self { url, posted }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The next event.
    pub(crate) fn next(&self) -> Value {
        self.posted.recv_timeout(PATIENCE).expect("an event")
    }
}

/// What one request posts; it is answered 204.
fn taken(mut socket: &TcpStream) -> Value {
    let mut reading = BufReader::new(socket);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reading.read_line(&mut line).unwrap();
        match line.trim().to_ascii_lowercase().split_once(": ") {
            Some(("content-length", value)) => length = value.parse().unwrap(),
            None if line.trim().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reading.read_exact(&mut body).unwrap();
    socket
        .write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        .unwrap();
    serde_json::from_slice(&body).unwrap()
}
