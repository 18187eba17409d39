//! The account of one request, from its arrival to the last byte of its answer: counted, and written to the log.

mod cache_status;

use std::{
    borrow::Cow,
    fmt,
    rc::Rc,
    sync::{
        Arc,
        atomic::{Ordering, fence},
    },
    time::{Duration, Instant},
};

use actix_http::{Method, header::HeaderValue};

pub use self::cache_status::CacheStatus;
use crate::{
    cache::NoCacheReason,
    downstream::Link,
    error::Code,
    observe::metrics::{Metrics, Outcome},
    rate_limit::Room,
    route::attempts::{Failed, Send, Step, StopReason},
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

/// Bytes of what a caller chose that a line of the log repeats: path, method, what is wrong with a
/// config.
const LONGEST_LOGGED: usize = 1024;
/// The same of all attempts that came to nothing.
const LONGEST_ATTEMPTS: usize = 4096;

/// Why a request is aborted when the gateway comes down.
pub const OUT_OF_BUDGET: &str = "the drain budget ran out";

/// An open account. Closing it says how the request ended; dropped open, its client has left, or
/// the gateway came down.
pub struct Recorder {
    metrics: Arc<Metrics>,
    access: AccessLog,
    received: Instant,
    trace_id: HeaderValue,
    route: Option<Route>,
    room: Option<Room>,
    /// Of the limits of the attempt made last.
    attempts_room: Option<Room>,
    cache: CacheStatus,
    /// Why the answer was not kept, where the cache had a part.
    not_kept: Option<NoCacheReason>,
    /// What was tried in vain, one after the other.
    failed_attempts: Vec<FailedAttempt>,
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
    /// Why nothing more was tried, where a policy would have had more.
    stopped: Option<StopReason>,
    link: Rc<Link>,
    open: bool,
}

/// The target that a reply tells of.
#[derive(Clone, Debug)]
pub struct Route {
    pub provider: HeaderValue,
    /// Its place in the config.
    pub index: HeaderValue,
    /// Retries it took; -1 if all were in vain.
    pub retries: i32,
    /// The caller's credentials that it did not get, by name.
    pub withheld: Option<HeaderValue>,
    /// The request's body could not have been sent again.
    pub replay_lost: bool,
}

/// One attempt that came to nothing.
struct FailedAttempt {
    index: HeaderValue,
    origin: Box<str>,
    failed: Failed,
    /// Since the request arrived.
    after: Duration,
}

impl fmt::Display for FailedAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let index = self.index.to_str().unwrap_or_default();
        let Failed { fault, status, .. } = self.failed;
        let after = milliseconds(self.after);
        write!(f, "{index} {} {fault} {status} at {after} ms", self.origin)
    }
}

impl Recorder {
    /// Opens the account of a request that has just arrived.
    pub fn open(
        metrics: Arc<Metrics>,
        access: AccessLog,
        trace_id: HeaderValue,
        method: Method,
        path: &str,
        link: Rc<Link>,
    ) -> Self {
        metrics.received.inc();
        metrics.in_flight.inc();
        Recorder {
            metrics,
            access,
            received: Instant::now(),
            trace_id,
            route: None,
            room: None,
            attempts_room: None,
            cache: CacheStatus::Disabled(NoCacheReason::NotAsked),
            not_kept: None,
            failed_attempts: Vec::new(),
            method,
            path: match access {
                AccessLog::Off => "".into(),
                AccessLog::All | AccessLog::Errors => clipped(path, LONGEST_LOGGED).into(),
            },
            origin: None,
            status: 0,
            code: None,
            head_after: None,
            bytes_in: 0,
            bytes_out: 0,
            detail: None,
            stopped: None,
            link,
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

    /// When the request arrived.
    pub fn received(&self) -> Instant {
        self.received
    }

    /// The target that answered or was tried last, once there is one.
    pub fn route(&self) -> Option<&Route> {
        self.route.as_ref()
    }

    /// A target is being tried.
    pub fn note_route(&mut self, route: Route) {
        self.route = Some(route);
    }

    /// What is left of a limit that applied; replies tell of the one nearest its end.
    pub fn note_room(&mut self, room: Option<Room>) {
        self.room = Room::tighter(self.room, room);
    }

    /// The same of an attempt, in the place of what was told of the one before: only the last one counts for the client.
    pub fn note_attempts_room(&mut self, room: Option<Room>) {
        self.attempts_room = room;
    }

    pub fn note_cache(&mut self, status: CacheStatus) {
        self.cache = status;
    }

    pub fn cache(&self) -> CacheStatus {
        self.cache
    }

    pub fn note_not_kept(&mut self, reason: NoCacheReason) {
        self.not_kept = Some(reason);
    }

    pub fn room(&self) -> Option<Room> {
        Room::tighter(self.room, self.attempts_room)
    }

    /// How many retries the target took; -1 if all were in vain.
    pub fn note_retries(&mut self, retries: i32) {
        if let Some(route) = &mut self.route {
            route.retries = retries;
        }
    }

    /// The body outgrew what is kept, or there was no memory for it: it could not have been sent
    /// again.
    pub fn note_replay_lost(&mut self) {
        if let Some(route) = &mut self.route {
            route.replay_lost = true;
        }
    }

    /// A target was tried in vain.
    pub fn note_failed_attempt(&mut self, index: &HeaderValue, origin: &str, failed: Failed) {
        self.metrics.count_failed_attempt(failed.fault);
        if self.access != AccessLog::Off {
            self.failed_attempts.push(FailedAttempt {
                index: index.clone(),
                origin: origin.into(),
                failed,
                after: self.received.elapsed(),
            });
        }
    }

    /// Something is sent after a failure, or nothing is.
    pub fn note_step(&mut self, step: &Step, after: Send) {
        match step {
            Step::Send(next) | Step::Wait(_, next) if next.target == after.target => {
                self.metrics.retries.inc();
            }
            Step::Send(_) | Step::Wait(..) => {
                self.metrics.fallbacks.inc();
            }
            Step::Join | Step::Stop(StopReason::NoneLeft) => {}
            Step::Stop(reason) => self.stopped = Some(*reason),
        }
    }

    /// Two requests raced.
    pub fn count_hedge(&self, second_won: bool) {
        self.metrics.count_hedge(second_won);
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

    /// How what is served for this client ends when it is dropped in its midst.
    pub fn dropped(link: &Link) -> Outcome {
        match link.is_cut_short() {
            true => Outcome::aborted,
            false => Outcome::client_gone,
        }
    }

    /// Closes the account.
    pub fn close(mut self, outcome: Outcome) {
        self.settle(outcome);
    }

    fn settle(&mut self, outcome: Outcome) {
        self.open = false;
        self.metrics.ended(outcome).inc();
        self.count_cache();
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
        // Whoever finds none in flight finds all of them counted and logged.
        fence(Ordering::Release);
        self.metrics.in_flight.dec();
    }

    fn count_cache(&self) {
        if self.cache.was_asked_for() {
            let reason = self.cache.reason(self.not_kept);
            self.metrics.count_cache(self.cache.name(), reason);
        }
    }

    fn log(&self, outcome: Outcome) {
        let status = match outcome {
            Outcome::client_gone => Code::ClientClosed.status(),
            _ => self.status,
        };
        tracing::info!(
            trace_id = self.trace_id.to_str().unwrap_or_default(),
            method = &*clipped(self.method.as_str(), LONGEST_LOGGED),
            path = &*self.path,
            origin = self.origin.as_deref(),
            status,
            outcome = outcome.as_str(),
            error = self.code.map(Code::name),
            detail = self
                .detail
                .as_deref()
                .map(|it| clipped(it, LONGEST_LOGGED))
                .as_deref(),
            target = self.target(),
            cache = self.cache.name_in_log(),
            uncached = self.cache.reason(self.not_kept),
            retries = self.route.as_ref().map(|route| route.retries),
            failed_attempts = self.attempts().as_deref(),
            stopped = self.stopped.map(StopReason::name),
            replay_lost = self
                .route
                .as_ref()
                .is_some_and(|route| route.replay_lost)
                .then_some(true),
            head_ms = self.head_after.map(milliseconds),
            total_ms = milliseconds(self.received.elapsed()),
            bytes_in = self.bytes_in,
            bytes_out = self.bytes_out,
            "request"
        );
    }
}

impl Recorder {
    /// The target's place in the config, if there was one.
    fn target(&self) -> Option<&str> {
        let index = self.route.as_ref()?.index.to_str().ok()?;
        (index != "config").then_some(index)
    }

    fn attempts(&self) -> Option<String> {
        let attempts: Vec<String> = self
            .failed_attempts
            .iter()
            .map(ToString::to_string)
            .collect();
        let attempts = attempts.join("; ");
        (!attempts.is_empty()).then(|| clipped(&attempts, LONGEST_ATTEMPTS).into_owned())
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if self.open {
            let outcome = Recorder::dropped(&self.link);
            if outcome == Outcome::aborted {
                self.note_detail(OUT_OF_BUDGET.to_owned());
            }
            self.settle(outcome);
        }
    }
}

/// As much of a text as a line of the log has room for, and how much is left out: no caller's lines
/// may crowd out those of the others.
fn clipped(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return text.into();
    }
    let is_boundary = |at: &usize| text.is_char_boundary(*at);
    let end = (0..=most).rev().find(is_boundary).unwrap_or_default();
    format!("{}[{} bytes more]", &text[..end], text.len() - end).into()
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
