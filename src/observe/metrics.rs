//! Counters, made once and shared by all workers; every request is counted once when it arrives and once when it ends.
//! No label a client could choose.

use std::sync::{
    LazyLock,
    atomic::{AtomicI64, AtomicU64},
};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, info::Info},
    registry::{Registry, Unit},
};

use crate::{
    cache::shared::UnusableEntries,
    error::Code,
    memory, replicas,
    route::{attempts::Fault, breaker::Transition},
};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[allow(non_camel_case_types, reason = "the names are the label's values")]
pub enum Outcome {
    /// The upstream's answer was relayed whole.
    relayed,
    /// The same, and a stream's last event was missing.
    unfinished,
    /// A WebSocket ran and ended.
    tunnelled,
    /// The gateway answered itself, a page of its own or a preflight.
    answered,
    /// The gateway answered with an error of its own.
    refused,
    /// The upstream's answer broke off; the client's transfer was aborted.
    truncated,
    /// The client left first.
    client_gone,
    /// The drain budget ran out.
    aborted,
}

impl Outcome {
    const ALL: [Outcome; 8] = [
        Outcome::relayed,
        Outcome::unfinished,
        Outcome::tunnelled,
        Outcome::answered,
        Outcome::refused,
        Outcome::truncated,
        Outcome::client_gone,
        Outcome::aborted,
    ];

    /// The name in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::relayed => "relayed",
            Outcome::unfinished => "unfinished",
            Outcome::tunnelled => "tunnelled",
            Outcome::answered => "answered",
            Outcome::refused => "refused",
            Outcome::truncated => "truncated",
            Outcome::client_gone => "client_gone",
            Outcome::aborted => "aborted",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabel {
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClassLabel {
    class: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WinnerLabel {
    winner: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    to: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FaultLabel {
    fault: &'static str,
}
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CacheLabel {
    status: &'static str,
}
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

pub type Count = Counter<u64, AtomicU64>;

/// The process has one standard error, and so one count of what it did not take.
static LOG_LINES_LOST: LazyLock<Count> = LazyLock::new(Count::default);

/// Log lines that were not written.
pub fn log_lines_lost() -> Count {
    LOG_LINES_LOST.clone()
}

const HEDGES: [&str; 2] = ["first", "second"];
const CACHE_STATUSES: [&str; 4] = ["HIT", "MISS", "REFRESH", "DISABLED"];
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The gateway's counters. Labelled ones are looked up once, so that counting is one atomic addition.
pub struct Metrics {
    registry: Registry,
    pub received: Count,
    pub in_flight: Gauge<i64, AtomicI64>,
    pub bodies: memory::Counts,
    pub bytes_in: Count,
    pub bytes_out: Count,
    pub stale_retries: Count,
    pub retries: Count,
    pub fallbacks: Count,
    pub redis: replicas::Counts,
    pub cache_redis: replicas::Counts,
    caches: [Count; CACHE_STATUSES.len()],
    pub cache_joined: Count,
    uncached: Family<ReasonLabel, Count>,
    pub unusable_entries: UnusableEntries,
    hedges: [Count; HEDGES.len()],
    breakers: [Count; Transition::ALL.len()],
    failed_attempts: [Count; Fault::ALL.len()],
    outcomes: [Count; Outcome::ALL.len()],
    errors: Vec<Count>,
    upstream_statuses: [Count; CLASSES.len()],
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("throughway");
        let version = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "Version of this gateway", version);
        let received = Count::default();
        registry.register(
            "requests_received",
            "Requests that arrived",
            received.clone(),
        );
        let in_flight = Gauge::default();
        registry.register(
            "requests_in_flight",
            "Requests being served now",
            in_flight.clone(),
        );
        let outcomes = Family::<OutcomeLabel, Count>::default();
        registry.register(
            "requests",
            "Requests that ended, by outcome",
            outcomes.clone(),
        );
        let errors = Family::<CodeLabel, Count>::default();
        registry.register(
            "errors",
            "Answers the gateway made, by x-gateway-error",
            errors.clone(),
        );
        let statuses = Family::<ClassLabel, Count>::default();
        registry.register(
            "upstream_responses",
            "Response heads from upstreams",
            statuses.clone(),
        );
        let (bytes_in, bytes_out) = (Count::default(), Count::default());
        registry.register_with_unit(
            "request_body",
            "Request body bytes read",
            Unit::Bytes,
            bytes_in.clone(),
        );
        registry.register_with_unit(
            "response_body",
            "Response body bytes relayed",
            Unit::Bytes,
            bytes_out.clone(),
        );
        let bodies = memory::Counts::default();
        registry.register_with_unit(
            "request_body_kept",
            "Memory that request bodies hold now",
            Unit::Bytes,
            bodies.kept.clone(),
        );
        registry.register(
            "request_body_not_kept",
            "Times that a part of a request body found no room in memory.bodies",
            bodies.refused.clone(),
        );
        let stale_retries = Count::default();
        registry.register(
            "upstream_stale_retries",
            "Second tries after a pooled connection proved dead",
            stale_retries.clone(),
        );
        let (retries, fallbacks) = (Count::default(), Count::default());
        registry.register(
            "upstream_retries",
            "Requests sent again to the same target, as configs asked",
            retries.clone(),
        );
        registry.register(
            "upstream_fallbacks",
            "Requests sent to another target after one failed",
            fallbacks.clone(),
        );
        registry.register(
            "log_lines_lost",
            "Log lines lost because standard error failed or did not keep up",
            log_lines_lost(),
        );
        let hedges = Family::<WinnerLabel, Count>::default();
        registry.register(
            "upstream_hedges",
            "Second requests sent beside slow ones, by which of the two answered",
            hedges.clone(),
        );
        let breakers = Family::<StateLabel, Count>::default();
        registry.register(
            "breaker_transitions",
            "Circuit breakers that changed, by their new state",
            breakers.clone(),
        );
        let failed_attempts = Family::<FaultLabel, Count>::default();
        registry.register(
            "upstream_failed_attempts",
            "Attempts that came to nothing, by reason",
            failed_attempts.clone(),
        );
        let cache = Family::<CacheLabel, Count>::default();
        registry.register(
            "cache_requests",
            "Requests that asked for the cache, by what it did",
            cache.clone(),
        );
        let cache_joined = Count::default();
        registry.register(
            "cache_joined",
            "Waits of a request for the same one under way, instead of being sent",
            cache_joined.clone(),
        );
        let uncached = Family::<ReasonLabel, Count>::default();
        registry.register(
            "cache_refusals",
            "Requests and answers that the cache took no part in or did not keep, by reason",
            uncached.clone(),
        );
        let unusable = Family::<ReasonLabel, Count>::default();
        registry.register(
            "cache_unusable_entries",
            "Entries of the cache's Redis that were removed unread, by reason",
            unusable.clone(),
        );
        let unusable = |reason| unusable.get_or_create(&ReasonLabel { reason }).clone();
        let cache_redis = replicas::Counts::default();
        registry.register(
            "cache_redis_failures",
            "Questions to the cache's Redis that were not answered",
            cache_redis.failures.clone(),
        );
        registry.register(
            "cache_redis_up",
            "Whether the cache's Redis answered last; 0 without one",
            cache_redis.up.clone(),
        );
        let redis = replicas::Counts::default();
        registry.register(
            "redis_failures",
            "Questions to the limits' Redis that were not answered",
            redis.failures.clone(),
        );
        registry.register(
            "redis_up",
            "Whether the limits' Redis answered last; 0 without one",
            redis.up.clone(),
        );
        Metrics {
            redis,
            cache_redis,
            caches: CACHE_STATUSES
                .map(|status| cache.get_or_create(&CacheLabel { status }).clone()),
            cache_joined,
            uncached,
            unusable_entries: UnusableEntries {
                damaged: unusable("damaged"),
                other_format: unusable("other_format"),
            },
            retries,
            fallbacks,
            hedges: HEDGES.map(|winner| hedges.get_or_create(&WinnerLabel { winner }).clone()),
            breakers: Transition::ALL.map(|to| {
                let to = to.as_str();
                breakers.get_or_create(&StateLabel { to }).clone()
            }),
            failed_attempts: Fault::ALL.map(|fault| {
                let fault = fault.as_str();
                failed_attempts.get_or_create(&FaultLabel { fault }).clone()
            }),
            received,
            in_flight,
            bodies,
            bytes_in,
            bytes_out,
            stale_retries,
            outcomes: Outcome::ALL
                .map(|outcome| outcomes.get_or_create(&OutcomeLabel { outcome }).clone()),
            errors: Code::ALL
                .iter()
                .map(|code| {
                    errors
                        .get_or_create(&CodeLabel { code: code.name() })
                        .clone()
                })
                .collect(),
            upstream_statuses: CLASSES
                .map(|class| statuses.get_or_create(&ClassLabel { class }).clone()),
            registry,
        }
    }

    /// The counter of requests that ended so.
    pub fn ended(&self, outcome: Outcome) -> &Count {
        &self.outcomes[outcome as usize]
    }

    /// Counts what the cache did, and why it was of no use.
    pub fn count_cache(&self, status: &'static str, reason: Option<&'static str>) {
        for (name, count) in CACHE_STATUSES.iter().zip(&self.caches) {
            if *name == status {
                count.inc();
            }
        }
        if let Some(reason) = reason {
            self.uncached.get_or_create(&ReasonLabel { reason }).inc();
        }
    }

    /// Counts an error answer.
    pub fn count_error(&self, code: Code) {
        self.errors[code as usize].inc();
    }

    /// Counts an attempt that came to nothing.
    pub fn count_failed_attempt(&self, fault: Fault) {
        self.failed_attempts[fault as usize].inc();
    }

    /// Counts a race of two requests.
    pub fn count_hedge(&self, second_won: bool) {
        self.hedges[usize::from(second_won)].inc();
    }

    /// Counts a breaker that changed.
    pub fn count_breaker(&self, to: Transition) {
        self.breakers[to as usize].inc();
    }

    /// Counts an upstream's response head.
    pub fn count_upstream_status(&self, status: u16) {
        let class = usize::from(status / 100).clamp(1, CLASSES.len());
        self.upstream_statuses[class - 1].inc();
    }

    /// The page Prometheus reads (OpenMetrics text format 1.0).
    pub fn page(&self) -> String {
        let mut page = String::new();
        // Writing to a string cannot fail.
        let _ = text::encode(&mut page, &self.registry);
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_its_own_counter() {
        let metrics = Metrics::new();
        for outcome in Outcome::ALL {
            metrics.ended(outcome).inc();
        }
        let page = metrics.page();
        for outcome in Outcome::ALL {
            let line = format!(
                "throughway_requests_total{{outcome=\"{}\"}} 1",
                outcome.as_str()
            );
            assert!(page.contains(&line), "{line}\n{page}");
        }
    }
}
