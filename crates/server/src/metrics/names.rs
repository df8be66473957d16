//! What the numbers are called, in Prometheus' words; docs/operating.md explains them.

use hither_protocol::{CloseCode, ErrorCode};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};

use super::{Dropped, End, Metrics, Try};
use crate::log;
use crate::store::Measures;

impl Metrics {
    pub(super) fn register(&mut self, store: &Measures) {
        self.register_messages();
        self.register_streams();
        self.register_webhooks();
        self.register_server(store);
    }

    fn register_messages(&mut self) {
        let mut add = Names(&mut self.registry);
        add.one(
            "log_entries",
            "Entries committed to the log, by kind; each once, however many it is for",
            &self.entries,
        );
        add.one(
            "messages_delivered",
            "Message frames sent on streams, by first alert; backlogs included",
            &self.delivered,
        );
        add.one(
            "acks",
            "Acks of clients: what came before them is on their disks",
            &self.acks,
        );
        add.one(
            "messages_shown",
            "Messages whose pop-up a device reported, once for each device",
            &self.shown,
        );
        add.one(
            "messages_read",
            "Messages that a client reported as read, once for each reader",
            &self.read,
        );
        add.one(
            "alerts",
            "Alerts decided, by kind: at once, or the rule that made them later",
            &self.alerts,
        );
        add.one(
            "alerts_owed",
            "Messages that should alert somebody as soon as a device of theirs can be reached; \
             of accounts in use since the start",
            &self.alerts_owed,
        );
        add.one(
            "messages_scheduled",
            "Messages that wait for their time",
            &self.found.scheduled,
        );
        add.one(
            "oldest_unacked_seconds",
            "Longest time for which a connected device has owed an ack",
            &self.found.oldest_unacked,
        );
    }

    fn register_streams(&mut self) {
        let mut add = Names(&mut self.registry);
        add.one(
            "streams",
            "Open streams of clients that said hello",
            &self.found.streams,
        );
        add.one(
            "streams_lagged",
            "Times a stream's waiting entries were dropped, to be read from the store",
            &self.lagged,
        );
        add.one(
            "streams_closed",
            "Ended streams, by close code; by their client; or lost",
            &self.closes,
        );
        add.one(
            "connections",
            "Open connections and streams",
            &self.found.connections,
        );
        add.one(
            "connections_refused",
            "Connections closed at once, by reason",
            &self.refused,
        );
        add.one(
            "tls_handshakes_failed",
            "TLS handshakes that failed or took too long",
            &self.handshakes_failed,
        );
        add.one("requests", "Answered requests, by status", &self.requests);
        add.one(
            "requests_rejected",
            "Requests that were refused, in whatever form, by code",
            &self.rejected,
        );
        add.one("sign_ins", "Passwords checked, by result", &self.sign_ins);
        add.one(
            "sign_ins_waiting",
            "Passwords being checked or waiting for it",
            &self.found.sign_ins_waiting,
        );
        add.one(
            "accounts_loaded",
            "Accounts with an open stream or an alert that is owed",
            &self.found.accounts,
        );
    }

    fn register_webhooks(&mut self) {
        let mut add = Names(&mut self.registry);
        add.one(
            "webhook_events_queued",
            "Events queued for publishers' webhooks",
            &self.events_queued,
        );
        add.one(
            "webhook_posts",
            "Events posted to webhooks, by result; those that failed are tried again",
            &self.events_tried,
        );
        add.one(
            "webhook_events_dropped",
            "Events that will never arrive, by reason",
            &self.events_dropped,
        );
        add.one(
            "webhook_events_waiting",
            "Events that wait for their webhooks",
            &self.found.events_waiting,
        );
        add.one(
            "webhooks_failing",
            "Webhooks at which nothing arrives",
            &self.found.webhooks_failing,
        );
    }

    fn register_server(&mut self, store: &Measures) {
        let mut add = Names(&mut self.registry);
        add.one(
            "commit_seconds",
            "Duration of the store's commits",
            &store.commit_seconds,
        );
        add.one(
            "commits_failed",
            "Commits that failed; nothing of them was stored",
            &store.commits_failed,
        );
        add.one(
            "commit_waiting",
            "Writes waiting for their commit",
            &self.found.commit_waiting,
        );
        add.one(
            "store_bytes",
            "Size of the store on its disk",
            &self.found.store_bytes,
        );
        add.one(
            "free_bytes",
            "Free space on the store's disk",
            &self.found.free_bytes,
        );
        add.one(
            "certificate_expires_timestamp_seconds",
            "When the TLS certificate ends, in seconds since 1970; 0 without TLS",
            &self.found.certificate_expires,
        );
        add.one(
            "resident_memory_bytes",
            "Memory of this process",
            &self.found.resident,
        );
        add.one(
            "open_files",
            "Open files and sockets of this process",
            &self.found.open_files,
        );
        add.one(
            "log_lines_lost",
            "Log lines that could not be written",
            &log::lost(),
        );
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        self.registry
            .register("build", "Version of this server", build);
    }

    /// A rate can be made of what begins at zero, not of what begins with its first event.
    pub(super) fn begin_at_zero(&self) {
        let codes: Vec<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        let ends = CloseCode::ALL.map(End::Closed);
        let ends = ends.into_iter().chain([End::Goodbye, End::Lost]);
        let ends: Vec<_> = ends.map(End::word).collect();
        let kinds = [
            "now",
            "handover",
            "not_shown",
            "waiting",
            "presence_known",
            "restarted",
            "quiet_ended",
            "returned",
            "push",
        ];
        let tries = Try::ALL.map(Try::word);
        let reasons = Dropped::ALL.map(Dropped::word);
        for (counters, label, values) in [
            (&self.entries, "kind", &["message", "read", "withdraw"][..]),
            (&self.delivered, "alert", &["now", "silent", "never"]),
            (&self.alerts, "kind", &kinds),
            (&self.closes, "code", &ends),
            (&self.sign_ins, "result", &["right", "wrong"]),
            (&self.refused, "reason", &["full", "address"]),
            (&self.rejected, "code", &codes),
            (&self.events_tried, "result", &tries),
            (&self.events_dropped, "reason", &reasons),
        ] {
            for value in values {
                counters.get_or_create(&[(label, *value)]).inc_by(0);
            }
        }
        self.requests.get_or_create(&[("status", 200)]).inc_by(0);
    }
}

struct Names<'a>(&'a mut Registry);

impl Names<'_> {
    fn one(&mut self, name: &str, help: &str, metric: &(impl Metric + Clone)) {
        self.0.register(name, help, metric.clone());
    }
}
