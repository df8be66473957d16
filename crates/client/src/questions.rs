//! What a person asks and only the server can answer. Blocking, for threads that may wait.

use hither_engine::view::{Answer, DeviceName};
use hither_engine::{SignedIn, merged};
use hither_protocol::{Devices, MessageId, Settings, Trace};
use serde_json::{Map, Value};

use crate::http::{self, FetchFailed};
use crate::trust::Trust;

const SETTINGS: &str = "/v1/settings";

/// Devices that change settings all the time are a fault of theirs.
const MOST_TRIES: usize = 5;

/// One of them.
#[derive(Debug)]
pub(crate) enum Question {
    /// Why a message alerted where it did.
    Trace(MessageId),
    /// What the person chose.
    Settings,
    /// Keep what the second changes of the first.
    KeepSettings(Box<Settings>, Box<Settings>),
}

impl Question {
    /// Asks the account's server. Waits as long as HTTP does.
    pub(crate) fn ask(&self, account: &SignedIn, trust: &Trust) -> Answer {
        let answer = match self {
            Self::Trace(id) => trace(account, trust, *id),
            Self::Settings => settings(account, trust),
            Self::KeepSettings(was, to) => keep_settings(account, trust, was, to),
        };
        answer.unwrap_or_else(|error| Answer::Failed {
            detail: error.to_string(),
        })
    }
}

fn trace(account: &SignedIn, trust: &Trust, id: MessageId) -> Result<Answer, FetchFailed> {
    let path = format!("/v1/messages/{id}/trace");
    let trace: Trace = http::ask(account, trust, &path)?;
    let devices = if trace.steps.is_empty() {
        Vec::new()
    } else {
        http::ask::<Devices>(account, trust, "/v1/devices")?.devices
    };
    let devices = devices.into_iter().map(|device| DeviceName {
        id: device.id,
        name: device.name,
        here: device.current,
    });
    Ok(Answer::Trace {
        trace,
        devices: devices.collect(),
    })
}

fn settings(account: &SignedIn, trust: &Trust) -> Result<Answer, FetchFailed> {
    let settings = http::ask(account, trust, SETTINGS)?;
    Ok(Answer::Settings { settings })
}

/// The server keeps whole settings only, so what it holds is read first, and read again where
/// another device was faster.
fn keep_settings(
    account: &SignedIn,
    trust: &Trust,
    was: &Settings,
    to: &Settings,
) -> Result<Answer, FetchFailed> {
    for _ in 1..MOST_TRIES {
        match try_to_keep(account, trust, was, to) {
            Err(FetchFailed::Changed) => {}
            kept => return kept,
        }
    }
    try_to_keep(account, trust, was, to)
}

fn try_to_keep(
    account: &SignedIn,
    trust: &Trust,
    was: &Settings,
    to: &Settings,
) -> Result<Answer, FetchFailed> {
    let (whole, tag) = http::ask_tagged::<Map<String, Value>>(account, trust, SETTINGS)?;
    let held = Value::Object(whole.clone());
    let held: Box<Settings> =
        serde_json::from_value(held).map_err(|error| FetchFailed::NotNow(error.to_string()))?;
    let Some(wanted) = merged(was, to, &held, whole) else {
        return Ok(Answer::SettingsDiffer { settings: held });
    };
    let settings = http::put(account, trust, SETTINGS, wanted, tag.as_deref())?;
    Ok(Answer::Settings { settings })
}
