//! The account of one request, from its arrival to the last byte of its answer: counted, and written to the log.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix_http::{Method, header::HeaderValue};

use crate::{
    error::Code,
    observe::metrics::{Metrics, Outcome},
};

/// Which requests are written to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AccessLog {
    #[default]
    All,
    /// Only those that did not end well.
    Errors,
    Off,
}

/// An open account. Closing it says how the request ended; dropping it open means that the client left.
pub struct Recorder {
    metrics: Arc<Metrics>,
    access: AccessLog,
    received: Instant,
    trace_id: HeaderValue,
    provider: Option<HeaderValue>,
    method: Method,
    /// Without the query: keys travel there.
    path: Box<str>,
    origin: Option<Box<str>>,
    status: u16,
    code: Option<Code>,
    head_after: Option<Duration>,
    bytes_in: u64,
    bytes_out: u64,
    detail: Option<String>,
    open: bool,
}

impl Recorder {
    /// Opens the account of a request that has just arrived.
    pub fn open(
        metrics: Arc<Metrics>,
        access: AccessLog,
        trace_id: HeaderValue,
        method: Method,
        path: &str,
    ) -> Self {
        metrics.received.inc();
        metrics.in_flight.inc();
        Recorder {
            metrics,
            access,
            received: Instant::now(),
            trace_id,
            provider: None,
            method,
            path: if access == AccessLog::Off {
                "".into()
            } else {
                path.into()
            },
            origin: None,
            status: 0,
            code: None,
            head_after: None,
            bytes_in: 0,
            bytes_out: 0,
            detail: None,
            open: true,
        }
    }

    pub fn trace_id(&self) -> &HeaderValue {
        &self.trace_id
    }

    /// The caller's own trace id, once it is known to be fit.
    pub fn set_trace_id(&mut self, trace_id: HeaderValue) {
        self.trace_id = trace_id;
    }

    /// When the request's time is up, if the settings give it a total.
    pub fn ends_at(&self, total: Option<Duration>) -> Option<Instant> {
        total.and_then(|total| self.received.checked_add(total))
    }

    /// The provider of the chosen target, once there is one.
    pub fn provider(&self) -> Option<&HeaderValue> {
        self.provider.as_ref()
    }

    /// A target was chosen.
    pub fn note_provider(&mut self, provider: &HeaderValue) {
        self.provider = Some(provider.clone());
    }

    /// Time since the request arrived.
    pub fn elapsed(&self) -> Duration {
        self.received.elapsed()
    }

    pub fn note_origin(&mut self, origin: &str) {
        if self.access != AccessLog::Off {
            self.origin = Some(origin.into());
        }
    }

    /// The upstream's response head has come.
    pub fn note_head(&mut self, status: u16) {
        self.status = status;
        self.head_after = Some(self.received.elapsed());
        self.metrics.count_upstream_status(status);
    }

    /// The gateway answers itself, with no error.
    pub fn note_status(&mut self, status: u16) {
        self.status = status;
    }

    /// The gateway answers with an error of its own.
    pub fn note_error(&mut self, code: Code, detail: &str) {
        self.status = code.status();
        self.code = Some(code);
        self.detail = Some(detail.to_owned());
        self.metrics.count_error(code);
    }

    /// Why the answer was not relayed whole.
    pub fn note_detail(&mut self, detail: String) {
        self.detail = Some(detail);
    }

    pub fn note_bytes_out(&mut self, count: usize) {
        self.bytes_out += count as u64;
    }

    pub fn note_bytes_in(&mut self, count: u64) {
        self.bytes_in = count;
    }

    /// Closes the account.
    pub fn close(mut self, outcome: Outcome) {
        self.settle(outcome);
    }

    fn settle(&mut self, outcome: Outcome) {
        self.open = false;
        self.metrics.in_flight.dec();
        self.metrics.ended(outcome).inc();
        self.metrics.bytes_in.inc_by(self.bytes_in);
        self.metrics.bytes_out.inc_by(self.bytes_out);
        let fine = matches!(
            outcome,
            Outcome::relayed | Outcome::tunnelled | Outcome::answered
        );
        match self.access {
            AccessLog::All => self.log(outcome),
            AccessLog::Errors if !fine => self.log(outcome),
            AccessLog::Errors | AccessLog::Off => {}
        }
    }

    fn log(&self, outcome: Outcome) {
        let status = match outcome {
            Outcome::client_gone => Code::ClientClosed.status(),
            _ => self.status,
        };
        tracing::info!(
            trace_id = self.trace_id.to_str().unwrap_or_default(),
            method = self.method.as_str(),
            path = &*self.path,
            origin = self.origin.as_deref(),
            status,
            outcome = outcome.as_str(),
            error = self.code.map(Code::name),
            detail = self.detail.as_deref(),
            head_ms = self.head_after.map(milliseconds),
            total_ms = milliseconds(self.received.elapsed()),
            bytes_in = self.bytes_in,
            bytes_out = self.bytes_out,
            "request"
        );
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if self.open {
            self.settle(Outcome::client_gone);
        }
    }
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
