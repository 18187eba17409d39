//! What the mock has served so far, as `GET /mock/stats` shows it. A request is counted before its
//! response is sent, so that a test that has the response also finds the count.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

/// Most paths that are counted separately; all others are counted together as `(other)`.
const PATHS_COUNTED: usize = 512;

/// Counts since the start or the last `POST /mock/reset`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests whose head was read, except those to `/mock/...`.
    pub requests: u64,
    /// Connections accepted.
    pub accepted: u64,
    /// Connections open now; a reset does not change this count.
    pub open: u64,
    /// Clients that left while the mock was waiting (delay, silence, slow tokens).
    pub client_gone: u64,
    /// Responses that could not be written to their end because the client had left.
    pub aborted_writes: u64,
    /// Request bodies that ended before their announced end.
    pub aborted_uploads: u64,
    /// Requests refused because their head or framing was wrong.
    pub bad_requests: u64,
    /// Requests by path, without the query.
    pub paths: BTreeMap<String, u64>,
    /// Responses by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Tokens of prompts and of generated texts, as the usage of a response with one choice
    /// states them.
    pub input_tokens: u64,
    pub output_tokens: u64,
    /// Faults that were requested or came from `chaos`, by name.
    pub faults: BTreeMap<&'static str, u64>,
}

impl Counts {
    /// The counts as the JSON of `GET /mock/stats`.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "requests": self.requests,
            "connections": { "accepted": self.accepted, "open": self.open },
            "client_gone": self.client_gone,
            "aborted_writes": self.aborted_writes,
            "aborted_uploads": self.aborted_uploads,
            "bad_requests": self.bad_requests,
            "paths": self.paths,
            "statuses": self.statuses,
            "tokens": { "input": self.input_tokens, "output": self.output_tokens },
            "faults": self.faults,
        })
    }

    /// Counts one request to `path`.
    pub(crate) fn count_request(&mut self, path: &str) {
        self.requests += 1;
        if let Some(count) = self.paths.get_mut(path) {
            *count += 1;
            return;
        }
        let known = self.paths.len() < PATHS_COUNTED;
        let key = if known { path } else { "(other)" };
        *self.paths.entry(key.to_owned()).or_default() += 1;
    }

    /// Counts one response with `status`.
    pub(crate) fn count_response(&mut self, status: u16) {
        *self.statuses.entry(status).or_default() += 1;
    }

    /// Counts the tokens of one generation.
    pub(crate) fn count_tokens(&mut self, input: usize, output: usize) {
        self.input_tokens += input as u64;
        self.output_tokens += output as u64;
    }

    /// Counts the faults of one request.
    pub(crate) fn count_faults(&mut self, names: &[&'static str]) {
        for name in names {
            *self.faults.entry(name).or_default() += 1;
        }
    }
}

/// The counts all workers share.
#[derive(Debug, Default)]
pub(crate) struct Stats(Mutex<Counts>);

impl Stats {
    /// The counts, locked. Hold them for a few instructions only, never across an await.
    pub(crate) fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets every count except that of open connections to zero.
    pub(crate) fn reset(&self) {
        let mut counts = self.counts();
        *counts = Counts {
            open: counts.open,
            ..Counts::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_keeps_only_the_count_of_open_connections() {
        let stats = Stats::default();
        stats.counts().open = 3;
        stats.counts().count_request("/v1/models");
        stats.counts().count_response(200);
        stats.reset();
        let left = stats.counts().clone();
        assert_eq!(
            left,
            Counts {
                open: 3,
                ..Counts::default()
            }
        );
    }

    #[test]
    fn many_paths_do_not_grow_the_table_without_end() {
        let mut counts = Counts::default();
        for number in 0..2000 {
            counts.count_request(&format!("/v1/{number}"));
        }
        assert_eq!(counts.paths.len(), PATHS_COUNTED + 1);
        assert_eq!(counts.paths["(other)"], 2000 - PATHS_COUNTED as u64);
    }
}
