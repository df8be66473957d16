use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::tls::TlsError;

/// A setting that makes no sense; the text says which and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Name another file, or make it readable.
    #[error("cannot read the configuration {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Correct the line.
    #[error("the configuration {} is not right: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Names line and key.
        source: Box<toml::de::Error>,
    },
    /// Correct or unset the variable.
    #[error("the variable {name} is not right: {problem}")]
    Variable {
        /// The variable.
        name: &'static str,
        /// What is wrong with its value.
        problem: String,
    },
    /// Choose another time.
    #[error("idle_after_s is {0}; it must be from 10 to 3600 seconds")]
    IdleAfter(u64),
    /// Choose another number.
    #[error("retention_days is {0}; it must be from 1 to 3650 days")]
    RetentionDays(u64),
    /// Choose another number.
    #[error("retention_entries is {0}; it must be from 100 to 1000000 entries")]
    RetentionEntries(u64),
    /// Choose a larger number.
    #[error("{0} is 0, so nobody could connect; set it to 1 or more")]
    Nothing(&'static str),
    /// Name a folder with `--data`.
    #[error("there is no home folder to keep data in; name a folder with --data")]
    NoHome,
    /// Name a folder.
    #[error("data is empty; name a folder")]
    NoFolder,
    /// Name both files.
    #[error("{missing} is missing: a server with TLS needs both tls_cert and tls_key")]
    HalfTls {
        /// The setting.
        missing: &'static str,
    },
    /// As the text says.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Choose another port for the metrics.
    #[error(
        "metrics_listen {metrics} and listen {main} are one place; give metrics_listen another \
         port, or leave it out"
    )]
    OnePlace {
        /// Where everything is answered.
        main: SocketAddr,
        /// Where metrics are.
        metrics: SocketAddr,
    },
    /// Set up TLS, listen on loopback behind a proxy with TLS, or accept the risk.
    #[error(
        "listening on {0} without TLS would let anyone on the way read passwords and messages; \
         set tls_cert and tls_key, or listen on 127.0.0.1 behind a proxy with TLS, or accept \
         that with --insecure-http"
    )]
    WithoutTls(SocketAddr),
}
