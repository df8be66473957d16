//! Whose certificates are believed: what this system believes, and the authorities of one more
//! file. There is no way to believe everybody.

use core::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio_tungstenite::Connector;
use ureq::tls::{Certificate, RootCerts};

/// Whose certificates are believed. Files are read at each connection, so that what an
/// administrator adds is believed at once and nothing of it stays in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trust {
    more: Option<PathBuf>,
}

impl Trust {
    /// The system's authorities, and those of a PEM file.
    pub(crate) const fn with(more: Option<PathBuf>) -> Self {
        Self { more }
    }

    /// For requests. The error is for people.
    pub(crate) fn for_requests(&self) -> Result<RootCerts, String> {
        let certs = self.authorities()?;
        let certs = certs.iter().map(|it| Certificate::from_der(it).to_owned());
        Ok(RootCerts::Specific(Arc::new(certs.collect())))
    }

    /// For streams. The error is for people.
    pub(crate) fn for_streams(&self) -> Result<Connector, String> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.authorities()?);
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Connector::Rustls(Arc::new(config)))
    }

    fn authorities(&self) -> Result<Vec<CertificateDer<'static>>, String> {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "a root certificate of this system cannot be read");
        }
        let mut certs = found.certs;
        if let Some(path) = &self.more {
            certs.extend(read(path)?);
        }
        Ok(certs)
    }
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let certs =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let wrong = |why: &str| {
        let path = path.display();
        format!("The file of authorities {path} {why}. Correct it, or start without it.")
    };
    match certs {
        Ok(certs) if !certs.is_empty() => Ok(certs),
        Ok(_) => Err(wrong("holds no certificate in PEM form")),
        Err(error) => Err(wrong(&format!("cannot be read: {error}"))),
    }
}

/// What to do where a certificate is to blame for an error.
pub(crate) fn blamed(server: &str, error: &(dyn Error + 'static)) -> Option<String> {
    let rustls::Error::InvalidCertificate(problem) = tls_error(error)? else {
        return None;
    };
    Some(match problem {
        CertificateError::UnknownIssuer => format!(
            "This computer does not know the authority that vouches for {server}. If it is your \
             own, start Hither with --ca-file and its certificate, or have it installed in the \
             system; otherwise somebody may pose as the server"
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => format!(
            "The certificate of {server} has expired. Ask whoever runs it to renew it, and check \
             this computer's clock"
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            format!("The certificate of {server} is not valid yet. Check this computer's clock")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!(
                "The certificate is for another name than {server}. Use the name in the \
                 certificate, or ask whoever runs the server"
            )
        }
        other => format!("The certificate of {server} is not valid: {other}. Ask whoever runs it"),
    })
}

fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(found) = error.downcast_ref::<rustls::Error>() {
        return Some(found);
    }
    let inner = match error.downcast_ref::<io::Error>() {
        Some(error) => error.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    };
    inner.and_then(tls_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_authorities_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let trust = Trust::with(Some(path.clone()));
        for text in [None, Some(""), Some("-----BEGIN CERTIFICATE-----\nAAA")] {
            if let Some(text) = text {
                std::fs::write(&path, text).unwrap();
            }
            let refusals = [
                trust.for_requests().unwrap_err(),
                trust.for_streams().map(|_| ()).unwrap_err(),
            ];
            for refusal in refusals {
                assert!(refusal.contains("ca.pem"), "{refusal}");
            }
        }
    }

    #[test]
    fn each_problem_of_a_certificate_has_its_next_step() {
        for (problem, says) in [
            (CertificateError::UnknownIssuer, "--ca-file"),
            (CertificateError::Expired, "renew"),
            (CertificateError::NotValidYet, "clock"),
            (CertificateError::NotValidForName, "another name"),
            (CertificateError::BadSignature, "not valid"),
        ] {
            let error = rustls::Error::InvalidCertificate(problem);
            let wrapped = io::Error::other(error.clone());
            for error in [&error as &(dyn Error + 'static), &wrapped] {
                let text = blamed("https://h.example", error).unwrap();
                assert!(
                    text.contains(says) && text.contains("https://h.example"),
                    "{text}"
                );
            }
        }
        let other = rustls::Error::DecryptError;
        assert_eq!(blamed("https://h.example", &other), None);
    }
}
