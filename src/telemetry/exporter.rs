//! The thread that sends: spans soon after their requests, metrics at an interval. A receiver that is
//! away costs a bounded queue, a count and one line in the log.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError, mpsc as threads},
    thread,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use opentelemetry_proto::tonic::{
    collector::{
        metrics::v1::ExportMetricsServiceRequest,
        trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse},
    },
    common::v1::InstrumentationScope,
    metrics::v1::{ResourceMetrics, ScopeMetrics},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans},
};
use prost::Message as _;
use tokio::{
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval, sleep},
};

use super::{
    attributes::Attributes,
    http::{Client, NotSent},
    names,
    parent::Parent,
    series::Series,
    spans,
};
use crate::{observe::metrics::Metrics, record::Record};

const TRACES: &str = "/v1/traces";
const METRICS: &str = "/v1/metrics";
/// Most requests in one message.
const LARGEST_BATCH: usize = 512;
/// How long requests are gathered for one message.
const GATHER: Duration = Duration::from_millis(500);
/// The pauses between two tries: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The thread cannot be started.
#[derive(Debug, thiserror::Error)]
#[error("telemetry cannot be sent: {0}")]
pub struct CannotStart(#[from] io::Error);

/// The thread that sends.
pub struct Exporter {
    stop: watch::Sender<bool>,
    ended: threads::Receiver<()>,
}

/// What the thread works with.
pub struct Work {
    pub client: Client,
    pub records: mpsc::Receiver<Arc<Record>>,
    pub series: Option<Arc<Mutex<Series>>>,
    pub interval: Duration,
    pub metrics: Arc<Metrics>,
}

/// Nanoseconds since 1970.
pub fn now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(now.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX)
}

impl Exporter {
    pub(super) fn start(work: Work) -> Result<Self, CannotStart> {
        let (stop, stopping) = watch::channel(false);
        let (end, ended) = threads::sync_channel(1);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = thread::Builder::new().name("telemetry".to_owned());
        thread.spawn(move || {
            runtime.block_on(Sending::of(work, stopping).run());
            // Nobody may wait any longer.
            let _ = end.try_send(());
        })?;
        Ok(Exporter { stop, ended })
    }

    /// Sends what waits, once, and ends; waits for that no longer than `patience`. The
    /// [`Telemetry`](super::Telemetry) must have been dropped. Blocks the thread.
    pub fn stop(self, patience: Duration) {
        // The thread may have ended.
        let _ = self.stop.send(true);
        if self.ended.recv_timeout(patience).is_err() {
            tracing::warn!("telemetry was not sent to its end");
        }
    }
}

struct Sending {
    work: Work,
    stopping: watch::Receiver<bool>,
    is_failing: bool,
}

impl Sending {
    fn of(work: Work, stopping: watch::Receiver<bool>) -> Self {
        Sending {
            work,
            stopping,
            is_failing: false,
        }
    }

    async fn run(mut self) {
        let mut ticks = interval(self.work.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick comes at once.
        ticks.tick().await;
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                count = self.work.records.recv_many(&mut batch, LARGEST_BATCH) => {
                    if count == 0 {
                        break;
                    }
                    self.gather(&mut batch).await;
                    self.send_spans(&batch).await;
                    batch.clear();
                }
                _ = ticks.tick() => self.send_metrics().await,
            }
        }
        self.send_metrics().await;
    }

    /// Waits a little for more, so that few messages are sent.
    async fn gather(&mut self, batch: &mut Vec<Arc<Record>>) {
        if !*self.stopping.borrow() {
            tokio::select! {
                () = sleep(GATHER) => {}
                _ = self.stopping.changed() => {}
            }
        }
        while batch.len() < LARGEST_BATCH {
            let Ok(record) = self.work.records.try_recv() else {
                return;
            };
            batch.push(record);
        }
    }

    /// Sends until the receiver takes the spans, says that it never will, or the process stops.
    async fn send_spans(&mut self, batch: &[Arc<Record>]) {
        let body = Bytes::from(traces(batch).encode_to_vec());
        let mut pause = FIRST_PAUSE;
        let count = batch.len() as u64;
        loop {
            let sent = self.work.client.post(TRACES, body.clone()).await;
            self.tell(sent.as_ref().err());
            let metrics = &self.work.metrics;
            match sent {
                Ok(response) if is_refused(&response) => {
                    metrics.telemetry_dropped.inc_by(count);
                    return;
                }
                Ok(_) => {
                    metrics.telemetry_sent.inc_by(count);
                    return;
                }
                Err(error) if !error.may_pass() || *self.stopping.borrow() => {
                    metrics.telemetry_dropped.inc_by(count);
                    return;
                }
                Err(_) => {}
            }
            tokio::select! {
                () = sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                _ = self.stopping.changed() => {}
            }
        }
    }

    /// Metrics are sums since the start: what one message misses, the next one has.
    async fn send_metrics(&mut self) {
        let Some(series) = &self.work.series else {
            return;
        };
        let metrics = {
            let series = series.lock().unwrap_or_else(PoisonError::into_inner);
            series.metrics(now())
        };
        if metrics.is_empty() {
            return;
        }
        let message = ExportMetricsServiceRequest {
            resource_metrics: vec![ResourceMetrics {
                resource: Some(resource()),
                scope_metrics: vec![ScopeMetrics {
                    scope: Some(scope()),
                    metrics,
                    schema_url: names::SCHEMA_URL.to_owned(),
                }],
                schema_url: names::SCHEMA_URL.to_owned(),
            }],
        };
        let body = Bytes::from(message.encode_to_vec());
        let sent = self.work.client.post(METRICS, body).await;
        self.tell(sent.as_ref().err());
    }

    /// Counts failures, and tells the log when they begin and end.
    fn tell(&mut self, failure: Option<&NotSent>) {
        match failure {
            Some(error) => {
                self.work.metrics.telemetry_failures.inc();
                if !self.is_failing {
                    tracing::warn!(%error, "telemetry cannot be sent");
                }
            }
            None if self.is_failing => tracing::info!("telemetry is sent again"),
            None => {}
        }
        self.is_failing = failure.is_some();
    }
}

/// The spans of requests, as one message.
pub fn traces(records: &[Arc<Record>]) -> ExportTraceServiceRequest {
    let spans = records.iter();
    let spans = spans.flat_map(|record| spans::of(record, &Parent::of(record)));
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource()),
            scope_spans: vec![ScopeSpans {
                scope: Some(scope()),
                spans: spans.collect(),
                schema_url: names::SCHEMA_URL.to_owned(),
            }],
            schema_url: names::SCHEMA_URL.to_owned(),
        }],
    }
}

/// Whether the receiver took the message, but none of it.
fn is_refused(response: &Bytes) -> bool {
    let response = ExportTraceServiceResponse::decode(response.clone());
    let partial = response.ok().and_then(|it| it.partial_success);
    partial.is_some_and(|it| it.rejected_spans > 0)
}

fn resource() -> Resource {
    let attributes = Attributes::default()
        .text("service.name", names::SCOPE)
        .text("service.version", env!("CARGO_PKG_VERSION"));
    Resource {
        attributes: attributes.into_vec(),
        ..Resource::default()
    }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: names::SCOPE.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    }
}
