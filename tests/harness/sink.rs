//! A server that answers everybody and remembers who came: where hostile pages try to report to.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// It listens until the test's process ends.
#[derive(Clone, Debug)]
pub struct Sink {
    address: SocketAddr,
    visits: Arc<Mutex<Vec<String>>>,
}

impl Sink {
    /// Listens on a free port of loopback.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn open() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let sink = Self {
            address: listener
                .local_addr()
                .expect("a bound socket has an address"),
            visits: Arc::default(),
        };
        let visits = Arc::clone(&sink.visits);
        std::thread::spawn(move || {
            for visitor in listener.incoming().flatten() {
                let visits = Arc::clone(&visits);
                std::thread::spawn(move || answer(&visitor, &visits));
            }
        });
        sink
    }

    /// `127.0.0.1:…`
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// What visitors asked for, sorted, each once: paths, and `connected` for each that came at all.
    #[must_use]
    pub fn visits(&self) -> Vec<String> {
        let mut visits = self
            .visits
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        visits.sort();
        visits.dedup();
        visits
    }
}

fn answer(visitor: &TcpStream, visits: &Mutex<Vec<String>>) {
    let remember = |visit: &str| {
        let mut visits = visits.lock().unwrap_or_else(PoisonError::into_inner);
        visits.push(visit.to_owned());
    };
    remember("connected");
    let mut request = String::new();
    // Who only connects has said enough.
    let _ = BufReader::new(visitor).read_line(&mut request);
    if let Some(path) = request.split([' ', '?']).nth(1) {
        remember(path);
    }
    let answer = "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Type: text/css\r\n\
                  Content-Length: 0\r\nConnection: close\r\n\r\n";
    let mut visitor = visitor;
    let _ = visitor.write_all(answer.as_bytes());
}
