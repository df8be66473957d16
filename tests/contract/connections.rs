//! What a refusal leaves of the connection that it was asked on.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use crate::place::{PATIENCE, Place};

/// A connection on which one request follows the other.
struct Connection {
    socket: TcpStream,
    answers: BufReader<TcpStream>,
}

impl Connection {
    fn to(place: &Place) -> Self {
        let (_, address) = place.origin().split_once("://").unwrap();
        let socket = TcpStream::connect(address).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let answers = BufReader::new(socket.try_clone().unwrap());
        Self { socket, answers }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).unwrap();
    }

    /// The next answer's status, and whether it says that it is the last one.
    fn answer(&mut self) -> (u16, bool) {
        let (mut first, mut length, mut last) = (String::new(), 0, false);
        self.answers.read_line(&mut first).unwrap();
        loop {
            let mut line = String::new();
            self.answers.read_line(&mut line).unwrap();
            let line = line.trim().to_ascii_lowercase();
            match line.split_once(": ") {
                Some(("content-length", value)) => length = value.parse().unwrap(),
                Some(("connection", "close")) => last = true,
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.answers.read_exact(&mut body).unwrap();
        let status = first.split(' ').nth(1).expect("an answer");
        (status.parse().unwrap(), last)
    }

    fn is_closed(&mut self) -> bool {
        // Closed or reset, whichever comes first.
        !matches!(self.answers.read(&mut [0]), Ok(1..))
    }
}

fn head(line: &str, more: &str) -> Vec<u8> {
    format!("{line} HTTP/1.1\r\nhost: h\r\n{more}\r\n").into_bytes()
}

/// Requests that are refused whatever their body is, and how.
const REFUSED: [(&str, u16); 4] = [
    ("POST /v1/messages", 401),
    ("POST /v1/publishers", 415),
    ("POST /v1/nowhere", 404),
    ("PATCH /v1/messages", 405),
];

#[test]
fn after_a_refusal_the_connection_takes_the_next_request() {
    let place = Place::find();
    let mut connection = Connection::to(&place);
    for (line, status) in REFUSED {
        // As clients do that write a body by itself.
        connection.send(&head(line, "content-length: 4\r\n"));
        connection.send(b"body");
        assert_eq!(connection.answer(), (status, false), "{line}");
        connection.send(&head(line, "transfer-encoding: chunked\r\n"));
        connection.send(b"4\r\nbody\r\n0\r\n\r\n");
        assert_eq!(connection.answer(), (status, false), "{line}");
    }
    connection.send(&head("GET /healthz", ""));
    assert_eq!(connection.answer(), (200, false));
}

#[test]
fn an_answer_before_the_end_of_the_request_says_that_it_is_the_last() {
    let place = Place::find();
    for (line, status) in REFUSED {
        for more in [
            "content-length: 4\r\n",
            "content-length: 70000\r\n",
            "transfer-encoding: chunked\r\n",
            "content-length: 4\r\nexpect: 100-continue\r\n",
        ] {
            let mut connection = Connection::to(&place);
            connection.send(&head(line, more));
            assert_eq!(connection.answer(), (status, true), "{line} {more}");
            assert!(connection.is_closed(), "{line} {more}");
        }
    }
}
