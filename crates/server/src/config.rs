//! Where the settings come from: flags, then `HITHER_*` variables, then a file, then defaults.

mod error;
mod value;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fmt, fs};

use hither_protocol::Policy;
use serde::{Deserialize, Serialize};

pub use self::error::ConfigError;
pub use self::value::{List, LogFormat, Seconds, Secret};
use self::value::{Setting, parse};
use crate::limits::{Limits, Rate};
use crate::serve::MIB;
use crate::store::{Quota, Retention};
use crate::tls::Tls;
use crate::{AttachmentLimits, MetricsAccess, Network, Origin, Registration, Settings};

const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7480);
const LIMITS: Limits = Limits::DEFAULT;
const FILES: AttachmentLimits = AttachmentLimits::DEFAULT;

/// Declares every setting once: its key in the file, its variable, its type and its default.
macro_rules! settings {
    ($($(#[doc = $about:literal])+ $key:ident, $variable:literal, $kind:ty = $default:expr;)*) => {
        /// What one source says; the rest is left to the next one.
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Layer {
            $($(#[doc = $about])+ pub $key: Option<$kind>,)*
        }

        /// Every setting with where it came from.
        #[derive(Clone, Debug, Serialize)]
        pub struct Config {
            $($(#[doc = $about])+ pub $key: Sourced<$kind>,)*
        }

        /// Key and variable of every setting.
        pub const SETTINGS: &[(&str, &str)] = &[$((stringify!($key), $variable)),*];

        impl Layer {
            fn from_environment(
                variable: impl Fn(&'static str) -> Option<String>,
            ) -> Result<Self, ConfigError> {
                Ok(Self { $($key: parse($variable, &variable)?,)* })
            }
        }

        impl Config {
            fn merge(flags: Layer, environment: Layer, file: Layer) -> Self {
                Self {
                    $($key: first([flags.$key, environment.$key, file.$key])
                        .unwrap_or_else(|| by_default($default)),)*
                }
            }

            fn rows(&self) -> Vec<(&'static str, String, Source)> {
                vec![$((stringify!($key), self.$key.value.show(), self.$key.from)),*]
            }
        }
    };
}

settings! {
    /// Folder of the database, the lock and the administrator's socket.
    data, "HITHER_DATA", PathBuf = PathBuf::new();
    /// Where to listen for HTTP.
    listen, "HITHER_LISTEN", SocketAddr = DEFAULT_LISTEN;
    /// Whether HTTP without TLS may leave this computer.
    insecure_http, "HITHER_INSECURE_HTTP", bool = false;
    /// PEM file of the certificate and those between it and the authority.
    tls_cert, "HITHER_TLS_CERT", Option<PathBuf> = None;
    /// PEM file of the certificate's private key.
    tls_key, "HITHER_TLS_KEY", Option<PathBuf> = None;
    /// Under which address people reach the server, as behind a proxy.
    public_url, "HITHER_PUBLIC_URL", Option<Origin> = None;
    /// Other origins whose pages browsers may send requests from.
    origins, "HITHER_ORIGINS", List<Origin> = List::default();
    /// Addresses of proxies that are believed when they say whom they forward for.
    trusted_proxies, "HITHER_TRUSTED_PROXIES", List<Network> = List::default();
    /// Another listener, in plain HTTP, for metrics alone.
    metrics_listen, "HITHER_METRICS_LISTEN", Option<SocketAddr> = None;
    /// A secret with which metrics are answered from anywhere.
    metrics_token, "HITHER_METRICS_TOKEN", Option<Secret> = None;
    /// How log lines are written.
    log_format, "HITHER_LOG_FORMAT", LogFormat = LogFormat::Text;
    /// Seconds without input after which a desktop is inactive, 10 to 3600.
    idle_after_s, "HITHER_IDLE_AFTER_S", u64 = 180;
    /// Whether a person's other devices are told of a new sign-in.
    announce_sign_ins, "HITHER_ANNOUNCE_SIGN_INS", bool = true;
    /// Networks that webhooks may lead to, on any port and without TLS, beside what is public.
    outbound_allow, "HITHER_OUTBOUND_ALLOW", List<Network> = List::default();
    /// Who may become a publisher: `administrators`, `approval` or `open`.
    publisher_registration, "HITHER_PUBLISHER_REGISTRATION", Registration =
        Registration::Administrators;
    /// Days for which each log is kept, 1 to 3650.
    retention_days, "HITHER_RETENTION_DAYS", u64 = 90;
    /// Entries that are kept of each log, 100 to 1,000,000.
    retention_entries, "HITHER_RETENTION_ENTRIES", u64 = Retention::default().entries;
    /// The largest file beside a message, in MiB.
    attachment_mib, "HITHER_ATTACHMENT_MIB", u64 = FILES.file_bytes / MIB;
    /// All files of one publisher, in MiB.
    attachments_per_publisher_mib, "HITHER_ATTACHMENTS_PER_PUBLISHER_MIB", u64 =
        FILES.quota.publisher / MIB;
    /// All files together, in MiB.
    attachments_mib, "HITHER_ATTACHMENTS_MIB", u64 = FILES.quota.total / MIB;
    /// Requests with files that are received at the same time.
    uploads, "HITHER_UPLOADS", usize = FILES.uploads;
    /// Those of one publisher among them.
    uploads_per_publisher, "HITHER_UPLOADS_PER_PUBLISHER", usize = FILES.uploads_per_publisher;
    /// How long requests and streams may take to end when the server stops.
    stop_within_s, "HITHER_STOP_WITHIN_S", Seconds = Seconds::of(LIMITS.stop_within);
    /// Open connections and streams in all.
    connections, "HITHER_CONNECTIONS", usize = LIMITS.connections;
    /// Open connections and streams of one address.
    connections_per_address, "HITHER_CONNECTIONS_PER_ADDRESS", usize =
        LIMITS.connections_per_address;
    /// Open streams of one account.
    streams_per_account, "HITHER_STREAMS_PER_ACCOUNT", usize = LIMITS.streams_per_account;
    /// Requests of one address.
    requests_per_address, "HITHER_REQUESTS_PER_ADDRESS", Rate = LIMITS.requests_per_address;
    /// Requests of one account's clients.
    requests_per_account, "HITHER_REQUESTS_PER_ACCOUNT", Rate = LIMITS.requests_per_account;
    /// Requests of one publisher.
    requests_per_publisher, "HITHER_REQUESTS_PER_PUBLISHER", Rate = LIMITS.requests_per_publisher;
    /// Webhooks that one publisher may have.
    webhooks_per_publisher, "HITHER_WEBHOOKS_PER_PUBLISHER", usize = LIMITS.webhooks_per_publisher;
    /// Frames that a client may say on one stream.
    frames_per_stream, "HITHER_FRAMES_PER_STREAM", Rate = LIMITS.frames_per_stream;
    /// Publishers that register from one address.
    registrations_per_address, "HITHER_REGISTRATIONS_PER_ADDRESS", Rate =
        LIMITS.registrations_per_address;
    /// Failed sign-ins of one address, and of one account.
    failed_sign_ins, "HITHER_FAILED_SIGN_INS", Rate = LIMITS.failed_sign_ins;
    /// Passwords that are checked or wait for it at the same time.
    sign_ins_waiting, "HITHER_SIGN_INS_WAITING", usize = LIMITS.sign_ins;
    /// From a connection to the end of its TLS handshake.
    handshake_within_s, "HITHER_HANDSHAKE_WITHIN_S", Seconds =
        Seconds::of(LIMITS.handshake_within);
    /// From the beginning of a request to the end of its headers; also how long an idle connection
    /// is kept.
    headers_within_s, "HITHER_HEADERS_WITHIN_S", Seconds = Seconds::of(LIMITS.headers_within);
    /// From the upgrade to the hello.
    hello_within_s, "HITHER_HELLO_WITHIN_S", Seconds = Seconds::of(LIMITS.hello_within);
    /// A client that takes nothing for so long is too slow.
    drain_within_s, "HITHER_DRAIN_WITHIN_S", Seconds = Seconds::of(LIMITS.drain_within);
    /// Live entries that wait for one stream.
    waiting_entries, "HITHER_WAITING_ENTRIES", usize = LIMITS.waiting_entries;
}

/// Variables of this program that are no settings.
const OTHERS: &[&str] = &[
    "HITHER_CONFIG",
    "HITHER_LOG",
    "HITHER_PUBLISHER_ID",
    "HITHER_PUBLISHER_SECRET",
];

/// The variables that look like settings and are none, as they are when a name is misspelt.
#[must_use]
pub fn strays() -> Vec<String> {
    let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    strays_among(names).collect()
}

fn strays_among(names: impl Iterator<Item = String>) -> impl Iterator<Item = String> {
    let is_known = |name: &String| {
        let mut known = SETTINGS.iter().map(|(_, variable)| variable).chain(OTHERS);
        known.any(|known| known == name)
    };
    names.filter(move |name| name.starts_with("HITHER_") && !is_known(name))
}

/// A value and who gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Who gave it.
    pub from: Source,
}

/// Who gave a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A flag of this command.
    Flag,
    /// A `HITHER_*` variable.
    Environment,
    /// The file named by `--config`.
    File,
    /// Nobody; the value that fits most.
    Default,
}

impl Config {
    /// Brings all sources together. `file` is what `--config` names.
    pub fn gather(flags: Layer, file: Option<&Path>) -> Result<Self, ConfigError> {
        Self::gather_from(flags, file, |name| env::var(name).ok())
    }

    fn gather_from(
        flags: Layer,
        file: Option<&Path>,
        variable: impl Fn(&'static str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let variable = |name| variable(name).filter(|value| !value.is_empty());
        let named = variable("HITHER_CONFIG").map(PathBuf::from);
        let file = match file.or(named.as_deref()) {
            Some(path) => read(path)?,
            None => Layer::default(),
        };
        let mut config = Self::merge(flags, Layer::from_environment(variable)?, file);
        if config.data.from == Source::Default {
            config.data.value = default_data(variable)?;
        }
        if config.data.value.as_os_str().is_empty() {
            return Err(ConfigError::NoFolder);
        }
        Ok(config)
    }

    /// Where to listen; refuses to expose HTTP without TLS by accident, and a place that the metrics
    /// have, too.
    pub fn listen(&self) -> Result<SocketAddr, ConfigError> {
        let listen = self.listen.value;
        if let Some(metrics) = self.metrics_listen.value
            && is_one_place(listen, metrics)
        {
            return Err(ConfigError::OnePlace {
                main: listen,
                metrics,
            });
        }
        let encrypted = self.tls_cert.value.is_some();
        if encrypted || is_loopback(listen) || self.insecure_http.value {
            Ok(listen)
        } else {
            Err(ConfigError::WithoutTls(listen))
        }
    }

    /// What a server runs with; reads the certificate.
    pub fn settings(&self) -> Result<Settings, ConfigError> {
        Ok(Settings {
            public_url: self.public_url.value.clone(),
            origins: self.origins.value.0.clone(),
            trusted_proxies: self.trusted_proxies.value.0.clone(),
            tls: self.tls()?,
            metrics: self.metrics(),
            policy: Policy {
                idle_after_ms: self.idle_after_s()? * 1000,
                ..Policy::default()
            },
            limits: self.limits()?,
            announce_sign_ins: self.announce_sign_ins.value,
            outbound_allow: self.outbound_allow.value.0.clone(),
            retention: self.retention()?,
            attachments: self.attachments(),
            registration: self.publisher_registration.value,
            ..Settings::default()
        })
    }

    fn tls(&self) -> Result<Option<Tls>, ConfigError> {
        match (&self.tls_cert.value, &self.tls_key.value) {
            (None, None) => Ok(None),
            (Some(cert), Some(key)) => Ok(Some(Tls::load(cert, key)?)),
            (None, _) => Err(ConfigError::HalfTls {
                missing: "tls_cert",
            }),
            (_, None) => Err(ConfigError::HalfTls { missing: "tls_key" }),
        }
    }

    fn metrics(&self) -> MetricsAccess {
        let own_listener = self.metrics_listen.value.is_some();
        MetricsAccess {
            on_main: is_loopback(self.listen.value) && !own_listener,
            token: self.metrics_token.value.as_ref().map(Secret::token),
        }
    }

    fn idle_after_s(&self) -> Result<u64, ConfigError> {
        let seconds = self.idle_after_s.value;
        if (10..=3600).contains(&seconds) {
            Ok(seconds)
        } else {
            Err(ConfigError::IdleAfter(seconds))
        }
    }

    fn retention(&self) -> Result<Retention, ConfigError> {
        let (days, entries) = (self.retention_days.value, self.retention_entries.value);
        if !(1..=3650).contains(&days) {
            return Err(ConfigError::RetentionDays(days));
        }
        if !(100..=1_000_000).contains(&entries) {
            return Err(ConfigError::RetentionEntries(entries));
        }
        Ok(Retention {
            age: Duration::from_hours(24 * days),
            entries,
        })
    }

    fn attachments(&self) -> AttachmentLimits {
        let bytes = |mib: u64| mib.saturating_mul(MIB);
        AttachmentLimits {
            file_bytes: bytes(self.attachment_mib.value),
            quota: Quota {
                publisher: bytes(self.attachments_per_publisher_mib.value),
                total: bytes(self.attachments_mib.value),
            },
            uploads: self.uploads.value,
            uploads_per_publisher: self.uploads_per_publisher.value,
            ..FILES
        }
    }

    fn limits(&self) -> Result<Limits, ConfigError> {
        for (name, number) in [
            ("connections", &self.connections),
            ("connections_per_address", &self.connections_per_address),
            ("streams_per_account", &self.streams_per_account),
            ("sign_ins_waiting", &self.sign_ins_waiting),
            ("waiting_entries", &self.waiting_entries),
            ("uploads", &self.uploads),
            ("uploads_per_publisher", &self.uploads_per_publisher),
        ] {
            if number.value == 0 {
                return Err(ConfigError::Nothing(name));
            }
        }
        Ok(Limits {
            stop_within: self.stop_within_s.value.into(),
            connections: self.connections.value,
            connections_per_address: self.connections_per_address.value,
            streams_per_account: self.streams_per_account.value,
            requests_per_address: self.requests_per_address.value,
            requests_per_account: self.requests_per_account.value,
            requests_per_publisher: self.requests_per_publisher.value,
            webhooks_per_publisher: self.webhooks_per_publisher.value,
            frames_per_stream: self.frames_per_stream.value,
            registrations_per_address: self.registrations_per_address.value,
            failed_sign_ins: self.failed_sign_ins.value,
            sign_ins: self.sign_ins_waiting.value,
            handshake_within: self.handshake_within_s.value.into(),
            headers_within: self.headers_within_s.value.into(),
            hello_within: self.hello_within_s.value.into(),
            drain_within: self.drain_within_s.value.into(),
            waiting_entries: self.waiting_entries.value,
            ..LIMITS
        })
    }
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.rows();
        let lines = rows
            .iter()
            .map(|(key, value, from)| format!("{key:<24} {value}  ({from})"));
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "flag",
            Self::Environment => "environment",
            Self::File => "file",
            Self::Default => "default",
        })
    }
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

/// Whether a second listener finds the first one there. The system chooses port 0.
fn is_one_place(one: SocketAddr, other: SocketAddr) -> bool {
    let everywhere = |address: SocketAddr| address.ip().is_unspecified();
    one.port() != 0
        && one.port() == other.port()
        && (one.ip() == other.ip() || everywhere(one) || everywhere(other))
}

fn read(path: &Path) -> Result<Layer, ConfigError> {
    let text = fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    toml::from_str(&text).map_err(|source| ConfigError::File {
        path: path.to_owned(),
        source: Box::new(source),
    })
}

/// The first value given; sources in order of weight.
fn first<T>(given: [Option<T>; 3]) -> Option<Sourced<T>> {
    [Source::Flag, Source::Environment, Source::File]
        .into_iter()
        .zip(given)
        .find_map(|(from, value)| value.map(|value| Sourced { value, from }))
}

fn by_default<T>(value: T) -> Sourced<T> {
    Sourced {
        value,
        from: Source::Default,
    }
}

fn default_data(variable: impl Fn(&'static str) -> Option<String>) -> Result<PathBuf, ConfigError> {
    if rustix::process::geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib/hither-server"));
    }
    let share = variable("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| variable("HOME").map(|home| Path::new(&home).join(".local/share")))
        .ok_or(ConfigError::NoHome)?;
    Ok(share.join("hither-server"))
}

#[cfg(test)]
mod tests;
