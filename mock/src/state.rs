//! What all workers of one mock share: its settings, its counts, and what it remembers between
//! requests (uploaded files, requests already failed). Everything it remembers is bounded.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::behaviour::Behaviour;
use crate::instant;
use crate::options::MockOptions;
use crate::random::Random;
use crate::stats::Stats;

/// Most files, and most `fail-first` keys, that are remembered. The oldest files are dropped.
const REMEMBERED: usize = 10_000;

/// The state of one mock.
#[derive(Debug)]
pub(crate) struct Mock {
    pub(crate) defaults: Behaviour,
    pub(crate) models: Vec<String>,
    /// With `--instant`: the response to every POST.
    pub(crate) instant: Option<Bytes>,
    pub(crate) random: Random,
    pub(crate) stats: Stats,
    files: Mutex<VecDeque<StoredFile>>,
    requests_by_key: Mutex<HashMap<String, u64>>,
}

/// An uploaded file without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredFile {
    pub(crate) id: String,
    /// Length in bytes.
    pub(crate) bytes: u64,
    /// Unix time in seconds.
    pub(crate) created: u64,
    pub(crate) filename: String,
    pub(crate) purpose: String,
}

impl Mock {
    /// A mock that has served no request yet.
    pub(crate) fn new(options: &MockOptions) -> Self {
        Self {
            defaults: options.defaults.clone(),
            models: options.models.clone(),
            instant: options.instant.then(instant::response),
            random: Random::new(options.seed),
            stats: Stats::default(),
            files: Mutex::default(),
            requests_by_key: Mutex::default(),
        }
    }

    /// The uploaded files, oldest first.
    pub(crate) fn files(&self) -> MutexGuard<'_, VecDeque<StoredFile>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers an uploaded file.
    pub(crate) fn store(&self, file: StoredFile) {
        let mut files = self.files();
        if files.len() == REMEMBERED {
            files.pop_front();
        }
        files.push_back(file);
    }

    /// Counts a request with `key` and returns how many came before it. When too many keys are
    /// remembered already, a new key gets `u64::MAX`, so that its requests do not fail.
    pub(crate) fn requests_before(&self, key: &str) -> u64 {
        let mut by_key = self.requests_by_key();
        if by_key.len() >= REMEMBERED && !by_key.contains_key(key) {
            return u64::MAX;
        }
        let count = by_key.entry(key.to_owned()).or_default();
        *count += 1;
        *count - 1
    }

    /// Forgets counts, files and keys.
    pub(crate) fn reset(&self) {
        self.stats.reset();
        self.files().clear();
        self.requests_by_key().clear();
    }

    fn requests_by_key(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        let by_key = self.requests_by_key.lock();
        by_key.unwrap_or_else(PoisonError::into_inner)
    }
}
