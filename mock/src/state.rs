//! What all workers of one mock share: its settings, its counts, and what it must remember between
//! requests (uploaded files, failures already played). Everything remembered is bounded.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::behaviour::Behaviour;
use crate::dice::Dice;
use crate::stats::Stats;
use crate::{MockOptions, instant};

/// Files and `fail-first` keys remembered; the oldest files go first.
const REMEMBERED: usize = 10_000;

/// The state of one mock.
#[derive(Debug)]
pub(crate) struct Mock {
    pub(crate) defaults: Behaviour,
    pub(crate) models: Vec<String>,
    /// The one answer to every POST, if there is only one.
    pub(crate) instant: Option<Bytes>,
    pub(crate) dice: Dice,
    pub(crate) stats: Stats,
    files: Mutex<VecDeque<StoredFile>>,
    requests_by_key: Mutex<HashMap<String, u64>>,
}

/// What is remembered of an upload; its bytes are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredFile {
    pub(crate) id: String,
    pub(crate) bytes: u64,
    /// Unix time in seconds.
    pub(crate) created: u64,
    pub(crate) filename: String,
    pub(crate) purpose: String,
}

impl Mock {
    /// A mock that has seen nothing yet.
    pub(crate) fn new(options: &MockOptions) -> Self {
        Self {
            defaults: options.defaults.clone(),
            models: options.models.clone(),
            instant: options.instant.then(instant::response),
            dice: Dice::new(options.seed),
            stats: Stats::default(),
            files: Mutex::default(),
            requests_by_key: Mutex::default(),
        }
    }

    /// The files uploaded so far.
    pub(crate) fn files(&self) -> MutexGuard<'_, VecDeque<StoredFile>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers an upload.
    pub(crate) fn store(&self, file: StoredFile) {
        let mut files = self.files();
        if files.len() == REMEMBERED {
            files.pop_front();
        }
        files.push_back(file);
    }

    /// Counts one request under `key`: how many there were before. When too many keys are known, a
    /// new one counts as seen often enough never to fail.
    pub(crate) fn requests_before(&self, key: &str) -> u64 {
        let by_key = self.requests_by_key.lock();
        let mut by_key = by_key.unwrap_or_else(PoisonError::into_inner);
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
        let by_key = self.requests_by_key.lock();
        by_key.unwrap_or_else(PoisonError::into_inner).clear();
    }
}
