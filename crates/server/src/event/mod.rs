//! One typed event per thing that happens: it emits its log line and its metric together. And the registry that `/metrics`
//! shows.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
};

use offhook_core::{request::Transport, trace::Decision};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::{pipeline::RequestEntry, tftp::Dropped};

/// What distinguishes the counts of requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    transport: &'static str,
    decision: &'static str,
    status: u16,
}

/// Every metric.
pub struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<RequestLabels, Counter>,
    request_bytes: Counter,
    request_seconds: Histogram,
    /// Requests that the log lost because more came than could be written.
    pub request_log_dropped: Counter,
    /// Batches that the store did not take.
    pub record_failures: Counter,
    /// Files taken from memory.
    pub rendered_hits: Counter,
    /// Files that were rendered.
    pub rendered_misses: Counter,
    /// Templates that failed.
    pub template_failures: Counter,
    /// Requests refused because of too much work.
    pub busy: Counter,
    tftp_dropped: Family<DroppedLabels, Counter>,
    devices: Family<StateLabels, Gauge>,
}

/// Why a TFTP datagram got no look-up.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DroppedLabels {
    why: &'static str,
}

/// A device's state.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let seconds = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0];
        let metrics = Self {
            registry: Mutex::new(Registry::with_prefix("offhook")),
            requests: Family::default(),
            request_bytes: Counter::default(),
            request_seconds: Histogram::new(seconds),
            request_log_dropped: Counter::default(),
            record_failures: Counter::default(),
            rendered_hits: Counter::default(),
            rendered_misses: Counter::default(),
            template_failures: Counter::default(),
            busy: Counter::default(),
            tftp_dropped: Family::default(),
            devices: Family::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&self) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        registry.register("requests", "Requests of phones, by transport, decision and status", self.requests.clone());
        registry.register("request_bytes", "Bytes sent to phones", self.request_bytes.clone());
        registry.register("request_duration_seconds", "Time from request to answer", self.request_seconds.clone());
        registry.register(
            "request_log_dropped",
            "Requests that the log lost: more came than could be written",
            self.request_log_dropped.clone(),
        );
        registry.register(
            "record_failures",
            "Batches of last-seen and log entries that the store did not take",
            self.record_failures.clone(),
        );
        registry.register("rendered_cache_hits", "Files taken from memory", self.rendered_hits.clone());
        registry.register("rendered_cache_misses", "Files that were rendered", self.rendered_misses.clone());
        registry.register("template_failures", "Files whose template failed", self.template_failures.clone());
        registry.register("busy", "Requests refused because of too much work", self.busy.clone());
        registry.register("tftp_dropped", "TFTP datagrams that were no read request or came over a cap", self.tftp_dropped.clone());
        registry.register("devices", "Devices by state", self.devices.clone());
    }

    /// How many devices are in each state now.
    pub fn set_devices(&self, counts: &BTreeMap<&'static str, u64>) {
        for (&state, &count) in counts {
            self.devices.get_or_create(&StateLabels { state }).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Prometheus text (exposition format of OpenMetrics).
    pub fn text(&self) -> String {
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        if encode(&mut text, &registry).is_err() {
            text.clear();
        }
        text
    }

    /// A TFTP datagram that was no read request, or came over a cap.
    pub fn tftp_dropped(&self, peer: SocketAddr, why: Dropped) {
        let word = match why {
            Dropped::Malformed => "malformed",
            Dropped::Write => "write",
            Dropped::Mode => "mode",
            Dropped::Name => "name",
            Dropped::Broadcast => "broadcast",
            Dropped::OverSource => "over_source",
            Dropped::OverTotal => "over_total",
        };
        self.tftp_dropped.get_or_create(&DroppedLabels { why: word }).inc();
        tracing::debug!(target: "offhook::tftp", %peer, why = word, "no look-up");
    }

    /// A phone asked and was answered.
    pub fn request(&self, entry: &RequestEntry) {
        let labels = RequestLabels { transport: transport(entry.transport), decision: decision(entry.decision), status: entry.status };
        self.requests.get_or_create(&labels).inc();
        if !matches!(entry.method.as_str(), "PUT" | "POST" | "WRQ") {
            self.request_bytes.inc_by(entry.bytes);
        }
        self.request_seconds.observe(entry.took_us as f64 / 1e6);
        tracing::debug!(
            target: "offhook::request",
            ip = %entry.ip, transport = %entry.transport, path = entry.path.escape_default().to_string(), status = entry.status,
            decision = decision(entry.decision), reason = %entry.reason, "phone"
        );
    }
}

fn transport(transport: Transport) -> &'static str {
    transport.as_str()
}

fn decision(decision: Decision) -> &'static str {
    decision.as_str()
}
