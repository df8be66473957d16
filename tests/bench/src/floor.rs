//! The floor: a process that speaks WebSocket and does nothing else with it.

use core::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures_util::stream::SplitSink;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::server::Response;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

use crate::client::{Stream, small_buffers};
use crate::probe::{Times, microseconds};
use crate::program::Process;

/// The word with which this program becomes the floor.
pub(crate) const FLOOR: &str = "floor";
/// What follows is said to all.
const TO_ALL: &str = "all ";

type Sink = SplitSink<WebSocketStream<TcpStream>, Message>;
type Shared = Arc<tokio::sync::Mutex<Sink>>;
type Everyone = Arc<Mutex<Vec<Shared>>>;

/// A running floor.
#[derive(Debug)]
pub(crate) struct Floor {
    pub(crate) address: SocketAddr,
    _process: Process,
}

impl Floor {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let mut command = std::process::Command::new(std::env::current_exe()?);
        let mut process = Process::start(command.arg(FLOOR));
        let line = process.lines().and_then(|mut lines| lines.next());
        let address = line.transpose()?.unwrap_or_default().parse()?;
        Ok(Self {
            address,
            _process: process,
        })
    }

    /// How long a text takes to it and back, so many times.
    pub(crate) async fn echo(&self, text: &str, times: usize) -> anyhow::Result<Times> {
        let mut stream = Stream::open(self.address, 0).await?;
        let mut took = Vec::with_capacity(times);
        for _ in 0..times {
            let begun = Instant::now();
            stream.say(text).await?;
            stream.next().await?;
            took.push(microseconds(begun));
        }
        Ok(Times::new(took))
    }
}

/// Has the floor say something to all others who are connected to it.
pub(crate) fn to_all(text: &str) -> String {
    format!("{TO_ALL}{text}")
}

/// Echoes what is said, or says it to all, until the process is ended.
pub(crate) fn run() -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(listen())
}

async fn listen() -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    let everyone = Everyone::default();
    loop {
        let (wire, _) = listener.accept().await?;
        wire.set_nodelay(true)?;
        tokio::spawn(serve(wire, Arc::clone(&everyone)));
    }
}

#[expect(
    clippy::result_large_err,
    reason = "the type of a refusal is tungstenite's"
)]
async fn serve(wire: TcpStream, everyone: Everyone) {
    let agree = |_: &_, mut answer: Response| {
        let protocol = hither_protocol::SUBPROTOCOL
            .parse()
            .expect("a header's value");
        answer
            .headers_mut()
            .insert("sec-websocket-protocol", protocol);
        Ok(answer)
    };
    let accepted = accept_hdr_async_with_config(wire, agree, Some(small_buffers()));
    let Ok(stream) = accepted.await else {
        return;
    };
    let (sink, mut said) = stream.split();
    let sink = Arc::new(tokio::sync::Mutex::new(sink));
    lock(&everyone).push(Arc::clone(&sink));
    while let Some(Ok(Message::Text(text))) = said.next().await {
        if let Some(text) = text.strip_prefix(TO_ALL) {
            say_to_all(&everyone, &sink, &text.into());
        } else if sink.lock().await.send(Message::Text(text)).await.is_err() {
            break;
        }
    }
    lock(&everyone).retain(|other| !Arc::ptr_eq(other, &sink));
}

/// On all cores, each with its share of the connections.
fn say_to_all(everyone: &Everyone, but: &Shared, text: &Utf8Bytes) {
    let others = lock(everyone);
    let share = others.len().div_ceil(crate::cores());
    for share in others.chunks(share) {
        let others = share.iter().filter(|other| !Arc::ptr_eq(other, but));
        let (others, text) = (others.cloned().collect::<Vec<_>>(), text.clone());
        tokio::spawn(async move {
            for other in others {
                // One who left needs nothing.
                let _ = other.lock().await.send(Message::Text(text.clone())).await;
            }
        });
    }
}

fn lock(everyone: &Everyone) -> std::sync::MutexGuard<'_, Vec<Shared>> {
    everyone.lock().unwrap_or_else(PoisonError::into_inner)
}
