//! What a server answers over HTTP.

use std::io::{BufRead, BufReader};

use serde_json::Value;
use ureq::http::{HeaderMap, Response};
use ureq::{Body, BodyReader};

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Text where it is no JSON.
    pub(crate) body: Value,
    headers: HeaderMap,
}

impl Answer {
    pub(crate) fn of(mut answer: Response<Body>) -> Self {
        let said = answer.body_mut().read_to_string().unwrap();
        Self {
            status: answer.status().as_u16(),
            body: serde_json::from_str(&said).unwrap_or(Value::String(said)),
            headers: answer.headers().clone(),
        }
    }

    /// Status and code of a problem.
    #[track_caller]
    pub(crate) fn problem(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }

    /// Empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// All of them.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let values = self.headers.get_all(name).into_iter();
        values.map(|value| value.to_str().unwrap()).collect()
    }

    /// The cookie that it sets, as a browser sends it back.
    pub(crate) fn cookie(&self) -> &str {
        let set = self.header("set-cookie");
        set.split_once(';').map_or(set, |(cookie, _)| cookie)
    }

    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }
}

/// An answer that comes line by line.
pub(crate) struct Lines(BufReader<BodyReader<'static>>);

impl Lines {
    pub(crate) fn of(answer: Response<Body>) -> Self {
        let (_, body) = answer.into_parts();
        Self(BufReader::new(body.into_reader()))
    }

    /// The next line, without its end; none after the last.
    pub(crate) fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.0.read_line(&mut line).expect("something in time");
        (read > 0).then(|| line.trim_end().to_owned())
    }

    /// The next line, which is JSON.
    #[track_caller]
    pub(crate) fn event(&mut self) -> Value {
        let line = self.line().expect("one more line");
        serde_json::from_str(&line).unwrap()
    }
}
