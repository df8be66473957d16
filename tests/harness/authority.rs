//! Certificates of an authority that only a test knows.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// Vouches for servers on this computer.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// The files of a server's certificate.
#[derive(Clone, Debug)]
pub struct CertificateFiles {
    /// The certificate.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl Authority {
    /// A new one with a key of its own.
    ///
    /// # Panics
    /// When there is no randomness.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names are fine");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let cert = params.self_signed(&key).expect("a certificate");
        Self {
            pem: cert.pem(),
            issuer: Issuer::new(params, key),
        }
    }

    /// Writes its own certificate to a file.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, path: &Path) {
        fs::write(path, &self.pem).expect("a place for the authority");
    }

    /// Its own certificate, in PEM form.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Writes a new certificate for `localhost`, 127.0.0.1 and 192.0.2.1, which is nobody's, into a
    /// folder, as an administrator would: the old files are replaced at once.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn vouch(&self, folder: &Path) -> CertificateFiles {
        let names = ["localhost", "127.0.0.1", "192.0.2.1"].map(str::to_owned);
        let params = CertificateParams::new(names).expect("names");
        let key = KeyPair::generate().expect("a key");
        let cert = params.signed_by(&key, &self.issuer).expect("a certificate");
        let files = CertificateFiles {
            cert: folder.join("cert.pem"),
            key: folder.join("key.pem"),
        };
        for (path, text) in [(&files.cert, cert.pem()), (&files.key, key.serialize_pem())] {
            let new = path.with_extension("new");
            fs::write(&new, text).expect("a place for the certificate");
            fs::rename(new, path).expect("a place for the certificate");
        }
        files
    }
}
