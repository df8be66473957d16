//! A cable between a companion and its server, which can be cut: nothing passes any more, and
//! neither end is told.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use crate::SOON;

/// A door on loopback that leads to a server. It stays open until the test's process ends.
#[derive(Debug)]
pub struct Wire {
    address: SocketAddr,
    /// Of the connections that are made from here on; the ones before it have their own.
    cut: Arc<Mutex<Arc<AtomicBool>>>,
    held: Arc<Mutex<Option<Hold>>>,
}

/// A request that does not pass yet.
#[derive(Debug)]
struct Hold {
    begins: &'static str,
    came: mpsc::Sender<()>,
    may_pass: mpsc::Receiver<()>,
}

/// Somebody who waits for a request at the door.
#[derive(Debug)]
pub struct Held {
    came: mpsc::Receiver<()>,
    may_pass: mpsc::Sender<()>,
}

impl Held {
    /// Waits until it came.
    ///
    /// # Panics
    /// When it does not.
    pub fn wait(&self) {
        self.came.recv_timeout(SOON).expect("the request comes");
    }

    /// Lets it pass.
    pub fn pass(self) {
        let _ = self.may_pass.send(());
    }
}

impl Wire {
    /// Leads to `http://127.0.0.1:…`.
    ///
    /// # Panics
    /// When there is no free port, or that is no such address.
    #[must_use]
    pub fn to(server: &str) -> Self {
        let server: SocketAddr = server
            .trim_start_matches("http://")
            .parse()
            .expect("an address on loopback");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let wire = Self {
            address: listener.local_addr().expect("a bound socket has one"),
            cut: Arc::default(),
            held: Arc::default(),
        };
        let (cut, held) = (Arc::clone(&wire.cut), Arc::clone(&wire.held));
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let cut = Arc::clone(&lock(&cut));
                let far = TcpStream::connect(server).expect("the server listens");
                pass_on(&near, &far, &cut, &held);
                pass_on(&far, &near, &cut, &Arc::default());
            }
        });
        wire
    }

    /// `http://127.0.0.1:…`, in place of the server's.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Holds up the next request that begins like this.
    #[must_use]
    pub fn hold(&self, begins: &'static str) -> Held {
        let (came, arrival) = mpsc::channel();
        let (release, may_pass) = mpsc::channel();
        *lock(&self.held) = Some(Hold {
            begins,
            came,
            may_pass,
        });
        Held {
            came: arrival,
            may_pass: release,
        }
    }

    /// Nothing passes any more, on old connections and on new ones.
    pub fn cut(&self) {
        lock(&self.cut).store(true, Ordering::Relaxed);
    }

    /// New connections work again; the old ones stay silent.
    pub fn mend(&self) {
        *lock(&self.cut) = Arc::default();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pass_on(
    from: &TcpStream,
    to: &TcpStream,
    cut: &Arc<AtomicBool>,
    held: &Arc<Mutex<Option<Hold>>>,
) {
    let clone = |stream: &TcpStream| stream.try_clone().expect("another handle");
    let (mut from, mut to) = (clone(from), clone(to));
    let (cut, held) = (Arc::clone(cut), Arc::clone(held));
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            let begins = |hold: &mut Hold| bytes.starts_with(hold.begins.as_bytes());
            let waited_for = lock(&held).take_if(begins);
            if let Some(Hold { came, may_pass, .. }) = waited_for {
                let _ = came.send(());
                let _ = may_pass.recv();
            }
            if !cut.load(Ordering::Relaxed) && to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        if !cut.load(Ordering::Relaxed) {
            let _ = to.shutdown(std::net::Shutdown::Write);
            return;
        }
        // Not even the end passes.
        loop {
            thread::park();
        }
    });
}
