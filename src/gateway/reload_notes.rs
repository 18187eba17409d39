//! What became of the last reload of the settings? For the admin API.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::Serialize;

/// The last reload, if there was one.
#[derive(Default)]
pub struct ReloadNotes(Mutex<Option<Reload>>);

/// One reload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reload {
    pub at: Timestamp,
    /// Why the settings from before stay in force.
    pub error: Option<Box<str>>,
    /// Changed settings that are read at the start only.
    pub needs_restart: Vec<String>,
}

impl ReloadNotes {
    pub fn note(&self, error: Option<String>, needs_restart: Vec<String>) {
        let reload = Reload {
            at: Timestamp::now(),
            error: error.map(Into::into),
            needs_restart,
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(reload);
    }

    pub fn last(&self) -> Option<Reload> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }
}
