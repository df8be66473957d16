//! Redis Streams that are on the disk before anybody is told: the peer of `throughput`.

use core::net::{Ipv4Addr, SocketAddr};
use core::sync::atomic::{AtomicBool, Ordering};
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::client::{connect, message};
use crate::place::folder;
use crate::program::Process;
use crate::throughput::{COUPLES, Count, Flow, OUTSTANDING};
use crate::wait::{SOON, wait_for_async};

/// A Redis of our own, everybody connected.
pub(crate) struct Redis {
    process: Process,
    delivered: Count,
    /// Each with the stream that it adds to.
    publishers: Vec<(Connection, usize)>,
    receivers: JoinSet<anyhow::Result<()>>,
    _folder: TempDir,
}

impl Redis {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let folder = folder()?;
        let free = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = free.local_addr()?;
        drop(free);
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string()]);
        // It takes the other addresses of this computer for strangers.
        command.args(["--protected-mode", "no"]);
        command.arg("--dir").arg(folder.path());
        // Durable, and never busy with copies of its files meanwhile.
        command.args(["--appendonly", "yes", "--appendfsync", "always"]);
        command.args(["--save", "", "--auto-aof-rewrite-percentage", "0"]);
        command
            .args(["--loglevel", "warning"])
            .stderr(Stdio::null());
        let process = Process::start(&mut command);
        wait_for_async("Redis", SOON, async || Connection::open(address).await.ok()).await;
        let (delivered, mut receivers) = (Count::default(), JoinSet::new());
        let mut publishers = Vec::new();
        for number in 0..COUPLES {
            publishers.push((Connection::open(address).await?, number));
            let receiver = Connection::open(address).await?;
            receivers.spawn(receiver.receive(number, delivered.clone()));
        }
        Ok(Self {
            process,
            delivered,
            publishers,
            receivers,
            _folder: folder,
        })
    }

    pub(crate) async fn flow(&mut self) -> anyhow::Result<Flow> {
        let (mut tasks, stop) = (JoinSet::new(), Arc::new(AtomicBool::new(false)));
        for (publisher, number) in self.publishers.drain(..) {
            tasks.spawn(publisher.publish(number, Arc::clone(&stop)));
        }
        let flow = self.delivered.flow(self.process.id()).await;
        stop.store(true, Ordering::Relaxed);
        while let Some(publisher) = tasks.join_next().await {
            self.publishers.push(publisher??);
        }
        if let Some(ended) = self.receivers.try_join_next() {
            ended??;
        }
        flow
    }
}

/// An answer, as far as anybody here looks at it.
enum Answer {
    Text(Vec<u8>),
    List(Vec<Answer>),
    Other,
}

struct Connection {
    wire: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let mut this = Self {
            wire: connect(address, 0).await?,
            read: Vec::new(),
        };
        this.say(&["PING"]).await?;
        this.answer().await?;
        Ok(this)
    }

    /// Keeps so many under way until it is told to stop.
    async fn publish(
        mut self,
        number: usize,
        stop: Arc<AtomicBool>,
    ) -> anyhow::Result<(Self, usize)> {
        let (key, body) = (key(number), message("p00000").to_string());
        let add = command(&["XADD", &key, "*", "m", &body]);
        self.wire.write_all(&add.repeat(OUTSTANDING)).await?;
        let mut waiting = OUTSTANDING;
        while waiting > 0 {
            self.answer().await?;
            let mut answered = 1;
            while self.answered()?.is_some() {
                answered += 1;
            }
            if stop.load(Ordering::Relaxed) {
                waiting -= answered;
            } else {
                self.wire.write_all(&add.repeat(answered)).await?;
            }
        }
        Ok((self, number))
    }

    async fn receive(mut self, number: usize, delivered: Count) -> anyhow::Result<()> {
        let (key, mut last) = (key(number), "0".to_owned());
        loop {
            let read = ["XREAD", "COUNT", "64", "BLOCK", "0", "STREAMS", &key, &last];
            self.say(&read).await?;
            let entries = entries(self.answer().await?).context("no entries")?;
            delivered.add(entries.len());
            if let Some(Answer::List(entry)) = entries.into_iter().last()
                && let Some(Answer::Text(id)) = entry.into_iter().next()
            {
                last = String::from_utf8(id)?;
            }
        }
    }

    async fn say(&mut self, words: &[&str]) -> anyhow::Result<()> {
        Ok(self.wire.write_all(&command(words)).await?)
    }

    async fn answer(&mut self) -> anyhow::Result<Answer> {
        loop {
            if let Some(answer) = self.answered()? {
                return Ok(answer);
            }
            if self.wire.read_buf(&mut self.read).await? == 0 {
                bail!("Redis ended");
            }
        }
    }

    /// The next answer, where all of it is there.
    fn answered(&mut self) -> anyhow::Result<Option<Answer>> {
        let mut rest = self.read.as_slice();
        let Some(answer) = parse(&mut rest)? else {
            return Ok(None);
        };
        let taken = self.read.len() - rest.len();
        self.read.drain(..taken);
        Ok(Some(answer))
    }
}

fn key(number: usize) -> String {
    format!("log:{number}")
}

fn command(words: &[&str]) -> Vec<u8> {
    let words = words.iter();
    let text = words.clone().map(|it| format!("${}\r\n{it}\r\n", it.len()));
    format!("*{}\r\n{}", words.len(), text.collect::<String>()).into_bytes()
}

/// Of the one stream that was asked for.
fn entries(answer: Answer) -> Option<Vec<Answer>> {
    let inner = |answer: Answer, index: usize| match answer {
        Answer::List(list) => list.into_iter().nth(index),
        _ => None,
    };
    match inner(inner(answer, 0)?, 1)? {
        Answer::List(entries) => Some(entries),
        _ => None,
    }
}

fn parse(rest: &mut &[u8]) -> anyhow::Result<Option<Answer>> {
    let Some(end) = rest.windows(2).position(|it| it == b"\r\n") else {
        return Ok(None);
    };
    let (line, after) = (&rest[1..end], &rest[end + 2..]);
    let kind = rest[0];
    *rest = after;
    if kind == b'-' {
        bail!("Redis: {}", String::from_utf8_lossy(line));
    }
    if kind != b'$' && kind != b'*' {
        return Ok(Some(Answer::Other));
    }
    // Less than none stands for nothing.
    let Ok(count) = std::str::from_utf8(line)?.parse::<usize>() else {
        return Ok(Some(Answer::Other));
    };
    if kind == b'*' {
        let list = (0..count)
            .map(|_| parse(rest))
            .collect::<Result<Option<_>, _>>();
        return Ok(list?.map(Answer::List));
    }
    let Some(text) = rest.get(..count).filter(|_| rest.len() >= count + 2) else {
        return Ok(None);
    };
    *rest = &rest[count + 2..];
    Ok(Some(Answer::Text(text.to_vec())))
}
