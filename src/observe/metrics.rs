//! What is counted, and how is it counted? The table says which metrics there are; every request is
//! counted once when it arrives and once when it ends.

mod by_key;
mod cells;
mod end;
mod kinds;
mod labels;
mod providers;
mod reference;
mod series;
mod table;

use prometheus_client::encoding::text;

pub use self::{
    by_key::KeyLabels,
    end::EndFacts,
    kinds::{Count, Level},
    labels::{CacheResult, LabelValue, RouteLabel, TokenKind},
    providers::list as list_providers,
    reference::page,
    table::Metrics,
};
use self::{
    kinds::LogLinesLost,
    labels::{StatusClass, UnusableEntry, Winner},
};
pub use super::outcome::Outcome;
use crate::{
    cache::{NoCacheReason, redis::UnusableEntries},
    error::Code,
    memory, redis_client,
    route::{attempts::Fault, breaker::Transition},
};

/// The prefix of every name.
const PREFIX: &str = "throughway";

/// Log lines that were not written.
pub fn log_lines_lost() -> Count {
    LogLinesLost::default().0
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// The counter of requests with this outcome.
    pub fn ended(&self, outcome: Outcome) -> &Count {
        self.outcomes.of(outcome)
    }

    /// Begins to count by key and team.
    pub fn count_by_key(&self, labels: KeyLabels) {
        self.key_requests.enable(labels);
        self.key_input_tokens.enable(labels);
        self.key_output_tokens.enable(labels);
        self.key_cost.enable(labels);
    }

    /// Counts what the cache did, and why it could not be used.
    pub fn count_cache(&self, result: CacheResult, reason: Option<NoCacheReason>) {
        self.cache_results.of(result).inc();
        if let Some(reason) = reason {
            self.cache_refusals.of(reason).inc();
        }
    }

    /// Counts an error of the gateway's own.
    pub fn count_error(&self, code: Code) {
        self.errors.of(code).inc();
    }

    /// Counts an attempt that failed.
    pub fn count_failed_attempt(&self, fault: Fault) {
        self.failed_attempts.of(fault).inc();
    }

    /// Counts a hedge: two requests of which one won.
    pub fn count_hedge(&self, second_won: bool) {
        let winner = match second_won {
            true => Winner::Second,
            false => Winner::First,
        };
        self.hedges.of(winner).inc();
    }

    /// Counts a change of a breaker's state.
    pub fn count_breaker(&self, to: Transition) {
        self.breakers.of(to).inc();
    }

    /// Counts an upstream's response head.
    pub fn count_upstream_status(&self, status: u16) {
        self.upstream_responses.of(StatusClass::of(status)).inc();
    }

    /// The metrics of the memory for request bodies.
    pub fn bodies(&self) -> memory::Counts {
        memory::Counts {
            kept: self.bodies_kept.clone(),
            refused: self.bodies_not_kept.clone(),
        }
    }

    /// The metrics of the limits' Redis.
    pub fn redis(&self) -> redis_client::Counts {
        redis_client::Counts {
            failures: self.redis_failures.clone(),
            up: self.redis_up.clone(),
        }
    }

    /// The metrics of the cache's Redis.
    pub fn cache_redis(&self) -> redis_client::Counts {
        redis_client::Counts {
            failures: self.cache_redis_failures.clone(),
            up: self.cache_redis_up.clone(),
        }
    }

    /// The metrics of unusable entries in the cache's Redis.
    pub fn unusable_entries(&self) -> UnusableEntries {
        let count = |reason| self.unusable_entries.of(reason).clone();
        UnusableEntries {
            damaged: count(UnusableEntry::Damaged),
            other_format: count(UnusableEntry::OtherFormat),
        }
    }

    /// The page that Prometheus reads (OpenMetrics text format 1.0).
    pub fn page(&self) -> String {
        let mut page = String::new();
        // Writing to a string cannot fail.
        let _ = text::encode(&mut page, &self.registry);
        page
    }
}

#[cfg(test)]
mod tests;
