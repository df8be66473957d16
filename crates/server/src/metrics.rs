//! Numbers for the operator, in the words of Prometheus: is anyone not getting messages?
//!
//! What happens is counted where it happens; what is (sizes, ages, open streams) is looked up when
//! somebody asks. No label names an account, a device or an address.

mod names;
mod prometheus;

use core::fmt;
use core::sync::atomic::AtomicU64;
use core::time::Duration;
use std::fs;

use hither_attention::Effect;
use hither_protocol::{AlertWhy, CloseCode, ErrorCode, FirstAlert};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::limits::NoPlace;
use crate::store::{Measures, WebhookLoad, What};

/// In which words the numbers are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Prometheus' own.
    Prometheus,
    /// For those who ask for it.
    OpenMetrics,
}

impl Form {
    /// The one that an `Accept` header asks for.
    pub(crate) fn accepted(accept: &str) -> Self {
        let mut ranges = accept
            .split(',')
            .filter_map(|range| range.split(';').next());
        if ranges.any(|essence| {
            essence
                .trim()
                .eq_ignore_ascii_case("application/openmetrics-text")
        }) {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Counters with one label.
type By = Family<[(&'static str, &'static str); 1], Counter>;
type Seconds = Gauge<f64, AtomicU64>;

/// Everything that is counted, and what was found when somebody last asked.
pub(crate) struct Metrics {
    registry: Registry,
    entries: By,
    delivered: By,
    acks: Counter,
    shown: Counter,
    read: Counter,
    alerts: By,
    alerts_owed: Gauge,
    lagged: Counter,
    closes: By,
    requests: Family<[(&'static str, u16); 1], Counter>,
    rejected: By,
    refused: By,
    handshakes_failed: Counter,
    sign_ins: By,
    events_queued: Counter,
    events_tried: By,
    events_dropped: By,
    found: Found,
}

/// What is looked up when somebody asks.
#[derive(Default)]
struct Found {
    oldest_unacked: Seconds,
    streams: Gauge,
    connections: Gauge,
    accounts: Gauge,
    commit_waiting: Gauge,
    scheduled: Gauge,
    sign_ins_waiting: Gauge,
    store_bytes: Gauge,
    free_bytes: Gauge,
    certificate_expires: Gauge,
    events_waiting: Gauge,
    webhooks_failing: Gauge,
    resident: Gauge,
    open_files: Gauge,
}

/// The state of the server when somebody asks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Vitals {
    /// For how long the connected device that is furthest behind has owed an ack.
    pub(crate) oldest_unacked: Duration,
    pub(crate) streams: usize,
    /// Connections and streams.
    pub(crate) places: usize,
    pub(crate) accounts: usize,
    pub(crate) commit_waiting: usize,
    /// Messages that wait for their time.
    pub(crate) scheduled: u64,
    pub(crate) sign_ins_waiting: usize,
    pub(crate) store_bytes: u64,
    pub(crate) free_bytes: u64,
    /// In seconds since 1970; 0 without TLS.
    pub(crate) certificate_expires: u64,
    pub(crate) webhooks: WebhookLoad,
}

impl Metrics {
    pub(crate) fn new(store: &Measures) -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("hither"),
            entries: By::default(),
            delivered: By::default(),
            acks: Counter::default(),
            shown: Counter::default(),
            read: Counter::default(),
            alerts: By::default(),
            alerts_owed: Gauge::default(),
            lagged: Counter::default(),
            closes: By::default(),
            requests: Family::default(),
            rejected: By::default(),
            refused: By::default(),
            handshakes_failed: Counter::default(),
            sign_ins: By::default(),
            events_queued: Counter::default(),
            events_tried: By::default(),
            events_dropped: By::default(),
            found: Found::default(),
        };
        metrics.register(store);
        metrics.begin_at_zero();
        metrics
    }

    /// An entry that a commit put into one or more logs.
    pub(crate) fn committed(&self, what: &What) {
        count(
            &self.entries,
            "kind",
            match what {
                What::Message(_) => "message",
                What::Read(_) => "read",
                What::Withdraw(..) => "withdraw",
            },
        );
    }

    /// A message went out on a stream.
    pub(crate) fn delivered(&self, alert: FirstAlert) {
        count(
            &self.delivered,
            "alert",
            match alert {
                FirstAlert::Now => "now",
                FirstAlert::Silent => "silent",
                FirstAlert::Never => "never",
            },
        );
    }

    /// A client says that its disk is as far as this.
    pub(crate) fn acked(&self) {
        self.acks.inc();
    }

    /// So many messages were up on a device for the first time.
    pub(crate) fn shown(&self, messages: usize) {
        self.shown.inc_by(messages as u64);
    }

    /// So many messages were read that were not before.
    pub(crate) fn read(&self, messages: usize) {
        self.read.inc_by(messages as u64);
    }

    /// A router decided.
    pub(crate) fn decided(&self, effect: &Effect) {
        let (kind, times) = match effect {
            Effect::Deliver { ring, .. } => ("now", ring.len()),
            Effect::Alert { ids, why, .. } => (alert_kind(*why), ids.len()),
            Effect::Push { ids, .. } => ("push", ids.len()),
            Effect::CancelPush { .. } | Effect::Recall | Effect::Trace { .. } => return,
        };
        if times > 0 {
            self.alerts
                .get_or_create(&[("kind", kind)])
                .inc_by(times as u64);
        }
    }

    /// A share of the number of alerts that are owed.
    pub(crate) fn owed(&self) -> Owed {
        Owed {
            gauge: self.alerts_owed.clone(),
            share: 0,
        }
    }

    /// What waited for a stream, or for a subscriber in ntfy's form, was too much.
    pub(crate) fn lagged(&self) {
        self.lagged.inc();
    }

    /// A stream ended: by the server with a code, by its client, or lost.
    pub(crate) fn closed(&self, end: End) {
        count(&self.closes, "code", end.word());
    }

    /// A request was answered.
    pub(crate) fn answered(&self, status: u16, problem: Option<ErrorCode>) {
        self.requests.get_or_create(&[("status", status)]).inc();
        if let Some(code) = problem {
            count(&self.rejected, "code", code.as_str());
        }
    }

    /// A connection was refused.
    pub(crate) fn refused(&self, why: NoPlace) {
        count(
            &self.refused,
            "reason",
            match why {
                NoPlace::Full => "full",
                NoPlace::TooMany => "address",
            },
        );
    }

    /// A TLS handshake did not come to its end.
    pub(crate) fn handshake_failed(&self) {
        self.handshakes_failed.inc();
    }

    /// A password was checked.
    pub(crate) fn signed_in(&self, right: bool) {
        count(
            &self.sign_ins,
            "result",
            if right { "right" } else { "wrong" },
        );
    }

    /// So many events for webhooks were queued.
    pub(crate) fn events_queued(&self, events: u64) {
        self.events_queued.inc_by(events);
    }

    /// An event was posted.
    pub(crate) fn event_tried(&self, end: Try) {
        count(&self.events_tried, "result", end.word());
    }

    /// So many events will never arrive.
    pub(crate) fn events_dropped(&self, why: Dropped, events: u64) {
        let counter = self.events_dropped.get_or_create(&[("reason", why.word())]);
        counter.inc_by(events);
    }

    /// Everything, as Prometheus reads it.
    pub(crate) fn text(&self, form: Form, vitals: &Vitals) -> Result<String, fmt::Error> {
        self.found.set(vitals);
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(match form {
            Form::OpenMetrics => text,
            Form::Prometheus => prometheus::from_openmetrics(&text),
        })
    }
}

/// How it ended that an event was posted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Try {
    /// It arrived.
    Delivered,
    /// It is tried again.
    Failed,
    /// The receiver wants no more.
    Gone,
}

impl Try {
    const ALL: [Self; 3] = [Self::Delivered, Self::Failed, Self::Gone];

    const fn word(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Gone => "gone",
        }
    }
}

/// Why an event will never arrive.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Dropped {
    /// Too many wait for its webhook.
    Full,
    /// It did not arrive for too long.
    Old,
    /// The receiver wants no more.
    Gone,
}

impl Dropped {
    const ALL: [Self; 3] = [Self::Full, Self::Old, Self::Gone];

    const fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Old => "old",
            Self::Gone => "gone",
        }
    }
}

/// How a stream ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// By the server.
    Closed(CloseCode),
    /// By its client.
    Goodbye,
    /// Without a word.
    Lost,
}

impl End {
    const fn word(self) -> &'static str {
        match self {
            Self::Goodbye => "client",
            Self::Lost => "lost",
            Self::Closed(code) => code.digits(),
        }
    }
}

/// One account's share of a gauge; taken out again when dropped.
#[derive(Debug)]
pub(crate) struct Owed {
    gauge: Gauge,
    share: i64,
}

impl Owed {
    pub(crate) fn set(&mut self, owed: usize) {
        let share = i64::try_from(owed).unwrap_or(i64::MAX);
        self.gauge.inc_by(share - self.share);
        self.share = share;
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        self.gauge.dec_by(self.share);
    }
}

impl Found {
    fn set(&self, vitals: &Vitals) {
        self.oldest_unacked.set(vitals.oldest_unacked.as_secs_f64());
        for (gauge, number) in [
            (&self.streams, vitals.streams as u64),
            (&self.connections, vitals.places as u64),
            (&self.accounts, vitals.accounts as u64),
            (&self.commit_waiting, vitals.commit_waiting as u64),
            (&self.scheduled, vitals.scheduled),
            (&self.sign_ins_waiting, vitals.sign_ins_waiting as u64),
            (&self.store_bytes, vitals.store_bytes),
            (&self.free_bytes, vitals.free_bytes),
            (&self.certificate_expires, vitals.certificate_expires),
            (&self.events_waiting, vitals.webhooks.waiting),
            (&self.webhooks_failing, vitals.webhooks.failing),
            (&self.resident, resident_bytes()),
            (&self.open_files, open_files()),
        ] {
            gauge.set(i64::try_from(number).unwrap_or(i64::MAX));
        }
    }
}

/// Of the store's commits: from a fast disk to one that hangs.
pub(crate) fn commit_buckets() -> Histogram {
    Histogram::new([
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0,
    ])
}

fn count(counters: &By, label: &'static str, value: &'static str) {
    counters.get_or_create(&[(label, value)]).inc();
}

const fn alert_kind(why: AlertWhy) -> &'static str {
    match why {
        AlertWhy::Handover => "handover",
        AlertWhy::NotShown => "not_shown",
        AlertWhy::Waiting => "waiting",
        AlertWhy::PresenceKnown => "presence_known",
        AlertWhy::Restarted => "restarted",
        AlertWhy::QuietEnded => "quiet_ended",
        AlertWhy::Returned => "returned",
        AlertWhy::Other => "other",
    }
}

/// 0 where the system does not say.
fn resident_bytes() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| {
            let mut numbers = text.split_whitespace();
            numbers.nth(1)?.parse::<u64>().ok()
        });
    pages.unwrap_or_default() * rustix::param::page_size() as u64
}

fn open_files() -> u64 {
    fs::read_dir("/proc/self/fd").map_or(0, |files| files.count() as u64)
}
