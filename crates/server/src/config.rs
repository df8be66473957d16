//! Where the settings come from: flags, then `HITHER_*` variables, then a file, then defaults.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;
use std::{env, fmt, fs, io};

use hither_protocol::Policy;
use serde::{Deserialize, Serialize};

use crate::store::Retention;
use crate::{InvalidOrigin, Registration, Settings};

const DEFAULT_IDLE_AFTER_S: u64 = 180;
const DEFAULT_RETENTION_DAYS: u64 = 90;
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7480);

/// What one source says; the rest is left to the next one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Folder of the database, the lock and the administrator's socket.
    pub data: Option<PathBuf>,
    /// Address of the HTTP listener.
    pub listen: Option<SocketAddr>,
    /// Whether HTTP without TLS may leave this computer.
    pub insecure_http: Option<bool>,
    /// Under which address people reach the server, as behind a proxy.
    pub public_url: Option<String>,
    /// Seconds without input after which a desktop is inactive, 10 to 3600.
    pub idle_after_s: Option<u64>,
    /// Days for which each log is kept, 1 to 3650.
    pub retention_days: Option<u64>,
    /// Entries that are kept of each log, 100 to 1,000,000.
    pub retention_entries: Option<u64>,
    /// Who may become a publisher: `administrators`, `approval` or `open`.
    pub publisher_registration: Option<Registration>,
}

/// Every setting with where it came from.
#[derive(Clone, Debug, Serialize)]
pub struct Config {
    /// Folder of the database, the lock and the administrator's socket.
    pub data: Sourced<PathBuf>,
    /// Address of the HTTP listener.
    pub listen: Sourced<SocketAddr>,
    /// Whether HTTP without TLS may leave this computer.
    pub insecure_http: Sourced<bool>,
    /// Under which address people reach the server; as each request says where it is not set.
    pub public_url: Sourced<Option<String>>,
    /// Seconds without input after which a desktop is inactive.
    pub idle_after_s: Sourced<u64>,
    /// Days for which each log is kept.
    pub retention_days: Sourced<u64>,
    /// Entries that are kept of each log.
    pub retention_entries: Sourced<u64>,
    /// Who may become a publisher.
    pub publisher_registration: Sourced<Registration>,
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
    /// Name a folder with `--data`.
    #[error("there is no home folder to keep data in; name a folder with --data")]
    NoHome,
    /// Give scheme and host, as `https://hither.example`.
    #[error("public_url is not right: it {0}")]
    PublicUrl(#[from] InvalidOrigin),
    /// Listen on loopback behind a proxy with TLS, or accept the risk.
    #[error(
        "listening on {0} without TLS would let anyone on the way read passwords and messages; \
         listen on 127.0.0.1 behind a proxy with TLS, or accept that with --insecure-http"
    )]
    WithoutTls(SocketAddr),
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
        let environment = Layer {
            data: variable("HITHER_DATA").map(PathBuf::from),
            listen: parsed("HITHER_LISTEN", variable)?,
            insecure_http: parsed("HITHER_INSECURE_HTTP", variable)?,
            public_url: variable("HITHER_PUBLIC_URL"),
            idle_after_s: parsed("HITHER_IDLE_AFTER_S", variable)?,
            retention_days: parsed("HITHER_RETENTION_DAYS", variable)?,
            retention_entries: parsed("HITHER_RETENTION_ENTRIES", variable)?,
            publisher_registration: parsed("HITHER_PUBLISHER_REGISTRATION", variable)?,
        };
        let pick_data = first([flags.data, environment.data, file.data]);
        Ok(Self {
            data: match pick_data {
                Some(data) => data,
                None => by_default(default_data(variable)?),
            },
            listen: first([flags.listen, environment.listen, file.listen])
                .unwrap_or(by_default(DEFAULT_LISTEN)),
            insecure_http: first([
                flags.insecure_http,
                environment.insecure_http,
                file.insecure_http,
            ])
            .unwrap_or(by_default(false)),
            public_url: first([flags.public_url, environment.public_url, file.public_url]).map_or(
                by_default(None),
                |Sourced { value, from }| Sourced {
                    value: Some(value),
                    from,
                },
            ),
            idle_after_s: first([
                flags.idle_after_s,
                environment.idle_after_s,
                file.idle_after_s,
            ])
            .unwrap_or(by_default(DEFAULT_IDLE_AFTER_S)),
            retention_days: first([
                flags.retention_days,
                environment.retention_days,
                file.retention_days,
            ])
            .unwrap_or(by_default(DEFAULT_RETENTION_DAYS)),
            retention_entries: first([
                flags.retention_entries,
                environment.retention_entries,
                file.retention_entries,
            ])
            .unwrap_or(by_default(Retention::default().entries)),
            publisher_registration: first([
                flags.publisher_registration,
                environment.publisher_registration,
                file.publisher_registration,
            ])
            .unwrap_or(by_default(Registration::default())),
        })
    }

    /// Where to listen; refuses to expose HTTP without TLS by accident.
    pub fn listen(&self) -> Result<SocketAddr, ConfigError> {
        let listen = self.listen.value;
        if listen.ip().to_canonical().is_loopback() || self.insecure_http.value {
            Ok(listen)
        } else {
            Err(ConfigError::WithoutTls(listen))
        }
    }

    /// What a server runs with.
    pub fn settings(&self) -> Result<Settings, ConfigError> {
        let public_url = self.public_url.value.as_deref().map(str::parse);
        Ok(Settings {
            public_url: public_url.transpose()?,
            policy: Policy {
                idle_after_ms: self.idle_after_s()? * 1000,
                ..Policy::default()
            },
            retention: self.retention()?,
            registration: self.publisher_registration.value,
            ..Settings::default()
        })
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

    fn idle_after_s(&self) -> Result<u64, ConfigError> {
        let seconds = self.idle_after_s.value;
        if (10..=3600).contains(&seconds) {
            Ok(seconds)
        } else {
            Err(ConfigError::IdleAfter(seconds))
        }
    }
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.public_url.value.as_deref();
        let rows: [(_, &dyn fmt::Display, _); 8] = [
            ("data", &self.data.value.display(), self.data.from),
            ("listen", &self.listen.value, self.listen.from),
            (
                "insecure_http",
                &self.insecure_http.value,
                self.insecure_http.from,
            ),
            (
                "public_url",
                &url.unwrap_or("as each request says"),
                self.public_url.from,
            ),
            (
                "idle_after_s",
                &self.idle_after_s.value,
                self.idle_after_s.from,
            ),
            (
                "retention_days",
                &self.retention_days.value,
                self.retention_days.from,
            ),
            (
                "retention_entries",
                &self.retention_entries.value,
                self.retention_entries.from,
            ),
            (
                "publisher_registration",
                &self.publisher_registration.value,
                self.publisher_registration.from,
            ),
        ];
        let lines = rows.map(|(name, value, from)| format!("{name:<22} {value}  ({from})"));
        f.write_str(&lines.join("\n"))
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

fn parsed<T: FromStr<Err: fmt::Display>>(
    name: &'static str,
    variable: impl Fn(&'static str) -> Option<String>,
) -> Result<Option<T>, ConfigError> {
    let Some(text) = variable(name) else {
        return Ok(None);
    };
    text.parse()
        .map(Some)
        .map_err(|error: T::Err| ConfigError::Variable {
            name,
            problem: error.to_string(),
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
mod tests {
    use super::*;

    fn gather(flags: Layer, file: Option<&str>, env: &[(&str, &str)]) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hither.toml");
        fs::write(&path, file.unwrap_or_default()).unwrap();
        Config::gather_from(flags, file.is_some().then_some(&*path), |name| {
            let found = env.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
        .map_err(|error| error.to_string())
    }

    #[test]
    fn flags_beat_variables_beat_the_file_beats_defaults() {
        let flag = || Layer {
            listen: Some("127.0.0.1:1".parse().unwrap()),
            ..Layer::default()
        };
        let file = Some("listen = '127.0.0.1:3'");
        let env = [("HITHER_LISTEN", "127.0.0.1:2")];
        let none: [(&str, &str); 0] = [];
        for (flags, file, env, port, from) in [
            (flag(), file, &env[..], 1, Source::Flag),
            (Layer::default(), file, &env, 2, Source::Environment),
            (Layer::default(), file, &none, 3, Source::File),
            (
                Layer::default(),
                file,
                &[("HITHER_LISTEN", "")],
                3,
                Source::File,
            ),
            (Layer::default(), None, &none, 7480, Source::Default),
        ] {
            let mut env = env.to_vec();
            env.push(("HOME", "/home/ada"));
            let listen = gather(flags, file, &env).unwrap().listen;
            assert_eq!((listen.value.port(), listen.from), (port, from));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (file, env, says) in [
            ("listne = 'x'", ("", ""), ["listne", "line 1"]),
            ("\n\nlisten = 7", ("", ""), ["listen", "line 3"]),
            (
                "listen = 'localhost'",
                ("", ""),
                ["listen", "socket address"],
            ),
            ("listen = ", ("", ""), ["line 1", "hither.toml"]),
            (
                "",
                ("HITHER_LISTEN", "x"),
                ["HITHER_LISTEN", "socket address"],
            ),
            (
                "",
                ("HITHER_INSECURE_HTTP", "yes"),
                ["HITHER_INSECURE_HTTP", "true"],
            ),
            ("", ("HITHER_CONFIG", "/nowhere.toml"), ["", ""]),
        ] {
            if env.0 == "HITHER_CONFIG" {
                let text = gather(Layer::default(), None, &[env]).unwrap_err();
                assert!(text.contains("/nowhere.toml"), "{text}");
                continue;
            }
            let text = gather(Layer::default(), Some(file), &[env]).unwrap_err();
            assert!(says.iter().all(|word| text.contains(word)), "{text}");
        }
    }

    #[test]
    fn plain_http_stays_on_this_computer() {
        for (listen, insecure, fine) in [
            ("127.0.0.1:1", false, true),
            ("127.9.9.9:1", false, true),
            ("[::1]:1", false, true),
            ("[::ffff:127.0.0.1]:1", false, true),
            ("0.0.0.0:1", false, false),
            ("[::]:1", false, false),
            ("192.168.1.2:1", false, false),
            ("0.0.0.0:1", true, true),
        ] {
            let flags = Layer {
                data: Some("/data".into()),
                listen: Some(listen.parse().unwrap()),
                insecure_http: Some(insecure),
                ..Layer::default()
            };
            let checked = gather(flags, None, &[]).unwrap().listen();
            assert_eq!(checked.is_ok(), fine, "{listen}");
            if let Err(error) = checked {
                assert!(error.to_string().contains("--insecure-http"));
            }
        }
    }

    #[test]
    fn a_public_url_is_an_origin() {
        for (url, fine) in [
            ("https://hither.example", true),
            ("http://127.0.0.1:7480/", true),
            ("hither.example", false),
            ("ftp://hither.example", false),
            ("https://hither.example/path", false),
        ] {
            let env = [("HITHER_PUBLIC_URL", url), ("HOME", "/home/ada")];
            let config = gather(Layer::default(), None, &env).unwrap();
            assert_eq!(config.settings().is_ok(), fine, "{url}");
            assert!(config.to_string().contains(url));
        }
    }

    #[test]
    fn the_idle_threshold_has_bounds() {
        for (seconds, fine) in [("9", false), ("10", true), ("3600", true), ("3601", false)] {
            let env = [("HITHER_IDLE_AFTER_S", seconds), ("HOME", "/home/ada")];
            let config = gather(Layer::default(), None, &env).unwrap();
            assert_eq!(config.settings().is_ok(), fine, "{seconds}");
        }
    }

    #[test]
    fn retention_is_bounded_and_its_default_is_the_documented_one() {
        let settings = |file: &str| {
            let env = [("HOME", "/home/ada")];
            let config = gather(Layer::default(), Some(file), &env).unwrap();
            config.settings().map_err(|error| error.to_string())
        };
        assert_eq!(settings("").unwrap().retention, Retention::default());
        let short = settings("retention_days = 1\nretention_entries = 100").unwrap();
        assert_eq!(short.retention.age, Duration::from_hours(24));
        assert_eq!(short.retention.entries, 100);
        for (file, said) in [
            ("retention_days = 0", "1 to 3650"),
            ("retention_days = 3651", "1 to 3650"),
            ("retention_entries = 99", "100 to 1000000"),
            ("retention_entries = 1000001", "100 to 1000000"),
        ] {
            assert!(settings(file).unwrap_err().contains(said), "{file}");
        }
    }
}
