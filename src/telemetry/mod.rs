//! What is sent to an OTLP receiver: spans of closed records, and the metrics of OpenTelemetry's
//! GenAI conventions. All of it is made off the requests' path. Content of messages is never sent.

mod attributes;
mod exporter;
mod http;
mod names;
mod parent;
mod sampling;
mod series;
mod spans;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::mpsc;

pub use self::exporter::{CannotStart, Exporter};
use self::{parent::Parent, sampling::Sampling, series::Series};
use crate::{
    config::Otlp,
    observe::metrics::Metrics,
    record::{Consumer, Record},
    upstream::tls::TlsClients,
};

/// Most requests that wait to be sent as spans.
const LONGEST_QUEUE: usize = 8_192;

/// Takes closed records: counts them, and chooses those that become spans. Dropped, it ends the
/// [`Exporter`] once all that waits is sent.
pub struct Telemetry {
    sampling: Option<Sampling>,
    series: Option<Arc<Mutex<Series>>>,
    queue: mpsc::Sender<Arc<Record>>,
    metrics: Arc<Metrics>,
}

/// Begins to send, on a thread of its own; `None`: the settings name no receiver. `own`: where this
/// gateway listens, where it sends nothing.
///
/// # Errors
/// The thread cannot be started.
pub fn start(
    settings: &Otlp,
    tls: &TlsClients,
    metrics: Arc<Metrics>,
    own: SocketAddr,
) -> Result<Option<(Telemetry, Exporter)>, CannotStart> {
    let Some(endpoint) = &settings.endpoint else {
        return Ok(None);
    };
    let client = http::Client::new(endpoint, &settings.headers, tls, own);
    let (queue, records) = mpsc::channel(LONGEST_QUEUE);
    let start = exporter::now();
    let series = settings
        .metrics
        .then(|| Arc::new(Mutex::new(Series::new(start))));
    let sampling = Sampling {
        share: settings.sample.ratio,
        slow: settings.sample.slow,
        dear: settings.sample.dear,
    };
    let telemetry = Telemetry {
        sampling: settings.traces.then_some(sampling),
        series: series.clone(),
        queue,
        metrics: metrics.clone(),
    };
    let work = exporter::Work {
        client,
        records,
        series,
        interval: settings.interval,
        metrics,
    };
    Ok(Some((telemetry, Exporter::start(work)?)))
}

impl Consumer for Telemetry {
    fn take(&mut self, records: &[Arc<Record>]) {
        if let Some(series) = &self.series {
            let mut series = series.lock().unwrap_or_else(PoisonError::into_inner);
            records.iter().for_each(|record| series.count(record));
        }
        let Some(sampling) = self.sampling else {
            return;
        };
        for record in records {
            let is_taken = sampling.takes(record, &Parent::of(record));
            if is_taken && self.queue.try_send(record.clone()).is_err() {
                self.metrics.telemetry_dropped.inc();
            }
        }
    }
}

#[cfg(test)]
mod tests;
