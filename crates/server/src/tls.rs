//! The server's certificate: read from files, and read again when they change.

use core::fmt;
use core::time::Duration;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use rustls::crypto::ring::{Ticketer, default_provider};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys, ServerConfig};
use tokio_rustls::TlsAcceptor;
use webpki::{EndEntityCert, KeyUsage};

/// The files are looked at so often at most, and only when somebody connects.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// So long before its end a certificate should have been renewed.
const RENEW_BEFORE: Duration = Duration::from_hours(7 * 24);

/// A certificate with its key, ready to serve.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    certificate: Arc<Certificate>,
}

/// Why a certificate cannot be used. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Name another file, or make it readable for the server's user.
    #[error("{setting} cannot be read from {}: {source}", path.display())]
    Unreadable {
        /// Which file.
        setting: &'static str,
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Name a PEM file.
    #[error(
        "{} holds no {what} in PEM form (lines between -----BEGIN … and -----END …); name the \
         right file in {setting}", path.display()
    )]
    NotPem {
        /// Which file.
        setting: &'static str,
        /// Its path.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// Name the files that were made together.
    #[error(
        "the key in {} does not belong to the first certificate in {}; name the files that were \
         made together, and put the server's own certificate before those of its authority",
        key.display(), cert.display()
    )]
    NotTheKey {
        /// Of the certificate.
        cert: PathBuf,
        /// Of the key.
        key: PathBuf,
    },
    /// Make another key or certificate.
    #[error("the certificate or key cannot be used: {0}; make new ones, such as ECDSA P-256")]
    Unusable(#[from] Error),
    /// Make another certificate.
    #[error("{} is no certificate that can be read: {problem}", path.display())]
    Malformed {
        /// Of the certificate.
        path: PathBuf,
        /// What is wrong.
        problem: webpki::Error,
    },
}

impl Tls {
    /// Reads the certificate, those between it and its authority, and the key, from PEM files.
    /// When the files change, connections that come later get the new certificate; while the new
    /// files cannot be used, the old one stays, and the log says so.
    pub fn load(cert: &Path, key: &Path) -> Result<Self, TlsError> {
        let certificate = Arc::new(Certificate::load(Files {
            cert: cert.to_owned(),
            key: key.to_owned(),
        })?);
        let resolver: Arc<dyn ResolvesServerCert> = certificate.clone();
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        // What is needed to resume travels with the client, so that nothing is kept for it.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = Ticketer::new()?;
        config.send_tls13_tickets = 1;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            certificate,
        })
    }

    pub(crate) const fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// When the present certificate ends, in seconds since 1970.
    #[must_use]
    pub fn expires_at(&self) -> u64 {
        self.certificate.current().expires_at.as_secs()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tls").field(&self.certificate.files).finish()
    }
}

#[derive(Clone, Debug)]
struct Files {
    cert: PathBuf,
    key: PathBuf,
}

/// The present certificate, and when its files were looked at.
#[derive(Debug)]
struct Certificate {
    files: Files,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    current: Current,
    stamps: Stamps,
    looked: Instant,
}

#[derive(Clone, Debug)]
struct Current {
    key: Arc<CertifiedKey>,
    expires_at: UnixTime,
}

/// What shows that files are others than before.
type Stamps = [Option<(SystemTime, u64)>; 2];

impl Certificate {
    fn load(files: Files) -> Result<Self, TlsError> {
        let stamps = files.stamps();
        let current = files.load()?;
        current.warn(&files);
        let seen = Mutex::new(Seen {
            current,
            stamps,
            looked: Instant::now(),
        });
        Ok(Self { files, seen })
    }

    /// The certificate that the files hold, or held when they last made sense.
    fn current(&self) -> Current {
        let mut seen = self.lock();
        if seen.looked.elapsed() >= LOOK_EVERY {
            seen.looked = Instant::now();
            let stamps = self.files.stamps();
            if stamps != seen.stamps {
                seen.stamps = stamps;
                self.renew(&mut seen.current);
            }
        }
        seen.current.clone()
    }

    fn renew(&self, current: &mut Current) {
        match self.files.load() {
            Ok(new) => {
                tracing::info!(certificate = %self.files.cert.display(), "certificate renewed");
                new.warn(&self.files);
                *current = new;
            }
            Err(error) => {
                tracing::error!(%error, "the new certificate cannot be used; the old one stays");
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current().key)
    }
}

impl Files {
    fn stamps(&self) -> Stamps {
        [&self.cert, &self.key].map(|path| {
            let about = fs::metadata(path).ok()?;
            Some((about.modified().ok()?, about.len()))
        })
    }

    fn load(&self) -> Result<Current, TlsError> {
        let chain = self.chain()?;
        let expires_at = expiry(&chain[0]).map_err(|problem| TlsError::Malformed {
            path: self.cert.clone(),
            problem,
        })?;
        let key = CertifiedKey::from_der(chain, self.key()?, &default_provider());
        let key = key.map_err(|error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::NotTheKey {
                cert: self.cert.clone(),
                key: self.key.clone(),
            },
            other => other.into(),
        })?;
        Ok(Current {
            key: Arc::new(key),
            expires_at,
        })
    }

    /// Of at least one certificate.
    fn chain(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let wrong = |error| wrong_file("tls_cert", &self.cert, "certificate", error);
        let certs = CertificateDer::pem_file_iter(&self.cert).map_err(wrong)?;
        let certs = certs.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
        if certs.is_empty() {
            return Err(wrong(pem::Error::NoItemsFound));
        }
        Ok(certs)
    }

    fn key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|error| wrong_file("tls_key", &self.key, "private key", error))
    }
}

impl Current {
    fn warn(&self, files: &Files) {
        let certificate = files.cert.display();
        let left = self.expires_at.as_secs().checked_sub(now().as_secs());
        match left.map(Duration::from_secs) {
            None => tracing::error!(
                %certificate,
                "the certificate has expired: clients refuse it; renew it"
            ),
            Some(left) if left < RENEW_BEFORE => tracing::warn!(
                %certificate,
                hours = left.as_secs() / 3600,
                "the certificate expires soon; renew it"
            ),
            Some(_) => {}
        }
    }
}

fn wrong_file(
    setting: &'static str,
    path: &Path,
    what: &'static str,
    error: pem::Error,
) -> TlsError {
    let path = path.to_owned();
    match error {
        pem::Error::Io(source) => TlsError::Unreadable {
            setting,
            path,
            source,
        },
        _ => TlsError::NotPem {
            setting,
            path,
            what,
        },
    }
}

/// The end of a certificate's time. What verifies certificates looks at the time first, and says
/// when a certificate ended that is looked at from the end of all times.
fn expiry(certificate: &CertificateDer<'_>) -> Result<UnixTime, webpki::Error> {
    let end_of_times = UnixTime::since_unix_epoch(Duration::from_secs(u64::MAX));
    let verdict = EndEntityCert::try_from(certificate)?
        .verify_for_usage(
            &[],
            &[],
            &[],
            end_of_times,
            KeyUsage::server_auth(),
            None,
            None,
        )
        .map(|_| ());
    match verdict {
        Err(webpki::Error::CertExpired { not_after, .. }) => Ok(not_after),
        Err(other) => Err(other),
        Ok(()) => Ok(end_of_times),
    }
}

fn now() -> UnixTime {
    UnixTime::now()
}

#[cfg(test)]
mod tests;
