//! What the mock has seen so far: the answer of `GET /mock/stats`. Counting only; a request is
//! counted before its answer leaves, so a test that has the answer also finds the count.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::json::{Json, ToJson, object};

/// Paths counted apart; any further ones are counted together as `(other)`.
const PATHS_COUNTED: usize = 512;

/// Counts since the start or the last `POST /mock/reset`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests whose head was read, those to `/mock/...` excepted.
    pub requests: u64,
    /// Connections accepted.
    pub accepted: u64,
    /// Connections open now; a reset leaves this one alone.
    pub open: u64,
    /// Clients that left while an answer was being waited for (delay, silence, slow tokens).
    pub client_gone: u64,
    /// Answers whose bytes could not be written to the end because the client had gone.
    pub aborted_writes: u64,
    /// Request bodies that ended before their announced end.
    pub aborted_uploads: u64,
    /// Requests refused because their head or framing was wrong.
    pub bad_requests: u64,
    /// Requests by path, without the query.
    pub paths: BTreeMap<String, u64>,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Faults asked for or drawn by lot, by name.
    pub faults: BTreeMap<&'static str, u64>,
}

impl Counts {
    /// The counts as the JSON of `GET /mock/stats`.
    pub(crate) fn to_json(&self) -> Json {
        object! {
            "requests": self.requests,
            "connections": object! { "accepted": self.accepted, "open": self.open },
            "client_gone": self.client_gone,
            "aborted_writes": self.aborted_writes,
            "aborted_uploads": self.aborted_uploads,
            "bad_requests": self.bad_requests,
            "paths": named(&self.paths),
            "statuses": named(&self.statuses),
            "faults": named(&self.faults),
        }
    }

    /// Counts one request to `path`.
    pub(crate) fn saw_request(&mut self, path: &str) {
        self.requests += 1;
        if let Some(count) = self.paths.get_mut(path) {
            *count += 1;
            return;
        }
        let known = self.paths.len() < PATHS_COUNTED;
        let key = if known { path } else { "(other)" };
        *self.paths.entry(key.to_owned()).or_default() += 1;
    }

    /// Counts one answer with `status`.
    pub(crate) fn saw_answer(&mut self, status: u16) {
        *self.statuses.entry(status).or_default() += 1;
    }
}

fn named<K: ToString>(counts: &BTreeMap<K, u64>) -> Json {
    let mut out = String::from("{");
    for (key, count) in counts {
        crate::json::field(&mut out, &key.to_string(), count);
    }
    out.push('}');
    Json(out)
}

/// The counts all workers share.
#[derive(Debug, Default)]
pub(crate) struct Stats(Mutex<Counts>);

impl Stats {
    /// Access to the counts; held for a few instructions, never across an await.
    pub(crate) fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets every count but the open connections to nought.
    pub(crate) fn reset(&self) {
        let mut counts = self.counts();
        *counts = Counts {
            open: counts.open,
            ..Counts::default()
        };
    }
}

impl ToJson for Counts {
    fn write(&self, out: &mut String) {
        self.to_json().write(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_forgets_all_but_the_open_connections() {
        let stats = Stats::default();
        stats.counts().open = 3;
        stats.counts().saw_request("/v1/models");
        stats.counts().saw_answer(200);
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
    fn endless_paths_do_not_grow_the_table() {
        let mut counts = Counts::default();
        for number in 0..2000 {
            counts.saw_request(&format!("/v1/{number}"));
        }
        assert_eq!(counts.paths.len(), PATHS_COUNTED + 1);
        assert_eq!(counts.paths["(other)"], 2000 - PATHS_COUNTED as u64);
    }
}
