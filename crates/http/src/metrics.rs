//! Figures for operators, in the text format of Prometheus, on a listener of their own.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::{HttpResponse, web};
use kehu_store::Gate;
use kehu_store::engine::EngineStats;
use kehu_store::journal::JournalLag;
use kehu_store::queue::{self, JobStats, Seen};
use prometheus::{Encoder, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder};
use tokio::time::timeout;

use crate::state::State;

/// Upper bounds of the duration histogram, in seconds.
const BUCKETS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// How long a scrape waits for a look at the journal, and for one at the queue.
const LOOK: Duration = Duration::from_millis(500);

/// What requests did to this server.
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
}

impl Metrics {
    /// Empty figures.
    ///
    /// # Errors
    /// Only for a name that Prometheus does not allow: never.
    pub(crate) fn new() -> Result<Self, prometheus::Error> {
        let requests = Opts::new("kehu_http_requests_total", "Requests answered, by route, method and status class.");
        let requests = IntCounterVec::new(requests, &["route", "method", "status"])?;
        let seconds =
            HistogramOpts::new("kehu_http_request_seconds", "Seconds from a request to the head of its answer.");
        let seconds = HistogramVec::new(seconds.buckets(BUCKETS.to_vec()), &["route", "method"])?;
        let registry = Registry::new();
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        Ok(Self { registry, requests, seconds })
    }

    /// Counts an answered request; `route` is a pattern, never a path.
    pub(crate) fn answered(&self, route: &str, method: &'static str, status: u16, took: Duration) {
        let class = match status {
            ..200 => "1xx",
            200..300 => "2xx",
            300..400 => "3xx",
            400..500 => "4xx",
            500.. => "5xx",
        };
        self.requests.with_label_values(&[route, method, class]).inc();
        self.seconds.with_label_values(&[route, method]).observe(took.as_secs_f64());
    }
}

/// The method as a label: anybody can invent one.
pub(crate) fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// `GET /metrics`
pub(crate) async fn show(state: web::Data<State>) -> HttpResponse {
    let mut text = Vec::new();
    if let Err(error) = TextEncoder::new().encode(&state.metrics.registry.gather(), &mut text) {
        tracing::error!(%error, "metrics cannot be written");
        return HttpResponse::InternalServerError().finish();
    }
    let mut text = String::from_utf8(text).unwrap_or_default();
    gauge(&mut text, "kehu_http_requests_in_flight", "Requests that are being answered.", state.in_flight.count());
    gauge(&mut text, "kehu_http_connections", "Connections of clients.", state.ending.connections());
    engine(&mut text, &state.gate.stats());
    journal(&mut text, &state.gate).await;
    jobs(&mut text, &state.gate).await;
    process(&mut text);
    let version = env!("CARGO_PKG_VERSION");
    figure(&mut text, "gauge", "kehu_build_info", "The program.", &format!("{{version=\"{version}\"}}"), 1);
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text)
}

fn engine(text: &mut String, stats: &EngineStats) {
    let EngineStats { queue_depth, batches, jobs, commits, wal_bytes, connections, connections_in_use } = *stats;
    gauge(text, "kehu_store_queue_depth", "Writes that wait for the writer.", queue_depth);
    counter(text, "kehu_store_batches_total", "Groups of writes begun.", batches);
    counter(text, "kehu_store_jobs_total", "Writes run.", jobs);
    counter(text, "kehu_store_commits_total", "Commits that succeeded.", commits);
    gauge(text, "kehu_store_wal_bytes", "Size of the write-ahead log.", wal_bytes);
    gauge(text, "kehu_store_connections", "Connections to the database.", connections);
    gauge(text, "kehu_store_connections_in_use", "Connections in use.", connections_in_use);
}

/// The mark is looked at with every scrape. Without a database the figures are those of the last one.
async fn journal(text: &mut String, gate: &Gate) {
    if let Ok(Err(failure)) = timeout(LOOK, gate.settled()).await {
        tracing::debug!(cause = %failure, "the settled mark cannot be looked at");
    }
    let JournalLag { places, waited } = gate.journal_lag();
    let seconds = waited.as_secs_f64();
    gauge(text, "kehu_journal_lag_seconds", "For how long readers of the journal are held back, at least.", seconds);
    gauge(text, "kehu_journal_unsettled", "Places of the journal that cannot be read yet.", places);
    if let Ok(Ok(waited)) = timeout(LOOK, gate.unclosed_for()).await {
        let seconds = waited.map_or(f64::INFINITY, |waited| waited.as_secs_f64());
        let help = "Age of the oldest entry that is not in the chain; infinite where nothing can be closed.";
        gauge(text, "kehu_journal_unclosed_seconds", help, Prometheus(seconds));
    }
}

/// The queue is looked at with every scrape, also where no jobs are run. Without a database there are no figures of it.
async fn jobs(text: &mut String, gate: &Gate) {
    let JobStats { ended, running } = gate.job_stats();
    let name = "kehu_jobs_total";
    let _ = writeln!(text, "# HELP {name} Runs of jobs that ended, by kind and by what became of the job.");
    let _ = writeln!(text, "# TYPE {name} counter");
    for ((kind, outcome), count) in ended {
        let _ = writeln!(text, "{name}{{kind=\"{kind}\",outcome=\"{outcome}\"}} {count}");
    }
    gauge(text, "kehu_jobs_running", "Jobs that this process runs.", running);
    match timeout(LOOK, queue::probe(gate)).await {
        Ok(Ok(seen)) => waiting(text, seen),
        Ok(Err(failure)) => tracing::debug!(cause = %failure, "the queue of jobs cannot be looked at"),
        Err(_) => tracing::debug!("the queue of jobs cannot be looked at in time"),
    }
}

fn waiting(text: &mut String, Seen { oldest_due, dead }: Seen) {
    let waited = "Seconds that the oldest job that is due has waited.";
    gauge(text, "kehu_jobs_oldest_due_seconds", waited, oldest_due);
    gauge(text, "kehu_jobs_dead", "Jobs that failed for good and are kept; 1000 is that many or more.", dead);
}

/// From /proc; where there is none these figures are left out.
fn process(text: &mut String) {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kibibytes =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
    if let Some(kibibytes) = kibibytes {
        let bytes: u64 = u64::saturating_mul(kibibytes, 1024);
        gauge(text, "process_resident_memory_bytes", "Resident memory.", bytes);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        gauge(text, "process_open_fds", "Open file descriptors.", open.count());
    }
}

/// A number as Prometheus reads it.
struct Prometheus(f64);

impl std::fmt::Display for Prometheus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_infinite() { f.write_str("+Inf") } else { self.0.fmt(f) }
    }
}

fn gauge(text: &mut String, name: &str, help: &str, value: impl std::fmt::Display) {
    figure(text, "gauge", name, help, "", value);
}

fn counter(text: &mut String, name: &str, help: &str, value: impl std::fmt::Display) {
    figure(text, "counter", name, help, "", value);
}

fn figure(text: &mut String, kind: &str, name: &str, help: &str, labels: &str, value: impl std::fmt::Display) {
    // Writing to a String does not fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name}{labels} {value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_route_method_and_class() {
        let metrics = Metrics::new().unwrap();
        metrics.answered("/v1/customers/{id}", "GET", 404, Duration::from_millis(3));
        metrics.answered("/v1/customers/{id}", "GET", 410, Duration::from_millis(3));
        let text = TextEncoder::new().encode_to_string(&metrics.registry.gather()).unwrap();
        let line = "kehu_http_requests_total{method=\"GET\",route=\"/v1/customers/{id}\",status=\"4xx\"} 2";
        assert!(text.contains(line), "{text}");
        assert!(text.contains("kehu_http_request_seconds_bucket"));
    }

    #[test]
    fn an_invented_method_is_other() {
        assert_eq!(method_label(&Method::from_bytes(b"BREW").unwrap()), "other");
        assert_eq!(method_label(&Method::PATCH), "PATCH");
    }
}
