//! A cable between a companion and its server, which can be cut: nothing passes any more, and
//! neither end is told.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// A door on loopback that leads to a server. It stays open until the test's process ends.
#[derive(Debug)]
pub struct Wire {
    address: SocketAddr,
    /// Of the connections that are made from here on; the ones before it have their own.
    cut: Arc<Mutex<Arc<AtomicBool>>>,
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
        };
        let cut = Arc::clone(&wire.cut);
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let cut = Arc::clone(&lock(&cut));
                let far = TcpStream::connect(server).expect("the server listens");
                pass_on(&near, &far, &cut);
                pass_on(&far, &near, &cut);
            }
        });
        wire
    }

    /// `http://127.0.0.1:…`, in place of the server's.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://{}", self.address)
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

fn pass_on(from: &TcpStream, to: &TcpStream, cut: &Arc<AtomicBool>) {
    let clone = |stream: &TcpStream| stream.try_clone().expect("another handle");
    let (mut from, mut to, cut) = (clone(from), clone(to), Arc::clone(cut));
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
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
