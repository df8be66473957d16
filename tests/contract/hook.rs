//! Where a publisher listens for what its webhooks are told.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde_json::Value;

use crate::place::PATIENCE;

/// Takes what is posted.
pub(crate) struct Hook {
    url: String,
    posted: Receiver<Posted>,
}

/// One request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Posted {
    headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Posted {
    /// By its name in small letters.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        &self.headers[name]
    }

    pub(crate) fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Hook {
    /// Takes everything.
    pub(crate) fn open() -> Self {
        Self::answering(&[])
    }

    /// Answers these statuses first, and then takes everything.
    pub(crate) fn answering(statuses: &'static [u16]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (sender, posted) = channel();
        thread::spawn(move || {
            let mut statuses = statuses.iter();
            for socket in listener.incoming() {
                let status = statuses.next().unwrap_or(&204);
                if sender.send(taken(&socket.unwrap(), *status)).is_err() {
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
        self.posted().event()
    }

    /// The next request, with everything that it says.
    pub(crate) fn posted(&self) -> Posted {
        self.posted.recv_timeout(PATIENCE).expect("an event")
    }
}

/// What one request posts.
fn taken(mut socket: &TcpStream, status: u16) -> Posted {
    let mut reading = BufReader::new(socket);
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reading.read_line(&mut line).unwrap();
        match line.trim().split_once(": ") {
            Some((name, value)) => {
                headers.insert(name.to_ascii_lowercase(), value.to_owned());
            }
            None if line.trim().is_empty() => break,
            None => {}
        }
    }
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    reading.read_exact(&mut body).unwrap();
    write!(socket, "HTTP/1.1 {status} x\r\nConnection: close\r\n\r\n").unwrap();
    Posted {
        headers,
        body: String::from_utf8(body).unwrap(),
    }
}
